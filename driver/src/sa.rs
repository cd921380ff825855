//! Security associations: what they are asked for with, why they are refused, what the device is told of them.

mod check;
mod encode;
pub(crate) mod lookup;
mod mtu;
mod params;
mod refusal;
mod state;
mod table;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU64;

pub(crate) use check::{NAT_T_PORT, check, check_update};
pub(crate) use encode::{limit_words, rx_words, selector_words, tx_words};
pub use mtu::NO_LIMIT;
pub(crate) use mtu::{longest_payload, max_payload};
pub use params::{Aead, Algorithm, Encap, EncapKind, Offload, RFC4106_GCM_AES, ReplayState, SaFlags, SaParams};
pub use refusal::SaError;
pub use state::SaState;
pub(crate) use table::{Installed, SaTable};

use crate::selector::Pattern;
use crate::xfrm::{Direction, Family, Limits, Mode, OffloadMode, SaId, Selector};

/// Names an installed SA; never used again for another. XFRM's `offload_handle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaHandle(pub(crate) NonZeroU64);

impl SaHandle {
    /// The number.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for SaHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An installed SA, without its key.
#[derive(Clone, Debug)]
pub struct Sa {
    /// Its handle. Later SAs have greater ones.
    pub handle: SaHandle,
    /// Its place in the device's table for its direction.
    pub index: u16,
    /// Direction.
    pub direction: Direction,
    /// What the device does of ESP.
    pub offload: OffloadMode,
    /// Destination, SPI, protocol.
    pub id: SaId,
    /// Source address.
    pub saddr: IpAddr,
    /// Mode.
    pub mode: Mode,
    /// Ties it to templates.
    pub reqid: u32,
    /// Flags.
    pub flags: SaFlags,
    /// Anti-replay window.
    pub replay_window: u32,
    /// UDP encapsulation.
    pub encap: Option<Encap>,
    /// Selector, as it was given.
    pub selector: Option<Selector>,
    /// Limits. Those of time are the core's.
    pub limits: Limits,
    /// Outbound: longest ESP payload in bytes, without trailer, that fits the device's MTU; [`NO_LIMIT`] in crypto mode, where
    /// the stack makes the packet, and inbound.
    pub max_payload: u16,
}

impl Sa {
    fn new(handle: SaHandle, index: u16, params: &SaParams, mtu: u16) -> Self {
        Self {
            handle,
            index,
            direction: params.offload.direction,
            offload: params.offload.mode,
            id: params.id,
            saddr: params.saddr,
            mode: params.mode,
            reqid: params.reqid,
            flags: params.flags,
            replay_window: params.replay_window,
            encap: params.encap,
            selector: params.selector.clone(),
            limits: params.limits,
            max_payload: max_payload(params, mtu),
        }
    }

    /// Which packets of a family may use it; none if the SA is not for that family.
    ///
    /// As in the kernel: a selector that was not given takes the SA's family, unless `af-unspec` is set
    /// (copy_from_user_state). Transport mode keeps the packet's addresses, so they must be the SA's.
    pub(crate) fn pattern(&self, family: Family) -> Option<Pattern> {
        let selected = match &self.selector {
            Some(selector) => (selector.family() == family).then(|| Pattern::from(selector)),
            None => {
                let fits = self.flags.af_unspec || Family::of(self.id.daddr) == family;
                fits.then(|| Pattern::any(family))
            }
        }?;
        match self.mode {
            Mode::Transport => selected.and(&Pattern::hosts(self.saddr, self.id.daddr)),
            _ => Some(selected),
        }
    }
}
