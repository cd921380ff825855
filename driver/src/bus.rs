//! What the driver needs of whatever connects it to a device: 32-bit registers and a sense of time.
//!
//! Every transport has these, a UART too. DMA memory ([`DmaBus`]), interrupts ([`InterruptBus`]) and function reset
//! ([`ResetBus`]) are not every transport's; they are traits of their own with [`Bus`] as supertrait, and the code that needs
//! them asks for them.

mod dma;
mod interrupt;
mod iova;
mod memory;
mod recorder;
pub mod uart;
pub mod vfio;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use thiserror::Error;

pub use dma::{DmaAccess, DmaBus, DmaError, DmaMemory, InterruptBus, Mapping, ResetBus};
pub use interrupt::Interrupt;
pub use memory::{PAGE, Pages};
pub use recorder::{Recorded, Recorder};

/// Access to the registers of one device.
///
/// Accesses take effect in program order. Time is the transport's own: wall time on hardware, simulated clocks in a
/// simulator, so that a deadline means the same number of the device's clocks on both.
pub trait Bus {
    /// Reads the register at a byte offset.
    ///
    /// # Errors
    /// [`BusError`] when the access did not complete.
    fn read(&mut self, offset: u32) -> Result<u32, BusError>;

    /// Writes the register at a byte offset.
    ///
    /// # Errors
    /// [`BusError`] when the access did not complete.
    fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError>;

    /// Time since some fixed moment; never goes back.
    fn now(&self) -> Duration;

    /// Lets a little time pass between two looks at a register. `now` must advance by it.
    ///
    /// # Errors
    /// [`BusError`] when the transport is gone.
    fn pause(&mut self) -> Result<(), BusError>;

    /// How many times longer than a device in silicon the one behind this transport may take: limits of waiting for it are multiplied
    /// by it.
    fn patience(&self) -> u32 {
        1
    }
}

impl<B: Bus + ?Sized> Bus for &mut B {
    fn read(&mut self, offset: u32) -> Result<u32, BusError> {
        (**self).read(offset)
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        (**self).write(offset, value)
    }

    fn now(&self) -> Duration {
        (**self).now()
    }

    fn pause(&mut self) -> Result<(), BusError> {
        (**self).pause()
    }

    fn patience(&self) -> u32 {
        (**self).patience()
    }
}

impl<B: Bus + ?Sized> Bus for Box<B> {
    fn read(&mut self, offset: u32) -> Result<u32, BusError> {
        (**self).read(offset)
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        (**self).write(offset, value)
    }

    fn now(&self) -> Duration {
        (**self).now()
    }

    fn pause(&mut self) -> Result<(), BusError> {
        (**self).pause()
    }

    fn patience(&self) -> u32 {
        (**self).patience()
    }
}

/// What was tried on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read of a register.
    Read(u32),
    /// A write to a register.
    Write(u32),
    /// Waiting.
    Pause,
    /// Switching interrupts on or off.
    Interrupts,
    /// A function reset.
    Reset,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(offset) => write!(f, "read of the register at {offset:#06x}"),
            Self::Write(offset) => write!(f, "write to the register at {offset:#06x}"),
            Self::Pause => f.write_str("wait"),
            Self::Interrupts => f.write_str("switching interrupts"),
            Self::Reset => f.write_str("function reset"),
        }
    }
}

/// Why an access did not complete.
#[derive(Debug, Error)]
pub enum Fault {
    /// The offset is not a multiple of 4, or past the end of the register window.
    #[error("no such offset")]
    Offset,
    /// AXI4-Lite SLVERR: the register refuses the access.
    #[error("the device answered SLVERR")]
    SlaveError,
    /// AXI4-Lite DECERR: nothing answers there.
    #[error("the device answered DECERR")]
    DecodeError,
    /// The transport failed.
    #[error("{0}")]
    Transport(#[source] Box<dyn Error + Send + Sync>),
}

/// An access that did not complete.
#[derive(Debug, Error)]
#[error("{access} failed: {fault}")]
pub struct BusError {
    /// What was tried.
    pub access: Access,
    /// Why it failed.
    #[source]
    pub fault: Fault,
}
