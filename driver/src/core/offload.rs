//! Whether a device serves an SA, and why not.

use thiserror::Error;

use crate::errno::Errno;

/// Who does the ESP of an SA. The kernel does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offloaded {
    /// The device.
    Offloaded,
    /// This core.
    Software(SoftwareReason),
}

/// Why it is software.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SoftwareReason {
    /// `offload` was not asked for.
    #[error("no offload was asked for")]
    NotRequested,
    /// There is no such device.
    #[error("there is no device {0}")]
    NoDevice(String),
    /// The device has no xdo_dev_state_add.
    #[error("{0} does not offload states")]
    NoStateOps(String),
    /// The device answered EOPNOTSUPP.
    #[error("{dev} refused it: {reason} ({errno})")]
    Refused {
        /// The device.
        dev: String,
        /// The word of `ip xfrm state` that it is about.
        field: Option<&'static str>,
        /// Its reason.
        reason: String,
        /// Its answer.
        errno: Errno,
    },
    /// The device went down; the SA is dead.
    #[error("{0} went down")]
    DeviceDown(String),
}

/// Why a packet can't be offloaded (xfrm_dev_offload_ok).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotOffloadable {
    /// The SA has no device.
    #[error("the SA is not offloaded")]
    NoOffload,
    /// The packet leaves through another device.
    #[error("the packet leaves through another device")]
    OtherDevice,
    /// The device is down.
    #[error("the device is down")]
    Down,
    /// Longer than the path, and not to be cut by the device.
    #[error("the packet is longer than {mtu} bytes")]
    TooLong {
        /// xfrm_state_mtu
        mtu: u32,
    },
    /// IPv4 with options.
    #[error("the packet has IPv4 options")]
    Ipv4Options,
    /// IPv6 with an extension header.
    #[error("the packet has an IPv6 extension header")]
    Ipv6Extension,
    /// xdo_dev_offload_ok said no.
    #[error("the device does not take it")]
    Device,
}
