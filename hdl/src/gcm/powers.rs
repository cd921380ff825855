//! Which power of H a block of GHASH is multiplied by.
//!
//! Blocks go round three lanes, so a product goes into the third block after it: H^3. The last three blocks of a packet end their lanes and
//! are as far as their distance from the lengths block, which is multiplied by H (super::ghash): H^4, H^3, H^2.
//! H and H^3 are stored with the SA; H^2 and H^4 are squares, a layer of XORs each.
//!
//! Latency [`LATENCY`] clocks, one operand a clock, no back-pressure.

use rust_hdl::prelude::*;

use super::field::Square;
use super::network::Comb1;

/// Clocks from `h` to `operand`.
pub const LATENCY: usize = 4;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Powers {
    pub clock: Signal<In, Clock>,
    pub h: Signal<In, Bits<128>>,
    pub h3: Signal<In, Bits<128>>,
    /// As in [`crate::records::Slot`].
    pub remaining: Signal<In, Bits<2>>,
    pub operand: Signal<Out, Bits<128>>,
    /// `h` one clock later, for the lengths block.
    pub h_out: Signal<Out, Bits<128>>,
    square_1: Comb1<Square, 128, 128>,
    square_2: Comb1<Square, 128, 128>,
    // Clock 1: what comes out of memory, no logic before the register.
    h_1: DFF<Bits<128>>,
    h3_1: DFF<Bits<128>>,
    remaining_1: DFF<Bits<2>>,
    // Clock 2.
    h2_2: DFF<Bits<128>>,
    h3_2: DFF<Bits<128>>,
    remaining_2: DFF<Bits<2>>,
    // Clock 3.
    low_3: DFF<Bits<128>>,
    h4_3: DFF<Bits<128>>,
    is_h4_3: DFF<bool>,
    // Clock 4.
    operand_4: DFF<Bits<128>>,
}

impl Logic for Powers {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, h_1, h3_1, remaining_1, h2_2, h3_2, remaining_2, low_3, h4_3, is_h4_3, operand_4);
        self.h_1.d.next = self.h.val();
        self.h3_1.d.next = self.h3.val();
        self.remaining_1.d.next = self.remaining.val();
        self.h_out.next = self.h_1.q.val();

        self.square_1.a.next = self.h_1.q.val();
        self.h2_2.d.next = self.square_1.y.val();
        self.h3_2.d.next = self.h3_1.q.val();
        self.remaining_2.d.next = self.remaining_1.q.val();

        self.square_2.a.next = self.h2_2.q.val();
        self.h4_3.d.next = self.square_2.y.val();
        self.low_3.d.next = self.h3_2.q.val();
        if self.remaining_2.q.val() == 0 {
            self.low_3.d.next = self.h2_2.q.val();
        }
        self.is_h4_3.d.next = self.remaining_2.q.val() == 2;

        self.operand_4.d.next = self.low_3.q.val();
        if self.is_h4_3.q.val() {
            self.operand_4.d.next = self.h4_3.q.val();
        }
        self.operand.next = self.operand_4.q.val();
    }
}
