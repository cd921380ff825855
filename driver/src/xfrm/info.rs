//! What XFRM tells of its SAs and policies: the fields of XFRM_MSG_NEWSA and XFRM_MSG_NEWPOLICY (linux/xfrm.h), typed.
//!
//! A number that means "none" in the kernel's structure means so here too (`if_id` 0, `tfcpad` 0, a mark with an empty
//! value and mask): the kernel leaves such an attribute out of its message. Times are seconds since the epoch, 0 for never.

use std::net::IpAddr;

use super::{Direction, Family, Limits, Mark, Mode, OffloadMode, PolicyDirection, SaId, Selector};
use crate::key::Key;
use crate::policy::{Action, PolicyType, Template};
use crate::sa::{Aead, Algorithm, Encap, ReplayState, SaFlags};

/// An SA as XFRM reports it (struct xfrm_usersa_info and its attributes).
#[derive(Clone, Debug)]
pub struct StateInfo {
    /// `sel`. None is the kernel's all-zero selector, which an SA has only with flag af-unspec.
    pub selector: Option<Selector>,
    /// `id`: destination, SPI, protocol.
    pub id: SaId,
    /// `saddr`
    pub saddr: IpAddr,
    /// `lft`: the limits.
    pub limits: Limits,
    /// `curlft`: what counts against them.
    pub current: Lifetime,
    /// `stats`
    pub stats: Stats,
    /// `seq`: the acquire's number (`km.seq`), in the byte order in which the kernel keeps it: `ip xfrm state add ... seq N`
    /// sends N in network order.
    pub seq: u32,
    /// `reqid`
    pub reqid: u32,
    /// `mode`
    pub mode: Mode,
    /// `replay_window`: of an SA with [`Replay::Legacy`]; 0 with [`Replay::Esn`].
    pub replay_window: u8,
    /// `flags` and XFRMA_SA_EXTRA_FLAGS.
    pub flags: SaFlags,
    /// XFRMA_ALG_AEAD
    pub aead: Option<Aead>,
    /// XFRMA_ALG_CRYPT
    pub enc: Option<Algorithm>,
    /// XFRMA_ALG_AUTH and XFRMA_ALG_AUTH_TRUNC
    pub auth: Option<Auth>,
    /// XFRMA_ALG_COMP
    pub comp: Option<Algorithm>,
    /// XFRMA_ENCAP
    pub encap: Option<Encap>,
    /// XFRMA_COADDR: Mobile IPv6's care-of address.
    pub coaddr: Option<IpAddr>,
    /// XFRMA_LASTUSED: when a packet last went through it.
    pub lastused: u64,
    /// XFRMA_REPLAY_VAL or XFRMA_REPLAY_ESN_VAL
    pub replay: Replay,
    /// XFRMA_OFFLOAD_DEV
    pub offload: Option<StateOffload>,
    /// XFRMA_MARK
    pub mark: Mark,
    /// XFRMA_SET_MARK and XFRMA_SET_MARK_MASK: `output-mark`.
    pub output_mark: Mark,
    /// XFRMA_IF_ID
    pub if_id: u32,
    /// XFRMA_TFCPAD
    pub tfcpad: u32,
    /// XFRMA_SA_DIR
    pub dir: Option<Direction>,
    /// XFRMA_SEC_CTX
    pub security_context: Option<String>,
}

impl StateInfo {
    /// An SA that was never used, without limits, algorithms and attributes; it takes every packet of its family.
    #[must_use]
    pub fn new(id: SaId, saddr: IpAddr, mode: Mode) -> Self {
        Self {
            selector: Some(Selector::any(Family::of(id.daddr))),
            id,
            saddr,
            limits: Limits::NONE,
            current: Lifetime::default(),
            stats: Stats::default(),
            seq: 0,
            reqid: 0,
            mode,
            replay_window: 0,
            flags: SaFlags::default(),
            aead: None,
            enc: None,
            auth: None,
            comp: None,
            encap: None,
            coaddr: None,
            lastused: 0,
            replay: Replay::default(),
            offload: None,
            mark: Mark::default(),
            output_mark: Mark::default(),
            if_id: 0,
            tfcpad: 0,
            dir: None,
            security_context: None,
        }
    }

    /// `family`: that of its addresses.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.id.daddr)
    }
}

/// What has been counted (struct xfrm_lifetime_cur).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// `bytes`
    pub bytes: u64,
    /// `packets`
    pub packets: u64,
    /// `add_time`
    pub add_time: u64,
    /// `use_time`: first use.
    pub use_time: u64,
}

/// Packets that an SA refused (struct xfrm_stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// `replay_window`: left of the window.
    pub replay_window: u32,
    /// `replay`: seen before.
    pub replay: u32,
    /// `integrity_failed`: wrong ICV.
    pub integrity_failed: u32,
}

/// Where the sequence numbers stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// struct xfrm_replay_state: windows up to 32, numbers of 32 bits.
    Legacy {
        /// Last number sent.
        oseq: u32,
        /// Highest number received.
        seq: u32,
        /// Bit i: `seq - i` was received.
        bitmap: u32,
    },
    /// struct xfrm_replay_state_esn: windows of any size, and ESN.
    Esn {
        /// `seq`, `seq_hi`, `oseq`, `oseq_hi`
        state: ReplayState,
        /// Size in packets.
        replay_window: u32,
        /// `bmp`, of `bmp_len` words. The number s has bit `(s - 1) % replay_window`, counted from bit 0 of word 0.
        bitmap: Vec<u32>,
    },
}

impl Default for Replay {
    fn default() -> Self {
        Self::Legacy { oseq: 0, seq: 0, bitmap: 0 }
    }
}

/// `auth` or `auth-trunc` (struct xfrm_algo_auth).
#[derive(Clone, Debug)]
pub struct Auth {
    /// Name in the kernel's crypto API.
    pub name: String,
    /// Key.
    pub key: Key,
    /// `alg_trunc_len`: length of the ICV in bits; none if only XFRMA_ALG_AUTH is there.
    pub trunc_bits: Option<u32>,
}

/// Where an SA is offloaded to (struct xfrm_user_offload).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateOffload {
    /// Name of `ifindex`.
    pub dev: String,
    /// XFRM_OFFLOAD_INBOUND in `flags`.
    pub direction: Direction,
    /// XFRM_OFFLOAD_PACKET in `flags`.
    pub mode: OffloadMode,
}

/// A policy as XFRM reports it (struct xfrm_userpolicy_info and its attributes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInfo {
    /// `sel`
    pub selector: Selector,
    /// `lft`: the limits.
    pub limits: Limits,
    /// `curlft`: what counts against them.
    pub current: Lifetime,
    /// `priority`
    pub priority: u32,
    /// `index`
    pub index: u32,
    /// `dir`
    pub direction: PolicyDirection,
    /// `dir` of XFRM_POLICY_MAX and more: a socket's own policy.
    pub socket: bool,
    /// `action`
    pub action: Action,
    /// XFRM_POLICY_LOCALOK in `flags`: a socket may override it.
    pub localok: bool,
    /// XFRM_POLICY_ICMP in `flags`: also for the packet inside an ICMP error.
    pub icmp: bool,
    /// `share`
    pub share: Share,
    /// XFRMA_POLICY_TYPE; none where the kernel knows no sub-policies (CONFIG_XFRM_SUB_POLICY).
    pub ptype: Option<PolicyType>,
    /// XFRMA_TMPL
    pub templates: Vec<TemplateInfo>,
    /// XFRMA_MARK
    pub mark: Mark,
    /// XFRMA_IF_ID
    pub if_id: u32,
    /// XFRMA_OFFLOAD_DEV: name of the device that packet offload is done by.
    pub offload: Option<String>,
    /// XFRMA_SEC_CTX
    pub security_context: Option<String>,
}

impl PolicyInfo {
    /// A policy of the main type that was never used, without limits, templates and attributes, and lets its packets through.
    #[must_use]
    pub fn new(selector: Selector, direction: PolicyDirection) -> Self {
        Self {
            selector,
            limits: Limits::NONE,
            current: Lifetime::default(),
            priority: 0,
            index: 0,
            direction,
            socket: false,
            action: Action::Allow,
            localok: false,
            icmp: false,
            share: Share::Any,
            ptype: Some(PolicyType::Main),
            templates: Vec::new(),
            mark: Mark::default(),
            if_id: 0,
            offload: None,
            security_context: None,
        }
    }
}

/// A template as XFRM reports it (struct xfrm_user_tmpl).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateInfo {
    /// `id`, `saddr`, `mode`, `reqid`, `optional`
    pub template: Template,
    /// `share`
    pub share: Share,
    /// `ealgos`: the ciphers allowed, by the kernel's numbers.
    pub ealgos: u32,
    /// `aalgos`
    pub aalgos: u32,
    /// `calgos`
    pub calgos: u32,
}

impl From<Template> for TemplateInfo {
    /// With every algorithm allowed, as `ip xfrm policy add` makes it.
    fn from(template: Template) -> Self {
        Self { template, share: Share::Any, ealgos: u32::MAX, aalgos: u32::MAX, calgos: u32::MAX }
    }
}

/// Who may use an SA together (XFRM_SHARE_*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Share {
    /// Everybody.
    #[default]
    Any,
    /// Packets of one session.
    Session,
    /// One user.
    User,
    /// Nobody else.
    Unique,
}
