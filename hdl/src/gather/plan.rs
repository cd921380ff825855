//! What a job means in beats and blocks.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::{icv_size, Job};

/// A [`Job`] counted out: what is still to come of the frame and of its slots.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Plan {
    /// As in the job.
    pub discard: bool,
    /// As in the job.
    pub bypass: bool,
    /// Neither of these.
    pub is_protected: bool,
    /// As in the job.
    pub trailer: bool,
    /// As in the job.
    pub pad_length: Bits<2>,
    /// As in the job.
    pub next_header: Bits<8>,
    /// Half of how many payload bytes come with the last beat of what is skipped; 0 for a bypassing frame.
    pub offset: Bits<3>,
    /// Half of how many bytes of the beat in which the ICV begins come before the end of it; so many bytes come with the first of its two.
    pub icv_offset: Bits<3>,
    /// The ICV lies in two beats.
    pub icv_split: bool,
    /// As in the job.
    pub icv_size: Bits<2>,
    /// Beats of the frame that give no block, being all or in part skipped, less one: what is ahead after the next. Negative: none.
    pub lead_ahead: Bits<4>,
    /// Beats of the frame up to the last byte asked for, less one. Negative: none.
    pub beats_ahead: Bits<14>,
    /// Bytes of the last of these that are asked for or before it, 1 to 16.
    pub need: Bits<5>,
    /// Blocks for the core, less one. Negative: none.
    pub blocks_ahead: Bits<14>,
    /// Bytes in the last of them, 1 to 16.
    pub tail: Bits<5>,
}

/// Counts a job out, one clock ahead of the gatherer.
///
/// - Ports: `job` (is not taken here: it stays until `take`), `plan` with `valid`, `take`: the gatherer starts on it.
/// - Latency 1 clock; one job each 2 clocks.
#[derive(LogicBlock, Default)]
pub struct Planner {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub job: Signal<In, Job>,
    pub job_valid: Signal<In, bool>,
    pub take: Signal<In, bool>,
    pub plan: Signal<Out, Plan>,
    pub valid: Signal<Out, bool>,
    planned: DFF<Plan>,
    planned_valid: DFF<bool>,
    skip: Signal<Local, Bits<7>>,
    length: Signal<Local, Bits<16>>,
    skip_halves: Signal<Local, Bits<3>>,
    end_halves: Signal<Local, Bits<3>>,
    icv_bytes: Signal<Local, Bits<5>>,
    icv_halves: Signal<Local, Bits<4>>,
    /// The last byte asked for, from 0; negative without one.
    frame_end: Signal<Local, Bits<18>>,
    /// The last byte of the blocks.
    block_end: Signal<Local, Bits<18>>,
    /// The last byte skipped.
    lead_end: Signal<Local, Bits<8>>,
    icv_12: Const<2, { icv_size::ICV_12 }>,
    icv_8: Const<2, { icv_size::ICV_8 }>,
}

impl Logic for Planner {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, planned, planned_valid);
        self.plan.next = self.planned.q.val();
        self.valid.next = self.planned_valid.q.val();

        self.skip.next = self.job.val().skip;
        self.length.next = self.job.val().length;
        self.skip_halves.next = self.skip.val().get_bits::<3>(1);
        self.end_halves.next = self.skip_halves.val() + self.length.val().get_bits::<3>(1);
        self.icv_bytes.next = 16.into();
        if self.job.val().icv_size == self.icv_12.val() {
            self.icv_bytes.next = 12.into();
        }
        if self.job.val().icv_size == self.icv_8.val() {
            self.icv_bytes.next = 8.into();
        }
        self.icv_halves.next = self.icv_bytes.val().get_bits::<4>(1);
        self.lead_end.next = bit_cast::<8, 7>(self.skip.val()) - 1;
        self.frame_end.next = (bit_cast::<18, 16>(self.length.val()) + bit_cast::<18, 7>(self.skip.val())) - 1;
        if self.job.val().icv {
            self.frame_end.next =
                (bit_cast::<18, 16>(self.length.val()) + bit_cast::<18, 7>(self.skip.val())) + bit_cast::<18, 5>(self.icv_bytes.val() - 1);
        }
        self.block_end.next = bit_cast::<18, 16>(self.length.val()) - 1;
        if self.job.val().trailer {
            self.block_end.next = (bit_cast::<18, 16>(self.length.val()) + bit_cast::<18, 2>(self.job.val().pad_length)) + 1;
        }

        if !self.planned_valid.q.val() {
            self.planned.d.next.discard = self.job.val().discard;
            self.planned.d.next.bypass = self.job.val().bypass;
            self.planned.d.next.is_protected = !(self.job.val().discard | self.job.val().bypass);
            self.planned.d.next.trailer = self.job.val().trailer;
            self.planned.d.next.pad_length = self.job.val().pad_length;
            self.planned.d.next.next_header = self.job.val().next_header;
            self.planned.d.next.offset = (!self.skip_halves.val()) + 1;
            self.planned.d.next.icv_offset = (!self.end_halves.val()) + 1;
            self.planned.d.next.icv_split = (bit_cast::<5, 3>(self.end_halves.val()) + bit_cast::<5, 4>(self.icv_halves.val())) > 8;
            self.planned.d.next.icv_size = self.job.val().icv_size;
            self.planned.d.next.lead_ahead = self.lead_end.val().get_bits::<4>(4);
            self.planned.d.next.beats_ahead = self.frame_end.val().get_bits::<14>(4);
            self.planned.d.next.need = bit_cast::<5, 4>(self.frame_end.val().get_bits::<4>(0)) + 1;
            self.planned.d.next.blocks_ahead = self.block_end.val().get_bits::<14>(4);
            self.planned.d.next.tail = bit_cast::<5, 4>(self.block_end.val().get_bits::<4>(0)) + 1;
            if self.job.val().bypass {
                self.planned.d.next.trailer = false;
                self.planned.d.next.offset = 0.into();
            }
        }
        self.planned_valid.d.next = (self.planned_valid.q.val() & !self.take.val()) | (!self.planned_valid.q.val() & self.job_valid.val());
        if self.reset.val() {
            self.planned_valid.d.next = false;
        }
    }
}
