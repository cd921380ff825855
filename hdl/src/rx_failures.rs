//! RX: what packets of each SA failed at (struct xfrm_stats).

use rust_hdl::prelude::*;

use crate::ram::Ram;

use crate::constant::Const;
use crate::records::{RxFailures, SaIndex};

/// Kinds of failure.
pub mod kind {
    /// A duplicate.
    pub const REPLAY: u64 = 0;
    /// Left of the window.
    pub const REPLAY_WINDOW: u64 = 1;
    /// The ICV did not fit.
    pub const INTEGRITY: u64 = 2;
}

/// A packet that failed.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Failure {
    /// Number of the SA.
    pub sa: SaIndex,
    /// One of [`kind`].
    pub kind: Bits<2>,
}

/// Three counters of 32 bits, which wrap, for each of 2^A SAs.
///
/// - Ports: `early` (the check before decryption) and `late` (the decapsulation), a [`Failure`] each with handshake, so none is lost;
///   `clear_write`, a pulse: the counters of `clear_index`, which stays for 4 clocks, become 0; `read_index` to `failures`.
/// - Throughput: a failure each 4 clocks, `early` first. Latency: `failures` is right from 6 clocks after `read_index` was set, and each
///   failure in it 8 clocks after it was taken.
/// - Clears: one each 8 clocks. A failure taken before is cleared, too.
/// - Until its first clear an SA's counters are undefined.
///
/// A counter of 4 phases gives every access its clock, so that nothing is read in a clock in which it is written: 0 takes a failure, or clears;
/// 1 reads its counters; 2 counts, and reads for the host; 3 writes.
#[derive(LogicBlock, Default)]
pub struct FailureCounters<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub early: Signal<In, Failure>,
    pub early_valid: Signal<In, bool>,
    pub early_ready: Signal<Out, bool>,
    pub late: Signal<In, Failure>,
    pub late_valid: Signal<In, bool>,
    pub late_ready: Signal<Out, bool>,
    pub clear_write: Signal<In, bool>,
    pub clear_index: Signal<In, SaIndex>,
    pub read_index: Signal<In, SaIndex>,
    pub failures: Signal<Out, RxFailures>,
    counts: Ram<RxFailures, A>,
    phase: DFF<Bits<2>>,
    now: DFF<Failure>,
    busy: DFF<bool>,
    clear_waits: DFF<bool>,
    counted: DFF<RxFailures>,
    shown: DFF<RxFailures>,
    takes: Signal<Local, bool>,
    clears: Signal<Local, bool>,
    replay: Const<2, { kind::REPLAY }>,
    replay_window: Const<2, { kind::REPLAY_WINDOW }>,
    integrity: Const<2, { kind::INTEGRITY }>,
}

impl<const A: usize> Logic for FailureCounters<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, now, busy, clear_waits, counted, shown);
        self.counts.read_clock.next = self.clock.val();
        self.counts.write_clock.next = self.clock.val();
        self.phase.d.next = self.phase.q.val() + 1;

        // Phase 0: take one, unless there is something to clear.
        self.clears.next = (self.phase.q.val() == 0) & self.clear_waits.q.val();
        self.takes.next = (self.phase.q.val() == 0) & !self.clear_waits.q.val();
        self.early_ready.next = self.takes.val();
        self.late_ready.next = self.takes.val() & !self.early_valid.val();
        if self.phase.q.val() == 0 {
            self.busy.d.next = self.takes.val() & (self.early_valid.val() | self.late_valid.val());
            self.now.d.next = self.late.val();
            if self.early_valid.val() {
                self.now.d.next = self.early.val();
            }
        }
        self.clear_waits.d.next = self.clear_write.val() | (self.clear_waits.q.val() & !self.clears.val());

        // Phase 1 reads, phase 2 counts.
        self.counts.read_address.next = bit_cast::<A, 10>(self.now.q.val().sa);
        self.counted.d.next = self.counts.read_data.val();
        if self.now.q.val().kind == self.replay.val() {
            self.counted.d.next.replay = self.counts.read_data.val().replay + 1;
        }
        if self.now.q.val().kind == self.replay_window.val() {
            self.counted.d.next.replay_window = self.counts.read_data.val().replay_window + 1;
        }
        if self.now.q.val().kind == self.integrity.val() {
            self.counted.d.next.integrity_failed = self.counts.read_data.val().integrity_failed + 1;
        }

        // Phase 2 reads for the host, phase 3 shows it.
        if self.phase.q.val() == 2 {
            self.counts.read_address.next = bit_cast::<A, 10>(self.read_index.val());
        }
        if self.phase.q.val() == 3 {
            self.shown.d.next = self.counts.read_data.val();
        }
        self.failures.next = self.shown.q.val();

        // Phase 3 writes.
        self.counts.write_enable.next = self.clears.val() | ((self.phase.q.val() == 3) & self.busy.q.val());
        self.counts.write_address.next = bit_cast::<A, 10>(self.now.q.val().sa);
        self.counts.write_data.next = self.counted.q.val();
        if self.clears.val() {
            self.counts.write_address.next = bit_cast::<A, 10>(self.clear_index.val());
            self.counts.write_data.next.replay = 0.into();
            self.counts.write_data.next.replay_window = 0.into();
            self.counts.write_data.next.integrity_failed = 0.into();
        }

        if self.reset.val() {
            self.phase.d.next = 0.into();
            self.busy.d.next = false;
            self.clear_waits.d.next = false;
        }
    }
}
