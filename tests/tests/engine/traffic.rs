//! Random associations and frames, and what can happen to a frame on the wire.

use std::net::IpAddr;

use espalier_driver::xfrm::Direction;
use espalier_reference_model::esp::encapsulate;
use espalier_reference_model::headers::Headers;
use espalier_reference_model::rfc4106::Header;
use espalier_reference_model::sa::TxSa;
use etherparse::{IpNumber, Ipv4Header, Ipv6Header};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::rig::{Association, hosts};

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

/// What happens to an ESP frame on its way.
#[derive(Debug, Clone)]
pub enum Fate {
    Good,
    /// Sent twice.
    Doubled,
    /// One bit flipped behind the sequence number, or before it.
    Flipped(Index),
    /// Cut short.
    Cut(Index),
    /// The MAC says that it is damaged.
    Damaged,
    /// Bytes behind the packet.
    Padded(usize),
    /// The number is left of any window, or zero.
    Old(bool),
    /// A jump ahead, authentic.
    Jump(u32),
    /// A trailer whose pad length is more than there is, or a next header that does not fit, authentic.
    Trailer(u8, u8),
}

/// Something that is sent.
#[derive(Debug, Clone)]
pub enum Event {
    /// From the host: through an association, or (none) by no policy.
    Send(Option<Index>, Packet),
    /// From the wire: ESP of an association.
    Receive(Index, Packet, Fate),
    /// From the wire: anything else.
    Foreign(Packet, bool),
    /// From the host or the wire: bytes.
    Noise(bool, Bytes),
    /// From the host: a frame with another value in this byte.
    Bent(Index, Packet, Index, u8),
    /// From the host: marked as damaged.
    Damaged(Index, Packet),
}

impl Event {
    /// It is told apart by the state of the replay window: what is under way must have arrived, or another of its faults may be seen first.
    pub fn wants_rest(&self) -> bool {
        matches!(self, Self::Receive(_, _, Fate::Old(_)))
    }

    /// The frame, and whether the MAC says it is damaged; nothing for a frame that got lost.
    pub fn frames(&self, peers: &mut [(Association, TxSa)]) -> Vec<(bool, Vec<u8>, bool)> {
        match self {
            Self::Send(Some(which), packet) => vec![(false, packet.frame(which.get(peers).0.inside(Direction::Out)), false)],
            Self::Send(None, packet) => vec![(false, packet.frame(hosts(200, false, 3)), false)],
            Self::Foreign(packet, v6) => vec![(true, packet.frame(hosts(200, *v6, 3)), false)],
            Self::Noise(wire, bytes) => vec![(*wire, bytes.0.clone(), false)],
            Self::Bent(which, packet, at, value) => {
                let mut frame = packet.frame(which.get(peers).0.inside(Direction::Out));
                let at = at.index(frame.len());
                frame[at] ^= value;
                vec![(false, frame, false)]
            }
            Self::Damaged(which, packet) => vec![(false, packet.frame(which.get(peers).0.inside(Direction::Out)), true)],
            Self::Receive(which, packet, fate) => {
                let at = which.index(peers.len());
                let (association, sa) = &mut peers[at];
                receive(association, sa, packet, fate)
            }
        }
    }
}

fn receive(association: &Association, sa: &mut TxSa, packet: &Packet, fate: &Fate) -> Vec<(bool, Vec<u8>, bool)> {
    if let Fate::Jump(by) = fate {
        let end = if sa.esn { u64::MAX } else { u64::from(u32::MAX) };
        sa.last_seq = sa.last_seq.max((sa.last_seq + u64::from(*by)).min(end - 10));
    }
    let Some(seq) = sa.next_seq() else { return Vec::new() };
    let plain = packet.frame(association.inside(Direction::In));
    let seal = |seq| -> Option<Vec<u8>> {
        let frame = encapsulate(&plain, sa, seq).ok()?;
        Some(match fate {
            Fate::Trailer(pad_length, next_header) => reseal(&frame, sa, seq, seq, Some([*pad_length, *next_header])),
            // The IV is the sender's affair (RFC 4106 section 3.1): Linux has another than the sequence number.
            _ if packet.ttl.is_multiple_of(2) => reseal(&frame, sa, seq, seq.wrapping_mul(0x9E37_79B9_7F4A_7C15), None),
            _ => frame,
        })
    };
    let Some(mut frame) = seal(seq) else { return Vec::new() };
    match fate {
        Fate::Good | Fate::Jump(_) | Fate::Trailer(..) => vec![(true, frame, false)],
        Fate::Doubled => vec![(true, frame.clone(), false), (true, frame, false)],
        Fate::Damaged => vec![(true, frame, true)],
        Fate::Padded(by) => {
            frame.resize(frame.len() + by, 0x5A);
            vec![(true, frame, false)]
        }
        Fate::Cut(at) => {
            frame.truncate(1 + at.index(frame.len() - 1));
            vec![(true, frame, false)]
        }
        Fate::Flipped(at) => {
            // The sequence number is left alone: a number of a packet that is still under way is refused earlier or later, as it happens.
            let number = Headers::parse(&frame).esp.map_or(0, |esp| esp.offset + 4);
            let at = at.index(8 * frame.len());
            if !(number..number + 4).contains(&(at / 8)) {
                frame[at / 8] ^= 1 << (at % 8);
            }
            vec![(true, frame, false)]
        }
        Fate::Old(zero) => {
            let seq = if *zero { 0 } else { seq.saturating_sub(5000).max(1) };
            seal(seq).map(|frame| (true, frame, false)).into_iter().collect()
        }
    }
}

/// The same packet under another IV, and if asked with other last bytes (pad length, next header).
fn reseal(frame: &[u8], sa: &TxSa, seq: u64, iv: u64, trailer: Option<[u8; 2]>) -> Vec<u8> {
    let esp = Headers::parse(frame).esp.expect("an ESP frame");
    let header = Header { spi: sa.spi, seq, esn: sa.esn };
    let (head, sealed) = frame.split_at(esp.offset + 16);
    let old: [u8; 8] = head[esp.offset + 8..].try_into().expect("8 bytes");
    let mut plaintext = sa.cipher.open(&header, &old, sealed).expect("it was just sealed");
    // Not so long a pad that it cuts the inner IP header off.
    let trailer = trailer.filter(|[pad_length, _]| !(2..=62).contains(&(plaintext.len() as isize - isize::from(*pad_length))));
    if let Some(trailer) = trailer {
        let at = plaintext.len() - 2;
        plaintext[at..].copy_from_slice(&trailer);
    }
    let iv = iv.to_be_bytes();
    [&head[..esp.offset + 8], &iv, &sa.cipher.seal(&header, &iv, &plaintext)].concat()
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

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        30 => Just(Fate::Good),
        3 => Just(Fate::Doubled),
        6 => any::<Index>().prop_map(Fate::Flipped),
        3 => any::<Index>().prop_map(Fate::Cut),
        2 => Just(Fate::Damaged),
        3 => (1..40usize).prop_map(Fate::Padded),
        2 => any::<bool>().prop_map(Fate::Old),
        3 => prop_oneof![1..5000u32, Just(0x0100_0000)].prop_map(Fate::Jump),
        3 => (any::<u8>(), prop_oneof![Just(59u8), Just(4), Just(41), any::<u8>()]).prop_map(|(pad, next)| Fate::Trailer(pad, next)),
    ]
}

pub fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => (prop::option::weighted(0.9, any::<Index>()), packets()).prop_map(|(which, packet)| Event::Send(which, packet)),
        20 => (any::<Index>(), packets(), fates()).prop_map(|(which, packet, fate)| Event::Receive(which, packet, fate)),
        2 => (packets(), any::<bool>()).prop_map(|(packet, v6)| Event::Foreign(packet, v6)),
        1 => (any::<bool>(), prop::collection::vec(any::<u8>(), 1..200)).prop_map(|(wire, bytes)| Event::Noise(wire, Bytes(bytes))),
        2 => (any::<Index>(), packets(), any::<Index>(), 1..=255u8).prop_map(|(which, packet, at, by)| Event::Bent(which, packet, at, by)),
        1 => (any::<Index>(), packets()).prop_map(|(which, packet)| Event::Damaged(which, packet)),
    ]
}

pub fn associations(index: u8) -> impl Strategy<Value = Association> {
    let keys = prop_oneof![Just(20), Just(28), Just(36)].prop_flat_map(|length| prop::collection::vec(any::<u8>(), length));
    let windows = prop_oneof![Just(0u32), Just(1), Just(32), Just(64), Just(4096), 1..300u32];
    let last = prop_oneof![4 => Just(0), 2 => 0..100u64, 2 => Just(0xFFFF_FFF8), 1 => any::<u64>().prop_map(|seq| seq >> 1)];
    (keys, any::<[bool; 6]>(), prop::option::of(any::<bool>()), windows, last).prop_map(
        move |(key_and_salt, [esn, v6, encap, dont_encap_dscp, no_ecn, no_pmtu_disc], tunnel, window, last)| Association {
            index,
            key_and_salt,
            esn,
            v6,
            tunnel,
            // The engine writes no UDP checksum, so the driver refuses UDP over IPv6.
            encap: encap && !tunnel.unwrap_or(v6),
            // ESN wants a window (the driver refuses it without).
            window: if esn { window.max(1) } else { window },
            last_seq: if esn { last } else { last & 0xFFFF_FFFF },
            dont_encap_dscp,
            no_ecn,
            no_pmtu_disc,
        },
    )
}
