//! Puts new headers in front of a payload.

use rust_hdl::prelude::*;

use crate::records::{Meta, Prefix};
use crate::shift::Shift;
use crate::stream::Beat;

/// The first `length` bytes of a [`Prefix`], followed by the payload, or `alone`.
///
/// - Ports: `s` the payloads; `prefix` one for each, in order (its `icv` does not count here); `m` the result, and `m_meta` beside all its
///   beats that of the prefix.
/// - `length` is even, and not 0 if the prefix is `alone`; the payload has any length from 1 byte. `error` of its last beat is kept.
/// - Latency: 2 clocks from the prefix, 1 from the payload.
/// - Throughput: a clock for each beat of `m`, so ceil((length + payload) / 16), if the prefix of the packet behind is there when the last of them
///   is made. No bubble between packets.
/// - Back-pressure: `m` is a register; `s_ready` and `prefix_ready` follow `m_ready`. A prefix does not wait for its payload.
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
    out: DFF<Beat>,
    out_meta: DFF<Meta>,
    out_valid: DFF<bool>,
    /// There is a packet.
    busy: DFF<bool>,
    meta: DFF<Meta>,
    /// Full beats of prefix that have not left.
    full: DFF<Bits<3>>,
    /// Half of how many bytes the prefix has besides.
    offset: DFF<Bits<3>>,
    /// Payload bytes that fit in a beat behind these.
    space: DFF<Bits<5>>,
    /// What leaves next, of prefix or payload.
    carry: DFF<Bits<128>>,
    /// The prefix behind that; rotated, not shifted: zeros would come by a reset of half the register.
    prefix_rest: DFF<Bits<560>>,
    /// No payload follows.
    alone: DFF<bool>,
    /// There is no more to come, and `carry` is to leave.
    flush: DFF<bool>,
    /// Bytes in `carry` then, and whether the payload was damaged. Before the payload: as if it had none.
    rest_bytes: DFF<Bits<5>>,
    rest_error: DFF<bool>,
    advance: Signal<Local, bool>,
    heading: Signal<Local, bool>,
    /// `heading`, and the last of the full beats of an `alone` prefix.
    closing: Signal<Local, bool>,
    /// `closing`, and there is nothing behind them.
    complete: Signal<Local, bool>,
    wants: Signal<Local, bool>,
    take: Signal<Local, bool>,
    last: Signal<Local, bool>,
    /// Bytes of the payload's beat and the carried ones before it.
    total: Signal<Local, Bits<6>>,
    overflows: Signal<Local, bool>,
    finish: Signal<Local, bool>,
    load: Signal<Local, bool>,
    prefix_bytes: Signal<Local, Bits<688>>,
    prefix_length: Signal<Local, Bits<7>>,
    beat: Signal<Local, Beat>,
}

impl Logic for Prepend {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            out,
            out_valid,
            busy,
            full,
            offset,
            space,
            carry,
            prefix_rest,
            flush,
            rest_bytes,
            rest_error,
            alone,
            meta,
            out_meta
        );
        self.advance.next = !self.out_valid.q.val() | self.m_ready.val();
        self.heading.next = self.busy.q.val() & (self.full.q.val() != 0);
        self.closing.next = self.heading.val() & self.alone.q.val() & (self.full.q.val() == 1);
        self.complete.next = self.closing.val() & (self.offset.q.val() == 0);
        self.wants.next = self.advance.val() & self.busy.q.val() & (self.full.q.val() == 0) & !self.flush.q.val();
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
        if self.heading.val() | self.flush.q.val() {
            self.beat.next.data = self.carry.q.val();
            self.beat.next.bytes = self.rest_bytes.q.val();
            self.beat.next.last = self.flush.q.val();
            self.beat.next.error = self.rest_error.q.val();
        }
        if self.heading.val() {
            self.beat.next.bytes = 16.into();
            self.beat.next.last = self.complete.val();
        }
        if self.advance.val() {
            self.out.d.next = self.beat.val();
            self.out_meta.d.next = self.meta.q.val();
            self.out_valid.d.next = self.heading.val() | self.take.val() | self.flush.q.val();
            if self.heading.val() {
                self.full.d.next = self.full.q.val() - 1;
                self.carry.d.next = self.prefix_rest.q.val().get_bits::<128>(432);
                self.prefix_rest.d.next = (self.prefix_rest.q.val() << 128) | (self.prefix_rest.q.val() >> 432);
                self.flush.d.next = self.closing.val();
            }
        }
        if self.take.val() {
            self.carry.d.next = self.align.rotated.val();
            self.rest_bytes.d.next = bit_cast::<5, 6>(self.total.val() - 16);
            self.rest_error.d.next = self.s_beat.val().error;
            self.flush.d.next = self.last.val() & self.overflows.val();
        }
        self.m_beat.next = self.out.q.val();
        self.m_meta.next = self.out_meta.q.val();
        self.m_valid.next = self.out_valid.q.val();

        // The next packet
        self.finish.next = (self.take.val() & self.last.val() & !self.overflows.val())
            | (self.flush.q.val() & self.advance.val())
            | (self.complete.val() & self.advance.val());
        self.load.next = self.finish.val() | !self.busy.q.val();
        self.prefix_ready.next = self.load.val();
        self.prefix_bytes.next = self.prefix.val().bytes;
        self.prefix_length.next = self.prefix.val().length;
        if !self.heading.val() | self.complete.val() {
            // Nobody looks at it any more: need not wait for `load`, which is late.
            self.prefix_rest.d.next = self.prefix_bytes.val().get_bits::<560>(0);
        }
        if self.load.val() {
            self.busy.d.next = self.prefix_valid.val();
            self.meta.d.next = self.prefix.val().meta;
            self.alone.d.next = self.prefix.val().alone;
            self.flush.d.next = self.prefix.val().alone & (self.prefix_length.val() < 16);
            self.rest_bytes.d.next = bit_cast::<5, 7>(self.prefix_length.val() & 15);
            self.rest_error.d.next = false;
            self.full.d.next = self.prefix_length.val().get_bits::<3>(4);
            self.offset.d.next = self.prefix_length.val().get_bits::<3>(1);
            self.space.d.next = 16 - bit_cast::<5, 7>(self.prefix_length.val() & 15);
            self.carry.d.next = self.prefix_bytes.val().get_bits::<128>(560);
        }

        if self.reset.val() {
            self.out_valid.d.next = false;
            self.busy.d.next = false;
            self.flush.d.next = false;
        }
    }
}
