//! Which SAs are installed, and where.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::num::NonZeroU64;

use espalier_regs::Capabilities;

use super::{Sa, SaError, SaHandle, SaParams, SaState};
use crate::xfrm::{Direction, OffloadMode, SaId};

/// An SA in the device, and what the driver keeps beside it.
#[derive(Debug)]
pub struct Installed {
    /// The SA.
    pub sa: Sa,
    /// What it was asked for with, to write an outbound SA again; inbound ones keep no key here.
    pub params: SaParams,
    /// What the core has been told of.
    pub told: Told,
    /// What [`crate::ops`] has added to the core's counts so far.
    pub counted: SaState,
}

/// Events that were passed on, so that none is passed on twice when the device's queue ran over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Soft limit.
    pub soft: bool,
    /// Hard limit.
    pub hard: bool,
    /// Sequence numbers used up.
    pub exhausted: bool,
}

/// The driver's account of the SAs in the device.
#[derive(Debug)]
pub struct SaTable {
    installed: BTreeMap<SaHandle, Installed>,
    by_id: HashMap<SaId, SaHandle>,
    /// Out of the device, but packets may still be on their way with the number.
    retired: BTreeMap<SaHandle, Retired>,
    /// Frames for the device: how many so far, and how many, the oldest, are out of its rings.
    frames: Frames,
    /// Numbers of outbound SAs that were released, the oldest first, and how many frames were queued when the SA went: until all of those
    /// are out of the rings, one of them may carry the number. A new SA there would encrypt it, with a nonce that the new SA's own
    /// packet has too (RFC 4106 section 3.1).
    quarantine: VecDeque<(u64, u16)>,
    /// Received frames that were handed out, modulo 2^64. 0 for good where nobody counts them.
    handed: u64,
    /// Numbers of inbound SAs that were released, and how many frames must have been handed out before the number names another one: until
    /// then one that the SA let in may be on its way, and would pass for one of the new SA's.
    resting: Vec<(u64, u16)>,
    /// Handles of SAs that are still being asked for (XFRM_DEV_OFFLOAD_FLAG_ACQ): nothing of them is in the device.
    stubs: BTreeSet<SaHandle>,
    tx: Places,
    rx: Places,
    next: NonZeroU64,
}

impl SaTable {
    /// Empty, of the device's size.
    pub fn new(capabilities: &Capabilities) -> Self {
        Self {
            installed: BTreeMap::new(),
            by_id: HashMap::new(),
            retired: BTreeMap::new(),
            frames: Frames::default(),
            quarantine: VecDeque::new(),
            handed: 0,
            resting: Vec::new(),
            stubs: BTreeSet::new(),
            tx: Places::new(capabilities.tx_sas),
            rx: Places::new(capabilities.rx_sas),
            next: NonZeroU64::MIN,
        }
    }

    /// Without SAs, as after a reset of the device. Handles go on.
    pub fn emptied(&self, capabilities: &Capabilities) -> Self {
        Self { next: self.next, ..Self::new(capabilities) }
    }

    /// Takes note of the frames for the device, and frees the numbers that none of them can carry any more.
    pub fn frames_at(&mut self, queued: u64, completed: u64) {
        self.frames = Frames { queued, completed };
        while let Some((_, index)) = self.quarantine.pop_front_if(|(queued, _)| *queued <= completed) {
            self.tx.free.push_back(index);
        }
    }

    /// Takes note of the received frames that were handed out, and frees the numbers that none of the others can carry.
    pub fn handed_out(&mut self, handed: u64) {
        self.handed = handed;
        let free = &mut self.rx.free;
        self.resting.retain(|(due, index)| {
            let rests = !reached(handed, *due);
            if !rests {
                free.push_back(*index);
            }
            rests
        });
    }

    /// Every number of inbound SAs is taken, and some only rest.
    pub fn waits_for_received(&self) -> bool {
        self.rx.free.is_empty() && !self.resting.is_empty()
    }

    /// When `due` frames have been handed out, no frame is left that may carry a number that rests now.
    pub fn due_at(&mut self, due: u64) {
        for (known, _) in &mut self.resting {
            // Frames that were to come before have been lost.
            if reached(*known, due) {
                *known = due;
            }
        }
        self.handed_out(self.handed);
    }

    /// The SA that `insert` would take, or why not.
    pub fn admit(&self, params: &SaParams, mtu: u16) -> Result<Sa, SaError> {
        // As __xfrm_state_locate: destination, SPI and protocol identify an SA in whatever direction.
        if self.by_id.contains_key(&params.id) {
            return Err(SaError::Exists);
        }
        let direction = params.offload.direction;
        let places = match direction {
            Direction::In => &self.rx,
            Direction::Out => &self.tx,
        };
        let full = || match direction {
            Direction::Out if !self.quarantine.is_empty() => SaError::InFlight { held: self.quarantine.len() },
            Direction::In if !self.resting.is_empty() => SaError::InFlight { held: self.resting.len() },
            _ => SaError::TableFull { direction, capacity: places.capacity.into() },
        };
        let index = *places.free.front().ok_or_else(full)?;
        Ok(Sa::new(SaHandle(self.next), index, params, mtu))
    }

    /// Takes up what `admit` gave.
    pub fn insert(&mut self, sa: Sa, params: &SaParams) {
        self.next = self.next.saturating_add(1);
        self.places(sa.direction).free.retain(|index| *index != sa.index);
        self.by_id.insert(sa.id, sa.handle);
        let mut params = params.clone();
        if sa.direction == Direction::In {
            params.aead = None;
        }
        let counted = SaState::default();
        self.installed.insert(sa.handle, Installed { sa, params, told: Told::default(), counted });
    }

    /// Takes an SA out. Its number stays taken until it is released. `due`: so many received frames must have been handed out before an
    /// inbound SA's number is used again.
    pub fn retire(&mut self, handle: SaHandle, due: u64) {
        if let Some(Installed { sa, .. }) = self.installed.remove(&handle) {
            self.by_id.remove(&sa.id);
            let until = match sa.direction {
                Direction::Out => self.frames.queued,
                Direction::In => due,
            };
            let kept = sa.direction == Direction::Out && sa.offload == OffloadMode::Crypto;
            self.retired.insert(handle, Retired { direction: sa.direction, index: sa.index, until, kept });
        }
    }

    /// The number of a retired SA that packets in flight may still use: outbound, crypto offload.
    pub fn kept(&self, handle: SaHandle) -> Option<u16> {
        self.retired.get(&handle).filter(|retired| retired.kept).map(|retired| retired.index)
    }

    /// Gives back the number of an SA that was taken out, or a stub's handle; false if there is none.
    pub fn release(&mut self, handle: SaHandle) -> bool {
        match self.retired.remove(&handle) {
            // Frames may have been queued for it until now.
            Some(Retired { index, kept: true, .. }) if self.frames.queued > self.frames.completed => {
                self.quarantine.push_back((self.frames.queued, index));
                true
            }
            Some(Retired { direction: Direction::Out, index, until, .. }) if until > self.frames.completed => {
                // In order of release, not of `until`: a later one may wait for an earlier one's frames.
                self.quarantine.push_back((until, index));
                true
            }
            Some(Retired { direction: Direction::In, index, until, .. }) if !reached(self.handed, until) => {
                self.resting.push((until, index));
                true
            }
            Some(Retired { direction, index, .. }) => {
                self.places(direction).free.push_back(index);
                true
            }
            None => self.stubs.remove(&handle),
        }
    }

    /// A handle without an SA.
    pub fn stub(&mut self) -> SaHandle {
        let handle = SaHandle(self.next);
        self.next = self.next.saturating_add(1);
        self.stubs.insert(handle);
        handle
    }

    /// An installed SA.
    pub fn get(&self, handle: SaHandle) -> Option<&Sa> {
        self.installed.get(&handle).map(|installed| &installed.sa)
    }

    /// An installed SA with what is kept beside it.
    pub fn installed(&self, handle: SaHandle) -> Option<&Installed> {
        self.installed.get(&handle)
    }

    /// As [`Self::installed`].
    pub fn installed_mut(&mut self, handle: SaHandle) -> Option<&mut Installed> {
        self.installed.get_mut(&handle)
    }

    /// The SA with this identity.
    pub fn find(&self, id: &SaId) -> Option<&Sa> {
        self.by_id.get(id).and_then(|handle| self.get(*handle))
    }

    /// The SA at a place of the device's table.
    pub fn at(&self, direction: Direction, index: u16) -> Option<SaHandle> {
        self.iter().find(|sa| sa.direction == direction && sa.index == index).map(|sa| sa.handle)
    }

    /// As [`Self::at`]; also an SA that is out of the device, but not released.
    pub fn holder(&self, direction: Direction, index: u16) -> Option<SaHandle> {
        let retired = || self.retired.iter().find(|(_, sa)| (sa.direction, sa.index) == (direction, index)).map(|(handle, _)| *handle);
        self.at(direction, index).or_else(retired)
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Sa> {
        self.installed.values().map(|installed| &installed.sa)
    }

    fn places(&mut self, direction: Direction) -> &mut Places {
        match direction {
            Direction::In => &mut self.rx,
            Direction::Out => &mut self.tx,
        }
    }
}

/// An SA that is out of the device.
#[derive(Clone, Copy, Debug)]
struct Retired {
    direction: Direction,
    index: u16,
    /// Out: frames that were queued while it was in. In: frames that are handed out before no frame with its number is left.
    until: u64,
    /// See [`SaTable::kept`].
    kept: bool,
}

/// Whether a count has come to a mark, modulo 2^64.
const fn reached(count: u64, mark: u64) -> bool {
    count.wrapping_sub(mark) < 1 << 63
}

/// See [`SaTable::frames_at`].
#[derive(Clone, Copy, Debug, Default)]
struct Frames {
    queued: u64,
    completed: u64,
}

/// Free entries of one table. The one longest free is taken first, so that a packet that is still on its way with the
/// number of a deleted SA does not meet a new one there.
#[derive(Debug)]
struct Places {
    free: VecDeque<u16>,
    capacity: u16,
}

impl Places {
    fn new(capacity: u16) -> Self {
        Self { free: (0..capacity).collect(), capacity }
    }
}
