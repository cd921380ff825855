//! The register map of Espalier: the only place an offset is spelt.
//!
//! One const table names every register, field, mailbox word and counter; the decoder in hdl/, the accessors in driver/ and
//! docs/registers.md all derive from it. Everything here is pure: values in, values out, no access to a device.
//!
//! - [`map`]: the registers and their fields ([`map::REGISTERS`]).
//! - [`mailbox`]: commands, their error codes, and what each command's words hold.
//! - [`event`]: what the engine counts, and which Linux counter it feeds.
//! - [`notice`]: what the event queue tells.
//! - [`tuser`]: what runs beside a frame.
//! - [`dma`]: rings in host memory, and the registers that run them.
//! - [`uart`]: the messages of the serial line, where there is one instead of rings.
//! - [`Capabilities`]: what a build can do, to and from the capability words.
//!
//! # Use
//! ```
//! use espalier_regs::{mailbox, map};
//!
//! let control = map::control::TX_ENABLE.set(0, 1);
//! assert!(map::control::TX_ENABLE.is_set(control));
//!
//! let mut words = mailbox::EMPTY;
//! mailbox::tx_sa::SPI.put(&mut words, 0x1000);
//! mailbox::tx_sa::KEY.put_bytes(&mut words, &[0x2b; 16]);
//! let command = mailbox::Command { op: mailbox::Op::TxSaWrite, index: 3, way: 0 };
//! assert_eq!(command.encode(), 0x0000_0301);
//! ```
#![no_std]

extern crate alloc;

pub mod cam;
mod capabilities;
pub mod dma;
pub mod event;
pub mod mailbox;
pub mod map;
mod markdown;
pub mod notice;
pub mod tuser;
mod types;
pub mod uart;

pub use capabilities::Capabilities;
pub use event::Event;
pub use markdown::render_markdown;
pub use types::{Access, Field, Register};
