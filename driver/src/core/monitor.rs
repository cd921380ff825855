//! What the core tells key managers and `ip xfrm monitor` (XFRMNLGRP_*): a queue, bounded as a socket's is.

use std::collections::VecDeque;

use crate::ops::OffloadHandle;
use crate::xfrm::SaId;
use crate::xfrm::message::Message;

use super::offload::SoftwareReason;

/// Something that has happened.
#[derive(Clone, Debug)]
pub enum MonitorEvent {
    /// What the kernel tells too.
    Xfrm(Message),
    /// Not in the kernel: crypto mode was asked for, and the SA is in software. The kernel says nothing.
    Fallback {
        /// The SA.
        id: SaId,
        /// Why.
        reason: SoftwareReason,
    },
    /// Not in the kernel: a device has used an SA's last sequence number. It sends nothing any more.
    SequenceExhausted {
        /// The SA.
        id: SaId,
    },
    /// Not in the kernel: a device failed.
    DeviceFailed {
        /// Its name.
        dev: String,
        /// What it said.
        reason: String,
    },
    /// Not in the kernel: a device told of an SA that it does not have.
    UnknownHandle {
        /// Its name.
        dev: String,
        /// The handle.
        handle: OffloadHandle,
    },
    /// The queue was full, and so many events were lost here (ENOBUFS).
    Overrun(u64),
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Monitor {
    events: VecDeque<MonitorEvent>,
    lost: u64,
}

impl Monitor {
    /// Events that nobody has asked for yet.
    const CAPACITY: usize = 4096;

    pub fn tell(&mut self, event: MonitorEvent) {
        if self.events.len() < Self::CAPACITY {
            self.events.push_back(event);
        } else {
            self.lost += 1;
        }
    }

    /// A message of the kernel's.
    pub fn send(&mut self, message: Message) {
        self.tell(MonitorEvent::Xfrm(message));
    }

    pub fn next(&mut self) -> Option<MonitorEvent> {
        match self.events.pop_front() {
            None if self.lost != 0 => Some(MonitorEvent::Overrun(std::mem::take(&mut self.lost))),
            event => event,
        }
    }
}
