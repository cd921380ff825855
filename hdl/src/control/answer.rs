//! What a register reads.
//!
//! Purpose: the word of the register that is being read, put together from its fields. Ports: `target`, and everything that can be
//! read, in; `word` out. Latency: none, save for RESULT, whose word has been chosen one clock after `target` is set. What is nowhere
//! here cannot be read: the MAIL words above all.

use espalier_regs::map::{control, event_lost, refused, status};
use rust_hdl::prelude::*;

use super::decode::{Entry, Target};
use super::lsb;
use super::result::RESULT_BITS;
use crate::constant::Const;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Answer {
    pub clock: Signal<In, Clock>,
    pub target: Signal<In, Entry>,
    pub tx_enable: Signal<In, bool>,
    pub rx_enable: Signal<In, bool>,
    pub rx_pass_unknown: Signal<In, bool>,
    pub busy: Signal<In, bool>,
    pub done: Signal<In, bool>,
    pub error: Signal<In, Bits<4>>,
    pub refused_command: Signal<In, bool>,
    pub refused_mail: Signal<In, bool>,
    pub result: Signal<In, Bits<RESULT_BITS>>,
    pub counter_low: Signal<In, Bits<32>>,
    pub counter_high: Signal<In, Bits<32>>,
    pub notice: Signal<In, Bits<32>>,
    pub notice_lost: Signal<In, bool>,
    pub word: Signal<Out, Bits<32>>,
    result_word: DFF<Bits<32>>,
    result_bit: Signal<Local, Bits<9>>,
    tx_enable_at: Const<5, { lsb(control::TX_ENABLE) }>,
    rx_enable_at: Const<5, { lsb(control::RX_ENABLE) }>,
    rx_pass_unknown_at: Const<5, { lsb(control::RX_PASS_UNKNOWN) }>,
    busy_at: Const<5, { lsb(status::BUSY) }>,
    done_at: Const<5, { lsb(status::DONE) }>,
    error_at: Const<5, { lsb(status::ERROR) }>,
    refused_command_at: Const<5, { lsb(refused::COMMAND) }>,
    refused_mail_at: Const<5, { lsb(refused::MAIL) }>,
    event_lost_at: Const<5, { lsb(event_lost::LOST) }>,
}

impl Logic for Answer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, result_word);
        self.result_bit.next = bit_cast::<9, 6>(self.target.val().number) << 5;
        self.result_word.d.next = self.result.val().get_bits::<32>(self.result_bit.val().index());
        self.word.next = 0.into();
        match self.target.val().target {
            Target::Value => {
                self.word.next = self.target.val().value;
            }
            Target::Control => {
                self.word.next = (bit_cast::<32, 1>(self.tx_enable.val().into()) << self.tx_enable_at.val())
                    | (bit_cast::<32, 1>(self.rx_enable.val().into()) << self.rx_enable_at.val())
                    | (bit_cast::<32, 1>(self.rx_pass_unknown.val().into()) << self.rx_pass_unknown_at.val());
            }
            Target::Status => {
                self.word.next = (bit_cast::<32, 1>(self.busy.val().into()) << self.busy_at.val())
                    | (bit_cast::<32, 1>(self.done.val().into()) << self.done_at.val())
                    | (bit_cast::<32, 4>(self.error.val()) << self.error_at.val());
            }
            Target::Refused => {
                self.word.next = (bit_cast::<32, 1>(self.refused_command.val().into()) << self.refused_command_at.val())
                    | (bit_cast::<32, 1>(self.refused_mail.val().into()) << self.refused_mail_at.val());
            }
            Target::Result => {
                self.word.next = self.result_word.q.val();
            }
            Target::Event => {
                self.word.next = self.notice.val();
            }
            Target::EventLost => {
                self.word.next = bit_cast::<32, 1>(self.notice_lost.val().into()) << self.event_lost_at.val();
            }
            Target::CounterLow => {
                self.word.next = self.counter_low.val();
            }
            Target::CounterHigh => {
                self.word.next = self.counter_high.val();
            }
            _ => {}
        }
    }
}
