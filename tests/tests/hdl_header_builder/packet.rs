//! A packet with the front of its frame, and what its headers must become, built by etherparse.

use espalier_hdl::header_builder::HeaderFields;
use espalier_hdl::records::{Lead, Meta};
use espalier_sim::stream::Record;
use etherparse::{IpNumber, Ipv4Header, Ipv6Header, UdpHeader};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt};
use rust_hdl::prelude::*;

/// What is to become of the headers that a frame has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// L2 stays, with the EtherType of another family.
    Link,
    /// L2 stays; IP and ESP are built.
    Tunnel,
    /// IP stays, with another length and protocol; ESP is built.
    Transport,
    /// IP stays, with another length and protocol.
    Mend,
    /// All up to the IV stays, but for a UDP checksum, and what length and protocol say (the same).
    Seal,
    /// All up to the IV stays.
    Keep,
}

#[derive(Debug)]
pub struct Packet {
    pub drop: bool,
    pub alone: bool,
    none: bool,
    has_lead: bool,
    kind: Kind,
    /// The headers of the frame: L2, IP, UDP if `encap`, ESP and IV.
    front: Vec<u8>,
    /// What follows them in the frame.
    behind: Vec<u8>,
    l2: usize,
    encap: bool,
    /// Of the frame; and of what comes out of it.
    v6: bool,
    out_v6: bool,
    old_length: u16,
    old_protocol: u8,
    checksum: u16,
    ip: Ip,
    udp: bool,
    sport: u16,
    dport: u16,
    udp_length: u16,
    spi: u32,
    iv: u64,
    sa: u64,
}

/// An IP header.
#[derive(Clone, Debug)]
struct Ip {
    tos: u8,
    flow_label: u32,
    length: u16,
    identification: u16,
    dont_fragment: bool,
    ttl: u8,
    protocol: u8,
    src: [u8; 16],
    dst: [u8; 16],
}

impl Ip {
    fn random(rng: &mut SmallRng) -> Self {
        Self {
            tos: rng.random(),
            flow_label: rng.random_range(0..1 << 20),
            length: rng.random(),
            identification: rng.random(),
            dont_fragment: rng.random(),
            ttl: rng.random(),
            protocol: rng.random(),
            src: rng.random(),
            dst: rng.random(),
        }
    }

    fn bytes(&self, v6: bool) -> Vec<u8> {
        if v6 {
            let header = Ipv6Header {
                traffic_class: self.tos,
                flow_label: self.flow_label.try_into().unwrap(),
                payload_length: self.length,
                next_header: IpNumber(self.protocol),
                hop_limit: self.ttl,
                source: self.src,
                destination: self.dst,
            };
            return header.to_bytes().to_vec();
        }
        let last_four = |address: [u8; 16]| <[u8; 4]>::try_from(&address[12..]).unwrap();
        let mut header = Ipv4Header::new(0, self.ttl, IpNumber(self.protocol), last_four(self.src), last_four(self.dst)).unwrap();
        header.dscp = (self.tos >> 2).try_into().unwrap();
        header.ecn = (self.tos & 3).try_into().unwrap();
        header.total_len = self.length;
        header.identification = self.identification;
        header.dont_fragment = self.dont_fragment;
        header.header_checksum = header.calc_header_checksum();
        header.to_bytes().to_vec()
    }

    /// Sum of the IPv4 header's words but length and checksum.
    fn sum(&self) -> u64 {
        let mut header = Self { length: 0, ..self.clone() }.bytes(false);
        header[10..12].fill(0);
        header.chunks(2).map(|word| u64::from(u16::from_be_bytes([word[0], word[1]]))).sum()
    }
}

fn bits<const N: usize>(bytes: &[u8]) -> Bits<N> {
    let mut padded = bytes.to_vec();
    padded.resize(N / 8, 0);
    BigUint::from_bytes_be(&padded).into()
}

fn ethertype(v6: bool) -> [u8; 2] {
    if v6 { 0x86DDu16 } else { 0x0800 }.to_be_bytes()
}

impl Packet {
    pub fn random(rng: &mut SmallRng) -> Self {
        let kind = [Kind::Link, Kind::Tunnel, Kind::Transport, Kind::Mend, Kind::Seal, Kind::Keep][rng.random_range(0..6)];
        let (v6, encap): (bool, bool) = (rng.random(), rng.random());
        let (drop, none) = (rng.random_ratio(1, 8), rng.random_ratio(1, 8));
        let l2 = [14, 18, 22][rng.random_range(0..3)];
        let mut front = vec![0; l2];
        rng.fill_bytes(&mut front);
        front.splice(l2 - 2.., ethertype(v6));
        let old = Ip { protocol: if encap { 17 } else { 50 }, ..Ip::random(rng) };
        front.extend(old.bytes(v6));
        let upper = front.len() + if encap { 24 } else { 16 };
        front.resize_with(upper, || rng.random());
        let out_v6 = if matches!(kind, Kind::Link | Kind::Tunnel) { rng.random() } else { v6 };
        let mut ip = Ip::random(rng);
        if kind == Kind::Seal {
            (ip.length, ip.protocol) = (old.length, old.protocol);
        }
        // The one checksum that can be written in two ways: that of the frame may be the other one.
        let mut checksum = u16::from_be_bytes([front[l2 + 10], front[l2 + 11]]);
        if !v6 && checksum == 0 {
            checksum = 0xFFFF;
            front[l2 + 10..l2 + 12].fill(0xFF);
        }
        let behind = (0..rng.random_range(0..40)).map(|_| rng.random()).collect();
        Self {
            drop,
            alone: rng.random_ratio(1, 8),
            none,
            has_lead: !(drop || none) || rng.random(),
            kind,
            front,
            behind,
            l2,
            encap,
            v6,
            out_v6,
            old_length: old.length,
            old_protocol: old.protocol,
            checksum,
            ip,
            udp: rng.random(),
            sport: rng.random(),
            dport: rng.random(),
            udp_length: rng.random(),
            spi: rng.random(),
            iv: rng.random(),
            sa: rng.random_range(0..1024),
        }
    }

    fn l3(&self) -> usize {
        if self.v6 { 40 } else { 20 }
    }

    /// Bytes of the frame that stay.
    fn kept(&self) -> usize {
        match self.kind {
            Kind::Link | Kind::Tunnel => self.l2,
            Kind::Transport | Kind::Mend => self.l2 + self.l3(),
            Kind::Seal | Kind::Keep => self.front.len(),
        }
    }

    fn mends(&self) -> bool {
        matches!(self.kind, Kind::Transport | Kind::Mend | Kind::Seal)
    }

    fn builds(&self) -> bool {
        matches!(self.kind, Kind::Tunnel | Kind::Transport)
    }

    /// Clocks more until the first beat: it is part L2, part IP header.
    pub fn waits(&self) -> u64 {
        match (self.none, self.kind, self.l2, self.out_v6) {
            (false, Kind::Tunnel, 14, true) => 1,
            (false, Kind::Tunnel, 14, false) => 2,
            _ => 0,
        }
    }

    pub fn meta(&self) -> Meta {
        Meta { crypto: true, sa: self.sa.into(), ..Default::default() }
    }

    /// The front of the frame as a tap gives it, with noise behind its end.
    pub fn leads(&self) -> Vec<Record> {
        if !self.has_lead {
            return Vec::new();
        }
        let mut bytes = [&self.front[..], &self.behind].concat();
        bytes.truncate(96);
        let count = bytes.len().div_ceil(16);
        bytes.resize(16 * count, 0x5A);
        bytes.chunks(16).enumerate().map(|(i, beat)| Record::of(Lead { data: bits(beat), last: i + 1 == count })).collect()
    }

    /// What the prefix must be.
    pub fn prefix(&self) -> Vec<u8> {
        if self.none {
            return Vec::new();
        }
        let (l2, l3) = (self.l2, self.l3());
        let mut bytes = self.front[..self.kept()].to_vec();
        bytes.splice(l2 - 2..l2, ethertype(self.out_v6));
        if self.mends() {
            let header = &mut bytes[l2..l2 + l3];
            if self.v6 {
                header[4..6].copy_from_slice(&self.ip.length.to_be_bytes());
                header[6] = self.ip.protocol;
            } else {
                header[2..4].copy_from_slice(&self.ip.length.to_be_bytes());
                header[9] = self.ip.protocol;
                let checksum = Ipv4Header::from_slice(header).unwrap().0.calc_header_checksum();
                header[10..12].copy_from_slice(&checksum.to_be_bytes());
            }
        }
        if self.kind == Kind::Seal && self.encap {
            bytes[l2 + l3 + 6..l2 + l3 + 8].fill(0);
        }
        if self.kind == Kind::Tunnel {
            bytes.extend(self.ip.bytes(self.out_v6));
        }
        if self.builds() {
            if self.udp {
                let (source_port, destination_port, length) = (self.sport, self.dport, self.udp_length);
                bytes.extend(UdpHeader { source_port, destination_port, length, checksum: 0 }.to_bytes());
            }
            bytes.extend(self.spi.to_be_bytes());
            bytes.extend((self.iv as u32).to_be_bytes());
            bytes.extend(self.iv.to_be_bytes());
        }
        bytes
    }

    pub fn fields(&self) -> HeaderFields {
        // RFC 1624 equation 3.
        let mended = u64::from(!self.checksum) + u64::from(!self.old_length) + u64::from(!u16::from(self.old_protocol));
        HeaderFields {
            has_lead: self.has_lead,
            drop: self.drop,
            none: self.none,
            alone: self.alone,
            kept: (self.kept() as u64).into(),
            l2_length: (self.l2 as u64).into(),
            v6: self.out_v6,
            mend: self.mends(),
            clear_udp: self.kind == Kind::Seal && self.encap,
            has_l3: self.kind == Kind::Tunnel,
            length: u64::from(self.ip.length).into(),
            protocol: u64::from(self.ip.protocol).into(),
            sum: if self.kind == Kind::Tunnel { self.ip.sum() } else { mended + u64::from(self.ip.protocol) }.into(),
            tos: u64::from(self.ip.tos).into(),
            flow_label: u64::from(self.ip.flow_label).into(),
            identification: u64::from(self.ip.identification).into(),
            dont_fragment: self.ip.dont_fragment,
            ttl: u64::from(self.ip.ttl).into(),
            src: bits(&self.ip.src),
            dst: bits(&self.ip.dst),
            has_udp: self.udp,
            sport: u64::from(self.sport).into(),
            dport: u64::from(self.dport).into(),
            udp_length: u64::from(self.udp_length).into(),
            has_esp: self.builds(),
            spi: u64::from(self.spi).into(),
            iv: self.iv.into(),
            meta: self.meta(),
        }
    }
}
