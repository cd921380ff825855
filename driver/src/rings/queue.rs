//! The registers of one queue.

use std::time::Duration;

use espalier_regs::Register;
use espalier_regs::dma::{self, Fault, queue_control, queue_state};

use super::memory::Memory;
use crate::bus::Bus;
use crate::error::{Error, Operation};
use crate::regs::Registers;
use crate::xfrm::Direction;

/// How long a queue may drain: every access answered, every frame begun on its way, in the longest frames.
const DRAIN_LIMIT: Duration = Duration::from_millis(5);

/// How a queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Off, and nothing under way.
    Idle,
    /// It takes descriptors.
    Running,
    /// It drains.
    Draining,
    /// It has stopped; none: for a reason that is not known.
    Fault(Option<Fault>),
}

/// One queue of the device.
#[derive(Clone, Copy, Debug)]
pub struct Queue(pub Direction);

impl Queue {
    fn at(self, register: Register) -> Register {
        let number = match self.0 {
            Direction::Out => dma::queue::TX,
            Direction::In => dma::queue::RX,
        };
        Register { offset: register.offset + number * register.stride, ..register }
    }

    /// How it is.
    pub fn state<B: Bus>(self, registers: &mut Registers<B>) -> Result<State, Error> {
        let word = registers.read(self.at(dma::QUEUE_STATE))?;
        Ok(if queue_state::FAULT.is_set(word) {
            State::Fault(Fault::decode(queue_state::CAUSE.get(word)))
        } else if queue_state::RUNNING.is_set(word) {
            State::Running
        } else if word == 0 {
            State::Idle
        } else {
            State::Draining
        })
    }

    /// Address of the access that failed.
    pub fn fault_address<B: Bus>(self, registers: &mut Registers<B>) -> Result<u64, Error> {
        let low = registers.read(self.at(dma::QUEUE_FAULT_LO))?;
        Ok(u64::from(registers.read(self.at(dma::QUEUE_FAULT_HI))?) << 32 | u64::from(low))
    }

    /// Gives rings, with every index at 0, to an idle queue.
    pub fn enable<B: Bus>(self, registers: &mut Registers<B>, memory: &Memory, coalesce: u16) -> Result<(), Error> {
        let (descriptors, completions) = memory.addresses();
        for (low, high, address) in
            [(dma::QUEUE_RING_LO, dma::QUEUE_RING_HI, descriptors), (dma::QUEUE_DONE_LO, dma::QUEUE_DONE_HI, completions)]
        {
            registers.write(self.at(low), address as u32)?;
            registers.write(self.at(high), (address >> 32) as u32)?;
        }
        registers.write(self.at(dma::QUEUE_SIZE), dma::queue_size::LOG2.set(0, memory.log2()))?;
        registers.write(self.at(dma::QUEUE_COALESCE), dma::queue_coalesce::CLOCKS.set(0, coalesce.into()))?;
        registers.write(self.at(dma::QUEUE_CONTROL), queue_control::ENABLE.mask())
    }

    /// Tells the device how far descriptors are its.
    pub fn ring<B: Bus>(self, registers: &mut Registers<B>, index: u16) -> Result<(), Error> {
        registers.write(self.at(dma::QUEUE_DOORBELL), dma::queue_doorbell::INDEX.set(0, index.into()))
    }

    /// Takes the rings back: no access to them or to buffers is under way when this returns.
    pub fn drain<B: Bus>(self, registers: &mut Registers<B>) -> Result<(), Error> {
        registers.write(self.at(dma::QUEUE_CONTROL), 0)?;
        registers.poll(Operation::Drain(self.0), DRAIN_LIMIT, |registers| Ok((self.state(registers)? == State::Idle).then_some(())))
    }
}
