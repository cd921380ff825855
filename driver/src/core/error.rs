//! Why the core refuses a request: one reason each, in the kernel's words where the kernel has words.

use thiserror::Error;

use crate::Error as DriverError;
use crate::errno::Errno;
use crate::policy::PolicyError;
use crate::sa::SaError;

use super::alloc_spi::SpiError;

/// A refusal of the core. Nothing was changed, and unless it is [`XfrmError::State`] or [`XfrmError::Policy`] with the device's
/// own reason, no device was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum XfrmError {
    /// A check of xfrm_user.c or xfrm_device.c.
    #[error(transparent)]
    Check(#[from] SaError),
    /// An SA that says `dir`, with a flag of the other direction (verify_newsa_info).
    #[error("Flag {flag} should not be set for {direction} SA")]
    DirectionFlag {
        /// As the kernel spells it.
        flag: &'static str,
        /// `input` or `output`.
        direction: &'static str,
    },
    /// Without ESN, 0xFFFFFFFF is the last number (verify_replay).
    #[error("Replay seq should be less than 0xFFFFFFFF in non-ESN mode for input SA")]
    InputSeqExhausted,
    /// With ESN, the last number.
    #[error("Replay seq and seq_hi should be less than 0xFFFFFFFF for input SA")]
    InputEsnExhausted,
    /// A window of more than 4096 packets: XFRMA_REPLAY_ESN_MAX.
    #[error("ESN bitmap length must be <= 128")]
    ReplayWindow,
    /// An XFRM_OFFLOAD_* flag that the kernel does not know, or for a policy another than XFRM_OFFLOAD_PACKET.
    #[error("Unrecognized flags in offload request")]
    OffloadFlags,
    /// Packet mode needs the device. (The kernel has no words for it.)
    #[error("No device {0}")]
    NoDevice(String),
    /// Packet mode on a device without xdo_dev_state_add. (The kernel has no words for it.)
    #[error("Device {0} does not offload states")]
    NoStateOps(String),
    /// Crypto mode with ESN on a device without xdo_dev_state_advance_esn.
    #[error("Device doesn't support offload with ESN")]
    NoAdvanceEsn,
    /// A device without xdo_dev_policy_add.
    #[error("Policy offload is not supported")]
    PolicyOffload,
    /// Packet mode: the device can't change an SA in force.
    #[error("Device {0} can't change the limits of a state in force")]
    Update(String),
    /// Software ESP can't do it, and there is no device that does.
    #[error("ESP in software: {0}")]
    Transform(TransformError),
    /// The device refused an SA.
    #[error("{}", device_message("state", .0))]
    State(#[source] DriverError),
    /// The device refused a policy.
    #[error("{}", device_message("policy", .0))]
    Policy(#[source] DriverError),
    /// A check of a policy (xfrm_user.c, validate_tmpl and verify_newpolicy_info).
    #[error(transparent)]
    PolicyCheck(#[from] PolicyCheck),
    /// An SA with this destination, SPI, protocol and mark is there (xfrm_state_add).
    #[error("An SA with this destination, SPI and protocol exists")]
    StateExists,
    /// There is no such SA.
    #[error("No such SA")]
    NoState,
    /// An SA to be updated is not in force.
    #[error("The SA is not valid")]
    StateInvalid,
    /// A policy with this selector, direction, type, mark and interface is there (xfrm_policy_insert).
    #[error("A policy with this selector exists")]
    PolicyExists,
    /// There is no such policy.
    #[error("No such policy")]
    NoPolicy,
    /// There is no SPI to give (verify_spi_info, xfrm_alloc_spi).
    #[error(transparent)]
    Spi(#[from] SpiError),
    /// NOTIFY_BAD (xfrm_api_check): the device's features contradict each other.
    #[error("{0}")]
    Features(&'static str),
    /// A device of this name is there.
    #[error("A device {0} is registered")]
    DeviceExists(String),
}

/// Why software ESP can't serve an SA.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransformError {
    /// Another protocol.
    #[error("proto {0} is not ESP")]
    Protocol(u8),
    /// Another mode.
    #[error("mode {0:?} is neither transport nor tunnel")]
    Mode(crate::xfrm::Mode),
    /// No AEAD, or another algorithm beside it.
    #[error("only an aead does")]
    Algorithm,
    /// Another AEAD.
    #[error("only rfc4106(gcm(aes)) does: aead {0}")]
    Aead(String),
    /// Not one of RFC 4106 section 6.
    #[error("an ICV has 64, 96 or 128 bits, not {0}")]
    IcvLength(u32),
    /// Key length.
    #[error(transparent)]
    Rfc4106(#[from] espalier_reference_model::rfc4106::Error),
    /// Addresses of two families.
    #[error("source and destination are of different families")]
    Family,
    /// SPI 0.
    #[error("SPI 0 is reserved for local use")]
    Spi,
    /// Not RFC 3948.
    #[error("only encapsulation in UDP does")]
    Encap,
    /// A flag that can't be honoured.
    #[error("flag {0} is not honoured")]
    Flag(&'static str),
    /// A mark to set.
    #[error("no mark is set")]
    OutputMark,
    /// TFC padding.
    #[error("there is no TFC padding")]
    TfcPadding,
}

/// Why a policy is refused before any device is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyCheck {
    /// XFRM_MAX_DEPTH.
    #[error("Template count must be <= XFRM_MAX_DEPTH (6)")]
    Depth,
    /// More than one template without a device: nested SAs are not done in software.
    #[error("Only one template is done in software")]
    Templates,
    /// `ptype sub` without a device.
    #[error("Only the main policy type is done in software")]
    Type,
    /// `flag icmp` without a device.
    #[error("Flag icmp is not done in software")]
    IcmpFlag,
    /// An index names its direction.
    #[error("Policy index doesn't match direction")]
    Index,
    /// A prefix longer than the address, or of two families.
    #[error("Source and destination of the selector are of different families")]
    SelectorFamily,
    /// Addresses of two families.
    #[error("Source and destination of the template are of different families")]
    TemplateFamily,
}

/// What the device said; the kernel's words (NL_SET_ERR_MSG_WEAK) where it did not refuse but fail.
fn device_message(what: &str, error: &DriverError) -> String {
    match error {
        DriverError::Sa(refusal) => refusal.to_string(),
        DriverError::Policy(refusal) => refusal.to_string(),
        failure => format!("Device failed to offload this {what}: {failure}"),
    }
}

impl XfrmError {
    /// What netlink answers.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Check(refusal) => refusal.errno(),
            Self::State(error) | Self::Policy(error) => error.errno(),
            Self::DirectionFlag { .. }
            | Self::InputSeqExhausted
            | Self::InputEsnExhausted
            | Self::ReplayWindow
            | Self::OffloadFlags
            | Self::NoDevice(_)
            | Self::NoStateOps(_)
            | Self::NoAdvanceEsn
            | Self::PolicyOffload
            | Self::PolicyCheck(PolicyCheck::Depth | PolicyCheck::Index | PolicyCheck::SelectorFamily | PolicyCheck::TemplateFamily)
            | Self::Spi(SpiError::Protocol | SpiError::Comp | SpiError::Range)
            | Self::StateInvalid => Errno::Einval,
            Self::Update(_)
            | Self::Transform(_)
            | Self::PolicyCheck(PolicyCheck::Templates | PolicyCheck::Type | PolicyCheck::IcmpFlag) => Errno::Eopnotsupp,
            Self::StateExists | Self::PolicyExists | Self::DeviceExists(_) => Errno::Eexist,
            Self::NoState => Errno::Esrch,
            Self::NoPolicy | Self::Spi(SpiError::InUse | SpiError::Exhausted) => Errno::Enoent,
            Self::Features(_) => Errno::Eperm,
        }
    }

    /// The word of `ip xfrm` that it is about.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        Some(match self {
            Self::Check(refusal) => refusal.field(),
            Self::State(error) | Self::Policy(error) => return error.field(),
            Self::DirectionFlag { .. } => "flag",
            Self::InputSeqExhausted => "replay-seq",
            Self::InputEsnExhausted => "replay-seq-hi",
            Self::ReplayWindow => "replay-window",
            Self::OffloadFlags | Self::PolicyOffload => "offload",
            Self::NoDevice(_) | Self::NoStateOps(_) => "dev",
            Self::NoAdvanceEsn => "flag esn",
            Self::Update(_) => "limit",
            Self::Transform(error) => error.field(),
            Self::PolicyCheck(PolicyCheck::Depth | PolicyCheck::Templates | PolicyCheck::TemplateFamily) => "tmpl",
            Self::PolicyCheck(PolicyCheck::Type) => "ptype",
            Self::PolicyCheck(PolicyCheck::IcmpFlag) => "flag",
            Self::PolicyCheck(PolicyCheck::Index) => "index",
            Self::PolicyCheck(PolicyCheck::SelectorFamily) | Self::PolicyExists | Self::NoPolicy => "selector",
            Self::StateExists | Self::NoState | Self::StateInvalid => "id",
            Self::Spi(SpiError::Protocol) => "proto",
            Self::Spi(_) => "min",
            Self::Features(_) | Self::DeviceExists(_) => return None,
        })
    }
}

impl TransformError {
    const fn field(&self) -> &'static str {
        match self {
            Self::Protocol(_) => "proto",
            Self::Mode(_) => "mode",
            Self::Algorithm | Self::Aead(_) | Self::IcvLength(_) | Self::Rfc4106(_) => "aead",
            Self::Family => "src",
            Self::Spi => "spi",
            Self::Encap => "encap",
            Self::Flag(_) => "flag",
            Self::OutputMark => "output-mark",
            Self::TfcPadding => "tfcpad",
        }
    }
}

impl From<TransformError> for XfrmError {
    fn from(error: TransformError) -> Self {
        Self::Transform(error)
    }
}

impl From<PolicyError> for XfrmError {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error.into())
    }
}
