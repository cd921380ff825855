//! What goes with a block through the core: records inside the core only.

use rust_hdl::prelude::*;

use super::lengths::{AAD_BITS, PAYLOAD_BITS};

/// A block beside AES, decided when it was admitted, so that nothing behind AES keeps count.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Work {
    /// The block; of the slot in front of a packet its AAD.
    pub data: Bits<128>,
    /// Which bytes of it count, the first in the most significant bit.
    pub keep: Bits<16>,
    /// How many.
    pub bytes: Bits<5>,
    /// As in [`crate::stream::Beat`].
    pub last: bool,
    /// As in [`crate::stream::Beat`].
    pub error: bool,
    /// Given out: payload, or a block of a bypassing frame.
    pub emit: bool,
    /// Key stream is added.
    pub cipher: bool,
    /// It is hashed with the key stream added: plaintext that is encrypted.
    pub hash_result: bool,
    /// Its part in GHASH.
    pub hash: HashStep,
}

/// A block's part in GHASH.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct HashStep {
    /// It has one: not of a bypassing frame.
    pub active: bool,
    /// Direction: RX, else TX.
    pub rx: bool,
    /// Which of the three lanes: 0, 1, 2, 0 .. from the packet's first block on.
    pub lane: Bits<2>,
    /// The lane is empty yet: one of the packet's first three blocks.
    pub fresh: bool,
    /// The packet's first block; the key stream beside it is E(J0).
    pub first: bool,
    /// The lane ends here: one of the packet's last three blocks.
    pub closing: bool,
    /// The packet's last block: the tag is due.
    pub end: bool,
}

/// What GHASH multiplies by.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct HashKeys {
    /// H.
    pub h: Bits<128>,
    /// H^3.
    pub h3: Bits<128>,
    /// As in [`crate::records::Slot`].
    pub remaining: Bits<2>,
    /// Bytes of AAD so far.
    pub aad_length: Bits<AAD_BITS>,
    /// Bytes of payload so far.
    pub length: Bits<PAYLOAD_BITS>,
}
