//! From the frame to the core: leaves out the headers, aligns the payload, appends the trailer, keeps the ICV.

mod plan;
mod trailer;

use rust_hdl::prelude::*;

use crate::records::{CryptoContext, Gathered, Job, Slot};
use crate::shift::Shift;
use crate::stream::Beat;
use plan::{Plan, Planner};
use trailer::Trailer;

/// Turns each frame into the slots of the GCM core that its [`Job`] asks for.
///
/// - Ports: `s` whole frames, `job` one for each in the same order, taken when its frame is begun; `slot` with `crypto` beside it, the
///   same for all slots of a packet; `gathered` once for each job that is not `discard`.
/// - A discarded frame is swallowed. A bypassing one gives its beats as they are (`slot.bypass`; `remaining` and `crypto` do not count). A protected one
///   gives `first`, then its blocks, with exact `remaining`; what the frame holds behind (Ethernet padding) is swallowed.
/// - A frame that ends early is brought to a proper end, the missing bytes undefined, with at most 3 blocks after its last beat; `gathered.error` tells.
/// - Jobs: `skip` is even and at most 86; `length` with trailer is a multiple of 4, with ICV too, and at most 65,500.
/// - Latency: 1 clock from a beat to the slot it completes; a job, coming late, starts 3 clocks after. `gathered` comes the clock after the frame's last
///   beat was taken.
/// - Throughput: a frame of `n` beats takes `n` clocks if it is discarded or bypasses. A protected one with `b` blocks takes
///   max(`n`, ceil(`skip` / 16) + `b`) clocks, from one `first` slot to the next: `n` with an ICV, at most `n` + 1 with a trailer, or the number of its slots. With
///   `skip` 0, where no beat goes with the `first` slot, 1 + max(`n`, `b`). No bubble between frames, but a frame takes at least 3 clocks.
/// - Back-pressure: everything waits while a slot, or the `gathered` of the frame before, is not taken.
#[derive(LogicBlock, Default)]
pub struct Gather {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
    pub s_valid: Signal<In, bool>,
    pub job: Signal<In, Job>,
    pub job_valid: Signal<In, bool>,
    pub slot_ready: Signal<In, bool>,
    pub gathered_ready: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub job_ready: Signal<Out, bool>,
    pub slot: Signal<Out, Slot>,
    pub crypto: Signal<Out, CryptoContext>,
    pub slot_valid: Signal<Out, bool>,
    pub gathered: Signal<Out, Gathered>,
    pub gathered_valid: Signal<Out, bool>,
    planner: Planner,
    /// Payload: `carry` and the beat to a block.
    align: Shift,
    /// ICV: its part in one beat and that in the next.
    icv_align: Shift,
    trailer: Trailer,
    /// `now` is the plan of a frame whose first beat has not been looked at.
    armed: DFF<bool>,
    /// `now` is the plan of a frame that was begun.
    busy: DFF<bool>,
    /// Its last beat was taken.
    ended: DFF<bool>,
    /// What is still to come of it: `lead`, `beats` and `blocks` count down.
    now: DFF<Plan>,
    carry: DFF<Bits<128>>,
    slot_out: DFF<Slot>,
    slot_full: DFF<bool>,
    crypto_out: DFF<CryptoContext>,
    icv: DFF<Bits<128>>,
    error: DFF<bool>,
    gathered_full: DFF<bool>,
    /// The outputs have space.
    go: Signal<Local, bool>,
    start: Signal<Local, bool>,
    is_protected: Signal<Local, bool>,
    lead: Signal<Local, Bits<3>>,
    beats: Signal<Local, Bits<13>>,
    blocks: Signal<Local, Bits<13>>,
    blocks_after: Signal<Local, Bits<13>>,
    left: Signal<Local, Bits<13>>,
    tail: Signal<Local, Bits<5>>,
    last_block: Signal<Local, bool>,
    more_beats: Signal<Local, bool>,
    s_take: Signal<Local, bool>,
    s_offer: Signal<Local, bool>,
    /// A block leaves.
    issue: Signal<Local, bool>,
    ends_here: Signal<Local, bool>,
    /// The frame ended, maybe in this clock.
    over: Signal<Local, bool>,
    finish: Signal<Local, bool>,
    short: Signal<Local, bool>,
    first: Signal<Local, bool>,
    following: Signal<Local, Bits<13>>,
    remaining: Signal<Local, Bits<2>>,
    block: Signal<Local, Beat>,
    offered: Signal<Local, bool>,
    gathered_out: Signal<Local, Gathered>,
}

impl Logic for Gather {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, armed, busy, ended, now, carry, slot_out, slot_full, crypto_out, icv, error, gathered_full);
        clock!(self, clock, planner);
        self.planner.reset.next = self.reset.val();
        self.planner.job.next = self.job.val();
        self.planner.job_valid.next = self.job_valid.val();
        self.lead.next = self.now.q.val().lead;
        self.beats.next = self.now.q.val().beats;
        self.blocks.next = self.now.q.val().blocks;
        self.tail.next = self.now.q.val().tail;
        self.is_protected.next = !(self.now.q.val().discard | self.now.q.val().bypass);
        self.go.next = (!self.slot_full.q.val() | self.slot_ready.val()) & (!self.gathered_full.q.val() | self.gathered_ready.val());

        // Begin. A protected frame's first beat goes with the `first` slot, unless it already holds payload alone.
        self.start.next = self.armed.q.val() & self.s_valid.val() & self.go.val();
        self.planner.take.next = self.start.val();
        self.job_ready.next = self.start.val();
        if self.start.val() {
            self.crypto_out.d.next = self.job.val().crypto;
        }

        // Take beats: those that give no block, those that give one, those behind what is asked for.
        self.s_offer.next = self.go.val()
            & ((self.busy.q.val() & !self.ended.q.val()) | (self.armed.q.val() & (!self.is_protected.val() | (self.lead.val() != 0))));
        self.s_ready.next = self.s_offer.val();
        self.s_take.next = self.s_offer.val() & self.s_valid.val();
        self.ends_here.next = self.s_take.val() & self.s_beat.val().last;
        self.over.next = self.ends_here.val() | self.ended.q.val();
        self.more_beats.next = self.beats.val() != 0;
        self.short.next =
            self.is_protected.val() & self.more_beats.val() & ((self.beats.val() != 1) | (self.s_beat.val().bytes < self.now.q.val().need));
        self.align.offset.next = self.now.q.val().offset;
        self.align.data.next = self.s_beat.val().data;
        self.align.carry.next = self.carry.q.val();
        self.icv_align.offset.next = self.now.q.val().icv_offset;
        self.icv_align.data.next = self.s_beat.val().data;
        self.icv_align.carry.next = self.icv.q.val();
        if self.s_take.val() & (self.lead.val() != 0) {
            self.now.d.next.lead = self.lead.val() - 1;
        }
        if self.s_take.val() & self.more_beats.val() {
            self.now.d.next.beats = self.beats.val() - 1;
            self.carry.d.next = self.align.rotated.val();
            self.icv.d.next = self.icv_align.rotated.val();
            if self.beats.val() == 1 {
                self.icv.d.next = self.icv_align.merged.val();
            }
        }

        // Issue blocks: each completed by a beat, save the last ones where all is in `carry`, or nothing more comes.
        self.issue.next = self.busy.q.val()
            & self.go.val()
            & self.is_protected.val()
            & (self.blocks.val() != 0)
            & (self.ended.q.val() | ((self.lead.val() == 0) & (!self.more_beats.val() | self.s_valid.val())));
        self.blocks_after.next = self.blocks.val() - 1;
        self.last_block.next = self.blocks.val() == 1;
        self.trailer.data.next = self.align.merged.val();
        self.trailer.last.next = self.now.q.val().trailer & self.last_block.val();
        self.trailer.before_last.next = self.now.q.val().trailer & (self.blocks.val() == 2);
        self.trailer.pad_length.next = self.now.q.val().pad_length;
        self.trailer.next_header.next = self.now.q.val().next_header;
        self.trailer.words.next = self.tail.val().get_bits::<2>(2);
        self.left.next = self.blocks.val();
        if self.issue.val() {
            self.left.next = self.blocks_after.val();
        }
        // A frame cut short can't make the core work for the length its header claims. 3 is what `remaining` has promised.
        if self.ends_here.val() & self.short.val() & (self.left.val() > 3) {
            self.left.next = 3.into();
        }
        self.now.d.next.blocks = self.left.val();

        // The slot
        self.first.next = self.start.val() & self.is_protected.val();
        self.following.next = self.blocks_after.val();
        self.block.next = self.s_beat.val();
        self.block.next.data = self.trailer.block.val();
        if self.is_protected.val() {
            self.block.next.bytes = 16.into();
            self.block.next.last = self.last_block.val();
            self.block.next.error = false;
            if self.last_block.val() {
                self.block.next.bytes = self.tail.val();
            }
        }
        if self.first.val() {
            self.following.next = self.blocks.val();
            self.block.next.last = self.blocks.val() == 0;
        }
        self.remaining.next = bit_cast::<2, 13>(self.following.val());
        if self.following.val() > 3 {
            self.remaining.next = 3.into();
        }
        self.offered.next = self.first.val() | self.issue.val() | (self.now.q.val().bypass & self.s_take.val());
        if self.slot_ready.val() {
            self.slot_full.d.next = false;
        }
        if self.offered.val() {
            self.slot_full.d.next = true;
            self.slot_out.d.next.first = self.first.val();
            self.slot_out.d.next.aad = false;
            self.slot_out.d.next.bypass = self.now.q.val().bypass;
            self.slot_out.d.next.remaining = self.remaining.val();
            self.slot_out.d.next.beat = self.block.val();
        }
        self.slot.next = self.slot_out.q.val();
        self.slot_valid.next = self.slot_full.q.val();
        self.crypto.next = self.crypto_out.q.val();

        // What the frame ended with
        if self.gathered_ready.val() {
            self.gathered_full.d.next = false;
        }
        if self.ends_here.val() & !self.now.q.val().discard {
            self.gathered_full.d.next = true;
            self.error.d.next = self.s_beat.val().error | self.short.val();
        }
        self.gathered_out.next.error = self.error.q.val();
        self.gathered_out.next.icv = self.icv.q.val();
        self.gathered.next = self.gathered_out.val();
        self.gathered_valid.next = self.gathered_full.q.val();

        // The next frame
        self.finish.next = (self.start.val() | self.busy.q.val())
            & self.over.val()
            & (!self.is_protected.val() | (self.blocks.val() == 0) | (self.issue.val() & self.last_block.val()));
        self.busy.d.next = (self.start.val() | self.busy.q.val()) & !self.finish.val();
        self.ended.d.next = self.over.val() & !self.finish.val();
        self.armed.d.next = false;
        if self.finish.val() | (!self.busy.q.val() & !self.start.val()) {
            self.now.d.next = self.planner.plan.val();
            self.armed.d.next = self.planner.valid.val() & !self.start.val();
        }

        if self.reset.val() {
            self.armed.d.next = false;
            self.busy.d.next = false;
            self.ended.d.next = false;
            self.slot_full.d.next = false;
            self.gathered_full.d.next = false;
        }
    }
}
