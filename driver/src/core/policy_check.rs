//! Whether the policies let a received packet in (__xfrm_policy_check).

use crate::ops::{Mib, XfrmState, XfrmdevOps};
use crate::policy::{Action, Level, Template};
use crate::xfrm::{Mode, PolicyDirection};

use super::XfrmCore;
use super::flow::Flow;
use super::sad::StateId;

impl<D: XfrmdevOps> XfrmCore<D> {
    /// `sa` is the one that the packet came out of.
    ///
    /// Stricter than Linux in one thing: without any policy, what came out of a tunnel in crypto mode is dropped as what came out
    /// of one in software is.
    pub(super) fn xfrm_policy_check(&mut self, flow: &Flow, direction: PolicyDirection, sa: Option<StateId>) -> Result<(), Mib> {
        let now = self.now;
        let x = sa.and_then(|id| self.sad.get(id)).map(|entry| &entry.x);
        // "First, check used SA against their selectors."
        if x.is_some_and(|x| !flow.selected_by(&x.params)) {
            return Err(Mib::InStateMismatch);
        }
        // secpath_has_nontransport
        let tunnelled = x.is_some_and(|x| x.params.mode != Mode::Transport);
        let Some(policy) = self.spd.lookup(flow, direction) else {
            return if tunnelled { Err(Mib::InNoPols) } else { Ok(()) };
        };
        let index = policy.xp.index;
        let params = &policy.xp.params;
        let verdict = match (params.action, params.templates.first()) {
            (Action::Block, _) => Err(Mib::InPolBlock),
            // What is left over must be transport mode, which does no harm.
            (Action::Allow, None) if tunnelled => Err(Mib::InTmplMismatch),
            (Action::Allow, None) => Ok(()),
            (Action::Allow, Some(template)) => {
                let used = x.is_some_and(|x| xfrm_state_ok(template, x, params.if_id));
                let optional = template.level == Level::Use && !tunnelled;
                if used || optional { Ok(()) } else { Err(Mib::InTmplMismatch) }
            }
        };
        if let Some(policy) = self.spd.by_index_mut(index).filter(|policy| policy.curlft.use_time == 0) {
            policy.curlft.use_time = now;
        }
        verdict
    }
}

/// xfrm_state_ok
fn xfrm_state_ok(template: &Template, x: &XfrmState, if_id: u32) -> bool {
    let params = &x.params;
    params.id.proto == template.id.proto
        && (template.id.spi == 0 || template.id.spi == params.id.spi)
        && (template.reqid == 0 || template.reqid == params.reqid)
        && params.mode == template.mode
        // xfrm_state_addr_cmp
        && (params.mode == Mode::Transport || template.saddr.is_unspecified() || template.saddr == params.saddr)
        && (if_id == 0 || if_id == params.if_id)
}
