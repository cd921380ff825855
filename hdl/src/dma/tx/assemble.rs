//! From what was read to the beats of frames.

use espalier_regs::dma::Fault as Cause;
use rust_hdl::prelude::*;

use super::records::{Item, Piece};
use crate::constant::Const;
use crate::dma::records::{Fault, ReadBeat};

/// Joins pieces and their data into frames. Every frame of which a beat was pushed gets a last one.
///
/// - Ports: `piece` and `beat` (the data of pieces that are not bad, in order); `item` to a FIFO with `room`; `fault_valid` with `fault`.
/// - A beat with an error, or a bad piece, ends its frame with a damaged beat of zeros; with a bad piece at a frame's beginning
///   nothing but an outcome (`silent`) is pushed. What follows of the frame is taken and thrown away.
/// - In `drain` frames that are not begun are taken and thrown away; one that is begun ends damaged when `dry`: no piece will come any more.
/// - `open`: a frame is begun.
/// - Latency: none but `item`'s FIFO. Throughput: a beat, or a bad piece, a clock; no bubble between pieces or frames.
#[derive(LogicBlock, Default)]
pub struct Assemble {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub drain: Signal<In, bool>,
    pub dry: Signal<In, bool>,
    pub piece: Signal<In, Piece>,
    pub piece_valid: Signal<In, bool>,
    pub beat: Signal<In, ReadBeat>,
    pub beat_valid: Signal<In, bool>,
    pub room: Signal<In, bool>,
    pub piece_ready: Signal<Out, bool>,
    pub beat_ready: Signal<Out, bool>,
    pub item: Signal<Out, Item>,
    pub item_valid: Signal<Out, bool>,
    pub fault: Signal<Out, Fault>,
    pub fault_valid: Signal<Out, bool>,
    /// A frame is begun, and not ended.
    open: DFF<bool>,
    /// What comes up to the next frame is thrown away.
    dead: DFF<bool>,
    /// A beat of the piece was taken.
    midway: DFF<bool>,
    /// Index behind the last descriptor that was looked at.
    index: DFF<Bits<16>>,
    begins: Signal<Local, bool>,
    skip: Signal<Local, bool>,
    go: Signal<Local, bool>,
    take_beat: Signal<Local, bool>,
    take_bad: Signal<Local, bool>,
    cut_off: Signal<Local, bool>,
    push: Signal<Local, bool>,
    broken: Signal<Local, bool>,
    last: Signal<Local, bool>,
    user: Signal<Local, Bits<16>>,
    data_fault: Const<4, { Cause::Data as u64 }>,
}

impl Logic for Assemble {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, open, dead, midway, index);
        self.begins.next = self.piece.val().first & !self.midway.q.val();
        self.skip.next = (self.begins.val() & self.drain.val()) | (!self.begins.val() & self.dead.q.val());
        self.go.next = self.piece_valid.val() & (self.skip.val() | self.room.val());
        self.take_beat.next = (self.go.val() & !self.piece.val().bad) & self.beat_valid.val();
        self.take_bad.next = self.go.val() & self.piece.val().bad;
        self.cut_off.next = (self.drain.val() & self.dry.val()) & (self.open.q.val() & self.room.val());
        self.beat_ready.next = self.go.val() & !self.piece.val().bad;
        self.piece_ready.next = self.take_bad.val() | (self.take_beat.val() & self.beat.val().last);
        if self.take_beat.val() {
            self.midway.d.next = !self.beat.val().last;
        }

        // What is pushed: a beat as it was read, or a damaged one that ends the frame.
        self.push.next = (self.take_beat.val() | self.take_bad.val()) & !self.skip.val();
        self.broken.next = self.piece.val().bad | self.beat.val().error;
        self.last.next = self.broken.val() | (self.piece.val().last & self.beat.val().last);
        self.user.next = 0.into();
        if self.begins.val() {
            self.user.next = self.piece.val().user;
        }
        self.item.next.data = self.beat.val().data;
        self.item.next.unused = 0.into();
        self.item.next.first = self.begins.val();
        self.item.next.last = self.last.val();
        self.item.next.user = self.user.val();
        self.item.next.silent = self.piece.val().bad & self.begins.val();
        self.item.next.cause = 0.into();
        self.item.next.index = self.piece.val().index;
        if self.last.val() {
            self.item.next.unused = self.piece.val().unused;
        }
        if self.broken.val() {
            self.item.next.data = 0.into();
            self.item.next.unused = 0.into();
            self.item.next.user = self.user.val() | 1;
            self.item.next.cause = self.data_fault.val();
        }
        if self.piece.val().bad {
            self.item.next.cause = self.piece.val().cause;
        }
        if self.cut_off.val() {
            self.item.next.data = 0.into();
            self.item.next.unused = 0.into();
            self.item.next.first = false;
            self.item.next.last = true;
            self.item.next.user = 1.into();
            self.item.next.silent = false;
            self.item.next.cause = 0.into();
            self.item.next.index = self.index.q.val();
        }
        self.item_valid.next = self.push.val() | self.cut_off.val();

        if self.push.val() {
            self.open.d.next = !self.last.val();
            self.dead.d.next = self.broken.val();
            self.index.d.next = self.piece.val().index;
        }
        if (self.take_beat.val() | self.take_bad.val()) & self.skip.val() {
            self.dead.d.next = true;
        }
        if self.cut_off.val() {
            self.open.d.next = false;
            self.dead.d.next = true;
        }
        self.fault_valid.next = self.push.val() & (self.beat.val().error & !self.piece.val().bad);
        self.fault.next.cause = self.data_fault.val();
        self.fault.next.address = self.piece.val().address;

        if self.reset.val() {
            self.open.d.next = false;
            self.dead.d.next = false;
            self.midway.d.next = false;
        }
    }
}
