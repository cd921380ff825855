//! Policies: what they are asked for with, why they are refused, and which entries of the device stand for them.

mod bind;
mod check;
mod entries;
mod params;
mod refusal;
mod table;
mod update;

use std::fmt;
use std::num::NonZeroU64;

pub(crate) use check::check;
pub use entries::Policy;
pub use params::{Action, Level, PolicyParams, PolicyType, Template};
pub use refusal::PolicyError;
pub(crate) use table::PolicyTable;
pub(crate) use update::{Step, Update};

use crate::xfrm::PolicyDirection;

/// The device's two tables of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// `out`.
    Out,
    /// `in` and `fwd`.
    In,
}

impl Table {
    /// The one that policies of a direction are in.
    #[must_use]
    pub const fn of(direction: PolicyDirection) -> Self {
        match direction {
            PolicyDirection::Out => Self::Out,
            PolicyDirection::In | PolicyDirection::Fwd => Self::In,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Out => "out",
            Self::In => "in and fwd",
        })
    }
}

/// Names an installed policy; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyHandle(pub(crate) NonZeroU64);

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
