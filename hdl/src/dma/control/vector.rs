//! One interrupt vector and its row of the MSI-X table.
//!
//! Purpose: make of causes as many interrupts as the host wants. Ports: `cause`; `write`, `target`, `data` from the bus (`vector_bit`: the
//! vector's bit of INTERRUPT_MASK and INTERRUPT_ARM), `word` back to it a clock after `read_target`; `msix`, the function uses MSI-X, and
//! `msix_mask`, all vectors masked; `line`; `due`, a message is to be sent, and `sent`. Latency: `line` and `due` rise 2 clocks after a
//! cause that nothing holds up.
//!
//! It fires when a cause is pending, it is armed and not masked by INTERRUPT_MASK, and INTERRUPT_INTERVAL has passed since it fired last.
//! Firing takes the cause and disarms it.

use espalier_regs::dma::{interrupt_interval, msix_control};
use rust_hdl::prelude::*;

use super::decode::DmaTarget;
use crate::constant::Const;
use crate::control::lsb;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Vector {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub cause: Signal<In, bool>,
    pub read_target: Signal<In, DmaTarget>,
    pub word: Signal<Out, Bits<32>>,
    /// `data` is written to `target` now: to this vector's own register, or to one that all share.
    pub write: Signal<In, bool>,
    pub write_shared: Signal<In, bool>,
    pub target: Signal<In, DmaTarget>,
    pub data: Signal<In, Bits<32>>,
    /// The vector's bit of `data`.
    pub vector_bit: Signal<In, bool>,
    pub msix: Signal<In, bool>,
    pub msix_mask: Signal<In, bool>,
    pub pending: Signal<Out, bool>,
    pub masked: Signal<Out, bool>,
    pub line: Signal<Out, bool>,
    /// A message that is not sent yet: the bit of MSIX_PENDING.
    pub unsent: Signal<Out, bool>,
    pub due: Signal<Out, bool>,
    pub sent: Signal<In, bool>,
    pub address: Signal<Out, Bits<64>>,
    pub message: Signal<Out, Bits<32>>,
    waits: DFF<bool>,
    fired: DFF<bool>,
    silent: DFF<bool>,
    units: DFF<Bits<16>>,
    /// Clocks until it may fire again.
    pause: DFF<Bits<20>>,
    address_low: DFF<Bits<32>>,
    address_high: DFF<Bits<32>>,
    text: DFF<Bits<32>>,
    entry_mask: DFF<bool>,
    posted: DFF<bool>,
    answer: DFF<Bits<32>>,
    fires: Signal<Local, bool>,
    arms: Signal<Local, bool>,
    units_at: Const<5, { lsb(interrupt_interval::UNITS) }>,
    mask_at: Const<5, { lsb(msix_control::MASK) }>,
    /// A message address is a multiple of 4.
    aligned: Const<32, 0xFFFF_FFFC>,
}

impl Logic for Vector {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, waits, fired, silent, units, pause, address_low, address_high, text, entry_mask, posted, answer);
        self.fires.next = (self.waits.q.val() & !self.fired.q.val()) & (!self.silent.q.val() & !self.pause.q.val().any());
        self.arms.next = (self.write_shared.val() & self.vector_bit.val()) & (self.target.val() == DmaTarget::Arm);
        if self.pause.q.val().any() {
            self.pause.d.next = self.pause.q.val() - 1;
        }
        if self.sent.val() {
            self.posted.d.next = false;
        }
        if self.arms.val() {
            self.fired.d.next = false;
        }
        if self.fires.val() {
            self.fired.d.next = true;
            self.waits.d.next = false;
            self.pause.d.next = bit_cast::<20, 16>(self.units.q.val()) << 4;
            self.posted.d.next = self.msix.val();
        }
        if self.cause.val() {
            self.waits.d.next = true;
        }
        self.pending.next = self.waits.q.val();
        self.masked.next = self.silent.q.val();
        self.line.next = self.fired.q.val() & !self.msix.val();
        self.unsent.next = self.posted.q.val();
        self.due.next = self.posted.q.val() & !(self.entry_mask.q.val() | self.msix_mask.val());
        self.address.next = bit_cast::<64, 32>(self.address_low.q.val()) | (bit_cast::<64, 32>(self.address_high.q.val()) << 32);
        self.message.next = self.text.q.val();

        if self.write_shared.val() & (self.target.val() == DmaTarget::Mask) {
            self.silent.d.next = self.vector_bit.val();
        }
        if self.write.val() {
            match self.target.val() {
                DmaTarget::Interval => {
                    self.units.d.next = bit_cast::<16, 32>(self.data.val() >> self.units_at.val());
                }
                DmaTarget::MessageLow => {
                    self.address_low.d.next = self.data.val() & self.aligned.val();
                }
                DmaTarget::MessageHigh => {
                    self.address_high.d.next = self.data.val();
                }
                DmaTarget::MessageData => {
                    self.text.d.next = self.data.val();
                }
                DmaTarget::MessageControl => {
                    self.entry_mask.d.next = self.data.val().get_bit(self.mask_at.val().index());
                }
                _ => {}
            }
        }
        self.answer.d.next = 0.into();
        match self.read_target.val() {
            DmaTarget::Interval => {
                self.answer.d.next = bit_cast::<32, 16>(self.units.q.val()) << self.units_at.val();
            }
            DmaTarget::MessageLow => {
                self.answer.d.next = self.address_low.q.val();
            }
            DmaTarget::MessageHigh => {
                self.answer.d.next = self.address_high.q.val();
            }
            DmaTarget::MessageData => {
                self.answer.d.next = self.text.q.val();
            }
            DmaTarget::MessageControl => {
                self.answer.d.next = bit_cast::<32, 1>(self.entry_mask.q.val().into()) << self.mask_at.val();
            }
            _ => {}
        }
        self.word.next = self.answer.q.val();
        if self.reset.val() {
            self.waits.d.next = false;
            self.fired.d.next = false;
            self.silent.d.next = true;
            self.units.d.next = 0.into();
            self.pause.d.next = 0.into();
            self.address_low.d.next = 0.into();
            self.address_high.d.next = 0.into();
            self.text.d.next = 0.into();
            self.entry_mask.d.next = true;
            self.posted.d.next = false;
        }
    }
}
