//! What the tests of the stream blocks share.
#![allow(dead_code, reason = "each test uses a part")]

use espalier_sim::Model;
use espalier_sim::stream::Stalls;
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use rust_hdl::prelude::Block;

/// The block `B`, out of a reset that met it at work on nonsense.
pub fn model<B: Block + Default>(name: &str) -> Model {
    let mut model = Model::build::<B>(name).unwrap();
    let mut rng = SmallRng::seed_from_u64(99);
    let inputs: Vec<_> = model
        .port_names()
        .into_iter()
        .filter(|port| !["clock", "reset"].contains(port))
        .filter_map(|port| model.input(port).ok())
        .collect();
    let mut drive = |model: &mut Model, any: bool| {
        for &input in &inputs {
            let mut bytes = vec![0; model.input_width(input).div_ceil(8)];
            if any {
                rng.fill_bytes(&mut bytes);
            }
            model.write(input, BigUint::from_bytes_be(&bytes) >> (8 * bytes.len() - model.input_width(input)));
        }
    };
    model.set("reset", true);
    model.clock();
    model.set("reset", false);
    for _ in 0..200 {
        drive(&mut model, true);
        model.clock();
    }
    model.set("reset", true);
    model.clock();
    drive(&mut model, false);
    model.clock();
    model.set("reset", false);
    model
}

/// So many random bytes.
pub fn random_bytes(rng: &mut SmallRng, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// No stalls.
pub fn full_speed<const N: usize>() -> [Stalls; N] {
    std::array::from_fn(|_| Stalls::never())
}

/// Stalls for as many ports, of a kind chosen for each.
pub fn random_stalls<const N: usize>(rng: &mut SmallRng, seed: u64) -> [Stalls; N] {
    let kinds = [Stalls::never(), Stalls::random(seed, 10), Stalls::random(seed, 50), Stalls::random(seed, 90), Stalls::bursts(seed, 50)];
    std::array::from_fn(|i| kinds[rng.random_range(0..5)].derive(i))
}
