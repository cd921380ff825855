//! "Too big": the ICMP message that tells a sender the MTU of a path (RFC 792 and RFC 1191 section 4; RFC 4443 section 3.2).

use espalier_reference_model::headers::Headers;
use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{Icmpv4Type, Icmpv6Type, IpNumber, PacketBuilder};
use std::net::IpAddr;

/// TTL, hop limit.
const TTL: u8 = 64;
/// An ICMP message of IPv4 has at most as many bytes (RFC 1812 section 4.3.2.3), IPv6's at most the least MTU (RFC 4443 section 2.4).
const LONGEST_V4: usize = 576;
const LONGEST_V6: usize = 1280;
/// Header of IPv4 or IPv6, and of ICMP.
const HEADERS_V4: usize = 20 + 8;
const HEADERS_V6: usize = 40 + 8;
/// Least MTU (RFC 791 section 3.1; RFC 8200 section 5).
const LEAST_V4: u32 = 68;
const LEAST_V6: u32 = 1280;

/// The answer to a frame whose packet is longer than `mtu` bytes, for the one that sent it. Its source address is the address the packet
/// was for: the sender's own stack would take no message from an address of its own. None for what no ICMP error may be about: errors
/// themselves, later fragments, and packets to or from groups (RFC 1122 section 3.2.2; RFC 4443 section 2.4).
#[must_use]
pub fn too_big(frame: &[u8], mtu: u32) -> Option<Vec<u8>> {
    let headers = Headers::parse(frame);
    let packet = frame.get(headers.l2_length..)?;
    if headers.malformed
        || is_group(headers.src)
        || is_group(headers.dst)
        || is_later_fragment(packet, &headers)
        || is_error(packet, &headers)
    {
        return None;
    }
    let mut answer = link(frame.get(..headers.l2_length)?)?;
    match (headers.dst, headers.src) {
        (IpAddr::V4(dst), IpAddr::V4(src)) if headers.is_v4 => {
            let next_hop_mtu = mtu.clamp(LEAST_V4, u16::MAX.into()) as u16;
            let needed = Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::FragmentationNeeded { next_hop_mtu });
            let quoted = &packet[..packet.len().min(headers.ip_length).min(LONGEST_V4 - HEADERS_V4)];
            PacketBuilder::ipv4(dst.octets(), src.octets(), TTL).icmpv4(needed).write(&mut answer, quoted).ok()?;
        }
        (IpAddr::V6(dst), IpAddr::V6(src)) if headers.is_v6 => {
            let message = Icmpv6Type::PacketTooBig { mtu: mtu.max(LEAST_V6) };
            let quoted = &packet[..packet.len().min(headers.ip_length).min(LONGEST_V6 - HEADERS_V6)];
            PacketBuilder::ipv6(dst.octets(), src.octets(), TTL).icmpv6(message).write(&mut answer, quoted).ok()?;
        }
        _ => return None,
    }
    Some(answer)
}

/// The way back, tags included.
fn link(header: &[u8]) -> Option<Vec<u8>> {
    let (to, from) = (header.get(..6)?, header.get(6..12)?);
    Some([from, to, &header[12..]].concat())
}

fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || address.is_unspecified() || matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

fn is_later_fragment(packet: &[u8], headers: &Headers) -> bool {
    headers.is_v4 && matches!(packet.get(6..8), Some([high, low]) if high & 0x1f != 0 || *low != 0)
}

/// ICMP but for echo, timestamp and the like.
fn is_error(packet: &[u8], headers: &Headers) -> bool {
    let kind = packet.get(headers.l3_length).copied();
    match IpNumber(headers.protocol) {
        IpNumber::ICMP if headers.is_v4 => matches!(kind, None | Some(3 | 4 | 5 | 11 | 12)),
        IpNumber::IPV6_ICMP if headers.is_v6 => matches!(kind, None | Some(0..=127)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use etherparse::{NetHeaders, PacketHeaders, TransportHeader};

    use super::*;

    const TO: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const FROM: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn udp(v6: bool, bytes: usize) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2(FROM, TO);
        let builder = if v6 { builder.ipv6([1; 16], [2; 16], 64) } else { builder.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64) };
        let mut frame = Vec::new();
        builder.udp(1, 2).write(&mut frame, &vec![7; bytes]).unwrap();
        frame
    }

    #[test]
    fn the_sender_is_told_the_mtu() {
        for (v6, longest) in [(false, 576), (true, 1280)] {
            let frame = udp(v6, 1400);
            let answer = too_big(&frame, 1390).unwrap();
            assert_eq!((&answer[..6], &answer[6..12], answer.len()), (&FROM[..], &TO[..], 14 + longest));
            let parsed = PacketHeaders::from_ethernet_slice(&answer).unwrap();
            let quoted = match (parsed.net.unwrap(), parsed.transport.unwrap()) {
                (NetHeaders::Ipv4(ip, _), TransportHeader::Icmpv4(icmp)) => {
                    assert_eq!((ip.source, ip.destination), ([10, 0, 0, 2], [10, 0, 0, 1]));
                    let needed = DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: 1390 };
                    assert_eq!(icmp.icmp_type, Icmpv4Type::DestinationUnreachable(needed));
                    assert!(!Headers::parse(&answer).malformed);
                    longest - HEADERS_V4
                }
                (NetHeaders::Ipv6(ip, _), TransportHeader::Icmpv6(icmp)) => {
                    assert_eq!((ip.source, ip.destination), ([2; 16], [1; 16]));
                    assert_eq!(icmp.icmp_type, Icmpv6Type::PacketTooBig { mtu: 1390 });
                    assert!(icmp.icmp_type.calc_checksum(ip.source, ip.destination, parsed.payload.slice()).unwrap() == icmp.checksum);
                    longest - HEADERS_V6
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(parsed.payload.slice(), &frame[14..14 + quoted]);
        }
    }

    #[test]
    fn no_error_is_about_an_error_or_a_group() {
        for v6 in [false, true] {
            let error = too_big(&udp(v6, 1400), 1390).unwrap();
            assert!(too_big(&error, 500).is_none());
        }
        let mut group = udp(true, 1400);
        group[14 + 24] = 0xff;
        assert!(too_big(&group, 1390).is_none());
        let mut whole = udp(false, 1400);
        whole[14 + 6] = 0;
        // Without DF the checksum is more by its bit.
        let sum = u16::from_be_bytes([whole[14 + 10], whole[14 + 11]]) + 0x4000;
        whole[14 + 10..14 + 12].copy_from_slice(&sum.to_be_bytes());
        let fragments = crate::daemon::fragment::cut(&whole, 1000).unwrap();
        assert_eq!([&fragments[0], &fragments[1]].map(|fragment| too_big(fragment, 300).is_some()), [true, false]);
        assert!(too_big(&[0; 64], 1390).is_none());
    }

    #[test]
    fn an_mtu_that_no_path_may_have_is_not_told() {
        let answer = too_big(&udp(true, 1400), 600).unwrap();
        assert_eq!(answer[14 + 40 + 4..14 + 40 + 8], 1280u32.to_be_bytes());
    }
}
