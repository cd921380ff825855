//! Whole frames, between the line and the engine.

use rust_hdl::prelude::*;

use crate::constant::Const;

/// 2^`A` beats of frames, each with a beat in front of it, its head; a frame can be seen only when its head is written.
///
/// - Ports: `data` with `push`: a beat of the frame that is being written; with `commit`: its head, which ends it. `abandon`: it is forgotten. `room`: three more can
///   be pushed, or the head be written. `m_data`, `m_valid`, `m_ready`: heads, each with the beats of its frame behind it.
/// - Latency: 3 clocks from `commit` to `m_valid`. A beat a clock in and out.
/// - A frame that takes all beats but four, and none stored, always fits.
#[derive(LogicBlock, Default)]
pub struct Store<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub data: Signal<In, Bits<128>>,
    pub push: Signal<In, bool>,
    pub commit: Signal<In, bool>,
    pub abandon: Signal<In, bool>,
    pub m_ready: Signal<In, bool>,
    pub room: Signal<Out, bool>,
    pub m_data: Signal<Out, Bits<128>>,
    pub m_valid: Signal<Out, bool>,
    ram: RAM<Bits<128>, A>,
    /// Where the head of the frame will stand, and where its next beat goes.
    head: DFF<Bits<16>>,
    write: DFF<Bits<16>>,
    /// As in [`crate::fifo::Fifo`]: the next beat that leaves, the one after it; whether the RAM shows it; what is offered.
    read: DFF<Bits<16>>,
    after: DFF<Bits<16>>,
    fetched: DFF<bool>,
    out: DFF<Bits<128>>,
    out_valid: DFF<bool>,
    claimed: DFF<Bits<16>>,
    roomy: DFF<bool>,
    pop: Signal<Local, bool>,
    margin: Const<16, 5>,
}

impl<const A: usize> Logic for Store<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, head, write, read, after, fetched, out, out_valid, claimed, roomy);
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();

        self.ram.write_data.next = self.data.val();
        self.ram.write_enable.next = self.push.val() | self.commit.val();
        self.ram.write_address.next = bit_cast::<A, 16>(self.write.q.val());
        if self.commit.val() {
            self.ram.write_address.next = bit_cast::<A, 16>(self.head.q.val());
            self.head.d.next = self.write.q.val();
            self.write.d.next = self.write.q.val() + 1;
        } else if self.push.val() {
            self.write.d.next = self.write.q.val() + 1;
        }
        if self.abandon.val() {
            self.write.d.next = self.head.q.val() + 1;
        }

        // What is claimed, with what can still come before `room` has followed, may not reach 2^A.
        self.claimed.d.next = (self.write.q.val() - self.read.q.val()) + self.margin.val();
        self.roomy.d.next = bit_cast::<16, A>(bit_cast::<A, 16>(self.claimed.q.val())) == self.claimed.q.val();
        self.room.next = self.roomy.q.val();

        self.pop.next = self.fetched.q.val() & (!self.out_valid.q.val() | self.m_ready.val());
        self.fetched.d.next = self.head.q.val() != self.read.q.val();
        self.ram.read_address.next = bit_cast::<A, 16>(self.read.q.val());
        if self.m_ready.val() {
            self.out_valid.d.next = false;
        }
        if self.pop.val() {
            self.fetched.d.next = self.head.q.val() != self.after.q.val();
            self.ram.read_address.next = bit_cast::<A, 16>(self.after.q.val());
            self.read.d.next = self.after.q.val();
            self.after.d.next = self.after.q.val() + 1;
            self.out.d.next = self.ram.read_data.val();
            self.out_valid.d.next = true;
        }
        self.m_data.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();

        if self.reset.val() {
            self.head.d.next = 0.into();
            self.write.d.next = 1.into();
            self.read.d.next = 0.into();
            self.after.d.next = 1.into();
            self.fetched.d.next = false;
            self.out_valid.d.next = false;
            self.roomy.d.next = false;
        }
    }
}
