//! A device on the PCI bus, by the kernel's VFIO (Documentation/driver-api/vfio.rst), over crate pci-driver.
//!
//! The device must be bound to vfio-pci, and an IOMMU must stand between it and memory: the errors say how to get there. One process at a
//! time has a device. Dropping a [`Vfio`] leaves the device quiet: vectors off, bus master off, reset. Memory is unmapped when its owner
//! drops it.

mod error;
mod sysfs;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use espalier_regs::map;
use pci_driver::backends::vfio::{VfioContainer, VfioPciDevice};
use pci_driver::device::PciDevice;
use pci_driver::regions::{PciRegion, Permissions};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::iova::Addresses;
use super::memory::Pages;
use super::{Access, Bus, BusError, DmaAccess, DmaBus, DmaError, DmaMemory, Fault, Interrupt, InterruptBus, Mapping, ResetBus};
pub use error::VfioError;
use sysfs::{Found, Roots};

/// What the command register and the vendor id read of a device that is gone.
const GONE: u16 = u16::MAX;
/// Between two looks at a register.
const PAUSE: Duration = Duration::from_micros(5);

/// A device that this process drives.
pub struct Vfio {
    registers: Box<dyn PciRegion>,
    device: VfioPciDevice,
    addresses: Arc<Mutex<Addresses>>,
    vectors: Vec<Interrupt>,
    address: String,
    begin: Instant,
}

impl fmt::Debug for Vfio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vfio").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Vfio {
    /// Opens a device by its address, with or without domain (`0000:01:00.0`, `01:00.0`), or by its directory in sysfs; maps its registers,
    /// and lets it access memory, of which none is mapped yet.
    ///
    /// # Errors
    /// [`VfioError`], which says what to do.
    pub fn open(address_or_sysfs_path: &str) -> Result<Self, VfioError> {
        let roots = Roots { devices: Path::new("/sys/bus/pci/devices"), vfio: Path::new("/dev/vfio") };
        let found = sysfs::find(roots, address_or_sysfs_path)?;
        let opened =
            VfioContainer::new(&[found.group]).and_then(|container| VfioPciDevice::open_in_container(&found.path, Arc::new(container)));
        let device = opened.map_err(|source| sysfs::explain(roots, &found, source))?;
        let Found { address, .. } = found;
        let failed = |operation| {
            let address = address.clone();
            move |source| VfioError::Io { address, operation, source }
        };
        enable(&device, &address)?;
        let bar = device.bar(0);
        let (bar, wanted) = match bar {
            Some(bar) if bar.len() >= map::SPACE.into() => (bar, u64::from(map::SPACE)),
            other => return Err(VfioError::Bar { address, wanted: map::SPACE.into(), found: other.map_or(0, |bar| bar.len()) }),
        };
        // A kernel that keeps the pages of the MSI-X table to itself gives the rest by system calls only.
        let registers: Box<dyn PciRegion> = if bar.is_mappable() {
            Box::new(bar.map(..wanted, Permissions::ReadWrite).map_err(failed("map BAR 0"))?)
        } else {
            Box::new(bar)
        };
        let iommu = device.iommu();
        let addresses = Arc::new(Mutex::new(Addresses::new(iommu.valid_iova_ranges(), iommu.alignment() as u64)));
        Ok(Self { registers, device, addresses, vectors: Vec::new(), address, begin: Instant::now() })
    }

    /// Its address, with the domain.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the device may access memory (the bus master bit of its command register).
    ///
    /// # Errors
    /// [`VfioError::Io`].
    pub fn bus_master(&self) -> Result<bool, VfioError> {
        let read = self.device.config().command().bus_master_enable().read();
        read.map_err(|source| VfioError::Io { address: self.address.clone(), operation: "read the command register", source })
    }

    /// Allows or forbids the device to access memory.
    ///
    /// # Errors
    /// [`VfioError::Io`].
    pub fn set_bus_master(&mut self, on: bool) -> Result<(), VfioError> {
        let written = self.device.config().command().bus_master_enable().write(on);
        written.map_err(|source| VfioError::Io { address: self.address.clone(), operation: "write the command register", source })
    }

    fn offset(&self, access: Access, offset: u32) -> Result<u64, BusError> {
        let inside = offset.is_multiple_of(4) && u64::from(offset) + 4 <= self.registers.len();
        if inside { Ok(offset.into()) } else { Err(BusError { access, fault: Fault::Offset }) }
    }
}

/// Memory space and bus master on.
fn enable(device: &VfioPciDevice, address: &str) -> Result<(), VfioError> {
    let failed = |operation| move |source| VfioError::Io { address: address.to_owned(), operation, source };
    let config = device.config();
    if config.vendor_id().read().map_err(failed("read the vendor id"))? == GONE {
        return Err(VfioError::Gone { address: address.to_owned() });
    }
    let command = config.command();
    command.memory_space_enable().write(true).map_err(failed("switch the memory space on"))?;
    command.bus_master_enable().write(true).map_err(failed("switch bus master on"))?;
    let set = [(command.memory_space_enable().read(), "memory space enable"), (command.bus_master_enable().read(), "bus master enable")];
    for (read, what) in set {
        if !read.map_err(failed("read the command register"))? {
            return Err(VfioError::Command { address: address.to_owned(), what });
        }
    }
    Ok(())
}

fn transport(access: Access) -> impl FnOnce(io::Error) -> BusError {
    move |error| BusError { access, fault: Fault::Transport(error.into()) }
}

impl Bus for Vfio {
    fn read(&mut self, offset: u32) -> Result<u32, BusError> {
        let access = Access::Read(offset);
        let value = self.registers.read_le_u32(self.offset(access, offset)?).map_err(transport(access));
        // What the device has written before its answer is seen by what is read after it.
        fence(Ordering::SeqCst);
        value
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        let access = Access::Write(offset);
        // What is in memory is there before the device hears of it.
        fence(Ordering::SeqCst);
        self.registers.write_le_u32(self.offset(access, offset)?, value).map_err(transport(access))
    }

    fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    fn pause(&mut self) -> Result<(), BusError> {
        std::thread::sleep(PAUSE);
        Ok(())
    }

    /// The device may be a simulated one, in a virtual machine on top of that.
    fn patience(&self) -> u32 {
        1000
    }
}

/// A mapping in the IOMMU of a device.
struct Mapped {
    container: Arc<VfioContainer>,
    addresses: Arc<Mutex<Addresses>>,
    iova: u64,
    bytes: usize,
}

impl Mapping for Mapped {}

impl Drop for Mapped {
    fn drop(&mut self) {
        match self.container.iommu().unmap(self.iova, self.bytes) {
            Ok(()) => self.addresses.lock().unwrap_or_else(PoisonError::into_inner).release(self.iova),
            // The kernel keeps the pages pinned then: the device reaches nobody else's memory. The addresses stay taken.
            Err(error) => tracing::error!(iova = format_args!("{:#x}", self.iova), %error, "memory stays mapped"),
        }
    }
}

/// Why memory was not mapped.
#[derive(Debug, thiserror::Error)]
enum MapError {
    #[error("its address in this process is no multiple of the IOMMU's page, {0} bytes")]
    Alignment(usize),
    #[error("{0} (ENOMEM: raise the limit on locked memory, `ulimit -l` or LimitMEMLOCK=)")]
    Locked(io::Error),
    #[error("{0}")]
    Other(io::Error),
}

impl DmaBus for Vfio {
    fn allocate(&mut self, bytes: usize, access: DmaAccess) -> Result<DmaMemory, DmaError> {
        let alignment = self.device.iommu().alignment();
        let wanted = bytes.max(1).checked_next_multiple_of(alignment).ok_or(DmaError::Addresses { bytes })?;
        let pages = Pages::new(wanted).map_err(DmaError::Memory)?;
        let bytes = pages.len();
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let iova = addresses.take(bytes as u64).ok_or(DmaError::Addresses { bytes })?;
        let permissions = match access {
            DmaAccess::Read => Permissions::Read,
            DmaAccess::ReadWrite => Permissions::ReadWrite,
        };
        let mapped = if pages.as_ptr().addr().is_multiple_of(alignment) {
            // SAFETY: the pages are whole, ours alone, and live until `DmaMemory` has dropped the mapping; all our accesses to them are
            // atomic, so that what the device does there meanwhile is no data race.
            unsafe { self.device.iommu().map(iova, bytes, pages.as_ptr(), permissions) }.map_err(|error| {
                // pci-driver leaves the number in the text only.
                if error.to_string().contains("os error 12") { MapError::Locked(error) } else { MapError::Other(error) }
            })
        } else {
            Err(MapError::Alignment(alignment))
        };
        if let Err(source) = mapped {
            addresses.release(iova);
            return Err(DmaError::Map { iova, bytes, source: Box::new(source) });
        }
        let mapping = Mapped { container: Arc::clone(self.device.container()), addresses: Arc::clone(&self.addresses), iova, bytes };
        Ok(DmaMemory::new(pages, iova, Box::new(mapping)))
    }
}

impl InterruptBus for Vfio {
    fn interrupts(&mut self, count: u16) -> Result<Vec<Interrupt>, BusError> {
        let failed = transport(Access::Interrupts);
        match self.switch_vectors(count.into()) {
            Ok(()) => Ok(self.vectors.clone()),
            Err(error) => Err(failed(error)),
        }
    }

    fn wait(&mut self, interrupts: &[Interrupt], limit: Duration) -> Result<bool, BusError> {
        let end = Instant::now().checked_add(limit);
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            // Longer than the system can express is for ever.
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut files: Vec<_> = interrupts.iter().map(|interrupt| PollFd::new(interrupt, PollFlags::IN)).collect();
            match poll(&mut files, left.as_ref()) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(transport(Access::Pause)(error.into())),
            }
        }
    }
}

impl Vfio {
    fn switch_vectors(&mut self, count: usize) -> io::Result<()> {
        let interrupts = self.device.interrupts();
        let msi_x = interrupts.msi_x();
        if count > msi_x.max() {
            return Err(io::Error::other(format!("{count} MSI-X vectors are needed, the device has {}", msi_x.max())));
        }
        if !self.vectors.is_empty() {
            msi_x.disable()?;
            self.vectors.clear();
        }
        let new = (0..count).map(|_| Interrupt::new()).collect::<io::Result<Vec<_>>>()?;
        if count > 0 {
            let files: Vec<_> = new.iter().map(|interrupt| interrupt.as_fd().as_raw_fd()).collect();
            msi_x.enable(&files)?;
        }
        self.vectors = new;
        Ok(())
    }
}

impl ResetBus for Vfio {
    /// The kernel keeps the configuration space and the MSI-X table across it (pci_reset_function).
    fn reset(&mut self) -> Result<(), BusError> {
        self.device.reset().map_err(|error| {
            let hint = format!("{error} (has it function level reset? `cat /sys/bus/pci/devices/{}/reset_method`)", self.address);
            transport(Access::Reset)(io::Error::new(error.kind(), hint))
        })?;
        enable(&self.device, &self.address).map_err(|error| transport(Access::Reset)(io::Error::other(error)))
    }
}

impl Drop for Vfio {
    fn drop(&mut self) {
        let vectors = self.switch_vectors(0);
        let master = self.device.config().command().bus_master_enable().write(false);
        for (what, done) in [("vectors off", vectors), ("bus master off", master), ("reset", self.device.reset())] {
            if let Err(error) = done {
                tracing::warn!(address = self.address, %error, "closing: {what}");
            }
        }
    }
}
