//! Policies and local addresses of a device.

use std::collections::BTreeSet;
use std::net::IpAddr;

use espalier_regs::mailbox::{Op, accept};
use espalier_regs::map::control;

use super::Device;
use crate::bus::Bus;
use crate::error::Error;
use crate::local::{self, LocalError};
use crate::policy::{self, Policy, PolicyError, PolicyHandle, PolicyParams, Step, Table, Update};
use crate::regs::Words;
use crate::xfrm::PolicyDirection;

impl<B: Bus> Device<B> {
    /// Installs a policy. If an SA fits its template, the policy uses it at once.
    ///
    /// # Errors
    /// [`Error::Policy`]: nothing was written. Otherwise the device must be opened again.
    pub fn add_policy(&mut self, params: &PolicyParams) -> Result<PolicyHandle, Error> {
        self.install_policy(params, None, false)
    }

    /// Replaces a policy by another of the same direction and selector; every packet meets the one or the other. The new one
    /// counts as the youngest of its priority, as in xfrm_policy_insert, and for a moment both have their entries.
    ///
    /// # Errors
    /// [`Error::NoSuchPolicy`]; [`Error::Policy`], also where direction or selector are others: nothing was written.
    /// Otherwise the device must be opened again.
    pub fn update_policy(&mut self, handle: PolicyHandle, params: &PolicyParams) -> Result<PolicyHandle, Error> {
        let old = &self.policies.get(handle).ok_or(Error::NoSuchPolicy)?.params;
        if old.direction != params.direction || old.selector != params.selector {
            return Err(PolicyError::Replacement.into());
        }
        self.install_policy(params, Some(handle), false)
    }

    /// `twin`: there may be another with its direction and selector, which goes later (xfrm_policy_insert calls the device for
    /// the new one before the old one is deleted).
    pub(super) fn install_policy(
        &mut self,
        params: &PolicyParams,
        replaces: Option<PolicyHandle>,
        twin: bool,
    ) -> Result<PolicyHandle, Error> {
        self.registers.usable()?;
        policy::check(params, &self.capabilities, !self.local.is_empty())?;
        if !twin && self.policies.exists(params, replaces) {
            return Err(PolicyError::Exists.into());
        }
        let replaced = replaces.and_then(|handle| self.policies.get(handle));
        let (handle, update) = self.policies.add(params, replaced, self.sas.iter())?;
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

    /// Carries a planned change of the policy tables out.
    pub(super) fn apply(&mut self, update: Update) -> Result<(), Error> {
        for step in update.steps() {
            match *step {
                Step::Write(Table::Out, slot, entry) => self.registers.write_entry(Op::TxPolicyWrite, slot, 0, &entry.words())?,
                Step::Write(Table::In, slot, entry) => self.registers.write_entry(Op::RxPolicyWrite, slot, 0, &entry.words())?,
                Step::Clear(Table::Out, slot) => self.registers.clear_entry(Op::TxPolicyClear, slot, 0)?,
                Step::Clear(Table::In, slot) => self.registers.clear_entry(Op::RxPolicyClear, slot, 0)?,
                Step::Accept(index, map) => {
                    let mut words = Words::new();
                    words.put(accept::POLICIES, map);
                    self.registers.write_entry(Op::RxAcceptWrite, index, 0, &words)?;
                }
            }
        }
        self.policies.commit(update);
        Ok(())
    }

    /// Tells the device which addresses are this host's: packets for them meet `in` policies, others `fwd` policies. Without
    /// any, every packet counts as this host's. Multicast and broadcast always do.
    ///
    /// Received frames are held back while the table is incomplete; frames that are inside the engine then may meet either.
    ///
    /// # Errors
    /// [`Error::Local`]: nothing was written; otherwise the device must be opened again.
    pub fn set_local_addresses(&mut self, addresses: &[IpAddr]) -> Result<(), Error> {
        self.registers.usable()?;
        let forwards = self.policies.iter().any(|policy| policy.params.direction == PolicyDirection::Fwd);
        if addresses.is_empty() && forwards {
            return Err(LocalError::Forward.into());
        }
        let wanted: BTreeSet<IpAddr> = addresses.iter().copied().collect();
        let (after, changes) = self.local.plan(&wanted)?;
        if changes.is_empty() {
            return Ok(());
        }
        let before = self.control;
        if control::RX_ENABLE.is_set(before) {
            self.write_control(control::RX_ENABLE.set(before, 0))?;
        }
        for (place, address) in changes {
            match address {
                Some(address) => self.registers.write_entry(Op::LocalWrite, place, 0, &local::words(address))?,
                None => self.registers.clear_entry(Op::LocalClear, place, 0)?,
            }
        }
        self.local = after;
        if control::RX_ENABLE.is_set(before) {
            self.write_control(before)?;
        }
        Ok(())
    }

    /// The addresses that were set.
    pub fn local_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.local.iter()
    }
}
