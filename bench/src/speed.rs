//! How fast the simulation runs. Wall time, so of this machine and this moment: it is printed, and no test asserts it.

use std::time::Instant;

use espalier_driver::xfrm::Direction;
use espalier_sim::Nic;
use serde::Serialize;

use crate::Error;
use crate::card::Card;
use crate::control::setup;

/// Clocks of a run.
const CLOCKS: u64 = 10_000;
/// Runs of each kind, in turns; the fastest counts.
const RUNS: usize = 5;
/// Of the frames, FCS included.
const FRAME_BYTES: usize = 1518;

/// Clocks a second of wall time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speed {
    /// The Verilated engine alone: its clock goes up and down, nothing else.
    pub bare: f64,
    /// With host, wire, and the checkers of all streams around it, at full load in both directions.
    pub loaded: f64,
    /// The second over the first.
    pub ratio: f64,
}

/// Measures it.
///
/// # Errors
/// The driver's and the simulator's.
pub fn speed(nic: Nic) -> Result<Speed, Error> {
    let mut card = Card::new(nic, setup(1))?;
    let (mut bare, mut loaded) = (0.0, 0.0);
    for _ in 0..RUNS {
        bare = f64::max(
            bare,
            per_second(|| {
                card.device.bus().model().clocks(CLOCKS);
                Ok(())
            })?,
        );
        // More than go in meanwhile: the run ends at full load.
        for _ in 0..CLOCKS as usize * 8 / FRAME_BYTES + 8 {
            card.offer(Direction::Out, 0, FRAME_BYTES)?;
            card.offer(Direction::In, 0, FRAME_BYTES)?;
        }
        loaded = f64::max(loaded, per_second(|| Ok(card.device.bus().run(CLOCKS)?))?);
        card.pass()?;
    }
    Ok(Speed { bare, loaded, ratio: loaded / bare })
}

fn per_second(run: impl FnOnce() -> Result<(), Error>) -> Result<f64, Error> {
    let start = Instant::now();
    run()?;
    Ok(CLOCKS as f64 / start.elapsed().as_secs_f64())
}
