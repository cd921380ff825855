//! The XFRM core in userspace: what net/xfrm does above a device, under the kernel's rules and names.
//!
//! - SAs and policies as the user asks for them ([`XfrmCore::state_add`], [`XfrmCore::policy_add`] and so on); every refusal is a
//!   typed [`XfrmError`] in the kernel's words.
//! - Devices that offload ([`XfrmdevOps`]): the core calls them as the kernel does, and says whether an SA is offloaded or why
//!   not ([`Offloaded`]).
//! - Packets: [`XfrmCore::output`] finds policy and SA, and either encapsulates in software (the reference model's ESP), or
//!   builds what a device in crypto mode is given, or leaves it to a device in packet mode. [`XfrmCore::input`] is the way back.
//! - Lifetimes: packets and bytes counted here or by the device, times by the clock that the caller passes on
//!   ([`XfrmCore::set_time`]).
//! - [`XfrmCore::next_event`] is `ip xfrm monitor`, [`XfrmCore::mib`] is /proc/net/xfrm_stat.
//!
//! A state that is deleted stays as long as somebody holds it ([`StateRef`]): the device stops using it at once
//! (`xdo_dev_state_delete`), and releases it after the last reference (`xdo_dev_state_free`), by [`XfrmCore::collect_garbage`],
//! which every call here that changes something does too.
//!
//! Not here: nested SAs (more than one template in software), segmentation (GSO) and fragmentation in software, sockets'
//! policies.

mod acquire;
mod alloc_spi;
mod check;
mod device;
mod dump;
mod error;
mod expire;
mod flow;
mod input;
mod monitor;
mod offload;
mod output;
mod policy;
mod policy_check;
mod replay;
mod request;
mod sad;
mod spd;
mod state;
mod transform;
mod wanted;

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

pub use alloc_spi::{AllocSpi, SpiError};
pub use error::{PolicyCheck, TransformError, XfrmError};
pub use input::{Input, InputError};
pub use monitor::MonitorEvent;
pub use offload::{NotOffloadable, Offloaded, SoftwareReason};
pub use output::{Output, OutputError};
pub use request::{PolicyId, PolicyKey, PolicyRequest, StateRequest, UserOffload};
pub use sad::{StateId, StateRef};
pub use spd::PolicyRef;
pub use state::Added;

use crate::ops::{Mib, MibCounters, XfrmdevOps};
use device::NetDevice;
use monitor::Monitor;
use sad::Sad;
use spd::Spd;

/// The core, with devices of type `D`.
#[derive(Debug)]
pub struct XfrmCore<D> {
    devices: BTreeMap<String, NetDevice<D>>,
    sad: Sad,
    spd: Spd,
    mib: MibCounters,
    monitor: Monitor,
    /// Addresses of this host; none known: all are.
    local: HashSet<IpAddr>,
    /// Seconds since 1970.
    now: u64,
    /// Seconds until a stub is given up (net.core.xfrm_acq_expires).
    acq_expires: u64,
    acq_seq: u32,
    /// Packets between two `XFRM_MSG_NEWAE` of an SA (net.core.xfrm_aevent_rseqth); none: nobody listens.
    aevent_rseqth: Option<u32>,
}

impl<D: XfrmdevOps> XfrmCore<D> {
    /// An empty one. `now` is the time in seconds since 1970.
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self {
            devices: BTreeMap::new(),
            sad: Sad::default(),
            spd: Spd::default(),
            mib: MibCounters::default(),
            monitor: Monitor::default(),
            local: HashSet::new(),
            now,
            acq_expires: 30,
            acq_seq: 0,
            aevent_rseqth: None,
        }
    }

    /// The addresses of this host: packets to others are forwarded, and `dir fwd` policies hold for them. Without any, every
    /// packet is for this host.
    pub fn set_local_addresses(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.local = addresses.into_iter().collect();
    }

    /// How long a stub waits for its SA, in seconds: net.core.xfrm_acq_expires. 30 at first.
    pub const fn set_acq_expires(&mut self, seconds: u64) {
        self.acq_expires = seconds;
    }

    /// Tells of the sequence numbers of SAs every so many packets: net.core.xfrm_aevent_rseqth, and a listener to
    /// XFRMNLGRP_AEVENTS. None at first.
    pub const fn set_aevent_rseqth(&mut self, packets: Option<u32>) {
        self.aevent_rseqth = packets;
    }

    /// The next thing that has happened; none when there is nothing left.
    pub fn next_event(&mut self) -> Option<MonitorEvent> {
        self.monitor.next()
    }

    /// The counters of /proc/net/xfrm_stat, the devices' counts included.
    pub fn mib(&mut self) -> MibCounters {
        for device in self.devices.values_mut() {
            device.ops.update_mib(&mut self.mib);
        }
        self.mib.clone()
    }

    /// Frees what is dead and held by nobody (xfrm_state_gc_task, xfrm_policy_destroy_rcu).
    pub fn collect_garbage(&mut self) {
        for mut entry in self.sad.take_garbage() {
            device::xfrm_dev_state_free(&mut self.devices, &mut entry);
        }
        for mut entry in self.spd.take_garbage() {
            device::xfrm_dev_policy_free(&mut self.devices, &mut entry);
        }
    }

    /// XFRM_INC_STATS
    fn count(&mut self, mib: Mib) {
        self.mib.add(mib, 1);
    }
}
