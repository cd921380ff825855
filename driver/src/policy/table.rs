//! Which policies are installed, and where.
//!
//! Every change is planned first, as a list of [`Step`]s and the state that follows from them; the device carries the
//! steps out; then the state is taken over. A plan that can't be made changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use super::bind::{self, Consequence, Entry};
use super::{PolicyError, PolicyHandle, PolicyParams};
use crate::sa::{Sa, SaHandle};
use crate::selector::Pattern;

/// Place among a policy's entries of the one for packets without an SA: behind all others.
const LAST: u8 = u8::MAX;

/// An SA that fits a policy's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    pattern: Pattern,
    index: u16,
    /// Its place among the policy's entries: newer SAs have lower ones. It stays the same while SAs come and go, so
    /// that at no time two entries that overlap have the same order.
    place: u8,
}

/// An installed policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its handle.
    pub handle: PolicyHandle,
    /// What it was asked for with.
    pub params: PolicyParams,
    /// Place among the policies of the same priority, in order of insertion.
    rank: u8,
    candidates: BTreeMap<SaHandle, Candidate>,
    /// Entries in the device, by slot.
    installed: Vec<(u16, Entry)>,
}

impl Policy {
    /// The SAs that fit its template, the oldest first. Among those for the same packets the newest is in use.
    pub fn sas(&self) -> impl Iterator<Item = SaHandle> {
        self.candidates.keys().copied()
    }

    /// Its entries in the device's table.
    #[must_use]
    pub fn slots(&self) -> Vec<u16> {
        self.installed.iter().map(|(slot, _)| *slot).collect()
    }

    /// Slots it may need while SAs go: one for each set of packets, and one for those without an SA.
    fn reserved(&self) -> usize {
        let mut patterns = vec![Pattern::from(&self.params.selector)];
        for candidate in self.candidates.values() {
            if !patterns.contains(&candidate.pattern) {
                patterns.push(candidate.pattern);
            }
        }
        patterns.len()
    }

    fn order(&self, place: u8) -> u64 {
        u64::from(self.params.priority) << 16 | u64::from(self.rank) << 8 | u64::from(place)
    }

    /// The entries that stand for it, in ascending order.
    fn entries(&self) -> Vec<Entry> {
        let all = Pattern::from(&self.params.selector);
        let mut entries: Vec<Entry> = Vec::new();
        for candidate in self.candidates.values().rev() {
            if entries.iter().any(|entry| entry.pattern == candidate.pattern) {
                continue;
            }
            let order = self.order(candidate.place);
            let consequence = Consequence::Protect(Some(candidate.index));
            entries.push(Entry { pattern: candidate.pattern, order, consequence });
            if candidate.pattern == all {
                return entries;
            }
        }
        let consequence = bind::fallback(&self.params);
        entries.push(Entry { pattern: all, order: self.order(LAST), consequence });
        entries
    }

    /// Takes up an SA as the newest. True if the places of the others had to move.
    fn add_candidate(&mut self, sa: &Sa, pattern: Pattern) -> Result<bool, PolicyError> {
        let lowest = self.candidates.values().map(|candidate| candidate.place).min().unwrap_or(LAST);
        let renumber = lowest == 0;
        if renumber {
            let mut place = LAST;
            for candidate in self.candidates.values_mut() {
                place -= 1;
                candidate.place = place;
            }
        }
        let lowest = self.candidates.values().map(|candidate| candidate.place).min().unwrap_or(LAST);
        let place = lowest.checked_sub(1).ok_or(PolicyError::TooManySas)?;
        self.candidates.insert(sa.handle, Candidate { pattern, index: sa.index, place });
        Ok(renumber)
    }
}

/// One command to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write an entry at a slot.
    Write(u16, Entry),
    /// Clear a slot.
    Clear(u16),
}

/// A planned change.
#[derive(Debug)]
pub struct Update {
    steps: Vec<Step>,
    free: BTreeSet<u16>,
    changed: Vec<Policy>,
    removed: Option<PolicyHandle>,
    capacity: u16,
}

impl Update {
    /// What the device is to do, in this order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Brings the entries of a policy to what it asks for now.
    fn change(&mut self, mut policy: Policy) -> Result<(), PolicyError> {
        let entries = policy.entries();
        self.install(&mut policy, entries)?;
        self.changed.push(policy);
        Ok(())
    }

    /// Brings the entries of a policy to `entries`: writes in that order, then clears what is left over. An entry for
    /// the same packets is overwritten where it is, which the engine does at one clock.
    fn install(&mut self, policy: &mut Policy, entries: Vec<Entry>) -> Result<(), PolicyError> {
        let full = PolicyError::TableFull { capacity: self.capacity.into() };
        let mut old = std::mem::take(&mut policy.installed);
        for entry in entries {
            let same = old.iter().position(|(_, installed)| installed.pattern == entry.pattern);
            let (slot, current) = match same.map(|position| old.swap_remove(position)) {
                Some((slot, installed)) => (slot, Some(installed)),
                None => (self.free.pop_first().ok_or_else(|| full.clone())?, None),
            };
            if current != Some(entry) {
                self.steps.push(Step::Write(slot, entry));
            }
            policy.installed.push((slot, entry));
        }
        old.sort_unstable_by_key(|(slot, _)| *slot);
        for (slot, _) in old {
            self.steps.push(Step::Clear(slot));
            self.free.insert(slot);
        }
        Ok(())
    }
}

/// The driver's account of the policies in the device.
#[derive(Debug)]
pub struct PolicyTable {
    policies: BTreeMap<PolicyHandle, Policy>,
    free: BTreeSet<u16>,
    capacity: u16,
    next: NonZeroU64,
}

impl PolicyTable {
    /// Empty, of the device's size.
    pub fn new(capacity: u16) -> Self {
        Self { policies: BTreeMap::new(), free: (0..capacity).collect(), capacity, next: NonZeroU64::MIN }
    }

    /// An installed policy.
    pub fn get(&self, handle: PolicyHandle) -> Option<&Policy> {
        self.policies.get(&handle)
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values()
    }

    /// Plans a new policy.
    pub fn add<'a>(&self, params: &PolicyParams, sas: impl Iterator<Item = &'a Sa>) -> Result<(PolicyHandle, Update), PolicyError> {
        // As xfrm_policy_insert: the selector identifies a policy (type, mark and interface are all the default's).
        if self.policies.values().any(|policy| policy.params.selector == params.selector) {
            return Err(PolicyError::Exists);
        }
        let mut update = self.update();
        let handle = PolicyHandle(self.next);
        let rank = self.rank(params.priority, &mut update)?;
        let (params, candidates, installed) = (params.clone(), BTreeMap::new(), Vec::new());
        let mut policy = Policy { handle, params, rank, candidates, installed };
        for sa in sas {
            if let Some(pattern) = bind::candidate(&policy.params, sa) {
                policy.add_candidate(sa, pattern)?;
            }
        }
        update.change(policy)?;
        self.check_capacity(&update)?;
        Ok((handle, update))
    }

    /// Plans the end of a policy: the last entry first, so that no packet falls from an SA's entry to it.
    pub fn remove(&self, policy: &Policy) -> Update {
        let mut update = self.update();
        for (slot, _) in policy.installed.iter().rev() {
            update.steps.push(Step::Clear(*slot));
            update.free.insert(*slot);
        }
        update.removed = Some(policy.handle);
        update
    }

    /// Plans what a new SA means to the policies.
    pub fn sa_added(&self, sa: &Sa) -> Result<Update, PolicyError> {
        let mut update = self.update();
        for policy in self.policies.values() {
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
        self.check_capacity(&update)?;
        Ok(update)
    }

    /// Plans what the end of an SA means to the policies.
    pub fn sa_removed(&self, handle: SaHandle) -> Result<Update, PolicyError> {
        let mut update = self.update();
        for policy in self.policies.values().filter(|policy| policy.candidates.contains_key(&handle)) {
            let mut policy = policy.clone();
            policy.candidates.remove(&handle);
            // There is room: `check_capacity` kept it.
            update.change(policy)?;
        }
        Ok(update)
    }

    /// Takes over what was planned and carried out.
    pub fn commit(&mut self, update: Update) {
        self.free = update.free;
        if let Some(handle) = update.removed {
            self.policies.remove(&handle);
        }
        for policy in update.changed {
            if policy.handle.0 == self.next {
                self.next = self.next.saturating_add(1);
            }
            self.policies.insert(policy.handle, policy);
        }
    }

    fn update(&self) -> Update {
        Update { steps: Vec::new(), free: self.free.clone(), changed: Vec::new(), removed: None, capacity: self.capacity }
    }

    /// The next place among the policies of a priority. When the numbers are used up, those in use move together,
    /// the oldest first, so that their order stays at every step.
    fn rank(&self, priority: u32, update: &mut Update) -> Result<u8, PolicyError> {
        let mut group: Vec<&Policy> = self.policies.values().filter(|policy| policy.params.priority == priority).collect();
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
        let changed = |policy: &&Policy| !update.changed.iter().any(|changed| changed.handle == policy.handle);
        let unchanged: usize = self.policies.values().filter(changed).map(Policy::reserved).sum();
        let reserved = unchanged + update.changed.iter().map(Policy::reserved).sum::<usize>();
        if reserved > self.capacity.into() {
            return Err(PolicyError::TableFull { capacity: self.capacity.into() });
        }
        Ok(())
    }
}
