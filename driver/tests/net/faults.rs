//! Faults: a queue stops, is told of, accounted for, and runs again; the other goes on.

use std::time::Duration;

use espalier_driver::net::{NetDevice, SendError, TxOffload};
use espalier_driver::ops::XfrmdevOps;
use espalier_driver::rings::{RingConfig, RingError};
use espalier_driver::xfrm::Direction;
use espalier_driver::{Error, Event, Operation};
use espalier_regs::dma::Fault;
use proptest::prelude::*;

use super::software::{Card, State, Strike};
use super::{frame, net, no_violation, small};

fn post(net: &mut NetDevice<Card>, count: usize) {
    for number in 0..count {
        net.send(&frame(number, 60), TxOffload::None).expect("sent");
    }
}

#[test]
fn a_read_of_a_frame_fails_and_the_frames_behind_it_are_told_of() {
    let mut net = net(small());
    post(&mut net, 5);
    net.device().bus().strike = Some((Strike::Data, 2));
    assert!(net.wait(Duration::from_millis(1)).expect("a wait"));
    let done = net.sent().expect("sound");
    assert_eq!(done.iter().map(|done| (done.frame_number, done.fault)).collect::<Vec<_>>(), [(0, None), (1, None), (2, Some(Fault::Data))]);
    assert_eq!(done[2].status.map(|status| status.event), Some(Event::TxDropError), "the engine had its beginning");
    assert!(net.has_stopped());
    assert!(matches!(net.send(&[0; 60], TxOffload::None), Err(SendError::Stopped)));
    // The other queue goes on.
    net.device().bus().incoming.push_back((frame(9, 60), 0));
    net.device().bus().work();
    assert_eq!(net.receive().expect("sound").map(|frame| frame.bytes), Some(frame(9, 60)));
    let faults = net.recover().expect("recovered");
    let [fault] = faults[..] else { panic!("{faults:?}") };
    assert_eq!((fault.direction, fault.cause, fault.lost), (Direction::Out, Some(Fault::Data), 2));
    assert!(fault.address >= 1 << 32, "an address of a buffer");
    let lost = net.sent().expect("sound");
    assert_eq!(lost.iter().map(|done| (done.frame_number, done.is_lost())).collect::<Vec<_>>(), [(3, true), (4, true)]);
    assert!(!net.has_stopped());
    post(&mut net, 8);
    net.device().bus().work();
    let after: Vec<_> = net.sent().expect("sound").iter().map(|done| (done.frame_number, done.status.is_some())).collect();
    assert_eq!(after, (5..13).map(|number| (number, true)).collect::<Vec<_>>());
    assert_eq!(net.recover().expect("nothing to do"), []);
    no_violation(&mut net);
}

#[test]
fn a_write_of_a_received_frame_fails_and_what_was_whole_is_kept() {
    let mut net = net(small());
    net.device().bus().incoming.extend((0..5).map(|number| (frame(number, 150), 0)));
    // The third frame, in its second buffer.
    net.device().bus().strike = Some((Strike::Data, 7));
    net.device().bus().work();
    net.receive().expect("sound").expect("the first");
    net.device().bus().work();
    let faults = net.recover().expect("recovered");
    assert_eq!(faults.iter().map(|fault| (fault.direction, fault.cause)).collect::<Vec<_>>(), [(Direction::In, Some(Fault::Data))]);
    let mut rest = Vec::new();
    for _ in 0..4 {
        while let Some(frame) = net.receive().expect("sound") {
            rest.push(frame.bytes);
        }
        net.device().bus().work();
    }
    assert_eq!(rest, [frame(1, 150), frame(3, 150), frame(4, 150)]);
    assert_eq!((net.stats().received, net.stats().rx_damaged, net.device().bus().host_faults), (4, 1, 1));
    no_violation(&mut net);
}

#[test]
fn the_event_tells_of_a_fault_that_no_frame_has_met() {
    let mut net = net(small());
    net.device().bus().strike = Some((Strike::Ring, 0));
    post(&mut net, 1);
    net.device().bus().work();
    assert_eq!(net.sent().expect("sound"), []);
    assert!(!net.has_stopped());
    assert!(XfrmdevOps::next_event(&mut net).is_none(), "no event of the core's");
    assert!(net.has_stopped());
    let faults = net.recover().expect("recovered");
    assert_eq!((faults[0].cause, faults[0].lost), (Some(Fault::RingRead), 1));
    assert!(!net.has_stopped());
    assert!(net.sent().expect("sound")[0].is_lost());
}

#[test]
fn a_wait_ends_with_a_fault() {
    let mut net = net(small());
    net.device().bus().strike = Some((Strike::Completion, 0));
    post(&mut net, 1);
    assert!(net.wait(Duration::from_millis(1)).expect("a wait"));
    assert!(net.has_stopped());
    assert_eq!(net.recover().expect("recovered")[0].cause, Some(Fault::Completion));
    assert!(net.sent().expect("sound")[0].is_lost(), "it went out, but nobody knows");
}

#[test]
fn a_queue_that_does_not_drain_is_an_error_and_a_reset_helps() {
    let mut net = net(small());
    post(&mut net, 2);
    net.device().bus().strike = Some((Strike::Data, 0));
    net.device().bus().drains = None;
    net.device().bus().work();
    let error = net.recover().expect_err("stuck");
    assert!(matches!(error, Error::Timeout { operation: Operation::Drain(Direction::Out), .. }), "{error}");
    net.device().bus().drains = Some(0);
    net.reset().expect("reset");
    net.enable().expect("enabled");
    assert_eq!(net.sent().expect("sound").len(), 2);
    post(&mut net, 1);
    net.device().bus().work();
    assert_eq!(net.sent().expect("sound").len(), 1);
}

#[test]
fn memory_that_is_gone_is_a_fault() {
    let mut net = net(small());
    net.device().bus().iommu.lock().expect("no panic").clear();
    post(&mut net, 1);
    net.device().bus().work();
    assert_eq!(net.device().bus().tx.state, State::Fault(Fault::RingRead));
    assert_eq!(net.device().bus().violations.len(), 1);
}

#[test]
fn frames_begun_before_a_fault_is_seen_are_received() {
    let mut net = net(RingConfig { rx_entries: 16, ..small() });
    net.device().bus().incoming.extend((0..4).map(|number| (frame(number, 200), 0)));
    // The second frame, in the second of its four buffers; the device writes the third one all the same, into those behind.
    net.device().bus().strike = Some((Strike::Data, 5));
    net.device().bus().begun = 1;
    net.device().bus().work();
    for number in [0, 2] {
        assert_eq!(net.receive().expect("sound").map(|frame| frame.bytes), Some(frame(number, 200)));
    }
    assert_eq!(net.receive().expect("sound"), None);
    assert_eq!(net.recover().expect("recovered").len(), 1);
    net.device().bus().work();
    assert_eq!(net.receive().expect("sound").map(|frame| frame.bytes), Some(frame(3, 200)));
    assert_eq!(net.stats().rx_damaged, 1);
}

/// A completion of the device's making.
fn forge(net: &mut NetDevice<Card>, tx: bool, words: [u32; 4]) {
    let card = net.device().bus();
    let queue = if tx { card.tx } else { card.rx };
    let map = card.iommu.lock().expect("no panic");
    let pages = &map[&queue.completions].0;
    for (word, value) in words.into_iter().enumerate() {
        pages.store(16 * usize::from(queue.done % queue.entries()) + 4 * word, value);
    }
}

#[test]
fn a_completion_of_what_was_never_posted_is_refused() {
    const PHASE: u32 = 1 << 31;
    let contradiction = |posted: usize, tx: bool, words: [u32; 4]| {
        let mut net = net(small());
        net.device().bus().speed = 0;
        post(&mut net, posted);
        forge(&mut net, tx, words);
        let done = if tx { net.sent().map(drop) } else { net.receive().map(drop) };
        match done.expect_err("a contradiction") {
            Error::Ring(RingError::Completion { index: 0, what, .. }) => what,
            error => panic!("{error}"),
        }
    };
    assert!(contradiction(0, true, [0, 1, 1, PHASE]).starts_with("no frame is posted"));
    assert!(contradiction(1, true, [0, 2, 1, PHASE]).starts_with("not the end"));
    assert!(contradiction(1, true, [0, 0, 0, PHASE | 5]).starts_with("not the end"));
    assert!(contradiction(1, true, [0, 1, 0, PHASE | 9]).starts_with("unknown fault"));
    assert!(contradiction(1, true, [0, 1, 0, PHASE]).starts_with("neither"));
    assert!(contradiction(1, true, [255, 1, 1, PHASE]).starts_with("unknown event"));
    assert!(contradiction(0, false, [0, 2, 3 << 16 | 60, PHASE]).starts_with("not the oldest"));
    assert!(contradiction(0, false, [0, 9, 3 << 16 | 60, PHASE]).starts_with("a buffer that is not posted"));
    assert!(contradiction(0, false, [0, 0, 3 << 16, PHASE | 5]).starts_with("a buffer that is not posted"));
    assert!(contradiction(0, false, [0, 1, 3 << 16 | 65, PHASE]).starts_with("impossible length"));
    assert!(contradiction(0, false, [0, 1, 2 << 16 | 60, PHASE]).starts_with("a frame without"));
    assert!(contradiction(0, false, [0, 1, 3 << 16, PHASE | 15]).starts_with("unknown fault"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the device writes: an error or a frame, no panic, and nothing from outside a buffer.
    #[test]
    fn no_completion_breaks_the_driver(tx: bool, posted in 0usize..8, words: [u32; 4], small_words: bool) {
        let mut net = net(small());
        net.device().bus().speed = 0;
        post(&mut net, posted);
        let words = if small_words { words.map(|word| word & 0x8003_000f) } else { words };
        forge(&mut net, tx, words);
        let _ = net.sent();
        if let Ok(Some(frame)) = net.receive() {
            prop_assert!(frame.bytes.len() <= 64);
        }
        let _ = net.recover();
        // A reset mends it all.
        net.reset().expect("reset");
        net.enable().expect("enabled");
        net.device().bus().speed = 9;
        net.sent().expect("sound");
        post(&mut net, 3);
        net.device().bus().work();
        prop_assert_eq!(net.sent().expect("sound").len(), 3);
    }
}
