//! Policies: what they are asked for with, why they are refused, and which entries of the device stand for them.

mod bind;
mod check;
mod params;
mod refusal;
mod table;

use std::fmt;
use std::num::NonZeroU64;

pub(crate) use check::check;
pub use params::{Action, Level, PolicyParams, PolicyType, Template};
pub use refusal::PolicyError;
pub use table::Policy;
pub(crate) use table::{PolicyTable, Step, Update};

/// Names an installed policy; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyHandle(NonZeroU64);

impl PolicyHandle {
    /// The number.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for PolicyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
