//! A group of policies: four of them are looked at in each clock.

use rust_hdl::prelude::*;

use super::cells::Cells;
use super::line::LINE_BITS;
use super::load::Load;
use super::rule::{Candidate, Choose, Ranking, Rule};
use crate::constant::Size;
use crate::lut_ram::LutRam;

/// 4 * 2^R policies (R at most 3), and the best of those that match `packet`.
///
/// - Ports: `row` is looked at with the `packet` of the same clock; 3 clocks later `late_row` must be the same; 5 clocks later `take` says that the row's best
///   is to be compared with the best of those before, or with `first` that it is the look-up's first row. `best` and `best_index` stand from the
///   next clock on. `load` is the write port, for this group with `load_here`; `ranking` is that of `load_row`.
/// - Throughput: a row a clock. Writes: any clock, see [`Load`].
#[derive(LogicBlock, Default)]
pub struct PolicyGroup<const R: usize> {
    pub clock: Signal<In, Clock>,
    /// A strap.
    pub number: Signal<In, Bits<2>>,
    pub row: Signal<In, Bits<R>>,
    pub packet: Signal<In, Bits<LINE_BITS>>,
    pub late_row: Signal<In, Bits<R>>,
    pub take: Signal<In, bool>,
    pub first: Signal<In, bool>,
    pub load: Signal<In, Load>,
    pub load_here: Signal<In, bool>,
    pub load_row: Signal<In, Bits<R>>,
    pub ranking: Signal<Out, Ranking>,
    pub best: Signal<Out, Candidate>,
    pub best_index: Signal<Out, Bits<10>>,
    words: [Cells<R, 16>; 18],
    /// Protocol, family, direction.
    kind: Cells<R, 10>,
    word_enable: DFF<Bits<32>>,
    word_hits: [DFF<Bits<4>>; 18],
    kind_hits: DFF<Bits<4>>,
    /// Of the source address, of the destination address, of the rest.
    third_hits: [DFF<Bits<4>>; 3],
    hits: DFF<Bits<4>>,
    rankings: LutRam<Ranking, R>,
    /// The same, for whoever writes.
    mirror: LutRam<Ranking, R>,
    choose: Choose,
    any: DFF<bool>,
    /// Row and place of the row's best; one clock later.
    chosen: DFF<Bits<5>>,
    candidate_index: DFF<Bits<5>>,
    rules: LutRam<Rule, 5>,
    candidate_hit: DFF<bool>,
    candidate: DFF<Rule>,
    winner_hit: DFF<bool>,
    winner: DFF<Rule>,
    winner_index: DFF<Bits<5>>,
    src_hits: Signal<Local, Bits<4>>,
    dst_hits: Signal<Local, Bits<4>>,
    lower: Signal<Local, bool>,
    row_bits: Size<R>,
}

impl<const R: usize> Logic for PolicyGroup<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word_enable, kind_hits, hits, any, chosen, candidate_index, candidate_hit, candidate);
        dff_setup!(self, clock, winner_hit, winner, winner_index);
        clock!(self, clock, kind, rankings, mirror, rules);

        // First clock: the cells.
        self.word_enable.d.next = 0.into();
        if self.load_here.val() {
            self.word_enable.d.next = self.load.val().words;
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

        // Second and third: all of them.
        self.src_hits.next = 0xF.into();
        self.dst_hits.next = 0xF.into();
        for i in 0..8 {
            self.src_hits.next = self.src_hits.val() & self.word_hits[i].q.val();
            self.dst_hits.next = self.dst_hits.val() & self.word_hits[i + 8].q.val();
        }
        self.third_hits[0].clock.next = self.clock.val();
        self.third_hits[0].d.next = self.src_hits.val();
        self.third_hits[1].clock.next = self.clock.val();
        self.third_hits[1].d.next = self.dst_hits.val();
        self.third_hits[2].clock.next = self.clock.val();
        self.third_hits[2].d.next = (self.word_hits[16].q.val() & self.word_hits[17].q.val()) & self.kind_hits.q.val();
        self.hits.d.next = (self.third_hits[0].q.val() & self.third_hits[1].q.val()) & self.third_hits[2].q.val();

        // Fourth: the best of the row.
        self.rankings.read_address.next = self.late_row.val();
        self.rankings.write_enable.next = self.load_here.val() & self.load.val().rank;
        self.rankings.write_address.next = self.load_row.val();
        self.rankings.write_data.next = self.load.val().ranking;
        self.mirror.read_address.next = self.load_row.val();
        self.mirror.write_enable.next = self.load_here.val() & self.load.val().rank;
        self.mirror.write_address.next = self.load_row.val();
        self.mirror.write_data.next = self.load.val().ranking;
        self.ranking.next = self.mirror.read_data.val();
        self.choose.hits.next = self.hits.q.val();
        self.choose.ranking.next = self.rankings.read_data.val();
        self.any.d.next = self.choose.any.val();
        self.chosen.d.next = (bit_cast::<5, R>(self.late_row.val()) << 2) | bit_cast::<5, 2>(self.choose.place.val());

        // Fifth: its rule.
        self.rules.read_address.next = self.chosen.q.val();
        self.rules.write_enable.next = self.load_here.val() & self.load.val().rule_enable;
        self.rules.write_address.next = (bit_cast::<5, R>(self.load_row.val()) << 2) | bit_cast::<5, 2>(self.load.val().place);
        self.rules.write_data.next = self.load.val().rule;
        self.candidate_hit.d.next = self.any.q.val();
        self.candidate.d.next = self.rules.read_data.val();
        self.candidate_index.d.next = self.chosen.q.val();

        // Sixth: the best of the rows.
        self.lower.next = self.candidate.q.val().order < self.winner.q.val().order;
        if self.take.val() {
            self.winner_hit.d.next = self.candidate_hit.q.val() | (self.winner_hit.q.val() & !self.first.val());
            if self.first.val() | (self.candidate_hit.q.val() & (self.lower.val() | !self.winner_hit.q.val())) {
                self.winner.d.next = self.candidate.q.val();
                self.winner_index.d.next = self.candidate_index.q.val();
            }
        }
        self.best.next.hit = self.winner_hit.q.val();
        self.best.next.rule = self.winner.q.val();
        self.best_index.next =
            bit_cast::<10, 5>(self.winner_index.q.val()) | ((bit_cast::<10, 2>(self.number.val()) << self.row_bits.val()) << 2);
    }
}
