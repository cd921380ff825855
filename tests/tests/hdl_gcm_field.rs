//! The multiplier of GHASH, Verilated, against the crate `ghash`.

use espalier_hdl::gcm::field::{self, Combine, Leaves};
use espalier_hdl::gcm::multiplier::{LATENCY, Multiplier};
use espalier_hdl::gcm::network::{Function, Network};
use espalier_reference_model::gcm;
use espalier_sim::Model;
use num_bigint::BigUint;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Products of all pairs, one pair a clock.
fn products(model: &mut Model, pairs: &[(u128, u128)]) -> Vec<u128> {
    let mut products = Vec::new();
    for i in 0..pairs.len() + LATENCY {
        let (a, b) = pairs.get(i).copied().unwrap_or_default();
        model.set("a", a);
        model.set("b", b);
        model.settle();
        if i >= LATENCY {
            products.push(model.get_u128("y"));
        }
        model.rise();
    }
    products
}

/// Random pairs, and every bit of either factor alone.
fn pairs() -> Vec<(u128, u128)> {
    let mut random = StdRng::seed_from_u64(38);
    let mut pairs: Vec<_> = (0..2000).map(|_| (random.random(), random.random())).collect();
    for i in 0..128 {
        pairs.push((1 << i, random.random()));
        pairs.push((random.random(), 1 << i));
        pairs.push((1 << i, 1 << (i * 7 % 128)));
    }
    pairs
}

/// GHASH of one block C is (C H + L) H: two products of the multiplier.
#[test]
fn multiplier_agrees_with_the_crate_ghash() {
    let mut model = Model::build::<Multiplier>("multiplier").expect("builds");
    let pairs = pairs();
    let once = products(&mut model, &pairs);
    let sums: Vec<_> = once.iter().zip(&pairs).map(|(product, &(_, h))| (product ^ 128, h)).collect();
    let twice = products(&mut model, &sums);
    for (&(c, h), twice) in pairs.iter().zip(twice) {
        let expected = gcm::ghash(&h.to_be_bytes(), &[], &c.to_be_bytes());
        assert_eq!(twice, u128::from_be_bytes(expected), "H {h:#034x}, C {c:#034x}");
    }
}

/// The Verilog, the block's own update and algorithm 1 of SP 800-38D are one.
#[test]
fn multiplier_agrees_with_its_update_and_the_standard() {
    let mut model = Model::build::<Multiplier>("multiplier").expect("builds");
    let leaves = Network::new(&[("a", 128), ("b", 128)], Leaves::build);
    let combine = Network::new(&[("a", field::LEAVES)], Combine::build);
    let pairs = &pairs()[1900..];
    for (&(a, b), product) in pairs.iter().zip(products(&mut model, pairs)) {
        let update = combine.evaluate(&[leaves.evaluate(&[BigUint::from(a), BigUint::from(b)])]);
        assert_eq!(update, BigUint::from(product), "{a:#034x}, {b:#034x}");
        assert_eq!(field::multiply(a, b), product, "{a:#034x}, {b:#034x}");
    }
}
