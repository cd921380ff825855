//! Sequence numbers (net/xfrm/xfrm_replay.c): of states whose numbers this core keeps, which is not so in packet mode.

use espalier_reference_model::replay::{Refusal, ReplayWindow};

use crate::ops::{XfrmState, XfrmdevOps};
use crate::xfrm::info::Replay;
use crate::xfrm::message::{AsyncEvent, Message};

use super::XfrmCore;
use super::sad::{Entry, Lease, StateId};

/// xfrm_replay_overflow: the next number to send with; none when all are used up. The last one is never given twice, and nothing
/// is given after it (RFC 4303 section 3.3.3).
pub(super) const fn next_oseq(x: &mut XfrmState) -> Option<u64> {
    let replay = &mut x.replay;
    let last = if x.params.flags.esn { u64::MAX } else { u32::MAX as u64 };
    let oseq = (replay.oseq_hi as u64) << 32 | replay.oseq as u64;
    if oseq >= last {
        return None;
    }
    replay.oseq = (oseq + 1) as u32;
    replay.oseq_hi = ((oseq + 1) >> 32) as u32;
    Some(oseq + 1)
}

impl Entry {
    /// xfrm_replay_check: the whole number. Counts a refusal.
    pub fn replay_check(&mut self, seq: u32) -> Result<u64, Refusal> {
        let Some(window) = &self.window else { return Ok(seq.into()) };
        window.check(seq).inspect_err(|refusal| count(&mut self.x, *refusal))
    }

    /// xfrm_replay_recheck and xfrm_replay_advance. Counts a refusal.
    pub fn replay_advance(&mut self, seq: u64) -> Result<(), Refusal> {
        let Some(window) = &mut self.window else { return Ok(()) };
        window.advance(seq).inspect_err(|refusal| count(&mut self.x, *refusal))?;
        let top = window.top();
        self.x.replay.seq = top as u32;
        self.x.replay.seq_hi = (top >> 32) as u32;
        Ok(())
    }

    /// Where the numbers are, as XFRMA_REPLAY_VAL or XFRMA_REPLAY_ESN_VAL has it.
    pub fn replay_info(&self) -> Replay {
        let x = &self.x;
        let size = x.params.replay_window;
        if !x.params.flags.esn && size <= 32 {
            let bitmap = self.window.as_ref().map_or(0, |window| {
                let bits = (0..size.min(window.top().min(32) as u32)).filter(|age| seen(window, window.top() - u64::from(*age)));
                bits.fold(0, |bitmap, age| bitmap | 1 << age)
            });
            return Replay::Legacy { oseq: x.replay.oseq, seq: x.replay.seq, bitmap };
        }
        let mut bitmap = vec![0_u32; size.div_ceil(32) as usize];
        if let Some(window) = &self.window {
            let top = window.top();
            for number in top.saturating_sub(u64::from(size)) + 1..=top {
                if seen(window, number) {
                    let bit = ((number as u32).wrapping_sub(1) % size) as usize;
                    bitmap[bit / 32] |= 1 << (bit % 32);
                }
            }
        }
        Replay::Esn { state: x.replay, replay_window: size, bitmap }
    }
}

/// A number of the window that would be refused as one seen before.
fn seen(window: &ReplayWindow, number: u64) -> bool {
    window.check(number as u32) == Err(Refusal::Duplicate)
}

/// struct xfrm_stats. Number 0 has no place in it.
const fn count(x: &mut XfrmState, refusal: Refusal) {
    match refusal {
        Refusal::SeqZero => {}
        Refusal::Duplicate => x.stats.replay = x.stats.replay.wrapping_add(1),
        Refusal::LeftOfWindow => x.stats.replay_window = x.stats.replay_window.wrapping_add(1),
    }
}

impl<D: XfrmdevOps> XfrmCore<D> {
    /// xfrm_dev_state_advance_esn
    pub(super) fn xfrm_dev_state_advance_esn(&mut self, id: StateId) {
        let Some(entry) = self.sad.get(id).filter(|entry| entry.lease == Lease::Added && entry.x.params.flags.esn) else { return };
        let device = entry.x.xso.as_ref().and_then(|xso| self.devices.get_mut(&xso.dev));
        if let Some(device) = device.filter(|device| device.callbacks.state_advance_esn) {
            device.ops.xdo_dev_state_advance_esn(&entry.x);
        }
    }

    /// xfrm_replay_notify with XFRM_REPLAY_UPDATE: every so many numbers, if somebody listens.
    pub(super) fn xfrm_replay_notify(&mut self, id: StateId, number: u64) {
        let due = |every: u32| every != 0 && number.is_multiple_of(every.into());
        if let Some(entry) = self.sad.get(id).filter(|_| self.aevent_rseqth.is_some_and(due)) {
            let params = &entry.x.params;
            let (id, saddr, reqid) = (params.id, params.saddr, params.reqid);
            self.monitor.send(Message::AsyncEvent(AsyncEvent { id, saddr, reqid, flags: AsyncEvent::REPLAY }));
        }
    }
}
