//! Holds a received packet until its ICV is good.

mod reader;
mod verify;

use rust_hdl::prelude::*;

use crate::ram::Ram;

use crate::fifo::Fifo;
use crate::inner_header::Marks;
use crate::records::Gathered;
use crate::stream::Beat;
use reader::Reader;
use verify::Verify;

/// What there is to know of a packet that is held.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Held {
    /// It came out of the core as plaintext; else a frame that passes as it is.
    pub protected: bool,
    /// With `protected`: the ICV of the packet is the tag of the core (RFC 4106 section 6).
    pub icv_ok: bool,
    /// The frame was damaged, or ended early.
    pub error: bool,
    /// Bytes that are held.
    pub length: Bits<16>,
    /// The first four bits: the IP version of what is inside a tunnel.
    pub nibble: Bits<4>,
    /// With `protected`: the trailer is no longer than what is held (RFC 4303 section 2.5).
    pub trailer_ok: bool,
    /// With `trailer_ok`: bytes in front of the trailer.
    pub payload: Bits<16>,
    /// With `protected`: the last byte (RFC 4303 section 2.6).
    pub next_header: Bits<8>,
}

/// What is to become of a packet that is held.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Release {
    /// Give it out; else forget it.
    pub keep: bool,
    /// With `keep`: how many of its bytes, from the first; with 0 nothing comes out.
    pub length: Bits<16>,
    /// Given out beside its beats.
    pub marks: Marks,
}

/// A packet whose last beat is stored.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Stored {
    /// Its last beat carried `error`.
    pub error: bool,
    /// Where the next packet begins.
    pub end: Bits<16>,
    /// As in [`Held`].
    pub length: Bits<16>,
    /// As in [`Held`].
    pub nibble: Bits<4>,
    /// As in [`Held`].
    pub pad_length: Bits<8>,
    /// As in [`Held`].
    pub next_header: Bits<8>,
}

/// The buffer between the core and everything that may believe what it says: 2^A beats of received packets.
///
/// - Ports: `s` what comes out of the core (no `ready`: see `room`); for each packet, in order, `is_protected`, `gathered`, and,
///   if it is protected, `tag`; `held` for each packet when its last beat, and all these, have come; `outcome` one for each held packet, in
///   order; `m` the packets released.
/// - Nothing of a packet leaves before its outcome. A packet that is not kept, and what is not given out of one that is, is freed at once.
/// - `room` high at a clock edge: 64 more beats can come, one at this very edge included.
/// - `m_beat.error` is never set: what is damaged (`held.error`) is not to be kept.
/// - Up to 256 packets are held, 16 of them offered and without an outcome yet. A packet must not be larger than 2^A - 66 beats. A is at most 15.
/// - Latency: 5 clocks from the last beat to `held` (2 from the last record, if it comes later), 3 from `outcome` to `m`.
/// - Throughput: in, a beat a clock; out, a packet of `n` beats each `n` + 1 clocks, one not kept each clock.
/// - Back-pressure: `room`. The records are taken when the packet is complete: `is_protected` and `gathered` want FIFOs for as many packets
///   as the core holds.
#[derive(LogicBlock, Default)]
pub struct Hold<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
    pub s_valid: Signal<In, bool>,
    pub is_protected: Signal<In, bool>,
    pub is_protected_valid: Signal<In, bool>,
    pub tag: Signal<In, Bits<128>>,
    pub tag_valid: Signal<In, bool>,
    pub gathered: Signal<In, Gathered>,
    pub gathered_valid: Signal<In, bool>,
    pub held_ready: Signal<In, bool>,
    pub outcome: Signal<In, Release>,
    pub outcome_valid: Signal<In, bool>,
    pub m_ready: Signal<In, bool>,
    pub room: Signal<Out, bool>,
    pub is_protected_ready: Signal<Out, bool>,
    pub tag_ready: Signal<Out, bool>,
    pub gathered_ready: Signal<Out, bool>,
    pub held: Signal<Out, Held>,
    pub held_valid: Signal<Out, bool>,
    pub outcome_ready: Signal<Out, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_marks: Signal<Out, Marks>,
    pub m_valid: Signal<Out, bool>,
    ram: Ram<Bits<128>, A>,
    stored: Fifo<Stored, 8, 64>,
    verify: Verify,
    ends: Fifo<Bits<16>, 4>,
    reader: Reader,
    /// Where the next beat goes.
    write: DFF<Bits<16>>,
    /// Bytes of its packet before it.
    bytes_before: DFF<Bits<16>>,
    /// There is one before it.
    midway: DFF<bool>,
    nibble: DFF<Bits<4>>,
    /// Beats in the buffer, 64 that may be on their way, and two: those of the clocks in which this and `roomy` are computed.
    claimed: DFF<Bits<16>>,
    roomy: DFF<bool>,
    write_after: Signal<Local, Bits<16>>,
    data: Signal<Local, Bits<128>>,
    bytes: Signal<Local, Bits<5>>,
    packet: Signal<Local, Stored>,
    first_nibble: Signal<Local, Bits<4>>,
    trailer: Signal<Local, Bits<16>>,
}

impl<const A: usize> Logic for Hold<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write, bytes_before, midway, nibble, claimed, roomy);
        clock!(self, clock, stored, verify, ends, reader);
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.stored.reset.next = self.reset.val();
        self.verify.reset.next = self.reset.val();
        self.ends.reset.next = self.reset.val();
        self.reader.reset.next = self.reset.val();

        // Store
        self.write_after.next = self.write.q.val() + 1;
        self.data.next = self.s_beat.val().data;
        self.bytes.next = self.s_beat.val().bytes;
        self.ram.write_address.next = bit_cast::<A, 16>(self.write.q.val());
        self.ram.write_data.next = self.data.val();
        self.ram.write_enable.next = self.s_valid.val();
        self.first_nibble.next = self.data.val().get_bits::<4>(124);
        if self.midway.q.val() {
            self.first_nibble.next = self.nibble.q.val();
        }
        if self.s_valid.val() {
            self.write.d.next = self.write_after.val();
            self.bytes_before.d.next = self.bytes_before.q.val() + 16;
            self.midway.d.next = true;
            self.nibble.d.next = self.first_nibble.val();
            if self.s_beat.val().last {
                self.bytes_before.d.next = 0.into();
                self.midway.d.next = false;
            }
        }

        // The packet is whole. If it is protected it is a multiple of 4 bytes (RFC 4303 section 2.4).
        self.trailer.next = self.data.val().get_bits::<16>(0);
        match self.bytes.val().get_bits::<2>(2).index() {
            1 => self.trailer.next = self.data.val().get_bits::<16>(96),
            2 => self.trailer.next = self.data.val().get_bits::<16>(64),
            3 => self.trailer.next = self.data.val().get_bits::<16>(32),
            _ => {}
        }
        self.packet.next.error = self.s_beat.val().error;
        self.packet.next.end = self.write_after.val();
        self.packet.next.length = self.bytes_before.q.val() + bit_cast::<16, 5>(self.bytes.val());
        self.packet.next.nibble = self.first_nibble.val();
        self.packet.next.pad_length = self.trailer.val().get_bits::<8>(8);
        self.packet.next.next_header = self.trailer.val().get_bits::<8>(0);
        self.stored.s_data.next = self.packet.val();
        self.stored.s_valid.next = self.s_valid.val() & self.s_beat.val().last;

        // Verify
        self.verify.stored.next = self.stored.m_data.val();
        self.verify.stored_valid.next = self.stored.m_valid.val();
        self.stored.m_ready.next = self.verify.stored_ready.val();
        self.verify.is_protected.next = self.is_protected.val();
        self.verify.is_protected_valid.next = self.is_protected_valid.val();
        self.is_protected_ready.next = self.verify.is_protected_ready.val();
        self.verify.tag.next = self.tag.val();
        self.verify.tag_valid.next = self.tag_valid.val();
        self.tag_ready.next = self.verify.tag_ready.val();
        self.verify.gathered.next = self.gathered.val();
        self.verify.gathered_valid.next = self.gathered_valid.val();
        self.gathered_ready.next = self.verify.gathered_ready.val();
        self.held.next = self.verify.held.val();
        self.held_valid.next = self.verify.held_valid.val();
        self.verify.held_ready.next = self.held_ready.val();
        self.ends.s_data.next = self.verify.boundary.val();
        self.ends.s_valid.next = self.verify.boundary_valid.val();
        self.verify.boundary_ready.next = self.ends.s_ready.val();

        // Release
        self.reader.boundary.next = self.ends.m_data.val();
        self.reader.boundary_valid.next = self.ends.m_valid.val();
        self.ends.m_ready.next = self.reader.boundary_ready.val();
        self.reader.outcome.next = self.outcome.val();
        self.reader.outcome_valid.next = self.outcome_valid.val();
        self.outcome_ready.next = self.reader.outcome_ready.val();
        self.ram.read_address.next = bit_cast::<A, 16>(self.reader.address.val());
        self.reader.data.next = self.ram.read_data.val();
        self.m_beat.next = self.reader.m_beat.val();
        self.m_marks.next = self.reader.m_marks.val();
        self.m_valid.next = self.reader.m_valid.val();
        self.reader.m_ready.next = self.m_ready.val();

        // Room: what is claimed may not reach 2^A.
        self.claimed.d.next = (self.write.q.val() - self.reader.first_kept.val()) + 66;
        self.roomy.d.next = bit_cast::<16, A>(bit_cast::<A, 16>(self.claimed.q.val())) == self.claimed.q.val();
        self.room.next = self.roomy.q.val() & self.stored.room.val();

        if self.reset.val() {
            self.write.d.next = 0.into();
            self.bytes_before.d.next = 0.into();
            self.midway.d.next = false;
            self.roomy.d.next = false;
        }
    }
}
