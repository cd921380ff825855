//! Failure counters of the inbound SAs: none lost, whoever asks when.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use std::collections::HashMap;

use espalier_hdl::records::RxFailures;
use espalier_hdl::rx_failures::{Failure, FailureCounters};
use espalier_sim::stream::{Record, Source, step};
use espalier_sim::{Model, field};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::random_stalls;

const SAS: u64 = 8;

fn block() -> Model {
    support::model::<FailureCounters<3>>("rx_failures")
}

fn clear(model: &mut Model, sa: u64) {
    model.set("clear_index", sa);
    model.set("clear_write", true);
    model.clock();
    model.set("clear_write", false);
    model.clocks(8);
}

/// (replay, replay_window, integrity_failed).
fn read(model: &mut Model, sa: u64) -> [u64; 3] {
    model.set("read_index", sa);
    model.clocks(6);
    model.settle();
    let (record, names) = (model.get("failures"), RxFailures::default());
    let offsets = [names.get_my_offset_replay(), names.get_my_offset_replay_window(), names.get_my_offset_integrity_failed()];
    offsets.map(|offset| u64::try_from(field(&record, offset, 32)).unwrap())
}

#[test]
fn every_failure_of_both_sources_is_counted() {
    for seed in 0..10 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut model = block();
        (0..SAS).for_each(|sa| clear(&mut model, sa));
        let mut counts: HashMap<u64, [u64; 3]> = (0..SAS).map(|sa| (sa, [0; 3])).collect();
        let [early, late] = random_stalls(&mut rng, seed);
        let mut early = Source::new(&model, "early", early).unwrap();
        let mut late = Source::new(&model, "late", late).unwrap();
        for round in 0..20 {
            for source in [&mut early, &mut late] {
                for _ in 0..rng.random_range(0..20) {
                    let (sa, kind) = (rng.random_range(0..SAS), rng.random_range(0..3));
                    source.push(Record::of(Failure { sa: sa.into(), kind: kind.into() }));
                    counts.get_mut(&sa).unwrap()[kind as usize] += 1;
                }
            }
            while !(early.queue.is_empty() && late.queue.is_empty()) {
                model.set("read_index", rng.random_range(0..SAS));
                step(&mut model, &mut [&mut early, &mut late]).unwrap();
            }
            model.set("early_valid", false);
            model.set("late_valid", false);
            model.clocks(8);
            if rng.random_bool(0.3) {
                let sa = rng.random_range(0..SAS);
                clear(&mut model, sa);
                counts.insert(sa, [0; 3]);
            }
            for sa in 0..SAS {
                assert_eq!(read(&mut model, sa), counts[&sa], "round {round}, SA {sa}");
            }
        }
    }
}

#[test]
fn a_clear_takes_what_was_counted_and_nothing_of_others() {
    let mut model = block();
    for sa in 0..SAS {
        clear(&mut model, sa);
    }
    // In each of the phases.
    for wait in 0..8 {
        for sa in [1, 2] {
            model.set("early", Record::of(Failure { sa: sa.into(), kind: 0u64.into() }).0);
            model.set("early_valid", true);
            model.settle();
            while !model.get_bool("early_ready") {
                model.rise();
                model.settle();
            }
            model.rise();
        }
        model.set("early_valid", false);
        model.clocks(wait);
        clear(&mut model, 1);
        assert_eq!(read(&mut model, 1), [0; 3]);
        assert_eq!(read(&mut model, 2), [wait + 1, 0, 0]);
    }
}

#[test]
fn a_failure_is_taken_each_4_clocks_the_early_ones_first() {
    let mut model = block();
    let failure = Record::of(Failure::default()).0;
    for source in ["early", "late"] {
        model.set(source, failure.clone());
        model.set(&format!("{source}_valid"), true);
    }
    let mut taken = [0; 2];
    for clock in 0..80 {
        if clock == 40 {
            model.set("early_valid", false);
        }
        model.settle();
        taken[0] += u32::from(model.get_bool("early_ready") && clock < 40);
        taken[1] += u32::from(model.get_bool("late_ready"));
        model.rise();
    }
    assert_eq!(taken, [10, 10]);
}
