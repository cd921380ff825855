//! What can go wrong.

use std::fmt;
use std::time::Duration;

use espalier_regs::{mailbox, map};
use thiserror::Error;

use crate::bus::{BusError, DmaError};
use crate::errno::Errno;
use crate::local::LocalError;
use crate::policy::PolicyError;
use crate::rings::RingError;
use crate::sa::SaError;
use crate::xfrm::Direction;

/// What the driver waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A mailbox command.
    Command(mailbox::Command),
    /// The end of a command that an earlier user of the device left running.
    Idle,
    /// A queue that is switched off; out: of frames to be sent.
    Drain(Direction),
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(mailbox::Command { op, index, way: 0 }) => write!(f, "{} {index}", op.name()),
            Self::Command(mailbox::Command { op, index, way }) => write!(f, "{} {index} way {way}", op.name()),
            Self::Idle => f.write_str("mailbox idle"),
            Self::Drain(Direction::Out) => f.write_str("draining the TX queue"),
            Self::Drain(Direction::In) => f.write_str("draining the RX queue"),
        }
    }
}

/// An error of the driver.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// An access did not complete.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Every register reads all ones.
    #[error("the device is gone from its bus: every register reads all ones; it must be reset and opened again, if it is still there")]
    Gone,
    /// Memory for the device was not to be had.
    #[error(transparent)]
    Dma(#[from] DmaError),
    /// The rings can't be as they are wanted, or the device does not keep to them.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The magic number is another.
    #[error("no Espalier device: its first register reads {found:#010x}, not {expected:#010x}")]
    Magic {
        /// What was read.
        found: u32,
        /// What an Espalier has there.
        expected: u32,
    },
    /// The register map is another.
    #[error("the device has version {device} of the register map, this driver is for version {driver}")]
    Version {
        /// The device's.
        device: Version,
        /// The driver's.
        driver: Version,
    },
    /// A capability word that this driver can't serve.
    #[error("the device's capability word {register} reads {word:#010x}, which this driver can't serve")]
    Capability {
        /// The register.
        register: &'static str,
        /// What it means to say.
        word: u32,
    },
    /// A deadline has passed.
    #[error("{operation}: no answer within {limit:?}")]
    Timeout {
        /// What was waited for.
        operation: Operation,
        /// How long.
        limit: Duration,
    },
    /// The device did not take a command; driver and device disagree.
    #[error("{operation}: the device refused it: {reason}", reason = .error.map_or("unknown error", mailbox::Error::doc))]
    Command {
        /// What was asked.
        operation: Operation,
        /// Its reason; none if the code is unknown.
        error: Option<mailbox::Error>,
    },
    /// An earlier failure left the tables of the device in an unknown state; it must be opened again.
    #[error("an earlier command failed half-way: the device must be opened again")]
    Broken,
    /// An SA was refused.
    #[error("state: {field}: {0} ({errno})", field = .0.field(), errno = .0.errno())]
    Sa(#[from] SaError),
    /// A policy was refused.
    #[error("policy: {field}: {0} ({errno})", field = .0.field(), errno = .0.errno())]
    Policy(#[from] PolicyError),
    /// Local addresses were refused.
    #[error("local addresses: {0} ({errno})", errno = .0.errno())]
    Local(#[from] LocalError),
    /// An MTU that the device can't have.
    #[error("mtu {mtu} is not from {shortest} to {longest}")]
    Mtu {
        /// What was asked for.
        mtu: u16,
        /// The shortest.
        shortest: u16,
        /// What the longest frame holds.
        longest: u16,
    },
    /// The handle names no SA of this device (any more).
    #[error("no such SA")]
    NoSuchSa,
    /// The handle names no policy of this device (any more).
    #[error("no such policy")]
    NoSuchPolicy,
}

impl Error {
    /// What an `xfrmdev_ops` callback returns for it.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Bus(_) | Self::Command { .. } | Self::Dma(_) => Errno::Eio,
            Self::Ring(RingError::Entries { .. } | RingError::Buffer { .. }) => Errno::Einval,
            Self::Ring(RingError::Completion { .. }) => Errno::Eio,
            Self::Ring(RingError::None { .. }) | Self::Gone => Errno::Enodev,
            Self::Magic { .. } | Self::Version { .. } | Self::Capability { .. } | Self::Broken => Errno::Enodev,
            Self::Timeout { .. } => Errno::Etimedout,
            Self::Sa(refusal) => refusal.errno(),
            Self::Policy(refusal) => refusal.errno(),
            Self::Local(refusal) => refusal.errno(),
            Self::Mtu { .. } => Errno::Einval,
            Self::NoSuchSa => Errno::Esrch,
            Self::NoSuchPolicy => Errno::Enoent,
        }
    }

    /// The word of `ip xfrm` that it is about, if there is one.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Sa(refusal) => Some(refusal.field()),
            Self::Policy(refusal) => Some(refusal.field()),
            _ => None,
        }
    }
}

/// Version of the register map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Major.
    pub major: u16,
    /// Minor.
    pub minor: u16,
}

impl Version {
    /// From the word read.
    pub(crate) const fn decode(word: u32) -> Self {
        Self { major: map::version::MAJOR.get(word) as u16, minor: map::version::MINOR.get(word) as u16 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
