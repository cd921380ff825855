//! Random frames and tables, with stalls on both sides and writes under way.

use std::collections::BTreeMap;

use espalier_hdl::records::{LocalAddress, Meta, Policy, SaSelector, Selector, action};
use espalier_regs::Event;
use espalier_sim::stream::Stalls;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::bench::Bench;
use crate::frames;
use crate::rules::{SAS, Tables, Write};

/// Clocks from one write to the next: longer than a look-up, which so sees at most one.
const APART: u64 = 24;

fn traffic(seed: u64, count: usize, source: Stalls, sink: Stalls, write_every: u32) {
    println!("seed {seed:#x}, {count} frames, {source:?}, {sink:?}");
    let random = &mut StdRng::seed_from_u64(seed);
    let mut bench = Bench::new(source, sink);
    let mut order = 0;
    for sa in 0..SAS {
        bench.write(&Write::Sa(sa, sa % 2 == 0));
        bench.write(&Write::Accept(sa, random.random()));
        bench.write(&Write::Selector(sa, Default::default()));
    }
    for _ in 0..200 {
        order += 1;
        bench.write(&frames::write(order, random));
    }
    let mut quiet = 0;
    let (mut pushed, mut errors) = (0, 0);
    while pushed < count || bench.queued() > 0 {
        while pushed < count && bench.queued() < 2 {
            let frame = frames::frame(random);
            let (meta, junk) = (frames::meta(&bench.tables, random), frames::meta(&bench.tables, random));
            let error = random.random_ratio(1, 50);
            errors += usize::from(error);
            bench.push(&frame, meta, junk, error);
            pushed += 1;
        }
        let write = (quiet >= APART && !bench.is_writing() && random.random_ratio(1, write_every)).then(|| {
            order += 1;
            frames::write(order, random)
        });
        bench.step(write.as_ref());
        quiet = if write.is_some() || bench.is_writing() { 0 } else { quiet + 1 };
    }
    bench.drain();
    assert_eq!(bench.events.len(), count, "exactly one outcome each");
    let mut counts = BTreeMap::<_, usize>::new();
    for event in &bench.events {
        *counts.entry(event.name()).or_default() += 1;
    }
    println!("{counts:?}, {errors} with error, {} writes, {} clocks", order, bench.model.cycles());
    assert_eq!(counts.len(), 11, "every outcome occurs");
    assert!(counts.values().all(|&n| n > count / 1000));
}

#[test]
fn frames_pass_or_drop_by_the_rules_while_the_tables_change() {
    traffic(0xAD01, 6000, Stalls::never(), Stalls::never(), 60);
    traffic(0xAD02, 6000, Stalls::random(1, 50), Stalls::random(2, 50), 20);
    traffic(0xAD03, 6000, Stalls::random(3, 10), Stalls::bursts(4, 60), 100);
    traffic(0xAD04, 6000, Stalls::bursts(5, 70), Stalls::random(6, 5), 3);
}

/// Writes as close as they may follow each other: no frame waits for them.
#[test]
fn frames_pass_while_the_tables_are_written_all_the_time() {
    let random = &mut StdRng::seed_from_u64(0xAD05);
    let mut bench = Bench::new(Stalls::never(), Stalls::never());
    for sa in 0..SAS {
        bench.write(&Write::Sa(sa, false));
        bench.write(&Write::Accept(sa, 0));
        bench.write(&Write::Selector(sa, Default::default()));
    }
    let frame = vec![0x55; 64];
    for _ in 0..200 {
        bench.push(&frame, Meta::default(), Meta::default(), false);
    }
    while bench.queued() > 0 {
        bench.write(&Write::Accept(random.random_range(0..SAS), random.random()));
    }
    bench.drain();
    assert_eq!(bench.events, vec![Event::RxBypassed; 200]);
    assert!(bench.passages.windows(2).all(|pair| pair[1].last - pair[0].last == 8));
}

/// A sound IPv4 frame that is nothing special.
fn plain(random: &mut StdRng) -> Vec<u8> {
    loop {
        let frame = frames::frame(random);
        let meta = Meta { is_protected: true, ..Meta::default() };
        let mut tables = Tables::default();
        tables.apply(&Write::Sa(0, true));
        if tables.outcome(&frame, &meta) == Event::RxDropNoPolicy && frame.len() < 200 && frame[12..14] == [8, 0] {
            return frame;
        }
    }
}

/// One packet out of a tunnel, again and again, and a write before each.
#[test]
fn each_table_decides_in_its_turn() {
    let random = &mut StdRng::seed_from_u64(0xAD06);
    let frame = plain(random);
    let mut bench = Bench::new(Stalls::never(), Stalls::never());
    let ask = |bench: &mut Bench, writes: &[Write], generation: u64| {
        writes.iter().for_each(|write| bench.write(write));
        let meta = Meta { is_protected: true, sa: 3u64.into(), generation: generation.into(), ..Meta::default() };
        bench.push(&frame, meta, Meta::default(), false);
        bench.drain();
        *bench.events.last().unwrap()
    };
    let all = Selector::default();
    let protect = Policy { valid: true, action: action::PROTECT.into(), order: 9u64.into(), ..Policy::default() };
    let block = Policy { valid: true, action: action::BLOCK.into(), order: 8u64.into(), ..Policy::default() };
    let forward = Policy { value: Selector { forward: true, ..all }, ..block };
    let elsewhere = LocalAddress { valid: true, v6: true, address: 1u64.into() };

    let tunnel = [Write::Sa(3, true), Write::Accept(3, 0), Write::Selector(3, Default::default())];
    assert_eq!(ask(&mut bench, &tunnel, 0), Event::RxDropNoPolicy);
    assert_eq!(ask(&mut bench, &[Write::Policy(63, protect)], 0), Event::RxDropTemplate);
    assert_eq!(ask(&mut bench, &[Write::Accept(3, 1 << 63)], 0), Event::RxDecrypted);
    assert_eq!(ask(&mut bench, &[Write::Policy(5, forward)], 0), Event::RxDecrypted);
    assert_eq!(ask(&mut bench, &[Write::Policy(6, block)], 0), Event::RxDropPolicyBlock);
    assert_eq!(ask(&mut bench, &[Write::Policy(6, Policy::default())], 0), Event::RxDecrypted);
    assert_eq!(ask(&mut bench, &[Write::Local(7, elsewhere)], 0), Event::RxDropPolicyBlock, "not for this host");
    assert_eq!(ask(&mut bench, &[Write::Local(7, Default::default())], 0), Event::RxDecrypted);
    let v6_only = SaSelector { value: Selector { v6: true, ..all }, ..Default::default() };
    assert_eq!(ask(&mut bench, &[Write::Selector(3, v6_only)], 0), Event::RxDropSelector);
    assert_eq!(ask(&mut bench, &[Write::Sa(3, true)], 0), Event::RxDropNoSa);
    assert_eq!(ask(&mut bench, &[Write::Selector(3, Default::default())], 1), Event::RxDecrypted);

    // Reset empties policies and local addresses; SAs and their generations stay.
    bench.write(&Write::Local(0, elsewhere));
    bench.reset();
    assert_eq!(ask(&mut bench, &[], 1), Event::RxDropNoPolicy);
    assert_eq!(ask(&mut bench, &[Write::Policy(6, block)], 1), Event::RxDropPolicyBlock, "all is local");
}
