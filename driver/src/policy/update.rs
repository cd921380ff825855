//! A planned change of the policy tables: a list of steps, and the state that follows from them.
//!
//! The order of the steps keeps this at every one of them: a packet meets what was in force before the change or what is
//! after it, never a third thing. In particular no inbound packet passes by a policy that its SA does not satisfy: the bit of
//! an SA's map is set before the policy's entry is there, and cleared after the entry is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::bind::Entry;
use super::entries::Policy;
use super::{PolicyError, PolicyHandle, Table};
use crate::sa::{Sa, SaHandle};

/// One command to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write an entry at a slot.
    Write(Table, u16, Entry),
    /// Clear a slot.
    Clear(Table, u16),
    /// Write the map of the inbound SA at this index: bit i, its packets satisfy inbound policy i.
    Accept(u16, u64),
}

/// Free slots of both tables.
#[derive(Clone, Debug)]
pub struct Places {
    free: [BTreeSet<u16>; 2],
    capacity: [u16; 2],
}

impl Places {
    /// All free.
    pub fn new(outbound: u16, inbound: u16) -> Self {
        Self { free: [outbound, inbound].map(|capacity| (0..capacity).collect()), capacity: [outbound, inbound] }
    }

    /// How many there are.
    pub const fn capacity(&self, table: Table) -> u16 {
        self.capacity[table as usize]
    }

    /// Why there is no more.
    pub fn full(&self, table: Table) -> PolicyError {
        PolicyError::TableFull { direction: table, capacity: self.capacity(table).into() }
    }

    fn take(&mut self, table: Table) -> Result<u16, PolicyError> {
        self.free[table as usize].pop_first().ok_or_else(|| self.full(table))
    }

    fn give(&mut self, table: Table, slot: u16) {
        self.free[table as usize].insert(slot);
    }
}

/// The maps of the inbound SAs, with their place in the device.
pub type Maps = BTreeMap<SaHandle, (u16, u64)>;

/// A planned change.
#[derive(Debug)]
pub struct Update {
    steps: Vec<Step>,
    pub(super) places: Places,
    pub(super) maps: Maps,
    pub(super) changed: Vec<Policy>,
    pub(super) removed: Vec<PolicyHandle>,
}

impl Update {
    pub(super) const fn new(places: Places, maps: Maps) -> Self {
        Self { steps: Vec::new(), places, maps, changed: Vec::new(), removed: Vec::new() }
    }

    /// What the device is to do, in this order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Brings the entries of a policy to what it asks for now.
    pub(super) fn change(&mut self, mut policy: Policy) -> Result<(), PolicyError> {
        let entries = policy.entries();
        self.install(&mut policy, entries)?;
        self.changed.push(policy);
        Ok(())
    }

    /// Brings the entries of a policy to `entries`: writes in that order, then clears what is left over. An entry for
    /// the same packets is overwritten where it is, which the engine does at one clock.
    pub(super) fn install(&mut self, policy: &mut Policy, entries: Vec<Entry>) -> Result<(), PolicyError> {
        let table = policy.table();
        let mut old = std::mem::take(&mut policy.installed);
        for entry in entries {
            let same = old.iter().position(|(_, installed)| installed.pattern == entry.pattern);
            let (slot, current) = match same.map(|position| old.swap_remove(position)) {
                Some((slot, installed)) => (slot, Some(installed)),
                None => (self.places.take(table)?, None),
            };
            if table == Table::In && current.is_none() {
                self.accept(&policy.admitted, slot, true);
            }
            if current != Some(entry) {
                self.steps.push(Step::Write(table, slot, entry));
            }
            policy.installed.push((slot, entry));
        }
        old.sort_unstable_by_key(|(slot, _)| *slot);
        for (slot, _) in old {
            self.clear(table, slot);
        }
        Ok(())
    }

    /// The end of a policy: the last entry first, so that no packet falls from an SA's entry to it.
    pub(super) fn remove(&mut self, policy: &Policy) {
        for (slot, _) in policy.installed.iter().rev() {
            self.clear(policy.table(), *slot);
            if policy.table() == Table::In {
                self.accept(&policy.admitted, *slot, false);
            }
        }
        self.removed.push(policy.handle);
    }

    /// The map of a new inbound SA. It is written even if it is empty: the number's last holder has left its own.
    pub(super) fn introduce(&mut self, sa: &Sa, slots: &[u16]) {
        let map = slots.iter().fold(0, |map, slot| map | 1 << slot);
        self.maps.insert(sa.handle, (sa.index, map));
        if self.places.capacity(Table::In) > 0 {
            self.steps.push(Step::Accept(sa.index, map));
        }
    }

    fn clear(&mut self, table: Table, slot: u16) {
        self.steps.push(Step::Clear(table, slot));
        self.places.give(table, slot);
    }

    fn accept(&mut self, sas: &BTreeSet<SaHandle>, slot: u16, accepted: bool) {
        for handle in sas {
            let Some((index, map)) = self.maps.get_mut(handle) else { continue };
            *map = if accepted { *map | 1 << slot } else { *map & !(1 << slot) };
            self.steps.push(Step::Accept(*index, *map));
        }
    }
}
