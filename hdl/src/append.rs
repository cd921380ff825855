//! Puts the ICV behind the ciphertext.

use rust_hdl::prelude::*;

use crate::shift::Shift;
use crate::stream::Beat;

/// The payload, followed by the 16 bytes of its tag if the packet has one (RFC 4303 section 2.8).
///
/// - Ports: `s` the payloads; `with_icv`, one for each, in order: a tag is to follow; `tag`, one for each that is; `m` the result. The flag and the
///   tag are looked at, and taken, with the last beat of the payload; it waits for them.
/// - A payload with a tag is a multiple of 4 bytes, one without of any length. `error` of the last beat is kept.
/// - Latency 1 clock.
/// - Throughput: a clock for each beat of `m`, so ceil((payload + 16) / 16) with a tag. No bubble between packets.
/// - Back-pressure: `m` is a register; `s_ready` follows `m_ready`.
#[derive(LogicBlock, Default)]
pub struct Append {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
    pub s_valid: Signal<In, bool>,
    pub with_icv: Signal<In, bool>,
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
    out: DFF<Beat>,
    out_valid: DFF<bool>,
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
}

impl Logic for Append {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, out, out_valid, flush, rest);
        self.advance.next = !self.out_valid.q.val() | self.m_ready.val();
        self.last.next = self.s_beat.val().last;
        self.bytes.next = self.s_beat.val().bytes;
        self.with_tag.next = self.last.val() & self.with_icv.val();
        self.go.next = self.advance.val()
            & !self.flush.q.val()
            & (!self.last.val() | (self.with_icv_valid.val() & (!self.with_icv.val() | self.tag_valid.val())));
        self.take.next = self.go.val() & self.s_valid.val();
        self.s_ready.next = self.go.val();
        self.with_icv_ready.next = self.take.val() & self.last.val();
        self.tag_ready.next = self.take.val() & self.with_tag.val();

        // The tag begins in the payload's last beat, if that has space.
        self.align.data.next = self.tag.val();
        self.align.carry.next = self.s_beat.val().data;
        self.align.offset.next = self.bytes.val().get_bits::<3>(1);

        if self.advance.val() {
            self.out_valid.d.next = self.take.val() | self.flush.q.val();
            self.flush.d.next = self.take.val() & self.with_tag.val();
            self.out.d.next = self.s_beat.val();
            if self.with_tag.val() {
                self.out.d.next.bytes = 16.into();
                self.out.d.next.last = false;
                self.out.d.next.error = false;
                if self.bytes.val() != 16 {
                    self.out.d.next.data = self.align.merged.val();
                }
            }
            if self.flush.q.val() {
                self.out.d.next = self.rest.q.val();
            }
        }
        if self.take.val() {
            self.rest.d.next = self.s_beat.val();
            self.rest.d.next.data = self.align.rotated.val();
        }
        self.m_beat.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();

        if self.reset.val() {
            self.out_valid.d.next = false;
            self.flush.d.next = false;
        }
    }
}
