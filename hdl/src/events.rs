//! Events: the causes that `control` counts, as one-clock pulses in a vector of 64.

pub use espalier_regs::Event;

use crate::constant::Const;

/// The bit of an event in the vector.
pub const fn bit(event: Event) -> u64 {
    1 << event as u32
}

/// The vector with only the bit `V` (see [`bit`]).
pub type EventMask<const V: u64> = Const<64, V>;
