//! Random frames both ways at once.

use espalier_driver::rings::RingConfig;
use espalier_sim::CardOptions;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::link::Link;

/// Reproducible: `ESPALIER_SEED` chooses everything that is random.
pub fn seed() -> u64 {
    let seed = std::env::var("ESPALIER_SEED").ok().map(|seed| seed.parse().expect("ESPALIER_SEED is a number"));
    let seed = seed.unwrap_or_else(rand::random);
    println!("ESPALIER_SEED={seed}");
    seed
}

fn config(entries: u16, rng: &mut SmallRng) -> RingConfig {
    RingConfig {
        tx_entries: entries,
        rx_entries: entries,
        buffer_bytes: [2048, 512, 128][rng.random_range(0..3)],
        coalesce: [0, 16, 500][rng.random_range(0..3)],
        interval: [0, 4][rng.random_range(0..2)],
    }
}

/// With all kinds of faults, at this ring size.
fn with_faults(entries: u16) {
    let seed = seed();
    let mut rng = SmallRng::seed_from_u64(seed);
    let config = config(entries, &mut rng);
    let longest = (usize::from(config.buffer_bytes) * usize::from(entries)).min(9000);
    println!("{config:?}");
    let mut link = Link::new(config, |seed| CardOptions::random(seed, 10), seed);
    link.set_faults([50, 200, 1000][rng.random_range(0..3)]);
    link.set_noise(50);
    link.run(300 + 2 * u64::from(entries), longest);
    link.set_faults(0);
    link.set_noise(0);
    link.run(20, longest);
    let lost = link.check();
    for (station, lost) in link.stations.iter_mut().zip(lost) {
        let faults = station.host().fault_counts();
        println!("{:?}: {:?}\n  {faults:?}\n  lost {lost:?}", station.side, station.account);
    }
}

macro_rules! sizes {
    ($($name:ident $entries:literal;)+) => { $(
        #[test]
        fn $name() {
            with_faults($entries);
        }
    )+ };
}

sizes! {
    every_packet_is_accounted_for_in_rings_of_2 2;
    every_packet_is_accounted_for_in_rings_of_4 4;
    every_packet_is_accounted_for_in_rings_of_8 8;
    every_packet_is_accounted_for_in_rings_of_16 16;
    every_packet_is_accounted_for_in_rings_of_32 32;
    every_packet_is_accounted_for_in_rings_of_64 64;
    every_packet_is_accounted_for_in_rings_of_128 128;
    every_packet_is_accounted_for_in_rings_of_256 256;
    every_packet_is_accounted_for_in_rings_of_512 512;
    every_packet_is_accounted_for_in_rings_of_1024 1024;
}

/// Where nothing fails, nothing is lost but for want of buffers, and no queue stops.
#[test]
fn without_faults_only_want_of_buffers_drops() {
    let seed = seed();
    let mut link = Link::new(RingConfig::default(), |seed| CardOptions::random(seed, 5), seed);
    link.run(400, 9000);
    let lost = link.check();
    for (station, lost) in link.stations.iter().zip(lost) {
        assert!(station.account.stops.is_empty(), "{:?}", station.account);
        assert!(lost.keys().all(|cause| cause == "rx_drop_no_buffer"), "{lost:?}");
        assert!(station.account.received > 300, "{:?}", station.account);
    }
}
