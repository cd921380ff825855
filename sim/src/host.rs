//! A card in a host: memory of this process behind an IOMMU, interrupts, function reset. What the driver runs on without hardware.
//!
//! [`Host`] is the driver's `Bus`, `DmaBus`, `InterruptBus` and `ResetBus`. Time passes only while it is used: a register access, a pause, a
//! wait, or [`Chip::step`] by whoever feeds the wire.

mod bus;
mod faults;
mod iommu;
mod memory;

pub use faults::{FaultCounts, Faults};
pub use iommu::Refusal;
pub use memory::{Memory, Reason, Violation};

use crate::axi::AxiOptions;
use crate::card::{CardOptions, Function};
use crate::chip::Chip;
use crate::{Error, Model};

/// A card with host memory behind it. An access outside of what is mapped is answered DECERR, and is a [`Violation`].
pub type Host = Chip<Memory>;

impl Chip<Memory> {
    /// Puts a model with the card's ports into a host without faults, and resets it. `latency` of the memory's options is the time until
    /// memory is read or written, and the answer goes.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`] when the model is not a card.
    pub fn new(model: Model, options: CardOptions) -> Result<Self, Error> {
        let (stalls, AxiOptions { latency, seed, stalls: memory, order }) = options.split();
        let function = Function::new(&model, AxiOptions { latency: 0..=0, seed, stalls: memory, order })?;
        Self::assemble(model, stalls, Memory::new(function, latency, seed))
    }

    /// Other behaviour from here on.
    pub fn set_options(&mut self, options: CardOptions) {
        let (stalls, AxiOptions { latency, seed, stalls: memory, order }) = options.split();
        self.stall(stalls);
        self.host.latency = latency;
        self.host.function.memory.set_options(AxiOptions { latency: 0..=0, seed, stalls: memory, order });
    }

    /// Faults from here on. Interrupt messages meet none.
    pub fn set_faults(&mut self, faults: Faults) {
        self.host.faults = faults;
    }

    /// Faults so far.
    #[must_use]
    pub fn fault_counts(&self) -> FaultCounts {
        self.host.counts
    }

    /// Accesses that were not let through since the last call.
    pub fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.host.violations)
    }

    /// Accesses that are under way.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.host.outstanding()
    }

    /// Regions of memory that are mapped.
    #[must_use]
    pub fn mapped(&self) -> usize {
        self.host.iommu.regions()
    }
}
