//! The whole NIC, frame by frame: tables, both directions, and the engine's counters.
//!
//! Each frame has one outcome, which is one [`Event`] and so one count beside the count of frames: `tx_frames` and
//! `rx_frames` are the sums of all other counters of their direction. The order of the checks is in [`crate::esp`], what
//! received packets must satisfy in [`crate::admit`].

mod rx;
mod tx;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use espalier_regs::Event;
use espalier_regs::notice::Notice;
use espalier_regs::tuser;

use crate::policy::{PolicyTable, Requirement, SaIndex};
use crate::sa::{RxSa, SaKey, TxSa};

/// The longest frame that passes: 9216 bytes and an Ethernet header with one VLAN tag. A longer one counts as damaged.
pub const MAX_FRAME: usize = 9216 + 18;

/// What became of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The cause, which was counted.
    pub event: Event,
    /// What goes on to the wire or to the host; nothing of a frame that was dropped.
    pub frame: Option<Vec<u8>>,
    /// Number of the SA: of a sent frame, where one was found; of a received one, where it runs beside the frame.
    pub sa: Option<SaIndex>,
    /// What runs beside a received frame; of others nothing.
    pub meta: Meta,
    /// What the host is told of the SA, in order.
    pub notices: Vec<Notice>,
}

impl Outcome {
    /// The word of `m_axis_txstatus` for a sent frame.
    pub fn tx_status(&self) -> u32 {
        let word = tuser::tx_status::EVENT.set(0, self.event.index().into());
        tuser::tx_status::SA.set(word, self.sa.unwrap_or(0).into())
    }

    /// The word of `m_axis_host_tuser` for a received frame.
    pub fn rx_user(&self) -> u32 {
        let Meta { status, crypto, is_protected } = self.meta;
        let word = tuser::rx::STATUS.set(0, status);
        let word = tuser::rx::SA.set(word, self.sa.unwrap_or(0).into());
        let word = tuser::rx::CRYPTO_DONE.set(word, (crypto || is_protected).into());
        let word = tuser::rx::CRYPTO.set(word, crypto.into());
        tuser::rx::PROTECTED.set(word, is_protected.into())
    }
}

/// What the host asks of a frame that it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Offload {
    /// Nothing: the policies say what becomes of it.
    #[default]
    None,
    /// Packet offload: the host has found a policy that says protect. The frame must not leave as it is.
    Packet,
    /// Crypto offload: it is ESP of this SA, to be encrypted in place.
    Crypto(SaIndex),
}

impl Offload {
    /// The word of `s_axis_host_tuser`.
    pub fn word(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Packet => tuser::tx::PROTECT.mask(),
            Self::Crypto(sa) => tuser::tx::SA.set(tuser::tx::CRYPTO.mask(), sa.into()),
        }
    }
}

/// What runs beside a received frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meta {
    /// One of [`tuser::crypto_status`]; 0 without cryptography.
    pub status: u32,
    /// Crypto offload: the headers stay.
    pub crypto: bool,
    /// Packet offload: the frame is what was inside.
    pub is_protected: bool,
}

/// The NIC.
#[derive(Debug, Default)]
pub struct Nic {
    /// Outbound policies.
    pub policies: PolicyTable,
    /// Inbound policies, `in` and `fwd`.
    pub rx_policies: PolicyTable<Requirement>,
    /// Addresses of this host; while there are none everything is local.
    pub local: BTreeSet<IpAddr>,
    /// Outbound SAs.
    pub tx_sas: BTreeMap<SaIndex, TxSa>,
    /// Inbound SAs.
    pub rx_sas: HashMap<SaKey, RxSa>,
    /// ESP for which there is no SA passes to the host, for software to decrypt; else it is dropped.
    pub pass_unknown: bool,
    counters: Counters,
}

/// One count for each [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters([u64; Event::ALL.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; Event::ALL.len()])
    }
}

impl Counters {
    /// How often something happened.
    pub fn get(&self, event: Event) -> u64 {
        self.0[usize::from(event.index())]
    }

    fn count(&mut self, event: Event) {
        self.0[usize::from(event.index())] += 1;
    }
}

/// What a direction notes of a frame on its way to the outcome.
#[derive(Debug, Default)]
struct Notes {
    sa: Option<SaIndex>,
    meta: Meta,
    notices: Vec<Notice>,
}

impl Nic {
    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The host sends a frame of which it asks nothing; `error` says that it came damaged.
    pub fn transmit(&mut self, frame: &[u8], error: bool) -> Outcome {
        self.transmit_as(frame, Offload::None, error)
    }

    /// The host sends a frame; `error` says that it came damaged.
    pub fn transmit_as(&mut self, frame: &[u8], offload: Offload, error: bool) -> Outcome {
        self.counters.count(Event::TxFrames);
        let mut notes = Notes::default();
        let sent = if error || frame.len() > MAX_FRAME { Err(Event::TxDropError) } else { self.send(frame, offload, &mut notes) };
        self.conclude(sent, notes)
    }

    /// A frame comes from the wire; `error` says that it came damaged.
    pub fn receive(&mut self, frame: &[u8], error: bool) -> Outcome {
        self.counters.count(Event::RxFrames);
        let mut notes = Notes::default();
        let received = self.unprotect(frame, error || frame.len() > MAX_FRAME, &mut notes);
        self.conclude(received, notes)
    }

    fn conclude(&mut self, outcome: Result<(Event, Vec<u8>), Event>, notes: Notes) -> Outcome {
        let (event, frame) = match outcome {
            Ok((event, frame)) => (event, Some(frame)),
            Err(event) => (event, None),
        };
        self.counters.count(event);
        let Notes { sa, meta, notices } = notes;
        Outcome { event, frame, sa, meta, notices }
    }
}
