//! Frames both ways.

use std::time::Duration;

use espalier_driver::Event;
use espalier_driver::net::{SendError, TxOffload};
use espalier_driver::rings::RingConfig;
use espalier_regs::tuser::{rx, tx};
use proptest::prelude::*;

use super::{frame, net, no_violation, small};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the sizes: what is sent goes out once, in order and whole, comes in again so, and each frame is told of once.
    #[test]
    fn every_frame_goes_round(
        (tx_log2, rx_log2) in (1u32..=10, 1u32..=10),
        buffer in 1u16..=160,
        lengths in prop::collection::vec(1usize..3000, 1..40),
        speed in 1usize..6,
        sleeps: bool,
    ) {
        let config = RingConfig { tx_entries: 1 << tx_log2, rx_entries: 1 << rx_log2, buffer_bytes: 16 * buffer, ..RingConfig::default() };
        let mut net = net(config);
        (net.device().bus().looped, net.device().bus().speed) = (true, speed);
        let longest = usize::from(config.tx_entries) * usize::from(config.buffer_bytes);
        let frames: Vec<_> = lengths.iter().enumerate().map(|(number, length)| frame(number, (*length).min(longest))).collect();
        let (mut next, mut done, mut received) = (0, Vec::new(), Vec::new());
        for _ in 0..40_000 {
            while next < frames.len() {
                match net.send(&frames[next], TxOffload::None) {
                    Ok(()) => next += 1,
                    Err(SendError::Full) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            if sleeps {
                prop_assert!(net.wait(Duration::from_millis(1)).expect("a wait"), "nothing came after {} frames", received.len());
            } else {
                net.device().bus().work();
            }
            done.extend(net.sent().expect("sound"));
            while let Some(frame) = net.receive().expect("sound") {
                received.push(frame.bytes);
            }
            if received.len() == frames.len() && done.len() == frames.len() {
                break;
            }
        }
        prop_assert_eq!(&received, &frames);
        let numbers: Vec<u64> = done.iter().map(|done| done.frame_number).collect();
        prop_assert_eq!(numbers, (0..frames.len() as u64).collect::<Vec<_>>());
        prop_assert!(done.iter().all(|done| done.status.is_some_and(|status| status.event == Event::TxBypassed) && done.fault.is_none()));
        let stats = net.stats();
        let count = frames.len() as u64;
        prop_assert_eq!((stats.sent, stats.completed, stats.received, stats.lost, stats.faults), (count, count, count, 0, 0));
        no_violation(&mut net);
    }
}

#[test]
fn a_frame_that_can_not_be_sent_is_refused_and_nothing_is_posted() {
    let mut net = net(small());
    net.device().bus().speed = 0;
    let handle = std::num::NonZeroU64::new(77).expect("not 0");
    assert!(matches!(net.send(&[], TxOffload::None), Err(SendError::Empty)));
    assert!(matches!(net.send(&[0; 513], TxOffload::None), Err(SendError::TooLong { bytes: 513, longest: 512 })));
    assert!(matches!(net.send(&[0; 64], TxOffload::Crypto(handle)), Err(SendError::NoSuchSa)));
    net.send(&[1; 65], TxOffload::None).expect("two slots");
    net.send(&[2; 384], TxOffload::None).expect("six slots");
    assert!(matches!(net.send(&[3; 1], TxOffload::None), Err(SendError::Full)));
    assert_eq!(net.sent().expect("none"), []);
    net.device().bus().speed = 1;
    net.device().bus().work();
    net.send(&[3; 128], TxOffload::None).expect("the first two slots");
    assert!(matches!(net.send(&[4; 1], TxOffload::None), Err(SendError::Full)));
    net.device().bus().speed = 9;
    net.device().bus().work();
    assert_eq!(net.sent().expect("three").len(), 3);
    let out: Vec<_> = net.device().bus().wire.iter().map(|(bytes, _)| (bytes[0], bytes.len())).collect();
    assert_eq!(out, [(1, 65), (2, 384), (3, 128)]);
    assert_eq!(net.stats().sent, 3);
}

#[test]
fn what_is_asked_of_the_device_goes_beside_the_frame() {
    use espalier_driver::ops::{XfrmState, XfrmStateOffload, XfrmdevOps};
    use espalier_driver::xfrm::{Direction, Mode, OffloadMode};
    let mut net = net(small());
    let (mode, direction) = (OffloadMode::Crypto, Direction::Out);
    let offload = XfrmStateOffload { dev: "esp0".to_owned(), mode, direction, acquire: false, offload_handle: None };
    let mut params = super::common::sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, direction);
    params.offload.mode = mode;
    let mut state = XfrmState::new(params, Some(offload));
    net.xdo_dev_state_add(&mut state).expect("added");
    let handle = state.offload_handle().expect("a handle");
    for offload in [TxOffload::None, TxOffload::Packet, TxOffload::Crypto(handle)] {
        net.send(&[0; 100], offload).expect("sent");
    }
    net.device().bus().work();
    let words: Vec<_> = net.device().bus().wire.iter().map(|(_, word)| *word).collect();
    assert_eq!(words, [0, tx::PROTECT.mask(), tx::CRYPTO.mask()]);
    let events: Vec<_> = net.sent().expect("sound").into_iter().map(|done| done.status.expect("a status")).collect();
    assert_eq!(events.iter().map(|status| status.event).collect::<Vec<_>>(), [Event::TxBypassed, Event::TxDropNoSa, Event::TxCrypto]);
    assert_eq!(events[2].sa, net.device().sa_at(Direction::Out, 0));
}

#[test]
fn a_received_frame_brings_its_word_and_waits_for_buffers() {
    let mut net = net(small());
    let long = frame(1, 64 * 20 + 5);
    let word = rx::STATUS.set(rx::PROTECTED.mask(), 1);
    net.device().bus().incoming.extend([(long.clone(), word), (frame(2, 60), 0)]);
    net.device().bus().work();
    assert_eq!(net.receive().expect("sound"), None, "eight buffers are full, and the frame goes on");
    let mut got = Vec::new();
    for _ in 0..8 {
        net.device().bus().work();
        while let Some(frame) = net.receive().expect("sound") {
            got.push((frame.bytes, frame.word));
        }
    }
    assert_eq!(got, [(long, word), (frame(2, 60), 0)]);
    no_violation(&mut net);
}

#[test]
fn a_wait_ends_with_its_limit_and_not_for_what_was_taken() {
    let mut net = net(small());
    assert!(!net.wait(Duration::from_micros(50)).expect("a wait"));
    net.device().bus().incoming.push_back((frame(1, 60), 0));
    assert!(net.wait(Duration::from_micros(50)).expect("a wait"));
    assert!(net.receive().expect("sound").is_some());
    // By polling: the vector is pending for it, but there is nothing to do.
    net.device().bus().incoming.push_back((frame(2, 60), 0));
    net.device().bus().work();
    assert!(net.receive().expect("sound").is_some());
    assert!(!net.wait(Duration::from_micros(50)).expect("a wait"));
    net.send(&[0; 60], TxOffload::None).expect("sent");
    assert!(net.wait(Duration::from_micros(50)).expect("a wait"));
    assert_eq!(net.sent().expect("sound").len(), 1);
}

#[test]
fn an_event_loop_is_woken_after_arming() {
    let mut net = net(small());
    let vectors = net.interrupts().to_vec();
    let fired = || vectors.iter().map(|vector| vector.take().expect("an eventfd")).collect::<Vec<_>>();
    net.device().bus().incoming.extend([(frame(1, 60), 0), (frame(2, 60), 0)]);
    net.device().bus().speed = 1;
    net.device().bus().work();
    assert_eq!(fired(), [false, true, false]);
    net.device().bus().work();
    assert_eq!(fired(), [false, false, false], "silent until armed");
    net.arm().expect("armed");
    assert_eq!(fired(), [false, true, false], "what came meanwhile");
}
