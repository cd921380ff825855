//! Slots on their way to the core, a few ahead.
//!
//! Where a frame's headers pass the gatherer there is no slot for a few clocks. With some in stock, a direction takes its share of the
//! core in those clocks as well, however the two directions meet.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::{CryptoContext, Slot};

/// A queue of four slots, and of what the core has to know of the two packets that they are of.
///
/// - Ports: `s_slot` with `s_crypto` beside it, which counts with a `first` slot; `m_slot` with `m_crypto`, the one that came with the packet's
///   `first` slot.
/// - Latency: 1 clock. Throughput: one slot a clock.
/// - Back-pressure: `s_ready` is low when four slots are stored, and for the `first` slot of a third packet. It depends on no `valid`.
#[derive(LogicBlock, Default)]
pub struct SlotQueue {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_slot: Signal<In, Slot>,
    pub s_crypto: Signal<In, CryptoContext>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_slot: Signal<Out, Slot>,
    pub m_crypto: Signal<Out, CryptoContext>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    /// The oldest first.
    slots: [DFF<Slot>; 4],
    /// Bit i: which of the two contexts slot i is of.
    second: DFF<Bits<4>>,
    count: DFF<Bits<3>>,
    contexts: [DFF<CryptoContext>; 2],
    /// The context of the youngest packet.
    youngest: DFF<bool>,
    push: Signal<Local, bool>,
    pop: Signal<Local, bool>,
    begins: Signal<Local, bool>,
    /// The context of what is pushed.
    pushed: Signal<Local, bool>,
    /// Where it goes: one bit set.
    place: Signal<Local, Bits<4>>,
    left: Signal<Local, Bits<3>>,
    kept: Signal<Local, Bits<4>>,
    one: Const<4, 1>,
}

impl Logic for SlotQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, second, count, youngest);
        for i in 0..4 {
            self.slots[i].clock.next = self.clock.val();
            self.slots[i].d.next = self.slots[i].q.val();
        }
        for i in 0..2 {
            self.contexts[i].clock.next = self.clock.val();
            self.contexts[i].d.next = self.contexts[i].q.val();
        }

        self.begins.next = self.s_slot.val().first;
        self.pushed.next = self.youngest.q.val() ^ self.begins.val();
        self.s_ready.next = !self.count.q.val().get_bit(2)
            & (!self.begins.val() | (!self.count.q.val().any() | (self.second.q.val().get_bit(0) == self.youngest.q.val())));
        self.push.next = self.s_valid.val() & self.s_ready.val();
        self.m_valid.next = self.count.q.val().any();
        self.pop.next = self.count.q.val().any() & self.m_ready.val();
        self.m_slot.next = self.slots[0].q.val();
        self.m_crypto.next = self.contexts[0].q.val();
        if self.second.q.val().get_bit(0) {
            self.m_crypto.next = self.contexts[1].q.val();
        }

        // Out: all move up. In: behind the last one.
        self.left.next = self.count.q.val();
        self.kept.next = self.second.q.val();
        if self.pop.val() {
            self.left.next = self.count.q.val() - 1;
            self.kept.next = self.second.q.val() >> 1;
            for i in 0..3 {
                self.slots[i].d.next = self.slots[i + 1].q.val();
            }
        }
        self.place.next = self.one.val() << self.left.val();
        self.count.d.next = self.left.val();
        self.second.d.next = self.kept.val();
        if self.push.val() {
            for i in 0..4 {
                if self.place.val().get_bit(i) {
                    self.slots[i].d.next = self.s_slot.val();
                }
            }
            self.count.d.next = self.left.val() + 1;
            self.second.d.next = self.kept.val() & !self.place.val();
            if self.pushed.val() {
                self.second.d.next = self.kept.val() | self.place.val();
            }
            self.youngest.d.next = self.pushed.val();
        }
        if self.push.val() & self.begins.val() {
            if self.pushed.val() {
                self.contexts[1].d.next = self.s_crypto.val();
            } else {
                self.contexts[0].d.next = self.s_crypto.val();
            }
        }
        if self.reset.val() {
            self.count.d.next = 0.into();
            self.youngest.d.next = false;
        }
    }
}
