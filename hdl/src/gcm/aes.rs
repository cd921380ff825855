//! AES (FIPS 197): one block a clock, 128, 192 and 256-bit keys, another key on every block if need be.
//!
//! 14 rounds are unrolled, and the key schedule runs in the pipeline beside the data, 4 S-boxes a round. The *ends* are aligned:
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
//! | | |
//! |---|---|
//! | ports | `block`, `key` (left aligned), `size` ([`crate::records::key_size`]) in every clock; `y` out |
//! | latency | [`LATENCY`] clocks from `block` to `y` |
//! | throughput | one block a clock |
//! | back-pressure | none: it runs free, without reset or enable; who uses it keeps count of what is inside |
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

/// Clocks from `block` to `y`: two a round and one to finish.
pub const LATENCY: usize = 2 * ROUNDS + 1;

/// See the module's documentation.
#[derive(LogicBlock)]
pub struct Aes {
    pub clock: Signal<In, Clock>,
    pub block: Signal<In, Bits<128>>,
    pub key: Signal<In, Bits<256>>,
    pub size: Signal<In, Bits<2>>,
    pub y: Signal<Out, Bits<128>>,
    prepare: Comb2<Prepare, 128, 256, 128>,
    window: Comb2<Window, 256, 2, 256>,
    to_state: Comb1<ToState, 128, 128>,
    rounds: [Round; ROUNDS],
    /// What lies between round i and round i + 1.
    linear: [Comb2<Linear, 128, 128, 128>; ROUNDS - 1],
    finish: Comb2<Finish, 128, 128, 128>,
    out: DFF<Bits<128>>,
    whole_window: Signal<Local, Bits<256>>,
}

impl Default for Aes {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            block: Default::default(),
            key: Default::default(),
            size: Default::default(),
            y: Default::default(),
            prepare: Default::default(),
            window: Default::default(),
            to_state: Default::default(),
            rounds: std::array::from_fn(|i| Round::new(i + 1)),
            linear: Default::default(),
            finish: Default::default(),
            out: Default::default(),
            whole_window: Default::default(),
        }
    }
}

impl Logic for Aes {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, out);
        self.prepare.a.next = self.block.val();
        self.prepare.b.next = self.key.val();
        self.window.a.next = self.key.val();
        self.window.b.next = self.size.val();
        self.whole_window.next = self.window.y.val();
        self.to_state.a.next = self.prepare.y.val();

        self.rounds[0].clock.next = self.clock.val();
        self.rounds[0].state.next = self.to_state.y.val();
        self.rounds[0].lower.next = self.whole_window.val().get_bits::<128>(0);
        self.rounds[0].upper.next = self.whole_window.val().get_bits::<128>(128);
        self.rounds[0].held.next = self.prepare.y.val();
        self.rounds[0].size.next = self.size.val();
        for i in 0..13 {
            self.linear[i].a.next = self.rounds[i].y.val();
            self.linear[i].b.next = self.rounds[i].addend.val();
            self.rounds[i + 1].clock.next = self.clock.val();
            self.rounds[i + 1].state.next = self.linear[i].y.val();
            self.rounds[i + 1].lower.next = self.rounds[i].next_lower.val();
            self.rounds[i + 1].upper.next = self.rounds[i].next_upper.val();
            self.rounds[i + 1].held.next = self.rounds[i].next_held.val();
            self.rounds[i + 1].size.next = self.rounds[i].next_size.val();
        }
        self.finish.a.next = self.rounds[13].y.val();
        self.finish.b.next = self.rounds[13].addend.val();
        self.out.d.next = self.finish.y.val();
        self.y.next = self.out.q.val();
    }
}
