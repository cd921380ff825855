//! iproute2 as a judge of what we print: messages in the kernel's own layout are printed by both.
//!
//! What iproute2 printed once is kept in *.txt and compared everywhere; where there is an `ip`, it prints again, and many
//! more messages. `ESPALIER_RECORD=1 cargo test -p espalier --test iproute2` writes the files anew.

#![allow(clippy::unwrap_used)]

mod core;
mod grammar;
mod ip;
mod kernel;
mod netlink;
mod specimens;

use std::io::Write;
use std::path::PathBuf;

use espalier::xfrm::ast::Stamp;
use espalier::xfrm::show::{self, Options};
use espalier_driver::xfrm::message::Message;
use jiff::tz::TimeZone;
use proptest::prelude::*;

/// Which version printed what is kept.
const RECORDED: &str = "iproute2-6.1.0";
const UTC: &str = "UTC0";

fn options(stats: u8, oneline: bool, timezone: &str) -> Options {
    Options { stats, oneline, nokeys: false, timezone: TimeZone::posix(timezone).unwrap() }
}

/// What we print of `messages`.
fn ours(messages: &[Message], options: &Options) -> String {
    let mut text = String::new();
    for message in messages {
        show::message(message, options, &mut text).unwrap();
    }
    text
}

/// What iproute2 prints of them.
fn theirs(messages: &[Message], options: &Options, timezone: &str) -> Option<String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for message in messages {
        file.write_all(&netlink::encode(message)).unwrap();
    }
    let mut args = vec!["-s"; options.stats.into()];
    args.extend(options.oneline.then_some("-o"));
    args.extend(["xfrm", "monitor", "file", file.path().to_str().unwrap()]);
    let output = ip::run(&args, timezone)?;
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn record(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/iproute2").join(name)
}

/// Compares with the record, and with iproute2 where it is here.
fn agree(name: &str, messages: &[Message], stats: u8) {
    let options = options(stats, false, UTC);
    let ours = ours(messages, &options);
    let path = record(name);
    let theirs = theirs(messages, &options, UTC);
    if let Some(theirs) = &theirs {
        let version = ip::VERSION.as_ref().unwrap();
        assert_eq!(ip::known_to(version, &ours), ip::known_to(version, theirs), "{version}");
        if std::env::var_os("ESPALIER_RECORD").is_some() {
            assert_eq!(version, RECORDED);
            let header = format!(
                "# Printed by {RECORDED} of Debian 12 (6.1.0-3): TZ={UTC} ip {}xfrm monitor file ...\n",
                "-s ".repeat(stats.into())
            );
            std::fs::write(&path, header + theirs).unwrap();
        }
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let (header, kept) = kept.split_once('\n').unwrap();
    assert!(header.starts_with("# Printed by iproute2"), "{header}");
    assert_eq!(ip::known_to(RECORDED, &ours), ip::known_to(RECORDED, kept));
}

#[test]
fn states_are_printed_as_by_iproute2() {
    agree("state.txt", &specimens::states(), 0);
    agree("state-s.txt", &specimens::states(), 1);
}

#[test]
fn policies_are_printed_as_by_iproute2() {
    agree("policy.txt", &specimens::policies(), 0);
    agree("policy-s.txt", &specimens::policies(), 1);
}

#[test]
fn monitored_messages_are_printed_as_by_iproute2() {
    agree("monitor.txt", &specimens::others(), 0);
    agree("monitor-s.txt", &specimens::others(), 1);
}

/// What `ip OPTIONS xfrm monitor WORDS` prints of a message, and we.
#[test]
fn times_and_namespaces_are_printed_as_by_iproute2() {
    let message = Message::FlushedStates { proto: 50 };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&netlink::encode(&message)).unwrap();
    for (option, stamp, format) in [
        ("-t", Stamp::Long, "Timestamp: %a %b %d %H:%M:%S %Y %f usec"),
        ("-ts", Stamp::Short, "[%Y-%m-%dT%H:%M:%S.%f] [nsid current]Flushed state proto esp"),
    ] {
        let Some(output) = ip::run(&[option, "xfrm", "monitor", "all-nsid", "file", file.path().to_str().unwrap()], UTC) else { return };
        let theirs = String::from_utf8(output.stdout).unwrap();
        // In the long form microseconds have no leading zeros, and so are no fraction.
        let line = theirs.lines().next().unwrap();
        let (line, micros) = match stamp {
            Stamp::Short => (line.to_owned(), None),
            Stamp::Long => {
                let words: Vec<_> = line.split(' ').collect();
                let micros = words[words.len() - 2];
                (line.replace(&format!(" {micros} usec"), " 0 usec"), Some(micros.parse::<i64>().unwrap()))
            }
        };
        let time = jiff::civil::DateTime::strptime(format, &line).unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp();
        let time = time + jiff::SignedDuration::from_micros(micros.unwrap_or(0));
        let options = options(0, false, UTC);
        let mut ours = String::new();
        show::timestamp(time, stamp, &options, &mut ours).unwrap();
        ours += show::NSID;
        show::message(&message, &options, &mut ours).unwrap();
        assert_eq!(ours, theirs);
    }
    // The first of a month: a blank before the day.
    let mut text = String::new();
    let time = jiff::Timestamp::from_microsecond(1_704_110_400_000_007).unwrap();
    show::timestamp(time, Stamp::Long, &options(0, false, UTC), &mut text).unwrap();
    show::timestamp(time, Stamp::Short, &options(0, false, UTC), &mut text).unwrap();
    assert_eq!(text, "Timestamp: Mon Jan  1 12:00:00 2024 7 usec\n[2024-01-01T12:00:00.000007] ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Any message, with and without `-s` and `-o`, wherever the clock hangs.
    #[test]
    fn any_message_is_printed_as_by_iproute2(
        messages in proptest::collection::vec(specimens::message(), 1..6),
        stats in 0..3_u8,
        oneline in any::<bool>(),
        timezone in proptest::sample::select(vec![UTC, "AAA-5:30", "CET-1CEST,M3.5.0,M10.5.0/3", "BBB11"]),
    ) {
        let options = options(stats, oneline, timezone);
        let ours = ours(&messages, &options);
        if let Some(theirs) = theirs(&messages, &options, timezone) {
            let version = ip::VERSION.as_ref().unwrap();
            prop_assert_eq!(ip::known_to(version, &ours), ip::known_to(version, &theirs));
        }
    }
}
