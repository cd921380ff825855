//! IP packets between two hosts.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4Header, Ipv6Header};
use proptest::prelude::*;

/// Bytes that print in one line.
#[derive(Clone)]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An IP packet between two hosts.
#[derive(Debug, Clone)]
pub struct Packet {
    pub tags: usize,
    pub tos: u8,
    pub flow_label: u32,
    pub dont_fragment: bool,
    pub ttl: u8,
    pub protocol: u8,
    pub payload: Bytes,
    /// Ethernet padding behind it.
    pub padding: usize,
    pub shape: Shape,
}

/// What is special about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Plain,
    /// IPv4 options, or an IPv6 extension header.
    Options,
    /// An IPv4 fragment.
    Fragment,
}

impl Packet {
    /// The frame that carries it from `src` to `dst`.
    pub fn frame(&self, (src, dst): (IpAddr, IpAddr)) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        for tpid in &[0x88A8u16, 0x8100][2 - self.tags..] {
            frame.extend_from_slice(&tpid.to_be_bytes());
            frame.extend_from_slice(&[0x20, 0x64]);
        }
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let mut header = Ipv4Header {
                    dscp: (self.tos >> 2).try_into().expect("6 bits"),
                    ecn: (self.tos & 3).try_into().expect("2 bits"),
                    identification: 0x4321,
                    dont_fragment: self.dont_fragment,
                    more_fragments: self.shape == Shape::Fragment,
                    time_to_live: self.ttl,
                    protocol: IpNumber(self.protocol),
                    source: src.octets(),
                    destination: dst.octets(),
                    ..Ipv4Header::default()
                };
                if self.shape == Shape::Options {
                    header.options = [1, 1, 1, 0].into();
                }
                header.total_len = (header.header_len() + self.payload.0.len()) as u16;
                header.header_checksum = header.calc_header_checksum();
                frame.extend_from_slice(&[0x08, 0x00]);
                frame.extend_from_slice(&header.to_bytes());
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let options: &[u8] = if self.shape == Shape::Options { &[self.protocol, 0, 1, 4, 0, 0, 0, 0] } else { &[] };
                let header = Ipv6Header {
                    traffic_class: self.tos,
                    flow_label: self.flow_label.try_into().expect("20 bits"),
                    payload_length: (options.len() + self.payload.0.len()) as u16,
                    next_header: IpNumber(if options.is_empty() { self.protocol } else { 60 }),
                    hop_limit: self.ttl,
                    source: src.octets(),
                    destination: dst.octets(),
                };
                frame.extend_from_slice(&[0x86, 0xDD]);
                frame.extend_from_slice(&header.to_bytes());
                frame.extend_from_slice(options);
            }
            _ => unreachable!("one family"),
        }
        frame.extend_from_slice(&self.payload.0);
        frame.resize(frame.len() + self.padding, 0);
        frame
    }
}

pub fn packets() -> impl Strategy<Value = Packet> {
    let protocols = prop_oneof![Just(1), Just(6), Just(17), Just(58), Just(59), Just(132), 200..=255u8];
    let payloads = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..80),
        4 => prop::collection::vec(any::<u8>(), 80..600),
        2 => prop::collection::vec(any::<u8>(), 1400..1500),
        // Up to the longest frame and over it.
        1 => (8900..9300usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    let shapes = prop_oneof![20 => Just(Shape::Plain), 1 => Just(Shape::Options), 1 => Just(Shape::Fragment)];
    let padding = prop_oneof![4 => Just(0usize), 1 => 1..30usize];
    (0..3usize, any::<(u8, bool)>(), 0..1u32 << 20, 1..=255u8, protocols, payloads, padding, shapes).prop_map(
        |(tags, (tos, dont_fragment), flow_label, ttl, protocol, payload, padding, shape)| Packet {
            tags,
            tos,
            flow_label,
            dont_fragment,
            ttl,
            protocol,
            payload: Bytes(payload),
            padding,
            shape,
        },
    )
}
