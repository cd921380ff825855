//! The anti-replay window of RFC 4303 section 3.4.3 and appendix A, of any size, with and without ESN.
//!
//! A packet is looked at twice: [`ReplayWindow::check`] before the ICV is verified, [`ReplayWindow::advance`] after.
//! Nothing changes until the ICV is good. `advance` looks again, because another packet of the SA may have moved the
//! window meanwhile.
//!
//! # Rules
//! With window W and highest number accepted T (0 at first), numbers of `T - W + 1 ..= T` are in the window.
//!
//! - W = 0: nothing is checked and nothing advances, not even number 0 is refused (RFC 4303 section 3.4.3: "if the
//!   receiver does not enable anti-replay for an SA, no inbound checks are performed on the Sequence Number"). It does
//!   not go with ESN, whose high half is inferred from the window.
//! - Without ESN a number is what the packet says. With ESN its high half is inferred from T (appendix A2.2): with
//!   `Tl`, `Th` the halves of T and `Bl = Tl - W + 1` modulo 2^32, case A, `Tl >= W - 1`: `Seqh = Th` when `Seql >=
//!   Bl`, else `Th + 1`; case B, `Tl < W - 1`: `Seqh = Th - 1` when `Seql >= Bl`, else `Th`.
//! - A high half of -1 or 2^32 is no number that a sender can have used: left of the window. (Linux goes on with the
//!   half modulo 2^32, and the ICV fails.)
//! - Number 0, all of it, is never sent (section 3.3.3): [`Refusal::SeqZero`], before anything else is looked at.
//!   (Linux with ESN lets it pass this check when T is W - 1 exactly.)
//! - `> T`: good. `<= T - W`: [`Refusal::LeftOfWindow`]. In the window and seen before: [`Refusal::Duplicate`].
//! - The recheck infers again from the new T; when that gives another high half than the ICV was verified with, the
//!   packet is [`Refusal::LeftOfWindow`] (Linux: `xfrm_replay_recheck_esn`).

use std::collections::VecDeque;

/// Why a packet is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Number 0.
    #[error("sequence number 0 is never sent")]
    SeqZero,
    /// Seen before.
    #[error("the sequence number was seen before")]
    Duplicate,
    /// Too old to know.
    #[error("the sequence number is left of the window")]
    LeftOfWindow,
}

/// An ESN window of no size: nothing to infer the high half from (Linux: "ESN replay window must be > 0").
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("extended sequence numbers need a replay window")]
pub struct EsnWithoutWindow;

/// The window of one SA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayWindow {
    esn: bool,
    /// T.
    top: u64,
    /// Which numbers were seen, the newest first: `seen[i]` is of number `top - i`. Its length is W.
    seen: VecDeque<bool>,
}

impl ReplayWindow {
    /// A window of `size` packets in which nothing was seen.
    pub fn new(size: u32, esn: bool) -> Result<Self, EsnWithoutWindow> {
        Self::starting_at(size, esn, 0)
    }

    /// A window of which `top` is the highest number received so far (XFRM's `replay-seq` and `replay-seq-hi`), nothing
    /// in it marked as seen: XFRM gives those marks beside it, and an empty bitmap when it gives none.
    pub fn starting_at(size: u32, esn: bool, top: u64) -> Result<Self, EsnWithoutWindow> {
        if esn && size == 0 {
            return Err(EsnWithoutWindow);
        }
        Ok(Self { esn, top, seen: (0..size).map(|_| false).collect() })
    }

    /// W.
    pub fn size(&self) -> u32 {
        self.seen.len() as u32
    }

    /// T: the highest number accepted.
    pub fn top(&self) -> u64 {
        self.top
    }

    /// Whether numbers are of 64 bits.
    pub fn esn(&self) -> bool {
        self.esn
    }

    /// Looks at the number `seql` of a packet and infers its high half; the answer is the whole number, to verify the
    /// ICV with.
    pub fn check(&self, seql: u32) -> Result<u64, Refusal> {
        if self.seen.is_empty() {
            return Ok(u64::from(seql));
        }
        let (seqh, exists) = self.high_half(seql);
        if !exists {
            return Err(Refusal::LeftOfWindow);
        }
        let seq = u64::from(seqh) << 32 | u64::from(seql);
        if seq == 0 {
            return Err(Refusal::SeqZero);
        }
        match self.top.checked_sub(seq) {
            None => Ok(seq),
            Some(age) => match usize::try_from(age).ok().and_then(|age| self.seen.get(age)) {
                None => Err(Refusal::LeftOfWindow),
                Some(true) => Err(Refusal::Duplicate),
                Some(false) => Ok(seq),
            },
        }
    }

    /// Looks again at a packet whose ICV is good, and marks it: `seq` is what [`Self::check`] answered.
    pub fn advance(&mut self, seq: u64) -> Result<(), Refusal> {
        if self.seen.is_empty() {
            return Ok(());
        }
        if self.check(seq as u32)? != seq {
            return Err(Refusal::LeftOfWindow);
        }
        let new = seq.saturating_sub(self.top).min(self.seen.len() as u64);
        for _ in 0..new {
            self.seen.pop_back();
            self.seen.push_front(false);
        }
        self.top = self.top.max(seq);
        if let Some(seen) = self.seen.get_mut((self.top - seq) as usize) {
            *seen = true;
        }
        Ok(())
    }

    /// The number that `seql` stands for, whether or not the window would take it; crypto offload, where the stack asks.
    /// A high half of -1 or 2^32 is taken modulo 2^32, as Linux does.
    pub fn infer(&self, seql: u32) -> u64 {
        let (seqh, _) = self.high_half(seql);
        u64::from(seqh) << 32 | u64::from(seql)
    }

    /// The high half that `seql` has (appendix A2.2) modulo 2^32, and whether it is one.
    fn high_half(&self, seql: u32) -> (u32, bool) {
        if !self.esn {
            return (0, true);
        }
        let last = self.size() - 1;
        let (th, tl) = ((self.top >> 32) as u32, self.top as u32);
        let bl = tl.wrapping_sub(last);
        let (seqh, wrapped) = match (tl >= last, seql >= bl) {
            (true, true) | (false, false) => (th, false),
            (true, false) => th.overflowing_add(1),
            (false, true) => th.overflowing_sub(1),
        };
        (seqh, !wrapped)
    }
}
