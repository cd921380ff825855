//! `espalier caps` and `espalier stats`: what the reports say, and that they follow from the device.

mod common;

use common::{CAPABILITIES, device, device_with, sa, without};
use espalier_driver::xfrm::{Direction, Mode};
use espalier_driver::{Capabilities, Event};
use espalier_regs::map;
use espalier_regs::map::cap_features as cap;
use serde_json::{Value, json};

fn caps(capabilities: &Capabilities) -> Value {
    serde_json::to_value(device_with(capabilities).caps()).expect("JSON")
}

#[test]
fn caps_of_a_full_build() {
    let expected = json!({
        "register_map": format!("{}.{}", map::MAJOR, map::MINOR),
        "offload": ["packet", "crypto"],
        "modes": ["transport", "tunnel"],
        "families": ["ipv4", "ipv6"],
        "ciphers": [{"name": "rfc4106(gcm(aes))", "key_bits": [128, 192, 256], "icv_bits": [64, 96, 128]}],
        "esn": true,
        "max_replay_window": 4096,
        "limits": ["byte-soft", "byte-hard", "packet-soft", "packet-hard"],
        "encap": {"kinds": ["espinudp"], "modes": ["transport", "tunnel"], "ipv6_out": false, "port": 4500},
        "flags": {
            "out": ["esn", "af-unspec", "noecn", "nopmtudisc", "dont-encap-dscp"],
            "in": ["esn", "af-unspec", "noecn", "decap-dscp"],
        },
        "inbound_selectors": true,
        "policies": {
            "directions": ["out", "in", "fwd"],
            "actions": ["allow", "block"],
            "max_templates": 1,
            "levels": ["required", "use"],
        },
        "tables": {
            "sas_out": 8, "sas_in": 8, "policies_out": 8, "policies_in": 64,
            "local_addresses": 8, "lookup_places": 128, "events": 64,
        },
        "max_frame_bytes": 9216,
    });
    assert_eq!(caps(&CAPABILITIES), expected);
}

#[test]
fn caps_follow_from_the_capability_words() {
    let at = |feature, pointer: &str| caps(&without(feature)).pointer(pointer).cloned();
    assert_eq!(at(cap::CRYPTO_OFFLOAD, "/offload"), Some(json!(["packet"])));
    assert_eq!(at(cap::PACKET_OFFLOAD, "/policies"), Some(Value::Null));
    assert_eq!(at(cap::PACKET_OFFLOAD, "/limits"), Some(json!([])));
    assert_eq!(at(cap::TUNNEL, "/modes"), Some(json!(["transport"])));
    assert_eq!(at(cap::TUNNEL, "/encap/modes"), Some(json!(["transport"])));
    assert_eq!(at(cap::IPV6, "/families"), Some(json!(["ipv4"])));
    assert_eq!(at(cap::ESN, "/flags/in/0"), Some(json!("af-unspec")));
    assert_eq!(at(cap::AES_192, "/ciphers/0/key_bits"), Some(json!([128, 256])));
    assert_eq!(at(cap::ICV_8, "/ciphers/0/icv_bits"), Some(json!([96, 128])));
    assert_eq!(at(cap::LIFETIMES, "/limits"), Some(json!([])));
    assert_eq!(at(cap::RX_SELECTORS, "/inbound_selectors"), Some(json!(false)));
    assert_eq!(at(cap::DECAP_DSCP_ECN, "/flags/in"), Some(json!(["esn", "af-unspec"])));
    let no_encap = CAPABILITIES.features & !(cap::NAT_T_TUNNEL.mask() | cap::NAT_T_TRANSPORT.mask());
    assert_eq!(caps(&Capabilities { features: no_encap, ..CAPABILITIES })["encap"], Value::Null);
    let no_local = Capabilities { local_addresses: 0, ..CAPABILITIES };
    assert_eq!(caps(&no_local)["policies"]["directions"], json!(["out", "in"]));
}

#[test]
fn stats_tell_each_sa_every_mib_name_and_every_counter() {
    let mut device = device();
    device.add_sa(&sa("192.0.2.2", "2.2.2.2", 0x1001, Mode::Transport, Direction::In)).expect("added");
    for (offset, word) in map::RESULT.offsets().zip([1, 2, 3, 4, 5, 6, 1, 7, 8, 9]) {
        device.bus().answer(offset.into(), word);
    }
    device.bus().answer(Event::RxDropIcv.offset().into(), 9);
    let stats = device.stats().expect("read");
    assert_eq!(stats.mib.get("XfrmInStateProtoError"), Some(9));
    let json = serde_json::to_value(&stats).expect("JSON");
    let expected = json!({
        "direction": "in", "offload": "packet", "mode": "transport",
        "src": "192.0.2.2", "dst": "2.2.2.2", "spi": 0x1001, "reqid": 0, "index": 0,
        "sequence": 0x2_0000_0001_u64, "packets": 0x4_0000_0003_u64, "bytes": 0x6_0000_0005_u64,
        "soft_limit_reached": true, "hard_limit_reached": false,
        "replay": 7, "replay_window": 8, "integrity_failed": 9,
    });
    assert_eq!(json["sas"], json!([expected]));
    assert_eq!(json["device"], "espalier0");
    assert_eq!(json["counters"].as_object().map(|counters| counters.len()), Some(Event::ALL.len()));
    assert_eq!((&json["counters"]["rx_drop_icv"], &json["counters"]["tx_frames"]), (&json!(9), &json!(0)));
    let text = serde_json::to_string(&stats.mib).expect("JSON");
    assert!(text.starts_with("{\"XfrmInError\":0,\"XfrmInBufferError\":0,") && text.contains("\"XfrmAcquireError\":0"), "{text}");
}
