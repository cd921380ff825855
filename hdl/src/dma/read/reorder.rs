//! Puts what was read into the order in which it was asked for.

use rust_hdl::prelude::*;

use crate::ram::Ram;

use crate::dma::outstanding::Outstanding;
use crate::dma::records::ReadBeat;

/// A slot of 16 beats for each of 16 tags, which requests get in turn.
///
/// - Ports: `take`, a pulse while `room`: a request has begun, with the `tag` shown. `s`, valid only: beats, those of a tag in order. `m`:
///   the same beats, those of the oldest request first. `idle`: no tag is in use, and `m` has been taken.
/// - A request leaves when all of it is there; its tag is free when its last beat has left the slot.
/// - Latency: 5 clocks from the last beat of a request to its first one on `m`, if nothing stands before it.
/// - Throughput: a beat a clock, without a bubble between requests of at least 2 beats; one of 1 beat takes 2 clocks.
/// - Back-pressure: `m` is a register; beats wait in their slots.
///
/// A request passes three stations: `complete`, found there by its tag; `next`; `now`, whose beats are being fetched. A slot is not read in
/// a clock in which it is written, save when the result is thrown away: synthesis may leave out read-during-write logic.
#[derive(LogicBlock, Default)]
pub struct Reorder {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub take: Signal<In, bool>,
    pub s_beat: Signal<In, ReadBeat>,
    pub s_tag: Signal<In, Bits<4>>,
    pub s_valid: Signal<In, bool>,
    pub m_ready: Signal<In, bool>,
    pub room: Signal<Out, bool>,
    pub tag: Signal<Out, Bits<4>>,
    pub m_beat: Signal<Out, ReadBeat>,
    pub m_valid: Signal<Out, bool>,
    pub idle: Signal<Out, bool>,
    used: Outstanding<5, 16>,
    slots: Ram<ReadBeat, 8>,
    /// Tag of the next request.
    fresh: DFF<Bits<4>>,
    /// Where in its slot a tag's next beat goes; of a complete one, where its last is.
    place: [DFF<Bits<4>>; 16],
    complete: DFF<Bits<16>>,
    /// The tag that comes to `next` next.
    awaited: DFF<Bits<4>>,
    next_valid: DFF<bool>,
    next_last: DFF<Bits<4>>,
    now_valid: DFF<bool>,
    now_tag: DFF<Bits<4>>,
    now_beat: DFF<Bits<4>>,
    now_last: DFF<Bits<4>>,
    /// What the RAM shows is a beat of a request, and where it is.
    fetched: DFF<bool>,
    fetched_at: DFF<Bits<8>>,
    /// The last of its request.
    fetched_last: DFF<bool>,
    out: DFF<ReadBeat>,
    out_valid: DFF<bool>,
    /// One bit a tag.
    arrives: Signal<Local, Bits<16>>,
    ends: Signal<Local, Bits<16>>,
    awaits: Signal<Local, Bits<16>>,
    leaves: Signal<Local, Bits<16>>,
    write_place: Signal<Local, Bits<4>>,
    last_place: Signal<Local, Bits<4>>,
    found: Signal<Local, bool>,
    at: Signal<Local, Bits<8>>,
    moves: Signal<Local, bool>,
    fetches: Signal<Local, bool>,
    finishes: Signal<Local, bool>,
}

impl Logic for Reorder {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            fresh,
            complete,
            awaited,
            next_valid,
            next_last,
            now_valid,
            now_tag,
            now_beat,
            now_last,
            fetched,
            fetched_at,
            fetched_last,
            out,
            out_valid
        );
        clock!(self, clock, used);
        self.used.reset.next = self.reset.val();
        self.slots.read_clock.next = self.clock.val();
        self.slots.write_clock.next = self.clock.val();

        // Tags go round: the oldest request's is the first to be free.
        self.used.begins.next = self.take.val();
        if self.take.val() {
            self.fresh.d.next = self.fresh.q.val() + 1;
        }
        self.tag.next = self.fresh.q.val();
        self.room.next = self.used.room.val();

        // Beats into their slots
        self.arrives.next = bit_cast::<16, 1>(self.s_valid.val().into()) << self.s_tag.val();
        self.ends.next = bit_cast::<16, 1>((self.s_valid.val() & self.s_beat.val().last).into()) << self.s_tag.val();
        self.awaits.next = bit_cast::<16, 1>(true.into()) << self.awaited.q.val();
        self.leaves.next = 0.into();
        if !self.next_valid.q.val() {
            self.leaves.next = self.awaits.val() & self.complete.q.val();
        }
        self.write_place.next = 0.into();
        self.last_place.next = 0.into();
        for i in 0..16 {
            if self.arrives.val().get_bit(i) {
                self.write_place.next = self.write_place.val() | self.place[i].q.val();
            }
            if self.awaits.val().get_bit(i) {
                self.last_place.next = self.last_place.val() | self.place[i].q.val();
            }
            self.place[i].clock.next = self.clock.val();
            self.place[i].d.next = self.place[i].q.val();
            if self.arrives.val().get_bit(i) & !self.ends.val().get_bit(i) {
                self.place[i].d.next = self.place[i].q.val() + 1;
            }
            if self.leaves.val().get_bit(i) | self.reset.val() {
                self.place[i].d.next = 0.into();
            }
        }
        self.slots.write_address.next = (bit_cast::<8, 4>(self.s_tag.val()) << 4) | bit_cast::<8, 4>(self.write_place.val());
        self.slots.write_data.next = self.s_beat.val();
        self.slots.write_enable.next = self.s_valid.val();
        self.complete.d.next = (self.complete.q.val() | self.ends.val()) & !self.leaves.val();

        // Now: its beats are fetched, each as soon as the one before has left the RAM's output.
        self.moves.next = self.fetched.q.val() & (!self.out_valid.q.val() | self.m_ready.val());
        self.fetches.next = self.now_valid.q.val() & (!self.fetched.q.val() | self.moves.val());
        self.finishes.next = self.fetches.val() & (self.now_beat.q.val() == self.now_last.q.val());
        self.at.next = (bit_cast::<8, 4>(self.now_tag.q.val()) << 4) | bit_cast::<8, 4>(self.now_beat.q.val());
        self.slots.read_address.next = self.at.val();
        if self.fetched.q.val() & !self.moves.val() {
            self.slots.read_address.next = self.fetched_at.q.val();
        }
        if self.moves.val() {
            self.fetched.d.next = false;
        }
        if self.fetches.val() {
            self.fetched.d.next = true;
            self.fetched_last.d.next = self.finishes.val();
            self.fetched_at.d.next = self.at.val();
            self.now_beat.d.next = self.now_beat.q.val() + 1;
        }
        if self.finishes.val() {
            self.now_valid.d.next = false;
            self.now_tag.d.next = self.now_tag.q.val() + 1;
        }

        // Only now may the slot be written: while `fetched` waits, the RAM reads it again and again.
        self.used.ends.next = self.moves.val() & self.fetched_last.q.val();

        // Next
        self.found.next = self.leaves.val().any();
        if !self.next_valid.q.val() {
            self.next_valid.d.next = self.found.val();
            self.next_last.d.next = self.last_place.val();
        }
        if self.found.val() {
            self.awaited.d.next = self.awaited.q.val() + 1;
        }
        if self.next_valid.q.val() & (self.finishes.val() | !self.now_valid.q.val()) {
            self.next_valid.d.next = false;
            self.now_valid.d.next = true;
            self.now_beat.d.next = 0.into();
            self.now_last.d.next = self.next_last.q.val();
        }

        if self.m_ready.val() {
            self.out_valid.d.next = false;
        }
        if self.moves.val() {
            self.out_valid.d.next = true;
            self.out.d.next = self.slots.read_data.val();
        }
        self.m_beat.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();
        self.idle.next = self.used.none.val() & !self.out_valid.q.val();

        if self.reset.val() {
            self.fresh.d.next = 0.into();
            self.complete.d.next = 0.into();
            self.awaited.d.next = 0.into();
            self.next_valid.d.next = false;
            self.now_valid.d.next = false;
            self.now_tag.d.next = 0.into();
            self.fetched.d.next = false;
            self.out_valid.d.next = false;
        }
    }
}
