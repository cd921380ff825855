//! What an SA is asked for with.

use crate::key::Key;
use crate::xfrm::{Direction, Family, Limits, Mark, Mode, OffloadMode, SaId, Selector};
use std::net::IpAddr;

/// The one AEAD of this engine, as the kernel's crypto API names it (RFC 4106).
pub const RFC4106_GCM_AES: &str = "rfc4106(gcm(aes))";

/// `aead NAME KEY ICVBITS`.
#[derive(Clone, Debug)]
pub struct Aead {
    /// Name in the kernel's crypto API.
    pub name: String,
    /// AES key and salt.
    pub key: Key,
    /// Length of the ICV in bits.
    pub icv_bits: u32,
}

/// `enc`, `auth`, `auth-trunc` or `comp`: what this engine refuses by name.
#[derive(Clone, Debug)]
pub struct Algorithm {
    /// Name in the kernel's crypto API.
    pub name: String,
    /// Key; empty with `comp`.
    pub key: Key,
}

/// Kind of UDP encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EncapKind {
    /// RFC 3948.
    EspInUdp,
    /// The draft with a non-IKE marker.
    EspInUdpNonIke,
    /// RFC 8229.
    EspInTcp,
}

/// `encap TYPE SPORT DPORT OADDR` (struct xfrm_encap_tmpl).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encap {
    /// Kind.
    pub kind: EncapKind,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Original address; informative, as in the kernel.
    pub oaddr: IpAddr,
}

/// Initial sequence numbers (struct xfrm_replay_state and _esn).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReplayState {
    /// Last number received, low half.
    pub seq: u32,
    /// Last number received, high half.
    pub seq_hi: u32,
    /// Last number sent, low half.
    pub oseq: u32,
    /// Last number sent, high half.
    pub oseq_hi: u32,
}

/// `flag` and `extra-flag` (XFRM_STATE_*, XFRM_SA_XFLAG_*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SaFlags {
    /// Leave the ECN field alone (RFC 6040's normal mode is the default).
    pub noecn: bool,
    /// Copy the outer DSCP inwards when decapsulating.
    pub decap_dscp: bool,
    /// Never set DF on the outer header.
    pub nopmtudisc: bool,
    /// Any destination (Mobile IPv6).
    pub wildrecv: bool,
    /// Also for the packet inside an ICMP error.
    pub icmp: bool,
    /// The selector has no family of its own.
    pub af_unspec: bool,
    /// Align to 4 bytes; AH only.
    pub align4: bool,
    /// Extended sequence numbers (RFC 4304).
    pub esn: bool,
    /// Do not copy the inner DSCP to the outer header.
    pub dont_encap_dscp: bool,
    /// Output sequence numbers may wrap.
    pub oseq_may_wrap: bool,
}

/// `offload [crypto|packet] dev DEV dir in|out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offload {
    /// Crypto or packet.
    pub mode: OffloadMode,
    /// Direction.
    pub direction: Direction,
}

/// An SA in XFRM's words, as `ip xfrm state add` gives it.
///
/// Everything XFRM has a word for is here, also what the engine can't do, so that it can be refused by name.
#[derive(Clone, Debug)]
pub struct SaParams {
    /// Destination, SPI, protocol.
    pub id: SaId,
    /// Source address.
    pub saddr: IpAddr,
    /// Mode.
    pub mode: Mode,
    /// What the device is to do, and in which direction.
    pub offload: Offload,
    /// The SA's own direction (`dir in|out`), if it was given.
    pub dir: Option<Direction>,
    /// Authenticated encryption.
    pub aead: Option<Aead>,
    /// Separate encryption.
    pub enc: Option<Algorithm>,
    /// Separate authentication.
    pub auth: Option<Algorithm>,
    /// Compression.
    pub comp: Option<Algorithm>,
    /// Ties the SA to the templates of policies.
    pub reqid: u32,
    /// Anti-replay window in packets; 0 is no check.
    pub replay_window: u32,
    /// Initial sequence numbers.
    pub replay: ReplayState,
    /// Flags.
    pub flags: SaFlags,
    /// Selector of the traffic inside. Without one it is every packet of the SA's family, with `af_unspec` of both.
    pub selector: Option<Selector>,
    /// UDP encapsulation.
    pub encap: Option<Encap>,
    /// Limits.
    pub limits: Limits,
    /// Mark to match.
    pub mark: Mark,
    /// Mark to set.
    pub output_mark: Mark,
    /// XFRM interface, 0 for none.
    pub if_id: u32,
    /// Traffic flow confidentiality padding (RFC 4303 section 2.7), 0 for none.
    pub tfcpad: u32,
}

impl SaParams {
    /// An SA with the defaults of `ip xfrm state add`.
    #[must_use]
    pub fn new(id: SaId, saddr: IpAddr, mode: Mode, offload: Offload, aead: Aead) -> Self {
        Self {
            id,
            saddr,
            mode,
            offload,
            dir: None,
            aead: Some(aead),
            enc: None,
            auth: None,
            comp: None,
            reqid: 0,
            replay_window: 0,
            replay: ReplayState::default(),
            flags: SaFlags::default(),
            selector: None,
            encap: None,
            limits: Limits::NONE,
            mark: Mark::default(),
            output_mark: Mark::default(),
            if_id: 0,
            tfcpad: 0,
        }
    }

    /// Family of the SA's own addresses.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.id.daddr)
    }
}
