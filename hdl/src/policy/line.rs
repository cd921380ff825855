//! A selector as one line of bits: the order in which the cells have them.

use rust_hdl::prelude::*;

use crate::records::Selector;

/// Bits of the line that count. It is cut into words of 16, the last of which is not full: the source address (8 words), the destination
/// address (8), source port, destination port, and protocol, family and direction.
pub const LINE_BITS: usize = 298;
/// Its words.
pub const WORDS: usize = 19;

/// `selector` as a `line`. No latency: wires only.
#[derive(LogicBlock, Default)]
pub struct Line {
    pub selector: Signal<In, Selector>,
    pub line: Signal<Out, Bits<LINE_BITS>>,
}

impl Logic for Line {
    #[hdl_gen]
    fn update(&mut self) {
        self.line.next = bit_cast::<LINE_BITS, 128>(self.selector.val().src)
            | (bit_cast::<LINE_BITS, 128>(self.selector.val().dst) << 128)
            | (bit_cast::<LINE_BITS, 16>(self.selector.val().sport) << 256)
            | (bit_cast::<LINE_BITS, 16>(self.selector.val().dport) << 272)
            | (bit_cast::<LINE_BITS, 8>(self.selector.val().protocol) << 288)
            | (bit_cast::<LINE_BITS, 1>(self.selector.val().v6.into()) << 296)
            | (bit_cast::<LINE_BITS, 1>(self.selector.val().forward.into()) << 297);
    }
}
