//! What SAs and policies cost to install, and what that costs the traffic.

use espalier_driver::policy::{Action, PolicyParams};
use espalier_driver::xfrm::Direction;
use espalier_sim::Nic;
use espalier_sim::nic::FREQUENCY;
use serde::Serialize;

use crate::Error;
use crate::association::Association;
use crate::card::{Card, Passed};
use crate::case::{Family, Load, Mode, Pattern, Setup, Size, Traffic};
use crate::measure::measure;
use crate::suite::SAS;

/// Everything here, as it is written to a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Control {
    /// Of the driver's calls.
    pub calls: Vec<Call>,
    /// Of the traffic, while tables change.
    pub disturbances: Vec<Disturbance>,
    /// Of the traffic, by the position of its policy.
    pub positions: Vec<Position>,
}

/// What a call of the driver takes, register access by register access, over the simulated AXI4-Lite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Which.
    pub call: &'static str,
    /// Clocks, the mean.
    pub clocks: f64,
    /// Clocks of the longest.
    pub longest_clocks: u64,
    /// How many fit into a second at 156.25 MHz.
    pub per_second: f64,
}

/// Traffic of 64-byte frames with and without changes to the tables at the same time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disturbance {
    /// Direction.
    pub direction: Load,
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

/// 64-byte frames with every policy in use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Position {
    /// Direction.
    pub direction: Load,
    /// Policies in each direction.
    pub policies: usize,
    /// Of the one that matches, from 1.
    pub position: usize,
    /// In steady state.
    pub clocks_per_packet: f64,
    /// Of a lone frame.
    pub latency_clocks: u64,
}

/// The set-up of everything here.
const fn setup(sas: usize) -> Setup {
    Setup { mode: Mode::Tunnel, family: Family::V4, key_bits: 256, sas }
}

/// Measures all of it.
///
/// # Errors
/// A frame that is lost or wrong; the driver's and the simulator's.
pub fn control(nic: Nic) -> Result<Control, Error> {
    let (nic, calls) = calls(nic)?;
    let (nic, disturbances) = disturbances(nic)?;
    let (_, positions) = positions(nic)?;
    Ok(Control { calls, disturbances, positions })
}

fn calls(nic: Nic) -> Result<(Nic, Vec<Call>), Error> {
    let setup = setup(SAS);
    let all: Vec<_> = (0..SAS).map(|index| Association::new(setup, index as u8)).collect();
    let mut card = Card::empty(nic, setup)?;
    let mut sas = Vec::new();
    let mut policies = Vec::new();
    let mut calls = Vec::new();
    let ways = [(Direction::Out, ["add_policy, out", "add_sa, out"]), (Direction::In, ["add_policy, in", "add_sa, in"])];
    for (flow, [add_policy, add_sa]) in ways {
        calls.push(timed(&mut card, add_policy, &all, |card, association| {
            policies.push(card.device.add_policy(&association.policy(flow))?);
            Ok(())
        })?);
        calls.push(timed(&mut card, add_sa, &all, |card, association| {
            sas.push(card.device.add_sa(&association.sa(flow))?);
            Ok(())
        })?);
    }
    let (out, r#in) = sas.split_at(SAS);
    for (call, sas) in [("delete_sa, out", out), ("delete_sa, in", r#in)] {
        calls.push(timed(&mut card, call, sas, |card, sa| Ok(card.device.delete_sa(*sa)?))?);
    }
    let (out, r#in) = policies.split_at(SAS);
    for (call, policies) in [("delete_policy, out", out), ("delete_policy, in", r#in)] {
        calls.push(timed(&mut card, call, policies, |card, policy| Ok(card.device.delete_policy(*policy)?))?);
    }
    Ok((card.into_nic(), calls))
}

fn timed<T>(
    card: &mut Card,
    call: &'static str,
    over: &[T],
    mut carry_out: impl FnMut(&mut Card, &T) -> Result<(), Error>,
) -> Result<Call, Error> {
    let (mut total, mut longest_clocks) = (0, 0);
    for item in over {
        let start = card.device.bus().cycles();
        carry_out(card, item)?;
        let clocks = card.device.bus().cycles() - start;
        total += clocks;
        longest_clocks = longest_clocks.max(clocks);
    }
    let clocks = total as f64 / over.len() as f64;
    Ok(Call { call, clocks, longest_clocks, per_second: FREQUENCY as f64 / clocks })
}

/// SAs in use while the tables change.
const IN_USE: usize = 8;
/// Frames of each direction: their first half under the old SAs, the second under the new.
const FRAMES: usize = 8000;
/// Frames of an old SA that may still be inside the engine when the first of a new one has gone in.
const INSIDE: usize = 200;

fn disturbances(mut nic: Nic) -> Result<(Nic, Vec<Disturbance>), Error> {
    let mut found = Vec::new();
    for direction in Load::ALL {
        let (back, quiet, _) = under_load(nic, direction, false)?;
        let (back, disturbed, calls) = under_load(back, direction, true)?;
        nic = back;
        let clocks = |passed: &[Passed; 2]| passed.iter().filter_map(|passed| left(passed).max()).max().unwrap_or(0);
        let late = |(quiet, disturbed): (&Passed, &Passed)| left(quiet).zip(left(disturbed)).map(|(a, b)| b.saturating_sub(a)).max();
        found.push(Disturbance {
            direction,
            frames: FRAMES,
            calls,
            clocks: clocks(&quiet),
            disturbed_clocks: clocks(&disturbed),
            most_late_clocks: quiet.iter().zip(&disturbed).filter_map(late).max().unwrap_or(0),
        });
    }
    Ok((nic, found))
}

/// When the frames left, in clocks since the first one came.
fn left(passed: &Passed) -> impl Iterator<Item = u64> {
    let start = passed.sent.first().map_or(0, |sent| sent.first);
    passed.came.iter().map(move |(_, last)| last - start)
}

/// Full load with a change of SAs in the middle. With `changes` they are re-keyed under load, the old ones deleted behind them, and other SAs
/// and policies come and go all the while; else the new SAs are there from the start.
fn under_load(nic: Nic, load: Load, changes: bool) -> Result<(Nic, [Passed; 2], usize), Error> {
    let setup = setup(IN_USE);
    let mut card = Card::new(nic, setup)?;
    if !changes {
        card.rekey()?;
    }
    let directions = [Direction::Out, Direction::In].into_iter().zip(load.ways()).filter_map(|(way, on)| on.then_some(way));
    for frame in 0..FRAMES {
        if frame == FRAMES / 2 {
            card.switch_peers()?;
        }
        directions.clone().try_for_each(|direction| card.offer(direction, frame % IN_USE, 64))?;
    }
    let nic = card.device.bus();
    nic.run(64 - nic.cycles() % 64)?;
    let mut calls = 0;
    if changes {
        card.rekey()?;
        calls += 2 * IN_USE;
        let mut retired = false;
        // To the end of the load, but not beyond it.
        while gone_in(&mut card) < FRAMES - FRAMES / 8 {
            if !retired && gone_in(&mut card) > FRAMES / 2 + INSIDE {
                card.retire()?;
                calls += 2 * IN_USE;
                retired = true;
            }
            calls += come_and_go(&mut card, Association::new(setup, IN_USE as u8))?;
        }
        if !retired {
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

/// Installs another pair of SAs with its policies and takes it out again; how many calls that is.
fn come_and_go(card: &mut Card, association: Association) -> Result<usize, Error> {
    let mut calls = 0;
    for flow in [Direction::Out, Direction::In] {
        let sa = card.device.add_sa(&association.sa(flow))?;
        let policy = card.device.add_policy(&association.policy(flow))?;
        card.device.delete_sa(sa)?;
        card.device.delete_policy(policy)?;
        calls += 4;
    }
    Ok(calls)
}

fn positions(mut nic: Nic) -> Result<(Nic, Vec<Position>), Error> {
    let setup = setup(1);
    let policies = SAS;
    let mut found = Vec::new();
    for position in [1, policies / 2, policies] {
        let mut card = Card::empty(nic, setup)?;
        card.install(Association::new(setup, 0))?;
        for place in 1..=policies {
            for flow in [Direction::Out, Direction::In] {
                let policy = if place == position { Association::new(setup, 0).policy(flow) } else { elsewhere(place, flow) };
                card.device.add_policy(&PolicyParams { priority: place as u32, ..policy })?;
            }
        }
        for direction in Load::ALL {
            let clocks = measure(&mut card, setup, Traffic { size: Size::Bytes(64), load: direction, pattern: Pattern::One })?;
            let (clocks_per_packet, latency_clocks) = (clocks.per_packet, clocks.latency);
            found.push(Position { direction, policies, position, clocks_per_packet, latency_clocks });
        }
        nic = card.into_nic();
    }
    Ok((nic, found))
}

/// A policy that none of the frames meets.
fn elsewhere(place: usize, flow: Direction) -> PolicyParams {
    let policy = Association::new(setup(1), place as u8).policy(flow);
    PolicyParams { action: Action::Block, templates: Vec::new(), ..policy }
}
