use std::io;
use std::process::ExitStatus;

/// Why a test failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Its reason.
        source: io::Error,
    },
    /// A program failed.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// Its command line, without keys.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        output: String,
    },
    /// The driver says so.
    #[error(transparent)]
    Driver(#[from] espalier_driver::Error),
    /// Something is not as it has to be.
    #[error("{0}")]
    Wrong(String),
}

/// Names what was tried.
pub fn at(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { what: what.into(), source }
}

/// Fails with the message unless `condition` holds.
pub fn ensure(condition: bool, message: impl FnOnce() -> String) -> Result<(), Error> {
    if condition { Ok(()) } else { Err(Error::Wrong(message())) }
}

impl From<espalier_driver::bus::BusError> for Error {
    fn from(error: espalier_driver::bus::BusError) -> Self {
        espalier_driver::Error::from(error).into()
    }
}
