//! What the header builder is told.

use rust_hdl::prelude::*;

use crate::records::Meta;

/// What the headers shall say.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct HeaderFields {
    /// There is a lead to take.
    pub has_lead: bool,
    /// No frame: its lead is thrown away, and there is no prefix.
    pub drop: bool,
    /// No header at all: the payload is a whole frame.
    pub none: bool,
    /// No payload follows; handed on to [`Prefix`](crate::records::Prefix).
    pub alone: bool,
    /// How many bytes of the lead stay in front: L2, or L2 and IP header, or all up to and with the IV.
    pub kept: Bits<7>,
    /// Bytes of L2 in these: 14, 18 or 22; its EtherType is replaced.
    pub l2_length: Bits<5>,
    /// EtherType and IP header, built or mended, are IPv6's; else IPv4's.
    pub v6: bool,
    /// The IP header that is kept gets this `length`, `protocol` and, with IPv4, checksum.
    pub mend: bool,
    /// The UDP header that is kept loses its checksum.
    pub clear_udp: bool,
    /// Build an IP header, and ESP behind it.
    pub has_l3: bool,
    /// IPv4 total length, IPv6 payload length.
    pub length: Bits<16>,
    /// IPv4 protocol, IPv6 next header.
    pub protocol: Bits<8>,
    /// IPv4: sum of the header's words besides `length` and the checksum; of a header that is mended, after RFC 1624 equation 3: of the old checksum
    /// and what goes, inverted, and what comes.
    pub sum: Bits<19>,
    /// IPv4 TOS, IPv6 traffic class.
    pub tos: Bits<8>,
    /// IPv6 flow label.
    pub flow_label: Bits<20>,
    /// IPv4 identification.
    pub identification: Bits<16>,
    /// IPv4 flag DF; the fragment offset is 0.
    pub dont_fragment: bool,
    /// IPv4 TTL, IPv6 hop limit.
    pub ttl: Bits<8>,
    /// Source address.
    pub src: Bits<128>,
    /// Destination address.
    pub dst: Bits<128>,
    /// Build UDP in front of ESP.
    pub has_udp: bool,
    /// Its source port.
    pub sport: Bits<16>,
    /// Its destination port.
    pub dport: Bits<16>,
    /// Its length.
    pub udp_length: Bits<16>,
    /// Build ESP: SPI, sequence number and IV (RFC 4303 section 2, RFC 4106 section 3.1).
    pub has_esp: bool,
    /// SPI.
    pub spi: Bits<32>,
    /// The IV, whose low half is the sequence number.
    pub iv: Bits<64>,
    /// Handed on to [`Prefix`](crate::records::Prefix).
    pub meta: Meta,
}
