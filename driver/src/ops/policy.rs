//! A policy, as the core shows it to a device (struct xfrm_policy).

use crate::policy::PolicyParams;

use super::OffloadHandle;

/// What a policy asks of a device (struct xfrm_dev_offload). Always packet mode; the direction is the policy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XfrmPolicyOffload {
    /// The device's name.
    pub dev: String,
    /// The device's own name for it, set by `xdo_dev_policy_add`.
    pub offload_handle: Option<OffloadHandle>,
}

/// A policy.
#[derive(Clone, Debug)]
pub struct XfrmPolicy {
    /// What the user asked for.
    pub params: PolicyParams,
    /// Unique; its low three bits are the direction (xfrm_gen_index).
    pub index: u32,
    /// What is asked of a device; none: software.
    pub xdo: Option<XfrmPolicyOffload>,
    /// Deleted; packets in flight may still hold it (`walk.dead`).
    pub dead: bool,
}

impl XfrmPolicy {
    /// A new one, before it is in the SPD.
    #[must_use]
    pub const fn new(params: PolicyParams, index: u32, xdo: Option<XfrmPolicyOffload>) -> Self {
        Self { params, index, xdo, dead: false }
    }

    /// The device's name for it, if a device has it.
    #[must_use]
    pub fn offload_handle(&self) -> Option<OffloadHandle> {
        self.xdo.as_ref()?.offload_handle
    }
}
