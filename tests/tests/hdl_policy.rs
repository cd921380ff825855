//! The policy table on the Verilated block: the first match wins, wherever it stands, while the table changes.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;

use espalier_hdl::policy::{Cells, PolicyTable};
use espalier_hdl::records::{Policy, Selector, Verdict};
use espalier_sim::{Model, record};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rust_hdl::core::simulate::simulate;
use rust_hdl::prelude::{Bits, ToBits};

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

fn bits<const N: usize>(bits: Bits<N>) -> Vec<bool> {
    (0..N).map(|i| bits.get_bit(i)).collect()
}

/// What the cells hold of a policy: word by word, for packets' bits of 0 and then of 1.
fn cells(policy: &Policy) -> Vec<Vec<bool>> {
    let line = |selector: &Selector, always: bool| {
        let Selector { v6, forward, src, dst, protocol, sport, dport } = *selector;
        [bits(src), bits(dst), bits(sport), bits(dport), bits(protocol), vec![v6 | always, forward | always]].concat()
    };
    let (values, masks) = (line(&policy.value, false), line(&policy.mask, true));
    let words = values.chunks(16).zip(masks.chunks(16));
    words.flat_map(|(value, mask)| [false, true].map(|bit| value.iter().zip(mask).map(|(v, m)| !m | (*v == bit)).collect())).collect()
}

/// A write under way.
struct Writing {
    index: usize,
    policy: Policy,
    /// Its first clock.
    since: u64,
    /// The place has no policy from this clock on, as the rules are read.
    gone: Option<u64>,
    /// Its last.
    until: u64,
}

impl Writing {
    fn new(index: usize, policy: Policy, old: &Policy, since: u64) -> Self {
        if !policy.valid {
            return Self { index, policy, since, gone: None, until: since + 1 };
        }
        let changed = cells(old).iter().zip(&cells(&policy)).position(|(old, new)| old != new);
        Self { index, policy, since, gone: changed.map(|step| since + step as u64 + 5), until: since + WRITE - 1 }
    }
}

/// Clocks of a write.
const WRITE: u64 = 44;

/// Look-ups and writes at random, with stalls. What each look-up says must be right for every row as it is in the clock in which its rules are read.
fn random_traffic<const R: usize, const G: usize>(name: &str, seed: u64, clocks: u64, stall: u32, write_every: u32) {
    println!("seed {seed:#x}, {stall} stalls in 10, a write begins in {write_every} clocks");
    let random = &mut StdRng::seed_from_u64(seed);
    let mut model = Model::build::<PolicyTable<R, G>>(name).unwrap();
    model.reset(3);
    let rows = 1 << R;
    let mut table = vec![Policy::default(); 4 * G * rows];
    let mut order = 0u64;
    // The look-up whose rules are read: packet, clock of its start, the best so far; then the verdicts to come.
    let mut looking: VecDeque<(Selector, u64, Best)> = VecDeque::new();
    let mut verdicts: VecDeque<Verdict> = VecDeque::new();
    let mut waiting: Option<Selector> = None;
    let mut writing: Option<Writing> = None;
    let (mut hits, mut misses, mut writes) = (0, 0, [0; 3]);
    for _ in 0..clocks {
        let clock = model.cycles();
        model.settle();
        let ready = model.get_bool("ready");
        if waiting.is_none() && !random.random_ratio(stall, 10) {
            waiting = Some(selector(random));
        }
        model.set("selector_valid", waiting.is_some());
        if let Some(packet) = waiting {
            model.set_record("selector", packet);
        }
        if ready && writing.is_none() && random.random_ratio(1, write_every) {
            // Unique, above or below the others; in a third of the cases what is there for the same packets.
            order += 1;
            let priority = random.random_range(0..1 << 16);
            let mut new = policy(random, priority << 32 | order);
            let index = random.random_range(0..table.len());
            let old = table[index];
            if old.valid && random.random_ratio(1, 3) {
                new = Policy { value: old.value, mask: old.mask, ..new };
            }
            writes[usize::from(new.valid) + usize::from(new.valid && old.valid && cells(&old) == cells(&new))] += 1;
            writing = Some(Writing::new(index, new, &old, clock));
        }
        model.set("write_valid", writing.is_some());
        if let Some(Writing { index, policy, .. }) = &writing {
            model.set("write_index", *index);
            model.set_record("write_data", *policy);
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
            looking.push_back((packet, clock, None));
        }
        if let Some(write) = &writing
            && write.gone == Some(clock)
        {
            table[write.index].valid = false;
        }
        if let Some((packet, start, best)) = looking.front_mut()
            && let Some(row) = clock.checked_sub(*start + 3)
        {
            let places = (0..G).flat_map(|group| (0..4).map(move |place| (group * rows + row as usize) * 4 + place));
            let found = places.map(|index| (index, table[index])).filter(|(_, policy)| matches(policy, packet));
            *best = found.chain(*best).min_by_key(|(_, policy)| policy.order);
            if row as usize == rows - 1 {
                verdicts.push_back(verdict(*best));
                looking.pop_front();
            }
        }
        let done = writing.take_if(|write| write.until == clock);
        assert_eq!(model.get_bool("write_ready"), done.is_some(), "clock {clock}");
        if let Some(Writing { index, policy, since, .. }) = done {
            assert!(since < clock);
            table[index] = policy;
        }
        model.rise();
    }
    println!("{hits} hits, {misses} misses; {writes:?} writes: cleared, written, written for the same packets");
    assert!(hits > 100 && misses > 10 && writes.iter().all(|&writes| writes > 10));
}

#[test]
fn the_lowest_order_wins_under_writes_64() {
    random_traffic::<3, 2>("policy_3_2", 0x5001, 100_000, 0, 4);
    random_traffic::<3, 2>("policy_3_2", 0x5002, 100_000, 5, 1);
    random_traffic::<3, 2>("policy_3_2", 0x5003, 100_000, 8, 400);
}

#[test]
fn the_lowest_order_wins_under_writes_32() {
    random_traffic::<3, 1>("policy_3_1", 0x5006, 100_000, 0, 1);
    random_traffic::<3, 1>("policy_3_1", 0x5007, 100_000, 4, 50);
}

#[test]
fn the_lowest_order_wins_under_writes_16() {
    random_traffic::<1, 2>("policy_1_2", 0x5004, 50_000, 0, 30);
    random_traffic::<1, 2>("policy_1_2", 0x5005, 50_000, 6, 1);
}

#[test]
fn nothing_matches_after_reset() {
    let mut model = Model::build::<PolicyTable<3, 2>>("policy_3_2").unwrap();
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
            model.set("write_valid", false);
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
            model.set("write_valid", true);
            model.set("write_index", index);
            model.set_record("write_data", Policy { mask: Selector::default(), ..all });
            while {
                model.settle();
                !model.get_bool("write_ready")
            } {
                model.rise();
            }
            model.rise();
        }
        model.set("write_valid", false);
    }
}

/// A look-up every 8 clocks, its verdict 2^3 + 7 clocks after its selector; writes cost nothing.
#[test]
fn pace_and_latency_are_as_documented() {
    let random = &mut StdRng::seed_from_u64(11);
    let mut model = Model::build::<PolicyTable<3, 2>>("policy_3_2").unwrap();
    model.reset(1);
    model.clocks(9);
    model.set("selector_valid", true);
    model.set("verdict_ready", true);
    let (mut taken, mut given, mut written) = (Vec::new(), Vec::new(), 0);
    for clock in 0..10_000 {
        // None at first, then one after the other.
        model.set("write_valid", clock > 1_000);
        model.set("write_index", written % 64);
        model.settle();
        if model.get_bool("selector_ready") {
            taken.push(model.cycles());
        }
        if model.get_bool("verdict_valid") {
            given.push(model.cycles());
        }
        let done = model.get_bool("write_ready");
        model.rise();
        if clock == 1_000 || done {
            written += usize::from(done);
            model.set_record("write_data", Policy { valid: true, ..policy(random, clock) });
        }
    }
    assert!(written > 70);
    assert!(taken.windows(2).all(|pair| pair[1] - pair[0] == 8));
    assert!(given.iter().zip(&taken).all(|(given, taken)| given - taken == 15), "{:?}", given[0] - taken[0]);
}

/// Verdicts that nobody takes stop the look-ups; none is lost.
#[test]
fn untaken_verdicts_stop_the_table() {
    let mut model = Model::build::<PolicyTable<3, 2>>("policy_3_2").unwrap();
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

/// The cells in rust-hdl's own simulation and on the Verilated block: both are tables of what each policy likes.
#[test]
fn cells_in_rust_and_in_verilog_are_what_the_policies_like() {
    let random = &mut StdRng::seed_from_u64(13);
    let mut model = Model::build::<Cells<3, 10>>("cells_3_10").unwrap();
    let mut block = Box::<Cells<3, 10>>::default();
    // By row and packet's bit: of each of the four policies, the bits that it likes.
    let mut likes = [[None; 2]; 8];
    for _ in 0..2_000 {
        let (row, write_row, write_for) = (random.random_range(0..8), random.random_range(0..8), random.random::<bool>());
        // Most like most.
        let (write, data) = (random.random_bool(0.5), random.random::<u64>() | random.random::<u64>() | random.random::<u64>());
        let packet = random.random_range(0..1u64 << 10);
        (block.row.next, block.packet.next) = (row.into(), packet.into());
        (block.write_enable.next, block.write_row.next) = (write, write_row.into());
        (block.write_for.next, block.write_data.next) = (write_for, data.into());
        block.clock.next = false.into();
        assert!(simulate(&mut *block, 20));
        for (port, value) in [("row", row), ("packet", packet), ("write_row", write_row), ("write_data", data)] {
            model.set(port, value);
        }
        model.set("write_enable", write);
        model.set("write_for", write_for);
        model.settle();
        if let [Some(zero), Some(one)] = likes[row as usize] {
            let (zero, one): (u64, u64) = (zero, one);
            let hit = |policy: u64| (0..10).all(|i| (if packet >> i & 1 == 0 { zero } else { one }) >> (policy * 16 + i) & 1 == 1);
            let want = (0..4).fold(0, |hits, policy| hits | u64::from(hit(policy)) << policy);
            assert_eq!((model.get_u64("hits"), block.hits.val().to_u64()), (want, want));
        }
        block.clock.next = true.into();
        assert!(simulate(&mut *block, 20));
        model.rise();
        if write {
            likes[write_row as usize][usize::from(write_for)] = Some(data);
        }
    }
}
