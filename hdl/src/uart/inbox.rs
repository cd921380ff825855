//! From messages to requests, and frames into their store.

use espalier_regs::uart::{Refusal, Request, REQUEST_HEAD};
use rust_hdl::prelude::*;

use super::records::Asked;
use crate::constant::Const;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum Job {
    /// Bytes come in.
    Collect,
    /// The last beat is moved to the left.
    Align,
    Push,
    Head,
}

/// Collects a message, and judges it when it is closed.
///
/// - Ports: `s_data` with `s_valid`, `closed` with `good`, as [`super::deframe::Deframe`] gives them, at most one in 10 clocks, and 20 from `closed` to the next byte. `asked` with
///   `asked_valid` for one clock: a request of kind READ, WRITE, LOOK or RESET. `data`, `push`, `commit`, `abandon` to the [`super::store::Store`] of frames to be given, `room` from it.
///   `refused`, for one clock: the bits of REFUSED.
/// - Latency: `asked` one clock behind `closed`, `commit` at most 18.
/// - A frame is abandoned when its message turns out bad, or as soon as it finds no room.
#[derive(LogicBlock, Default)]
pub struct Inbox {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, Bits<8>>,
    pub s_valid: Signal<In, bool>,
    pub closed: Signal<In, bool>,
    pub good: Signal<In, bool>,
    pub room: Signal<In, bool>,
    pub asked: Signal<Out, Asked>,
    pub asked_valid: Signal<Out, bool>,
    pub data: Signal<Out, Bits<128>>,
    pub push: Signal<Out, bool>,
    pub commit: Signal<Out, bool>,
    pub abandon: Signal<Out, bool>,
    pub refused: Signal<Out, Bits<4>>,
    job: DFF<Job>,
    kind: DFF<Bits<8>>,
    tag: DFF<Bits<8>>,
    half: DFF<Bits<16>>,
    /// Bytes behind the head, the last one lowest.
    beat: DFF<Bits<128>>,
    /// Bytes of the message so far: 15 is 15 or more.
    at: DFF<Bits<4>>,
    /// Of those in `beat`, modulo 16.
    lanes: DFF<Bits<4>>,
    /// Beats of the frame that are whole.
    beats: DFF<Bits<16>>,
    tail: DFF<Bits<4>>,
    /// The message is a frame; a beat of it is whole; it has found no room.
    is_frame: DFF<bool>,
    whole: DFF<bool>,
    full: DFF<bool>,
    request: DFF<bool>,
    forget: DFF<bool>,
    refusal: DFF<Bits<4>>,
    fits: Signal<Local, bool>,
    short: Signal<Local, bool>,
    read: Const<8, { Request::Read as u64 }>,
    write: Const<8, { Request::Write as u64 }>,
    look: Const<8, { Request::Look as u64 }>,
    restart: Const<8, { Request::Reset as u64 }>,
    host_frame: Const<8, { Request::HostFrame as u64 }>,
    wire_frame: Const<8, { Request::WireFrame as u64 }>,
    head_bytes: Const<4, { REQUEST_HEAD as u64 }>,
    write_bytes: Const<4, { REQUEST_HEAD as u64 + 4 }>,
    is_damaged: Const<4, { 1 << Refusal::Damaged as u64 }>,
    is_unknown: Const<4, { 1 << Refusal::Unknown as u64 }>,
    no_room: Const<4, { 1 << Refusal::NoRoom as u64 }>,
}

impl Logic for Inbox {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, job, kind, tag, half, beat, at, lanes, beats, tail, is_frame, whole, full, request, forget, refusal);

        self.whole.d.next = false;
        self.request.d.next = false;
        self.forget.d.next = false;
        self.refusal.d.next = 0.into();
        self.push.next = false;
        self.commit.next = false;

        // Bytes.
        if self.s_valid.val() {
            if self.at.q.val() == 0 {
                self.kind.d.next = self.s_data.val();
            } else if self.at.q.val() == 1 {
                self.tag.d.next = self.s_data.val();
            } else if self.at.q.val() < self.head_bytes.val() {
                self.half.d.next = (self.half.q.val() << 8) | bit_cast::<16, 8>(self.s_data.val());
            } else {
                self.beat.d.next = (self.beat.q.val() << 8) | bit_cast::<128, 8>(self.s_data.val());
                self.lanes.d.next = self.lanes.q.val() + 1;
                self.whole.d.next = (self.lanes.q.val() == 15) & self.is_frame.q.val();
            }
            if self.at.q.val() != 15 {
                self.at.d.next = self.at.q.val() + 1;
            }
        }
        self.is_frame.d.next = (self.kind.q.val() == self.host_frame.val()) | (self.kind.q.val() == self.wire_frame.val());
        if self.whole.q.val() {
            self.push.next = self.room.val() & !self.full.q.val();
            self.beats.d.next = self.beats.q.val() + 1;
            if !self.room.val() {
                self.full.d.next = true;
            }
        }

        // The end of a message.
        self.short.next =
            (self.kind.q.val() == self.read.val()) | ((self.kind.q.val() == self.look.val()) | (self.kind.q.val() == self.restart.val()));
        self.fits.next = (self.short.val() & (self.at.q.val() == self.head_bytes.val()))
            | ((self.kind.q.val() == self.write.val()) & (self.at.q.val() == self.write_bytes.val()));
        if self.closed.val() {
            self.at.d.next = 0.into();
            self.forget.d.next = true;
            if !self.good.val() {
                self.refusal.d.next = self.is_damaged.val();
            } else if self.is_frame.q.val() & (self.at.q.val() > self.head_bytes.val()) {
                self.forget.d.next = false;
                self.tail.d.next = self.lanes.q.val();
                self.job.d.next = Job::Align;
            } else if self.fits.val() {
                self.request.d.next = true;
            } else {
                self.refusal.d.next = self.is_unknown.val();
            }
        }

        // A frame is whole.
        match self.job.q.val() {
            Job::Align => {
                if self.lanes.q.val() == 0 {
                    self.job.d.next = Job::Head;
                } else {
                    self.beat.d.next = self.beat.q.val() << 8;
                    self.lanes.d.next = self.lanes.q.val() + 1;
                    if self.lanes.q.val() == 15 {
                        self.job.d.next = Job::Push;
                    }
                }
            }
            Job::Push => {
                self.push.next = self.room.val() & !self.full.q.val();
                self.beats.d.next = self.beats.q.val() + 1;
                if !self.room.val() {
                    self.full.d.next = true;
                }
                self.job.d.next = Job::Head;
            }
            Job::Head => {
                self.commit.next = !self.full.q.val();
                self.forget.d.next = self.full.q.val();
                if self.full.q.val() {
                    self.refusal.d.next = self.no_room.val();
                }
                self.job.d.next = Job::Collect;
                self.beats.d.next = 0.into();
                self.full.d.next = false;
            }
            _ => {}
        }
        // A message is over.
        if self.forget.q.val() {
            self.lanes.d.next = 0.into();
            self.beats.d.next = 0.into();
            self.full.d.next = false;
        }

        self.data.next = self.beat.q.val();
        if self.job.q.val() == Job::Head {
            self.data.next = ((bit_cast::<128, 8>(self.kind.q.val()) << 120) | (bit_cast::<128, 8>(self.tag.q.val()) << 112))
                | ((bit_cast::<128, 16>(self.half.q.val()) << 96)
                    | ((bit_cast::<128, 16>(self.beats.q.val()) << 80) | (bit_cast::<128, 4>(self.tail.q.val()) << 76)));
        }
        self.abandon.next = self.forget.q.val();
        self.asked.next.kind = self.kind.q.val();
        self.asked.next.tag = self.tag.q.val();
        self.asked.next.half = self.half.q.val();
        self.asked.next.word = bit_cast::<32, 128>(self.beat.q.val());
        self.asked_valid.next = self.request.q.val();
        self.refused.next = self.refusal.q.val();

        if self.reset.val() {
            self.job.d.next = Job::Collect;
            self.at.d.next = 0.into();
            self.lanes.d.next = 0.into();
            self.beats.d.next = 0.into();
            self.whole.d.next = false;
            self.full.d.next = false;
            self.request.d.next = false;
            self.forget.d.next = true;
            self.refusal.d.next = 0.into();
        }
    }
}
