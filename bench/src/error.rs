/// Why a measurement failed. A figure of traffic that was not carried in full is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The simulator's.
    #[error(transparent)]
    Sim(#[from] espalier_sim::Error),
    /// The driver's.
    #[error(transparent)]
    Driver(#[from] espalier_driver::Error),
    /// The engine did to a frame what the reference model would not have done.
    #[error("{what}: {wrong}")]
    Wrong {
        /// What was measured.
        what: String,
        /// What is wrong.
        wrong: String,
    },
    /// The picture could not be drawn.
    #[error("cannot draw {path}: {reason}")]
    Picture {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl Error {
    pub(crate) fn wrong(what: impl ToString, wrong: impl Into<String>) -> Self {
        Self::Wrong { what: what.to_string(), wrong: wrong.into() }
    }
}
