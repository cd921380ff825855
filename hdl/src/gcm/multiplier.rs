//! The multiplier of GHASH: `y` = `a` times `b` in GF(2^128), in the order of [`super::field`].
//!
//! Karatsuba down to leaves of 16 bits; a register behind the leaves' products and one behind combination and reduction.
//!
//! # Folded
//! A folded core makes one product every [`Aes::PASSES`] clocks. So `a` is taken digit by digit, the highest powers of x first (Horner): the product of a
//! digit and `b` is added to what there is, times x^[`DIGIT`]. The same two registers stand behind the products of a digit and behind the sum.
//!
//! | | |
//! |---|---|
//! | ports | `start`, and with it `a` and `b`; `y` |
//! | latency | [`Multiplier::LATENCY`] clocks from the factors to the product, which is there for one clock |
//! | throughput | one product a clock; folded, one every [`Aes::PASSES`] clocks |
//! | back-pressure | none. Only folded it needs `start` |

use rust_hdl::prelude::*;

use super::aes::Aes;
use super::field::{self, Combine, Leaves, DIGIT, DIGITS, LEAVES};
use super::network::{Comb2, Function, Net, Network};
use crate::constant::Folded;

/// As the shifts below spell them.
const _: () = assert!(DIGIT == 19 && DIGITS - 128 == 5 && DIGITS == DIGIT * Aes::<2>::PASSES);

/// The factors to the products of leaves, or of a digit.
pub struct Products<const R: usize>;

impl<const R: usize> Function for Products<R> {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        if Aes::<R>::PASSES == 1 {
            let a = n.slice(inputs[0], DIGITS - 128, 128);
            return Leaves::build(n, &[a, inputs[1]]);
        }
        let digit = n.slice(inputs[0], 0, DIGIT);
        let reversed = n.reverse(digit);
        let product = field::columns(n, inputs[1], reversed);
        field::widen(n, product, LEAVES)
    }
}

/// Those, and the sum so far, to the product, or to the sum with this digit.
pub struct Sum<const R: usize>;

impl<const R: usize> Function for Sum<R> {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        if Aes::<R>::PASSES == 1 {
            return Combine::build(n, &inputs[..1]);
        }
        let product = n.slice(inputs[0], 0, 128 + DIGIT - 1);
        field::next_digit(n, inputs[1], product)
    }
}

/// See the module's documentation. `R`: rounds of AES ([`Aes`]).
#[derive(LogicBlock, Default)]
pub struct Multiplier<const R: usize> {
    pub clock: Signal<In, Clock>,
    pub start: Signal<In, bool>,
    pub a: Signal<In, Bits<128>>,
    pub b: Signal<In, Bits<128>>,
    pub y: Signal<Out, Bits<128>>,
    multiply: Comb2<Products<R>, DIGITS, 128, LEAVES>,
    add: Comb2<Sum<R>, LEAVES, 128, 128>,
    products: DFF<Bits<LEAVES>>,
    product: DFF<Bits<128>>,
    // Folded: what is left of `a`, the next digit in the lowest bits; `b`.
    digits: DFF<Bits<DIGITS>>,
    factor: DFF<Bits<128>>,
    /// The first digit is the next; is in `products`.
    first: DFF<bool>,
    first_product: DFF<bool>,
    is_folded: Folded<R>,
}

impl<const R: usize> Multiplier<R> {
    /// Clocks from the factors to the product.
    pub const LATENCY: usize = if Aes::<R>::PASSES == 1 { 2 } else { Aes::<R>::PASSES + 2 };
}

impl<const R: usize> Logic for Multiplier<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, products, product, digits, factor, first, first_product);
        self.multiply.a.next = bit_cast::<DIGITS, 128>(self.a.val()) << 5;
        self.multiply.b.next = self.b.val();
        if self.is_folded.val() {
            self.multiply.a.next = self.digits.q.val();
            self.multiply.b.next = self.factor.q.val();
        }
        self.digits.d.next = self.digits.q.val() >> 19;
        if self.start.val() {
            self.digits.d.next = bit_cast::<DIGITS, 128>(self.a.val()) << 5;
            self.factor.d.next = self.b.val();
        }
        self.first.d.next = self.start.val();
        self.first_product.d.next = self.first.q.val();

        self.products.d.next = self.multiply.y.val();
        self.add.a.next = self.products.q.val();
        self.add.b.next = self.product.q.val();
        if self.first_product.q.val() {
            self.add.b.next = 0.into();
        }
        self.product.d.next = self.add.y.val();
        self.y.next = self.product.q.val();
    }
}
