//! The register slice: nothing lost, nothing twice, full speed, one clock, and no way from `m_ready` to `s_ready`.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::slice::Slice;
use espalier_sim::Model;
use espalier_sim::stream::{Record, Sink, Source, Stalls, step};
use rust_hdl::prelude::Bits;

fn slice() -> Model {
    support::model::<Slice<Bits<16>>>("slice")
}

#[test]
fn entries_keep_their_order_under_stalls() {
    let kinds = |seed: u64| [Stalls::never(), Stalls::random(seed, 20), Stalls::random(seed, 80), Stalls::bursts(seed, 50)];
    for seed in 0..4 {
        for (i, s_stalls) in kinds(2 * seed).into_iter().enumerate() {
            for (j, m_stalls) in kinds(2 * seed + 1).into_iter().enumerate() {
                println!("seed {seed}, stalls {i} {j}");
                let mut model = slice();
                let mut s = Source::new(&model, "s_data", s_stalls.clone()).unwrap();
                let mut m = Sink::<Record>::new(&model, "m_data", m_stalls).unwrap();
                (0..500_u32).for_each(|n| s.push(Record(n.into())));
                let mut next = 0_u32;
                while next < 500 {
                    step(&mut model, &mut [&mut s, &mut m]).unwrap();
                    if let Some(item) = m.taken.take() {
                        assert_eq!(item, Record(next.into()));
                        next += 1;
                    }
                    assert!(model.cycles() < 50_000, "stuck at entry {next}");
                }
            }
        }
    }
}

#[test]
fn latency_and_throughput_are_one_clock() {
    let mut model = slice();
    let mut s = Source::new(&model, "s_data", Stalls::never()).unwrap();
    let mut m = Sink::<Record>::new(&model, "m_data", Stalls::never()).unwrap();
    (0..100_u32).for_each(|n| s.push(Record(n.into())));
    for clock in 0..101 {
        step(&mut model, &mut [&mut s, &mut m]).unwrap();
        assert_eq!(m.taken.is_some(), clock >= 1, "clock {clock}");
    }
}

/// Two are taken while nobody takes them; then the word of a reader is seen a clock later, in both directions.
#[test]
fn ready_comes_out_of_a_register() {
    let mut model = slice();
    model.set("s_valid", true);
    for (clock, (m_ready, s_ready)) in
        [(false, true), (false, true), (false, false), (true, false), (true, true), (false, true), (false, false)].into_iter().enumerate()
    {
        for other in [!m_ready, m_ready] {
            model.set("m_ready", other);
            model.settle();
            assert_eq!(model.get_bool("s_ready"), s_ready, "clock {clock}, m_ready {other}");
        }
        model.rise();
    }
}
