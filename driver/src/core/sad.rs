//! The SAD: states, how they are found, who holds them (net/xfrm/xfrm_state.c).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use espalier_reference_model::replay::ReplayWindow;

use crate::ops::{KmState, XfrmState};
use crate::xfrm::SaId;

use super::flow::Flow;
use super::offload::Offloaded;
use super::transform::Transform;
use super::wanted::{Found, Wanted};

/// Names a state; never used again for another. Later states have greater ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateId(u64);

/// A reference to a state: as long as there is one, the state is there, though perhaps dead (xfrm_state_hold and _put). A packet
/// in flight has one.
#[derive(Clone, Debug)]
pub struct StateRef {
    id: StateId,
    _held: Arc<()>,
}

impl StateRef {
    /// Of which state.
    #[must_use]
    pub const fn id(&self) -> StateId {
        self.id
    }
}

/// What the device still has of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    /// Nothing: never offloaded, or freed.
    None,
    /// xdo_dev_state_add has succeeded.
    Added,
    /// xdo_dev_state_delete was called; xdo_dev_state_free is still owed (xfrm_state_dev_gc_list).
    Deleted,
}

/// A state with what only the core knows of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub x: XfrmState,
    /// Software ESP; none of a stub and in packet mode.
    pub transform: Option<Transform>,
    /// Anti-replay, where the core does it: not in packet mode.
    pub window: Option<ReplayWindow>,
    pub offloaded: Offloaded,
    pub lease: Lease,
    /// Packets that were done in software although the state is offloaded.
    pub fallbacks: u64,
    held: Arc<()>,
}

impl Entry {
    pub fn new(x: XfrmState, offloaded: Offloaded) -> Self {
        Self { x, transform: None, window: None, offloaded, lease: Lease::None, fallbacks: 0, held: Arc::new(()) }
    }

    /// Somebody holds it.
    fn is_held(&self) -> bool {
        Arc::strong_count(&self.held) > 1
    }
}

/// All states: those in the database, and those deleted that are still held.
#[derive(Debug, Default)]
pub(super) struct Sad {
    entries: BTreeMap<StateId, Entry>,
    /// In the database, by destination, SPI, protocol; the oldest first. More than one differ in their marks.
    by_spi: HashMap<SaId, Vec<StateId>>,
    /// In the database, by destination and reqid; the oldest first.
    by_dst: HashMap<(IpAddr, u32), Vec<StateId>>,
    /// Deleted, perhaps still held.
    dead: Vec<StateId>,
    linked: usize,
    last: u64,
}

impl Sad {
    pub fn get(&self, id: StateId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    pub fn get_mut(&mut self, id: StateId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// The number of states in the database (xfrm_sad_getinfo).
    pub const fn count(&self) -> usize {
        self.linked
    }

    /// States in the database and states that are only held.
    pub fn allocated(&self) -> usize {
        self.entries.len()
    }

    pub fn hold(&self, id: StateId) -> Option<StateRef> {
        let held = self.entries.get(&id)?.held.clone();
        Some(StateRef { id, _held: held })
    }

    /// Those in the database, the newest first, as a dump has them (xfrm_state_walk).
    pub fn ids(&self) -> Vec<StateId> {
        self.entries.iter().rev().filter(|(_, entry)| entry.x.km_state != KmState::Dead).map(|(id, _)| *id).collect()
    }

    /// Those in the database and those only held.
    pub fn all_ids(&self) -> Vec<StateId> {
        self.entries.keys().copied().collect()
    }

    /// Takes a state in that is not in the database.
    pub fn allocate(&mut self, entry: Entry) -> StateId {
        self.last += 1;
        let id = StateId(self.last);
        self.entries.insert(id, entry);
        id
    }

    /// A state that never was in the database, and will not be: to be freed as any other.
    pub fn bury(&mut self, mut entry: Entry) {
        entry.x.km_state = KmState::Dead;
        let id = self.allocate(entry);
        self.dead.push(id);
    }

    /// __xfrm_state_insert
    pub fn link(&mut self, id: StateId) {
        let Some(entry) = self.entries.get(&id) else { return };
        let params = &entry.x.params;
        self.by_dst.entry((params.id.daddr, params.reqid)).or_default().push(id);
        if params.id.spi != 0 {
            self.by_spi.entry(params.id).or_default().push(id);
        }
        self.linked += 1;
    }

    /// The SPIs of a protocol that are in use.
    pub fn spis(&self, proto: u8) -> impl Iterator<Item = u32> {
        self.by_spi.keys().filter(move |id| id.proto == proto).map(|id| id.spi)
    }

    /// Gives a stub its SPI.
    pub fn assign_spi(&mut self, id: StateId, spi: u32) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.x.params.id.spi = spi;
            self.by_spi.entry(entry.x.params.id).or_default().push(id);
        }
    }

    /// The first half of __xfrm_state_delete: nothing finds it any more. None if it was dead before.
    pub fn unlink(&mut self, id: StateId) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(&id).filter(|entry| entry.x.km_state != KmState::Dead)?;
        entry.x.km_state = KmState::Dead;
        let params = &entry.x.params;
        remove(&mut self.by_dst, &(params.id.daddr, params.reqid), id);
        remove(&mut self.by_spi, &params.id, id);
        self.linked -= 1;
        self.dead.push(id);
        Some(entry)
    }

    /// Dead states that nobody holds, taken out (xfrm_state_gc_task).
    pub fn take_garbage(&mut self) -> Vec<Entry> {
        let held = |id: &StateId| self.entries.get(id).is_some_and(Entry::is_held);
        let garbage: Vec<StateId> = self.dead.extract_if(.., |id| !held(id)).collect();
        garbage.iter().filter_map(|id| self.entries.remove(id)).collect()
    }

    /// __xfrm_state_lookup
    pub fn lookup(&self, id: &SaId, mark: u32) -> Option<StateId> {
        let found = self.by_spi.get(id)?.iter().rev().find(|id| {
            let x = self.entries.get(id).map(|entry| entry.x.params.mark);
            x.is_some_and(|own| mark & own.mask == own.value)
        });
        found.copied()
    }

    /// The stub that a new state answers: by its number (xfrm_find_acq_byseq), else by what it asked for (__find_acq_core).
    pub fn find_acq(&self, x: &XfrmState) -> Option<StateId> {
        let mark = x.params.mark.value & x.params.mark.mask;
        let stub = |other: &XfrmState| other.km_state == KmState::Acq && mark & other.params.mark.mask == other.params.mark.value;
        let by_seq = |other: &XfrmState| {
            let (new, old) = (&x.params.id, &other.params.id);
            x.km_seq != 0 && other.km_seq == x.km_seq && new.proto == old.proto && new.daddr == old.daddr
        };
        let core = |other: &XfrmState| {
            let (new, old) = (&x.params, &other.params);
            old.reqid == new.reqid
                && old.mode == new.mode
                && old.id.spi == 0
                && old.id.proto == new.id.proto
                && old.id.daddr == new.id.daddr
                && old.saddr == new.saddr
        };
        let live = || self.entries.iter().rev().filter(|(_, entry)| stub(&entry.x));
        let found = live().find(|(_, entry)| by_seq(&entry.x)).or_else(|| live().find(|(_, entry)| core(&entry.x)));
        found.map(|(id, _)| *id)
    }

    /// xfrm_state_find, as far as it only looks.
    pub fn find(&self, wanted: &Wanted<'_>, flow: &Flow) -> Found {
        let mut best: Option<(StateId, &XfrmState)> = None;
        let (mut acquiring, mut failed) = (false, false);
        let candidates = self.by_dst.get(&(wanted.daddr, wanted.reqid)).map(Vec::as_slice).unwrap_or_default();
        for (id, entry) in candidates.iter().rev().filter_map(|id| Some((*id, self.entries.get(id)?))) {
            let x = &entry.x;
            if !wanted.fits(x) {
                continue;
            }
            // xfrm_state_look_at
            match x.km_state {
                KmState::Valid if flow.selected_by(&x.params) => {
                    let age = |x: &XfrmState| (!x.dying, x.curlft.add_time);
                    // The newest first, so the newest of one second stays.
                    if best.is_none_or(|(_, best)| age(best) < age(x)) {
                        best = Some((id, x));
                    }
                }
                KmState::Acq => acquiring = true,
                KmState::Error | KmState::Expired => failed |= flow.selected_by(&x.params),
                _ => {}
            }
        }
        match best {
            Some((id, _)) => Found::State(id),
            None if acquiring => Found::Acquiring,
            None if failed => Found::Failed,
            None => Found::Nothing,
        }
    }
}

fn remove<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Vec<StateId>>, key: &K, id: StateId) {
    if let Some(ids) = map.get_mut(key) {
        ids.retain(|other| *other != id);
        if ids.is_empty() {
            map.remove(key);
        }
    }
}
