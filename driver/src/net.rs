//! A device with rings: frames out and in, beside the engine's tables.
//!
//! The life of a [`NetDevice`]: [`open`](NetDevice::open), [`enable`](NetDevice::enable), traffic, [`close`](NetDevice::close). Every frame
//! that [`send`](NetDevice::send) takes comes back from [`sent`](NetDevice::sent), once and in order, whatever happens to it.
//!
//! A fault (an access that an IOMMU refuses, for one) stops one queue; the other and the engine go on.
//! [`recover`](NetDevice::recover) drains the queue, accounts for its frames and runs it again. If even that fails,
//! [`reset`](NetDevice::reset) begins anew with an empty device.
//!
//! Nothing here sleeps but [`wait`](NetDevice::wait): a user may as well poll, or put [`interrupts`](NetDevice::interrupts) into an event
//! loop of their own.

mod ops;
mod receive;
mod recover;
mod send;
mod wait;

use std::collections::VecDeque;

use espalier_regs::dma;

use crate::Device;
use crate::bus::{Bus, DmaBus, Interrupt, InterruptBus, ResetBus};
use crate::device::bring_up::recognise;
use crate::error::Error;
use crate::regs::Registers;
use crate::rings::queue::Queue;
use crate::rings::{RingConfig, RingError, RxRing, TxRing};
use crate::xfrm::Direction;

pub use receive::RxFrame;
pub use recover::QueueFault;
pub use send::{SendError, TxDone, TxOffload};

/// The queue of frames to be sent.
const TX: Queue = Queue(Direction::Out);
/// The queue of received frames.
const RX: Queue = Queue(Direction::In);

/// An Espalier device with a host interface.
#[derive(Debug)]
pub struct NetDevice<B> {
    // First: a transport that quietens its device when it is dropped does so before the memory goes.
    device: Device<B>,
    tx: TxRing,
    rx: RxRing,
    config: RingConfig,
    interrupts: Vec<Interrupt>,
    /// Completed, and not yet asked for.
    done: VecDeque<TxDone>,
    /// Received, and not yet asked for.
    ready: VecDeque<RxFrame>,
    /// Frames that [`Self::receive`] has handed out of those that the device has counted since its counters began, modulo 2^64.
    handed: u64,
    stopped: Stopped,
    stats: RingStats,
}

/// Queues that are known to have met a fault.
#[derive(Clone, Copy, Debug, Default)]
struct Stopped {
    tx: bool,
    rx: bool,
}

/// What the rings have seen since the device was opened. Frames sent = completed + lost + those that are still under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingStats {
    /// Frames that were given to the device.
    pub sent: u64,
    /// Frames of these that the device has completed.
    pub completed: u64,
    /// Completed frames of these that met a fault.
    pub faults: u64,
    /// Frames given to the device that a reset threw away; some of them may have gone out.
    pub lost: u64,
    /// Frames received.
    pub received: u64,
    /// Received frames that were lost on their way into memory. The device counts them too, as by the host's fault.
    pub rx_damaged: u64,
    /// Frames, not among those received, whose SA a reset took out of the device before they were asked for.
    pub rx_gone: u64,
}

impl<B: DmaBus + InterruptBus + ResetBus> NetDevice<B> {
    /// Brings a device up, whatever state it is in: reset, empty, its queues running, its interrupts armed, at rest until
    /// [`Self::enable`].
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Magic`] or [`Error::Version`] for a device that is not this driver's (nothing was done to it);
    /// [`Error::Ring`] for a device without rings or with other sizes; [`Error::Dma`]; and whatever the bus says.
    pub fn open(mut bus: B, config: RingConfig) -> Result<Self, Error> {
        let mut registers = Registers::new(&mut bus);
        // 1. Is it one, with rings of that size?
        recognise(&mut registers)?;
        let found = registers.read(dma::DMA_MAGIC)?;
        if found != dma::DMA_MAGIC.reset {
            return Err(RingError::None { found }.into());
        }
        config.check(registers.read(dma::DMA_CAP)?)?;
        // 2. Whatever a user before us has left running ends here: no access to memory that was theirs.
        bus.reset()?;
        // 3. Memory and vectors.
        let mut device = Device::open(bus)?;
        let longest = device.capabilities().max_frame_bytes;
        let tx = TxRing::new(device.bus(), config.tx_entries, config.buffer_bytes, longest)?;
        let rx = RxRing::new(device.bus(), config.rx_entries, config.buffer_bytes)?;
        let interrupts = device.bus().interrupts(dma::vector::COUNT)?;
        device.count_received();
        let (done, ready) = (VecDeque::new(), VecDeque::new());
        let (stopped, stats) = (Stopped::default(), RingStats::default());
        let mut net = Self { device, tx, rx, config, interrupts, done, ready, handed: 0, stopped, stats };
        // 4. Queues and interrupts.
        net.start()?;
        Ok(net)
    }

    /// Function reset, and everything up again as after [`Self::open`]: SAs, policies and local addresses are gone from the device, and
    /// the traffic is held back. What was under way is accounted for: see [`Self::sent`] and [`RingStats`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn reset(&mut self) -> Result<(), Error> {
        self.device.bus().reset()?;
        // No access is left: what was completed before counts, as far as it makes sense.
        for taken in [self.reap(), self.collect_received()] {
            if let Err(error) = taken {
                tracing::warn!(%error, "reset");
            }
        }
        self.restart_tx();
        self.restart_rx();
        self.forget_received_by_sas();
        self.device.reopen()?;
        self.account();
        // The frames that are still to be handed out are not among those that the device counts from here on.
        self.handed = 0u64.wrapping_sub(self.ready.len() as u64);
        self.device.handed_out(self.handed);
        self.start()
    }

    /// Stops everything and leaves a quiet device: queues drained, tables and keys cleared, vectors off, memory unmapped. Frames that
    /// were received and not asked for are gone; ask first.
    ///
    /// # Errors
    /// What the device did not do. A transport that is dropped then resets its device, if it can.
    pub fn close(mut self) -> Result<B, Error> {
        let registers = self.device.registers();
        registers.write(dma::INTERRUPT_MASK, dma::interrupt_mask::VECTORS.mask())?;
        let drained = TX.drain(registers).and_then(|()| RX.drain(registers));
        if let Err(error) = drained {
            // Something is stuck that only a reset ends; keys go with it.
            tracing::warn!(%error, "closing: the device is reset");
            self.device.bus().reset()?;
            self.device.reopen()?;
        }
        self.device.bus().interrupts(0)?;
        self.device.close()
    }
}

impl<B: Bus> NetDevice<B> {
    /// Queues and interrupts of a device that was reset.
    fn start(&mut self) -> Result<(), Error> {
        let registers = self.device.registers();
        let interval = dma::interrupt_interval::UNITS.set(0, self.config.interval.into());
        for vector in [dma::vector::TX, dma::vector::RX] {
            let at = dma::INTERRUPT_INTERVAL.offset + vector * dma::INTERRUPT_INTERVAL.stride;
            registers.write(espalier_regs::Register { offset: at, ..dma::INTERRUPT_INTERVAL }, interval)?;
        }
        registers.write(dma::INTERRUPT_MASK, 0)?;
        self.start_tx()?;
        self.start_rx()?;
        self.arm()
    }

    fn start_tx(&mut self) -> Result<(), Error> {
        self.stopped.tx = false;
        TX.enable(self.device.registers(), self.tx.memory(), self.config.coalesce)
    }

    fn start_rx(&mut self) -> Result<(), Error> {
        self.stopped.rx = false;
        RX.enable(self.device.registers(), self.rx.memory(), self.config.coalesce)?;
        self.refill(true)
    }

    /// The engine: its tables, its counters.
    pub const fn device(&mut self) -> &mut Device<B> {
        &mut self.device
    }

    /// Lets the traffic in, both ways.
    ///
    /// # Errors
    /// As [`Device::enable`].
    pub fn enable(&mut self) -> Result<(), Error> {
        self.device.enable()
    }

    /// Holds the traffic back, both ways: frames to be sent wait in their ring.
    ///
    /// # Errors
    /// As [`Device::disable`].
    pub fn disable(&mut self) -> Result<(), Error> {
        self.device.disable()
    }

    /// What the rings have seen.
    #[must_use]
    pub const fn stats(&self) -> RingStats {
        self.stats
    }
}
