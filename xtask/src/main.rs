//! `cargo xtask`: each command does all of its own set-up, under `target/tools`.

mod bench;
mod demo;
mod error;
mod generate;
mod guest;
mod setup;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use error::Error;

/// Espalier's chores. Each command installs what it needs.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install the tools into target/tools; every other command does this first.
    Setup,
    /// Write the generated files: docs/registers.md, and the Verilog of the engine, of the card and of the engine at a serial line to target/gen.
    Gen {
        /// Write nothing; fail if a committed file is not what would be written, or the Verilog is not the same twice.
        #[arg(long)]
        check: bool,
    },
    /// Run all tests of the workspace.
    Test {
        /// For `cargo test`: filters and options.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Send the captures of tests/captures through the engine and back, and print what happened.
    Demo,
    /// Measure the engine under full load in clocks: tables, target/bench/hdl.json and hdl.svg.
    Bench(bench::Options),
    /// Boot a guest with the engine as its PCI device and its kernel as the peer, and run the tests there: docs/guide/guest.md.
    Guest(guest::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Setup => setup::setup().map(|tools| println!("Verilator: {}", tools.verilator_root.display())),
        Task::Gen { check } => generate::generate(check),
        Task::Test { arguments } => test(&arguments),
        Task::Demo => demo::demo(),
        Task::Bench(options) => bench::bench(&options),
        Task::Guest(options) => guest::guest(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn test(arguments: &[String]) -> Result<(), Error> {
    setup::with_engine()?;
    run(cargo().args(["test", "--workspace"]).args(arguments))
}

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("")
}

/// The cargo that runs this, in the root.
fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Runs a program that shows its own output.
fn run(command: &mut Command) -> Result<(), Error> {
    let name = || {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| Path::new(word).file_name().unwrap_or(word).to_string_lossy()).collect::<Vec<_>>().join(" ")
    };
    let name = name();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Failed { command: name, status }),
        Err(source) => Err(Error::Start { command: name, source }),
    }
}
