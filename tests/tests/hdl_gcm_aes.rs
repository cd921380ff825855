//! AES of the GCM core, Verilated: the S-box in all values, the standards' vectors, and another key on every block.

use std::collections::VecDeque;

use espalier_hdl::gcm::aes::{Aes, LATENCY, LEAD};
use espalier_hdl::gcm::network::{Comb1, Comb2, Function, Network};
use espalier_hdl::gcm::sbox::{Bottom, Top};
use espalier_reference_model::gcm::Gcm;
use espalier_sim::Model;
use num_bigint::BigUint;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// FIPS 197 section 5.1.1: the inverse in GF(2^8), then the affine map.
fn sub_byte(x: u8) -> u8 {
    let double = |a: u8| (a << 1) ^ if a & 0x80 == 0 { 0 } else { 0x1b };
    let times = |a: u8, b: u8| (0..8).rev().fold(0, |p, i| double(p) ^ if b & (1 << i) == 0 { 0 } else { a });
    let inverse = (0..=255).find(|&y| times(x, y) == 1).unwrap_or(0);
    (0..5).fold(0x63, |y, i| y ^ inverse.rotate_left(i))
}

/// One lane: bit b of the byte is plane b.
#[test]
fn sbox_gives_every_value_of_the_standard() {
    let mut top = Model::build::<Comb1<Top, 8, 4>>("sbox_top").expect("builds");
    let mut bottom = Model::build::<Comb2<Bottom, 8, 4, 8>>("sbox_bottom").expect("builds");
    let evaluate = |inputs: &[(&'static str, u64)], build: fn(&mut Network, &[_]) -> _| {
        let widths: Vec<_> = inputs.iter().map(|&(name, _)| (name, if name == "a" { 8 } else { 4 })).collect();
        let values: Vec<_> = inputs.iter().map(|&(_, value)| BigUint::from(value)).collect();
        Network::new(&widths, build).evaluate(&values)
    };
    for x in 0..=255u8 {
        let a = u64::from(x);
        top.set("a", a);
        top.eval();
        let cut = top.get_u64("y");
        assert_eq!(evaluate(&[("a", a)], Top::build), cut.into(), "the block's update, {x:#04x}");
        bottom.set("a", a);
        bottom.set("b", cut);
        bottom.eval();
        assert_eq!(bottom.get_u64("y"), u64::from(sub_byte(x)), "S-box of {x:#04x}");
        assert_eq!(evaluate(&[("a", a), ("b", cut)], Bottom::build), bottom.get("y"), "the block's update, {x:#04x}");
    }
}

/// A block under a key, and what must come out.
#[derive(Clone)]
struct Case {
    key: Vec<u8>,
    block: [u8; 16],
    expected: [u8; 16],
}

impl Case {
    fn random(random: &mut impl Rng) -> Self {
        let mut key = vec![0; [16, 24, 32][random.random_range(0..3)]];
        let mut block = [0; 16];
        random.fill_bytes(&mut key);
        random.fill_bytes(&mut block);
        let expected = Gcm::new(&key).expect("a key").encrypt_block(block);
        Self { key, block, expected }
    }

    fn vector(key: &str, block: &str, expected: &str) -> Self {
        let bytes = |text: &str| BigUint::parse_bytes(text.as_bytes(), 16).expect("hexadecimal").to_bytes_be();
        let block16 = |text: &str| {
            let mut block = [0; 16];
            let bytes = bytes(text);
            block[16 - bytes.len()..].copy_from_slice(&bytes);
            block
        };
        let mut padded = vec![0; key.len() / 2 - bytes(key).len()];
        padded.extend(bytes(key));
        Self { key: padded, block: block16(block), expected: block16(expected) }
    }
}

/// A case whenever it is AES's turn, each with its own key; every result exactly `LATENCY` clocks later. Between the turns anything stands at
/// the inputs. Gives how many clocks that took.
fn run_on<const R: usize>(cases: impl IntoIterator<Item = Case>) -> usize {
    let mut model = Model::build::<Aes<R>>(&format!("aes_{R}")).expect("builds");
    model.reset(1);
    let mut random = StdRng::seed_from_u64(1);
    let mut inside: VecDeque<Option<Case>> = (0..LATENCY).map(|_| None).collect();
    let mut turns: VecDeque<bool> = (0..LEAD).map(|_| false).collect();
    let (mut cases, mut last) = (cases.into_iter().peekable(), 0);
    while cases.peek().is_some() || inside.iter().any(Option::is_some) {
        let case = if turns.pop_front() == Some(true) { cases.next() } else { None };
        if case.is_some() {
            last = model.cycles() as usize;
        } else {
            model.set("block", random.random::<u128>());
            model.set("key", BigUint::from(random.random::<u128>()));
        }
        if let Some(case) = &case {
            let mut key = [0; 32];
            key[..case.key.len()].copy_from_slice(&case.key);
            model.set("block", u128::from_be_bytes(case.block));
            model.set("key", BigUint::from_bytes_be(&key));
            model.set("size", case.key.len() as u64 / 8 - 2);
        }
        model.settle();
        if let Some(Some(done)) = inside.pop_front() {
            assert_eq!(model.get_u128("y"), u128::from_be_bytes(done.expected), "AES-{}", 8 * done.key.len());
        }
        turns.push_back(model.get_bool("turn"));
        model.rise();
        inside.push_back(case);
    }
    last
}

/// On all rounds in hardware, one a clock, and on two of them, one each 7 clocks.
fn run(cases: impl IntoIterator<Item = Case>) {
    let cases: Vec<_> = cases.into_iter().collect();
    let count = cases.len();
    let first = |cases: &[Case]| run_on::<14>(cases.iter().take(1).cloned());
    let folded = |cases: &[Case]| run_on::<2>(cases.iter().take(1).cloned());
    let (start, folded_start) = (first(&cases), folded(&cases));
    assert_eq!(run_on::<14>(cases.iter().cloned()) - start, count - 1);
    assert_eq!(run_on::<2>(cases) - folded_start, 7 * (count - 1));
}

#[test]
fn vectors_of_fips_197_and_sp_800_38a() {
    // FIPS 197 appendix C.
    let plain = "00112233445566778899aabbccddeeff";
    let keys = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let mut cases = vec![
        Case::vector(&keys[..32], plain, "69c4e0d86a7b0430d8cdb78070b4c55a"),
        Case::vector(&keys[..48], plain, "dda97ca4864cdfe06eaf70a0ec0d7191"),
        Case::vector(keys, plain, "8ea2b7ca516745bfeafc49904b496089"),
    ];
    // SP 800-38A appendix F.1: ECB.
    let plain = [
        "6bc1bee22e409f96e93d7e117393172a",
        "ae2d8a571e03ac9c9eb76fac45af8e51",
        "30c81c46a35ce411e5fbc1191a0a52ef",
        "f69f2445df4f9b17ad2b417be66c3710",
    ];
    let ecb = [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            [
                "3ad77bb40d7a3660a89ecaf32466ef97",
                "f5d3d58503b9699de785895a96fdbaaf",
                "43b1cd7f598ece23881b00e3ed030688",
                "7b0c785e27e8ad3f8223207104725dd4",
            ],
        ),
        (
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            [
                "bd334f1d6e45f25ff712a214571fa5cc",
                "974104846d0ad3ad7734ecb3ecee4eef",
                "ef7afd2270e2e60adce0ba2face6444e",
                "9a4b41ba738d6c72fb16691603c18e0e",
            ],
        ),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            [
                "f3eed1bdb5d2a03c064b5a7e3db181f8",
                "591ccb10d410ed26dc5ba74a31362870",
                "b6ed21b99ca6f4f9f153e7b1beafed1d",
                "23304b7a39f9f3ff067d8d8f9e24ecc7",
            ],
        ),
    ];
    for (key, blocks) in ecb {
        cases.extend(plain.iter().zip(blocks).map(|(plain, cipher)| Case::vector(key, plain, cipher)));
    }
    // Key sizes in turn, so that each vector has another size before and behind it.
    let (first, second): (Vec<_>, Vec<_>) = cases.into_iter().enumerate().partition(|(i, _)| i % 2 == 0);
    run(first.into_iter().chain(second).map(|(_, case)| case));
}

#[test]
fn another_key_on_every_block() {
    let mut random = StdRng::seed_from_u64(197);
    run((0..5000).map(|_| Case::random(&mut random)));
}
