//! A queue of few entries, in distributed RAM.

use rust_hdl::prelude::*;

use crate::lut_ram::LutRam;

/// First-word fall-through FIFO of 2^A entries, A at most 4, for wide records; [`Fifo`](crate::fifo::Fifo) is the one for long queues.
///
/// - Ports: `s` in, `m` out.
/// - Latency: 1 clock. Throughput: one push and one pop a clock.
/// - Back-pressure: `s_ready` falls when 2^A entries are stored. It comes straight from a register: a pop frees its entry for the clock after.
///
/// `m_data` comes straight from the memory, addressed by a register: an entry is stored once, and costs no register at all. Whoever
/// takes it keeps what it needs.
#[derive(LogicBlock, Default)]
pub struct Queue<T: Synth, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, T>,
    pub s_valid: Signal<In, bool>,
    pub m_ready: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_data: Signal<Out, T>,
    pub m_valid: Signal<Out, bool>,
    ram: LutRam<T, A>,
    /// Address of the next push.
    write: DFF<Bits<A>>,
    /// Address of the oldest entry.
    read: DFF<Bits<A>>,
    /// There is space for one more. The opposite would need an inverter behind the register.
    space: DFF<bool>,
    any: DFF<bool>,
    /// Entries stored, modulo 2^A.
    count: DFF<Bits<A>>,
    push: Signal<Local, bool>,
    pop: Signal<Local, bool>,
}

impl<T: Synth, const A: usize> Logic for Queue<T, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write, read, space, any, count);
        self.ram.clock.next = self.clock.val();
        self.s_ready.next = self.space.q.val();
        self.m_valid.next = self.any.q.val();
        self.push.next = self.s_valid.val() & self.space.q.val();
        self.pop.next = self.m_ready.val() & self.any.q.val();

        self.ram.write_address.next = self.write.q.val();
        self.ram.write_data.next = self.s_data.val();
        self.ram.write_enable.next = self.push.val();
        if self.push.val() {
            self.write.d.next = self.write.q.val() + 1;
        }
        self.ram.read_address.next = self.read.q.val();
        self.m_data.next = self.ram.read_data.val();
        if self.pop.val() {
            self.read.d.next = self.read.q.val() + 1;
        }

        // Fill
        if self.push.val() & !self.pop.val() {
            self.space.d.next = !self.count.q.val().all();
            self.any.d.next = true;
            self.count.d.next = self.count.q.val() + 1;
        }
        if self.pop.val() & !self.push.val() {
            self.space.d.next = true;
            self.any.d.next = self.count.q.val() != 1;
            self.count.d.next = self.count.q.val() - 1;
        }

        if self.reset.val() {
            self.write.d.next = 0.into();
            self.read.d.next = 0.into();
            self.space.d.next = true;
            self.any.d.next = false;
            self.count.d.next = 0.into();
        }
    }
}
