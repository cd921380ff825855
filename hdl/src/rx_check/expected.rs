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
    /// The Ethernet header.
    pub l2: Bits<176>,
    /// Its length.
    pub l2_length: Bits<5>,
    /// The IP header is IPv6.
    pub v6: bool,
    /// Its flow label (IPv6).
    pub flow_label: Bits<20>,
    /// Its identification (IPv4).
    pub identification: Bits<16>,
    /// Its flags and fragment offset (IPv4).
    pub fragment: Bits<16>,
    /// Its TOS or traffic class.
    pub tos: Bits<8>,
    /// Its TTL or hop limit.
    pub ttl: Bits<8>,
    /// Length of the IP packet, header included.
    pub ip_length: Bits<16>,
    /// Its source.
    pub src: Bits<128>,
    /// Its destination.
    pub dst: Bits<128>,
    /// ESP inside UDP.
    pub encap: bool,
    /// Source port.
    pub sport: Bits<16>,
    /// Destination port.
    pub dport: Bits<16>,
    /// Length and checksum of the UDP header.
    pub udp: Bits<32>,
    /// Security parameters index.
    pub spi: Bits<32>,
    /// The IV.
    pub iv: Bits<64>,
}
