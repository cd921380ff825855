//! The AES-GCM core, Verilated, against the reference model: every output in every clock.

#[path = "hdl_gcm/bench.rs"]
mod bench;
#[path = "hdl_gcm/packet.rs"]
mod packet;

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
