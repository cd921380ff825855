//! The queue in distributed RAM: nothing lost, nothing twice, full speed, one clock.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::queue::Queue;
use espalier_sim::Model;
use espalier_sim::stream::{Record, Sink, Source, Stalls, step};
use rust_hdl::prelude::Bits;

fn queue<const A: usize>() -> Model {
    support::model::<Queue<Bits<16>, A>>(&format!("queue_{A}"))
}

fn entry(n: u32) -> Record {
    Record((n % 65_536).into())
}

fn order_under_stalls<const A: usize>() {
    let kinds = |seed: u64| [Stalls::never(), Stalls::random(seed, 20), Stalls::random(seed, 80), Stalls::bursts(seed, 50)];
    for seed in 0..4 {
        for (i, s_stalls) in kinds(2 * seed).into_iter().enumerate() {
            for (j, m_stalls) in kinds(2 * seed + 1).into_iter().enumerate() {
                println!("A {A}, seed {seed}, stalls {i} {j}");
                let mut model = queue::<A>();
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
    order_under_stalls::<1>();
    order_under_stalls::<2>();
    order_under_stalls::<4>();
}

/// Entries taken before `s_ready` falls, with no reader.
fn capacity<const A: usize>() -> usize {
    let mut model = queue::<A>();
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
fn all_entries_are_used() {
    assert_eq!(capacity::<1>(), 2);
    assert_eq!(capacity::<2>(), 4);
    assert_eq!(capacity::<4>(), 16);
}

#[test]
fn latency_and_throughput_are_one_clock() {
    let mut model = queue::<2>();
    let mut s = Source::new(&model, "s_data", Stalls::never()).unwrap();
    let mut m = Sink::<Record>::new(&model, "m_data", Stalls::never()).unwrap();
    (0..100).for_each(|n| s.push(entry(n)));
    for clock in 0..101 {
        step(&mut model, &mut [&mut s, &mut m]).unwrap();
        assert_eq!(m.taken.is_some(), clock >= 1, "clock {clock}");
    }
}
