//! RX: from the headers of a frame to its SA.
//!
//! Looks ESP up in the SA CAM by (destination, SPI, protocol) and fetches the SA (RFC 4303 section 3.4.2). What is not
//! ESP for us passes: other traffic, and ESP behind IPv4 options or in fragments, which the host must put together first.
//! ESP must be as long as its SA's ICV asks for.
//!
//! A number may go to another SA while packets of the one that had it are still held. So each write of an entry gives it a new generation (of 2^16);
//! a packet carries that of its SA, and `check_current` and `current` tell that of now, each 1 clock after its index.
//!
//! Ports: `headers` in; `key` to the CAM and `result` from it; `packet` out, one a frame, in order. Latency 9 clocks and the CAM's; a packet
//! each 6 clocks; back-pressure: waits in `Offer`, and 4 frames before it.

mod found;
mod lookup;

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::events::{bit, Event, EventMask};
use crate::ram::Ram;
use crate::records::{icv_size, CamKey, Headers, RxSa, SaIndex};
pub use found::{decision, RxFound};
use lookup::{Answer, Lookup};

/// The steps of a frame.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum RxSaState {
    /// Wait for headers and answer; the SA table is being read.
    Idle,
    /// Take the SA.
    Take,
    /// What its headers and ICV take.
    Overhead,
    /// What that leaves.
    Length,
    /// Is it ours, and good?
    Judge,
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
    /// Beside them: the packet's destination.
    pub dst: Signal<In, Bits<128>>,
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
    pub check_index: Signal<In, SaIndex>,
    pub check_current: Signal<Out, Bits<16>>,
    pub current_index: Signal<In, SaIndex>,
    pub current: Signal<Out, Bits<16>>,
    pub packet: Signal<Out, RxFound>,
    pub packet_valid: Signal<Out, bool>,
    pub packet_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    lookup: Lookup<A>,
    sas: Ram<RxSa, A>,
    check_generations: RAM<Bits<16>, A>,
    current_generations: RAM<Bits<16>, A>,
    /// Counts the writes of the table.
    write_count: DFF<Bits<16>>,
    state: DFF<RxSaState>,
    h: DFF<Headers>,
    found: DFF<Answer>,
    sa: DFF<RxSa>,
    overhead: DFF<Bits<17>>,
    /// Of the ciphertext; negative if there is none.
    length: DFF<Bits<17>>,
    outcome: DFF<Bits<2>>,
    pulse: DFF<Bits<64>>,
    /// Bytes of ESP header, IV and ICV.
    around: Signal<Local, Bits<6>>,
    is_length_wrong: Signal<Local, bool>,
    says_esp: Signal<Local, bool>,
    hidden_esp: Signal<Local, bool>,
    bypass: Const<2, { decision::BYPASS }>,
    unprotect: Const<2, { decision::UNPROTECT }>,
    discard: Const<2, { decision::DISCARD }>,
    proto_esp: Const<8, 50>,
    icv_12: Const<2, { icv_size::ICV_12 }>,
    icv_8: Const<2, { icv_size::ICV_8 }>,
    ev_frame: EventMask<{ bit(Event::RxFrames) }>,
    ev_malformed: EventMask<{ bit(Event::RxDropMalformed) }>,
    ev_no_sa: EventMask<{ bit(Event::RxDropNoSa) }>,
}

impl<const A: usize> Logic for RxSaTable<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, h, found, sa, write_count, overhead, outcome, length, pulse);
        self.lookup.clock.next = self.clock.val();
        self.lookup.reset.next = self.reset.val();
        self.lookup.headers.next = self.headers.val();
        self.lookup.dst.next = self.dst.val();
        self.lookup.headers_valid.next = self.headers_valid.val();
        self.headers_ready.next = self.lookup.headers_ready.val();
        self.key.next = self.lookup.key.val();
        self.key_valid.next = self.lookup.key_valid.val();
        self.lookup.result_valid.next = self.result_valid.val();
        self.lookup.result_hit.next = self.result_hit.val();
        self.lookup.result_sa.next = self.result_sa.val();

        // The table. A generation stands beside each entry, once for each who asks.
        if self.write_enable.val() {
            self.write_count.d.next = self.write_count.q.val() + 1;
        }
        self.lookup.write_enable.next = self.write_enable.val();
        self.lookup.write_index.next = self.write_index.val();
        self.lookup.write_generation.next = self.write_count.q.val();
        self.sas.read_clock.next = self.clock.val();
        self.sas.write_clock.next = self.clock.val();
        self.sas.write_enable.next = self.write_enable.val();
        self.sas.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.sas.write_data.next = self.write_sa.val();
        self.sas.read_address.next = bit_cast::<A, 10>(self.lookup.answer.val().sa);
        self.check_generations.read_clock.next = self.clock.val();
        self.check_generations.write_clock.next = self.clock.val();
        self.check_generations.write_enable.next = self.write_enable.val();
        self.check_generations.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.check_generations.write_data.next = self.write_count.q.val();
        self.check_generations.read_address.next = bit_cast::<A, 10>(self.check_index.val());
        self.check_current.next = self.check_generations.read_data.val();
        self.current_generations.read_clock.next = self.clock.val();
        self.current_generations.write_clock.next = self.clock.val();
        self.current_generations.write_enable.next = self.write_enable.val();
        self.current_generations.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.current_generations.write_data.next = self.write_count.q.val();
        self.current_generations.read_address.next = bit_cast::<A, 10>(self.current_index.val());
        self.current.next = self.current_generations.read_data.val();

        // RFC 4303 section 2: ESP header 8, IV 8, ICV; and UDP 8.
        self.around.next = 32.into();
        if self.sa.q.val().icv == self.icv_12.val() {
            self.around.next = 28.into();
        }
        if self.sa.q.val().icv == self.icv_8.val() {
            self.around.next = 24.into();
        }
        // Section 2.4: the ciphertext is a multiple of 4 and holds at least pad length and next header.
        self.is_length_wrong.next =
            self.length.q.val().get_bit(16) | (self.length.q.val().get_bits::<2>(0).any() | (self.length.q.val() == 0));
        self.says_esp.next = (self.h.q.val().is_v4 | self.h.q.val().is_v6) & (self.h.q.val().protocol == self.proto_esp.val());
        self.hidden_esp.next = self.says_esp.val() & (self.h.q.val().has_options | self.h.q.val().is_fragment);

        self.packet.next.decision = self.outcome.q.val();
        self.packet.next.headers = self.h.q.val();
        self.packet.next.unsupported = self.hidden_esp.val();
        self.packet.next.sa_index = self.found.q.val().sa;
        self.packet.next.sa = self.sa.q.val();
        self.packet.next.generation = self.found.q.val().generation;
        self.packet.next.length = bit_cast::<16, 17>(self.length.q.val());
        self.pulse.d.next = 0.into();
        self.events.next = self.pulse.q.val();
        self.lookup.m_ready.next = false;
        self.packet_valid.next = false;

        match self.state.q.val() {
            RxSaState::Idle => {
                self.lookup.m_ready.next = true;
                self.h.d.next = self.lookup.m_headers.val();
                self.found.d.next = self.lookup.answer.val();
                if self.lookup.m_valid.val() {
                    self.pulse.d.next = self.ev_frame.val();
                    self.state.d.next = RxSaState::Take;
                }
            }
            RxSaState::Take => {
                self.sa.d.next = self.sas.read_data.val();
                self.state.d.next = RxSaState::Overhead;
            }
            RxSaState::Overhead => {
                self.overhead.d.next = bit_cast::<17, 6>(self.h.q.val().l3_length) + bit_cast::<17, 6>(self.around.val());
                if self.h.q.val().is_encap {
                    self.overhead.d.next = bit_cast::<17, 6>(self.h.q.val().l3_length) + bit_cast::<17, 6>(self.around.val() + 8);
                }
                self.state.d.next = RxSaState::Length;
            }
            RxSaState::Length => {
                self.length.d.next = bit_cast::<17, 16>(self.h.q.val().ip_length) - self.overhead.q.val();
                self.state.d.next = RxSaState::Judge;
            }
            RxSaState::Judge => {
                self.state.d.next = RxSaState::Offer;
                self.outcome.d.next = self.bypass.val();
                if self.h.q.val().malformed {
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_malformed.val();
                } else if self.h.q.val().is_esp {
                    self.outcome.d.next = self.unprotect.val();
                    if !self.found.q.val().hit {
                        self.outcome.d.next = self.bypass.val();
                        if !self.pass_unknown.val() {
                            self.outcome.d.next = self.discard.val();
                            self.pulse.d.next = self.ev_no_sa.val();
                        }
                    } else if !self.sa.q.val().valid {
                        // Deleted since the look-up.
                        self.outcome.d.next = self.discard.val();
                        self.pulse.d.next = self.ev_no_sa.val();
                    } else if self.is_length_wrong.val() {
                        self.outcome.d.next = self.discard.val();
                        self.pulse.d.next = self.ev_malformed.val();
                    }
                } else if self.says_esp.val() & !self.hidden_esp.val() {
                    // Too short for an ESP header.
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_malformed.val();
                }
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
