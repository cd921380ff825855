//! A queue in block RAM.

use rust_hdl::prelude::*;

use crate::ram::Ram;

use crate::constant::Const;

/// First-word fall-through FIFO of at least 2^A entries over one RAM of synchronous read.
///
/// - Ports: `s` in, `m` out; `empty`; `room`, for a source that can't stop at once.
/// - Latency: what is pushed into an empty FIFO is offered 3 clocks later.
/// - Throughput: one push and one pop a clock.
/// - Back-pressure: `s_ready` falls when 2^A entries are stored, besides the one in the output register. It comes straight from a
///   register: a pop frees its entry for the clock after.
///
/// `room` high at a clock edge: `ROOM` more entries can be pushed, one at this very edge included, whatever the reader does.
/// It is a register, and lags behind the fill by one clock: the guarantee has that taken off. `ROOM` is 1 to 2^A - 1, A at most 15.
///
/// Entries pass RAM, then the output register, so that nobody sees the RAM's slow out. An address is never read in the clock in
/// which it is written, save when the result is thrown away: synthesis may leave out read-during-write logic.
#[derive(LogicBlock, Default)]
pub struct Fifo<T: Synth, const A: usize, const ROOM: u64 = 1> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, T>,
    pub s_valid: Signal<In, bool>,
    pub m_ready: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_data: Signal<Out, T>,
    pub m_valid: Signal<Out, bool>,
    pub room: Signal<Out, bool>,
    /// Nothing is stored or offered.
    pub empty: Signal<Out, bool>,
    ram: Ram<T, A>,
    /// Address of the next push.
    write: DFF<Bits<A>>,
    /// Address of the entry that the RAM shows, or will show next.
    read: DFF<Bits<A>>,
    /// The one after it.
    after: DFF<Bits<A>>,
    /// Entries stored, modulo 2^A; and whether there are any, more than one, and space for another.
    count: DFF<Bits<A>>,
    space: DFF<bool>,
    any: DFF<bool>,
    many: DFF<bool>,
    /// The RAM's output is the entry at `read`.
    fetched: DFF<bool>,
    out: DFF<T>,
    out_valid: DFF<bool>,
    roomy: DFF<bool>,
    push: Signal<Local, bool>,
    pop: Signal<Local, bool>,
    claimed: Signal<Local, Bits<16>>,
    margin: Const<16, ROOM>,
    /// Which is 0 in a count of one bit, as both entries are.
    two: Const<16, 2>,
}

impl<T: Synth, const A: usize, const ROOM: u64> Logic for Fifo<T, A, ROOM> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write, read, after, count, space, any, many, fetched, out, out_valid, roomy);
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();

        // Push
        self.s_ready.next = self.space.q.val();
        self.push.next = self.s_valid.val() & self.space.q.val();
        self.ram.write_address.next = self.write.q.val();
        self.ram.write_data.next = self.s_data.val();
        self.ram.write_enable.next = self.push.val();
        if self.push.val() {
            self.write.d.next = self.write.q.val() + 1;
        }

        // Pop: from the RAM's output into the output register. The RAM reads the entry that comes behind in the same clock.
        self.pop.next = self.fetched.q.val() & (!self.out_valid.q.val() | self.m_ready.val());
        self.fetched.d.next = self.any.q.val();
        self.ram.read_address.next = self.read.q.val();
        if self.pop.val() {
            self.fetched.d.next = self.many.q.val();
            self.ram.read_address.next = self.after.q.val();
            self.read.d.next = self.after.q.val();
            self.after.d.next = self.after.q.val() + 1;
            self.out.d.next = self.ram.read_data.val();
        }
        if self.m_ready.val() {
            self.out_valid.d.next = false;
        }
        if self.pop.val() {
            self.out_valid.d.next = true;
        }
        self.m_data.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();
        self.empty.next = !(self.any.q.val() | self.out_valid.q.val());

        // Fill. What is compared here is compared before it is known whether anything moves, which comes last.
        if self.push.val() & !self.pop.val() {
            self.count.d.next = self.count.q.val() + 1;
            self.space.d.next = !self.count.q.val().all();
            self.any.d.next = true;
            self.many.d.next = self.any.q.val();
        }
        if self.pop.val() & !self.push.val() {
            self.count.d.next = self.count.q.val() - 1;
            self.space.d.next = true;
            self.any.d.next = self.many.q.val();
            self.many.d.next = self.many.q.val() & (self.count.q.val() != bit_cast::<A, 16>(self.two.val()));
        }
        self.claimed.next = bit_cast::<16, A>(self.count.q.val()) + self.margin.val();
        self.roomy.d.next = self.space.q.val() & (bit_cast::<16, A>(bit_cast::<A, 16>(self.claimed.val())) == self.claimed.val());
        self.room.next = self.roomy.q.val();

        if self.reset.val() {
            self.write.d.next = 0.into();
            self.read.d.next = 0.into();
            self.after.d.next = 1.into();
            self.count.d.next = 0.into();
            self.space.d.next = true;
            self.any.d.next = false;
            self.many.d.next = false;
            self.fetched.d.next = false;
            self.out_valid.d.next = false;
            self.roomy.d.next = false;
        }
    }
}
