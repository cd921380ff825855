//! The error numbers the XFRM contract speaks in.

use std::fmt;

/// An error number of Linux, as `xfrmdev_ops` callbacks return it (negated).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errno {
    /// No such policy or entry.
    Enoent,
    /// No such SA.
    Esrch,
    /// The bus or the device failed.
    Eio,
    /// It exists already.
    Eexist,
    /// There is no such device, or not one that this driver drives.
    Enodev,
    /// The arguments are wrong or contradict each other; nothing could carry them out.
    Einval,
    /// A table is full.
    Enospc,
    /// The arguments are right, but this device can't do it. In crypto mode the XFRM core then carries on in software
    /// (xfrm_device.rst, "Flow"); in packet mode the request fails.
    Eopnotsupp,
    /// The device did not answer in time.
    Etimedout,
}

impl Errno {
    /// The number.
    #[must_use]
    pub const fn raw(self) -> i32 {
        match self {
            Self::Enoent => 2,
            Self::Esrch => 3,
            Self::Eio => 5,
            Self::Eexist => 17,
            Self::Enodev => 19,
            Self::Einval => 22,
            Self::Enospc => 28,
            Self::Eopnotsupp => 95,
            Self::Etimedout => 110,
        }
    }

    /// The name, as errno.h has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enoent => "ENOENT",
            Self::Esrch => "ESRCH",
            Self::Eio => "EIO",
            Self::Eexist => "EEXIST",
            Self::Enodev => "ENODEV",
            Self::Einval => "EINVAL",
            Self::Enospc => "ENOSPC",
            Self::Eopnotsupp => "EOPNOTSUPP",
            Self::Etimedout => "ETIMEDOUT",
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
