//! The front of each frame, for the header builder.

use rust_hdl::prelude::*;

use crate::records::Lead;
use crate::stream::Beat;

/// Gives the first 6 beats of each frame of a stream that goes by, or all if it has fewer.
///
/// - Ports: `beat` with `take` (it moves in this clock); `lead` with `lead_valid`, which must be taken at once.
/// - Latency: none. Throughput: a beat a clock. No back-pressure.
#[derive(LogicBlock, Default)]
pub struct LeadTap {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub beat: Signal<In, Beat>,
    pub take: Signal<In, bool>,
    pub lead: Signal<Out, Lead>,
    pub lead_valid: Signal<Out, bool>,
    /// Number of the beat, 6 for all further ones.
    index: DFF<Bits<3>>,
}

impl Logic for LeadTap {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, index);
        if self.take.val() {
            if self.index.q.val() != 6 {
                self.index.d.next = self.index.q.val() + 1;
            }
            if self.beat.val().last {
                self.index.d.next = 0.into();
            }
        }
        self.lead.next.data = self.beat.val().data;
        self.lead.next.last = self.beat.val().last | (self.index.q.val() == 5);
        self.lead_valid.next = self.take.val() & (self.index.q.val() != 6);
        if self.reset.val() {
            self.index.d.next = 0.into();
        }
    }
}
