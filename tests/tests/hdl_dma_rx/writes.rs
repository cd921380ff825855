//! The writer and the host's memory behind a block's `write_*`.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;

use espalier_sim::stream::{Agent, Record, Sink, Stalls};
use espalier_sim::{Error, Input, Model, Output, field};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// A write that has come whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    pub address: u64,
    /// Data and strobes of each beat.
    pub beats: Vec<(u128, u16)>,
    pub failed: bool,
}

/// Takes requests and beats, each with its stalls, and answers in order. What is written is in `memory` when it is answered, not before.
pub struct Writes {
    requests: Sink<Record>,
    beats: Sink<Record>,
    offered: [Output; 2],
    response: [Input; 2],
    latency: RangeInclusive<u64>,
    /// Which writes fail: in per cent, and those for which `failing` says so.
    pub errors: u32,
    pub failing: Box<dyn Fn(u64) -> bool>,
    /// Nothing is answered.
    pub mute: bool,
    rng: SmallRng,
    asked: VecDeque<(u64, usize)>,
    got: Vec<(u128, u16)>,
    pending: VecDeque<(u64, Write)>,
    requested: usize,
    given: usize,
    pub outstanding: usize,
    pub memory: HashMap<u64, u8>,
    /// Answered in this cycle.
    pub answered: Option<Write>,
    /// Clocks in which requests were taken.
    pub taken: Vec<u64>,
}

impl Writes {
    pub fn new(model: &Model, seed: u64, latency: RangeInclusive<u64>, [requests, beats]: [Stalls; 2]) -> Self {
        Self {
            requests: Sink::new(model, "write_request", requests).unwrap(),
            beats: Sink::new(model, "write_beat", beats).unwrap(),
            offered: ["write_request_valid", "write_beat_valid"].map(|port| model.output(port).unwrap()),
            response: ["write_response_valid", "write_response_error"].map(|port| model.input(port).unwrap()),
            latency,
            errors: 0,
            failing: Box::new(|_| false),
            mute: false,
            rng: SmallRng::seed_from_u64(seed),
            asked: VecDeque::new(),
            got: Vec::new(),
            pending: VecDeque::new(),
            requested: 0,
            given: 0,
            outstanding: 0,
            memory: HashMap::new(),
            answered: None,
            taken: Vec::new(),
        }
    }

    pub fn read(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        (address..address + length as u64).map(|at| self.memory.get(&at).copied()).collect()
    }
}

impl Agent for Writes {
    fn drive(&mut self, model: &mut Model) {
        self.requests.drive(model);
        self.beats.drive(model);
        let due = !self.mute && self.pending.front().is_some_and(|(due, _)| *due <= model.cycles());
        self.answered = if due { self.pending.pop_front().map(|(_, write)| write) } else { None };
        model.write(self.response[0], due);
        // Nobody may look at the error without a response.
        model.write(self.response[1], self.answered.as_ref().map_or_else(|| self.rng.random(), |write| write.failed));
        if let Some(write) = &self.answered {
            self.outstanding -= 1;
            for (beat, (data, strobes)) in (0..).zip(&write.beats).filter(|_| !write.failed) {
                for lane in (0..16).filter(|lane| strobes >> lane & 1 == 1) {
                    self.memory.insert(write.address + 16 * beat + lane, data.to_le_bytes()[lane as usize]);
                }
            }
        }
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        self.requests.sample(model)?;
        self.beats.sample(model)?;
        let now = model.cycles();
        if let Some(Record(bits)) = self.requests.taken.take() {
            let address = u64::try_from(field(&bits, 0, 64)).unwrap();
            let beats = usize::try_from(field(&bits, 64, 5)).unwrap();
            assert!((1..=16).contains(&beats), "{beats} beats");
            assert_eq!(address % 16, 0);
            assert!(address % 256 + 16 * beats as u64 <= 256, "{beats} beats from {address:#x} on cross a block");
            self.asked.push_back((address, beats));
            self.requested += beats;
            self.outstanding += 1;
            self.taken.push(now);
        }
        if let Some(Record(bits)) = self.beats.taken.take() {
            self.given += 1;
            assert!(self.given <= self.requested || model.read_bool(self.offered[0]), "a beat before its request");
            self.got.push((u128::try_from(field(&bits, 0, 128)).unwrap(), u16::try_from(field(&bits, 128, 16)).unwrap()));
        }
        if let Some(&(address, beats)) = self.asked.front()
            && self.got.len() >= beats
        {
            self.asked.pop_front();
            let rest = self.got.split_off(beats);
            let write = Write { address, beats: std::mem::replace(&mut self.got, rest), failed: false };
            let failed = self.rng.random_range(0..100) < self.errors || (self.failing)(address);
            let due = (now + self.rng.random_range(self.latency.clone())).max(self.pending.back().map_or(0, |(due, _)| due + 1));
            self.pending.push_back((due, Write { failed, ..write }));
        }
        Ok(())
    }
}
