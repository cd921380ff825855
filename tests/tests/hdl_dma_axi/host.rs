//! What the host holds, and how it behaves.

use espalier_sim::axi::{AxiOptions, AxiStalls, Order, Response};
use espalier_sim::stream::Stalls;
use rand::RngExt;
use rand::rngs::SmallRng;

/// The beat at an address.
pub fn memory(address: u64) -> u128 {
    let mix = |x: u64| {
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    (u128::from(mix(address)) << 64) | u128::from(mix(!address))
}

/// How an access to an address fails, where one in `of` does; 0: none.
pub fn failure(address: u64, of: u64) -> Option<Response> {
    let number = (memory(address) >> 40) as u64;
    let fails = of != 0 && number.is_multiple_of(of);
    fails.then_some(if number & 1 == 0 { Response::SlaveError } else { Response::DecodeError })
}

/// Never stalled, seldom, mostly, in bursts.
pub fn stalls(rng: &mut SmallRng) -> Stalls {
    match rng.random_range(0..4) {
        0 => Stalls::never(),
        1 => Stalls::bursts(rng.random(), rng.random_range(10..70)),
        _ => Stalls::random(rng.random(), rng.random_range(1..85)),
    }
}

/// In order, without a pause, so many clocks after the access.
pub fn prompt(latency: u64) -> AxiOptions {
    AxiOptions { latency: latency..=latency, ..AxiOptions::default() }
}

/// A host of any kind.
pub fn any(rng: &mut SmallRng) -> AxiOptions {
    let [ar, r, aw, w, b] = std::array::from_fn(|_| stalls(rng));
    let least = rng.random_range(0..40);
    AxiOptions {
        stalls: AxiStalls { ar, r, aw, w, b },
        order: [Order::Answered, Order::Random, Order::Interleaved, Order::Interleaved][rng.random_range(0..4)],
        latency: least..=least + [0, 5, 60, 300][rng.random_range(0..4)],
        seed: rng.random(),
    }
}

/// A place for 1 to 16 beats that cross no multiple of 256: address, beats.
pub fn place(rng: &mut SmallRng) -> (u64, u64) {
    let beats = [1, 4, 16, rng.random_range(1..=16)][rng.random_range(0..4)];
    let block = rng.random::<u64>() >> rng.random_range(0..40);
    ((block & !255) + 16 * rng.random_range(0..=16 - beats), beats)
}
