//! How far a packet of one direction has come: what its next block is numbered with.
//!
//! Latency 0 clocks from `slot` to the numbers of that slot; one slot a clock; no back-pressure. No reset: every packet begins anew with
//! its `first` slot, and bypassing frames have no numbers.

use rust_hdl::prelude::*;

use super::lengths::{AAD_BITS, PAYLOAD_BITS};
use crate::records::Slot;
use crate::stream::Beat;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Progress {
    pub clock: Signal<In, Clock>,
    /// The slot in this clock is one of this direction.
    pub enable: Signal<In, bool>,
    pub slot: Signal<In, Slot>,
    /// AAD in the `first` slot.
    pub aad_bytes: Signal<In, Bits<4>>,
    /// Of this slot: 1 for J0 (SP 800-38D section 7.1), 2 and up for payload blocks.
    pub counter: Signal<Out, Bits<32>>,
    /// Lane of GHASH, and whether it is empty.
    pub lane: Signal<Out, Bits<2>>,
    pub fresh: Signal<Out, bool>,
    /// Bytes of AAD and of payload, this slot's included.
    pub aad_length: Signal<Out, Bits<AAD_BITS>>,
    pub length: Signal<Out, Bits<PAYLOAD_BITS>>,
    next_counter: DFF<Bits<32>>,
    next_lane: DFF<Bits<2>>,
    next_fresh: DFF<bool>,
    aad_so_far: DFF<Bits<AAD_BITS>>,
    so_far: DFF<Bits<PAYLOAD_BITS>>,
    first: Signal<Local, bool>,
    aad: Signal<Local, bool>,
    beat: Signal<Local, Beat>,
    this_counter: Signal<Local, Bits<32>>,
    this_lane: Signal<Local, Bits<2>>,
    this_fresh: Signal<Local, bool>,
    this_aad: Signal<Local, Bits<AAD_BITS>>,
    this_length: Signal<Local, Bits<PAYLOAD_BITS>>,
}

impl Logic for Progress {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, next_counter, next_lane, next_fresh, aad_so_far, so_far);
        self.first.next = self.slot.val().first;
        self.aad.next = self.slot.val().aad;
        self.beat.next = self.slot.val().beat;

        self.this_counter.next = self.next_counter.q.val();
        self.this_lane.next = self.next_lane.q.val();
        self.this_fresh.next = self.next_fresh.q.val();
        self.this_aad.next = self.aad_so_far.q.val();
        self.this_length.next = self.so_far.q.val() + bit_cast::<PAYLOAD_BITS, 5>(self.beat.val().bytes);
        if self.aad.val() {
            self.this_aad.next = self.aad_so_far.q.val() + bit_cast::<AAD_BITS, 5>(self.beat.val().bytes);
            self.this_length.next = 0.into();
        }
        if self.first.val() {
            self.this_counter.next = 1.into();
            self.this_lane.next = 0.into();
            self.this_fresh.next = true;
            self.this_aad.next = bit_cast::<AAD_BITS, 4>(self.aad_bytes.val());
            self.this_length.next = 0.into();
        }

        if self.enable.val() && !self.slot.val().bypass {
            self.next_counter.d.next = self.this_counter.val() + 1;
            if self.aad.val() {
                self.next_counter.d.next = self.this_counter.val();
            }
            self.next_lane.d.next = self.this_lane.val() + 1;
            self.next_fresh.d.next = self.this_fresh.val();
            if self.this_lane.val() == 2 {
                self.next_lane.d.next = 0.into();
                self.next_fresh.d.next = false;
            }
            self.aad_so_far.d.next = self.this_aad.val();
            self.so_far.d.next = self.this_length.val();
        }

        self.counter.next = self.this_counter.val();
        self.lane.next = self.this_lane.val();
        self.fresh.next = self.this_fresh.val();
        self.aad_length.next = self.this_aad.val();
        self.length.next = self.this_length.val();
    }
}
