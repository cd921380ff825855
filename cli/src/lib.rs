//! Command line of Espalier: reads `ip xfrm` commands and runs captures through two Verilated NICs.

use std::io;
use std::path::PathBuf;

pub mod check;
pub mod xfrm;

/// Why a command of the command line fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file can't be read.
    #[error("{}: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Lines of a file are not commands.
    #[error("{}", errors.iter().map(|error| format!("{}:{error}", file.display())).collect::<Vec<_>>().join("\n"))]
    Commands {
        /// The file.
        file: PathBuf,
        /// Each wrong line.
        errors: Vec<xfrm::ParseError>,
    },
    /// Output can't be written.
    #[error("output: {0}")]
    Output(#[from] io::Error),
}
