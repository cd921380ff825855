//! States: add, update, delete, get, flush, dump (net/xfrm/xfrm_user.c and xfrm_state.c).

use espalier_reference_model::replay::ReplayWindow;

use crate::ops::{KmState, XfrmState, XfrmdevOps};
use crate::xfrm::info::StateInfo;
use crate::xfrm::message::{Message, SadInfo};
use crate::xfrm::{Mark, SaId};

use super::device::{xfrm_dev_state_add, xfrm_dev_state_delete};
use super::error::XfrmError;
use super::monitor::MonitorEvent;
use super::offload::{Offloaded, SoftwareReason};
use super::request::StateRequest;
use super::sad::{Entry, Lease, StateId, StateRef};
use super::transform::Transform;
use super::{XfrmCore, check};

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The state.
    pub id: StateId,
    /// Who does its ESP.
    pub offloaded: Offloaded,
}

impl<D: XfrmdevOps> XfrmCore<D> {
    /// XFRM_MSG_NEWSA (xfrm_add_sa, xfrm_state_add). A stub that asked for it goes.
    ///
    /// # Errors
    /// [`XfrmError`]; nothing has changed then.
    pub fn state_add(&mut self, request: StateRequest) -> Result<Added, XfrmError> {
        check::state(&request)?;
        let mut entry = self.xfrm_state_construct(request)?;
        let params = &entry.x.params;
        if self.sad.lookup(&params.id, params.mark.value & params.mark.mask).is_some() {
            // The device has it already: taken back, and freed as any other.
            xfrm_dev_state_delete(&mut self.devices, &mut entry);
            self.sad.bury(entry);
            self.collect_garbage();
            return Err(XfrmError::StateExists);
        }
        let stub = self.sad.find_acq(&entry.x);
        Ok(self.xfrm_state_insert(entry, stub, Message::NewState))
    }

    /// XFRM_MSG_UPDSA (xfrm_add_sa, xfrm_state_update): new limits and UDP ports for a state in force; a stub becomes the state.
    ///
    /// # Errors
    /// [`XfrmError`]; nothing has changed then.
    pub fn state_update(&mut self, request: StateRequest) -> Result<Added, XfrmError> {
        check::state(&request)?;
        let params = &request.params;
        let id = self.sad.lookup(&params.id, params.mark.value & params.mark.mask).ok_or(XfrmError::NoState)?;
        match self.sad.get(id).map(|entry| entry.x.km_state) {
            Some(KmState::Acq) => {
                let entry = self.xfrm_state_construct(request)?;
                return Ok(self.xfrm_state_insert(entry, Some(id), Message::UpdatedState));
            }
            Some(KmState::Valid) => {}
            _ => return Err(XfrmError::StateInvalid),
        }
        let Some(entry) = self.sad.get_mut(id) else { return Err(XfrmError::NoState) };
        let before = (entry.x.params.limits, entry.x.params.encap);
        if let (Some(new), Some(old)) = (params.encap, &mut entry.x.params.encap) {
            *old = new;
        }
        entry.x.params.limits = params.limits;
        let changed = before != (entry.x.params.limits, entry.x.params.encap);
        if changed && entry.lease == Lease::Added && entry.x.is_packet_offload() {
            let dev = entry.x.xso.as_ref().map(|xso| xso.dev.clone()).unwrap_or_default();
            let device = self.devices.get_mut(&dev).filter(|device| device.callbacks.state_update);
            let told = match device {
                Some(device) => device.ops.state_update(&mut entry.x).map_err(XfrmError::State),
                None => Err(XfrmError::Update(dev)),
            };
            if let Err(error) = told {
                (entry.x.params.limits, entry.x.params.encap) = before;
                return Err(error);
            }
        }
        if let (Some(transform), Some(encap)) = (&mut entry.transform, entry.x.params.encap) {
            transform.set_encap(encap.sport, encap.dport);
        }
        entry.x.dying = false;
        let (used, offloaded) = (entry.x.curlft.use_time != 0, entry.offloaded.clone());
        let info = Box::new(self.state_info_of(id)?);
        self.monitor.send(Message::UpdatedState(info));
        if used {
            self.check_expire_and_reap(id);
        }
        self.collect_garbage();
        Ok(Added { id, offloaded })
    }

    /// XFRM_MSG_DELSA (xfrm_del_sa).
    ///
    /// # Errors
    /// [`XfrmError::NoState`]
    pub fn state_delete(&mut self, id: &SaId, mark: Mark) -> Result<(), XfrmError> {
        let id = self.sad.lookup(id, mark.value & mark.mask).ok_or(XfrmError::NoState)?;
        self.state_delete_id(id)
    }

    /// The same, of a state that is named otherwise: a stub has no SPI.
    ///
    /// # Errors
    /// [`XfrmError::NoState`]
    pub fn state_delete_id(&mut self, id: StateId) -> Result<(), XfrmError> {
        self.xfrm_dev_state_update_stats(id);
        let info = self.state_info_of(id)?;
        if !self.xfrm_state_delete(id) {
            return Err(XfrmError::NoState);
        }
        self.monitor.send(Message::DeletedState(Box::new(info)));
        self.collect_garbage();
        Ok(())
    }

    /// XFRM_MSG_GETSA (xfrm_get_sa), with the device's counts of now.
    ///
    /// # Errors
    /// [`XfrmError::NoState`]
    pub fn state_get(&mut self, id: &SaId, mark: Mark) -> Result<StateInfo, XfrmError> {
        let id = self.sad.lookup(id, mark.value & mark.mask).ok_or(XfrmError::NoState)?;
        self.xfrm_dev_state_update_stats(id);
        self.state_info_of(id)
    }

    /// XFRM_MSG_GETSA with NLM_F_DUMP (xfrm_dump_sa): the newest first, with the devices' counts of now.
    pub fn state_dump(&mut self) -> Vec<StateInfo> {
        let ids = self.sad.ids();
        ids.iter().for_each(|id| self.xfrm_dev_state_update_stats(*id));
        ids.iter().filter_map(|id| self.state_info_of(*id).ok()).collect()
    }

    /// XFRM_MSG_FLUSHSA (xfrm_flush_sa): of one protocol; 0 and 255 (IPSEC_PROTO_ANY) are all. An empty table is no error, and no
    /// event.
    pub fn state_flush(&mut self, proto: u8) {
        let fits = |x: &XfrmState| matches!(proto, 0 | 255) || x.params.id.proto == proto;
        let ids: Vec<StateId> = self.sad.ids().into_iter().filter(|id| self.sad.get(*id).is_some_and(|entry| fits(&entry.x))).collect();
        if ids.is_empty() {
            return;
        }
        for id in ids {
            self.xfrm_state_delete(id);
        }
        self.monitor.send(Message::FlushedStates { proto });
        self.collect_garbage();
    }

    /// XFRM_MSG_GETSADINFO: how many states there are. The kernel's hash table is not this one's.
    #[must_use]
    pub fn sad_info(&self) -> SadInfo {
        SadInfo { count: u32::try_from(self.sad.count()).unwrap_or(u32::MAX), ..SadInfo::default() }
    }

    /// How many there are with those that are deleted and still held.
    #[must_use]
    pub fn states_allocated(&self) -> usize {
        self.sad.allocated()
    }

    /// The state with this destination, SPI and protocol, held (xfrm_state_lookup).
    #[must_use]
    pub fn state_lookup(&self, id: &SaId, mark: u32) -> Option<StateRef> {
        self.sad.hold(self.sad.lookup(id, mark)?)
    }

    /// Every state in the database, held; the newest first.
    #[must_use]
    pub fn states(&self) -> Vec<StateRef> {
        self.sad.ids().into_iter().filter_map(|id| self.sad.hold(id)).collect()
    }

    /// A state as the core has it now, dead or alive.
    #[must_use]
    pub fn state(&self, id: StateId) -> Option<&XfrmState> {
        self.sad.get(id).map(|entry| &entry.x)
    }

    /// Who does a state's ESP.
    #[must_use]
    pub fn offloaded(&self, id: StateId) -> Option<&Offloaded> {
        self.sad.get(id).map(|entry| &entry.offloaded)
    }

    /// How many packets of a state in crypto mode were done in software, because the device could not take them.
    #[must_use]
    pub fn fallbacks(&self, id: StateId) -> Option<u64> {
        self.sad.get(id).map(|entry| entry.fallbacks)
    }

    /// xfrm_state_construct, and the device.
    fn xfrm_state_construct(&mut self, request: StateRequest) -> Result<Entry, XfrmError> {
        // What the last packets in flight have let go of makes room on the device.
        self.collect_garbage();
        let StateRequest { mut params, km_seq, offload } = request;
        if let Some(offload) = &offload {
            params.offload = offload.offload();
        }
        let mut x = XfrmState::new(params, None);
        x.km_seq = km_seq;
        x.curlft.add_time = self.now;
        let offloaded = match &offload {
            None => Offloaded::Software(SoftwareReason::NotRequested),
            Some(offload) => xfrm_dev_state_add(&mut self.devices, &mut x, offload, false)?,
        };
        let mut entry = Entry::new(x, offloaded);
        if entry.offloaded == Offloaded::Offloaded {
            entry.lease = Lease::Added;
        }
        if !entry.x.is_packet_offload() {
            match Transform::new(&entry.x.params) {
                Ok(transform) => entry.transform = Some(transform),
                Err(error) => {
                    xfrm_dev_state_delete(&mut self.devices, &mut entry);
                    self.sad.bury(entry);
                    self.collect_garbage();
                    return Err(error.into());
                }
            }
            let params = &entry.x.params;
            let top = u64::from(params.replay.seq_hi) << 32 | u64::from(params.replay.seq);
            if params.replay_window != 0 {
                // Only a window of 0 with ESN is refused.
                entry.window = ReplayWindow::starting_at(params.replay_window, params.flags.esn, top).ok();
            }
        }
        entry.x.km_state = KmState::Valid;
        Ok(entry)
    }

    /// The end of xfrm_state_add and _update: into the database, the stub out of it, and everybody told.
    fn xfrm_state_insert(&mut self, entry: Entry, stub: Option<StateId>, event: fn(Box<StateInfo>) -> Message) -> Added {
        let offloaded = entry.offloaded.clone();
        let sa = entry.x.params.id;
        let info = Box::new(self.state_info(&entry));
        let id = self.link_state(entry);
        if let Some(stub) = stub {
            self.xfrm_state_delete(stub);
        }
        self.monitor.send(event(info));
        match &offloaded {
            Offloaded::Software(SoftwareReason::NotRequested) | Offloaded::Offloaded => {}
            Offloaded::Software(reason) => {
                tracing::warn!(daddr = %sa.daddr, spi = sa.spi, %reason, "crypto offload was asked for: in software");
                self.monitor.tell(MonitorEvent::Fallback { id: sa, reason: reason.clone() });
            }
        }
        self.collect_garbage();
        Added { id, offloaded }
    }

    /// __xfrm_state_insert
    pub(super) fn link_state(&mut self, entry: Entry) -> StateId {
        let known = entry.x.xso.as_ref().and_then(|xso| Some((xso.dev.clone(), xso.offload_handle?)));
        let id = self.sad.allocate(entry);
        self.sad.link(id);
        if let Some((dev, handle)) = known
            && let Some(device) = self.devices.get_mut(&dev)
        {
            device.states.insert(handle, id);
        }
        id
    }

    /// __xfrm_state_delete: out of the database, and the device stops. Whether it was not dead before.
    pub(super) fn xfrm_state_delete(&mut self, id: StateId) -> bool {
        let Some(entry) = self.sad.unlink(id) else { return false };
        xfrm_dev_state_delete(&mut self.devices, entry);
        true
    }
}
