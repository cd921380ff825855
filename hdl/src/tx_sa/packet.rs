//! What a frame is when it leaves the SA table.

use rust_hdl::prelude::*;

use crate::records::{Headers, TxSa};

/// What becomes of a frame.
pub mod decision {
    /// Out as it came.
    pub const BYPASS: u64 = 0;
    /// Encapsulate and encrypt; with the SA's `crypto`, encrypt only.
    pub const PROTECT: u64 = 1;
    /// Swallow it; it has been counted.
    pub const DISCARD: u64 = 2;
}

/// A frame on its way to the encapsulation.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct TxPacket {
    /// One of [`decision`].
    pub decision: Bits<2>,
    /// What the parser found.
    pub headers: Headers,
    /// With PROTECT: the SA.
    pub sa: TxSa,
    /// With PROTECT: its sequence number for this packet (without ESN the high half is 0); of crypto offload the IV.
    pub seq: Bits<64>,
    /// With PROTECT: bytes of payload; with the trailer where the frame has brought it (crypto offload).
    pub payload: Bits<16>,
}
