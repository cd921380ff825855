//! TX: from the verdict of the policies to the SA, and the next sequence number of it.
//!
//! Joins `headers` and `verdict` (one each a frame, in order), decides what becomes of the frame, and offers
//! `packet`: the headers, the decision, and for a protected packet its SA and its sequence number.
//!
//! The checks, of which the first that fails decides: frame damaged; IP header malformed; policy; no SA; unsupported; crypto offload:
//! length or IV; longer than the SA allows; expired; sequence numbers used up. (Linux, `xfrm_output_one`: expiry before sequence number.)
//! A frame for crypto offload (`headers.meta`) names its SA and has its number: neither policies, limits nor sequence numbers are asked.
//!
//! The sequence number is allocated here, in packet order: last used + 1 (RFC 4303 section 2.2). The last number of the
//! space (2^32 - 1, with ESN 2^64 - 1) is used once; after it every packet of the SA is dropped (section 3.3.3).
//!
//! - `status`, once a frame, and `notice` (what happened to an SA): the next frame waits for them, so none is lost.
//! - A table is written between two packets: `write_ready`, at most 7 clocks after `write_valid`, however long the wire stalls; no packet waits for a write.
//!   With `write_keep` only the SA changes; else also its sequence number, counts and limits: `write_seq`, 0, none. `limits_write`, a pulse, in any
//!   clock. The operands stay 8 clocks.
//! - `read_seq` and `life`: of `read_index`, right 4 clocks later; see [`Lifetime`].
//! - Latency 6 clocks; one packet each 7 clocks (4 when the policy decides); back-pressure: waits in `Offer` until `packet_ready`.

mod checks;
mod notices;
mod outcome;
mod packet;
mod tables;

use rust_hdl::prelude::*;

use self::checks::{Checks, Findings};
use self::notices::Notices;
use self::outcome::Outcome;
pub use self::packet::{decision, TxPacket};
use self::tables::Tables;
use crate::constant::Const;
use crate::events::Event;
use crate::lifetime::Lifetime;
use crate::records::{action, Headers, Life, Limits, Meta, Notice, SaIndex, TxSa, TxStatus, Verdict};

/// The steps of a packet.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum TxSaState {
    /// Wait for headers and verdict; between packets, so the host may write.
    Join,
    /// The tables are being read.
    Read,
    /// Decide by headers and verdict; take what was read.
    Decide,
    /// Hold the packet against its SA; the next sequence number.
    Check,
    /// Decide by that.
    Judge,
    /// Write the sequence number back, and count.
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
    pub write_valid: Signal<In, bool>,
    pub write_ready: Signal<Out, bool>,
    pub write_index: Signal<In, SaIndex>,
    pub write_sa: Signal<In, TxSa>,
    pub write_seq: Signal<In, Bits<64>>,
    pub write_keep: Signal<In, bool>,
    pub limits_write: Signal<In, bool>,
    pub limits_index: Signal<In, SaIndex>,
    pub limits: Signal<In, Limits>,
    pub read_index: Signal<In, SaIndex>,
    pub read_seq: Signal<Out, Bits<64>>,
    pub life: Signal<Out, Life>,
    pub packet: Signal<Out, TxPacket>,
    pub packet_valid: Signal<Out, bool>,
    pub packet_ready: Signal<In, bool>,
    pub status: Signal<Out, TxStatus>,
    pub status_valid: Signal<Out, bool>,
    pub status_ready: Signal<In, bool>,
    pub notice: Signal<Out, Notice>,
    pub notice_valid: Signal<Out, bool>,
    pub notice_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    tables: Tables<A>,
    lifetime: Lifetime<A>,
    checks: Checks,
    notices: Notices,
    fate: Outcome,
    state: DFF<TxSaState>,
    head: DFF<Headers>,
    choice: DFF<Verdict>,
    /// The SA that the policy or the frame names.
    index: DFF<SaIndex>,
    sa: DFF<TxSa>,
    last_seq: DFF<Bits<64>>,
    seq: DFF<Bits<64>>,
    outcome: DFF<Bits<2>>,
    /// Dropped as expired.
    refused: DFF<bool>,
    incoming: Signal<Local, Meta>,
    meta: Signal<Local, Meta>,
    findings: Signal<Local, Findings>,
    is_ip: Signal<Local, bool>,
    /// The next packet is taken.
    joins: Signal<Local, bool>,
    is_between: Signal<Local, bool>,
    is_last_seq: Signal<Local, bool>,
    new_seq: Signal<Local, Bits<64>>,
    counts: Signal<Local, bool>,
    allocates: Signal<Local, bool>,
    writes: Signal<Local, bool>,
    bypass: Const<2, { decision::BYPASS }>,
    protect: Const<2, { decision::PROTECT }>,
    discard: Const<2, { decision::DISCARD }>,
    bypass_action: Const<2, { action::BYPASS }>,
    block_action: Const<2, { action::BLOCK }>,
    ev_bypassed: Const<4, { Event::TxBypassed as u64 }>,
    ev_protected: Const<4, { Event::TxProtected as u64 }>,
    ev_crypto: Const<4, { Event::TxCrypto as u64 }>,
    ev_block: Const<4, { Event::TxDropPolicyBlock as u64 }>,
    ev_no_sa: Const<4, { Event::TxDropNoSa as u64 }>,
    ev_overflow: Const<4, { Event::TxDropSeqOverflow as u64 }>,
    ev_expired: Const<4, { Event::TxDropExpired as u64 }>,
    ev_too_big: Const<4, { Event::TxDropTooBig as u64 }>,
    ev_malformed: Const<4, { Event::TxDropMalformed as u64 }>,
    ev_unsupported: Const<4, { Event::TxDropUnsupported as u64 }>,
    ev_error: Const<4, { Event::TxDropError as u64 }>,
}

impl<const A: usize> Logic for TxSaTable<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, head, choice, index, sa, last_seq, seq, outcome, refused);
        clock!(self, clock, tables, lifetime, checks, notices, fate);
        self.lifetime.reset.next = self.reset.val();
        self.notices.reset.next = self.reset.val();
        self.fate.reset.next = self.reset.val();
        self.joins.next = ((self.state.q.val() == TxSaState::Join) & (self.headers_valid.val() & self.verdict_valid.val()))
            & (!self.fate.status_valid.val() | self.status_ready.val());
        // A packet that is offered is in registers: it may wait as long as the wire does. In the clock in which one is taken it is too late for a write:
        // the limits of its SA would be compared before they are written.
        self.is_between.next = ((self.state.q.val() == TxSaState::Join) & !self.joins.val()) | (self.state.q.val() == TxSaState::Offer);
        self.counts.next = (self.state.q.val() == TxSaState::Allocate) & !self.refused.q.val();
        self.meta.next = self.head.q.val().meta;
        self.incoming.next = self.headers.val().meta;

        // Tables: the host writes between packets; sequence numbers are written in `Allocate`, too.
        self.writes.next = self.is_between.val() & self.write_valid.val();
        self.write_ready.next = self.is_between.val();
        self.tables.write.next = self.writes.val();
        self.tables.write_keep.next = self.write_keep.val();
        self.tables.write_index.next = self.write_index.val();
        self.tables.write_sa.next = self.write_sa.val();
        self.tables.write_seq.next = self.write_seq.val();
        self.tables.index.next = self.index.q.val();
        self.allocates.next = self.counts.val() & !self.meta.val().crypto;
        self.tables.allocate.next = self.allocates.val();
        self.tables.allocated.next = self.seq.q.val();
        self.tables.read_index.next = self.read_index.val();
        self.read_seq.next = self.tables.read_seq.val();

        // What the SA has carried, what it says of the packet, and what the host is told of it.
        self.lifetime.index.next = self.index.q.val();
        self.lifetime.count.next = self.counts.val();
        self.lifetime.touch.next = (self.state.q.val() == TxSaState::Allocate) & self.refused.q.val();
        self.lifetime.bytes.next = self.checks.payload.val();
        self.lifetime.unlimited.next = self.meta.val().crypto;
        self.lifetime.clear_write.next = self.writes.val() & !self.write_keep.val();
        self.lifetime.clear_index.next = self.write_index.val();
        self.lifetime.limits_write.next = self.limits_write.val();
        self.lifetime.limits_index.next = self.limits_index.val();
        self.lifetime.limits.next = self.limits.val();
        self.lifetime.read_index.next = self.read_index.val();
        self.life.next = self.lifetime.life.val();
        self.checks.take.next = self.state.q.val() == TxSaState::Check;
        self.checks.headers.next = self.head.q.val();
        self.checks.policy_sa.next = self.choice.q.val().sa_valid;
        self.checks.sa.next = self.sa.q.val();
        self.checks.last_seq.next = self.last_seq.q.val();
        self.findings.next = self.checks.findings.val();
        self.new_seq.next = self.seq.q.val();
        self.is_last_seq.next = self.new_seq.val().get_bits::<32>(0).all() & (!self.sa.q.val().esn | self.new_seq.val().all());
        self.notices.used_up.next = self.allocates.val() & self.is_last_seq.val();
        self.notices.sa.next = self.index.q.val();
        self.notices.report.next = self.lifetime.report.val();
        self.notices.report_valid.next = self.lifetime.report_valid.val();
        self.lifetime.report_ready.next = self.notices.report_ready.val();
        self.notice.next = self.notices.notice.val();
        self.notice_valid.next = self.notices.notice_valid.val();
        self.notices.notice_ready.next = self.notice_ready.val();

        self.packet.next.decision = self.outcome.q.val();
        self.packet.next.headers = self.head.q.val();
        self.packet.next.sa = self.sa.q.val();
        self.packet.next.seq = self.seq.q.val();
        self.packet.next.payload = self.checks.payload.val();
        self.headers_ready.next = false;
        self.verdict_ready.next = false;
        self.packet_valid.next = false;
        self.fate.joined.next = false;
        self.fate.decide.next = false;
        self.fate.cause.next = self.ev_error.val();
        self.fate.sa.next = 0.into();
        self.fate.status_ready.next = self.status_ready.val();
        self.status.next = self.fate.status.val();
        self.status_valid.next = self.fate.status_valid.val();
        self.events.next = self.fate.events.val();
        self.is_ip.next = self.head.q.val().is_v4 || self.head.q.val().is_v6;

        match self.state.q.val() {
            TxSaState::Join => {
                if self.joins.val() {
                    self.headers_ready.next = true;
                    self.verdict_ready.next = true;
                    self.head.d.next = self.headers.val();
                    self.choice.d.next = self.verdict.val();
                    self.index.d.next = self.verdict.val().sa;
                    if self.incoming.val().crypto {
                        self.index.d.next = self.incoming.val().sa;
                    }
                    self.fate.joined.next = true;
                    self.state.d.next = TxSaState::Read;
                }
            }
            TxSaState::Read => {
                // The tables' addresses are `index`: their outputs hold the entry from the next clock on.
                self.state.d.next = TxSaState::Decide;
            }
            TxSaState::Decide => {
                self.sa.d.next = self.tables.sa.val();
                self.last_seq.d.next = self.tables.last_seq.val();
                self.refused.d.next = false;
                self.outcome.d.next = self.discard.val();
                self.fate.decide.next = true;
                self.state.d.next = TxSaState::Offer;
                if self.head.q.val().error {
                    self.fate.cause.next = self.ev_error.val();
                } else if self.head.q.val().malformed {
                    self.fate.cause.next = self.ev_malformed.val();
                } else if !self.meta.val().crypto && (!self.is_ip.val() || (self.choice.q.val().action == self.bypass_action.val())) {
                    self.fate.cause.next = self.ev_no_sa.val();
                    if !self.meta.val().must_protect {
                        self.outcome.d.next = self.bypass.val();
                        self.fate.cause.next = self.ev_bypassed.val();
                    }
                } else if !self.meta.val().crypto && (self.choice.q.val().action == self.block_action.val()) {
                    self.fate.cause.next = self.ev_block.val();
                } else {
                    self.fate.decide.next = false;
                    self.state.d.next = TxSaState::Check;
                }
            }
            TxSaState::Check => {
                self.seq.d.next = self.last_seq.q.val() + 1;
                if self.meta.val().crypto {
                    self.seq.d.next = self.head.q.val().iv;
                }
                self.state.d.next = TxSaState::Judge;
            }
            TxSaState::Judge => {
                if self.findings.val().found {
                    self.fate.sa.next = self.index.q.val();
                }
                if !self.notices.pending.val() {
                    self.fate.decide.next = true;
                    self.state.d.next = TxSaState::Offer;
                    if self.findings.val().no_sa {
                        self.fate.cause.next = self.ev_no_sa.val();
                    } else if self.findings.val().unsupported {
                        self.fate.cause.next = self.ev_unsupported.val();
                    } else if self.findings.val().malformed {
                        self.fate.cause.next = self.ev_malformed.val();
                    } else if self.checks.too_big.val() {
                        self.fate.cause.next = self.ev_too_big.val();
                    } else if !self.meta.val().crypto && self.lifetime.expired.val() {
                        self.fate.cause.next = self.ev_expired.val();
                        self.refused.d.next = true;
                        self.state.d.next = TxSaState::Allocate;
                    } else if self.findings.val().exhausted {
                        self.fate.cause.next = self.ev_overflow.val();
                    } else {
                        self.outcome.d.next = self.protect.val();
                        self.fate.cause.next = self.ev_protected.val();
                        if self.meta.val().crypto {
                            self.fate.cause.next = self.ev_crypto.val();
                        }
                        self.state.d.next = TxSaState::Allocate;
                    }
                }
            }
            TxSaState::Allocate => {
                self.state.d.next = TxSaState::Offer;
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
