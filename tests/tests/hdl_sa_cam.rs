//! The SA CAM on the Verilated block: the hash is the driver's, and no entry is ever missed while others come, move and go.
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, VecDeque};

use espalier_hdl::records::{CamEntry, CamKey};
use espalier_hdl::sa_cam::{LATENCY, SaCam};
use espalier_regs::cam::{self, Entry, Key, Placement, PlacementError, Write};
use espalier_sim::Model;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom, SliceRandom};
use rand::{Rng, RngExt, SeedableRng};
use rust_hdl::prelude::ToBits;

fn built<const A: usize>(name: &str) -> Model {
    let mut model = Model::build::<SaCam<A>>(name).unwrap();
    model.reset(2);
    let mut clocks = 0;
    while !model.get_bool("ready") {
        model.clock();
        model.settle();
        clocks += 1;
    }
    assert_eq!(clocks, 1 << A, "the rows are swept in as many clocks");
    model
}

fn record(key: &Key) -> CamKey {
    CamKey { dst: key.dst.to_bits(), spi: u64::from(key.spi).into(), v6: key.v6, encap: key.encap }
}

fn offer_write(model: &mut Model, write: &Write) {
    let entry = write.entry.map_or_else(CamEntry::default, |Entry { key, sa }| CamEntry {
        valid: true,
        key: record(&key),
        sa: u64::from(sa).into(),
    });
    model.set("write_enable", true);
    model.set("write_way", write.way);
    model.set("write_row", write.row);
    model.set_record("write_data", entry);
}

fn any_key(random: &mut impl Rng) -> Key {
    let v6 = random.random();
    let dst = if v6 { random.random() } else { u128::from(random.random::<u32>()) };
    Key { dst, spi: random.random(), v6, encap: random.random() }
}

/// The answer to a look-up, by its documented latency.
fn look_up(model: &mut Model, key: &Key) -> Option<u16> {
    model.set_record("key", record(key));
    model.set("key_valid", true);
    model.clock();
    model.set("key_valid", false);
    for _ in 1..LATENCY {
        model.settle();
        assert!(!model.get_bool("result_valid"));
        model.rise();
    }
    model.settle();
    assert!(model.get_bool("result_valid"));
    let result = model.get_bool("result_hit").then(|| model.get_u64("result_sa") as u16);
    model.rise();
    result
}

/// An entry is found at the row that the driver's hash says, in every way, and at no other.
fn hash_agrees<const A: usize>(name: &str) {
    let mut model = built::<A>(name);
    let random = &mut StdRng::seed_from_u64(0x6001);
    for round in 0..500 {
        // One bit, or random ones.
        let key = match round {
            0..162 => {
                let bit = |at: u32| u128::from(round == at);
                let dst = if round < 128 { 1 << round } else { 0 };
                let spi = (128..160).fold(0, |spi, at| spi | (bit(at) << (at - 128)) as u32);
                Key { dst, spi, v6: round == 160, encap: round == 161 }
            }
            _ => any_key(random),
        };
        let rows = cam::rows(key.dst, key.spi, key.v6, key.encap, A as u32);
        let way = round as usize % cam::WAYS;
        for flip in [0, 1 << (round as usize / cam::WAYS % A)] {
            let mut write = Write { way: way as u8, row: rows[way] ^ flip, entry: Some(Entry { key, sa: round as u16 }) };
            for found in [flip == 0, false] {
                offer_write(&mut model, &write);
                model.clock();
                model.set("write_enable", false);
                assert_eq!(look_up(&mut model, &key), found.then_some(round as u16), "{key:?}, {write:?}");
                write.entry = None;
            }
        }
    }
}

#[test]
fn the_hash_is_the_drivers() {
    hash_agrees::<5>("sa_cam_5");
    hash_agrees::<9>("sa_cam_9");
}

/// A key and its neighbours: they differ in one bit.
#[test]
fn the_whole_key_is_compared() {
    let mut model = built::<5>("sa_cam_5");
    let key = any_key(&mut StdRng::seed_from_u64(0x6002));
    let neighbours = (0..162).map(|bit| {
        let mut other = key;
        match bit {
            0..128 => other.dst ^= 1 << bit,
            128..160 => other.spi ^= 1 << (bit - 128),
            160 => other.v6 ^= true,
            _ => other.encap ^= true,
        }
        other
    });
    for other in neighbours.collect::<Vec<_>>() {
        // At every place where the neighbour would look.
        let rows = cam::rows(other.dst, other.spi, other.v6, other.encap, 5);
        for (way, row) in (0u8..).zip(rows) {
            offer_write(&mut model, &Write { way, row, entry: Some(Entry { key, sa: 77 }) });
            model.clock();
        }
        model.set("write_enable", false);
        assert_eq!(look_up(&mut model, &other), None);
    }
}

/// A key and the answers that are right, mostly one twice.
type Asked = (Key, Option<u16>, Option<u16>);

/// Look-ups every clock, of keys in the table and of others, while SAs come and go in the driver's order of writes, clock on clock.
#[test]
fn look_ups_never_miss_while_the_table_changes() {
    let seed = 0x6003;
    println!("seed {seed:#x}");
    let random = &mut StdRng::seed_from_u64(seed);
    let mut model = built::<5>("sa_cam_5");
    let mut placement = Placement::new(5).unwrap();
    let mut table: HashMap<Key, u16> = HashMap::new();
    let mut writes: VecDeque<Write> = VecDeque::new();
    // What the writes under way add or remove: it may be found or not.
    let mut changing: Option<(Entry, bool)> = None;
    let mut asked: VecDeque<Option<Asked>> = VecDeque::new();
    let mut gone: Vec<Key> = Vec::new();
    let (mut hits, mut misses, mut moves) = (0, 0, 0);
    for _ in 0..100_000 {
        model.set("write_enable", false);
        if !writes.is_empty() && random.random_ratio(7, 8) {
            offer_write(&mut model, &writes.pop_front().unwrap());
        }
        if writes.is_empty() {
            if let Some((Entry { key, sa }, true)) = changing.take() {
                table.insert(key, sa);
            }
            let wanted = placement.nominal();
            if table.len() < wanted && random.random_ratio(3, 5) {
                let entry = Entry { key: any_key(random), sa: random.random_range(0..1024) };
                writes.extend(placement.insert(entry).unwrap());
                moves += writes.len() - 1;
                changing = Some((entry, true));
            } else if let Some(key) = table.keys().choose(random).copied() {
                writes.push_back(placement.remove(&key).unwrap());
                let sa = table.remove(&key).unwrap();
                gone.push(key);
                changing = Some((Entry { key, sa }, false));
            }
        }
        let key = match random.random_range(0..8) {
            0 => changing.map(|(entry, _)| entry.key),
            1 => gone.choose(random).copied(),
            2 => None,
            _ => table.keys().choose(random).copied(),
        };
        let key = key.unwrap_or_else(|| any_key(random));
        let ask = random.random_ratio(15, 16);
        model.set("key_valid", ask);
        model.set_record("key", record(&key));
        asked.push_back(ask.then(|| {
            let sa = table.get(&key).copied();
            let other = changing.filter(|(entry, _)| entry.key == key).map_or(sa, |(entry, _)| Some(entry.sa));
            (key, sa, other)
        }));
        model.settle();
        if asked.len() > LATENCY {
            let ask = asked.pop_front().flatten();
            assert_eq!(model.get_bool("result_valid"), ask.is_some());
            if let Some((key, one, other)) = ask {
                let answer = model.get_bool("result_hit").then(|| model.get_u64("result_sa") as u16);
                assert!(answer == one || answer == other, "{key:?}: {answer:?}, neither {one:?} nor {other:?}");
                *if answer.is_some() { &mut hits } else { &mut misses } += 1;
            }
        }
        model.rise();
    }
    println!("{hits} hits, {misses} misses, {moves} moves, {} entries", table.len());
    assert!(hits > 10_000 && misses > 1_000 && moves > 10);
}

/// Keys as tables have them.
#[derive(Debug, Clone)]
enum Family {
    /// Each differs from the one before by a step of the address, of the SPI, or both.
    Counted { first: Key, dst_step: u128, spi_step: u32 },
    /// Nothing in common.
    Random(u64),
}

impl Family {
    fn keys(&self, count: usize) -> Vec<Key> {
        match *self {
            Self::Counted { first, dst_step, spi_step } => {
                let next = |key: &Key| {
                    let dst = key.dst.wrapping_add(dst_step);
                    let dst = if key.v6 { dst } else { dst & 0xFFFF_FFFF };
                    Some(Key { dst, spi: key.spi.wrapping_add(spi_step), ..*key })
                };
                std::iter::successors(Some(first), next).take(count).collect()
            }
            Self::Random(seed) => {
                let random = &mut StdRng::seed_from_u64(seed);
                (0..count).map(|_| any_key(random)).collect()
            }
        }
    }
}

fn families() -> impl Strategy<Value = Family> {
    let first = any::<u64>().prop_map(|seed| any_key(&mut StdRng::seed_from_u64(seed)));
    // Hosts, networks of any size, SPIs; hosts or networks together with SPIs.
    let steps = prop_oneof![
        (0..21).prop_map(|bit| (1u128 << bit, 0)),
        (64..85).prop_map(|bit| (1u128 << bit, 0)),
        (0..21).prop_map(|bit| (0, 1u32 << bit)),
        (0u32..=8, 0u32..=8, prop_oneof![Just(0u32), Just(64)])
            .prop_map(|(dst, spi, at): (u32, u32, u32)| (1u128 << (dst + at), 1u32 << spi)),
    ];
    let counted = (first, steps).prop_map(|(mut first, (dst_step, spi_step))| {
        if dst_step >> 32 != 0 {
            first.v6 = true;
        }
        Family::Counted { first, dst_step, spi_step }
    });
    prop_oneof![6 => counted, 1 => any::<u64>().prop_map(Family::Random)]
}

/// The hardware's table, written place by place.
struct Table(HashMap<(u8, u16), Entry>, u32);

impl Table {
    fn write(&mut self, write: &Write) {
        match write.entry {
            Some(entry) => self.0.insert((write.way, write.row), entry),
            None => self.0.remove(&(write.way, write.row)),
        };
    }

    fn get(&self, key: &Key) -> Option<u16> {
        let rows = cam::rows(key.dst, key.spi, key.v6, key.encap, self.1);
        let found = (0u8..).zip(rows).filter_map(|place| self.0.get(&place)).filter(|entry| entry.key == *key);
        let mut sas = found.map(|entry| entry.sa);
        let sa = sas.next();
        assert!(sas.all(|other| Some(other) == sa), "two places of {key:?} differ");
        sa
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// As many entries as the table is meant for always fit, and each can be found after each single write.
    #[test]
    fn a_table_fills_and_every_write_leaves_it_right(row_bits in 5u32..=10, family in families(), order in any::<u64>()) {
        let mut placement = Placement::new(row_bits).unwrap();
        let mut keys = family.keys(placement.nominal());
        keys.shuffle(&mut StdRng::seed_from_u64(order));
        let mut table = Table(HashMap::new(), row_bits);
        for (sa, key) in keys.iter().enumerate() {
            let writes = placement.insert(Entry { key: *key, sa: sa as u16 }).expect("the table is not full");
            for write in &writes {
                // Whom the write concerns: the one that moves or comes, and the one that was there.
                let was = table.0.get(&(write.way, write.row)).map(|entry| (entry.key, entry.sa));
                table.write(write);
                if let Some((key, sa)) = was {
                    prop_assert_eq!(table.get(&key), Some(sa));
                }
            }
            prop_assert_eq!(table.get(key), Some(sa as u16));
        }
        for (sa, key) in keys.iter().enumerate() {
            prop_assert_eq!(table.get(key), Some(sa as u16));
            prop_assert_eq!(placement.get(key), Some(sa as u16));
            prop_assert_eq!(placement.insert(Entry { key: *key, sa: 0 }), Err(PlacementError::Exists));
        }
        for key in &keys {
            table.write(&placement.remove(key).unwrap());
            prop_assert_eq!(table.get(key), None);
        }
        prop_assert!(table.0.is_empty() && placement.is_empty());
    }
}

#[test]
fn a_full_table_refuses_and_stays_as_it_is() {
    let random = &mut StdRng::seed_from_u64(0x6004);
    let mut placement = Placement::new(5).unwrap();
    let mut table = Table(HashMap::new(), 5);
    let mut keys = Vec::new();
    let refused = loop {
        let entry = Entry { key: any_key(random), sa: keys.len() as u16 };
        match placement.insert(entry) {
            Ok(writes) => {
                writes.iter().for_each(|write| table.write(write));
                keys.push(entry.key);
            }
            Err(error) => break (entry.key, error),
        }
    };
    println!("{} of 128 places filled", keys.len());
    assert_eq!(refused.1, PlacementError::Full);
    assert!(keys.len() >= 110);
    assert_eq!(placement.get(&refused.0), None);
    assert_eq!(placement.remove(&refused.0), Err(PlacementError::Unknown));
    for (sa, key) in keys.iter().enumerate() {
        assert_eq!(table.get(key), Some(sa as u16));
        assert_eq!(placement.get(key), Some(sa as u16));
    }
    assert_eq!(Placement::new(4).err(), Some(PlacementError::RowBits(4)));
}
