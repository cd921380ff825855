//! Plays a scenario, step by step, until something is not as it says.

use std::collections::VecDeque;
use std::fmt;

use espalier_driver::Event;
use espalier_driver::ops::Mib;
use espalier_driver::xfrm::OffloadMode;
use espalier_driver::xfrm::info::{Replay, StateInfo};
use espalier_reference_model::headers::Headers;
use jiff::tz::TimeZone;

use super::ast::{DeviceChange, Expectation, Forgery, Issued, Offloaded, SaField, Scenario, Traffic, What, WireFault};
use super::command;
use super::forge::forge;
use super::traffic;
use super::wire::mark_congestion;
use super::world::{Arrival, DEVICE, World};
use crate::Failure;
use crate::run::capture;
use crate::run::sides::Side;

/// What is not as the scenario says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The line of the file, from 1.
    pub line: usize,
    /// What.
    pub told: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.told)
    }
}

/// What has happened so far, beside what the hosts themselves know.
#[derive(Default)]
struct Played {
    /// IP packets that each side's stack has sent and the other has not received.
    sent: [VecDeque<Vec<u8>>; 2],
    /// Packets that each side's stack has received since the last look.
    received: [usize; 2],
    /// Events of each side's monitor that were not looked at.
    told: [VecDeque<String>; 2],
    /// Packets made so far.
    made: u16,
    /// Those of them that came with a congestion mark that they were not sent with.
    marked: [usize; 2],
}

/// Plays; the first mismatch ends it.
///
/// # Errors
/// When the simulator or the driver fails.
pub fn play(scenario: &Scenario, world: &mut World, progress: &mut dyn FnMut(usize)) -> Result<Result<(), Mismatch>, Failure> {
    let mut played = Played::default();
    for (index, step) in scenario.steps.iter().enumerate() {
        progress(index);
        if let Err(told) = played.step(&step.what, world)? {
            return Ok(Err(Mismatch { line: step.line, told }));
        }
    }
    Ok(Ok(()))
}

impl Played {
    fn step(&mut self, what: &What, world: &mut World) -> Result<Result<(), String>, Failure> {
        match what {
            What::Address(side, addresses) => world.set_addresses(*side, addresses)?,
            What::Command(issued) => return Ok(issue(issued, world)),
            What::Device(side, name, change) => return device(*side, name, *change, world),
            What::Time(seconds) => world.wait(*seconds),
            What::Send(side, traffic) => return self.send(*side, traffic, world),
            What::Wire(side, fault @ (WireFault::Again(number) | WireFault::Forge(number, _))) => {
                let Some(mut frame) = world.wire().frame((*side).into(), *number) else {
                    return Ok(Err(format!("{side} has put {} frames on the wire", world.wire().count((*side).into()))));
                };
                if let WireFault::Forge(_, forgery) = fault {
                    match forged(world, *side, &frame, *forgery) {
                        Some(forged) => frame = forged,
                        None => return Ok(Err(format!("frame {number} of {side} is not of one of its SAs"))),
                    }
                }
                world.inject(side.peer(), &frame);
                return self.settle(world);
            }
            What::Wire(side, fault) => world.wire().next((*side).into(), *fault),
            What::Expect(expectation) => return self.expect(expectation, world),
        }
        Ok(Ok(()))
    }

    fn send(&mut self, side: Side, traffic: &Traffic, world: &mut World) -> Result<Result<(), String>, Failure> {
        let frames = match traffic {
            Traffic::Made(made) => match traffic::frames(made, self.made) {
                Ok(frames) => frames,
                Err(error) => return Ok(Err(error.to_string())),
            },
            Traffic::Capture(file) => capture::read(file)?.into_iter().map(|captured| captured.bytes).collect(),
        };
        self.made = self.made.wrapping_add(frames.len() as u16);
        for frame in frames {
            if world.send(side, &frame)?.is_none() {
                self.sent[side.index()].push_back(packet(&frame).to_vec());
            }
        }
        self.settle(world)
    }

    /// Lets everything come to rest, and looks at what arrived: it must be what the other side has sent, in its order.
    fn settle(&mut self, world: &mut World) -> Result<Result<(), String>, Failure> {
        let arrivals = world.settle()?;
        for side in Side::BOTH {
            let index = side.index();
            self.received[index] += arrivals[index].len();
            for Arrival { frame } in &arrivals[index] {
                let sent = &mut self.sent[side.peer().index()];
                let arrived = packet(frame);
                match sent.iter().position(|sent| arrived == sent || arrived == with_mark(sent)) {
                    // What is before it was lost.
                    Some(position) => {
                        self.marked[index] += usize::from(arrived != sent[position]);
                        sent.drain(..=position);
                    }
                    None => return Ok(Err(format!("{side} received a packet that was not sent, or a second time: {}", hex(arrived)))),
                }
            }
            while let Some(event) = world.host(side).core.next_event() {
                self.told[index].push_back(command::monitor_line(&event));
            }
        }
        Ok(Ok(()))
    }

    fn expect(&mut self, expectation: &Expectation, world: &mut World) -> Result<Result<(), String>, Failure> {
        let (what, found, due) = match expectation {
            Expectation::Received(side, due) => {
                let found = std::mem::take(&mut self.received[side.index()]);
                ("received".to_owned(), found as u64, *due as u64)
            }
            Expectation::Counter(side, name, due) => {
                let Some(event) = Event::ALL.iter().find(|event| event.name() == name) else {
                    return Ok(Err(format!("the device has no counter {name}")));
                };
                (name.clone(), world.host(*side).device()?.counters()?.get(*event), *due)
            }
            Expectation::Mib(side, name, due) => {
                let Some(mib) = Mib::ALL.iter().find(|mib| mib.name() == name) else {
                    return Ok(Err(format!("/proc/net/xfrm_stat has no {name}")));
                };
                (name.clone(), world.host(*side).core.mib().get(*mib), *due)
            }
            Expectation::Sa(side, spi, field, due) => match state(world, *side, *spi) {
                Ok(info) => (format!("{field:?} of the SA"), number(&info, *field), *due),
                Err(told) => return Ok(Err(told)),
            },
            Expectation::Offload(side, spi, due) => return Ok(offload(world, *side, *spi, *due)),
            Expectation::Marked(side, due) => {
                let found = std::mem::take(&mut self.marked[side.index()]);
                ("marked".to_owned(), found as u64, *due as u64)
            }
            Expectation::Event(side, texts) => {
                // Events of commands come without traffic.
                let settled = self.settle(world)?;
                if settled.is_err() {
                    return Ok(settled);
                }
                let events = &mut self.told[side.index()];
                return Ok(match events.iter().position(|event| texts.iter().all(|text| event.contains(text.as_str()))) {
                    Some(position) => {
                        events.drain(..=position);
                        Ok(())
                    }
                    None => Err(format!("no event tells of {texts:?}; there are: {events:?}")),
                });
            }
            Expectation::States(side, due) => ("states".to_owned(), world.host(*side).core.state_dump().len() as u64, *due as u64),
            Expectation::Policies(side, due) => ("policies".to_owned(), world.host(*side).core.policy_dump().len() as u64, *due as u64),
        };
        Ok(if found == due { Ok(()) } else { Err(format!("{what}: {found}, expected {due}")) })
    }
}

/// A packet of the SA that has sent `frame`, with the number after the last.
fn forged(world: &mut World, side: Side, frame: &[u8], forgery: Forgery) -> Option<Vec<u8>> {
    let spi = Headers::parse(frame).esp?.spi;
    let info = state(world, side, spi).ok()?;
    let core = &world.host(side).core;
    let x = core.states().iter().find_map(|held| core.state(held.id()).filter(|x| x.params.id.spi == spi))?;
    forge(frame, &x.params, number(&info, SaField::Oseq) + 1, forgery)
}

/// Gives a command to its host, and compares what comes of it.
fn issue(issued: &Issued, world: &mut World) -> Result<(), String> {
    let host = world.host(issued.host);
    let before = host.writes();
    let mut printed = String::new();
    let result = command::execute(&mut host.core, &issued.command, &TimeZone::UTC, &mut printed);
    let written = host.writes() - before;
    match (&issued.refused, result) {
        (None, Err(refusal)) => Err(format!("refused: {}: {}", refusal.errno, refusal.message)),
        (Some(due), Ok(())) => Err(format!("done, but expected to be refused: {}: {}", due.errno, due.message)),
        (Some(due), Err(refusal)) => {
            if due.errno != refusal.errno.name() || !refusal.message.contains(&due.message) {
                return Err(format!("refused: {}: {}; expected {}: {}", refusal.errno, refusal.message, due.errno, due.message));
            }
            if written > 0 {
                return Err(format!("refused, but {written} registers were written"));
            }
            Ok(())
        }
        (None, Ok(())) => match &issued.output {
            None => Ok(()),
            Some(due) => compare(&printed, due),
        },
    }
}

fn compare(printed: &str, due: &[String]) -> Result<(), String> {
    let printed: Vec<_> = printed.lines().collect();
    let differs = (0..printed.len().max(due.len())).find(|&line| printed.get(line).copied() != due.get(line).map(String::as_str));
    match differs {
        None => Ok(()),
        Some(line) => Err(format!("printed line {}: {:?}, expected {:?}", line + 1, printed.get(line), due.get(line))),
    }
}

fn device(side: Side, name: &str, change: DeviceChange, world: &mut World) -> Result<Result<(), String>, Failure> {
    if name != DEVICE {
        return Ok(Err(format!("{side} has no device {name}: it is {DEVICE}")));
    }
    let host = world.host(side);
    let done = match change {
        DeviceChange::Up => {
            host.device()?.enable()?;
            host.core.up(name)
        }
        DeviceChange::Down => {
            // As the kernel: the device has stopped when the core hears of it.
            host.device()?.disable()?;
            host.core.down(name)
        }
        DeviceChange::Unregister => host.core.unregister(name).map(|device| host.unregistered = Some(device)),
        DeviceChange::Mtu(mtu) => {
            let Ok(mtu) = u16::try_from(mtu) else { return Ok(Err(format!("an MTU of {mtu} bytes: at most {}", u16::MAX))) };
            host.device()?.set_mtu(mtu)?;
            Ok(())
        }
    };
    Ok(done.map_err(|error| error.to_string()))
}

fn number(info: &StateInfo, field: SaField) -> u64 {
    let wide = |hi: u32, lo: u32| u64::from(hi) << 32 | u64::from(lo);
    let (oseq, seq) = match &info.replay {
        Replay::Legacy { oseq, seq, .. } => (u64::from(*oseq), u64::from(*seq)),
        Replay::Esn { state, .. } => (wide(state.oseq_hi, state.oseq), wide(state.seq_hi, state.seq)),
    };
    match field {
        SaField::Packets => info.current.packets,
        SaField::Bytes => info.current.bytes,
        SaField::Oseq => oseq,
        SaField::Seq => seq,
        SaField::Replay => info.stats.replay.into(),
        SaField::ReplayWindow => info.stats.replay_window.into(),
        SaField::Failed => info.stats.integrity_failed.into(),
    }
}

/// The one SA with this SPI.
fn state(world: &mut World, side: Side, spi: u32) -> Result<StateInfo, String> {
    let found = world.host(side).core.state_dump().into_iter().find(|info| info.id.spi == spi);
    found.ok_or_else(|| format!("{side} has no SA with SPI {spi:#010x}"))
}

fn offload(world: &mut World, side: Side, spi: u32, due: Offloaded) -> Result<(), String> {
    let info = state(world, side, spi)?;
    let found = match info.offload.as_ref().map(|offload| offload.mode) {
        None => Offloaded::Software,
        Some(OffloadMode::Packet) => Offloaded::Packet,
        Some(_) => Offloaded::Crypto,
    };
    if found == due { Ok(()) } else { Err(format!("the SA is in {found:?}, expected {due:?}")) }
}

/// The IP packet of a frame, without Ethernet header and padding.
fn packet(frame: &[u8]) -> &[u8] {
    let headers = Headers::parse(frame);
    frame.get(headers.l2_length..headers.l2_length + headers.ip_length).unwrap_or(frame)
}

fn with_mark(packet: &[u8]) -> Vec<u8> {
    let mut frame = [&[0; 14], packet].concat();
    mark_congestion(&mut frame);
    frame.split_off(14)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(48).map(|byte| format!("{byte:02x}")).collect()
}
