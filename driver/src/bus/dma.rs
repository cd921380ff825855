//! Memory that the device reaches, interrupts and function reset: what a transport has beside registers, if it has.

use std::time::Duration;

use thiserror::Error;

use super::memory::Pages;
use super::{Bus, BusError, Interrupt};

/// What the device may do with memory that is mapped for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaAccess {
    /// Read it.
    Read,
    /// Read and write it.
    ReadWrite,
}

/// Why memory could not be had or mapped.
#[derive(Debug, Error)]
pub enum DmaError {
    /// The operating system has none.
    #[error("no memory: {0}")]
    Memory(#[source] std::io::Error),
    /// The IOMMU did not map it.
    #[error("the IOMMU did not map {bytes} bytes at {iova:#x}: {source}")]
    Map {
        /// Address for the device.
        iova: u64,
        /// How many.
        bytes: usize,
        /// What the transport says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No address is left that the device may use.
    #[error("no {bytes} bytes of device addresses are left")]
    Addresses {
        /// How many were asked for.
        bytes: usize,
    },
}

/// Keeps memory mapped; dropping it takes the mapping away.
pub trait Mapping: Send {}

/// Memory that the device reaches, in whole pages; zeroed at first. Owned: dropping it takes it out of the IOMMU, then frees it. What the
/// device still does there fails from then on.
///
/// Both sides may touch it at any time: all access is by atomic words, and what a word of [`Pages::load`] says is in memory is seen
/// by later reads.
pub struct DmaMemory {
    // First: the device must not reach memory that is gone.
    _mapping: Box<dyn Mapping>,
    pages: Pages,
    iova: u64,
}

impl DmaMemory {
    /// For transports: memory that is mapped at `iova` as long as `mapping` lives.
    #[must_use]
    pub fn new(pages: Pages, iova: u64, mapping: Box<dyn Mapping>) -> Self {
        Self { _mapping: mapping, pages, iova }
    }

    /// Its address for the device.
    #[must_use]
    pub const fn iova(&self) -> u64 {
        self.iova
    }

    /// The memory itself.
    #[must_use]
    pub const fn pages(&self) -> &Pages {
        &self.pages
    }
}

impl std::fmt::Debug for DmaMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DmaMemory").field("iova", &format_args!("{:#x}", self.iova)).field("bytes", &self.pages.len()).finish()
    }
}

/// A transport by which the device reaches memory of this process.
pub trait DmaBus: Bus {
    /// Memory of at least this many bytes that the device reaches.
    ///
    /// # Errors
    /// [`DmaError`]; nothing is mapped then.
    fn allocate(&mut self, bytes: usize, access: DmaAccess) -> Result<DmaMemory, DmaError>;
}

/// A transport with interrupts.
pub trait InterruptBus: Bus {
    /// Switches the first `count` vectors on; the device signals each by its own [`Interrupt`]. Vectors that were on before are replaced.
    ///
    /// # Errors
    /// [`BusError`]: the device has fewer, or the transport refuses.
    fn interrupts(&mut self, count: u16) -> Result<Vec<Interrupt>, BusError>;

    /// Waits until one of them has fired, or for `limit` of [`Bus::now`]. True: one has. It stays so until [`Interrupt::take`].
    ///
    /// # Errors
    /// [`BusError`] when the transport is gone.
    fn wait(&mut self, interrupts: &[Interrupt], limit: Duration) -> Result<bool, BusError>;
}

/// A transport that can reset the device.
pub trait ResetBus: Bus {
    /// Function level reset (PCI Express Base section 6.6.2): no access of the device is under way when it returns; registers are as
    /// after power-up. Whether it may access memory again is the transport's part (it may: bus master is on).
    ///
    /// # Errors
    /// [`BusError`]: it can't be reset, or did not come back.
    fn reset(&mut self) -> Result<(), BusError>;
}

impl<B: DmaBus + ?Sized> DmaBus for &mut B {
    fn allocate(&mut self, bytes: usize, access: DmaAccess) -> Result<DmaMemory, DmaError> {
        (**self).allocate(bytes, access)
    }
}

impl<B: InterruptBus + ?Sized> InterruptBus for &mut B {
    fn interrupts(&mut self, count: u16) -> Result<Vec<Interrupt>, BusError> {
        (**self).interrupts(count)
    }

    fn wait(&mut self, interrupts: &[Interrupt], limit: Duration) -> Result<bool, BusError> {
        (**self).wait(interrupts, limit)
    }
}

impl<B: ResetBus + ?Sized> ResetBus for &mut B {
    fn reset(&mut self) -> Result<(), BusError> {
        (**self).reset()
    }
}
