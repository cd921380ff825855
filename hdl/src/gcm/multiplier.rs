//! The multiplier of GHASH: `y` = `a` times `b` in GF(2^128), in the order of [`super::field`].
//!
//! Karatsuba down to leaves of 16 bits; a register behind the leaves' products and one behind combination and reduction.
//!
//! Latency [`LATENCY`] clocks, one product a clock, no back-pressure.

use rust_hdl::prelude::*;

use super::field::{Combine, Leaves, LEAVES};
use super::network::{Comb1, Comb2};

/// Clocks from the factors to the product.
pub const LATENCY: usize = 2;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Multiplier {
    pub clock: Signal<In, Clock>,
    pub a: Signal<In, Bits<128>>,
    pub b: Signal<In, Bits<128>>,
    pub y: Signal<Out, Bits<128>>,
    leaves: Comb2<Leaves, 128, 128, LEAVES>,
    combine: Comb1<Combine, LEAVES, 128>,
    products: DFF<Bits<LEAVES>>,
    product: DFF<Bits<128>>,
}

impl Logic for Multiplier {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, products, product);
        self.leaves.a.next = self.a.val();
        self.leaves.b.next = self.b.val();
        self.products.d.next = self.leaves.y.val();
        self.combine.a.next = self.products.q.val();
        self.product.d.next = self.combine.y.val();
        self.y.next = self.product.q.val();
    }
}
