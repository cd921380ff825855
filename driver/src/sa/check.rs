//! Every argument of an SA, checked against XFRM's rules and the device's capabilities before anything is written.

use espalier_regs::Capabilities;
use espalier_regs::map::cap_features as cap;

use super::encode::salted_key;
use super::{Encap, EncapKind, RFC4106_GCM_AES, SaError, SaParams};
use crate::selector::{self, Pattern};
use crate::xfrm::{Direction, Family, Limits, Mark, Mode, OffloadMode, protocol};

/// The port of RFC 3948; the engine's parser knows ESP in UDP by it.
const NAT_T_PORT: u16 = 4500;

/// Checks in the kernel's order: netlink, core, driver.
pub fn check(params: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
    replay(params)?;
    core(params)?;
    algorithm(params, capabilities)?;
    identity(params, capabilities)?;
    encapsulation(params, capabilities)?;
    if params.replay_window > capabilities.max_replay_window.into() {
        let max = capabilities.max_replay_window.into();
        return Err(SaError::ReplayWindow { window: params.replay_window, max });
    }
    limits(&params.limits)?;
    traffic(params)?;
    flags(params)
}

/// net/xfrm/xfrm_user.c, verify_newsa_info and verify_replay.
fn replay(params: &SaParams) -> Result<(), SaError> {
    let start = params.replay;
    let esn = params.flags.esn;
    if params.dir == Some(Direction::Out) {
        if params.replay_window != 0 {
            return Err(SaError::OutputReplayWindow);
        }
        if start.seq != 0 || start.seq_hi != 0 {
            return Err(SaError::OutputSeq);
        }
    }
    if params.dir == Some(Direction::In) && (start.oseq != 0 || start.oseq_hi != 0) {
        return Err(SaError::InputOseq);
    }
    // These hold for the direction of the offload too, whether or not the SA names its own.
    match params.offload.direction {
        Direction::Out if !esn && start.oseq_hi != 0 => return Err(SaError::OutputOseqHi),
        Direction::Out if !esn && start.oseq == u32::MAX => return Err(SaError::OutputOseqExhausted),
        Direction::Out if start.oseq == u32::MAX && start.oseq_hi == u32::MAX => {
            return Err(SaError::OutputEsnExhausted);
        }
        Direction::In if !esn && start.seq_hi != 0 => return Err(SaError::InputSeqHi),
        _ => {}
    }
    // RFC 4303 appendix A2: the window is what the high half of a received number is told by.
    if esn && params.replay_window == 0 && params.offload.direction == Direction::In {
        return Err(SaError::EsnWithoutWindow);
    }
    Ok(())
}

/// net/xfrm/xfrm_device.c, xfrm_dev_state_add.
fn core(params: &SaParams) -> Result<(), SaError> {
    if params.dir.is_some_and(|dir| dir != params.offload.direction) {
        return Err(SaError::Direction);
    }
    if params.if_id != 0 {
        return Err(match params.offload.direction {
            Direction::In => SaError::InputIfId,
            Direction::Out => SaError::OutputIfId,
        });
    }
    if params.tfcpad != 0 {
        return Err(SaError::TfcPadding);
    }
    // No capability word stands for crypto offload yet: the engine does the headers, always.
    match params.offload.mode {
        OffloadMode::Packet => Ok(()),
        mode @ OffloadMode::Crypto => Err(SaError::Offload(mode)),
    }
}

fn algorithm(params: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
    if let Some(auth) = &params.auth {
        return Err(SaError::Authenticated(auth.name.clone()));
    }
    if let Some(comp) = &params.comp {
        return Err(SaError::Compressed(comp.name.clone()));
    }
    let Some(aead) = params.aead.as_ref().filter(|_| params.enc.is_none()) else {
        return Err(SaError::WithoutAead);
    };
    if aead.name != RFC4106_GCM_AES {
        return Err(SaError::Aead(aead.name.clone()));
    }
    // RFC 4106 section 6.
    let icv = match aead.icv_bits {
        64 => Some(cap::ICV_8),
        96 => Some(cap::ICV_12),
        128 => Some(cap::ICV_16),
        _ => None,
    };
    if !icv.is_some_and(|icv| capabilities.has(icv)) {
        return Err(SaError::IcvLength { bits: aead.icv_bits, rfc4106: icv.is_some() });
    }
    // RFC 4106 section 8.1: the salt follows the key.
    let sizes = [(16, cap::AES_128), (24, cap::AES_192), (32, cap::AES_256)];
    let length = salted_key(&aead.key).map(|(key, _)| key.len());
    let size = sizes.iter().find(|(bytes, _)| Some(*bytes) == length);
    if !size.is_some_and(|(_, feature)| capabilities.has(*feature)) {
        let supported = sizes.iter().filter(|(_, feature)| capabilities.has(*feature));
        let lengths = supported.map(|(bytes, _)| (bytes * 8).to_string()).collect::<Vec<_>>().join("/");
        return Err(SaError::KeyLength { bits: aead.key.bits(), lengths, rfc4106: size.is_some() });
    }
    if params.flags.esn && !capabilities.has(cap::ESN) {
        return Err(SaError::Esn);
    }
    Ok(())
}

fn identity(params: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
    let (saddr, daddr) = (params.saddr, params.id.daddr);
    if Family::of(saddr) != Family::of(daddr) {
        return Err(SaError::Family { saddr, daddr });
    }
    let family = match params.family() {
        Family::V4 => cap::IPV4,
        Family::V6 => cap::IPV6,
    };
    if !capabilities.has(family) {
        return Err(SaError::AddressFamily(params.family()));
    }
    if params.id.proto != protocol::ESP {
        return Err(SaError::Protocol(params.id.proto));
    }
    let mode = match params.mode {
        Mode::Transport => Some(cap::TRANSPORT),
        Mode::Tunnel => Some(cap::TUNNEL),
        _ => None,
    };
    if !mode.is_some_and(|mode| capabilities.has(mode)) {
        return Err(SaError::Mode(params.mode));
    }
    if params.id.spi == 0 {
        return Err(SaError::Spi);
    }
    if daddr.is_unspecified() {
        return Err(SaError::Destination);
    }
    if saddr.is_unspecified() && params.mode == Mode::Tunnel && params.offload.direction == Direction::Out {
        return Err(SaError::Source);
    }
    Ok(())
}

fn encapsulation(params: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
    let Some(Encap { kind, sport, dport, .. }) = params.encap else { return Ok(()) };
    if kind != EncapKind::EspInUdp {
        return Err(SaError::EncapKind);
    }
    let feature = if params.mode == Mode::Tunnel { cap::NAT_T_TUNNEL } else { cap::NAT_T_TRANSPORT };
    if !capabilities.has(feature) {
        return Err(SaError::Encap(params.mode));
    }
    if params.offload.direction == Direction::In && sport != NAT_T_PORT && dport != NAT_T_PORT {
        return Err(SaError::EncapPort { sport, dport });
    }
    Ok(())
}

/// Contradictions first; then: no capability word stands for counted limits yet. Time limits are the XFRM core's.
fn limits(limits: &Limits) -> Result<(), SaError> {
    let kinds = [("packet", limits.soft_packets, limits.hard_packets), ("byte", limits.soft_bytes, limits.hard_bytes)];
    for (kind, soft, hard) in kinds {
        if soft == 0 || hard == 0 {
            return Err(SaError::LimitZero(kind));
        }
        if soft >= hard && hard != Limits::INF {
            return Err(SaError::LimitOrder(kind));
        }
        if soft != Limits::INF || hard != Limits::INF {
            return Err(SaError::Limit(kind));
        }
    }
    Ok(())
}

/// What selects the traffic.
fn traffic(params: &SaParams) -> Result<(), SaError> {
    if params.mark != Mark::default() {
        return Err(SaError::Mark("mark"));
    }
    if params.output_mark != Mark::default() {
        return Err(SaError::Mark("output-mark"));
    }
    let Some(selector) = &params.selector else { return Ok(()) };
    if let Err(error) = selector::check(selector) {
        return Err(SaError::Selector(error));
    }
    if params.mode == Mode::Transport && selector.family() != params.family() {
        return Err(SaError::SelectorFamily);
    }
    // Outbound, the policies are narrowed to it. Inbound, no capability word stands for a check after decryption yet.
    let any = Pattern::from(selector) == Pattern::any(selector.family());
    if params.offload.direction == Direction::In && !any {
        return Err(SaError::InputSelector);
    }
    Ok(())
}

/// A flag is honoured, without meaning here, or refused by name.
///
/// `noecn`, `nopmtudisc`, `dont-encap-dscp` are about the outer header that an outbound SA makes; `align4` is AH's.
fn flags(params: &SaParams) -> Result<(), SaError> {
    let flags = &params.flags;
    let inbound = params.offload.direction == Direction::In;
    let refused = [
        (flags.wildrecv, "wildrecv"),
        (flags.icmp, "icmp"),
        (flags.decap_dscp && inbound && params.mode == Mode::Tunnel, "decap-dscp"),
        // RFC 4106 section 3.1: a nonce never repeats under a key.
        (flags.oseq_may_wrap, "oseq-may-wrap"),
    ];
    match refused.into_iter().find(|(set, _)| *set) {
        Some((_, name)) => Err(SaError::Flag(name)),
        None => Ok(()),
    }
}
