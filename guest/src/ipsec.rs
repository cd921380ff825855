//! IPsec between the two hosts: the near one's is the kernel's, the far one's is the device's, or, to know that the test itself is right,
//! the kernel's too.

mod case;
mod counters;
pub mod encap;
mod killed;
mod rekey;
mod run;
mod stack;

pub use case::{Case, Offload, cases};
pub use killed::daemon_killed;
pub use run::run;
