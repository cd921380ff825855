//! Every argument of an SA, checked against XFRM's rules and the device's capabilities before anything is written.

use espalier_regs::map::cap_features as cap;
use espalier_regs::{Capabilities, Field};

use super::encode::salted_key;
use super::{Encap, EncapKind, Offload, RFC4106_GCM_AES, SaError, SaParams};
use crate::selector::{self, Pattern};
use crate::xfrm::{Direction, Family, Limits, Mark, Mode, OffloadMode, protocol};

/// The port of RFC 3948; the engine's parser knows ESP in UDP by it.
pub const NAT_T_PORT: u16 = 4500;

/// Checks in the kernel's order: netlink, core, driver.
pub fn check(params: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
    replay(params)?;
    core(params, capabilities)?;
    algorithm(params, capabilities)?;
    identity(params, capabilities)?;
    encapsulation(params, capabilities)?;
    if params.replay_window > capabilities.max_replay_window.into() {
        let max = capabilities.max_replay_window.into();
        return Err(SaError::ReplayWindow { window: params.replay_window, max });
    }
    limits(params, capabilities)?;
    traffic(params, capabilities)?;
    flags(params, capabilities)
}

/// Checks what an SA in force is to get: limits and UDP ports, nothing else (net/xfrm/xfrm_state.c, xfrm_state_update).
pub fn check_update(before: &SaParams, after: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
    if before.encap.map(|encap| encap.kind) != after.encap.map(|encap| encap.kind) {
        return Err(SaError::EncapUpdate);
    }
    encapsulation(after, capabilities)?;
    limits(after, capabilities)
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
fn core(params: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
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
    let mode = match params.offload.mode {
        OffloadMode::Packet => cap::PACKET_OFFLOAD,
        OffloadMode::Crypto => cap::CRYPTO_OFFLOAD,
    };
    if capabilities.has(mode) { Ok(()) } else { Err(SaError::Offload(params.offload.mode)) }
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
    let icvs = [(64, cap::ICV_8), (96, cap::ICV_12), (128, cap::ICV_16)];
    let icv = icvs.iter().find(|(bits, _)| *bits == aead.icv_bits);
    if !icv.is_some_and(|(_, feature)| capabilities.has(*feature)) {
        return Err(SaError::IcvLength { bits: aead.icv_bits, lengths: supported(&icvs, capabilities), rfc4106: icv.is_some() });
    }
    // RFC 4106 section 8.1: the salt follows the key.
    let sizes = [(128, cap::AES_128), (192, cap::AES_192), (256, cap::AES_256)];
    let bits = salted_key(&aead.key).map(|(key, _)| key.len() as u32 * 8);
    let size = sizes.iter().find(|(size, _)| Some(*size) == bits);
    if !size.is_some_and(|(_, feature)| capabilities.has(*feature)) {
        return Err(SaError::KeyLength { bits: aead.key.bits(), lengths: supported(&sizes, capabilities), rfc4106: size.is_some() });
    }
    if params.flags.esn && !capabilities.has(cap::ESN) {
        return Err(SaError::Esn);
    }
    Ok(())
}

/// The numbers whose feature the device has, as `64/96/128`.
fn supported(all: &[(u32, Field)], capabilities: &Capabilities) -> String {
    let supported = all.iter().filter(|(_, feature)| capabilities.has(*feature));
    supported.map(|(number, _)| number.to_string()).collect::<Vec<_>>().join("/")
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
    if params.offload.direction == Direction::Out && params.family() == Family::V6 && !capabilities.has(cap::NAT_T_IPV6_OUT) {
        return Err(SaError::EncapIpv6Out);
    }
    if params.offload.direction == Direction::In && sport != NAT_T_PORT && dport != NAT_T_PORT {
        return Err(SaError::EncapPort { sport, dport });
    }
    Ok(())
}

/// Limits of packets and bytes; those of time are the core's, and in crypto mode all are.
///
/// Any value is taken. Others refuse 0 and a soft limit that is not below the hard one, though both mean something: with a
/// limit of 0 nothing passes, as in the kernel (xfrm_state_check_expire: `packets >= hard`); a soft limit that is not
/// reached before the hard one is never told.
fn limits(params: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
    if params.offload.mode == OffloadMode::Crypto || capabilities.has(cap::LIFETIMES) {
        return Ok(());
    }
    let limits = &params.limits;
    if limits.soft_packets != Limits::INF || limits.hard_packets != Limits::INF {
        return Err(SaError::Limit("packet"));
    }
    if limits.soft_bytes != Limits::INF || limits.hard_bytes != Limits::INF {
        return Err(SaError::Limit("byte"));
    }
    Ok(())
}

/// What selects the traffic.
fn traffic(params: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
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
    // Outbound, the policies are narrowed to it. Inbound, it takes a look at what was decrypted; in crypto mode the core's.
    let any = Pattern::from(selector) == Pattern::any(selector.family());
    let inbound = params.offload == Offload { mode: OffloadMode::Packet, direction: Direction::In };
    if inbound && !any && !capabilities.has(cap::RX_SELECTORS) {
        return Err(SaError::InputSelector);
    }
    Ok(())
}

/// A flag is honoured, without meaning here, or refused by name.
///
/// `nopmtudisc` and `dont-encap-dscp` are about the outer header that an outbound SA makes, `noecn` about both ways;
/// `align4` is AH's.
fn flags(params: &SaParams, capabilities: &Capabilities) -> Result<(), SaError> {
    let flags = &params.flags;
    let inbound = params.offload.direction == Direction::In;
    let decapsulates = inbound && params.mode == Mode::Tunnel && params.offload.mode == OffloadMode::Packet;
    let refused = [
        (flags.wildrecv, "wildrecv"),
        (flags.icmp, "icmp"),
        (flags.decap_dscp && decapsulates && !capabilities.has(cap::DECAP_DSCP_ECN), "decap-dscp"),
        // RFC 4106 section 3.1: a nonce never repeats under a key.
        (flags.oseq_may_wrap, "oseq-may-wrap"),
    ];
    match refused.into_iter().find(|(set, _)| *set) {
        Some((_, name)) => Err(SaError::Flag(name)),
        None => Ok(()),
    }
}
