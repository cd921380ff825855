//! What a run says at its end: a table for people, an object for programs.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::sides::Side;

/// Everything that a run found out.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Nothing differs from what the reference model makes of the capture.
    pub ok: bool,
    /// Packets of the capture.
    pub packets_in: usize,
    /// Packets that arrived.
    pub packets_out: usize,
    /// Frames, on the wire or at a host, that differ from what is due, and counters that do.
    pub mismatches: usize,
    /// Packets dropped.
    pub drops: u64,
    /// Clocks from the first beat taken to the last beat given; none where the NICs have not the same clock.
    pub clocks: Option<u64>,
    /// Bits of arrived packets a clock, both directions together.
    pub bits_per_clock: Option<f64>,
    /// Clocks from a packet's first beat taken from one host to its last beat given to the other.
    pub latency_clocks: Option<Latency>,
    /// Drops by NIC and cause, the cause in the words of the counters.
    pub drops_by_cause: BTreeMap<Side, BTreeMap<&'static str, u64>>,
    /// Each direction by itself.
    pub directions: [Direction; 2],
    /// The first of the mismatches, in words.
    pub first_mismatches: Vec<String>,
    /// Seed of the stalls.
    pub seed: u64,
    /// Stalls, in per cent of the clocks.
    pub stalls: u8,
    /// What the run left out.
    pub notes: Vec<String>,
}

/// What went one way.
#[derive(Debug, Serialize)]
pub struct Direction {
    /// Who sent it.
    pub sender: Side,
    /// Packets of the capture.
    pub packets_in: usize,
    /// Packets that arrived.
    pub packets_out: usize,
    /// Packets that went over the wire as ESP.
    pub protected: u64,
    /// Bytes of the packets that arrived, without FCS.
    pub bytes: u64,
    /// Clocks from the first beat taken to the last beat given.
    pub clocks: Option<u64>,
    /// Clocks a packet.
    pub clocks_per_packet: Option<f64>,
    /// Bits a clock.
    pub bits_per_clock: Option<f64>,
    /// Latency.
    pub latency_clocks: Option<Latency>,
}

/// Spread of the latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Shortest.
    pub min: u64,
    /// As many packets are faster as are slower.
    pub median: u64,
    /// Longest.
    pub max: u64,
}

impl Latency {
    /// Of the latencies of all packets; none without packets.
    pub fn of(mut clocks: Vec<u64>) -> Option<Self> {
        clocks.sort_unstable();
        Some(Self { min: *clocks.first()?, median: clocks[clocks.len() / 2], max: *clocks.last()? })
    }
}

/// `amount` for each of `count`, 0 for none.
pub fn ratio(amount: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { amount as f64 / count as f64 }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["", "packets", "arrived", "as ESP", "bytes", "clocks", "clocks a packet", "bits a clock", "latency in clocks"]);
        let told = |clocks: Option<u64>| clocks.map_or("-".into(), |clocks| clocks.to_string());
        let tenths = |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{ratio:.1}"));
        let latency = |latency: Option<Latency>| latency.map_or("-".into(), |l| format!("{} .. {} .. {}", l.min, l.median, l.max));
        for way in &self.directions {
            table.add_row([
                format!("{} to {}", way.sender, way.sender.peer()),
                way.packets_in.to_string(),
                way.packets_out.to_string(),
                way.protected.to_string(),
                way.bytes.to_string(),
                told(way.clocks),
                tenths(way.clocks_per_packet),
                tenths(way.bits_per_clock),
                latency(way.latency_clocks),
            ]);
        }
        table.add_row([
            "both".to_owned(),
            self.packets_in.to_string(),
            self.packets_out.to_string(),
            self.directions.iter().map(|way| way.protected).sum::<u64>().to_string(),
            self.directions.iter().map(|way| way.bytes).sum::<u64>().to_string(),
            told(self.clocks),
            tenths(self.clocks.map(|clocks| ratio(clocks, self.packets_out as u64))),
            tenths(self.bits_per_clock),
            latency(self.latency_clocks),
        ]);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{table}")?;
        for (side, causes) in &self.drops_by_cause {
            for (cause, count) in causes {
                writeln!(f, "dropped by the {side} NIC: {count} {cause}")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        for mismatch in &self.first_mismatches {
            writeln!(f, "differs: {mismatch}")?;
        }
        let more = self.mismatches - self.first_mismatches.len();
        if more > 0 {
            writeln!(f, "differs: {more} more")?;
        }
        match self.ok {
            true => writeln!(
                f,
                "every packet arrived as it was sent or was dropped for its cause; every frame on the wire is the reference model's"
            ),
            false => writeln!(f, "FAILED: {} differences", self.mismatches),
        }
    }
}
