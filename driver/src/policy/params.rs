//! What a policy is asked for with.

use std::net::IpAddr;

use crate::xfrm::{Limits, Mark, Mode, PolicyDirection, SaId, Selector};

/// What happens to a packet that a policy matches (XFRM_POLICY_ALLOW, XFRM_POLICY_BLOCK).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Action {
    /// Protected by the template's SA; without a template it passes as it is.
    #[default]
    Allow,
    /// Dropped.
    Block,
}

/// `ptype main|sub`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PolicyType {
    /// The usual one.
    #[default]
    Main,
    /// Mobile IPv6's.
    Sub,
}

/// `level required|use`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// Without an SA the packet is dropped.
    #[default]
    Required,
    /// Without an SA the packet passes as it is: outbound in either mode, as in xfrm_tmpl_resolve_one; inbound not if it came
    /// out of a tunnel that the template does not fit, as in xfrm_policy_ok.
    Use,
}

/// Which SA protects the packets of a policy (struct xfrm_user_tmpl).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    /// Destination, SPI (0 for any) and protocol. The destination counts in tunnel mode only.
    pub id: SaId,
    /// Source address, or unspecified for any. It counts in tunnel mode only.
    pub saddr: IpAddr,
    /// Mode.
    pub mode: Mode,
    /// Must be the SA's.
    pub reqid: u32,
    /// What to do without an SA.
    pub level: Level,
}

/// A policy in XFRM's words, as `ip xfrm policy add` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyParams {
    /// Which packets.
    pub selector: Selector,
    /// Direction.
    pub direction: PolicyDirection,
    /// Lower numbers come first; among equals, the older.
    pub priority: u32,
    /// What to do.
    pub action: Action,
    /// With what: at most one here.
    pub templates: Vec<Template>,
    /// Type.
    pub ptype: PolicyType,
    /// Mark to match.
    pub mark: Mark,
    /// XFRM interface, 0 for none.
    pub if_id: u32,
    /// `flag localok`: a socket may override it. It has no meaning for a device.
    pub localok: bool,
    /// `flag icmp`: also for the packet inside an ICMP error.
    pub icmp: bool,
    /// Limits.
    pub limits: Limits,
}

impl PolicyParams {
    /// A policy with the defaults of `ip xfrm policy add`.
    #[must_use]
    pub fn new(selector: Selector, direction: PolicyDirection) -> Self {
        Self {
            selector,
            direction,
            priority: 0,
            action: Action::Allow,
            templates: Vec::new(),
            ptype: PolicyType::Main,
            mark: Mark::default(),
            if_id: 0,
            localok: false,
            icmp: false,
            limits: Limits::NONE,
        }
    }
}
