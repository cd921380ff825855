//! Which policies are installed, and where.
//!
//! Every change is planned first (see [`Update`]); the device carries the steps out; then the state is taken over. A plan that
//! can't be made changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use espalier_regs::Capabilities;

use super::bind;
use super::entries::Policy;
use super::update::{Maps, Places, Update};
use super::{PolicyError, PolicyHandle, PolicyParams, Table};
use crate::sa::{Sa, SaHandle};
use crate::xfrm::Direction;

/// The driver's account of the policies in the device.
#[derive(Debug)]
pub struct PolicyTable {
    policies: BTreeMap<PolicyHandle, Policy>,
    places: Places,
    maps: Maps,
    next: NonZeroU64,
}

impl PolicyTable {
    /// Empty, of the device's size.
    pub fn new(capabilities: &Capabilities) -> Self {
        let places = Places::new(capabilities.policies, capabilities.rx_policies);
        Self { policies: BTreeMap::new(), places, maps: Maps::new(), next: NonZeroU64::MIN }
    }

    /// Without policies, as after a reset of the device. Handles go on.
    pub fn emptied(&self, capabilities: &Capabilities) -> Self {
        Self { next: self.next, ..Self::new(capabilities) }
    }

    /// An installed policy.
    pub fn get(&self, handle: PolicyHandle) -> Option<&Policy> {
        self.policies.get(&handle)
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values()
    }

    /// Whether another policy has the same direction and selector: XFRM knows a policy by them (type, mark and interface are
    /// all the default's).
    pub fn exists(&self, params: &PolicyParams, but: Option<PolicyHandle>) -> bool {
        let same = |policy: &&Policy| policy.params.direction == params.direction && policy.params.selector == params.selector;
        self.policies.values().filter(same).any(|policy| Some(policy.handle) != but)
    }

    /// Plans a new policy, and the end of one that it replaces, if any: at every step a packet meets the one or the other.
    pub fn add<'a>(
        &self,
        params: &PolicyParams,
        replaces: Option<&Policy>,
        sas: impl Iterator<Item = &'a Sa>,
    ) -> Result<(PolicyHandle, Update), PolicyError> {
        let mut update = self.update();
        let handle = PolicyHandle(self.next);
        let rank = self.rank(params, &mut update)?;
        let mut policy = Policy::new(handle, params.clone(), rank);
        match Table::of(params.direction) {
            Table::Out => {
                for sa in sas {
                    if let Some(pattern) = bind::candidate(&policy.params, sa) {
                        policy.add_candidate(sa, pattern)?;
                    }
                }
            }
            Table::In => policy.admitted = sas.filter(|sa| bind::accepts(params, sa)).map(|sa| sa.handle).collect(),
        }
        update.change(policy)?;
        if let Some(replaced) = replaces {
            // Moved together with its priority's others it stands in the update already, with other orders.
            let replaced = update.changed.iter().find(|policy| policy.handle == replaced.handle).unwrap_or(replaced).clone();
            update.remove(&replaced);
        }
        self.check_capacity(&update)?;
        Ok((handle, update))
    }

    /// Plans the end of a policy.
    pub fn remove(&self, policy: &Policy) -> Update {
        let mut update = self.update();
        update.remove(policy);
        update
    }

    /// Plans what a new SA means to the policies. An inbound one gets its map.
    pub fn sa_added(&self, sa: &Sa) -> Result<Update, PolicyError> {
        let mut update = self.update();
        match sa.direction {
            Direction::Out => self.outbound_added(sa, &mut update)?,
            Direction::In => {
                let mut accepted = Vec::new();
                for policy in self.policies.values().filter(|policy| policy.table() == Table::In && bind::accepts(&policy.params, sa)) {
                    let mut policy = policy.clone();
                    policy.admitted.insert(sa.handle);
                    accepted.extend(policy.slots());
                    update.changed.push(policy);
                }
                update.introduce(sa, &accepted);
            }
        }
        self.check_capacity(&update)?;
        Ok(update)
    }

    fn outbound_added(&self, sa: &Sa, update: &mut Update) -> Result<(), PolicyError> {
        for policy in self.policies.values().filter(|policy| policy.table() == Table::Out) {
            let Some(pattern) = bind::candidate(&policy.params, sa) else { continue };
            let mut policy = policy.clone();
            if policy.add_candidate(sa, pattern)? {
                // Places moved up: the highest entry first, so that none meets another on its way.
                let mut without = policy.clone();
                without.candidates.remove(&sa.handle);
                let mut entries = without.entries();
                entries.reverse();
                update.install(&mut policy, entries)?;
            }
            update.change(policy)?;
        }
        Ok(())
    }

    /// Plans what the end of an SA means to the policies. An inbound SA that is no more is found by no packet, so its map may
    /// stay as it is in the device until another SA gets the number, and a map of its own with it.
    pub fn sa_removed(&self, handle: SaHandle) -> Result<Update, PolicyError> {
        let mut update = self.update();
        update.maps.remove(&handle);
        for policy in self.policies.values() {
            let mut policy = policy.clone();
            if policy.admitted.remove(&handle) {
                update.changed.push(policy);
            } else if policy.candidates.remove(&handle).is_some() {
                // There is room: `check_capacity` kept it.
                update.change(policy)?;
            }
        }
        Ok(update)
    }

    /// Takes over what was planned and carried out.
    pub fn commit(&mut self, update: Update) {
        self.places = update.places;
        self.maps = update.maps;
        for policy in update.changed {
            if policy.handle.0 == self.next {
                self.next = self.next.saturating_add(1);
            }
            self.policies.insert(policy.handle, policy);
        }
        for handle in update.removed {
            self.policies.remove(&handle);
        }
    }

    fn update(&self) -> Update {
        Update::new(self.places.clone(), self.maps.clone())
    }

    /// The next place among the policies of a priority in one table. When the numbers are used up, those in use move together,
    /// the oldest first, so that their order stays at every step.
    fn rank(&self, params: &PolicyParams, update: &mut Update) -> Result<u8, PolicyError> {
        let (table, priority) = (Table::of(params.direction), params.priority);
        let same = |policy: &&Policy| policy.table() == table && policy.params.priority == priority;
        let mut group: Vec<&Policy> = self.policies.values().filter(same).collect();
        group.sort_unstable_by_key(|policy| policy.rank);
        let Some(last) = group.last() else { return Ok(0) };
        if let Some(rank) = last.rank.checked_add(1) {
            return Ok(rank);
        }
        let mut ranks = 0..=u8::MAX;
        for policy in group {
            let mut policy = policy.clone();
            policy.rank = ranks.next().ok_or(PolicyError::PriorityFull(priority))?;
            update.change(policy)?;
        }
        ranks.next().ok_or(PolicyError::PriorityFull(priority))
    }

    /// All slots that may be needed while SAs go must be there now: deleting an SA never fails for want of room.
    fn check_capacity(&self, update: &Update) -> Result<(), PolicyError> {
        let replaced: BTreeSet<_> = update.changed.iter().map(|policy| policy.handle).chain(update.removed.iter().copied()).collect();
        let unchanged = self.policies.values().filter(|policy| !replaced.contains(&policy.handle));
        let changed = update.changed.iter().filter(|policy| !update.removed.contains(&policy.handle));
        let outbound = unchanged.chain(changed).filter(|policy| policy.table() == Table::Out);
        let reserved: usize = outbound.map(Policy::reserved).sum();
        if reserved > update.places.capacity(Table::Out).into() {
            return Err(update.places.full(Table::Out));
        }
        Ok(())
    }
}
