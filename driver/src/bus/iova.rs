//! Addresses for the device: which of those that an IOMMU can map are taken.

use std::collections::BTreeMap;
use std::ops::Range;

/// Where the interrupt controller of a PC listens: no IOMMU maps it (Intel SDM volume 3, section "Message Address Register Format").
const MESSAGES: Range<u64> = 0xfee0_0000..0xfef0_0000;

/// The addresses of one IOMMU.
#[derive(Debug)]
pub struct Addresses {
    usable: Vec<Range<u64>>,
    /// End by beginning.
    taken: BTreeMap<u64, u64>,
    page: u64,
}

impl Addresses {
    /// Those that the IOMMU says it can map, less those that are none of memory's. `page` is a power of two.
    pub fn new(usable: &[Range<u64>], page: u64) -> Self {
        let without = |range: &Range<u64>| [range.start..range.end.min(MESSAGES.start), range.start.max(MESSAGES.end)..range.end];
        let mut usable: Vec<_> = usable.iter().flat_map(without).filter(|range| !range.is_empty()).collect();
        usable.sort_by_key(|range| range.start);
        Self { usable, taken: BTreeMap::new(), page }
    }

    /// The lowest free ones, whole pages, with a free page on both sides: what the device does too far is refused.
    pub fn take(&mut self, bytes: u64) -> Option<u64> {
        let bytes = bytes.max(1).checked_next_multiple_of(self.page)?;
        let begin = self.usable.iter().find_map(|usable| self.first_fit(usable, bytes))?;
        self.taken.insert(begin, begin + bytes);
        Some(begin)
    }

    /// In one range, behind as many of those taken as it needs.
    fn first_fit(&self, usable: &Range<u64>, bytes: u64) -> Option<u64> {
        let mut begin = usable.start.checked_next_multiple_of(self.page)?;
        loop {
            let end = begin.checked_add(bytes).filter(|end| *end <= usable.end)?;
            // The last of those that begin before our end and the page behind it: the only one that can reach so far.
            let near = self.taken.range(..end.saturating_add(self.page)).next_back();
            match near {
                Some((_, taken)) if taken.saturating_add(self.page) > begin => begin = self.behind(begin, end)?,
                _ => return Some(begin),
            }
        }
    }

    /// Behind the first one that is in the way of these.
    fn behind(&self, begin: u64, end: u64) -> Option<u64> {
        let reach = |(_, taken): &(&u64, &u64)| taken.saturating_add(self.page) > begin;
        let (_, taken) = self.taken.range(..end.saturating_add(self.page)).find(reach)?;
        taken.checked_add(self.page)
    }

    /// They are free again.
    pub fn release(&mut self, begin: u64) {
        self.taken.remove(&begin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: u64 = 4096;

    fn one(usable: Range<u64>) -> Addresses {
        Addresses::new(std::slice::from_ref(&usable), PAGE)
    }

    #[test]
    fn none_are_where_messages_go() {
        let mut addresses = one(0xfedf_e000..0xffff_ffff);
        assert_eq!(addresses.take(PAGE), Some(0xfedf_e000));
        assert_eq!(addresses.take(PAGE), Some(0xfef0_0000), "a free page between, and then the messages");
        assert_eq!(one(0xfee0_0000..0xfeef_ffff).take(1), None);
    }

    #[test]
    fn the_end_of_the_address_space_is_no_overflow() {
        let mut addresses = one(u64::MAX - 0x3000..u64::MAX);
        assert_eq!(addresses.take(u64::MAX), None);
        assert_eq!(addresses.take(2 * PAGE), Some(u64::MAX - 0x2fff));
        assert_eq!(addresses.take(1), None);
    }

    proptest! {
        #[test]
        fn no_two_are_near_each_other_and_all_are_usable(
            actions in prop::collection::vec((1u64..40_000, any::<Option<prop::sample::Index>>()), 1..60),
        ) {
            let usable = [0x1000..0x2_0000, 0xfedf_0000..0xfef1_0000, 0x1_0000_0000..0x1_0010_0000];
            let mut addresses = Addresses::new(&usable, PAGE);
            let mut held: Vec<Range<u64>> = Vec::new();
            for (bytes, release) in actions {
                if let (Some(index), false) = (release, held.is_empty()) {
                    let gone = held.swap_remove(index.index(held.len()));
                    addresses.release(gone.start);
                }
                let Some(begin) = addresses.take(bytes) else { continue };
                let new = begin..begin + bytes.next_multiple_of(PAGE);
                prop_assert!(begin.is_multiple_of(PAGE));
                prop_assert!(usable.iter().any(|range| range.start <= new.start && new.end <= range.end));
                prop_assert!(new.end <= MESSAGES.start || new.start >= MESSAGES.end);
                for other in &held {
                    prop_assert!(new.end + PAGE <= other.start || other.end + PAGE <= new.start, "{new:x?} {other:x?}");
                }
                held.push(new);
            }
            // What is released is there again.
            for range in held.drain(..) {
                addresses.release(range.start);
            }
            prop_assert_eq!(addresses.take(0x1_f000), Some(0x1000));
        }
    }
}
