//! Faults, drain, and the queue enabled again.

use espalier_regs::dma::Fault;
use espalier_sim::stream::Stalls;

use crate::bench::{AllStalls, Bench, Buffer};
use crate::support::full_speed;

/// What makes a descriptor bad.
type Flaw = fn(&mut Buffer);

/// What a drain at any clock leaves: all is balanced, and the queue works again.
fn works_again(bench: &mut Bench) {
    bench.drain();
    bench.enable();
    bench.writes.failing = Box::new(|_| false);
    (0..10).for_each(|_| bench.step());
    // What is on its way in was perhaps begun before.
    assert!(bench.until(10_000, |bench| bench.frames.pending() == 0));
    let (before, count) = (bench.completed.len(), bench.count);
    bench.send(300);
    (0..1 + 64).for_each(|_| bench.give_good(512, 32));
    assert!(bench.until(10_000, |bench| bench.completed.last() == Some(&count)), "{before} completed");
    bench.drain();
    bench.balance();
}

#[test]
fn each_flaw_of_a_descriptor_is_its_fault() {
    let flaws: [(Flaw, Fault); 6] = [
        (|buffer| buffer.wrong_phase = true, Fault::Phase),
        (|buffer| buffer.length = 0, Fault::Length),
        (|buffer| buffer.length = 8, Fault::Length),
        (|buffer| buffer.length = 2047, Fault::Length),
        (|buffer| buffer.address += 8, Fault::Address),
        (|buffer| buffer.address += 1, Fault::Address),
    ];
    for (flaw, fault) in flaws {
        for good_before in 0..3 {
            let mut bench = Bench::new(1, 2..=30, full_speed());
            (0..4).for_each(|_| bench.send(200));
            (0..100).for_each(|_| bench.step());
            (0..good_before).for_each(|_| bench.give_good(64, 0));
            let mut buffer = bench.buffer(2048, 0);
            flaw(&mut buffer);
            bench.give(buffer);
            (0..10).for_each(|_| bench.give_good(2048, 0));
            (0..500).for_each(|_| bench.step());
            assert_eq!(bench.faults, [(fault as u32, buffer.address)]);
            assert_eq!(bench.causes, [fault as u32]);
            assert_eq!((bench.index, bench.taken), (good_before + 1, good_before + 1));
            // One frame is lost, the others wait.
            assert_eq!((bench.completed.len(), bench.host_fault, bench.no_buffer), (0, 1, 0));
            bench.drain();
            assert_eq!((bench.host_fault, bench.no_buffer), (1, 3));
            works_again(&mut bench);
        }
    }
}

/// The buffers of two frames of 200 bytes: four of 64 bytes each. Those of the write that fails, by number.
fn two_frames(fails: &'static [u64], latency: u64) -> Bench {
    let mut bench = Bench::new(2, latency..=latency, full_speed());
    (0..10).for_each(|_| bench.give_good(64, 0));
    let first = bench.buffers[0].address;
    bench.writes.failing = Box::new(move |address| fails.contains(&((address - first) / 0x2_0000)));
    (0..2).for_each(|_| bench.send(200));
    (0..1000).for_each(|_| bench.step());
    bench
}

#[test]
fn a_failed_write_loses_its_frame_and_no_other() {
    for failing in 0..4u64 {
        let fails: &'static [u64] = Box::leak(Box::new([failing]));
        // The second frame is under way when the answer comes: all its buffers are.
        let mut bench = two_frames(fails, 200);
        assert_eq!((bench.completed.as_slice(), bench.host_fault, bench.no_buffer), ([1].as_slice(), 1, 0));
        assert_eq!(bench.causes, [Fault::Data as u32]);
        assert_eq!(bench.faults, [(Fault::Data as u32, bench.buffers[failing as usize].address)]);
        assert_eq!((bench.taken, bench.index), (8, 8));
        works_again(&mut bench);
    }
}

#[test]
fn each_frame_in_which_a_write_fails_is_lost() {
    let mut bench = two_frames(&[1, 2, 7], 200);
    assert_eq!((bench.completed.len(), bench.host_fault, bench.no_buffer), (0, 2, 0));
    assert_eq!(bench.causes, [Fault::Data as u32; 2]);
    assert_eq!((bench.taken, bench.index), (8, 8));
    works_again(&mut bench);
}

#[test]
fn a_failed_write_ends_a_frame_that_is_still_under_way() {
    // Descriptors end in the midst of the frame; the host gives the others when the fault is there.
    let mut bench = Bench::new(3, 10..=10, full_speed());
    bench.give_good(64, 0);
    bench.writes.errors = 100;
    bench.send(200);
    (0..200).for_each(|_| bench.step());
    assert_eq!((bench.causes.len(), bench.host_fault, bench.index), (1, 1, 1));
    (0..10).for_each(|_| bench.give_good(64, 0));
    (0..200).for_each(|_| bench.step());
    assert_eq!((bench.host_fault, bench.taken), (1, 1));
    bench.writes.errors = 0;
    works_again(&mut bench);
}

#[test]
fn after_a_fault_elsewhere_a_frame_without_buffers_is_given_up() {
    // The error of its write comes after the queue has stopped: it is told of once all the same.
    for errors in [0, 100] {
        let mut bench = Bench::new(4, 300..=300, full_speed());
        bench.give_good(64, 0);
        bench.writes.errors = errors;
        bench.send(200);
        (0..50).for_each(|_| bench.step());
        bench.stop();
        (0..50).for_each(|_| bench.step());
        assert_eq!(bench.host_fault, 0, "before its write was answered");
        (0..400).for_each(|_| bench.step());
        assert_eq!((bench.host_fault, bench.index), (1, 1));
        bench.writes.errors = 0;
        works_again(&mut bench);
    }
}

#[test]
fn a_drain_at_any_clock_balances() {
    for (seed, bad) in [(1, false), (2, true)] {
        for clock in 0..150 {
            let mut stalls: AllStalls = full_speed();
            stalls[2] = Stalls::random(seed, 50);
            stalls[3] = Stalls::random(seed, 30);
            let mut bench = Bench::new(seed, 2..=20, stalls);
            for length in [40, 600, 64, 17, 300, 100] {
                bench.send(length);
            }
            (0..4).for_each(|_| bench.give_good(64, 208));
            if bad {
                let buffer = Buffer { length: 5, ..bench.buffer(64, 0) };
                bench.give(buffer);
            }
            (0..8).for_each(|_| bench.give_good(96, 0));
            (0..clock).for_each(|_| bench.step());
            works_again(&mut bench);
        }
    }
}

#[test]
fn a_fault_of_a_write_at_any_clock_balances() {
    for number in 0..14u64 {
        let mut bench = Bench::new(5, 2..=60, full_speed());
        for length in [40, 600, 64, 17, 300, 100] {
            bench.send(length);
        }
        let first = bench.next_buffer();
        bench.writes.failing = Box::new(move |address| (address - first) / 0x2_0000 == number);
        (0..14).for_each(|_| bench.give_good(96, 208));
        (0..600).for_each(|_| bench.step());
        // One of two writes that are cut at a multiple of 256 bytes, or both.
        assert!((1..=2).contains(&bench.faults.len()), "{number}");
        assert_eq!((bench.causes.len(), bench.host_fault), (1, 1), "{number}");
        works_again(&mut bench);
    }
}

#[test]
fn a_frame_of_which_a_part_came_in_an_earlier_run_is_dropped() {
    for pause in [1, 5, 20] {
        // Ten beats, then a pause of the engine, in which the queue is drained and enabled again.
        let mut stalls: AllStalls = full_speed();
        stalls[0] = Stalls::pattern(&[[false].repeat(10), [true].repeat(2000)].concat());
        let mut bench = Bench::new(6, 2..=2, stalls);
        (0..10).for_each(|_| bench.give_good(2048, 0));
        bench.send(16 * 15);
        (0..pause + 10).for_each(|_| bench.step());
        bench.drain();
        bench.enable();
        (0..10).for_each(|_| bench.give_good(2048, 0));
        assert!(bench.until(10_000, |bench| bench.frames.pending() == 0));
        (0..100).for_each(|_| bench.step());
        assert_eq!((bench.completed.len(), bench.no_buffer, bench.taken), (0, 1, 0));
        bench.frames.set_stalls(Stalls::never());
        works_again(&mut bench);
    }
}

#[test]
fn each_frame_is_told_of_when_drops_and_discards_fall_together() {
    let mut bench = Bench::new(7, 2..=2, full_speed());
    (0..10).for_each(|_| bench.step());
    (0..400).for_each(|_| bench.send(1));
    assert!(bench.until(1000, |bench| bench.frames.pending() == 0));
    (0..10).for_each(|_| bench.step());
    assert_eq!(bench.no_buffer, 0);
    // A frame each clock at the entrance while those in the buffer are discarded.
    bench.begin_drain();
    (0..3000).for_each(|_| bench.send(1));
    bench.drain();
    bench.balance();
    assert_eq!(bench.no_buffer, 3400);
    works_again(&mut bench);
}

#[test]
fn reset_meets_it_at_work() {
    let mut bench = Bench::new(8, 2..=50, full_speed());
    (0..10).for_each(|_| bench.give_good(64, 0));
    (0..10).for_each(|_| bench.send(200));
    (0..40).for_each(|_| bench.step());
    bench.model.reset(2);
    assert!(bench.idle());
    for port in ["write_request_valid", "write_beat_valid", "completion_valid", "fault_valid", "no_buffer", "host_fault"] {
        assert!(!bench.model.get_bool(port), "{port}");
    }
}
