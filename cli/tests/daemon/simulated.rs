//! Two daemons, each on the Verilated card, joined by a socket: packet offload both ways.

use espalier::daemon::options;
use espalier::daemon::simulated::Simulated;
use espalier::daemon::wire::Wire;
use espalier_driver::net::NetDevice;
use espalier_driver::rings::RingConfig;
use espalier_hdl::card::EspalierCard;
use espalier_sim::Model;
use espalier_sim::card::CardOptions;
use espalier_sim::host::Host;

use super::bench::{Bench, wait_for};
use super::{HERE, KEY, THERE, udp};

type Opened = (NetDevice<Host>, Simulated);

/// Made once, and kept; that may take minutes.
pub fn card() -> Model {
    Model::build::<EspalierCard>("espalier_card").unwrap()
}

fn open(wire: &options::Wire) -> Opened {
    let host = Host::new(card(), CardOptions::default()).unwrap();
    let mut nic = NetDevice::open(host, RingConfig::default()).unwrap();
    nic.device().set_name("esp0");
    nic.device().set_mtu(1500).unwrap();
    (nic, Simulated::new(Some(Wire::open(wire).unwrap())))
}

/// The half of a tunnel that a host has; packet offload.
fn tunnel(bench: &Bench, [here, there]: [&str; 2], [inside, outside]: [&str; 2], [out, inbound]: [u32; 2]) {
    for (src, dst, spi, direction) in [(here, there, out, "out"), (there, here, inbound, "in")] {
        // One key for both ways would be one nonce for two packets.
        let key = format!("{}{spi:02x}", &KEY[..KEY.len() - 2]);
        bench.done(&format!(
            "xfrm state add src {src} dst {dst} proto esp spi {spi} reqid 1 mode tunnel replay-window 64 flag esn \
             aead rfc4106(gcm(aes)) {key} 128 offload packet dev esp0 dir {direction}"
        ));
    }
    for (src, dst, direction, a, b) in [(inside, outside, "out", here, there), (outside, inside, "in", there, here)] {
        bench.done(&format!(
            "xfrm policy add src {src}.0.0/16 dst {dst}.0.0/16 dir {direction} offload packet dev esp0 \
             tmpl src {a} dst {b} proto esp reqid 1 mode tunnel"
        ));
    }
}

#[test]
fn packets_cross_a_tunnel_between_two_cards() {
    drop(card());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wire");
    let (listen, connect) = (options::Wire::Listen(path.clone()), options::Wire::Connect(path.clone()));
    let a = Bench::new(move || open(&listen), &[HERE, "10.1.0.1"]);
    wait_for(|| path.exists().then_some(()));
    let b = Bench::new(move || open(&connect), &[THERE, "10.2.0.1"]);
    tunnel(&a, [HERE, THERE], ["10.1", "10.2"], [1, 2]);
    tunnel(&b, [THERE, HERE], ["10.2", "10.1"], [2, 1]);
    let sizes = [0, 1, 64, 500, 1000, 1418];
    for size in sizes {
        let (there, back) = (udp([10, 1, 0, 1], [10, 2, 0, 1], size, true), udp([10, 2, 0, 1], [10, 1, 0, 1], size, true));
        a.stack.send(&there).unwrap();
        b.stack.send(&back).unwrap();
        assert!(b.receive() == there && a.receive() == back, "{size} bytes");
    }
    for bench in [&a, &b] {
        let count = sizes.len() as u64;
        assert_eq!((bench.count("counters", "tx_protected"), bench.count("rings", "completed")), (count, count));
        let report: serde_json::Value = serde_json::from_str(&bench.ask("stats --json").stdout).unwrap();
        for sa in report["sas"].as_array().unwrap() {
            assert_eq!((sa["packets"].as_u64(), sa["offload"].as_str()), (Some(count), Some("packet")), "{report}");
        }
        let dropped = report["mib"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
        assert_eq!(dropped, 0, "{report}");
    }
    // What has no policy passes; what has one, and no SA any more, does not leave.
    let other = udp([10, 9, 0, 1], [10, 9, 0, 2], 10, true);
    a.stack.send(&other).unwrap();
    assert_eq!(b.receive(), other);
    a.done("xfrm state flush");
    a.stack.send(&udp([10, 1, 0, 1], [10, 2, 0, 1], 10, true)).unwrap();
    wait_for(|| (a.count("mib", "XfrmOutNoStates") == 1).then_some(()));
    a.stop().unwrap();
    b.stop().unwrap();
}
