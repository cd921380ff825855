//! How many there are of something.

use rust_hdl::prelude::*;

/// Counts `up` less `down`, from 0; `none` while they are equal. Latency 1 clock.
#[derive(LogicBlock, Default)]
pub struct Tally {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub up: Signal<In, bool>,
    pub down: Signal<In, bool>,
    pub none: Signal<Out, bool>,
    count: DFF<Bits<8>>,
}

impl Logic for Tally {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count);
        if self.up.val() & !self.down.val() {
            self.count.d.next = self.count.q.val() + 1;
        }
        if self.down.val() & !self.up.val() {
            self.count.d.next = self.count.q.val() - 1;
        }
        self.none.next = self.count.q.val() == 0;
        if self.reset.val() {
            self.count.d.next = 0.into();
        }
    }
}
