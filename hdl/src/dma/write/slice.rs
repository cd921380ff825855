//! A register between two streams, in both directions.

use rust_hdl::prelude::*;

/// Two entries, so that neither `valid` nor `ready` goes through.
///
/// - Latency: 1 clock. Throughput: one a clock. Back-pressure: `s_ready` is a register.
#[derive(LogicBlock, Default)]
pub struct Slice<T: Synth> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, T>,
    pub s_valid: Signal<In, bool>,
    pub m_ready: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_data: Signal<Out, T>,
    pub m_valid: Signal<Out, bool>,
    out: DFF<T>,
    out_valid: DFF<bool>,
    /// What came while `out` was not taken.
    spare: DFF<T>,
    spare_valid: DFF<bool>,
}

impl<T: Synth> Logic for Slice<T> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, out, out_valid, spare, spare_valid);
        self.s_ready.next = !self.spare_valid.q.val();
        if !self.spare_valid.q.val() {
            self.spare.d.next = self.s_data.val();
        }
        if self.m_ready.val() | !self.out_valid.q.val() {
            self.out_valid.d.next = self.s_valid.val() | self.spare_valid.q.val();
            self.spare_valid.d.next = false;
            self.out.d.next = self.s_data.val();
            if self.spare_valid.q.val() {
                self.out.d.next = self.spare.q.val();
            }
        } else {
            self.spare_valid.d.next = self.s_valid.val() | self.spare_valid.q.val();
        }
        self.m_data.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();

        if self.reset.val() {
            self.out_valid.d.next = false;
            self.spare_valid.d.next = false;
        }
    }
}
