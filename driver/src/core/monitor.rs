//! What the core tells key managers and `ip xfrm monitor` (XFRMNLGRP_*): a queue, bounded as a socket's is.

use std::collections::VecDeque;

use crate::ops::OffloadHandle;
use crate::policy::PolicyType;
use crate::xfrm::SaId;
use crate::xfrm::info::{PolicyInfo, Replay, StateInfo};

use super::offload::SoftwareReason;
use super::request::Acquire;

/// Something that has happened.
#[derive(Clone, Debug)]
pub enum MonitorEvent {
    /// XFRM_MSG_NEWSA
    NewState(Box<StateInfo>),
    /// XFRM_MSG_UPDSA
    UpdatedState(Box<StateInfo>),
    /// XFRM_MSG_DELSA
    DeletedState(Box<StateInfo>),
    /// XFRM_MSG_EXPIRE
    ExpiredState {
        /// The SA.
        state: Box<StateInfo>,
        /// Gone; else it wants to be replaced.
        hard: bool,
    },
    /// XFRM_MSG_FLUSHSA
    FlushedStates {
        /// Of which protocol; none is all.
        proto: Option<u8>,
    },
    /// XFRM_MSG_NEWPOLICY
    NewPolicy(Box<PolicyInfo>),
    /// XFRM_MSG_UPDPOLICY
    UpdatedPolicy(Box<PolicyInfo>),
    /// XFRM_MSG_DELPOLICY
    DeletedPolicy(Box<PolicyInfo>),
    /// XFRM_MSG_POLEXPIRE
    ExpiredPolicy {
        /// The policy.
        policy: Box<PolicyInfo>,
        /// Gone; else it wants to be replaced.
        hard: bool,
    },
    /// XFRM_MSG_FLUSHPOLICY
    FlushedPolicies {
        /// Of which type.
        ptype: PolicyType,
    },
    /// XFRM_MSG_ACQUIRE: an SA is wanted.
    Acquire(Box<Acquire>),
    /// XFRM_MSG_NEWAE: the sequence numbers of an SA have moved on (xfrm_replay_notify).
    ReplayMoved {
        /// The SA.
        id: SaId,
        /// Its reqid.
        reqid: u32,
        /// Where they are.
        replay: Replay,
    },
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

    pub fn next(&mut self) -> Option<MonitorEvent> {
        match self.events.pop_front() {
            None if self.lost != 0 => Some(MonitorEvent::Overrun(std::mem::take(&mut self.lost))),
            event => event,
        }
    }
}
