//! A lost clock fails here.

use espalier_bench::card::Card;
use espalier_bench::case::{Family, Load, Mode, Pattern, Setup, Size, Traffic};
use espalier_bench::measure::{Clocks, measure};
use espalier_bench::suite::{SAS, engine};

/// Clocks a packet and latency, AES-256 in an IPv4 tunnel.
const EXPECTED: [(usize, Load, f64, u64); 7] = [
    (64, Load::Tx, 8.0, 45),
    (64, Load::Rx, 8.0, 134),
    (64, Load::Both, 8.0, 137),
    (1518, Load::Tx, 99.0, 136),
    (1518, Load::Rx, 99.0, 231),
    (1518, Load::Both, 190.0, 239),
    // The core's ten slots, none lost; line rate leaves 10.6 clocks.
    (65, Load::Both, 10.0, 140),
];

#[test]
fn frames_take_their_clocks_and_no_more_whatever_sas_they_use() {
    let mut nic = engine().unwrap();
    for (sas, pattern) in [(1, Pattern::One), (SAS, Pattern::RoundRobin), (SAS, Pattern::Random)] {
        let setup = Setup { mode: Mode::Tunnel, family: Family::V4, key_bits: 256, sas };
        let mut card = Card::new(nic, setup).unwrap();
        let measured = EXPECTED.map(|(bytes, load, ..)| {
            let Clocks { per_packet, latency, .. } =
                measure(&mut card, setup, Traffic { size: Size::Bytes(bytes), load, pattern }).unwrap();
            (bytes, load, per_packet, latency)
        });
        assert_eq!(measured, EXPECTED, "{pattern}");
        nic = card.into_nic();
    }
}
