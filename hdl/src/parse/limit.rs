//! Ends frames that are longer than [`MAX_FRAME_BYTES`].

use rust_hdl::prelude::*;

use super::MAX_FRAME_BYTES;
use crate::constant::Const;
use crate::records::Meta;
use crate::stream::{Beat, BEAT_BYTES};

/// Number of the beat that must be the last of the longest frame, counted from 0.
const LAST_BEAT: u64 = (MAX_FRAME_BYTES - 1) as u64 / BEAT_BYTES as u64;
/// Bytes of the longest frame in that beat.
const LAST_BYTES: u64 = MAX_FRAME_BYTES as u64 - LAST_BEAT * BEAT_BYTES as u64;

/// A register stage that passes frames, clears what stands behind their end, and cuts those that are too long: they end at [`MAX_FRAME_BYTES`] with `error`, and
/// what follows of them is swallowed, so that a buffer of that size can hold every frame.
///
/// - Ports: `s` in, `m` out, each with what runs beside its beat. Latency: 1 clock. Throughput: one beat a clock.
/// - Back-pressure: `s_ready` follows `m_ready` in the same clock; what is swallowed waits for nobody.
#[derive(LogicBlock, Default)]
pub struct Limit {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
    pub s_meta: Signal<In, Meta>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_meta: Signal<Out, Meta>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    beat: DFF<Beat>,
    meta: DFF<Meta>,
    full: DFF<bool>,
    /// Beats of this frame taken so far.
    count: DFF<Bits<10>>,
    swallow: DFF<bool>,
    absent: Signal<Local, Bits<8>>,
    zero: Const<1, 0>,
    ones: Signal<Local, Bits<128>>,
    take: Signal<Local, bool>,
    cut: Signal<Local, bool>,
    last_beat: Const<10, LAST_BEAT>,
    last_bytes: Const<5, LAST_BYTES>,
}

impl Logic for Limit {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, beat, meta, full, count, swallow);
        self.m_beat.next = self.beat.q.val();
        self.m_meta.next = self.meta.q.val();
        self.m_valid.next = self.full.q.val();
        self.s_ready.next = self.swallow.q.val() | (!self.full.q.val() | self.m_ready.val());
        self.take.next = self.s_valid.val() & (self.swallow.q.val() | (!self.full.q.val() | self.m_ready.val()));
        self.cut.next =
            (self.count.q.val() == self.last_beat.val()) & (!self.s_beat.val().last | (self.s_beat.val().bytes > self.last_bytes.val()));

        // Bytes behind the end of the frame are undefined: zero from here on.
        self.absent.next = bit_cast::<8, 5>(16 - self.s_beat.val().bytes) << 3;
        self.ones.next = !bit_cast::<128, 1>(self.zero.val());

        if self.m_ready.val() {
            self.full.d.next = false;
        }
        if self.take.val() & !self.swallow.q.val() {
            self.full.d.next = true;
            self.beat.d.next = self.s_beat.val();
            self.beat.d.next.data = self.s_beat.val().data & (self.ones.val() << self.absent.val());
            self.meta.d.next = self.s_meta.val();
            self.count.d.next = self.count.q.val() + 1;
            if self.cut.val() {
                self.beat.d.next.bytes = self.last_bytes.val();
                self.beat.d.next.last = true;
                self.beat.d.next.error = true;
                self.swallow.d.next = !self.s_beat.val().last;
            }
            if self.cut.val() | self.s_beat.val().last {
                self.count.d.next = 0.into();
            }
        }
        if self.take.val() & (self.swallow.q.val() & self.s_beat.val().last) {
            self.swallow.d.next = false;
        }
        if self.reset.val() {
            self.full.d.next = false;
            self.count.d.next = 0.into();
            self.swallow.d.next = false;
        }
    }
}
