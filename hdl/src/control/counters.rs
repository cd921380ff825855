//! The counters: 64 bits for each of 64 events, none lost.
//!
//! Purpose: count one-clock pulses, any number of them in a clock. Ports: `events`; `clear`; `read` with `number`, up until
//! `answer_valid`, which brings `low`, and from the next clock on `high`, of one and the same moment. Latency of a read: 2 to 65
//! clocks. Throughput: an event of every kind in every clock. No back-pressure.
//!
//! A small counter for each event takes the pulses. The sums lie in a RAM; one of them is visited in each clock, in turn: what the
//! small counter has since the last visit, at most 64, is added, and the small counter starts again. A visit takes four steps:
//! address, fetch, add, store. A read waits for the visit of its counter and takes the new sum, so that it misses nothing of
//! what came before.
//!
//! `clear` empties the small counters in one clock, and the next visit of each sum takes 0 in its place; so does a reset.

mod small;

use rust_hdl::prelude::*;

use self::small::SmallCounters;
use crate::constant::Const;

/// Visits until each sum has been visited once.
const ROUND: u64 = 64;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Counters {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub events: Signal<In, Bits<64>>,
    pub clear: Signal<In, bool>,
    pub read: Signal<In, bool>,
    pub number: Signal<In, Bits<6>>,
    pub answer_valid: Signal<Out, bool>,
    pub low: Signal<Out, Bits<32>>,
    pub high: Signal<Out, Bits<32>>,
    pulses: DFF<Bits<64>>,
    /// Of events 0 to 31, and of the others.
    small: [SmallCounters; 2],
    sums: RAM<Bits<64>, 6>,
    /// The counter whose address the RAM has.
    visit: DFF<Bits<6>>,
    /// Visits left that take 0 for the sum.
    stale: DFF<Bits<7>>,
    fetch_number: DFF<Bits<6>>,
    add_number: DFF<Bits<6>>,
    add_sum: DFF<Bits<64>>,
    add_small: DFF<Bits<7>>,
    add_wanted: DFF<bool>,
    store_number: DFF<Bits<6>>,
    store_sum: DFF<Bits<64>>,
    store_wanted: DFF<bool>,
    high_half: DFF<Bits<32>>,
    clearing: Signal<Local, bool>,
    is_stale: Signal<Local, bool>,
    upper: Signal<Local, bool>,
    stored: Signal<Local, Bits<64>>,
    round: Const<7, { ROUND }>,
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
        self.upper.next = self.visit.q.val().get_bit(5);
        for i in 0..2 {
            self.small[i].clock.next = self.clock.val();
            self.small[i].clear.next = self.clearing.val();
            self.small[i].number.next = self.visit.q.val().get_bits::<5>(0);
            self.small[i].pulses.next = self.pulses.q.val().get_bits::<32>(i * 32);
        }
        self.small[0].take.next = !self.upper.val();
        self.small[1].take.next = self.upper.val();

        // Fetch: the sum, and what the small counter has.
        self.is_stale.next = self.stale.q.val().any();
        self.add_number.d.next = self.fetch_number.q.val();
        self.add_small.d.next = self.small[0].taken.val() | self.small[1].taken.val();
        self.add_sum.d.next = self.sums.read_data.val();
        if self.is_stale.val() {
            self.add_sum.d.next = 0.into();
            self.stale.d.next = self.stale.q.val() - 1;
        }
        self.add_wanted.d.next = self.read.val() && (self.fetch_number.q.val() == self.number.val());

        // Add.
        self.store_number.d.next = self.add_number.q.val();
        self.store_sum.d.next = self.add_sum.q.val() + bit_cast::<64, 7>(self.add_small.q.val());
        self.store_wanted.d.next = self.add_wanted.q.val();

        // Store.
        self.stored.next = self.store_sum.q.val();
        self.sums.write_enable.next = true;
        self.sums.write_address.next = self.store_number.q.val();
        self.sums.write_data.next = self.stored.val();
        self.answer_valid.next = self.store_wanted.q.val();
        self.low.next = self.stored.val().get_bits::<32>(0);
        self.high.next = self.high_half.q.val();
        if self.store_wanted.q.val() {
            self.high_half.d.next = self.stored.val().get_bits::<32>(32);
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
