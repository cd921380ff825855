//! Rings in memory that the device reaches, under [`espalier_regs::dma`]: what the host writes there, and what it reads.
//!
//! [`TxRing`] and [`RxRing`] know memory, indices and phases, but no registers: whoever owns one rings its doorbell. Slot i of a ring has
//! buffer i; a frame longer than a buffer takes as many slots as it needs, one behind the other.
//!
//! What the device writes is judged before it is believed: a completion that does not fit what was posted is a [`RingError::Completion`],
//! and nothing is read or written outside the buffers for it.

mod entry;
mod memory;
pub(crate) mod queue;
mod rx;
mod tx;

use espalier_regs::dma;
use thiserror::Error;

pub use entry::{RxCompletion, RxDescriptor, TxCompletion, TxDescriptor};
pub use rx::{RxDone, RxRing};
pub use tx::{PostError, TxRing, TxUsed};

use crate::xfrm::Direction;

/// Size and timing of a device's rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingConfig {
    /// Entries of the ring of frames to be sent: a power of two, from 2 to 1024.
    pub tx_entries: u16,
    /// Entries of the ring of received frames: a power of two, from 2 to 1024.
    pub rx_entries: u16,
    /// Bytes of the buffer that each entry has: a multiple of 16. Longer frames take several.
    pub buffer_bytes: u16,
    /// Clocks that a completion waits for company, three others at most.
    pub coalesce: u16,
    /// Least time between two interrupts of a ring, in units of 16 clocks.
    pub interval: u16,
}

impl Default for RingConfig {
    /// 256 entries each, of 2048 bytes, and nothing waits.
    fn default() -> Self {
        Self { tx_entries: 256, rx_entries: 256, buffer_bytes: 2048, coalesce: 0, interval: 0 }
    }
}

impl RingConfig {
    /// # Errors
    /// What the host interface that reports `dma_cap` (DMA_CAP) can't serve.
    pub(crate) fn check(&self, dma_cap: u32) -> Result<(), RingError> {
        let (smallest, largest) = (1 << dma::dma_cap::MIN_RING.get(dma_cap), 1 << dma::dma_cap::MAX_RING.get(dma_cap));
        for (name, entries) in [("tx_entries", self.tx_entries), ("rx_entries", self.rx_entries)] {
            if !entries.is_power_of_two() || !(smallest..=largest).contains(&u32::from(entries)) {
                return Err(RingError::Entries { name, entries, smallest, largest });
            }
        }
        let multiple = 1u32 << dma::dma_cap::ALIGNMENT.get(dma_cap);
        if self.buffer_bytes == 0 || !u32::from(self.buffer_bytes).is_multiple_of(multiple) {
            return Err(RingError::Buffer { bytes: self.buffer_bytes, multiple });
        }
        Ok(())
    }
}

/// What is wrong with rings.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RingError {
    /// The device has no host interface: it is an engine alone.
    #[error("the device has no rings: DMA_MAGIC reads {found:#010x}")]
    None {
        /// What was read instead.
        found: u32,
    },
    /// A size that the device can't have.
    #[error("{name} {entries}: not a power of two from {smallest} to {largest}")]
    Entries {
        /// Which.
        name: &'static str,
        /// What was asked for.
        entries: u16,
        /// The device's smallest.
        smallest: u32,
        /// The device's largest.
        largest: u32,
    },
    /// A size of buffers that descriptors can't name.
    #[error("buffer_bytes {bytes}: not a multiple of {multiple} bytes, or none")]
    Buffer {
        /// What was asked for.
        bytes: u16,
        /// The device's alignment.
        multiple: u32,
    },
    /// The device has completed what was never posted; it must be reset.
    #[error("{ring} ring, completion {index}: {what} {found:#x}", ring = ring_name(.direction))]
    Completion {
        /// Out: frames to be sent. In: received ones.
        direction: Direction,
        /// Index of the completion.
        index: u16,
        /// What is wrong.
        what: &'static str,
        /// Its value.
        found: u32,
    },
}

const fn ring_name(direction: &Direction) -> &'static str {
    match direction {
        Direction::Out => "TX",
        Direction::In => "RX",
    }
}
