//! Small counters: what came of each of 32 events since it was taken last.
//!
//! Purpose: take pulses, any number of them in a clock, until the sums do. Ports: `pulses`; `clear`; `take` and `number` name the counter
//! whose count `taken` has in the clock after, when it starts again; 0 after a clock without `take`. Throughput: one counter a clock.
//! A counter must be taken at least once in 127 clocks.

use rust_hdl::prelude::*;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct SmallCounters {
    pub clock: Signal<In, Clock>,
    pub pulses: Signal<In, Bits<32>>,
    pub clear: Signal<In, bool>,
    pub take: Signal<In, bool>,
    pub number: Signal<In, Bits<5>>,
    pub taken: Signal<Out, Bits<7>>,
    count: [DFF<Bits<7>>; 32],
    /// The counter that is taken; one bit each.
    turn: DFF<Bits<32>>,
    step: [Signal<Local, Bits<7>>; 32],
    share: [Signal<Local, Bits<7>>; 32],
    all: Signal<Local, Bits<7>>,
}

impl Logic for SmallCounters {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, turn);
        self.turn.d.next = bit_cast::<32, 1>(self.take.val().into()) << self.number.val();
        self.all.next = 0.into();
        for i in 0..32 {
            self.count[i].clock.next = self.clock.val();
            self.step[i].next = 0.into();
            if self.pulses.val().get_bit(i) {
                self.step[i].next = 1.into();
            }
            self.share[i].next = 0.into();
            self.count[i].d.next = self.count[i].q.val() + self.step[i].val();
            if self.turn.q.val().get_bit(i) {
                self.share[i].next = self.count[i].q.val();
                self.count[i].d.next = self.step[i].val();
            }
            if self.clear.val() {
                self.count[i].d.next = 0.into();
            }
            self.all.next = self.all.val() | self.share[i].val();
        }
        self.taken.next = self.all.val();
    }
}
