//! The clocks since the last reset.

use rust_hdl::prelude::*;

/// Counts clocks, 64 bits in two halves so that no carry is long.
///
/// Ports: `low` is the count of this clock; `latch` holds the high half that belongs to it in `high`, from the second clock on.
#[derive(LogicBlock, Default)]
pub struct Count {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub latch: Signal<In, bool>,
    pub low: Signal<Out, Bits<32>>,
    pub high: Signal<Out, Bits<32>>,
    lower: DFF<Bits<32>>,
    upper: DFF<Bits<32>>,
    carry: DFF<bool>,
    latching: DFF<bool>,
    held: DFF<Bits<32>>,
}

impl Logic for Count {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, lower, upper, carry, latching, held);
        self.lower.d.next = self.lower.q.val() + 1;
        self.carry.d.next = self.lower.q.val().all();
        if self.carry.q.val() {
            self.upper.d.next = self.upper.q.val() + 1;
        }
        // The upper half is a clock behind.
        self.latching.d.next = self.latch.val();
        if self.latching.q.val() {
            self.held.d.next = self.upper.q.val();
        }
        self.low.next = self.lower.q.val();
        self.high.next = self.held.q.val();

        if self.reset.val() {
            self.lower.d.next = 0.into();
            self.upper.d.next = 0.into();
            self.carry.d.next = false;
        }
    }
}
