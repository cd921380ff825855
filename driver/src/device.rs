//! A device, from bring-up to shut-down.

pub(crate) mod bring_up;
mod events;
mod frames;
mod ops;
mod policies;
mod states;

use std::collections::VecDeque;

use espalier_regs::{Capabilities, cam, map};

use crate::bus::Bus;
use crate::caps::Caps;
use crate::counters::Counters;
use crate::error::Error;
use crate::local::LocalTable;
use crate::policy::PolicyTable;
use crate::regs::Registers;
use crate::sa::SaTable;

pub use events::{SaEvent, SaEventKind};
pub use frames::TxStatus;

/// One Espalier engine, whose tables this driver alone writes.
#[derive(Debug)]
pub struct Device<B> {
    registers: Registers<B>,
    name: String,
    capabilities: Capabilities,
    mtu: u16,
    /// What CONTROL holds.
    control: u32,
    sas: SaTable,
    cam: cam::Placement,
    policies: PolicyTable,
    local: LocalTable,
    /// Taken off the device's queue, and not yet asked for.
    events: VecDeque<SaEvent>,
    /// What callbacks of [`crate::ops`] could not return.
    failures: VecDeque<String>,
    /// A queue of the host interface has stopped, or may have.
    queue_fault: bool,
    /// A host interface is beside it, which counts the received frames that it hands out: see [`Self::handed_out`].
    has_rings: bool,
    /// What [`Self::counters`] adds to what the registers say, modulo 2^64.
    base: Counters,
    /// What [`crate::ops`] has added to the core's counters so far.
    counted: Counters,
}

impl<B: Bus> Device<B> {
    /// What the device can do.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// What the device can do, as it is told to people.
    #[must_use]
    pub fn caps(&self) -> Caps {
        Caps::from(&self.capabilities)
    }

    /// The interface's name: `espalier0` if it was given no other.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the interface a name.
    pub fn set_name(&mut self, name: impl Into<String>) {
        self.name = name.into();
    }

    /// Lets the traffic in, both ways.
    ///
    /// # Errors
    /// [`Error::Bus`]; [`Error::Broken`] after a failure.
    pub fn enable(&mut self) -> Result<(), Error> {
        self.registers.usable()?;
        self.write_control(self.control | map::control::TX_ENABLE.mask() | map::control::RX_ENABLE.mask())
    }

    /// Holds back the host's frames and the wire's.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub fn disable(&mut self) -> Result<(), Error> {
        self.write_control(self.control & map::control::RX_PASS_UNKNOWN.mask())
    }

    /// What becomes of received ESP packets without an SA in the device: given to the host as they are, for SAs that it has in
    /// software; or dropped and counted, which is the default.
    ///
    /// # Errors
    /// [`Error::Bus`]; [`Error::Broken`] after a failure.
    pub fn pass_unknown(&mut self, pass: bool) -> Result<(), Error> {
        self.registers.usable()?;
        self.write_control(map::control::RX_PASS_UNKNOWN.set(self.control, pass.into()))
    }

    fn write_control(&mut self, word: u32) -> Result<(), Error> {
        self.registers.write(map::CONTROL, word)?;
        self.control = word;
        Ok(())
    }

    /// Stops the device, takes every key out of it, and gives the bus back.
    ///
    /// # Errors
    /// As for any command.
    pub fn close(mut self) -> Result<B, Error> {
        self.disable()?;
        self.clear_tables()?;
        Ok(self.registers.into_bus())
    }

    /// Gives the bus back and leaves the device as it is.
    pub fn into_bus(self) -> B {
        self.registers.into_bus()
    }

    /// The bus, for what goes on beside the driver (a simulator's clock, for one).
    pub fn bus(&mut self) -> &mut B {
        self.registers.bus()
    }

    pub(crate) const fn registers(&mut self) -> &mut Registers<B> {
        &mut self.registers
    }

    /// Whether the event queue has told that a queue of the host interface has stopped, or may have.
    pub(crate) const fn has_queue_fault(&self) -> bool {
        self.queue_fault
    }

    /// Before the queues are looked at: what is told from here on is new.
    pub(crate) const fn forget_queue_fault(&mut self) {
        self.queue_fault = false;
    }

    /// `queued` frames were given to the host interface so far, and `completed` of them, the oldest, are out of it: numbers of outbound
    /// SAs that none of the others can carry may be used again.
    pub(crate) fn frames_at(&mut self, queued: u64, completed: u64) {
        self.sas.frames_at(queued, completed);
    }

    /// From here on, from counters at 0, somebody tells with [`Self::handed_out`] how many received frames were handed out.
    pub(crate) const fn count_received(&mut self) {
        self.has_rings = true;
    }

    /// `handed` received frames were handed out, modulo 2^64, since the device was opened: numbers of inbound SAs that none of the others can
    /// carry may be used again.
    pub(crate) fn handed_out(&mut self, handed: u64) {
        self.sas.handed_out(handed);
    }

    /// Reads all counters.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub fn counters(&mut self) -> Result<Counters, Error> {
        Counters::read(|event| Ok(self.registers.counter(event)?.wrapping_add(self.base.get(event))))
    }

    /// Sets all counters to 0. What [`crate::ops::XfrmdevOps::update_mib`] has not taken over by then is gone.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub fn clear_counters(&mut self) -> Result<(), Error> {
        if self.has_rings {
            // The registers go on: they tell which received frames are on their way.
            self.base = Counters::read(|event| self.registers.counter(event).map(u64::wrapping_neg))?;
        } else {
            self.zero_counters()?;
        }
        self.counted = Counters::default();
        Ok(())
    }

    fn zero_counters(&mut self) -> Result<(), Error> {
        self.registers.write(map::COUNTER_CLEAR, map::counter_clear::ALL.mask())
    }
}
