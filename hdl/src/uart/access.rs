//! What the host asks for besides frames.

use espalier_regs::uart::{self, Request, DONE, FAILED};
use rust_hdl::prelude::*;

use super::records::{Asked, Short};
use crate::constant::Const;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum Step {
    Idle,
    /// Of the engine's registers.
    Write,
    WriteResponse,
    Read,
    ReadResponse,
    /// A word of the bridge.
    Look,
    Reset,
    Answer,
}

/// Accesses registers, looks words up, resets; one request after the other.
///
/// - Ports: `asked` with `asked_valid`; `idle`: it would be taken, else it is lost. AXI4-Lite, a master. `answer` with `answer_valid`, `answer_ready`. `restart` resets everything but the
///   line and this. `count_low`, `count_high`: see [`super::count::Count`]; `latch`: the high half is to be held.
/// - Latency: 3 clocks, and those of the register. The answer to RESET comes 32 clocks later.
#[derive(LogicBlock, Default)]
pub struct Access<const CLOCK: u64, const DIVIDER: u64> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub asked: Signal<In, Asked>,
    pub asked_valid: Signal<In, bool>,
    pub idle: Signal<Out, bool>,
    pub m_axil_awaddr: Signal<Out, Bits<16>>,
    pub m_axil_awvalid: Signal<Out, bool>,
    pub m_axil_awready: Signal<In, bool>,
    pub m_axil_wdata: Signal<Out, Bits<32>>,
    pub m_axil_wvalid: Signal<Out, bool>,
    pub m_axil_wready: Signal<In, bool>,
    pub m_axil_bresp: Signal<In, Bits<2>>,
    pub m_axil_bvalid: Signal<In, bool>,
    pub m_axil_bready: Signal<Out, bool>,
    pub m_axil_araddr: Signal<Out, Bits<16>>,
    pub m_axil_arvalid: Signal<Out, bool>,
    pub m_axil_arready: Signal<In, bool>,
    pub m_axil_rdata: Signal<In, Bits<32>>,
    pub m_axil_rresp: Signal<In, Bits<2>>,
    pub m_axil_rvalid: Signal<In, bool>,
    pub m_axil_rready: Signal<Out, bool>,
    pub count_low: Signal<In, Bits<32>>,
    pub count_high: Signal<In, Bits<32>>,
    pub latch: Signal<Out, bool>,
    pub restart: Signal<Out, bool>,
    pub answer: Signal<Out, Short>,
    pub answer_valid: Signal<Out, bool>,
    pub answer_ready: Signal<In, bool>,
    step: DFF<Step>,
    request: DFF<Asked>,
    address_sent: DFF<bool>,
    data_sent: DFF<bool>,
    word: DFF<Bits<32>>,
    failed: DFF<bool>,
    /// Clocks that a reset still takes.
    clocks: DFF<Bits<5>>,
    restarting: DFF<bool>,
    /// The queue of answers is still in reset.
    settling: DFF<bool>,
    /// Which word of the bridge, if any.
    index: Signal<Local, Bits<3>>,
    outside: Signal<Local, bool>,
    may_answer: Signal<Local, bool>,
    index_bits: Const<16, 0x1C>,
    read: Const<8, { Request::Read as u64 }>,
    write: Const<8, { Request::Write as u64 }>,
    look: Const<8, { Request::Look as u64 }>,
    magic: Const<32, { uart::MAGIC.reset as u64 }>,
    version: Const<32, { uart::VERSION.reset as u64 }>,
    clock_hz: Const<32, CLOCK>,
    divider: Const<32, DIVIDER>,
    at_magic: Const<3, { uart::MAGIC.offset as u64 / 4 }>,
    at_version: Const<3, { uart::VERSION.offset as u64 / 4 }>,
    at_clock: Const<3, { uart::CLOCK.offset as u64 / 4 }>,
    at_divider: Const<3, { uart::DIVIDER.offset as u64 / 4 }>,
    at_count_low: Const<3, { uart::COUNT_LO.offset as u64 / 4 }>,
    at_count_high: Const<3, { uart::COUNT_HI.offset as u64 / 4 }>,
    done: Const<8, { DONE as u64 }>,
    is_failed: Const<8, { FAILED as u64 }>,
    decerr: Const<32, 3>,
}

impl<const CLOCK: u64, const DIVIDER: u64> Logic for Access<CLOCK, DIVIDER> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, step, request, address_sent, data_sent, word, failed, clocks, restarting, settling);
        self.settling.d.next = self.restarting.q.val();
        self.idle.next = self.step.q.val() == Step::Idle;
        self.latch.next = false;
        self.restarting.d.next = self.step.q.val() == Step::Reset;
        self.restart.next = self.restarting.q.val();
        self.may_answer.next = !self.restarting.q.val() & !self.settling.q.val();

        self.m_axil_awaddr.next = self.request.q.val().half;
        self.m_axil_awvalid.next = (self.step.q.val() == Step::Write) & !self.address_sent.q.val();
        self.m_axil_wdata.next = self.request.q.val().word;
        self.m_axil_wvalid.next = (self.step.q.val() == Step::Write) & !self.data_sent.q.val();
        self.m_axil_bready.next = self.step.q.val() == Step::WriteResponse;
        self.m_axil_araddr.next = self.request.q.val().half;
        self.m_axil_arvalid.next = self.step.q.val() == Step::Read;
        self.m_axil_rready.next = self.step.q.val() == Step::ReadResponse;

        self.index.next = bit_cast::<3, 16>(self.request.q.val().half >> 2);
        self.outside.next = (self.request.q.val().half & !self.index_bits.val()) != 0;
        match self.step.q.val() {
            Step::Idle => {
                self.request.d.next = self.asked.val();
                self.word.d.next = 0.into();
                self.failed.d.next = false;
                self.address_sent.d.next = false;
                self.data_sent.d.next = false;
                self.clocks.d.next = 31.into();
                if self.asked_valid.val() {
                    self.step.d.next = Step::Reset;
                    if self.asked.val().kind == self.read.val() {
                        self.step.d.next = Step::Read;
                    } else if self.asked.val().kind == self.write.val() {
                        self.step.d.next = Step::Write;
                    } else if self.asked.val().kind == self.look.val() {
                        self.step.d.next = Step::Look;
                    }
                }
            }
            Step::Write => {
                if self.m_axil_awready.val() {
                    self.address_sent.d.next = true;
                }
                if self.m_axil_wready.val() {
                    self.data_sent.d.next = true;
                }
                if self.address_sent.q.val() & self.data_sent.q.val() {
                    self.step.d.next = Step::WriteResponse;
                }
            }
            Step::WriteResponse => {
                if self.m_axil_bvalid.val() {
                    self.word.d.next = bit_cast::<32, 2>(self.m_axil_bresp.val());
                    self.failed.d.next = self.m_axil_bresp.val() != 0;
                    self.step.d.next = Step::Answer;
                }
            }
            Step::Read => {
                if self.m_axil_arready.val() {
                    self.step.d.next = Step::ReadResponse;
                }
            }
            Step::ReadResponse => {
                if self.m_axil_rvalid.val() {
                    self.word.d.next = self.m_axil_rdata.val();
                    if self.m_axil_rresp.val() != 0 {
                        self.word.d.next = bit_cast::<32, 2>(self.m_axil_rresp.val());
                        self.failed.d.next = true;
                    }
                    self.step.d.next = Step::Answer;
                }
            }
            Step::Look => {
                self.step.d.next = Step::Answer;
                self.failed.d.next = self.outside.val();
                if self.outside.val() {
                    self.word.d.next = self.decerr.val();
                } else if self.index.val() == self.at_magic.val() {
                    self.word.d.next = self.magic.val();
                } else if self.index.val() == self.at_version.val() {
                    self.word.d.next = self.version.val();
                } else if self.index.val() == self.at_clock.val() {
                    self.word.d.next = self.clock_hz.val();
                } else if self.index.val() == self.at_divider.val() {
                    self.word.d.next = self.divider.val();
                } else if self.index.val() == self.at_count_low.val() {
                    self.word.d.next = self.count_low.val();
                    self.latch.next = true;
                } else if self.index.val() == self.at_count_high.val() {
                    self.word.d.next = self.count_high.val();
                } else {
                    self.word.d.next = self.decerr.val();
                    self.failed.d.next = true;
                }
            }
            Step::Reset => {
                self.clocks.d.next = self.clocks.q.val() - 1;
                if self.clocks.q.val() == 0 {
                    self.step.d.next = Step::Answer;
                }
            }
            Step::Answer => {
                if self.answer_ready.val() & self.may_answer.val() {
                    self.step.d.next = Step::Idle;
                }
            }
            _ => {
                self.step.d.next = Step::Idle;
            }
        }
        self.answer.next.kind = self.request.q.val().kind | self.done.val();
        if self.failed.q.val() {
            self.answer.next.kind = self.request.q.val().kind | self.is_failed.val();
        }
        self.answer.next.tag = self.request.q.val().tag;
        self.answer.next.word = self.word.q.val();
        self.answer_valid.next = (self.step.q.val() == Step::Answer) & self.may_answer.val();

        if self.reset.val() {
            self.step.d.next = Step::Idle;
            self.restarting.d.next = false;
            self.settling.d.next = false;
            // A word may be part of a key.
            self.request.d.next.word = 0.into();
        }
    }
}
