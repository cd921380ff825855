//! Puts new headers in front of a payload.

use rust_hdl::prelude::*;

use crate::records::{Meta, Prefix};
use crate::shift::Shift;
use crate::slice::Slice;
use crate::stream::Beat;

/// The headers of a packet, beats of [`Prefix`], followed by its payload, or `alone`.
///
/// - Ports: `s` the payloads; `prefix` the headers of each, in order; `m` the result, and `m_meta` beside all its beats that of the first
///   beat of headers.
/// - Headers are of even length, and not empty if they are `alone`; the payload has any length from 1 byte. `error` of its last beat is kept.
/// - Latency: 2 clocks from the second beat of headers (from the first, if it is the last), 1 from the payload.
/// - Throughput: a clock for each beat of `m`, so ceil((headers + payload) / 16), if the headers of the packet behind are there when the last of
///   them is made. No bubble between packets.
/// - Back-pressure: `m` is a [`Slice`]; `s_ready` and `prefix_ready` fall when both its registers are full. Headers do not wait for their payload.
#[derive(LogicBlock, Default)]
pub struct Prepend {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
    pub s_valid: Signal<In, bool>,
    pub prefix: Signal<In, Prefix>,
    pub prefix_valid: Signal<In, bool>,
    pub m_ready: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub prefix_ready: Signal<Out, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_meta: Signal<Out, Meta>,
    pub m_valid: Signal<Out, bool>,
    align: Shift,
    out: Slice<Beat>,
    /// In step with it: where nobody looks at `m_meta`, synthesis leaves it out as a whole.
    out_meta: Slice<Meta>,
    /// There is a packet.
    busy: DFF<bool>,
    meta: DFF<Meta>,
    /// What leaves next, of headers or payload.
    carry: DFF<Bits<128>>,
    /// It is a full beat of headers.
    full: DFF<bool>,
    /// There are headers behind it.
    more: DFF<bool>,
    /// Else: half of how many bytes it is.
    offset: DFF<Bits<3>>,
    /// Payload bytes that fit in a beat behind these.
    space: DFF<Bits<5>>,
    /// No payload follows.
    alone: DFF<bool>,
    /// There is no more to come, and `carry` is to leave.
    flush: DFF<bool>,
    /// Bytes in `carry` then, and whether the payload was damaged. Before the payload: as if it had none.
    rest_bytes: DFF<Bits<5>>,
    rest_error: DFF<bool>,
    advance: Signal<Local, bool>,
    /// There is a beat of the result.
    offers: Signal<Local, bool>,
    /// A full beat of headers leaves.
    heading: Signal<Local, bool>,
    /// It is all there is.
    complete: Signal<Local, bool>,
    wants: Signal<Local, bool>,
    take: Signal<Local, bool>,
    last: Signal<Local, bool>,
    /// Bytes of the payload's beat and the carried ones before it.
    total: Signal<Local, Bits<6>>,
    overflows: Signal<Local, bool>,
    finish: Signal<Local, bool>,
    /// The headers of the next packet begin.
    load: Signal<Local, bool>,
    /// A beat of headers goes to `carry`, if there is one.
    follow: Signal<Local, bool>,
    prefix_bytes: Signal<Local, Bits<5>>,
    is_end: Signal<Local, bool>,
    beat: Signal<Local, Beat>,
}

impl Logic for Prepend {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, meta, carry, full, more, offset, space, alone, flush, rest_bytes, rest_error);
        clock!(self, clock, out, out_meta);
        self.out.reset.next = self.reset.val();
        self.out_meta.reset.next = self.reset.val();
        self.advance.next = self.out.s_ready.val();
        self.heading.next = (self.busy.q.val() & self.full.q.val()) & (self.advance.val() & (!self.more.q.val() | self.prefix_valid.val()));
        self.complete.next = self.heading.val() & (self.alone.q.val() & !self.more.q.val());
        self.wants.next = (self.advance.val() & self.busy.q.val()) & !(self.full.q.val() | self.flush.q.val());
        self.take.next = self.wants.val() & self.s_valid.val();
        self.s_ready.next = self.wants.val();

        // Payload behind what is carried
        self.align.data.next = self.s_beat.val().data;
        self.align.carry.next = self.carry.q.val();
        self.align.offset.next = self.offset.q.val();
        self.last.next = self.s_beat.val().last;
        self.total.next = bit_cast::<6, 5>(self.s_beat.val().bytes) + (bit_cast::<6, 3>(self.offset.q.val()) << 1);
        self.overflows.next = self.s_beat.val().bytes > self.space.q.val();
        self.beat.next = self.s_beat.val();
        self.beat.next.data = self.align.merged.val();
        self.beat.next.bytes = bit_cast::<5, 6>(self.total.val());
        if self.overflows.val() {
            self.beat.next.bytes = 16.into();
            self.beat.next.last = false;
            self.beat.next.error = false;
        }
        if self.full.q.val() | self.flush.q.val() {
            self.beat.next.data = self.carry.q.val();
            self.beat.next.bytes = self.rest_bytes.q.val();
            self.beat.next.last = self.flush.q.val();
            self.beat.next.error = self.rest_error.q.val();
        }
        if self.full.q.val() {
            self.beat.next.bytes = 16.into();
            self.beat.next.last = self.alone.q.val() & !self.more.q.val();
        }
        self.offers.next = self.heading.val() | (self.take.val() | self.flush.q.val());
        self.out.s_data.next = self.beat.val();
        self.out.s_valid.next = self.offers.val();
        self.out_meta.s_data.next = self.meta.q.val();
        self.out_meta.s_valid.next = self.offers.val();
        if self.heading.val() {
            self.full.d.next = false;
        }
        if self.take.val() {
            self.carry.d.next = self.align.rotated.val();
            self.rest_bytes.d.next = bit_cast::<5, 6>(self.total.val() - 16);
            self.rest_error.d.next = self.s_beat.val().error;
            self.flush.d.next = self.last.val() & self.overflows.val();
        }
        self.m_beat.next = self.out.m_data.val();
        self.m_meta.next = self.out_meta.m_data.val();
        self.m_valid.next = self.out.m_valid.val();
        self.out.m_ready.next = self.m_ready.val();
        self.out_meta.m_ready.next = self.m_ready.val();

        // The next packet
        self.finish.next =
            (self.take.val() & self.last.val() & !self.overflows.val()) | ((self.flush.q.val() & self.advance.val()) | self.complete.val());
        self.load.next = self.finish.val() | !self.busy.q.val();
        if self.load.val() {
            self.busy.d.next = self.prefix_valid.val();
            self.meta.d.next = self.prefix.val().meta;
            self.rest_error.d.next = false;
        }

        // Its headers
        self.follow.next = self.load.val() | (self.heading.val() & self.more.q.val());
        self.prefix_ready.next = self.follow.val();
        self.prefix_bytes.next = self.prefix.val().bytes;
        self.is_end.next = self.prefix.val().last & !self.prefix_bytes.val().get_bit(4);
        if self.follow.val() {
            self.carry.d.next = self.prefix.val().data;
            self.full.d.next = !self.is_end.val();
            self.more.d.next = !self.prefix.val().last;
            self.alone.d.next = self.prefix.val().alone;
            self.flush.d.next = self.prefix_valid.val() & (self.prefix.val().alone & self.is_end.val());
            self.rest_bytes.d.next = self.prefix_bytes.val();
            self.offset.d.next = self.prefix_bytes.val().get_bits::<3>(1);
            self.space.d.next = 16 - (self.prefix_bytes.val() & 15);
        }

        if self.reset.val() {
            self.busy.d.next = false;
            self.full.d.next = false;
            self.flush.d.next = false;
        }
    }
}
