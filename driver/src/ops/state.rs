//! An SA, as the core shows it to a device (struct xfrm_state).

use crate::sa::{ReplayState, SaParams};
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

/// What went through an SA (struct xfrm_lifetime_cur). Times in seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LifetimeCur {
    /// Bytes: of what is protected, without ESP header, IV, padding and ICV.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// When the SA was added.
    pub add_time: u64,
    /// When it was used first; 0 if it was not.
    pub use_time: u64,
}

/// Packets that an SA refused (struct xfrm_stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XfrmStats {
    /// Left of the window, or of another high half than the ICV was verified with.
    pub replay_window: u32,
    /// Seen before.
    pub replay: u32,
    /// The ICV does not verify.
    pub integrity_failed: u32,
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
    pub curlft: LifetimeCur,
    /// What it refused.
    pub stats: XfrmStats,
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
            curlft: LifetimeCur::default(),
            stats: XfrmStats::default(),
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
