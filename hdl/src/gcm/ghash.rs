//! GHASH (NIST SP 800-38D section 6.4) of two interleaved streams of packets, one block a clock, and the tags.
//!
//! With X1 .. Xn the blocks of AAD and ciphertext and L the lengths block, the sum X1 H^(n+1) + .. + Xn H^2 + L H is wanted. One product takes
//! three clocks, so the blocks of a packet go round three lanes, each a Horner scheme in H^3, which its last block ends with the power
//! that lies between it and the end ([`super::powers`]):
//!
//! ```text
//!          ┌───────────────────────── lane store ──────────────────────────┐
//!          v                                                               │
//! x ─────> ⊕ ──│──> [multiply by H^3, or │──> ... │──] ──> z ──────────────┤
//!                    H^4, H^3, H^2]                        └─> ⊕ sum ─│─> ⊕ L H ─│─> tag        (│: register)
//!                                                      E(J0) ──┘
//! ```
//!
//! A packet's blocks may come with gaps: a product that is not used in the clock in which it comes out waits in the lane store, where each
//! lane of each direction has its place.
//!
//! Folded, a product takes longer, but steps are 7 clocks or a multiple of that apart: every product waits in the store, and the key stream of a
//! packet in two registers until the product of its first block is out.
//!
//! | | |
//! |---|---|
//! | ports, clock 0 | `step` and whether it is `active`, `key_stream` beside it |
//! | clock 1 | `x`, the block, zero beyond its last byte |
//! | clock 2 | `operand`, what it is multiplied by |
//! | clock 3 + [`Multiplier::LATENCY`] | `lengths`, L H, of a packet's last block |
//! | clock [`Ghash::LATENCY`] | `tag`, and `tx_tag_valid` or `rx_tag_valid`, after a step with `end` |
//! | throughput | one block a clock; folded, one every [`super::aes::Aes::PASSES`] clocks |
//! | back-pressure | none |

use rust_hdl::prelude::*;

use super::multiplier::Multiplier;
use super::work::HashStep;
use crate::constant::Folded;

/// Clocks for which a step is needed: with the longest product, until the tag.
const STEPS: usize = 3 + Multiplier::<2>::LATENCY;

/// The last of them, as it is spelt below: the clock of the tag.
const _: () = assert!(STEPS - 1 == 11 && 2 + Multiplier::<14>::LATENCY == 4);

/// See the module's documentation. `R`: rounds of AES ([`super::aes::Aes`]).
#[derive(LogicBlock, Default)]
pub struct Ghash<const R: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub step: Signal<In, HashStep>,
    /// There is a step.
    pub active: Signal<In, bool>,
    pub key_stream: Signal<In, Bits<128>>,
    pub x: Signal<In, Bits<128>>,
    pub operand: Signal<In, Bits<128>>,
    pub lengths: Signal<In, Bits<128>>,
    pub tag: Signal<Out, Bits<128>>,
    pub tx_tag_valid: Signal<Out, bool>,
    pub rx_tag_valid: Signal<Out, bool>,
    multiplier: Multiplier<R>,
    lanes: RAM<Bits<128>, 3>,
    /// Bit i: there is a block at clock i + 1, `steps[i]`.
    pending: DFF<Bits<STEPS>>,
    steps: [DFF<HashStep>; STEPS],
    key_streams: [DFF<Bits<128>>; 4],
    from_z: DFF<bool>,
    from_last_z: DFF<bool>,
    factor: DFF<Bits<128>>,
    last_z: DFF<Bits<128>>,
    tx_sum: DFF<Bits<128>>,
    rx_sum: DFF<Bits<128>>,
    tag_out: DFF<Bits<128>>,
    tx_valid: DFF<bool>,
    rx_valid: DFF<bool>,
    is_folded: Folded<R>,
    at_1: Signal<Local, HashStep>,
    /// The step whose product is out in the next clock, in this one, since one.
    at_last: Signal<Local, HashStep>,
    at_product: Signal<Local, HashStep>,
    at_tag: Signal<Local, HashStep>,
    active_last: Signal<Local, bool>,
    active_product: Signal<Local, bool>,
    active_tag: Signal<Local, bool>,
    carried: Signal<Local, Bits<128>>,
    part: Signal<Local, Bits<128>>,
    first_key_stream: Signal<Local, Bits<128>>,
}

impl<const R: usize> Ghash<R> {
    /// Clocks from `step` to `tag`.
    pub const LATENCY: usize = 4 + Multiplier::<R>::LATENCY;
}

impl<const R: usize> Logic for Ghash<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, pending, from_z, from_last_z, factor, last_z, tx_sum, rx_sum, tag_out, tx_valid, rx_valid);
        self.multiplier.clock.next = self.clock.val();
        self.lanes.read_clock.next = self.clock.val();
        self.lanes.write_clock.next = self.clock.val();
        for i in 0..STEPS {
            self.steps[i].clock.next = self.clock.val();
        }
        for i in 0..(STEPS - 1) {
            self.steps[i + 1].d.next = self.steps[i].q.val();
        }
        for i in 0..4 {
            self.key_streams[i].clock.next = self.clock.val();
        }
        for i in 0..3 {
            self.key_streams[i + 1].d.next = self.key_streams[i].q.val();
        }
        self.pending.d.next = self.pending.q.val() << 1;
        if self.active.val() {
            self.pending.d.next = (self.pending.q.val() << 1) | 1;
        }
        self.at_1.next = self.steps[0].q.val();
        self.at_last.next = self.steps[2].q.val();
        self.at_product.next = self.steps[3].q.val();
        self.at_tag.next = self.steps[4].q.val();
        self.active_last.next = self.pending.q.val().get_bit(2);
        self.active_product.next = self.pending.q.val().get_bit(3);
        self.active_tag.next = self.pending.q.val().get_bit(4);
        if self.is_folded.val() {
            self.at_last.next = self.steps[9].q.val();
            self.at_product.next = self.steps[10].q.val();
            self.at_tag.next = self.steps[11].q.val();
            self.active_last.next = self.pending.q.val().get_bit(9);
            self.active_product.next = self.pending.q.val().get_bit(10);
            self.active_tag.next = self.pending.q.val().get_bit(11);
        }

        // Clock 0: where the lane's product will be in the next clock: just coming out, out since one clock, or in the store.
        self.steps[0].d.next = self.step.val();
        self.key_streams[0].d.next = self.key_stream.val();
        self.first_key_stream.next = self.key_streams[3].q.val();
        if self.is_folded.val() {
            // Clock 7: the next step comes.
            self.first_key_stream.next = self.key_streams[1].q.val();
            if !self.active.val() {
                self.key_streams[0].d.next = self.key_streams[0].q.val();
            }
            if !self.pending.q.val().get_bit(6) {
                self.key_streams[1].d.next = self.key_streams[1].q.val();
            }
        }
        self.lanes.read_address.next = bit_cast::<3, 2>(self.step.val().lane);
        if self.step.val().rx {
            self.lanes.read_address.next = bit_cast::<3, 2>(self.step.val().lane) | 4;
        }
        self.from_z.d.next = (!self.is_folded.val() & self.active_last.val())
            && (self.at_last.val().rx == self.step.val().rx)
            && (self.at_last.val().lane == self.step.val().lane);
        self.from_last_z.d.next = (!self.is_folded.val() & self.active_product.val())
            && (self.at_product.val().rx == self.step.val().rx)
            && (self.at_product.val().lane == self.step.val().lane);

        // Clock 1: Horner's sum.
        self.carried.next = self.lanes.read_data.val();
        if self.from_last_z.q.val() {
            self.carried.next = self.last_z.q.val();
        }
        if self.from_z.q.val() {
            self.carried.next = self.multiplier.y.val();
        }
        if self.at_1.val().fresh {
            self.carried.next = 0.into();
        }
        self.factor.d.next = self.x.val() ^ self.carried.val();

        // From clock 2 on: the product.
        self.multiplier.start.next = self.pending.q.val().get_bit(1);
        self.multiplier.a.next = self.factor.q.val();
        self.multiplier.b.next = self.operand.val();

        // The product is out; it goes on in its lane, and into the sum if the lane ends.
        self.last_z.d.next = self.multiplier.y.val();
        self.lanes.write_data.next = self.multiplier.y.val();
        self.lanes.write_enable.next = self.active_product.val();
        self.lanes.write_address.next = bit_cast::<3, 2>(self.at_product.val().lane);
        if self.at_product.val().rx {
            self.lanes.write_address.next = bit_cast::<3, 2>(self.at_product.val().lane) | 4;
        }
        self.part.next = 0.into();
        if self.at_product.val().closing {
            self.part.next = self.multiplier.y.val();
        }
        if self.active_product.val() && !self.at_product.val().rx {
            self.tx_sum.d.next = self.tx_sum.q.val() ^ self.part.val();
            if self.at_product.val().first {
                self.tx_sum.d.next = self.first_key_stream.val() ^ self.part.val();
            }
        }
        if self.active_product.val() && self.at_product.val().rx {
            self.rx_sum.d.next = self.rx_sum.q.val() ^ self.part.val();
            if self.at_product.val().first {
                self.rx_sum.d.next = self.first_key_stream.val() ^ self.part.val();
            }
        }

        // A clock later: the lengths.
        self.tag_out.d.next = self.tx_sum.q.val() ^ self.lengths.val();
        if self.at_tag.val().rx {
            self.tag_out.d.next = self.rx_sum.q.val() ^ self.lengths.val();
        }
        self.tx_valid.d.next = self.active_tag.val() && self.at_tag.val().end && !self.at_tag.val().rx;
        self.rx_valid.d.next = self.active_tag.val() && self.at_tag.val().end && self.at_tag.val().rx;
        self.tag.next = self.tag_out.q.val();
        self.tx_tag_valid.next = self.tx_valid.q.val();
        self.rx_tag_valid.next = self.rx_valid.q.val();
        if self.reset.val() {
            self.pending.d.next = 0.into();
            self.tx_valid.d.next = false;
            self.rx_valid.d.next = false;
        }
    }
}
