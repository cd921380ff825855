//! AES (FIPS 197): one block a clock, 128, 192 and 256-bit keys, another key on every block if need be.
//!
//! 14 rounds are unrolled (or two, see below), and the key schedule runs in the pipeline beside the data, 4 S-boxes a round. The *ends* are aligned:
//! whatever the key size, the last round is the last of the pipeline, and AES-192 skips the first two, AES-128 the first four.
//! Where a key size begins, the S-boxes before have given zero, and the whitened block is added in place of a round key.
//!
//! ```text
//!          prepare        round 1               round 2                            round 14         finish
//! block ──> ⊕ k0 ──┬─> [S-box│S-box] ─> mix ⊕ k1 ─> [S-box│S-box] ─> mix ⊕ k2 .. ─> [S-box│S-box] ─> ⊕ k14 ─│─> y
//!                  └─ held, 192 and 128 bit: to after round 2, 4 ┘
//! key ──> window ────> [key  │ step] ──────────────> [key  │ step] ─────────────...         (│: register)
//! ```
//!
//! # Folded
//! With `R` = 2 the hardware of two rounds serves all 14: a block goes round it seven times. What comes out of the last one enters the first one again,
//! but for one clock in seven, in which the one that has gone round seven times leaves and a new block takes its place. Two rounds take 4 clocks, and 4 and 7
//! have no common factor: so blocks that entered 7, 14 .. clocks apart never meet, and nobody has to keep count of who is where.
//! The latency is the same.
//!
//! | | |
//! |---|---|
//! | ports | `block`, `key` (left aligned), `size` ([`crate::records::key_size`]); `y` out; `turn`: a block may come [`LEAD`] clocks later |
//! | latency | [`LATENCY`] clocks from `block` to `y` |
//! | throughput | one block a clock; folded, one each [`Aes::PASSES`] clocks |
//! | back-pressure | none: it runs free, without enable; who uses it keeps count of what is inside. `reset` only sets the first `turn` |
//!
//! # The order of bits inside
//! State: eight planes of 16 bits; plane b holds bit b of bytes 0 to 15 (FIPS 197 section 3.4: `s[r, c]` is byte r + 4c).
//! Key: words `w[i]` of 32 bits, each again eight planes, of 4 bits; plane b holds bit b of the bytes 0 to 3 of the word.

mod key;
mod round;
mod state;
pub mod zero;

use rust_hdl::prelude::*;

use super::network::{Comb1, Comb2};
use key::Window;
use round::Round;
use state::{Finish, Linear, Prepare, ToState};

/// Rounds of AES-256.
const ROUNDS: usize = 14;

/// Clocks from `turn` to the block.
pub const LEAD: usize = super::FRONT;

/// Clocks from `block` to `y`: two a round and one to finish.
pub const LATENCY: usize = 2 * ROUNDS + 1;

/// See the module's documentation. `R`: rounds in hardware, 14 or 2.
#[derive(LogicBlock)]
pub struct Aes<const R: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub block: Signal<In, Bits<128>>,
    pub key: Signal<In, Bits<256>>,
    pub size: Signal<In, Bits<2>>,
    pub turn: Signal<Out, bool>,
    pub y: Signal<Out, Bits<128>>,
    prepare: Comb2<Prepare, 128, 256, 128>,
    window: Comb2<Window, 256, 2, 256>,
    to_state: Comb1<ToState, 128, 128>,
    rounds: [Round; R],
    /// What lies behind each round.
    linear: [Comb2<Linear, 128, 128, 128>; R],
    finish: Comb2<Finish, 128, 128, 128>,
    /// Clocks since a block could enter.
    phase: DFF<Bits<3>>,
    out: DFF<Bits<128>>,
    whole_window: Signal<Local, Bits<256>>,
    /// The phase is 0: a block enters.
    enters: DFF<bool>,
    is_folded: Constant<bool>,
    last_phase: Constant<Bits<3>>,
    turn_phase: Constant<Bits<3>>,
}

impl<const R: usize> Aes<R> {
    /// How often a block goes round.
    pub const PASSES: usize = {
        assert!(R == 14 || R == 2, "a block must not come round when another enters");
        ROUNDS / R
    };
}

impl<const R: usize> Default for Aes<R> {
    fn default() -> Self {
        let rounds = |i: usize| (0..Self::PASSES).map(|pass| pass * R + i + 1).collect::<Vec<_>>();
        Self {
            clock: Default::default(),
            reset: Default::default(),
            block: Default::default(),
            key: Default::default(),
            size: Default::default(),
            turn: Default::default(),
            y: Default::default(),
            prepare: Default::default(),
            window: Default::default(),
            to_state: Default::default(),
            rounds: std::array::from_fn(|i| Round::new(&rounds(i))),
            linear: std::array::from_fn(|_| Default::default()),
            finish: Default::default(),
            phase: Default::default(),
            out: Default::default(),
            whole_window: Default::default(),
            enters: Default::default(),
            is_folded: Constant::new(Self::PASSES > 1),
            last_phase: Constant::new((Self::PASSES as u64 - 1).into()),
            turn_phase: Constant::new(((Self::PASSES - LEAD % Self::PASSES) as u64 % Self::PASSES as u64).into()),
        }
    }
}

impl<const R: usize> Logic for Aes<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, enters, out);
        self.prepare.a.next = self.block.val();
        self.prepare.b.next = self.key.val();
        self.window.a.next = self.key.val();
        self.window.b.next = self.size.val();
        self.whole_window.next = self.window.y.val();
        self.to_state.a.next = self.prepare.y.val();

        for i in 0..R {
            self.rounds[i].clock.next = self.clock.val();
            self.linear[i].a.next = self.rounds[i].y.val();
            self.linear[i].b.next = self.rounds[i].addend.val();
        }
        for i in 0..(R - 1) {
            self.rounds[i + 1].state.next = self.linear[i].y.val();
            self.rounds[i + 1].lower.next = self.rounds[i].next_lower.val();
            self.rounds[i + 1].upper.next = self.rounds[i].next_upper.val();
            self.rounds[i + 1].held.next = self.rounds[i].next_held.val();
            self.rounds[i + 1].size.next = self.rounds[i].next_size.val();
            self.rounds[i + 1].pass.next = self.rounds[i].next_pass.val();
            self.rounds[i + 1].feed.next = self.rounds[i].next_feed.val();
        }

        // Unrolled, a block comes into the first round. Folded, what leaves the last round comes into the first one again, and a new block takes the
        // place of one that is done, in the last one's registers: so no multiplexer stands before the S-boxes.
        self.phase.d.next = self.phase.q.val() + 1;
        if self.phase.q.val() == self.last_phase.val() {
            self.phase.d.next = 0.into();
        }
        self.enters.d.next = self.is_folded.val() & (self.phase.q.val() == self.last_phase.val());
        self.turn.next = !self.is_folded.val() | (self.phase.q.val() == self.turn_phase.val());
        for i in 0..R {
            self.rounds[i].enters.next = false;
            self.rounds[i].new_block.next = self.prepare.y.val();
            self.rounds[i].new_lower.next = self.whole_window.val().get_bits::<128>(0);
            self.rounds[i].new_upper.next = self.whole_window.val().get_bits::<128>(128);
            self.rounds[i].new_size.next = self.size.val();
        }
        self.rounds[0].state.next = self.to_state.y.val();
        self.rounds[0].lower.next = self.whole_window.val().get_bits::<128>(0);
        self.rounds[0].upper.next = self.whole_window.val().get_bits::<128>(128);
        self.rounds[0].held.next = self.prepare.y.val();
        self.rounds[0].size.next = self.size.val();
        self.rounds[0].pass.next = 0.into();
        self.rounds[0].feed.next = 0.into();
        for i in (R - 1)..R {
            self.rounds[i].enters.next = self.enters.q.val();
            if self.is_folded.val() {
                self.rounds[0].state.next = self.linear[i].y.val();
                self.rounds[0].lower.next = self.rounds[i].next_lower.val();
                self.rounds[0].upper.next = self.rounds[i].next_upper.val();
                self.rounds[0].held.next = self.rounds[i].next_held.val();
                self.rounds[0].size.next = self.rounds[i].next_size.val();
                self.rounds[0].pass.next = self.rounds[i].next_pass.val() + 1;
                self.rounds[0].feed.next = self.rounds[i].next_feed.val();
            }
            self.finish.a.next = self.rounds[i].y.val();
            self.finish.b.next = self.rounds[i].addend.val();
            if self.is_folded.val() {
                self.finish.a.next = self.rounds[i].early_y.val();
                self.finish.b.next = self.rounds[i].early_addend.val();
            }
        }
        self.out.d.next = self.finish.y.val();
        self.y.next = self.out.q.val();
        if self.reset.val() {
            self.phase.d.next = 0.into();
            self.enters.d.next = true;
        }
    }
}
