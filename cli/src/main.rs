//! `espalier`: see `espalier --help`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use espalier::{Failure, check};

/// An open IPsec ESP offload engine: its command line.
#[derive(Parser)]
#[command(version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read `ip xfrm` commands.
    Xfrm(Xfrm),
}

#[derive(Args)]
struct Xfrm {
    /// Say in plain words what each `ip xfrm` command of FILE means, or what is wrong with it; nothing is programmed.
    #[arg(long, value_name = "FILE")]
    check: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = io::stdout().lock();
    let result = match &cli.command {
        Command::Xfrm(Xfrm { check: file }) => check::check(file, &mut out),
    };
    match result.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
