//! What SAs and policies cost to install, and what that costs the traffic.

use espalier_driver::policy::{Action, PolicyParams};
use espalier_driver::xfrm::Direction;
use espalier_sim::Nic;
use espalier_sim::nic::FREQUENCY;
use serde::Serialize;

use crate::Error;
use crate::association::Association;
use crate::card::Card;
use crate::case::{Family, Load, Mode, Pattern, Setup, Size, Traffic};
use crate::disturbance::{Disturbance, disturbances};
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
pub(crate) const fn setup(sas: usize) -> Setup {
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
