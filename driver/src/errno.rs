//! The error numbers the XFRM contract speaks in.

use std::fmt;

/// An error number of Linux, as `xfrmdev_ops` callbacks return it (negated).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errno {
    /// The notifier said no (NOTIFY_BAD), or a policy blocks the packet.
    Eperm,
    /// No such policy or entry.
    Enoent,
    /// No such SA.
    Esrch,
    /// The bus or the device failed.
    Eio,
    /// The SA is being asked for: later.
    Eagain,
    /// It exists already.
    Eexist,
    /// There is no such device, or not one that this driver drives.
    Enodev,
    /// The arguments are wrong or contradict each other; nothing could carry them out.
    Einval,
    /// A table is full.
    Enospc,
    /// The packet is too long for the path.
    Emsgsize,
    /// All sequence numbers are used up.
    Eoverflow,
    /// The arguments are right, but this device can't do it. In crypto mode the XFRM core then carries on in software
    /// (xfrm_device.rst, "Flow"); in packet mode the request fails.
    Eopnotsupp,
    /// The device did not answer in time.
    Etimedout,
    /// The packet can't get there.
    Ehostunreach,
}

impl Errno {
    /// The number.
    #[must_use]
    pub const fn raw(self) -> i32 {
        match self {
            Self::Eperm => 1,
            Self::Enoent => 2,
            Self::Esrch => 3,
            Self::Eio => 5,
            Self::Eagain => 11,
            Self::Eexist => 17,
            Self::Enodev => 19,
            Self::Einval => 22,
            Self::Enospc => 28,
            Self::Eoverflow => 75,
            Self::Emsgsize => 90,
            Self::Eopnotsupp => 95,
            Self::Etimedout => 110,
            Self::Ehostunreach => 113,
        }
    }

    /// The name, as errno.h has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eperm => "EPERM",
            Self::Enoent => "ENOENT",
            Self::Esrch => "ESRCH",
            Self::Eio => "EIO",
            Self::Eagain => "EAGAIN",
            Self::Eexist => "EEXIST",
            Self::Enodev => "ENODEV",
            Self::Einval => "EINVAL",
            Self::Enospc => "ENOSPC",
            Self::Eoverflow => "EOVERFLOW",
            Self::Emsgsize => "EMSGSIZE",
            Self::Eopnotsupp => "EOPNOTSUPP",
            Self::Etimedout => "ETIMEDOUT",
            Self::Ehostunreach => "EHOSTUNREACH",
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
