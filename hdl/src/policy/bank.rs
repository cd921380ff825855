//! One bank of policies, and its comparison with the packet.

use rust_hdl::prelude::*;

use super::candidate::Candidate;
use crate::constant::Const;
use crate::records::{Policy, Selector};

/// 2^R policies of which one is compared each clock: `row` is read, a clock later compared with the `selector` of then, and
/// another two clocks later it is a `candidate`. `number` is the bank's, a strap.
///
/// A row that is read in the clock in which it is written gives anything: the reader must throw the result away.
#[derive(LogicBlock, Default)]
pub struct PolicyBank<const R: usize> {
    pub clock: Signal<In, Clock>,
    pub number: Signal<In, Bits<3>>,
    pub row: Signal<In, Bits<R>>,
    pub selector: Signal<In, Selector>,
    pub write_enable: Signal<In, bool>,
    pub write_row: Signal<In, Bits<R>>,
    pub write_data: Signal<In, Policy>,
    pub candidate: Signal<Out, Candidate>,
    ram: RAM<Policy, R>,
    /// Which pieces of 16 bits of the addresses differ.
    src_differs: [DFF<bool>; 8],
    dst_differs: [DFF<bool>; 8],
    protocol_differs: DFF<bool>,
    sport_differs: DFF<bool>,
    dport_differs: DFF<bool>,
    /// In use, of the packet's family and direction.
    is_usable: DFF<bool>,
    compared: DFF<Candidate>,
    matched: DFF<Candidate>,
    value: Signal<Local, Selector>,
    mask: Signal<Local, Selector>,
    src: Signal<Local, Bits<128>>,
    dst: Signal<Local, Bits<128>>,
    differs: Signal<Local, bool>,
    no_match: Const<49, { 1 << 48 }>,
}

impl<const R: usize> Logic for PolicyBank<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, compared, matched, protocol_differs, sport_differs, dport_differs, is_usable);
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.ram.read_address.next = self.row.val();
        self.ram.write_address.next = self.write_row.val();
        self.ram.write_data.next = self.write_data.val();
        self.ram.write_enable.next = self.write_enable.val();

        self.value.next = self.ram.read_data.val().value;
        self.mask.next = self.ram.read_data.val().mask;
        self.src.next = (self.value.val().src ^ self.selector.val().src) & self.mask.val().src;
        self.dst.next = (self.value.val().dst ^ self.selector.val().dst) & self.mask.val().dst;
        for i in 0..8 {
            self.src_differs[i].clock.next = self.clock.val();
            self.src_differs[i].d.next = self.src.val().get_bits::<16>(i * 16).any();
            self.dst_differs[i].clock.next = self.clock.val();
            self.dst_differs[i].d.next = self.dst.val().get_bits::<16>(i * 16).any();
        }
        self.protocol_differs.d.next = ((self.value.val().protocol ^ self.selector.val().protocol) & self.mask.val().protocol) != 0;
        self.sport_differs.d.next = ((self.value.val().sport ^ self.selector.val().sport) & self.mask.val().sport) != 0;
        self.dport_differs.d.next = ((self.value.val().dport ^ self.selector.val().dport) & self.mask.val().dport) != 0;
        self.is_usable.d.next = self.ram.read_data.val().valid
            & ((self.value.val().v6 == self.selector.val().v6) & (self.value.val().forward == self.selector.val().forward));
        self.compared.d.next.rank = bit_cast::<49, 48>(self.ram.read_data.val().order);
        self.compared.d.next.action = self.ram.read_data.val().action;
        self.compared.d.next.sa_valid = self.ram.read_data.val().sa_valid;
        self.compared.d.next.optional = self.ram.read_data.val().optional;
        self.compared.d.next.sa = self.ram.read_data.val().sa;
        self.compared.d.next.bank = self.number.val();

        self.differs.next = (self.protocol_differs.q.val() | self.sport_differs.q.val()) | self.dport_differs.q.val();
        for i in 0..8 {
            self.differs.next = self.differs.val() | (self.src_differs[i].q.val() | self.dst_differs[i].q.val());
        }
        self.matched.d.next = self.compared.q.val();
        if self.differs.val() | !self.is_usable.q.val() {
            self.matched.d.next.rank = self.no_match.val();
        }
        self.candidate.next = self.matched.q.val();
    }
}
