//! From H to what is stored with an SA: H and H^3. H^3 is H times H^2 one bit a clock (SP 800-38D algorithm 1): SAs are installed far more
//! seldom than that.
//!
//! | | |
//! |---|---|
//! | ports | `accept`: AES of the zero block has begun; `start` with `h`; `busy` from `accept` to `done`; `done`, a pulse, with `h_out` and `h3_out`, which stay |
//! | latency | [`LATENCY`] clocks from `start` to `done` |
//! | throughput | one at a time |
//! | back-pressure | `busy` |

use rust_hdl::prelude::*;

use super::field::{Square, TimesX};
use super::network::Comb1;

/// Clocks from `start` to `done`.
pub const LATENCY: usize = 129;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct HashKey {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub accept: Signal<In, bool>,
    pub start: Signal<In, bool>,
    pub h: Signal<In, Bits<128>>,
    pub busy: Signal<Out, bool>,
    pub done: Signal<Out, bool>,
    pub h_out: Signal<Out, Bits<128>>,
    pub h3_out: Signal<Out, Bits<128>>,
    square: Comb1<Square, 128, 128>,
    times_x: Comb1<TimesX<1>, 128, 128>,
    waiting: DFF<bool>,
    running: DFF<bool>,
    left: DFF<Bits<7>>,
    finished: DFF<bool>,
    hash_key: DFF<Bits<128>>,
    /// Bits of H still to come, the coefficient of x^0 first.
    bits: DFF<Bits<128>>,
    /// H^2 times a power of x.
    multiple: DFF<Bits<128>>,
    product: DFF<Bits<128>>,
}

impl Logic for HashKey {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, waiting, running, left, finished, hash_key, bits, multiple, product);
        self.square.a.next = self.h.val();
        self.times_x.a.next = self.multiple.q.val();
        self.finished.d.next = false;
        if self.running.q.val() {
            if self.bits.q.val().get_bit(127) {
                self.product.d.next = self.product.q.val() ^ self.multiple.q.val();
            }
            self.bits.d.next = self.bits.q.val() << 1;
            self.multiple.d.next = self.times_x.y.val();
            self.left.d.next = self.left.q.val() - 1;
            if self.left.q.val() == 0 {
                self.running.d.next = false;
                self.finished.d.next = true;
            }
        }
        if self.start.val() {
            self.waiting.d.next = false;
            self.running.d.next = true;
            self.left.d.next = 127.into();
            self.hash_key.d.next = self.h.val();
            self.bits.d.next = self.h.val();
            self.multiple.d.next = self.square.y.val();
            self.product.d.next = 0.into();
        }
        if self.accept.val() {
            self.waiting.d.next = true;
        }
        self.busy.next = self.waiting.q.val() || self.running.q.val() || self.finished.q.val();
        self.done.next = self.finished.q.val();
        self.h_out.next = self.hash_key.q.val();
        self.h3_out.next = self.product.q.val();
        if self.reset.val() {
            self.waiting.d.next = false;
            self.running.d.next = false;
            self.finished.d.next = false;
        }
    }
}
