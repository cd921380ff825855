//! Gives out what was released.

use rust_hdl::prelude::*;

use super::Release;
use crate::inner_header::Marks;
use crate::stream::Beat;

/// Reads released packets from the buffer, in order.
///
/// - Ports: `outcome` and `boundary` (where the packet ends) one each a packet; `address` and `data` of the buffer, one clock later; `m` the
///   packets, `m_marks` beside every beat as released; `first_kept`: where the oldest beat stands that is still wanted.
/// - Latency 3 clocks from the release to the first beat.
/// - Throughput: a packet takes a clock for each beat given out, and one more; one that is not kept, one.
/// - Back-pressure: `m` is a register; reading follows `m_ready`.
#[derive(LogicBlock, Default)]
pub struct Reader {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub outcome: Signal<In, Release>,
    pub outcome_valid: Signal<In, bool>,
    pub boundary: Signal<In, Bits<16>>,
    pub boundary_valid: Signal<In, bool>,
    pub data: Signal<In, Bits<128>>,
    pub m_ready: Signal<In, bool>,
    pub outcome_ready: Signal<Out, bool>,
    pub boundary_ready: Signal<Out, bool>,
    pub address: Signal<Out, Bits<16>>,
    pub first_kept: Signal<Out, Bits<16>>,
    pub m_beat: Signal<Out, Beat>,
    pub m_marks: Signal<Out, Marks>,
    pub m_valid: Signal<Out, bool>,
    /// A packet is being read.
    busy: DFF<bool>,
    /// Beats of it to read, and bytes in the last.
    left: DFF<Bits<13>>,
    tail: DFF<Bits<5>>,
    /// What to read next, and where the packet behind begins.
    fetch: DFF<Bits<16>>,
    behind: DFF<Bits<16>>,
    /// `data` is a beat of a packet: that at `shown`.
    fetched: DFF<bool>,
    shown: DFF<Bits<16>>,
    fetched_last: DFF<bool>,
    fetched_bytes: DFF<Bits<5>>,
    fetched_marks: DFF<Marks>,
    marks: DFF<Marks>,
    out_marks: DFF<Marks>,
    out: DFF<Beat>,
    out_valid: DFF<bool>,
    pop: Signal<Local, bool>,
    free: Signal<Local, bool>,
    last: Signal<Local, bool>,
    take: Signal<Local, bool>,
    rounded: Signal<Local, Bits<17>>,
    keep: Signal<Local, bool>,
}

impl Logic for Reader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, left, tail, fetch, behind, fetched, shown, fetched_last, fetched_bytes, out, out_valid);
        dff_setup!(self, clock, marks, fetched_marks, out_marks);
        // Fetch; while the fetched beat can't move on, keep on reading it.
        self.pop.next = self.fetched.q.val() & (!self.out_valid.q.val() | self.m_ready.val());
        self.free.next = !self.fetched.q.val() | self.pop.val();
        self.last.next = self.left.q.val() == 1;
        self.address.next = self.shown.q.val();
        if self.free.val() {
            self.address.next = self.fetch.q.val();
            self.shown.d.next = self.fetch.q.val();
            self.fetched.d.next = self.busy.q.val();
            self.fetched_marks.d.next = self.marks.q.val();
            self.fetched_last.d.next = self.last.val();
            self.fetched_bytes.d.next = 16.into();
            if self.last.val() {
                self.fetched_bytes.d.next = self.tail.q.val();
            }
        }
        if self.free.val() & self.busy.q.val() {
            self.left.d.next = self.left.q.val() - 1;
            self.fetch.d.next = self.fetch.q.val() + 1;
            if self.last.val() {
                self.busy.d.next = false;
                self.fetch.d.next = self.behind.q.val();
            }
        }
        self.first_kept.next = self.fetch.q.val();
        if self.fetched.q.val() {
            self.first_kept.next = self.shown.q.val();
        }

        // Begin, or skip
        self.take.next = !self.busy.q.val() & self.outcome_valid.val() & self.boundary_valid.val();
        self.outcome_ready.next = self.take.val();
        self.boundary_ready.next = self.take.val();
        self.rounded.next = bit_cast::<17, 16>(self.outcome.val().length) + 15;
        self.keep.next = self.outcome.val().keep & (self.rounded.val().get_bits::<13>(4) != 0);
        if self.take.val() {
            self.busy.d.next = self.keep.val();
            self.left.d.next = self.rounded.val().get_bits::<13>(4);
            self.tail.d.next = bit_cast::<5, 4>(self.rounded.val().get_bits::<4>(0)) + 1;
            self.behind.d.next = self.boundary.val();
            self.marks.d.next = self.outcome.val().marks;
            if !self.keep.val() {
                self.fetch.d.next = self.boundary.val();
            }
        }

        // Output
        if self.m_ready.val() {
            self.out_valid.d.next = false;
        }
        if self.pop.val() {
            self.out_valid.d.next = true;
            self.out.d.next.data = self.data.val();
            self.out.d.next.bytes = self.fetched_bytes.q.val();
            self.out.d.next.last = self.fetched_last.q.val();
            self.out.d.next.error = false;
            self.out_marks.d.next = self.fetched_marks.q.val();
        }
        self.m_marks.next = self.out_marks.q.val();
        self.m_beat.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();

        if self.reset.val() {
            self.busy.d.next = false;
            self.fetch.d.next = 0.into();
            self.fetched.d.next = false;
            self.out_valid.d.next = false;
        }
    }
}
