//! Buffers that are done with.

use espalier_regs::dma::rx_completion;
use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::control::lsb;
use crate::dma::records::{Completion, Fault};
use crate::fifo::Fifo;

/// A write of a part of a frame; or, with `cause`, a descriptor with which nothing can be done.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Burst {
    /// Where it goes; with `cause`, the descriptor's address.
    pub address: Bits<64>,
    /// `tuser` of the frame.
    pub user: Bits<32>,
    /// Index behind the buffer's descriptor.
    pub index: Bits<16>,
    /// Bytes in the buffer.
    pub length: Bits<16>,
    /// It belongs to the frame's first buffer.
    pub first: bool,
    /// It belongs to the frame's last buffer.
    pub last: bool,
    /// It is the last one of its buffer.
    pub ends_buffer: bool,
    /// A fault of the descriptor: nothing is written, and no answer comes.
    pub cause: Bits<4>,
}

/// Waits for the answers of all writes of a buffer, and completes it.
///
/// - Ports: `burst` in, in order; `response_valid`, `response_error`, a pulse for each write, in order; a `completion` each buffer out, in order; `fault`;
///   `host_fault`, a pulse for each frame that is lost; `settled`: no burst is here; `resting`: no completion either.
/// - `lost`: the last buffer that was done with belongs to a lost frame. What follows of that frame is not completed: its end has been told.
/// - Latency: 4 clocks from the response to the completion; a burst a clock, a completion each 2. 65 bursts are waited for.
/// - Back-pressure: `burst_ready`; a buffer waits for `completion_ready`.
#[derive(LogicBlock, Default)]
pub struct Retire {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub burst: Signal<In, Burst>,
    pub burst_valid: Signal<In, bool>,
    pub response_valid: Signal<In, bool>,
    pub response_error: Signal<In, bool>,
    pub completion_ready: Signal<In, bool>,
    pub burst_ready: Signal<Out, bool>,
    pub completion: Signal<Out, Completion>,
    pub completion_valid: Signal<Out, bool>,
    pub fault: Signal<Out, Fault>,
    pub fault_valid: Signal<Out, bool>,
    pub host_fault: Signal<Out, bool>,
    pub lost: Signal<Out, bool>,
    pub settled: Signal<Out, bool>,
    pub resting: Signal<Out, bool>,
    bursts: Fifo<Burst, 6>,
    /// As many fit as bursts: it is never full.
    answers: Fifo<Bits<1>, 6>,
    waiting: DFF<Bits<7>>,
    /// A write of the buffer failed before.
    failed: DFF<bool>,
    frame_lost: DFF<bool>,
    out: DFF<Completion>,
    out_valid: DFF<bool>,
    met: DFF<Fault>,
    met_valid: DFF<bool>,
    told: DFF<bool>,
    push: Signal<Local, bool>,
    refused: Signal<Local, bool>,
    pop: Signal<Local, bool>,
    error: Signal<Local, bool>,
    bad: Signal<Local, bool>,
    cause: Signal<Local, Bits<4>>,
    flags: Signal<Local, Bits<32>>,
    done: Signal<Local, bool>,
    data_fault: Const<4, { espalier_regs::dma::Fault::Data as u64 }>,
    first_flag: Const<32, { 1 << lsb(rx_completion::FIRST) }>,
    last_flag: Const<32, { 1 << lsb(rx_completion::LAST) }>,
}

impl Logic for Retire {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, waiting, failed, frame_lost, out, out_valid, met, met_valid, told);
        clock!(self, clock, bursts, answers);
        self.bursts.reset.next = self.reset.val();
        self.answers.reset.next = self.reset.val();
        self.bursts.s_data.next = self.burst.val();
        self.bursts.s_valid.next = self.burst_valid.val();
        self.burst_ready.next = self.bursts.s_ready.val();
        self.push.next = self.burst_valid.val() & self.bursts.s_ready.val();
        self.answers.s_data.next = 0.into();
        if self.response_error.val() {
            self.answers.s_data.next = 1.into();
        }
        self.answers.s_valid.next = self.response_valid.val();

        // A burst and its answer.
        self.cause.next = self.bursts.m_data.val().cause;
        self.refused.next = self.cause.val().any();
        self.pop.next = self.bursts.m_valid.val()
            & (self.answers.m_valid.val() | self.refused.val())
            & (!self.bursts.m_data.val().ends_buffer | !self.out_valid.q.val());
        self.bursts.m_ready.next = self.pop.val();
        self.answers.m_ready.next = self.pop.val() & !self.refused.val();
        self.error.next = self.refused.val() | self.answers.m_data.val().any();
        self.bad.next = self.error.val() | self.failed.q.val();
        self.done.next =
            self.pop.val() & self.bursts.m_data.val().ends_buffer & (!self.frame_lost.q.val() | self.bursts.m_data.val().first);
        if self.pop.val() {
            self.failed.d.next = self.bad.val() & !self.bursts.m_data.val().ends_buffer;
        }
        self.met.d.next.cause = self.data_fault.val();
        if self.refused.val() {
            self.met.d.next.cause = self.cause.val();
        }
        self.met.d.next.address = self.bursts.m_data.val().address;
        self.met_valid.d.next = self.pop.val() & self.error.val();

        // A buffer
        self.flags.next = bit_cast::<32, 16>(self.bursts.m_data.val().length);
        if self.bursts.m_data.val().last {
            self.flags.next = bit_cast::<32, 16>(self.bursts.m_data.val().length) | self.last_flag.val();
        }
        if self.bad.val() {
            self.flags.next = self.last_flag.val();
        }
        if self.completion_ready.val() {
            self.out_valid.d.next = false;
        }
        self.told.d.next = false;
        if self.done.val() {
            self.out.d.next.word = self.bursts.m_data.val().user;
            self.out.d.next.index = self.bursts.m_data.val().index;
            self.out.d.next.control = self.flags.val();
            if self.bursts.m_data.val().first {
                self.out.d.next.control = self.flags.val() | self.first_flag.val();
            }
            self.out.d.next.cause = 0.into();
            if self.refused.val() {
                self.out.d.next.cause = self.cause.val();
            } else if self.bad.val() {
                self.out.d.next.cause = self.data_fault.val();
            }
            self.out_valid.d.next = true;
            self.told.d.next = self.bad.val();
            self.frame_lost.d.next = self.bad.val();
        }
        self.completion.next = self.out.q.val();
        self.completion_valid.next = self.out_valid.q.val();
        self.fault.next = self.met.q.val();
        self.fault_valid.next = self.met_valid.q.val();
        self.host_fault.next = self.told.q.val();
        self.lost.next = self.frame_lost.q.val();

        if self.push.val() & !self.pop.val() {
            self.waiting.d.next = self.waiting.q.val() + 1;
        }
        if self.pop.val() & !self.push.val() {
            self.waiting.d.next = self.waiting.q.val() - 1;
        }
        self.settled.next = !self.waiting.q.val().any();
        self.resting.next = !self.waiting.q.val().any() & !self.out_valid.q.val();

        if self.reset.val() {
            self.waiting.d.next = 0.into();
            self.failed.d.next = false;
            self.frame_lost.d.next = false;
            self.out_valid.d.next = false;
            self.met_valid.d.next = false;
            self.told.d.next = false;
        }
    }
}
