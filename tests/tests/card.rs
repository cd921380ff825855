//! The card with the driver on it: both directions, in a host without faults.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use espalier_driver::net::{NetDevice, TxOffload};
use espalier_driver::rings::RingConfig;
use espalier_hdl::card::EspalierCard;
use espalier_sim::Model;
use espalier_sim::card::CardOptions;
use espalier_sim::host::Host;

fn frame(number: u32, length: usize) -> Vec<u8> {
    // No IP: it passes.
    let header = [0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5];
    header.into_iter().chain((14..length as u32).map(|at| (at.wrapping_mul(number + 3) >> 2) as u8)).collect()
}

#[test]
fn frames_go_out_and_come_in() {
    let host = Host::new(Model::build::<EspalierCard>("espalier_card").unwrap(), CardOptions::default()).unwrap();
    let mut net = NetDevice::open(host, RingConfig::default()).unwrap();
    net.enable().unwrap();
    let lengths = [60, 61, 64, 100, 256, 1514, 2048, 2049, 9000, 15, 14];
    for (number, &length) in (0..).zip(&lengths) {
        net.send(&frame(number, length), TxOffload::None).unwrap();
        net.device().bus().send_wire(frame(number + 100, length), false);
    }
    let (mut sent, mut received, mut done) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..200 {
        net.wait(Duration::from_micros(20)).unwrap();
        done.extend(net.sent().unwrap());
        while let Some(frame) = net.receive().unwrap() {
            received.push(frame.bytes);
        }
        sent.extend(net.device().bus().take_wire().into_iter().map(|frame| frame.bytes));
        if received.len() == lengths.len() && done.len() == lengths.len() {
            break;
        }
    }
    assert_eq!(done.len(), lengths.len());
    for (number, (&length, bytes)) in (0..).zip(lengths.iter().zip(&sent)) {
        assert!(*bytes == frame(number, length), "frame {number} of {length} bytes on the wire");
    }
    assert_eq!(sent.len(), lengths.len());
    for (number, (&length, bytes)) in (0..).zip(lengths.iter().zip(&received)) {
        assert!(*bytes == frame(number + 100, length), "frame {number} of {length} bytes received");
    }
    assert_eq!(received.len(), lengths.len());
    assert!(net.device().bus().take_violations().is_empty());
    let host = net.close().unwrap();
    assert_eq!((host.outstanding(), host.mapped()), (0, 0));
}
