//! The AES-GCM core, Verilated, against the reference model: every output in every clock.

#[path = "hdl_gcm/bench.rs"]
mod bench;
#[path = "hdl_gcm/packet.rs"]
mod packet;
#[path = "hdl_gcm/update.rs"]
mod update;
#[path = "hdl_gcm/vectors.rs"]
mod vectors;

use std::ops::RangeInclusive;

use bench::{Bench, Stalls};
use packet::{Entry, Key, bypass, protected};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

const KEY_SIZES: [usize; 3] = [16, 24, 32];

/// Random bytes.
fn bytes(random: &mut impl Rng, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    random.fill_bytes(&mut bytes);
    bytes
}

/// A packet with ESP's AAD: 8 bytes, or 12 with ESN.
fn esp(key: &Key, length: usize, decrypt: bool, random: &mut impl Rng) -> Vec<Entry> {
    let nonce = bytes(random, 12).try_into().expect("12 bytes");
    let esn = random.random();
    let aad = bytes(random, if esn { 12 } else { 8 });
    let text = bytes(random, length);
    protected(key, &nonce, &aad, &text, decrypt, random)
}

#[test]
fn every_key_size_and_payload_length() {
    let mut random = StdRng::seed_from_u64(1);
    let mut bench = Bench::new(1);
    for size in KEY_SIZES {
        let key = Key::random(&mut random, size);
        let lengths: [RangeInclusive<usize>; 3] = [0..=64, 1500..=1520, 8990..=9006];
        for length in lengths.into_iter().flatten() {
            bench.tx.queue.extend(esp(&key, length, false, &mut random));
            bench.rx.queue.extend(esp(&key, length, true, &mut random));
        }
        bench.run();
    }
}

/// A packet of either kind with a length up to `most`.
fn any(keys: &[Key], most: usize, decrypt: bool, random: &mut impl Rng) -> Vec<Entry> {
    let length = random.random_range(0..=most);
    match random.random_range(0..8) {
        0 => bypass(&bytes(random, length + 1), random.random(), random),
        1 => {
            let (nonce, aad) = (bytes(random, 12).try_into().expect("12 bytes"), random.random_range(0..100));
            let (aad, text) = (bytes(random, aad), bytes(random, length));
            protected(&keys[random.random_range(0..keys.len())], &nonce, &aad, &text, decrypt, random)
        }
        _ => esp(&keys[random.random_range(0..keys.len())], length, decrypt, random),
    }
}

/// Some keys of every size.
fn keys(random: &mut impl Rng, count: usize) -> Vec<Key> {
    (0..count).map(|i| Key::random(random, KEY_SIZES[i % 3])).collect()
}

#[test]
fn another_sa_on_every_packet_with_gaps_and_stalls() {
    for seed in 0..12 {
        let mut random = StdRng::seed_from_u64(seed);
        let keys = keys(&mut random, 9);
        let mut bench = Bench::new(seed);
        let percent = |random: &mut StdRng| [0, 10, 50, 90][random.random_range(0..4)];
        bench.tx.stalls = Stalls { gap: percent(&mut random), room: percent(&mut random) };
        bench.rx.stalls = Stalls { gap: percent(&mut random), room: percent(&mut random) };
        for _ in 0..150 {
            let most = [16, 64, 200][random.random_range(0..3)];
            let (tx, rx) = (any(&keys, most, random.random(), &mut random), any(&keys, most, random.random(), &mut random));
            bench.tx.queue.extend(tx);
            bench.rx.queue.extend(rx);
        }
        bench.run();
    }
}

/// A product is used in the clock in which it comes out, one later, or after it has waited: in every combination.
#[test]
fn every_pattern_of_gaps_inside_a_packet() {
    const GAPS: usize = 6;
    let mut random = StdRng::seed_from_u64(2);
    let keys = keys(&mut random, 3);
    let mut bench = Bench::new(2);
    for pattern in 0..5usize.pow(GAPS as u32) {
        // The whole pattern on one direction; the other as it likes between.
        let mut packet = esp(&keys[pattern % 3], 16 * GAPS - pattern % 16, pattern % 2 == 0, &mut random);
        for (i, entry) in packet.iter_mut().skip(1).enumerate() {
            entry.wait = (pattern / 5usize.pow(i as u32) % 5) as u32;
        }
        let side = if pattern % 7 < 4 { &mut bench.tx } else { &mut bench.rx };
        side.queue.extend(packet);
    }
    bench.run();
}

/// No bubble: the clocks are the slots, for every size and mix, in one direction or both, another SA on every packet.
#[test]
fn back_to_back_packets_take_exactly_their_slots() {
    let mut random = StdRng::seed_from_u64(3);
    let keys = keys(&mut random, 64);
    let mut bench = Bench::new(3);
    for sides in [[true, false], [false, true], [true, true]] {
        for lengths in [0..=0, 1..=1, 16..=16, 17..=17, 32..=33, 40..=64, 1..=100, 1438..=1500, 9000..=9000] {
            let count = if *lengths.end() > 1000 { 6 } else { 120 };
            let mut slots = 0;
            for i in 0..count {
                for (side, _) in [&mut bench.tx, &mut bench.rx].into_iter().zip(sides).filter(|(_, on)| *on) {
                    let packet = esp(&keys[i % keys.len()], random.random_range(lengths.clone()), i % 2 == 0, &mut random);
                    slots += packet.len() as u64;
                    side.queue.extend(packet);
                }
            }
            assert_eq!(bench.run(), slots, "payload of {lengths:?} bytes");
        }
    }
}

/// The same with two rounds of AES in hardware: every seventh clock.
#[test]
fn a_folded_core_takes_a_slot_each_seven_clocks() {
    let mut random = StdRng::seed_from_u64(5);
    let keys = keys(&mut random, 9);
    let mut bench = Bench::folded(5);
    for sides in [[true, false], [true, true]] {
        for lengths in [0..=0, 1..=1, 16..=16, 40..=64, 1..=100, 1438..=1500] {
            let mut slots = 0;
            for i in 0..30 {
                for (side, _) in [&mut bench.tx, &mut bench.rx].into_iter().zip(sides).filter(|(_, on)| *on) {
                    let packet = esp(&keys[i % keys.len()], random.random_range(lengths.clone()), i % 2 == 0, &mut random);
                    slots += packet.len() as u64;
                    side.queue.extend(packet);
                }
            }
            assert_eq!(bench.run(), 7 * (slots - 1) + 1, "payload of {lengths:?} bytes");
        }
    }
    for seed in 0..4 {
        let mut bench = Bench::folded(seed);
        bench.tx.stalls = Stalls { gap: 30, room: 30 };
        bench.rx.stalls = Stalls { gap: 80, room: 10 };
        for _ in 0..60 {
            bench.tx.queue.extend(any(&keys, 200, random.random(), &mut random));
            bench.rx.queue.extend(any(&keys, 200, random.random(), &mut random));
        }
        bench.run();
        // A reset in the midst of its work.
        bench.tx.queue.extend(any(&keys, 200, false, &mut random));
        (0..random.random_range(1..60)).for_each(|_| bench.clock());
        bench.reset();
        bench.rx.queue.extend(any(&keys, 200, true, &mut random));
        bench.run();
    }
}

#[test]
fn directions_that_both_have_slots_take_turns() {
    let mut random = StdRng::seed_from_u64(4);
    let keys = keys(&mut random, 3);
    let mut bench = Bench::new(4);
    bench.tx.queue.extend(esp(&keys[0], 9000, false, &mut random));
    for _ in 0..40 {
        bench.rx.queue.extend(esp(&keys[1], 64, true, &mut random));
    }
    // That there is room is seen in the clock after.
    bench.clock();
    for _ in 0..100 {
        let (tx, rx) = (bench.tx.taken, bench.rx.taken);
        bench.clock();
        bench.clock();
        assert_eq!((bench.tx.taken - tx, bench.rx.taken - rx), (1, 1));
    }
    bench.run();
}

#[test]
fn hash_subkeys_are_right_and_take_no_slot_from_the_traffic() {
    let mut random = StdRng::seed_from_u64(5);
    let keys = keys(&mut random, 6);
    let mut bench = Bench::new(5);
    for key in &keys {
        assert_eq!(bench.hash_subkey(key), (key.h, key.h3), "an idle core");
    }
    // Both directions, then one, without a gap: none loses a clock, which `Bench::clock` sees to.
    for sides in [2, 1] {
        for key in &keys {
            for _ in 0..8 {
                bench.tx.queue.extend(esp(key, 1500, false, &mut random));
                if sides == 2 {
                    bench.rx.queue.extend(esp(key, 1500, true, &mut random));
                }
            }
            assert_eq!(bench.hash_subkey(key), (key.h, key.h3), "a busy core");
            bench.run();
        }
    }
}

#[test]
fn reset_forgets_what_is_inside() {
    let mut random = StdRng::seed_from_u64(6);
    let keys = keys(&mut random, 3);
    for bench in [&mut Bench::new(6), &mut Bench::folded(6)] {
        forgets(bench, &keys, &mut random);
    }
}

fn forgets(bench: &mut Bench, keys: &[Key], random: &mut StdRng) {
    for clocks in 1..=2 * bench.tag_latency {
        for key in keys {
            bench.tx.queue.extend(esp(key, 40, false, random));
            bench.rx.queue.extend(esp(key, 0, true, random));
        }
        (0..clocks).for_each(|_| bench.clock());
        bench.reset();
        bench.run();
    }
    // And a hash subkey on its way.
    for clocks in [1, 20, 40, 100] {
        bench.ask_hash_subkey(&keys[0]);
        (0..clocks).for_each(|_| bench.clock());
        bench.reset();
        let (h, h3) = bench.hash_subkey(&keys[1]);
        assert_eq!((h, h3), (keys[1].h, keys[1].h3));
    }
}
