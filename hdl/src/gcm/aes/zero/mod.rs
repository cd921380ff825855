//! AES (FIPS 197) of the zero block, for the hash subkey H of a new key (SP 800-38D section 7.1 step 1): one word each three clocks, through four
//! S-boxes that its key schedule and its state share. It stands beside the core's pipeline, so that a new SA takes no slot from the traffic.
//!
//! | | |
//! |---|---|
//! | ports | `key` (left aligned) with `accept`, `size` from then until `done`; `done`, a pulse, with `h`, which stays until the next `accept` |
//! | latency | [`latency`] clocks from `accept` to `done` |
//! | throughput | one at a time |
//! | back-pressure | none: `accept` between it and `done` is an error |
//!
//! The schedule holds the words `w[j]` to `w[j + Nk - 1]`. Step j gives `w[j]` away and makes `w[j + Nk]`, in three clocks:
//!
//! ```text
//! clock 0   into the S-boxes: w[j + Nk - 1], rotated    out of them: column j - 1 of the state, which is finished
//! clock 1   into the S-boxes: column j of the state
//! clock 2                                               out of them: what w[j + Nk] needs; the schedule moves on
//! ```
//!
//! The first four steps whiten the block, which is zero: their columns are the key's words. Between two keys the schedule follows `key`: when
//! that is cleared, nothing of the key stays here.

mod parts;

use rust_hdl::prelude::*;

use self::parts::{Column, KeyWords, NextWord, RotWord, ShiftedColumn, ToBlock};
use super::super::network::{Comb1, Comb2, Comb3};
use super::super::sbox::{Bottom, Top};
use crate::constant::Const;
use crate::records::key_size;

/// Clocks from `accept` to `done` for a key of so many words (4, 6, 8).
pub const fn latency(key_words: usize) -> usize {
    let rounds = key_words + 6;
    3 * 4 * (rounds + 1) + 2
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct ZeroBlock {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub accept: Signal<In, bool>,
    pub key: Signal<In, Bits<256>>,
    pub size: Signal<In, Bits<2>>,
    pub done: Signal<Out, bool>,
    pub h: Signal<Out, Bits<128>>,
    key_words: Comb1<KeyWords, 256, 256>,
    rotated: Comb1<RotWord, 32, 32>,
    shifted: Comb1<ShiftedColumn, 128, 32>,
    top: Comb1<Top, 32, 16>,
    bottom: Comb2<Bottom, 32, 16, 32>,
    next_word: Comb3<NextWord, 32, 32, 8, 32>,
    column: Comb3<Column, 32, 32, 1, 32>,
    to_block: Comb1<ToBlock, 128, 128>,
    schedule: [DFF<Bits<32>>; 8],
    state: [DFF<Bits<32>>; 4],
    /// Columns of the round that have been finished, the newest last.
    finished: [DFF<Bits<32>>; 3],
    /// In the S-boxes; out of them.
    word_1: DFF<Bits<32>>,
    cut_1: DFF<Bits<16>>,
    word_2: DFF<Bits<32>>,
    round_key: DFF<Bits<32>>,
    rcon: DFF<Bits<8>>,
    phase: DFF<Bits<2>>,
    /// j modulo Nk.
    place: DFF<Bits<3>>,
    /// Of the column that is finished next.
    number: DFF<Bits<2>>,
    rounds_left: DFF<Bits<4>>,
    is_whitening: DFF<bool>,
    running: DFF<bool>,
    /// A step's clock 2 was before.
    ends_step: DFF<bool>,
    ended: DFF<bool>,
    block: Signal<Local, Bits<128>>,
    word: Signal<Local, Bits<32>>,
    last_word: Signal<Local, Bits<32>>,
    first_place: Signal<Local, bool>,
    middle_place: Signal<Local, bool>,
    last_place: Signal<Local, Bits<3>>,
    rounds: Signal<Local, Bits<4>>,
    moves: Signal<Local, bool>,
    ends_round: Signal<Local, bool>,
    is_last_round: Signal<Local, bool>,
    aes_128: Const<2, { key_size::AES_128 }>,
    aes_192: Const<2, { key_size::AES_192 }>,
    aes_256: Const<2, { key_size::AES_256 }>,
    polynomial: Const<8, 0x1b>,
}

impl Logic for ZeroBlock {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word_1, cut_1, word_2, round_key, rcon, phase, place, number, rounds_left);
        dff_setup!(self, clock, is_whitening, running, ends_step, ended);

        // What the key size says.
        self.last_word.next = self.schedule[7].q.val();
        self.last_place.next = 7.into();
        self.rounds.next = 14.into();
        if self.size.val() == self.aes_128.val() {
            self.last_word.next = self.schedule[3].q.val();
            self.last_place.next = 3.into();
            self.rounds.next = 10.into();
        }
        if self.size.val() == self.aes_192.val() {
            self.last_word.next = self.schedule[5].q.val();
            self.last_place.next = 5.into();
            self.rounds.next = 12.into();
        }
        self.first_place.next = self.place.q.val() == 0;
        self.middle_place.next = (self.size.val() == self.aes_256.val()) & (self.place.q.val() == 4);

        // Into the S-boxes, and out of them. The zero block whitened is the key.
        self.rotated.a.next = self.last_word.val();
        self.block.next = bit_cast::<128, 32>(self.state[0].q.val())
            | ((bit_cast::<128, 32>(self.state[1].q.val()) << 32)
                | ((bit_cast::<128, 32>(self.state[2].q.val()) << 64) | (bit_cast::<128, 32>(self.state[3].q.val()) << 96)));
        self.shifted.a.next = self.block.val();
        self.to_block.a.next = self.block.val();
        self.word.next = self.rotated.y.val();
        if self.middle_place.val() {
            self.word.next = self.last_word.val();
        }
        if self.phase.q.val() == 1 {
            self.word.next = self.shifted.y.val();
        }
        self.top.a.next = self.word.val();
        self.word_1.d.next = self.word.val();
        self.cut_1.d.next = self.top.y.val();
        self.bottom.a.next = self.word_1.q.val();
        self.bottom.b.next = self.cut_1.q.val();
        self.word_2.d.next = self.bottom.y.val();
        if (self.phase.q.val() == 2) & self.is_whitening.q.val() {
            self.word_2.d.next = 0.into();
        }

        // Clock 2: the schedule moves on.
        self.moves.next = self.running.q.val() & (self.phase.q.val() == 2);
        self.next_word.a.next = self.schedule[0].q.val();
        self.next_word.b.next = self.last_word.val();
        self.next_word.c.next = 0.into();
        if self.first_place.val() | self.middle_place.val() {
            self.next_word.b.next = self.word_2.q.val();
        }
        if self.first_place.val() {
            self.next_word.c.next = self.rcon.q.val();
        }
        self.key_words.a.next = self.key.val();
        self.round_key.d.next = self.schedule[0].q.val();
        for i in 0..8 {
            self.schedule[i].clock.next = self.clock.val();
            self.schedule[i].d.next = self.schedule[i].q.val();
            if !self.running.q.val() {
                self.schedule[i].d.next = self.key_words.y.val().get_bits::<32>(i * 32);
            }
        }
        for i in 0..7 {
            if self.moves.val() {
                self.schedule[i].d.next = self.schedule[i + 1].q.val();
            }
        }
        if self.moves.val() {
            self.schedule[7].d.next = self.next_word.y.val();
            if self.size.val() == self.aes_128.val() {
                self.schedule[3].d.next = self.next_word.y.val();
            }
            if self.size.val() == self.aes_192.val() {
                self.schedule[5].d.next = self.next_word.y.val();
            }
            self.place.d.next = self.place.q.val() + 1;
            if self.place.q.val() == self.last_place.val() {
                self.place.d.next = 0.into();
            }
            if self.first_place.val() {
                self.rcon.d.next = self.rcon.q.val() << 1;
                if self.rcon.q.val().get_bit(7) {
                    self.rcon.d.next = (self.rcon.q.val() << 1) ^ self.polynomial.val();
                }
            }
        }
        self.ends_step.d.next = self.moves.val();

        // The clock after: a column is finished. The state turns by one word a step; with the round's fourth column it is new.
        self.is_last_round.next = self.rounds_left.q.val() == 0;
        self.column.a.next = self.word_2.q.val();
        self.column.b.next = self.round_key.q.val();
        self.column.c.next = self.is_last_round.val().into();
        self.ended.d.next = false;
        for i in 0..4 {
            self.state[i].clock.next = self.clock.val();
            self.state[i].d.next = self.state[i].q.val();
        }
        for i in 0..3 {
            if self.phase.q.val() == 1 {
                self.state[i].d.next = self.state[i + 1].q.val();
            }
        }
        if self.phase.q.val() == 1 {
            self.state[3].d.next = self.state[0].q.val();
        }
        for i in 0..3 {
            self.finished[i].clock.next = self.clock.val();
            self.finished[i].d.next = self.finished[i].q.val();
        }
        self.ends_round.next = self.ends_step.q.val() & self.number.q.val().all();
        for i in 0..3 {
            if self.ends_round.val() {
                self.state[i].d.next = self.finished[i].q.val();
            }
        }
        if self.ends_step.q.val() {
            self.finished[0].d.next = self.finished[1].q.val();
            self.finished[1].d.next = self.finished[2].q.val();
            self.finished[2].d.next = self.column.y.val();
            self.number.d.next = self.number.q.val() + 1;
        }
        if self.ends_round.val() {
            self.state[3].d.next = self.column.y.val();
            self.is_whitening.d.next = false;
            self.rounds_left.d.next = self.rounds_left.q.val() - 1;
            if self.is_last_round.val() {
                self.running.d.next = false;
                self.ended.d.next = true;
            }
        }
        self.h.next = self.to_block.y.val();
        self.done.next = self.ended.q.val();

        self.phase.d.next = self.phase.q.val() + 1;
        if (self.phase.q.val() == 2) | !self.running.q.val() {
            self.phase.d.next = 0.into();
        }
        if self.accept.val() {
            self.running.d.next = true;
            self.is_whitening.d.next = true;
            self.rounds_left.d.next = self.rounds.val();
            self.number.d.next = 0.into();
            self.place.d.next = 0.into();
            self.rcon.d.next = 1.into();
            self.phase.d.next = 0.into();
        }
        if self.reset.val() {
            self.running.d.next = false;
            self.ends_step.d.next = false;
            self.ended.d.next = false;
        }
    }
}
