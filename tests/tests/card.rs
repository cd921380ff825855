//! The card with the driver on it: both directions, in a host without faults; and what they take in clocks.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use espalier_driver::net::{NetDevice, TxOffload};
use espalier_driver::rings::RingConfig;
use espalier_hdl::card::EspalierCard;
use espalier_sim::Model;
use espalier_sim::axi::AxiOptions;
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

/// Clocks a frame in both directions at once, of the middle of a run, and frames lost for want of room.
fn clocks(length: usize, frames: u32, latency: u64) -> [f64; 2] {
    let options = CardOptions { memory: AxiOptions { latency: latency..=latency, ..AxiOptions::default() }, ..CardOptions::default() };
    let host = Host::new(Model::build::<EspalierCard>("espalier_card").unwrap(), options).unwrap();
    let config = RingConfig { tx_entries: 1024, rx_entries: 1024, coalesce: 64, ..RingConfig::default() };
    let mut net = NetDevice::open(host, config).unwrap();
    // All is queued when traffic is let in.
    for number in 0..frames {
        net.send(&frame(number, length), TxOffload::None).unwrap();
        net.device().bus().send_wire(frame(number, length), false);
    }
    net.enable().unwrap();
    net.device().bus().run_until_quiet(2000, 400_000).unwrap();
    let middle = frames as usize / 4..frames as usize * 3 / 4;
    let rate = |times: &[u64]| (times[middle.end] - times[middle.start]) as f64 / middle.len() as f64;
    let out: Vec<u64> = net.device().bus().take_wire().into_iter().map(|frame| frame.last).collect();
    let taken: Vec<u64> = net.device().bus().wire_sent().iter().map(|sent| sent.last).collect();
    assert_eq!(net.device().counters().unwrap().get(espalier_driver::Event::RxDropNoBuffer), 0);
    let received = std::iter::from_fn(|| net.receive().unwrap()).count();
    assert_eq!((out.len(), taken.len(), received), (frames as usize, frames as usize, frames as usize));
    [rate(&out), rate(&taken)]
}

#[test]
fn memory_far_away_costs_no_clock() {
    // 10.5 clocks are line rate for the shortest frames; the core that both directions share gives 95 beats each way 190.
    for (length, frames, latency, most) in [(60, 1000, 0, 8.1), (60, 1000, 150, 10.5), (1514, 300, 150, 190.0)] {
        let [tx, rx] = clocks(length, frames, latency);
        println!("{length} bytes, memory {latency} clocks away: TX {tx:.2}, RX {rx:.2} clocks a frame");
        assert!(tx <= most && rx <= most, "{length} bytes, {latency} clocks: TX {tx}, RX {rx}");
    }
}
