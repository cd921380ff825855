//! Packets on their way out (xfrm_lookup, net/xfrm/xfrm_output.c, xfrm_dev_offload_ok).

use espalier_reference_model::headers::Headers;
use thiserror::Error;

use crate::errno::Errno;
use crate::ops::{KmState, Mib, OffloadHandle, SkBuff, XfrmState, XfrmdevOps};
use crate::policy::{Action, Level};
use crate::xfrm::{Mode, OffloadMode, PolicyDirection, protocol};

use super::XfrmCore;
use super::acquire::Unresolved;
use super::flow::Flow;
use super::offload::NotOffloadable;
use super::replay::next_oseq;
use super::sad::{StateId, StateRef};
use super::transform::state_mtu;
use super::wanted::{Found, Wanted};

/// DF of the IPv4 flags, in the upper byte of the field (RFC 791 section 3.1).
const DF: u8 = 0x40;

/// IPv6 without a next header (RFC 8200 section 4.7).
const NO_NEXT_HEADER: u8 = 59;

/// What is to be sent.
#[derive(Clone, Debug)]
pub enum Output {
    /// The frame as it is: no policy, or one without a template.
    Plain,
    /// This frame, done in software. Longer than the link carries: IP has to fragment it.
    Software {
        /// The frame.
        frame: Vec<u8>,
        /// Its SA.
        sa: StateRef,
    },
    /// This frame, to be encrypted by the device; the SA is held until it was.
    Crypto {
        /// ESP header, IV, plaintext, trailer, and room for the ICV.
        frame: Vec<u8>,
        /// The device's name for the SA.
        handle: OffloadHandle,
        /// Its SA.
        sa: StateRef,
    },
    /// The frame as it is, to be protected by the device; the SA is held until it was.
    Packet {
        /// The device's name for the SA.
        handle: OffloadHandle,
        /// Its SA.
        sa: StateRef,
    },
}

/// Why a packet is not sent. Each is counted under one name of /proc/net/xfrm_stat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OutputError {
    /// The policy says block.
    #[error("blocked by policy")]
    Blocked,
    /// There is no SA; the key manager was asked.
    #[error("there is no SA yet")]
    Acquiring,
    /// There is no SA, and none can be asked for.
    #[error("there is no SA, and none can be asked for")]
    Unresolved,
    /// The SA is not valid any more.
    #[error("the SA is not valid")]
    Invalid,
    /// The SA has reached a hard limit.
    #[error("the SA has expired")]
    Expired,
    /// All sequence numbers are used up.
    #[error("all sequence numbers are used up")]
    SequenceExhausted,
    /// Longer than the path carries once it is protected, and not to be fragmented: an ICMP message with this MTU is due
    /// (RFC 4301 section 8.2.1).
    #[error("too long: {mtu} bytes fit")]
    TooBig {
        /// For the ICMP message.
        mtu: u32,
        /// The mode of the offload, if there is one.
        offload: Option<OffloadMode>,
    },
    /// Packet mode, and the device can't.
    #[error("it can't be offloaded: {0}")]
    NotOffloadable(NotOffloadable),
    /// The packet does not fit the mode: options or a fragment in transport mode.
    #[error("the packet does not fit the mode of the SA")]
    Mode,
    /// The packet is not a whole IP packet, or its length is past what IP can say.
    #[error("it can't be encapsulated")]
    Encap,
}

impl OutputError {
    /// Its counter.
    #[must_use]
    pub const fn mib(&self) -> Mib {
        match self {
            Self::Blocked => Mib::OutPolBlock,
            Self::Acquiring => Mib::OutNoStates,
            Self::Unresolved => Mib::OutPolError,
            Self::Invalid => Mib::OutStateInvalid,
            Self::Expired => Mib::OutStateExpired,
            Self::SequenceExhausted => Mib::OutStateSeqError,
            // xfrm_dev_offload_ok looks at the size in packet mode, xfrm_outer_mode_output in the others.
            Self::TooBig { offload: Some(OffloadMode::Packet), .. } | Self::NotOffloadable(_) => Mib::OutError,
            Self::TooBig { .. } | Self::Mode => Mib::OutStateModeError,
            Self::Encap => Mib::OutStateProtoError,
        }
    }

    /// What the sender gets.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Blocked => Errno::Eperm,
            Self::Acquiring => Errno::Eagain,
            Self::Unresolved | Self::Invalid | Self::Expired | Self::Mode | Self::Encap => Errno::Einval,
            Self::SequenceExhausted => Errno::Eoverflow,
            Self::TooBig { .. } => Errno::Emsgsize,
            Self::NotOffloadable(_) => Errno::Ehostunreach,
        }
    }
}

impl<D: XfrmdevOps> XfrmCore<D> {
    /// A packet that leaves through `dev`, with its mark and XFRM interface (0 for none).
    ///
    /// # Errors
    /// [`OutputError`]; the packet is counted as dropped.
    pub fn output(&mut self, dev: &str, skb: &SkBuff<'_>, mark: u32, if_id: u32) -> Result<Output, OutputError> {
        let result = self.xfrm_lookup_and_output(dev, skb, mark, if_id);
        if let Err(error) = &result {
            self.count(error.mib());
        }
        self.collect_garbage();
        result
    }

    /// The state that protects such a packet, found as [`Self::output`] finds it; nobody is asked for one, and nothing is counted.
    #[must_use]
    pub fn output_state(&self, dev: &str, frame: &[u8], mark: u32, if_id: u32) -> Option<StateId> {
        let headers = Headers::parse(frame);
        let flow = headers.is_ip().then(|| Flow::decode(frame, &headers, dev, mark, if_id))?;
        let policy = self.spd.lookup(&flow, PolicyDirection::Out).filter(|entry| entry.xp.params.action != Action::Block)?;
        let offload = policy.xp.xdo.as_ref().map(|xdo| xdo.dev.as_str());
        let wanted = Wanted::new(policy.xp.params.templates.first()?, &flow, &policy.xp.params, offload);
        match self.sad.find(&wanted, &flow) {
            Found::State(id) => Some(id),
            _ => None,
        }
    }

    /// xfrm_state_mtu: the longest IP packet of this state that fits the link of `dev` once it is protected.
    #[must_use]
    pub fn state_mtu(&self, dev: &str, id: StateId) -> Option<u32> {
        Some(state_mtu(&self.sad.get(id)?.x.params, self.devices.get(dev)?.ops.mtu()))
    }

    /// xfrm_lookup, then xfrm_output.
    fn xfrm_lookup_and_output(&mut self, dev: &str, skb: &SkBuff<'_>, mark: u32, if_id: u32) -> Result<Output, OutputError> {
        let headers = Headers::parse(skb.frame);
        if !headers.is_ip() {
            return Ok(Output::Plain);
        }
        let flow = Flow::decode(skb.frame, &headers, dev, mark, if_id);
        let Some(index) = self.spd.lookup(&flow, PolicyDirection::Out).map(|entry| entry.xp.index) else { return Ok(Output::Plain) };
        let now = self.now;
        let Some(policy) = self.spd.by_index_mut(index) else { return Ok(Output::Plain) };
        if policy.curlft.use_time == 0 {
            policy.curlft.use_time = now;
        }
        if policy.xp.params.action == Action::Block {
            return Err(OutputError::Blocked);
        }
        let Some(template) = policy.xp.params.templates.first().copied() else { return Ok(Output::Plain) };
        let offload = policy.xp.xdo.as_ref().map(|xdo| xdo.dev.clone());
        let wanted = Wanted::new(&template, &flow, &policy.xp.params, offload.as_deref());
        match self.xfrm_tmpl_resolve_one(&wanted, &template, &flow, index) {
            Ok(sa) => self.xfrm_output(dev, skb, &headers, sa),
            Err(_) if template.level == Level::Use => Ok(Output::Plain),
            Err(Unresolved::Acquiring) => Err(OutputError::Acquiring),
            Err(Unresolved::Exists | Unresolved::Refused) => Err(OutputError::Unresolved),
        }
    }

    /// xfrm_output
    fn xfrm_output(&mut self, dev: &str, skb: &SkBuff<'_>, headers: &Headers, sa: StateRef) -> Result<Output, OutputError> {
        let id = sa.id();
        let ok = self.xfrm_dev_offload_ok(dev, skb, headers, id);
        let Some(entry) = self.sad.get(id) else { return Err(OutputError::Invalid) };
        let offload = entry.x.xso.as_ref().map(|xso| xso.mode);
        // Too long for the path, whoever does the ESP (xfrm4_tunnel_check_size, xfrm6_tunnel_check_size).
        let mtu = self.devices.get(dev).map(|device| state_mtu(&entry.x.params, device.ops.mtu()));
        if let Some(mtu) = mtu.filter(|mtu| is_too_long(skb, headers, *mtu) && must_not_fragment(skb.frame, headers)) {
            return Err(OutputError::TooBig { mtu, offload });
        }
        match (offload, ok, entry.x.offload_handle()) {
            (Some(OffloadMode::Packet), Ok(()), Some(handle)) => Ok(Output::Packet { handle, sa }),
            (Some(OffloadMode::Packet), Err(reason), _) => Err(OutputError::NotOffloadable(reason)),
            (Some(OffloadMode::Packet), Ok(()), None) => Err(OutputError::NotOffloadable(NotOffloadable::NoOffload)),
            (_, Ok(()), Some(handle)) => {
                let seq = self.xfrm_output_one(headers, id)?;
                self.xfrm_dev_state_advance_esn(id);
                let transform = self.sad.get(id).and_then(|entry| entry.transform.as_ref()).ok_or(OutputError::Encap)?;
                let frame = transform.prepare(skb.frame, seq).map_err(|_| OutputError::Encap)?;
                Ok(Output::Crypto { frame, handle, sa })
            }
            (_, ok, _) => {
                if skb.gso_size.is_some() {
                    return Err(OutputError::Encap);
                }
                let seq = self.xfrm_output_one(headers, id)?;
                if let (Some(OffloadMode::Crypto), Err(reason), Some(entry)) = (offload, ok, self.sad.get_mut(id)) {
                    entry.fallbacks += 1;
                    tracing::debug!(dev, spi = entry.x.params.id.spi, %reason, "a packet is done in software");
                }
                let transform = self.sad.get(id).and_then(|entry| entry.transform.as_ref()).ok_or(OutputError::Encap)?;
                let frame = transform.encapsulate(skb.frame, seq).map_err(|_| OutputError::Encap)?;
                Ok(Output::Software { frame, sa })
            }
        }
    }

    /// xfrm_output_one up to the transformation: the checks in its order, the counts, and the sequence number.
    fn xfrm_output_one(&mut self, headers: &Headers, id: StateId) -> Result<u64, OutputError> {
        let Some(entry) = self.sad.get(id) else { return Err(OutputError::Invalid) };
        let tunnel = entry.x.params.mode != Mode::Transport;
        if headers.malformed || headers.truncated {
            return Err(OutputError::Encap);
        }
        if !tunnel && (headers.has_options || headers.is_fragment) {
            return Err(OutputError::Mode);
        }
        if entry.x.km_state != KmState::Valid {
            return Err(OutputError::Invalid);
        }
        if self.xfrm_state_check_expire(id).is_err() {
            self.xfrm_timer_handler(id);
            return Err(OutputError::Expired);
        }
        let now = self.now;
        let Some(entry) = self.sad.get_mut(id) else { return Err(OutputError::Invalid) };
        let seq = next_oseq(&mut entry.x).ok_or(OutputError::SequenceExhausted)?;
        // skb->len between the modes and ESP: what is protected, without trailer.
        let bytes = if tunnel { headers.ip_length } else { headers.ip_length - headers.l3_length };
        entry.x.curlft.bytes = entry.x.curlft.bytes.wrapping_add(bytes as u64);
        entry.x.curlft.packets = entry.x.curlft.packets.wrapping_add(1);
        entry.x.lastused = now;
        self.xfrm_replay_notify(id, seq);
        Ok(seq)
    }

    /// xfrm_dev_offload_ok: the core's part, then the device's.
    fn xfrm_dev_offload_ok(&self, dev: &str, skb: &SkBuff<'_>, headers: &Headers, id: StateId) -> Result<(), NotOffloadable> {
        let x: &XfrmState = self.sad.get(id).map(|entry| &entry.x).ok_or(NotOffloadable::NoOffload)?;
        let xso = x.xso.as_ref().ok_or(NotOffloadable::NoOffload)?;
        if xso.dev != dev {
            return Err(NotOffloadable::OtherDevice);
        }
        let device = self.devices.get(dev).ok_or(NotOffloadable::OtherDevice)?;
        if !device.up {
            return Err(NotOffloadable::Down);
        }
        let mtu = state_mtu(&x.params, device.ops.mtu());
        if is_too_long(skb, headers, mtu) {
            return Err(NotOffloadable::TooLong { mtu });
        }
        // ipv6_ext_hdr counts these two as well.
        let extension = headers.is_v6 && matches!(headers.protocol, protocol::AH | NO_NEXT_HEADER);
        if headers.has_options || extension {
            return Err(if headers.is_v4 { NotOffloadable::Ipv4Options } else { NotOffloadable::Ipv6Extension });
        }
        if device.callbacks.offload_ok && !device.ops.xdo_dev_offload_ok(skb, x) {
            return Err(NotOffloadable::Device);
        }
        Ok(())
    }
}

/// Longer than `mtu` as it is, or in segments (skb_gso_validate_network_len).
fn is_too_long(skb: &SkBuff<'_>, headers: &Headers, mtu: u32) -> bool {
    let length = match skb.gso_size {
        None => headers.ip_length,
        Some(size) => headers.l3_length + upper_header_length(skb.frame, headers) + usize::from(size),
    };
    length > mtu as usize
}

/// Of TCP or UDP, which every segment repeats.
fn upper_header_length(frame: &[u8], headers: &Headers) -> usize {
    const TCP: u8 = 6;
    let data_offset = frame.get(headers.l2_length + headers.l3_length + 12).map_or(0, |byte| usize::from(byte >> 4) * 4);
    if headers.protocol == TCP { data_offset } else { 8 }
}

/// IPv6, or IPv4 with DF.
fn must_not_fragment(frame: &[u8], headers: &Headers) -> bool {
    headers.is_v6 || frame.get(headers.l2_length + 6).is_some_and(|flags| flags & DF != 0)
}
