//! What the blocks of the bridge tell each other.
//!
//! The head of a frame in a [`super::store::Store`] is a beat. To be given to the engine: KIND in bits 127:120, TAG 119:112, HALF 111:96, the number of beats 95:80, and the bytes of
//! the last one, modulo 16, 79:76. To be told to the host: as it goes over the line, its first byte in bits 127:120.

use rust_hdl::prelude::*;

/// A request that is whole: `espalier_regs::uart::Request`.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Asked {
    /// KIND.
    pub kind: Bits<8>,
    /// TAG.
    pub tag: Bits<8>,
    /// HALF.
    pub half: Bits<16>,
    /// Data of WRITE.
    pub word: Bits<32>,
}

/// A message of the device without a frame: an answer or a notice.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Short {
    /// KIND.
    pub kind: Bits<8>,
    /// TAG.
    pub tag: Bits<8>,
    /// WORD.
    pub word: Bits<32>,
}
