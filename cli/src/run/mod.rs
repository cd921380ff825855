//! `espalier run`: a capture through two NICs joined by a wire.
//!
//! 1. The commands are dealt to the two hosts ([`sides`]), turned into what the driver takes ([`program`]) and into two
//!    NICs of the reference model ([`mod@reference`]).
//! 2. Each packet of the capture gets its sender ([`traffic`]), and the model says what must become of it.
//! 3. The two NICs under test ([`cards`]: [`simulated`], [`boards`], or [`modelled`] in tests) are programmed and sent the packets.
//! 4. What came out is written ([`capture`]), compared byte for byte ([`mod@verify`]), counted and shown ([`report`]).

pub mod boards;
pub mod capture;
pub mod cards;
pub mod end;
pub mod modelled;
pub mod program;
pub mod reference;
pub mod registers;
pub mod report;
pub mod sides;
pub mod simulated;
#[cfg(test)]
mod tests;
pub mod traffic;
pub mod verify;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use espalier_driver::Event;
use espalier_reference_model::nic::Nic;

use self::capture::Captured;
use self::cards::{Cards, Outcome, Timed};
use self::program::Program;
use self::report::{Direction, Latency, Report, ratio};
use self::sides::{Hosts, Side};
use self::traffic::{Forecast, Packet};
use self::verify::{Seen, verify};
use crate::{Failure, check};

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// `ip xfrm` commands.
    pub xfrm: PathBuf,
    /// Capture of plain packets.
    pub capture: PathBuf,
    /// Where wire.pcap, left.pcap and right.pcap go.
    pub out: PathBuf,
    /// Per cent of the clocks in which each stream pauses.
    pub stalls: u8,
    /// Seed of the stalls.
    pub seed: u64,
}

/// Everything that is known before the NICs are started.
struct Plan {
    programs: [Program; 2],
    models: [Nic; 2],
    packets: Vec<Packet>,
    start: Duration,
    notes: Vec<String>,
}

/// Runs, with two NICs that `cards` makes once the files have proven good.
pub fn run<C: Cards>(
    options: &Options,
    cards: impl FnOnce() -> Result<C, Failure>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Report, Failure> {
    let Plan { programs, mut models, packets, start, mut notes } = plan(options)?;
    std::fs::create_dir_all(&options.out).map_err(|error| Failure::Read { file: options.out.clone(), error })?;
    let outcome = cards()?.run([&programs[0], &programs[1]], &packets, progress)?;
    let forecast = traffic::forecast(&packets, &mut models, outcome.max_frame);
    let long = packets.iter().filter(|packet| packet.bytes.len() > outcome.max_frame).count();
    if long > 0 {
        notes.push(format!(
            "{long} packets are longer than the device's longest frame, {} bytes: was the capture made with segmentation offload on?",
            outcome.max_frame
        ));
    }
    write(options, &outcome, start)?;
    Ok(conclude(options, &packets, &forecast, &models, &outcome, notes))
}

fn plan(options: &Options) -> Result<Plan, Failure> {
    let wrong = |errors| Failure::Commands { file: options.xfrm.clone(), errors };
    let Hosts { names, commands, mirrored } = sides::split(check::read(&options.xfrm)?).map_err(wrong)?;
    let mut notes = Vec::new();
    if mirrored {
        notes.push(format!("{} holds the commands of one host; its peer has their mirror image", options.xfrm.display()));
    } else if names != ["left", "right"] {
        notes.push(format!("left is {}, right is {}", names[0], names[1]));
    }
    let program = |index: usize| program::program(&options.xfrm, &commands[index]).map_err(wrong);
    let programs = [program(0)?, program(1)?];
    let models = [reference::nic(&commands[0]).map_err(wrong)?, reference::nic(&commands[1]).map_err(wrong)?];
    let mut frames = capture::read(&options.capture)?;
    frames.retain(|frame| !frame.bytes.is_empty());
    let start = frames.first().map_or(Duration::ZERO, |frame| frame.time);
    let packets = traffic::assign(frames, [&models[0].policies, &models[1].policies]);
    Ok(Plan { programs, models, packets, start, notes })
}

/// Writes what was on the wire and what each side received, at the times that the clocks make of the first packet's.
fn write(options: &Options, outcome: &Outcome, start: Duration) -> Result<(), Failure> {
    let zero = outcome.taken.iter().flatten().min().copied().unwrap_or(0);
    let captured =
        |frame: &Timed| Captured { time: start + espalier_sim::nic::time(frame.last.saturating_sub(zero)), bytes: frame.bytes.clone() };
    let wire: Vec<_> = outcome.wire.iter().map(|(_, frame)| captured(frame)).collect();
    capture::write(&options.out.join("wire.pcap"), &wire)?;
    for side in Side::BOTH {
        let received: Vec<_> = outcome.delivered[side.peer().index()].iter().map(captured).collect();
        capture::write(&options.out.join(format!("{side}.pcap")), &received)?;
    }
    Ok(())
}

/// Mismatches that are told one by one.
const TOLD: usize = 10;

fn conclude(
    options: &Options,
    packets: &[Packet],
    forecast: &Forecast,
    models: &[Nic; 2],
    outcome: &Outcome,
    mut notes: Vec<String>,
) -> Report {
    notes.extend(outcome.notes.iter().cloned());
    let bytes = |frames: &[Timed]| frames.iter().map(|frame| frame.bytes.clone()).collect::<Vec<_>>();
    let wire = Side::BOTH
        .map(|side| outcome.wire.iter().filter(|(from, _)| *from == side).map(|(_, frame)| frame.bytes.clone()).collect::<Vec<_>>());
    let delivered = [bytes(&outcome.delivered[0]), bytes(&outcome.delivered[1])];
    let seen = Seen { wire: [&wire[0], &wire[1]], delivered: [&delivered[0], &delivered[1]] };
    let mut told: Vec<_> = verify(packets, forecast, seen).iter().map(ToString::to_string).collect();
    let found = |side| move |event| outcome.counter(side, event);
    let due = |side: Side| move |event| models[side.index()].counters().get(event);
    let miscounts = verify::counters([&found(Side::Left), &found(Side::Right)], [&due(Side::Left), &due(Side::Right)]);
    told.extend(miscounts.iter().map(ToString::to_string));
    if outcome.stuck {
        told.push("the NICs did not come to rest".to_owned());
    }
    let mismatches = told.len();
    told.truncate(TOLD);

    let directions = Side::BOTH.map(|sender| direction(sender, packets, forecast, outcome));
    let mut drops_by_cause: BTreeMap<Side, BTreeMap<&'static str, u64>> = BTreeMap::new();
    for side in Side::BOTH {
        for &event in Event::ALL.iter().filter(|&&event| traffic::is_drop(event)) {
            let count = outcome.counter(side, event);
            if count > 0 {
                drops_by_cause.entry(side).or_default().insert(event.name(), count);
            }
        }
    }
    let clocks = (!outcome.untimed).then(|| span(outcome.taken.iter().flatten(), outcome.delivered.iter().flatten()));
    let latencies = Side::BOTH.into_iter().flat_map(|sender| latencies(sender, packets, forecast, outcome)).collect();
    Report {
        ok: mismatches == 0,
        packets_in: packets.len(),
        packets_out: directions.iter().map(|way| way.packets_out).sum(),
        mismatches,
        drops: drops_by_cause.values().flat_map(BTreeMap::values).sum(),
        clocks,
        bits_per_clock: clocks.map(|clocks| ratio(8 * directions.iter().map(|way| way.bytes).sum::<u64>(), clocks)),
        latency_clocks: Latency::of(latencies),
        drops_by_cause,
        directions,
        first_mismatches: told,
        seed: options.seed,
        stalls: options.stalls,
        notes,
    }
}

fn direction(sender: Side, packets: &[Packet], forecast: &Forecast, outcome: &Outcome) -> Direction {
    let delivered = &outcome.delivered[sender.index()];
    let clocks = (!outcome.untimed).then(|| span(outcome.taken[sender.index()].iter(), delivered.iter()));
    let bytes = delivered.iter().map(|frame| frame.bytes.len() as u64).sum();
    Direction {
        sender,
        packets_in: packets.iter().filter(|packet| packet.sender == sender).count(),
        packets_out: delivered.len(),
        protected: outcome.counter(sender, Event::TxProtected),
        bytes,
        clocks,
        clocks_per_packet: clocks.map(|clocks| ratio(clocks, delivered.len() as u64)),
        bits_per_clock: clocks.map(|clocks| ratio(8 * bytes, clocks)),
        latency_clocks: Latency::of(latencies(sender, packets, forecast, outcome)),
    }
}

/// Clocks from the first beat taken to the last beat given, both included.
fn span<'a>(taken: impl Iterator<Item = &'a u64>, delivered: impl Iterator<Item = &'a Timed>) -> u64 {
    match (taken.min(), delivered.map(|frame| frame.last).max()) {
        (Some(first), Some(last)) => (last + 1).saturating_sub(*first),
        _ => 0,
    }
}

/// Clocks that each packet took, from the first beat to the last.
fn latencies(sender: Side, packets: &[Packet], forecast: &Forecast, outcome: &Outcome) -> Vec<u64> {
    let index = sender.index();
    let sent = packets.iter().filter(|packet| packet.sender == sender).map(|packet| packet.number);
    let taken: BTreeMap<usize, u64> = sent.zip(outcome.taken[index].iter().copied()).collect();
    let arrived = forecast.delivered[index].iter().zip(&outcome.delivered[index]);
    arrived.filter_map(|(due, frame)| Some((frame.last + 1).saturating_sub(*taken.get(&due.packet)?))).collect()
}
