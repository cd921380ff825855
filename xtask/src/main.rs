//! `cargo xtask`: each command does all of its own set-up, under `target/tools`.

mod bench;
mod bitstream;
mod builds;
mod debian;
mod demo;
mod error;
mod generate;
mod guest;
mod header;
mod lint;
mod ports;
mod setup;
mod waves;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

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
    /// Write the generated files: docs/registers.md, docs/integration/*.svg, and the Verilog of each build with its parameter header to target/gen.
    Gen {
        /// Fail if a committed file is not what would be written, if the Verilog is not the same twice, or if Verilator's lint, yosys or
        /// Icarus Verilog has something to say about it.
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
    /// Synthesise a board's build, place and route it, pack its bitstream: area by block, Fmax of every seed, critical path. docs/synthesis.md.
    Bitstream(bitstream::Options),
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
        Task::Bitstream(options) => bitstream::bitstream(&options),
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

/// Runs a program for what it prints.
fn output(command: &mut Command) -> Result<String, Error> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let name = words.filter_map(|word| Path::new(word).file_name()?.to_str()).collect::<Vec<_>>().join(" ");
    let output = command.stdin(Stdio::null()).output().map_err(|source| Error::Start { command: name.clone(), source })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let all = text(&output.stdout) + &text(&output.stderr);
    let lines: Vec<_> = all.lines().collect();
    let output_end = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(Error::Output { command: name, status: output.status, output: output_end })
}
