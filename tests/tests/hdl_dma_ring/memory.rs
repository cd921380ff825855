//! Host memory behind the reader: what a block asks for comes in order, after a while.

use std::collections::{HashMap, HashSet, VecDeque};

use espalier_sim::stream::{Agent, Stalls};
use espalier_sim::{Input, Model, Output};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// How the memory behaves.
#[derive(Debug, Clone)]
pub struct Pace {
    pub requests: Stalls,
    pub beats: Stalls,
    /// Clocks from a request to its first beat.
    pub latency: (u64, u64),
    pub seed: u64,
}

#[allow(dead_code, reason = "each test uses a part")]
impl Pace {
    pub fn fast() -> Self {
        Self { requests: Stalls::never(), beats: Stalls::never(), latency: (1, 1), seed: 0 }
    }
}

/// A read that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    pub address: u64,
    pub beats: u64,
}

struct Beat {
    address: u64,
    last: bool,
    from: u64,
}

/// `request`, `beat` of a block; `beat_ready` where it has one.
pub struct Memory {
    request: Output,
    request_valid: Output,
    request_ready: Input,
    beat: Input,
    beat_valid: Input,
    beat_ready: Option<Output>,
    pace: Pace,
    rng: SmallRng,
    ready: bool,
    waiting: Option<u128>,
    offered: bool,
    coming: VecDeque<Beat>,
    /// What stands there, by address of 16 bytes; nothing else may be read.
    pub bytes: HashMap<u64, [u8; 16]>,
    /// Where reads fail.
    pub broken: HashSet<u64>,
    /// All reads that were asked for.
    pub reads: Vec<Read>,
    /// Those that have not ended.
    pub outstanding: usize,
    /// Beats that were taken.
    pub moved: u64,
}

impl Memory {
    pub fn new(model: &Model, pace: Pace) -> Self {
        Self {
            request: model.output("request").unwrap(),
            request_valid: model.output("request_valid").unwrap(),
            request_ready: model.input("request_ready").unwrap(),
            beat: model.input("beat").unwrap(),
            beat_valid: model.input("beat_valid").unwrap(),
            beat_ready: model.output("beat_ready").ok(),
            rng: SmallRng::seed_from_u64(pace.seed),
            pace,
            ready: false,
            waiting: None,
            offered: false,
            coming: VecDeque::new(),
            bytes: HashMap::new(),
            broken: HashSet::new(),
            reads: Vec::new(),
            moved: 0,
            outstanding: 0,
        }
    }
}

impl Agent for Memory {
    fn drive(&mut self, model: &mut Model) {
        self.ready = !self.pace.requests.next();
        model.write(self.request_ready, self.ready);
        if self.offered {
            return; // Stays until it is taken.
        }
        match self.coming.front() {
            Some(beat) if beat.from <= model.cycles() && !self.pace.beats.next() => {
                let error = self.broken.contains(&beat.address);
                let data = self.bytes.get(&beat.address).unwrap_or_else(|| panic!("{:#x} is not mapped", beat.address));
                let data = if error { 0 } else { u128::from_le_bytes(*data) };
                let word = |i: u32| (data >> (32 * i)) as u32;
                model.write(self.beat, [word(0), word(1), word(2), word(3), u32::from(beat.last) | (u32::from(error) << 1)]);
                self.offered = true;
            }
            _ => model.write(self.beat, [0xa5a5_a5a5, 0x5a5a_5a5a, 0xa5a5_a5a5, 0x5a5a_5a5a, 3]),
        }
        model.write(self.beat_valid, self.offered);
    }

    fn sample(&mut self, model: &Model) -> Result<(), espalier_sim::Error> {
        let now = model.cycles();
        if self.offered && self.beat_ready.is_none_or(|ready| model.read_bool(ready)) {
            self.offered = false;
            self.moved += 1;
            let beat = self.coming.pop_front().unwrap();
            self.outstanding -= usize::from(beat.last);
        }
        let request = model.read_bool(self.request_valid).then(|| model.read_u128(self.request));
        if let Some(before) = self.waiting.take() {
            assert_eq!(request, Some(before), "clock {now}: a request did not wait");
        }
        if let Some(request) = request {
            if !self.ready {
                self.waiting = Some(request);
                return Ok(());
            }
            let (address, beats) = (request as u64, (request >> 64) as u64);
            assert!(address.is_multiple_of(16) && (1..=16).contains(&beats), "{address:#x}, {beats} beats");
            assert_eq!(address / 256, (address + 16 * beats - 1) / 256, "{address:#x}, {beats} beats");
            let from = now + 1 + self.rng.random_range(self.pace.latency.0..=self.pace.latency.1);
            self.coming.extend((0..beats).map(|i| Beat { address: address + 16 * i, last: i + 1 == beats, from }));
            self.reads.push(Read { address, beats });
            self.outstanding += 1;
        }
        Ok(())
    }
}
