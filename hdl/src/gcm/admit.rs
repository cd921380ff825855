//! Which slot enters the pipeline: TX and RX alternate when both have a slot and room.
//!
//! | | |
//! |---|---|
//! | ports | `d_slot`, `d_slot_valid`, `d_slot_ready`, `d_room` for d = tx, rx; `d_crypto`, `d_crypto_valid`: see [`Contexts`]; `turn`; out: `slot`, `crypto`, `rx`, `valid` |
//! | latency | [`LATENCY`] clocks: the choice is made in the first, while both slots are taken down, and acts in the second: it moves 140 bits, so it must come out of a register; the context is read behind it |
//! | throughput | one slot a clock, of the clocks in which `turn` is high |
//! | back-pressure | `d_slot_ready` needs the `d_room` of the clock before, and waits for the other direction's turn; it depends on no `valid` of its own direction |

use rust_hdl::prelude::*;

use super::contexts::Contexts;
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
    pub tx_crypto_valid: Signal<In, bool>,
    pub tx_slot_valid: Signal<In, bool>,
    pub tx_slot_ready: Signal<Out, bool>,
    pub tx_room: Signal<In, bool>,
    pub rx_slot: Signal<In, Slot>,
    pub rx_crypto: Signal<In, CryptoContext>,
    pub rx_crypto_valid: Signal<In, bool>,
    pub rx_slot_valid: Signal<In, bool>,
    pub rx_slot_ready: Signal<Out, bool>,
    pub rx_room: Signal<In, bool>,
    /// The slot that was admitted, and for which direction.
    pub slot: Signal<Out, Slot>,
    pub crypto: Signal<Out, CryptoContext>,
    pub rx: Signal<Out, bool>,
    pub valid: Signal<Out, bool>,
    tx_contexts: Contexts,
    rx_contexts: Contexts,
    // Clock 1: what is offered, and who is taken.
    tx_slot_1: DFF<Slot>,
    rx_slot_1: DFF<Slot>,
    rx_1: DFF<bool>,
    valid_1: DFF<bool>,
    // Clock 2: who was taken.
    slot_2: DFF<Slot>,
    rx_2: DFF<bool>,
    valid_2: DFF<bool>,
    rx_turn: DFF<bool>,
    // As it was told in the clock before.
    tx_has_room: DFF<bool>,
    rx_has_room: DFF<bool>,
    tx_can: Signal<Local, bool>,
    rx_can: Signal<Local, bool>,
    tx_ready: Signal<Local, bool>,
    rx_ready: Signal<Local, bool>,
    takes_tx: Signal<Local, bool>,
    takes_rx: Signal<Local, bool>,
}

impl Logic for Admit {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tx_slot_1, rx_slot_1, rx_1, valid_1, slot_2, rx_2, valid_2, rx_turn, tx_has_room, rx_has_room);
        clock!(self, clock, tx_contexts, rx_contexts);
        self.tx_contexts.reset.next = self.reset.val();
        self.rx_contexts.reset.next = self.reset.val();

        self.tx_has_room.d.next = self.tx_room.val();
        self.rx_has_room.d.next = self.rx_room.val();

        self.tx_can.next = self.tx_slot_valid.val() && self.tx_has_room.q.val() && self.turn.val();
        self.rx_can.next = self.rx_slot_valid.val() && self.rx_has_room.q.val() && self.turn.val();
        self.tx_ready.next = self.tx_has_room.q.val() && self.turn.val() && (!self.rx_turn.q.val() || !self.rx_can.val());
        self.rx_ready.next = self.rx_has_room.q.val() && self.turn.val() && (self.rx_turn.q.val() || !self.tx_can.val());
        self.tx_slot_ready.next = self.tx_ready.val();
        self.rx_slot_ready.next = self.rx_ready.val();

        self.takes_tx.next = self.tx_can.val() && self.tx_ready.val();
        self.takes_rx.next = self.rx_can.val() && self.rx_ready.val();

        // Clock 1.
        self.tx_slot_1.d.next = self.tx_slot.val();
        self.rx_slot_1.d.next = self.rx_slot.val();
        self.rx_1.d.next = self.takes_rx.val();
        self.valid_1.d.next = self.takes_tx.val() || self.takes_rx.val();

        // Clock 2. The context follows its packet's `first` slot.
        self.tx_contexts.s_data.next = self.tx_crypto.val();
        self.tx_contexts.s_valid.next = self.tx_crypto_valid.val();
        self.tx_contexts.begins.next = self.valid_1.q.val() && !self.rx_1.q.val() && self.tx_slot_1.q.val().first;
        self.rx_contexts.s_data.next = self.rx_crypto.val();
        self.rx_contexts.s_valid.next = self.rx_crypto_valid.val();
        self.rx_contexts.begins.next = self.valid_1.q.val() && self.rx_1.q.val() && self.rx_slot_1.q.val().first;
        self.slot_2.d.next = self.tx_slot_1.q.val();
        if self.rx_1.q.val() {
            self.slot_2.d.next = self.rx_slot_1.q.val();
        }
        self.rx_2.d.next = self.rx_1.q.val();
        self.valid_2.d.next = self.valid_1.q.val();

        if self.takes_tx.val() {
            self.rx_turn.d.next = true;
        }
        if self.takes_rx.val() {
            self.rx_turn.d.next = false;
        }

        self.slot.next = self.slot_2.q.val();
        self.crypto.next = self.tx_contexts.current.val();
        if self.rx_2.q.val() {
            self.crypto.next = self.rx_contexts.current.val();
        }
        self.rx.next = self.rx_2.q.val();
        self.valid.next = self.valid_2.q.val();
        if self.reset.val() {
            self.valid_1.d.next = false;
            self.valid_2.d.next = false;
            self.tx_has_room.d.next = false;
            self.rx_has_room.d.next = false;
            self.rx_turn.d.next = false;
        }
    }
}
