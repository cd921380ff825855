//! Scapy, which shares nothing with Espalier, decrypts and verifies every ESP packet of every run of the demo.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use espalier::run::modelled::Modelled;
use espalier::run::{self, Options, reference, sides};
use sha2::{Digest, Sha256};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Installs Scapy under target/tools, once for each requirements file, and tells where.
fn scapy() -> PathBuf {
    let requirements = root().join("tests/judge/requirements.txt");
    let digest = Sha256::digest(std::fs::read(&requirements).unwrap());
    let name = digest[..8].iter().fold("judge-".to_owned(), |name, byte| format!("{name}{byte:02x}"));
    let tools = root().join("target/tools");
    let folder = tools.join(name);
    if !folder.exists() {
        // Built aside and moved into place whole, so that tests side by side do no harm.
        std::fs::create_dir_all(&tools).unwrap();
        let aside = tempfile::tempdir_in(&tools).unwrap();
        let pip = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"])
            .args(["--only-binary", ":all:", "--target"])
            .arg(aside.path().join("packages"))
            .arg("--requirement")
            .arg(&requirements)
            .output()
            .expect("Python 3 with pip is needed");
        assert!(pip.status.success(), "pip: {}", String::from_utf8_lossy(&pip.stderr));
        // Another test may have been faster.
        let _ = std::fs::rename(aside.path().join("packages"), &folder);
    }
    folder
}

fn judge(xfrm: &Path, plain: &Path, wire: &Path) -> Output {
    Command::new("python3")
        .arg("-B")
        .arg(root().join("tests/judge/judge.py"))
        .args([xfrm, plain, wire])
        .env("PYTHONPATH", scapy())
        .output()
        .unwrap()
}

/// What the judge found, by its own count.
fn verdict(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The runs of the demo: commands, capture, and a folder for the results.
fn runs() -> Vec<(PathBuf, PathBuf, tempfile::TempDir)> {
    let captures = root().join("tests/captures");
    let list: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(captures.join("demo.json")).unwrap()).unwrap();
    let file = |run: &serde_json::Value, key: &str| captures.join(run[key].as_str().unwrap());
    list.iter().map(|run| (file(run, "xfrm"), file(run, "capture"), tempfile::tempdir().unwrap())).collect()
}

/// Runs the reference model in the engine's place.
fn model(xfrm: &Path, capture: &Path, out: &Path, wire: impl FnMut(usize, Vec<u8>) -> Option<Vec<u8>>) {
    let options = Options { xfrm: xfrm.to_owned(), capture: capture.to_owned(), out: out.to_owned(), stalls: 0, seed: 1 };
    let hosts = sides::split(espalier::check::read(xfrm).unwrap()).unwrap();
    let nics = [0, 1].map(|side: usize| reference::nic(&hosts.commands[side]).unwrap());
    run::run(&options, || Ok(Modelled { nics, wire }), &mut |_, _| {}).unwrap();
}

#[test]
fn scapy_agrees_with_the_reference_model() {
    for (xfrm, capture, out) in runs() {
        model(&xfrm, &capture, out.path(), |_, frame| Some(frame));
        let verdict = verdict(&judge(&xfrm, &capture, &out.path().join("wire.pcap")));
        assert!(verdict["esp"].as_u64().unwrap() > 100, "{verdict}");
        let esn = xfrm.to_str().unwrap().contains("-esn");
        assert_eq!(verdict["beyond_2_to_32"].as_u64().unwrap() > 50, esn, "{verdict}");
    }
}

#[test]
fn scapy_sees_a_changed_bit_and_a_lost_packet() {
    let (xfrm, capture, out) = runs().remove(0);
    let wire = out.path().join("wire.pcap");
    let complaint = |wire: &Path| String::from_utf8(judge(&xfrm, &capture, wire).stderr).unwrap();
    model(&xfrm, &capture, out.path(), |number, mut frame| {
        if number == 30 {
            frame[70] ^= 1;
        }
        Some(frame)
    });
    assert!(complaint(&wire).contains("packet 30 of"), "{}", complaint(&wire));
    model(&xfrm, &capture, out.path(), |number, frame| (number != 30).then_some(frame));
    assert!(complaint(&wire).contains("sequence number"), "{}", complaint(&wire));
}

/// The same on the Verilated engine, through the command line.
#[test]
fn scapy_agrees_with_the_engine() {
    for (xfrm, capture, out) in runs() {
        let run = Command::new(env!("CARGO_BIN_EXE_espalier"))
            .arg("run")
            .arg("--xfrm")
            .arg(&xfrm)
            .arg("--in")
            .arg(&capture)
            .arg("--out")
            .arg(out.path())
            .arg("--json")
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{} {}: {report}\n{}", xfrm.display(), capture.display(), String::from_utf8_lossy(&run.stderr));
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let verdict = verdict(&judge(&xfrm, &capture, &out.path().join("wire.pcap")));
        assert_eq!(verdict["esp"].as_u64().unwrap() + verdict["other"].as_u64().unwrap(), report["packets_out"].as_u64().unwrap());
    }
}
