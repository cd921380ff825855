//! What is to become of a packet: the first policy that matches (RFC 4301 section 4.4.1). One table for each direction.

mod cells;
mod group;
mod line;
mod load;
mod rule;
mod source;

use rust_hdl::prelude::*;

pub use self::cells::Cells;
use self::group::PolicyGroup;
use self::line::{Line, LINE_BITS};
use self::load::PolicyLoad;
use self::rule::{Candidate, Ranking, Rule};
pub use self::source::{PolicySource, PolicyWrite};
use crate::constant::Const;
use crate::many::Many;
use crate::queue::Queue;
use crate::records::{Selector, Verdict};

/// Policies of a row in one group: all are looked at in the same clock.
pub const PLACES: usize = 4;
/// Clocks from the last row's address to the verdict's queue.
const LATENCY: usize = 7;

/// G groups of 4 * 2^R policies (R at most 3, G at most 4). Of those that match, the one of lowest `order` wins, wherever it stands (of equal ones any).
///
/// - Ports: `selector` in, `verdict` out, in order; a write port, see policy/load.rs; `ready`, low after reset until no policy is valid.
/// - Latency: 2^R + 7 clocks.
/// - Throughput: a look-up every 2^R clocks (8 rows: 8), but no more than 4 at a time between `selector` and `verdict`.
/// - Back-pressure: `selector_ready` is low during a look-up's 2^R clocks, until `ready`, and while 4 verdicts are not taken.
/// - Writes: any time, at no cost to the look-ups. The verdict's `index` is the policy's of [`PolicyWrite`]. A look-up
///   under way sees a policy as it was before the write or as it is after, never a mixture; where a valid one is replaced by one
///   with another selector, it may see none in between.
#[derive(LogicBlock, Default)]
pub struct PolicyTable<const R: usize, const G: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub selector: Signal<In, Selector>,
    pub selector_valid: Signal<In, bool>,
    pub selector_ready: Signal<Out, bool>,
    pub write_valid: Signal<In, bool>,
    pub write: Signal<In, PolicyWrite>,
    pub write_at: Signal<Out, Bits<6>>,
    pub write_ready: Signal<Out, bool>,
    pub ready: Signal<Out, bool>,
    pub verdict: Signal<Out, Verdict>,
    pub verdict_valid: Signal<Out, bool>,
    pub verdict_ready: Signal<In, bool>,
    line: Line,
    load: PolicyLoad<R, G>,
    groups: Many<PolicyGroup<R>, G>,
    queue: Queue<Verdict, 2>,
    packet: DFF<Bits<LINE_BITS>>,
    /// The row that a look-up is at; 0 between look-ups. Then where it was: the cells are a clock behind, the rankings four.
    row: DFF<Bits<R>>,
    row_1: DFF<Bits<R>>,
    row_2: DFF<Bits<R>>,
    row_3: DFF<Bits<R>>,
    row_4: DFF<Bits<R>>,
    /// Of the row in each stage: there is one, it is the look-up's first, its last.
    is_row: DFF<Bits<LATENCY>>,
    is_first: DFF<Bits<LATENCY>>,
    is_last: DFF<Bits<LATENCY>>,
    /// Look-ups between selector and verdict.
    pending: DFF<Bits<3>>,
    is_idle: Signal<Local, bool>,
    start: Signal<Local, bool>,
    issue: Signal<Local, bool>,
    pop: Signal<Local, bool>,
    best: Signal<Local, Candidate>,
    best_rule: Signal<Local, Rule>,
    other: Signal<Local, Candidate>,
    other_rule: Signal<Local, Rule>,
    best_index: Signal<Local, Bits<10>>,
    ranking: Signal<Local, Ranking>,
    found: Signal<Local, Verdict>,
    queued: Const<3, 4>,
    numbers: Const<8, 0b11_10_01_00>,
}

impl<const R: usize, const G: usize> Logic for PolicyTable<R, G> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, packet, row, row_1, row_2, row_3, row_4, is_row, is_first, is_last, pending);
        clock!(self, clock, load, queue);
        self.load.reset.next = self.reset.val();
        self.load.write_valid.next = self.write_valid.val();
        self.load.write.next = self.write.val();
        self.write_at.next = self.load.write_at.val();
        self.write_ready.next = self.load.write_ready.val();
        self.ready.next = self.load.ready.val();

        // One row a clock.
        self.is_idle.next = self.load.ready.val() & ((self.row.q.val() == 0) & (self.pending.q.val() != self.queued.val()));
        self.selector_ready.next = self.is_idle.val();
        self.start.next = self.is_idle.val() & self.selector_valid.val();
        self.issue.next = self.start.val() | (self.row.q.val() != 0);
        self.line.selector.next = self.selector.val();
        if self.start.val() {
            self.packet.d.next = self.line.line.val();
        }
        if self.issue.val() {
            self.row.d.next = self.row.q.val() + 1;
        }
        self.row_1.d.next = self.row.q.val();
        self.row_2.d.next = self.row_1.q.val();
        self.row_3.d.next = self.row_2.q.val();
        self.row_4.d.next = self.row_3.q.val();
        self.is_row.d.next = (self.is_row.q.val() << 1) | bit_cast::<LATENCY, 1>(self.issue.val().into());
        self.is_first.d.next = (self.is_first.q.val() << 1) | bit_cast::<LATENCY, 1>(self.start.val().into());
        self.is_last.d.next = (self.is_last.q.val() << 1) | bit_cast::<LATENCY, 1>((self.issue.val() & (self.row.q.val().all())).into());

        self.ranking.next.valid = 0.into();
        self.ranking.next.beats = 0.into();
        for i in 0..G {
            self.groups[i].clock.next = self.clock.val();
            self.groups[i].number.next = self.numbers.val().get_bits::<2>(i * 2);
            self.groups[i].row.next = self.row_1.q.val();
            self.groups[i].packet.next = self.packet.q.val();
            self.groups[i].late_row.next = self.row_4.q.val();
            self.groups[i].take.next = self.is_row.q.val().get_bit(5);
            self.groups[i].first.next = self.is_first.q.val().get_bit(5);
            self.groups[i].load.next = self.load.load.val();
            self.groups[i].load_here.next = self.load.groups.val().get_bit(i);
            self.groups[i].load_row.next = self.load.row.val();
            if self.load.groups.val().get_bit(i) {
                self.ranking.next = self.groups[i].ranking.val();
            }
        }
        self.load.ranking.next = self.ranking.val();

        // The best of all groups.
        self.best.next = self.groups[0].best.val();
        self.best_index.next = self.groups[0].best_index.val();
        self.best_rule.next = self.best.val().rule;
        self.other.next = self.groups[0].best.val();
        self.other_rule.next = self.other.val().rule;
        for i in 1..G {
            self.best_rule.next = self.best.val().rule;
            self.other.next = self.groups[i].best.val();
            self.other_rule.next = self.other.val().rule;
            if self.other.val().hit & (!self.best.val().hit | (self.other_rule.val().order < self.best_rule.val().order)) {
                self.best.next = self.other.val();
                self.best_index.next = self.groups[i].best_index.val();
            }
        }
        self.best_rule.next = self.best.val().rule;
        self.found.next.hit = self.best.val().hit;
        self.found.next.action = 0.into();
        self.found.next.sa_valid = false;
        self.found.next.optional = false;
        self.found.next.index = 0.into();
        self.found.next.sa = 0.into();
        if self.best.val().hit {
            self.found.next.action = self.best_rule.val().action;
            self.found.next.sa_valid = self.best_rule.val().sa_valid;
            self.found.next.optional = self.best_rule.val().optional;
            self.found.next.index = self.best_index.val();
            self.found.next.sa = self.best_rule.val().sa;
        }

        // Never more look-ups than the queue has room for.
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
            self.is_row.d.next = 0.into();
            self.is_first.d.next = 0.into();
            self.is_last.d.next = 0.into();
            self.pending.d.next = 0.into();
        }
    }
}
