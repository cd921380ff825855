//! A register slice: neither `valid` nor `ready` goes through it in the same clock.

use rust_hdl::prelude::*;

/// What is offered at the end of one block's logic, in a register; and a second register, so that the word to take another comes out of one as well.
///
/// - Ports: `s` in, `m` out.
/// - Latency: 1 clock. Throughput: one a clock.
/// - Back-pressure: `s_ready` falls the clock after `m_ready` has, with one in each register. It comes straight from a register.
#[derive(LogicBlock, Default)]
pub struct Slice<T: Synth> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, T>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_data: Signal<Out, T>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    out: DFF<T>,
    out_valid: DFF<bool>,
    /// Came while `out` could not move on.
    spare: DFF<T>,
    /// `spare` is empty.
    space: DFF<bool>,
}

impl<T: Synth> Logic for Slice<T> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, out, out_valid, spare, space);
        self.s_ready.next = self.space.q.val();
        if self.space.q.val() {
            self.spare.d.next = self.s_data.val();
            self.space.d.next = (!self.s_valid.val() | !self.out_valid.q.val()) | self.m_ready.val();
        }
        if self.m_ready.val() {
            self.space.d.next = true;
        }
        if self.m_ready.val() | !self.out_valid.q.val() {
            self.out.d.next = self.spare.q.val();
            if self.space.q.val() {
                self.out.d.next = self.s_data.val();
            }
            self.out_valid.d.next = self.s_valid.val() | !self.space.q.val();
        }
        self.m_data.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();

        if self.reset.val() {
            self.out_valid.d.next = false;
            self.space.d.next = true;
        }
    }
}
