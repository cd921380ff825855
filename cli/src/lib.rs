//! Command line of Espalier: reads `ip xfrm` commands, runs captures through two Verilated NICs, and serves a NIC behind a TAP interface.

use std::io;
use std::path::PathBuf;

pub mod bus;
pub mod check;
pub mod daemon;
pub mod device;
pub mod run;
pub mod scenario;
pub mod tell;
pub mod xfrm;

/// Why a command of the command line fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file can't be read, or a folder made.
    #[error("{}: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Lines of a file are not commands, or can't be carried out.
    #[error("{}", errors.iter().map(|error| format!("{}:{error}", file.display())).collect::<Vec<_>>().join("\n"))]
    Commands {
        /// The file.
        file: PathBuf,
        /// Each wrong line.
        errors: Vec<xfrm::ParseError>,
    },
    /// The driver refuses a line.
    #[error("{}:{}:{}: {error}", file.display(), at.line, at.column)]
    Refused {
        /// The file.
        file: PathBuf,
        /// The line.
        at: xfrm::Position,
        /// Its reason.
        error: espalier_driver::Error,
    },
    /// A capture is no good.
    #[error(transparent)]
    Capture(#[from] run::capture::CaptureError),
    /// The driver fails.
    #[error("driver: {0}")]
    Driver(#[from] espalier_driver::Error),
    /// The serial line of a board fails.
    #[error("board: {0}")]
    Line(#[from] espalier_driver::bus::uart::UartError),
    /// `--bus` with a command that has none.
    #[error("--bus {bus}: {command} has no bus; `run` and `caps` have")]
    NoBus {
        /// What was asked for.
        bus: bus::BusSpec,
        /// The command.
        command: &'static str,
    },
    /// More buses than the command has.
    #[error("--bus {bus}: {command} has {most} at most")]
    ManyBuses {
        /// The one that is too many.
        bus: bus::BusSpec,
        /// The command.
        command: &'static str,
        /// How many it has.
        most: usize,
    },
    /// The simulator fails.
    #[error("simulator: {0}")]
    Simulator(#[from] espalier_sim::Error),
    /// A host of a scenario has not what the scenario needs.
    #[error("scenario: {0}")]
    Core(#[from] espalier_driver::core::XfrmError),
    /// The daemon.
    #[error(transparent)]
    Daemon(#[from] daemon::DaemonError),
    /// There is no answer of a daemon.
    #[error(transparent)]
    Client(#[from] daemon::client::ClientError),
    /// The device can't be served.
    #[error("{0}")]
    Device(#[from] device::DeviceError),
    /// Output can't be written.
    #[error("output: {0}")]
    Output(#[from] io::Error),
}
