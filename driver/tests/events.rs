//! Events: none lost, none twice, none of the wrong SA.

mod common;

use common::{device, sa};
use espalier_driver::bus::{Recorded, Recorder};
use espalier_driver::xfrm::{Direction, Mode};
use espalier_driver::{Device, SaEvent, SaEventKind as Kind, SaHandle, SaParams};
use espalier_regs::map;
use espalier_regs::notice::{self, Notice};

const EVENT: u32 = map::EVENT.offset as u32;
const EVENT_POP: u32 = map::EVENT_POP.offset as u32;
const EVENT_LOST: u32 = map::EVENT_LOST.offset as u32;

fn outbound(spi: u32) -> SaParams {
    sa("192.0.2.1", "192.0.2.2", spi, Mode::Tunnel, Direction::Out)
}

fn inbound(spi: u32) -> SaParams {
    sa("192.0.2.2", "192.0.2.1", spi, Mode::Tunnel, Direction::In)
}

fn notice(kind: Kind, direction: Direction, sa: u16) -> u32 {
    let kind = match kind {
        Kind::LifetimeSoft => notice::Kind::LifetimeSoft,
        Kind::LifetimeHard => notice::Kind::LifetimeHard,
        Kind::SeqExhausted => notice::Kind::SeqExhausted,
    };
    Notice { kind: Some(kind), tx: direction == Direction::Out, sa }.encode()
}

fn drain(device: &mut Device<Recorder>) -> Vec<(SaHandle, Kind)> {
    std::iter::from_fn(|| device.next_event().expect("no failure")).map(|SaEvent { sa, kind }| (sa, kind)).collect()
}

/// What the next READ_TX_SA or READ_RX_SA answers: SEQ, and the flags.
fn answer_state(device: &mut Device<Recorder>, sequence: u64, soft: bool, hard: bool) {
    let words = [sequence as u32, (sequence >> 32) as u32, 0, 0, 0, 0, u32::from(soft) | u32::from(hard) << 1, 0, 0, 0];
    for (offset, word) in map::RESULT.offsets().zip(words) {
        device.bus().queue(offset.into(), [word]);
    }
}

#[test]
fn events_are_taken_off_the_queue_in_order_and_named_by_handle() {
    let mut device = device();
    let (tx, rx) = (device.add_sa(&outbound(1)).expect("added"), device.add_sa(&inbound(2)).expect("added"));
    device.bus().take();
    let queue = [notice(Kind::LifetimeSoft, Direction::In, 0), notice(Kind::SeqExhausted, Direction::Out, 0), 0];
    device.bus().queue(EVENT, queue);
    assert_eq!(drain(&mut device), [(rx, Kind::LifetimeSoft), (tx, Kind::SeqExhausted)]);
    let writes = device.bus().take_writes();
    assert_eq!(writes, [(EVENT_POP, 1), (EVENT_POP, 1)]);
}

#[test]
fn an_empty_queue_costs_two_reads() {
    let mut device = device();
    assert_eq!(drain(&mut device), []);
    assert_eq!(device.bus().take(), [EVENT, EVENT_LOST].map(|offset| Recorded::Read { offset, value: 0 }));
}

#[test]
fn what_was_lost_is_asked_of_the_sas() {
    let mut device = device();
    let told = device.add_sa(&outbound(1)).expect("added");
    let expired = device.add_sa(&inbound(2)).expect("added");
    let exhausted = device.add_sa(&outbound(3)).expect("added");
    let esn = device.add_sa(&SaParams { flags: espalier_driver::sa::SaFlags { esn: true, ..Default::default() }, ..outbound(4) });
    esn.expect("added");
    device.bus().take();
    device.bus().queue(EVENT, [notice(Kind::LifetimeSoft, Direction::Out, 0)]);
    device.bus().queue(EVENT_LOST, [1]);
    answer_state(&mut device, 5, true, false);
    answer_state(&mut device, 0xffff_ffff, true, true);
    answer_state(&mut device, 0xffff_ffff, false, false);
    answer_state(&mut device, 0xffff_ffff, false, false);
    let happened = drain(&mut device);
    assert_eq!(
        happened,
        [
            // From the queue, and not once more from its state.
            (told, Kind::LifetimeSoft),
            (expired, Kind::LifetimeSoft),
            (expired, Kind::LifetimeHard),
            // With ESN there are more numbers behind this one.
            (exhausted, Kind::SeqExhausted),
        ]
    );
    let writes = device.bus().take_writes();
    let cleared = writes.iter().position(|write| *write == (EVENT_LOST, 1)).expect("cleared");
    let asked = writes.iter().position(|(offset, _)| *offset == u32::from(map::COMMAND.offset)).expect("asked");
    assert!(cleared < asked, "what is lost while the SAs are asked must set it again");
    // A second time nothing is new.
    device.bus().queue(EVENT_LOST, [1]);
    for _ in 0..4 {
        answer_state(&mut device, 5, true, false);
    }
    // Two of the four had not been told of a soft limit.
    assert_eq!(drain(&mut device).len(), 2);
}

#[test]
fn an_unknown_code_makes_the_driver_ask() {
    let mut device = device();
    let handle = device.add_sa(&inbound(1)).expect("added");
    let word = map::event::KIND.set(notice(Kind::LifetimeSoft, Direction::In, 0), 9);
    device.bus().queue(EVENT, [word]);
    answer_state(&mut device, 0, false, true);
    assert_eq!(drain(&mut device), [(handle, Kind::LifetimeHard)]);
}

#[test]
fn events_of_a_deleted_sa_do_not_reach_the_next_one_of_its_number() {
    let mut device = device();
    let old = device.add_sa(&outbound(1)).expect("added");
    device.bus().queue(EVENT, [notice(Kind::LifetimeSoft, Direction::Out, 0), notice(Kind::LifetimeHard, Direction::Out, 0)]);
    device.delete_sa(old).expect("deleted");
    // Every other number is used once before 0 comes again.
    let handles: Vec<SaHandle> = (2..10).map(|spi| device.add_sa(&outbound(spi)).expect("added")).collect();
    assert_eq!(device.sa(handles[7]).map(|sa| sa.index), Some(0));
    assert_eq!(drain(&mut device), []);
    // A number without an SA says nothing.
    device.bus().queue(EVENT, [notice(Kind::LifetimeHard, Direction::In, 3)]);
    assert_eq!(drain(&mut device), []);
}

#[test]
fn bring_up_empties_the_queue_of_a_user_before() {
    let mut bus = common::recorder(&common::CAPABILITIES);
    bus.queue(EVENT, [notice(Kind::LifetimeHard, Direction::In, 3); 2]);
    let mut device = Device::open(bus).expect("bring-up");
    let pops = device.bus().take_writes().iter().filter(|write| **write == (EVENT_POP, 1)).count();
    assert_eq!(pops, 2);
}

#[test]
fn a_new_limit_may_be_told_of_anew() {
    let mut device = device();
    let handle = device.add_sa(&outbound(1)).expect("added");
    let soft = notice(Kind::LifetimeSoft, Direction::Out, 0);
    device.bus().queue(EVENT, [soft, soft]);
    assert_eq!(drain(&mut device), [(handle, Kind::LifetimeSoft)]);
    let limits = espalier_driver::xfrm::Limits { soft_packets: 100, ..Default::default() };
    device.update_sa(handle, limits, None).expect("updated");
    device.bus().queue(EVENT, [soft]);
    assert_eq!(drain(&mut device), [(handle, Kind::LifetimeSoft)]);
}
