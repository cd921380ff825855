//! The userspace driver of an Espalier engine.
//!
//! Layers, each on the one before it:
//! - [`bus`]: 32-bit registers and a sense of time, over whatever connects to the device.
//! - registers by name and the mailbox, from espalier-regs.
//! - [`sa`] and [`policy`]: XFRM's SAs and policies in the device's tables.
//! - [`Device`]: bring-up, and all of it together.
//!
//! Every argument is checked, against XFRM's rules and against the capabilities that the device reports, before the first
//! register is written. A refusal is typed; it names the word of `ip xfrm` it is about and the errno that XFRM expects.

pub mod bus;
mod counters;
mod device;
mod errno;
mod error;
mod key;
pub mod policy;
mod regs;
pub mod sa;
mod selector;
pub mod xfrm;

pub use counters::Counters;
pub use device::Device;
pub use errno::Errno;
pub use error::{Error, Operation, Version};
pub use espalier_regs::{Capabilities, Event};
pub use ipnet::IpNet;
pub use key::Key;
pub use policy::{PolicyError, PolicyHandle, PolicyParams};
pub use sa::{SaError, SaHandle, SaParams};
pub use selector::SelectorError;
