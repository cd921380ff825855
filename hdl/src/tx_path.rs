//! TX: from the host's frames to the core, and from the core to the wire.
//!
//! All wiring: the blocks in the order in which a frame meets them. Throughput is the slowest block's: one small frame each 8
//! clocks (policies), else one beat or slot a clock. Back-pressure goes from `m_ready` to `s_ready`; nothing is lost.

use rust_hdl::prelude::*;

use crate::append::{Append, WithIcv};
use crate::encap::Encap;
use crate::fifo::Fifo;
use crate::gather::Gather;
use crate::header_builder::HeaderBuilder;
use crate::lead::LeadTap;
use crate::parse::Parse;
use crate::policy::{PolicyTable, PolicyWrite};
use crate::prepend::Prepend;
use crate::queue::Queue;
use crate::records::{CryptoContext, Headers, Job, Lead, Life, Limits, Meta, Notice, Prefix, SaIndex, Slot, TxSa, TxStatus};
use crate::stream::Beat;
use crate::tx_sa::TxSaTable;

/// See the module's documentation. `A`: address bits of the SA table; `R`, `G`: rows and groups of policies, see [`PolicyTable`].
#[derive(LogicBlock, Default)]
pub struct TxPath<const A: usize, const R: usize, const G: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    /// Frames are taken; while low, none is begun.
    pub enable: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
    /// With the first beat of a frame; only `crypto`, `must_protect` and `sa` count.
    pub s_meta: Signal<In, Meta>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub slot: Signal<Out, Slot>,
    pub crypto: Signal<Out, CryptoContext>,
    pub crypto_valid: Signal<Out, bool>,
    pub slot_valid: Signal<Out, bool>,
    pub slot_ready: Signal<In, bool>,
    pub room: Signal<Out, bool>,
    pub core_beat: Signal<In, Beat>,
    pub core_beat_valid: Signal<In, bool>,
    pub core_tag: Signal<In, Bits<128>>,
    pub core_tag_valid: Signal<In, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    /// Stays up until `policy_ready`; see [`PolicySource`](crate::policy::PolicySource).
    pub policy_write: Signal<In, bool>,
    pub policy: Signal<In, PolicyWrite>,
    pub policy_at: Signal<Out, Bits<6>>,
    pub policy_ready: Signal<Out, bool>,
    /// Writes of the SA table: see [`crate::tx_sa`].
    pub sa_write: Signal<In, bool>,
    pub sa_write_ready: Signal<Out, bool>,
    pub sa_keep: Signal<In, bool>,
    pub sa_index: Signal<In, SaIndex>,
    pub sa: Signal<In, TxSa>,
    pub sa_seq: Signal<In, Bits<64>>,
    /// Limits of `sa_index`.
    pub limits_write: Signal<In, bool>,
    pub limits: Signal<In, Limits>,
    pub read_index: Signal<In, SaIndex>,
    pub read_seq: Signal<Out, Bits<64>>,
    pub read_life: Signal<Out, Life>,
    /// What became of each frame, in order.
    pub status: Signal<Out, TxStatus>,
    pub status_valid: Signal<Out, bool>,
    pub status_ready: Signal<In, bool>,
    /// What happened to an SA.
    pub notice: Signal<Out, Notice>,
    pub notice_valid: Signal<Out, bool>,
    pub notice_ready: Signal<In, bool>,
    pub ready: Signal<Out, bool>,
    pub events: Signal<Out, Bits<64>>,
    parse: Parse,
    frames: Fifo<Beat, 10>,
    headers: Queue<Headers, 2>,
    tap: LeadTap,
    /// Never full: it has room for 85 frames, and between parser and header builder are at most 10: 3 in the parser, 4 in `headers`, one each in
    /// `sas`, `encap` and `builder`.
    leads: Fifo<Lead, 9>,
    policies: PolicyTable<R, G>,
    sas: TxSaTable<A>,
    statuses: Queue<TxStatus, 4>,
    encap: Encap,
    jobs: Queue<Job, 2>,
    gather: Gather,
    payload: Fifo<Beat, 9, 64>,
    tags: Fifo<Bits<128>, 7, 64>,
    /// Of the packets in the core and behind it; no more than these are on their way.
    with_icv: Queue<WithIcv, 4>,
    append: Append,
    builder: HeaderBuilder,
    prefixes: Fifo<Prefix, 9>,
    prepend: Prepend,
    /// A frame is half taken.
    midway: DFF<bool>,
    open: Signal<Local, bool>,
    beat: Signal<Local, Beat>,
    both_ready: Signal<Local, bool>,
}

impl<const A: usize, const R: usize, const G: usize> Logic for TxPath<A, R, G> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self, clock, parse, frames, headers, tap, leads, policies, sas, statuses, encap, jobs, gather, payload, tags, with_icv, append,
            builder, prefixes, prepend
        );
        dff_setup!(self, clock, midway);
        self.parse.reset.next = self.reset.val();
        self.frames.reset.next = self.reset.val();
        self.headers.reset.next = self.reset.val();
        self.tap.reset.next = self.reset.val();
        self.leads.reset.next = self.reset.val();
        self.policies.reset.next = self.reset.val();
        self.sas.reset.next = self.reset.val();
        self.statuses.reset.next = self.reset.val();
        self.encap.reset.next = self.reset.val();
        self.jobs.reset.next = self.reset.val();
        self.gather.reset.next = self.reset.val();
        self.payload.reset.next = self.reset.val();
        self.tags.reset.next = self.reset.val();
        self.with_icv.reset.next = self.reset.val();
        self.append.reset.next = self.reset.val();
        self.builder.reset.next = self.reset.val();
        self.prefixes.reset.next = self.reset.val();
        self.prepend.reset.next = self.reset.val();

        // The frame waits until its headers have been judged.
        self.parse.store_and_forward.next = true;
        self.parse.s_beat.next = self.s_beat.val();
        self.parse.s_meta.next = self.s_meta.val();
        self.open.next = self.enable.val() | self.midway.q.val();
        self.beat.next = self.s_beat.val();
        self.parse.s_valid.next = self.s_valid.val() & self.open.val();
        self.s_ready.next = self.parse.s_ready.val() & self.open.val();
        if (self.s_valid.val() & self.open.val()) & self.parse.s_ready.val() {
            self.midway.d.next = !self.beat.val().last;
        }
        if self.reset.val() {
            self.midway.d.next = false;
        }
        self.frames.s_data.next = self.parse.m_beat.val();
        self.frames.s_valid.next = self.parse.m_valid.val();
        self.parse.m_ready.next = self.frames.s_ready.val();
        self.tap.beat.next = self.parse.m_beat.val();
        self.tap.take.next = self.parse.m_valid.val() & self.frames.s_ready.val();
        self.leads.s_data.next = self.tap.lead.val();
        self.leads.s_valid.next = self.tap.lead_valid.val();

        // Its headers go to the policies and wait for their verdict.
        self.both_ready.next = self.headers.s_ready.val() && self.policies.selector_ready.val();
        self.parse.headers_ready.next = self.both_ready.val();
        self.headers.s_data.next = self.parse.headers.val();
        self.headers.s_valid.next = self.parse.headers_valid.val() && self.both_ready.val();
        self.policies.selector_valid.next = self.parse.headers_valid.val() && self.both_ready.val();
        self.policies.selector.next.v6 = self.parse.headers.val().is_v6;
        self.policies.selector.next.forward = false;
        self.policies.selector.next.src = self.parse.endpoints.val().src;
        self.policies.selector.next.dst = self.parse.endpoints.val().dst;
        self.policies.selector.next.protocol = self.parse.headers.val().protocol;
        self.policies.selector.next.sport = self.parse.endpoints.val().sport;
        self.policies.selector.next.dport = self.parse.endpoints.val().dport;
        self.ready.next = self.policies.ready.val();
        self.policies.write_valid.next = self.policy_write.val();
        self.policy_ready.next = self.policies.write_ready.val();
        self.policies.write.next = self.policy.val();
        self.policy_at.next = self.policies.write_at.val();

        // SA and sequence number.
        self.sas.headers.next = self.headers.m_data.val();
        self.sas.headers_valid.next = self.headers.m_valid.val();
        self.headers.m_ready.next = self.sas.headers_ready.val();
        self.sas.verdict.next = self.policies.verdict.val();
        self.sas.verdict_valid.next = self.policies.verdict_valid.val();
        self.policies.verdict_ready.next = self.sas.verdict_ready.val();
        self.sas.write_valid.next = self.sa_write.val();
        self.sa_write_ready.next = self.sas.write_ready.val();
        self.sas.write_keep.next = self.sa_keep.val();
        self.sas.write_index.next = self.sa_index.val();
        self.sas.write_sa.next = self.sa.val();
        self.sas.write_seq.next = self.sa_seq.val();
        self.sas.limits_write.next = self.limits_write.val();
        self.sas.limits_index.next = self.sa_index.val();
        self.sas.limits.next = self.limits.val();
        self.sas.read_index.next = self.read_index.val();
        self.read_seq.next = self.sas.read_seq.val();
        self.read_life.next = self.sas.life.val();
        self.events.next = self.sas.events.val();
        self.statuses.s_data.next = self.sas.status.val();
        self.statuses.s_valid.next = self.sas.status_valid.val();
        self.sas.status_ready.next = self.statuses.s_ready.val();
        self.status.next = self.statuses.m_data.val();
        self.status_valid.next = self.statuses.m_valid.val();
        self.statuses.m_ready.next = self.status_ready.val();
        self.notice.next = self.sas.notice.val();
        self.notice_valid.next = self.sas.notice_valid.val();
        self.sas.notice_ready.next = self.notice_ready.val();

        // What becomes of the packet.
        self.encap.packet.next = self.sas.packet.val();
        self.encap.packet_valid.next = self.sas.packet_valid.val();
        self.sas.packet_ready.next = self.encap.packet_ready.val();
        self.jobs.s_data.next = self.encap.job.val();
        self.jobs.s_valid.next = self.encap.job_valid.val();
        self.encap.job_ready.next = self.jobs.s_ready.val();
        self.builder.fields.next = self.encap.fields.val();
        self.builder.fields_valid.next = self.encap.fields_valid.val();
        self.encap.fields_ready.next = self.builder.fields_ready.val();
        self.builder.lead.next = self.leads.m_data.val();
        self.builder.lead_valid.next = self.leads.m_valid.val();
        self.leads.m_ready.next = self.builder.lead_ready.val();
        self.with_icv.s_data.next = self.encap.with_icv.val();
        self.with_icv.s_valid.next = self.encap.with_icv_valid.val();
        self.encap.with_icv_ready.next = self.with_icv.s_ready.val();

        // Payload and trailer to the core. TX frames are whole: nothing is to be learnt from how they ended.
        self.gather.s_beat.next = self.frames.m_data.val();
        self.gather.s_valid.next = self.frames.m_valid.val();
        self.frames.m_ready.next = self.gather.s_ready.val();
        self.gather.job.next = self.jobs.m_data.val();
        self.gather.job_valid.next = self.jobs.m_valid.val();
        self.jobs.m_ready.next = self.gather.job_ready.val();
        self.gather.gathered_ready.next = true;
        self.slot.next = self.gather.slot.val();
        self.crypto.next = self.encap.crypto.val();
        self.crypto_valid.next = self.encap.crypto_valid.val();
        self.slot_valid.next = self.gather.slot_valid.val();
        self.gather.slot_ready.next = self.slot_ready.val();

        // Back from the core: payload || ICV, and the headers in front.
        self.payload.s_data.next = self.core_beat.val();
        self.payload.s_valid.next = self.core_beat_valid.val();
        self.tags.s_data.next = self.core_tag.val();
        self.tags.s_valid.next = self.core_tag_valid.val();
        self.room.next = self.payload.room.val() && self.tags.room.val();
        self.append.s_beat.next = self.payload.m_data.val();
        self.append.s_valid.next = self.payload.m_valid.val();
        self.payload.m_ready.next = self.append.s_ready.val();
        self.append.tag.next = self.tags.m_data.val();
        self.append.tag_valid.next = self.tags.m_valid.val();
        self.tags.m_ready.next = self.append.tag_ready.val();
        self.append.with_icv.next = self.with_icv.m_data.val();
        self.append.with_icv_valid.next = self.with_icv.m_valid.val();
        self.with_icv.m_ready.next = self.append.with_icv_ready.val();
        self.prefixes.s_data.next = self.builder.prefix.val();
        self.prefixes.s_valid.next = self.builder.prefix_valid.val();
        self.builder.prefix_ready.next = self.prefixes.s_ready.val();
        self.prepend.prefix.next = self.prefixes.m_data.val();
        self.prepend.prefix_valid.next = self.prefixes.m_valid.val();
        self.prefixes.m_ready.next = self.prepend.prefix_ready.val();
        self.prepend.s_beat.next = self.append.m_beat.val();
        self.prepend.s_valid.next = self.append.m_valid.val();
        self.append.m_ready.next = self.prepend.s_ready.val();
        self.m_beat.next = self.prepend.m_beat.val();
        self.m_valid.next = self.prepend.m_valid.val();
        self.prepend.m_ready.next = self.m_ready.val();
    }
}
