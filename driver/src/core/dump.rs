//! States and policies as netlink reports them (copy_to_user_state_extra, copy_to_user_policy).

use crate::ops::XfrmdevOps;
use crate::xfrm::Selector;
use crate::xfrm::info::{Auth, PolicyInfo, Replay, StateInfo, StateOffload, TemplateInfo};

use super::XfrmCore;
use super::error::XfrmError;
use super::sad::{Entry, StateId};
use super::spd::PolicyEntry;

impl<D: XfrmdevOps> XfrmCore<D> {
    pub(super) fn state_info_of(&self, id: StateId) -> Result<StateInfo, XfrmError> {
        self.sad.get(id).map(|entry| self.state_info(entry)).ok_or(XfrmError::NoState)
    }

    pub(super) fn state_info(&self, entry: &Entry) -> StateInfo {
        let x = &entry.x;
        let params = &x.params;
        let replay = entry.replay_info();
        let selector = params.selector.clone().or_else(|| (!params.flags.af_unspec).then(|| Selector::any(params.family())));
        StateInfo {
            selector,
            limits: params.limits,
            current: x.curlft,
            stats: x.stats,
            seq: x.km_seq,
            reqid: params.reqid,
            replay_window: if matches!(replay, Replay::Legacy { .. }) { params.replay_window as u8 } else { 0 },
            flags: params.flags,
            aead: params.aead.clone(),
            enc: params.enc.clone(),
            auth: params.auth.as_ref().map(|auth| Auth { name: auth.name.clone(), key: auth.key.clone(), trunc_bits: None }),
            comp: params.comp.clone(),
            encap: params.encap,
            lastused: x.lastused,
            replay,
            offload: x.xso.as_ref().map(|xso| StateOffload { dev: xso.dev.clone(), direction: xso.direction, mode: xso.mode }),
            mark: params.mark,
            output_mark: params.output_mark,
            if_id: params.if_id,
            tfcpad: params.tfcpad,
            dir: params.dir,
            ..StateInfo::new(params.id, params.saddr, params.mode)
        }
    }
}

/// copy_to_user_policy and its attributes
pub(super) fn policy_info(entry: &PolicyEntry) -> PolicyInfo {
    let params = &entry.xp.params;
    PolicyInfo {
        limits: params.limits,
        current: entry.curlft,
        priority: params.priority,
        index: entry.xp.index,
        action: params.action,
        localok: params.localok,
        icmp: params.icmp,
        ptype: Some(params.ptype),
        templates: params.templates.iter().map(|template| TemplateInfo::from(*template)).collect(),
        mark: params.mark,
        if_id: params.if_id,
        offload: entry.xp.xdo.as_ref().map(|xdo| xdo.dev.clone()),
        ..PolicyInfo::new(params.selector.clone(), params.direction)
    }
}
