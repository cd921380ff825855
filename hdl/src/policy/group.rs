//! A group of policies: four of them are looked at in each clock.

use rust_hdl::prelude::*;

use super::candidate::{Candidate, Lower, Rule, Rules};
use super::cells::Cells;
use super::line::LINE_BITS;
use super::load::Load;
use crate::constant::{Const, Size};

/// 4 * 2^R policies, and the best of those that match `packet`.
///
/// - Ports: `row` is looked at with the `packet` of the same clock; 5 clocks later `take` says that the row's best is to be compared with the
///   best of those before, or with `first` that it is the look-up's first row. `best` and `best_row` stand from the next clock on.
///   `late_row` is the `row` of two clocks before, `taken_row` that of 5. `load` is the write port, for this group with `load_here`.
/// - Throughput: a row a clock. Writes: any clock, see [`Load`].
#[derive(LogicBlock, Default)]
pub struct PolicyGroup<const R: usize> {
    pub clock: Signal<In, Clock>,
    /// A strap.
    pub number: Signal<In, Bits<2>>,
    pub row: Signal<In, Bits<R>>,
    pub late_row: Signal<In, Bits<R>>,
    /// Its [`Line`](super::line::Line).
    pub packet: Signal<In, Bits<LINE_BITS>>,
    pub take: Signal<In, bool>,
    pub first: Signal<In, bool>,
    pub taken_row: Signal<In, Bits<R>>,
    pub load: Signal<In, Load>,
    pub load_here: Signal<In, bool>,
    pub load_row: Signal<In, Bits<R>>,
    pub best: Signal<Out, Candidate>,
    /// With the group's number above it.
    pub best_row: Signal<Out, Bits<10>>,
    words: [Cells<R, 16>; 18],
    /// Protocol, family, direction.
    kind: Cells<R, 10>,
    word_enable: DFF<Bits<32>>,
    word_hits: [DFF<Bits<4>>; 18],
    kind_hits: DFF<Bits<4>>,
    all_hit: DFF<Bits<4>>,
    rules: [Rules<R>; 4],
    of_two: [Lower; 2],
    of_four: Lower,
    winner: DFF<Candidate>,
    winner_row: DFF<Bits<R>>,
    all: Signal<Local, Bits<4>>,
    rule_enable: Signal<Local, Bits<4>>,
    four: Signal<Local, Rule>,
    so_far: Signal<Local, Rule>,
    row_bits: Size<R>,
    places: Const<8, 0b11_10_01_00>,
}

impl<const R: usize> Logic for PolicyGroup<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word_enable, kind_hits, all_hit, winner, winner_row);
        clock!(self, clock, kind, of_four);

        // First clock: the cells.
        self.word_enable.d.next = 0.into();
        self.rule_enable.next = 0.into();
        if self.load_here.val() {
            self.word_enable.d.next = self.load.val().words;
            self.rule_enable.next = self.load.val().rules;
        }
        for i in 0..18 {
            self.words[i].clock.next = self.clock.val();
            self.words[i].row.next = self.row.val();
            self.words[i].packet.next = self.packet.val().get_bits::<16>(i * 16);
            self.words[i].write_enable.next = self.word_enable.q.val().get_bit(i);
            self.words[i].write_row.next = self.load_row.val();
            self.words[i].write_for.next = self.load.val().write_for;
            self.words[i].write_data.next = self.load.val().cells;
            self.word_hits[i].clock.next = self.clock.val();
            self.word_hits[i].d.next = self.words[i].hits.val();
        }
        self.kind.row.next = self.row.val();
        self.kind.packet.next = self.packet.val().get_bits::<10>(288);
        self.kind.write_enable.next = self.word_enable.q.val().get_bit(18);
        self.kind.write_row.next = self.load_row.val();
        self.kind.write_for.next = self.load.val().write_for;
        self.kind.write_data.next = self.load.val().cells;
        self.kind_hits.d.next = self.kind.hits.val();

        // Second clock: all of them.
        self.all.next = self.kind_hits.q.val();
        for i in 0..18 {
            self.all.next = self.all.val() & self.word_hits[i].q.val();
        }
        self.all_hit.d.next = self.all.val();

        // Third: the rules of those that match.
        for i in 0..4 {
            self.rules[i].clock.next = self.clock.val();
            self.rules[i].place.next = self.places.val().get_bits::<2>(i * 2);
            self.rules[i].row.next = self.late_row.val();
            self.rules[i].is_hit.next = self.all_hit.q.val().get_bit(i);
            self.rules[i].write_enable.next = self.rule_enable.val().get_bit(i);
            self.rules[i].write_row.next = self.load_row.val();
            self.rules[i].write_data.next = self.load.val().rule;
        }

        // Then the best of the four, and of the rows.
        for i in 0..2 {
            self.of_two[i].clock.next = self.clock.val();
            self.of_two[i].a.next = self.rules[i * 2].candidate.val();
            self.of_two[i].b.next = self.rules[i * 2 + 1].candidate.val();
        }
        self.of_four.a.next = self.of_two[0].lower.val();
        self.of_four.b.next = self.of_two[1].lower.val();
        self.four.next = self.of_four.lower.val().rule;
        self.so_far.next = self.winner.q.val().rule;
        if self.take.val() & (self.first.val() | (self.four.val().rank < self.so_far.val().rank)) {
            self.winner.d.next = self.of_four.lower.val();
            self.winner_row.d.next = self.taken_row.val();
        }
        self.best.next = self.winner.q.val();
        self.best_row.next = bit_cast::<10, R>(self.winner_row.q.val()) | (bit_cast::<10, 2>(self.number.val()) << self.row_bits.val());
    }
}
