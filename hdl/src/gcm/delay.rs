//! A delay in memory, for records that are too wide to be carried through registers.
//!
//! The memory is a ring that is read and overwritten at the same address in each clock: what was written one turn before comes out. One
//! address serves both ports, so that either kind of memory fits: distributed, or a block RAM that reads before it writes.
//!
//! Latency `CLOCKS`, 2 or more, at most 2^`A` + 1; one record a clock; no back-pressure, no reset: what is inside after one
//! is as it was, and its user must know what is valid.

use rust_hdl::prelude::*;

/// See the module's documentation.
#[derive(LogicBlock)]
pub struct Delay<T: Synth, const A: usize, const CLOCKS: usize> {
    pub clock: Signal<In, Clock>,
    pub s_data: Signal<In, T>,
    pub m_data: Signal<Out, T>,
    memory: RAM<T, A>,
    address: DFF<Bits<A>>,
    last: Constant<Bits<A>>,
    on: Constant<bool>,
}

impl<T: Synth, const A: usize, const CLOCKS: usize> Default for Delay<T, A, CLOCKS> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            s_data: Default::default(),
            m_data: Default::default(),
            memory: Default::default(),
            address: Default::default(),
            last: Constant::new((CLOCKS as u64 - 2).into()),
            on: Constant::new(true),
        }
    }
}

impl<T: Synth, const A: usize, const CLOCKS: usize> Logic for Delay<T, A, CLOCKS> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, address);
        self.address.d.next = self.address.q.val() + 1;
        if self.address.q.val() == self.last.val() {
            self.address.d.next = 0.into();
        }
        self.memory.read_clock.next = self.clock.val();
        self.memory.write_clock.next = self.clock.val();
        self.memory.read_address.next = self.address.q.val();
        self.memory.write_address.next = self.address.q.val();
        self.memory.write_data.next = self.s_data.val();
        self.memory.write_enable.next = self.on.val();
        self.m_data.next = self.memory.read_data.val();
    }
}
