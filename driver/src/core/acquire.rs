//! From a policy to the state that protects a packet (xfrm_tmpl_resolve_one, xfrm_state_find), and what happens when there is
//! none: a stub, and the key manager is asked.

use crate::ops::{KmState, XfrmState, XfrmdevOps};
use crate::policy::Template;
use crate::xfrm::info::TemplateInfo;
use crate::xfrm::message::{Acquire, Message};

use super::XfrmCore;
use super::alloc_spi::larval;
use super::device::xfrm_dev_state_add;
use super::dump::policy_info;
use super::flow::Flow;
use super::offload::{Offloaded, SoftwareReason};
use super::request::UserOffload;
use super::sad::{Entry, Lease, StateRef};
use super::wanted::{Found, Wanted};

/// Why there is no state for a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// The key manager was asked, now or before.
    Acquiring,
    /// The state asked for by SPI is there but does not fit.
    Exists,
    /// The device has no room for a stub.
    Refused,
}

impl<D: XfrmdevOps> XfrmCore<D> {
    /// xfrm_tmpl_resolve_one
    pub(super) fn xfrm_tmpl_resolve_one(
        &mut self,
        wanted: &Wanted<'_>,
        template: &Template,
        flow: &Flow,
        index: u32,
    ) -> Result<StateRef, Unresolved> {
        match self.sad.find(wanted, flow) {
            Found::State(id) => self.sad.hold(id).ok_or(Unresolved::Acquiring),
            Found::Acquiring | Found::Failed => Err(Unresolved::Acquiring),
            Found::Nothing if wanted.spi != 0 && self.sad.lookup(&wanted.id(), wanted.mark.value & wanted.mark.mask).is_some() => {
                Err(Unresolved::Exists)
            }
            Found::Nothing => Err(self.xfrm_state_acquire(wanted, template, flow, index)),
        }
    }

    /// The second half of xfrm_state_find: a stub in the database, and on the device of an offloaded policy; km_query.
    fn xfrm_state_acquire(&mut self, wanted: &Wanted<'_>, template: &Template, flow: &Flow, index: u32) -> Unresolved {
        let (id, saddr) = (wanted.id(), wanted.saddr);
        let mut params = larval(id, saddr, wanted.mode, flow.selector(), self.acq_expires);
        (params.reqid, params.mark, params.if_id) = (wanted.reqid, wanted.mark, wanted.if_id);
        let mut x = XfrmState::new(params, None);
        x.curlft.add_time = self.now;
        let mut offloaded = Offloaded::Software(SoftwareReason::NotRequested);
        if let Some(dev) = wanted.dev {
            let request = UserOffload::state(dev, x.params.offload);
            match xfrm_dev_state_add(&mut self.devices, &mut x, &request, true) {
                Ok(answer) => offloaded = answer,
                Err(error) => {
                    tracing::warn!(dev, %error, "no stub for an SA that is wanted");
                    return Unresolved::Refused;
                }
            }
        }
        self.acq_seq = self.acq_seq.wrapping_add(1).max(1);
        x.km_seq = self.acq_seq;
        x.km_state = KmState::Acq;
        let km_seq = x.km_seq;
        let mut entry = Entry::new(x, offloaded);
        if entry.offloaded == Offloaded::Offloaded {
            entry.lease = Lease::Added;
        }
        self.link_state(entry);
        tracing::info!(daddr = %id.daddr, reqid = wanted.reqid, "acquire");
        if let Some(policy) = self.spd.by_index(index).map(policy_info) {
            let TemplateInfo { ealgos, aalgos, calgos, .. } = TemplateInfo::from(*template);
            let acquire = Acquire { id, saddr, selector: flow.selector(), policy, seq: km_seq, ealgos, aalgos, calgos };
            self.monitor.send(Message::Acquire(Box::new(acquire)));
        }
        Unresolved::Acquiring
    }
}
