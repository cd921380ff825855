//! The number of a deleted SA meets no new key while a frame with it may be on its way (RFC 4106 section 3.1: no nonce twice).

use espalier_driver::net::{NetDevice, TxOffload};
use espalier_driver::ops::{XfrmState, XfrmStateOffload, XfrmdevOps};
use espalier_driver::sa::SaError;
use espalier_driver::xfrm::{Direction, Mode, OffloadMode};
use espalier_driver::{Errno, Error};
use espalier_regs::tuser::tx;

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
