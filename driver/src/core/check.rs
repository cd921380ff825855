//! What the kernel checks of an SA or a policy before a device is asked.

use crate::policy::{PolicyParams, PolicyType};
use crate::sa::{SaError, SaParams};
use crate::selector::SelectorError;
use crate::xfrm::{Direction, Family, Mode};

use super::error::{PolicyCheck, XfrmError};
use super::request::{PolicyRequest, StateRequest, UserOffload};

/// XFRMA_REPLAY_ESN_MAX: 128 words of bitmap.
const WINDOW_MAX: u32 = 4096;
/// XFRM_MAX_DEPTH
const DEPTH_MAX: usize = 6;

/// An SA: net/xfrm/xfrm_user.c, then xfrm_init_replay, then the first half of xfrm_dev_state_add.
pub fn state(request: &StateRequest) -> Result<(), XfrmError> {
    let params = &request.params;
    families(params)?;
    replay(params)?;
    flags(params)?;
    if params.flags.esn && params.replay_window == 0 && params.dir != Some(Direction::Out) {
        return Err(SaError::EsnWithoutWindow.into());
    }
    match &request.offload {
        Some(offload) => offloaded(params, offload),
        None => Ok(()),
    }
}

/// verify_newsa_info, where one family stands for both addresses of a pair; and __xfrm_init_state: only a tunnel changes it.
fn families(params: &SaParams) -> Result<(), XfrmError> {
    let (saddr, daddr) = (params.saddr, params.id.daddr);
    if Family::of(saddr) != Family::of(daddr) {
        return Err(SaError::Family { saddr, daddr }.into());
    }
    let Some(selector) = &params.selector else { return Ok(()) };
    if Family::of(selector.src.addr()) != selector.family() {
        return Err(SaError::Selector(SelectorError::Family { src: selector.src, dst: selector.dst }).into());
    }
    if params.mode == Mode::Transport && selector.family() != params.family() {
        return Err(SaError::SelectorFamily.into());
    }
    Ok(())
}

/// verify_replay. What it says of a direction holds only for an SA that says `dir`.
fn replay(params: &SaParams) -> Result<(), XfrmError> {
    if params.replay_window > WINDOW_MAX {
        return Err(XfrmError::ReplayWindow);
    }
    let start = params.replay;
    let esn = params.flags.esn;
    match params.dir {
        Some(Direction::Out) => {
            if params.replay_window != 0 {
                return Err(SaError::OutputReplayWindow.into());
            }
            if start.seq != 0 || start.seq_hi != 0 {
                return Err(SaError::OutputSeq.into());
            }
            if !esn && start.oseq_hi != 0 {
                return Err(SaError::OutputOseqHi.into());
            }
            if !esn && start.oseq == u32::MAX {
                return Err(SaError::OutputOseqExhausted.into());
            }
            if start.oseq == u32::MAX && start.oseq_hi == u32::MAX {
                return Err(SaError::OutputEsnExhausted.into());
            }
        }
        Some(Direction::In) => {
            if start.oseq != 0 || start.oseq_hi != 0 {
                return Err(SaError::InputOseq.into());
            }
            if !esn && start.seq_hi != 0 {
                return Err(SaError::InputSeqHi.into());
            }
            if !esn && start.seq == u32::MAX {
                return Err(XfrmError::InputSeqExhausted);
            }
            if start.seq == u32::MAX && start.seq_hi == u32::MAX {
                return Err(XfrmError::InputEsnExhausted);
            }
        }
        None => {}
    }
    Ok(())
}

/// verify_newsa_info: flags of the other direction.
fn flags(params: &SaParams) -> Result<(), XfrmError> {
    let flags = &params.flags;
    let refused: &[(bool, &'static str)] = match params.dir {
        Some(Direction::Out) => &[(flags.decap_dscp, "DECAP_DSCP"), (flags.icmp, "ICMP"), (flags.wildrecv, "WILDRECV")],
        Some(Direction::In) => {
            &[(flags.nopmtudisc, "NOPMTUDISC"), (flags.dont_encap_dscp, "DONT_ENCAP_DSCP"), (flags.oseq_may_wrap, "OSEQ_MAY_WRAP")]
        }
        None => &[],
    };
    let direction = if params.dir == Some(Direction::Out) { "output" } else { "input" };
    match refused.iter().find(|(set, _)| *set) {
        Some((_, flag)) => Err(XfrmError::DirectionFlag { flag, direction }),
        None => Ok(()),
    }
}

/// xfrm_dev_state_add, up to the device.
fn offloaded(params: &SaParams, offload: &UserOffload) -> Result<(), XfrmError> {
    if offload.flags & !(UserOffload::IPV6 | UserOffload::INBOUND | UserOffload::PACKET) != 0 {
        return Err(XfrmError::OffloadFlags);
    }
    let direction = offload.offload().direction;
    if params.dir.is_some_and(|dir| dir != direction) {
        return Err(SaError::Direction.into());
    }
    if direction == Direction::In && params.if_id != 0 {
        return Err(SaError::InputIfId.into());
    }
    if params.tfcpad != 0 {
        return Err(SaError::TfcPadding.into());
    }
    Ok(())
}

/// A policy: verify_newpolicy_info, validate_tmpl, and the first half of xfrm_dev_policy_add.
pub fn policy(request: &PolicyRequest) -> Result<(), XfrmError> {
    let PolicyParams { selector, direction, templates, .. } = &request.params;
    if Family::of(selector.src.addr()) != selector.family() {
        return Err(PolicyCheck::SelectorFamily.into());
    }
    // XFRM_POLICY_ID2DIR
    if request.index != 0 && request.index & 7 != super::spd::direction_number(*direction) {
        return Err(PolicyCheck::Index.into());
    }
    if templates.len() > DEPTH_MAX {
        return Err(PolicyCheck::Depth.into());
    }
    if templates.iter().any(|tmpl| tmpl.mode != Mode::Transport && Family::of(tmpl.saddr) != Family::of(tmpl.id.daddr)) {
        return Err(PolicyCheck::TemplateFamily.into());
    }
    match &request.offload {
        None if templates.len() > 1 => Err(PolicyCheck::Templates.into()),
        None if request.params.ptype != PolicyType::Main => Err(PolicyCheck::Type.into()),
        None if request.params.icmp => Err(PolicyCheck::IcmpFlag.into()),
        Some(offload) if offload.flags != UserOffload::PACKET => Err(XfrmError::OffloadFlags),
        _ => Ok(()),
    }
}
