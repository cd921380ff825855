//! XFRM's words: what SAs and policies are described with (linux/xfrm.h, ip-xfrm(8)).

pub mod info;
pub mod message;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IP protocol numbers (IANA) that XFRM has words for.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// IPv6 routing header: XFRM's `route2`.
    pub const ROUTING: u8 = 43;
    /// GRE.
    pub const GRE: u8 = 47;
    /// Encapsulating Security Payload, RFC 4303.
    pub const ESP: u8 = 50;
    /// Authentication Header, RFC 4302.
    pub const AH: u8 = 51;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6 destination options: XFRM's `hao`.
    pub const DSTOPTS: u8 = 60;
    /// IP payload compression, RFC 3173: XFRM's `comp`.
    pub const COMP: u8 = 108;
    /// SCTP.
    pub const SCTP: u8 = 132;
    /// Mobility header.
    pub const MH: u8 = 135;
    /// UDP-Lite.
    pub const UDPLITE: u8 = 136;
}

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The address that stands for any.
    #[must_use]
    pub const fn unspecified(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// The prefix that holds every address.
    #[must_use]
    pub fn any(self) -> IpNet {
        match self {
            Self::V4 => Ipv4Net::default().into(),
            Self::V6 => Ipv6Net::default().into(),
        }
    }
}

/// How the SA encapsulates (XFRM_MODE_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The payload of the packet is protected (RFC 4301 section 3.2).
    Transport,
    /// The whole packet is protected, inside another.
    Tunnel,
    /// Bound end-to-end tunnel.
    Beet,
    /// Mobile IPv6 route optimisation.
    RouteOptimization,
    /// Mobile IPv6 inbound trigger.
    InTrigger,
    /// RFC 9347.
    Iptfs,
}

/// Direction of an SA (XFRM_SA_DIR_*, XFRM_DEV_OFFLOAD_IN and _OUT).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Received packets: decrypt.
    In,
    /// Sent packets: encrypt.
    Out,
}

/// Direction of a policy (XFRM_POLICY_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyDirection {
    /// Received packets for this host.
    In,
    /// Sent packets.
    Out,
    /// Received packets for others.
    Fwd,
}

/// What of ESP the device does (XFRM_DEV_OFFLOAD_CRYPTO and _PACKET).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OffloadMode {
    /// Encrypts and decrypts; the stack does the headers.
    Crypto,
    /// Everything.
    Packet,
}

/// What identifies an SA (struct xfrm_id): destination, SPI and protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SaId {
    /// Destination address.
    pub daddr: IpAddr,
    /// Security parameters index.
    pub spi: u32,
    /// [`protocol::ESP`], or another that is refused by name.
    pub proto: u8,
}

/// A port of a [`Selector`]: matches where `port & mask == value & mask`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortMatch {
    /// Port, or ICMP type or code.
    pub value: u16,
    /// 0 for any, 0xffff for exactly this.
    pub mask: u16,
}

impl PortMatch {
    /// Matches every port.
    pub const ANY: Self = Self { value: 0, mask: 0 };

    /// Matches one port.
    #[must_use]
    pub const fn exactly(value: u16) -> Self {
        Self { value, mask: 0xffff }
    }
}

/// Which packets (struct xfrm_selector).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Source addresses; bits past the prefix do not count.
    pub src: IpNet,
    /// Destination addresses, of the same family.
    pub dst: IpNet,
    /// Upper protocol, or 0 for any.
    pub proto: u8,
    /// Source port (ICMP: type).
    pub sport: PortMatch,
    /// Destination port (ICMP: code).
    pub dport: PortMatch,
    /// Interface (`dev NAME`).
    pub dev: Option<String>,
    /// User (`uid`, `user`).
    pub user: u32,
}

impl Selector {
    /// Between two prefixes, any protocol.
    #[must_use]
    pub fn between(src: IpNet, dst: IpNet) -> Self {
        Self { src, dst, proto: 0, sport: PortMatch::ANY, dport: PortMatch::ANY, dev: None, user: 0 }
    }

    /// Every packet of a family.
    #[must_use]
    pub fn any(family: Family) -> Self {
        Self::between(family.any(), family.any())
    }

    /// The family of both prefixes (of the destination, where they differ and the selector is refused).
    #[must_use]
    pub const fn family(&self) -> Family {
        match self.dst {
            IpNet::V4(_) => Family::V4,
            IpNet::V6(_) => Family::V6,
        }
    }
}

/// An XFRM mark: matches where `mark & mask == value & mask`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Value.
    pub value: u32,
    /// Mask; 0 is no mark.
    pub mask: u32,
}

/// Limits of an SA or a policy (struct xfrm_lifetime_cfg).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes after which the key manager is told.
    pub soft_bytes: u64,
    /// Bytes after which the SA is dead.
    pub hard_bytes: u64,
    /// Packets after which the key manager is told.
    pub soft_packets: u64,
    /// Packets after which the SA is dead.
    pub hard_packets: u64,
    /// Seconds since it was added, soft; 0 is none. Time limits are the XFRM core's business, not the device's.
    pub soft_add_seconds: u64,
    /// Seconds since it was added, hard; 0 is none.
    pub hard_add_seconds: u64,
    /// Seconds since first use, soft; 0 is none.
    pub soft_use_seconds: u64,
    /// Seconds since first use, hard; 0 is none.
    pub hard_use_seconds: u64,
}

impl Limits {
    /// No limit (XFRM_INF).
    pub const INF: u64 = u64::MAX;

    /// No limit at all.
    pub const NONE: Self = Self {
        soft_bytes: Self::INF,
        hard_bytes: Self::INF,
        soft_packets: Self::INF,
        hard_packets: Self::INF,
        soft_add_seconds: 0,
        hard_add_seconds: 0,
        soft_use_seconds: 0,
        hard_use_seconds: 0,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::NONE
    }
}
