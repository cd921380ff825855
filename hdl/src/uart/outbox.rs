//! What the device says, message by message.

use espalier_regs::uart::{Notice, FRAME_HEAD};
use rust_hdl::prelude::*;

use super::records::Short;
use crate::constant::Const;

/// Puts the messages of the device in order, and out byte by byte.
///
/// - Ports: `answer`, `status` (what became of frames sent), `interrupt`, `refused` (bits of REFUSED), and the [`super::store::Store`] of frames (`frame_data`, `frame_valid`,
///   `frame_ready`); `m_data` with `m_valid`, `m_ready`, `m_last`.
/// - Answers come first, then what was refused, the interrupt, statuses, frames. The interrupt is told whenever it is not what was told last.
/// - Latency: 3 clocks. A byte in 2 clocks. Back-pressure: a message at a time; refusals gather, an interrupt that comes and goes meanwhile is not told.
#[derive(LogicBlock, Default)]
pub struct Outbox {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub answer: Signal<In, Short>,
    pub answer_valid: Signal<In, bool>,
    pub answer_ready: Signal<Out, bool>,
    pub refused: Signal<In, Bits<4>>,
    pub interrupt: Signal<In, bool>,
    pub status: Signal<In, Bits<32>>,
    pub status_valid: Signal<In, bool>,
    pub status_ready: Signal<Out, bool>,
    pub frame_data: Signal<In, Bits<128>>,
    pub frame_valid: Signal<In, bool>,
    pub frame_ready: Signal<Out, bool>,
    pub m_data: Signal<Out, Bits<8>>,
    pub m_valid: Signal<Out, bool>,
    pub m_last: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    /// What goes out, its next byte highest; how many bytes of it, less one; of the message, less one.
    line: DFF<Bits<128>>,
    lanes: DFF<Bits<4>>,
    left: DFF<Bits<16>>,
    busy: DFF<bool>,
    last: DFF<bool>,
    /// The next beat of the frame is to be loaded.
    empty: DFF<bool>,
    /// The short message that is next.
    next_short: DFF<Short>,
    next_valid: DFF<bool>,
    refusals: DFF<Bits<4>>,
    told: DFF<bool>,
    pending: DFF<bool>,
    short: Signal<Local, Short>,
    is_short: Signal<Local, bool>,
    moves: Signal<Local, bool>,
    length: Signal<Local, Bits<16>>,
    short_last: Const<16, 5>,
    head_last: Const<16, { FRAME_HEAD as u64 - 1 }>,
    tx_status: Const<8, { Notice::TxStatus as u64 }>,
    interrupted: Const<8, { Notice::Interrupt as u64 }>,
    was_refused: Const<8, { Notice::Refused as u64 }>,
}

impl Logic for Outbox {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, line, lanes, left, busy, last, empty, next_short, next_valid, refusals, told, pending);
        self.answer_ready.next = false;
        self.status_ready.next = false;
        self.frame_ready.next = false;
        self.refusals.d.next = self.refusals.q.val() | self.refused.val();
        self.pending.d.next = self.interrupt.val() != self.told.q.val();

        // The message that is next.
        self.is_short.next = false;
        self.short.next.kind = self.answer.val().kind;
        self.short.next.tag = 0.into();
        self.short.next.word = self.status.val();
        if !self.busy.q.val() & !self.next_valid.q.val() {
            if self.answer_valid.val() {
                self.short.next.tag = self.answer.val().tag;
                self.short.next.word = self.answer.val().word;
                self.is_short.next = true;
                self.answer_ready.next = true;
            } else if self.refusals.q.val() != 0 {
                self.short.next.kind = self.was_refused.val();
                self.short.next.word = bit_cast::<32, 4>(self.refusals.q.val());
                self.is_short.next = true;
                self.refusals.d.next = self.refused.val();
            } else if self.pending.q.val() {
                self.short.next.kind = self.interrupted.val();
                self.short.next.word = bit_cast::<32, 1>(self.interrupt.val().into());
                self.is_short.next = true;
                self.told.d.next = self.interrupt.val();
                self.pending.d.next = false;
            } else if self.status_valid.val() {
                self.short.next.kind = self.tx_status.val();
                self.is_short.next = true;
                self.status_ready.next = true;
            }
        }

        self.next_short.d.next = self.short.val();
        self.next_valid.d.next = self.is_short.val();

        // Its bytes.
        self.moves.next = self.busy.q.val() & !self.empty.q.val() & self.m_ready.val();
        if self.moves.val() {
            self.line.d.next = self.line.q.val() << 8;
            self.lanes.d.next = self.lanes.q.val() - 1;
            self.left.d.next = self.left.q.val() - 1;
            self.last.d.next = self.left.q.val() == 1;
            self.empty.d.next = self.lanes.q.val() == 0;
            if self.last.q.val() {
                self.busy.d.next = false;
            }
        }
        self.length.next = bit_cast::<16, 128>(self.frame_data.val() >> 96);
        if self.next_valid.q.val() & !self.busy.q.val() {
            self.line.d.next = ((bit_cast::<128, 8>(self.next_short.q.val().kind) << 120)
                | (bit_cast::<128, 8>(self.next_short.q.val().tag) << 112))
                | (bit_cast::<128, 32>(self.next_short.q.val().word) << 80);
            self.lanes.d.next = 15.into();
            self.left.d.next = self.short_last.val();
            self.busy.d.next = true;
            self.last.d.next = false;
            self.empty.d.next = false;
        } else if (!self.busy.q.val() & !self.is_short.val()) & self.frame_valid.val() {
            self.frame_ready.next = true;
            self.line.d.next = self.frame_data.val();
            self.lanes.d.next = 15.into();
            self.left.d.next = self.length.val() + self.head_last.val();
            self.busy.d.next = true;
            self.last.d.next = false;
            self.empty.d.next = false;
        } else if self.busy.q.val() & self.empty.q.val() & self.frame_valid.val() {
            self.frame_ready.next = true;
            self.line.d.next = self.frame_data.val();
            self.lanes.d.next = 15.into();
            self.empty.d.next = false;
        }
        self.m_data.next = bit_cast::<8, 128>(self.line.q.val() >> 120);
        self.m_valid.next = self.busy.q.val() & !self.empty.q.val();
        self.m_last.next = self.last.q.val();

        if self.reset.val() {
            self.busy.d.next = false;
            self.next_valid.d.next = false;
            self.refusals.d.next = 0.into();
            self.told.d.next = false;
            self.pending.d.next = false;
        }
    }
}
