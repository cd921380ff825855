//! From open to close.

use espalier_driver::Error;
use espalier_driver::bus::{Bus, InterruptBus, ResetBus};
use espalier_driver::net::{NetDevice, TxOffload};
use espalier_driver::rings::{RingConfig, RingError};
use espalier_driver::xfrm::{Direction, Mode};
use espalier_regs::tuser::{crypto_status, rx};
use espalier_regs::{dma, map};

use super::common::sa;
use super::software::{Card, State, Strike};
use super::{net, small};

#[test]
fn a_device_is_reset_before_anything_else() {
    let mut card = Card::new();
    // Somebody has left it running.
    card.tx.ring = 0x10_0000;
    card.tx.control(true);
    let mut net = NetDevice::open(card, small()).expect("bring-up");
    let card = net.device().bus();
    assert_eq!((card.resets, card.mask, card.armed), (1, 0, 7));
    assert_eq!((card.tx.log2, card.rx.log2, card.rx.doorbell), (3, 3, 8));
    assert_eq!((card.tx.state, card.rx.state, card.mapped()), (State::Running, State::Running, 6));
}

#[test]
fn sizes_that_the_device_has_not_are_refused_before_anything_is_done() {
    let refusal = |config| match NetDevice::open(&mut Card::new(), config) {
        Err(Error::Ring(error)) => error,
        other => panic!("{:?}", other.map(drop)),
    };
    for entries in [0, 1, 3, 100, 2048] {
        let error = refusal(RingConfig { tx_entries: entries, ..small() });
        assert_eq!(error, RingError::Entries { name: "tx_entries", entries, smallest: 2, largest: 1024 });
        let error = refusal(RingConfig { rx_entries: entries, ..small() });
        assert!(error.to_string().starts_with("rx_entries"));
    }
    for bytes in [0, 8, 100] {
        assert_eq!(refusal(RingConfig { buffer_bytes: bytes, ..small() }), RingError::Buffer { bytes, multiple: 16 });
    }
    let mut card = Card::new();
    card.engine.answer(dma::DMA_MAGIC.offset.into(), 0);
    assert!(matches!(NetDevice::open(&mut card, small()), Err(Error::Ring(RingError::None { found: 0 }))));
    assert_eq!((card.resets, card.engine.take_writes()), (0, vec![]));
}

#[test]
fn close_leaves_a_quiet_device_and_no_memory_mapped() {
    let mut net = net(small());
    net.device().add_sa(&sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::Out)).expect("added");
    net.send(&[0; 60], TxOffload::None).expect("sent");
    net.device().bus().engine.take();
    let mut card = net.close().expect("closed");
    assert_eq!((card.tx.state, card.rx.state, card.mask, card.mapped()), (State::Idle, State::Idle, 7, 0));
    assert!(card.interrupts.is_empty());
    assert_eq!(card.resets, 1, "nothing was stuck");
    let clears = card.engine.take_writes().into_iter().filter(|(offset, _)| *offset == u32::from(map::COMMAND.offset)).count();
    assert_eq!(clears, 224, "every entry of every table");
    card.work();
    assert_eq!(card.violations, Vec::<u64>::new());
}

#[test]
fn close_resets_a_device_that_does_not_drain() {
    let mut net = net(small());
    net.device().bus().drains = None;
    let card = net.close().expect("closed");
    assert_eq!((card.resets, card.tx.state, card.mapped()), (2, State::Idle, 0));
}

#[test]
fn after_a_reset_all_is_empty_and_works() {
    let mut net = net(small());
    let handle = net.device().add_sa(&sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::Out)).expect("added");
    net.device().bus().incoming.push_back((vec![7; 60], 0));
    net.device().bus().work();
    net.device().bus().speed = 0;
    net.send(&[1; 60], TxOffload::None).expect("sent");
    net.reset().expect("reset");
    assert_eq!(net.receive().expect("sound").map(|frame| frame.bytes), Some(vec![7; 60]), "it was whole");
    assert!(net.device().sa(handle).is_none());
    assert!(net.sent().expect("sound")[0].is_lost());
    let again = net.device().add_sa(&sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::Out)).expect("added");
    assert_ne!(again, handle, "no handle twice");
    net.device().bus().speed = 9;
    net.send(&[2; 60], TxOffload::None).expect("sent");
    net.device().bus().work();
    assert_eq!(net.device().bus().wire, [], "held back until enabled");
    net.enable().expect("enabled");
    net.device().bus().work();
    assert_eq!(net.device().bus().wire.len(), 1);
    let stats = net.stats();
    assert_eq!((stats.sent, stats.completed, stats.lost, stats.received), (2, 0, 1, 1), "the last is not taken yet");
}

/// Numbers of SAs begin anew with a reset: what an old one has let in is not taken for a new one's.
#[test]
fn no_frame_of_an_sa_outlives_a_reset() {
    let mut net = net(small());
    let word = rx::SA.set(rx::PROTECTED.set(rx::CRYPTO_DONE.set(crypto_status::SUCCESS, 1), 1), 0);
    net.device().add_sa(&sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::In)).expect("added");
    net.device().bus().incoming.extend([(vec![7; 60], word), (vec![8; 60], 0), (vec![9; 60], word)]);
    net.device().bus().work();
    assert_eq!(net.receive().expect("sound").map(|frame| frame.word), Some(word));
    net.reset().expect("reset");
    net.device().add_sa(&sa("192.0.2.3", "192.0.2.2", 2, Mode::Tunnel, Direction::In)).expect("at the same number");
    assert_eq!(net.receive().expect("sound").map(|frame| frame.bytes), Some(vec![8; 60]), "that came in clear");
    assert_eq!(net.receive().expect("sound"), None);
    assert_eq!((net.stats().received, net.stats().rx_gone), (2, 1));
}

#[test]
fn a_queue_that_does_not_run_is_made_to() {
    let mut net = net(small());
    net.device().bus().speed = 0;
    for state in [State::Idle, State::Draining(0)] {
        net.send(&[1; 60], TxOffload::None).expect("sent");
        net.device().bus().tx.state = state;
        net.device().bus().rx.state = state;
        let faults = net.recover().expect("recovered");
        assert_eq!(faults.iter().map(|fault| (fault.cause, fault.lost)).collect::<Vec<_>>(), [(None, 1), (None, 0)]);
        assert_eq!((net.device().bus().tx.state, net.device().bus().rx.state), (State::Running, State::Running));
        assert!(net.sent().expect("sound")[0].is_lost());
    }
    assert_eq!(net.recover().expect("nothing to do"), []);
}

#[test]
fn a_second_attempt_finishes_what_the_first_one_could_not() {
    let mut net = net(small());
    net.send(&[1; 60], TxOffload::None).expect("sent");
    net.device().bus().strike = Some((Strike::Data, 0));
    net.device().bus().drains = None;
    net.device().bus().work();
    net.sent().expect("sound");
    net.recover().expect_err("stuck");
    net.device().bus().drains = Some(0);
    net.device().bus().work();
    assert_eq!(net.device().bus().tx.state, State::Idle);
    assert!(net.has_stopped());
    net.recover().expect("recovered");
    assert!(!net.has_stopped());
    net.send(&[2; 60], TxOffload::None).expect("sent");
    net.device().bus().work();
    assert_eq!(net.sent().expect("sound").len(), 1);
}

/// A fault that the queue itself does not know does not leave the driver waiting for it.
#[test]
fn a_fault_that_a_completion_tells_is_enough() {
    let mut net = net(small());
    net.send(&[1; 60], TxOffload::None).expect("sent");
    net.device().bus().strike = Some((Strike::Data, 0));
    net.device().bus().work();
    net.device().bus().tx.state = State::Running;
    net.sent().expect("sound");
    assert!(net.has_stopped());
    net.recover().expect("recovered");
    assert!(!net.has_stopped());
}

#[test]
fn a_device_that_is_gone_says_so() {
    let mut net = net(small());
    net.device().bus().gone = true;
    net.device().bus().strike = Some((Strike::Ring, 0));
    assert!(matches!(net.recover(), Err(Error::Gone)));
    assert!(matches!(net.reset(), Err(Error::Gone)));
    assert!(matches!(net.device().counters(), Err(Error::Gone)));
    net.device().bus().gone = false;
    net.reset().expect("it is back");
    assert_eq!(net.recover().expect("sound"), []);
}

/// A borrowed transport serves as well.
#[test]
fn the_bus_may_be_borrowed() {
    fn open<B: Bus + espalier_driver::bus::DmaBus + InterruptBus + ResetBus>(bus: B) -> NetDevice<B> {
        NetDevice::open(bus, small()).expect("bring-up")
    }
    let mut card = Card::new();
    open(&mut card).close().map(drop).expect("closed");
    assert_eq!(card.mapped(), 0);
}
