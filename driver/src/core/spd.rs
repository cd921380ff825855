//! The SPD: policies in the order in which they are tried (net/xfrm/xfrm_policy.c).

use std::sync::Arc;

use crate::ops::XfrmPolicy;
use crate::policy::PolicyParams;
use crate::xfrm::PolicyDirection;
use crate::xfrm::info::Lifetime;

use super::flow::Flow;
use super::request::{PolicyId, PolicyKey};
use super::sad::Lease;

/// XFRM_POLICY_IN, _OUT, _FWD
pub(super) const fn direction_number(direction: PolicyDirection) -> u32 {
    match direction {
        PolicyDirection::In => 0,
        PolicyDirection::Out => 1,
        PolicyDirection::Fwd => 2,
    }
}

/// A reference to a policy: as long as there is one, the policy is there, though perhaps dead (xfrm_pol_hold and _put).
#[derive(Clone, Debug)]
pub struct PolicyRef {
    index: u32,
    _held: Arc<()>,
}

impl PolicyRef {
    /// The policy's index.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }
}

/// A policy with what only the core knows of it.
#[derive(Debug)]
pub(super) struct PolicyEntry {
    pub xp: XfrmPolicy,
    pub curlft: Lifetime,
    pub lease: Lease,
    /// It has asked to be replaced.
    pub dying: bool,
    /// Order of insertion.
    born: u64,
    held: Arc<()>,
}

impl PolicyEntry {
    pub fn on_device(&self, dev: &str) -> bool {
        self.xp.xdo.as_ref().is_some_and(|xdo| xdo.dev == dev)
    }
}

/// All policies: those in the database, and those deleted that are still held.
#[derive(Debug, Default)]
pub(super) struct Spd {
    /// By direction and priority; among equals, the older first.
    policies: Vec<PolicyEntry>,
    dead: Vec<PolicyEntry>,
    last: u64,
    /// idx_generator
    next_index: u32,
}

impl Spd {
    pub fn new_entry(xp: XfrmPolicy, add_time: u64) -> PolicyEntry {
        let curlft = Lifetime { add_time, ..Lifetime::default() };
        PolicyEntry { xp, curlft, lease: Lease::None, dying: false, born: 0, held: Arc::new(()) }
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut PolicyEntry> {
        self.policies.iter_mut()
    }

    /// The newest first, as a dump has them (xfrm_policy_walk).
    pub fn newest_first(&self) -> Vec<&PolicyEntry> {
        let mut all: Vec<&PolicyEntry> = self.policies.iter().collect();
        all.sort_by_key(|entry| std::cmp::Reverse(entry.born));
        all
    }

    pub fn count(&self, direction: PolicyDirection) -> usize {
        self.policies.iter().filter(|entry| entry.xp.params.direction == direction).count()
    }

    pub fn hold(&self, index: u32) -> Option<PolicyRef> {
        let entry = self.policies.iter().find(|entry| entry.xp.index == index)?;
        Some(PolicyRef { index, _held: entry.held.clone() })
    }

    /// Where the first such policy is.
    pub fn find(&self, wanted: impl Fn(&PolicyEntry) -> bool) -> Option<usize> {
        self.policies.iter().position(wanted)
    }

    /// Where a policy is.
    pub fn position(&self, id: &PolicyId) -> Option<usize> {
        self.find(|entry| {
            let params = &entry.xp.params;
            let key = match &id.key {
                PolicyKey::Selector(selector) => params.selector == *selector,
                PolicyKey::Index(index) => entry.xp.index == *index,
            };
            key && params.direction == id.direction && params.ptype == id.ptype && params.mark == id.mark && params.if_id == id.if_id
        })
    }

    pub fn at(&self, position: usize) -> Option<&PolicyEntry> {
        self.policies.get(position)
    }

    pub fn by_index(&self, index: u32) -> Option<&PolicyEntry> {
        self.policies.iter().find(|entry| entry.xp.index == index)
    }

    pub fn by_index_mut(&mut self, index: u32) -> Option<&mut PolicyEntry> {
        self.policies.iter_mut().find(|entry| entry.xp.index == index)
    }

    /// xfrm_gen_index: unused, with the direction in its low three bits.
    pub fn new_index(&mut self, direction: PolicyDirection, wanted: u32) -> u32 {
        let used = |index| self.policies.iter().chain(&self.dead).any(|entry| entry.xp.index == index);
        if wanted != 0 && !used(wanted) {
            return wanted;
        }
        loop {
            let index = self.next_index | direction_number(direction);
            self.next_index = self.next_index.wrapping_add(8);
            let index = if index == 0 { 8 } else { index };
            if !self.policies.iter().chain(&self.dead).any(|entry| entry.xp.index == index) {
                return index;
            }
        }
    }

    /// xfrm_policy_insert_list: behind those of the same priority.
    pub fn insert(&mut self, mut entry: PolicyEntry) {
        self.last += 1;
        entry.born = self.last;
        let key = |params: &PolicyParams| (direction_number(params.direction), params.priority);
        let place = self.policies.partition_point(|other| key(&other.xp.params) <= key(&entry.xp.params));
        self.policies.insert(place, entry);
    }

    /// __xfrm_policy_unlink
    pub fn remove(&mut self, position: usize) -> PolicyEntry {
        self.policies.remove(position)
    }

    /// xfrm_policy_kill: until the last reference.
    pub fn bury(&mut self, mut entry: PolicyEntry) {
        entry.xp.dead = true;
        self.dead.push(entry);
    }

    pub fn dead_mut(&mut self) -> impl Iterator<Item = &mut PolicyEntry> {
        self.dead.iter_mut()
    }

    /// Dead policies that nobody holds, taken out.
    pub fn take_garbage(&mut self) -> Vec<PolicyEntry> {
        self.dead.extract_if(.., |entry| Arc::strong_count(&entry.held) == 1).collect()
    }

    /// Policies in the database and policies that are only held.
    pub const fn allocated(&self) -> usize {
        self.policies.len() + self.dead.len()
    }

    /// xfrm_policy_lookup: the first that matches.
    pub fn lookup(&self, flow: &Flow, direction: PolicyDirection) -> Option<&PolicyEntry> {
        self.policies.iter().find(|entry| {
            let params = &entry.xp.params;
            params.direction == direction
                && params.selector.family() == flow.family()
                && flow.marked(params.mark)
                && params.if_id == flow.if_id
                && flow.matches(&params.selector)
        })
    }
}
