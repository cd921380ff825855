//! The transport of the driver: memory, interrupts, reset.

use std::time::Duration;

use espalier_driver::bus::{Access, Bus, BusError, DmaAccess, DmaBus, DmaError, DmaMemory, Fault, Interrupt, InterruptBus, ResetBus};
use espalier_regs::dma::{self, dma_cap, msix_control};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Host;
use super::memory::{FIRST_MESSAGE, message_address};
use crate::Error;
use crate::chip::fault;

/// Clocks a card may take to end its accesses.
const HALT_LIMIT: u64 = 1_000_000;
/// Clocks of `reset`.
const RESET_CLOCKS: u64 = 4;

fn transport(error: Error) -> BusError {
    BusError { access: Access::Pause, fault: fault(error) }
}

impl DmaBus for Host {
    fn allocate(&mut self, bytes: usize, access: DmaAccess) -> Result<DmaMemory, DmaError> {
        self.host.iommu.allocate(bytes, access)
    }
}

impl InterruptBus for Host {
    fn interrupts(&mut self, count: u16) -> Result<Vec<Interrupt>, BusError> {
        let failed = |error| BusError { access: Access::Read(dma::DMA_CAP.offset.into()), fault: Fault::Transport(Box::new(error)) };
        let vectors = dma_cap::VECTORS.get(self.read(dma::DMA_CAP.offset.into())?);
        if u32::from(count) > vectors {
            return Err(failed(Error::Vectors { wanted: count, vectors }));
        }
        let new: Result<Vec<_>, _> = (0..count).map(|_| Interrupt::new()).collect();
        self.host.vectors = new.map_err(|error| failed(Error::Interrupt(error)))?;
        self.host.fired = false;
        self.program_msix()?;
        Ok(self.host.vectors.clone())
    }

    fn wait(&mut self, interrupts: &[Interrupt], limit: Duration) -> Result<bool, BusError> {
        let end = self.now().saturating_add(limit);
        loop {
            self.host.fired = false;
            if any_fired(interrupts).map_err(transport)? {
                return Ok(true);
            }
            while !self.host.fired {
                if self.now() >= end {
                    return Ok(false);
                }
                self.step().map_err(transport)?;
            }
        }
    }
}

impl Host {
    /// As a kernel does (`msix_capability_init`): MSI-X on with everything masked, the table filled, the masks off. Without a table MSI-X
    /// stays off, and the wires count.
    fn program_msix(&mut self) -> Result<(), BusError> {
        if dma_cap::MSIX.get(self.read(dma::DMA_CAP.offset.into())?) == 0 {
            return Ok(());
        }
        self.host.function.msix_enable = true;
        self.host.function.msix_mask = true;
        self.step().map_err(transport)?;
        for vector in 0..usize::from(dma::vector::COUNT) {
            let at = |register: &espalier_regs::Register| u32::from(register.offset) + 16 * vector as u32;
            self.write(at(&dma::MSIX_CONTROL), msix_control::MASK.set(0, 1))?;
            if vector < self.host.vectors.len() {
                let address = message_address(vector);
                self.write(at(&dma::MSIX_ADDRESS_LO), address as u32)?;
                self.write(at(&dma::MSIX_ADDRESS_HI), (address >> 32) as u32)?;
                self.write(at(&dma::MSIX_DATA), FIRST_MESSAGE + vector as u32)?;
                self.write(at(&dma::MSIX_CONTROL), 0)?;
            }
        }
        self.host.function.msix_mask = false;
        self.step().map_err(transport)
    }
}

fn any_fired(interrupts: &[Interrupt]) -> Result<bool, Error> {
    let mut waiting: Vec<_> = interrupts.iter().map(|interrupt| PollFd::new(interrupt, PollFlags::IN)).collect();
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut waiting, Some(&now)).map_err(|error| Error::Interrupt(error.into())).map(|ready| ready > 0)
}

impl ResetBus for Host {
    /// The card is halted first, as the shell of a PCI function does. Interrupts are set up again then, as a kernel does that saves and
    /// restores the configuration around a reset (`pci_reset_function`).
    fn reset(&mut self) -> Result<(), BusError> {
        self.host.function.halt = true;
        let start = self.cycles();
        while !self.host.function.halted {
            if self.cycles() - start >= HALT_LIMIT {
                return Err(transport(Error::Deadline { what: "the card to end its accesses to memory", clocks: HALT_LIMIT }));
            }
            self.step().map_err(transport)?;
        }
        self.host.function.msix_enable = false;
        self.host.function.msix_mask = false;
        Self::reset(self, RESET_CLOCKS).map_err(transport)?;
        self.host.function.halt = false;
        self.host.function.halted = false;
        if self.host.vectors.is_empty() { Ok(()) } else { self.program_msix() }
    }
}
