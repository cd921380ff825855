//! The known-answer vectors of the reference model (NIST CAVP, draft-mcgrew, Wycheproof) on the Verilated core: each encrypted,
//! decrypted, and decrypted after a change.

use espalier_reference_model::vectors::{self, Case};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::bench::Bench;
use crate::packet::{Entry, Key, protected};

/// What `protected` says must come out: the text and the tag.
fn results(entries: &[Entry]) -> (Vec<u8>, u128) {
    let text = entries.iter().filter_map(|entry| entry.beat.as_ref()).flat_map(|beat| beat.bytes.clone()).collect();
    (text, entries.iter().rev().find_map(|entry| entry.tag).expect("a tag"))
}

/// The tag begins with that of the vector, which may be cut short.
fn agrees(tag: u128, expected: &[u8]) -> bool {
    tag.to_be_bytes().starts_with(expected)
}

/// All cases in both directions at once, back to back: TX encrypts while RX decrypts.
fn run(cases: impl Iterator<Item = Case>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut bench = Bench::new(seed);
    for case in cases {
        let key = Key::new(&case.key);
        let decrypted = protected(&key, &case.iv, &case.aad, &case.ct, true, &mut random);
        let (text, tag) = results(&decrypted);
        assert_eq!(agrees(tag, &case.tag), case.valid, "{}", case.name);
        bench.rx.queue.extend(decrypted);
        if !case.valid {
            continue;
        }
        assert_eq!(text, case.pt, "{}", case.name);

        let encrypted = protected(&key, &case.iv, &case.aad, &case.pt, false, &mut random);
        let (text, tag) = results(&encrypted);
        assert_eq!(text, case.ct, "{}", case.name);
        assert!(agrees(tag, &case.tag), "{}", case.name);
        bench.tx.queue.extend(encrypted);

        for part in 0..3 {
            let mut changed = case.clone();
            let part = [&mut changed.iv[..], &mut changed.aad, &mut changed.ct].into_iter().nth(part).expect("one of three");
            let Some(byte) = part.first_mut() else { continue };
            *byte ^= 0x80;
            let changed = protected(&key, &changed.iv, &changed.aad, &changed.ct, true, &mut random);
            assert!(!agrees(results(&changed).1, &case.tag), "{}", case.name);
            bench.rx.queue.extend(changed);
        }
    }
    bench.run();
}

#[test]
fn nist_cavp() {
    run(vectors::nist_cavp(), 1);
}

#[test]
fn draft_mcgrew() {
    run(vectors::draft_mcgrew(), 2);
}

#[test]
fn wycheproof() {
    run(vectors::wycheproof(), 3);
}
