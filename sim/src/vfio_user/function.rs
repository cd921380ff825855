//! What the server needs of a function, and of what is at its wire.

use espalier_regs::dma::{INTERRUPT_INTERVAL, QUEUE_COALESCE, QUEUE_STATE, queue, queue_state, vector};
use espalier_regs::map::{CONTROL, control};
use rustix::event::PollFd;

use crate::Error;
use crate::axi::{Access, Response};

/// A card, simulated: registers, memory accesses of its own, interrupts, a wire.
///
/// Every error but [`Error::Register`] is the end of the simulation.
pub trait PciFunction {
    /// Reads a register; clocks the function until it answers.
    ///
    /// # Errors
    /// [`Error::Register`]: it refuses.
    fn read(&mut self, address: u32) -> Result<u32, Error>;

    /// Writes the bytes of a register whose bit in `strobes` is 1; clocks the function until it answers.
    ///
    /// # Errors
    /// As [`PciFunction::read`].
    fn write(&mut self, address: u32, value: u32, strobes: u32) -> Result<(), Error>;

    /// One clock. True: something moved on one of its ports.
    ///
    /// # Errors
    /// The function broke a rule.
    fn step(&mut self) -> Result<bool, Error>;

    /// Memory accesses since the last call. Each is answered once, in any order.
    fn take_accesses(&mut self) -> Vec<Access>;

    /// Answers a read.
    fn answer_read(&mut self, token: u64, answer: Result<Vec<u8>, Response>);

    /// Answers a write.
    fn answer_write(&mut self, token: u64, answer: Result<(), Response>);

    /// Interrupt wires: one bit a vector.
    fn interrupts(&self) -> u32;

    /// MSI-X as the configuration space has it: it is on, all of it is masked.
    fn set_msix(&mut self, enable: bool, mask: bool);

    /// Asks it to begin no access, or no longer.
    fn set_halt(&mut self, halt: bool);

    /// It is asked to, and none is left.
    fn halted(&self) -> bool;

    /// A reset pulse.
    ///
    /// # Errors
    /// As [`PciFunction::step`].
    fn reset(&mut self) -> Result<(), Error>;

    /// A frame comes from the wire.
    fn send_wire(&mut self, frame: &[u8]);

    /// Frames from the wire that it has not taken to their end.
    fn wire_pending(&self) -> usize;

    /// Frames that it has sent onto the wire since the last call.
    fn take_wire(&mut self) -> Vec<Vec<u8>>;

    /// Whether it takes frames from the wire: the engine does, and the queue of received frames runs.
    ///
    /// # Errors
    /// As [`PciFunction::read`].
    fn receiving(&mut self) -> Result<bool, Error> {
        let state = u32::from(QUEUE_STATE.offset + queue::RX * QUEUE_STATE.stride);
        Ok(control::RX_ENABLE.is_set(self.read(CONTROL.offset.into())?) && queue_state::RUNNING.is_set(self.read(state)?))
    }

    /// For how many clocks it may do nothing visible, and then something by itself.
    ///
    /// # Errors
    /// As [`PciFunction::read`].
    fn longest_timer(&mut self) -> Result<u64, Error> {
        let mut longest = 0;
        for (register, unit, count) in [(QUEUE_COALESCE, 1, queue::COUNT), (INTERRUPT_INTERVAL, 16, vector::COUNT)] {
            for number in 0..count {
                let value = self.read(u32::from(register.offset + number * register.stride))?;
                longest = longest.max(u64::from(value) * unit);
            }
        }
        Ok(longest)
    }
}

/// What is at the other end of a wire fails.
#[derive(Debug, thiserror::Error)]
#[error("wire {wire}: {source}")]
pub struct LinkError {
    /// Its name.
    pub wire: String,
    /// Why.
    pub source: std::io::Error,
}

/// The other end of a function's wire. Nothing here waits.
pub trait Link {
    /// Adds what to watch for more frames.
    fn watch<'a>(&'a self, fds: &mut Vec<PollFd<'a>>);

    /// The next frame for the function, at least 60 bytes, without FCS. While the function is not `receiving`, frames are lost, or wait
    /// if they can, and there is none.
    ///
    /// # Errors
    /// The link is no more.
    fn receive(&mut self, receiving: bool) -> Result<Option<Vec<u8>>, LinkError>;

    /// A frame from the function. It is lost if the other end does not take it.
    ///
    /// # Errors
    /// The link is no more.
    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError>;
}

impl<L: Link + ?Sized> Link for Box<L> {
    fn watch<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        (**self).watch(fds);
    }

    fn receive(&mut self, receiving: bool) -> Result<Option<Vec<u8>>, LinkError> {
        (**self).receive(receiving)
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        (**self).send(frame)
    }
}
