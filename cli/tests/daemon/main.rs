//! The daemon: packets, the control socket, faults. Without root: sockets stand in the place of TAP and wire.

#![allow(clippy::unwrap_used)]

mod bench;
mod double;
mod namespaces;
mod simulated;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use bench::{Bench, Said, wait_for};
use double::{Peer, double};
use espalier_driver::Event;
use espalier_driver::net::TxOffload;
use espalier_reference_model::headers::Headers;
use espalier_regs::dma::vector;
use etherparse::{IpHeaders, Ipv4Header, PacketBuilder, PacketHeaders, TransportHeader};

const KEY: &str = "0x000102030405060708090a0b0c0d0e0f10111213";
const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";

/// A tunnel in software, both ways, between 10.1/16 and 10.2/16; for the other end with `mirror`.
fn tunnel(bench: &Bench, mirror: bool) {
    let ([here, there], [inside, outside]) = if mirror { ([THERE, HERE], ["10.2", "10.1"]) } else { ([HERE, THERE], ["10.1", "10.2"]) };
    let (out, inbound) = if mirror { (2, 1) } else { (1, 2) };
    for (src, dst, spi) in [(here, there, out), (there, here, inbound)] {
        bench.done(&format!(
            "xfrm state add src {src} dst {dst} proto esp spi {spi} reqid 1 mode tunnel replay-window 64 aead rfc4106(gcm(aes)) {KEY} 128"
        ));
    }
    for (src, dst, direction, a, b) in
        [(inside, outside, "out", here, there), (outside, inside, "in", there, here), (outside, inside, "fwd", there, here)]
    {
        bench.done(&format!(
            "xfrm policy add src {src}.0.0/16 dst {dst}.0.0/16 dir {direction} tmpl src {a} dst {b} proto esp reqid 1 mode tunnel"
        ));
    }
}

fn udp(src: [u8; 4], dst: [u8; 4], bytes: usize, df: bool) -> Vec<u8> {
    let header = Ipv4Header { source: src, destination: dst, time_to_live: 64, dont_fragment: df, identification: 9, ..Default::default() };
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ip(IpHeaders::Ipv4(header, Default::default()));
    let payload: Vec<u8> = (0..bytes).map(|index| index as u8).collect();
    builder.udp(1000, 2000).write(&mut frame, &payload).unwrap();
    frame
}

/// From inside to outside.
fn out(bytes: usize, df: bool) -> Vec<u8> {
    udp([10, 1, 0, 1], [10, 2, 0, 1], bytes, df)
}

fn sent(peer: &Peer) -> (Vec<u8>, TxOffload) {
    wait_for(|| peer.take())
}

#[test]
fn packets_of_a_tunnel_go_out_protected_and_come_back_plain() {
    let (here, there) = (double(), double());
    let (left, right) = (here.1.clone(), there.1.clone());
    let a = Bench::new(move || (here.0, ()), &[HERE, "10.1.0.1"]);
    let b = Bench::new(move || (there.0, ()), &[THERE, "10.2.0.1"]);
    tunnel(&a, false);
    tunnel(&b, true);
    for size in [0, 1, 100, 1000, 1400] {
        let frame = out(size, true);
        a.stack.send(&frame).unwrap();
        let (protected, offload) = sent(&left);
        assert_eq!(offload, TxOffload::None);
        assert_eq!(Headers::parse(&protected).esp.unwrap().spi, 1);
        right.put(protected.clone());
        assert_eq!(b.receive(), frame);
        // Once only.
        right.put(protected);
        wait_for(|| (b.count("mib", "XfrmInStateSeqError") > 0).then_some(()));
        let back = udp([10, 2, 0, 1], [10, 1, 0, 1], size, true);
        b.stack.send(&back).unwrap();
        left.put(sent(&right).0);
        assert_eq!(a.receive(), back);
    }
    // What is no IP passes.
    let arp = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1, 8, 6], &[0; 46]].concat();
    a.stack.send(&arp).unwrap();
    right.put(sent(&left).0);
    assert_eq!(b.receive(), arp);
    assert_eq!((a.count("path", "tap_received"), a.count("path", "device_sent")), (6, 6));
    assert_eq!((b.count("path", "device_received"), b.count("path", "tap_sent"), b.count("path", "drop_input")), (11, 6, 5));
    a.stop().unwrap();
    b.stop().unwrap();
    assert!(left.shared.lock().unwrap().closed && right.shared.lock().unwrap().closed);
}

#[test]
fn what_is_too_long_is_told_or_cut() {
    let (nic, peer) = double();
    let bench = Bench::new(move || (nic, ()), &[HERE, "10.1.0.1"]);
    tunnel(&bench, false);
    // xfrm_state_mtu of 1500: ((1500 - 20 - 8 - 8 - 16) & !3) - 2.
    const MTU: u16 = 1446;
    bench.stack.send(&out(1446 - 28, true)).unwrap();
    assert!(Headers::parse(&sent(&peer).0).ip_length <= 1500);
    let long = out(1446 - 27, true);
    bench.stack.send(&long).unwrap();
    let told = bench.receive();
    let parsed = PacketHeaders::from_ethernet_slice(&told).unwrap();
    let Some(TransportHeader::Icmpv4(icmp)) = parsed.transport else { panic!("{told:?}") };
    let needed = etherparse::icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: MTU };
    assert_eq!(icmp.icmp_type, etherparse::Icmpv4Type::DestinationUnreachable(needed));
    assert_eq!(&told[..6], &long[6..12]);
    // One that may be fragmented is, and every piece is protected.
    bench.stack.send(&out(1470, false)).unwrap();
    for _ in 0..2 {
        let piece = Headers::parse(&sent(&peer).0);
        assert!(piece.esp.is_some() && piece.ip_length <= 1500);
    }
    // What the device finds too long is told, too.
    peer.shared.lock().unwrap().status = Some(Event::TxDropTooBig);
    bench.stack.send(&out(100, true)).unwrap();
    assert!(matches!(PacketHeaders::from_ethernet_slice(&bench.receive()).unwrap().transport, Some(TransportHeader::Icmpv4(_))));
    assert_eq!((bench.count("path", "too_big"), bench.count("path", "fragments")), (2, 2));
    bench.stop().unwrap();
}

#[test]
fn commands_answer_as_ip_xfrm_does() {
    let (nic, _) = double();
    let bench = Bench::new(move || (nic, ()), &[]);
    tunnel(&bench, false);
    let add = format!("xfrm state add src {HERE} dst {THERE} proto esp spi 1 mode tunnel aead rfc4106(gcm(aes)) {KEY} 128");
    let refused = |stderr: &str| Said { status: 2, stdout: String::new(), stderr: stderr.to_owned() };
    assert_eq!(bench.ask(&add), refused("RTNETLINK answers: File exists\n"));
    assert_eq!(bench.ask("xfrm state get dst 192.0.2.9 proto esp spi 9"), refused("RTNETLINK answers: No such process\n"));
    assert_eq!(bench.ask("xfrm policy get dir out index 999"), refused("RTNETLINK answers: No such file or directory\n"));
    let listed = bench.ask("xfrm -o state list");
    assert!(listed.status == 0 && listed.stdout.lines().count() == 2 && listed.stdout.contains(KEY), "{listed:?}");
    assert_eq!(bench.ask("xfrm -s state count").stdout, "\t SAD count 2 (buckets count 0 Max 0)\n");
    let wrong = bench.ask("xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 1 mode tunel");
    assert_eq!(wrong.status, 255);
    assert!(wrong.stderr.starts_with("Error: argument \"tunel\" is wrong: MODE value is invalid\n"), "{wrong:?}");
    assert!(bench.ask("xfrm -n blue state").stderr.contains("one host"));
    assert!(bench.ask("xfrm").stderr.starts_with("Command line is not complete"));
    assert_eq!(bench.ask("route add").status, 255);
    assert!(bench.ask("caps").stdout.contains("rfc4106(gcm(aes))"));
    assert!(bench.ask("caps --json").stdout.starts_with('{'));
    assert!(bench.ask("stats").stdout.contains("192.0.2.1 > 192.0.2.2 spi 0x00000001"));
    let metrics = bench.ask("stats --prometheus").stdout;
    assert!(metrics.contains("espalier_sa_packets_total{src=\"192.0.2.1\"") && metrics.ends_with("# EOF\n"), "{metrics}");
    bench.done("xfrm policy flush");
    bench.done("xfrm state flush");
    assert_eq!(bench.ask("xfrm state list").stdout, "");
    bench.stop().unwrap();
}

#[test]
fn a_monitor_hears_what_happens() {
    let (nic, _) = double();
    let bench = Bench::new(move || (nic, ()), &[]);
    let mut monitor = UnixStream::connect(&bench.socket).unwrap();
    monitor.write_all(b"{\"argv\": [\"xfrm\", \"monitor\", \"nokeys\"]}\n").unwrap();
    // Requests of one client wait for no other's: it listens once this is answered.
    bench.ask("xfrm state count");
    tunnel(&bench, false);
    bench.stack.send(&udp([10, 1, 0, 1], [10, 2, 0, 1], 10, true)).unwrap();
    bench.done("xfrm state flush");
    let mut heard = String::new();
    for line in BufReader::new(monitor).lines() {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        heard += line["stdout"].as_str().unwrap();
        if heard.contains("Flushed state proto") {
            break;
        }
    }
    assert!(heard.contains("src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x00000001"), "{heard}");
    assert!(!heard.contains("0x0001020304"), "{heard}");
    bench.stop().unwrap();
}

#[test]
fn a_flood_of_nonsense_does_not_stop_the_traffic() {
    let (nic, peer) = double();
    let bench = Bench::new(move || (nic, ()), &[HERE, "10.1.0.1"]);
    tunnel(&bench, false);
    let over = AtomicBool::new(false);
    let socket = bench.socket.clone();
    std::thread::scope(|scope| {
        for kind in 0..6u8 {
            let (over, socket) = (&over, &socket);
            scope.spawn(move || {
                let mut kept = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let Ok(mut client) = UnixStream::connect(socket) else { continue };
                    client.set_write_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
                    // Whether it is taken does not matter.
                    let _ = match kind {
                        0 => client.write_all(&[0xff; 10_000]),
                        1 => client.write_all(b"{\"argv\": [\"xfrm\", \"state\", \"add\", \"aead\"]}\n"),
                        2 => client.write_all(&[b'[', 10].repeat(5_000)),
                        3 => client.write_all(&[b'x'; 200_000]),
                        4 => client.write_all(&b"{\"argv\": [\"xfrm\", \"state\", \"list\"]}\n".repeat(1_000)),
                        // Says nothing, and stays.
                        _ => Ok(()),
                    };
                    if kind >= 4 {
                        kept.push(client);
                        if kept.len() > 40 {
                            kept.clear();
                        }
                    }
                }
            });
        }
        for size in 0..300 {
            bench.stack.send(&out(size, true)).unwrap();
            assert!(Headers::parse(&sent(&peer).0).esp.is_some());
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(bench.count("control", "malformed") > 0);
    assert_eq!(bench.count("path", "device_sent"), 300);
    bench.stop().unwrap();
}

#[test]
fn a_full_ring_keeps_frames_waiting() {
    let (nic, peer) = double();
    let bench = Bench::new(move || (nic, ()), &[]);
    peer.shared.lock().unwrap().full = true;
    for size in 0..5 {
        bench.stack.send(&out(size, true)).unwrap();
    }
    wait_for(|| (bench.count("path", "tap_received") == 1).then_some(()));
    assert!(peer.take().is_none());
    peer.shared.lock().unwrap().full = false;
    peer.fire(vector::TX);
    for size in 0..5 {
        assert_eq!(sent(&peer).0, out(size, true));
    }
    bench.stop().unwrap();
}

#[test]
fn a_queue_that_stops_is_made_to_run_and_told() {
    let (nic, peer) = double();
    let bench = Bench::new(move || (nic, ()), &[]);
    peer.shared.lock().unwrap().fault = true;
    peer.fire(vector::EVENT);
    wait_for(|| (bench.count("recovery", "tx_faults") == 1).then_some(()));
    assert_eq!((bench.count("recovery", "lost"), bench.count("recovery", "resets")), (3, 0));
    bench.stop().unwrap();
}

#[test]
fn a_device_that_was_reset_has_its_policies_and_asks_for_new_sas() {
    let (nic, peer) = double();
    let bench = Bench::new(move || (nic, ()), &[HERE]);
    for (direction, spi, a, b) in [("out", 1, HERE, THERE), ("in", 2, THERE, HERE)] {
        bench.done(&format!(
            "xfrm state add src {a} dst {b} proto esp spi {spi} reqid 1 mode transport replay-window 32 \
             aead rfc4106(gcm(aes)) {KEY} 128 offload packet dev esp0 dir {direction}"
        ));
        bench.done(&format!(
            "xfrm policy add src {a} dst {b} dir {direction} offload packet dev esp0 tmpl proto esp reqid 1 mode transport"
        ));
    }
    let mine = udp([192, 0, 2, 1], [192, 0, 2, 2], 10, true);
    bench.stack.send(&mine).unwrap();
    assert_eq!(sent(&peer), (mine.clone(), TxOffload::Packet));
    peer.shared.lock().unwrap().broken = 2;
    peer.fire(vector::TX);
    wait_for(|| (bench.count("recovery", "resets") == 1).then_some(()));
    {
        let shared = peer.shared.lock().unwrap();
        assert_eq!((shared.policies, shared.states, shared.running), (2, 0, true));
        assert_eq!(shared.addresses, [HERE.parse::<std::net::IpAddr>().unwrap()]);
    }
    assert_eq!(bench.count("recovery", "states_ended"), 2);
    // Nothing leaves in clear.
    bench.stack.send(&mine).unwrap();
    wait_for(|| (bench.count("mib", "XfrmOutNoStates") == 1).then_some(()));
    assert!(peer.take().is_none());
    bench.stop().unwrap();
}

#[test]
fn a_device_that_completes_nothing_is_reset() {
    let (nic, peer) = double();
    let bench = Bench::new(move || (nic, ()), &[]);
    peer.shared.lock().unwrap().stuck = true;
    bench.stack.send(&out(10, true)).unwrap();
    wait_for(|| (bench.count("recovery", "resets") == 1).then_some(()));
    wait_for(|| (bench.count("path", "lost_queue") == 1).then_some(()));
    bench.stack.send(&out(10, true)).unwrap();
    sent(&peer);
    bench.stop().unwrap();
}

#[test]
fn a_device_that_does_not_come_back_ends_the_daemon() {
    let (nic, peer) = double();
    let bench = Bench::new(move || (nic, ()), &[]);
    peer.shared.lock().unwrap().broken = u32::MAX;
    peer.fire(vector::RX);
    assert!(bench.ended().unwrap_err().to_string().starts_with("device: "));
}
