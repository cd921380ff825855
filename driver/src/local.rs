//! This host's addresses, by which the device tells `in` from `fwd`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use espalier_regs::mailbox::local as field;
use thiserror::Error;

use crate::errno::Errno;
use crate::regs::Words;
use crate::selector::bits;

/// Why local addresses are refused. Nothing was written to the device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LocalError {
    /// More than the device has room for.
    #[error("{given} local addresses are more than this device holds: {capacity}")]
    Full {
        /// How many were given.
        given: usize,
        /// How many fit.
        capacity: u8,
    },
    /// Not an address that a host can have as its own.
    #[error("{0} is no address of a host")]
    Address(IpAddr),
    /// Without an address nothing counts as forwarded, but a forward policy is in force.
    #[error("forward policies are installed, and mean nothing without a local address")]
    Forward,
}

impl LocalError {
    /// What a callback returns for it.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Full { .. } => Errno::Enospc,
            Self::Address(_) | Self::Forward => Errno::Einval,
        }
    }
}

/// The driver's account of the device's table.
#[derive(Debug)]
pub struct LocalTable {
    places: BTreeMap<IpAddr, u16>,
    capacity: u8,
}

/// A command: write an address at a place, or clear it.
pub type Change = (u16, Option<IpAddr>);

impl LocalTable {
    /// Empty, of the device's size.
    pub const fn new(capacity: u8) -> Self {
        Self { places: BTreeMap::new(), capacity }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> {
        self.places.keys().copied()
    }

    /// What turns the table into one of these addresses: first the new ones where there is room, so that as little as possible
    /// is missing at any time.
    pub fn plan(&self, wanted: &BTreeSet<IpAddr>) -> Result<(Self, Vec<Change>), LocalError> {
        if wanted.len() > self.capacity.into() {
            return Err(LocalError::Full { given: wanted.len(), capacity: self.capacity });
        }
        let broadcast = |address: &IpAddr| matches!(address, IpAddr::V4(address) if address.is_broadcast());
        if let Some(address) = wanted.iter().find(|address| address.is_unspecified() || address.is_multicast() || broadcast(address)) {
            return Err(LocalError::Address(*address));
        }
        let mut after = self.places.clone();
        after.retain(|address, _| wanted.contains(address));
        let mut gone: Vec<u16> = self.places.iter().filter(|(address, _)| !wanted.contains(address)).map(|(_, place)| *place).collect();
        let mut free = (0..u16::from(self.capacity)).filter(|place| !self.places.values().any(|taken| taken == place));
        let mut changes = Vec::new();
        for address in wanted.iter().filter(|address| !self.places.contains_key(address)) {
            // There is a place for each: those given up are taken once the free ones are.
            let Some(place) = free.next().or_else(|| gone.pop()) else { break };
            after.insert(*address, place);
            changes.push((place, Some(*address)));
        }
        changes.extend(gone.into_iter().map(|place| (place, None)));
        Ok((Self { places: after, capacity: self.capacity }, changes))
    }
}

/// Operands of LOCAL_WRITE.
pub fn words(address: IpAddr) -> Words {
    let mut words = Words::new();
    words.put(field::ADDRESS, bits(address)).put(field::V6, address.is_ipv6());
    words
}
