//! The verdict on held packets: order of checks, what each does, and the rules of window, lifetime and buffer around it.
#![allow(clippy::unwrap_used)]

#[path = "hdl_decap/bench.rs"]
mod bench;
#[path = "hdl_decap/packet.rs"]
mod packet;
#[path = "hdl_stream/support.rs"]
mod support;

use bench::run;
use packet::Packet;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use support::{full_speed, random_stalls};

#[test]
fn every_packet_meets_the_checks_in_order() {
    for seed in 0..30 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let packets: Vec<_> = (0..400).map(|_| Packet::random(&mut rng)).collect();
        let stalls = random_stalls(&mut rng, seed);
        run(&packets, stalls, seed);
    }
}

#[test]
fn a_packet_takes_the_windows_8_clocks_and_no_more() {
    let mut rng = SmallRng::seed_from_u64(5);
    let packets: Vec<_> = (0..200).map(|_| Packet::good(&mut rng)).collect();
    let times = run(&packets, full_speed(), 0);
    assert_eq!(times[150] - times[50], 800);
}

#[test]
fn what_does_not_ask_the_window_takes_3_clocks() {
    let mut rng = SmallRng::seed_from_u64(6);
    let packets: Vec<_> = (0..200).map(|_| Packet::damaged(&mut rng)).collect();
    let times = run(&packets, full_speed(), 0);
    assert_eq!(times[150] - times[50], 300);
}
