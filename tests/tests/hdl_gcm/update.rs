//! The core in rust-hdl's own simulation: what its blocks compute in `update` is what their Verilog computes.
//!
//! The networks of AES and GF(2^128) describe themselves in both ways; the same packets that the Verilated core is given, and the same
//! expectations, show that both are right.

use std::thread;

use espalier_hdl::gcm::{GcmCore, LATENCY, tag_latency};
use espalier_hdl::stream::BEAT_BYTES;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_hdl::core::simulate::simulate;
use rust_hdl::prelude::*;

use crate::packet::Entry;

/// Iterations that a change takes at most to go through all levels of the design.
const SETTLE: usize = 100;

const TAG_LATENCY: usize = tag_latency::<14>();

fn edge(core: &mut GcmCore<14>, level: bool) {
    core.clock.next = level.into();
    assert!(simulate(core, SETTLE), "settles");
}

/// One slot a clock on TX; every beat and tag is that of its slot.
fn run(entries: &[Entry]) {
    let mut core = Box::new(GcmCore::<14>::default());
    core.connect_all();
    core.tx_room.next = true;
    for reset in [true, false] {
        core.reset.next = reset;
        edge(&mut core, false);
        edge(&mut core, true);
    }
    for now in 0..entries.len() + TAG_LATENCY {
        let entry = entries.get(now);
        core.tx_slot_valid.next = entry.is_some();
        if let Some(entry) = entry {
            core.tx_slot.next = entry.slot;
            core.tx_crypto.next = entry.crypto.0;
        }
        core.tx_crypto_valid.next = entry.is_some_and(|entry| entry.slot.first);
        edge(&mut core, false);
        let expected = now.checked_sub(LATENCY).and_then(|i| entries.get(i)?.beat.as_ref());
        assert_eq!(core.tx_beat_valid.val(), expected.is_some(), "clock {now}");
        if let Some(expected) = expected {
            let beat = core.tx_beat.val();
            let bytes: Vec<_> = (0..expected.bytes.len()).map(|i| beat.data.get_bits::<8>(8 * (BEAT_BYTES - 1 - i)).to_u8()).collect();
            assert_eq!((bytes, beat.last), (expected.bytes.clone(), expected.last), "clock {now}");
        }
        let tag = now.checked_sub(TAG_LATENCY).and_then(|i| entries.get(i)?.tag);
        assert_eq!(core.tx_tag_valid.val(), tag.is_some(), "clock {now}");
        if let Some(tag) = tag {
            assert_eq!(core.tx_tag.val().to_u128(), tag, "clock {now}");
        }
        edge(&mut core, true);
    }
}

#[test]
fn what_the_blocks_compute_is_what_their_verilog_does() {
    let mut random = StdRng::seed_from_u64(7);
    let mut entries = Vec::new();
    for (key, length) in crate::keys(&mut random, 3).iter().zip([70, 33, 0]) {
        entries.extend(crate::esp(key, length, length == 33, &mut random));
    }
    // Blocks are large arrays by value.
    let simulation = thread::Builder::new().stack_size(1 << 28).spawn(move || run(&entries)).expect("a thread");
    simulation.join().expect("agrees");
}
