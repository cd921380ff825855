//! TX: from the verdict of the policies to the SA, and the next sequence number of it.
//!
//! Joins `headers` and `verdict` (one each a frame, in order), decides what becomes of the frame, and offers
//! `packet`: the headers, the decision, and for a protected packet its SA and its sequence number.
//!
//! The sequence number is allocated here, in packet order: last used + 1 (RFC 4303 section 2.2). The last number of the
//! space (2^32 - 1, with ESN 2^64 - 1) is used once; after it every packet of the SA is dropped (section 3.3.3).
//!
//! Latency 6 clocks; one packet each 6 clocks (4 when it is not protected); back-pressure: waits in `Offer` until `packet_ready`.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::events::{bit, Event, EventMask};
use crate::records::{action, Headers, SaIndex, TxSa, Verdict};

/// What becomes of a frame.
pub mod decision {
    /// Out as it came.
    pub const BYPASS: u64 = 0;
    /// Encapsulate and encrypt.
    pub const PROTECT: u64 = 1;
    /// Swallow it; it has been counted.
    pub const DISCARD: u64 = 2;
}

/// A frame on its way to the encapsulation.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct TxPacket {
    /// One of [`decision`].
    pub decision: Bits<2>,
    /// What the parser found.
    pub headers: Headers,
    /// With PROTECT: the SA.
    pub sa: TxSa,
    /// With PROTECT: its sequence number for this packet (without ESN the high half is 0).
    pub seq: Bits<64>,
}

/// The steps of a packet.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum TxSaState {
    /// Wait for headers and verdict.
    Join,
    /// The tables are being read.
    Read,
    /// Decide by headers and verdict; take what was read.
    Decide,
    /// Decide by the SA; the next sequence number.
    Check,
    /// Write the sequence number back.
    Allocate,
    /// Offer the packet.
    Offer,
}

/// See the module's documentation. `A`: address bits of the SA table.
#[derive(LogicBlock, Default)]
pub struct TxSaTable<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub headers: Signal<In, Headers>,
    pub headers_valid: Signal<In, bool>,
    pub headers_ready: Signal<Out, bool>,
    pub verdict: Signal<In, Verdict>,
    pub verdict_valid: Signal<In, bool>,
    pub verdict_ready: Signal<Out, bool>,
    pub write_enable: Signal<In, bool>,
    pub write_index: Signal<In, SaIndex>,
    pub write_sa: Signal<In, TxSa>,
    pub write_seq: Signal<In, Bits<64>>,
    pub read_index: Signal<In, SaIndex>,
    pub packet: Signal<Out, TxPacket>,
    pub packet_valid: Signal<Out, bool>,
    pub packet_ready: Signal<In, bool>,
    pub read_seq: Signal<Out, Bits<64>>,
    pub events: Signal<Out, Bits<64>>,
    sas: RAM<TxSa, A>,
    seqs: RAM<Bits<64>, A>,
    seqs_for_reading: RAM<Bits<64>, A>,
    state: DFF<TxSaState>,
    head: DFF<Headers>,
    choice: DFF<Verdict>,
    sa: DFF<TxSa>,
    last_seq: DFF<Bits<64>>,
    seq: DFF<Bits<64>>,
    outcome: DFF<Bits<2>>,
    pulse: DFF<Bits<64>>,
    is_ip: Signal<Local, bool>,
    exhausted: Signal<Local, bool>,
    unsupported: Signal<Local, bool>,
    last: Signal<Local, Bits<64>>,
    last_low: Signal<Local, Bits<32>>,
    seq_write: Signal<Local, bool>,
    bypass: Const<2, { decision::BYPASS }>,
    protect: Const<2, { decision::PROTECT }>,
    discard: Const<2, { decision::DISCARD }>,
    bypass_action: Const<2, { action::BYPASS }>,
    block_action: Const<2, { action::BLOCK }>,
    ev_frame: EventMask<{ bit(Event::TxFrames) }>,
    ev_bypassed: EventMask<{ bit(Event::TxBypassed) }>,
    ev_protected: EventMask<{ bit(Event::TxProtected) }>,
    ev_block: EventMask<{ bit(Event::TxDropPolicyBlock) }>,
    ev_no_sa: EventMask<{ bit(Event::TxDropNoSa) }>,
    ev_overflow: EventMask<{ bit(Event::TxDropSeqOverflow) }>,
    ev_malformed: EventMask<{ bit(Event::TxDropMalformed) }>,
    ev_unsupported: EventMask<{ bit(Event::TxDropUnsupported) }>,
    ev_error: EventMask<{ bit(Event::TxDropError) }>,
}

impl<const A: usize> Logic for TxSaTable<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, head, choice, sa, last_seq, seq, outcome, pulse);
        self.pulse.d.next = 0.into();

        // Tables: the control plane writes SAs; sequence numbers are written by it and, in `Allocate`, by us.
        self.sas.read_clock.next = self.clock.val();
        self.sas.write_clock.next = self.clock.val();
        self.sas.write_enable.next = self.write_enable.val();
        self.sas.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.sas.write_data.next = self.write_sa.val();
        self.sas.read_address.next = bit_cast::<A, 10>(self.choice.q.val().sa);
        self.seqs.read_clock.next = self.clock.val();
        self.seqs.write_clock.next = self.clock.val();
        self.seqs.read_address.next = bit_cast::<A, 10>(self.choice.q.val().sa);
        self.seqs_for_reading.read_clock.next = self.clock.val();
        self.seqs_for_reading.write_clock.next = self.clock.val();
        self.seqs_for_reading.read_address.next = bit_cast::<A, 10>(self.read_index.val());
        self.read_seq.next = self.seqs_for_reading.read_data.val();
        self.seq_write.next = self.write_enable.val() || (self.state.q.val() == TxSaState::Allocate);
        self.seqs.write_enable.next = self.seq_write.val();
        self.seqs_for_reading.write_enable.next = self.seq_write.val();
        self.seqs.write_address.next = bit_cast::<A, 10>(self.choice.q.val().sa);
        self.seqs_for_reading.write_address.next = bit_cast::<A, 10>(self.choice.q.val().sa);
        self.seqs.write_data.next = self.seq.q.val();
        self.seqs_for_reading.write_data.next = self.seq.q.val();
        if self.write_enable.val() {
            self.seqs.write_address.next = bit_cast::<A, 10>(self.write_index.val());
            self.seqs_for_reading.write_address.next = bit_cast::<A, 10>(self.write_index.val());
            self.seqs.write_data.next = self.write_seq.val();
            self.seqs_for_reading.write_data.next = self.write_seq.val();
        }

        self.packet.next.decision = self.outcome.q.val();
        self.packet.next.headers = self.head.q.val();
        self.packet.next.sa = self.sa.q.val();
        self.packet.next.seq = self.seq.q.val();
        self.events.next = self.pulse.q.val();
        self.headers_ready.next = false;
        self.verdict_ready.next = false;
        self.packet_valid.next = false;
        self.is_ip.next = self.head.q.val().is_v4 || self.head.q.val().is_v6;
        self.unsupported.next = !self.sa.q.val().tunnel && (self.head.q.val().has_options || self.head.q.val().is_fragment);
        self.last.next = self.last_seq.q.val();
        self.last_low.next = self.last.val().get_bits::<32>(0);
        self.exhausted.next = self.last_low.val().all() && (!self.sa.q.val().esn || self.last.val().all());

        match self.state.q.val() {
            TxSaState::Join => {
                if self.headers_valid.val() && self.verdict_valid.val() {
                    self.headers_ready.next = true;
                    self.verdict_ready.next = true;
                    self.head.d.next = self.headers.val();
                    self.choice.d.next = self.verdict.val();
                    self.pulse.d.next = self.ev_frame.val();
                    self.state.d.next = TxSaState::Read;
                }
            }
            TxSaState::Read => {
                // The tables' addresses are `choice`: their outputs hold the entry from the next clock on.
                self.state.d.next = TxSaState::Decide;
            }
            TxSaState::Decide => {
                self.sa.d.next = self.sas.read_data.val();
                self.last_seq.d.next = self.seqs.read_data.val();
                self.outcome.d.next = self.bypass.val();
                self.state.d.next = TxSaState::Offer;
                if self.head.q.val().error {
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_error.val();
                } else if self.head.q.val().malformed {
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_malformed.val();
                } else if !self.is_ip.val() || (self.choice.q.val().action == self.bypass_action.val()) {
                    self.pulse.d.next = self.ev_bypassed.val();
                } else if self.choice.q.val().action == self.block_action.val() {
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_block.val();
                } else {
                    self.outcome.d.next = self.protect.val();
                    self.state.d.next = TxSaState::Check;
                }
            }
            TxSaState::Check => {
                self.seq.d.next = self.last_seq.q.val() + 1;
                self.state.d.next = TxSaState::Offer;
                if !self.choice.q.val().sa_valid || !self.sa.q.val().valid {
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_no_sa.val();
                } else if self.unsupported.val() {
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_unsupported.val();
                } else if self.exhausted.val() {
                    self.outcome.d.next = self.discard.val();
                    self.pulse.d.next = self.ev_overflow.val();
                } else {
                    self.pulse.d.next = self.ev_protected.val();
                    self.state.d.next = TxSaState::Allocate;
                }
            }
            TxSaState::Allocate => {
                // The write port belongs to the control plane in the clocks in which it writes.
                if !self.write_enable.val() {
                    self.state.d.next = TxSaState::Offer;
                }
            }
            TxSaState::Offer => {
                self.packet_valid.next = true;
                if self.packet_ready.val() {
                    self.state.d.next = TxSaState::Join;
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = TxSaState::Join;
        }
    }
}
