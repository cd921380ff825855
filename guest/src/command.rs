//! Programs of the guest.

use std::process::{Command, Output};

use crate::error::{Error, at};

/// Runs a program to its end and gives what it printed to stdout.
///
/// # Errors
/// It can't be started, or fails. Keys are in no error.
pub fn run<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Result<String, Error> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let name = || {
        let mut words = vec![program];
        words.extend(arguments.iter().map(|word| if word.starts_with("0x") && word.len() > 32 { "KEY" } else { word }));
        words.join(" ")
    };
    let output = Command::new(program).args(&arguments).env("PATH", "/sbin:/bin").output().map_err(at(name()))?;
    let Output { status, stdout, stderr } = output;
    let text = String::from_utf8_lossy(&stdout).into_owned();
    if status.success() {
        return Ok(text);
    }
    let output = [text.trim(), String::from_utf8_lossy(&stderr).trim()].join(" ").trim().to_owned();
    Err(Error::Command { command: name(), status, output })
}

/// `ip` with these words.
///
/// # Errors
/// As [`run`].
pub fn ip(line: &str) -> Result<String, Error> {
    run("ip", line.split_whitespace())
}
