//! From the frame to the core: leaves out the headers, aligns the payload, appends the trailer, keeps the ICV.

mod plan;
mod trailer;

use rust_hdl::prelude::*;

use crate::queue::Queue;
use crate::records::{Gathered, Job, Lead, Slot};
use crate::shift::Shift;
use crate::stream::Beat;
use plan::{Plan, Planner};
use trailer::Trailer;

/// Turns each frame into the slots of the GCM core that its [`Job`] asks for.
///
/// - Ports: `s` whole frames, `job` one for each in the same order, taken when its frame is begun; `slot`; `gathered` once for each job that is not
///   `discard`; `lead` with `lead_valid`, to be taken at once: the beats that are skipped, all or in part, of each frame that is neither discarded nor
///   bypasses, as far as the frame has them.
/// - A discarded frame is swallowed. A bypassing one gives its beats as they are (`slot.bypass`; `remaining` does not count). A protected one
///   gives `first`, then its blocks, with exact `remaining`; what the frame holds behind (Ethernet padding) is swallowed.
/// - A frame that ends early is brought to a proper end, the missing bytes undefined, with at most 4 blocks after its last beat; `gathered.error` tells.
/// - Jobs: `skip` is even and at most 86; `length` with trailer is a multiple of 4, with ICV too, and at most 65,500.
/// - Latency: 1 clock from a beat to the slot it completes; a job, coming late, starts 3 clocks after. `gathered` comes the clock after the frame's last
///   beat was taken.
/// - Throughput: a frame of `n` beats takes `n` clocks if it is discarded or bypasses. A protected one with `b` blocks takes
///   max(`n`, ceil(`skip` / 16) + `b`) clocks, from one `first` slot to the next: `n` with an ICV of 16 bytes, else at most `n` + 1, or the number of its slots. With
///   `skip` 0, where no beat goes with the `first` slot, 1 + max(`n`, `b`). No bubble between frames, but a frame takes at least 3 clocks.
/// - Back-pressure: four slots wait; then, or while the `gathered` of the frame before is not taken, everything does.
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
    pub slot_valid: Signal<Out, bool>,
    pub gathered: Signal<Out, Gathered>,
    pub gathered_valid: Signal<Out, bool>,
    pub lead: Signal<Out, Lead>,
    pub lead_valid: Signal<Out, bool>,
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
    /// What is still to come of it: `lead_ahead`, `beats_ahead` and `blocks_ahead` count down.
    now: DFF<Plan>,
    carry: DFF<Bits<128>>,
    /// Where headers pass there is no slot for a few clocks: with some in stock a direction takes its share of the core in those clocks as well, however the
    /// two directions meet (docs/decisions/0017).
    slots: Queue<Slot, 2>,
    icv: DFF<Bits<128>>,
    icv_size: DFF<Bits<2>>,
    error: DFF<bool>,
    gathered_full: DFF<bool>,
    /// The outputs have space.
    go: Signal<Local, bool>,
    start: Signal<Local, bool>,
    is_protected: Signal<Local, bool>,
    lead_ahead: Signal<Local, Bits<4>>,
    leading: Signal<Local, bool>,
    beats_ahead: Signal<Local, Bits<14>>,
    more_beats: Signal<Local, bool>,
    blocks_ahead: Signal<Local, Bits<14>>,
    more_blocks: Signal<Local, bool>,
    last_block: Signal<Local, bool>,
    /// Waits for a beat.
    wants: Signal<Local, bool>,
    take: Signal<Local, bool>,
    short: Signal<Local, bool>,
    /// A block leaves.
    issue: Signal<Local, bool>,
    tail: Signal<Local, Bits<5>>,
    following: Signal<Local, Bits<14>>,
    block: Signal<Local, Beat>,
    /// With a last beat taken now, nothing more is to come.
    ends_with_beat: Signal<Local, bool>,
    finish: Signal<Local, bool>,
    gathered_out: Signal<Local, Gathered>,
}

impl Logic for Gather {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, armed, busy, ended, now, carry, icv, icv_size, error, gathered_full);
        clock!(self, clock, planner, slots);
        self.slots.reset.next = self.reset.val();
        self.planner.reset.next = self.reset.val();
        self.planner.job.next = self.job.val();
        self.planner.job_valid.next = self.job_valid.val();
        self.is_protected.next = self.now.q.val().is_protected;
        self.lead_ahead.next = self.now.q.val().lead_ahead;
        self.leading.next = !self.lead_ahead.val().get_bit(3);
        self.beats_ahead.next = self.now.q.val().beats_ahead;
        self.more_beats.next = !self.beats_ahead.val().get_bit(13);
        self.blocks_ahead.next = self.now.q.val().blocks_ahead;
        self.more_blocks.next = !self.blocks_ahead.val().get_bit(13);
        self.last_block.next = self.blocks_ahead.val() == 0;
        self.go.next = self.slots.s_ready.val() & (!self.gathered_full.q.val() | self.gathered_ready.val());

        // Begin. A protected frame's first beat goes with the `first` slot, unless it already holds payload alone.
        self.start.next = self.armed.q.val() & self.s_valid.val() & self.go.val();
        self.planner.take.next = self.start.val();
        self.job_ready.next = self.start.val();

        // Take beats: those that give no block, those that give one, those behind what is asked for.
        self.wants.next =
            (self.busy.q.val() & !self.ended.q.val()) | (self.armed.q.val() & (!self.is_protected.val() | self.leading.val()));
        self.s_ready.next = self.go.val() & self.wants.val();
        self.take.next = self.go.val() & self.wants.val() & self.s_valid.val();
        self.align.offset.next = self.now.q.val().offset;
        self.align.data.next = self.s_beat.val().data;
        self.align.carry.next = self.carry.q.val();
        self.icv_align.offset.next = self.now.q.val().icv_offset;
        self.icv_align.data.next = self.s_beat.val().data;
        self.icv_align.carry.next = self.icv.q.val();
        self.lead.next.data = self.s_beat.val().data;
        self.lead.next.last = self.s_beat.val().last | (self.lead_ahead.val() == 0);
        self.lead_valid.next = (self.take.val() & self.leading.val()) & self.is_protected.val();
        if self.take.val() & self.leading.val() {
            self.now.d.next.lead_ahead = self.lead_ahead.val() - 1;
        }
        if self.take.val() & self.more_beats.val() {
            self.now.d.next.beats_ahead = self.beats_ahead.val() - 1;
            self.carry.d.next = self.align.rotated.val();
            self.icv.d.next = self.icv_align.rotated.val();
            if (self.beats_ahead.val() == 0) & self.now.q.val().icv_split {
                self.icv.d.next = self.icv_align.merged.val();
            }
        }

        // Issue blocks: each completed by a beat, save the last ones where all is in `carry`, or nothing more comes.
        self.issue.next = self.busy.q.val()
            & self.is_protected.val()
            & self.more_blocks.val()
            & self.go.val()
            & (self.ended.q.val() | (!self.leading.val() & (!self.more_beats.val() | self.s_valid.val())));
        if self.issue.val() {
            self.now.d.next.blocks_ahead = self.blocks_ahead.val() - 1;
            // A frame cut short can't make the core work for the length that its header claims; `remaining` has promised 3 more.
            if self.ended.q.val() & self.error.q.val() & (self.blocks_ahead.val() > 3) {
                self.now.d.next.blocks_ahead = 2.into();
            }
        }
        self.trailer.data.next = self.align.merged.val();
        self.trailer.last.next = self.now.q.val().trailer & self.last_block.val();
        self.trailer.before_last.next = self.now.q.val().trailer & (self.blocks_ahead.val() == 1);
        self.trailer.pad_length.next = self.now.q.val().pad_length;
        self.trailer.next_header.next = self.now.q.val().next_header;
        self.tail.next = self.now.q.val().tail;
        self.trailer.words.next = self.tail.val().get_bits::<2>(2);

        // The slot
        self.following.next = self.blocks_ahead.val();
        self.block.next = self.s_beat.val();
        self.block.next.data = self.trailer.block.val();
        if self.is_protected.val() {
            self.block.next.bytes = 16.into();
            self.block.next.last = self.last_block.val();
            self.block.next.error = false;
            if self.last_block.val() {
                self.block.next.bytes = self.tail.val();
            }
            if self.armed.q.val() {
                self.following.next = self.blocks_ahead.val() + 1;
                self.block.next.last = !self.more_blocks.val();
            }
        }
        self.slots.s_valid.next =
            self.issue.val() | (self.start.val() & self.is_protected.val()) | (self.take.val() & self.now.q.val().bypass);
        self.slots.s_data.next.first = self.armed.q.val() & self.is_protected.val();
        self.slots.s_data.next.aad = false;
        self.slots.s_data.next.bypass = self.now.q.val().bypass;
        self.slots.s_data.next.remaining = bit_cast::<2, 14>(self.following.val());
        if self.following.val() > 3 {
            self.slots.s_data.next.remaining = 3.into();
        }
        self.slots.s_data.next.beat = self.block.val();
        self.slot.next = self.slots.m_data.val();
        self.slot_valid.next = self.slots.m_valid.val();
        self.slots.m_ready.next = self.slot_ready.val();

        // What the frame ended with
        self.short.next = self.is_protected.val()
            & self.more_beats.val()
            & ((self.beats_ahead.val() != 0) | (self.s_beat.val().bytes < self.now.q.val().need));
        if self.gathered_ready.val() {
            self.gathered_full.d.next = false;
        }
        if self.take.val() & self.s_beat.val().last {
            self.ended.d.next = true;
            self.gathered_full.d.next = !self.now.q.val().discard;
            self.error.d.next = self.s_beat.val().error | self.short.val();
            self.icv_size.d.next = self.now.q.val().icv_size;
        }
        self.gathered_out.next.error = self.error.q.val();
        self.gathered_out.next.icv = self.icv.q.val();
        self.gathered_out.next.icv_size = self.icv_size.q.val();
        self.gathered.next = self.gathered_out.val();
        self.gathered_valid.next = self.gathered_full.q.val();

        // The next frame
        self.ends_with_beat.next = self.wants.val()
            & (!self.is_protected.val() | !self.more_blocks.val() | (self.busy.q.val() & self.last_block.val() & !self.leading.val()));
        self.finish.next = self.go.val()
            & ((self.ended.q.val() & self.last_block.val()) | (self.s_valid.val() & self.s_beat.val().last & self.ends_with_beat.val()));
        if self.start.val() {
            self.armed.d.next = false;
            self.busy.d.next = true;
        }
        if self.finish.val() {
            self.busy.d.next = false;
            self.ended.d.next = false;
        }
        if self.finish.val() | (!self.busy.q.val() & !self.armed.q.val()) {
            self.now.d.next = self.planner.plan.val();
            self.armed.d.next = self.planner.valid.val() & !self.start.val();
        }

        if self.reset.val() {
            self.armed.d.next = false;
            self.busy.d.next = false;
            self.ended.d.next = false;
            self.gathered_full.d.next = false;
        }
    }
}
