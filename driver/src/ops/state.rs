//! An SA, as the core shows it to a device (struct xfrm_state).

use crate::sa::{ReplayState, SaParams};
use crate::xfrm::info::{Lifetime, Stats};
use crate::xfrm::{Direction, OffloadMode};

use super::OffloadHandle;

/// Where an SA is in its life (XFRM_STATE_*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KmState {
    /// Being made.
    #[default]
    Void,
    /// A stub: the key manager was asked for the SA.
    Acq,
    /// In force.
    Valid,
    /// It failed.
    Error,
    /// A hard limit was reached.
    Expired,
    /// Deleted; packets in flight may still hold it.
    Dead,
}

/// What an SA asks of a device (struct xfrm_dev_offload).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XfrmStateOffload {
    /// The device's name.
    pub dev: String,
    /// Crypto or packet.
    pub mode: OffloadMode,
    /// Direction.
    pub direction: Direction,
    /// XFRM_DEV_OFFLOAD_FLAG_ACQ: a stub of an SA that the key manager was asked for. No keys, no SPI.
    pub acquire: bool,
    /// The device's own name for it, set by `xdo_dev_state_add`.
    pub offload_handle: Option<OffloadHandle>,
}

/// An SA.
#[derive(Clone, Debug)]
pub struct XfrmState {
    /// What the user asked for. `params.offload` counts only with `xso`.
    pub params: SaParams,
    /// `seq`: ties it to the acquire that it answers (struct km_event), 0 for none.
    pub km_seq: u32,
    /// What is asked of a device; none: software.
    pub xso: Option<XfrmStateOffload>,
    /// Sequence numbers: the last sent, the highest received.
    pub replay: ReplayState,
    /// What went through it.
    pub curlft: Lifetime,
    /// What it refused.
    pub stats: Stats,
    /// When a packet last went through it, in seconds since 1970; 0 for never. A device in packet mode sets it if it knows.
    pub lastused: u64,
    /// Where it is in its life.
    pub km_state: KmState,
    /// The key manager was told of a soft limit.
    pub dying: bool,
}

impl XfrmState {
    /// A new one, before it is in the SAD.
    #[must_use]
    pub fn new(params: SaParams, xso: Option<XfrmStateOffload>) -> Self {
        let replay = params.replay;
        Self {
            params,
            km_seq: 0,
            xso,
            replay,
            curlft: Lifetime::default(),
            stats: Stats::default(),
            lastused: 0,
            km_state: KmState::Void,
            dying: false,
        }
    }

    /// The device's name for it, if a device has it.
    #[must_use]
    pub fn offload_handle(&self) -> Option<OffloadHandle> {
        self.xso.as_ref()?.offload_handle
    }

    /// Whether a device does all of ESP for it.
    #[must_use]
    pub fn is_packet_offload(&self) -> bool {
        self.xso.as_ref().is_some_and(|xso| xso.mode == OffloadMode::Packet)
    }
}
