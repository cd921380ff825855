//! What the user asks for: the netlink messages, typed.

use crate::policy::{PolicyParams, PolicyType};
use crate::sa::{Offload, SaParams};
use crate::xfrm::{Direction, Mark, OffloadMode, PolicyDirection, Selector};

/// `offload [crypto|packet] dev DEV dir in|out` (struct xfrm_user_offload).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserOffload {
    /// Name of the device.
    pub dev: String,
    /// XFRM_OFFLOAD_*.
    pub flags: u8,
}

impl UserOffload {
    /// XFRM_OFFLOAD_IPV6; has no meaning any more.
    pub const IPV6: u8 = 1;
    /// XFRM_OFFLOAD_INBOUND
    pub const INBOUND: u8 = 2;
    /// XFRM_OFFLOAD_PACKET
    pub const PACKET: u8 = 4;

    /// For an SA.
    #[must_use]
    pub fn state(dev: &str, offload: Offload) -> Self {
        let inbound = if offload.direction == Direction::In { Self::INBOUND } else { 0 };
        let packet = if offload.mode == OffloadMode::Packet { Self::PACKET } else { 0 };
        Self { dev: dev.to_owned(), flags: inbound | packet }
    }

    /// For a policy.
    #[must_use]
    pub fn policy(dev: &str) -> Self {
        Self { dev: dev.to_owned(), flags: Self::PACKET }
    }

    pub(super) const fn offload(&self) -> Offload {
        Offload {
            mode: if self.flags & Self::PACKET == 0 { OffloadMode::Crypto } else { OffloadMode::Packet },
            direction: if self.flags & Self::INBOUND == 0 { Direction::Out } else { Direction::In },
        }
    }
}

/// XFRM_MSG_NEWSA and XFRM_MSG_UPDSA.
#[derive(Clone, Debug)]
pub struct StateRequest {
    /// The SA. Its own `offload` does not count; [`Self::offload`] does.
    pub params: SaParams,
    /// `seq`: the acquire that it answers, 0 for none.
    pub km_seq: u32,
    /// XFRMA_OFFLOAD_DEV
    pub offload: Option<UserOffload>,
}

impl StateRequest {
    /// For software.
    #[must_use]
    pub const fn software(params: SaParams) -> Self {
        Self { params, km_seq: 0, offload: None }
    }

    /// For a device, in the mode and direction of `params.offload`.
    #[must_use]
    pub fn offloaded(params: SaParams, dev: &str) -> Self {
        let offload = Some(UserOffload::state(dev, params.offload));
        Self { params, km_seq: 0, offload }
    }
}

/// XFRM_MSG_NEWPOLICY and XFRM_MSG_UPDPOLICY.
#[derive(Clone, Debug)]
pub struct PolicyRequest {
    /// The policy.
    pub params: PolicyParams,
    /// `index`, 0 for any.
    pub index: u32,
    /// XFRMA_OFFLOAD_DEV
    pub offload: Option<UserOffload>,
}

impl PolicyRequest {
    /// For software.
    #[must_use]
    pub const fn software(params: PolicyParams) -> Self {
        Self { params, index: 0, offload: None }
    }

    /// For a device.
    #[must_use]
    pub fn offloaded(params: PolicyParams, dev: &str) -> Self {
        Self { params, index: 0, offload: Some(UserOffload::policy(dev)) }
    }
}

/// Which policy: XFRM_MSG_GETPOLICY and XFRM_MSG_DELPOLICY (struct xfrm_userpolicy_id).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyId {
    /// Direction.
    pub direction: PolicyDirection,
    /// Type.
    pub ptype: PolicyType,
    /// By which of the two.
    pub key: PolicyKey,
    /// Mark, the same value and mask.
    pub mark: Mark,
    /// XFRM interface.
    pub if_id: u32,
}

/// What a policy is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyKey {
    /// Its selector, the same.
    Selector(Selector),
    /// Its index.
    Index(u32),
}

impl PolicyId {
    /// A policy of the main type without mark and interface, by its selector.
    #[must_use]
    pub fn selector(selector: Selector, direction: PolicyDirection) -> Self {
        let key = PolicyKey::Selector(selector);
        Self { direction, ptype: PolicyType::Main, key, mark: Mark::default(), if_id: 0 }
    }

    /// A policy of the main type without mark and interface, by its index.
    #[must_use]
    pub fn index(index: u32, direction: PolicyDirection) -> Self {
        Self { direction, ptype: PolicyType::Main, key: PolicyKey::Index(index), mark: Mark::default(), if_id: 0 }
    }

    /// That of a policy.
    #[must_use]
    pub fn of(params: &PolicyParams) -> Self {
        let key = PolicyKey::Selector(params.selector.clone());
        Self { direction: params.direction, ptype: params.ptype, key, mark: params.mark, if_id: params.if_id }
    }
}
