//! Random traffic against the reference model.

use crate::rig::{Association, Rig};
use crate::traffic::{Event, associations, events};
use espalier_driver::xfrm::Direction;
use espalier_reference_model::sa::TxSa;
use espalier_sim::NicStalls;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Batches of a run, and events in one: more than 10,000 frames in all.
const BATCHES: u32 = 50;
const EVENTS: usize = 220;

/// What a batch does: associations installed beforehand, one that comes and goes while the traffic flows, the traffic, the pace.
#[derive(Debug, Clone)]
struct Batch {
    associations: Vec<Association>,
    visitor: Association,
    events: Vec<Event>,
    stalls: Option<(u64, u32)>,
}

fn batches() -> impl Strategy<Value = Batch> {
    let some = (1..7u8).prop_flat_map(|count| (0..count).map(|index| associations(index).boxed()).collect::<Vec<_>>());
    let stalls = prop::option::of((any::<u64>(), prop_oneof![Just(10u32), Just(30), Just(60)]));
    (some, associations(100), prop::collection::vec(events(), EVENTS..EVENTS + 1), stalls)
        .prop_map(|(associations, visitor, events, stalls)| Batch { associations, visitor, events, stalls })
}

fn run(batch: &Batch) -> Result<usize, String> {
    let stalls = || batch.stalls.map_or_else(NicStalls::never, |(seed, percent)| NicStalls::random(seed, percent));
    let mut rig = Rig::new(stalls());
    let mut peers: Vec<(Association, TxSa)> = Vec::new();
    for association in &batch.associations {
        rig.install(association);
        peers.push((association.clone(), association.tx_sa(Direction::In)));
    }
    let mut frames = 0;
    for (at, event) in batch.events.iter().enumerate() {
        if event.wants_rest() {
            rig.settle()?;
        }
        for (from_wire, frame, error) in event.frames(&mut peers) {
            frames += 1;
            if from_wire {
                rig.send_wire(&frame, error)
            } else {
                rig.send_host(&frame, error)
            };
        }
        // Tables change while the traffic flows. Every other time the visitor has traffic of its own, which must be through before it goes.
        if at % 50 == 20 {
            rig.install(&batch.visitor);
            if at % 100 == 20 {
                peers.push((batch.visitor.clone(), batch.visitor.tx_sa(Direction::In)));
            }
        }
        if at % 50 == 40 {
            if at % 100 == 40 {
                rig.settle()?;
                peers.pop();
            }
            rig.remove(batch.visitor.index);
        }
    }
    rig.settle()?;
    // A rekey: the same association with another key, under traffic that has settled; its old packets are strangers now.
    if let Some((association, sa)) = peers.first_mut() {
        rig.remove(association.index);
        association.key_and_salt.reverse();
        association.last_seq = 0;
        *sa = association.tx_sa(Direction::In);
        rig.install(association);
    }
    for event in batch.events.iter().take(EVENTS / 10) {
        if event.wants_rest() {
            rig.settle()?;
        }
        for (from_wire, frame, error) in event.frames(&mut peers) {
            frames += 1;
            if from_wire {
                rig.send_wire(&frame, error)
            } else {
                rig.send_host(&frame, error)
            };
        }
    }
    rig.settle()?;
    Ok(frames)
}

#[test]
fn random_traffic_comes_out_as_the_model_says() {
    let mut runner = TestRunner::new(Config { cases: BATCHES, max_shrink_iters: 100, ..Config::default() });
    let frames = std::cell::Cell::new(0);
    let result = runner.run(&batches(), |batch| {
        frames.set(frames.get() + run(&batch).map_err(TestCaseError::fail)?);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    println!("{} frames", frames.get());
    assert!(frames.get() >= 10_000, "{} frames are too few", frames.get());
}
