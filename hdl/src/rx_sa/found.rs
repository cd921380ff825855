//! What the SA table gives.

use rust_hdl::prelude::*;

use crate::records::{Headers, RxSa, SaIndex};

/// What becomes of a received frame.
pub mod decision {
    /// To the host as it came.
    pub const BYPASS: u64 = 0;
    /// Check, verify, decrypt, decapsulate.
    pub const UNPROTECT: u64 = 1;
    /// Swallow it; it has been counted.
    pub const DISCARD: u64 = 2;
}

/// A received frame and its SA.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct RxFound {
    /// One of [`decision`].
    pub decision: Bits<2>,
    /// What the parser found.
    pub headers: Headers,
    /// With BYPASS: it is ESP that is left to the host.
    pub unsupported: bool,
    /// With UNPROTECT: number of the SA.
    pub sa_index: SaIndex,
    /// With UNPROTECT: the SA.
    pub sa: RxSa,
    /// With UNPROTECT: which of the SAs that have had this number it is.
    pub generation: Bits<16>,
    /// With UNPROTECT: bytes of ciphertext, without ICV.
    pub length: Bits<16>,
}
