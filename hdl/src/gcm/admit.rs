//! Which slot enters the pipeline: TX, RX, or the computation of a hash subkey.
//!
//! TX and RX alternate when both have a slot and room. A hash subkey takes a clock that neither uses; if there is none it takes the
//! [`PATIENCE`]th, so that traffic delays it but never starves it.
//!
//! | | |
//! |---|---|
//! | ports | `d_slot`, `d_crypto`, `d_slot_valid`, `d_slot_ready`, `d_room` for d = tx, rx; `hkey_*`; out: `slot`, `crypto`, `rx`, `valid`, `hkey` |
//! | latency | [`LATENCY`] clocks: the choice is made in the first, while both slots are taken down, and acts in the second: it moves 850 bits, so it must come out of a register |
//! | throughput | one slot a clock |
//! | back-pressure | `d_slot_ready` needs `d_room`, and waits for the other direction's turn; it depends on no `valid` of its own direction |

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::{CryptoContext, Slot};

/// Clocks that a hash subkey waits at most.
pub const PATIENCE: u64 = 256;

/// Clocks from the acceptance of a slot to `slot`.
pub const LATENCY: usize = 2;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Admit {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub tx_slot: Signal<In, Slot>,
    pub tx_crypto: Signal<In, CryptoContext>,
    pub tx_slot_valid: Signal<In, bool>,
    pub tx_slot_ready: Signal<Out, bool>,
    pub tx_room: Signal<In, bool>,
    pub rx_slot: Signal<In, Slot>,
    pub rx_crypto: Signal<In, CryptoContext>,
    pub rx_slot_valid: Signal<In, bool>,
    pub rx_slot_ready: Signal<Out, bool>,
    pub rx_room: Signal<In, bool>,
    /// A hash subkey is asked for.
    pub hkey_valid: Signal<In, bool>,
    pub hkey_key: Signal<In, Bits<256>>,
    pub hkey_size: Signal<In, Bits<2>>,
    /// It is admitted in this clock.
    pub hkey_ready: Signal<Out, bool>,
    /// The slot that was admitted, and for which direction.
    pub slot: Signal<Out, Slot>,
    pub crypto: Signal<Out, CryptoContext>,
    pub rx: Signal<Out, bool>,
    pub valid: Signal<Out, bool>,
    /// Instead, the key in `crypto` is to encrypt the zero block.
    pub hkey: Signal<Out, bool>,
    // Clock 1: what is offered, and who is taken.
    tx_slot_1: DFF<Slot>,
    tx_crypto_1: DFF<CryptoContext>,
    rx_slot_1: DFF<Slot>,
    rx_crypto_1: DFF<CryptoContext>,
    hkey_key_1: DFF<Bits<256>>,
    hkey_size_1: DFF<Bits<2>>,
    rx_1: DFF<bool>,
    valid_1: DFF<bool>,
    hkey_1: DFF<bool>,
    // Clock 2: who was taken.
    slot_2: DFF<Slot>,
    crypto_2: DFF<CryptoContext>,
    rx_2: DFF<bool>,
    valid_2: DFF<bool>,
    hkey_2: DFF<bool>,
    rx_turn: DFF<bool>,
    waited: DFF<Bits<8>>,
    forced: DFF<bool>,
    tx_can: Signal<Local, bool>,
    rx_can: Signal<Local, bool>,
    tx_ready: Signal<Local, bool>,
    rx_ready: Signal<Local, bool>,
    take_hkey: Signal<Local, bool>,
    most: Const<8, { PATIENCE - 2 }>,
}

impl Logic for Admit {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tx_slot_1, tx_crypto_1, rx_slot_1, rx_crypto_1, hkey_key_1, hkey_size_1, rx_1, valid_1, hkey_1);
        dff_setup!(self, clock, slot_2, crypto_2, rx_2, valid_2, hkey_2, rx_turn, waited, forced);

        self.tx_can.next = self.tx_slot_valid.val() && self.tx_room.val();
        self.rx_can.next = self.rx_slot_valid.val() && self.rx_room.val();
        self.tx_ready.next = self.tx_room.val() && !self.forced.q.val() && (!self.rx_turn.q.val() || !self.rx_can.val());
        self.rx_ready.next = self.rx_room.val() && !self.forced.q.val() && (self.rx_turn.q.val() || !self.tx_can.val());
        self.take_hkey.next = self.hkey_valid.val() && (self.forced.q.val() || !(self.tx_can.val() || self.rx_can.val()));
        self.tx_slot_ready.next = self.tx_ready.val();
        self.rx_slot_ready.next = self.rx_ready.val();
        self.hkey_ready.next = self.take_hkey.val();

        // Clock 1.
        self.tx_slot_1.d.next = self.tx_slot.val();
        self.tx_crypto_1.d.next = self.tx_crypto.val();
        self.rx_slot_1.d.next = self.rx_slot.val();
        self.rx_crypto_1.d.next = self.rx_crypto.val();
        self.hkey_key_1.d.next = self.hkey_key.val();
        self.hkey_size_1.d.next = self.hkey_size.val();
        self.rx_1.d.next = self.rx_can.val() && self.rx_ready.val();
        self.valid_1.d.next = (self.tx_can.val() && self.tx_ready.val()) || (self.rx_can.val() && self.rx_ready.val());
        self.hkey_1.d.next = self.take_hkey.val();

        // Clock 2.
        self.slot_2.d.next = self.tx_slot_1.q.val();
        self.crypto_2.d.next = self.tx_crypto_1.q.val();
        if self.rx_1.q.val() {
            self.slot_2.d.next = self.rx_slot_1.q.val();
            self.crypto_2.d.next = self.rx_crypto_1.q.val();
        }
        if self.hkey_1.q.val() {
            self.crypto_2.d.next.key = self.hkey_key_1.q.val();
            self.crypto_2.d.next.key_size = self.hkey_size_1.q.val();
        }
        self.rx_2.d.next = self.rx_1.q.val();
        self.valid_2.d.next = self.valid_1.q.val();
        self.hkey_2.d.next = self.hkey_1.q.val();

        if self.tx_can.val() && self.tx_ready.val() {
            self.rx_turn.d.next = true;
        }
        if self.rx_can.val() && self.rx_ready.val() {
            self.rx_turn.d.next = false;
        }
        self.waited.d.next = 0.into();
        self.forced.d.next = false;
        if self.hkey_valid.val() && !self.take_hkey.val() {
            self.waited.d.next = self.waited.q.val() + 1;
            self.forced.d.next = self.waited.q.val() == self.most.val();
        }

        self.slot.next = self.slot_2.q.val();
        self.crypto.next = self.crypto_2.q.val();
        self.rx.next = self.rx_2.q.val();
        self.valid.next = self.valid_2.q.val();
        self.hkey.next = self.hkey_2.q.val();
        if self.reset.val() {
            self.valid_1.d.next = false;
            self.hkey_1.d.next = false;
            self.valid_2.d.next = false;
            self.hkey_2.d.next = false;
            self.rx_turn.d.next = false;
            self.forced.d.next = false;
        }
    }
}
