//! The card as a PCI Express function: its identity, its capabilities, its configuration space.
//!
//! | offset | what | clause of PCI Express Base |
//! | --- | --- | --- |
//! | 0x000 | type 0 header: one memory BAR of 64 KiB (64 bit), interrupt pin A | 7.5.1 |
//! | 0x040 | power management: D0 and D3hot, no soft reset | 7.5.2 |
//! | 0x050 | MSI-X: 3 vectors, table at BAR0 + 0xc000, pending bits at BAR0 + 0xd000 | 7.7.2 |
//! | 0x060 | PCI Express endpoint with function level reset | 7.5.3 |
//! | 0x100 | device serial number | 7.9.3 |

mod config;

pub use config::{ConfigSpace, Live};

/// Vendor id: nobody's. The PCI-SIG has not given it to anyone, and virtual and research devices use it.
pub const VENDOR: u16 = 0x1234;
/// Device id, after RFC 4303 (ESP).
pub const DEVICE: u16 = 0x4303;
/// Subsystem id, with the same vendor.
pub const SUBSYSTEM: u16 = 1;
/// Bytes of the configuration space.
pub const CONFIG_BYTES: usize = 4096;
/// Bytes of BAR0: the register window.
pub const BAR0_BYTES: u64 = 0x1_0000;
