//! The policy table on the Verilated block: the first match wins, wherever it stands, while the table changes.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;

use espalier_hdl::policy::PolicyTable;
use espalier_hdl::records::{Policy, Selector, Verdict};
use espalier_sim::{Model, record};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rust_hdl::prelude::ToBits;

const BANKS: usize = 8;

/// Few values, so that many match.
fn selector(random: &mut impl Rng) -> Selector {
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

fn policy(random: &mut impl Rng, order: u64) -> Policy {
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

fn matches(policy: &Policy, packet: &Selector) -> bool {
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
type Best = Option<(usize, Policy)>;

/// The better of what was found and the policies of a row.
fn better(best: Best, row: &[(usize, Policy)], packet: &Selector) -> Best {
    row.iter().filter(|(_, policy)| matches(policy, packet)).copied().chain(best).min_by_key(|(_, policy)| policy.order)
}

fn verdict(best: Best) -> Verdict {
    best.map_or_else(Verdict::default, |(index, Policy { action, sa_valid, optional, sa, .. })| Verdict {
        hit: true,
        action,
        sa_valid,
        optional,
        index: (index as u64).into(),
        sa,
    })
}

/// Look-ups and writes at random, with stalls; each row is expected to be read in its own clock, whatever is written.
fn random_traffic<const R: usize>(name: &str, seed: u64, clocks: u64, stall: u32, write_every: u32) {
    println!("seed {seed:#x}, {stall} stalls in 10, a write in {write_every} clocks");
    let random = &mut StdRng::seed_from_u64(seed);
    let mut model = Model::build::<PolicyTable<R>>(name).unwrap();
    model.reset(3);
    let rows = 1 << R;
    let mut table: Vec<_> = (0..BANKS * rows).map(|index| (index, Policy::default())).collect();
    let mut order = 0u64;
    // The packet that is looked up, the next row, and the best so far; then the verdicts to come.
    let mut looking: Option<(Selector, usize, Best)> = None;
    let mut verdicts: VecDeque<Verdict> = VecDeque::new();
    let mut waiting: Option<Selector> = None;
    let (mut hits, mut misses) = (0, 0);
    // The write under way, and when it was asked for.
    let mut pending: Option<(u64, usize, Policy)> = None;
    for clock in 0..clocks {
        let ready = {
            model.settle();
            model.get_bool("ready")
        };
        if waiting.is_none() && !random.random_ratio(stall, 10) {
            waiting = Some(selector(random));
        }
        model.set("selector_valid", waiting.is_some());
        if let Some(packet) = waiting {
            model.set_record("selector", packet);
        }
        let write = (ready && pending.is_none() && random.random_ratio(1, write_every)).then(|| {
            // Unique, above or below the others.
            order += 1;
            let priority = random.random_range(0..1 << 16);
            (random.random_range(0..table.len()), policy(random, priority << 32 | order))
        });
        model.set("write_enable", write.is_some());
        if let Some((index, policy)) = write {
            model.set("write_index", index);
            model.set_record("write_data", policy);
        }
        let verdict_ready = !random.random_ratio(stall, 10);
        model.set("verdict_ready", verdict_ready);
        model.settle();

        if model.get_bool("verdict_valid") {
            let want = verdicts[0];
            assert_eq!(model.get("verdict"), record(want), "clock {clock}: {want:?}");
            if verdict_ready {
                if want.hit {
                    hits += 1
                } else {
                    misses += 1
                }
                verdicts.pop_front();
            }
        }
        if model.get_bool("selector_ready")
            && let Some(packet) = waiting.take()
        {
            assert!(looking.is_none());
            looking = Some((packet, 0, None));
        }
        // The clock after it was asked for the write is made, or one later if its row is being read.
        let read_row = looking.as_ref().map(|(_, row, _)| *row);
        if let Some((asked, index, policy)) = pending
            && clock > asked
            && read_row != Some(index / BANKS)
        {
            assert!(clock <= asked + 2);
            table[index].1 = policy;
            pending = None;
        }
        if let Some((packet, row, best)) = &mut looking {
            *best = better(*best, &table[*row * BANKS..][..BANKS], packet);
            *row += 1;
            if *row == rows {
                verdicts.push_back(verdict(*best));
                looking = None;
            }
        }
        if let Some((index, policy)) = write {
            pending = Some((clock, index, policy));
        }
        model.rise();
    }
    println!("{hits} hits, {misses} misses");
    assert!(hits > 100 && misses > 10);
}

#[test]
fn the_lowest_order_wins_under_writes_64() {
    random_traffic::<3>("policy_3", 0x5001, 100_000, 0, 40);
    random_traffic::<3>("policy_3", 0x5002, 100_000, 5, 3);
    random_traffic::<3>("policy_3", 0x5003, 100_000, 8, 400);
}

#[test]
fn the_lowest_order_wins_under_writes_16() {
    random_traffic::<1>("policy_1", 0x5004, 50_000, 0, 30);
    random_traffic::<1>("policy_1", 0x5005, 50_000, 6, 10);
}

#[test]
fn nothing_matches_after_reset() {
    let mut model = Model::build::<PolicyTable<3>>("policy_3").unwrap();
    let random = &mut StdRng::seed_from_u64(9);
    for _ in 0..2 {
        model.reset(2);
        let swept = (0..).find(|_| {
            model.settle();
            assert!(model.get_bool("ready") || !model.get_bool("selector_ready"));
            let ready = model.get_bool("ready");
            model.rise();
            ready
        });
        assert_eq!(swept, Some(8), "the rows are swept in as many clocks");
        // A policy that matches all, everywhere; then reset again.
        for index in 0..64 {
            let all = Policy { valid: true, value: Selector { v6: true, ..Default::default() }, ..policy(random, index) };
            model.set_record("selector", Selector { v6: true, ..Default::default() });
            model.set("selector_valid", index == 0);
            model.set("verdict_ready", true);
            if index == 0 {
                model.clock();
                model.set("selector_valid", false);
                while {
                    model.settle();
                    !model.get_bool("verdict_valid")
                } {
                    model.rise();
                }
                assert_eq!(model.get("verdict"), record(Verdict::default()));
                model.rise();
            }
            model.set("write_enable", true);
            model.set("write_index", index);
            model.set_record("write_data", Policy { mask: Selector::default(), ..all });
            model.clock();
            model.set("write_enable", false);
            model.clocks(2);
        }
    }
}

/// A look-up every 8 clocks, its verdict 2^3 + 7 clocks after its selector.
#[test]
fn pace_and_latency_are_as_documented() {
    let mut model = Model::build::<PolicyTable<3>>("policy_3").unwrap();
    model.reset(1);
    model.clocks(9);
    model.set("selector_valid", true);
    model.set("verdict_ready", true);
    let (mut taken, mut given) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        model.settle();
        if model.get_bool("selector_ready") {
            taken.push(model.cycles());
        }
        if model.get_bool("verdict_valid") {
            given.push(model.cycles());
        }
        model.rise();
    }
    assert!(taken.windows(2).all(|pair| pair[1] - pair[0] == 8));
    assert!(given.iter().zip(&taken).all(|(given, taken)| given - taken == 15), "{:?}", given[0] - taken[0]);
}

/// Verdicts that nobody takes stop the look-ups; none is lost.
#[test]
fn untaken_verdicts_stop_the_table() {
    let mut model = Model::build::<PolicyTable<3>>("policy_3").unwrap();
    model.reset(1);
    model.set("selector_valid", true);
    let mut taken = 0;
    for _ in 0..200 {
        model.settle();
        taken += u32::from(model.get_bool("selector_ready"));
        model.rise();
    }
    assert_eq!(taken, 4);
    model.set("selector_valid", false);
    model.set("verdict_ready", true);
    let mut given = 0;
    for _ in 0..50 {
        model.settle();
        given += u32::from(model.get_bool("verdict_valid"));
        model.rise();
    }
    assert_eq!(given, 4);
}
