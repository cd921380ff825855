//! What is said over the control socket: one JSON object a line.
//!
//! Request: `{"argv": ["xfrm", "state", "list"]}`. Response: `{"status": 0, "stdout": "...", "stderr": ""}`, one for each request and in
//! its order. A request for `xfrm monitor` that is understood is answered by lines `{"stdout": "..."}` without end.

use std::borrow::Cow;
use std::io;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::wiped::Wiped;

/// Bytes of the longest request, its newline left out: several times what the longest command needs.
pub const LONGEST_REQUEST: usize = 64 * 1024;
/// Words of the longest request.
pub const MOST_WORDS: usize = 1024;
/// Exit status of a command that iproute2 itself does not understand: its exit(-1).
pub const NOT_UNDERSTOOD: u8 = 255;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow)]
    argv: Vec<Word<'a>>,
}

/// A word is borrowed from the line, which is wiped; only one with escapes is a copy, and moved into what is wiped.
#[derive(Deserialize)]
#[serde(transparent)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

/// What a command has to say, and the exit status of the program that asks.
#[derive(Default)]
pub struct Answer {
    /// Exit status.
    pub status: u8,
    /// For its standard output; may hold keys.
    pub stdout: Wiped,
    /// For its standard error.
    pub stderr: String,
}

impl Answer {
    /// A refusal.
    pub fn refused(status: u8, stderr: impl Into<String>) -> Self {
        Self { status, stderr: stderr.into(), ..Self::default() }
    }
}

/// The words of a request.
///
/// # Errors
/// What is wrong with it, without a byte of it: it may hold a key.
pub fn request(line: &[u8]) -> Result<Vec<Zeroizing<String>>, Answer> {
    let wrong = |why: String| Answer::refused(NOT_UNDERSTOOD, format!("control socket: {why}\n"));
    let request: Request<'_> = serde_json::from_slice(line).map_err(|error| {
        // serde_json's own words would repeat what it found.
        wrong(format!("byte {} of the request: not an object {{\"argv\": [\"word\", ...]}}", error.column()))
    })?;
    if request.argv.len() > MOST_WORDS {
        return Err(wrong(format!("argv has {} words; the most is {MOST_WORDS}", request.argv.len())));
    }
    Ok(request.argv.into_iter().map(|word| Zeroizing::new(word.0.into_owned())).collect())
}

#[derive(Serialize)]
struct Response<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u8>,
    stdout: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<&'a str>,
}

/// Writes the line of an answer.
///
/// # Errors
/// None that a buffer has.
pub fn answer(answer: &Answer, out: &mut Wiped) -> io::Result<()> {
    line(&Response { status: Some(answer.status), stdout: answer.stdout.text(), stderr: Some(&answer.stderr) }, out)
}

/// Writes a line of what a monitor sees.
///
/// # Errors
/// None that a buffer has.
pub fn seen(stdout: &str, out: &mut Wiped) -> io::Result<()> {
    line(&Response { status: None, stdout, stderr: None }, out)
}

fn line(response: &Response<'_>, out: &mut Wiped) -> io::Result<()> {
    serde_json::to_writer(&mut *out, response)?;
    out.extend(b"\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(line: &str) -> Result<Vec<String>, String> {
        request(line.as_bytes()).map(|words| words.iter().map(|word| word.to_string()).collect()).map_err(|refused| refused.stderr)
    }

    #[test]
    fn words_are_what_json_says() {
        assert_eq!(words(r#"{"argv": ["xfrm", "a b", "\u0041\n"]}"#).unwrap(), ["xfrm", "a b", "A\n"]);
        assert_eq!(words(r#" {"argv":[]} "#).unwrap(), [""; 0]);
    }

    #[test]
    fn a_wrong_request_is_refused_without_repeating_it() {
        for line in [
            "",
            "{",
            "[]",
            "null",
            r#"{"argv": "0xdeadbeef"}"#,
            r#"{"argv": [1]}"#,
            r#"{"argv": [], "0xdeadbeef": 1}"#,
            "{}",
            "\"0xdeadbeef\"",
        ] {
            let told = words(line).unwrap_err();
            assert!(told.starts_with("control socket: byte ") && !told.contains("beef"), "{line}: {told}");
        }
        assert!(request(b"{\"argv\": [\"\xff\"]}").is_err());
        let many = format!("{{\"argv\": [{}]}}", vec!["\"\""; MOST_WORDS + 1].join(","));
        assert!(words(&many).unwrap_err().contains("1025 words"));
    }

    #[test]
    fn answers_are_one_line() {
        let mut out = Wiped::default();
        let mut stdout = Wiped::default();
        stdout.extend(b"src a dst b\n\tproto esp\n");
        answer(&Answer { status: 2, stdout, stderr: "Error: \"x\".\n".to_owned() }, &mut out).unwrap();
        seen("x\n", &mut out).unwrap();
        let expected =
            "{\"status\":2,\"stdout\":\"src a dst b\\n\\tproto esp\\n\",\"stderr\":\"Error: \\\"x\\\".\\n\"}\n{\"stdout\":\"x\\n\"}\n";
        assert_eq!(out.text(), expected);
    }
}
