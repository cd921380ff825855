//! The driver's rings on the card's RTL: every size, with and without interrupts, faults, resets, and numbers of SAs under frames in flight.
//! The driver's own tests run it on a device in software.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use espalier_driver::bus::Bus;
use espalier_driver::net::{NetDevice, SendError, TxDone, TxOffload};
use espalier_driver::ops::{XfrmState, XfrmStateOffload, XfrmdevOps};
use espalier_driver::rings::RingConfig;
use espalier_driver::sa::{Aead, Offload, RFC4106_GCM_AES, SaError, SaParams};
use espalier_driver::xfrm::{Direction, Mode, OffloadMode, SaId, protocol};
use espalier_driver::{Error, Event, Key};
use espalier_hdl::card::EspalierCard;
use espalier_regs::dma::Fault;
use espalier_sim::Model;
use espalier_sim::card::CardOptions;
use espalier_sim::host::{Faults, Host};

fn net(config: RingConfig, options: CardOptions) -> NetDevice<Host> {
    let host = Host::new(Model::build::<EspalierCard>("espalier_card").unwrap(), options).unwrap();
    let mut net = NetDevice::open(host, config).unwrap();
    net.enable().unwrap();
    net
}

fn config(log2: u32) -> RingConfig {
    RingConfig { tx_entries: 1 << log2, rx_entries: 1 << log2, buffer_bytes: 256, coalesce: 20, interval: 2 }
}

/// No IP: it passes. Its number stands in it.
fn frame(number: usize, length: usize) -> Vec<u8> {
    let header = [0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5, (number >> 8) as u8, number as u8];
    header.into_iter().chain((16..length).map(|at| ((at * (number + 3)) >> 2) as u8)).collect()
}

fn number(frame: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([frame[14], frame[15]]))
}

/// What came of frames sent both ways.
#[derive(Default)]
struct Account {
    done: Vec<TxDone>,
    received: Vec<Vec<u8>>,
    wire: Vec<Vec<u8>>,
}

impl Account {
    fn take(&mut self, net: &mut NetDevice<Host>) {
        self.done.extend(net.sent().unwrap());
        while let Some(frame) = net.receive().unwrap() {
            self.received.push(frame.bytes);
        }
        self.wire.extend(net.device().bus().take_wire().into_iter().map(|frame| frame.bytes));
    }

    /// Each frame given to the device is told of once, in order.
    fn told_once(&self, sent: usize) {
        let numbers: Vec<u64> = self.done.iter().map(|done| done.frame_number).collect();
        assert_eq!(numbers, (0..sent as u64).collect::<Vec<_>>());
    }
}

#[test]
fn every_ring_size_with_and_without_interrupts() {
    for log2 in 1..=10 {
        let sleeps = log2 % 2 == 0;
        let mut net = net(config(log2), CardOptions::random(u64::from(log2), 20));
        // At most as long as the ring: 2 times 256 bytes.
        let frames: Vec<_> = (0..30).map(|at| frame(at, 60 + at * 37 % 450)).collect();
        let (mut account, mut next) = (Account::default(), 0);
        for _ in 0..4000 {
            while next < frames.len() {
                match net.send(&frames[next], TxOffload::None) {
                    Ok(()) => net.device().bus().send_wire(frames[next].clone(), false),
                    Err(SendError::Full) => break,
                    Err(error) => panic!("{error}"),
                }
                next += 1;
            }
            if sleeps {
                assert!(net.wait(Duration::from_millis(1)).unwrap(), "asleep after {} frames", account.done.len());
            } else {
                net.device().bus().run(50).unwrap();
            }
            account.take(&mut net);
            if account.received.len() == frames.len() && account.done.len() == frames.len() {
                break;
            }
        }
        net.device().bus().run_until_quiet(200, 20_000).unwrap();
        account.take(&mut net);
        account.told_once(frames.len());
        assert!(account.done.iter().all(|done| done.status.is_some_and(|status| status.event == Event::TxBypassed)));
        assert!(account.received == frames && account.wire == frames, "ring of 2^{log2}");
        assert!(net.device().bus().take_violations().is_empty());
        let host = net.close().unwrap();
        assert_eq!((host.outstanding(), host.mapped()), (0, 0));
    }
}

#[test]
fn faults_stop_queues_and_no_frame_goes_uncounted() {
    let mut faults = 0;
    for seed in 0..3 {
        let mut net = net(config(4), CardOptions::random(seed, 10));
        net.device().bus().set_faults(Faults { write_error: 80, ..Faults::one_in(40) });
        let (mut account, mut sent, mut unheard) = (Account::default(), 0, 0);
        for came in 0..300 {
            net.device().bus().send_wire(frame(came, 60 + came * 37 % 900), false);
            match net.send(&frame(sent, 60 + sent * 53 % 900), TxOffload::None) {
                Ok(()) => sent += 1,
                Err(SendError::Full | SendError::Stopped) => {}
                Err(error) => panic!("{error}"),
            }
            if came == 299 {
                net.device().bus().set_faults(Faults::none());
            }
            net.wait(Duration::from_micros(2)).unwrap();
            while XfrmdevOps::next_event(&mut net).is_some() {}
            account.take(&mut net);
            if net.has_stopped() {
                for fault in net.recover().unwrap() {
                    faults += 1;
                    // Two blocks of four completions may be under way.
                    unheard += if (fault.direction, fault.cause) == (Direction::In, Some(Fault::Completion)) { 8 } else { 0 };
                }
            }
        }
        net.device().bus().run_until_quiet(5000, 400_000).unwrap();
        account.take(&mut net);
        net.recover().unwrap();
        net.device().bus().run_until_quiet(5000, 400_000).unwrap();
        account.take(&mut net);
        account.told_once(sent);
        let counters = net.device().counters().unwrap();
        let stats = net.stats();
        assert_eq!((stats.sent, stats.completed + stats.lost), (sent as u64, sent as u64));
        // Out: what the engine counted is what the wire saw; whole, in order.
        assert_eq!(counters.get(Event::TxBypassed), account.wire.len() as u64);
        assert!(account.wire.iter().all(|bytes| *bytes == frame(number(bytes), bytes.len())));
        assert!(account.wire.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])));
        let told = account.done.iter().filter(|done| done.status.is_some_and(|status| status.event == Event::TxBypassed)).count();
        let lost = account.done.iter().filter(|done| done.is_lost()).count();
        assert!((told..=told + lost).contains(&account.wire.len()), "{told} told, {lost} lost, {} out", account.wire.len());
        // In: received, or dropped for a cause; but for completions that could not be written.
        assert_eq!(counters.get(Event::RxFrames), 300);
        let counted = stats.received + counters.get(Event::RxDropNoBuffer) + counters.get(Event::RxDropHostFault);
        assert!((counted..=counted + unheard).contains(&300), "{counted} of 300 counted, at most {unheard} unheard");
        assert!(account.received.iter().all(|bytes| *bytes == frame(number(bytes), bytes.len())));
        assert!(account.received.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])));
        assert!(net.device().bus().take_violations().is_empty());
        net.close().unwrap();
    }
    assert!(faults > 10, "{faults} faults");
}

fn crypto(spi: u32) -> XfrmState {
    let (mode, direction) = (OffloadMode::Crypto, Direction::Out);
    let id = SaId { daddr: "192.0.2.2".parse().unwrap(), spi, proto: protocol::ESP };
    let aead = Aead { name: RFC4106_GCM_AES.to_owned(), key: Key::new(vec![7; 20]), icv_bits: 128 };
    let params = SaParams::new(id, "192.0.2.1".parse().unwrap(), Mode::Tunnel, Offload { mode, direction }, aead);
    XfrmState::new(params, Some(XfrmStateOffload { dev: "espalier0".to_owned(), mode, direction, acquire: false, offload_handle: None }))
}

#[test]
fn a_number_meets_no_new_key_under_a_frame_in_flight() {
    let mut net = net(config(3), CardOptions::default());
    net.disable().unwrap();
    let mut states: Vec<_> = (1..=u32::from(net.device().capabilities().tx_sas)).map(|spi| crypto(0x1000 + spi)).collect();
    for state in &mut states {
        net.xdo_dev_state_add(state).unwrap();
    }
    net.send(&frame(0, 100), TxOffload::Crypto(states[0].offload_handle().unwrap())).unwrap();
    net.xdo_dev_state_delete(&mut states[0]);
    net.xdo_dev_state_free(&mut states[0]);
    let mut new = crypto(0x2000);
    let refused = net.xdo_dev_state_add(&mut new).unwrap_err();
    assert!(matches!(refused, Error::Sa(SaError::InFlight { held: 1 })), "{refused}");
    net.enable().unwrap();
    assert!(net.wait(Duration::from_millis(1)).unwrap());
    net.xdo_dev_state_add(&mut new).unwrap();
    assert_eq!(net.sent().unwrap().len(), 1);
}

#[test]
fn a_reset_under_load_leaves_a_working_device() {
    let mut net = net(config(6), CardOptions::random(7, 30));
    let mut account = Account::default();
    for round in 0..5 {
        for at in 0..20 {
            net.send(&frame(at, 60 + at * 97 % 1400), TxOffload::None).unwrap();
            net.device().bus().send_wire(frame(at, 60 + at * 89 % 1400), false);
        }
        net.device().bus().run(150 + 133 * round).unwrap();
        net.reset().unwrap();
        account.take(&mut net);
        account.told_once(20 * (round as usize + 1));
        net.enable().unwrap();
    }
    // More may wait than the ring has buffers: the rest comes when they are given back.
    let mut before = (0, 0);
    while before != (account.received.len(), account.wire.len()) {
        before = (account.received.len(), account.wire.len());
        net.device().bus().run_until_quiet(1000, 400_000).unwrap();
        account.take(&mut net);
    }
    net.send(&frame(500, 1000), TxOffload::None).unwrap();
    net.device().bus().send_wire(frame(600, 1000), false);
    net.device().bus().run_until_quiet(1000, 400_000).unwrap();
    account.take(&mut net);
    assert_eq!((account.received.len(), account.wire.len()), (before.0 + 1, before.1 + 1));
    assert_eq!(account.wire.last(), Some(&frame(500, 1000)));
    assert_eq!(account.received.last(), Some(&frame(600, 1000)));
    assert!(net.device().bus().take_violations().is_empty());
    let mut host = net.close().unwrap();
    // Quiet: what comes now is nobody's.
    host.send_wire(frame(1, 60), false);
    let now = host.now();
    host.run(2000).unwrap();
    assert!(host.now() > now && host.outstanding() == 0 && host.take_violations().is_empty());
}
