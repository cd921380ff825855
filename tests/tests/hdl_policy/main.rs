//! The policy table on the Verilated block: the first match wins, wherever it stands, while the table changes.
#![allow(clippy::unwrap_used)]

mod block;
mod policies;
mod random;
mod writes;

use espalier_hdl::policy::Cells;
use espalier_hdl::records::{Policy, Selector, Verdict};
use espalier_sim::{Model, record};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_hdl::core::simulate::simulate;

use crate::block::Block;
use crate::policies::policy;

#[test]
fn nothing_matches_after_reset() {
    let mut model = Model::build::<Block<3, 2>>("policy_3_2").unwrap();
    let random = &mut StdRng::seed_from_u64(9);
    for _ in 0..2 {
        model.reset(2);
        let swept = (0..).find(|_| {
            model.settle();
            assert!(model.get_bool("ready") || !model.get_bool("selector_ready"));
            let ready = model.get_bool("ready");
            model.rise();
            ready
        });
        assert_eq!(swept, Some(8), "the rows are swept in as many clocks");
        // A policy that matches all, everywhere; then reset again.
        for index in 0..64 {
            let all = Policy { valid: true, value: Selector { v6: true, ..Default::default() }, ..policy(random, index) };
            model.set("write_valid", false);
            model.set_record("selector", Selector { v6: true, ..Default::default() });
            model.set("selector_valid", index == 0);
            model.set("verdict_ready", true);
            if index == 0 {
                model.clock();
                model.set("selector_valid", false);
                while {
                    model.settle();
                    !model.get_bool("verdict_valid")
                } {
                    model.rise();
                }
                assert_eq!(model.get("verdict"), record(Verdict::default()));
                model.rise();
            }
            model.set("write_valid", true);
            model.set("write_index", index);
            model.set_record("write_data", Policy { mask: Selector::default(), ..all });
            while {
                model.settle();
                !model.get_bool("write_ready")
            } {
                model.rise();
            }
            model.rise();
        }
        model.set("write_valid", false);
    }
}

/// A look-up every 8 clocks, its verdict 2^3 + 7 clocks after its selector; writes cost nothing.
#[test]
fn pace_and_latency_are_as_documented() {
    let random = &mut StdRng::seed_from_u64(11);
    let mut model = Model::build::<Block<3, 2>>("policy_3_2").unwrap();
    model.reset(1);
    model.clocks(9);
    model.set("selector_valid", true);
    model.set("verdict_ready", true);
    let (mut taken, mut given, mut written) = (Vec::new(), Vec::new(), 0);
    for clock in 0..10_000 {
        // None at first, then one after the other.
        model.set("write_valid", clock > 1_000);
        model.set("write_index", written % 64);
        model.settle();
        if model.get_bool("selector_ready") {
            taken.push(model.cycles());
        }
        if model.get_bool("verdict_valid") {
            given.push(model.cycles());
        }
        let done = model.get_bool("write_ready");
        model.rise();
        if clock == 1_000 || done {
            written += usize::from(done);
            model.set_record("write_data", Policy { valid: true, ..policy(random, clock) });
        }
    }
    assert!(written > 70);
    assert!(taken.windows(2).all(|pair| pair[1] - pair[0] == 8));
    assert!(given.iter().zip(&taken).all(|(given, taken)| given - taken == 15), "{:?}", given[0] - taken[0]);
}

/// Verdicts that nobody takes stop the look-ups; none is lost.
#[test]
fn untaken_verdicts_stop_the_table() {
    let mut model = Model::build::<Block<3, 2>>("policy_3_2").unwrap();
    model.reset(1);
    model.set("selector_valid", true);
    let mut taken = 0;
    for _ in 0..200 {
        model.settle();
        taken += u32::from(model.get_bool("selector_ready"));
        model.rise();
    }
    assert_eq!(taken, 4);
    model.set("selector_valid", false);
    model.set("verdict_ready", true);
    let mut given = 0;
    for _ in 0..50 {
        model.settle();
        given += u32::from(model.get_bool("verdict_valid"));
        model.rise();
    }
    assert_eq!(given, 4);
}

/// The cells in rust-hdl's own simulation and on the Verilated block: both are tables of what each policy likes.
#[test]
fn cells_in_rust_and_in_verilog_are_what_the_policies_like() {
    let random = &mut StdRng::seed_from_u64(13);
    let mut model = Model::build::<Cells<3, 10>>("cells_3_10").unwrap();
    let mut block = Box::<Cells<3, 10>>::default();
    // By row and packet's bit: of each of the four policies, the bits that it likes.
    let mut likes = [[None; 2]; 8];
    for _ in 0..2_000 {
        let (row, write_row, write_for) = (random.random_range(0..8), random.random_range(0..8), random.random::<bool>());
        // Most like most.
        let (write, data) = (random.random_bool(0.5), random.random::<u64>() | random.random::<u64>() | random.random::<u64>());
        let packet = random.random_range(0..1u64 << 10);
        (block.row.next, block.packet.next) = (row.into(), packet.into());
        (block.write_enable.next, block.write_row.next) = (write, write_row.into());
        (block.write_for.next, block.write_data.next) = (write_for, data.into());
        block.clock.next = false.into();
        assert!(simulate(&mut *block, 20));
        for (port, value) in [("row", row), ("packet", packet), ("write_row", write_row), ("write_data", data)] {
            model.set(port, value);
        }
        model.set("write_enable", write);
        model.set("write_for", write_for);
        model.settle();
        if let [Some(zero), Some(one)] = likes[row as usize] {
            let (zero, one): (u64, u64) = (zero, one);
            let hit = |policy: u64| (0..10).all(|i| (if packet >> i & 1 == 0 { zero } else { one }) >> (policy * 16 + i) & 1 == 1);
            let want = (0..4).fold(0, |hits, policy| hits | u64::from(hit(policy)) << policy);
            assert_eq!((model.get_u64("hits"), block.hits.val().to_u64()), (want, want));
        }
        block.clock.next = true.into();
        assert!(simulate(&mut *block, 20));
        model.rise();
        if write {
            likes[write_row as usize][usize::from(write_for)] = Some(data);
        }
    }
}
