//! How much is begun and not yet ended.

use rust_hdl::prelude::*;

use crate::constant::Const;

/// Counts from 0 to LIMIT, which N bits must hold.
///
/// - Ports: `begins` and `ends`, pulses, also both at once; `room`: one more may begin; `none`: all have ended.
/// - Latency: 1 clock.
#[derive(LogicBlock, Default)]
pub struct Outstanding<const N: usize, const LIMIT: u64> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub begins: Signal<In, bool>,
    pub ends: Signal<In, bool>,
    pub room: Signal<Out, bool>,
    pub none: Signal<Out, bool>,
    count: DFF<Bits<N>>,
    limit: Const<N, LIMIT>,
}

impl<const N: usize, const LIMIT: u64> Logic for Outstanding<N, LIMIT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count);
        if self.begins.val() ^ self.ends.val() {
            self.count.d.next = self.count.q.val() - 1;
            if self.begins.val() {
                self.count.d.next = self.count.q.val() + 1;
            }
        }
        self.room.next = self.count.q.val() != self.limit.val();
        self.none.next = !self.count.q.val().any();

        if self.reset.val() {
            self.count.d.next = 0.into();
        }
    }
}
