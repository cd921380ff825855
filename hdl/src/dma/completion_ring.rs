//! Completions into their ring in host memory.

use rust_hdl::prelude::*;

use espalier_regs::dma::rx_completion;

use super::records::{Completion, Fault, WriteBeat, WriteRequest};
use crate::constant::Const;
use crate::fifo::Fifo;

/// A write that is outstanding.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Written {
    pub address: Bits<64>,
    /// Entries of it that end a frame which came whole.
    pub frames: Bits<3>,
}

/// Collects completions and writes up to four of them, a block of 64 bytes, at once.
///
/// - Ports: the queue's `run`, `drain`, `clear`, `idle`, `fault`; `base` and `size` (log2 of the entries) of the ring, `coalesce` clocks, all
///   steady from `clear` on; `completion` in; `write_*` to [`super`]'s writer; `written`, a pulse: completions have become visible.
/// - A block is written when its last entry is there (the fourth, or in a ring of two the second), `coalesce` clocks after the oldest entry that
///   waits, and at once while the queue does not run: after a fault, and in drain. So no write crosses the ring's end or 64 bytes.
/// - Each entry gets the phase of its index (`espalier_regs::dma`): the complement of bit `size`.
/// - Latency: 3 clocks from the entry that fills a block to `write_request`; with `coalesce` 0 the same from any entry.
/// - Throughput: 4 completions in 5 clocks, with 32 writes outstanding.
/// - Back-pressure: `completion_ready` falls while a full block waits for its turn.
/// - A beat is offered after its request. A response comes 2 clocks after its request was taken or later.
/// - A write that fails raises [`Fault`] `Completion` with its address, 1 clock after the response, and no `written`. What comes behind it is
///   written as if it had not: the host reads no further than the entry that is missing, and the queue still comes to its end.
/// - `lost`, a pulse in a clock in which `lost_ready` is high: a received frame (LAST, no CAUSE) whose entry is in that write or behind it. It
///   is in memory, but the host does not hear of it. `idle` waits until all are told.
#[derive(LogicBlock, Default)]
pub struct CompletionRing {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub run: Signal<In, bool>,
    pub drain: Signal<In, bool>,
    pub clear: Signal<In, bool>,
    pub base: Signal<In, Bits<64>>,
    pub size: Signal<In, Bits<4>>,
    pub coalesce: Signal<In, Bits<16>>,
    pub completion: Signal<In, Completion>,
    pub completion_valid: Signal<In, bool>,
    pub write_request_ready: Signal<In, bool>,
    pub write_beat_ready: Signal<In, bool>,
    pub write_response_valid: Signal<In, bool>,
    pub write_response_error: Signal<In, bool>,
    pub lost_ready: Signal<In, bool>,
    pub idle: Signal<Out, bool>,
    pub fault: Signal<Out, Fault>,
    pub fault_valid: Signal<Out, bool>,
    pub completion_ready: Signal<Out, bool>,
    pub write_request: Signal<Out, WriteRequest>,
    pub write_request_valid: Signal<Out, bool>,
    pub write_beat: Signal<Out, WriteBeat>,
    pub write_beat_valid: Signal<Out, bool>,
    pub written: Signal<Out, bool>,
    pub lost: Signal<Out, bool>,
    entries: Fifo<Bits<128>, 4>,
    /// The writes that are outstanding.
    writes: Fifo<Written, 5>,
    /// Index of the next entry.
    index: DFF<Bits<16>>,
    /// The ring's entries, less one.
    mask: DFF<Bits<16>>,
    /// Entries that no write has been begun for, and clocks that they may still wait.
    waiting: DFF<Bits<3>>,
    patience: DFF<Bits<16>>,
    /// How many of them end a frame; the same of the write that was begun, and of `request`.
    frames: DFF<Bits<3>>,
    begun_frames: DFF<Bits<3>>,
    request_frames: DFF<Bits<3>>,
    /// They end a block; they have waited long enough; nothing waits.
    full: DFF<bool>,
    aged: DFF<bool>,
    hurry: DFF<bool>,
    /// A write without its address yet: place of its first entry, and entries.
    begun: DFF<bool>,
    place: DFF<Bits<16>>,
    beats: DFF<Bits<5>>,
    request: DFF<WriteRequest>,
    request_valid: DFF<bool>,
    /// `request` is not in `writes` yet.
    fresh: DFF<bool>,
    /// Entries whose write was requested, and that are not given out.
    owed: DFF<Bits<6>>,
    outstanding: DFF<Bits<6>>,
    answered: DFF<bool>,
    answer_error: DFF<bool>,
    /// A write has failed.
    broken: DFF<bool>,
    /// Frames that the host does not hear of, and that are still to be told.
    untold: DFF<Bits<8>>,
    lost_now: Signal<Local, Bits<8>>,
    ends_frame: Signal<Local, bool>,
    place_of_first: Signal<Local, Bits<16>>,
    address: Signal<Local, Bits<64>>,
    last_word: Signal<Local, Bits<32>>,
    words: Signal<Local, Bits<128>>,
    push: Signal<Local, bool>,
    go: Signal<Local, bool>,
    give: Signal<Local, bool>,
    ask: Signal<Local, bool>,
    /// Word 3's phase bit.
    phase: Const<32, 0x8000_0000>,
    completion_fault: Const<4, { espalier_regs::dma::Fault::Completion as u64 }>,
    all: Const<16, 0xffff>,
    one: Const<16, 1>,
    last_at: Const<5, { rx_completion::LAST.lsb as u64 }>,
}

impl Logic for CompletionRing {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, index, mask, waiting, patience, full, aged, hurry, begun, place, beats, request, request_valid);
        dff_setup!(self, clock, fresh, owed, outstanding, answered, answer_error, frames, begun_frames, request_frames, broken, untold);
        clock!(self, clock, entries, writes);
        self.entries.reset.next = self.reset.val() | self.clear.val();
        self.writes.reset.next = self.reset.val() | self.clear.val();
        self.mask.d.next = (self.one.val() << bit_cast::<16, 4>(self.size.val())) - 1;

        // Begin a write of all that waits.
        self.hurry.d.next = !self.run.val() | self.drain.val() | !self.coalesce.val().any();
        self.go.next = self.waiting.q.val().any() & !self.begun.q.val() & (self.full.q.val() | self.aged.q.val() | self.hurry.q.val());
        self.place_of_first.next = (self.index.q.val() - bit_cast::<16, 3>(self.waiting.q.val())) & self.mask.q.val();
        if self.go.val() {
            self.begun.d.next = true;
            self.place.d.next = self.place_of_first.val();
            self.beats.d.next = bit_cast::<5, 3>(self.waiting.q.val());
            self.begun_frames.d.next = self.frames.q.val();
            self.waiting.d.next = 0.into();
            self.frames.d.next = 0.into();
            self.full.d.next = false;
            self.aged.d.next = false;
        }

        // Collect
        self.completion_ready.next = self.entries.s_ready.val() & !self.full.q.val() & !self.go.val();
        self.push.next = self.completion_valid.val() & self.entries.s_ready.val() & !self.full.q.val() & !self.go.val();
        self.last_word.next = bit_cast::<32, 4>(self.completion.val().cause);
        if !self.index.q.val().get_bit(self.size.val().index()) {
            self.last_word.next = bit_cast::<32, 4>(self.completion.val().cause) | self.phase.val();
        }
        self.words.next = bit_cast::<128, 32>(self.completion.val().word)
            | (bit_cast::<128, 16>(self.completion.val().index) << 32)
            | (bit_cast::<128, 32>(self.completion.val().control) << 64)
            | (bit_cast::<128, 32>(self.last_word.val()) << 96);
        self.entries.s_data.next = self.words.val();
        self.entries.s_valid.next = self.push.val();
        self.patience.d.next = self.patience.q.val() - 1;
        if self.waiting.q.val().any() & (self.patience.q.val() == 1) {
            self.aged.d.next = true;
        }
        self.ends_frame.next =
            bit_cast::<1, 32>(self.completion.val().control >> self.last_at.val()).any() & !self.completion.val().cause.any();
        if self.push.val() & self.ends_frame.val() {
            self.frames.d.next = self.frames.q.val() + 1;
        }
        if self.push.val() {
            self.index.d.next = self.index.q.val() + 1;
            self.waiting.d.next = self.waiting.q.val() + 1;
            // The last place of a block of four has the bits 11; of a ring of two, that are its whole mask.
            self.full.d.next = ((!self.index.q.val() & self.mask.q.val()) & 3) == 0;
            if !self.waiting.q.val().any() {
                self.patience.d.next = self.coalesce.val();
            }
        }

        // Request: the address has a clock of its own.
        self.address.next = self.base.val() + (bit_cast::<64, 16>(self.place.q.val()) << 4);
        self.ask.next = self.begun.q.val() & !self.request_valid.q.val() & self.writes.s_ready.val();
        if self.write_request_ready.val() {
            self.request_valid.d.next = false;
        }
        self.fresh.d.next = false;
        if self.ask.val() {
            self.begun.d.next = false;
            self.request.d.next.address = self.address.val();
            self.request.d.next.beats = self.beats.q.val();
            self.request_frames.d.next = self.begun_frames.q.val();
            self.request_valid.d.next = true;
            self.fresh.d.next = true;
        }
        self.write_request.next = self.request.q.val();
        self.write_request_valid.next = self.request_valid.q.val();
        self.writes.s_data.next.address = self.request.q.val().address;
        self.writes.s_data.next.frames = self.request_frames.q.val();
        self.writes.s_valid.next = self.fresh.q.val();

        // Beats
        self.write_beat.next.data = self.entries.m_data.val();
        self.write_beat.next.strobes = self.all.val();
        self.write_beat_valid.next = self.entries.m_valid.val() & self.owed.q.val().any();
        self.give.next = self.entries.m_valid.val() & self.owed.q.val().any() & self.write_beat_ready.val();
        self.entries.m_ready.next = self.owed.q.val().any() & self.write_beat_ready.val();
        if self.ask.val() & self.give.val() {
            self.owed.d.next = (self.owed.q.val() + bit_cast::<6, 5>(self.beats.q.val())) - 1;
        } else if self.ask.val() {
            self.owed.d.next = self.owed.q.val() + bit_cast::<6, 5>(self.beats.q.val());
        } else if self.give.val() {
            self.owed.d.next = self.owed.q.val() - 1;
        }

        // Responses, a clock late: their write is then out of the fifo.
        self.answered.d.next = self.write_response_valid.val();
        self.answer_error.d.next = self.write_response_error.val();
        self.writes.m_ready.next = self.answered.q.val();
        self.written.next = self.answered.q.val() & !self.answer_error.q.val();
        self.fault.next.cause = self.completion_fault.val();
        self.fault.next.address = self.writes.m_data.val().address;
        self.fault_valid.next = self.answered.q.val() & self.answer_error.q.val();
        self.lost_now.next = 0.into();
        if self.answered.q.val() & (self.answer_error.q.val() | self.broken.q.val()) {
            self.broken.d.next = true;
            self.lost_now.next = bit_cast::<8, 3>(self.writes.m_data.val().frames);
        }
        self.lost.next = self.untold.q.val().any() & self.lost_ready.val();
        self.untold.d.next = self.untold.q.val() + self.lost_now.val();
        if self.untold.q.val().any() & self.lost_ready.val() {
            self.untold.d.next = (self.untold.q.val() + self.lost_now.val()) - 1;
        }
        if self.ask.val() & !self.answered.q.val() {
            self.outstanding.d.next = self.outstanding.q.val() + 1;
        }
        if self.answered.q.val() & !self.ask.val() {
            self.outstanding.d.next = self.outstanding.q.val() - 1;
        }
        self.idle.next = !self.waiting.q.val().any() & !self.begun.q.val() & !self.outstanding.q.val().any() & !self.untold.q.val().any();

        if self.reset.val() | self.clear.val() {
            self.index.d.next = 0.into();
            self.waiting.d.next = 0.into();
            self.frames.d.next = 0.into();
            self.full.d.next = false;
            self.aged.d.next = false;
            self.broken.d.next = false;
            self.untold.d.next = 0.into();
            self.begun.d.next = false;
            self.request_valid.d.next = false;
            self.fresh.d.next = false;
            self.owed.d.next = 0.into();
            self.outstanding.d.next = 0.into();
            self.answered.d.next = false;
        }
    }
}
