//! Two Verilated engines, programmed by the driver through their registers.

use std::cell::RefCell;
use std::rc::Rc;

use espalier_driver::bus::Bus;
use espalier_driver::{Device, Event};
use espalier_sim::Model;
use espalier_sim::nic::{self, Nic, NicStalls, Pair};

use super::cards::{Cards, Outcome, Timed};
use super::program::{Program, What};
use super::registers::Registers;
use super::sides::Side;
use super::traffic::Packet;
use crate::Failure;

/// Clocks without a beat after which nothing more is expected: several times what the longest frame takes through both NICs.
const QUIET: u64 = 8_192;
/// Clocks between two looks at the progress.
const STRIDE: u64 = 256;

/// Two NICs.
pub struct Simulated {
    pair: Rc<RefCell<Pair>>,
}

impl Simulated {
    /// Joins two models of the engine. Every stream pauses in `stalls` per cent of the clocks, as `seed` has it.
    pub fn new(models: [Model; 2], stalls: u8, seed: u64) -> Result<Self, Failure> {
        let [left, right] = models;
        let stalls = |index: u64| match stalls {
            0 => NicStalls::never(),
            percent => NicStalls::random(seed.wrapping_mul(2).wrapping_add(index), percent.into()),
        };
        let pair = Pair::new(Nic::new(left, stalls(0))?, Nic::new(right, stalls(1))?);
        Ok(Self { pair: Rc::new(RefCell::new(pair)) })
    }
}

impl Cards for Simulated {
    fn run(self, programs: [&Program; 2], packets: &[Packet], progress: &mut dyn FnMut(usize, usize)) -> Result<Outcome, Failure> {
        let mut devices = Vec::new();
        for side in Side::BOTH {
            devices.push(bring_up(Registers::new(self.pair.clone(), side), programs[side.index()])?);
        }
        let mut outcome = traffic(&mut self.pair.borrow_mut(), packets, progress)?;
        outcome.max_frame = devices.iter().map(|device| device.capabilities().max_frame_bytes.into()).min().unwrap_or(0);
        for (device, counters) in devices.iter_mut().zip(&mut outcome.counters) {
            let found = device.counters()?;
            *counters = Event::ALL.iter().map(|&event| found.get(event)).collect();
        }
        Ok(outcome)
    }
}

/// Opens a device, carries out the program, and lets traffic in.
pub fn bring_up<B: Bus>(bus: B, program: &Program) -> Result<Device<B>, Failure> {
    let mut device = Device::open(bus)?;
    for step in &program.steps {
        let done = match &step.what {
            What::Sa(params) => device.add_sa(params).map(drop),
            What::Policy(params) => device.add_policy(params).map(drop),
        };
        done.map_err(|error| Failure::Refused { file: program.file.clone(), at: step.at, error })?;
    }
    device.enable()?;
    Ok(device)
}

fn traffic(pair: &mut Pair, packets: &[Packet], progress: &mut dyn FnMut(usize, usize)) -> Result<Outcome, Failure> {
    // Programming took them different times; from here on one clock counts for both.
    let (left, right) = (pair.left.cycles(), pair.right.cycles());
    pair.left.run(right.saturating_sub(left))?;
    pair.right.run(left.saturating_sub(right))?;
    let mut outcome = Outcome::default();
    for packet in packets {
        pair.side(packet.sender.into()).send_host(&packet.bytes);
    }
    // A beat of 16 bytes a clock is full speed. With stalls and headers ten times as long is plenty.
    let bytes: u64 = packets.iter().map(|packet| packet.bytes.len() as u64 + 200).sum();
    let deadline = pair.left.cycles() + 200_000 + bytes * 10;
    let mut arrived = 0;
    while pair.left.pending() + pair.right.pending() > 0 || pair.left.quiet_for().min(pair.right.quiet_for()) < QUIET {
        if pair.left.cycles() > deadline {
            outcome.stuck = true;
            break;
        }
        for _ in 0..STRIDE {
            pair.step()?;
        }
        for side in Side::BOTH {
            let frames = pair.side(side.into()).take_host();
            arrived += frames.len();
            let frames = frames.into_iter().map(|frame| Timed { bytes: frame.bytes, first: frame.first, last: frame.last });
            outcome.delivered[side.peer().index()].extend(frames);
        }
        progress(arrived, packets.len());
    }
    for side in Side::BOTH {
        outcome.taken[side.index()] = pair.side(side.into()).host_sent().drain(..).map(|sent| sent.first).collect();
    }
    for crossing in std::mem::take(&mut pair.crossings) {
        let from = match crossing.from {
            nic::Side::Left => Side::Left,
            nic::Side::Right => Side::Right,
        };
        outcome.wire.push((from, Timed { bytes: crossing.bytes, first: crossing.first, last: crossing.last }));
    }
    Ok(outcome)
}
