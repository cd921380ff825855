//! Security associations, as the engine's tables hold them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::replay::ReplayWindow;
use crate::rfc4106::Rfc4106;

/// An outbound SA.
#[derive(Debug)]
pub struct TxSa {
    /// Security parameters index.
    pub spi: u32,
    /// Key, salt and ICV length.
    pub cipher: Rfc4106,
    /// Extended sequence numbers.
    pub esn: bool,
    /// The new IP header; without one the mode is transport.
    pub tunnel: Option<Tunnel>,
    /// UDP encapsulation.
    pub encap: Option<Encap>,
    /// The last sequence number used, 0 before the first packet.
    pub last_seq: u64,
}

impl TxSa {
    /// The next sequence number (RFC 4303 section 2.2), or `None` when all are used up: 2^32 - 1, with ESN 2^64 - 1, is
    /// the last one, and nothing is sent after it (section 3.3.3).
    pub fn next_seq(&mut self) -> Option<u64> {
        let last = if self.esn { u64::MAX } else { u64::from(u32::MAX) };
        if self.last_seq >= last {
            return None;
        }
        self.last_seq += 1;
        Some(self.last_seq)
    }
}

/// How the outer header of a tunnel is made (RFC 4301 section 5.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunnel {
    /// Its addresses.
    pub endpoints: Endpoints,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Do not copy the inner DSCP (XFRM_SA_XFLAG_DONT_ENCAP_DSCP).
    pub dont_encap_dscp: bool,
    /// Do not copy the inner ECN field (XFRM_STATE_NOECN).
    pub no_ecn: bool,
    /// Never set DF (XFRM_STATE_NOPMTUDISC).
    pub no_pmtu_disc: bool,
}

impl Tunnel {
    /// TTL 64, and everything copied.
    pub fn new(endpoints: Endpoints) -> Self {
        Self { endpoints, ttl: 64, dont_encap_dscp: false, no_ecn: false, no_pmtu_disc: false }
    }
}

/// The two ends of a tunnel, of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoints {
    /// IPv4 outside.
    V4 {
        /// Source.
        src: Ipv4Addr,
        /// Destination.
        dst: Ipv4Addr,
    },
    /// IPv6 outside.
    V6 {
        /// Source.
        src: Ipv6Addr,
        /// Destination.
        dst: Ipv6Addr,
    },
}

impl Endpoints {
    /// The destination.
    pub fn dst(&self) -> IpAddr {
        match *self {
            Self::V4 { dst, .. } => dst.into(),
            Self::V6 { dst, .. } => dst.into(),
        }
    }
}

/// Ports of UDP encapsulation (RFC 3948).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encap {
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
}

/// An inbound SA.
#[derive(Debug)]
pub struct RxSa {
    /// Key, salt and ICV length.
    pub cipher: Rfc4106,
    /// Tunnel mode, else transport.
    pub tunnel: bool,
    /// Replay window; it also says whether the SA has ESN.
    pub replay: ReplayWindow,
}

/// What an inbound SA is found by (RFC 4301 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SaKey {
    /// Destination address.
    pub dst: IpAddr,
    /// Security parameters index.
    pub spi: u32,
    /// Inside UDP.
    pub encap: bool,
}
