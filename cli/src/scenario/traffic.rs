//! Makes the packets that a scenario asks for: whole Ethernet frames, lengths and checksums right.

use std::net::IpAddr;

use etherparse::err::packet::BuildWriteError;
use etherparse::{
    IpFragOffset, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv4Options, Ipv6Extensions, Ipv6FragmentHeader, Ipv6Header,
    Ipv6RawExtHeader, PacketBuilder,
};

use super::ast::{Made, Upper};

/// MAC addresses: the sender's and the receiver's.
const MACS: [[u8; 6]; 2] = [[0x02, 0, 0, 0, 0, 1], [0x02, 0, 0, 0, 0, 2]];
/// TTL, hop limit.
const TTL: u8 = 64;
/// A byte of payload that repeats itself after no power of 2.
const PERIOD: usize = 251;

/// The frames that `made` asks for; `first` is the number of the first one, which goes into echo sequence numbers, IPv4 identifications and payloads.
///
/// # Errors
/// When the packet can't be: longer than IP can say.
pub fn frames(made: &Made, first: u16) -> Result<Vec<Vec<u8>>, BuildWriteError> {
    (0..made.count).map(|index| frame(made, first.wrapping_add(index as u16))).collect()
}

fn frame(made: &Made, number: u16) -> Result<Vec<u8>, BuildWriteError> {
    let payload: Vec<u8> = (0..made.size).map(|index| ((index + usize::from(number)) % PERIOD) as u8).collect();
    let packet = PacketBuilder::ethernet2(MACS[0], MACS[1]).ip(ip(made, number));
    let mut bytes = Vec::new();
    match (made.upper, made.src.is_ipv4()) {
        (Upper::Ping, true) => packet.icmpv4_echo_request(1, number).write(&mut bytes, &payload)?,
        (Upper::Ping, false) => packet.icmpv6_echo_request(1, number).write(&mut bytes, &payload)?,
        (Upper::Udp(sport, dport), _) => packet.udp(sport, dport).write(&mut bytes, &payload)?,
        (Upper::Tcp(sport, dport), _) => packet.tcp(sport, dport, number.into(), 0xffff).write(&mut bytes, &payload)?,
    }
    Ok(bytes)
}

/// The IP header; the builder fills in lengths, protocol and checksum.
fn ip(made: &Made, number: u16) -> IpHeaders {
    match (made.src, made.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let header = Ipv4Header {
                dscp: dscp(made.tos),
                ecn: ecn(made.tos),
                identification: number,
                dont_fragment: made.df,
                more_fragments: made.fragment,
                time_to_live: TTL,
                source: src.octets(),
                destination: dst.octets(),
                // Four times "no operation".
                options: if made.options { Ipv4Options::from([1, 1, 1, 1]) } else { Ipv4Options::new() },
                ..Default::default()
            };
            IpHeaders::Ipv4(header, Ipv4Extensions::default())
        }
        (src, dst) => {
            let octets = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            let header =
                Ipv6Header { traffic_class: made.tos, hop_limit: TTL, source: octets(src), destination: octets(dst), ..Default::default() };
            let mut extensions = Ipv6Extensions::default();
            if made.options {
                // Padding that fills the header.
                extensions.destination_options = Ipv6RawExtHeader::new_raw(IpNumber::IPV6_NO_NEXT_HEADER, &[1, 4, 0, 0, 0, 0]).ok();
            }
            if made.fragment {
                let whole = IpFragOffset::default();
                extensions.fragment = Some(Ipv6FragmentHeader::new(IpNumber::IPV6_NO_NEXT_HEADER, whole, true, number.into()));
            }
            IpHeaders::Ipv6(header, extensions)
        }
    }
}

fn dscp(tos: u8) -> etherparse::IpDscp {
    // Six bits always are one.
    etherparse::IpDscp::try_new(tos >> 2).unwrap_or_default()
}

fn ecn(tos: u8) -> etherparse::IpEcn {
    etherparse::IpEcn::try_new(tos & 3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use etherparse::SlicedPacket;

    use super::*;

    fn made(upper: Upper, src: &str, dst: &str) -> Made {
        let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
        Made { upper, src, dst, count: 2, size: 100, tos: 0xb9, df: true, options: false, fragment: false }
    }

    #[test]
    fn packets_are_what_was_asked_for() {
        for upper in [Upper::Ping, Upper::Udp(500, 4500), Upper::Tcp(1, 2)] {
            for (src, dst) in [("10.1.0.1", "10.2.0.1"), ("fd00::1", "fd00::2")] {
                let frames = frames(&made(upper, src, dst), 7).unwrap();
                assert_eq!(frames.len(), 2);
                assert_ne!(frames[0], frames[1]);
                let packet = SlicedPacket::from_ethernet(&frames[0]).unwrap();
                assert!(packet.transport.is_some() && packet.net.is_some());
            }
        }
    }

    #[test]
    fn options_and_fragments_show_in_the_header() {
        for (src, dst) in [("10.1.0.1", "10.2.0.1"), ("fd00::1", "fd00::2")] {
            for options in [false, true] {
                let asked = Made { options, fragment: !options, ..made(Upper::Udp(1, 2), src, dst) };
                let frame = &frames(&asked, 0).unwrap()[0];
                let packet = etherparse::PacketHeaders::from_ethernet_slice(frame).unwrap();
                match packet.net.unwrap() {
                    etherparse::NetHeaders::Ipv4(header, _) => {
                        assert_eq!((!header.options.is_empty(), header.more_fragments), (options, !options))
                    }
                    etherparse::NetHeaders::Ipv6(_, extensions) => {
                        assert_eq!((extensions.destination_options.is_some(), extensions.fragment.is_some()), (options, !options));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
