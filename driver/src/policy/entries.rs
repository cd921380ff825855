//! A policy in the device, and the entries that stand for it.

use std::collections::{BTreeMap, BTreeSet};

use super::bind::{self, Consequence, Entry};
use super::{PolicyError, PolicyHandle, PolicyParams, Table};
use crate::sa::{Sa, SaHandle};
use crate::selector::Pattern;
use crate::xfrm::PolicyDirection;

/// Place among a policy's entries of the one for packets without an SA: behind all others.
const LAST: u8 = u8::MAX;

/// An outbound SA that fits a policy's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
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
    pub(super) rank: u8,
    /// Outbound: the SAs that its entries may name.
    pub(super) candidates: BTreeMap<SaHandle, Candidate>,
    /// Inbound: the SAs that satisfy it.
    pub(super) admitted: BTreeSet<SaHandle>,
    /// Entries in the device, by slot.
    pub(super) installed: Vec<(u16, Entry)>,
}

impl Policy {
    pub(super) const fn new(handle: PolicyHandle, params: PolicyParams, rank: u8) -> Self {
        Self { handle, params, rank, candidates: BTreeMap::new(), admitted: BTreeSet::new(), installed: Vec::new() }
    }

    /// The SAs that fit its template, the oldest first. Outbound, the newest of those for the same packets is in use.
    pub fn sas(&self) -> impl Iterator<Item = SaHandle> {
        self.candidates.keys().chain(&self.admitted).copied()
    }

    /// Its entries in the device's table.
    #[must_use]
    pub fn slots(&self) -> Vec<u16> {
        self.installed.iter().map(|(slot, _)| *slot).collect()
    }

    pub(super) const fn table(&self) -> Table {
        Table::of(self.params.direction)
    }

    /// Slots it may need while SAs go: one for each set of packets, and one for those without an SA.
    pub(super) fn reserved(&self) -> usize {
        let mut patterns = vec![Pattern::from(&self.params.selector)];
        for candidate in self.candidates.values() {
            if !patterns.contains(&candidate.pattern) {
                patterns.push(candidate.pattern);
            }
        }
        patterns.len()
    }

    fn entry(&self, pattern: Pattern, place: u8, consequence: Consequence) -> Entry {
        let order = u64::from(self.params.priority) << 16 | u64::from(self.rank) << 8 | u64::from(place);
        Entry { pattern, forward: self.params.direction == PolicyDirection::Fwd, order, consequence }
    }

    /// The entries that stand for it, in ascending order.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let all = Pattern::from(&self.params.selector);
        let mut entries: Vec<Entry> = Vec::new();
        for candidate in self.candidates.values().rev() {
            if entries.iter().any(|entry| entry.pattern == candidate.pattern) {
                continue;
            }
            entries.push(self.entry(candidate.pattern, candidate.place, Consequence::Protect(Some(candidate.index))));
            if candidate.pattern == all {
                return entries;
            }
        }
        entries.push(self.entry(all, LAST, bind::fallback(&self.params)));
        entries
    }

    /// Takes up an SA as the newest. True if the places of the others had to move.
    pub(super) fn add_candidate(&mut self, sa: &Sa, pattern: Pattern) -> Result<bool, PolicyError> {
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
