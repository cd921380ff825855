//! Security associations, as the engine's tables hold them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::lifetime::Lifetime;
use crate::policy::{PolicyId, SaIndex, Selector};
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
    /// Crypto offload: the stack builds the ESP packet, and the engine encrypts it. Else packet offload.
    pub crypto: bool,
    /// Packet offload: the longest ESP payload in bytes, without trailer; what the driver makes of the MTU.
    pub max_payload: Option<u16>,
    /// What it has carried, and may carry.
    pub lifetime: Lifetime,
}

impl TxSa {
    /// Packet offload in transport mode, without ESN, UDP and limits.
    pub fn new(spi: u32, cipher: Rfc4106) -> Self {
        Self {
            spi,
            cipher,
            esn: false,
            tunnel: None,
            encap: None,
            last_seq: 0,
            crypto: false,
            max_payload: None,
            lifetime: Lifetime::default(),
        }
    }

    /// The last number has been used: nothing more can be sent.
    pub fn exhausted(&self) -> bool {
        self.last_seq >= if self.esn { u64::MAX } else { u64::from(u32::MAX) }
    }

    /// The next sequence number (RFC 4303 section 2.2), or `None` when all are used up: 2^32 - 1, with ESN 2^64 - 1, is
    /// the last one, and nothing is sent after it (section 3.3.3).
    pub fn next_seq(&mut self) -> Option<u64> {
        if self.exhausted() {
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
    /// Its number, which runs beside the frames that came out of it.
    pub number: SaIndex,
    /// Key, salt and ICV length.
    pub cipher: Rfc4106,
    /// Tunnel mode, else transport.
    pub tunnel: bool,
    /// Replay window; it also says whether the SA has ESN.
    pub replay: ReplayWindow,
    /// Crypto offload: headers and trailer stay for the stack. Else packet offload.
    pub crypto: bool,
    /// Tunnel mode: may carry IPv4.
    pub inner_v4: bool,
    /// Tunnel mode: may carry IPv6.
    pub inner_v6: bool,
    /// Tunnel mode: congestion marks are not handed inwards (XFRM_STATE_NOECN).
    pub no_ecn: bool,
    /// Tunnel mode: the outer DSCP is copied inwards (XFRM_STATE_DECAP_DSCP).
    pub decap_dscp: bool,
    /// What it may carry: what one of these is for.
    pub selectors: Vec<Selector>,
    /// The inbound policies whose template it fits.
    pub accepts: BTreeSet<PolicyId>,
    /// What it has carried, and may carry.
    pub lifetime: Lifetime,
    /// What packets failed at.
    pub failures: Failures,
}

impl RxSa {
    /// Packet offload in transport mode for any packet, fitting no policy, without limits.
    pub fn new(number: SaIndex, cipher: Rfc4106, replay: ReplayWindow) -> Self {
        Self {
            number,
            cipher,
            tunnel: false,
            replay,
            crypto: false,
            inner_v4: true,
            inner_v6: true,
            no_ecn: false,
            decap_dscp: false,
            selectors: Selector::ALL.to_vec(),
            accepts: BTreeSet::new(),
            lifetime: Lifetime::default(),
            failures: Failures::default(),
        }
    }
}

/// How often packets of an SA failed at what (Linux struct xfrm_stats); 32 bits each, which wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// Duplicates.
    pub replay: u32,
    /// Left of the window, or no longer in it when the ICV was verified.
    pub replay_window: u32,
    /// The ICV did not fit.
    pub integrity_failed: u32,
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
