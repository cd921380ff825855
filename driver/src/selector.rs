//! Selectors as sets of packets: checked, intersected, and turned into what the device compares.

use std::net::IpAddr;

use espalier_regs::mailbox::policy as field;
use ipnet::IpNet;
use thiserror::Error;

use crate::errno::Errno;
use crate::regs::Words;
use crate::xfrm::{Family, PortMatch, Selector, protocol};

/// Why a selector is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectorError {
    /// Prefixes of two families.
    #[error("source {src} and destination {dst} are of different families")]
    Family {
        /// Source.
        src: IpNet,
        /// Destination.
        dst: IpNet,
    },
    /// Ports of a protocol that has none the device sees (ICMP type and code, GRE key, mobility header type).
    #[error("the device sees no ports in protocol {0}")]
    Ports(u8),
    /// An interface.
    #[error("the device does not match an interface")]
    Dev,
    /// A user.
    #[error("the device does not match a user")]
    User,
}

impl SelectorError {
    /// What a callback returns for it.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Family { .. } => Errno::Einval,
            Self::Ports(_) | Self::Dev | Self::User => Errno::Eopnotsupp,
        }
    }
}

/// Checks what can be wrong with a selector by itself.
pub fn check(selector: &Selector) -> Result<(), SelectorError> {
    if selector.src.addr().is_ipv4() != selector.dst.addr().is_ipv4() {
        return Err(SelectorError::Family { src: selector.src, dst: selector.dst });
    }
    let ports = selector.sport.mask != 0 || selector.dport.mask != 0;
    // The protocols whose ports the engine reads. With any protocol, a packet without ports has port 0.
    let seen = [0, protocol::TCP, protocol::UDP, protocol::DCCP, protocol::SCTP, protocol::UDPLITE];
    if ports && !seen.contains(&selector.proto) {
        return Err(SelectorError::Ports(selector.proto));
    }
    if selector.dev.is_some() {
        return Err(SelectorError::Dev);
    }
    if selector.user != 0 {
        return Err(SelectorError::User);
    }
    Ok(())
}

/// A value compared under a mask; bits outside the mask are zero, so equal sets are equal values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masked {
    /// Value.
    pub value: u128,
    /// Mask.
    pub mask: u128,
}

impl Masked {
    const ANY: Self = Self { value: 0, mask: 0 };

    const fn new(value: u128, mask: u128) -> Self {
        Self { value: value & mask, mask }
    }

    /// What is in both; none if nothing is.
    const fn and(self, other: Self) -> Option<Self> {
        if (self.value ^ other.value) & self.mask & other.mask != 0 {
            return None;
        }
        Some(Self { value: self.value | other.value, mask: self.mask | other.mask })
    }

    fn prefix(prefix: IpNet) -> Self {
        Self::new(bits(prefix.addr()), bits(prefix.netmask()))
    }

    /// One address; every address where it is unspecified.
    fn address(address: IpAddr) -> Self {
        if address.is_unspecified() {
            return Self::ANY;
        }
        Self::prefix(address.into())
    }

    const fn port(port: PortMatch) -> Self {
        Self::new(port.value as u128, port.mask as u128)
    }
}

/// An address as a number; IPv4 in the low 32 bits.
pub fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// A selector as the device compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Always compared.
    pub family: Family,
    /// Source address.
    pub src: Masked,
    /// Destination address.
    pub dst: Masked,
    /// Upper protocol.
    pub protocol: Masked,
    /// Source port.
    pub sport: Masked,
    /// Destination port.
    pub dport: Masked,
}

impl Pattern {
    /// Every packet of a family.
    pub const fn any(family: Family) -> Self {
        let any = Masked::ANY;
        Self { family, src: any, dst: any, protocol: any, sport: any, dport: any }
    }

    /// Every packet from one address to another; unspecified is any.
    pub fn hosts(src: IpAddr, dst: IpAddr) -> Self {
        Self { src: Masked::address(src), dst: Masked::address(dst), ..Self::any(Family::of(dst)) }
    }

    /// Puts it into the words that POLICY and SELECTOR have in common.
    pub fn put(&self, words: &mut Words) {
        let Self { family, src, dst, protocol, sport, dport } = *self;
        words
            .put(field::VALUE_V6, family == Family::V6)
            .put(field::VALUE_SRC, src.value)
            .put(field::MASK_SRC, src.mask)
            .put(field::VALUE_DST, dst.value)
            .put(field::MASK_DST, dst.mask)
            .put(field::VALUE_PROTOCOL, protocol.value)
            .put(field::MASK_PROTOCOL, protocol.mask)
            .put(field::VALUE_SPORT, sport.value)
            .put(field::MASK_SPORT, sport.mask)
            .put(field::VALUE_DPORT, dport.value)
            .put(field::MASK_DPORT, dport.mask);
    }

    /// The packets in both; none if there are none.
    pub fn and(&self, other: &Self) -> Option<Self> {
        if self.family != other.family {
            return None;
        }
        Some(Self {
            family: self.family,
            src: self.src.and(other.src)?,
            dst: self.dst.and(other.dst)?,
            protocol: self.protocol.and(other.protocol)?,
            sport: self.sport.and(other.sport)?,
            dport: self.dport.and(other.dport)?,
        })
    }
}

impl From<&Selector> for Pattern {
    fn from(selector: &Selector) -> Self {
        let protocol = if selector.proto == 0 { Masked::ANY } else { Masked::new(selector.proto.into(), 0xff) };
        Self {
            family: selector.family(),
            src: Masked::prefix(selector.src),
            dst: Masked::prefix(selector.dst),
            protocol,
            sport: Masked::port(selector.sport),
            dport: Masked::port(selector.dport),
        }
    }
}
