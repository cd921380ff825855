//! Why a policy is refused: one reason each, in the kernel's words where the kernel has words.

use thiserror::Error;

use crate::errno::Errno;
use crate::selector::SelectorError;
use crate::xfrm::{Family, Mode};

use super::Table;

/// A refusal of a policy. Nothing was written to the device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A device without packet offload (net/xfrm/xfrm_device.c, xfrm_dev_policy_add).
    #[error("Policy offload is not supported")]
    Offload,

    // What drivers check (mlx5, whose words these are).
    /// `ptype sub`.
    #[error("Cannot offload non-main policy types")]
    Type,
    /// The engine applies one SA to a packet.
    #[error("Cannot offload more than one template")]
    Templates,
    /// `dir fwd` on a device that has no such policies, or can't tell which packets are for others.
    #[error("Cannot offload forward policy")]
    Forward,
    /// `dir fwd` before the device was told which addresses are this host's: everything counts as for this host.
    #[error("Cannot offload forward policy: no local address is set, so nothing counts as forwarded")]
    ForwardWithoutLocal,

    // Our own.
    /// `dir in` on a device that has no such policies.
    #[error("Cannot offload input policy: this device has outbound policies only")]
    Input,
    /// Packets can't be both blocked and protected.
    #[error("A policy that blocks can't have a template")]
    BlockTemplate,
    /// Template for another protocol.
    #[error("Only ESP templates may be offloaded: proto {0}")]
    Protocol(u8),
    /// Template for another mode.
    #[error("Only transport and tunnel templates may be offloaded: mode {0:?}")]
    Mode(Mode),
    /// Addresses of two families.
    #[error("Source and destination of the template are of different families")]
    TemplateFamily,
    /// A tunnel needs an end.
    #[error("Destination address of a tunnel template must be given")]
    TemplateDestination,
    /// The selector itself.
    #[error("Selector: {0}")]
    Selector(#[from] SelectorError),
    /// The device has no such family.
    #[error("{0:?} is not supported by this device")]
    Family(Family),
    /// A mark to match.
    #[error("Marks are not visible to the device")]
    Mark,
    /// An XFRM interface.
    #[error("XFRM if_id is not visible to the device")]
    IfId,
    /// `flag icmp`.
    #[error("Flag icmp can't be offloaded")]
    IcmpFlag,
    /// Packets and bytes of a policy are not counted.
    #[error("This device does not enforce limits of policies")]
    Limit,
    /// Same selector.
    #[error("A policy with this selector exists")]
    Exists,
    /// An update must name the policy it is for.
    #[error("A policy is replaced by one with the same direction and selector only")]
    Replacement,
    /// No free entry, for the policy itself or for the SAs it chooses between.
    #[error("Policy table for direction {direction} is full: {capacity} entries")]
    TableFull {
        /// Which table.
        direction: Table,
        /// How many there are.
        capacity: u32,
    },
    /// Order among policies of one priority is kept in 8 bits.
    #[error("Too many policies with priority {0}")]
    PriorityFull(u32),
    /// Order among the SAs of one policy is kept in 8 bits.
    #[error("Too many SAs fit one policy")]
    TooManySas,
}

impl PolicyError {
    /// The word of `ip xfrm policy` that it is about.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Type => "ptype",
            Self::Templates
            | Self::BlockTemplate
            | Self::Protocol(_)
            | Self::Mode(_)
            | Self::TemplateFamily
            | Self::TemplateDestination
            | Self::TooManySas => "tmpl",
            Self::Offload => "offload",
            Self::Forward | Self::ForwardWithoutLocal | Self::Input => "dir",
            Self::Selector(_) | Self::Family(_) | Self::Exists | Self::Replacement | Self::TableFull { .. } => "selector",
            Self::Mark => "mark",
            Self::IfId => "if_id",
            Self::IcmpFlag => "flag",
            Self::Limit => "limit",
            Self::PriorityFull(_) => "priority",
        }
    }

    /// What a callback returns for it.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::BlockTemplate | Self::Replacement | Self::TemplateFamily | Self::TemplateDestination => Errno::Einval,
            Self::Offload
            | Self::Type
            | Self::Templates
            | Self::Forward
            | Self::ForwardWithoutLocal
            | Self::Input
            | Self::Protocol(_)
            | Self::Mode(_)
            | Self::Family(_)
            | Self::Mark
            | Self::IfId
            | Self::IcmpFlag
            | Self::Limit => Errno::Eopnotsupp,
            Self::Selector(selector) => selector.errno(),
            Self::Exists => Errno::Eexist,
            Self::TableFull { .. } | Self::PriorityFull(_) | Self::TooManySas => Errno::Enospc,
        }
    }
}
