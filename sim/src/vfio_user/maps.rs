//! The memory that the client has said the device may access.
//!
//! It is the client that lets an access through or not, as the IOMMU that it is; this is the book that the protocol asks to be kept.

use std::collections::BTreeMap;

use rustix::io::Errno;

/// Most mappings (max_dma_maps).
const MAX: usize = 65535;

/// Ranges that do not overlap, by their first address.
#[derive(Debug, Default)]
pub(super) struct Maps(BTreeMap<u64, u64>);

impl Maps {
    /// Adds `size` bytes, at least 1, that end before 2^64.
    ///
    /// # Errors
    /// EEXIST when some of them are there, ENOSPC when there are too many ranges.
    pub fn insert(&mut self, address: u64, size: u64) -> Result<(), Errno> {
        let last = address + (size - 1);
        if self.0.range(..=last).next_back().is_some_and(|(&first, &size)| first + (size - 1) >= address) {
            return Err(Errno::EXIST);
        }
        if self.0.len() >= MAX {
            return Err(Errno::NOSPC);
        }
        self.0.insert(address, size);
        Ok(())
    }

    /// Takes a range away, which must be one that was added.
    ///
    /// # Errors
    /// ENOENT.
    pub fn remove(&mut self, address: u64, size: u64) -> Result<(), Errno> {
        match self.0.get(&address) {
            Some(&there) if there == size => self.0.remove(&address).map(|_| ()).ok_or(Errno::NOENT),
            _ => Err(Errno::NOENT),
        }
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_overlap_and_go_as_they_came() {
        let mut maps = Maps::default();
        assert_eq!(maps.insert(0x1000, 0x1000), Ok(()));
        assert_eq!(maps.insert(u64::MAX - 0xfff, 0x1000), Ok(()));
        for (address, size) in [(0x1000, 1), (0x1fff, 1), (0, 0x1001), (0, u64::MAX), (0x1800, 0x1000)] {
            assert_eq!(maps.insert(address, size), Err(Errno::EXIST), "{address:#x} {size:#x}");
        }
        assert_eq!(maps.insert(0, 0x1000), Ok(()));
        assert_eq!(maps.insert(0x2000, 1), Ok(()));
        assert_eq!(maps.remove(0x1000, 0xfff), Err(Errno::NOENT));
        assert_eq!(maps.remove(0x1001, 0xfff), Err(Errno::NOENT));
        assert_eq!(maps.remove(0x1000, 0x1000), Ok(()));
        assert_eq!(maps.remove(0x1000, 0x1000), Err(Errno::NOENT));
        maps.clear();
        assert_eq!(maps.insert(0, u64::MAX), Ok(()));
    }
}
