//! Policies and packets at random, and what is to become of one.

use espalier_hdl::records::{Policy, Selector, Verdict};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rust_hdl::prelude::ToBits;

/// Few values, so that many match.
pub fn selector(random: &mut impl Rng) -> Selector {
    let v6: bool = random.random();
    let net: u128 = if v6 { 0x2001_0db8_0000_0000_0000_0000_0000_0000 } else { 0x0a00_0000 };
    let address = |random: &mut dyn Rng| (net | u128::from(random.random_range(0..4u32)) << 8 | random.random_range(0..4u128)).to_bits();
    Selector {
        forward: random.random(),
        v6,
        src: address(random),
        dst: address(random),
        protocol: [6u64, 17, 1].choose(random).copied().unwrap_or(0).into(),
        sport: random.random_range(0..3u64).into(),
        dport: [500u64, 4500, 80].choose(random).copied().unwrap_or(0).into(),
    }
}

pub fn policy(random: &mut impl Rng, order: u64) -> Policy {
    let value = selector(random);
    let host = if value.v6 { u128::MAX } else { 0xFFFF_FFFF };
    let prefix = |random: &mut dyn Rng| (host & [0, !0xFFFF, !0xFF, u128::MAX][random.random_range(0..4)]).to_bits();
    let port = |random: &mut dyn Rng| [0u64, 0, 0xFFFF][random.random_range(0..3)].into();
    let mask = Selector {
        // These two do not count.
        forward: random.random(),
        v6: random.random(),
        src: prefix(random),
        dst: prefix(random),
        protocol: [0u64, 0, 0xFF][random.random_range(0..3)].into(),
        sport: port(random),
        dport: port(random),
    };
    Policy {
        valid: random.random_ratio(7, 8),
        value,
        mask,
        order: order.into(),
        action: random.random_range(0..3u64).into(),
        sa_valid: random.random(),
        optional: random.random(),
        sa: random.random_range(0..1024u64).into(),
    }
}

pub fn matches(policy: &Policy, packet: &Selector) -> bool {
    let Policy { valid, value, mask, .. } = policy;
    *valid
        && value.v6 == packet.v6
        && value.forward == packet.forward
        && value.src & mask.src == packet.src & mask.src
        && value.dst & mask.dst == packet.dst & mask.dst
        && value.protocol & mask.protocol == packet.protocol & mask.protocol
        && value.sport & mask.sport == packet.sport & mask.sport
        && value.dport & mask.dport == packet.dport & mask.dport
}

/// The policy found so far, and where.
pub type Best = Option<(usize, Policy)>;

pub fn verdict(best: Best) -> Verdict {
    best.map_or_else(Verdict::default, |(index, Policy { action, sa_valid, optional, sa, .. })| Verdict {
        hit: true,
        action,
        sa_valid,
        optional,
        index: (index as u64).into(),
        sa,
    })
}
