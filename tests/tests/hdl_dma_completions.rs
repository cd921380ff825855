//! The completion ring: what the host finds in its memory, and when.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;
#[path = "hdl_dma_rx/writes.rs"]
mod writes;

use std::collections::VecDeque;

use espalier_hdl::dma::completion_ring::CompletionRing;
use espalier_hdl::dma::records::Completion;
use espalier_regs::dma::{Fault, rx_completion};
use espalier_sim::stream::{Record, Source, Stalls, step};
use espalier_sim::{Model, field};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::random_stalls;
use writes::{Write, Writes};

const BASE: u64 = 0x1234_5678_9abf_f000;

/// A completion's words, without the phase.
type Words = [u32; 4];

/// The block, the ring in memory, and a host that reads it as a driver does: entry by entry, by the phase.
struct Bench {
    model: Model,
    source: Source<Record>,
    writes: Writes,
    size: u32,
    rng: SmallRng,
    /// Given to the block, not yet seen by the host.
    given: VecDeque<Words>,
    /// Index of the entry that the host waits for.
    next: u64,
    pushed: u64,
    /// Clocks in which completions were taken.
    taken: Vec<u64>,
    /// Answers of the clock before: the block reports them now.
    before: Option<Write>,
    pulses: u64,
    faults: Vec<u64>,
    lost: usize,
}

impl Bench {
    fn new(size: u32, coalesce: u16, seed: u64, latency: std::ops::RangeInclusive<u64>, [source, request, beat]: [Stalls; 3]) -> Self {
        let mut model = support::model::<CompletionRing>("completion_ring");
        model.set("base", BASE);
        model.set("size", size);
        model.set("coalesce", coalesce);
        let mut bench = Self {
            source: Source::new(&model, "completion", source).unwrap(),
            writes: Writes::new(&model, seed, latency, [request, beat]),
            model,
            size,
            rng: SmallRng::seed_from_u64(seed),
            given: VecDeque::new(),
            next: 0,
            pushed: 0,
            taken: Vec::new(),
            before: None,
            pulses: 0,
            faults: Vec::new(),
            lost: 0,
        };
        bench.enable();
        bench
    }

    /// As the queue's control does it; the host has zeroed the ring.
    fn enable(&mut self) {
        self.model.set("drain", false);
        self.model.set("run", false);
        self.model.set("clear", true);
        self.step();
        self.model.set("clear", false);
        self.writes.memory = (0..16 << self.size).map(|byte| (BASE + byte, 0)).collect();
        self.next = 0;
        assert!(self.given.is_empty());
        self.model.set("run", true);
    }

    fn push(&mut self) {
        let words: Words = [
            self.rng.random(),
            self.rng.random_range(0..0x10000),
            self.rng.random(),
            self.rng.random_range(0..16) * self.rng.random_range(0..2),
        ];
        self.given.push_back(words);
        self.pushed += 1;
        self.source.push(Record::of(Completion {
            word: u64::from(words[0]).into(),
            index: u64::from(words[1]).into(),
            control: u64::from(words[2]).into(),
            cause: u64::from(words[3]).into(),
        }));
    }

    fn step(&mut self) {
        use espalier_sim::stream::Agent;
        let ready = self.rng.random();
        self.model.set("lost_ready", ready);
        self.source.drive(&mut self.model);
        self.writes.drive(&mut self.model);
        self.model.settle();
        self.source.sample(&self.model).unwrap();
        self.writes.sample(&self.model).unwrap();
        if self.source.taken.is_some() {
            self.taken.push(self.model.cycles());
        }
        // Each answer is reported exactly one clock later.
        let (written, fault) = (self.model.get_bool("written"), self.model.get_bool("fault_valid"));
        assert_eq!(written, self.before.as_ref().is_some_and(|write| !write.failed));
        assert_eq!(fault, self.before.as_ref().is_some_and(|write| write.failed));
        if let (true, Some(write)) = (fault, &self.before) {
            let bits = self.model.read(self.model.output("fault").unwrap());
            assert_eq!(field(&bits, 0, 4), u64::from(Fault::Completion as u32).into());
            assert_eq!(field(&bits, 4, 64), write.address.into());
            self.faults.push(write.address);
        }
        self.pulses += u64::from(written);
        assert!(ready || !self.model.get_bool("lost"));
        self.lost += usize::from(self.model.get_bool("lost"));
        self.before = self.writes.answered.take();
        if let Some(write) = &self.before {
            assert!(write.beats.len() <= 4 && write.address % 64 + 16 * write.beats.len() as u64 <= 64);
            assert!(write.address + 16 * write.beats.len() as u64 <= BASE + (16 << self.size), "beyond the ring's end");
            assert!(write.beats.iter().all(|beat| beat.1 == 0xffff));
        }
        self.model.rise();
    }

    /// The host looks into its ring.
    fn look(&mut self) {
        loop {
            let at = BASE + 16 * (self.next & ((1 << self.size) - 1));
            let bytes = self.writes.read(at, 16).unwrap();
            let mut words: Words = std::array::from_fn(|i| u32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().unwrap()));
            if u64::from(words[3] >> 31) == self.next >> self.size & 1 {
                return;
            }
            words[3] &= !(1 << 31);
            assert_eq!(Some(words), self.given.pop_front(), "entry {}", self.next);
            self.next += 1;
        }
    }

    fn drain(&mut self) {
        self.model.set("run", false);
        self.model.set("drain", true);
        for clock in 0.. {
            self.step();
            if self.source.queue.is_empty() && self.model.get_bool("idle") {
                break;
            }
            assert!(clock < 50_000, "stuck in drain");
        }
        assert_eq!(self.writes.outstanding, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every completion comes to the host once, in order, whatever the ring's size, the stalls and the writes' time; again after a drain.
    #[test]
    fn every_completion_is_read_once_in_order(
        size in 1u32..=10,
        coalesce in prop_oneof![Just(0u16), 1u16..200],
        seed in any::<u64>(),
        longest in prop_oneof![Just(2u64), 2u64..300],
    ) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let stalls = random_stalls(&mut rng, seed);
        let mut bench = Bench::new(size, coalesce, seed, 2..=longest, stalls);
        for round in 0..3 {
            let count = bench.pushed + rng.random_range(0..400);
            let (chance, end) = (rng.random_range(1..=100), bench.model.cycles() + 200_000);
            while bench.pushed < count || !bench.given.is_empty() {
                // The host gives no descriptor before it has read the completion of the one a ring earlier.
                if bench.pushed < count && bench.given.len() < 1 << size && rng.random_range(0..100) < chance {
                    bench.push();
                }
                bench.step();
                bench.look();
                prop_assert!(bench.model.cycles() < end, "stuck in round {round}");
                if bench.pushed == count && rng.random_range(0..100) == 0 {
                    break;
                }
            }
            bench.drain();
            bench.look();
            prop_assert!(bench.given.is_empty(), "{} were not written", bench.given.len());
            bench.enable();
        }
        prop_assert!(bench.faults.is_empty());
    }

    /// A write that fails is a fault with its address; the queue comes to rest all the same.
    #[test]
    fn failed_writes_are_faults(size in 1u32..=10, coalesce in 0u16..50, seed in any::<u64>(), errors in 1u32..=100) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let stalls = random_stalls(&mut rng, seed);
        let mut bench = Bench::new(size, coalesce, seed, 2..=40, stalls);
        bench.writes.errors = errors;
        (0..1 << size).for_each(|_| bench.push());
        while bench.faults.is_empty() && bench.model.cycles() < 100_000 && !bench.source.queue.is_empty() {
            bench.step();
        }
        // After the fault the queue does not run; what has been begun goes on.
        bench.model.set("run", false);
        (0..rng.random_range(0..200)).for_each(|_| bench.step());
        bench.drain();
        bench.look();
        prop_assert_eq!(bench.faults.is_empty(), bench.given.is_empty());
        // Frames that the host does not hear of are told.
        let whole = |words: &&Words| rx_completion::LAST.is_set(words[2]) && words[3] == 0;
        prop_assert_eq!(bench.lost, bench.given.iter().filter(whole).count());
        if let Some(&first) = bench.faults.first() {
            // The host has read up to the first write that failed.
            prop_assert_eq!(BASE + 16 * bench.next, first);
        }
    }
}

#[test]
fn indices_wrap_at_two_to_the_sixteenth() {
    for size in [1, 10] {
        let mut bench = Bench::new(size, 3, 1, 2..=4, [(); 3].map(|()| Stalls::never()));
        while bench.next < 70_000 {
            if bench.given.len() < 1 << size {
                bench.push();
            }
            bench.step();
            bench.look();
            assert!(bench.model.cycles() < 2_000_000);
        }
    }
}

/// Clocks from the completion's taking to the request.
fn request_after(bench: &mut Bench, completions: usize) -> u64 {
    let (taken, requests) = (bench.taken.len(), bench.writes.taken.len());
    (0..completions).for_each(|_| bench.push());
    while bench.writes.taken.len() == requests {
        bench.step();
    }
    let waited = bench.writes.taken[requests] - bench.taken[taken];
    (0..50).for_each(|_| bench.step());
    bench.look();
    assert!(bench.given.is_empty());
    assert_eq!(bench.writes.taken.len(), requests + 1, "one write for all");
    waited
}

#[test]
fn completions_wait_for_company_as_long_as_they_are_told() {
    for coalesce in [0, 1, 20, 500, 0xffff] {
        let mut bench = Bench::new(4, coalesce, 1, 5..=5, [(); 3].map(|()| Stalls::never()));
        assert_eq!(request_after(&mut bench, 1), 3 + u64::from(coalesce));
        if coalesce >= 20 {
            // The block has three places left. Then two of four.
            assert_eq!(request_after(&mut bench, 3), 5);
            assert_eq!(request_after(&mut bench, 2), 3 + u64::from(coalesce));
        }
    }
}

#[test]
fn nothing_waits_in_a_queue_that_does_not_run() {
    for (run, drain) in [(false, false), (true, true), (false, true)] {
        let mut bench = Bench::new(4, 0xffff, 1, 5..=5, [(); 3].map(|()| Stalls::never()));
        bench.push();
        (0..100).for_each(|_| bench.step());
        assert_eq!(bench.writes.taken.len(), 0);
        let now = bench.model.cycles();
        bench.model.set("run", run);
        bench.model.set("drain", drain);
        (0..20).for_each(|_| bench.step());
        bench.look();
        assert_eq!((bench.writes.taken.first(), bench.next), (Some(&(now + 3)), 1));
    }
}

#[test]
fn speed_is_as_promised() {
    // A completion each 8 clocks, answers after 150: never a stall, with and without company.
    for coalesce in [0, 40] {
        let mut bench = Bench::new(10, coalesce, 1, 150..=150, [(); 3].map(|()| Stalls::never()));
        for clock in 0..8 * 1000 {
            if clock % 8 == 0 {
                bench.push();
            }
            bench.step();
            bench.look();
            assert!(bench.source.queue.len() <= 1, "a completion waits for the one before");
        }
    }
    // 4 in 5 clocks, as long as the answers allow.
    let mut bench = Bench::new(10, 20, 1, 20..=20, [(); 3].map(|()| Stalls::never()));
    (0..1000).for_each(|_| bench.push());
    while bench.taken.len() < 1000 {
        bench.step();
    }
    assert_eq!(bench.taken[996] - bench.taken[0], 996 / 4 * 5);
}

#[test]
fn reset_meets_it_at_work() {
    let mut bench = Bench::new(3, 0, 1, 2..=50, [(); 3].map(|()| Stalls::random(3, 50)));
    (0..8).for_each(|_| bench.push());
    (0..15).for_each(|_| bench.step());
    bench.model.reset(2);
    bench.model.settle();
    assert!(bench.model.get_bool("idle"));
    for port in ["write_request_valid", "write_beat_valid", "written", "fault_valid", "lost"] {
        assert!(!bench.model.get_bool(port), "{port}");
    }
    let mut source = Source::<Record>::new(&bench.model, "completion", Stalls::never()).unwrap();
    step(&mut bench.model, &mut [&mut source]).unwrap();
}
