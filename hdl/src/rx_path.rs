//! RX: from the wire's frames to the core, and from the core to the host.
//!
//! All wiring: the blocks in the order in which a frame meets them. Nothing of a packet leaves [`Hold`] before
//! its ICV is verified. Throughput is the slowest block's: one small frame each 8 clocks (replay window), else one beat or slot a clock.
//! Back-pressure goes from `m_ready` to `s_ready`; nothing is lost.
//!
//! The tables. An SA is written twice, as not valid before its replay window is prepared and as valid after it; the second write clears its
//! lifetime, limits and failures. `limits_write` is a pulse: `limits` are those of `sa_index`, and both stay for 8 clocks. `read_index` to `read_seq`, `read_life` and
//! `read_failures`: right 10 clocks later. `notice`: a limit was reached.

use rust_hdl::prelude::*;

use crate::decap::Decap;
use crate::eager::Eager;
use crate::fifo::Fifo;
use crate::gather::Gather;
use crate::header_builder::HeaderBuilder;
use crate::hold::Hold;
use crate::inner_header::InnerHeader;
use crate::lifetime::Lifetime;
use crate::parse::Parse;
use crate::prepend::Prepend;
use crate::queue::Queue;
use crate::records::{CamEntry, CryptoContext, Gathered, Job, Lead, Life, Limits, Meta, Notice, Prefix, RxFailures, RxSa, SaIndex, Slot};
use crate::replay::Replay;
use crate::rx_check::{Expected, RxCheck};
use crate::rx_failures::FailureCounters;
use crate::rx_sa::RxSaTable;
use crate::sa_cam::SaCam;
use crate::stream::Beat;

/// See the module's documentation. `A`: address bits of the SA table; `C`: of a way of the CAM; `W`: of the replay
/// windows, which must be `A` + 5.
#[derive(LogicBlock, Default)]
pub struct RxPath<const A: usize, const C: usize, const W: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub enable: Signal<In, bool>,
    pub pass_unknown: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
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
    pub m_meta: Signal<Out, Meta>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    pub cam_write: Signal<In, bool>,
    pub cam_way: Signal<In, Bits<2>>,
    pub cam_row: Signal<In, Bits<10>>,
    pub cam_entry: Signal<In, CamEntry>,
    pub sa_write: Signal<In, bool>,
    pub sa_index: Signal<In, SaIndex>,
    pub sa: Signal<In, RxSa>,
    pub sa_seq: Signal<In, Bits<64>>,
    pub replay_init_valid: Signal<In, bool>,
    pub replay_init_ready: Signal<Out, bool>,
    pub limits_write: Signal<In, bool>,
    pub limits: Signal<In, Limits>,
    pub read_index: Signal<In, SaIndex>,
    pub read_seq: Signal<Out, Bits<64>>,
    pub read_life: Signal<Out, Life>,
    pub read_failures: Signal<Out, RxFailures>,
    pub notice: Signal<Out, Notice>,
    pub notice_valid: Signal<Out, bool>,
    pub notice_ready: Signal<In, bool>,
    pub ready: Signal<Out, bool>,
    pub events: Signal<Out, Bits<64>>,
    parse: Parse,
    frames: Fifo<Beat, 9>,
    cam: SaCam<C>,
    sas: RxSaTable<A>,
    check: RxCheck,
    replay: Replay<A, W>,
    jobs: Queue<Job, 2>,
    gather: Gather,
    gathered: Queue<Gathered, 4>,
    tags: Eager<Bits<128>, 7, 64>,
    is_protected: Queue<bool, 4>,
    /// Out of a register: what is expected decides, through all that stands behind, in one clock.
    expected: Fifo<Expected, 4>,
    hold: Hold<11>,
    lifetime: Lifetime<A>,
    failures: FailureCounters<A>,
    decap: Decap,
    inner_header: InnerHeader,
    /// Never full: it has room for 85 packets, and behind the gatherer are at most 20: 17 in `expected`, 2 in `decap`, one in `builder`.
    leads: Fifo<Lead, 9>,
    builder: HeaderBuilder,
    prefixes: Queue<Prefix, 4>,
    prepend: Prepend,
    /// The SA that was written last, and whether as valid in the clock before.
    written: DFF<SaIndex>,
    renews: DFF<bool>,
    again: DFF<Bits<64>>,
    late: DFF<Bits<64>>,
    early: Signal<Local, Bits<64>>,
    behind: Signal<Local, Bits<64>>,
}

impl<const A: usize, const C: usize, const W: usize> Logic for RxPath<A, C, W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            parse,
            frames,
            cam,
            sas,
            check,
            replay,
            jobs,
            gather,
            gathered,
            tags,
            is_protected,
            expected,
            hold,
            lifetime,
            failures,
            decap,
            inner_header,
            leads,
            builder,
            prefixes,
            prepend
        );
        dff_setup!(self, clock, written, renews, again, late);
        self.parse.reset.next = self.reset.val();
        self.frames.reset.next = self.reset.val();
        self.cam.reset.next = self.reset.val();
        self.sas.reset.next = self.reset.val();
        self.check.reset.next = self.reset.val();
        self.replay.reset.next = self.reset.val();
        self.jobs.reset.next = self.reset.val();
        self.gather.reset.next = self.reset.val();
        self.gathered.reset.next = self.reset.val();
        self.tags.reset.next = self.reset.val();
        self.is_protected.reset.next = self.reset.val();
        self.expected.reset.next = self.reset.val();
        self.hold.reset.next = self.reset.val();
        self.lifetime.reset.next = self.reset.val();
        self.failures.reset.next = self.reset.val();
        self.decap.reset.next = self.reset.val();
        self.inner_header.reset.next = self.reset.val();
        self.leads.reset.next = self.reset.val();
        self.builder.reset.next = self.reset.val();
        self.prefixes.reset.next = self.reset.val();
        self.prepend.reset.next = self.reset.val();

        // The frame's first beats say what it is; the rest follows while that is found out.
        self.parse.store_and_forward.next = false;
        self.parse.s_beat.next = self.s_beat.val();
        self.parse.s_meta.next.crypto = false;
        self.parse.s_meta.next.must_protect = false;
        self.parse.s_meta.next.is_protected = false;
        self.parse.s_meta.next.unsupported = false;
        self.parse.s_meta.next.status = 0.into();
        self.parse.s_meta.next.sa = 0.into();
        self.parse.s_meta.next.generation = 0.into();
        self.parse.s_valid.next = self.s_valid.val() && self.enable.val();
        self.s_ready.next = self.parse.s_ready.val() && self.enable.val();
        self.frames.s_data.next = self.parse.m_beat.val();
        self.frames.s_valid.next = self.parse.m_valid.val();
        self.parse.m_ready.next = self.frames.s_ready.val();

        // Its SA.
        self.sas.pass_unknown.next = self.pass_unknown.val();
        self.sas.headers.next = self.parse.headers.val();
        self.sas.dst.next = self.parse.endpoints.val().dst;
        self.sas.headers_valid.next = self.parse.headers_valid.val();
        self.parse.headers_ready.next = self.sas.headers_ready.val();
        self.cam.key.next = self.sas.key.val();
        self.cam.key_valid.next = self.sas.key_valid.val();
        self.sas.result_valid.next = self.cam.result_valid.val();
        self.sas.result_hit.next = self.cam.result_hit.val();
        self.sas.result_sa.next = self.cam.result_sa.val();
        self.ready.next = self.cam.ready.val();
        self.cam.write_enable.next = self.cam_write.val();
        self.cam.write_way.next = self.cam_way.val();
        self.cam.write_row.next = self.cam_row.val();
        self.cam.write_data.next = self.cam_entry.val();
        self.sas.write_enable.next = self.sa_write.val();
        self.sas.write_index.next = self.sa_index.val();
        self.sas.write_sa.next = self.sa.val();
        self.renews.d.next = self.sa_write.val() & self.sa.val().valid;
        if self.sa_write.val() {
            self.written.d.next = self.sa_index.val();
        }

        // Its place in the replay window; the job.
        self.check.found.next = self.sas.packet.val();
        self.check.found_valid.next = self.sas.packet_valid.val();
        self.sas.packet_ready.next = self.check.found_ready.val();
        self.replay.check.next = self.check.check.val();
        self.replay.check_valid.next = self.check.check_valid.val();
        self.check.check_ready.next = self.replay.check_ready.val();
        self.check.checked.next = self.replay.checked.val();
        self.check.checked_valid.next = self.replay.checked_valid.val();
        self.replay.checked_ready.next = self.check.checked_ready.val();
        self.replay.init_valid.next = self.replay_init_valid.val();
        self.replay.init_sa.next = self.sa_index.val();
        self.replay.init_top.next = self.sa_seq.val();
        self.replay_init_ready.next = self.replay.init_ready.val();
        self.replay.read_sa.next = self.read_index.val();
        self.read_seq.next = self.replay.read_top.val();
        self.sas.check_index.next = self.check.current_index.val();
        self.check.current.next = self.sas.check_current.val();
        self.failures.early.next = self.check.failure.val();
        self.failures.early_valid.next = self.check.failure_valid.val();
        self.check.failure_ready.next = self.failures.early_ready.val();
        self.jobs.s_data.next = self.check.job.val();
        self.jobs.s_valid.next = self.check.job_valid.val();
        self.check.job_ready.next = self.jobs.s_ready.val();
        self.expected.s_data.next = self.check.expected.val();
        self.expected.s_valid.next = self.check.expected_valid.val();
        self.check.expected_ready.next = self.expected.s_ready.val();
        self.is_protected.s_data.next = self.check.is_protected.val();
        self.is_protected.s_valid.next = self.check.is_protected_valid.val();
        self.check.is_protected_ready.next = self.is_protected.s_ready.val();

        // Ciphertext to the core.
        self.gather.s_beat.next = self.frames.m_data.val();
        self.gather.s_valid.next = self.frames.m_valid.val();
        self.frames.m_ready.next = self.gather.s_ready.val();
        self.gather.job.next = self.jobs.m_data.val();
        self.gather.job_valid.next = self.jobs.m_valid.val();
        self.jobs.m_ready.next = self.gather.job_ready.val();
        self.gathered.s_data.next = self.gather.gathered.val();
        self.gathered.s_valid.next = self.gather.gathered_valid.val();
        self.gather.gathered_ready.next = self.gathered.s_ready.val();
        self.crypto.next = self.check.crypto.val();
        self.crypto_valid.next = self.check.crypto_valid.val();
        self.slot.next = self.gather.slot.val();
        self.slot_valid.next = self.gather.slot_valid.val();
        self.gather.slot_ready.next = self.slot_ready.val();

        // Back from the core: held until tag and ICV are compared.
        self.hold.s_beat.next = self.core_beat.val();
        self.hold.s_valid.next = self.core_beat_valid.val();
        self.tags.s_data.next = self.core_tag.val();
        self.tags.s_valid.next = self.core_tag_valid.val();
        self.room.next = self.hold.room.val() && self.tags.room.val();
        self.hold.tag.next = self.tags.m_data.val();
        self.hold.tag_valid.next = self.tags.m_valid.val();
        self.tags.m_ready.next = self.hold.tag_ready.val();
        self.hold.is_protected.next = self.is_protected.m_data.val();
        self.hold.is_protected_valid.next = self.is_protected.m_valid.val();
        self.is_protected.m_ready.next = self.hold.is_protected_ready.val();
        self.hold.gathered.next = self.gathered.m_data.val();
        self.hold.gathered_valid.next = self.gathered.m_valid.val();
        self.gathered.m_ready.next = self.hold.gathered_ready.val();

        // The verdict.
        self.decap.held.next = self.hold.held.val();
        self.decap.held_valid.next = self.hold.held_valid.val();
        self.hold.held_ready.next = self.decap.held_ready.val();
        self.decap.expected.next = self.expected.m_data.val();
        self.decap.expected_valid.next = self.expected.m_valid.val();
        self.expected.m_ready.next = self.decap.expected_ready.val();
        self.replay.advance.next = self.decap.advance.val();
        self.replay.advance_valid.next = self.decap.advance_valid.val();
        self.decap.advance_ready.next = self.replay.advance_ready.val();
        self.decap.advanced.next = self.replay.advanced.val();
        self.decap.advanced_valid.next = self.replay.advanced_valid.val();
        self.replay.advanced_ready.next = self.decap.advanced_ready.val();
        self.replay.allow.next = self.decap.allow.val();
        self.sas.current_index.next = self.decap.current_index.val();
        self.decap.current.next = self.sas.current.val();
        self.hold.outcome.next = self.decap.outcome.val();
        self.hold.outcome_valid.next = self.decap.outcome_valid.val();
        self.decap.outcome_ready.next = self.hold.outcome_ready.val();

        // What its SA has carried, and what its packets failed at.
        self.lifetime.index.next = self.decap.life_index.val();
        self.lifetime.count.next = self.decap.count.val();
        self.lifetime.touch.next = self.decap.touch.val();
        self.lifetime.bytes.next = self.decap.bytes.val();
        self.lifetime.unlimited.next = self.decap.unlimited.val();
        self.decap.expired.next = self.lifetime.expired.val();
        self.decap.report_waits.next = self.lifetime.report_valid.val();
        self.lifetime.clear_write.next = self.renews.q.val();
        self.lifetime.clear_index.next = self.written.q.val();
        self.lifetime.limits_write.next = self.limits_write.val();
        self.lifetime.limits_index.next = self.sa_index.val();
        self.lifetime.limits.next = self.limits.val();
        self.lifetime.read_index.next = self.read_index.val();
        self.read_life.next = self.lifetime.life.val();
        self.notice.next = self.lifetime.report.val();
        self.notice_valid.next = self.lifetime.report_valid.val();
        self.lifetime.report_ready.next = self.notice_ready.val();
        self.failures.late.next = self.decap.failure.val();
        self.failures.late_valid.next = self.decap.failure_valid.val();
        self.decap.failure_ready.next = self.failures.late_ready.val();
        self.failures.clear_write.next = self.renews.q.val();
        self.failures.clear_index.next = self.written.q.val();
        self.failures.read_index.next = self.read_index.val();
        self.read_failures.next = self.failures.failures.val();

        // Several stages may count a cause in the same clock: then once more in a later one. Each is at least 3 clocks away from counting it
        // again, the first two 6: so `again` meets neither of these, and `late` finds a free clock before the next of its kind.
        self.early.next = (self.sas.events.val() | self.check.events.val()) | self.again.q.val();
        self.again.d.next = self.sas.events.val() & self.check.events.val();
        self.behind.next = self.decap.events.val();
        self.late.d.next = (self.early.val() & self.behind.val()) | (self.late.q.val() & (self.early.val() | self.behind.val()));
        self.events.next = (self.early.val() | self.behind.val()) | self.late.q.val();

        // The plaintext, with its headers in front, to the host.
        self.builder.fields.next = self.decap.fields.val();
        self.builder.fields_valid.next = self.decap.fields_valid.val();
        self.decap.fields_ready.next = self.builder.fields_ready.val();
        self.leads.s_data.next = self.gather.lead.val();
        self.leads.s_valid.next = self.gather.lead_valid.val();
        self.builder.lead.next = self.leads.m_data.val();
        self.builder.lead_valid.next = self.leads.m_valid.val();
        self.leads.m_ready.next = self.builder.lead_ready.val();
        self.prefixes.s_data.next = self.builder.prefix.val();
        self.prefixes.s_valid.next = self.builder.prefix_valid.val();
        self.builder.prefix_ready.next = self.prefixes.s_ready.val();
        self.prepend.prefix.next = self.prefixes.m_data.val();
        self.prepend.prefix_valid.next = self.prefixes.m_valid.val();
        self.prefixes.m_ready.next = self.prepend.prefix_ready.val();
        self.inner_header.s_beat.next = self.hold.m_beat.val();
        self.inner_header.s_marks.next = self.hold.m_marks.val();
        self.inner_header.s_valid.next = self.hold.m_valid.val();
        self.hold.m_ready.next = self.inner_header.s_ready.val();
        self.prepend.s_beat.next = self.inner_header.m_beat.val();
        self.prepend.s_valid.next = self.inner_header.m_valid.val();
        self.inner_header.m_ready.next = self.prepend.s_ready.val();
        self.m_beat.next = self.prepend.m_beat.val();
        self.m_meta.next = self.prepend.m_meta.val();
        self.m_valid.next = self.prepend.m_valid.val();
        self.prepend.m_ready.next = self.m_ready.val();
    }
}
