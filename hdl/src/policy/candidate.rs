//! A policy that may win a look-up, and the choice between two.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::lut_ram::LutRam;
use crate::records::SaIndex;

/// What of a policy counts besides its selector.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Rule {
    /// Its order, and above it a bit that says that there is none: the lowest rank wins.
    pub rank: Bits<49>,
    /// As in [`Policy`](crate::records::Policy).
    pub action: Bits<2>,
    pub sa_valid: bool,
    pub optional: bool,
    pub sa: SaIndex,
}

/// The rule of a policy that matches; rank as if there were none, if it does not.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Candidate {
    pub rule: Rule,
    /// Its place in the row.
    pub place: Bits<2>,
}

/// The rules of 2^R policies, one of each row. The one of `row`, if the policy `is_hit`, is the `candidate` one clock later.
///
/// A rule that is written is seen from the next clock on. No reset: rules are undefined until they are written.
#[derive(LogicBlock, Default)]
pub struct Rules<const R: usize> {
    pub clock: Signal<In, Clock>,
    /// A strap.
    pub place: Signal<In, Bits<2>>,
    pub row: Signal<In, Bits<R>>,
    pub is_hit: Signal<In, bool>,
    pub write_enable: Signal<In, bool>,
    pub write_row: Signal<In, Bits<R>>,
    pub write_data: Signal<In, Rule>,
    pub candidate: Signal<Out, Candidate>,
    ram: LutRam<Rule, R>,
    rule: DFF<Rule>,
    none: Const<49, { 1 << 48 }>,
}

impl<const R: usize> Logic for Rules<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, rule);
        clock!(self, clock, ram);
        self.ram.read_address.next = self.row.val();
        self.ram.write_enable.next = self.write_enable.val();
        self.ram.write_address.next = self.write_row.val();
        self.ram.write_data.next = self.write_data.val();
        self.rule.d.next = self.ram.read_data.val();
        if !self.is_hit.val() {
            self.rule.d.next.rank = self.none.val();
        }
        self.candidate.next.rule = self.rule.q.val();
        self.candidate.next.place = self.place.val();
    }
}

/// The candidate of lower rank, one clock later (`a` if they are equal).
#[derive(LogicBlock, Default)]
pub struct Lower {
    pub clock: Signal<In, Clock>,
    pub a: Signal<In, Candidate>,
    pub b: Signal<In, Candidate>,
    pub lower: Signal<Out, Candidate>,
    record: DFF<Candidate>,
    rule_a: Signal<Local, Rule>,
    rule_b: Signal<Local, Rule>,
}

impl Logic for Lower {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, record);
        self.lower.next = self.record.q.val();
        self.rule_a.next = self.a.val().rule;
        self.rule_b.next = self.b.val().rule;
        self.record.d.next = self.a.val();
        if self.rule_b.val().rank < self.rule_a.val().rank {
            self.record.d.next = self.b.val();
        }
    }
}
