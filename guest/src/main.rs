//! The first process of the guest: runs the tests and switches the guest off.

mod command;
mod device;
mod driver;
mod error;
mod faults;
mod host;
mod init;
mod ipsec;
mod plan;
mod traffic;
mod world;

use std::process::ExitCode;

use clap::Parser;
use error::Error;
use espalier_guest::report::Facts;

/// A test: it tells what it has counted.
type Test = fn(&mut Facts) -> Result<(), Error>;

/// The tests of Espalier's guest; `cargo xtask guest` boots it.
#[derive(Parser)]
struct Options {
    /// Fewer sizes and keys, every mode.
    #[arg(long)]
    quick: bool,
    /// Only tests whose name begins so; may be said again.
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
    /// Be the process that a test kills.
    #[arg(long, hide = true)]
    flood: bool,
}

fn main() -> ExitCode {
    // Words of the kernel command line that are for others must not keep the tests from running.
    let options = Options::try_parse().unwrap_or_else(|error| {
        eprintln!("{error}");
        Options { quick: false, only: Vec::new(), flood: false }
    });
    let result = if options.flood { faults::flood() } else { plan::run(&options) };
    if let Err(error) = &result {
        eprintln!("error: {error}");
    }
    init::power_off();
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
