//! Which SAs are installed, and where.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroU64;

use espalier_regs::Capabilities;

use super::{Sa, SaError, SaHandle, SaParams};
use crate::xfrm::{Direction, SaId};

/// The driver's account of the SAs in the device.
#[derive(Debug)]
pub struct SaTable {
    sas: BTreeMap<SaHandle, Sa>,
    by_id: HashMap<SaId, SaHandle>,
    tx: Places,
    rx: Places,
    next: NonZeroU64,
}

impl SaTable {
    /// Empty, of the device's size.
    pub fn new(capabilities: &Capabilities) -> Self {
        Self {
            sas: BTreeMap::new(),
            by_id: HashMap::new(),
            tx: Places::new(capabilities.tx_sas),
            rx: Places::new(capabilities.rx_sas),
            next: NonZeroU64::MIN,
        }
    }

    /// The SA that `insert` would take, or why not.
    pub fn admit(&self, params: &SaParams) -> Result<Sa, SaError> {
        // As __xfrm_state_locate: destination, SPI and protocol identify an SA in whatever direction.
        if self.by_id.contains_key(&params.id) {
            return Err(SaError::Exists);
        }
        let direction = params.offload.direction;
        let places = match direction {
            Direction::In => &self.rx,
            Direction::Out => &self.tx,
        };
        let full = SaError::TableFull { direction, capacity: places.capacity.into() };
        let index = *places.free.front().ok_or(full)?;
        Ok(Sa::new(SaHandle(self.next), index, params))
    }

    /// Takes up what `admit` gave.
    pub fn insert(&mut self, sa: Sa) {
        self.next = self.next.saturating_add(1);
        self.places(sa.direction).free.retain(|index| *index != sa.index);
        self.by_id.insert(sa.id, sa.handle);
        self.sas.insert(sa.handle, sa);
    }

    /// Forgets an SA.
    pub fn remove(&mut self, handle: SaHandle) {
        if let Some(sa) = self.sas.remove(&handle) {
            self.by_id.remove(&sa.id);
            self.places(sa.direction).free.push_back(sa.index);
        }
    }

    /// An installed SA.
    pub fn get(&self, handle: SaHandle) -> Option<&Sa> {
        self.sas.get(&handle)
    }

    /// The SA with this identity.
    pub fn find(&self, id: &SaId) -> Option<&Sa> {
        self.by_id.get(id).and_then(|handle| self.sas.get(handle))
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Sa> {
        self.sas.values()
    }

    fn places(&mut self, direction: Direction) -> &mut Places {
        match direction {
            Direction::In => &mut self.rx,
            Direction::Out => &mut self.tx,
        }
    }
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
