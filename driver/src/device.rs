//! A device, from bring-up to shut-down.

use espalier_regs::mailbox::{self, Op};
use espalier_regs::{Capabilities, Register, cam, map};

use crate::bus::Bus;
use crate::counters::Counters;
use crate::error::{Error, Version};
use crate::policy::{self, Policy, PolicyHandle, PolicyParams, PolicyTable, Step, Update};
use crate::regs::Registers;
use crate::sa::{self, Sa, SaHandle, SaParams, SaTable, lookup};
use crate::xfrm::{Direction, SaId};

/// One Espalier engine, whose tables this driver alone writes.
#[derive(Debug)]
pub struct Device<B> {
    registers: Registers<B>,
    capabilities: Capabilities,
    sas: SaTable,
    cam: cam::Placement,
    policies: PolicyTable,
}

impl<B: Bus> Device<B> {
    /// Brings a device up: known, empty, at rest. Programming may start; [`Device::enable`] lets the traffic in.
    ///
    /// # Errors
    /// [`Error::Magic`], [`Error::Version`] or [`Error::Capability`] for a device that is not this driver's (nothing was
    /// written to it), and whatever the bus says.
    pub fn open(bus: B) -> Result<Self, Error> {
        let mut registers = Registers::new(bus);
        // 1. Is it one, and does it have the map that this driver was built with?
        let found = registers.read(map::MAGIC)?;
        if found != map::MAGIC.reset {
            return Err(Error::Magic { found, expected: map::MAGIC.reset });
        }
        let version = registers.read(map::VERSION)?;
        if version != map::VERSION.reset {
            return Err(Error::Version { device: Version::decode(version), driver: Version::decode(map::VERSION.reset) });
        }
        // 2. What can it do?
        let capabilities = Capabilities::read(|register| registers.read(register))?;
        let cam = plausible(&capabilities)?;
        let mut device =
            Self { registers, sas: SaTable::new(&capabilities), cam, policies: PolicyTable::new(capabilities.policies), capabilities };
        // 3. Stop it, and let a command end that a user before us may have left.
        device.disable()?;
        device.registers.wait_idle()?;
        // 4. Empty the tables: the engine's SAs and policies are exactly those of this driver from here on.
        device.clear_tables()?;
        device.clear_counters()?;
        Ok(device)
    }

    /// What the device can do.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Lets the traffic in, both ways.
    ///
    /// # Errors
    /// [`Error::Bus`]; [`Error::Broken`] after a failure.
    pub fn enable(&mut self) -> Result<(), Error> {
        self.registers.usable()?;
        let word = map::control::TX_ENABLE.mask() | map::control::RX_ENABLE.mask();
        self.registers.write(map::CONTROL, word)
    }

    /// Holds back the host's frames and the wire's.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub fn disable(&mut self) -> Result<(), Error> {
        self.registers.write(map::CONTROL, 0)
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

    /// Installs an SA. It is in force when this returns; policies whose template it fits use it from then on.
    ///
    /// # Errors
    /// [`Error::Sa`] or [`Error::Policy`] (the policies need more entries than there are): nothing was written.
    /// [`Error::Bus`], [`Error::Timeout`] or [`Error::Command`]: the device must be opened again.
    pub fn add_sa(&mut self, params: &SaParams) -> Result<SaHandle, Error> {
        self.registers.usable()?;
        sa::check(params, &self.capabilities)?;
        let sa = self.sas.admit(params)?;
        let handle = sa.handle;
        match sa.direction {
            Direction::Out => {
                // The SA first, then the policies that point to it.
                let update = self.policies.sa_added(&sa)?;
                self.registers.write_entry(Op::TxSaWrite, sa.index, 0, &sa::tx_words(params))?;
                self.apply(update)?;
            }
            Direction::In => {
                // The SA first, then the entry by which packets find it.
                let entry = cam::Entry { key: lookup::key(&sa), sa: sa.index };
                let installed = self.cam.len();
                let writes = self.cam.insert(entry).map_err(|error| lookup::refusal(error, installed))?;
                self.registers.write_entry(Op::RxSaWrite, sa.index, 0, &sa::rx_words(params))?;
                for write in writes {
                    lookup::carry_out(&mut self.registers, &write)?;
                }
            }
        }
        self.sas.insert(sa);
        Ok(handle)
    }

    /// Removes an SA and its key. Policies that used it use the next newest that fits, or have none.
    ///
    /// # Errors
    /// [`Error::NoSuchSa`]; otherwise the device must be opened again.
    pub fn delete_sa(&mut self, handle: SaHandle) -> Result<(), Error> {
        self.registers.usable()?;
        let sa = self.sas.get(handle).ok_or(Error::NoSuchSa)?;
        let (index, direction) = (sa.index, sa.direction);
        // What points to it goes first.
        match direction {
            Direction::Out => {
                let update = self.policies.sa_removed(handle)?;
                self.apply(update)?;
                self.registers.clear_entry(Op::TxSaClear, index, 0)?;
            }
            Direction::In => {
                let write = self.cam.remove(&lookup::key(sa)).map_err(|_| Error::NoSuchSa)?;
                lookup::carry_out(&mut self.registers, &write)?;
                self.registers.clear_entry(Op::RxSaClear, index, 0)?;
            }
        }
        self.sas.remove(handle);
        Ok(())
    }

    /// An installed SA.
    #[must_use]
    pub fn sa(&self, handle: SaHandle) -> Option<&Sa> {
        self.sas.get(handle)
    }

    /// The SA with this destination, SPI and protocol.
    #[must_use]
    pub fn find_sa(&self, id: &SaId) -> Option<&Sa> {
        self.sas.find(id)
    }

    /// All installed SAs, the oldest first.
    pub fn sas(&self) -> impl Iterator<Item = &Sa> {
        self.sas.iter()
    }

    /// The last sequence number an SA has used (out: XFRM's `oseq`), or the highest it has accepted (in: `seq`).
    ///
    /// # Errors
    /// [`Error::NoSuchSa`]; otherwise as for any command.
    pub fn sequence(&mut self, handle: SaHandle) -> Result<u64, Error> {
        let sa = self.sas.get(handle).ok_or(Error::NoSuchSa)?;
        let op = match sa.direction {
            Direction::Out => Op::ReadTxSa,
            Direction::In => Op::ReadRxSa,
        };
        self.registers.query(op, sa.index)
    }

    /// Installs a policy. If an SA fits its template, the policy uses it at once.
    ///
    /// # Errors
    /// [`Error::Policy`]: nothing was written. Otherwise the device must be opened again.
    pub fn add_policy(&mut self, params: &PolicyParams) -> Result<PolicyHandle, Error> {
        self.registers.usable()?;
        policy::check(params, &self.capabilities)?;
        let (handle, update) = self.policies.add(params, self.sas.iter())?;
        self.apply(update)?;
        Ok(handle)
    }

    /// Removes a policy.
    ///
    /// # Errors
    /// [`Error::NoSuchPolicy`]; otherwise the device must be opened again.
    pub fn delete_policy(&mut self, handle: PolicyHandle) -> Result<(), Error> {
        self.registers.usable()?;
        let policy = self.policies.get(handle).ok_or(Error::NoSuchPolicy)?;
        let update = self.policies.remove(policy);
        self.apply(update)
    }

    /// An installed policy.
    #[must_use]
    pub fn policy(&self, handle: PolicyHandle) -> Option<&Policy> {
        self.policies.get(handle)
    }

    /// All installed policies, the oldest first.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter()
    }

    /// Reads all counters.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub fn counters(&mut self) -> Result<Counters, Error> {
        Counters::read(|event| self.registers.counter(event))
    }

    /// Sets all counters to 0.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub fn clear_counters(&mut self) -> Result<(), Error> {
        self.registers.write(map::COUNTER_CLEAR, map::counter_clear::ALL.mask())
    }

    /// Carries a planned change of the policy table out.
    fn apply(&mut self, update: Update) -> Result<(), Error> {
        for step in update.steps() {
            match step {
                Step::Write(slot, entry) => self.registers.write_entry(Op::TxPolicyWrite, *slot, 0, &entry.words())?,
                Step::Clear(slot) => self.registers.clear_entry(Op::TxPolicyClear, *slot, 0)?,
            }
        }
        self.policies.commit(update);
        Ok(())
    }

    /// Clears every entry of every table: what points to SAs first.
    fn clear_tables(&mut self) -> Result<(), Error> {
        let Capabilities { policies, tx_sas, rx_sas, cam_ways, .. } = self.capabilities;
        for slot in 0..policies {
            self.registers.clear_entry(Op::TxPolicyClear, slot, 0)?;
        }
        for row in 0..self.capabilities.cam_rows() as u16 {
            for way in 0..cam_ways {
                self.registers.clear_entry(Op::CamClear, row, way)?;
            }
        }
        for index in 0..tx_sas {
            self.registers.clear_entry(Op::TxSaClear, index, 0)?;
        }
        for index in 0..rx_sas {
            self.registers.clear_entry(Op::RxSaClear, index, 0)?;
        }
        Ok(())
    }
}

/// Refuses capabilities that this driver can't serve; else gives the CAM's plan, empty.
fn plausible(capabilities: &Capabilities) -> Result<cam::Placement, Error> {
    let implausible = |register: Register| Error::Capability { register: register.name, word: capabilities.word(register).unwrap_or(0) };
    // SAs are numbered in the fields SA of the policy and of the CAM.
    let numbers = mailbox::policy::SA.max().min(mailbox::cam::SA.max()) + 1;
    if u128::from(capabilities.tx_sas.max(capabilities.rx_sas)) > numbers {
        return Err(implausible(map::CAP_SAS));
    }
    if usize::from(capabilities.cam_ways) != cam::WAYS {
        return Err(implausible(map::CAP_CAM));
    }
    cam::Placement::new(capabilities.cam_row_bits.into()).map_err(|_| implausible(map::CAP_CAM))
}
