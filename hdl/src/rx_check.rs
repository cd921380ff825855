//! RX: the replay check before decryption, and the job of the gatherer.
//!
//! RFC 4303 section 3.4.3: a packet outside the window or seen before is dropped before the ICV is computed. The check also
//! gives the high half of the sequence number (appendix A2.1), which the AAD needs with ESN.
//!
//! Ports: `found` in; `check` to the replay window, `checked` from it; out `job`, and for a frame that is not discarded with it
//! `expected` (for the decapsulation) and `is_protected` (for the buffer), given together when all three can be taken (they go
//! to fifos). Latency 3 clocks and the window's for ESP, 2 for others; one frame at a time.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::events::{bit, Event, EventMask};
use crate::records::{CryptoContext, Headers, Job, RxSa, SaIndex};
use crate::replay::{ReplayCheck, ReplayChecked};
use crate::rx_sa::{decision, RxFound};

/// What the decapsulation must know of a frame once its payload is there.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Expected {
    /// It was ESP; else the frame passes.
    pub protected: bool,
    /// It passes, but is ESP that is left to the host.
    pub unsupported: bool,
    /// Number of the SA.
    pub sa_index: SaIndex,
    /// Its generation: see [`crate::rx_sa`].
    pub generation: Bits<16>,
    /// The SA has ESN.
    pub esn: bool,
    /// Its replay window.
    pub replay_window: Bits<13>,
    /// Sequence number as the check inferred it.
    pub seq: Bits<64>,
    /// The SA's mode is tunnel.
    pub tunnel: bool,
    /// The Ethernet header.
    pub l2: Bits<176>,
    /// Its length.
    pub l2_length: Bits<5>,
    /// The IP header is IPv6.
    pub v6: bool,
    /// The IP header.
    pub l3: Bits<320>,
    /// Its source.
    pub src: Bits<128>,
    /// Its destination.
    pub dst: Bits<128>,
}

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
    pub expected: Signal<Out, Expected>,
    pub expected_valid: Signal<Out, bool>,
    pub expected_ready: Signal<In, bool>,
    pub is_protected: Signal<Out, bool>,
    pub is_protected_valid: Signal<Out, bool>,
    pub is_protected_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    state: DFF<RxCheckState>,
    h: DFF<Headers>,
    sa: DFF<RxSa>,
    unsupported: DFF<bool>,
    sa_index: DFF<SaIndex>,
    generation: DFF<Bits<16>>,
    length: DFF<Bits<16>>,
    outcome: DFF<Bits<2>>,
    skip: DFF<Bits<7>>,
    seq: DFF<Bits<64>>,
    pulse: DFF<Bits<64>>,
    crypto: Signal<Local, CryptoContext>,
    seq_value: Signal<Local, Bits<64>>,
    all_ready: Signal<Local, bool>,
    is_discard: Signal<Local, bool>,
    is_unprotect: Signal<Local, bool>,
    unprotect: Const<2, { decision::UNPROTECT }>,
    bypass: Const<2, { decision::BYPASS }>,
    discard: Const<2, { decision::DISCARD }>,
    ev_replay: EventMask<{ bit(Event::RxDropReplay) }>,
    ev_window: EventMask<{ bit(Event::RxDropReplayWindow) }>,
    ev_zero: EventMask<{ bit(Event::RxDropSeqZero) }>,
}

impl Logic for RxCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, h, sa, unsupported, sa_index, generation, length, outcome, skip, seq, pulse);
        self.pulse.d.next = 0.into();
        self.events.next = self.pulse.q.val();
        self.is_unprotect.next = self.outcome.q.val() == self.unprotect.val();
        self.is_discard.next = self.outcome.q.val() == self.discard.val();
        self.seq_value.next = self.seq.q.val();

        self.check.next.sa = self.sa_index.q.val();
        self.check.next.seq = self.h.q.val().seq;
        self.check.next.esn = self.sa.q.val().esn;
        self.check.next.window = self.sa.q.val().replay_window;

        self.crypto.next.key = self.sa.q.val().key;
        self.crypto.next.key_size = self.sa.q.val().key_size;
        // RFC 4106 section 4: salt || IV.
        self.crypto.next.nonce = (bit_cast::<96, 32>(self.sa.q.val().salt) << 64) | bit_cast::<96, 64>(self.h.q.val().iv);
        // RFC 4106 section 5: SPI || sequence number, with ESN all 64 bits of it.
        self.crypto.next.aad =
            (bit_cast::<96, 32>(self.h.q.val().spi) << 64) | (bit_cast::<96, 32>(self.seq_value.val().get_bits::<32>(0)) << 32);
        self.crypto.next.aad_bytes = 8.into();
        if self.sa.q.val().esn {
            self.crypto.next.aad = (bit_cast::<96, 32>(self.h.q.val().spi) << 64) | bit_cast::<96, 64>(self.seq.q.val());
            self.crypto.next.aad_bytes = 12.into();
        }
        self.crypto.next.decrypt = true;
        self.crypto.next.h = self.sa.q.val().h;
        self.crypto.next.h3 = self.sa.q.val().h3;

        self.job.next.discard = self.is_discard.val();
        self.job.next.bypass = self.outcome.q.val() == self.bypass.val();
        self.job.next.skip = self.skip.q.val();
        self.job.next.length = self.length.q.val();
        self.job.next.trailer = false;
        self.job.next.pad_length = 0.into();
        self.job.next.next_header = 0.into();
        self.job.next.icv = true;
        self.job.next.crypto = self.crypto.val();

        self.expected.next.protected = self.is_unprotect.val();
        self.expected.next.unsupported = self.unsupported.q.val();
        self.expected.next.sa_index = self.sa_index.q.val();
        self.expected.next.generation = self.generation.q.val();
        self.expected.next.esn = self.sa.q.val().esn;
        self.expected.next.replay_window = self.sa.q.val().replay_window;
        self.expected.next.seq = self.seq.q.val();
        self.expected.next.tunnel = self.sa.q.val().tunnel;
        self.expected.next.l2 = self.h.q.val().l2;
        self.expected.next.l2_length = self.h.q.val().l2_length;
        self.expected.next.v6 = self.h.q.val().is_v6;
        self.expected.next.l3 = self.h.q.val().l3;
        self.expected.next.src = self.h.q.val().src;
        self.expected.next.dst = self.h.q.val().dst;
        self.is_protected.next = self.is_unprotect.val();

        self.found_ready.next = false;
        self.check_valid.next = false;
        self.checked_ready.next = false;
        self.job_valid.next = false;
        self.expected_valid.next = false;
        self.is_protected_valid.next = false;
        self.all_ready.next = self.job_ready.val() && self.expected_ready.val() && self.is_protected_ready.val();

        match self.state.q.val() {
            RxCheckState::Idle => {
                self.found_ready.next = true;
                self.h.d.next = self.found.val().headers;
                self.sa.d.next = self.found.val().sa;
                self.sa_index.d.next = self.found.val().sa_index;
                self.generation.d.next = self.found.val().generation;
                self.length.d.next = self.found.val().length;
                self.unsupported.d.next = self.found.val().unsupported;
                self.outcome.d.next = self.found.val().decision;
                if self.found_valid.val() {
                    self.state.d.next = RxCheckState::Offer;
                    if self.found.val().decision == self.unprotect.val() {
                        self.state.d.next = RxCheckState::Ask;
                    }
                }
            }
            RxCheckState::Ask => {
                // L2, IP, UDP if any, ESP header, IV.
                self.skip.d.next = (bit_cast::<7, 5>(self.h.q.val().l2_length) + bit_cast::<7, 6>(self.h.q.val().l3_length)) + 16;
                if self.h.q.val().is_encap {
                    self.skip.d.next = (bit_cast::<7, 5>(self.h.q.val().l2_length) + bit_cast::<7, 6>(self.h.q.val().l3_length)) + 24;
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
                    self.state.d.next = RxCheckState::Offer;
                    if self.checked.val().verdict == 1 {
                        self.outcome.d.next = self.discard.val();
                        self.pulse.d.next = self.ev_replay.val();
                    } else if self.checked.val().verdict == 2 {
                        self.outcome.d.next = self.discard.val();
                        self.pulse.d.next = self.ev_window.val();
                    } else if self.checked.val().verdict == 3 {
                        self.outcome.d.next = self.discard.val();
                        self.pulse.d.next = self.ev_zero.val();
                    }
                }
            }
            RxCheckState::Offer => {
                if self.is_discard.val() {
                    self.job_valid.next = true;
                    if self.job_ready.val() {
                        self.state.d.next = RxCheckState::Idle;
                    }
                } else {
                    self.job_valid.next = self.all_ready.val();
                    self.expected_valid.next = self.all_ready.val();
                    self.is_protected_valid.next = self.all_ready.val();
                    if self.all_ready.val() {
                        self.state.d.next = RxCheckState::Idle;
                    }
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = RxCheckState::Idle;
        }
    }
}
