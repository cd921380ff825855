//! Policies: add, update, delete, get, flush, dump (net/xfrm/xfrm_user.c and xfrm_policy.c).

use crate::ops::{XfrmPolicy, XfrmdevOps};
use crate::policy::PolicyType;
use crate::xfrm::PolicyDirection;
use crate::xfrm::info::PolicyInfo;
use crate::xfrm::message::{Message, SpdInfo};

use super::device::{xfrm_dev_policy_add, xfrm_dev_policy_delete};
use super::dump::policy_info;
use super::error::XfrmError;
use super::request::{PolicyId, PolicyRequest};
use super::sad::Lease;
use super::spd::{PolicyRef, Spd};
use super::{XfrmCore, check};

impl<D: XfrmdevOps> XfrmCore<D> {
    /// XFRM_MSG_NEWPOLICY (xfrm_add_policy). Gives its index.
    ///
    /// # Errors
    /// [`XfrmError`]; nothing has changed then.
    pub fn policy_add(&mut self, request: PolicyRequest) -> Result<u32, XfrmError> {
        self.xfrm_add_policy(request, true)
    }

    /// XFRM_MSG_UPDPOLICY (xfrm_add_policy): takes the place of the one with its selector, if there is one. Gives its index.
    ///
    /// # Errors
    /// [`XfrmError`]; nothing has changed then.
    pub fn policy_update(&mut self, request: PolicyRequest) -> Result<u32, XfrmError> {
        self.xfrm_add_policy(request, false)
    }

    /// xfrm_add_policy, xfrm_policy_insert. The device is asked first; what it has is taken back if the insertion fails.
    fn xfrm_add_policy(&mut self, request: PolicyRequest, exclusive: bool) -> Result<u32, XfrmError> {
        check::policy(&request)?;
        self.collect_garbage();
        let PolicyRequest { params, index, offload } = request;
        let id = PolicyId::of(&params);
        let direction = params.direction;
        let mut entry = Spd::new_entry(XfrmPolicy::new(params, index, None), self.now);
        if let Some(offload) = &offload {
            xfrm_dev_policy_add(&mut self.devices, &mut entry.xp, offload)?;
            entry.lease = Lease::Added;
        }
        let old = self.spd.position(&id);
        if old.is_some() && exclusive {
            xfrm_dev_policy_delete(&mut self.devices, &mut entry);
            self.spd.bury(entry);
            self.collect_garbage();
            return Err(XfrmError::PolicyExists);
        }
        entry.xp.index = match old.and_then(|position| self.spd.at(position)) {
            Some(old) => old.xp.index,
            None => self.spd.new_index(direction, index),
        };
        let index = entry.xp.index;
        let info = Box::new(policy_info(&entry));
        if let Some(position) = old {
            self.kill_policy(position);
        }
        self.spd.insert(entry);
        self.monitor.send(if exclusive { Message::NewPolicy(info) } else { Message::UpdatedPolicy(info) });
        self.collect_garbage();
        Ok(index)
    }

    /// XFRM_MSG_DELPOLICY (xfrm_get_policy).
    ///
    /// # Errors
    /// [`XfrmError::NoPolicy`]
    pub fn policy_delete(&mut self, id: &PolicyId) -> Result<(), XfrmError> {
        let position = self.spd.position(id).ok_or(XfrmError::NoPolicy)?;
        let info = self.spd.at(position).map(|entry| Box::new(policy_info(entry)));
        self.kill_policy(position);
        if let Some(info) = info {
            self.monitor.send(Message::DeletedPolicy(info));
        }
        self.collect_garbage();
        Ok(())
    }

    /// XFRM_MSG_GETPOLICY (xfrm_get_policy).
    ///
    /// # Errors
    /// [`XfrmError::NoPolicy`]
    pub fn policy_get(&self, id: &PolicyId) -> Result<PolicyInfo, XfrmError> {
        let position = self.spd.position(id);
        position.and_then(|position| self.spd.at(position)).map(policy_info).ok_or(XfrmError::NoPolicy)
    }

    /// XFRM_MSG_GETPOLICY with NLM_F_DUMP (xfrm_dump_policy): the newest first.
    #[must_use]
    pub fn policy_dump(&self) -> Vec<PolicyInfo> {
        self.spd.newest_first().into_iter().map(policy_info).collect()
    }

    /// XFRM_MSG_FLUSHPOLICY (xfrm_flush_policy): those of one type. An empty table is no error, and no event.
    pub fn policy_flush(&mut self, ptype: PolicyType) {
        let mut any = false;
        while let Some(position) = self.spd.find(|entry| entry.xp.params.ptype == ptype) {
            self.kill_policy(position);
            any = true;
        }
        if any {
            self.monitor.send(Message::FlushedPolicies { ptype: Some(ptype) });
        }
        self.collect_garbage();
    }

    /// XFRM_MSG_GETSPDINFO: how many policies there are, in each direction. Sockets have none.
    #[must_use]
    pub fn spd_info(&self) -> SpdInfo {
        let count = |direction| [u32::try_from(self.spd.count(direction)).unwrap_or(u32::MAX), 0];
        let (inbound, outbound) = (count(PolicyDirection::In), count(PolicyDirection::Out));
        SpdInfo { inbound, outbound, forward: count(PolicyDirection::Fwd), hash: None }
    }

    /// How many there are with those that are deleted and still held.
    #[must_use]
    pub const fn policies_allocated(&self) -> usize {
        self.spd.allocated()
    }

    /// The policy with this index, held (xfrm_pol_hold).
    #[must_use]
    pub fn policy_lookup(&self, index: u32) -> Option<PolicyRef> {
        self.spd.hold(index)
    }

    /// A policy as the core has it now.
    #[must_use]
    pub fn policy(&self, index: u32) -> Option<&XfrmPolicy> {
        self.spd.by_index(index).map(|entry| &entry.xp)
    }

    /// __xfrm_policy_unlink and xfrm_policy_kill
    pub(super) fn kill_policy(&mut self, position: usize) {
        let mut entry = self.spd.remove(position);
        xfrm_dev_policy_delete(&mut self.devices, &mut entry);
        self.spd.bury(entry);
    }
}
