//! Infers the whole sequence number and compares it with the window.

use rust_hdl::prelude::*;

use super::records::{verdict, ReplayAdvance, Word};
use crate::constant::Const;

/// RFC 4303 appendix A2, in arithmetic modulo 2^32. With T = (Th, Tl) the highest number accepted and `diff = Tl - Seql`,
/// the number is in the window (`diff < W`) or right of it: it is the one number of that low half among the 2^32 that begin
/// with T - W + 1.
///
/// | | Seql <= Tl | Seql > Tl |
/// |---|---|---|
/// | `diff < W`: in the window | Th | Th - 1 |
/// | right of it | Th + 1 | Th |
///
/// (which is A2.2's cases A and B in one). Th - 1 below 0 and Th + 1 above 2^32 - 1 are no numbers: left of the window.
/// Without ESN the high half is 0, and Seql <= Tl with `diff >= W` is left of the window.
///
/// - Ports: `request`, `top` (T) and `word` (the word of the bitmap where the number's low half points) must stay while it
///   works; 2 clocks later the answer stands as long as they do. For a check `request.seq64` is the low half only, and
///   `is_recheck` is false.
#[derive(LogicBlock, Default)]
pub struct Judge {
    pub clock: Signal<In, Clock>,
    pub request: Signal<In, ReplayAdvance>,
    pub is_recheck: Signal<In, bool>,
    pub top: Signal<In, Bits<64>>,
    pub word: Signal<In, Word>,
    pub seq64: Signal<Out, Bits<64>>,
    pub verdict: Signal<Out, Bits<3>>,
    /// There is a window, and the number becomes its top.
    pub is_ahead: Signal<Out, bool>,
    /// The word holds other numbers: all of it counts as zero.
    pub is_stale: Signal<Out, bool>,
    // First clock: the difference, the three high halves that may be (Th, Th + 1, Th - 1), and 16 bits of the word.
    diff: DFF<Bits<32>>,
    is_above: DFF<bool>,
    last: DFF<Bits<13>>,
    low_tag_differs: DFF<bool>,
    is_low_zero: DFF<bool>,
    high: [DFF<Bits<32>>; 3],
    seen_16: DFF<Bits<16>>,
    // Second clock: the comparisons, each with all three.
    is_inside: DFF<bool>,
    is_seen: DFF<bool>,
    tag_differs: [DFF<bool>; 3],
    request_differs: [DFF<bool>; 3],
    is_zero: [DFF<bool>; 3],
    seq: Signal<Local, Bits<64>>,
    low: Signal<Local, Bits<32>>,
    top_low: Signal<Local, Bits<32>>,
    seen: Signal<Local, Bits<256>>,
    tag: Signal<Local, Bits<51>>,
    offset: Signal<Local, Bits<8>>,
    is_window: Signal<Local, bool>,
    is_right: Signal<Local, bool>,
    is_no_number: Signal<Local, bool>,
    chosen: [Signal<Local, bool>; 3],
    chosen_high: Signal<Local, Bits<32>>,
    chosen_tag_differs: Signal<Local, bool>,
    chosen_request_differs: Signal<Local, bool>,
    chosen_is_zero: Signal<Local, bool>,
    duplicate: Const<3, { verdict::DUPLICATE }>,
    left_of_window: Const<3, { verdict::LEFT_OF_WINDOW }>,
    zero: Const<3, { verdict::ZERO }>,
}

impl Logic for Judge {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, diff, is_above, last, low_tag_differs, is_low_zero, seen_16, is_inside, is_seen);
        self.seq.next = self.request.val().seq64;
        self.low.next = self.seq.val().get_bits::<32>(0);
        self.top_low.next = self.top.val().get_bits::<32>(0);
        self.seen.next = self.word.val().seen;
        self.tag.next = self.word.val().tag;
        self.is_window.next = self.request.val().window != 0;
        for i in 0..3 {
            self.high[i].clock.next = self.clock.val();
            self.tag_differs[i].clock.next = self.clock.val();
            self.request_differs[i].clock.next = self.clock.val();
            self.is_zero[i].clock.next = self.clock.val();
        }

        // First clock. No window counts as one of 1 here.
        self.diff.d.next = self.top_low.val() - self.low.val();
        self.is_above.d.next = self.low.val() > self.top_low.val();
        self.last.d.next = 0.into();
        if self.is_window.val() {
            self.last.d.next = self.request.val().window - 1;
        }
        self.low_tag_differs.d.next = self.tag.val().get_bits::<19>(0) != self.low.val().get_bits::<19>(13);
        self.is_low_zero.d.next = self.low.val() == 0;
        self.high[0].d.next = 0.into();
        if self.request.val().esn {
            self.high[0].d.next = self.top.val().get_bits::<32>(32);
        }
        self.high[1].d.next = self.top.val().get_bits::<32>(32) + 1;
        self.high[2].d.next = self.top.val().get_bits::<32>(32) - 1;
        self.offset.next = self.low.val().get_bits::<8>(0) & 0xF0;
        self.seen_16.d.next = self.seen.val().get_bits::<16>(self.offset.val().index());

        // Second clock.
        self.is_inside.d.next =
            (self.request.val().esn | !self.is_above.q.val()) & (self.diff.q.val() <= bit_cast::<32, 13>(self.last.q.val()));
        self.is_seen.d.next = self.seen_16.q.val().get_bit(self.low.val().get_bits::<4>(0).index());
        for i in 0..3 {
            self.tag_differs[i].d.next = self.low_tag_differs.q.val() | (self.tag.val().get_bits::<32>(19) != self.high[i].q.val());
            self.request_differs[i].d.next = self.seq.val().get_bits::<32>(32) != self.high[i].q.val();
            self.is_zero[i].d.next = self.high[i].q.val() == 0;
        }

        // The answer.
        self.chosen[1].next = self.request.val().esn & (!self.is_inside.q.val() & !self.is_above.q.val());
        self.chosen[2].next = self.request.val().esn & (self.is_inside.q.val() & self.is_above.q.val());
        self.chosen[0].next = !(self.chosen[1].val() | self.chosen[2].val());
        self.is_no_number.next = (self.chosen[1].val() & self.is_zero[1].q.val()) | (self.chosen[2].val() & self.is_zero[0].q.val());
        self.chosen_high.next = 0.into();
        self.chosen_tag_differs.next = false;
        self.chosen_request_differs.next = false;
        self.chosen_is_zero.next = false;
        for i in 0..3 {
            if self.chosen[i].val() {
                self.chosen_high.next = self.high[i].q.val();
                self.chosen_tag_differs.next = self.tag_differs[i].q.val();
                self.chosen_request_differs.next = self.request_differs[i].q.val();
                self.chosen_is_zero.next = self.is_zero[i].q.val();
            }
        }
        self.is_right.next = !self.is_inside.q.val() & (self.request.val().esn | self.is_above.q.val());
        self.seq64.next = (bit_cast::<64, 32>(self.chosen_high.val()) << 32) | bit_cast::<64, 32>(self.low.val());
        self.is_ahead.next = self.is_window.val() & self.is_right.val();
        self.is_stale.next = self.chosen_tag_differs.val();
        self.verdict.next = 0.into();
        if self.is_window.val() {
            if self.is_no_number.val() | (self.is_recheck.val() & self.chosen_request_differs.val()) {
                self.verdict.next = self.left_of_window.val();
            } else if self.is_low_zero.q.val() & self.chosen_is_zero.val() {
                self.verdict.next = self.zero.val();
            } else if !self.is_inside.q.val() & !self.is_right.val() {
                self.verdict.next = self.left_of_window.val();
            } else if (self.is_inside.q.val() & self.is_seen.q.val()) & !self.chosen_tag_differs.val() {
                self.verdict.next = self.duplicate.val();
            }
        }
    }
}
