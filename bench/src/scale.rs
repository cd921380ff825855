//! The same traffic through builds with more SAs, all of them installed.

use espalier_sim::Nic;
use serde::Serialize;

use crate::Error;
use crate::card::Card;
use crate::case::{Family, Load, Mode, Pattern, Setup, Size, Traffic};
use crate::measure::measure_over;
use crate::suite::{SAS, engine, engine_256, engine_1024};

/// SAs of the largest build; each has its turn in a run, but for long frames. All runs are as long, so that their means are of the same frames.
const MOST: usize = 1024;

/// What is sent through each build.
pub const SIZES: [Size; 3] = [Size::Bytes(64), Size::Bytes(1518), Size::Imix];

/// One kind of traffic through one build.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scale {
    /// SAs in each direction, as many as the build has. Received frames use any of them, sent ones those that the 64 policies name, which
    /// stand over the whole table.
    pub sas: usize,
    /// Of the frames.
    pub size: Size,
    /// Direction.
    pub direction: Load,
    /// Which SA a frame uses.
    pub pattern: Pattern,
    /// In steady state.
    pub clocks_per_packet: f64,
    /// Of a lone frame.
    pub latency_clocks: u64,
    /// Its clocks over those of the build with 64 SAs and one SA installed.
    pub ratio: f64,
}

/// Measures builds with 64, 256 and 1024 SAs.
///
/// # Errors
/// A frame that is lost or wrong; the driver's and the simulator's.
pub fn scale() -> Result<Vec<Scale>, Error> {
    let mut found: Vec<Scale> = Vec::new();
    let one = passage(engine()?, 1, Pattern::One, &[], &mut found)?;
    let base = found.clone();
    passage(one, SAS, Pattern::RoundRobin, &base, &mut found)?;
    for (build, sas) in [(engine_256 as fn() -> Result<Nic, Error>, 256), (engine_1024, MOST)] {
        let mut nic = build()?;
        for pattern in Pattern::ALL {
            nic = passage(nic, sas, pattern, &base, &mut found)?;
        }
    }
    Ok(found)
}

/// All sizes and directions over `sas` SAs.
fn passage(nic: Nic, sas: usize, pattern: Pattern, base: &[Scale], found: &mut Vec<Scale>) -> Result<Nic, Error> {
    let setup = Setup { mode: Mode::Tunnel, family: Family::V4, key_bits: 256, sas };
    let mut card = Card::new(nic, setup)?;
    for size in SIZES {
        for direction in Load::ALL {
            let clocks = measure_over(&mut card, setup, Traffic { size, load: direction, pattern }, MOST)?;
            let same = base.iter().find(|row| (row.size, row.direction) == (size, direction));
            found.push(Scale {
                sas,
                size,
                direction,
                pattern,
                clocks_per_packet: clocks.per_packet,
                latency_clocks: clocks.latency,
                ratio: clocks.per_packet / same.map_or(clocks.per_packet, |row| row.clocks_per_packet),
            });
        }
    }
    Ok(card.into_nic())
}
