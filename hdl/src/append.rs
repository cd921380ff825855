//! Puts the ICV behind the ciphertext.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::icv_size;
use crate::shift::Shift;
use crate::slice::Slice;
use crate::stream::Beat;

/// What follows a payload.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct WithIcv {
    /// An ICV; else nothing.
    pub icv: bool,
    /// One of [`icv_size`].
    pub size: Bits<2>,
}

/// The payload, followed by the ICV if the packet has one (RFC 4303 section 2.8): the first 16, 12 or 8 bytes of its tag (RFC 4106
/// section 6).
///
/// - Ports: `s` the payloads; `with_icv`, one for each, in order: what is to follow; `tag`, one for each with an ICV; `m` the result. These
///   two are looked at, and taken, with the last beat of the payload; it waits for them.
/// - A payload with an ICV is a multiple of 4 bytes, one without of any length. `error` of the last beat is kept.
/// - Latency 1 clock.
/// - Throughput: a clock for each beat of `m`, so ceil((payload + ICV) / 16). No bubble between packets.
/// - Back-pressure: `m` is a [`Slice`]; `s_ready` falls when both its registers are full.
#[derive(LogicBlock, Default)]
pub struct Append {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
    pub s_valid: Signal<In, bool>,
    pub with_icv: Signal<In, WithIcv>,
    pub with_icv_valid: Signal<In, bool>,
    pub tag: Signal<In, Bits<128>>,
    pub tag_valid: Signal<In, bool>,
    pub m_ready: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub with_icv_ready: Signal<Out, bool>,
    pub tag_ready: Signal<Out, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_valid: Signal<Out, bool>,
    align: Shift,
    out: Slice<Beat>,
    /// `rest` is to leave next.
    flush: DFF<bool>,
    /// What the last beat of payload and tag has of the tag.
    rest: DFF<Beat>,
    advance: Signal<Local, bool>,
    last: Signal<Local, bool>,
    with_tag: Signal<Local, bool>,
    go: Signal<Local, bool>,
    take: Signal<Local, bool>,
    bytes: Signal<Local, Bits<5>>,
    icv_bytes: Signal<Local, Bits<6>>,
    /// Bytes of the last beat and the ICV.
    total: Signal<Local, Bits<6>>,
    overflows: Signal<Local, bool>,
    icv_12: Const<2, { icv_size::ICV_12 }>,
    icv_8: Const<2, { icv_size::ICV_8 }>,
}

impl Logic for Append {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, flush, rest);
        clock!(self, clock, out);
        self.out.reset.next = self.reset.val();
        self.advance.next = self.out.s_ready.val();
        self.last.next = self.s_beat.val().last;
        self.bytes.next = self.s_beat.val().bytes;
        self.with_tag.next = self.last.val() & self.with_icv.val().icv;
        self.icv_bytes.next = 16.into();
        if self.with_icv.val().size == self.icv_12.val() {
            self.icv_bytes.next = 12.into();
        }
        if self.with_icv.val().size == self.icv_8.val() {
            self.icv_bytes.next = 8.into();
        }
        self.total.next = bit_cast::<6, 5>(self.bytes.val()) + self.icv_bytes.val();
        self.overflows.next = self.total.val() > 16;
        self.go.next = self.advance.val()
            & !self.flush.q.val()
            & (!self.last.val() | (self.with_icv_valid.val() & (!self.with_icv.val().icv | self.tag_valid.val())));
        self.take.next = self.go.val() & self.s_valid.val();
        self.s_ready.next = self.go.val();
        self.with_icv_ready.next = self.take.val() & self.last.val();
        self.tag_ready.next = self.take.val() & self.with_tag.val();

        // The tag begins in the payload's last beat, if that has space.
        self.align.data.next = self.tag.val();
        self.align.carry.next = self.s_beat.val().data;
        self.align.offset.next = self.bytes.val().get_bits::<3>(1);

        if self.advance.val() {
            self.flush.d.next = self.take.val() & (self.with_tag.val() & self.overflows.val());
        }
        self.out.s_valid.next = self.take.val() | self.flush.q.val();
        self.out.s_data.next = self.s_beat.val();
        if self.with_tag.val() {
            self.out.s_data.next.bytes = bit_cast::<5, 6>(self.total.val());
            if self.overflows.val() {
                self.out.s_data.next.bytes = 16.into();
                self.out.s_data.next.last = false;
                self.out.s_data.next.error = false;
            }
            if self.bytes.val() != 16 {
                self.out.s_data.next.data = self.align.merged.val();
            }
        }
        if self.flush.q.val() {
            self.out.s_data.next = self.rest.q.val();
        }
        if self.take.val() {
            self.rest.d.next = self.s_beat.val();
            self.rest.d.next.data = self.align.rotated.val();
            self.rest.d.next.bytes = bit_cast::<5, 6>(self.total.val() - 16);
        }
        self.m_beat.next = self.out.m_data.val();
        self.m_valid.next = self.out.m_valid.val();
        self.out.m_ready.next = self.m_ready.val();

        if self.reset.val() {
            self.flush.d.next = false;
        }
    }
}
