//! The interrupt vectors together: what they share of the registers, their wires, and the messages of MSI-X.
//!
//! Purpose: tell the host, by wire or by message. Ports: `tx_cause`, `rx_cause`, `event_cause`; the bus as in [`super::vector`], with
//! `number`; `msix_enable` and `msix_mask` of the function's MSI-X capability; `wires`; a write client of [`crate::dma::write`]:
//! `message_request`, `message_beat`, `message_response_valid`; `halt`: no message is begun; `idle`: none is under way. A message that
//! the host's memory refuses is lost, as on a real bus. Latency: the request of a message 2 clocks after `due`. Throughput: one message
//! at a time. `MSIX`: there is a table; without, `msix_enable` counts for nothing.

use espalier_regs::dma::vector;
use rust_hdl::prelude::*;

use super::decode::DmaTarget;
use super::vector::Vector;
use crate::constant::Const;
use crate::dma::records::{WriteBeat, WriteRequest};

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum MessageState {
    Idle,
    Request,
    Beat,
    Wait,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Interrupts<const MSIX: u64> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub tx_cause: Signal<In, bool>,
    pub rx_cause: Signal<In, bool>,
    pub event_cause: Signal<In, bool>,
    pub read_target: Signal<In, DmaTarget>,
    pub read_number: Signal<In, Bits<6>>,
    pub word: Signal<Out, Bits<32>>,
    pub write: Signal<In, bool>,
    pub target: Signal<In, DmaTarget>,
    pub number: Signal<In, Bits<6>>,
    pub data: Signal<In, Bits<32>>,
    pub msix_enable: Signal<In, bool>,
    pub msix_mask: Signal<In, bool>,
    pub wires: Signal<Out, Bits<3>>,
    pub message_request: Signal<Out, WriteRequest>,
    pub message_request_valid: Signal<Out, bool>,
    pub message_request_ready: Signal<In, bool>,
    pub message_beat: Signal<Out, WriteBeat>,
    pub message_beat_valid: Signal<Out, bool>,
    pub message_beat_ready: Signal<In, bool>,
    pub message_response_valid: Signal<In, bool>,
    pub halt: Signal<In, bool>,
    pub idle: Signal<Out, bool>,
    tx_vector: Vector,
    rx_vector: Vector,
    event_vector: Vector,
    state: DFF<MessageState>,
    address: DFF<Bits<64>>,
    text: DFF<Bits<32>>,
    answer: DFF<Bits<32>>,
    enabled: Signal<Local, bool>,
    pick: Signal<Local, bool>,
    pick_tx: Signal<Local, bool>,
    pick_rx: Signal<Local, bool>,
    pick_event: Signal<Local, bool>,
    lane: Signal<Local, Bits<2>>,
    unsent: Signal<Local, Bits<3>>,
    shared: Signal<Local, Bits<3>>,
    strap: Const<1, MSIX>,
    tx_number: Const<6, { vector::TX as u64 }>,
    rx_number: Const<6, { vector::RX as u64 }>,
    event_number: Const<6, { vector::EVENT as u64 }>,
    one: Const<5, 1>,
    lanes: Const<16, 0xF>,
    beat_mask: Const<64, 0xFFFF_FFFF_FFFF_FFF0>,
}

impl<const MSIX: u64> Logic for Interrupts<MSIX> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, address, text, answer);
        clock!(self, clock, tx_vector, rx_vector, event_vector);
        self.tx_vector.reset.next = self.reset.val();
        self.rx_vector.reset.next = self.reset.val();
        self.event_vector.reset.next = self.reset.val();
        self.enabled.next = self.msix_enable.val() & self.strap.val().any();

        // The registers.
        self.tx_vector.read_target.next = self.read_target.val();
        self.rx_vector.read_target.next = self.read_target.val();
        self.event_vector.read_target.next = self.read_target.val();
        self.tx_vector.target.next = self.target.val();
        self.rx_vector.target.next = self.target.val();
        self.event_vector.target.next = self.target.val();
        self.tx_vector.data.next = self.data.val();
        self.rx_vector.data.next = self.data.val();
        self.event_vector.data.next = self.data.val();
        self.tx_vector.vector_bit.next = self.data.val().get_bit(self.tx_number.val().index());
        self.rx_vector.vector_bit.next = self.data.val().get_bit(self.rx_number.val().index());
        self.event_vector.vector_bit.next = self.data.val().get_bit(self.event_number.val().index());
        self.tx_vector.write_shared.next = self.write.val();
        self.rx_vector.write_shared.next = self.write.val();
        self.event_vector.write_shared.next = self.write.val();
        self.tx_vector.write.next = self.write.val() & (self.number.val() == self.tx_number.val());
        self.rx_vector.write.next = self.write.val() & (self.number.val() == self.rx_number.val());
        self.event_vector.write.next = self.write.val() & (self.number.val() == self.event_number.val());
        // The vectors' bits are in the low word.
        self.unsent.next = 0.into();
        if !self.read_number.val().any() {
            self.unsent.next = bit_cast::<3, 1>(self.tx_vector.unsent.val().into())
                | (bit_cast::<3, 1>(self.rx_vector.unsent.val().into()) << 1)
                | (bit_cast::<3, 1>(self.event_vector.unsent.val().into()) << 2);
        }
        self.shared.next = 0.into();
        match self.read_target.val() {
            DmaTarget::Pending => {
                self.shared.next = bit_cast::<3, 1>(self.tx_vector.pending.val().into())
                    | (bit_cast::<3, 1>(self.rx_vector.pending.val().into()) << 1)
                    | (bit_cast::<3, 1>(self.event_vector.pending.val().into()) << 2);
            }
            DmaTarget::Mask => {
                self.shared.next = bit_cast::<3, 1>(self.tx_vector.masked.val().into())
                    | (bit_cast::<3, 1>(self.rx_vector.masked.val().into()) << 1)
                    | (bit_cast::<3, 1>(self.event_vector.masked.val().into()) << 2);
            }
            DmaTarget::MessagePending => {
                self.shared.next = self.unsent.val();
            }
            _ => {}
        }
        self.answer.d.next = bit_cast::<32, 3>(self.shared.val());
        self.word.next = self.answer.q.val();
        if self.read_number.val() == self.tx_number.val() {
            self.word.next = self.tx_vector.word.val() | self.answer.q.val();
        }
        if self.read_number.val() == self.rx_number.val() {
            self.word.next = self.rx_vector.word.val() | self.answer.q.val();
        }
        if self.read_number.val() == self.event_number.val() {
            self.word.next = self.event_vector.word.val() | self.answer.q.val();
        }

        // Causes and wires.
        self.tx_vector.cause.next = self.tx_cause.val();
        self.rx_vector.cause.next = self.rx_cause.val();
        self.event_vector.cause.next = self.event_cause.val();
        self.tx_vector.msix.next = self.enabled.val();
        self.rx_vector.msix.next = self.enabled.val();
        self.event_vector.msix.next = self.enabled.val();
        self.tx_vector.msix_mask.next = self.msix_mask.val();
        self.rx_vector.msix_mask.next = self.msix_mask.val();
        self.event_vector.msix_mask.next = self.msix_mask.val();
        self.wires.next = bit_cast::<3, 1>(self.tx_vector.line.val().into())
            | (bit_cast::<3, 1>(self.rx_vector.line.val().into()) << 1)
            | (bit_cast::<3, 1>(self.event_vector.line.val().into()) << 2);

        // Messages.
        self.pick.next = (self.state.q.val() == MessageState::Idle) & (self.enabled.val() & !self.halt.val());
        self.pick_rx.next = self.pick.val() & self.rx_vector.due.val();
        self.pick_tx.next = (self.pick.val() & self.tx_vector.due.val()) & !self.rx_vector.due.val();
        self.pick_event.next = ((self.pick.val() & self.event_vector.due.val()) & !self.rx_vector.due.val()) & !self.tx_vector.due.val();
        self.rx_vector.sent.next = self.pick_rx.val();
        self.tx_vector.sent.next = self.pick_tx.val();
        self.event_vector.sent.next = self.pick_event.val();
        if self.pick_rx.val() {
            self.address.d.next = self.rx_vector.address.val();
            self.text.d.next = self.rx_vector.message.val();
        }
        if self.pick_tx.val() {
            self.address.d.next = self.tx_vector.address.val();
            self.text.d.next = self.tx_vector.message.val();
        }
        if self.pick_event.val() {
            self.address.d.next = self.event_vector.address.val();
            self.text.d.next = self.event_vector.message.val();
        }
        self.idle.next = self.state.q.val() == MessageState::Idle;
        self.message_request_valid.next = self.state.q.val() == MessageState::Request;
        self.message_request.next.address = self.address.q.val() & self.beat_mask.val();
        self.message_request.next.beats = self.one.val();
        self.message_beat_valid.next = self.state.q.val() == MessageState::Beat;
        self.lane.next = bit_cast::<2, 64>(self.address.q.val() >> 2);
        self.message_beat.next.data = bit_cast::<128, 32>(self.text.q.val()) << (bit_cast::<7, 2>(self.lane.val()) << 5);
        self.message_beat.next.strobes = self.lanes.val() << (bit_cast::<4, 2>(self.lane.val()) << 2);
        match self.state.q.val() {
            MessageState::Idle => {
                if (self.pick_rx.val() | self.pick_tx.val()) | self.pick_event.val() {
                    self.state.d.next = MessageState::Request;
                }
            }
            MessageState::Request => {
                if self.message_request_ready.val() {
                    self.state.d.next = MessageState::Beat;
                }
            }
            MessageState::Beat => {
                if self.message_beat_ready.val() {
                    self.state.d.next = MessageState::Wait;
                }
            }
            MessageState::Wait => {
                if self.message_response_valid.val() {
                    self.state.d.next = MessageState::Idle;
                }
            }
            _ => {
                self.state.d.next = MessageState::Idle;
            }
        }
        if self.reset.val() {
            self.state.d.next = MessageState::Idle;
        }
    }
}
