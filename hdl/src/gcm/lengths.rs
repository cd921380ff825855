//! The lengths block of GHASH (NIST SP 800-38D section 7.1 step 5), multiplied by H beside the main multiplier, so that it
//! costs no slot: `y` = ([len(A)]64 || [len(C)]64) times H.
//!
//! Of its 128 bits only the 10 and 16 can be set that count bytes. Bit j of the bytes of C is bit j + 3 of len(C), the coefficient of
//! x^(124-j): C's part is H x^109 times a polynomial of 16 bits. So is A's, H x^51 times one of 10.
//!
//! # Folded
//! Both are multiplied digit by digit as in [`super::multiplier`], `DIGIT` bits of each a clock.
//!
//! | | |
//! |---|---|
//! | ports | `start`, and with it `h`, `aad_length`, `length`; `y` |
//! | latency | [`Lengths::LATENCY`] clocks to `y`; folded, it stays for [`Aes::PASSES`] clocks |
//! | throughput | one a clock; folded, one every [`Aes::PASSES`] clocks |
//! | back-pressure | none. Only folded it needs `start` |

use rust_hdl::prelude::*;

use super::aes::Aes;
use super::field::{self, TimesX};
use super::network::{Comb1, Comb2, Comb4, Function, Net, Network};
use crate::constant::Folded;

/// Bits that count bytes of AAD.
pub const AAD_BITS: usize = 10;
/// Bits that count bytes of payload.
pub const PAYLOAD_BITS: usize = 16;
/// Bits of a digit, folded.
const DIGIT: usize = 3;
/// Bits of 7 digits.
const DIGITS: usize = 7 * DIGIT;
const PRODUCT: usize = 128 + PAYLOAD_BITS - 1;
/// Clocks in which a whole product waits for the tag.
const WAIT: usize = 3;

/// As the shifts below spell them.
const _: () = assert!(DIGIT == 3 && DIGITS - AAD_BITS == 11 && DIGITS - PAYLOAD_BITS == 5 && DIGITS == DIGIT * Aes::<2>::PASSES);

/// H x^51, H x^109, what counts bytes of AAD and of payload: the unreduced product.
pub struct Product<const R: usize>;

impl<const R: usize> Function for Product<R> {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let digits = if Aes::<R>::PASSES == 1 {
            [n.slice(inputs[2], DIGITS - AAD_BITS, AAD_BITS), n.slice(inputs[3], DIGITS - PAYLOAD_BITS, PAYLOAD_BITS)]
        } else {
            [n.slice(inputs[2], 0, DIGIT), n.slice(inputs[3], 0, DIGIT)]
        };
        let [aad, payload] = digits.map(|digits| n.reverse(digits));
        let (aad, payload) = (field::columns(n, inputs[0], aad), field::columns(n, inputs[1], payload));
        // Both begin with the coefficient of x^0, at the left.
        let (width, same) = (n.width(payload), n.width(aad));
        let (low, high) = (n.slice(payload, 0, width - same), n.slice(payload, width - same, same));
        let sum = n.xor(&[high, aad]);
        let product = n.concat(&[low, sum]);
        field::widen(n, product, PRODUCT)
    }
}

/// That, and the sum so far: the product reduced, or the sum with this digit.
pub struct Sum<const R: usize>;

impl<const R: usize> Function for Sum<R> {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        if Aes::<R>::PASSES == 1 {
            return field::reduce(n, inputs[0]);
        }
        let product = n.slice(inputs[0], 0, 128 + DIGIT - 1);
        field::next_digit(n, inputs[1], product)
    }
}

/// See the module's documentation. `R`: rounds of AES ([`Aes`]).
#[derive(LogicBlock, Default)]
pub struct Lengths<const R: usize> {
    pub clock: Signal<In, Clock>,
    pub start: Signal<In, bool>,
    pub h: Signal<In, Bits<128>>,
    /// Bytes of AAD.
    pub aad_length: Signal<In, Bits<AAD_BITS>>,
    /// Bytes of payload.
    pub length: Signal<In, Bits<PAYLOAD_BITS>>,
    pub y: Signal<Out, Bits<128>>,
    for_aad: Comb1<TimesX<51>, 128, 128>,
    for_payload: Comb1<TimesX<109>, 128, 128>,
    multiply: Comb4<Product<R>, 128, 128, DIGITS, DIGITS, PRODUCT>,
    add: Comb2<Sum<R>, PRODUCT, 128, 128>,
    h_aad: DFF<Bits<128>>,
    h_payload: DFF<Bits<128>>,
    /// What counts bytes; folded, what is left of it, the next digit in the lowest bits.
    aad_digits: DFF<Bits<DIGITS>>,
    payload_digits: DFF<Bits<DIGITS>>,
    product: DFF<Bits<PRODUCT>>,
    sum: DFF<Bits<128>>,
    wait: [DFF<Bits<128>>; WAIT],
    /// Bit i: `start` was i + 1 clocks ago.
    started: DFF<Bits<9>>,
    is_folded: Folded<R>,
}

impl<const R: usize> Lengths<R> {
    /// Clocks from `start` to `y`.
    pub const LATENCY: usize = if Aes::<R>::PASSES == 1 { 3 + WAIT } else { Aes::<R>::PASSES + 3 };
}

impl<const R: usize> Logic for Lengths<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, h_aad, h_payload, aad_digits, payload_digits, product, sum, started);
        self.started.d.next = self.started.q.val() << 1;
        if self.start.val() {
            self.started.d.next = (self.started.q.val() << 1) | 1;
        }
        self.for_aad.a.next = self.h.val();
        self.for_payload.a.next = self.h.val();
        self.aad_digits.d.next = self.aad_digits.q.val() >> 3;
        self.payload_digits.d.next = self.payload_digits.q.val() >> 3;
        if !self.is_folded.val() | self.start.val() {
            self.h_aad.d.next = self.for_aad.y.val();
            self.h_payload.d.next = self.for_payload.y.val();
            self.aad_digits.d.next = bit_cast::<DIGITS, AAD_BITS>(self.aad_length.val()) << 11;
            self.payload_digits.d.next = bit_cast::<DIGITS, PAYLOAD_BITS>(self.length.val()) << 5;
        }

        self.multiply.a.next = self.h_aad.q.val();
        self.multiply.b.next = self.h_payload.q.val();
        self.multiply.c.next = self.aad_digits.q.val();
        self.multiply.d.next = self.payload_digits.q.val();
        self.product.d.next = self.multiply.y.val();

        self.add.a.next = self.product.q.val();
        self.add.b.next = self.sum.q.val();
        if self.started.q.val().get_bit(1) {
            self.add.b.next = 0.into();
        }
        self.sum.d.next = self.add.y.val();

        for i in 0..3 {
            self.wait[i].clock.next = self.clock.val();
        }
        self.wait[1].d.next = self.wait[0].q.val();
        self.wait[2].d.next = self.wait[1].q.val();
        self.wait[0].d.next = self.sum.q.val();
        self.y.next = self.wait[2].q.val();
        if self.is_folded.val() {
            self.wait[0].d.next = self.wait[0].q.val();
            if self.started.q.val().get_bit(8) {
                self.wait[0].d.next = self.sum.q.val();
            }
            self.y.next = self.wait[0].q.val();
        }
    }
}
