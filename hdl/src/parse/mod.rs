//! What a frame is: Ethernet, VLAN, IPv4, IPv6, UDP, TCP and the like, ESP, ESP in UDP.

mod align;
mod capture;
mod judge;
mod limit;

use rust_hdl::prelude::*;

use self::align::Align;
use self::capture::Capture;
use self::judge::Judge;
use self::limit::Limit;
use crate::records::{Endpoints, Headers, Meta};
use crate::stream::Beat;

/// The longest frame that passes whole: 9216 bytes and an Ethernet header with one VLAN tag. (The FCS is the MAC's.)
pub const MAX_FRAME_BYTES: usize = 9216 + 18;

/// Passes frames, and says of each what its headers are.
///
/// - Ports: `s` in; `m`, the same beats, out; `headers` and beside them `endpoints` out, once a frame, in their order. `s_meta` runs beside
///   `s_beat`: what stands there with a frame's first beat becomes `headers.meta`.
/// - With `store_and_forward` (TX) the headers are offered when the frame's last beat has left `m`: then `malformed` also says that
///   the frame is shorter than its IP packet, and `error` is the last beat's. Without (RX) they are offered as soon as the 6th
///   beat (96 bytes) or the last has left `m`, and nothing is said of what comes behind.
/// - Latency: `s` to `m` 1 clock; from the deciding beat on `m` to `headers` 5 clocks, from the 6th 4.
/// - Throughput: a beat a clock; a record of headers every 4 clocks.
/// - Back-pressure: `s_ready` follows `m_ready` in the same clock. While `headers` is not taken, 2 frames pass and the first beat of the
///   next one; then its second waits (of a frame of one beat, the first beat of what follows). So a buffer behind `m` and one behind `headers`
///   can't lock each other, if the one behind `m` takes a whole frame (TX) or 6 beats of it (RX) while its headers wait, and a beat more.
///
/// A frame longer than [`MAX_FRAME_BYTES`] ends there, with `error`; the rest is swallowed.
///
/// A frame that ends early counts as followed by zeros: nothing of an earlier frame is ever seen. The fields follow the EtherType
/// (behind up to two VLAN tags 0x8100 or 0x88A8), so they hold what stands in the header even if it is malformed; of a frame that is not IP
/// they are zero. The checksum of an IPv4 header with options is not verified: such packets are never processed. An IPv6 payload
/// length over 65,495 counts as 65,495.
#[derive(LogicBlock, Default)]
pub struct Parse {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    /// A strap: constant while the engine runs.
    pub store_and_forward: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
    pub s_meta: Signal<In, Meta>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    pub headers: Signal<Out, Headers>,
    pub endpoints: Signal<Out, Endpoints>,
    pub headers_valid: Signal<Out, bool>,
    pub headers_ready: Signal<In, bool>,
    limit: Limit,
    align: Align,
    capture: Capture,
    judge: Judge,
    takes: Signal<Local, bool>,
}

impl Logic for Parse {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, limit, align, capture, judge);
        self.limit.reset.next = self.reset.val();
        self.align.reset.next = self.reset.val();
        self.capture.reset.next = self.reset.val();
        self.judge.reset.next = self.reset.val();
        self.align.store_and_forward.next = self.store_and_forward.val();
        self.judge.store_and_forward.next = self.store_and_forward.val();

        self.limit.s_beat.next = self.s_beat.val();
        self.limit.s_meta.next = self.s_meta.val();
        self.limit.s_valid.next = self.s_valid.val();
        self.s_ready.next = self.limit.s_ready.val();
        self.m_beat.next = self.limit.m_beat.val();
        self.m_valid.next = self.limit.m_valid.val() & !self.align.blocked.val();
        self.takes.next = self.m_ready.val() & !self.align.blocked.val();
        self.limit.m_ready.next = self.takes.val();

        self.align.beat.next = self.limit.m_beat.val();
        self.align.meta.next = self.limit.m_meta.val();
        self.align.take.next = self.limit.m_valid.val() & self.takes.val();
        self.align.hold.next = self.capture.hold.val();
        self.capture.aligned.next = self.align.aligned.val();
        self.capture.aligned_valid.next = self.align.aligned_valid.val();
        self.judge.captured.next = self.capture.captured.val();
        self.judge.captured_valid.next = self.capture.captured_valid.val();
        self.capture.captured_ready.next = self.judge.captured_ready.val();
        self.headers.next = self.judge.headers.val();
        self.endpoints.next = self.judge.endpoints.val();
        self.headers_valid.next = self.judge.headers_valid.val();
        self.judge.headers_ready.next = self.headers_ready.val();
    }
}
