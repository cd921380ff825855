//! What a queue of the device is made of.

use espalier_regs::dma::{Fault, queue_state};

/// How it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Idle,
    Running,
    /// For so many turns.
    Draining(u32),
    Fault(Fault),
}

/// Registers and state of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue {
    pub state: State,
    pub ring: u64,
    pub completions: u64,
    pub log2: u32,
    pub doorbell: u16,
    /// Index of the next descriptor.
    pub head: u16,
    /// Index of the next completion.
    pub done: u16,
    pub fault_address: u64,
}

impl Queue {
    pub fn entries(&self) -> u16 {
        1 << self.log2
    }

    pub fn phase(&self, index: u16) -> bool {
        index & self.entries() == 0
    }

    /// Address of an entry.
    pub fn slot(&self, ring: u64, index: u16) -> u64 {
        ring + 16 * u64::from(index % self.entries())
    }

    /// QUEUE_STATE
    pub fn word(&self) -> u32 {
        match self.state {
            State::Idle => 0,
            State::Running => queue_state::RUNNING.mask(),
            State::Draining(_) => queue_state::DRAINING.mask(),
            State::Fault(cause) => queue_state::CAUSE.set(queue_state::FAULT.mask(), cause.code()),
        }
    }

    pub fn control(&mut self, enable: bool) {
        match (enable, self.state) {
            (true, State::Idle) => {
                assert!(self.ring != 0 && self.ring.is_multiple_of(4096) && self.completions.is_multiple_of(4096), "{self:x?}");
                *self = Self { state: State::Running, doorbell: 0, head: 0, done: 0, fault_address: 0, ..*self };
            }
            (false, State::Running | State::Fault(_)) => self.state = State::Draining(0),
            (false, _) => {}
            (true, state) => panic!("enabled while {state:?}"),
        }
    }

    /// A turn of draining takes it `turns` of them, or it never ends; true when it just has.
    pub fn drain(&mut self, turns: Option<u32>) -> bool {
        let State::Draining(so_far) = self.state else { return false };
        let over = turns.is_some_and(|turns| so_far >= turns);
        self.state = if over { State::Idle } else { State::Draining(so_far + 1) };
        over
    }
}
