//! What the engine's parser finds in the first bytes of a frame, field for field as its record `Headers`.
//!
//! # Rules
//! - Ethernet II with up to two VLAN tags (TPID 0x8100 or 0x88A8). What follows a third is not looked at.
//! - EtherType 0x0800 must be an IPv4 packet and 0x86DD an IPv6 packet: else `malformed` (see there). Everything else
//!   is not IP, and passes.
//! - Only the fixed IPv6 header is looked at; a known extension header directly behind it sets `has_options`.
//! - Ports and ESP are found within the IP packet, not in the Ethernet padding behind it, and not behind options or in
//!   fragments.
//! - The checksum of an IPv4 header with options is not verified: such a packet is never opened.
//! - An IPv6 payload length over 65,495 counts as that: `ip_length` has 16 bits in the engine, and no frame is that
//!   long.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::checksum::Sum16BitWords;
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

/// EtherTypes (IEEE 802, RFC 894, RFC 2464).
pub mod ether_type {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// IPv6.
    pub const IPV6: u16 = 0x86DD;
    /// Customer VLAN tag (IEEE 802.1Q).
    pub const VLAN: u16 = 0x8100;
    /// Service VLAN tag (IEEE 802.1Q).
    pub const SERVICE_VLAN: u16 = 0x88A8;
}

/// Protocol numbers.
pub mod protocol {
    /// IPv4 in something.
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// IPv6 in something.
    pub const IPV6: u8 = 41;
    /// ESP (RFC 4303 section 2).
    pub const ESP: u8 = 50;
    /// No next header: a dummy packet (RFC 4303 section 2.6).
    pub const NONE: u8 = 59;
    /// SCTP.
    pub const SCTP: u8 = 132;
    /// UDP-Lite.
    pub const UDP_LITE: u8 = 136;
    /// IPv6 hop-by-hop options, routing, fragment, destination options, mobility, HIP, Shim6 (RFC 7045 section 4, but
    /// ESP and AH, which are looked at as protocols).
    pub const EXTENSION_HEADERS: [u8; 7] = [0, 43, 44, 60, 135, 139, 140];
}

/// UDP port of IKE and ESP behind NAT (RFC 3948 section 2).
pub const NAT_T_PORT: u16 = 4500;

/// The parser's findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// Bytes of the Ethernet header with its VLAN tags: 14, 18 or 22. (Of a frame that ends before, what there is.)
    pub l2_length: usize,
    /// EtherType 0x0800 and version 4.
    pub is_v4: bool,
    /// The same of EtherType 0x86DD and version 6.
    pub is_v6: bool,
    /// The EtherType says IP, but: the version differs, the IHL is under 5, the total length is shorter than the
    /// header, the frame ends inside the header, or the IPv4 header checksum is wrong (without options). What is found
    /// behind the IP header does not count then.
    pub malformed: bool,
    /// The frame is shorter than the IP packet says.
    pub truncated: bool,
    /// IPv4 options, or an IPv6 extension header directly behind the fixed header.
    pub has_options: bool,
    /// IPv4: more fragments, or an offset.
    pub is_fragment: bool,
    /// Bytes of IP header, IPv4 options included.
    pub l3_length: usize,
    /// Bytes of the IP packet, header included.
    pub ip_length: usize,
    /// IPv4 protocol or IPv6 next header.
    pub protocol: u8,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Source and destination port of TCP, UDP, SCTP, DCCP, UDP-Lite.
    pub ports: Option<(u16, u16)>,
    /// ESP.
    pub esp: Option<Esp>,
}

/// Where ESP begins, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Esp {
    /// Inside UDP (RFC 3948).
    pub encap: bool,
    /// Security parameters index.
    pub spi: u32,
    /// Low half of the sequence number.
    pub seq: u32,
    /// Where in the frame its header begins.
    pub offset: usize,
    /// Bytes from there to the end of the IP packet.
    pub length: usize,
}

impl Default for Headers {
    fn default() -> Self {
        Self {
            l2_length: 0,
            is_v4: false,
            is_v6: false,
            malformed: false,
            truncated: false,
            has_options: false,
            is_fragment: false,
            l3_length: 0,
            ip_length: 0,
            protocol: 0,
            src: Ipv4Addr::UNSPECIFIED.into(),
            dst: Ipv4Addr::UNSPECIFIED.into(),
            ports: None,
            esp: None,
        }
    }
}

impl Headers {
    /// Looks at a frame, from the destination MAC address on, without FCS.
    pub fn parse(frame: &[u8]) -> Self {
        let Some((l2_length, ether_type)) = ethernet(frame) else {
            return Self { l2_length: frame.len(), ..Self::default() };
        };
        let packet = &frame[l2_length..];
        let mut headers = match ether_type {
            ether_type::IPV4 => ipv4(packet),
            ether_type::IPV6 => ipv6(packet),
            _ => Some(Self::default()),
        }
        .unwrap_or(Self { malformed: true, ..Self::default() });
        headers.l2_length = l2_length;
        if headers.is_ip() {
            headers.truncated = packet.len() < headers.ip_length;
            let opaque = headers.malformed || headers.has_options || headers.is_fragment;
            let within = &packet[..headers.ip_length.min(packet.len())];
            if let (false, Some(upper)) = (opaque, within.get(headers.l3_length..)) {
                headers.ports = ports(headers.protocol, upper);
                headers.esp = headers.find_esp(upper);
            }
        }
        headers
    }

    /// IPv4 or IPv6.
    pub fn is_ip(&self) -> bool {
        self.is_v4 || self.is_v6
    }

    /// The Ethernet header, for another EtherType behind the tags.
    pub(crate) fn l2_with(&self, frame: &[u8], ether_type: u16) -> Vec<u8> {
        let mut l2 = frame[..self.l2_length].to_vec();
        l2[self.l2_length - 2..].copy_from_slice(&ether_type.to_be_bytes());
        l2
    }

    /// ESP behind the IP header, or behind UDP when a port is 4500, the UDP length holds an ESP header, and its first
    /// four bytes are no Non-ESP Marker (RFC 3948 sections 2.1 and 2.2). A keep-alive (section 2.3) is too short to be
    /// ESP.
    fn find_esp(&self, upper: &[u8]) -> Option<Esp> {
        let (encap, skip) = match (self.protocol, self.ports) {
            (protocol::ESP, _) => (false, 0),
            (protocol::UDP, Some((NAT_T_PORT, _) | (_, NAT_T_PORT))) => (true, 8),
            _ => return None,
        };
        let header: &[u8; 8] = upper.get(skip..)?.first_chunk()?;
        let (spi, seq) = (read_u32(header, 0), read_u32(header, 4));
        if encap && (spi == 0 || read_u16(upper, 4) < 16) {
            return None;
        }
        let (offset, length) = (self.l2_length + self.l3_length + skip, self.ip_length - self.l3_length - skip);
        Some(Esp { encap, spi, seq, offset, length })
    }
}

/// Length of the Ethernet header with up to two tags, and the EtherType at its end.
fn ethernet(frame: &[u8]) -> Option<(usize, u16)> {
    for length in [14, 18] {
        let ether_type = read_u16(frame.get(..length)?, length - 2);
        if !matches!(ether_type, ether_type::VLAN | ether_type::SERVICE_VLAN) {
            return Some((length, ether_type));
        }
    }
    Some((22, read_u16(frame.get(..22)?, 20)))
}

/// RFC 791 section 3.1. `None` when there is no whole IPv4 header.
fn ipv4(packet: &[u8]) -> Option<Headers> {
    let ip = Ipv4HeaderSlice::from_slice(packet).ok()?;
    let ip_length = usize::from(ip.total_len());
    Some(Headers {
        is_v4: true,
        malformed: ip_length < ip.slice().len() || ip.ihl() == 5 && internet_checksum(ip.slice()) != 0,
        has_options: ip.ihl() > 5,
        is_fragment: ip.is_fragmenting_payload(),
        l3_length: ip.slice().len(),
        ip_length,
        protocol: ip.protocol().0,
        src: ip.source_addr().into(),
        dst: ip.destination_addr().into(),
        ..Headers::default()
    })
}

/// RFC 8200 section 3. `None` when there is no whole IPv6 header.
fn ipv6(packet: &[u8]) -> Option<Headers> {
    let ip = Ipv6HeaderSlice::from_slice(packet).ok()?;
    Some(Headers {
        is_v6: true,
        has_options: protocol::EXTENSION_HEADERS.contains(&ip.next_header().0),
        l3_length: ip.slice().len(),
        ip_length: (ip.slice().len() + usize::from(ip.payload_length())).min(0xFFFF),
        protocol: ip.next_header().0,
        src: ip.source_addr().into(),
        dst: ip.destination_addr().into(),
        ..Headers::default()
    })
}

/// The ports, which these protocols all have in their first four bytes.
fn ports(protocol: u8, upper: &[u8]) -> Option<(u16, u16)> {
    use protocol::{DCCP, SCTP, TCP, UDP, UDP_LITE};
    let ports = upper.first_chunk::<4>()?;
    matches!(protocol, TCP | UDP | SCTP | DCCP | UDP_LITE).then(|| (read_u16(ports, 0), read_u16(ports, 2)))
}

/// RFC 1071: what belongs into the checksum field of `header` where that is zero; zero where the checksum in it is
/// right.
pub(crate) fn internet_checksum(header: &[u8]) -> u16 {
    Sum16BitWords::new().add_slice(header).ones_complement().to_be()
}

fn read_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from(read_u16(bytes, at)) << 16 | u32::from(read_u16(bytes, at + 2))
}
