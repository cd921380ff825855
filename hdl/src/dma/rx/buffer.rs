//! Received frames, until they are in host memory.

use rust_hdl::prelude::*;

use crate::fifo::Fifo;

/// A frame that stands in the buffer.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Received {
    /// Its bytes.
    pub length: Bits<16>,
    /// Its `tuser`.
    pub user: Bits<32>,
}

/// 2^A beats of frames, each there whole or not at all.
///
/// - Ports: `s_axis_*` in, never stalled; `accept`: frames are taken; `frame` for each one that has come whole, and their beats in `beat`, one after
///   the other: who takes a frame takes its beats, no more; `empty`: nothing of them is left; `dropped`, a pulse for each frame that is not taken.
/// - A frame is dropped as a whole when one of its beats finds no room, or `accept` low. It is dropped, too, when `accept` was low for a clock
///   between its beats, so that no frame begins in one run of the queue and ends in the next. The pulse comes at its last beat.
/// - Of 2^A beats, up to 2 are not used; at most 2^9 frames. A is at most 15.
/// - Latency: 4 clocks from the last beat to `frame` and to `beat`.
/// - Throughput: a beat a clock in, a beat a clock out.
/// - `clear` only while it is `empty` and `accept` is low.
#[derive(LogicBlock, Default)]
pub struct RxBuffer<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub clear: Signal<In, bool>,
    pub accept: Signal<In, bool>,
    pub s_axis_tdata: Signal<In, Bits<128>>,
    pub s_axis_tkeep: Signal<In, Bits<16>>,
    pub s_axis_tvalid: Signal<In, bool>,
    pub s_axis_tlast: Signal<In, bool>,
    pub s_axis_tuser: Signal<In, Bits<32>>,
    pub frame_ready: Signal<In, bool>,
    pub beat_ready: Signal<In, bool>,
    pub frame: Signal<Out, Received>,
    pub frame_valid: Signal<Out, bool>,
    pub beat: Signal<Out, Bits<128>>,
    pub beat_valid: Signal<Out, bool>,
    pub empty: Signal<Out, bool>,
    pub dropped: Signal<Out, bool>,
    ram: RAM<Bits<128>, A>,
    frames: Fifo<Received, 9>,
    data: DFF<Bits<128>>,
    bytes: DFF<Bits<5>>,
    last: DFF<bool>,
    user: DFF<Bits<32>>,
    valid: DFF<bool>,
    /// Where the next beat goes, and where the first one of its frame stands.
    write: DFF<Bits<16>>,
    begin_of_frame: DFF<Bits<16>>,
    /// Bytes of its frame before it.
    bytes_before: DFF<Bits<16>>,
    /// Beats of its frame have been taken.
    midway: DFF<bool>,
    /// Its frame is dropped.
    dropping: DFF<bool>,
    /// Beats in the buffer, and two: those of the clocks in which this and `roomy` are computed.
    claimed: DFF<Bits<16>>,
    roomy: DFF<bool>,
    /// As in [`Fifo`]: the next beat that leaves, the one after it; whether the RAM shows it; what is offered.
    read: DFF<Bits<16>>,
    after: DFF<Bits<16>>,
    fetched: DFF<bool>,
    out: DFF<Bits<128>>,
    out_valid: DFF<bool>,
    eights: Signal<Local, Bits<5>>,
    fours: Signal<Local, Bits<5>>,
    twos: Signal<Local, Bits<5>>,
    ones: Signal<Local, Bits<5>>,
    take: Signal<Local, bool>,
    write_after: Signal<Local, Bits<16>>,
    received: Signal<Local, Received>,
    pop: Signal<Local, bool>,
    stored: Signal<Local, bool>,
}

impl<const A: usize> Logic for RxBuffer<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, data, bytes, last, user, valid, write, begin_of_frame, bytes_before, midway, dropping);
        dff_setup!(self, clock, claimed, roomy, read, after, fetched, out, out_valid);
        clock!(self, clock, frames);
        self.frames.reset.next = self.reset.val() | self.clear.val();
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();

        // A beat, and how many lanes of it count, from the thermometer code of `tkeep`.
        self.eights.next = 0.into();
        self.fours.next = 0.into();
        self.twos.next = 0.into();
        self.ones.next = 0.into();
        if self.s_axis_tkeep.val().get_bit(7) {
            self.eights.next = 8.into();
        }
        if (self.s_axis_tkeep.val().get_bit(3) & !self.s_axis_tkeep.val().get_bit(7))
            | (self.s_axis_tkeep.val().get_bit(11) & !self.s_axis_tkeep.val().get_bit(15))
        {
            self.fours.next = 4.into();
        }
        if (self.s_axis_tkeep.val().get_bit(1) & !self.s_axis_tkeep.val().get_bit(3))
            | (self.s_axis_tkeep.val().get_bit(5) & !self.s_axis_tkeep.val().get_bit(7))
            | (self.s_axis_tkeep.val().get_bit(9) & !self.s_axis_tkeep.val().get_bit(11))
            | (self.s_axis_tkeep.val().get_bit(13) & !self.s_axis_tkeep.val().get_bit(15))
        {
            self.twos.next = 2.into();
        }
        if ((self.s_axis_tkeep.val() & !(self.s_axis_tkeep.val() >> 1)) & 0x5555) != 0 {
            self.ones.next = 1.into();
        }
        self.data.d.next = self.s_axis_tdata.val();
        self.bytes.d.next = self.eights.val() | self.fours.val() | self.twos.val() | self.ones.val();
        if self.s_axis_tkeep.val().get_bit(15) {
            self.bytes.d.next = 16.into();
        }
        self.last.d.next = self.s_axis_tlast.val();
        self.user.d.next = self.s_axis_tuser.val();
        self.valid.d.next = self.s_axis_tvalid.val();

        // Take it, or forget its frame.
        self.take.next = self.valid.q.val() & !self.dropping.q.val() & self.accept.val() & self.roomy.q.val() & self.frames.s_ready.val();
        self.write_after.next = self.write.q.val() + 1;
        self.ram.write_address.next = bit_cast::<A, 16>(self.write.q.val());
        self.ram.write_data.next = self.data.q.val();
        self.ram.write_enable.next = self.take.val();
        self.received.next.length = self.bytes_before.q.val() + bit_cast::<16, 5>(self.bytes.q.val());
        self.received.next.user = self.user.q.val();
        self.frames.s_data.next = self.received.val();
        self.frames.s_valid.next = self.take.val() & self.last.q.val();
        self.dropped.next = self.valid.q.val() & self.last.q.val() & !self.take.val();
        if self.midway.q.val() & !self.accept.val() {
            self.dropping.d.next = true;
        }
        if self.valid.q.val() {
            if self.take.val() {
                self.write.d.next = self.write_after.val();
                self.bytes_before.d.next = self.bytes_before.q.val() + 16;
                self.midway.d.next = true;
            } else {
                self.write.d.next = self.begin_of_frame.q.val();
                self.bytes_before.d.next = 0.into();
                self.dropping.d.next = true;
            }
            if self.last.q.val() {
                self.bytes_before.d.next = 0.into();
                self.midway.d.next = false;
                self.dropping.d.next = false;
            }
        }
        if self.take.val() & self.last.q.val() {
            self.begin_of_frame.d.next = self.write_after.val();
        }

        // Room: what is claimed may not reach 2^A.
        self.claimed.d.next = (self.write.q.val() - self.read.q.val()) + 2;
        self.roomy.d.next = bit_cast::<16, A>(bit_cast::<A, 16>(self.claimed.q.val())) == self.claimed.q.val();

        // Whole frames leave.
        self.frame.next = self.frames.m_data.val();
        self.frame_valid.next = self.frames.m_valid.val();
        self.frames.m_ready.next = self.frame_ready.val();
        self.pop.next = self.fetched.q.val() & (!self.out_valid.q.val() | self.beat_ready.val());
        self.stored.next = self.begin_of_frame.q.val() != self.read.q.val();
        self.fetched.d.next = self.stored.val();
        self.ram.read_address.next = bit_cast::<A, 16>(self.read.q.val());
        if self.beat_ready.val() {
            self.out_valid.d.next = false;
        }
        if self.pop.val() {
            self.fetched.d.next = self.begin_of_frame.q.val() != self.after.q.val();
            self.ram.read_address.next = bit_cast::<A, 16>(self.after.q.val());
            self.read.d.next = self.after.q.val();
            self.after.d.next = self.after.q.val() + 1;
            self.out.d.next = self.ram.read_data.val();
            self.out_valid.d.next = true;
        }
        self.beat.next = self.out.q.val();
        self.beat_valid.next = self.out_valid.q.val();
        self.empty.next = !self.out_valid.q.val() & !self.stored.val();

        if self.reset.val() | self.clear.val() {
            self.write.d.next = 0.into();
            self.begin_of_frame.d.next = 0.into();
            self.bytes_before.d.next = 0.into();
            self.read.d.next = 0.into();
            self.after.d.next = 1.into();
            self.fetched.d.next = false;
            self.out_valid.d.next = false;
        }
        if self.reset.val() {
            self.valid.d.next = false;
            self.midway.d.next = false;
            self.dropping.d.next = false;
        }
    }
}
