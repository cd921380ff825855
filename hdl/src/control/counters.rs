//! The counters: 64 bits for each of 32 events, none lost.
//!
//! Purpose: count one-clock pulses, any number of them in a clock. Ports: `events`; `clear`; `read` with `number`, up until
//! `answer_valid`, which brings `low`, and from the next clock on `high`, of one and the same moment. Latency of a read: 2 to 33
//! clocks. Throughput: an event of every kind in every clock. No back-pressure.
//!
//! A small counter for each event takes the pulses. The sums lie in a RAM; one of them is visited in each clock, in turn: what the
//! small counter has since the last visit, at most 32, is added, and the small counter starts again. A visit takes four steps:
//! address, fetch, add, store. A read waits for the visit of its counter and takes the new sum, so that it misses nothing of
//! what came before.
//!
//! `clear` empties the small counters in one clock, and the next visit of each sum takes 0 in its place; so does a reset.

use rust_hdl::prelude::*;

use crate::constant::Const;

/// Visits until each sum has been visited once.
const ROUND: u64 = 32;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Counters {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub events: Signal<In, Bits<32>>,
    pub clear: Signal<In, bool>,
    pub read: Signal<In, bool>,
    pub number: Signal<In, Bits<5>>,
    pub answer_valid: Signal<Out, bool>,
    pub low: Signal<Out, Bits<32>>,
    pub high: Signal<Out, Bits<32>>,
    pulses: DFF<Bits<32>>,
    small: [DFF<Bits<6>>; 32],
    sums: RAM<Bits<64>, 5>,
    /// The counter whose address the RAM has.
    visit: DFF<Bits<5>>,
    /// Visits left that take 0 for the sum.
    stale: DFF<Bits<6>>,
    fetch_number: DFF<Bits<5>>,
    add_number: DFF<Bits<5>>,
    add_sum: DFF<Bits<64>>,
    add_small: DFF<Bits<6>>,
    add_wanted: DFF<bool>,
    store_number: DFF<Bits<5>>,
    store_sum: DFF<Bits<64>>,
    store_wanted: DFF<bool>,
    high_half: DFF<Bits<32>>,
    clearing: Signal<Local, bool>,
    is_stale: Signal<Local, bool>,
    step: [Signal<Local, Bits<6>>; 32],
    share: [Signal<Local, Bits<6>>; 32],
    taken: Signal<Local, Bits<6>>,
    stored: Signal<Local, Bits<64>>,
    round: Const<6, { ROUND }>,
    low_at: Const<6, 0>,
    high_at: Const<6, 32>,
}

impl Logic for Counters {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, pulses, visit, stale, fetch_number, add_number, add_sum, add_small, add_wanted);
        dff_setup!(self, clock, store_number, store_sum, store_wanted, high_half);
        self.pulses.d.next = self.events.val();
        self.clearing.next = self.clear.val() || self.reset.val();

        // Address.
        self.sums.read_clock.next = self.clock.val();
        self.sums.write_clock.next = self.clock.val();
        self.sums.read_address.next = self.visit.q.val();
        self.visit.d.next = self.visit.q.val() + 1;
        self.fetch_number.d.next = self.visit.q.val();

        // Fetch: the sum, and what the small counter has.
        self.is_stale.next = self.stale.q.val().any();
        self.taken.next = 0.into();
        for i in 0..32 {
            self.share[i].next = 0.into();
            self.small[i].clock.next = self.clock.val();
            self.step[i].next = 0.into();
            if self.pulses.q.val().get_bit(i) {
                self.step[i].next = 1.into();
            }
            self.small[i].d.next = self.small[i].q.val() + self.step[i].val();
            if self.fetch_number.q.val() == i.to_bits::<5>() {
                self.share[i].next = self.small[i].q.val();
                self.small[i].d.next = self.step[i].val();
            }
            if self.clearing.val() {
                self.small[i].d.next = 0.into();
            }
            self.taken.next = self.taken.val() | self.share[i].val();
        }
        self.add_number.d.next = self.fetch_number.q.val();
        self.add_small.d.next = self.taken.val();
        self.add_sum.d.next = self.sums.read_data.val();
        if self.is_stale.val() {
            self.add_sum.d.next = 0.into();
            self.stale.d.next = self.stale.q.val() - 1;
        }
        self.add_wanted.d.next = self.read.val() && (self.fetch_number.q.val() == self.number.val());

        // Add.
        self.store_number.d.next = self.add_number.q.val();
        self.store_sum.d.next = self.add_sum.q.val() + bit_cast::<64, 6>(self.add_small.q.val());
        self.store_wanted.d.next = self.add_wanted.q.val();

        // Store.
        self.stored.next = self.store_sum.q.val();
        self.sums.write_enable.next = true;
        self.sums.write_address.next = self.store_number.q.val();
        self.sums.write_data.next = self.stored.val();
        self.answer_valid.next = self.store_wanted.q.val();
        self.low.next = self.stored.val().get_bits::<32>(self.low_at.val().index());
        self.high.next = self.high_half.q.val();
        if self.store_wanted.q.val() {
            self.high_half.d.next = self.stored.val().get_bits::<32>(self.high_at.val().index());
        }

        if self.clearing.val() {
            self.stale.d.next = self.round.val();
        }
        if self.reset.val() {
            self.pulses.d.next = 0.into();
            self.add_wanted.d.next = false;
            self.store_wanted.d.next = false;
            self.high_half.d.next = 0.into();
        }
    }
}
