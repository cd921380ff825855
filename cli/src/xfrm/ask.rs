//! What commands say that ask for SAs and policies or remove them, typed.

use super::ast::{Id, Mark, Prefix, Selector};
use super::words::{Family, Mode, PolicyAction, PolicyDirection, PolicyFlags, PolicyType, Proto, SaDirection, StateFlags};

/// `state delete|get ID [mark]`. iproute2 asks for no ID: the kernel then finds no SA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateName {
    /// The ID.
    pub id: Id,
    /// `mark V [mask M]`
    pub mark: Option<Mark>,
}

/// `state allocspi`: reserve an SPI for an SA to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocSpi {
    /// Which SA; without an SPI.
    pub id: Id,
    /// `mode`; transport unless said.
    pub mode: Mode,
    /// `mark V [mask M]`
    pub mark: Option<Mark>,
    /// `reqid`; 0 unless said.
    pub reqid: u32,
    /// `seq`
    pub seq: u32,
    /// `dir`
    pub direction: Option<SaDirection>,
    /// `min SPI max SPI`, or the whole range of the protocol.
    pub range: (u32, u32),
}

/// `state list|deleteall`: which SAs. What is not said is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateFilter {
    /// Of the ID's addresses, or of `-4`/`-6`.
    pub family: Option<Family>,
    /// `src PREFIX`
    pub source: Option<Prefix>,
    /// `dst PREFIX`
    pub destination: Option<Prefix>,
    /// `proto`
    pub proto: Option<Proto>,
    /// `spi`
    pub spi: Option<u32>,
    /// `mode`
    pub mode: Option<Mode>,
    /// `reqid`
    pub reqid: Option<u32>,
    /// `flag`: one of these at least.
    pub flags: Option<StateFlags>,
    /// `nokeys`: print no keys.
    pub nokeys: bool,
}

/// `policy delete|get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyName {
    /// Which policy.
    pub which: PolicyKey,
    /// `dir`
    pub direction: PolicyDirection,
    /// `ptype`
    pub ptype: PolicyType,
    /// `mark V [mask M]`
    pub mark: Option<Mark>,
    /// `if_id`
    pub if_id: Option<u32>,
    /// `ctx`
    pub security_context: Option<String>,
}

/// What names a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyKey {
    /// SELECTOR
    Selector(Selector),
    /// `index`
    Index(u32),
}

/// `policy list|deleteall`: which policies. What is not said is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFilter {
    /// SELECTOR; its family may be that of `-4`/`-6`.
    pub selector: Selector,
    /// `dir`
    pub direction: Option<PolicyDirection>,
    /// `index`
    pub index: Option<u32>,
    /// `ptype`
    pub ptype: Option<PolicyType>,
    /// `action`
    pub action: Option<PolicyAction>,
    /// `priority`
    pub priority: Option<u32>,
    /// `flag`: one of these at least.
    pub flags: Option<PolicyFlags>,
    /// `nosock`: not those of single sockets.
    pub nosock: bool,
}

/// `monitor`: which messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Monitor {
    /// `acquire`, `expire`, `SA`, `aevent`, `policy`, `report`; none of them is all, and others too.
    pub groups: Groups,
    /// `nokeys`: print no keys.
    pub nokeys: bool,
    /// `all-nsid`: of every network namespace that has a number here.
    pub all_nsid: bool,
}

/// XFRM's multicast groups (XFRMNLGRP_*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// `acquire`
    pub acquire: bool,
    /// `expire`, of SAs and policies.
    pub expire: bool,
    /// `SA`: added, updated, deleted, flushed.
    pub sa: bool,
    /// `aevent`
    pub aevent: bool,
    /// `policy`: added, updated, deleted, flushed.
    pub policy: bool,
    /// `report`
    pub report: bool,
}
