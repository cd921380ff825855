//! What goes past the core, from the check to the decapsulation.

use rust_hdl::prelude::*;

use crate::records::SaIndex;

/// What the decapsulation must know of a frame once its payload is there.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Expected {
    /// It was ESP; else the frame passes.
    pub protected: bool,
    /// It passes, but is ESP that is left to the host.
    pub unsupported: bool,
    /// Number of the SA.
    pub sa_index: SaIndex,
    /// Its generation: see [`crate::rx_sa`].
    pub generation: Bits<16>,
    /// The SA has ESN.
    pub esn: bool,
    /// Its replay window.
    pub replay_window: Bits<13>,
    /// Sequence number as the check inferred it.
    pub seq: Bits<64>,
    /// The SA's mode is tunnel.
    pub tunnel: bool,
    /// The SA is for crypto offload.
    pub crypto: bool,
    /// As in [`RxSa`](crate::records::RxSa).
    pub inner_v4: bool,
    /// As in [`RxSa`](crate::records::RxSa).
    pub inner_v6: bool,
    /// As in [`RxSa`](crate::records::RxSa).
    pub no_ecn: bool,
    /// As in [`RxSa`](crate::records::RxSa).
    pub decap_dscp: bool,
    /// Length of the Ethernet header.
    pub l2_length: Bits<5>,
    /// The IP header is IPv6.
    pub v6: bool,
    /// Its TOS or traffic class.
    pub tos: Bits<8>,
    /// Length of the IP packet, header included.
    pub ip_length: Bits<16>,
    /// Its header checksum (IPv4).
    pub checksum: Bits<16>,
    /// ESP inside UDP.
    pub encap: bool,
}
