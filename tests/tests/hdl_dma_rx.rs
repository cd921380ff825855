//! The receive queue: frames in the host's buffers, and what becomes of those that don't get there.
#![allow(clippy::unwrap_used)]

#[path = "hdl_dma_rx/bench.rs"]
mod bench;
#[path = "hdl_dma_rx/faults.rs"]
mod faults;
#[path = "hdl_stream/support.rs"]
mod support;
#[path = "hdl_dma_rx/writes.rs"]
mod writes;

use bench::{AllStalls, Bench};
use espalier_sim::stream::Stalls;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use support::{full_speed, random_stalls};

/// How a run of the property goes.
#[derive(Debug, Clone)]
struct Plan {
    seed: u64,
    ring: u32,
    latency: u64,
    /// In per cent: writes that fail, descriptors that are bad, clocks in which a descriptor is given.
    errors: u32,
    bad: u32,
    eagerness: u32,
    lengths: Vec<usize>,
    buffers: Vec<u16>,
}

fn plans(errors: BoxedStrategy<u32>, bad: BoxedStrategy<u32>) -> impl Strategy<Value = Plan> {
    let length = prop_oneof![4 => 1usize..=130, 2 => 200usize..=1600, 1 => 1600usize..=9300, 1 => 32_000usize..33_000];
    let buffer = prop_oneof![1u16..=4, 1u16..=40, Just(128u16), 500u16..=4095].prop_map(|beats| 16 * beats);
    let lists = (proptest::collection::vec(length, 1..30), proptest::collection::vec(buffer, 1..4));
    (any::<u64>(), 1u32..=10, prop_oneof![Just(2u64), 2u64..200], errors, bad, 1u32..=100, lists).prop_map(
        |(seed, log2, latency, errors, bad, eagerness, (lengths, buffers))| Plan {
            seed,
            ring: 1 << log2,
            latency,
            errors,
            bad,
            eagerness,
            lengths,
            buffers,
        },
    )
}

impl Plan {
    /// Three runs of the queue; each ends at any clock in a drain, or when all is done.
    fn run(&self) -> Bench {
        let mut rng = SmallRng::seed_from_u64(self.seed);
        let stalls: AllStalls = random_stalls(&mut rng, self.seed);
        let mut bench = Bench::new(self.seed, 2..=self.latency, stalls);
        bench.writes.errors = self.errors;
        for _ in 0..3 {
            self.lengths.iter().for_each(|&length| bench.send(length));
            let end = rng.random_range(1..20_000);
            for _ in 0..end {
                if bench.buffers.len() - bench.index < self.ring as usize && rng.random_range(0..100) < self.eagerness {
                    let length = self.buffers[rng.random_range(0..self.buffers.len())];
                    let mut buffer = bench.buffer(length, 16 * rng.random_range(0..16));
                    if rng.random_range(0..100) < self.bad {
                        match rng.random_range(0..4) {
                            0 => buffer.wrong_phase = true,
                            1 => buffer.length = 0,
                            2 => buffer.length += rng.random_range(1..16),
                            _ => buffer.address += rng.random_range(1..16),
                        }
                    }
                    bench.give(buffer);
                }
                bench.step();
                // After a fault, the host looks after it some time.
                if !bench.faults.is_empty() && rng.random_range(0..300) == 0 {
                    break;
                }
            }
            bench.drain();
            (0..rng.random_range(0..60)).for_each(|_| bench.step());
            if rng.random() {
                bench.balance();
            }
            bench.enable();
        }
        bench.drain();
        bench.balance();
        bench
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every frame is completed as it came, or told of once; nothing else is written.
    #[test]
    fn every_frame_is_completed_or_told_of(plan in plans(Just(0).boxed(), Just(0).boxed())) {
        let bench = plan.run();
        prop_assert_eq!(bench.all_causes, 0);
        // What is there now belongs to frames that were given up.
        prop_assert!(bench.cut > 0 || bench.writes.memory.is_empty());
    }

    /// Also with writes that fail and descriptors that are bad.
    #[test]
    fn faults_lose_no_frame_untold(plan in plans((0u32..30).boxed(), (0u32..10).boxed())) {
        plan.run();
    }
}

#[test]
fn frames_wait_for_descriptors() {
    // As many as the buffer holds: 2046 beats, 511 frames.
    for (length, count) in [(16 * 31, 66), (1, 511), (16 * 2046, 1)] {
        let mut bench = Bench::new(1, 20..=20, full_speed());
        (0..10).for_each(|_| bench.step());
        (0..count).for_each(|_| bench.send(length));
        (0..4000).for_each(|_| bench.step());
        assert_eq!((bench.no_buffer, bench.taken), (0, 0));
        (0..count).for_each(|_| bench.give_good(0x8000, 0));
        assert!(bench.until(20_000, |bench| bench.completed.len() == count));
        bench.drain();
        bench.balance();
        assert!(bench.writes.memory.is_empty());
    }
}

#[test]
fn a_full_buffer_drops_whole_frames_and_recovers() {
    let mut bench = Bench::new(2, 20..=20, full_speed());
    (0..10).for_each(|_| bench.step());
    for (length, lost) in [(16 * 1000, 0), (16 * 1000, 0), (16 * 60, 1), (16 * 30, 1), (16 * 100, 2), (16 * 40_000, 3)] {
        bench.send(length);
        assert!(bench.until(50_000, |bench| bench.frames.pending() == 0));
        (0..10).for_each(|_| bench.step());
        assert_eq!(bench.no_buffer, lost, "after {length} bytes");
    }
    (0..10).for_each(|_| bench.give_good(0x8000, 16));
    assert!(bench.until(20_000, |bench| bench.completed.len() == 3));
    bench.send(16 * 2046);
    assert!(bench.until(20_000, |bench| bench.completed.len() == 4));
    assert_eq!(bench.completed, [0, 1, 3, 6]);
    bench.drain();
    bench.balance();
}

#[test]
fn a_frame_may_be_longer_than_all_buffers_together() {
    for ring in [1, 2] {
        let mut bench = Bench::new(3, 2..=30, full_speed());
        bench.send(9234);
        bench.send(100);
        while bench.completed.len() < 2 {
            if bench.buffers.len() - bench.index < ring {
                bench.give_good(16, 240);
            }
            bench.step();
            assert!(bench.model.cycles() < 200_000, "stuck at {}", bench.index);
        }
        assert_eq!(bench.index, 578 + 7);
        assert!(bench.writes.memory.is_empty());
    }
}

#[test]
fn indices_wrap_at_two_to_the_sixteenth() {
    let mut bench = Bench::new(4, 2..=4, full_speed());
    while bench.index < 66_000 {
        if bench.count - (bench.completed.len() as u32) < 100 {
            bench.send(20);
        }
        if bench.buffers.len() - bench.index < 64 {
            bench.give_good(16, 0);
        }
        bench.step();
        assert!(bench.model.cycles() < 2_000_000);
    }
    assert_eq!(bench.no_buffer, 0);
}

/// Clocks for each frame when frames come without a pause and each has a buffer.
fn clocks_per_frame(length: usize, offset: u64, gap: usize) -> f64 {
    let stalls = [true].repeat(gap).into_iter().chain([false].repeat(length.div_ceil(16))).collect::<Vec<_>>();
    let mut all: AllStalls = full_speed();
    all[0] = Stalls::pattern(&stalls);
    let mut bench = Bench::new(5, 100..=100, all);
    (0..10).for_each(|_| bench.step());
    (0..400).for_each(|_| bench.give_good(if length > 2048 { 9600 } else { 2048 }, offset));
    (0..300).for_each(|_| bench.send(length));
    assert!(bench.until(300_000, |bench| bench.completed.len() == 300), "{length} bytes at {offset}: {} completed", bench.completed.len());
    assert_eq!(bench.no_buffer, 0);
    (bench.times[299] - bench.times[99]) as f64 / 200.0
}

#[test]
fn speed_is_as_promised() {
    // Writes answered after 100 clocks. A frame takes its beats, or 4 clocks.
    assert_eq!(clocks_per_frame(64, 0, 0), 4.0);
    assert_eq!(clocks_per_frame(60, 128, 0), 4.0);
    assert_eq!(clocks_per_frame(17, 0, 2), 4.0);
    assert_eq!(clocks_per_frame(1518, 0, 0), 95.0);
    assert_eq!(clocks_per_frame(1518, 208, 0), 95.0);
    assert_eq!(clocks_per_frame(9000, 64, 0), 563.0);
    // A frame that crosses a multiple of 256 bytes: two writes.
    assert_eq!(clocks_per_frame(64, 224, 2), 6.0);
}

#[test]
fn latencies_are_as_promised() {
    let mut bench = Bench::new(6, 30..=30, full_speed());
    bench.give_good(2048, 0);
    (0..10).for_each(|_| bench.step());
    bench.send(64);
    assert!(bench.until(100, |bench| bench.times.len() == 1));
    assert_eq!(bench.writes.taken[0] - bench.frames.sent[0].last, 8);
    // The last beat is taken 3 clocks after the first; answered 30 later.
    let Some(&request) = bench.writes.taken.first() else { unreachable!() };
    let answer = bench.times[0] - 4;
    assert!((request + 3 + 30..=request + 8 + 30).contains(&answer), "request {request}, completion {}", bench.times[0]);
}

#[test]
fn completions_that_are_not_taken_lose_nothing() {
    let mut stalls: AllStalls = full_speed();
    stalls[4] = Stalls::pattern(&[true]);
    let mut bench = Bench::new(7, 5..=5, stalls);
    (0..10).for_each(|_| bench.step());
    for _ in 0..100 {
        bench.give_good(64, 0);
        bench.send(64);
    }
    (0..2000).for_each(|_| bench.step());
    assert!(bench.taken >= 65 && bench.taken < 70, "{} begun", bench.taken);
    bench.begin_drain();
    for _ in 0..2000 {
        assert!(!bench.idle(), "idle with completions to give");
        bench.step();
    }
    bench.completions.set_stalls(Stalls::never());
    let begun = bench.taken;
    bench.drain();
    bench.balance();
    assert_eq!((bench.completed.len(), bench.no_buffer as usize, bench.host_fault), (begun, 100 - begun, 0));
}

#[test]
fn a_buffer_of_any_size_holds_what_it_says() {
    let mut bench = Bench::new(8, 2..=40, full_speed());
    for length in 1..=200 {
        bench.send(length);
        for i in 0..length.div_ceil(48) {
            bench.give_good(48, (16 * i as u64 * 7) % 256);
        }
    }
    assert!(bench.until(50_000, |bench| bench.completed.len() == 200));
    assert_eq!(bench.index, bench.buffers.len());
    bench.drain();
    bench.balance();
    assert!(bench.writes.memory.is_empty());
}
