//! What is to become of a packet: the first policy that matches (RFC 4301 section 4.4.1). One table for each direction.

mod bank;
mod candidate;

use rust_hdl::prelude::*;

use self::bank::PolicyBank;
use self::candidate::{Candidate, Lower};
use crate::constant::Const;
use crate::queue::Queue;
use crate::records::{Policy, Selector, Verdict};

/// Banks, all compared in the same clock.
pub const BANKS: usize = 8;
/// Clocks from the last row's address to the verdict's queue.
const LATENCY: usize = 7;

/// 8 * 2^R policies. Of those that match, the one of lowest `order` wins, wherever it stands (of equal ones any).
///
/// - Ports: `selector` in, `verdict` out, in order; a write port; `ready`, low after reset until all rows are invalid.
/// - Latency: 2^R + 7 clocks.
/// - Throughput: a look-up every 2^R clocks (64 policies: 8), but no more than 4 at a time between `selector` and `verdict`.
/// - Back-pressure: `selector_ready` is low during a look-up's 2^R clocks, until `ready`, and while 4 verdicts are not taken.
/// - Writes: `write_enable`, a pulse in any clock; its operands stay for the 2 clocks after it. `write_index` is row * 8 + bank, and so is the verdict's
///   `index`. A write costs no look-up a clock: it waits, 1 or 2 clocks, for one in which its row is not read. So a look-up under way sees a row as it was
///   before the write or as it is after, never a mixture, and synthesis may leave out read-during-write logic.
///
/// After `reset` the 2^R rows are swept clear, 2^R clocks; writes before `ready` are lost.
#[derive(LogicBlock, Default)]
pub struct PolicyTable<const R: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub selector: Signal<In, Selector>,
    pub selector_valid: Signal<In, bool>,
    pub selector_ready: Signal<Out, bool>,
    pub write_enable: Signal<In, bool>,
    pub write_index: Signal<In, Bits<10>>,
    pub write_data: Signal<In, Policy>,
    pub ready: Signal<Out, bool>,
    pub verdict: Signal<Out, Verdict>,
    pub verdict_valid: Signal<Out, bool>,
    pub verdict_ready: Signal<In, bool>,
    banks: [PolicyBank<R>; BANKS],
    /// The tree: 8 to 4, 4 to 2, 2 to 1.
    of_two: [Lower; 4],
    of_four: [Lower; 2],
    of_eight: Lower,
    queue: Queue<Verdict, 2>,
    compared: DFF<Selector>,
    /// The row read in this clock; 0 between look-ups.
    row: DFF<Bits<R>>,
    /// The best of the rows so far.
    best: DFF<Candidate>,
    best_row: DFF<Bits<R>>,
    /// The row that the tree's winner stands in.
    winner_row: DFF<Bits<R>>,
    /// Of the row in each stage behind the RAM's address: there is one, it is the look-up's first, its last.
    is_row: DFF<Bits<LATENCY>>,
    is_first: DFF<Bits<LATENCY>>,
    is_last: DFF<Bits<LATENCY>>,
    /// Look-ups between selector and verdict.
    pending: DFF<Bits<3>>,
    /// A write that has not been made yet.
    waits: DFF<bool>,
    is_swept: DFF<bool>,
    is_idle: Signal<Local, bool>,
    start: Signal<Local, bool>,
    issue: Signal<Local, bool>,
    pop: Signal<Local, bool>,
    writes: Signal<Local, bool>,
    winner: Signal<Local, Candidate>,
    best_rank: Signal<Local, Bits<49>>,
    /// One bit a bank.
    write_bank: Signal<Local, Bits<BANKS>>,
    /// The row that a write is for; the row that is written.
    target: Signal<Local, Bits<R>>,
    write_row: Signal<Local, Bits<R>>,
    written: Signal<Local, Policy>,
    found: Signal<Local, Verdict>,
    numbers: Signal<Local, Bits<24>>,
    queued: Const<3, 4>,
    bank_numbers: Const<24, 0o76543210>,
}

impl<const R: usize> Logic for PolicyTable<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, compared, row, best, best_row, winner_row, is_row, is_first, is_last, pending, waits, is_swept);
        self.ready.next = self.is_swept.q.val();

        // One row a clock.
        self.is_idle.next = self.is_swept.q.val() & ((self.row.q.val() == 0) & (self.pending.q.val() != self.queued.val()));
        self.selector_ready.next = self.is_idle.val();
        self.start.next = self.is_idle.val() & self.selector_valid.val();
        self.issue.next = self.start.val() | (self.is_swept.q.val() & (self.row.q.val() != 0));
        if self.start.val() {
            self.compared.d.next = self.selector.val();
        }
        self.is_row.d.next = (self.is_row.q.val() << 1) | bit_cast::<LATENCY, 1>(self.issue.val().into());
        self.is_first.d.next = (self.is_first.q.val() << 1) | bit_cast::<LATENCY, 1>(self.start.val().into());
        self.is_last.d.next = (self.is_last.q.val() << 1) | bit_cast::<LATENCY, 1>((self.issue.val() & (self.row.q.val().all())).into());

        // A write, in a clock in which another row is read or none. After reset each row is cleared.
        self.target.next = bit_cast::<R, 10>(self.write_index.val() >> 3);
        self.writes.next = self.waits.q.val() & !(self.issue.val() & (self.row.q.val() == self.target.val()));
        self.waits.d.next = (self.write_enable.val() & self.is_swept.q.val()) | (self.waits.q.val() & !self.writes.val());
        self.write_bank.next = bit_cast::<BANKS, 1>(self.writes.val().into()) << self.write_index.val().get_bits::<3>(0);
        self.write_row.next = self.target.val();
        self.written.next = self.write_data.val();
        if !self.is_swept.q.val() {
            self.write_bank.next = 0xFF.into();
            self.write_row.next = self.row.q.val();
            self.written.next.valid = false;
            self.is_swept.d.next = self.row.q.val().all();
        }
        if self.issue.val() | !self.is_swept.q.val() {
            self.row.d.next = self.row.q.val() + 1;
        }

        self.numbers.next = self.bank_numbers.val();
        for i in 0..8 {
            self.banks[i].clock.next = self.clock.val();
            self.banks[i].number.next = self.numbers.val().get_bits::<3>(i * 3);
            self.banks[i].row.next = self.row.q.val();
            self.banks[i].selector.next = self.compared.q.val();
            self.banks[i].write_enable.next = self.write_bank.val().get_bit(i);
            self.banks[i].write_row.next = self.write_row.val();
            self.banks[i].write_data.next = self.written.val();
        }
        for i in 0..4 {
            self.of_two[i].clock.next = self.clock.val();
            self.of_two[i].a.next = self.banks[i * 2].candidate.val();
            self.of_two[i].b.next = self.banks[i * 2 + 1].candidate.val();
        }
        for i in 0..2 {
            self.of_four[i].clock.next = self.clock.val();
            self.of_four[i].a.next = self.of_two[i * 2].lower.val();
            self.of_four[i].b.next = self.of_two[i * 2 + 1].lower.val();
        }
        self.of_eight.clock.next = self.clock.val();
        self.of_eight.a.next = self.of_four[0].lower.val();
        self.of_eight.b.next = self.of_four[1].lower.val();

        // The best of this row and those before.
        self.winner.next = self.of_eight.lower.val();
        if self.is_row.q.val().get_bit(5) & (self.is_first.q.val().get_bit(5) | (self.winner.val().rank < self.best.q.val().rank)) {
            self.best.d.next = self.winner.val();
            self.best_row.d.next = self.winner_row.q.val();
        }
        if self.is_row.q.val().get_bit(5) {
            self.winner_row.d.next = self.winner_row.q.val() + 1;
        }
        self.best_rank.next = self.best.q.val().rank;
        self.found.next.hit = !self.best_rank.val().get_bit(48);
        self.found.next.action = 0.into();
        self.found.next.sa_valid = false;
        self.found.next.optional = false;
        self.found.next.index = 0.into();
        self.found.next.sa = 0.into();
        if !self.best_rank.val().get_bit(48) {
            self.found.next.action = self.best.q.val().action;
            self.found.next.sa_valid = self.best.q.val().sa_valid;
            self.found.next.optional = self.best.q.val().optional;
            self.found.next.index = (bit_cast::<10, R>(self.best_row.q.val()) << 3) | bit_cast::<10, 3>(self.best.q.val().bank);
            self.found.next.sa = self.best.q.val().sa;
        }

        // Never more look-ups than the queue has room for.
        self.queue.clock.next = self.clock.val();
        self.queue.reset.next = self.reset.val();
        self.queue.s_data.next = self.found.val();
        self.queue.s_valid.next = self.is_last.q.val().get_bit(6);
        self.verdict.next = self.queue.m_data.val();
        self.verdict_valid.next = self.queue.m_valid.val();
        self.queue.m_ready.next = self.verdict_ready.val();
        self.pop.next = self.queue.m_valid.val() & self.verdict_ready.val();
        if self.start.val() & !self.pop.val() {
            self.pending.d.next = self.pending.q.val() + 1;
        }
        if self.pop.val() & !self.start.val() {
            self.pending.d.next = self.pending.q.val() - 1;
        }

        if self.reset.val() {
            self.row.d.next = 0.into();
            self.winner_row.d.next = 0.into();
            self.is_row.d.next = 0.into();
            self.is_first.d.next = 0.into();
            self.is_last.d.next = 0.into();
            self.pending.d.next = 0.into();
            self.waits.d.next = false;
            self.is_swept.d.next = false;
        }
    }
}
