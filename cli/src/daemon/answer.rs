//! Requests of the control socket, carried out.

use espalier_driver::Caps;
use espalier_driver::core::XfrmCore;
use espalier_driver::ops::XfrmdevOps;
use jiff::tz::TimeZone;
use nix::errno::Errno;
use zeroize::Zeroizing;

use super::control::Reply;
use super::control::protocol::{Answer, NOT_UNDERSTOOD};
use super::control::subscription::Subscription;
use super::control::wiped::Wiped;
use super::report::Report;
use super::{metrics, report};
use crate::scenario::command::{self, Refusal};
use crate::xfrm::ast::Action;
use crate::xfrm::{self, ParseError};
use crate::{Failure, tell};

/// Exit status of a command that the kernel refuses (iproute2's exit(2)).
const REFUSED: u8 = 2;

/// Carries a request out. `report` makes the report, if it is asked for.
pub fn carry_out<D: XfrmdevOps>(
    mut words: Vec<Zeroizing<String>>,
    core: &mut XfrmCore<D>,
    caps: &Caps,
    report: impl FnOnce(&mut XfrmCore<D>) -> Report,
) -> Reply {
    let name = if words.is_empty() { Zeroizing::default() } else { words.remove(0) };
    let words_only: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
    let answer = match (name.as_str(), words_only.as_slice()) {
        ("xfrm", _) => return xfrm(words, core),
        ("caps", []) => printed(|out| tell::caps(caps, false, out)),
        ("caps", ["--json"]) => printed(|out| tell::caps(caps, true, out)),
        ("stats", []) => printed(|out| report::print(&report(core), out)),
        ("stats", ["--json"]) => printed(|out| tell::object(&report(core), out)),
        ("stats", ["--prometheus"]) => match metrics::text(&report(core)) {
            Ok(text) => printed(|out| Ok(out.write_all(text.as_bytes())?)),
            Err(error) => Answer::refused(NOT_UNDERSTOOD, format!("metrics: {error}\n")),
        },
        ("caps" | "stats", _) => Answer::refused(NOT_UNDERSTOOD, "options: --json, or --prometheus of stats\n"),
        _ => Answer::refused(NOT_UNDERSTOOD, "control socket: argv[0]: not xfrm, stats or caps\n"),
    };
    Reply::Answer(answer)
}

fn printed(print: impl FnOnce(&mut dyn std::io::Write) -> Result<(), Failure>) -> Answer {
    let mut stdout = Wiped::default();
    match print(&mut stdout) {
        Ok(()) => Answer { stdout, ..Answer::default() },
        Err(error) => Answer::refused(1, format!("{error}\n")),
    }
}

/// `ip xfrm`, as iproute2 reads it and the kernel answers.
fn xfrm<D: XfrmdevOps>(words: Vec<Zeroizing<String>>, core: &mut XfrmCore<D>) -> Reply {
    let command = match xfrm::parse_words(words) {
        Ok(command) => command,
        Err(error) => return Reply::Answer(Answer::refused(NOT_UNDERSTOOD, not_understood(&error))),
    };
    if command.netns.is_some() {
        return Reply::Answer(Answer::refused(NOT_UNDERSTOOD, "-n: a daemon serves one host; name its socket with --socket\n"));
    }
    if let Action::Monitor(monitor) = &command.action {
        return Reply::Subscribe(Subscription::new(&command, monitor));
    }
    tracing::info!(command = command.action.words(), "xfrm");
    let mut stdout = Wiped::default();
    let (status, stderr) = match command::execute(core, &command, &TimeZone::system(), &mut stdout) {
        Ok(()) => (0, String::new()),
        Err(refusal) => {
            tracing::info!(command = command.action.words(), errno = %refusal.errno, reason = refusal.message, "refused");
            (REFUSED, refused(&refusal))
        }
    };
    Reply::Answer(Answer { status, stdout, stderr })
}

/// iproute2's words, and what it expected in a line of its own.
fn not_understood(error: &ParseError) -> String {
    let expected = error.expected.as_ref().map(|expected| format!("expected {expected}\n")).unwrap_or_default();
    format!("{}\n{expected}", error.text)
}

/// rtnl_talk: the kernel's own words (nl_dump_ext_ack), or the meaning of its number.
fn refused(refusal: &Refusal) -> String {
    if refusal.silent {
        return format!("RTNETLINK answers: {}\n", Errno::from_raw(refusal.errno.raw()).desc());
    }
    let stop = if refusal.message.ends_with('.') { "" } else { "." };
    format!("Error: {}{stop}\n", refusal.message)
}
