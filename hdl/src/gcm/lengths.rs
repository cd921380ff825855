//! The lengths block of GHASH (NIST SP 800-38D section 7.1 step 5), multiplied by H beside the main multiplier, so that it
//! costs no slot: `y` = ([len(A)]64 || [len(C)]64) times H.
//!
//! Of its 128 bits only the 10 and 16 can be set that count bytes. Bit j of the bytes of C is bit j + 3 of len(C), the coefficient of
//! x^(124-j): C's part is H x^109 times a polynomial of 16 bits. So is A's, H x^51 times one of 10.
//!
//! Latency [`LATENCY`] clocks, one a clock, no back-pressure.

use rust_hdl::prelude::*;

use super::field::{self, TimesX};
use super::network::{Comb1, Comb4, Function, Net, Network};

/// Clocks from `h` and the lengths to `y`.
pub const LATENCY: usize = 3;
/// Bits that count bytes of AAD.
pub const AAD_BITS: usize = 10;
/// Bits that count bytes of payload.
pub const PAYLOAD_BITS: usize = 16;
const PRODUCT: usize = 128 + PAYLOAD_BITS - 1;

/// H x^51, H x^109, bytes of AAD, bytes of payload: the unreduced product.
struct Product;

impl Function for Product {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let (aad, payload) = (n.reverse(inputs[2]), n.reverse(inputs[3]));
        let (aad, payload) = (field::columns(n, inputs[0], aad), field::columns(n, inputs[1], payload));
        // Both begin with the coefficient of x^0, at the left.
        let (same, rest) = (PAYLOAD_BITS - AAD_BITS, PRODUCT + AAD_BITS - PAYLOAD_BITS);
        let (low, high) = (n.slice(payload, 0, same), n.slice(payload, same, rest));
        let sum = n.xor(&[high, aad]);
        n.concat(&[low, sum])
    }
}

/// The product reduced.
struct Reduce;

impl Function for Reduce {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        field::reduce(n, inputs[0])
    }
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Lengths {
    pub clock: Signal<In, Clock>,
    pub h: Signal<In, Bits<128>>,
    /// Bytes of AAD.
    pub aad_length: Signal<In, Bits<AAD_BITS>>,
    /// Bytes of payload.
    pub length: Signal<In, Bits<PAYLOAD_BITS>>,
    pub y: Signal<Out, Bits<128>>,
    for_aad: Comb1<TimesX<51>, 128, 128>,
    for_payload: Comb1<TimesX<109>, 128, 128>,
    multiply: Comb4<Product, 128, 128, AAD_BITS, PAYLOAD_BITS, PRODUCT>,
    reduce: Comb1<Reduce, PRODUCT, 128>,
    h_aad: DFF<Bits<128>>,
    h_payload: DFF<Bits<128>>,
    aad_length_1: DFF<Bits<AAD_BITS>>,
    length_1: DFF<Bits<PAYLOAD_BITS>>,
    product: DFF<Bits<PRODUCT>>,
    reduced: DFF<Bits<128>>,
}

impl Logic for Lengths {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, h_aad, h_payload, aad_length_1, length_1, product, reduced);
        self.for_aad.a.next = self.h.val();
        self.for_payload.a.next = self.h.val();
        self.h_aad.d.next = self.for_aad.y.val();
        self.h_payload.d.next = self.for_payload.y.val();
        self.aad_length_1.d.next = self.aad_length.val();
        self.length_1.d.next = self.length.val();

        self.multiply.a.next = self.h_aad.q.val();
        self.multiply.b.next = self.h_payload.q.val();
        self.multiply.c.next = self.aad_length_1.q.val();
        self.multiply.d.next = self.length_1.q.val();
        self.product.d.next = self.multiply.y.val();

        self.reduce.a.next = self.product.q.val();
        self.reduced.d.next = self.reduce.y.val();
        self.y.next = self.reduced.q.val();
    }
}
