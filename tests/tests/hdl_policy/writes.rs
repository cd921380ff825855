//! When a write is seen.

use espalier_hdl::records::{Policy, Selector};
use rust_hdl::prelude::Bits;

fn bits<const N: usize>(bits: Bits<N>) -> Vec<bool> {
    (0..N).map(|i| bits.get_bit(i)).collect()
}

/// What the cells hold of a policy: word by word, for packets' bits of 0 and then of 1.
pub fn cells(policy: &Policy) -> Vec<Vec<bool>> {
    let line = |selector: &Selector, always: bool| {
        let Selector { v6, forward, src, dst, protocol, sport, dport } = *selector;
        [bits(src), bits(dst), bits(sport), bits(dport), bits(protocol), vec![v6 | always, forward | always]].concat()
    };
    let (values, masks) = (line(&policy.value, false), line(&policy.mask, true));
    let words = values.chunks(16).zip(masks.chunks(16));
    words.flat_map(|(value, mask)| [false, true].map(|bit| value.iter().zip(mask).map(|(v, m)| !m | (*v == bit)).collect())).collect()
}

/// A write under way.
pub struct Writing {
    pub index: usize,
    pub policy: Policy,
    /// Its first clock.
    pub since: u64,
    /// The place has no policy from this clock on, as the rankings are read.
    pub gone: Option<u64>,
    /// Its last clock: the new policy is there, as the rankings are read, or the place is clear from the next one on.
    pub until: u64,
}

impl Writing {
    pub fn new(index: usize, policy: Policy, old: &Policy, since: u64) -> Self {
        if !policy.valid {
            return Self { index, policy, since, gone: None, until: since + 1 };
        }
        let changed = cells(old).iter().zip(&cells(&policy)).position(|(old, new)| old != new);
        Self { index, policy, since, gone: changed.map(|step| since + step as u64 + 5), until: since + WRITE - 1 }
    }
}

/// Clocks of a write.
pub const WRITE: u64 = 47;
