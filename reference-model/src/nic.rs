//! The whole NIC, frame by frame: tables, both directions, and the engine's counters.
//!
//! Each frame has one outcome, which is one [`Event`] and so one count beside the count of frames: `tx_frames` and
//! `rx_frames` are the sums of all other counters of their direction.

use std::collections::{BTreeMap, HashMap};

use espalier_regs::Event;

use crate::esp::{self, DecapError, EncapError, SealedPacket, encapsulate};
use crate::headers::{Headers, protocol};
use crate::policy::{Action, Flow, PolicyTable, SaIndex};
use crate::replay::Refusal;
use crate::rfc4106::IcvLength;
use crate::sa::{RxSa, SaKey, TxSa};

/// ICV length of every SA of the engine.
pub const ICV_LENGTH: IcvLength = IcvLength::Sixteen;

/// The longest frame that passes: 9216 bytes and an Ethernet header with one VLAN tag. A longer one counts as damaged.
pub const MAX_FRAME: usize = 9216 + 18;

/// What became of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The cause, which was counted.
    pub event: Event,
    /// What goes on to the wire or to the host; nothing of a frame that was dropped.
    pub frame: Option<Vec<u8>>,
}

/// The NIC.
#[derive(Debug, Default)]
pub struct Nic {
    /// Outbound policies.
    pub policies: PolicyTable,
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

impl Nic {
    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The host sends a frame; `error` says that it came damaged.
    pub fn transmit(&mut self, frame: &[u8], error: bool) -> Outcome {
        self.counters.count(Event::TxFrames);
        let outcome = if error || frame.len() > MAX_FRAME { Err(Event::TxDropError) } else { self.protect(frame) };
        self.conclude(outcome)
    }

    /// A frame comes from the wire; `error` says that it came damaged.
    pub fn receive(&mut self, frame: &[u8], error: bool) -> Outcome {
        self.counters.count(Event::RxFrames);
        let outcome = self.unprotect(frame, error || frame.len() > MAX_FRAME);
        self.conclude(outcome)
    }

    fn conclude(&mut self, outcome: Result<(Event, Vec<u8>), Event>) -> Outcome {
        let (event, frame) = match outcome {
            Ok((event, frame)) => (event, Some(frame)),
            Err(event) => (event, None),
        };
        self.counters.count(event);
        Outcome { event, frame }
    }

    /// TX: what goes out and why, or the cause of the drop.
    fn protect(&mut self, frame: &[u8]) -> Result<(Event, Vec<u8>), Event> {
        let headers = Headers::parse(frame);
        if headers.malformed || headers.truncated {
            return Err(Event::TxDropMalformed);
        }
        let policy = headers.is_ip().then(|| self.policies.look_up(&Flow::of(&headers))).flatten();
        let index = match policy.map_or(Action::Bypass, |policy| policy.action) {
            Action::Bypass => return Ok((Event::TxBypassed, frame.to_vec())),
            Action::Block => return Err(Event::TxDropPolicyBlock),
            Action::Protect(index) => index,
        };
        let sa = index.and_then(|index| self.tx_sas.get_mut(&index)).ok_or(Event::TxDropNoSa)?;
        let cause = |error| match error {
            EncapError::Malformed => Event::TxDropMalformed,
            EncapError::Options | EncapError::Fragment | EncapError::TooLong(_) => Event::TxDropUnsupported,
        };
        esp::check(&headers, sa).map_err(cause)?;
        let seq = sa.next_seq().ok_or(Event::TxDropSeqOverflow)?;
        let protected = encapsulate(frame, sa, seq).map_err(cause)?;
        sa.last_seq = seq;
        Ok((Event::TxProtected, protected))
    }

    /// RX, in the order of the steps in [`crate::esp`].
    fn unprotect(&mut self, frame: &[u8], error: bool) -> Result<(Event, Vec<u8>), Event> {
        let whole = |event| if error { Err(Event::RxDropError) } else { Ok((event, frame.to_vec())) };
        let headers = Headers::parse(frame);
        if headers.malformed {
            return Err(Event::RxDropMalformed);
        }
        let Some(found) = headers.esp else {
            return match (headers.protocol, headers.is_v4) {
                (protocol::ESP, true) if headers.has_options || headers.is_fragment => whole(Event::RxUnsupported),
                (protocol::ESP, _) => Err(Event::RxDropMalformed),
                _ => whole(Event::RxBypassed),
            };
        };
        let packet = SealedPacket::new(frame, ICV_LENGTH).map_err(cause)?;
        let key = SaKey { dst: headers.dst, spi: found.spi, encap: found.encap };
        let Some(sa) = self.rx_sas.get_mut(&key) else {
            return if self.pass_unknown { whole(Event::RxBypassed) } else { Err(Event::RxDropNoSa) };
        };
        let seq = sa.replay.check(found.seq).map_err(refusal)?;
        whole(Event::RxDecrypted)?;
        let opened = packet.open(&sa.cipher, sa.replay.esn(), seq).map_err(cause)?;
        sa.replay.advance(seq).map_err(refusal)?;
        let plain = packet.decapsulate(&opened, sa.tunnel).map_err(cause)?;
        Ok((Event::RxDecrypted, plain))
    }
}

fn refusal(refusal: Refusal) -> Event {
    match refusal {
        Refusal::SeqZero => Event::RxDropSeqZero,
        Refusal::Duplicate => Event::RxDropReplay,
        Refusal::LeftOfWindow => Event::RxDropReplayWindow,
    }
}

fn cause(error: DecapError) -> Event {
    match error {
        DecapError::NotEsp | DecapError::Malformed(_) => Event::RxDropMalformed,
        DecapError::Truncated => Event::RxDropError,
        DecapError::Icv => Event::RxDropIcv,
        DecapError::Trailer(_) => Event::RxDropTrailer,
        DecapError::Dummy => Event::RxDummy,
        DecapError::Mode(_) => Event::RxDropMode,
    }
}
