//! The counters: exact whatever comes together.

use espalier_regs::event::Event;
use espalier_regs::map::{COUNTER_CLEAR, COUNTER_HI, counter_clear};
use espalier_sim::{Model, elaborate::elaborate};
use rand::RngExt;

use crate::bench::{Bench, Dut};

/// A counter, low half first.
fn count(bench: &mut Bench, event: Event) -> u64 {
    let low = bench.read(event.offset());
    let high = bench.read(COUNTER_HI.at(event.index()).unwrap());
    u64::from(high) << 32 | u64::from(low)
}

/// How often each event is in these vectors.
fn tally(sum: &mut [u64; 64], vectors: impl IntoIterator<Item = u64>) {
    for vector in vectors {
        (0..64).for_each(|bit| sum[bit] += (vector >> bit) & 1);
    }
}

fn drain(bench: &mut Bench) {
    while !bench.events.is_empty() {
        bench.tick();
    }
    bench.tick();
}

#[test]
fn counters_are_exact_however_many_events_come_at_once() {
    let mut bench = Bench::new(30);
    let mut expected = [0; 64];
    for round in 0..12 {
        let length = bench.rng.random_range(1..700);
        let vectors: Vec<u64> = (0..length)
            .map(|_| match round % 4 {
                0 => u64::MAX,
                1 => bench.rng.random(),
                2 => bench.rng.random::<u64>() & bench.rng.random::<u64>() & bench.rng.random::<u64>(),
                _ => 1 << bench.rng.random_range(0..64),
            })
            .collect();
        tally(&mut expected, vectors.iter().copied());
        bench.events.extend(vectors);
        // Reads in the middle disturb nothing, and what they see never goes back.
        let mut seen = [0; 64];
        while !bench.events.is_empty() {
            let event = Event::ALL[bench.rng.random_range(0..Event::ALL.len())];
            let now = count(&mut bench, event);
            let slot = &mut seen[usize::from(event.index())];
            assert!((*slot..=expected[usize::from(event.index())]).contains(&now), "{}", event.name());
            *slot = now;
        }
        drain(&mut bench);
        for &event in Event::ALL {
            assert_eq!(count(&mut bench, event), expected[usize::from(event.index())], "{}", event.name());
        }
    }
}

#[test]
fn a_read_counts_every_event_before_it() {
    let mut bench = Bench::new(31);
    bench.stall = 0.0;
    let mut expected = 0;
    for gap in 0..200 {
        // One in each half of the vector.
        bench.events.push_back(1 << Event::RxDropIcv.index() | 1 << Event::RxDropNoPolicy.index());
        drain(&mut bench);
        expected += 1;
        (0..gap % 71).for_each(|_| bench.tick());
        assert_eq!(count(&mut bench, Event::RxDropIcv), expected);
        assert_eq!(count(&mut bench, Event::RxDropNoPolicy), expected);
    }
}

#[test]
fn clearing_takes_one_moment_for_all_and_loses_nothing_after_it() {
    let mut bench = Bench::new(32);
    for round in 0..30 {
        bench.stall = if round % 2 == 0 { 0.0 } else { 0.5 };
        // The same pulses for all of them, before, at and after the moment.
        let pulses: Vec<u64> = (0..400).map(|_| if bench.rng.random() { u64::MAX } else { 0 }).collect();
        bench.events.extend(&pulses);
        for _ in 0..bench.rng.random_range(0..120) {
            bench.tick();
        }
        let left = bench.events.len();
        bench.write(COUNTER_CLEAR.offset, counter_clear::ALL.mask());
        let still_left = bench.events.len();
        drain(&mut bench);
        let counts: Vec<u64> = Event::ALL.iter().map(|event| count(&mut bench, *event)).collect();
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
        let sum = |last: usize| pulses[pulses.len() - last..].iter().filter(|pulse| **pulse != 0).count() as u64;
        assert!((sum(still_left)..=sum(left)).contains(&counts[0]));
        // Writing 0 there clears nothing.
        bench.write(COUNTER_CLEAR.offset, 0);
        assert_eq!(count(&mut bench, Event::TxFrames), counts[0]);
    }
}

#[test]
fn a_reset_clears_the_counters() {
    let mut bench = Bench::new(33);
    bench.events.extend([u64::MAX; 100]);
    drain(&mut bench);
    bench.reset();
    for &event in Event::ALL {
        assert_eq!(count(&mut bench, event), 0, "{}", event.name());
    }
}

/// No test lives to see 2^32 events. So the Verilog is changed: clearing leaves 2^32 - 50 in place of 0.
#[test]
fn the_carry_into_the_high_half_is_exact_and_latched() {
    const START: u64 = (1 << 32) - 50;
    let verilog = elaborate("control", Dut::default).unwrap();
    let changed = verilog.replace("add_sum$d = 32'h0;", "add_sum$d = 64'hffffffce;");
    assert_ne!(verilog, changed, "the Verilog of the counters has another form");
    let model = Model::from_verilog("control_near_carry", &changed, "control").unwrap();
    let mut bench = Bench::with(model, 34);
    // Not at zero even after reset: the changed value is there.
    assert_eq!(count(&mut bench, Event::TxFrames), START);
    bench.events.extend([u64::MAX; 49]);
    drain(&mut bench);
    for (events, expected) in [(0, u64::from(u32::MAX)), (1, 1 << 32), (1, (1 << 32) + 1), (100, (1 << 32) + 101)] {
        bench.events.extend(vec![u64::MAX; events]);
        drain(&mut bench);
        for &event in Event::ALL {
            assert_eq!(count(&mut bench, event), expected, "{}", event.name());
        }
    }
    // Across the carry, under fire: the halves always belong together.
    bench.write(COUNTER_CLEAR.offset, 1);
    bench.events.extend([1; 2000]);
    let mut last = START;
    while !bench.events.is_empty() {
        let now = count(&mut bench, Event::TxFrames);
        assert!((last..=START + 2000).contains(&now), "{now:#x} after {last:#x}");
        last = now;
    }
}
