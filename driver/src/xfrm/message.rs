//! What XFRM tells those who listen (`ip xfrm monitor`), and how many SAs and policies it has (`ip xfrm state count`).

use std::net::{IpAddr, SocketAddr};

use super::info::{PolicyInfo, StateInfo};
use super::{SaId, Selector};
use crate::policy::PolicyType;

/// A message of XFRM's multicast groups (XFRM_MSG_*, XFRMNLGRP_*).
#[derive(Clone, Debug)]
pub enum Message {
    /// XFRM_MSG_NEWSA
    NewState(Box<StateInfo>),
    /// XFRM_MSG_UPDSA
    UpdatedState(Box<StateInfo>),
    /// XFRM_MSG_DELSA
    DeletedState(Box<StateInfo>),
    /// XFRM_MSG_EXPIRE
    ExpiredState {
        /// As it is now.
        state: Box<StateInfo>,
        /// The hard limit: the SA is gone.
        hard: bool,
    },
    /// XFRM_MSG_NEWPOLICY
    NewPolicy(Box<PolicyInfo>),
    /// XFRM_MSG_UPDPOLICY
    UpdatedPolicy(Box<PolicyInfo>),
    /// XFRM_MSG_DELPOLICY
    DeletedPolicy(Box<PolicyInfo>),
    /// XFRM_MSG_POLEXPIRE
    ExpiredPolicy {
        /// As it is now.
        policy: Box<PolicyInfo>,
        /// The hard limit: the policy is gone.
        hard: bool,
    },
    /// XFRM_MSG_ACQUIRE: a packet needs an SA that is not there.
    Acquire(Box<Acquire>),
    /// XFRM_MSG_FLUSHSA: all SAs of a protocol are gone.
    FlushedStates {
        /// IP protocol; 255 (IPSEC_PROTO_ANY) or 0 for all.
        proto: u8,
    },
    /// XFRM_MSG_FLUSHPOLICY: all policies of a type are gone.
    FlushedPolicies {
        /// XFRMA_POLICY_TYPE
        ptype: Option<PolicyType>,
    },
    /// XFRM_MSG_NEWAE: the state of an SA has changed.
    AsyncEvent(AsyncEvent),
    /// XFRM_MSG_MAPPING: a peer behind a NAT has moved.
    Mapping {
        /// Which SA.
        id: SaId,
        /// Its `reqid`.
        reqid: u32,
        /// `old_saddr`, `old_sport`
        old: SocketAddr,
        /// `new_saddr`, `new_sport`
        new: SocketAddr,
    },
    /// XFRM_MSG_REPORT: a packet came unprotected that should not have.
    Report {
        /// The protocol that was missing.
        proto: u8,
        /// The packet.
        selector: Selector,
    },
}

/// struct xfrm_user_acquire.
#[derive(Clone, Debug)]
pub struct Acquire {
    /// `id`: which SA is wanted; SPI 0 for any.
    pub id: SaId,
    /// `saddr`
    pub saddr: IpAddr,
    /// `sel`: the packet.
    pub selector: Selector,
    /// `policy`, with the template in question.
    pub policy: PolicyInfo,
    /// `seq`: links the answer to the larval SA.
    pub seq: u32,
    /// `ealgos`: the ciphers allowed, by the kernel's numbers.
    pub ealgos: u32,
    /// `aalgos`
    pub aalgos: u32,
    /// `calgos`
    pub calgos: u32,
}

/// struct xfrm_aevent_id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsyncEvent {
    /// `sa_id`
    pub id: SaId,
    /// `saddr`
    pub saddr: IpAddr,
    /// `reqid`
    pub reqid: u32,
    /// `flags`: why, of the bits [`AsyncEvent::REPLAY`], [`AsyncEvent::TIMER`], [`AsyncEvent::POLICY`] and others (XFRM_AE_*).
    pub flags: u32,
}

impl AsyncEvent {
    /// XFRM_AE_CR: the replay state has moved on.
    pub const REPLAY: u32 = 16;
    /// XFRM_AE_CE: the timer ran out.
    pub const TIMER: u32 = 32;
    /// XFRM_AE_CU: a request changed it.
    pub const POLICY: u32 = 64;
}

/// How full the SAD is (XFRM_MSG_NEWSADINFO).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SadInfo {
    /// XFRMA_SAD_CNT: SAs.
    pub count: u32,
    /// `sadhcnt`: buckets of the hash table.
    pub buckets: u32,
    /// `sadhmcnt`: most buckets it may have.
    pub most_buckets: u32,
}

/// How full the SPD is (XFRM_MSG_NEWSPDINFO). In each pair, policies of the host and policies of single sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpdInfo {
    /// `incnt`, `inscnt`
    pub inbound: [u32; 2],
    /// `outcnt`, `outscnt`
    pub outbound: [u32; 2],
    /// `fwdcnt`, `fwdscnt`
    pub forward: [u32; 2],
    /// XFRMA_SPD_HINFO and the thresholds, where policies are hashed.
    pub hash: Option<SpdHash>,
}

/// How policies are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpdHash {
    /// `spdhcnt`: buckets of the hash table.
    pub buckets: u32,
    /// `spdhmcnt`: most buckets it may have.
    pub most_buckets: u32,
    /// XFRMA_SPD_IPV4_HTHRESH: shortest prefixes that are hashed, local and remote.
    pub ipv4_thresholds: [u8; 2],
    /// XFRMA_SPD_IPV6_HTHRESH
    pub ipv6_thresholds: [u8; 2],
}
