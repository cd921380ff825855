//! The program itself, with a simulated board at a pseudo-terminal.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use espalier::run::capture;
use espalier_sim::uart::Pins;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::rig::{fast, one_each_way, root};

/// A pseudo-terminal, and the name of its other side.
fn terminal() -> (OwnedFd, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    fcntl_setfl(&master, OFlags::NONBLOCK | OFlags::RDWR).unwrap();
    (master, name)
}

/// Carries bytes between a terminal and the pins of a board until it is told to end.
fn serve(master: OwnedFd, mut pins: Pins, end: &AtomicBool) {
    let mut terminal = std::fs::File::from(master);
    let mut out = Vec::new();
    while !end.load(Ordering::Relaxed) {
        let mut bytes = [0; 4096];
        match terminal.read(&mut bytes) {
            Ok(count) => pins.write_all(&bytes[..count]).unwrap(),
            // Nobody has the other side open, or nobody has said anything.
            Err(error) if error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(5) => {}
            Err(error) => panic!("{error}"),
        }
        if let Ok(count) = pins.read(&mut bytes) {
            out.extend(&bytes[..count]);
        }
        if !out.is_empty()
            && let Ok(count) = terminal.write(&out)
        {
            out.drain(..count);
        }
    }
}

/// What the program says, with a board at a terminal: standard output, standard error, status.
fn espalier(arguments: impl Fn(&str) -> Vec<String>) -> (String, String, Option<i32>) {
    let (master, name) = terminal();
    // The terminal is gone with the last one who has it open, so somebody keeps it.
    let kept = std::fs::OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let (ready, made) = mpsc::channel();
    let server = thread::spawn({
        let end = end.clone();
        move || {
            let pins = fast();
            ready.send(()).unwrap();
            serve(master, pins, &end);
        }
    });
    // Making the board takes longer than the program waits for one.
    made.recv().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_espalier")).args(arguments(&name)).output().unwrap();
    end.store(true, Ordering::Relaxed);
    server.join().unwrap();
    drop(kept);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn the_program_drives_a_board_as_it_drives_the_simulator() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.pcap");
    capture::write(&plain, &one_each_way()).unwrap();
    let xfrm = root().join("tests/captures/tunnel-aes256-esn.xfrm");
    let (out, error, status) = espalier(|port| {
        let bus = format!("uart:{port}");
        let [xfrm, plain, out] = [&xfrm, &plain, &folder.path().join("out")].map(|path| path.to_str().unwrap().to_owned());
        ["--bus", &bus, "run", "--json", "--xfrm", &xfrm, "--in", &plain, "--out", &out].map(str::to_owned).to_vec()
    });
    assert_eq!((error.as_str(), status), ("", Some(0)), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["ok"], &report["packets_out"], &report["clocks"]), (&true.into(), &2.into(), &Value::Null), "{report}");
}

#[test]
fn a_board_tells_what_it_can_do() {
    let (out, error, status) = espalier(|port| ["--bus", &format!("uart:{port}"), "caps", "--json"].map(str::to_owned).to_vec());
    assert_eq!((error.as_str(), status), ("", Some(0)));
    let caps: Value = serde_json::from_str(&out).unwrap();
    let simulated = Command::new(env!("CARGO_BIN_EXE_espalier")).args(["caps", "--json", "--simulated"]).output().unwrap();
    // The same but for the policies, of which the boards' build has half as many.
    let mut expected: Value = serde_json::from_slice(&simulated.stdout).unwrap();
    for table in ["policies_out", "policies_in"] {
        assert_eq!(expected["tables"][table], 64);
        expected["tables"][table] = 32.into();
    }
    assert_eq!(caps, expected);
}

#[test]
fn wrong_words_and_absent_boards_are_named() {
    let said = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_espalier")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(
        said(&["--bus", "usb", "caps"]).contains("invalid value 'usb' for '--bus <BUS>': there is no bus \"usb\": write sim, or uart:PORT")
    );
    assert_eq!(said(&["--bus", "uart:/no/such", "caps"]), "board: /no/such: No such file or directory (os error 2)\n");
    assert_eq!(said(&["--bus", "sim", "stats"]), "--bus sim: stats has no bus; `run` and `caps` have\n");
    let run = ["run", "--xfrm", "x", "--in", "y", "--out", "z"];
    let three = said(&[&["--bus", "sim", "--bus", "sim", "--bus", "uart:/c"][..], &run].concat());
    assert_eq!(three, "--bus uart:/c,3000000: run has 2 at most\n");
}

/// The daemon's `--bus` is another than that of `run` and `caps`.
#[test]
fn the_daemon_has_its_own_bus() {
    let daemon = ["daemon", "--bus", "vfio:ffff:ff:1f.7", "--tap", "none", "--socket", "/no/such/socket"];
    let output = Command::new(env!("CARGO_BIN_EXE_espalier")).args(daemon).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    let output = Command::new(env!("CARGO_BIN_EXE_espalier")).args(["--bus", "sim"]).args(daemon).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "--bus sim: daemon has no bus; `run` and `caps` have\n");
}
