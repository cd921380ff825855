//! What goes into and out of the replay windows.

use rust_hdl::prelude::*;

use crate::records::SaIndex;

/// What the windows say of a packet.
pub mod verdict {
    /// Go on.
    pub const OK: u64 = 0;
    /// Seen before (XFRM's statistic `replay`).
    pub const DUPLICATE: u64 = 1;
    /// Left of the window, or the recheck infers another high half (XFRM's statistic `replay-window`).
    pub const LEFT_OF_WINDOW: u64 = 2;
    /// The whole number is zero (no statistic but the general one).
    pub const ZERO: u64 = 3;
}

/// A packet before it is decrypted.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct ReplayCheck {
    pub sa: SaIndex,
    /// As the packet says it.
    pub seq: Bits<32>,
    /// The SA has extended sequence numbers.
    pub esn: bool,
    /// Window size, 0 (no check) to 4096.
    pub window: Bits<13>,
}

/// What a [`ReplayCheck`] comes to.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct ReplayChecked {
    /// The whole number: with ESN the high half inferred, else 0.
    pub seq64: Bits<64>,
    /// One of [`verdict`].
    pub verdict: Bits<3>,
}

/// A packet whose ICV is good.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct ReplayAdvance {
    pub sa: SaIndex,
    /// As [`ReplayChecked`] said it.
    pub seq64: Bits<64>,
    /// As in [`ReplayCheck`].
    pub esn: bool,
    pub window: Bits<13>,
}

/// A word of an SA's bitmap: 256 sequence numbers.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Word {
    /// Which were seen.
    pub seen: Bits<256>,
    /// Bits 63 to 13 of the numbers it stands for; it counts as empty for any others.
    pub tag: Bits<51>,
}
