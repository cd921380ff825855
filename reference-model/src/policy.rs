//! Policies of both directions: XFRM selectors (RFC 4301 section 4.4.1) and what they decide.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::headers::Headers;

/// Number of an SA of one direction.
pub type SaIndex = u16;

/// What a packet is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Upper protocol: IPv4 protocol or IPv6 next header.
    pub protocol: u8,
    /// Source port, 0 without ports.
    pub sport: u16,
    /// Destination port, 0 without ports.
    pub dport: u16,
    /// Inbound: not for this host. Outbound: false.
    pub forward: bool,
}

impl Flow {
    /// Of a packet, outbound or for this host.
    pub fn of(headers: &Headers) -> Self {
        let (sport, dport) = headers.ports.unwrap_or_default();
        Self { src: headers.src, dst: headers.dst, protocol: headers.protocol, sport, dport, forward: false }
    }
}

/// A prefix longer than the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a prefix of {length} bits is too long for {address}")]
pub struct PrefixError {
    /// The address.
    pub address: IpAddr,
    /// The length asked for.
    pub length: u8,
}

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// The first `length` bits of `address`; the others do not count.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        if length > longest {
            return Err(PrefixError { address, length });
        }
        Ok(Self { address, length })
    }

    /// One address.
    pub fn host(address: IpAddr) -> Self {
        Self { address, length: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Its address, with bits behind the prefix as they were given.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits count.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Whether `address` is of the same family and begins with the prefix.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let host_bits = 32 - u32::from(self.length);
                let differing = u64::from(ours.to_bits() ^ theirs.to_bits());
                differing >> host_bits == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let host_bits = 128 - u32::from(self.length);
                let differing = ours.to_bits() ^ theirs.to_bits();
                differing.checked_shr(host_bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Ports that agree with `value` in the bits of `mask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PortMatch {
    /// The bits.
    pub value: u16,
    /// Which of them count.
    pub mask: u16,
}

impl PortMatch {
    /// Every port, and none.
    pub const ANY: Self = Self { value: 0, mask: 0 };

    /// One port.
    pub const fn exactly(port: u16) -> Self {
        Self { value: port, mask: 0xFFFF }
    }

    /// Whether `port` is one of them.
    pub const fn contains(&self, port: u16) -> bool {
        (self.value ^ port) & self.mask == 0
    }
}

/// Which packets a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selector {
    /// Source addresses.
    pub src: Prefix,
    /// Destination addresses.
    pub dst: Prefix,
    /// Upper protocol; any without.
    pub protocol: Option<u8>,
    /// Source ports.
    pub sport: PortMatch,
    /// Destination ports.
    pub dport: PortMatch,
}

impl Selector {
    /// Everything: one for IPv4, one for IPv6.
    pub const ALL: [Self; 2] = [
        Self::all(Prefix { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), length: 0 }),
        Self::all(Prefix { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), length: 0 }),
    ];

    const fn all(prefix: Prefix) -> Self {
        Self { src: prefix, dst: prefix, protocol: None, sport: PortMatch::ANY, dport: PortMatch::ANY }
    }

    /// Everything between two prefixes.
    pub fn between(src: Prefix, dst: Prefix) -> Self {
        Self { src, dst, protocol: None, sport: PortMatch::ANY, dport: PortMatch::ANY }
    }

    /// Whether it is for this packet.
    pub fn matches(&self, flow: &Flow) -> bool {
        self.src.contains(flow.src)
            && self.dst.contains(flow.dst)
            && self.protocol.is_none_or(|protocol| protocol == flow.protocol)
            && self.sport.contains(flow.sport)
            && self.dport.contains(flow.dport)
    }
}

/// What an outbound policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Lets the packet pass as it is (XFRM: allow, no template).
    Bypass,
    /// Drops it (XFRM: block).
    Block,
    /// Protects it by this SA (XFRM: allow with a template); drops it when there is none.
    Protect(Option<SaIndex>),
}

/// What an inbound policy asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// No protection (XFRM: allow, no template).
    Bypass,
    /// Nothing passes (XFRM: block).
    Block,
    /// Protection by an SA that fits the template: one whose [`accepts`](crate::sa::RxSa::accepts) names the policy.
    Protect {
        /// Packets without it pass too (template level `use`).
        optional: bool,
    },
}

/// A policy: outbound with an [`Action`], inbound with a [`Requirement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy<A = Action> {
    /// Which packets it is for.
    pub selector: Selector,
    /// Inbound: for packets that are not for this host (`fwd`), else for those that are (`in`). Outbound: false.
    pub forward: bool,
    /// The lowest number comes first.
    pub priority: u32,
    /// What it does.
    pub action: A,
}

/// Names a policy in its table: its place in the order of look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId {
    priority: u32,
    insertion: u64,
}

/// The outbound policies, or the inbound ones, `in` and `fwd` together.
#[derive(Debug, Clone)]
pub struct PolicyTable<A = Action> {
    policies: BTreeMap<PolicyId, Policy<A>>,
    insertions: u64,
}

impl<A> Default for PolicyTable<A> {
    fn default() -> Self {
        Self { policies: BTreeMap::new(), insertions: 0 }
    }
}

impl<A> PolicyTable<A> {
    /// Adds a policy behind all that have its priority.
    pub fn insert(&mut self, policy: Policy<A>) -> PolicyId {
        let id = PolicyId { priority: policy.priority, insertion: self.insertions };
        self.insertions += 1;
        self.policies.insert(id, policy);
        id
    }

    /// Removes a policy.
    pub fn remove(&mut self, id: PolicyId) -> Option<Policy<A>> {
        self.policies.remove(&id)
    }

    /// The first that is for the packet: lowest priority number, then the one inserted first.
    pub fn look_up(&self, flow: &Flow) -> Option<&Policy<A>> {
        self.find(flow).map(|(_, policy)| policy)
    }

    /// As [`Self::look_up`], with its name.
    pub fn find(&self, flow: &Flow) -> Option<(PolicyId, &Policy<A>)> {
        let mut policies = self.policies.iter().map(|(id, policy)| (*id, policy));
        policies.find(|(_, policy)| policy.forward == flow.forward && policy.selector.matches(flow))
    }
}
