//! Frames from host memory: whole, in order, each with its completion, whatever fails, and whenever the queue is drained.
#![allow(clippy::unwrap_used)]

#[path = "hdl_dma_tx/engine.rs"]
mod engine;
#[path = "hdl_dma_tx/expect.rs"]
mod expect;
#[path = "hdl_dma_tx/lives.rs"]
mod lives;
#[path = "hdl_dma_ring/memory.rs"]
mod memory;
#[path = "hdl_stream/support.rs"]
mod support;

use engine::{Engine, Taken};
use espalier_hdl::dma::records::{Completion, Descriptor};
use espalier_hdl::dma::tx::TxQueue;
use espalier_sim::stream::{Agent, Record, Sink, Stalls, step};
use espalier_sim::{Model, field, record};
use expect::{Expected, Segment};
use lives::{Flaw, Life, lives};
use memory::{Memory, Pace, Read};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Paces of all that is around the queue.
#[derive(Debug, Clone, Copy)]
struct Around {
    seed: u64,
    full_speed: bool,
    read_latency: (u64, u64),
    status_latency: (u64, u64),
    capacity: usize,
}

fn around() -> impl Strategy<Value = Around> {
    let latency = || prop_oneof![Just((0, 0)), Just((150, 150)), Just((0, 60))];
    (any::<u64>(), proptest::bool::weighted(0.2), latency(), latency(), 1usize..25).prop_map(
        |(seed, full_speed, read_latency, status_latency, capacity)| Around { seed, full_speed, read_latency, status_latency, capacity },
    )
}

struct Bench {
    model: Model,
    memory: Memory,
    engine: Engine,
    completion: Sink<Record>,
    stalls: Stalls,
    rng: SmallRng,
    // Of this life.
    segments: Vec<Segment>,
    taken: usize,
    offered: bool,
    draining: bool,
    completions: Vec<(u64, [u32; 4])>,
    faults: Vec<(u32, u64)>,
    moved: u64,
}

impl Bench {
    fn new(around: Around) -> Self {
        let model = support::model::<TxQueue>("tx_queue");
        let mut rng = SmallRng::seed_from_u64(around.seed);
        let stalls: [Stalls; 6] = if around.full_speed { support::full_speed() } else { support::random_stalls(&mut rng, around.seed) };
        let [requests, beats, frames, statuses, completions, descriptors] = stalls;
        let pace = Pace { requests, beats, latency: around.read_latency, seed: around.seed };
        Self {
            memory: Memory::new(&model, pace),
            engine: Engine::new(&model, [frames, statuses], around.status_latency, around.capacity),
            completion: Sink::new(&model, "completion", completions).unwrap(),
            stalls: descriptors,
            rng,
            segments: Vec::new(),
            taken: 0,
            offered: false,
            draining: false,
            completions: Vec::new(),
            faults: Vec::new(),
            moved: 0,
            model,
        }
    }

    fn step(&mut self) {
        // The ring: what it offers stays, but in drain.
        let next = self.segments.get(self.taken).filter(|_| !self.draining);
        self.offered = next.is_some() && (self.offered || !self.stalls.next());
        self.model.set("descriptor_valid", self.offered);
        if let Some(segment) = next.filter(|_| self.offered) {
            let control = segment.length as u32 | u32::from(segment.last) << 16 | (segment.reserved() << 17);
            let (address, user, control) = (segment.address.into(), u64::from(segment.user).into(), u64::from(control).into());
            self.model.set("descriptor", record(Descriptor { address, control, user, wrong_phase: segment.wrong_phase }));
        }
        step(
            &mut self.model,
            &mut [
                &mut self.memory,
                &mut self.engine,
                &mut self.completion,
                &mut Watch { taken: &mut self.taken, offered: &mut self.offered, faults: &mut self.faults },
            ],
        )
        .unwrap();
        if let Some(completion) = self.completion.taken.take() {
            let names = Completion::default();
            let part = |offset, width| u32::try_from(field(&completion.0, offset, width)).unwrap();
            let words = [
                part(names.get_my_offset_word(), 32),
                part(names.get_my_offset_index(), 16),
                part(names.get_my_offset_control(), 32),
                part(names.get_my_offset_cause(), 4),
            ];
            self.completions.push((self.model.cycles(), words));
        }
        let bytes: usize = self.engine.frames.iter().map(|frame| frame.bytes.len()).sum();
        self.moved = self.memory.moved + (self.memory.reads.len() + bytes + self.completions.len() + self.taken) as u64;
    }

    fn enable(&mut self, life: &Life) {
        let (segments, broken) = life.segments();
        self.memory.bytes.clear();
        for segment in &segments {
            let start = segment.address & !15;
            for (i, chunk) in segment.bytes.chunks(16).enumerate() {
                let mut beat = [0x77; 16];
                beat[..chunk.len()].copy_from_slice(chunk);
                self.memory.bytes.insert(start + 16 * i as u64, beat);
            }
        }
        (self.memory.broken, self.memory.reads) = (broken, Vec::new());
        self.engine.forget();
        (self.completions, self.faults, self.taken) = (Vec::new(), Vec::new(), 0);
        self.model.set("clear", true);
        self.step();
        self.model.set("clear", false);
        self.model.set("run", true);
        self.segments = segments;
    }

    /// What has come out is what is to come out: all of it, or in drain what was begun.
    fn check(&self, drained: bool) {
        let expected = Expected::of(&self.segments[..self.taken], &self.memory.broken);
        let cut: Vec<_> = self.memory.reads.iter().map(|&Read { address, beats }| (address, beats)).collect();
        assert_eq!(cut, expected.reads);
        let mut frames = expected.frames;
        if let Some(frame) = frames.last_mut().filter(|frame| drained && !frame.ended) {
            frame.bytes.extend([0; 16]);
            (frame.damaged, frame.ended, frame.index) = (true, true, self.taken as u64);
        }
        // Frames to the engine.
        let given = frames.iter().filter(|frame| !frame.bytes.is_empty());
        let given: Vec<_> = given.map(|frame| Taken { bytes: frame.bytes.clone(), user: frame.user, damaged: frame.damaged }).collect();
        assert!(self.engine.frames.len() <= given.len());
        for (number, (frame, expected)) in self.engine.frames.iter().zip(&given).enumerate() {
            assert_eq!(frame, expected, "frame {number}");
        }
        // Completions, each with its own status.
        let mut number = 0;
        let completed = frames.iter().filter(|frame| frame.ended).map(|frame| {
            let is_given = !frame.bytes.is_empty();
            let word = if is_given { Engine::status(number) } else { 0 };
            number += usize::from(is_given);
            [word, frame.index as u32, is_given.into(), frame.cause]
        });
        let completed: Vec<_> = completed.collect();
        let completions: Vec<_> = self.completions.iter().map(|&(_, words)| words).collect();
        assert!(completions.len() <= completed.len());
        assert_eq!(completions, completed[..completions.len()]);
        let with_status = completions.iter().filter(|words| words[2] == 1).count();
        assert_eq!(with_status, self.engine.frames.len() - usize::from(self.engine.midway));
        if !drained {
            assert_eq!((self.engine.frames.len(), completions.len()), (given.len(), completed.len()));
        }
        // Faults: a refusal may fall into the clock of a read error.
        let (data, other): (Vec<_>, Vec<_>) = self.faults.iter().partition(|fault| fault.0 == 5);
        assert!(data == expected.data_faults || drained && expected.data_faults.starts_with(&data));
        let told = other == Vec::from_iter(expected.refusal);
        assert!(told || other.is_empty() && (drained || !data.is_empty()), "{other:?}, {:?}", expected.refusal);
        if !drained && self.faults.is_empty() {
            assert_eq!(self.taken, self.segments.len());
        }
    }

    fn drain(&mut self, life: &Life) {
        let begun = self.engine.frames.len() + usize::from(self.engine.offered && self.engine.enable);
        self.model.set("run", false);
        self.model.set("drain", true);
        self.draining = true;
        let start = self.model.cycles();
        loop {
            self.step();
            assert!(self.engine.frames.len() <= begun, "a frame was begun in drain");
            if self.model.get_bool("idle") {
                break;
            }
            if self.rng.random_range(0..100) < life.toggles {
                self.engine.enable = !self.engine.enable;
            }
            assert!(self.model.cycles() - start < 60_000, "the drain does not end");
        }
        assert_eq!((self.memory.outstanding, self.engine.midway, self.engine.unsaid()), (0, false, 0));
        let moved = self.moved;
        for _ in 0..30 {
            self.step();
            assert!(self.model.get_bool("idle") && !self.engine.offered && self.moved == moved);
        }
        self.check(true);
        self.model.set("drain", false);
        self.draining = false;
    }

    fn live(&mut self, life: &Life) {
        self.enable(life);
        let (start, mut still) = (self.model.cycles(), 0);
        while still < 800 {
            let moved = self.moved;
            self.step();
            still = if moved == self.moved { still + 1 } else { 0 };
            let age = self.model.cycles() - start;
            if self.rng.random_range(0..100) < life.toggles || still > 500 {
                self.engine.enable = !self.engine.enable || still > 500;
            }
            // As the queue's control does.
            if !self.faults.is_empty() && life.seed.is_multiple_of(2) {
                self.model.set("run", false);
            }
            if life.drain.is_some_and(|at| age > at) {
                return self.drain(life);
            }
        }
        self.check(false);
        self.drain(life);
    }
}

/// Looks at the handshake of descriptors, and at faults.
struct Watch<'a> {
    taken: &'a mut usize,
    offered: &'a mut bool,
    faults: &'a mut Vec<(u32, u64)>,
}

impl Agent for Watch<'_> {
    fn drive(&mut self, _: &mut Model) {}

    fn sample(&mut self, model: &Model) -> Result<(), espalier_sim::Error> {
        if *self.offered && model.get_bool("descriptor_ready") {
            *self.taken += 1;
            *self.offered = false;
        }
        if model.get_bool("fault_valid") {
            let fault = u128::try_from(model.get("fault")).unwrap();
            self.faults.push((fault as u32 & 15, (fault >> 4) as u64));
        }
        Ok(())
    }
}

impl Segment {
    /// Bits of word 2 that mean nothing: whatever stands there.
    fn reserved(&self) -> u32 {
        self.user >> 17
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, max_shrink_iters: 100, ..ProptestConfig::default() })]

    /// Lives of every kind, one after the other in one queue.
    #[test]
    fn every_frame_has_its_outcome(lives in proptest::collection::vec(lives(), 1..6), around in around()) {
        let mut bench = Bench::new(around);
        lives.iter().for_each(|life| bench.live(life));
    }
}

/// No stalls, data at once.
fn full_speed() -> Around {
    Around { seed: 1, full_speed: true, read_latency: (0, 0), status_latency: (20, 20), capacity: 24 }
}

impl Bench {
    /// Steps until it is so.
    fn until(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) -> u64 {
        let start = self.model.cycles();
        while !so(self) {
            self.step();
            assert!(self.model.cycles() - start < 5000, "{what} does not come");
        }
        self.model.cycles()
    }
}

/// Clocks for each of many frames.
fn clocks(frame: &[u64]) -> f64 {
    let mut bench = Bench::new(full_speed());
    let frames = vec![frame; 120];
    bench.enable(&Life::simple(&frames));
    let mut times = Vec::new();
    while bench.completions.len() < 120 {
        bench.step();
        times.resize(bench.completions.len(), bench.model.cycles());
        assert!(bench.model.cycles() < 100_000);
    }
    bench.check(false);
    (times[119] - times[19]) as f64 / 100.0
}

#[test]
fn a_frame_takes_five_clocks_or_its_beats() {
    assert_eq!(clocks(&[64]), 5.0);
    assert_eq!(clocks(&[1]), 5.0);
    assert_eq!(clocks(&[1518]), 95.0);
    assert_eq!(clocks(&[9234]), 578.0);
    // 3 clocks a segment and 2 a request.
    assert_eq!(clocks(&[16, 48]), 10.0);
    assert_eq!(clocks(&[768, 750]), 95.0);
}

#[test]
fn latencies_are_as_promised() {
    let mut bench = Bench::new(Around { status_latency: (30, 30), ..full_speed() });
    bench.enable(&Life::simple(&[&[64]]));
    let taken = bench.until("the descriptor", |bench| bench.taken == 1);
    let asked = bench.until("the request", |bench| bench.memory.reads.len() == 1);
    assert_eq!(asked - taken, 4, "from the descriptor to the request");
    let came = bench.until("the data", |bench| bench.memory.moved == 1);
    let left = bench.until("the frame", |bench| !bench.engine.frames.is_empty());
    assert_eq!(left - came, 3, "from the data to the frame");
    let ended = bench.until("the end", |bench| !bench.engine.midway);
    let completed = bench.until("the completion", |bench| !bench.completions.is_empty());
    assert_eq!(completed - ended, 30 + 1 + 1, "the status, 30 clocks behind the clock after the frame, and 1 to the completion");
}

#[test]
fn a_frame_on_offer_is_taken_back_while_disabled() {
    let mut bench = Bench::new(full_speed());
    bench.enable(&Life::simple(&[&[40], &[50]]));
    bench.engine.enable = false;
    for _ in 0..50 {
        bench.step();
        assert!(!bench.engine.offered && bench.engine.frames.is_empty());
    }
    // Offered, not taken; taken back; offered again.
    bench.model.set("m_axis_host_tready", false);
    for enabled in [true, false, true, false] {
        bench.model.set("tx_enabled", enabled);
        bench.model.clock();
        bench.model.settle();
        assert_eq!(bench.model.get_bool("m_axis_host_tvalid"), enabled);
    }
    // The disabled engine takes nothing: a drain throws both away, without completion, and ends.
    let life = Life::simple(&[]);
    bench.drain(&life);
    assert!(bench.engine.frames.is_empty() && bench.completions.is_empty() && bench.taken == 2);
    bench.enable(&Life::simple(&[&[40], &[50]]));
    bench.engine.enable = true;
    bench.until("both", |bench| bench.completions.len() == 2);
    bench.check(false);
}

#[test]
fn a_frame_begun_goes_on_while_disabled() {
    let mut bench = Bench::new(full_speed());
    bench.enable(&Life::simple(&[&[1518], &[64]]));
    bench.until("the first beat", |bench| bench.engine.midway);
    bench.engine.enable = false;
    bench.until("its completion", |bench| bench.completions.len() == 1);
    (0..100).for_each(|_| bench.step());
    assert_eq!(bench.engine.frames.len(), 1);
    bench.engine.enable = true;
    bench.until("the second", |bench| bench.completions.len() == 2);
    bench.check(false);
}

#[test]
fn a_frame_without_its_last_segment_waits_and_a_drain_ends_it() {
    let mut bench = Bench::new(full_speed());
    let life = Life { lacks_last: true, ..Life::simple(&[&[64], &[96, 32, 16]]) };
    bench.enable(&life);
    bench.until("the beats", |bench| bench.engine.frames.len() == 2 && bench.engine.frames[1].bytes.len() == 128);
    (0..500).for_each(|_| bench.step());
    assert!(bench.engine.midway && !bench.model.get_bool("idle"));
    bench.check(false);
    bench.drain(&life);
    assert!(bench.engine.frames[1].damaged);
    assert_eq!(bench.completions[1].1, [Engine::status(1), 3, 1, 0]);
}

#[test]
fn a_drain_waits_for_statuses_and_for_completions_to_be_taken() {
    let mut bench = Bench::new(Around { status_latency: (700, 700), ..full_speed() });
    let life = Life::simple(&[&[64], &[64], &[64]]);
    bench.enable(&life);
    bench.until("the frames", |bench| bench.engine.frames.len() == 3 && !bench.engine.midway);
    bench.model.set("run", false);
    bench.model.set("drain", true);
    bench.draining = true;
    bench.completion.set_stalls(Stalls::pattern(&[true]));
    for _ in 0..2000 {
        bench.step();
        assert!(!bench.model.get_bool("idle"));
    }
    // One is on offer, the status of the second waits for it.
    assert_eq!((bench.engine.unsaid(), bench.completions.len()), (2, 0));
    bench.completion.set_stalls(Stalls::never());
    bench.drain(&life);
    assert_eq!(bench.completions.len(), 3);
}

#[test]
fn a_stalled_completion_stops_the_engine_and_loses_nothing() {
    let mut bench = Bench::new(full_speed());
    bench.enable(&Life::simple(&vec![[64].as_slice(); 100]));
    bench.completion.set_stalls(Stalls::pattern(&[true]));
    (0..3000).for_each(|_| bench.step());
    assert!(bench.completions.is_empty() && bench.engine.frames.len() < 60);
    bench.completion.set_stalls(Stalls::never());
    bench.until("all", |bench| bench.completions.len() == 100);
    bench.check(false);
}

/// Each flaw in the first and in a later segment, and a read error in each beat, with frames before and behind.
#[test]
fn a_fault_of_each_kind_in_each_place() {
    let frames: Vec<&[u64]> = vec![&[64], &[100], &[48, 64, 30], &[64], &[70]];
    for at in 0..7 {
        for flaw in [Flaw::Phase, Flaw::Empty, Flaw::Odd, Flaw::Long, Flaw::Address] {
            let mut bench = Bench::new(full_speed());
            let life = Life { flaw: Some((at, flaw)), ..Life::simple(&frames) };
            bench.live(&life);
            assert_eq!(bench.taken, at + 1);
            assert_eq!(bench.completions.len(), [1, 2, 3, 3, 3, 4, 5][at]);
            assert_eq!(bench.completions.last().unwrap().1[3], bench.faults[0].0);
        }
        let beats = [4, 7, 3, 4, 2, 4, 5][at];
        for beat in 0..beats {
            let mut bench = Bench::new(full_speed());
            let life = Life { broken: vec![(at, beat)], ..Life::simple(&frames) };
            bench.live(&life);
            assert_eq!(bench.faults.len(), 1);
            let damaged: Vec<_> = bench.engine.frames.iter().map(|frame| frame.damaged).collect();
            assert_eq!(damaged.iter().position(|&damaged| damaged), Some([0, 1, 2, 2, 2, 3, 4][at]));
            // Those behind were taken already, or were not: then they have no outcome.
            assert_eq!(bench.completions.len(), bench.engine.frames.len());
        }
    }
}
