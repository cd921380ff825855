//! Which addresses of the device are which memory of this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use espalier_driver::bus::{DmaAccess, DmaError, DmaMemory, Mapping, PAGE, Pages};

/// First address that is given out: above what 32 bits reach.
const FIRST: u64 = 1 << 32;
/// Addresses end here, as those of an IOMMU with four levels of tables do.
const END: u64 = 1 << 48;

struct Region {
    pages: Pages,
    access: DmaAccess,
}

struct Map {
    regions: BTreeMap<u64, Region>,
    next: u64,
}

/// Clones are the same IOMMU. No address is ever given out twice, and a page that is not mapped lies between any two regions: what the
/// device does too late or too far is seen.
#[derive(Clone)]
pub(super) struct Iommu(Arc<Mutex<Map>>);

/// Why an access is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Some of its addresses are not mapped.
    Unmapped,
    /// It writes where the device may only read.
    ReadOnly,
}

struct Mapped(Iommu, u64);

impl Mapping for Mapped {}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.0.lock().regions.remove(&self.1);
    }
}

impl Iommu {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Map { regions: BTreeMap::new(), next: FIRST })))
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn allocate(&self, bytes: usize, access: DmaAccess) -> Result<DmaMemory, DmaError> {
        let pages = Pages::new(bytes).map_err(DmaError::Memory)?;
        let mut map = self.lock();
        let iova = map.next;
        let end = iova.checked_add((pages.len() + PAGE) as u64).filter(|&end| end <= END).ok_or(DmaError::Addresses { bytes })?;
        map.next = end;
        map.regions.insert(iova, Region { pages: pages.clone(), access });
        Ok(DmaMemory::new(pages, iova, Box::new(Mapped(self.clone(), iova))))
    }

    /// The memory behind `bytes` bytes at `address`, and where in it they begin.
    pub fn translate(&self, address: u64, bytes: usize, write: bool) -> Result<(Pages, usize), Refusal> {
        let map = self.lock();
        let (first, region) = map.regions.range(..=address).next_back().ok_or(Refusal::Unmapped)?;
        let offset = address - first;
        if offset + bytes as u64 > region.pages.len() as u64 {
            return Err(Refusal::Unmapped);
        }
        if write && region.access == DmaAccess::Read {
            return Err(Refusal::ReadOnly);
        }
        Ok((region.pages.clone(), offset as usize))
    }

    /// Regions that are mapped.
    pub fn regions(&self) -> usize {
        self.lock().regions.len()
    }
}
