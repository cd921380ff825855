//! A queue that an entry passes in one clock when nobody waits.

use rust_hdl::prelude::*;

use crate::fifo::Fifo;

/// A [`Fifo`] behind whose output is another register, which an entry reaches at once while the FIFO is empty: for what the latency of a packet hangs on,
/// at the price of a multiplexer as wide as the entry.
///
/// - Ports: `s` in, `m` out; `room` as [`Fifo`]'s.
/// - Latency: what is pushed while nothing is stored is offered 1 clock later.
/// - Throughput: one push and one pop a clock.
/// - Back-pressure: `s_ready` falls when 2^A entries are stored, besides those in the two output registers. It comes straight from a register.
#[derive(LogicBlock, Default)]
pub struct Eager<T: Synth, const A: usize, const ROOM: u64 = 1> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, T>,
    pub s_valid: Signal<In, bool>,
    pub m_ready: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_data: Signal<Out, T>,
    pub m_valid: Signal<Out, bool>,
    pub room: Signal<Out, bool>,
    fifo: Fifo<T, A, ROOM>,
    out: DFF<T>,
    out_valid: DFF<bool>,
    free: Signal<Local, bool>,
    direct: Signal<Local, bool>,
    push: Signal<Local, bool>,
}

impl<T: Synth, const A: usize, const ROOM: u64> Logic for Eager<T, A, ROOM> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, out, out_valid);
        clock!(self, clock, fifo);
        self.fifo.reset.next = self.reset.val();
        self.free.next = !self.out_valid.q.val() | self.m_ready.val();
        self.direct.next = self.free.val() & self.fifo.empty.val();

        self.s_ready.next = self.fifo.s_ready.val();
        self.push.next = (self.s_valid.val() & self.fifo.s_ready.val()) & !self.direct.val();
        self.fifo.s_data.next = self.s_data.val();
        self.fifo.s_valid.next = self.push.val();
        self.fifo.m_ready.next = self.free.val();
        self.room.next = self.fifo.room.val();

        if self.free.val() {
            self.out_valid.d.next = self.fifo.m_valid.val() | (self.direct.val() & self.s_valid.val());
            self.out.d.next = self.s_data.val();
            if self.fifo.m_valid.val() {
                self.out.d.next = self.fifo.m_data.val();
            }
        }
        self.m_data.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();

        if self.reset.val() {
            self.out_valid.d.next = false;
        }
    }
}
