//! Frames and SAs for the tests.
#![allow(dead_code)] // Not every test file uses everything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use espalier_reference_model::headers::protocol;
use espalier_reference_model::nic::Nic;
use espalier_reference_model::policy::{Action, Policy, Prefix, Requirement, Selector};
use espalier_reference_model::replay::ReplayWindow;
use espalier_reference_model::rfc4106::{IcvLength, Rfc4106};
use espalier_reference_model::sa::{Encap, Endpoints, RxSa, SaKey, Tunnel, TxSa};
use etherparse::{IpNumber, Ipv4Header, Ipv6Header};
use proptest::prelude::*;

pub const SPI: u32 = 0x1234_5678;

/// The hosts inside and the gateways outside, of either family.
pub fn inside(v6: bool) -> (IpAddr, IpAddr) {
    if v6 {
        ("2001:db8:1::1".parse().expect("address"), "2001:db8:2::2".parse().expect("address"))
    } else {
        (Ipv4Addr::new(10, 1, 0, 1).into(), Ipv4Addr::new(10, 2, 0, 2).into())
    }
}

pub fn outside(v6: bool) -> Endpoints {
    if v6 {
        let (src, dst) = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));
        Endpoints::V6 { src, dst }
    } else {
        Endpoints::V4 { src: Ipv4Addr::new(192, 0, 2, 1), dst: Ipv4Addr::new(192, 0, 2, 2) }
    }
}

/// What goes in front of an IP packet.
pub fn l2(tags: usize, v6: bool) -> Vec<u8> {
    let mut l2 = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    for tpid in &[0x88A8u16, 0x8100][2 - tags..] {
        l2.extend_from_slice(&tpid.to_be_bytes());
        l2.extend_from_slice(&[0x20, 0x64]);
    }
    l2.extend_from_slice(if v6 { &[0x86, 0xDD] } else { &[0x08, 0x00] });
    l2
}

/// An IP packet that tests can bend.
#[derive(Debug, Clone)]
pub struct Ip {
    pub v6: bool,
    pub tos: u8,
    pub flow_label: u32,
    pub dont_fragment: bool,
    pub ttl: u8,
    pub protocol: u8,
    pub payload: Vec<u8>,
}

impl Ip {
    pub fn udp(v6: bool, sport: u16, dport: u16, data: &[u8]) -> Self {
        let length = 8 + data.len() as u16;
        let header = [sport, dport, length, 0].map(u16::to_be_bytes).concat();
        let payload = [&header, data].concat();
        Self { v6, tos: 0, flow_label: 0, dont_fragment: false, ttl: 63, protocol: protocol::UDP, payload }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let header = match inside(self.v6) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let mut header = Ipv4Header {
                    dscp: (self.tos >> 2).try_into().expect("dscp"),
                    ecn: (self.tos & 3).try_into().expect("ecn"),
                    total_len: 20 + self.payload.len() as u16,
                    identification: 0x4321,
                    dont_fragment: self.dont_fragment,
                    time_to_live: self.ttl,
                    protocol: IpNumber(self.protocol),
                    source: src.octets(),
                    destination: dst.octets(),
                    ..Ipv4Header::default()
                };
                header.header_checksum = header.calc_header_checksum();
                header.to_bytes().to_vec()
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => Ipv6Header {
                traffic_class: self.tos,
                flow_label: self.flow_label.try_into().expect("flow label"),
                payload_length: self.payload.len() as u16,
                next_header: IpNumber(self.protocol),
                hop_limit: self.ttl,
                source: src.octets(),
                destination: dst.octets(),
            }
            .to_bytes()
            .to_vec(),
            _ => unreachable!("one family"),
        };
        [&header[..], &self.payload].concat()
    }

    pub fn frame(&self, tags: usize) -> Vec<u8> {
        [l2(tags, self.v6), self.bytes()].concat()
    }
}

/// Fills the 16-bit one's complement sum of an IPv4 header at `at`.
pub fn mend_checksum(frame: &mut [u8], at: usize) {
    let length = (usize::from(frame[at] & 0xF) * 4).clamp(20, frame.len() - at);
    frame[at + 10..at + 12].fill(0);
    let sum: u32 = frame[at..at + length].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let sum = (sum & 0xFFFF) + (sum >> 16);
    let sum = (sum & 0xFFFF) + (sum >> 16);
    frame[at + 10..at + 12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// Everything about an SA that both ends must agree on.
#[derive(Debug, Clone)]
pub struct Association {
    pub key_and_salt: Vec<u8>,
    pub esn: bool,
    pub tunnel: Option<Tunnel>,
    pub encap: Option<Encap>,
    /// Family of the packets, for transport mode.
    pub v6: bool,
    pub window: u32,
    pub icv: IcvLength,
    /// Last sequence number before the first packet, at both ends.
    pub last_seq: u64,
}

impl Association {
    pub fn transport(v6: bool) -> Self {
        Self {
            key_and_salt: (0..20).collect(),
            esn: false,
            tunnel: None,
            encap: None,
            v6,
            window: 64,
            icv: IcvLength::Sixteen,
            last_seq: 0,
        }
    }

    pub fn tunnel(v6: bool) -> Self {
        Self { tunnel: Some(Tunnel::new(outside(v6))), ..Self::transport(v6) }
    }

    pub fn cipher(&self) -> Rfc4106 {
        Rfc4106::new(&self.key_and_salt, self.icv).expect("a key")
    }

    pub fn tx_sa(&self) -> TxSa {
        let Self { esn, tunnel, encap, last_seq, .. } = *self;
        TxSa { esn, tunnel, encap, last_seq, ..TxSa::new(SPI, self.cipher()) }
    }

    pub fn sa_key(&self) -> SaKey {
        let dst = self.tunnel.map_or(inside(self.v6).1, |tunnel| tunnel.endpoints.dst());
        SaKey { dst, spi: SPI, encap: self.encap.is_some() }
    }

    pub fn rx_sa(&self) -> RxSa {
        let replay = ReplayWindow::starting_at(self.window, self.esn, self.last_seq).expect("a window");
        RxSa {
            tunnel: self.tunnel.is_some(),
            no_ecn: self.tunnel.is_some_and(|tunnel| tunnel.no_ecn),
            ..RxSa::new(9, self.cipher(), replay)
        }
    }

    /// A sender that protects everything, and its receiver.
    pub fn nics(&self) -> (Nic, Nic) {
        let mut sender = Nic::default();
        sender.tx_sas.insert(7, self.tx_sa());
        for v6 in [false, true] {
            let any = Prefix::new(inside(v6).0, 0).expect("a prefix");
            let selector = Selector::between(any, any);
            sender.policies.insert(Policy { selector, forward: false, priority: 0, action: Action::Protect(Some(7)) });
        }
        (sender, self.receiver())
    }

    /// A receiver whose policies take everything that the SA carried, and what was not protected.
    pub fn receiver(&self) -> Nic {
        let mut receiver = Nic::default();
        let mut sa = self.rx_sa();
        for selector in Selector::ALL {
            let action = Requirement::Protect { optional: true };
            sa.accepts.insert(receiver.rx_policies.insert(Policy { selector, forward: false, priority: 0, action }));
        }
        receiver.rx_sas.insert(self.sa_key(), sa);
        receiver
    }
}

pub fn ips() -> impl Strategy<Value = Ip> {
    let protocols = prop_oneof![Just(1), Just(6), Just(17), Just(58), Just(59), Just(132), 200..=255u8];
    let payloads = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..80),
        1 => prop::collection::vec(any::<u8>(), 1400..1500),
    ];
    (any::<(bool, u8, bool)>(), 0..1u32 << 20, 1..=255u8, protocols, payloads).prop_map(
        |((v6, tos, dont_fragment), flow_label, ttl, protocol, payload)| Ip { v6, tos, flow_label, dont_fragment, ttl, protocol, payload },
    )
}

pub fn associations() -> impl Strategy<Value = Association> {
    let keys = prop_oneof![Just(20), Just(28), Just(36)].prop_flat_map(|length| prop::collection::vec(any::<u8>(), length));
    let tunnels = any::<(bool, bool, bool, bool, u8)>().prop_map(|(v6, dont_encap_dscp, no_ecn, no_pmtu_disc, ttl)| Tunnel {
        endpoints: outside(v6),
        ttl,
        dont_encap_dscp,
        no_ecn,
        no_pmtu_disc,
    });
    let encaps = any::<(u16, bool)>()
        .prop_map(|(port, turned)| if turned { Encap { sport: 4500, dport: port } } else { Encap { sport: port, dport: 4500 } });
    let last = prop_oneof![Just(0), 0..100u64, Just(0xFFFF_FFFD), Just(0xFFFF_FFFF), any::<u64>().prop_map(|seq| seq >> 1)];
    (keys, any::<(bool, bool)>(), prop::option::of(tunnels), prop::option::of(encaps), 1..300u32, last, 0..3usize).prop_map(
        |(key_and_salt, (esn, v6), tunnel, encap, window, last_seq, icv)| {
            let last_seq = if esn { last_seq } else { last_seq & 0x7FFF_FFFF };
            Association { key_and_salt, esn, tunnel, encap, v6, window, icv: IcvLength::ALL[icv], last_seq }
        },
    )
}
