//! What changes to the tables cost the traffic, each kind of change by itself and all together.

use std::fmt;

use espalier_driver::xfrm::Direction;
use espalier_sim::Nic;
use serde::Serialize;

use crate::Error;
use crate::association::Association;
use crate::card::{Card, Passed};
use crate::case::Load;
use crate::control::setup;

/// What is done to the tables under load, over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// An outbound policy is added and deleted.
    PolicyOut,
    /// An inbound policy is added and deleted: also what the SAs have of it.
    PolicyIn,
    /// An outbound SA is added and deleted: hash subkey, table, limits.
    SaOut,
    /// An inbound SA is added and deleted: also CAM, replay window, selector, accepted policies.
    SaIn,
    /// All of these; and the SAs that carry the traffic are re-keyed, the old ones deleted as soon as no frame uses them.
    All,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::PolicyOut, Self::PolicyIn, Self::SaOut, Self::SaIn, Self::All];

    /// Frames in each direction.
    const fn frames(self) -> usize {
        if matches!(self, Self::All) { 8000 } else { 1600 }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PolicyOut => "policy, out",
            Self::PolicyIn => "policy, in",
            Self::SaOut => "SA, out",
            Self::SaIn => "SA, in",
            Self::All => "all, and re-keyed",
        })
    }
}

/// Traffic of 64-byte frames with and without changes to the tables at the same time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disturbance {
    /// Direction.
    pub direction: Load,
    /// What changes.
    pub change: Change,
    /// Frames in each direction.
    pub frames: usize,
    /// Calls of the driver that fell among them.
    pub calls: usize,
    /// From the first beat in to the last beat out, with nothing else going on.
    pub clocks: u64,
    /// The same with the changes.
    pub disturbed_clocks: u64,
    /// How much later than without the changes the latest of the frames left.
    pub most_late_clocks: u64,
}

/// SAs in use while the tables change.
const IN_USE: usize = 8;
/// Frames of an old SA that may still be inside the engine when the first of a new one has gone in.
const INSIDE: usize = 200;

/// Measures all of them.
///
/// # Errors
/// A frame that is lost or wrong; the driver's and the simulator's.
pub fn disturbances(mut nic: Nic) -> Result<(Nic, Vec<Disturbance>), Error> {
    let mut found = Vec::new();
    for direction in Load::ALL {
        for change in Change::ALL {
            let (back, quiet, _) = under_load(nic, direction, change, false)?;
            let (back, disturbed, calls) = under_load(back, direction, change, true)?;
            nic = back;
            let clocks = |passed: &[Passed; 2]| passed.iter().filter_map(|passed| left(passed).max()).max().unwrap_or(0);
            let late = |(quiet, disturbed): (&Passed, &Passed)| left(quiet).zip(left(disturbed)).map(|(a, b)| b.saturating_sub(a)).max();
            found.push(Disturbance {
                direction,
                change,
                frames: change.frames(),
                calls,
                clocks: clocks(&quiet),
                disturbed_clocks: clocks(&disturbed),
                most_late_clocks: quiet.iter().zip(&disturbed).filter_map(late).max().unwrap_or(0),
            });
        }
    }
    Ok((nic, found))
}

/// When the frames left, in clocks since the first one came.
fn left(passed: &Passed) -> impl Iterator<Item = u64> {
    let start = passed.sent.first().map_or(0, |sent| sent.first);
    passed.came.iter().map(move |(_, last)| last - start)
}

/// Full load; if the SAs are re-keyed, the second half from the new ones. Without `changes` these are there from the start.
fn under_load(nic: Nic, load: Load, change: Change, changes: bool) -> Result<(Nic, [Passed; 2], usize), Error> {
    let setup = setup(IN_USE);
    let frames = change.frames();
    let rekeys = change == Change::All;
    let mut card = Card::new(nic, setup)?;
    if rekeys {
        if changes { card.foresee()? } else { card.rekey()? }
    }
    let directions = [Direction::Out, Direction::In].into_iter().zip(load.ways()).filter_map(|(way, on)| on.then_some(way));
    // Both runs begin at the same clock of the engine's rhythms.
    let nic = card.device.bus();
    nic.run(64 - nic.cycles() % 64)?;
    for frame in 0..frames {
        let generation = usize::from(rekeys && frame >= frames / 2);
        directions.clone().try_for_each(|direction| card.offer(direction, frame % IN_USE + generation * IN_USE, 64))?;
    }
    let mut calls = 0;
    if changes {
        let mut old = false;
        if rekeys {
            card.rekey()?;
            calls += 2 * IN_USE;
            old = true;
        }
        // To the end of the load, but not beyond it.
        while gone_in(&mut card) < frames - frames / 8 {
            if old && gone_in(&mut card) > frames / 2 + INSIDE {
                card.retire()?;
                calls += 2 * IN_USE;
                old = false;
            }
            calls += come_and_go(&mut card, change, Association::new(setup, IN_USE as u8))?;
        }
        if old {
            return Err(Error::wrong(setup, "the load ended before the old SAs were deleted"));
        }
    }
    let passed = card.pass()?;
    Ok((card.into_nic(), passed, calls))
}

/// Frames that have gone in, of the direction that has fewer.
fn gone_in(card: &mut Card) -> usize {
    let nic = card.device.bus();
    [nic.host_sent().len(), nic.wire_sent().len()].into_iter().filter(|sent| *sent > 0).min().unwrap_or(0)
}

/// Installs SAs and policies that carry nothing and takes them out again; how many calls that is.
fn come_and_go(card: &mut Card, change: Change, association: Association) -> Result<usize, Error> {
    let mut calls = 0;
    for (flow, policy, sa) in [(Direction::Out, Change::PolicyOut, Change::SaOut), (Direction::In, Change::PolicyIn, Change::SaIn)] {
        let sa = [sa, Change::All].contains(&change).then(|| card.device.add_sa(&association.sa(flow))).transpose()?;
        let policy = [policy, Change::All].contains(&change).then(|| card.device.add_policy(&association.policy(flow))).transpose()?;
        calls += 2 * (usize::from(sa.is_some()) + usize::from(policy.is_some()));
        sa.map(|sa| card.device.delete_sa(sa)).transpose()?;
        policy.map(|policy| card.device.delete_policy(policy)).transpose()?;
    }
    Ok(calls)
}
