//! How a policy gets into the table while packets are looked up.

use rust_hdl::prelude::*;

use super::line::WORDS;
use super::rule::{Ranking, Rerank, Rule};
use super::source::PolicyWrite;
use crate::constant::{Const, Size};
use crate::many::Many;

/// What is written into a group, in one row.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Load {
    /// Of these words of the line the cells are written one clock later.
    pub words: Bits<32>,
    /// For packets' bits of this value, as [`Cells`](super::Cells) has them.
    pub write_for: bool,
    pub cells: Bits<64>,
    /// The ranking of the row is written.
    pub rank: bool,
    pub ranking: Ranking,
    /// The rule of this policy of the row is written.
    pub rule_enable: bool,
    pub place: Bits<2>,
    pub rule: Rule,
}

/// The steps of a write.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum LoadState {
    /// After reset: there is no policy.
    Sweep,
    /// Wait for a write.
    Idle,
    /// Ask the mirror for a word of the cells; two clocks later the word is written, with the new policy's bits in it.
    Words,
    /// Ask the mirror for the orders of the row, compare them; meanwhile no look-up is left that has seen half of the cells.
    Orders,
    /// Write the ranking.
    Rank,
    /// Write the rule.
    Rule,
}

/// Writes policies into G groups of 4 * 2^R, a word of 16 cells a clock.
///
/// - Ports: `write` must stand while `write_valid`, until `write_ready`; `write_at` asks for what it likes, see [`PolicySource`](super::PolicySource).
///   `load` goes to the groups in `groups` (a bit each), for row `row`, whose `ranking` comes from there. `ready`: low after reset until no
///   policy is valid, 2^R clocks.
/// - Latency: 47 clocks, to clear a place 2. One write at a time.
///
/// The cells of four policies are one word, of which a write changes one bit, and the look-ups leave no clock to read it: so all words
/// stand in block RAM besides, the mirror. The orders of the policies, which the look-ups don't read at once either, stand there too.
///
/// What a look-up sees: ranking and rule are written last, when all cells are, each in the clock in which a look-up comes to it: so a policy is as it was before
/// until it is as it is after. If the place had a policy with the same selector, the cells stay as they are. If it had one with another
/// selector, there is none from the first cell that changes on.
#[derive(LogicBlock, Default)]
pub struct PolicyLoad<const R: usize, const G: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub write_valid: Signal<In, bool>,
    pub write: Signal<In, PolicyWrite>,
    pub write_at: Signal<Out, Bits<6>>,
    pub write_ready: Signal<Out, bool>,
    pub ready: Signal<Out, bool>,
    pub groups: Signal<Out, Bits<4>>,
    pub row: Signal<Out, Bits<R>>,
    pub load: Signal<Out, Load>,
    pub ranking: Signal<In, Ranking>,
    /// By word, `write_for` and row. From word 24 on: the orders of the row's policies.
    mirrors: Many<RAM<Bits<64>, 9>, G>,
    rerank: Rerank,
    state: DFF<LoadState>,
    word: DFF<Bits<5>>,
    write_for: DFF<bool>,
    /// Where the mirror was asked in the clock before, and in the one before that; and what for.
    address_1: DFF<Bits<9>>,
    address_2: DFF<Bits<9>>,
    word_1: DFF<bool>,
    word_2: DFF<bool>,
    order_1: DFF<bool>,
    order_2: DFF<bool>,
    /// What it had there.
    old: DFF<Bits<64>>,
    /// Of each place of the row: its policy goes before the new one, as far as the order goes; equal ones as they stand.
    goes_before: DFF<Bits<4>>,
    /// A bit of the policy's has changed.
    changed: DFF<bool>,
    is_ready: DFF<bool>,
    /// The row that is swept.
    swept: Signal<Local, Bits<R>>,
    index: Signal<Local, Bits<10>>,
    number: Signal<Local, Bits<8>>,
    place: Signal<Local, Bits<2>>,
    here: Signal<Local, Bits<4>>,
    order_word: Signal<Local, Bits<5>>,
    asked_word: Signal<Local, Bits<5>>,
    address: Signal<Local, Bits<9>>,
    /// Lowest of the policy's bits in a word.
    plane: Signal<Local, Bits<6>>,
    merged: Signal<Local, Bits<64>>,
    read: Signal<Local, Bits<64>>,
    rule: Signal<Local, Rule>,
    their_order: Signal<Local, Bits<49>>,
    new_order: Signal<Local, Bits<49>>,
    goes: Signal<Local, bool>,
    row_bits: Size<R>,
    sixteen: Const<64, 0xFFFF>,
    one: Const<4, 1>,
    every: Const<4, 0xF>,
    last: Const<5, { WORDS as u64 - 1 }>,
    orders_at: Const<5, 24>,
    settled: Const<5, 5>,
}

impl<const R: usize, const G: usize> Logic for PolicyLoad<R, G> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, word, write_for, address_1, address_2, word_1, word_2, order_1, order_2);
        dff_setup!(self, clock, old, goes_before, changed, is_ready);
        self.ready.next = self.is_ready.q.val();

        // Where.
        self.index.next = self.write.val().index;
        self.place.next = bit_cast::<2, 10>(self.index.val());
        self.number.next = bit_cast::<8, 10>(self.index.val() >> 2);
        self.row.next = bit_cast::<R, 8>(self.number.val());
        self.groups.next = self.one.val() << (self.number.val() >> self.row_bits.val());
        self.here.next = self.one.val() << self.place.val();
        self.plane.next = bit_cast::<6, 2>(self.place.val()) << 4;

        // The mirror.
        self.write_at.next = (bit_cast::<6, 5>(self.word.q.val()) << 1) | bit_cast::<6, 1>(self.write_for.q.val().into());
        self.order_word.next = self.orders_at.val() | self.word.q.val();
        self.asked_word.next = self.word.q.val();
        if self.state.q.val() == LoadState::Orders {
            self.asked_word.next = self.order_word.val();
        }
        self.address.next = (bit_cast::<9, 5>(self.asked_word.val()) << 4)
            | ((bit_cast::<9, 1>(self.write_for.q.val().into()) << 3) | bit_cast::<9, R>(bit_cast::<R, 8>(self.number.val())));
        self.address_1.d.next = self.address.val();
        self.address_2.d.next = self.address_1.q.val();
        self.word_1.d.next = self.state.q.val() == LoadState::Words;
        self.word_2.d.next = self.word_1.q.val();
        self.order_1.d.next = (self.state.q.val() == LoadState::Orders) & !self.word.q.val().get_bit(2);
        self.order_2.d.next = self.order_1.q.val();
        self.merged.next = (self.old.q.val() & !(self.sixteen.val() << self.plane.val()))
            | (bit_cast::<64, 16>(self.write.val().likes) << self.plane.val());
        self.rule.next = self.write.val().rule;
        self.read.next = 0.into();
        for i in 0..G {
            self.mirrors[i].read_clock.next = self.clock.val();
            self.mirrors[i].read_address.next = self.address.val();
            self.mirrors[i].write_clock.next = self.clock.val();
            self.mirrors[i].write_address.next = self.address_2.q.val();
            self.mirrors[i].write_data.next = self.merged.val();
            self.mirrors[i].write_enable.next = self.word_2.q.val() & self.groups.val().get_bit(i);
            if self.state.q.val() == LoadState::Rule {
                self.mirrors[i].write_address.next = ((bit_cast::<9, 5>(self.orders_at.val()) | bit_cast::<9, 2>(self.place.val())) << 4)
                    | bit_cast::<9, R>(bit_cast::<R, 8>(self.number.val()));
                self.mirrors[i].write_data.next = bit_cast::<64, 48>(self.rule.val().order);
                self.mirrors[i].write_enable.next = self.groups.val().get_bit(i);
            }
            if self.groups.val().get_bit(i) {
                self.read.next = self.read.val() | self.mirrors[i].read_data.val();
            }
        }
        self.old.d.next = self.read.val();

        // The words, with the policy's bits in place of what was there.
        self.load.next.words = 0.into();
        if self.word_1.q.val() {
            self.load.next.words = bit_cast::<32, 4>(self.one.val()) << bit_cast::<5, 9>(self.address_1.q.val() >> 4);
        }
        self.load.next.write_for = self.address_2.q.val().get_bit(3);
        self.load.next.cells = self.merged.val();
        self.changed.d.next = self.word_2.q.val() & (self.merged.val() != self.old.q.val());

        // The orders, one after the other: those of lower places go before it, if they are equal.
        self.their_order.next = bit_cast::<49, 64>(self.old.q.val()) << 1;
        self.new_order.next = bit_cast::<49, 48>(self.rule.val().order) << 1;
        if self.address_2.q.val().get_bits::<2>(4) < self.place.val() {
            self.new_order.next = (bit_cast::<49, 48>(self.rule.val().order) << 1) | 1;
        }
        self.goes.next = self.their_order.val() < self.new_order.val();
        if self.order_2.q.val() {
            self.goes_before.d.next = (self.goes_before.q.val() >> 1) | (bit_cast::<4, 1>(self.goes.val().into()) << 3);
        }

        // The ranking: without it where a cell has just changed, or there is no policy.
        self.rerank.old.next = self.ranking.val();
        self.rerank.here.next = self.here.val();
        self.rerank.goes_before.next = self.goes_before.q.val();
        self.rerank.valid.next = false;
        self.load.next.rank = self.changed.q.val();
        self.load.next.rule_enable = false;
        self.load.next.place = self.place.val();
        self.load.next.rule = self.rule.val();

        self.swept.next = bit_cast::<R, 5>(self.word.q.val());
        self.write_ready.next = false;
        match self.state.q.val() {
            LoadState::Sweep => {
                self.groups.next = self.every.val();
                self.row.next = self.swept.val();
                self.rerank.here.next = self.every.val();
                self.load.next.rank = true;
                self.word.d.next = self.word.q.val() + 1;
                if self.swept.val().all() {
                    self.is_ready.d.next = true;
                    self.state.d.next = LoadState::Idle;
                }
            }
            LoadState::Idle => {
                self.word.d.next = 0.into();
                self.write_for.d.next = false;
                if self.write_valid.val() {
                    self.state.d.next = LoadState::Rank;
                    if self.write.val().valid {
                        self.state.d.next = LoadState::Words;
                    }
                }
            }
            LoadState::Words => {
                self.write_for.d.next = !self.write_for.q.val();
                if self.write_for.q.val() {
                    self.word.d.next = self.word.q.val() + 1;
                    if self.word.q.val() == self.last.val() {
                        self.word.d.next = 0.into();
                        self.state.d.next = LoadState::Orders;
                    }
                }
            }
            LoadState::Orders => {
                self.word.d.next = self.word.q.val() + 1;
                if self.word.q.val() == self.settled.val() {
                    self.state.d.next = LoadState::Rank;
                }
            }
            LoadState::Rank => {
                self.rerank.valid.next = self.write.val().valid;
                self.load.next.rank = true;
                self.state.d.next = LoadState::Rule;
                if !self.write.val().valid {
                    self.write_ready.next = true;
                    self.state.d.next = LoadState::Idle;
                }
            }
            LoadState::Rule => {
                self.load.next.rule_enable = true;
                self.write_ready.next = true;
                self.state.d.next = LoadState::Idle;
            }
        }
        self.load.next.ranking = self.rerank.new_ranking.val();

        if self.reset.val() {
            self.state.d.next = LoadState::Sweep;
            self.word.d.next = 0.into();
            self.word_1.d.next = false;
            self.word_2.d.next = false;
            self.order_1.d.next = false;
            self.order_2.d.next = false;
            self.changed.d.next = false;
            self.is_ready.d.next = false;
        }
    }
}
