//! Bring-up: from a device in whatever state to one that is known, empty and at rest.

use std::collections::VecDeque;

use espalier_regs::mailbox::{self, Op};
use espalier_regs::notice::Notice;
use espalier_regs::{Capabilities, Register, cam, map};

use super::Device;
use crate::bus::Bus;
use crate::counters::Counters;
use crate::error::{Error, Version};
use crate::local::LocalTable;
use crate::policy::PolicyTable;
use crate::regs::Registers;
use crate::sa::SaTable;

/// Bytes in front of the IP packet: the Ethernet header, without tags.
pub const ETHERNET_HEADER: u16 = 14;

impl<B: Bus> Device<B> {
    /// Brings a device up: known, empty, at rest. Programming may start; [`Device::enable`] lets the traffic in.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Magic`], [`Error::Version`] or [`Error::Capability`] for a device that is not this driver's (nothing was
    /// written to it), and whatever the bus says.
    pub fn open(bus: B) -> Result<Self, Error> {
        let mut registers = Registers::new(bus);
        // 1. Is it one, and does it have the map that this driver was built with?
        recognise(&mut registers)?;
        // 2. What can it do?
        let capabilities = Capabilities::read(|register| registers.read(register))?;
        let cam = plausible(&capabilities)?;
        let mut device = Self {
            registers,
            name: "espalier0".to_owned(),
            mtu: longest_packet(&capabilities),
            control: 0,
            sas: SaTable::new(&capabilities),
            cam,
            policies: PolicyTable::new(&capabilities),
            local: LocalTable::new(capabilities.local_addresses),
            events: VecDeque::new(),
            failures: VecDeque::new(),
            queue_fault: false,
            has_rings: false,
            base: Counters::default(),
            counted: Counters::default(),
            capabilities,
        };
        device.settle()?;
        Ok(device)
    }

    /// Brings the device up again, after a reset or a failure: empty, and at rest. SAs, policies and local addresses are gone; no handle
    /// is used again. What was to be asked for with [`Device::next_event`] is gone with its SAs.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub fn reopen(&mut self) -> Result<(), Error> {
        self.registers.mend();
        recognise(&mut self.registers)?;
        let capabilities = Capabilities::read(|register| self.registers.read(register))?;
        self.cam = plausible(&capabilities)?;
        self.mtu = self.mtu.min(longest_packet(&capabilities));
        self.sas = self.sas.emptied(&capabilities);
        self.policies = self.policies.emptied(&capabilities);
        self.local = LocalTable::new(capabilities.local_addresses);
        self.events.clear();
        self.queue_fault = false;
        self.capabilities = capabilities;
        (self.base, self.counted) = Default::default();
        self.settle()
    }

    fn settle(&mut self) -> Result<(), Error> {
        // 3. Stop it, and let a command end that a user before us may have left.
        self.disable()?;
        self.registers.wait_idle()?;
        // 4. Empty the tables: the engine's SAs and policies are exactly those of this driver from here on.
        self.clear_tables()?;
        self.clear_events()?;
        self.zero_counters()
    }

    /// Clears every entry of every table: what points to SAs first.
    pub(super) fn clear_tables(&mut self) -> Result<(), Error> {
        let Capabilities { policies, rx_policies, tx_sas, rx_sas, cam_ways, local_addresses, .. } = self.capabilities;
        let mut clear = |op, count: u16| (0..count).try_for_each(|index| self.registers.clear_entry(op, index, 0));
        clear(Op::TxPolicyClear, policies)?;
        clear(Op::RxPolicyClear, rx_policies)?;
        for row in 0..self.capabilities.cam_rows() as u16 {
            for way in 0..cam_ways {
                self.registers.clear_entry(Op::CamClear, row, way)?;
            }
        }
        let mut clear = |op, count: u16| (0..count).try_for_each(|index| self.registers.clear_entry(op, index, 0));
        clear(Op::TxSaClear, tx_sas)?;
        clear(Op::RxSaClear, rx_sas)?;
        clear(Op::LocalClear, local_addresses.into())
    }

    /// Empties the event queue: what it tells is about SAs of a user before us.
    fn clear_events(&mut self) -> Result<(), Error> {
        for _ in 0..self.capabilities.events {
            if Notice::decode(self.registers.read(map::EVENT)?).is_none() {
                break;
            }
            self.registers.write(map::EVENT_POP, map::event_pop::POP.mask())?;
        }
        if self.capabilities.events > 0 {
            self.registers.write(map::EVENT_LOST, map::event_lost::LOST.mask())?;
        }
        Ok(())
    }
}

/// Refuses a device that is not this driver's. Nothing is written to it.
pub fn recognise<B: Bus>(registers: &mut Registers<B>) -> Result<(), Error> {
    let found = registers.read(map::MAGIC)?;
    if found != map::MAGIC.reset {
        return Err(Error::Magic { found, expected: map::MAGIC.reset });
    }
    let version = registers.read(map::VERSION)?;
    if version != map::VERSION.reset {
        return Err(Error::Version { device: Version::decode(version), driver: Version::decode(map::VERSION.reset) });
    }
    Ok(())
}

/// The longest IP packet that the device's longest frame holds.
pub fn longest_packet(capabilities: &Capabilities) -> u16 {
    capabilities.max_frame_bytes.saturating_sub(ETHERNET_HEADER)
}

/// Refuses capabilities that this driver can't serve; else gives the CAM's plan, empty.
fn plausible(capabilities: &Capabilities) -> Result<cam::Placement, Error> {
    let implausible = |register: Register| Error::Capability { register: register.name, word: capabilities.word(register).unwrap_or(0) };
    // SAs are numbered in the fields SA of the policy and of the CAM.
    let numbers = mailbox::policy::SA.max().min(mailbox::cam::SA.max()) + 1;
    if u128::from(capabilities.tx_sas.max(capabilities.rx_sas)) > numbers {
        return Err(implausible(map::CAP_SAS));
    }
    // Inbound policies are the bits of ACCEPT.
    if capabilities.rx_policies > mailbox::accept::POLICIES.width {
        return Err(implausible(map::CAP_POLICIES));
    }
    if usize::from(capabilities.cam_ways) != cam::WAYS {
        return Err(implausible(map::CAP_CAM));
    }
    cam::Placement::new(capabilities.cam_row_bits.into()).map_err(|_| implausible(map::CAP_CAM))
}
