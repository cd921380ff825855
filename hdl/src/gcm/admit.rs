//! Which slot enters the pipeline: TX and RX alternate when both have a slot and room.
//!
//! | | |
//! |---|---|
//! | ports | `d_slot`, `d_crypto`, `d_slot_valid`, `d_slot_ready`, `d_room` for d = tx, rx; `turn`; out: `slot`, `crypto`, `rx`, `valid` |
//! | latency | [`LATENCY`] clocks: the choice is made in the first, while both slots are taken down, and acts in the second: it moves 850 bits, so it must come out of a register |
//! | throughput | one slot a clock, of the clocks in which `turn` is high |
//! | back-pressure | `d_slot_ready` needs `d_room`, and waits for the other direction's turn; it depends on no `valid` of its own direction |

use rust_hdl::prelude::*;

use crate::records::{CryptoContext, Slot};

/// Clocks from the acceptance of a slot to `slot`.
pub const LATENCY: usize = 2;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Admit {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    /// What is taken in this clock reaches AES when that can take it.
    pub turn: Signal<In, bool>,
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
    /// The slot that was admitted, and for which direction.
    pub slot: Signal<Out, Slot>,
    pub crypto: Signal<Out, CryptoContext>,
    pub rx: Signal<Out, bool>,
    pub valid: Signal<Out, bool>,
    // Clock 1: what is offered, and who is taken.
    tx_slot_1: DFF<Slot>,
    tx_crypto_1: DFF<CryptoContext>,
    rx_slot_1: DFF<Slot>,
    rx_crypto_1: DFF<CryptoContext>,
    rx_1: DFF<bool>,
    valid_1: DFF<bool>,
    // Clock 2: who was taken.
    slot_2: DFF<Slot>,
    crypto_2: DFF<CryptoContext>,
    rx_2: DFF<bool>,
    valid_2: DFF<bool>,
    rx_turn: DFF<bool>,
    tx_can: Signal<Local, bool>,
    rx_can: Signal<Local, bool>,
    tx_ready: Signal<Local, bool>,
    rx_ready: Signal<Local, bool>,
}

impl Logic for Admit {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tx_slot_1, tx_crypto_1, rx_slot_1, rx_crypto_1, rx_1, valid_1);
        dff_setup!(self, clock, slot_2, crypto_2, rx_2, valid_2, rx_turn);

        self.tx_can.next = self.tx_slot_valid.val() && self.tx_room.val() && self.turn.val();
        self.rx_can.next = self.rx_slot_valid.val() && self.rx_room.val() && self.turn.val();
        self.tx_ready.next = self.tx_room.val() && self.turn.val() && (!self.rx_turn.q.val() || !self.rx_can.val());
        self.rx_ready.next = self.rx_room.val() && self.turn.val() && (self.rx_turn.q.val() || !self.tx_can.val());
        self.tx_slot_ready.next = self.tx_ready.val();
        self.rx_slot_ready.next = self.rx_ready.val();

        // Clock 1.
        self.tx_slot_1.d.next = self.tx_slot.val();
        self.tx_crypto_1.d.next = self.tx_crypto.val();
        self.rx_slot_1.d.next = self.rx_slot.val();
        self.rx_crypto_1.d.next = self.rx_crypto.val();
        self.rx_1.d.next = self.rx_can.val() && self.rx_ready.val();
        self.valid_1.d.next = (self.tx_can.val() && self.tx_ready.val()) || (self.rx_can.val() && self.rx_ready.val());

        // Clock 2.
        self.slot_2.d.next = self.tx_slot_1.q.val();
        self.crypto_2.d.next = self.tx_crypto_1.q.val();
        if self.rx_1.q.val() {
            self.slot_2.d.next = self.rx_slot_1.q.val();
            self.crypto_2.d.next = self.rx_crypto_1.q.val();
        }
        self.rx_2.d.next = self.rx_1.q.val();
        self.valid_2.d.next = self.valid_1.q.val();

        if self.tx_can.val() && self.tx_ready.val() {
            self.rx_turn.d.next = true;
        }
        if self.rx_can.val() && self.rx_ready.val() {
            self.rx_turn.d.next = false;
        }

        self.slot.next = self.slot_2.q.val();
        self.crypto.next = self.crypto_2.q.val();
        self.rx.next = self.rx_2.q.val();
        self.valid.next = self.valid_2.q.val();
        if self.reset.val() {
            self.valid_1.d.next = false;
            self.valid_2.d.next = false;
            self.rx_turn.d.next = false;
        }
    }
}
