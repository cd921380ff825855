//! The FIFO: nothing lost, nothing twice, full speed, and `room` true to its word.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use std::collections::VecDeque;

use espalier_hdl::eager::Eager;
use espalier_hdl::fifo::Fifo;
use espalier_sim::Model;
use espalier_sim::stream::{Record, Sink, Source, Stalls, step};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rust_hdl::prelude::Bits;

fn fifo<const A: usize, const ROOM: u64>() -> Model {
    support::model::<Fifo<Bits<16>, A, ROOM>>(&format!("fifo_{A}_{ROOM}"))
}

fn eager<const A: usize, const ROOM: u64>() -> Model {
    support::model::<Eager<Bits<16>, A, ROOM>>(&format!("eager_{A}_{ROOM}"))
}

fn entry(n: u32) -> Record {
    Record((n % 65_536).into())
}

fn order_under_stalls(queue: impl Fn() -> Model) {
    let kinds = |seed: u64| [Stalls::never(), Stalls::random(seed, 20), Stalls::random(seed, 80), Stalls::bursts(seed, 50)];
    for seed in 0..4 {
        for (i, s_stalls) in kinds(2 * seed).into_iter().enumerate() {
            for (j, m_stalls) in kinds(2 * seed + 1).into_iter().enumerate() {
                println!("seed {seed}, stalls {i} {j}");
                let mut model = queue();
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
    order_under_stalls(fifo::<1, 1>);
    order_under_stalls(fifo::<3, 1>);
    order_under_stalls(fifo::<2, 3>);
    order_under_stalls(fifo::<4, 7>);
    order_under_stalls(eager::<2, 1>);
    order_under_stalls(eager::<4, 7>);
}

/// Entries taken before `s_ready` falls, with no reader.
fn capacity(mut model: Model) -> usize {
    model.set("s_valid", true);
    let mut pushed = 0;
    for _ in 0..30 {
        model.settle();
        pushed += usize::from(model.get_bool("s_ready"));
        model.rise();
    }
    pushed
}

#[test]
fn all_entries_and_the_output_register_are_used() {
    assert_eq!(capacity(fifo::<1, 1>()), 3);
    assert_eq!(capacity(fifo::<3, 1>()), 9);
    assert_eq!(capacity(fifo::<2, 3>()), 5);
    assert_eq!(capacity(fifo::<4, 7>()), 17);
    assert_eq!(capacity(eager::<2, 1>()), 6);
    assert_eq!(capacity(eager::<4, 7>()), 18);
}

fn latency_and_throughput(mut model: Model, latency: u64) {
    let mut s = Source::new(&model, "s_data", Stalls::never()).unwrap();
    let mut m = Sink::<Record>::new(&model, "m_data", Stalls::never()).unwrap();
    (0..100).for_each(|n| s.push(entry(n)));
    let start = model.cycles();
    for clock in 0..100 + latency {
        step(&mut model, &mut [&mut s, &mut m]).unwrap();
        assert_eq!(m.taken.is_some(), clock >= latency, "clock {clock}");
    }
    assert_eq!(model.cycles() - start, 100 + latency);
}

#[test]
fn latency_is_three_clocks_or_one_and_throughput_one_a_clock() {
    latency_and_throughput(fifo::<4, 7>(), 3);
    latency_and_throughput(eager::<4, 7>(), 1);
}

/// A source that can't stop: what it decides on `room` arrives `ROOM - 1` clocks later, whether it is taken or not.
fn blind_source<const ROOM: u64>(queue: impl Fn() -> Model) {
    for seed in 0..20 {
        println!("ROOM {ROOM}, seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut model = queue();
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
    blind_source::<1>(fifo::<2, 1>);
    blind_source::<3>(fifo::<2, 3>);
    blind_source::<16>(fifo::<5, 16>);
    blind_source::<1>(eager::<2, 1>);
    blind_source::<16>(eager::<5, 16>);
}
