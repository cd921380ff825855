//! Interrupts.

use std::time::Duration;

use espalier_regs::dma::{self, vector};

use super::NetDevice;
use crate::bus::{Access, Bus, BusError, Fault, Interrupt, InterruptBus};
use crate::error::Error;

impl<B: Bus> NetDevice<B> {
    /// The vectors, by [`vector`]: for an event loop. Loop: [`Interrupt::take`] what has fired; do everything that there is to do;
    /// [`Self::arm`]; look once more whether there is something to do; sleep.
    #[must_use]
    pub fn interrupts(&self) -> &[Interrupt] {
        &self.interrupts
    }

    /// Arms all vectors. What happened since they fired makes them fire again at once.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub fn arm(&mut self) -> Result<(), Error> {
        self.device.registers().write(dma::INTERRUPT_ARM, dma::interrupt_arm::VECTORS.mask())
    }

    /// Something is there for [`Self::sent`] or [`Self::receive`], or a queue is known to have stopped. Asks memory only.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.has_stopped() || !self.done.is_empty() || !self.ready.is_empty() || self.tx.is_ready() || self.rx.is_ready()
    }
}

impl<B: InterruptBus> NetDevice<B> {
    /// Sleeps until there is something to do ([`Self::is_ready`], or an event of the device), `limit` at most. True: there is.
    ///
    /// # Errors
    /// Whatever the bus says.
    pub fn wait(&mut self, limit: Duration) -> Result<bool, Error> {
        let begin = self.device.bus().now();
        loop {
            if self.is_ready() {
                return Ok(true);
            }
            // Armed after looking: what came between fires at once.
            self.arm()?;
            let left = limit.saturating_sub(self.device.bus().now().saturating_sub(begin));
            if !self.device.bus().wait(&self.interrupts, left)? {
                return Ok(self.is_ready());
            }
            let mut event = false;
            for (number, interrupt) in (0..).zip(&self.interrupts) {
                let fired = interrupt.take().map_err(|error| BusError { access: Access::Pause, fault: Fault::Transport(error.into()) })?;
                event |= fired && number == vector::EVENT;
            }
            if event {
                self.look_at_queues()?;
                return Ok(true);
            }
            // Else it may have been for what was taken before without waiting.
        }
    }
}
