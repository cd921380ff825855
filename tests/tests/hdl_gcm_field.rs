//! The multiplier of GHASH, Verilated, against the crate `ghash`.

use espalier_hdl::gcm::aes::Aes;
use espalier_hdl::gcm::field::{self, Combine, Leaves};
use espalier_hdl::gcm::multiplier::{Multiplier, Products, Sum};
use espalier_hdl::gcm::network::{Function, Network};
use espalier_reference_model::gcm;
use espalier_sim::Model;
use num_bigint::BigUint;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Products of all pairs, as often as the multiplier can.
fn products<const R: usize>(model: &mut Model, pairs: &[(u128, u128)]) -> Vec<u128> {
    let mut products = Vec::new();
    let each = Aes::<R>::PASSES;
    for clock in 0..pairs.len() * each + Multiplier::<R>::LATENCY {
        let pair = pairs.get(clock / each).filter(|_| clock.is_multiple_of(each));
        // Between two pairs anything may stand there.
        let (a, b) = pair.copied().unwrap_or((!0, 0x5555 << 64));
        model.set("start", u64::from(pair.is_some()));
        model.set("a", a);
        model.set("b", b);
        model.settle();
        if clock.checked_sub(Multiplier::<R>::LATENCY).is_some_and(|since| since.is_multiple_of(each)) {
            products.push(model.get_u128("y"));
        }
        model.rise();
    }
    products.truncate(pairs.len());
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
fn agrees_with_the_crate_ghash<const R: usize>(name: &str) {
    let mut model = Model::build::<Multiplier<R>>(name).expect("builds");
    let pairs = pairs();
    let once = products::<R>(&mut model, &pairs);
    let sums: Vec<_> = once.iter().zip(&pairs).map(|(product, &(_, h))| (product ^ 128, h)).collect();
    let twice = products::<R>(&mut model, &sums);
    assert_eq!(twice.len(), pairs.len());
    for (&(c, h), twice) in pairs.iter().zip(twice) {
        let expected = gcm::ghash(&h.to_be_bytes(), &[], &c.to_be_bytes());
        assert_eq!(twice, u128::from_be_bytes(expected), "H {h:#034x}, C {c:#034x}");
    }
}

#[test]
fn multiplier_agrees_with_the_crate_ghash() {
    agrees_with_the_crate_ghash::<14>("multiplier");
}

#[test]
fn folded_multiplier_agrees_with_the_crate_ghash() {
    agrees_with_the_crate_ghash::<2>("multiplier_folded");
}

/// The Verilog, the block's own update and algorithm 1 of SP 800-38D are one.
#[test]
fn multiplier_agrees_with_its_update_and_the_standard() {
    let mut model = Model::build::<Multiplier<14>>("multiplier").expect("builds");
    let leaves = Network::new(&[("a", 128), ("b", 128)], Leaves::build);
    let combine = Network::new(&[("a", field::LEAVES)], Combine::build);
    let pairs = &pairs()[1900..];
    for (&(a, b), product) in pairs.iter().zip(products::<14>(&mut model, pairs)) {
        let update = combine.evaluate(&[leaves.evaluate(&[BigUint::from(a), BigUint::from(b)])]);
        assert_eq!(update, BigUint::from(product), "{a:#034x}, {b:#034x}");
        assert_eq!(field::multiply(a, b), product, "{a:#034x}, {b:#034x}");
    }
}

/// So they are digit by digit.
#[test]
fn digits_agree_with_the_standard() {
    let products = Network::new(&[("a", field::DIGITS), ("b", 128)], Products::<2>::build);
    let sum = Network::new(&[("a", field::LEAVES), ("b", 128)], Sum::<2>::build);
    for (a, b) in &pairs()[1900..] {
        let spare = field::DIGITS - 128;
        let digits = (0..Aes::<2>::PASSES).map(|i| (BigUint::from(*a) << spare) >> (field::DIGIT * i));
        let product = digits.fold(BigUint::ZERO, |so_far, digit| {
            let product = products.evaluate(&[digit, BigUint::from(*b)]);
            sum.evaluate(&[product, so_far])
        });
        assert_eq!(product, BigUint::from(field::multiply(*a, *b)), "{a:#034x}, {b:#034x}");
    }
}
