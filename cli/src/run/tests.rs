#![allow(clippy::unwrap_used)]

use std::path::Path;

use espalier_reference_model::headers::Headers;

use super::modelled::Modelled;
use super::*;

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures")
}

/// Runs `capture` with `xfrm` through the fake and lets `look` see the folder of results.
fn faked(
    xfrm: &Path,
    capture: &str,
    tamper: impl FnMut(usize, Vec<u8>) -> Option<Vec<u8>>,
    look: impl FnOnce(&Path),
) -> Result<Report, Failure> {
    let out = tempfile::tempdir().unwrap();
    let options =
        Options { xfrm: xfrm.to_owned(), capture: captures().join(capture), out: out.path().join("new/folder"), stalls: 0, seed: 1 };
    let hosts = sides::split(check::read(xfrm)?).unwrap();
    let cards =
        || Ok(Modelled { nics: [reference::nic(&hosts.commands[0]).unwrap(), reference::nic(&hosts.commands[1]).unwrap()], wire: tamper });
    let report = run(&options, cards, &mut |_, _| {})?;
    look(&options.out);
    Ok(report)
}

fn written(source: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), source).unwrap();
    file
}

#[test]
fn every_run_of_the_demo_arrives_whole() {
    let runs: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(captures().join("demo.json")).unwrap()).unwrap();
    assert!(runs.len() >= 16);
    for entry in runs {
        let (xfrm, capture) = (entry["xfrm"].as_str().unwrap(), entry["capture"].as_str().unwrap());
        let report = faked(
            &captures().join(xfrm),
            capture,
            |_, frame| Some(frame),
            |out| {
                let [wire, left, right] = ["wire", "left", "right"].map(|name| capture::read(&out.join(format!("{name}.pcap"))).unwrap());
                assert_eq!(wire.len(), left.len() + right.len());
                // What is IP between the two hosts is ESP on the wire.
                let esp = wire.iter().filter(|frame| Headers::parse(&frame.bytes).esp.is_some()).count();
                assert!(esp > 100, "{esp} of {}", wire.len());
                assert!(wire.windows(2).all(|pair| pair[0].time <= pair[1].time));
            },
        )
        .unwrap();
        assert!(report.ok, "{xfrm} {capture}:\n{report}");
        assert_eq!((report.packets_out, report.drops), (report.packets_in, 0));
        // Both hosts spoke.
        assert!(report.directions.iter().all(|way| way.packets_in > 50 && way.protected > 50), "{report}");
    }
}

#[test]
fn a_tampered_packet_is_named_and_fails_the_run() {
    let flip = |number, mut frame: Vec<u8>| {
        if number == 20 {
            frame[60] ^= 0x10;
        }
        Some(frame)
    };
    let report = faked(&captures().join("tunnel-aes128.xfrm"), "ipv4.pcap", flip, |_| {}).unwrap();
    assert!(!report.ok);
    assert!(
        report.first_mismatches[0].starts_with("packet 20 (") && report.first_mismatches[0].contains("on the wire: byte 60 is"),
        "{report}"
    );
    assert_eq!(report.drops, 1);
    assert!(report.to_string().contains("1 rx_drop_icv"), "{report}");
    assert!(report.to_string().contains("FAILED"));
}

#[test]
fn a_lost_packet_is_named() {
    let last = |number, frame| (number < 122).then_some(frame);
    let report = faked(&captures().join("tunnel-aes128.xfrm"), "ipv4.pcap", last, |_| {}).unwrap();
    assert!(report.first_mismatches[0].contains("packet 122") && report.first_mismatches[0].contains("missing"), "{report}");
}

#[test]
fn a_blocked_packet_is_a_drop_and_no_failure() {
    let mut source = std::fs::read_to_string(captures().join("tunnel-aes128.xfrm")).unwrap();
    // ICMP of the left host is blocked: priority 0 is asked in the order of the file, so the block stands first.
    source.insert_str(0, "ip -n left x p add src 10.1.0.0/16 dst 10.2.0.0/16 proto icmp dir out action block offload packet dev nic0\n");
    let report = faked(written(&source).path(), "ipv4.pcap", |_, frame| Some(frame), |_| {}).unwrap();
    assert!(report.ok, "{report}");
    assert!(report.drops_by_cause[&Side::Left]["tx_drop_policy_block"] > 15, "{report}");
    assert_eq!(report.packets_out + report.drops as usize, report.packets_in);
}

#[test]
fn one_hosts_commands_are_enough() {
    let source = std::fs::read_to_string(captures().join("transport-aes256-esn.xfrm")).unwrap();
    let left: String = source.split("\n\n").filter(|part| part.starts_with("# left")).map(|part| format!("{part}\n")).collect();
    let left = left.replace("ip -n left ", "ip ");
    let report = faked(written(&left).path(), "ipv6.pcap", |_, frame| Some(frame), |_| {}).unwrap();
    assert!(report.ok, "{report}");
    assert!(report.directions.iter().all(|way| way.protected > 50), "{report}");
    assert!(report.notes[0].contains("mirror image"), "{report}");
}

#[test]
fn what_a_run_cannot_do_is_refused_by_name() {
    let refusal = |source: &str| faked(written(source).path(), "ipv4.pcap", |_, frame| Some(frame), |_| {}).unwrap_err().to_string();
    let sa = "ip x s add src 10.0.0.1 dst 10.0.0.2 proto esp spi 9 aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128";
    for (source, reason) in [
        (format!("{sa} offload dev eth0 dir out"), ":1:1: 'offload': crypto offload needs the host's own ESP stack"),
        (format!("ip -n a {}", &sa[3..]), ":1:1: 'state': not offloaded"),
        (format!("{sa} ctx c offload packet dev e dir in"), "'ctx': the device knows no security contexts"),
        ("ip -n a x p add dir out".to_owned(), "'policy': not offloaded"),
        ("ip x p update dir out offload packet dev e".to_owned(), "'update': a run begins with empty tables"),
        ("ip x p add dir out index 8 offload packet dev e".to_owned(), "'index'"),
    ] {
        assert!(refusal(&source).contains(reason), "{}", refusal(&source));
    }
}

#[test]
fn the_report_is_one_json_object() {
    let report = faked(&captures().join("tunnel-aes128.xfrm"), "ipv4.pcap", |_, frame| Some(frame), |_| {}).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    for key in ["ok", "packets_in", "packets_out", "mismatches", "drops", "clocks", "bits_per_clock", "latency_clocks"] {
        assert!(!json[key].is_null(), "{key}");
    }
    assert_eq!(json["latency_clocks"]["median"], 90);
}
