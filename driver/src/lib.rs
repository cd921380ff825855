//! The userspace driver of an Espalier engine.
//!
//! Layers, each on the one before it:
//! - [`bus`]: 32-bit registers and a sense of time, over whatever connects to the device.
//! - registers by name and the mailbox, from espalier-regs.
//! - [`sa`] and [`policy`]: XFRM's SAs and policies in the device's tables.
//! - [`rings`]: frames in memory that the device reaches, where the transport has such ([`bus::DmaBus`]).
//! - [`Device`]: bring-up, and all of it together; what it can do ([`Caps`]) and has counted ([`Stats`]).
//! - [`net::NetDevice`]: a [`Device`] with rings: what is sent and received.
//!
//! Every argument is checked, against XFRM's rules and against the capabilities that the device reports, before the first
//! register is written. A refusal is typed; it names the word of `ip xfrm` it is about and the errno that XFRM expects.
//!
//! # Example
//! A tunnel's outbound half, on any bus:
//! ```
//! use espalier_driver::bus::Bus;
//! use espalier_driver::policy::{Level, Template};
//! use espalier_driver::sa::{Aead, Offload, RFC4106_GCM_AES};
//! use espalier_driver::xfrm::{Direction, Mode, OffloadMode, PolicyDirection, SaId, Selector, protocol};
//! use espalier_driver::{Device, Error, Key, PolicyParams, SaParams};
//!
//! fn tunnel<B: Bus>(bus: B, key: Key) -> Result<Device<B>, Error> {
//!     let mut device = Device::open(bus)?;
//!     let (here, there) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
//!     let id = SaId { daddr: there, spi: 0x1001, proto: protocol::ESP };
//!     let aead = Aead { name: RFC4106_GCM_AES.to_owned(), key, icv_bits: 128 };
//!     let offload = Offload { mode: OffloadMode::Packet, direction: Direction::Out };
//!     let sa = SaParams { reqid: 4, ..SaParams::new(id, here, Mode::Tunnel, offload, aead) };
//!     device.add_sa(&sa)?;
//!
//!     let selector = Selector::between("10.1.0.0/16".parse().unwrap(), "10.2.0.0/16".parse().unwrap());
//!     let mut policy = PolicyParams::new(selector, PolicyDirection::Out);
//!     policy.templates = vec![Template { id: SaId { spi: 0, ..id }, saddr: here, mode: Mode::Tunnel, reqid: 4, level: Level::Required }];
//!     device.add_policy(&policy)?;
//!     device.enable()?;
//!     Ok(device)
//! }
//! ```

pub mod bus;
pub mod caps;
pub mod core;
mod counters;
mod device;
mod errno;
mod error;
mod key;
mod local;
pub mod net;
pub mod ops;
pub mod policy;
mod regs;
pub mod rings;
pub mod sa;
mod selector;
pub mod stats;
pub mod xfrm;

pub use caps::Caps;
pub use counters::Counters;
pub use device::{Device, SaEvent, SaEventKind, TxStatus};
pub use errno::Errno;
pub use error::{Error, Operation, Version};
pub use espalier_regs::{Capabilities, Event};
pub use ipnet::IpNet;
pub use key::Key;
pub use local::LocalError;
pub use policy::{PolicyError, PolicyHandle, PolicyParams};
pub use sa::{SaError, SaHandle, SaParams, SaState};
pub use selector::SelectorError;
pub use stats::Stats;
