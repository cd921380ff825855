//! The FIFO: nothing lost, nothing twice, full speed, and `room` true to its word.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use std::collections::VecDeque;

use espalier_hdl::fifo::Fifo;
use espalier_sim::Model;
use espalier_sim::stream::{Record, Sink, Source, Stalls, step};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rust_hdl::prelude::Bits;

fn fifo<const A: usize, const ROOM: u64>() -> Model {
    support::model::<Fifo<Bits<16>, A, ROOM>>(&format!("fifo_{A}_{ROOM}"))
}

fn entry(n: u32) -> Record {
    Record((n % 65_536).into())
}

fn order_under_stalls<const A: usize, const ROOM: u64>() {
    let kinds = |seed: u64| [Stalls::never(), Stalls::random(seed, 20), Stalls::random(seed, 80), Stalls::bursts(seed, 50)];
    for seed in 0..4 {
        for (i, s_stalls) in kinds(2 * seed).into_iter().enumerate() {
            for (j, m_stalls) in kinds(2 * seed + 1).into_iter().enumerate() {
                println!("A {A}, seed {seed}, stalls {i} {j}");
                let mut model = fifo::<A, ROOM>();
                let mut s = Source::new(&model, "s_data", s_stalls.clone()).unwrap();
                let mut m = Sink::<Record>::new(&model, "m_data", m_stalls).unwrap();
                (0..500).for_each(|n| s.push(entry(n)));
                let mut next = 0;
                while next < 500 {
                    step(&mut model, &mut [&mut s, &mut m]).unwrap();
                    if let Some(item) = m.taken.take() {
                        assert_eq!(item, entry(next));
                        next += 1;
                    }
                    assert!(model.cycles() < 50_000, "stuck at entry {next}");
                }
            }
        }
    }
}

#[test]
fn entries_keep_their_order_under_stalls() {
    order_under_stalls::<1, 1>();
    order_under_stalls::<2, 3>();
    order_under_stalls::<4, 7>();
}

/// Entries taken before `s_ready` falls, with no reader.
fn capacity<const A: usize, const ROOM: u64>() -> usize {
    let mut model = fifo::<A, ROOM>();
    model.set("s_valid", true);
    let mut pushed = 0;
    for _ in 0..(1 << A) + 10 {
        model.settle();
        pushed += usize::from(model.get_bool("s_ready"));
        model.rise();
    }
    pushed
}

#[test]
fn all_entries_and_the_output_register_are_used() {
    assert_eq!(capacity::<1, 1>(), 3);
    assert_eq!(capacity::<2, 3>(), 5);
    assert_eq!(capacity::<4, 7>(), 17);
}

#[test]
fn latency_is_three_clocks_and_throughput_one_a_clock() {
    let mut model = fifo::<4, 7>();
    let mut s = Source::new(&model, "s_data", Stalls::never()).unwrap();
    let mut m = Sink::<Record>::new(&model, "m_data", Stalls::never()).unwrap();
    (0..100).for_each(|n| s.push(entry(n)));
    let start = model.cycles();
    for clock in 0..103 {
        step(&mut model, &mut [&mut s, &mut m]).unwrap();
        assert_eq!(m.taken.is_some(), clock >= 3, "clock {clock}");
    }
    assert_eq!(model.cycles() - start, 103);
}

/// A source that can't stop: what it decides on `room` arrives `ROOM - 1` clocks later, whether it is taken or not.
fn blind_source<const A: usize, const ROOM: u64>() {
    for seed in 0..20 {
        println!("A {A}, ROOM {ROOM}, seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut model = fifo::<A, ROOM>();
        let mut m = Sink::<Record>::new(&model, "m_data", Stalls::bursts(seed, 60)).unwrap();
        let mut under_way: VecDeque<bool> = vec![false; ROOM as usize - 1].into();
        let (mut pushed, mut popped, mut was_full) = (0, 0, false);
        for _ in 0..3000 {
            model.settle();
            let room = model.get_bool("room");
            was_full |= !room && pushed > 0;
            under_way.push_back(room && rng.random_range(0..10) < 9);
            let push = under_way.pop_front().unwrap();
            model.set("s_valid", push);
            model.set("s_data", pushed as u16);
            model.settle();
            if push {
                assert!(model.get_bool("s_ready"), "entry {pushed} is lost");
                pushed += 1;
            }
            step(&mut model, &mut [&mut m]).unwrap();
            if let Some(item) = m.taken.take() {
                assert_eq!(item, entry(popped));
                popped += 1;
            }
        }
        assert!(was_full && popped > 300, "{popped}");
    }
}

#[test]
fn room_is_kept_for_entries_under_way() {
    blind_source::<2, 1>();
    blind_source::<2, 3>();
    blind_source::<5, 16>();
}
