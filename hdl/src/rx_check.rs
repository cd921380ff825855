//! RX: the replay check before decryption, and the job of the gatherer.
//!
//! RFC 4303 section 3.4.3: a packet outside the window or seen before is dropped before the ICV is computed. The check also
//! gives the high half of the sequence number (appendix A2.1), which the AAD needs with ESN. In crypto offload only that counts: the
//! stack's own check decides.
//!
//! Ports: `found` in; `check` to the replay window, `checked` from it; `current_index` to the SA table, `current` from it; out `job`, and for
//! a frame that is not discarded with it `expected` (for the decapsulation) and `is_protected` (for the buffer), given together when all
//! three can be taken (they go to fifos); `failure` of the SA, to be taken within 8 clocks. Latency 3 clocks and the window's for ESP, 1 for
//! others; one frame at a time: a frame each 8 clocks, so that the window's every turn is used, others each clock.

mod expected;

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::events::{bit, Event, EventMask};
use crate::records::{CryptoContext, Headers, Job, RxSa, SaIndex};
use crate::replay::{ReplayCheck, ReplayChecked};
use crate::rx_failures::{kind, Failure};
use crate::rx_sa::{decision, RxFound};
pub use expected::Expected;

/// The steps of a frame.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum RxCheckState {
    /// Wait for a frame.
    Idle,
    /// Ask the replay window.
    Ask,
    /// Wait for its answer.
    Wait,
    /// Give everything.
    Offer,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct RxCheck {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub found: Signal<In, RxFound>,
    pub found_valid: Signal<In, bool>,
    pub found_ready: Signal<Out, bool>,
    pub check: Signal<Out, ReplayCheck>,
    pub check_valid: Signal<Out, bool>,
    pub check_ready: Signal<In, bool>,
    pub checked: Signal<In, ReplayChecked>,
    pub checked_valid: Signal<In, bool>,
    pub checked_ready: Signal<Out, bool>,
    pub job: Signal<Out, Job>,
    pub job_valid: Signal<Out, bool>,
    pub job_ready: Signal<In, bool>,
    /// With the job of a packet that the core is to work on; taken at once.
    pub crypto: Signal<Out, CryptoContext>,
    pub crypto_valid: Signal<Out, bool>,
    pub expected: Signal<Out, Expected>,
    pub expected_valid: Signal<Out, bool>,
    pub expected_ready: Signal<In, bool>,
    pub is_protected: Signal<Out, bool>,
    pub is_protected_valid: Signal<Out, bool>,
    pub is_protected_ready: Signal<In, bool>,
    pub current_index: Signal<Out, SaIndex>,
    pub current: Signal<In, Bits<16>>,
    pub failure: Signal<Out, Failure>,
    pub failure_valid: Signal<Out, bool>,
    pub failure_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    state: DFF<RxCheckState>,
    f: DFF<RxFound>,
    outcome: DFF<Bits<2>>,
    skip: DFF<Bits<7>>,
    seq: DFF<Bits<64>>,
    is_gone: DFF<bool>,
    failed: DFF<Failure>,
    failed_valid: DFF<bool>,
    pulse: DFF<Bits<64>>,
    h: Signal<Local, Headers>,
    sa: Signal<Local, RxSa>,
    seq_value: Signal<Local, Bits<64>>,
    all_ready: Signal<Local, bool>,
    is_discard: Signal<Local, bool>,
    is_unprotect: Signal<Local, bool>,
    given: Signal<Local, bool>,
    unprotect: Const<2, { decision::UNPROTECT }>,
    bypass: Const<2, { decision::BYPASS }>,
    discard: Const<2, { decision::DISCARD }>,
    duplicate: Const<2, { kind::REPLAY }>,
    left_of_window: Const<2, { kind::REPLAY_WINDOW }>,
    ev_replay: EventMask<{ bit(Event::RxDropReplay) }>,
    ev_window: EventMask<{ bit(Event::RxDropReplayWindow) }>,
    ev_zero: EventMask<{ bit(Event::RxDropSeqZero) }>,
    ev_no_sa: EventMask<{ bit(Event::RxDropNoSa) }>,
}

impl Logic for RxCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, f, outcome, skip, seq, is_gone, failed, failed_valid, pulse);
        self.h.next = self.f.q.val().headers;
        self.sa.next = self.f.q.val().sa;
        self.pulse.d.next = 0.into();
        self.events.next = self.pulse.q.val();
        self.is_unprotect.next = self.outcome.q.val() == self.unprotect.val();
        self.is_discard.next = self.outcome.q.val() == self.discard.val();
        self.seq_value.next = self.seq.q.val();

        self.check.next.sa = self.f.q.val().sa_index;
        self.check.next.seq = self.h.val().seq;
        self.check.next.esn = self.sa.val().esn;
        self.check.next.window = self.sa.val().replay_window;

        self.crypto.next.key = self.sa.val().key;
        self.crypto.next.key_size = self.sa.val().key_size;
        // RFC 4106 section 4: salt || IV.
        self.crypto.next.nonce = (bit_cast::<96, 32>(self.sa.val().salt) << 64) | bit_cast::<96, 64>(self.h.val().iv);
        // RFC 4106 section 5: SPI || sequence number, with ESN all 64 bits of it.
        self.crypto.next.aad =
            (bit_cast::<96, 32>(self.h.val().spi) << 64) | (bit_cast::<96, 32>(self.seq_value.val().get_bits::<32>(0)) << 32);
        self.crypto.next.aad_bytes = 8.into();
        if self.sa.val().esn {
            self.crypto.next.aad = (bit_cast::<96, 32>(self.h.val().spi) << 64) | bit_cast::<96, 64>(self.seq.q.val());
            self.crypto.next.aad_bytes = 12.into();
        }
        self.crypto.next.decrypt = true;
        self.crypto.next.h = self.sa.val().h;
        self.crypto.next.h3 = self.sa.val().h3;

        self.job.next.discard = self.is_discard.val();
        self.job.next.bypass = self.outcome.q.val() == self.bypass.val();
        self.job.next.skip = self.skip.q.val();
        self.job.next.length = self.f.q.val().length;
        self.job.next.trailer = false;
        self.job.next.pad_length = 0.into();
        self.job.next.next_header = 0.into();
        self.job.next.icv = true;
        self.job.next.icv_size = self.sa.val().icv;

        self.expected.next.protected = self.is_unprotect.val();
        self.expected.next.unsupported = self.f.q.val().unsupported;
        self.expected.next.sa_index = self.f.q.val().sa_index;
        self.expected.next.generation = self.f.q.val().generation;
        self.expected.next.esn = self.sa.val().esn;
        self.expected.next.replay_window = self.sa.val().replay_window;
        self.expected.next.seq = self.seq.q.val();
        self.expected.next.tunnel = self.sa.val().tunnel;
        self.expected.next.crypto = self.sa.val().crypto;
        self.expected.next.inner_v4 = self.sa.val().inner_v4;
        self.expected.next.inner_v6 = self.sa.val().inner_v6;
        self.expected.next.no_ecn = self.sa.val().no_ecn;
        self.expected.next.decap_dscp = self.sa.val().decap_dscp;
        self.expected.next.l2_length = self.h.val().l2_length;
        self.expected.next.v6 = self.h.val().is_v6;
        self.expected.next.tos = self.h.val().tos;
        self.expected.next.ip_length = self.h.val().ip_length;
        self.expected.next.checksum = self.h.val().checksum;
        self.expected.next.encap = self.h.val().is_encap;
        self.is_protected.next = self.is_unprotect.val();

        // The SA may go while its packet waits.
        self.current_index.next = self.f.q.val().sa_index;
        self.is_gone.d.next = self.current.val() != self.f.q.val().generation;
        if self.failure_ready.val() {
            self.failed_valid.d.next = false;
        }
        self.failure.next = self.failed.q.val();
        self.failure_valid.next = self.failed_valid.q.val();

        self.check_valid.next = false;
        self.checked_ready.next = false;
        self.job_valid.next = false;
        self.crypto_valid.next = false;
        self.expected_valid.next = false;
        self.is_protected_valid.next = false;
        self.all_ready.next = self.job_ready.val() & (self.is_discard.val() | (self.expected_ready.val() & self.is_protected_ready.val()));
        self.given.next = (self.state.q.val() == RxCheckState::Offer) & self.all_ready.val();

        match self.state.q.val() {
            RxCheckState::Idle => {}
            RxCheckState::Ask => {
                // L2, IP, UDP if any, ESP header, IV.
                self.skip.d.next = (bit_cast::<7, 5>(self.h.val().l2_length) + bit_cast::<7, 6>(self.h.val().l3_length)) + 16;
                if self.h.val().is_encap {
                    self.skip.d.next = (bit_cast::<7, 5>(self.h.val().l2_length) + bit_cast::<7, 6>(self.h.val().l3_length)) + 24;
                }
                self.check_valid.next = true;
                if self.check_ready.val() {
                    self.state.d.next = RxCheckState::Wait;
                }
            }
            RxCheckState::Wait => {
                self.checked_ready.next = true;
                self.seq.d.next = self.checked.val().seq64;
                if self.checked_valid.val() {
                    self.failed.d.next.sa = self.f.q.val().sa_index;
                    self.state.d.next = RxCheckState::Offer;
                    if self.is_gone.q.val() {
                        self.outcome.d.next = self.discard.val();
                        self.pulse.d.next = self.ev_no_sa.val();
                    } else if !self.sa.val().crypto & (self.checked.val().verdict != 0) {
                        self.outcome.d.next = self.discard.val();
                        self.pulse.d.next = self.ev_zero.val();
                        if self.checked.val().verdict == 1 {
                            self.pulse.d.next = self.ev_replay.val();
                            self.failed.d.next.kind = self.duplicate.val();
                            self.failed_valid.d.next = true;
                        } else if self.checked.val().verdict == 2 {
                            self.pulse.d.next = self.ev_window.val();
                            self.failed.d.next.kind = self.left_of_window.val();
                            self.failed_valid.d.next = true;
                        }
                    }
                }
            }
            RxCheckState::Offer => {
                self.job_valid.next = self.all_ready.val();
                self.crypto_valid.next = self.all_ready.val() & self.is_unprotect.val();
                self.expected_valid.next = self.all_ready.val() & !self.is_discard.val();
                self.is_protected_valid.next = self.all_ready.val() & !self.is_discard.val();
            }
        }

        // The next one is there when the window's next turn comes.
        self.found_ready.next = (self.state.q.val() == RxCheckState::Idle) | self.given.val();
        if (self.state.q.val() == RxCheckState::Idle) | self.given.val() {
            self.f.d.next = self.found.val();
            self.outcome.d.next = self.found.val().decision;
            self.state.d.next = RxCheckState::Idle;
            if self.found_valid.val() {
                self.state.d.next = RxCheckState::Offer;
                if self.found.val().decision == self.unprotect.val() {
                    self.state.d.next = RxCheckState::Ask;
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = RxCheckState::Idle;
            self.failed_valid.d.next = false;
        }
    }
}
