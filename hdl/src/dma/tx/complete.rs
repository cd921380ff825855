//! What became of a frame, for the host.

use espalier_regs::dma::tx_completion;
use rust_hdl::prelude::*;

use super::records::Ended;
use crate::constant::Const;
use crate::dma::records::Completion;

/// Puts the engine's status to each frame that it was given.
///
/// - Ports: `ended`; `s_txstatus_*`, taken with the frame that it belongs to; `completion`.
/// - Latency 1 clock from the later of both. Throughput: one a clock. Back-pressure: `completion` is a register; the others follow it.
#[derive(LogicBlock, Default)]
pub struct Complete {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub ended: Signal<In, Ended>,
    pub ended_valid: Signal<In, bool>,
    pub s_txstatus_tdata: Signal<In, Bits<32>>,
    pub s_txstatus_tvalid: Signal<In, bool>,
    pub completion_ready: Signal<In, bool>,
    pub ended_ready: Signal<Out, bool>,
    pub s_txstatus_tready: Signal<Out, bool>,
    pub completion: Signal<Out, Completion>,
    pub completion_valid: Signal<Out, bool>,
    out: DFF<Completion>,
    out_valid: DFF<bool>,
    free: Signal<Local, bool>,
    take: Signal<Local, bool>,
    status: Const<32, { tx_completion::STATUS.mask() as u64 }>,
}

impl Logic for Complete {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, out, out_valid);
        self.free.next = !self.out_valid.q.val() | self.completion_ready.val();
        self.take.next = (self.ended_valid.val() & self.free.val()) & (!self.ended.val().given | self.s_txstatus_tvalid.val());
        self.ended_ready.next = self.take.val();
        self.s_txstatus_tready.next = self.take.val() & self.ended.val().given;
        if self.completion_ready.val() {
            self.out_valid.d.next = false;
        }
        if self.take.val() {
            self.out_valid.d.next = true;
            self.out.d.next.word = 0.into();
            self.out.d.next.control = 0.into();
            if self.ended.val().given {
                self.out.d.next.word = self.s_txstatus_tdata.val();
                self.out.d.next.control = self.status.val();
            }
            self.out.d.next.index = self.ended.val().index;
            self.out.d.next.cause = self.ended.val().cause;
        }
        self.completion.next = self.out.q.val();
        self.completion_valid.next = self.out_valid.q.val();
        if self.reset.val() {
            self.out_valid.d.next = false;
        }
    }
}
