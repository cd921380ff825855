//! A policy, as it is written into the tables.

use rust_hdl::prelude::*;

use super::line::{Line, LINE_BITS};
use super::rule::Rule;
use crate::records::Policy;

/// A policy on its way into a table.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct PolicyWrite {
    /// Its place: (group * 2^R + row) * 4 + place in the row.
    pub index: Bits<10>,
    /// There is one; else the place is cleared.
    pub valid: bool,
    /// What counts besides its selector.
    pub rule: Rule,
    /// What it likes of the word of the selector that the table asked for two clocks ago.
    pub likes: Bits<16>,
}

/// Gives the tables of both directions a policy: as they want its selector, a word at a time.
///
/// - Ports: `policy` and `index` stand while a table writes them; `at`, which a table asks for: a word of the selector's line, and above lowest bit 0, which
///   bit of the packet: what the policy likes of it is in `write` two clocks later. Only one table asks at a time; the other's `at` is 0.
/// - Latency: 2 clocks from `at`, else none. Throughput: a word a clock.
#[derive(LogicBlock, Default)]
pub struct PolicySource {
    pub clock: Signal<In, Clock>,
    pub policy: Signal<In, Policy>,
    pub index: Signal<In, Bits<10>>,
    pub at: Signal<In, Bits<6>>,
    pub write: Signal<Out, PolicyWrite>,
    value: Line,
    mask: Line,
    asked: DFF<Bits<6>>,
    likes: DFF<Bits<16>>,
    values: Signal<Local, Bits<304>>,
    masks: Signal<Local, Bits<304>>,
    lowest: Signal<Local, Bits<9>>,
    wanted: Signal<Local, Bits<16>>,
    compared: Signal<Local, Bits<16>>,
    rule: Signal<Local, Rule>,
    bits: Signal<Local, Bits<16>>,
}

impl Logic for PolicySource {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, asked, likes);
        self.value.selector.next = self.policy.val().value;
        self.mask.selector.next = self.policy.val().mask;
        self.mask.selector.next.v6 = true;
        self.mask.selector.next.forward = true;
        self.values.next = bit_cast::<304, LINE_BITS>(self.value.line.val());
        self.masks.next = bit_cast::<304, LINE_BITS>(self.mask.line.val());

        self.asked.d.next = self.at.val();
        self.lowest.next = bit_cast::<9, 6>(self.asked.q.val() >> 1) << 4;
        self.wanted.next = self.values.val().get_bits::<16>(self.lowest.val().index());
        self.compared.next = self.masks.val().get_bits::<16>(self.lowest.val().index());
        self.bits.next = 0.into();
        if self.asked.q.val().get_bit(0) {
            self.bits.next = 0xFFFF.into();
        }
        self.likes.d.next = !(self.compared.val() & (self.wanted.val() ^ self.bits.val()));

        self.write.next.index = self.index.val();
        self.write.next.valid = self.policy.val().valid;
        self.rule.next.order = self.policy.val().order;
        self.rule.next.action = self.policy.val().action;
        self.rule.next.sa_valid = self.policy.val().sa_valid;
        self.rule.next.optional = self.policy.val().optional;
        self.rule.next.sa = self.policy.val().sa;
        self.write.next.rule = self.rule.val();
        self.write.next.likes = self.likes.q.val();
    }
}
