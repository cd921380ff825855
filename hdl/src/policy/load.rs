//! How a policy gets into the table while packets are looked up.

use rust_hdl::prelude::*;

use super::candidate::Rule;
use super::line::{Line, LINE_BITS, WORDS};
use crate::constant::{Const, Size};
use crate::many::Many;
use crate::records::Policy;

/// What is written into the banks of a group, in one row.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Load {
    /// Of these words of the line the cells are written one clock later.
    pub words: Bits<32>,
    /// For packets' bits of this value, as [`Cells`](super::Cells) has them.
    pub write_for: bool,
    pub cells: Bits<64>,
    /// The rules of these policies of the row are written.
    pub rules: Bits<4>,
    pub rule: Rule,
}

/// The steps of a write.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum LoadState {
    /// After reset: no policy has a rule.
    Sweep,
    /// Wait for a write.
    Idle,
    /// Ask the mirror for a word of the cells; two clocks later the word is written, with the new policy's bits in it.
    Words,
    /// Wait until no look-up has seen half of the cells.
    Settle,
    /// Write the rule.
    Rule,
}

/// Writes policies into G groups of 4 * 2^R, a word of 16 cells a clock.
///
/// - Ports: `write_index` (group, row, place in the row; from the left) and `write_data` must stand while `write_valid`, until `write_ready`. `load` goes
///   to the groups in `groups` (a bit each), for row `row`. `ready`: low after reset until no policy is valid, 2^R clocks.
/// - Latency: 44 clocks, to clear a place 2. One write at a time.
///
/// The cells of four policies are one word, of which a write changes one bit, and the look-ups leave no clock to read it: so all words
/// stand in block RAM besides, the mirror.
///
/// What a look-up sees: the rule is written last, when all cells are, and at once. If the place had a policy with the same selector, the cells
/// stay as they are, and the policy is as it was before until it is as it is after. If it had one with another selector, there is none
/// from the first cell that changes on until the rule is written.
#[derive(LogicBlock, Default)]
pub struct PolicyLoad<const R: usize, const G: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub write_valid: Signal<In, bool>,
    pub write_index: Signal<In, Bits<10>>,
    pub write_data: Signal<In, Policy>,
    pub write_ready: Signal<Out, bool>,
    pub ready: Signal<Out, bool>,
    pub groups: Signal<Out, Bits<4>>,
    pub row: Signal<Out, Bits<R>>,
    pub load: Signal<Out, Load>,
    /// By word, `write_for` and row.
    mirrors: Many<RAM<Bits<64>, 9>, G>,
    value: Line,
    mask: Line,
    state: DFF<LoadState>,
    word: DFF<Bits<5>>,
    write_for: DFF<bool>,
    /// Where the mirror was asked in the clock before, and in the one before that; and whether it was.
    address_1: DFF<Bits<9>>,
    address_2: DFF<Bits<9>>,
    asked_1: DFF<bool>,
    asked_2: DFF<bool>,
    /// The word of the mirror, and what the new policy has in it.
    old: DFF<Bits<64>>,
    likes: DFF<Bits<16>>,
    /// A bit of the policy's has changed.
    changed: DFF<bool>,
    is_ready: DFF<bool>,
    /// The row that is swept.
    swept: Signal<Local, Bits<R>>,
    number: Signal<Local, Bits<10>>,
    group: Signal<Local, Bits<4>>,
    place: Signal<Local, Bits<4>>,
    address: Signal<Local, Bits<9>>,
    at: Signal<Local, Bits<9>>,
    values: Signal<Local, Bits<304>>,
    masks: Signal<Local, Bits<304>>,
    wanted: Signal<Local, Bits<16>>,
    compared: Signal<Local, Bits<16>>,
    asked: Signal<Local, Bits<16>>,
    /// Lowest of the policy's bits in a word.
    plane: Signal<Local, Bits<6>>,
    merged: Signal<Local, Bits<64>>,
    here: Signal<Local, Bits<64>>,
    rule: Signal<Local, Rule>,
    word_1: Signal<Local, Bits<5>>,
    row_bits: Size<R>,
    sixteen: Const<64, 0xFFFF>,
    one: Const<4, 1>,
    every: Const<4, 0xF>,
    none: Const<49, { 1 << 48 }>,
    last: Const<5, { WORDS as u64 - 1 }>,
}

impl<const R: usize, const G: usize> Logic for PolicyLoad<R, G> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, word, write_for, address_1, address_2, asked_1, asked_2, old, likes, changed, is_ready);
        self.ready.next = self.is_ready.q.val();

        // Where.
        self.number.next = self.write_index.val() >> 2;
        self.row.next = bit_cast::<R, 10>(self.number.val());
        self.group.next = self.one.val() << (self.number.val() >> self.row_bits.val());
        self.groups.next = self.group.val();
        self.place.next = self.one.val() << self.write_index.val().get_bits::<2>(0);
        self.plane.next = bit_cast::<6, 2>(self.write_index.val().get_bits::<2>(0)) << 4;

        // What the policy likes of this word.
        self.value.selector.next = self.write_data.val().value;
        self.mask.selector.next = self.write_data.val().mask;
        self.mask.selector.next.v6 = true;
        self.mask.selector.next.forward = true;
        self.values.next = bit_cast::<304, LINE_BITS>(self.value.line.val());
        self.masks.next = bit_cast::<304, LINE_BITS>(self.mask.line.val());
        self.word_1.next = bit_cast::<5, 9>(self.address_1.q.val() >> 4);
        self.at.next = bit_cast::<9, 5>(self.word_1.val()) << 4;
        self.wanted.next = self.values.val().get_bits::<16>(self.at.val().index());
        self.compared.next = self.masks.val().get_bits::<16>(self.at.val().index());
        self.asked.next = 0.into();
        if self.address_1.q.val().get_bit(3) {
            self.asked.next = 0xFFFF.into();
        }
        self.likes.d.next = !(self.compared.val() & (self.wanted.val() ^ self.asked.val()));

        // The word of the mirror, with it in place of what was there.
        self.address.next = (bit_cast::<9, 5>(self.word.q.val()) << 4)
            | ((bit_cast::<9, 1>(self.write_for.q.val().into()) << 3) | bit_cast::<9, R>(bit_cast::<R, 10>(self.number.val())));
        self.address_1.d.next = self.address.val();
        self.address_2.d.next = self.address_1.q.val();
        self.asked_1.d.next = self.state.q.val() == LoadState::Words;
        self.asked_2.d.next = self.asked_1.q.val();
        self.merged.next =
            (self.old.q.val() & !(self.sixteen.val() << self.plane.val())) | (bit_cast::<64, 16>(self.likes.q.val()) << self.plane.val());
        self.here.next = 0.into();
        for i in 0..G {
            self.mirrors[i].read_clock.next = self.clock.val();
            self.mirrors[i].read_address.next = self.address.val();
            self.mirrors[i].write_clock.next = self.clock.val();
            self.mirrors[i].write_address.next = self.address_2.q.val();
            self.mirrors[i].write_data.next = self.merged.val();
            self.mirrors[i].write_enable.next = self.asked_2.q.val() & self.group.val().get_bit(i);
            if self.group.val().get_bit(i) {
                self.here.next = self.here.val() | self.mirrors[i].read_data.val();
            }
        }
        self.old.d.next = self.here.val();
        self.load.next.words = 0.into();
        if self.asked_1.q.val() {
            self.load.next.words = bit_cast::<32, 4>(self.one.val()) << self.word_1.val();
        }
        self.load.next.write_for = self.address_2.q.val().get_bit(3);
        self.load.next.cells = self.merged.val();
        self.changed.d.next = self.asked_2.q.val() & (self.merged.val() != self.old.q.val());

        // No rule where a cell has just changed, or there is no policy.
        self.load.next.rules = 0.into();
        if self.changed.q.val() {
            self.load.next.rules = self.place.val();
        }
        self.rule.next.rank = self.none.val();
        self.rule.next.action = self.write_data.val().action;
        self.rule.next.sa_valid = self.write_data.val().sa_valid;
        self.rule.next.optional = self.write_data.val().optional;
        self.rule.next.sa = self.write_data.val().sa;

        self.swept.next = bit_cast::<R, 5>(self.word.q.val());
        self.write_ready.next = false;
        match self.state.q.val() {
            LoadState::Sweep => {
                self.groups.next = self.every.val();
                self.row.next = self.swept.val();
                self.load.next.rules = self.every.val();
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
                    self.state.d.next = LoadState::Rule;
                    if self.write_data.val().valid {
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
                        self.state.d.next = LoadState::Settle;
                    }
                }
            }
            LoadState::Settle => {
                self.word.d.next = self.word.q.val() + 1;
                if self.word.q.val().get_bits::<2>(0).all() {
                    self.state.d.next = LoadState::Rule;
                }
            }
            LoadState::Rule => {
                self.load.next.rules = self.place.val();
                if self.write_data.val().valid {
                    self.rule.next.rank = bit_cast::<49, 48>(self.write_data.val().order);
                }
                self.write_ready.next = true;
                self.state.d.next = LoadState::Idle;
            }
        }

        self.load.next.rule = self.rule.val();

        if self.reset.val() {
            self.state.d.next = LoadState::Sweep;
            self.word.d.next = 0.into();
            self.asked_1.d.next = false;
            self.asked_2.d.next = false;
            self.changed.d.next = false;
            self.is_ready.d.next = false;
        }
    }
}
