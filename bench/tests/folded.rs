//! The engine with two rounds of AES in hardware: gigabit line rate in both directions, and where its clocks are.

use espalier_bench::card::Card;
use espalier_bench::case::{Family, Load, Mode, Pattern, Setup, Size, Traffic};
use espalier_bench::measure::{Clocks, measure};
use espalier_bench::suite::engine_folded;

/// Clocks from one turn of AES to the next.
const PASSES: f64 = 7.0;
/// Clocks a packet: the core's slots, of both directions where both flow, a turn each.
const EXPECTED: [(usize, Load, f64); 6] = [
    (64, Load::Tx, 4.0 * PASSES),
    (64, Load::Rx, 4.0 * PASSES),
    (64, Load::Both, 8.0 * PASSES),
    (1518, Load::Tx, 95.0 * PASSES),
    (1518, Load::Rx, 95.0 * PASSES),
    (1518, Load::Both, 190.0 * PASSES),
];

#[test]
fn a_folded_engine_takes_the_cores_slots_seven_clocks_each() {
    let setup = Setup { mode: Mode::Tunnel, family: Family::V4, key_bits: 256, sas: 8 };
    let mut card = Card::new(engine_folded().unwrap(), setup).unwrap();
    for (bytes, load, clocks) in EXPECTED {
        let Clocks { per_packet, latency, .. } =
            measure(&mut card, setup, Traffic { size: Size::Bytes(bytes), load, pattern: Pattern::RoundRobin }).unwrap();
        // Frames that 1GbE carries in a second, preamble and gap counted.
        let gigabit = 1e9 / (8.0 * (bytes as f64 + 20.0));
        println!("{bytes} bytes, {load}: {per_packet} clocks, latency {latency}, {:.3} of 1GbE at 125 MHz", 125e6 / per_packet / gigabit);
        assert!((per_packet - clocks).abs() < 0.01, "{bytes} bytes, {load}: {per_packet} clocks, {clocks} expected");
        assert!(125e6 / per_packet >= gigabit);
    }
}
