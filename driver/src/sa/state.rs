//! What the device tells of an SA: SA_STATE.

use espalier_regs::mailbox::{MAIL_WORDS, sa_state};

/// Where an SA stands: its sequence number and what the device has counted since it was installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SaState {
    /// The last number used (out: XFRM's `oseq`), or the highest accepted (in: `seq`).
    pub sequence: u64,
    /// Packets that passed.
    pub packets: u64,
    /// Their bytes of ESP payload, without trailer.
    pub bytes: u64,
    /// A soft limit was reached.
    pub soft: bool,
    /// A hard limit was reached.
    pub hard: bool,
    /// Inbound: duplicates. Wraps at 2^32, as the next two.
    pub replay: u32,
    /// Inbound: packets left of the window.
    pub replay_window: u32,
    /// Inbound: packets whose ICV did not fit.
    pub integrity_failed: u32,
}

impl SaState {
    /// From the words of RESULT; an outbound SA has no failures.
    pub(crate) fn decode(words: &[u32; MAIL_WORDS]) -> Self {
        Self {
            sequence: sa_state::SEQ.get(words) as u64,
            packets: sa_state::PACKETS.get(words) as u64,
            bytes: sa_state::BYTES.get(words) as u64,
            soft: sa_state::SOFT.get(words) != 0,
            hard: sa_state::HARD.get(words) != 0,
            replay: sa_state::REPLAY.get(words) as u32,
            replay_window: sa_state::REPLAY_WINDOW.get(words) as u32,
            integrity_failed: sa_state::INTEGRITY_FAILED.get(words) as u32,
        }
    }
}
