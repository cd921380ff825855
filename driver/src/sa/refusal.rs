//! Why an SA is refused: one reason each, in the kernel's words where the kernel has words.

use std::net::IpAddr;

use thiserror::Error;

use crate::errno::Errno;
use crate::selector::SelectorError;
use crate::xfrm::{Direction, Family, Mode, OffloadMode};

/// A refusal of an SA. Nothing was written to the device.
///
/// What contradicts itself is EINVAL; what is good XFRM but not in this device is EOPNOTSUPP, which in crypto mode makes
/// the XFRM core carry on in software (xfrm_device.rst, "Flow").
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SaError {
    // What the kernel checks at the netlink level (net/xfrm/xfrm_user.c).
    /// `dir out` with a window.
    #[error("Replay window should be 0 for output SA")]
    OutputReplayWindow,
    /// `dir out` with a number of received packets.
    #[error("Replay seq and seq_hi should be 0 for output SA")]
    OutputSeq,
    /// The high half without ESN.
    #[error("Replay oseq_hi should be 0 in non-ESN mode for output SA")]
    OutputOseqHi,
    /// No number is left.
    #[error("Replay oseq should be less than 0xFFFFFFFF in non-ESN mode for output SA")]
    OutputOseqExhausted,
    /// No number is left.
    #[error("Replay oseq and oseq_hi should be less than 0xFFFFFFFF for output SA")]
    OutputEsnExhausted,
    /// `dir in` with a number of sent packets.
    #[error("Replay oseq and oseq_hi should be 0 for input SA")]
    InputOseq,
    /// The high half without ESN.
    #[error("Replay seq_hi should be 0 in non-ESN mode for input SA")]
    InputSeqHi,
    /// ESN needs a window to tell the high half by (RFC 4303 appendix A2).
    #[error("ESN replay window must be > 0")]
    EsnWithoutWindow,

    // What the kernel checks before it calls a driver (net/xfrm/xfrm_device.c).
    /// `dir` and `offload dir` differ.
    #[error("Mismatched SA and offload direction")]
    Direction,
    /// An XFRM interface on receive.
    #[error("XFRM if_id is not supported in RX path")]
    InputIfId,
    /// TFC padding.
    #[error("TFC padding can't be offloaded")]
    TfcPadding,

    // What drivers check (mlx5 and cn10k, whose words these are).
    /// `auth` or `auth-trunc`.
    #[error("Cannot offload authenticated xfrm states: auth {0}")]
    Authenticated(String),
    /// `comp`.
    #[error("Cannot offload compressed xfrm states: comp {0}")]
    Compressed(String),
    /// `enc`, or no algorithm at all.
    #[error("Cannot offload xfrm states without aead")]
    WithoutAead,
    /// Another AEAD.
    #[error("Only AES-GCM-ICV16 xfrm state may be offloaded: aead {0}")]
    Aead(String),
    /// ICV length.
    #[error("Cannot offload xfrm states with AEAD ICV length other than {lengths}bit: {bits} bit")]
    IcvLength {
        /// What was asked for.
        bits: u32,
        /// What the device has, as `64/96/128`.
        lengths: String,
        /// RFC 4106 section 6 has it: 64, 96 or 128.
        rfc4106: bool,
    },
    /// Key length.
    #[error("Cannot offload xfrm states with AEAD key length other than {lengths}bit: {bits} bit with the 32 bits of salt")]
    KeyLength {
        /// Of the key material, salt included.
        bits: usize,
        /// What the device has, as `128/192/256`.
        lengths: String,
        /// RFC 4106 section 8.1 has it.
        rfc4106: bool,
    },
    /// A family that the device does not have.
    #[error("Only IPv4/6 xfrm states may be offloaded: this device has no {0:?}")]
    AddressFamily(Family),
    /// Not ESP.
    #[error("Only ESP xfrm state may be offloaded: proto {0}")]
    Protocol(u8),
    /// Another mode.
    #[error("Only transport and tunnel xfrm states may be offloaded: mode {0:?}")]
    Mode(Mode),
    /// A mode of offload that the device does not have.
    #[error("{0:?} offload is not supported")]
    Offload(OffloadMode),
    /// ESN on a device without.
    #[error("Cannot offload ESN xfrm states")]
    Esn,
    /// Window size.
    #[error("Unsupported replay window size: {window}, and this device has up to {max}")]
    ReplayWindow {
        /// What was asked for.
        window: u32,
        /// The device's largest.
        max: u32,
    },
    /// UDP encapsulation in a mode in which the device does not have it.
    #[error("Encapsulation is not supported in {0:?} mode")]
    Encap(Mode),
    /// Not RFC 3948.
    #[error("Encapsulation other than UDP is not supported")]
    EncapKind,

    // Our own.
    /// Packet or byte limits on a device that does not count them.
    #[error("This device does not enforce {0} limits")]
    Limit(&'static str),
    /// RFC 8200 section 8.1: UDP over IPv6 needs a checksum, which this device does not make.
    #[error("Encapsulation over IPv6 is not supported for output SA: this device makes no UDP checksum")]
    EncapIpv6Out,
    /// RFC 3948 section 2 puts ESP on port 4500; the device looks for it nowhere else.
    #[error("UDP encapsulation of received packets is known by port 4500: sport {sport} dport {dport}")]
    EncapPort {
        /// Source port.
        sport: u16,
        /// Destination port.
        dport: u16,
    },
    /// An update that turns encapsulation on or off, or into another kind (xfrm_state_update).
    #[error("Encapsulation of an SA can't be turned on, off, or into another kind")]
    EncapUpdate,
    /// RFC 4303 section 2.1.
    #[error("SPI 0 is reserved for local use")]
    Spi,
    /// An SA needs a destination.
    #[error("Destination address must be given")]
    Destination,
    /// The outer header needs a source.
    #[error("Source address must be given for an outbound tunnel")]
    Source,
    /// Addresses of two families.
    #[error("Source {saddr} and destination {daddr} are of different families")]
    Family {
        /// Source.
        saddr: IpAddr,
        /// Destination.
        daddr: IpAddr,
    },
    /// The selector itself.
    #[error("Selector: {0}")]
    Selector(#[from] SelectorError),
    /// Transport mode keeps the packet's addresses, so its family.
    #[error("Selector of a transport mode SA must have the family of the SA")]
    SelectorFamily,
    /// The device does not compare what it decrypted with a selector.
    #[error("This device does not check a selector on received packets")]
    InputSelector,
    /// A mark to match or to set.
    #[error("Marks are not visible to the device")]
    Mark(&'static str),
    /// An XFRM interface on transmit.
    #[error("XFRM if_id is not supported in TX path")]
    OutputIfId,
    /// A flag the device can't honour.
    #[error("Flag {0} can't be offloaded")]
    Flag(&'static str),
    /// Same destination, SPI and protocol.
    #[error("An SA with this destination, SPI and protocol exists")]
    Exists,
    /// No free entry.
    #[error("SA table for direction {direction:?} is full: {capacity} SAs")]
    TableFull {
        /// Which table.
        direction: Direction,
        /// How many fit.
        capacity: u32,
    },
    /// The numbers that are free wait for frames of deleted SAs, which carry them.
    #[error("no SA number of this direction is free: {held} wait for frames in flight; try again")]
    InFlight {
        /// How many.
        held: usize,
    },
    /// The look-up table has no place reachable for this key, although SAs are free.
    #[error("SA look-up table has no place for this destination and SPI: {installed} SAs are in")]
    LookupFull {
        /// How many are in.
        installed: usize,
    },
}

impl SaError {
    /// The word of `ip xfrm state` that it is about.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::OutputReplayWindow | Self::EsnWithoutWindow | Self::ReplayWindow { .. } => "replay-window",
            Self::OutputSeq => "replay-seq",
            Self::OutputOseqHi | Self::OutputEsnExhausted => "replay-oseq-hi",
            Self::OutputOseqExhausted | Self::InputOseq => "replay-oseq",
            Self::InputSeqHi => "replay-seq-hi",
            Self::Direction => "dir",
            Self::InputIfId | Self::OutputIfId => "if_id",
            Self::TfcPadding => "tfcpad",
            Self::Authenticated(_) => "auth",
            Self::Compressed(_) => "comp",
            Self::WithoutAead | Self::Aead(_) | Self::IcvLength { .. } | Self::KeyLength { .. } => "aead",
            Self::Protocol(_) => "proto",
            Self::Mode(_) => "mode",
            Self::Offload(_) => "offload",
            Self::Esn => "flag esn",
            Self::Limit(_) => "limit",
            Self::Encap(_) | Self::EncapKind | Self::EncapUpdate | Self::EncapIpv6Out | Self::EncapPort { .. } => "encap",
            Self::Spi => "spi",
            Self::Destination | Self::AddressFamily(_) => "dst",
            Self::Source | Self::Family { .. } => "src",
            Self::Selector(_) | Self::SelectorFamily | Self::InputSelector => "sel",
            Self::Mark(field) => field,
            Self::Flag(_) => "flag",
            Self::Exists | Self::TableFull { .. } | Self::InFlight { .. } | Self::LookupFull { .. } => "id",
        }
    }

    /// What a callback returns for it.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::OutputReplayWindow
            | Self::OutputSeq
            | Self::OutputOseqHi
            | Self::OutputOseqExhausted
            | Self::OutputEsnExhausted
            | Self::InputOseq
            | Self::InputSeqHi
            | Self::EsnWithoutWindow
            | Self::Direction
            | Self::InputIfId
            | Self::TfcPadding
            | Self::KeyLength { rfc4106: false, .. }
            | Self::IcvLength { rfc4106: false, .. }
            | Self::EncapUpdate
            | Self::Spi
            | Self::Destination
            | Self::Source
            | Self::Family { .. }
            | Self::SelectorFamily => Errno::Einval,
            Self::Authenticated(_)
            | Self::Compressed(_)
            | Self::WithoutAead
            | Self::Aead(_)
            | Self::IcvLength { .. }
            | Self::KeyLength { .. }
            | Self::AddressFamily(_)
            | Self::Protocol(_)
            | Self::Mode(_)
            | Self::Offload(_)
            | Self::Esn
            | Self::ReplayWindow { .. }
            | Self::Encap(_)
            | Self::EncapKind
            | Self::EncapIpv6Out
            | Self::EncapPort { .. }
            | Self::Limit(_)
            | Self::InputSelector
            | Self::Mark(_)
            | Self::OutputIfId
            | Self::Flag(_) => Errno::Eopnotsupp,
            Self::Selector(selector) => selector.errno(),
            Self::Exists => Errno::Eexist,
            Self::InFlight { .. } => Errno::Eagain,
            Self::TableFull { .. } | Self::LookupFull { .. } => Errno::Enospc,
        }
    }
}
