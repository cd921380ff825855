//! Property: whatever two hosts are asked for, in whatever order, their cores, their drivers and the tables of their Verilated
//! devices stay in step; and what comes of it is what comes of the same without devices.

mod act;
mod flight;
mod host;
mod rig;
mod slot;
mod twin;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use act::Case;
use flight::Flight;
use rig::Rig;
use twin::Twins;

/// Cases of a run with everything at rest, and with packets in flight; operations of a case behind its beginning. More than 2,000 in all.
const RESTING: u32 = 10;
const FLYING: u32 = 16;
const OPERATIONS: usize = 70;

/// Reproducible: `ESPALIER_SEED` chooses the cases.
fn run(cases: u32, play: impl Fn(&mut Rig, &Case) -> Result<(), String>) {
    let seed = std::env::var("ESPALIER_SEED").ok().map(|seed| seed.parse().expect("ESPALIER_SEED is a number"));
    let seed = seed.unwrap_or_else(|| std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0));
    println!("ESPALIER_SEED={seed}");
    let config = Config { cases, max_shrink_iters: 60, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let rig: RefCell<Option<Rig>> = RefCell::default();
    let operations = RefCell::new(0);
    let result = TestRunner::new(config).run(&act::cases(OPERATIONS), |case| {
        let mut kept = rig.borrow_mut().take().unwrap_or_else(Rig::new);
        let played = catch_unwind(AssertUnwindSafe(|| play(&mut kept, &case)));
        let played = played.unwrap_or_else(|panic| Err(panic.downcast_ref::<String>().cloned().unwrap_or_default()));
        *operations.borrow_mut() += case.acts.len();
        // After a failure nobody knows what is left in them.
        *rig.borrow_mut() = played.is_ok().then_some(kept);
        played.map_err(|error| {
            println!("{error}");
            TestCaseError::fail(error)
        })
    });
    if let Err(error) = result {
        panic!("ESPALIER_SEED={seed}: {error}");
    }
    let operations = operations.into_inner();
    println!("{operations} operations");
    assert!(operations >= cases as usize * OPERATIONS, "{operations} operations are too few");
}

#[test]
fn hosts_with_devices_do_as_hosts_without() {
    run(RESTING, |rig, case| {
        let mut twins = Twins::new(rig, case);
        for (number, act) in case.acts.iter().enumerate() {
            twins.act(act).map_err(|error| format!("operation {number}, {act:?}, slots {:?}: {error}", case.slots))?;
        }
        twins.end()
    });
}

#[test]
fn with_packets_in_flight_all_stay_in_step() {
    run(FLYING, |rig, case| {
        let mut flight = Flight::new(rig, case);
        for (number, act) in case.acts.iter().enumerate() {
            flight.act(act).map_err(|error| format!("operation {number}, {act:?}: {error}"))?;
        }
        flight.end()
    });
}
