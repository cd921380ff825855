//! Frames, what runs beside them, and table entries: few addresses and ports, so that much matches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use espalier_hdl::admit::LOCAL_ADDRESSES;
use espalier_hdl::parse::MAX_FRAME_BYTES;
use espalier_hdl::records::{LocalAddress, Meta, Policy, SaSelector, Selector};
use espalier_regs::tuser::crypto_status;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rust_hdl::prelude::ToBits;

use crate::rules::{POLICIES, SAS, Tables, Write, bits};

/// One of a few addresses; seldom multicast or broadcast, or almost so.
pub fn address(v6: bool, random: &mut impl Rng) -> IpAddr {
    let low: u8 = random.random_range(0..4);
    let special = random.random_ratio(1, 10);
    if v6 {
        let first = if special { *[0xFF02, 0xFF0E, 0xFE80, 0x7F00].choose(random).unwrap() } else { 0x2001 };
        Ipv6Addr::new(first, 0xDB8, 0, 0, 0, 0, 0, low.into()).into()
    } else if special {
        let [a, b] = *[[224, 0], [239, 1], [255, 255], [223, 255], [240, 0]].choose(random).unwrap();
        let rest = if a == 255 && random.random() { 255 } else { low };
        Ipv4Addr::new(a, b, 255, rest).into()
    } else {
        Ipv4Addr::new(10, 0, 0, low).into()
    }
}

fn port(random: &mut impl Rng) -> u16 {
    *[80, 500, 4500].choose(random).unwrap()
}

/// An Ethernet frame: mostly IP, mostly right.
pub fn frame(random: &mut impl Rng) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..12).map(|_| random.random()).collect();
    for _ in 0..[0, 0, 0, 1, 2, 3].choose(random).copied().unwrap() {
        frame.extend(if random.random() { [0x81, 0x00] } else { [0x88, 0xA8] });
        frame.extend(random.random::<[u8; 2]>());
    }
    let v6 = random.random();
    frame.extend(if v6 { [0x86, 0xDD] } else { [0x08, 0x00] });
    let payload = payload_length(random);
    let protocol = *[6, 17, 17, 17, 1, 50, 4, 58, 60].choose(random).unwrap();
    let mut payload: Vec<u8> = (0..payload).map(|_| random.random()).collect();
    if let Some(ports) = payload.get_mut(..4) {
        ports[..2].copy_from_slice(&port(random).to_be_bytes());
        ports[2..].copy_from_slice(&port(random).to_be_bytes());
    }
    if let Some(length) = payload.get(..8).map(|_| payload.len() as u16) {
        payload[4..6].copy_from_slice(&length.to_be_bytes());
    }
    if random.random_ratio(1, 3) && payload.len() >= 12 {
        payload[8..12].fill(0); // A non-ESP marker, where it is UDP.
    }
    let (src, dst) = (address(v6, random), address(v6, random));
    frame.extend(ip_header(src, dst, protocol, payload.len() as u16, random));
    frame.extend(payload);
    match random.random_range(0..40) {
        0 => {
            let at = random.random_range(12..frame.len().min(60));
            frame[at] ^= 1 << random.random_range(0..8);
        }
        1 => frame.truncate(random.random_range(14..=frame.len().min(90))),
        2 => frame.resize(MAX_FRAME_BYTES, 0),
        3..8 => frame.resize(frame.len().max(60), 0),
        _ => {}
    }
    frame
}

/// Bytes behind the IP header: mostly few.
fn payload_length(random: &mut impl Rng) -> usize {
    match random.random_range(0..200) {
        0 => random.random_range(5000..9100),
        1..10 => random.random_range(400..1480),
        10..80 => random.random_range(60..300),
        _ => random.random_range(0..60),
    }
}

fn ip_header(src: IpAddr, dst: IpAddr, protocol: u8, payload: u16, random: &mut impl Rng) -> Vec<u8> {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let options: u8 = if random.random_ratio(1, 12) { random.random_range(1..11) } else { 0 };
            let fragment: u16 = if random.random_ratio(1, 12) { random.random() } else { 0x4000 };
            let mut header = vec![0x45 + options, 0];
            header.extend((20 + 4 * u16::from(options) + payload).to_be_bytes());
            header.extend([0, 0]);
            header.extend(fragment.to_be_bytes());
            header.extend([64, protocol, 0, 0]);
            header.extend(src.octets());
            header.extend(dst.octets());
            header.resize(20 + 4 * usize::from(options), 1);
            let sum: u32 = header.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
            let sum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            header
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(payload.to_be_bytes());
            header.extend([protocol, 64]);
            header.extend(src.octets());
            header.extend(dst.octets());
            header
        }
        _ => unreachable!("both are of one family"),
    }
}

/// What may run beside a frame.
pub fn meta(tables: &Tables, random: &mut impl Rng) -> Meta {
    let index = random.random_range(0..SAS);
    let generation = if random.random_ratio(1, 20) { random.random() } else { tables.sas[index].generation };
    let status = [crypto_status::SUCCESS, crypto_status::TRANSPORT_ESP_AUTH_FAILED, crypto_status::TUNNEL_ESP_AUTH_FAILED];
    let kind = random.random_range(0..12);
    Meta {
        crypto: kind == 0,
        must_protect: random.random(),
        is_protected: (2..8).contains(&kind),
        unsupported: kind == 8,
        status: u64::from(*status.choose(random).unwrap()).into(),
        sa: (index as u64).into(),
        generation: u64::from(generation).into(),
    }
}

/// A selector, and what of it counts: mostly little.
fn selector(random: &mut impl Rng) -> (Selector, Selector) {
    let v6 = random.random();
    let value = Selector {
        v6,
        forward: random.random(),
        src: bits(address(v6, random)),
        dst: bits(address(v6, random)),
        protocol: [6u64, 17, 1].choose(random).copied().unwrap().into(),
        sport: u64::from(port(random)).into(),
        dport: u64::from(port(random)).into(),
    };
    let mut prefix = || [0, 0, 0, !1, !3, u128::MAX].choose(random).copied().unwrap().to_bits();
    let (src, dst) = (prefix(), prefix());
    let mut exact = |all: u64| if random.random_ratio(1, 6) { all } else { 0 };
    let (protocol, sport, dport) = (exact(0xFF).into(), exact(0xFFFF).into(), exact(0xFFFF).into());
    (value, Selector { v6: random.random(), forward: random.random(), src, dst, protocol, sport, dport })
}

/// A write of one of the tables; `order` must be another in each.
pub fn write(order: u64, random: &mut impl Rng) -> Write {
    let sa = random.random_range(0..SAS);
    match random.random_range(0..12) {
        0..4 => {
            let (value, mask) = selector(random);
            let policy = Policy {
                valid: random.random_ratio(1, 4),
                value,
                mask,
                order: (u64::from(random.random::<u16>()) << 32 | order).into(),
                action: random.random_range(0..3u64).into(),
                sa_valid: random.random(),
                optional: random.random_ratio(1, 3),
                sa: random.random_range(0..1024u64).into(),
            };
            Write::Policy(random.random_range(0..POLICIES), policy)
        }
        4 => {
            let v6 = random.random();
            let local = LocalAddress { valid: random.random_ratio(1, 3), v6, address: bits(address(v6, random)) };
            Write::Local(random.random_range(0..LOCAL_ADDRESSES), local)
        }
        5 => Write::Sa(sa, random.random()),
        6..9 => {
            let (value, mask) = selector(random);
            let mask = if random.random() { Selector::default() } else { mask };
            Write::Selector(sa, SaSelector { value, mask, any_family: random.random_ratio(3, 4) })
        }
        _ => Write::Accept(sa, random.random()),
    }
}
