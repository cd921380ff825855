//! RX: the verdict on a packet that the buffer holds, and what RFC 4303 decapsulation makes of it.
//!
//! In this order, as Linux has it: damaged frame, ICV (RFC 4303 section 3.4.4.1), trailer, SA deleted meanwhile, replay recheck and advance
//! (section 3.4.3: only after the ICV is good), next header against the SA's mode. The first that fails is counted and
//! the packet is freed in the buffer, unseen.
//!
//! Ports: `held` (from the buffer) and `expected` (from the check), one each a frame, in order; `advance` to the replay window,
//! `advanced` from it; `current_index` to the SA table, `current` from it; out `outcome` to the buffer and, for what goes on, after it `fields` of the headers to put in front.
//! Latency 5 clocks and the window's; one packet at a time.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::events::{bit, Event, EventMask};
use crate::header_builder::HeaderFields;
use crate::hold::{Held, Release};
use crate::records::SaIndex;
use crate::replay::ReplayAdvance;
use crate::rx_check::Expected;

/// The steps of a packet.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum DecapState {
    /// Wait for a packet.
    Idle,
    /// Damage, ICV, trailer.
    Judge,
    /// Ask the replay window to advance.
    Advance,
    /// Wait for its verdict.
    Wait,
    /// Next header against mode; length.
    Mode,
    /// Free it in the buffer.
    Drop,
    /// Lengths with the IP header.
    Length,
    /// Have it given out.
    Offer,
    /// Give the fields of its headers.
    Head,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Decap {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub held: Signal<In, Held>,
    pub held_valid: Signal<In, bool>,
    pub held_ready: Signal<Out, bool>,
    pub expected: Signal<In, Expected>,
    pub expected_valid: Signal<In, bool>,
    pub expected_ready: Signal<Out, bool>,
    pub current_index: Signal<Out, SaIndex>,
    pub current: Signal<In, Bits<16>>,
    pub advance: Signal<Out, ReplayAdvance>,
    pub advance_valid: Signal<Out, bool>,
    pub advance_ready: Signal<In, bool>,
    pub advanced: Signal<In, Bits<3>>,
    pub advanced_valid: Signal<In, bool>,
    pub advanced_ready: Signal<Out, bool>,
    pub outcome: Signal<Out, Release>,
    pub outcome_valid: Signal<Out, bool>,
    pub outcome_ready: Signal<In, bool>,
    pub fields: Signal<Out, HeaderFields>,
    pub fields_valid: Signal<Out, bool>,
    pub fields_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    state: DFF<DecapState>,
    held_now: DFF<Held>,
    e: DFF<Expected>,
    trailer: DFF<Bits<16>>,
    length: DFF<Bits<16>>,
    l3_length: DFF<Bits<16>>,
    inner_v6: DFF<bool>,
    pulse: DFF<Bits<64>>,
    l3: Signal<Local, Bits<320>>,
    is_v4_inside: Signal<Local, bool>,
    is_v6_inside: Signal<Local, bool>,
    nibble: Signal<Local, Bits<4>>,
    fits: Signal<Local, bool>,
    is_dummy: Signal<Local, bool>,
    is_gone: Signal<Local, bool>,
    proto_ipv4: Const<8, 4>,
    proto_ipv6: Const<8, 41>,
    proto_none: Const<8, 59>,
    ev_bypassed: EventMask<{ bit(Event::RxBypassed) }>,
    ev_unsupported: EventMask<{ bit(Event::RxUnsupported) }>,
    ev_decrypted: EventMask<{ bit(Event::RxDecrypted) }>,
    ev_error: EventMask<{ bit(Event::RxDropError) }>,
    ev_icv: EventMask<{ bit(Event::RxDropIcv) }>,
    ev_no_sa: EventMask<{ bit(Event::RxDropNoSa) }>,
    ev_trailer: EventMask<{ bit(Event::RxDropTrailer) }>,
    ev_replay: EventMask<{ bit(Event::RxDropReplay) }>,
    ev_window: EventMask<{ bit(Event::RxDropReplayWindow) }>,
    ev_zero: EventMask<{ bit(Event::RxDropSeqZero) }>,
    ev_mode: EventMask<{ bit(Event::RxDropMode) }>,
    ev_dummy: EventMask<{ bit(Event::RxDummy) }>,
}

impl Logic for Decap {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, held_now, e, trailer, length, l3_length, inner_v6, pulse);
        self.pulse.d.next = 0.into();
        self.events.next = self.pulse.q.val();
        self.l3.next = self.e.q.val().l3;
        self.is_v4_inside.next = self.held_now.q.val().next_header == self.proto_ipv4.val();
        self.is_v6_inside.next = self.held_now.q.val().next_header == self.proto_ipv6.val();
        self.nibble.next = self.held_now.q.val().nibble;
        self.fits.next = (self.length.q.val() != 0)
            && ((self.is_v4_inside.val() && (self.nibble.val() == 4)) || (self.is_v6_inside.val() && (self.nibble.val() == 6)));
        self.is_dummy.next = self.held_now.q.val().next_header == self.proto_none.val();

        self.current_index.next = self.e.q.val().sa_index;
        self.is_gone.next = self.current.val() != self.e.q.val().generation;
        self.advance.next.sa = self.e.q.val().sa_index;
        self.advance.next.seq64 = self.e.q.val().seq;
        self.advance.next.esn = self.e.q.val().esn;
        self.advance.next.window = self.e.q.val().replay_window;

        self.outcome.next.keep = self.state.q.val() == DecapState::Offer;
        self.outcome.next.length = self.length.q.val();

        // Tunnel: only L2. Transport: the packet's own IP header with its length and protocol restored.
        self.fields.next.none = !self.e.q.val().protected;
        self.fields.next.icv = false;
        self.fields.next.alone = self.e.q.val().protected && (self.length.q.val() == 0);
        self.fields.next.l2 = self.e.q.val().l2;
        self.fields.next.l2_length = self.e.q.val().l2_length;
        self.fields.next.v6 = self.inner_v6.q.val();
        self.fields.next.has_l3 = !self.e.q.val().tunnel;
        self.fields.next.flow_label = self.l3.val().get_bits::<20>(288);
        self.fields.next.length = self.l3_length.q.val();
        self.fields.next.identification = self.l3.val().get_bits::<16>(272);
        self.fields.next.fragment = self.l3.val().get_bits::<16>(256);
        self.fields.next.tos = self.l3.val().get_bits::<8>(304);
        self.fields.next.ttl = self.l3.val().get_bits::<8>(248);
        if self.e.q.val().v6 {
            self.fields.next.tos = self.l3.val().get_bits::<8>(308);
            self.fields.next.ttl = self.l3.val().get_bits::<8>(256);
        }
        self.fields.next.protocol = self.held_now.q.val().next_header;
        self.fields.next.src = self.e.q.val().src;
        self.fields.next.dst = self.e.q.val().dst;
        self.fields.next.has_udp = false;
        self.fields.next.sport = 0.into();
        self.fields.next.dport = 0.into();
        self.fields.next.udp_length = 0.into();
        self.fields.next.has_esp = false;
        self.fields.next.esp = 0.into();

        self.held_ready.next = false;
        self.expected_ready.next = false;
        self.advance_valid.next = false;
        self.advanced_ready.next = false;
        self.outcome_valid.next = false;
        self.fields_valid.next = false;

        match self.state.q.val() {
            DecapState::Idle => {
                self.held_now.d.next = self.held.val();
                self.e.d.next = self.expected.val();
                self.trailer.d.next = bit_cast::<16, 8>(self.held.val().pad_length) + 2;
                self.length.d.next = self.held.val().length;
                if self.held_valid.val() && self.expected_valid.val() {
                    self.held_ready.next = true;
                    self.expected_ready.next = true;
                    self.state.d.next = DecapState::Judge;
                }
            }
            DecapState::Judge => {
                self.state.d.next = DecapState::Drop;
                if self.held_now.q.val().error {
                    self.pulse.d.next = self.ev_error.val();
                } else if !self.e.q.val().protected {
                    self.pulse.d.next = self.ev_bypassed.val();
                    if self.e.q.val().unsupported {
                        self.pulse.d.next = self.ev_unsupported.val();
                    }
                    self.state.d.next = DecapState::Offer;
                } else if !self.held_now.q.val().icv_ok {
                    self.pulse.d.next = self.ev_icv.val();
                } else if self.trailer.q.val() > self.length.q.val() {
                    self.pulse.d.next = self.ev_trailer.val();
                } else {
                    self.length.d.next = self.length.q.val() - self.trailer.q.val();
                    self.state.d.next = DecapState::Advance;
                }
            }
            DecapState::Advance => {
                // An SA that came to this number since has a window of its own. Between the first write of a new SA and the start of its
                // window lies the computation of H, longer than an advance takes.
                self.advance_valid.next = !self.is_gone.val();
                if self.is_gone.val() {
                    self.pulse.d.next = self.ev_no_sa.val();
                    self.state.d.next = DecapState::Drop;
                } else if self.advance_ready.val() {
                    self.state.d.next = DecapState::Wait;
                }
            }
            DecapState::Wait => {
                self.advanced_ready.next = true;
                if self.advanced_valid.val() {
                    self.state.d.next = DecapState::Drop;
                    if self.advanced.val() == 1 {
                        self.pulse.d.next = self.ev_replay.val();
                    } else if self.advanced.val() == 2 {
                        self.pulse.d.next = self.ev_window.val();
                    } else if self.advanced.val() == 3 {
                        self.pulse.d.next = self.ev_zero.val();
                    } else {
                        self.state.d.next = DecapState::Mode;
                    }
                }
            }
            DecapState::Mode => {
                self.inner_v6.d.next = self.e.q.val().v6;
                self.state.d.next = DecapState::Length;
                if self.is_dummy.val() {
                    // RFC 4303 section 2.6: a dummy packet is discarded without an error.
                    self.pulse.d.next = self.ev_dummy.val();
                    self.state.d.next = DecapState::Drop;
                } else if self.e.q.val().tunnel {
                    self.inner_v6.d.next = self.is_v6_inside.val();
                    if !self.fits.val() {
                        self.pulse.d.next = self.ev_mode.val();
                        self.state.d.next = DecapState::Drop;
                    }
                }
            }
            DecapState::Length => {
                self.pulse.d.next = self.ev_decrypted.val();
                self.l3_length.d.next = self.length.q.val();
                if !self.e.q.val().v6 {
                    self.l3_length.d.next = self.length.q.val() + 20;
                }
                self.state.d.next = DecapState::Offer;
            }
            DecapState::Drop => {
                self.outcome_valid.next = true;
                if self.outcome_ready.val() {
                    self.state.d.next = DecapState::Idle;
                }
            }
            DecapState::Offer => {
                self.outcome_valid.next = true;
                if self.outcome_ready.val() {
                    self.state.d.next = DecapState::Head;
                }
            }
            DecapState::Head => {
                self.fields_valid.next = true;
                if self.fields_ready.val() {
                    self.state.d.next = DecapState::Idle;
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = DecapState::Idle;
        }
    }
}
