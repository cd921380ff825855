//! A policy that may win a look-up, and the choice between two.

use rust_hdl::prelude::*;

use crate::records::SaIndex;

/// What of a policy counts once it is known whether it matches.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Candidate {
    /// Its order, and above it a bit that says it does not match: the lowest rank wins.
    pub rank: Bits<49>,
    /// As in [`Policy`](crate::records::Policy).
    pub action: Bits<2>,
    pub sa_valid: bool,
    pub optional: bool,
    pub sa: SaIndex,
    /// Number of its bank.
    pub bank: Bits<3>,
}

/// The candidate of lower rank, one clock later (`a` if they are equal).
#[derive(LogicBlock, Default)]
pub struct Lower {
    pub clock: Signal<In, Clock>,
    pub a: Signal<In, Candidate>,
    pub b: Signal<In, Candidate>,
    pub lower: Signal<Out, Candidate>,
    record: DFF<Candidate>,
}

impl Logic for Lower {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, record);
        self.lower.next = self.record.q.val();
        self.record.d.next = self.a.val();
        if self.b.val().rank < self.a.val().rank {
            self.record.d.next = self.b.val();
        }
    }
}
