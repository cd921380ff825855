//! The first process of the guest: runs the tests and switches the guest off.

mod command;
mod error;
mod host;
mod init;
mod ipsec;
mod traffic;
mod world;

use std::fs::File;
use std::io::{self, Write};
use std::time::Instant;

use clap::Parser;
use error::Error;
use espalier_guest::report::{Facts, Line};
use ipsec::{Case, Offload};

/// The tests of Espalier's guest; `cargo xtask guest` boots it.
#[derive(Parser)]
struct Options {
    /// Fewer sizes and keys, every mode.
    #[arg(long)]
    quick: bool,
    /// Only tests whose name begins so; may be said again.
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
}

fn main() {
    // Words of the kernel command line that are for others must not keep the tests from running.
    let options = Options::try_parse().unwrap_or_else(|error| {
        eprintln!("{error}");
        Options { quick: false, only: Vec::new() }
    });
    let result = init::set_up().and_then(|()| {
        let mut out = init::report().map_err(error::at("/dev/ttyS1"))?;
        tests(&options, &mut out).map_err(error::at("/dev/ttyS1"))
    });
    if let Err(error) = result {
        eprintln!("error: {error}");
    }
    init::power_off();
}

/// All tests that are asked for.
fn tests(options: &Options, out: &mut File) -> io::Result<()> {
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|prefix| name.starts_with(prefix.as_str()));
    let cases: Vec<_> = ipsec::cases(options.quick).into_iter().filter(|case| wanted(&case.name())).collect();
    let (kernel, _device): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.offload == Offload::None);
    say(out, &Line::Plan { tests: kernel.iter().map(Case::name).collect() })?;
    if !kernel.is_empty() {
        let world = world::Pair::new();
        for case in &kernel {
            test(out, &case.name(), |facts| match &world {
                Ok(_) => ipsec::run(case, options.quick, facts),
                Err(error) => Err(Error::Wrong(format!("no hosts: {error}"))),
            })?;
        }
        if let Err(error) = world.and_then(world::Pair::end) {
            eprintln!("error: {error}");
        }
    }
    say(out, &Line::Off)
}

/// One of them: its lines, and a copy for the console.
fn test(out: &mut File, name: &str, work: impl FnOnce(&mut Facts) -> Result<(), Error>) -> io::Result<()> {
    say(out, &Line::Start { test: name.into() })?;
    eprintln!("test {name}");
    let start = Instant::now();
    let mut facts = Facts::new();
    let why = work(&mut facts).err().map(|error| error.to_string());
    if let Some(why) = &why {
        eprintln!("failed: {why}");
    }
    say(out, &Line::End { test: name.into(), why, seconds: start.elapsed().as_secs_f64(), facts })
}

fn say(out: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    out.write_all(text.as_bytes())
}
