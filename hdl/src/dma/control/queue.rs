//! A queue: its registers, and the states it goes through.
//!
//! Purpose: hold what the host has set, and run, stop and drain the queue's blocks. Ports: `target`, `write`, `data` from the bus, `word`
//! back to it (a clock after `target`); `setup`, `enabling`: which writes are refused; `base`, `done_base`, `size`, `coalesce`, `doorbell`
//! to the blocks, `head` from them; `run`, `drain`, `clear` and the faults as [`crate::dma`] has them; `idle`, all blocks together;
//! `halt`; `notice`: it has stopped.
//!
//! Idle -> Starting (one clock, `clear`) -> Running -> Draining -> Idle. A fault leads from Running to Faulted, where `run` is low and the
//! host's drain is awaited. `halt` drains whatever runs. Draining ends when everything has been idle for 16 clocks in a row: what one
//! block hands to the next is in neither for some clocks.

use espalier_regs::dma::{queue_coalesce, queue_control, queue_doorbell, queue_size, queue_state};
use rust_hdl::prelude::*;

use super::decode::DmaTarget;
use crate::constant::Const;
use crate::control::lsb;
use crate::dma::records::Fault;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum QueueState {
    Idle,
    Starting,
    Running,
    Faulted,
    Draining,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Queue {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    /// The register that is read.
    pub read_target: Signal<In, DmaTarget>,
    pub word: Signal<Out, Bits<32>>,
    /// `data` is written to `write_target` of this queue now.
    pub write: Signal<In, bool>,
    pub write_target: Signal<In, DmaTarget>,
    pub data: Signal<In, Bits<32>>,
    /// A write of `data` to `look_target` must be refused. A clock before `write`.
    pub look_target: Signal<In, DmaTarget>,
    pub refuse: Signal<Out, bool>,
    pub base: Signal<Out, Bits<64>>,
    pub done_base: Signal<Out, Bits<64>>,
    pub size: Signal<Out, Bits<4>>,
    pub coalesce: Signal<Out, Bits<16>>,
    pub doorbell: Signal<Out, Bits<16>>,
    pub head: Signal<In, Bits<16>>,
    pub run: Signal<Out, bool>,
    pub drain: Signal<Out, bool>,
    pub clear: Signal<Out, bool>,
    pub ring_fault: Signal<In, Fault>,
    pub ring_fault_valid: Signal<In, bool>,
    pub queue_fault: Signal<In, Fault>,
    pub queue_fault_valid: Signal<In, bool>,
    pub done_fault: Signal<In, Fault>,
    pub done_fault_valid: Signal<In, bool>,
    pub idle: Signal<In, bool>,
    pub halt: Signal<In, bool>,
    /// Nothing runs.
    pub resting: Signal<Out, bool>,
    /// The queue has stopped: something to tell the host.
    pub notice_valid: Signal<Out, bool>,
    pub notice_ready: Signal<In, bool>,
    state: DFF<QueueState>,
    ring_low: DFF<Bits<32>>,
    ring_high: DFF<Bits<32>>,
    done_low: DFF<Bits<32>>,
    done_high: DFF<Bits<32>>,
    log2: DFF<Bits<4>>,
    patience: DFF<Bits<16>>,
    bell: DFF<Bits<16>>,
    /// The first fault since the queue was enabled; its address stays until it is enabled again.
    fault: DFF<Fault>,
    faulted: DFF<bool>,
    untold: DFF<bool>,
    still: DFF<Bits<4>>,
    answer: DFF<Bits<32>>,
    /// The fault of this clock.
    met: Signal<Local, Fault>,
    meets: Signal<Local, bool>,
    stop: Signal<Local, bool>,
    enable: Signal<Local, bool>,
    asked: Signal<Local, Bits<4>>,
    size_fits: Signal<Local, bool>,
    aligned: Signal<Local, bool>,
    low12: Signal<Local, Bits<12>>,
    fault_address: Signal<Local, Bits<64>>,
    cause: Signal<Local, Bits<4>>,
    enable_at: Const<5, { lsb(queue_control::ENABLE) }>,
    running_at: Const<5, { lsb(queue_state::RUNNING) }>,
    draining_at: Const<5, { lsb(queue_state::DRAINING) }>,
    fault_at: Const<5, { lsb(queue_state::FAULT) }>,
    cause_at: Const<5, { lsb(queue_state::CAUSE) }>,
    size_at: Const<5, { lsb(queue_size::LOG2) }>,
    clocks_at: Const<5, { lsb(queue_coalesce::CLOCKS) }>,
    index_at: Const<5, { lsb(queue_doorbell::INDEX) }>,
    largest: Const<4, { espalier_regs::dma::MAX_RING as u64 }>,
    smallest: Const<4, { espalier_regs::dma::MIN_RING as u64 }>,
    settled: Const<4, 15>,
}

impl Logic for Queue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, state, ring_low, ring_high, done_low, done_high, log2, patience, bell, fault, faulted, untold, still, answer
        );

        // What may be written.
        self.enable.next = self.data.val().get_bit(self.enable_at.val().index());
        self.asked.next = bit_cast::<4, 32>(self.data.val() >> self.size_at.val());
        self.size_fits.next = (self.asked.val() >= self.smallest.val()) & (self.asked.val() <= self.largest.val());
        self.low12.next = bit_cast::<12, 32>(self.data.val());
        self.aligned.next = !self.low12.val().any();
        self.resting.next = self.state.q.val() == QueueState::Idle;
        self.refuse.next = false;
        match self.look_target.val() {
            DmaTarget::Control => {
                self.refuse.next = self.enable.val() & (!self.resting.val() | self.halt.val());
            }
            DmaTarget::RingLow => {
                self.refuse.next = !self.resting.val() | !self.aligned.val();
            }
            DmaTarget::RingHigh => {
                self.refuse.next = !self.resting.val();
            }
            DmaTarget::DoneLow => {
                self.refuse.next = !self.resting.val() | !self.aligned.val();
            }
            DmaTarget::DoneHigh => {
                self.refuse.next = !self.resting.val();
            }
            DmaTarget::Size => {
                self.refuse.next = !self.resting.val() | !self.size_fits.val();
            }
            _ => {}
        }

        // Faults: the first one counts.
        self.meets.next = (self.ring_fault_valid.val() | self.queue_fault_valid.val()) | self.done_fault_valid.val();
        self.met.next = self.done_fault.val();
        if self.queue_fault_valid.val() {
            self.met.next = self.queue_fault.val();
        }
        if self.ring_fault_valid.val() {
            self.met.next = self.ring_fault.val();
        }
        if self.meets.val() & !self.faulted.q.val() {
            self.fault.d.next = self.met.val();
            self.faulted.d.next = true;
            self.untold.d.next = true;
        }
        if self.untold.q.val() & self.notice_ready.val() {
            self.untold.d.next = false;
        }
        self.notice_valid.next = self.untold.q.val();

        // States.
        self.stop.next = self.halt.val();
        self.still.d.next = 0.into();
        match self.state.q.val() {
            QueueState::Idle => {
                self.faulted.d.next = false;
            }
            QueueState::Starting => {
                self.state.d.next = QueueState::Running;
            }
            QueueState::Running => {
                if self.meets.val() {
                    self.state.d.next = QueueState::Faulted;
                }
                if self.stop.val() {
                    self.state.d.next = QueueState::Draining;
                }
            }
            QueueState::Faulted => {
                if self.stop.val() {
                    self.state.d.next = QueueState::Draining;
                }
            }
            QueueState::Draining => {
                if self.idle.val() {
                    self.still.d.next = self.still.q.val() + 1;
                    if self.still.q.val() == self.settled.val() {
                        self.state.d.next = QueueState::Idle;
                    }
                }
            }
            _ => {
                self.state.d.next = QueueState::Idle;
            }
        }
        self.run.next = self.state.q.val() == QueueState::Running;
        self.drain.next = self.state.q.val() == QueueState::Draining;
        self.clear.next = self.state.q.val() == QueueState::Starting;

        // Writes.
        if self.write.val() {
            match self.write_target.val() {
                DmaTarget::Control => {
                    if self.enable.val() {
                        self.fault.d.next.cause = 0.into();
                        self.fault.d.next.address = 0.into();
                        self.state.d.next = QueueState::Starting;
                    } else if !self.resting.val() {
                        self.state.d.next = QueueState::Draining;
                    }
                }
                DmaTarget::RingLow => {
                    self.ring_low.d.next = self.data.val();
                }
                DmaTarget::RingHigh => {
                    self.ring_high.d.next = self.data.val();
                }
                DmaTarget::DoneLow => {
                    self.done_low.d.next = self.data.val();
                }
                DmaTarget::DoneHigh => {
                    self.done_high.d.next = self.data.val();
                }
                DmaTarget::Size => {
                    self.log2.d.next = self.asked.val();
                }
                DmaTarget::Coalesce => {
                    self.patience.d.next = bit_cast::<16, 32>(self.data.val() >> self.clocks_at.val());
                }
                DmaTarget::Doorbell => {
                    self.bell.d.next = bit_cast::<16, 32>(self.data.val() >> self.index_at.val());
                }
                _ => {}
            }
        }
        // Of a queue that does not run it rings for nobody.
        if self.resting.val() {
            self.bell.d.next = 0.into();
        }
        self.base.next = bit_cast::<64, 32>(self.ring_low.q.val()) | (bit_cast::<64, 32>(self.ring_high.q.val()) << 32);
        self.done_base.next = bit_cast::<64, 32>(self.done_low.q.val()) | (bit_cast::<64, 32>(self.done_high.q.val()) << 32);
        self.size.next = self.log2.q.val();
        self.coalesce.next = self.patience.q.val();
        self.doorbell.next = self.bell.q.val();

        // Reads.
        self.fault_address.next = self.fault.q.val().address;
        self.cause.next = self.fault.q.val().cause;
        self.answer.d.next = 0.into();
        match self.read_target.val() {
            DmaTarget::Control => {
                self.answer.d.next = bit_cast::<32, 1>(
                    ((self.state.q.val() == QueueState::Starting)
                        | (self.state.q.val() == QueueState::Running)
                        | (self.state.q.val() == QueueState::Faulted))
                        .into(),
                ) << self.enable_at.val();
            }
            DmaTarget::State => {
                self.answer.d.next = (bit_cast::<32, 1>(
                    ((self.state.q.val() == QueueState::Starting) | (self.state.q.val() == QueueState::Running)).into(),
                ) << self.running_at.val())
                    | (bit_cast::<32, 1>((self.state.q.val() == QueueState::Draining).into()) << self.draining_at.val());
                if self.faulted.q.val() {
                    self.answer.d.next = (bit_cast::<32, 1>((self.state.q.val() == QueueState::Draining).into()) << self.draining_at.val())
                        | (bit_cast::<32, 1>(self.faulted.q.val().into()) << self.fault_at.val())
                        | (bit_cast::<32, 4>(self.cause.val()) << self.cause_at.val());
                }
            }
            DmaTarget::RingLow => {
                self.answer.d.next = self.ring_low.q.val();
            }
            DmaTarget::RingHigh => {
                self.answer.d.next = self.ring_high.q.val();
            }
            DmaTarget::DoneLow => {
                self.answer.d.next = self.done_low.q.val();
            }
            DmaTarget::DoneHigh => {
                self.answer.d.next = self.done_high.q.val();
            }
            DmaTarget::Size => {
                self.answer.d.next = bit_cast::<32, 4>(self.log2.q.val()) << self.size_at.val();
            }
            DmaTarget::Coalesce => {
                self.answer.d.next = bit_cast::<32, 16>(self.patience.q.val()) << self.clocks_at.val();
            }
            DmaTarget::Doorbell => {
                self.answer.d.next = bit_cast::<32, 16>(self.bell.q.val()) << self.index_at.val();
            }
            DmaTarget::Head => {
                self.answer.d.next = bit_cast::<32, 16>(self.head.val()) << self.index_at.val();
            }
            DmaTarget::FaultLow => {
                self.answer.d.next = bit_cast::<32, 64>(self.fault_address.val());
            }
            DmaTarget::FaultHigh => {
                self.answer.d.next = bit_cast::<32, 64>(self.fault_address.val() >> 32);
            }
            _ => {}
        }
        self.word.next = self.answer.q.val();

        if self.reset.val() {
            self.state.d.next = QueueState::Idle;
            self.ring_low.d.next = 0.into();
            self.ring_high.d.next = 0.into();
            self.done_low.d.next = 0.into();
            self.done_high.d.next = 0.into();
            self.log2.d.next = self.smallest.val();
            self.patience.d.next = 0.into();
            self.bell.d.next = 0.into();
            self.fault.d.next.cause = 0.into();
            self.fault.d.next.address = 0.into();
            self.faulted.d.next = false;
            self.untold.d.next = false;
        }
    }
}
