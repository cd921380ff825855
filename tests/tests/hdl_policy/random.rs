//! Look-ups while policies are written.

use std::collections::VecDeque;

use espalier_hdl::records::{Policy, Selector, Verdict};
use espalier_sim::{Model, record};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::block::Block;
use crate::policies::{Best, matches, policy, selector, verdict};
use crate::writes::{Writing, cells};

/// Look-ups and writes at random, with stalls. What each look-up says must be right for every row as it is in the clock in which its ranking is read.
fn random_traffic<const R: usize, const G: usize>(name: &str, seed: u64, clocks: u64, stall: u32, write_every: u32) {
    println!("seed {seed:#x}, {stall} stalls in 10, a write begins in {write_every} clocks");
    let random = &mut StdRng::seed_from_u64(seed);
    let mut model = Model::build::<Block<R, G>>(name).unwrap();
    model.reset(3);
    let rows = 1 << R;
    let mut table = vec![Policy::default(); 4 * G * rows];
    let mut order = 0u64;
    // The look-up whose rankings are read: packet, clock of its start, the best so far; then the verdicts to come.
    let mut looking: VecDeque<(Selector, u64, Best)> = VecDeque::new();
    let mut verdicts: VecDeque<Verdict> = VecDeque::new();
    let mut waiting: Option<Selector> = None;
    let mut writing: Option<Writing> = None;
    let (mut hits, mut misses, mut writes) = (0, 0, [0; 3]);
    for _ in 0..clocks {
        let clock = model.cycles();
        model.settle();
        let ready = model.get_bool("ready");
        if waiting.is_none() && !random.random_ratio(stall, 10) {
            waiting = Some(selector(random));
        }
        model.set("selector_valid", waiting.is_some());
        if let Some(packet) = waiting {
            model.set_record("selector", packet);
        }
        if ready && writing.is_none() && random.random_ratio(1, write_every) {
            // Unique, above or below the others; in a third of the cases what is there for the same packets.
            order += 1;
            let priority = random.random_range(0..1 << 16);
            let mut new = policy(random, priority << 32 | order);
            let index = random.random_range(0..table.len());
            let old = table[index];
            if old.valid && random.random_ratio(1, 3) {
                new = Policy { value: old.value, mask: old.mask, ..new };
            }
            writes[usize::from(new.valid) + usize::from(new.valid && old.valid && cells(&old) == cells(&new))] += 1;
            writing = Some(Writing::new(index, new, &old, clock));
        }
        model.set("write_valid", writing.is_some());
        if let Some(Writing { index, policy, .. }) = &writing {
            model.set("write_index", *index);
            model.set_record("write_data", *policy);
        }
        let verdict_ready = !random.random_ratio(stall, 10);
        model.set("verdict_ready", verdict_ready);
        model.settle();

        if model.get_bool("verdict_valid") {
            let want = verdicts[0];
            assert_eq!(model.get("verdict"), record(want), "clock {clock}: {want:?}");
            if verdict_ready {
                if want.hit {
                    hits += 1
                } else {
                    misses += 1
                }
                verdicts.pop_front();
            }
        }
        if model.get_bool("selector_ready")
            && let Some(packet) = waiting.take()
        {
            looking.push_back((packet, clock, None));
        }
        if let Some(write) = &writing
            && write.gone == Some(clock)
        {
            table[write.index].valid = false;
        }
        if let Some(write) = &writing
            && write.policy.valid
            && write.until == clock
        {
            table[write.index] = write.policy;
        }
        if let Some((packet, start, best)) = looking.front_mut()
            && let Some(row) = clock.checked_sub(*start + 4)
        {
            let places = (0..G).flat_map(|group| (0..4).map(move |place| (group * rows + row as usize) * 4 + place));
            let found = places.map(|index| (index, table[index])).filter(|(_, policy)| matches(policy, packet));
            *best = found.chain(*best).min_by_key(|(_, policy)| policy.order);
            if row as usize == rows - 1 {
                verdicts.push_back(verdict(*best));
                looking.pop_front();
            }
        }
        let done = writing.take_if(|write| write.until == clock);
        assert_eq!(model.get_bool("write_ready"), done.is_some(), "clock {clock}");
        if let Some(Writing { index, policy, since, .. }) = done {
            assert!(since < clock);
            table[index] = policy;
        }
        model.rise();
    }
    println!("{hits} hits, {misses} misses; {writes:?} writes: cleared, written, written for the same packets");
    assert!(hits > 100 && misses > 10 && writes.iter().all(|&writes| writes > 10));
}

#[test]
fn the_lowest_order_wins_under_writes_64() {
    random_traffic::<3, 2>("policy_3_2", 0x5001, 100_000, 0, 4);
    random_traffic::<3, 2>("policy_3_2", 0x5002, 100_000, 5, 1);
    random_traffic::<3, 2>("policy_3_2", 0x5003, 100_000, 8, 400);
}

#[test]
fn the_lowest_order_wins_under_writes_32() {
    random_traffic::<3, 1>("policy_3_1", 0x5006, 100_000, 0, 1);
    random_traffic::<3, 1>("policy_3_1", 0x5007, 100_000, 4, 50);
}

#[test]
fn the_lowest_order_wins_under_writes_16() {
    random_traffic::<1, 2>("policy_1_2", 0x5004, 50_000, 0, 30);
    random_traffic::<1, 2>("policy_1_2", 0x5005, 50_000, 6, 1);
}
