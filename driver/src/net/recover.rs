//! After a fault.

use espalier_regs::dma::Fault;

use super::{NetDevice, RX, TX};
use crate::bus::Bus;
use crate::error::Error;
use crate::rings::queue::State;
use crate::xfrm::Direction;

/// Why a queue had stopped, and what that has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFault {
    /// Out: the queue of frames to be sent. In: of received ones.
    pub direction: Direction,
    /// Why; none: for a reason that this driver does not know.
    pub cause: Option<Fault>,
    /// Address of the access that failed; 0 if none did.
    pub address: u64,
    /// Frames to be sent that were thrown away; [`NetDevice::sent`] names them.
    pub lost: u64,
}

impl<B: Bus> NetDevice<B> {
    /// Whether a queue has stopped, or may have: then [`Self::recover`] is due. Told by the frames that met the fault, by [`Self::wait`],
    /// and by the device's events once they are taken ([`XfrmdevOps::next_event`](crate::ops::XfrmdevOps::next_event)).
    #[must_use]
    pub const fn has_stopped(&self) -> bool {
        self.stopped.tx || self.stopped.rx || self.device.has_queue_fault()
    }

    /// Looks whether a queue has stopped, for whatever reason: a fault, or it does not run. If so it is drained, accounted for, reset and run
    /// again, and why it had stopped is told. Received frames that were complete are kept for [`Self::receive`]; the tables and the other
    /// queue are not touched. What failed may be tried again.
    ///
    /// # Errors
    /// [`Error::Timeout`]: it does not drain. [`Error::Ring`]: it contradicts itself. Both want a [`NetDevice::reset`]. And whatever the
    /// bus says.
    pub fn recover(&mut self) -> Result<Vec<QueueFault>, Error> {
        self.device.forget_queue_fault();
        let mut faults = Vec::new();
        for queue in [TX, RX] {
            let told = match queue.0 {
                Direction::Out => self.stopped.tx,
                Direction::In => self.stopped.rx,
            };
            let cause = match queue.state(self.device.registers())? {
                State::Fault(cause) => cause,
                State::Running if !told => continue,
                // A completion told of a fault that the queue does not know, or an attempt before this one has come no further.
                State::Running | State::Idle | State::Draining => None,
            };
            let address = queue.fault_address(self.device.registers())?;
            queue.drain(self.device.registers())?;
            // What was completed before and while it drained counts.
            let lost = match queue.0 {
                Direction::Out => {
                    self.reap()?;
                    let lost = self.restart_tx();
                    self.start_tx()?;
                    lost
                }
                Direction::In => {
                    self.collect_received()?;
                    self.restart_rx();
                    self.start_rx()?;
                    0
                }
            };
            tracing::warn!(direction = ?queue.0, ?cause, address = format_args!("{address:#x}"), lost, "a queue had stopped");
            faults.push(QueueFault { direction: queue.0, cause, address, lost });
        }
        Ok(faults)
    }

    /// Notes which queues have stopped.
    pub(super) fn look_at_queues(&mut self) -> Result<(), Error> {
        let stopped = |state| state != State::Running;
        self.stopped.tx |= stopped(TX.state(self.device.registers())?);
        self.stopped.rx |= stopped(RX.state(self.device.registers())?);
        Ok(())
    }
}
