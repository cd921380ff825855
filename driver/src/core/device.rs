//! Devices: registration, what they are asked, and their ups and downs (net/xfrm/xfrm_device.c).

use std::collections::{BTreeMap, HashMap};

use crate::Error as DriverError;
use crate::errno::Errno;
use crate::ops::{
    Callbacks, DeviceEvent, Features, KmState, OffloadHandle, XfrmPolicy, XfrmPolicyOffload, XfrmState, XfrmStateOffload, XfrmdevOps,
};
use crate::xfrm::OffloadMode;
use crate::xfrm::message::Message;

use super::XfrmCore;
use super::dump::policy_info;
use super::error::XfrmError;
use super::monitor::MonitorEvent;
use super::offload::{Offloaded, SoftwareReason};
use super::request::UserOffload;
use super::sad::{Entry, Lease, StateId};
use super::spd::PolicyEntry;

/// A registered device.
#[derive(Debug)]
pub(super) struct NetDevice<D> {
    pub ops: D,
    pub callbacks: Callbacks,
    features: Features,
    pub up: bool,
    /// Its names for states, until they are freed.
    pub states: HashMap<OffloadHandle, StateId>,
}

pub(super) type Devices<D> = BTreeMap<String, NetDevice<D>>;

impl<D: XfrmdevOps> XfrmCore<D> {
    /// NETDEV_REGISTER. The device is down at first.
    ///
    /// # Errors
    /// [`XfrmError::Features`] (xfrm_api_check), [`XfrmError::DeviceExists`].
    pub fn register(&mut self, ops: D) -> Result<(), XfrmError> {
        let (features, callbacks) = (ops.features(), ops.callbacks());
        if features.hw_esp_tx_csum && !features.hw_esp {
            return Err(XfrmError::Features("NETIF_F_HW_ESP_TX_CSUM needs NETIF_F_HW_ESP"));
        }
        if features.hw_esp && !(callbacks.state_add && callbacks.state_delete) {
            return Err(XfrmError::Features("NETIF_F_HW_ESP needs xdo_dev_state_add and xdo_dev_state_delete"));
        }
        let name = ops.name().to_owned();
        if self.devices.contains_key(&name) {
            return Err(XfrmError::DeviceExists(name));
        }
        self.devices.insert(name, NetDevice { ops, callbacks, features, up: false, states: HashMap::new() });
        Ok(())
    }

    /// NETDEV_UP
    ///
    /// # Errors
    /// [`XfrmError::NoDevice`]
    pub fn up(&mut self, dev: &str) -> Result<(), XfrmError> {
        self.device(dev)?.up = true;
        Ok(())
    }

    /// NETDEV_DOWN: deletes the device's states and policies, and frees what it has of them at once; packets in flight may still
    /// hold the states, which are dead (xfrm_dev_down).
    ///
    /// # Errors
    /// [`XfrmError::NoDevice`]
    pub fn down(&mut self, dev: &str) -> Result<(), XfrmError> {
        let device = self.device(dev)?;
        device.up = false;
        if device.features.hw_esp {
            self.flush_device(dev);
        }
        Ok(())
    }

    /// NETDEV_UNREGISTER: as [`Self::down`], whatever its features; gives the device back (xfrm_dev_unregister).
    ///
    /// # Errors
    /// [`XfrmError::NoDevice`]
    pub fn unregister(&mut self, dev: &str) -> Result<D, XfrmError> {
        self.flush_device(dev);
        let mut device = self.devices.remove(dev).ok_or_else(|| XfrmError::NoDevice(dev.to_owned()))?;
        device.ops.update_mib(&mut self.mib);
        Ok(device.ops)
    }

    /// A device's own interface, for what goes on beside the core.
    ///
    /// # Errors
    /// [`XfrmError::NoDevice`]
    pub fn device_ops(&mut self, dev: &str) -> Result<&mut D, XfrmError> {
        Ok(&mut self.device(dev)?.ops)
    }

    fn device(&mut self, dev: &str) -> Result<&mut NetDevice<D>, XfrmError> {
        self.devices.get_mut(dev).ok_or_else(|| XfrmError::NoDevice(dev.to_owned()))
    }

    /// xfrm_dev_state_flush and xfrm_dev_policy_flush
    fn flush_device(&mut self, dev: &str) {
        let on_device = |x: &XfrmState| x.xso.as_ref().is_some_and(|xso| xso.dev == dev);
        for id in self.sad.all_ids() {
            let Some(entry) = self.sad.get(id).filter(|entry| on_device(&entry.x)) else { continue };
            if entry.x.km_state != KmState::Dead {
                let info = Box::new(self.state_info(entry));
                self.xfrm_state_delete(id);
                self.monitor.send(Message::DeletedState(info));
            }
            if let Some(entry) = self.sad.get_mut(id) {
                xfrm_dev_state_free(&mut self.devices, entry);
                entry.offloaded = Offloaded::Software(SoftwareReason::DeviceDown(dev.to_owned()));
            }
        }
        while let Some(position) = self.spd.find(|entry| entry.on_device(dev)) {
            let info = self.spd.at(position).map(|entry| Box::new(policy_info(entry)));
            self.kill_policy(position);
            info.into_iter().for_each(|info| self.monitor.send(Message::DeletedPolicy(info)));
        }
        for entry in self.spd.dead_mut().filter(|entry| entry.on_device(dev)) {
            xfrm_dev_policy_free(&mut self.devices, entry);
        }
        self.collect_garbage();
    }

    /// Hears what the devices have to tell: limits reached, numbers exhausted, failures.
    pub fn poll_devices(&mut self) {
        let names: Vec<String> = self.devices.keys().cloned().collect();
        for dev in names {
            while let Some(event) = self.devices.get_mut(&dev).and_then(|device| device.ops.next_event()) {
                self.device_event(&dev, event);
            }
        }
        self.collect_garbage();
    }

    fn device_event(&mut self, dev: &str, event: DeviceEvent) {
        match event {
            DeviceEvent::LifetimeSoft(handle) | DeviceEvent::LifetimeHard(handle) => match self.by_handle(dev, handle) {
                Some(id) => self.check_expire_and_reap(id),
                None => self.monitor.tell(MonitorEvent::UnknownHandle { dev: dev.to_owned(), handle }),
            },
            DeviceEvent::SequenceExhausted(handle) => match self.by_handle(dev, handle).and_then(|id| self.sad.get(id)) {
                Some(entry) => {
                    let id = entry.x.params.id;
                    tracing::warn!(dev, spi = id.spi, "the last sequence number was used");
                    self.monitor.tell(MonitorEvent::SequenceExhausted { id });
                }
                None => self.monitor.tell(MonitorEvent::UnknownHandle { dev: dev.to_owned(), handle }),
            },
            DeviceEvent::Lost => {
                tracing::warn!(dev, "events were lost: every SA is asked");
                let mut ids: Vec<StateId> =
                    self.devices.get(dev).map(|device| device.states.values().copied().collect()).unwrap_or_default();
                ids.sort_unstable();
                for id in ids {
                    self.check_expire_and_reap(id);
                }
            }
            DeviceEvent::Failed(reason) => {
                tracing::error!(dev, reason, "the device failed");
                self.monitor.tell(MonitorEvent::DeviceFailed { dev: dev.to_owned(), reason });
            }
        }
    }

    /// The state that a device knows by this handle; perhaps dead, not yet freed.
    pub(super) fn by_handle(&self, dev: &str, handle: OffloadHandle) -> Option<StateId> {
        self.devices.get(dev)?.states.get(&handle).copied()
    }

    /// xdo_dev_state_update_stats. In packet mode only the device sees the packets: when it has counted some, the SA was used.
    pub(super) fn xfrm_dev_state_update_stats(&mut self, id: StateId) {
        let Some(entry) = self.sad.get_mut(id).filter(|entry| entry.lease == Lease::Added) else { return };
        let x = &mut entry.x;
        let device = x.xso.as_ref().and_then(|xso| self.devices.get_mut(&xso.dev));
        if let Some(device) = device.filter(|device| device.callbacks.state_update_stats) {
            let before = x.curlft.packets;
            device.ops.xdo_dev_state_update_stats(x);
            if x.curlft.packets != before {
                x.lastused = self.now;
                x.curlft.use_time = if x.curlft.use_time == 0 { self.now } else { x.curlft.use_time };
            }
        }
    }
}

/// xfrm_dev_state_add, from the device on: the checks before are [`super::check::state`]'s. With `acquire` a stub.
pub(super) fn xfrm_dev_state_add<D: XfrmdevOps>(
    devices: &mut Devices<D>,
    x: &mut XfrmState,
    request: &UserOffload,
    acquire: bool,
) -> Result<Offloaded, XfrmError> {
    let offload = request.offload();
    let packet = offload.mode == OffloadMode::Packet;
    let dev = request.dev.clone();
    let Some(device) = devices.get_mut(&dev) else {
        return if packet { Err(XfrmError::NoDevice(dev)) } else { Ok(Offloaded::Software(SoftwareReason::NoDevice(dev))) };
    };
    if !device.callbacks.state_add {
        return if packet { Err(XfrmError::NoStateOps(dev)) } else { Ok(Offloaded::Software(SoftwareReason::NoStateOps(dev))) };
    }
    if !packet && x.params.flags.esn && !device.callbacks.state_advance_esn {
        return Err(XfrmError::NoAdvanceEsn);
    }
    let (mode, direction) = (offload.mode, offload.direction);
    x.xso = Some(XfrmStateOffload { dev: dev.clone(), mode, direction, acquire, offload_handle: None });
    match device.ops.xdo_dev_state_add(x) {
        Ok(()) => Ok(Offloaded::Offloaded),
        Err(error) => {
            x.xso = None;
            if packet || error.errno() != Errno::Eopnotsupp {
                return Err(XfrmError::State(error));
            }
            let (field, errno) = (error.field(), error.errno());
            let reason = match error {
                DriverError::Sa(refusal) => refusal.to_string(),
                other => other.to_string(),
            };
            Ok(Offloaded::Software(SoftwareReason::Refused { dev, field, reason, errno }))
        }
    }
}

/// xfrm_dev_state_delete
pub(super) fn xfrm_dev_state_delete<D: XfrmdevOps>(devices: &mut Devices<D>, entry: &mut Entry) {
    if entry.lease != Lease::Added {
        return;
    }
    if let Some(device) = entry.x.xso.as_ref().and_then(|xso| devices.get_mut(&xso.dev)) {
        device.ops.xdo_dev_state_delete(&mut entry.x);
    }
    entry.lease = Lease::Deleted;
}

/// xfrm_dev_state_free
pub(super) fn xfrm_dev_state_free<D: XfrmdevOps>(devices: &mut Devices<D>, entry: &mut Entry) {
    if entry.lease != Lease::Deleted {
        return;
    }
    if let Some(device) = entry.x.xso.as_ref().and_then(|xso| devices.get_mut(&xso.dev)) {
        if let Some(handle) = entry.x.offload_handle() {
            device.states.remove(&handle);
        }
        if device.callbacks.state_free {
            device.ops.xdo_dev_state_free(&mut entry.x);
        }
    }
    entry.lease = Lease::None;
    entry.x.xso = None;
}

/// xfrm_dev_policy_add, from the device on.
pub(super) fn xfrm_dev_policy_add<D: XfrmdevOps>(
    devices: &mut Devices<D>,
    xp: &mut XfrmPolicy,
    request: &UserOffload,
) -> Result<(), XfrmError> {
    let device = devices.get_mut(&request.dev).ok_or_else(|| XfrmError::NoDevice(request.dev.clone()))?;
    if !device.callbacks.policy_add {
        return Err(XfrmError::PolicyOffload);
    }
    xp.xdo = Some(XfrmPolicyOffload { dev: request.dev.clone(), offload_handle: None });
    device.ops.xdo_dev_policy_add(xp).map_err(|error| {
        xp.xdo = None;
        XfrmError::Policy(error)
    })
}

/// xfrm_dev_policy_delete
pub(super) fn xfrm_dev_policy_delete<D: XfrmdevOps>(devices: &mut Devices<D>, entry: &mut PolicyEntry) {
    if entry.lease != Lease::Added {
        return;
    }
    let device = entry.xp.xdo.as_ref().and_then(|xdo| devices.get_mut(&xdo.dev));
    if let Some(device) = device.filter(|device| device.callbacks.policy_delete) {
        device.ops.xdo_dev_policy_delete(&mut entry.xp);
    }
    entry.lease = Lease::Deleted;
}

/// xfrm_dev_policy_free
pub(super) fn xfrm_dev_policy_free<D: XfrmdevOps>(devices: &mut Devices<D>, entry: &mut PolicyEntry) {
    if entry.lease != Lease::Deleted {
        return;
    }
    let device = entry.xp.xdo.as_ref().and_then(|xdo| devices.get_mut(&xdo.dev));
    if let Some(device) = device.filter(|device| device.callbacks.policy_free) {
        device.ops.xdo_dev_policy_free(&mut entry.xp);
    }
    entry.lease = Lease::None;
    entry.xp.xdo = None;
}
