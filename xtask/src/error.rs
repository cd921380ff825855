use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The simulator's set-up, elaboration or build.
    #[error(transparent)]
    Sim(#[from] espalier_sim::Error),
    /// A measurement.
    #[error(transparent)]
    Bench(#[from] espalier_bench::Error),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot run `{command}`: {source}")]
    Start {
        /// Its command line.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed; it has said why.
    #[error("`{command}` failed ({status})")]
    Failed {
        /// Its command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A generated file is not up to date.
    #[error("{path} is not what its source generates; `cargo xtask gen` mends it")]
    Stale {
        /// The file.
        path: PathBuf,
    },
    /// Two elaborations of the same build differ.
    #[error("the Verilog of {name} is not reproducible: two elaborations differ in line {line}")]
    NotReproducible {
        /// The top module.
        name: &'static str,
        /// The first line that differs, from 1.
        line: usize,
    },
    /// A file holds something else.
    #[error("{path}: {source}")]
    Json {
        /// The file, or the command whose output it is.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Runs of the demonstration went wrong.
    #[error("{count} of {total} runs failed")]
    Demo {
        /// How many.
        count: usize,
        /// Of how many.
        total: usize,
    },
    /// A program failed, and printed this.
    #[error("`{command}` failed ({status}):\n{output}")]
    Output {
        /// Its command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// No such board.
    #[error("there is no board `{name}` under constraints/; there are: {known}")]
    Board {
        /// What was asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Synthesis, or what is made for it.
    #[error("{0}")]
    Flow(String),
    /// The area has grown.
    #[error("more area than recorded for {board}:\n{grown}\nif that is wanted: cargo xtask bitstream --board {board} --area --record")]
    Budget {
        /// The board.
        board: String,
        /// What, and where.
        grown: String,
    },
    /// Debian's packages could not be fetched.
    #[error("{0}")]
    Debian(String),
    /// The guest could not be made or run.
    #[error("{0}")]
    Guest(String),
    /// Tests in the guest went wrong.
    #[error("{count} of {total} tests in the guest failed; logs: {logs}")]
    GuestTests {
        /// How many.
        count: usize,
        /// Of how many.
        total: usize,
        /// Where to look.
        logs: PathBuf,
    },
}
