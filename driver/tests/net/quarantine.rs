//! The number of a deleted SA meets no new SA while a frame with it may be on its way: outbound, none is sealed with the new key (RFC 4106
//! section 3.1: no nonce twice); inbound, none that the old SA let in passes for one of the new SA's.

use espalier_driver::net::{NetDevice, TxOffload};
use espalier_driver::ops::{XfrmState, XfrmStateOffload, XfrmdevOps};
use espalier_driver::sa::SaError;
use espalier_driver::xfrm::{Direction, Mode, OffloadMode};
use espalier_driver::{Errno, Error};
use espalier_regs::tuser::{crypto_status, rx, tx};

use super::common::{CAPABILITIES, sa};
use super::software::{Card, Strike};
use super::{net, small};

fn crypto(spi: u32) -> XfrmState {
    let (mode, direction) = (OffloadMode::Crypto, Direction::Out);
    let mut params = sa("192.0.2.1", "192.0.2.2", spi, Mode::Tunnel, direction);
    params.offload.mode = mode;
    XfrmState::new(params, Some(XfrmStateOffload { dev: "esp0".to_owned(), mode, direction, acquire: false, offload_handle: None }))
}

/// All numbers taken, a frame with that of the first under way, and the first SA gone.
fn rekeyed() -> (NetDevice<Card>, XfrmState) {
    let mut net = net(small());
    let mut states: Vec<_> = (1..=u32::from(CAPABILITIES.tx_sas)).map(crypto).collect();
    for state in &mut states {
        net.xdo_dev_state_add(state).expect("added");
    }
    net.device().bus().speed = 0;
    net.send(&[0; 100], TxOffload::Crypto(states[0].offload_handle().expect("a handle"))).expect("sent");
    net.xdo_dev_state_delete(&mut states[0]);
    net.xdo_dev_state_free(&mut states[0]);
    (net, crypto(99))
}

fn add(net: &mut NetDevice<Card>, state: &mut XfrmState) -> Option<u16> {
    match net.xdo_dev_state_add(state) {
        Ok(()) => {
            let handle = state.offload_handle();
            net.device().sas().find(|sa| Some(sa.handle.raw()) == handle.map(|handle| handle.get())).map(|sa| sa.index)
        }
        Err(error) => {
            assert!(matches!(error, Error::Sa(SaError::InFlight { held: 1 })), "{error}");
            assert_eq!(error.errno(), Errno::Eagain);
            None
        }
    }
}

#[test]
fn a_number_is_used_again_when_the_last_frame_with_it_is_completed() {
    let (mut net, mut new) = rekeyed();
    assert_eq!(add(&mut net, &mut new), None, "the frame in the ring names number 0");
    net.send(&[1; 100], TxOffload::None).expect("a later frame");
    net.device().bus().speed = 1;
    net.device().bus().work();
    assert_eq!(tx::SA.get(net.device().bus().wire[0].1), 0);
    assert_eq!(add(&mut net, &mut new), Some(0), "later frames can't name it");
}

#[test]
fn a_frame_that_is_lost_holds_no_number() {
    let (mut net, mut new) = rekeyed();
    net.device().bus().strike = Some((Strike::Ring, 0));
    net.device().bus().speed = 1;
    net.device().bus().work();
    assert_eq!(add(&mut net, &mut new), None, "the queue has not been reset");
    assert_eq!(net.recover().expect("recovered")[0].lost, 1);
    assert_eq!(add(&mut net, &mut new), Some(0));
}

#[test]
fn a_reset_frees_all_numbers() {
    let (mut net, mut new) = rekeyed();
    net.reset().expect("reset");
    assert!(net.sent().expect("sound")[0].is_lost());
    assert_eq!(add(&mut net, &mut new), Some(0));
}

fn inbound(spi: u32) -> XfrmState {
    let (mode, direction) = (OffloadMode::Packet, Direction::In);
    let params = sa("192.0.2.1", "192.0.2.2", spi, Mode::Tunnel, direction);
    XfrmState::new(params, Some(XfrmStateOffload { dev: "esp0".to_owned(), mode, direction, acquire: false, offload_handle: None }))
}

/// Beside a frame that came out of the SA of this number.
fn word(number: u32) -> u32 {
    rx::SA.set(rx::PROTECTED.set(rx::CRYPTO_DONE.set(crypto_status::SUCCESS, 1), 1), number)
}

/// All numbers of inbound SAs taken; a frame in clear and one of the first SA's wait, the SA is gone.
fn rekeyed_in() -> (NetDevice<Card>, XfrmState) {
    let mut net = net(small());
    let mut states: Vec<_> = (1..=u32::from(CAPABILITIES.rx_sas)).map(inbound).collect();
    for state in &mut states {
        net.xdo_dev_state_add(state).expect("added");
    }
    net.device().bus().speed = 0;
    net.device().bus().incoming.extend([(vec![1; 60], 0), (vec![2; 60], word(0))]);
    net.xdo_dev_state_delete(&mut states[0]);
    net.xdo_dev_state_free(&mut states[0]);
    (net, inbound(99))
}

fn work(net: &mut NetDevice<Card>) {
    net.device().bus().speed = 9;
    net.device().bus().work();
}

#[test]
fn a_received_frame_of_a_deleted_sa_meets_no_new_one() {
    let (mut net, mut new) = rekeyed_in();
    assert_eq!(add(&mut net, &mut new), None, "in the device");
    work(&mut net);
    assert_eq!(add(&mut net, &mut new), None, "in the ring");
    assert_eq!(net.receive().expect("sound").map(|frame| frame.word), Some(0));
    assert_eq!(add(&mut net, &mut new), None, "another one was handed out");
    let frame = net.receive().expect("sound").expect("a frame");
    assert!(matches!(net.device().rx_offload(frame.word), Err(Error::NoSuchSa)), "its SA is gone");
    assert_eq!(add(&mut net, &mut new), Some(0));
}

/// Later frames that are dropped for want of room say nothing of those that wait before them.
#[test]
fn frames_dropped_behind_it_free_no_number() {
    let (mut net, mut new) = rekeyed_in();
    net.device().bus().no_buffers += 5;
    net.device().bus().refused += 7;
    assert_eq!(add(&mut net, &mut new), None);
    work(&mut net);
    net.receive().expect("sound").expect("in clear");
    assert_eq!(add(&mut net, &mut new), None);
    net.receive().expect("sound").expect("out of the SA");
    assert_eq!(add(&mut net, &mut new), Some(0));
}

#[test]
fn a_received_frame_that_is_lost_holds_no_number() {
    let (mut net, mut new) = rekeyed_in();
    net.device().bus().strike = Some((Strike::Data, 1));
    work(&mut net);
    assert_eq!(add(&mut net, &mut new), None, "the frame in clear is there still");
    net.recover().expect("recovered");
    assert_eq!(add(&mut net, &mut new), None, "taken out of the ring, but not handed out");
    assert_eq!(net.receive().expect("sound").map(|frame| frame.word), Some(0));
    assert_eq!(add(&mut net, &mut new), Some(0), "the other one was lost");
}

#[test]
fn a_completion_that_is_lost_holds_no_number() {
    let (mut net, mut new) = rekeyed_in();
    net.device().bus().strike = Some((Strike::Completion, 1));
    work(&mut net);
    net.recover().expect("recovered");
    net.receive().expect("sound").expect("in clear");
    assert_eq!(add(&mut net, &mut new), Some(0));
}

#[test]
fn counters_may_be_cleared_while_a_number_rests() {
    let (mut net, mut new) = rekeyed_in();
    net.device().clear_counters().expect("cleared");
    assert_eq!(net.device().counters().expect("counters"), espalier_driver::Counters::default());
    assert_eq!(add(&mut net, &mut new), None);
    work(&mut net);
    net.receive().expect("sound").expect("in clear");
    net.device().clear_counters().expect("cleared");
    assert_eq!(add(&mut net, &mut new), None);
    net.receive().expect("sound").expect("out of the SA");
    assert_eq!(add(&mut net, &mut new), Some(0));
}

/// Frames in clear from before a reset are not among those that the device has counted since.
#[test]
fn after_a_reset_numbers_rest_as_before_it() {
    let (mut net, mut new) = rekeyed_in();
    work(&mut net);
    net.reset().expect("reset");
    net.enable().expect("enabled");
    let mut state = inbound(1);
    assert_eq!(add(&mut net, &mut state), Some(0), "nothing rests");
    for spi in 2..=u32::from(CAPABILITIES.rx_sas) {
        net.xdo_dev_state_add(&mut inbound(spi)).expect("added");
    }
    net.device().bus().incoming.push_back((vec![3; 60], word(0)));
    net.xdo_dev_state_delete(&mut state);
    net.xdo_dev_state_free(&mut state);
    assert_eq!(net.receive().expect("sound").map(|frame| frame.bytes), Some(vec![1; 60]), "from before");
    assert_eq!(add(&mut net, &mut new), None);
    work(&mut net);
    assert_eq!(net.receive().expect("sound").map(|frame| frame.bytes), Some(vec![3; 60]));
    assert_eq!(add(&mut net, &mut new), Some(0));
}

/// A device without rings: whoever has its streams takes frames in order, and no number rests.
#[test]
fn numbers_of_a_device_with_streams_do_not_rest() {
    let mut card = Card::new();
    card.incoming.push_back((vec![2; 60], word(0)));
    let mut device = espalier_driver::Device::open(card).expect("bring-up");
    let mut states: Vec<_> = (1..=u32::from(CAPABILITIES.rx_sas)).map(inbound).collect();
    for state in &mut states {
        device.xdo_dev_state_add(state).expect("added");
    }
    device.xdo_dev_state_delete(&mut states[0]);
    device.xdo_dev_state_free(&mut states[0]);
    device.xdo_dev_state_add(&mut inbound(99)).expect("a number is free");
}
