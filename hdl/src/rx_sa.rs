//! RX: from the headers of a frame to its SA.
//!
//! Looks ESP up in the SA CAM by (destination, SPI, protocol) and fetches the SA (RFC 4303 section 3.4.2). What is not
//! ESP for us passes: other traffic, and ESP behind IPv4 options or in fragments, which the host must put together first.
//!
//! A number may go to another SA while packets of the one that had it are still held. So each write of an entry gives it a new generation (of 2^16);
//! a packet carries that of its SA, and `current` tells that of now, 1 clock after `current_index`.
//!
//! Ports: `headers` in; `key` to the CAM and `result` from it; `packet` out, one a frame, in order. Latency 6 clocks and
//! the CAM's for ESP, 3 for others; one packet at a time; back-pressure: waits in `Offer`.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::events::{bit, Event, EventMask};
use crate::records::{CamKey, Headers, RxSa, SaIndex};

/// What becomes of a received frame.
pub mod decision {
    /// To the host as it came.
    pub const BYPASS: u64 = 0;
    /// Check, verify, decrypt, decapsulate.
    pub const UNPROTECT: u64 = 1;
    /// Swallow it; it has been counted.
    pub const DISCARD: u64 = 2;
}

/// A received frame and its SA.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct RxFound {
    /// One of [`decision`].
    pub decision: Bits<2>,
    /// What the parser found.
    pub headers: Headers,
    /// With BYPASS: it is ESP that is left to the host.
    pub unsupported: bool,
    /// With UNPROTECT: number of the SA.
    pub sa_index: SaIndex,
    /// With UNPROTECT: the SA.
    pub sa: RxSa,
    /// With UNPROTECT: which of the SAs that have had this number it is.
    pub generation: Bits<16>,
    /// With UNPROTECT: bytes of ciphertext, without ICV.
    pub length: Bits<16>,
}

/// The steps of a frame.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum RxSaState {
    /// Wait for headers.
    Idle,
    /// Not ours, malformed, or ask the CAM.
    Sort,
    /// Wait for the CAM.
    Lookup,
    /// The SA table is being read.
    Read,
    /// Take the SA.
    Take,
    /// Offer the frame.
    Offer,
}

/// See the module's documentation. `A`: address bits of the SA table.
#[derive(LogicBlock, Default)]
pub struct RxSaTable<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub pass_unknown: Signal<In, bool>,
    pub headers: Signal<In, Headers>,
    pub headers_valid: Signal<In, bool>,
    pub headers_ready: Signal<Out, bool>,
    pub result_valid: Signal<In, bool>,
    pub result_hit: Signal<In, bool>,
    pub result_sa: Signal<In, SaIndex>,
    pub write_enable: Signal<In, bool>,
    pub write_index: Signal<In, SaIndex>,
    pub write_sa: Signal<In, RxSa>,
    pub key: Signal<Out, CamKey>,
    pub key_valid: Signal<Out, bool>,
    pub current_index: Signal<In, SaIndex>,
    pub current: Signal<Out, Bits<16>>,
    pub packet: Signal<Out, RxFound>,
    pub packet_valid: Signal<Out, bool>,
    pub packet_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    sas: RAM<RxSa, A>,
    generations: RAM<Bits<16>, A>,
    current_generations: RAM<Bits<16>, A>,
    /// Counts the writes of the table.
    write_count: DFF<Bits<16>>,
    generation: DFF<Bits<16>>,
    state: DFF<RxSaState>,
    h: DFF<Headers>,
    overhead: DFF<Bits<16>>,
    sa_index: DFF<SaIndex>,
    sa: DFF<RxSa>,
    outcome: DFF<Bits<2>>,
    length: DFF<Bits<16>>,
    pulse: DFF<Bits<64>>,
    length_low: Signal<Local, Bits<2>>,
    is_short: Signal<Local, bool>,
    says_esp: Signal<Local, bool>,
    hidden_esp: Signal<Local, bool>,
    bypass: Const<2, { decision::BYPASS }>,
    unprotect: Const<2, { decision::UNPROTECT }>,
    discard: Const<2, { decision::DISCARD }>,
    proto_esp: Const<8, 50>,
    esp_overhead: Const<16, 32>,
    ev_frame: EventMask<{ bit(Event::RxFrames) }>,
    ev_malformed: EventMask<{ bit(Event::RxDropMalformed) }>,
    ev_no_sa: EventMask<{ bit(Event::RxDropNoSa) }>,
}

impl<const A: usize> Logic for RxSaTable<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, h, overhead, sa_index, sa, generation, write_count, outcome, length, pulse);
        self.pulse.d.next = 0.into();
        self.sas.read_clock.next = self.clock.val();
        self.sas.write_clock.next = self.clock.val();
        self.sas.write_enable.next = self.write_enable.val();
        self.sas.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.sas.write_data.next = self.write_sa.val();
        self.sas.read_address.next = bit_cast::<A, 10>(self.sa_index.q.val());
        // A generation stands beside each entry, and once more for `current`.
        if self.write_enable.val() {
            self.write_count.d.next = self.write_count.q.val() + 1;
        }
        self.generations.read_clock.next = self.clock.val();
        self.generations.write_clock.next = self.clock.val();
        self.generations.write_enable.next = self.write_enable.val();
        self.generations.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.generations.write_data.next = self.write_count.q.val();
        self.generations.read_address.next = bit_cast::<A, 10>(self.sa_index.q.val());
        self.current_generations.read_clock.next = self.clock.val();
        self.current_generations.write_clock.next = self.clock.val();
        self.current_generations.write_enable.next = self.write_enable.val();
        self.current_generations.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.current_generations.write_data.next = self.write_count.q.val();
        self.current_generations.read_address.next = bit_cast::<A, 10>(self.current_index.val());
        self.current.next = self.current_generations.read_data.val();
        // RFC 4303 section 2.4: the ciphertext is a multiple of 4 and holds at least pad length and next header.
        self.length_low.next = bit_cast::<2, 16>(self.length.q.val());
        self.is_short.next = (self.h.q.val().ip_length < self.overhead.q.val()) || (self.length.q.val() == 0);
        self.says_esp.next = (self.h.q.val().is_v4 || self.h.q.val().is_v6) && (self.h.q.val().protocol == self.proto_esp.val());
        self.hidden_esp.next = self.says_esp.val() && (self.h.q.val().has_options || self.h.q.val().is_fragment);

        self.key.next.dst = self.h.q.val().dst;
        self.key.next.spi = self.h.q.val().spi;
        self.key.next.v6 = self.h.q.val().is_v6;
        self.key.next.encap = self.h.q.val().is_encap;
        self.packet.next.decision = self.outcome.q.val();
        self.packet.next.headers = self.h.q.val();
        self.packet.next.unsupported = self.hidden_esp.val();
        self.packet.next.sa_index = self.sa_index.q.val();
        self.packet.next.sa = self.sa.q.val();
        self.packet.next.generation = self.generation.q.val();
        self.packet.next.length = self.length.q.val();
        self.events.next = self.pulse.q.val();
        self.headers_ready.next = false;
        self.key_valid.next = false;
        self.packet_valid.next = false;

        match self.state.q.val() {
            RxSaState::Idle => {
                self.headers_ready.next = true;
                self.h.d.next = self.headers.val();
                // IP header, UDP, ESP header, IV, ICV.
                self.overhead.d.next = bit_cast::<16, 6>(self.headers.val().l3_length) + self.esp_overhead.val();
                if self.headers.val().is_encap {
                    self.overhead.d.next = (bit_cast::<16, 6>(self.headers.val().l3_length) + self.esp_overhead.val()) + 8;
                }
                if self.headers_valid.val() {
                    self.pulse.d.next = self.ev_frame.val();
                    self.state.d.next = RxSaState::Sort;
                }
            }
            RxSaState::Sort => {
                self.length.d.next = self.h.q.val().ip_length - self.overhead.q.val();
                self.outcome.d.next = self.bypass.val();
                self.state.d.next = RxSaState::Offer;
                if self.h.q.val().malformed {
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_malformed.val();
                } else if self.h.q.val().is_esp {
                    self.key_valid.next = true;
                    self.state.d.next = RxSaState::Lookup;
                } else if self.says_esp.val() && !self.hidden_esp.val() {
                    // Too short for an ESP header.
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_malformed.val();
                }
            }
            RxSaState::Lookup => {
                self.sa_index.d.next = self.result_sa.val();
                if self.is_short.val() || self.length_low.val().any() {
                    // The CAM's answer is of no interest, but must not be taken for the next frame's.
                    if self.result_valid.val() {
                        self.outcome.d.next = self.discard.val();
                        self.pulse.d.next = self.ev_malformed.val();
                        self.state.d.next = RxSaState::Offer;
                    }
                } else if self.result_valid.val() {
                    if self.result_hit.val() {
                        self.state.d.next = RxSaState::Read;
                    } else {
                        self.state.d.next = RxSaState::Offer;
                        if !self.pass_unknown.val() {
                            self.outcome.d.next = self.discard.val();
                            self.pulse.d.next = self.ev_no_sa.val();
                        }
                    }
                }
            }
            RxSaState::Read => {
                self.state.d.next = RxSaState::Take;
            }
            RxSaState::Take => {
                self.sa.d.next = self.sas.read_data.val();
                self.generation.d.next = self.generations.read_data.val();
                self.outcome.d.next = self.unprotect.val();
                if !self.sas.read_data.val().valid {
                    // Deleted between the look-up and now.
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_no_sa.val();
                }
                self.state.d.next = RxSaState::Offer;
            }
            RxSaState::Offer => {
                self.packet_valid.next = true;
                if self.packet_ready.val() {
                    self.state.d.next = RxSaState::Idle;
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = RxSaState::Idle;
        }
    }
}
