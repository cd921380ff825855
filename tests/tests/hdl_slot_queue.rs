//! The queue of slots: all of them, in order, each beside its packet's context.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;

use espalier_hdl::records::{CryptoContext, Slot};
use espalier_hdl::slot_queue::SlotQueue;
use espalier_sim::{Model, record};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

fn context(rng: &mut SmallRng) -> CryptoContext {
    let nonce = u128::from(rng.random::<u64>());
    CryptoContext { nonce: BigUint::from(nonce).into(), h: rng.random::<u64>().into(), decrypt: rng.random(), ..Default::default() }
}

/// Slots with the context of their packet: of a bypassing frame none.
fn packets(rng: &mut SmallRng, count: usize) -> VecDeque<(Slot, Option<CryptoContext>)> {
    let mut slots = VecDeque::new();
    for _ in 0..count {
        let bypass = rng.random_ratio(1, 4);
        let given = (!bypass).then(|| context(rng));
        let length = rng.random_range(1..7usize);
        for at in 0..length {
            let beat = espalier_hdl::stream::Beat { data: rng.random::<u64>().into(), ..Default::default() };
            let first = !bypass && at == 0;
            slots.push_back((
                Slot { first, bypass, remaining: ((length - 1 - at).min(3) as u64).into(), beat, ..Default::default() },
                given,
            ));
        }
    }
    slots
}

#[test]
fn slots_come_out_in_order_beside_their_context() {
    let mut model = Model::build::<SlotQueue>("slot_queue").unwrap();
    let mut rng = SmallRng::seed_from_u64(1);
    for (offer, take) in [(1.0, 1.0), (0.5, 0.5), (0.9, 0.3), (0.3, 0.9), (1.0, 0.5)] {
        model.reset(2);
        let mut todo = packets(&mut rng, 300);
        let (total, mut stored, mut seen, mut clocks) = (todo.len(), VecDeque::new(), 0, 0);
        let mut offered = false;
        while seen < total {
            clocks += 1;
            assert!(clocks < 20 * total, "it stands still");
            // What is offered stays.
            offered |= rng.random_bool(offer);
            let offers = offered && !todo.is_empty();
            model.set("s_valid", offers);
            if let Some((slot, given)) = todo.front() {
                model.set_record("s_slot", *slot);
                // Beside other slots than a `first` one the context does not count.
                model.set_record("s_crypto", if slot.first { given.unwrap() } else { context(&mut rng) });
            }
            let takes = rng.random_bool(take);
            model.set("m_ready", takes);
            model.settle();
            if model.get_bool("m_valid") {
                let (slot, given): &(Slot, Option<CryptoContext>) = stored.front().expect("nothing is stored");
                assert_eq!(model.get("m_slot"), record(*slot), "slot {seen}");
                if let Some(given) = given {
                    assert_eq!(model.get("m_crypto"), record(*given), "context of slot {seen}");
                }
                if takes {
                    stored.pop_front();
                    seen += 1;
                }
            } else {
                assert!(stored.is_empty());
            }
            if offers && model.get_bool("s_ready") {
                stored.extend(todo.pop_front());
                assert!(stored.len() <= 4);
                offered = false;
            }
            model.rise();
        }
        // At full speed a slot a clock.
        if offer + take == 2.0 {
            assert_eq!(clocks, total + 1);
        }
    }
}
