//! The registers: AXI4-Lite on one side, what they do on the other.
//!
//! Purpose: decode, answer, switch, count, queue. Ports: `s_axil_*`; `events` and the two kinds of notices; the switches of CONTROL; the
//! writes of MAIL and COMMAND to the mailbox, and what STATUS, REFUSED and RESULT read. Latency, throughput, back-pressure: see
//! [`super`].

use espalier_regs::map::{control, counter_clear, event_lost, event_pop, refused};
use rust_hdl::prelude::*;

use super::answer::Answer;
use super::axil_read::AxilRead;
use super::axil_write::AxilWrite;
use super::counters::Counters;
use super::decode::{Decode, Target};
use super::lsb;
use super::notices::Notices;
use super::result::RESULT_BITS;
use crate::constant::Const;
use crate::records::{HostNotice, Notice};

/// See the module's documentation. `A`, `R`, `G`, `C`: see [`super::capabilities`].
#[derive(LogicBlock, Default)]
pub struct Registers<const A: usize, const R: usize, const G: usize, const C: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_axil_awaddr: Signal<In, Bits<16>>,
    pub s_axil_awvalid: Signal<In, bool>,
    pub s_axil_awready: Signal<Out, bool>,
    pub s_axil_wdata: Signal<In, Bits<32>>,
    pub s_axil_wstrb: Signal<In, Bits<4>>,
    pub s_axil_wvalid: Signal<In, bool>,
    pub s_axil_wready: Signal<Out, bool>,
    pub s_axil_bresp: Signal<Out, Bits<2>>,
    pub s_axil_bvalid: Signal<Out, bool>,
    pub s_axil_bready: Signal<In, bool>,
    pub s_axil_araddr: Signal<In, Bits<16>>,
    pub s_axil_arvalid: Signal<In, bool>,
    pub s_axil_arready: Signal<Out, bool>,
    pub s_axil_rdata: Signal<Out, Bits<32>>,
    pub s_axil_rresp: Signal<Out, Bits<2>>,
    pub s_axil_rvalid: Signal<Out, bool>,
    pub s_axil_rready: Signal<In, bool>,
    pub events: Signal<In, Bits<64>>,
    pub tx_notice: Signal<In, Notice>,
    pub tx_notice_valid: Signal<In, bool>,
    pub tx_notice_ready: Signal<Out, bool>,
    pub rx_notice: Signal<In, Notice>,
    pub rx_notice_valid: Signal<In, bool>,
    pub rx_notice_ready: Signal<Out, bool>,
    /// What the engine's surroundings have to tell the host.
    pub host_notice: Signal<In, HostNotice>,
    pub host_notice_valid: Signal<In, bool>,
    pub host_notice_ready: Signal<Out, bool>,
    pub event_pending: Signal<Out, bool>,
    pub tx_enable: Signal<Out, bool>,
    pub rx_enable: Signal<Out, bool>,
    pub rx_pass_unknown: Signal<Out, bool>,
    /// The mailbox.
    pub write_mail: Signal<Out, bool>,
    pub write_command: Signal<Out, bool>,
    pub number: Signal<Out, Bits<5>>,
    pub data: Signal<Out, Bits<32>>,
    pub clear_refused_command: Signal<Out, bool>,
    pub clear_refused_mail: Signal<Out, bool>,
    pub busy: Signal<In, bool>,
    pub done: Signal<In, bool>,
    pub error: Signal<In, Bits<4>>,
    pub refused_command: Signal<In, bool>,
    pub refused_mail: Signal<In, bool>,
    pub result: Signal<In, Bits<RESULT_BITS>>,
    axil_write: AxilWrite,
    axil_read: AxilRead,
    write_decode: Decode<A, R, G, C>,
    read_decode: Decode<A, R, G, C>,
    counters: Counters,
    notices: Notices,
    answer: Answer,
    tx_on: DFF<bool>,
    rx_on: DFF<bool>,
    pass_unknown: DFF<bool>,
    word: Signal<Local, Bits<32>>,
    is_counter: Signal<Local, bool>,
    tx_enable_at: Const<5, { lsb(control::TX_ENABLE) }>,
    rx_enable_at: Const<5, { lsb(control::RX_ENABLE) }>,
    rx_pass_unknown_at: Const<5, { lsb(control::RX_PASS_UNKNOWN) }>,
    clear_at: Const<5, { lsb(counter_clear::ALL) }>,
    refused_command_at: Const<5, { lsb(refused::COMMAND) }>,
    refused_mail_at: Const<5, { lsb(refused::MAIL) }>,
    pop_at: Const<5, { lsb(event_pop::POP) }>,
    lost_at: Const<5, { lsb(event_lost::LOST) }>,
}

impl<const A: usize, const R: usize, const G: usize, const C: usize> Logic for Registers<A, R, G, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tx_on, rx_on, pass_unknown);
        clock!(self, clock, axil_write, axil_read, counters, notices, answer);
        self.axil_write.reset.next = self.reset.val();
        self.axil_read.reset.next = self.reset.val();
        self.counters.reset.next = self.reset.val();
        self.notices.reset.next = self.reset.val();

        // The bus.
        self.axil_write.awaddr.next = self.s_axil_awaddr.val();
        self.axil_write.awvalid.next = self.s_axil_awvalid.val();
        self.s_axil_awready.next = self.axil_write.awready.val();
        self.axil_write.wdata.next = self.s_axil_wdata.val();
        self.axil_write.wstrb.next = self.s_axil_wstrb.val();
        self.axil_write.wvalid.next = self.s_axil_wvalid.val();
        self.s_axil_wready.next = self.axil_write.wready.val();
        self.s_axil_bresp.next = self.axil_write.bresp.val();
        self.s_axil_bvalid.next = self.axil_write.bvalid.val();
        self.axil_write.bready.next = self.s_axil_bready.val();
        self.axil_read.araddr.next = self.s_axil_araddr.val();
        self.axil_read.arvalid.next = self.s_axil_arvalid.val();
        self.s_axil_arready.next = self.axil_read.arready.val();
        self.s_axil_rdata.next = self.axil_read.rdata.val();
        self.s_axil_rresp.next = self.axil_read.rresp.val();
        self.s_axil_rvalid.next = self.axil_read.rvalid.val();
        self.axil_read.rready.next = self.s_axil_rready.val();
        self.write_decode.address.next = self.axil_write.address.val();
        self.axil_write.entry.next = self.write_decode.entry.val();
        self.read_decode.address.next = self.axil_read.address.val();
        self.axil_read.entry.next = self.read_decode.entry.val();

        // Writes.
        self.word.next = self.axil_write.data.val();
        self.data.next = self.axil_write.data.val();
        self.number.next = bit_cast::<5, 6>(self.axil_write.target.val().number);
        self.write_mail.next = false;
        self.write_command.next = false;
        self.clear_refused_command.next = false;
        self.clear_refused_mail.next = false;
        self.counters.clear.next = false;
        self.notices.pop.next = false;
        self.notices.clear_lost.next = false;
        if self.axil_write.write.val() {
            match self.axil_write.target.val().target {
                Target::Control => {
                    self.tx_on.d.next = self.word.val().get_bit(self.tx_enable_at.val().index());
                    self.rx_on.d.next = self.word.val().get_bit(self.rx_enable_at.val().index());
                    self.pass_unknown.d.next = self.word.val().get_bit(self.rx_pass_unknown_at.val().index());
                }
                Target::CounterClear => {
                    self.counters.clear.next = self.word.val().get_bit(self.clear_at.val().index());
                }
                Target::Command => {
                    self.write_command.next = true;
                }
                Target::Refused => {
                    self.clear_refused_command.next = self.word.val().get_bit(self.refused_command_at.val().index());
                    self.clear_refused_mail.next = self.word.val().get_bit(self.refused_mail_at.val().index());
                }
                Target::EventPop => {
                    self.notices.pop.next = self.word.val().get_bit(self.pop_at.val().index());
                }
                Target::EventLost => {
                    self.notices.clear_lost.next = self.word.val().get_bit(self.lost_at.val().index());
                }
                Target::Mail => {
                    self.write_mail.next = true;
                }
                _ => {}
            }
        }
        if self.reset.val() {
            self.tx_on.d.next = false;
            self.rx_on.d.next = false;
            self.pass_unknown.d.next = false;
        }
        self.tx_enable.next = self.tx_on.q.val();
        self.rx_enable.next = self.rx_on.q.val();
        self.rx_pass_unknown.next = self.pass_unknown.q.val();

        // Reads.
        self.answer.target.next = self.axil_read.target.val();
        self.answer.tx_enable.next = self.tx_on.q.val();
        self.answer.rx_enable.next = self.rx_on.q.val();
        self.answer.rx_pass_unknown.next = self.pass_unknown.q.val();
        self.answer.busy.next = self.busy.val();
        self.answer.done.next = self.done.val();
        self.answer.error.next = self.error.val();
        self.answer.refused_command.next = self.refused_command.val();
        self.answer.refused_mail.next = self.refused_mail.val();
        self.answer.result.next = self.result.val();
        self.answer.notice.next = self.notices.word.val();
        self.answer.notice_lost.next = self.notices.lost.val();
        self.answer.counter_low.next = self.counters.low.val();
        self.answer.counter_high.next = self.counters.high.val();
        self.axil_read.answer.next = self.answer.word.val();
        self.counters.events.next = self.events.val();
        self.counters.number.next = self.axil_read.target.val().number;
        self.is_counter.next = self.axil_read.target.val().target == Target::CounterLow;
        self.counters.read.next = self.axil_read.read.val() && self.is_counter.val();
        self.axil_read.answer_valid.next = self.counters.answer_valid.val() || !self.is_counter.val();

        // Events.
        self.notices.tx.next = self.tx_notice.val();
        self.notices.tx_valid.next = self.tx_notice_valid.val();
        self.tx_notice_ready.next = self.notices.tx_ready.val();
        self.notices.rx.next = self.rx_notice.val();
        self.notices.rx_valid.next = self.rx_notice_valid.val();
        self.rx_notice_ready.next = self.notices.rx_ready.val();
        self.notices.host.next = self.host_notice.val();
        self.notices.host_valid.next = self.host_notice_valid.val();
        self.host_notice_ready.next = self.notices.host_ready.val();
        self.event_pending.next = self.notices.pending.val();
    }
}
