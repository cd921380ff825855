//! From an admitted slot to the block that AES encrypts and what waits beside it.
//!
//! | | |
//! |---|---|
//! | ports | `slot`, `crypto`, `rx`, `valid` in; `block`, `key`, `size` for AES; `work`, `hash_keys`; `valid` again |
//! | latency | [`LATENCY`] clock |
//! | throughput | one slot a clock, of either direction |
//! | back-pressure | none |

use rust_hdl::prelude::*;

use super::lengths::{AAD_BITS, PAYLOAD_BITS};
use super::progress::Progress;
use super::work::{HashKeys, HashStep, Work};
use crate::constant::Const;
use crate::records::{CryptoContext, Slot};
use crate::stream::Beat;

/// Clocks from `slot` to `block`.
pub const LATENCY: usize = 1;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Prepare {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub slot: Signal<In, Slot>,
    pub crypto: Signal<In, CryptoContext>,
    pub rx: Signal<In, bool>,
    pub valid: Signal<In, bool>,
    /// For AES.
    pub block: Signal<Out, Bits<128>>,
    pub key: Signal<Out, Bits<256>>,
    pub size: Signal<Out, Bits<2>>,
    pub work: Signal<Out, Work>,
    pub hash_keys: Signal<Out, HashKeys>,
    /// The outputs are a slot's.
    pub valid_out: Signal<Out, bool>,
    progress: [Progress; 2],
    block_1: DFF<Bits<128>>,
    key_1: DFF<Bits<256>>,
    size_1: DFF<Bits<2>>,
    work_1: DFF<Work>,
    hash_keys_1: DFF<HashKeys>,
    valid_1: DFF<bool>,
    first: Signal<Local, bool>,
    aad: Signal<Local, bool>,
    bypass: Signal<Local, bool>,
    payload: Signal<Local, bool>,
    remaining: Signal<Local, Bits<2>>,
    beat: Signal<Local, Beat>,
    counter: Signal<Local, Bits<32>>,
    lane: Signal<Local, Bits<2>>,
    fresh: Signal<Local, bool>,
    aad_length: Signal<Local, Bits<AAD_BITS>>,
    length: Signal<Local, Bits<PAYLOAD_BITS>>,
    step: Signal<Local, HashStep>,
    data: Signal<Local, Bits<128>>,
    bytes: Signal<Local, Bits<5>>,
    all: Const<16, 0xffff>,
}

impl Logic for Prepare {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, block_1, key_1, size_1, work_1, hash_keys_1, valid_1);
        self.first.next = self.slot.val().first;
        self.aad.next = self.slot.val().aad;
        self.bypass.next = self.slot.val().bypass;
        self.remaining.next = self.slot.val().remaining;
        self.beat.next = self.slot.val().beat;
        self.payload.next = !self.first.val() && !self.aad.val() && !self.bypass.val();

        // Each direction counts for itself.
        for i in 0..2 {
            self.progress[i].clock.next = self.clock.val();
            self.progress[i].slot.next = self.slot.val();
            self.progress[i].aad_bytes.next = self.crypto.val().aad_bytes;
        }
        self.progress[0].enable.next = self.valid.val() && !self.rx.val();
        self.progress[1].enable.next = self.valid.val() && self.rx.val();
        self.counter.next = self.progress[0].counter.val();
        self.lane.next = self.progress[0].lane.val();
        self.fresh.next = self.progress[0].fresh.val();
        self.aad_length.next = self.progress[0].aad_length.val();
        self.length.next = self.progress[0].length.val();
        if self.rx.val() {
            self.counter.next = self.progress[1].counter.val();
            self.lane.next = self.progress[1].lane.val();
            self.fresh.next = self.progress[1].fresh.val();
            self.aad_length.next = self.progress[1].aad_length.val();
            self.length.next = self.progress[1].length.val();
        }

        // AES: J0 = nonce || 1 (SP 800-38D section 7.1 step 2), then inc32.
        self.block_1.d.next = (bit_cast::<128, 96>(self.crypto.val().nonce) << 32) | bit_cast::<128, 32>(self.counter.val());
        self.key_1.d.next = self.crypto.val().key;
        self.size_1.d.next = self.crypto.val().key_size;

        // GHASH.
        self.step.next.active = !self.bypass.val();
        self.step.next.rx = self.rx.val();
        self.step.next.lane = self.lane.val();
        self.step.next.fresh = self.fresh.val();
        self.step.next.first = self.first.val();
        self.step.next.closing = self.remaining.val() != 3;
        self.step.next.end = self.beat.val().last;
        self.hash_keys_1.d.next.h = self.crypto.val().h;
        self.hash_keys_1.d.next.h3 = self.crypto.val().h3;
        self.hash_keys_1.d.next.remaining = self.remaining.val();
        self.hash_keys_1.d.next.aad_length = self.aad_length.val();
        self.hash_keys_1.d.next.length = self.length.val();

        // The data, to wait for the key stream.
        self.data.next = self.beat.val().data;
        self.bytes.next = self.beat.val().bytes;
        if self.first.val() {
            self.data.next = bit_cast::<128, 96>(self.crypto.val().aad) << 32;
            self.bytes.next = bit_cast::<5, 4>(self.crypto.val().aad_bytes);
        }
        self.work_1.d.next.data = self.data.val();
        self.work_1.d.next.keep = !(self.all.val() >> self.bytes.val());
        self.work_1.d.next.bytes = self.bytes.val();
        self.work_1.d.next.last = self.beat.val().last;
        self.work_1.d.next.error = self.beat.val().error;
        self.work_1.d.next.emit = self.payload.val() || self.bypass.val();
        self.work_1.d.next.cipher = self.payload.val();
        self.work_1.d.next.hash_result = self.payload.val() && !self.crypto.val().decrypt;
        self.work_1.d.next.hash = self.step.val();

        self.valid_1.d.next = self.valid.val();
        self.block.next = self.block_1.q.val();
        self.key.next = self.key_1.q.val();
        self.size.next = self.size_1.q.val();
        self.work.next = self.work_1.q.val();
        self.hash_keys.next = self.hash_keys_1.q.val();
        self.valid_out.next = self.valid_1.q.val();
        if self.reset.val() {
            self.valid_1.d.next = false;
        }
    }
}
