//! Packets on their way in (net/xfrm/xfrm_input.c).

use std::net::IpAddr;

use espalier_reference_model::esp::{DecapError, Opened, SealedPacket};
use espalier_reference_model::headers::Headers;
use espalier_reference_model::replay::Refusal;
use thiserror::Error;

use crate::ops::{CryptoStatus, KmState, Mib, RxOffload, XfrmdevOps};
use crate::xfrm::{Direction, PolicyDirection, SaId, protocol};

use super::XfrmCore;
use super::flow::Flow;
use super::sad::StateId;

/// A packet that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The frame, ESP removed. None: the frame as it came.
    pub frame: Option<Vec<u8>>,
    /// What it came out of.
    pub sa: Option<StateId>,
    /// For this host or for another: `In` or `Fwd`.
    pub direction: PolicyDirection,
}

/// Why a packet does not come in. Each is counted under one name of /proc/net/xfrm_stat, but a dummy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InputError {
    /// Its counter has its name.
    #[error("dropped: {}", .0.name())]
    Dropped(Mib),
    /// Left of the window, seen before, or number 0.
    #[error("dropped: {0}")]
    Replay(Refusal),
    /// A dummy packet (RFC 4303 section 2.6), which is no error and is not counted.
    #[error("a dummy packet")]
    Dummy,
}

impl InputError {
    /// Its counter.
    #[must_use]
    pub const fn mib(&self) -> Option<Mib> {
        match self {
            Self::Dropped(mib) => Some(*mib),
            Self::Replay(_) => Some(Mib::InStateSeqError),
            Self::Dummy => None,
        }
    }
}

impl From<Mib> for InputError {
    fn from(mib: Mib) -> Self {
        Self::Dropped(mib)
    }
}

/// Who has verified and decrypted a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// Nobody yet.
    Software,
    /// A device in crypto mode.
    Crypto,
}

impl<D: XfrmdevOps> XfrmCore<D> {
    /// A frame that came by `dev`, with what the device says of it, and its mark.
    ///
    /// # Errors
    /// [`InputError`]; the packet is counted as dropped.
    pub fn input(&mut self, dev: &str, frame: &[u8], offload: Option<RxOffload>, mark: u32) -> Result<Input, InputError> {
        let result = self.xfrm_input(dev, frame, offload, mark);
        if let Err(Some(mib)) = result.as_ref().map_err(InputError::mib) {
            self.count(mib);
        }
        self.collect_garbage();
        result
    }

    fn xfrm_input(&mut self, dev: &str, frame: &[u8], offload: Option<RxOffload>, mark: u32) -> Result<Input, InputError> {
        let headers = Headers::parse(frame);
        match offload {
            // The device has checked all: __xfrm_policy_check2 lets it in. But behind IPv4 options and IPv6 extension headers the
            // device sees neither ports nor protocol, which a policy may ask for: such a packet is looked at once more.
            Some(RxOffload::Packet(handle)) => {
                let id = self.by_handle(dev, handle).ok_or(Mib::InNoStates)?;
                self.valid(id)?;
                if headers.has_options {
                    let direction = self.deliver(dev, frame, &headers, Some(id), mark)?;
                    return Ok(Input { frame: None, sa: Some(id), direction });
                }
                Ok(Input { frame: None, sa: Some(id), direction: self.direction(headers.dst) })
            }
            Some(RxOffload::Crypto(handle, status)) => {
                let id = self.by_handle(dev, handle).ok_or(Mib::InNoStates)?;
                self.valid(id)?;
                self.crypto_done(id, status)?;
                let esp = headers.esp.ok_or(Mib::InHdrError)?;
                let fits = |entry: &super::sad::Entry| entry.x.params.id.spi == esp.spi;
                if !self.sad.get(id).is_some_and(fits) {
                    return Err(Mib::InHdrError.into());
                }
                self.esp_input(dev, frame, id, Done::Crypto, mark)
            }
            None => match headers.esp.filter(|_| self.direction(headers.dst) == PolicyDirection::In) {
                Some(esp) => {
                    let id = SaId { daddr: headers.dst, spi: esp.spi, proto: protocol::ESP };
                    // An outbound SA does not decrypt (XFRM_SA_DIR_OUT).
                    let inbound = |id: &StateId| self.sad.get(*id).is_some_and(|entry| entry.x.params.dir != Some(Direction::Out));
                    let id = self.sad.lookup(&id, mark).filter(inbound).ok_or(Mib::InNoStates)?;
                    self.esp_input(dev, frame, id, Done::Software, mark)
                }
                None if headers.is_ip() => {
                    let direction = self.deliver(dev, frame, &headers, None, mark)?;
                    Ok(Input { frame: None, sa: None, direction })
                }
                None => Ok(Input { frame: None, sa: None, direction: PolicyDirection::In }),
            },
        }
    }

    /// The loop of xfrm_input from `lock` on, once.
    fn esp_input(&mut self, dev: &str, frame: &[u8], id: StateId, done: Done, mark: u32) -> Result<Input, InputError> {
        self.valid(id)?;
        let now = self.now;
        let entry = self.sad.get_mut(id).ok_or(Mib::InNoStates)?;
        // Packet mode has no software in its place: the device did not do this one.
        let Some(transform) = &entry.transform else { return Err(Mib::InStateProtoError.into()) };
        let sealed = transform.sealed(frame).map_err(|_| Mib::InHdrError)?;
        if sealed.esp().encap != entry.x.params.encap.is_some() {
            return Err(Mib::InStateMismatch.into());
        }
        let seq = entry.replay_check(sealed.esp().seq).map_err(InputError::Replay)?;
        if self.xfrm_state_check_expire(id).is_err() {
            self.xfrm_timer_handler(id);
            return Err(Mib::InStateExpired.into());
        }
        let opened = self.open(id, frame, &sealed, seq, done)?;
        let entry = self.sad.get_mut(id).ok_or(Mib::InNoStates)?;
        entry.replay_advance(seq).map_err(InputError::Replay)?;
        let moved = entry.x.params.flags.esn && entry.window.is_some();
        if moved {
            self.xfrm_dev_state_advance_esn(id);
        }
        let entry = self.sad.get_mut(id).ok_or(Mib::InNoStates)?;
        let transform = entry.transform.as_ref().ok_or(Mib::InStateInvalid)?;
        // As the engine: a dummy, or what does not fit the mode, has used its number and is not counted. (Linux counts first.)
        let inner = transform.decapsulate(&sealed, &opened).map_err(|error| match error {
            DecapError::Dummy => InputError::Dummy,
            _ => Mib::InStateModeError.into(),
        })?;
        entry.x.curlft.bytes = entry.x.curlft.bytes.wrapping_add(opened.payload.len() as u64);
        entry.x.curlft.packets = entry.x.curlft.packets.wrapping_add(1);
        entry.x.lastused = now;
        entry.fallbacks += u64::from(done == Done::Software && entry.x.xso.is_some());
        self.xfrm_replay_notify(id, seq);
        let headers = Headers::parse(&inner);
        let direction = self.deliver(dev, &inner, &headers, Some(id), mark)?;
        Ok(Input { frame: Some(inner), sa: Some(id), direction })
    }

    /// x->type->input, or x->type_offload->input_tail: payload and next header.
    fn open(&mut self, id: StateId, frame: &[u8], sealed: &SealedPacket<'_>, seq: u64, done: Done) -> Result<Opened, InputError> {
        let entry = self.sad.get_mut(id).ok_or(Mib::InNoStates)?;
        let transform = entry.transform.as_ref().ok_or(Mib::InStateInvalid)?;
        let opened = match done {
            Done::Software => transform.open(sealed, seq),
            Done::Crypto => transform.strip(frame, sealed),
        };
        opened.map_err(|error| match error {
            DecapError::Icv => {
                entry.x.stats.integrity_failed = entry.x.stats.integrity_failed.wrapping_add(1);
                Mib::InStateProtoError.into()
            }
            _ => Mib::InHdrError.into(),
        })
    }

    /// What the device says of its work (xfrm_input, `xo->flags & CRYPTO_DONE`).
    fn crypto_done(&mut self, id: StateId, status: CryptoStatus) -> Result<(), Mib> {
        match status {
            CryptoStatus::Success => Ok(()),
            CryptoStatus::TransportAhAuthFailed
            | CryptoStatus::TransportEspAuthFailed
            | CryptoStatus::TunnelAhAuthFailed
            | CryptoStatus::TunnelEspAuthFailed => {
                if let Some(entry) = self.sad.get_mut(id) {
                    entry.x.stats.integrity_failed = entry.x.stats.integrity_failed.wrapping_add(1);
                }
                Err(Mib::InStateProtoError)
            }
            CryptoStatus::InvalidProtocol => Err(Mib::InStateProtoError),
            CryptoStatus::GenericError | CryptoStatus::InvalidPacketSyntax => Err(Mib::InBufferError),
        }
    }

    /// A state that is not in force decrypts nothing.
    fn valid(&self, id: StateId) -> Result<(), Mib> {
        match self.sad.get(id).map(|entry| entry.x.km_state) {
            Some(KmState::Valid) => Ok(()),
            Some(KmState::Acq) => Err(Mib::AcquireError),
            Some(_) => Err(Mib::InStateInvalid),
            None => Err(Mib::InNoStates),
        }
    }

    /// xfrm_policy_check, in the direction that the packet goes on in.
    fn deliver(
        &mut self,
        dev: &str,
        frame: &[u8],
        headers: &Headers,
        sa: Option<StateId>,
        mark: u32,
    ) -> Result<PolicyDirection, InputError> {
        let direction = self.direction(headers.dst);
        // What came out of an SA of an XFRM interface comes by that interface (xfrmi_decode_session).
        let if_id = sa.and_then(|id| self.state(id)).map_or(0, |x| x.params.if_id);
        let flow = Flow::decode(frame, headers, dev, mark, if_id);
        self.xfrm_policy_check(&flow, direction, sa)?;
        Ok(direction)
    }

    /// For this host, or to be forwarded. Multicast and broadcast are for this host.
    fn direction(&self, dst: IpAddr) -> PolicyDirection {
        let broadcast = matches!(dst, IpAddr::V4(dst) if dst.is_broadcast());
        let here = self.local.is_empty() || dst.is_multicast() || broadcast || self.local.contains(&dst);
        if here { PolicyDirection::In } else { PolicyDirection::Fwd }
    }
}
