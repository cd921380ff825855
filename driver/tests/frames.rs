//! The words beside frames, both ways.

mod common;

use common::{device, sa};
use espalier_driver::bus::Recorder;
use espalier_driver::ops::{CryptoStatus, RxOffload, XfrmState, XfrmStateOffload, XfrmdevOps};
use espalier_driver::xfrm::{Direction, Mode, OffloadMode};
use espalier_driver::{Device, Error, Event, TxStatus};
use espalier_regs::mailbox::{Command, Op};
use espalier_regs::map;
use espalier_regs::tuser::{crypto_status, rx, tx, tx_status};

fn state(direction: Direction, mode: OffloadMode, spi: u32) -> XfrmState {
    let mut params = sa("192.0.2.1", "192.0.2.2", spi, Mode::Tunnel, direction);
    params.offload.mode = mode;
    XfrmState::new(params, Some(XfrmStateOffload { dev: "esp0".to_owned(), mode, direction, acquire: false, offload_handle: None }))
}

#[test]
fn a_received_frame_names_its_sa_and_what_was_done() {
    let mut device = device();
    let mut first = state(Direction::In, OffloadMode::Packet, 1);
    let mut second = state(Direction::In, OffloadMode::Crypto, 2);
    for x in [&mut first, &mut second] {
        device.xdo_dev_state_add(x).expect("added");
    }
    let (packet, crypto) = (first.offload_handle().expect("a handle"), second.offload_handle().expect("a handle"));
    let word = |sa, flags: u32, status| rx::STATUS.set(rx::SA.set(flags, sa), status);
    let done = rx::CRYPTO_DONE.mask();
    let read = |word| device.rx_offload(word).expect("known");
    assert_eq!(read(0), None);
    assert_eq!(read(word(0, done | rx::PROTECTED.mask(), crypto_status::SUCCESS)), Some(RxOffload::Packet(packet)));
    let in_crypto = |status| read(word(1, done | rx::CRYPTO.mask(), status));
    assert_eq!(in_crypto(crypto_status::SUCCESS), Some(RxOffload::Crypto(crypto, CryptoStatus::Success)));
    let failed = in_crypto(crypto_status::TUNNEL_ESP_AUTH_FAILED);
    assert_eq!(failed, Some(RxOffload::Crypto(crypto, CryptoStatus::TunnelEspAuthFailed)));
    assert_eq!(in_crypto(3), Some(RxOffload::Crypto(crypto, CryptoStatus::GenericError)));
    assert!(matches!(device.rx_offload(word(5, done, 1)), Err(Error::NoSuchSa)));
    // Deleted, and then freed.
    device.xdo_dev_state_delete(&mut first);
    let late = word(0, done | rx::PROTECTED.mask(), crypto_status::SUCCESS);
    assert_eq!(device.rx_offload(late).expect("held"), Some(RxOffload::Packet(packet)));
    device.xdo_dev_state_free(&mut first);
    assert!(matches!(device.rx_offload(late), Err(Error::NoSuchSa)));
}

#[test]
fn a_frame_for_crypto_offload_carries_the_number_of_its_sa() {
    let mut device = device();
    let mut inbound = state(Direction::In, OffloadMode::Crypto, 1);
    let mut others = state(Direction::Out, OffloadMode::Crypto, 2);
    let mut outbound = state(Direction::Out, OffloadMode::Crypto, 3);
    for x in [&mut inbound, &mut others, &mut outbound] {
        device.xdo_dev_state_add(x).expect("added");
    }
    let word = |x: &XfrmState| device.tx_crypto(x.offload_handle().expect("a handle"));
    let tuser = word(&outbound).expect("installed");
    assert_eq!((tx::CRYPTO.get(tuser), tx::SA.get(tuser), tx::ERROR.get(tuser)), (1, 1, 0));
    assert!(matches!(word(&inbound), Err(Error::NoSuchSa)), "not an outbound one");
    // Packets that the stack has built hold it until the last of them is gone.
    device.bus().take();
    device.xdo_dev_state_delete(&mut outbound);
    let clears = |device: &mut Device<Recorder>| {
        let clear = Command { op: Op::TxSaClear, index: 1, way: 0 }.encode();
        device.bus().take_writes().contains(&(u32::from(map::COMMAND.offset), clear))
    };
    assert!(!clears(&mut device), "its key stays with them");
    assert_eq!(device.tx_crypto(outbound.offload_handle().expect("a handle")).expect("held"), tuser);
    device.xdo_dev_state_free(&mut outbound);
    assert!(clears(&mut device), "its key goes with the last one");
    assert!(matches!(device.tx_crypto(outbound.offload_handle().expect("a handle")), Err(Error::NoSuchSa)));
}

#[test]
fn the_transmit_status_names_the_event_and_the_sa() {
    let mut device = device();
    let handle = device.add_sa(&sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::Out)).expect("added");
    let status = |event: u32| device.tx_status(tx_status::EVENT.set(0, event));
    for event in Event::ALL {
        let status = status(event.index().into()).expect("known");
        assert_eq!(status.event, *event);
    }
    let too_big = status(Event::TxDropTooBig.index().into());
    assert_eq!(too_big, Some(TxStatus { event: Event::TxDropTooBig, sa: Some(handle) }));
    let bypassed = status(Event::TxBypassed.index().into());
    assert_eq!(bypassed, Some(TxStatus { event: Event::TxBypassed, sa: None }), "number 0 is then no SA's");
    assert_eq!(status(255), None);
}
