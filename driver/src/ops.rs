//! What a device offers to the XFRM core: the kernel's `struct xfrmdev_ops` (include/linux/netdevice.h) as a trait.
//!
//! The core ([`crate::core`]) decides when a callback is called; a device decides what it does about it. Names, order of
//! calls and return values are the kernel's (Documentation/networking/xfrm_device.rst, net/xfrm/xfrm_device.c):
//!
//! - One `xdo_dev_state_add` that succeeds is followed by exactly one `xdo_dev_state_delete` and later by exactly one
//!   `xdo_dev_state_free`. One that fails is followed by neither, and leaves nothing behind.
//! - Between delete and free no new packet finds the SA, but packets in flight may still hold it.
//! - The same holds for policies.

mod mib;
mod policy;
mod state;

use std::num::NonZeroU64;

use crate::Error;

pub use mib::{Mib, MibCounters};
pub use policy::{XfrmPolicy, XfrmPolicyOffload};
pub use state::{KmState, XfrmState, XfrmStateOffload};

/// What a device names an SA or a policy of its own by (`offload_handle`): never 0, never used again for another.
pub type OffloadHandle = NonZeroU64;

/// `netdev->features`, as far as ESP goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// NETIF_F_HW_ESP: the device takes SAs.
    pub hw_esp: bool,
    /// NETIF_F_HW_ESP_TX_CSUM: it computes the checksums inside what it encrypts. Not without `hw_esp`.
    pub hw_esp_tx_csum: bool,
}

/// Which callbacks there are; the others are the kernel's null pointers, and the core never calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the callbacks")]
pub struct Callbacks {
    pub state_add: bool,
    pub state_delete: bool,
    pub state_free: bool,
    pub offload_ok: bool,
    pub state_advance_esn: bool,
    pub state_update_stats: bool,
    pub policy_add: bool,
    pub policy_delete: bool,
    pub policy_free: bool,
    /// [`XfrmdevOps::state_update`], which the kernel does not have.
    pub state_update: bool,
}

impl Callbacks {
    /// The kernel's nine.
    pub const ALL: Self = Self {
        state_add: true,
        state_delete: true,
        state_free: true,
        offload_ok: true,
        state_advance_esn: true,
        state_update_stats: true,
        policy_add: true,
        policy_delete: true,
        policy_free: true,
        state_update: false,
    };
}

/// What a device has to tell unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// The SA has reached a soft limit of packets or bytes.
    LifetimeSoft(OffloadHandle),
    /// The SA has reached a hard limit of packets or bytes; it lets nothing through any more.
    LifetimeHard(OffloadHandle),
    /// The SA has sent its last sequence number; it sends nothing any more (RFC 4303 section 3.3.3).
    SequenceExhausted(OffloadHandle),
    /// The queue was full: any SA may have reached anything. The core asks all of them.
    Lost,
    /// The device failed. What its void callbacks could not return is reported here.
    Failed(String),
}

/// A packet on its way out, as far as a device has to see it (struct sk_buff).
#[derive(Clone, Copy, Debug)]
pub struct SkBuff<'a> {
    /// The frame, from the destination MAC address on, without FCS; not yet encapsulated.
    pub frame: &'a [u8],
    /// Length of the segments that the device is to cut it into (`gso_size`); none if it is one packet.
    pub gso_size: Option<u16>,
}

/// `crypto_status` (include/net/xfrm.h): what a device says of a received packet that it has tried to decrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CryptoStatus {
    /// Verified and decrypted.
    Success = 1,
    /// It could not be done.
    GenericError = 2,
    /// AH in transport mode: the ICV does not verify.
    TransportAhAuthFailed = 4,
    /// ESP in transport mode: the ICV does not verify.
    TransportEspAuthFailed = 8,
    /// AH in tunnel mode: the ICV does not verify.
    TunnelAhAuthFailed = 16,
    /// ESP in tunnel mode: the ICV does not verify.
    TunnelEspAuthFailed = 32,
    /// The packet contradicts itself.
    InvalidPacketSyntax = 64,
    /// Not the SA's protocol.
    InvalidProtocol = 128,
}

impl CryptoStatus {
    /// From the number; none if the header has none such.
    #[must_use]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        Some(match raw {
            1 => Self::Success,
            2 => Self::GenericError,
            4 => Self::TransportAhAuthFailed,
            8 => Self::TransportEspAuthFailed,
            16 => Self::TunnelAhAuthFailed,
            32 => Self::TunnelEspAuthFailed,
            64 => Self::InvalidPacketSyntax,
            128 => Self::InvalidProtocol,
            _ => return None,
        })
    }
}

/// What a driver puts beside a received frame (struct xfrm_offload with CRYPTO_DONE, and the SA in the secpath).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RxOffload {
    /// Packet mode: what came out of this SA; headers and trailer are gone, all checks were made.
    Packet(OffloadHandle),
    /// Crypto mode: decrypted in place, or tried. The headers stay, the ICV was cut off.
    Crypto(OffloadHandle, CryptoStatus),
}

/// The callbacks.
///
/// A callback that is not in [`Self::callbacks`] is never called, and may be left as it is here.
pub trait XfrmdevOps {
    /// The interface's name, by which `dev NAME` finds it.
    fn name(&self) -> &str;

    /// The longest IP packet that the link carries, in bytes.
    fn mtu(&self) -> u32;

    /// What it can do. Must not change while it is registered.
    fn features(&self) -> Features;

    /// Which callbacks it has.
    fn callbacks(&self) -> Callbacks {
        Callbacks::ALL
    }

    /// Installs an SA: checks it, stores key, salt and identifiers, enables it, and sets `x.xso.offload_handle`.
    ///
    /// Called before the SA enters the SAD; may wait for the device. With `x.xso.acquire` (XFRM_DEV_OFFLOAD_FLAG_ACQ) there
    /// are no keys and no SPI yet: only allocates a handle.
    ///
    /// # Errors
    /// Nothing is installed then, and the reason names the field. [`crate::Errno::Eopnotsupp`] in crypto mode: the core
    /// carries on in software. Any other, and any in packet mode: the request fails.
    fn xdo_dev_state_add(&mut self, x: &mut XfrmState) -> Result<(), Error>;

    /// Takes the SA out of the device's look-up at once: no packet finds it when this returns.
    ///
    /// The kernel calls it under the state's lock, possibly in softirq: it must not sleep. Here that means: a bounded number
    /// of register accesses, each poll with its deadline; it must not wait for packets in flight, for events or for another
    /// thread, and must not call back into the core. It can't fail; what the device refuses is reported later, by
    /// [`DeviceEvent::Failed`].
    fn xdo_dev_state_delete(&mut self, x: &mut XfrmState);

    /// Releases what the SA still has: its place in the table, its handle. After the last reference, or directly from a
    /// device that goes down; exactly once for each [`Self::xdo_dev_state_add`] that succeeded.
    fn xdo_dev_state_free(&mut self, _x: &mut XfrmState) {}

    /// Crypto mode, for each packet before it is sent: can the device do this one? Packet mode too (xfrm_dev_offload_ok).
    /// The core has checked length, IPv4 options and IPv6 extension headers.
    fn xdo_dev_offload_ok(&self, _skb: &SkBuff<'_>, _x: &XfrmState) -> bool {
        true
    }

    /// The core has accepted a received packet of an SA with ESN and a window, or has taken a number to send with:
    /// `x.replay` has moved. Must be cheap; touches the device only on a change.
    fn xdo_dev_state_advance_esn(&mut self, _x: &XfrmState) {}

    /// Adds what the device counted since it was asked last to `x.curlft` and `x.stats` (deltas), and sets `x.replay` to the
    /// sequence numbers that the device has reached. Before dumps and checks of expiry.
    fn xdo_dev_state_update_stats(&mut self, _x: &mut XfrmState) {}

    /// Packet mode: the SA, in force, has got other limits or other UDP ports (xfrm_state_update). Its sequence numbers and
    /// counts go on. The kernel has no callback for this, so its devices go on with what they were given first; a device that
    /// sets [`Callbacks::state_update`] is told, on others the core refuses the update.
    ///
    /// # Errors
    /// The SA is as it was then.
    fn state_update(&mut self, _x: &mut XfrmState) -> Result<(), Error> {
        Err(Error::NoSuchSa)
    }

    /// Packet mode: installs a policy and sets `xp.xdo.offload_handle`. When a policy is updated, the new one comes before the
    /// old one is deleted (xfrm_add_policy): for that while there are two with one selector, which is no reason to refuse.
    ///
    /// # Errors
    /// Nothing is installed then. There is no software in its place.
    fn xdo_dev_policy_add(&mut self, _xp: &mut XfrmPolicy) -> Result<(), Error> {
        Err(Error::NoSuchPolicy)
    }

    /// Takes a policy out of force at once. As [`Self::xdo_dev_state_delete`].
    fn xdo_dev_policy_delete(&mut self, _xp: &mut XfrmPolicy) {}

    /// Releases what the policy still has. As [`Self::xdo_dev_state_free`].
    fn xdo_dev_policy_free(&mut self, _xp: &mut XfrmPolicy) {}

    /// The next thing that the device has to tell; none when there is nothing left.
    fn next_event(&mut self) -> Option<DeviceEvent>;

    /// Adds what the device counted since it was asked last to the counters of /proc/net/xfrm_stat. (The kernel's drivers do
    /// that within [`Self::xdo_dev_state_update_stats`]; apart from it nothing is counted once for each SA.)
    fn update_mib(&mut self, _mib: &mut MibCounters) {}
}
