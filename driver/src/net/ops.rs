//! To the XFRM core a device with rings is its engine.

use super::NetDevice;
use crate::bus::Bus;
use crate::error::Error;
use crate::ops::{Callbacks, DeviceEvent, Features, MibCounters, SkBuff, XfrmPolicy, XfrmState, XfrmdevOps};

impl<B: Bus> XfrmdevOps for NetDevice<B> {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn mtu(&self) -> u32 {
        XfrmdevOps::mtu(&self.device)
    }

    fn features(&self) -> Features {
        self.device.features()
    }

    fn callbacks(&self) -> Callbacks {
        self.device.callbacks()
    }

    /// Completions are looked at first: they may free the number of a deleted SA.
    fn xdo_dev_state_add(&mut self, x: &mut XfrmState) -> Result<(), Error> {
        self.reap()?;
        self.device.xdo_dev_state_add(x)
    }

    fn xdo_dev_state_delete(&mut self, x: &mut XfrmState) {
        self.device.xdo_dev_state_delete(x);
    }

    fn xdo_dev_state_free(&mut self, x: &mut XfrmState) {
        self.device.xdo_dev_state_free(x);
    }

    fn xdo_dev_offload_ok(&self, skb: &SkBuff<'_>, x: &XfrmState) -> bool {
        self.device.xdo_dev_offload_ok(skb, x)
    }

    fn xdo_dev_state_advance_esn(&mut self, x: &XfrmState) {
        self.device.xdo_dev_state_advance_esn(x);
    }

    fn xdo_dev_state_update_stats(&mut self, x: &mut XfrmState) {
        self.device.xdo_dev_state_update_stats(x);
    }

    fn state_update(&mut self, x: &mut XfrmState) -> Result<(), Error> {
        self.device.state_update(x)
    }

    fn xdo_dev_policy_add(&mut self, xp: &mut XfrmPolicy) -> Result<(), Error> {
        self.device.xdo_dev_policy_add(xp)
    }

    fn xdo_dev_policy_delete(&mut self, xp: &mut XfrmPolicy) {
        self.device.xdo_dev_policy_delete(xp);
    }

    fn xdo_dev_policy_free(&mut self, xp: &mut XfrmPolicy) {
        self.device.xdo_dev_policy_free(xp);
    }

    /// As the engine's. A queue that has stopped is no event of the core's, but is noted: see [`NetDevice::has_stopped`].
    fn next_event(&mut self) -> Option<DeviceEvent> {
        XfrmdevOps::next_event(&mut self.device)
    }

    fn update_mib(&mut self, mib: &mut MibCounters) {
        self.device.update_mib(mib);
    }
}
