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

    /// Takes away what lies in a range, if anything does: QEMU with an IOMMU unmaps whole spans of addresses, as VFIO lets it. (The
    /// protocol asks for the very range that was added.)
    ///
    /// # Errors
    /// EINVAL when the range is empty, wraps, or cuts a mapping in two.
    pub fn remove(&mut self, address: u64, size: u64) -> Result<(), Errno> {
        let last = size.checked_sub(1).and_then(|size| address.checked_add(size)).ok_or(Errno::INVAL)?;
        let end = |(&first, &size): (&u64, &u64)| first + (size - 1);
        let begins_before = self.0.range(..address).next_back().is_some_and(|mapping| end(mapping) >= address);
        let ends_behind = self.0.range(address..=last).next_back().is_some_and(|mapping| end(mapping) > last);
        if begins_before || ends_behind {
            return Err(Errno::INVAL);
        }
        let gone: Vec<_> = self.0.range(address..=last).map(|(&first, _)| first).collect();
        for first in gone {
            self.0.remove(&first);
        }
        Ok(())
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
    fn ranges_do_not_overlap_and_go_whole() {
        let mut maps = Maps::default();
        assert_eq!(maps.insert(0x1000, 0x1000), Ok(()));
        assert_eq!(maps.insert(u64::MAX - 0xfff, 0x1000), Ok(()));
        for (address, size) in [(0x1000, 1), (0x1fff, 1), (0, 0x1001), (0, u64::MAX), (0x1800, 0x1000)] {
            assert_eq!(maps.insert(address, size), Err(Errno::EXIST), "{address:#x} {size:#x}");
        }
        assert_eq!(maps.insert(0, 0x1000), Ok(()));
        assert_eq!(maps.insert(0x2000, 1), Ok(()));
        for (address, size) in [(0x1000, 0xfff), (0x1001, 0xfff), (0, 0x1001), (0x1fff, 0x1000), (0, 0), (u64::MAX, 2)] {
            assert_eq!(maps.remove(address, size), Err(Errno::INVAL), "{address:#x} {size:#x}");
        }
        assert_eq!(maps.remove(0x1000, 0x1000), Ok(()));
        assert_eq!(maps.insert(0x1000, 0x1000), Ok(()));
        assert_eq!(maps.remove(0, 0x2001), Ok(()));
        assert_eq!(maps.remove(0, 0x2001), Ok(()), "nothing there");
        assert_eq!(maps.insert(0, u64::MAX - 0x1000), Ok(()));
        assert_eq!(maps.remove(u64::MAX - 0xfff, 0x1000), Ok(()));
        maps.clear();
        assert_eq!(maps.insert(0, u64::MAX), Ok(()));
    }
}
