//! Descriptors from a ring: each once, in order, none that is not the device's, whatever the host does.
#![allow(clippy::unwrap_used)]

#[path = "hdl_dma_ring/memory.rs"]
mod memory;
#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::dma::ring_fetch::RingFetch;
use espalier_regs::dma::Fault;
use espalier_sim::stream::{Agent, Stalls};
use espalier_sim::{Model, Output};
use memory::{Memory, Pace, Read};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// How a life of the queue ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// It is drained when so many descriptors were handed over.
    Drain(u64),
    /// This descriptor has the wrong phase.
    Phase(u64),
    /// This descriptor can't be read.
    Error(u64),
    /// When so many were handed over, the doorbell goes too far, or back behind what was handed over, or behind what was asked for.
    Ahead(u64),
    Behind(u64),
    Between(u64),
}

#[derive(Debug, Clone)]
struct Life {
    log2: u32,
    base: u64,
    end: End,
    /// Per cent of clocks with a new doorbell, and most descriptors in one.
    doorbell: (u32, u64),
    /// `run` falls with a fault, as with the other blocks of a queue around it.
    stops: bool,
}

fn lives() -> impl Strategy<Value = Life> {
    let end = (0u8..8, 0u64..300).prop_map(|(kind, at)| match kind {
        0 | 1 => End::Drain(at),
        2 => End::Phase(at),
        3 | 4 => End::Error(at),
        5 => End::Ahead(at),
        6 => End::Behind(at),
        _ => End::Between(at),
    });
    let base = prop_oneof![any::<u64>().prop_map(|base| base & !0xfff & (u64::MAX >> 1)), Just(0xffff_f000), Just(0x1_ffff_f000)];
    (1u32..=10, base, end, (5u32..=100, prop_oneof![Just(1u64), 1u64..=1024]), any::<bool>())
        .prop_map(|(log2, base, end, doorbell, stops)| Life { log2, base, end, doorbell, stops })
}

fn paces() -> impl Strategy<Value = Pace> {
    let stalls = || {
        (0u8..4, any::<u64>()).prop_map(|(kind, seed)| match kind {
            0 | 1 => Stalls::never(),
            2 => Stalls::random(seed, 50),
            _ => Stalls::bursts(seed, 50),
        })
    };
    (stalls(), stalls(), prop_oneof![Just((1, 1)), Just((150, 150)), Just((0, 40))], any::<u64>())
        .prop_map(|(requests, beats, latency, seed)| Pace { requests, beats, latency, seed })
}

/// Words of the descriptor of an index: anything, with the phase that it must have.
fn descriptor(life: &Life, index: u64) -> u128 {
    let any = u128::from(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 32 ^ u128::from(!index) << 70 ^ u128::from(index);
    let phase = (index >> life.log2) & 1 == 0 && !matches!(life.end, End::Phase(at) if at == index)
        || (index >> life.log2) & 1 == 1 && matches!(life.end, End::Phase(at) if at == index);
    (any & !(1 << 95)) | (u128::from(phase) << 95)
}

struct Bench {
    model: Model,
    memory: Memory,
    stalls: Stalls,
    rng: SmallRng,
    descriptor: Output,
    waiting: Option<u128>,
    ready: bool,
    // Of this life.
    draining: bool,
    handed: u64,
    last_seen: bool,
    bell: u64,
    fault: Option<(u32, u64)>,
}

impl Bench {
    fn new(pace: Pace, stalls: Stalls) -> Self {
        let model = support::model::<RingFetch>("ring_fetch");
        Self {
            memory: Memory::new(&model, pace.clone()),
            stalls,
            rng: SmallRng::seed_from_u64(pace.seed),
            descriptor: model.output("descriptor").unwrap(),
            model,
            waiting: None,
            ready: false,
            draining: false,
            handed: 0,
            last_seen: false,
            bell: 0,
            fault: None,
        }
    }

    /// One clock; what is handed over must be the next descriptor.
    fn step(&mut self, life: &Life) {
        self.memory.drive(&mut self.model);
        self.ready = !self.stalls.next();
        self.model.set("descriptor_ready", self.ready);
        self.model.settle();
        self.memory.sample(&self.model).unwrap();
        assert!(self.memory.outstanding <= 2);
        let drain = self.draining;
        let offered = self.model.get_bool("descriptor_valid").then(|| {
            let mut words = [0; 5];
            self.model.read_words(self.descriptor, &mut words);
            (words[..4].iter().rev().fold(0, |all, &word| (all << 32) | u128::from(word)), words[4] == 1)
        });
        assert!(!drain || offered.is_none(), "offered in drain");
        if let Some(before) = self.waiting.take()
            && !drain
        {
            assert_eq!(offered.map(|(words, _)| words), Some(before), "did not wait");
        }
        if let Some((words, wrong)) = offered {
            assert!(!self.last_seen, "a descriptor behind the last");
            assert_eq!(words, descriptor(life, self.handed), "descriptor {}", self.handed);
            assert_eq!(wrong, matches!(life.end, End::Phase(at) if at == self.handed));
            if self.ready {
                self.handed += 1;
                self.last_seen = wrong;
            } else {
                self.waiting = Some(words);
            }
        }
        if self.model.get_bool("fault_valid") {
            let fault = self.model.get("fault");
            let fault = u128::try_from(fault).unwrap();
            assert_eq!(self.fault.replace((fault as u32 & 15, (fault >> 4) as u64)), None, "two faults");
        }
        self.model.rise();
        assert_eq!(self.model.get_u64("head"), self.handed & 0xffff);
    }

    /// More descriptors up to the index `to`; the host has all that were handed over back.
    fn ring(&mut self, life: &Life, to: u64) {
        let entries = 1 << life.log2;
        for index in self.bell..to {
            let address = life.base + 16 * (index % entries);
            self.memory.bytes.insert(address, descriptor(life, index).to_le_bytes());
            match life.end {
                End::Error(at) if at == index => self.memory.broken.insert(address),
                _ => self.memory.broken.remove(&address),
            };
        }
        self.bell = to;
        self.model.set("doorbell", to & 0xffff);
    }

    /// As the host and the queue's control begin a life.
    fn enable(&mut self, life: &Life) {
        self.memory.bytes.clear();
        self.memory.broken.clear();
        self.memory.reads.clear();
        let entries = 1 << life.log2;
        self.memory.bytes.extend((0..entries).map(|i| (life.base + 16 * i, [0; 16])));
        self.model.set("base", life.base);
        self.model.set("size", life.log2);
        self.step(life);
        self.step(life);
        (self.handed, self.last_seen, self.bell, self.fault) = (0, false, 0, None);
        self.model.set("clear", true);
        self.step(life);
        self.model.set("clear", false);
        self.model.set("doorbell", 0);
        self.model.set("run", true);
    }

    /// Drain up to the idle state: nothing is begun any more. Returns the clocks that it took when nothing was outstanding.
    fn drain(&mut self, life: &Life) {
        self.model.set("run", false);
        self.set_drain(true);
        let (reads, fault) = (self.memory.reads.len(), self.fault);
        let mut late = 0;
        loop {
            self.step(life);
            if self.model.get_bool("idle") {
                break;
            }
            if self.memory.outstanding == 0 && !self.model.get_bool("request_valid") {
                late += 1;
            }
            assert!(late < 4 && self.model.cycles() < 10_000_000);
        }
        assert_eq!(self.memory.outstanding, 0);
        assert!(self.memory.reads.len() <= reads + 1, "more than the one on offer was begun");
        for _ in 0..30 {
            self.step(life);
            assert!(self.model.get_bool("idle") && !self.model.get_bool("request_valid"));
        }
        // A fault that was on its way may show.
        assert!(self.fault == fault || fault.is_none() && matches!(life.end, End::Error(_)));
        self.set_drain(false);
    }

    fn set_drain(&mut self, drain: bool) {
        self.model.set("drain", drain);
        self.draining = drain;
    }

    /// What was read lies in the ring, each descriptor once, in order, and was the device's.
    fn check_reads(&self, life: &Life) -> u64 {
        let entries = 1 << life.log2;
        self.memory.reads.iter().fold(0, |asked, &Read { address, beats }| {
            assert_eq!(address, life.base + 16 * (asked % entries));
            assert!(asked % entries + beats <= entries && asked + beats <= self.bell);
            asked + beats
        })
    }

    fn live(&mut self, life: &Life) {
        self.enable(life);
        let entries = 1 << life.log2;
        let begun = self.model.cycles();
        let mut quiet = 0;
        let mut done = false;
        loop {
            let before = (self.handed, self.memory.reads.len());
            if self.rng.random_range(0..100) < life.doorbell.0 && !done {
                let most = (self.handed + entries).min(self.bell + life.doorbell.1);
                let to = self.rng.random_range(self.bell..=most);
                self.ring(life, to);
            }
            self.step(life);
            let asked: u64 = self.memory.reads.iter().map(|read| read.beats).sum();
            assert!(asked - self.handed <= 32, "more is held than there is room for");
            let lie = match life.end {
                End::Drain(at) if self.handed >= at => break,
                End::Ahead(at) if self.handed >= at => Some(self.bell + entries + 1 + self.rng.random_range(0..50_000)),
                End::Behind(at) if self.handed >= at => Some((self.handed + 0x1_0000 - 1) - self.rng.random_range(0..50_000)),
                End::Between(at) if self.handed >= at && asked > self.handed => Some(self.rng.random_range(self.handed..asked)),
                _ => None,
            };
            if let Some(lie) = lie.filter(|_| !done) {
                done = true;
                self.model.set("doorbell", lie & 0xffff);
            }
            if life.stops && self.fault.is_some() {
                self.model.set("run", false);
            }
            quiet = if before == (self.handed, self.memory.reads.len()) { quiet + 1 } else { 0 };
            if quiet > 1500 || self.model.cycles() - begun > 400_000 {
                break;
            }
        }
        let asked = self.check_reads(life);
        match life.end {
            End::Drain(at) => assert_eq!((self.handed >= at, self.fault), (true, None)),
            End::Phase(at) => assert_eq!((self.handed, self.fault), (at + 1, None)),
            End::Error(at) => {
                assert_eq!((self.handed, self.fault), (at, Some((Fault::RingRead.code(), life.base + 16 * (at % entries)))));
            }
            End::Ahead(_) | End::Behind(_) | End::Between(_) => {
                assert_eq!(self.fault, Some((Fault::Doorbell.code(), 0)));
                assert!(self.handed <= asked);
            }
        }
        self.drain(life);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Rings of every size, each life ending in another way, the next one as new.
    #[test]
    fn every_descriptor_once_and_in_order_up_to_a_fault(lives in proptest::collection::vec(lives(), 1..6), pace in paces(), seed in any::<u64>()) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let [stalls] = support::random_stalls(&mut rng, seed);
        let mut bench = Bench::new(pace, stalls);
        lives.iter().for_each(|life| bench.live(life));
    }

    /// The queue is drained at any moment, also before anything was done.
    #[test]
    fn a_drain_at_any_clock_ends(log2 in 1u32..=10, clocks in 0u64..300, pace in paces(), seed in any::<u64>()) {
        let mut bench = Bench::new(pace, Stalls::random(seed, 30));
        let life = Life { log2, base: 0x7000, end: End::Drain(u64::MAX), doorbell: (30, 64), stops: false };
        for _ in 0..3 {
            bench.enable(&life);
            for _ in 0..clocks {
                if bench.rng.random_range(0..4) == 0 {
                    let to = bench.rng.random_range(bench.bell..=bench.handed + (1 << log2));
                    bench.ring(&life, to);
                }
                bench.step(&life);
            }
            bench.drain(&life);
            bench.check_reads(&life);
            assert_eq!(bench.fault, None);
        }
    }
}

#[test]
fn indices_wrap_at_65536() {
    for log2 in [1, 4, 10] {
        let mut bench = Bench::new(Pace::fast(), Stalls::never());
        let life = Life { log2, base: 0x1_0000_0000, end: End::Drain(140_000), doorbell: (100, 1024), stops: false };
        bench.enable(&life);
        while bench.handed < 140_000 {
            let to = bench.handed + (1 << log2);
            bench.ring(&life, to);
            bench.step(&life);
            assert!(bench.fault.is_none() && bench.model.cycles() < 4_000_000, "{} handed over", bench.handed);
        }
        bench.check_reads(&life);
        bench.drain(&life);
    }
}

#[test]
fn latencies_and_rates_are_as_promised() {
    // A descriptor waits for its doorbell, then comes through.
    for pause in 0..6 {
        let mut bench = Bench::new(Pace::fast(), Stalls::never());
        let life = Life { log2: 8, base: 0x4000, end: End::Drain(0), doorbell: (0, 1), stops: false };
        bench.enable(&life);
        (0..20 + pause).for_each(|_| bench.step(&life));
        let rung = bench.model.cycles();
        bench.ring(&life, 1);
        while !bench.model.get_bool("request_valid") {
            bench.step(&life);
        }
        let latency = bench.model.cycles() - rung;
        assert!((4..=6).contains(&latency), "{latency} clocks from the doorbell to the request");
        while bench.memory.moved == 0 {
            bench.step(&life);
        }
        let came = bench.model.cycles();
        while bench.handed == 0 {
            bench.step(&life);
        }
        assert_eq!(bench.model.cycles() - came, 4, "from the beat to the descriptor");
    }
    // A host that answers after 150 clocks, and a queue that takes a descriptor as soon as there is one.
    let mut bench = Bench::new(Pace { latency: (150, 150), ..Pace::fast() }, Stalls::never());
    let life = Life { log2: 10, base: 0x4000, end: End::Drain(0), doorbell: (0, 1), stops: false };
    bench.enable(&life);
    let mut times = Vec::new();
    while times.len() < 2000 {
        let (to, before) = (bench.handed + 1024, bench.handed);
        bench.ring(&life, to);
        bench.step(&life);
        times.extend((bench.handed > before).then(|| bench.model.cycles()));
    }
    let rate = (times[1999] - times[999]) as f64 / 1000.0;
    assert!(rate <= 5.5, "{rate} clocks a descriptor");
}
