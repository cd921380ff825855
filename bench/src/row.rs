//! What clocks mean in packets and bits, and against 10GbE.

use espalier_reference_model::esp;
use espalier_sim::nic::FREQUENCY;
use serde::Serialize;

use crate::case::{FCS, Family, Load, Mode, PREAMBLE_AND_GAP, Pattern, Setup, Size, Traffic};
use crate::measure::Clocks;

/// Bytes of the Ethernet header.
const ETHERNET_HEADER: usize = 14;
/// Bytes of a block of AES.
const BLOCK: usize = 16;
/// Bits a second of 10GbE.
const LINE: f64 = 10e9;

/// One row of the table. Clocks are measured; everything in a unit of time is the product of clocks and a clock of 156.25 MHz. With both
/// directions at once every figure is that of one direction, the slower.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Size of the plain frames with FCS; of a mix the mean.
    pub frame_bytes: f64,
    /// The same as text, or `IMIX`.
    pub size: Size,
    /// Mode.
    pub mode: Mode,
    /// Of the addresses, outside and inside.
    pub family: Family,
    /// AES key.
    pub key_bits: u16,
    /// Direction.
    pub direction: Load,
    /// SAs in each direction.
    pub sas: usize,
    /// Which of them a frame uses.
    pub pattern: Pattern,
    /// In steady state.
    pub clocks_per_packet: f64,
    /// Of the plain frames, FCS counted.
    pub bits_per_clock: f64,
    /// From the first beat in to the first beat out of a lone frame, of a mix its longest.
    pub latency_clocks: u64,
    /// The rate as a ratio of what 10GbE carries of the plain frames (frame, FCS, preamble and gap), in each direction.
    pub line_rate_ratio: f64,
    /// Clocks that the shared core cannot do without for a frame, of both directions if both flow: a slot for each block and one more
    /// (docs/decisions/0003).
    pub core_slots: f64,
    /// Clocks a packet that 10GbE leaves to the plain frames, with preamble and gap.
    pub line_rate_clocks: f64,
    /// Size of the frames on the wire's side, ESP and FCS included.
    pub wire_bytes: f64,
    /// Of the frames on the wire's side.
    pub wire_bits_per_clock: f64,
    /// The rate as a ratio of what 10GbE carries of the frames on the wire's side.
    pub wire_line_rate_ratio: f64,
    /// Million packets a second.
    pub mpps: f64,
    /// Bits of the plain frames, in 10^9 a second.
    pub gbit_per_s: f64,
    /// Bits of the frames on the wire's side, in 10^9 a second.
    pub wire_gbit_per_s: f64,
}

impl Row {
    /// Of what was measured.
    pub fn new(setup: Setup, traffic: Traffic, clocks: Clocks) -> Self {
        let Clocks { per_packet, latency, wire_bytes } = clocks;
        let (plain, wire) = (traffic.size.mean(), wire_bytes + FCS as f64);
        let rate = FREQUENCY as f64 / per_packet;
        let bits = |bytes: f64| bytes * 8.0 / per_packet;
        let ratio = |bytes: f64| rate * (bytes + PREAMBLE_AND_GAP as f64) * 8.0 / LINE;
        Self {
            frame_bytes: plain,
            size: traffic.size,
            mode: setup.mode,
            family: setup.family,
            key_bits: setup.key_bits,
            direction: traffic.load,
            sas: setup.sas,
            pattern: traffic.pattern,
            clocks_per_packet: per_packet,
            bits_per_clock: bits(plain),
            latency_clocks: latency,
            line_rate_ratio: ratio(plain),
            core_slots: core_slots(setup, traffic),
            line_rate_clocks: (plain + PREAMBLE_AND_GAP as f64) * 8.0 * FREQUENCY as f64 / LINE,
            wire_bytes: wire,
            wire_bits_per_clock: bits(wire),
            wire_line_rate_ratio: ratio(wire),
            mpps: rate / 1e6,
            gbit_per_s: rate * plain * 8.0 / 1e9,
            wire_gbit_per_s: rate * wire * 8.0 / 1e9,
        }
    }
}

/// See [`Row::core_slots`].
fn core_slots(setup: Setup, traffic: Traffic) -> f64 {
    let Traffic { size, load, .. } = traffic;
    let ip_header = if setup.family == Family::V4 { 20 } else { 40 };
    let outside = ETHERNET_HEADER + FCS + if setup.mode == Mode::Transport { ip_header } else { 0 };
    let slots = |bytes: usize| {
        let plaintext = (bytes - outside + esp::TRAILER_LENGTH).next_multiple_of(esp::ALIGNMENT);
        plaintext.div_ceil(BLOCK) + 1
    };
    let directions = load.ways().into_iter().filter(|on| *on).count();
    let mix: usize = (0..size.period()).map(|frame| slots(size.of(frame))).sum();
    (directions * mix) as f64 / size.period() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_rate_is_a_ratio_of_one() {
        let setup = Setup { mode: Mode::Tunnel, family: Family::V4, key_bits: 256, sas: 1 };
        let traffic = Traffic { size: Size::Bytes(64), load: Load::Tx, pattern: Pattern::One };
        // 84 bytes at 8 bytes a clock; a frame of 114 bytes and FCS takes 138.
        let row = Row::new(setup, traffic, Clocks { per_packet: 10.5, latency: 0, wire_bytes: 114.0 });
        assert!((row.line_rate_ratio - 1.0).abs() < 1e-12 && (row.mpps - 14.880_952).abs() < 1e-6, "{row:?}");
        assert!((row.wire_line_rate_ratio - 138.0 / 84.0).abs() < 1e-12, "{row:?}");
        // 46 bytes and 2 of trailer are 3 blocks.
        assert!((row.core_slots - 4.0).abs() < 1e-12 && (row.line_rate_clocks - 10.5).abs() < 1e-12, "{row:?}");
        assert!((Size::Imix.mean() - 361.833_333).abs() < 1e-5);
    }
}
