//! What becomes of a packet.

use rust_hdl::prelude::*;

use super::Judged;
use crate::constant::Const;
use crate::events::{bit, Event, EventMask};
use crate::hold::Held;
use crate::records::SaIndex;
use crate::replay::ReplayAdvance;
use crate::rx_check::Expected;
use crate::rx_failures::kind;

/// The steps of a packet.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum JudgeState {
    /// Wait for a packet; damage, ICV, trailer, mode.
    Look,
    /// SA deleted? If not, and what was seen is good, ask the window to advance.
    Decide,
    /// It was deleted.
    Gone,
    /// Wait for its verdict, and for that of the lifetime.
    Wait,
}

/// What is known of a packet before the window was asked.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum Sight {
    /// Damaged.
    Error,
    /// Not ours: it passes.
    Plain,
    /// The ICV does not fit.
    BadIcv,
    /// The trailer is longer than the packet.
    BadTrailer,
    /// Go on.
    Good,
}

/// Decides on the packets one by one; see [`super`] for the order.
///
/// - Ports: `held` and `expected` with `valid`, which stay until `take`; `m` (`judged`) with them, in the clock of `take`.
/// - Latency: 2 clocks, with the window 2 and its 6, after 0 to 7 of waiting for its turn. A packet each 8 clocks, or each 2.
///
/// The window's turn comes each 8 clocks. Let it take its request in clock 0: `life_index` is the packet's SA in clock 3; in clock 6 come
/// the answer and, by then right, `expired` (so `allow` is in time, too), and the packet is counted; in clock 7 the next one is looked at,
/// which asks in clock 8, and whose SA `life_index` is in clock 11: so it stood for 4 clocks before the count, which leaves a register in clock 7,
/// and does for 3 after it.
#[derive(LogicBlock, Default)]
pub struct Judge {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub held: Signal<In, Held>,
    pub expected: Signal<In, Expected>,
    pub valid: Signal<In, bool>,
    pub take: Signal<Out, bool>,
    pub current_index: Signal<Out, SaIndex>,
    pub current: Signal<In, Bits<16>>,
    pub advance: Signal<Out, ReplayAdvance>,
    pub advance_valid: Signal<Out, bool>,
    pub advance_ready: Signal<In, bool>,
    pub advanced: Signal<In, Bits<3>>,
    pub advanced_valid: Signal<In, bool>,
    pub advanced_ready: Signal<Out, bool>,
    pub allow: Signal<Out, bool>,
    pub life_index: Signal<Out, SaIndex>,
    pub count: Signal<Out, bool>,
    pub touch: Signal<Out, bool>,
    pub bytes: Signal<Out, Bits<16>>,
    pub unlimited: Signal<Out, bool>,
    pub expired: Signal<In, bool>,
    pub report_waits: Signal<In, bool>,
    pub judged: Signal<Out, Judged>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    state: DFF<JudgeState>,
    sight: DFF<Sight>,
    is_dummy: DFF<bool>,
    fits: DFF<bool>,
    length: DFF<Bits<16>>,
    age: DFF<Bits<3>>,
    index: DFF<SaIndex>,
    /// The window has answered before this clock, and `allow` said then that the SA was or was not `over` its limit: so it stays for
    /// this packet, though the host may have raised the limit since.
    answered: DFF<bool>,
    over: DFF<bool>,
    is_over: Signal<Local, bool>,
    pulse: DFF<Bits<64>>,
    // To the lifetime.
    counts: DFF<bool>,
    touches: DFF<bool>,
    counted_bytes: DFF<Bits<16>>,
    counted_unlimited: DFF<bool>,
    is_crypto: Signal<Local, bool>,
    is_gone: Signal<Local, bool>,
    is_v4_inside: Signal<Local, bool>,
    is_v6_inside: Signal<Local, bool>,
    decided: Signal<Local, bool>,
    moves: Signal<Local, bool>,
    cause: Signal<Local, Bits<64>>,
    goes_on: Signal<Local, bool>,
    is_count: Signal<Local, bool>,
    is_touch: Signal<Local, bool>,
    proto_ipv4: Const<8, 4>,
    proto_ipv6: Const<8, 41>,
    proto_none: Const<8, 59>,
    duplicate: Const<2, { kind::REPLAY }>,
    left_of_window: Const<2, { kind::REPLAY_WINDOW }>,
    integrity: Const<2, { kind::INTEGRITY }>,
    ev_error: EventMask<{ bit(Event::RxDropError) }>,
    ev_icv: EventMask<{ bit(Event::RxDropIcv) }>,
    ev_no_sa: EventMask<{ bit(Event::RxDropNoSa) }>,
    ev_expired: EventMask<{ bit(Event::RxDropExpired) }>,
    ev_trailer: EventMask<{ bit(Event::RxDropTrailer) }>,
    ev_replay: EventMask<{ bit(Event::RxDropReplay) }>,
    ev_window: EventMask<{ bit(Event::RxDropReplayWindow) }>,
    ev_zero: EventMask<{ bit(Event::RxDropSeqZero) }>,
    ev_mode: EventMask<{ bit(Event::RxDropMode) }>,
    ev_dummy: EventMask<{ bit(Event::RxDummy) }>,
}

impl Logic for Judge {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, sight, is_dummy, fits, length, age, index, answered, over, pulse);
        dff_setup!(self, clock, counts, touches, counted_bytes, counted_unlimited);
        self.is_crypto.next = self.expected.val().crypto;
        self.is_v4_inside.next = (self.held.val().next_header == self.proto_ipv4.val()) & (self.held.val().nibble == 4);
        self.is_v6_inside.next = (self.held.val().next_header == self.proto_ipv6.val()) & (self.held.val().nibble == 6);
        self.current_index.next = self.expected.val().sa_index;
        self.is_gone.next = self.current.val() != self.expected.val().generation;
        self.advance.next.sa = self.expected.val().sa_index;
        self.advance.next.seq64 = self.expected.val().seq;
        self.advance.next.esn = self.expected.val().esn;
        self.advance.next.window = self.expected.val().replay_window;
        self.life_index.next = self.index.q.val();
        self.is_over.next = self.expired.val();
        if self.answered.q.val() {
            self.is_over.next = self.over.q.val();
        }
        self.over.d.next = self.is_over.val();
        self.allow.next = self.is_crypto.val() | !self.is_over.val();
        self.age.d.next = self.age.q.val() + 1;

        self.advance_valid.next = false;
        self.advanced_ready.next = false;
        self.decided.next = false;
        self.cause.next = 0.into();
        self.goes_on.next = false;
        self.is_count.next = false;
        self.is_touch.next = false;
        self.judged.next.headers_only = false;
        self.judged.next.is_failure = false;
        self.judged.next.failure_kind = self.integrity.val();

        match self.state.q.val() {
            JudgeState::Look => {
                self.is_dummy.d.next = self.held.val().next_header == self.proto_none.val();
                self.fits.d.next = !self.expected.val().tunnel
                    | ((self.held.val().payload != 0)
                        & ((self.is_v4_inside.val() & self.expected.val().inner_v4)
                            | (self.is_v6_inside.val() & self.expected.val().inner_v6)));
                self.length.d.next = self.held.val().payload;
                if self.is_crypto.val() {
                    self.length.d.next = self.held.val().length;
                }
                self.sight.d.next = Sight::Good;
                if self.held.val().error {
                    self.sight.d.next = Sight::Error;
                } else if !self.expected.val().protected {
                    self.sight.d.next = Sight::Plain;
                } else if !self.held.val().icv_ok {
                    self.sight.d.next = Sight::BadIcv;
                } else if !self.is_crypto.val() & !self.held.val().trailer_ok {
                    self.sight.d.next = Sight::BadTrailer;
                }
                if self.valid.val() {
                    self.state.d.next = JudgeState::Decide;
                }
            }
            JudgeState::Decide => {
                self.age.d.next = 0.into();
                match self.sight.q.val() {
                    Sight::Error => {
                        self.decided.next = true;
                        self.cause.next = self.ev_error.val();
                    }
                    Sight::Plain => {
                        self.decided.next = true;
                        self.goes_on.next = true;
                    }
                    Sight::BadIcv => {
                        self.decided.next = true;
                        if !self.is_crypto.val() {
                            self.cause.next = self.ev_icv.val();
                            // What its successor's packets fail at is another matter.
                            self.judged.next.is_failure = !self.is_gone.val();
                        } else if self.is_gone.val() {
                            self.cause.next = self.ev_no_sa.val();
                        } else {
                            self.goes_on.next = true;
                            self.judged.next.headers_only = true;
                        }
                    }
                    Sight::BadTrailer => {
                        self.decided.next = true;
                        self.cause.next = self.ev_trailer.val();
                    }
                    Sight::Good => {
                        // An SA that came to this number since has a window of its own. Between the first write of a new SA and the start of its
                        // window lies the computation of H, longer than an advance takes.
                        self.advance_valid.next = !self.is_gone.val();
                        if self.is_gone.val() {
                            self.state.d.next = JudgeState::Gone;
                        } else if self.advance_ready.val() {
                            self.state.d.next = JudgeState::Wait;
                        }
                    }
                }
            }
            JudgeState::Gone => {
                self.decided.next = true;
                self.cause.next = self.ev_no_sa.val();
            }
            JudgeState::Wait => {
                if self.age.q.val() == 1 {
                    self.index.d.next = self.expected.val().sa_index;
                }
                self.decided.next = self.advanced_valid.val() & !self.report_waits.val();
                self.advanced_ready.next = self.m_ready.val() & !self.report_waits.val();
                self.goes_on.next = true;
                self.is_count.next = true;
                // In crypto offload window and lifetime are the host's.
                if !self.is_crypto.val() {
                    if self.is_over.val() {
                        self.goes_on.next = false;
                        self.is_count.next = false;
                        self.is_touch.next = true;
                        self.cause.next = self.ev_expired.val();
                    } else if self.advanced.val() != 0 {
                        self.goes_on.next = false;
                        self.is_count.next = false;
                        self.cause.next = self.ev_zero.val();
                        if self.advanced.val() == 1 {
                            self.cause.next = self.ev_replay.val();
                            self.judged.next.is_failure = true;
                            self.judged.next.failure_kind = self.duplicate.val();
                        } else if self.advanced.val() == 2 {
                            self.cause.next = self.ev_window.val();
                            self.judged.next.is_failure = true;
                            self.judged.next.failure_kind = self.left_of_window.val();
                        }
                    } else if self.is_dummy.q.val() {
                        // RFC 4303 section 2.6: a dummy packet is discarded without an error.
                        self.goes_on.next = false;
                        self.is_count.next = false;
                        self.cause.next = self.ev_dummy.val();
                    } else if !self.fits.q.val() {
                        self.goes_on.next = false;
                        self.is_count.next = false;
                        self.cause.next = self.ev_mode.val();
                    }
                }
            }
        }

        self.judged.next.goes_on = self.goes_on.val();
        self.m_valid.next = self.decided.val();
        self.moves.next = self.decided.val() & self.m_ready.val();
        self.answered.d.next = ((self.state.q.val() == JudgeState::Wait) & self.advanced_valid.val()) & !self.moves.val();
        self.take.next = self.moves.val();
        self.counts.d.next = self.moves.val() & self.is_count.val();
        self.touches.d.next = self.moves.val() & self.is_touch.val();
        self.counted_bytes.d.next = self.length.q.val();
        self.counted_unlimited.d.next = self.is_crypto.val();
        self.count.next = self.counts.q.val();
        self.touch.next = self.touches.q.val();
        self.bytes.next = self.counted_bytes.q.val();
        self.unlimited.next = self.counted_unlimited.q.val();
        self.pulse.d.next = 0.into();
        if self.moves.val() {
            self.state.d.next = JudgeState::Look;
            self.pulse.d.next = self.cause.val();
            if self.goes_on.val() {
                self.pulse.d.next = 0.into();
            }
        }
        self.events.next = self.pulse.q.val();

        if self.reset.val() {
            self.state.d.next = JudgeState::Look;
            self.answered.d.next = false;
            self.counts.d.next = false;
            self.touches.d.next = false;
        }
    }
}
