//! What can go wrong on a serial line.

use std::fmt;
use std::io;
use std::time::Duration;

use espalier_regs::uart::{Refusal, Request};
use thiserror::Error;

/// Why something did not go over the line.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UartError {
    /// The port can't be opened, or not have this rate.
    #[error("{path}: {source}")]
    Port {
        /// Its name.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The transport failed.
    #[error("the serial line failed: {0}")]
    Line(#[from] io::Error),
    /// A request was not answered.
    #[error("{request}: no answer within {limit:?}: is the board on, and is the rate of the line right?", request = .request.name())]
    NoAnswer {
        /// The request.
        request: Request,
        /// How long was waited.
        limit: Duration,
    },
    /// Something is there, and is no Espalier.
    #[error("no Espalier at this line, or another rate than its: it said {heard} bytes, and no message among them")]
    Babble {
        /// How many bytes were heard.
        heard: usize,
    },
    /// It speaks as an Espalier does, and is none.
    #[error("no Espalier at this line: its first word is {found:#010x}, not {expected:#010x}")]
    Magic {
        /// What was read.
        found: u32,
        /// What an Espalier has.
        expected: u32,
    },
    /// It speaks another version of the messages.
    #[error("the device has version {device} of the serial line's messages, this driver is for version {driver}")]
    Version {
        /// The device's.
        device: u32,
        /// The driver's.
        driver: u32,
    },
    /// A message of the device came damaged; what it said is not known.
    #[error("a message of the device was damaged on the line")]
    Damaged,
    /// The device has thrown messages away.
    #[error("the device has thrown a message away: {0}")]
    Refused(Refusals),
    /// A request failed.
    #[error("{request}: the device answers {code}", request = .request.name())]
    Failed {
        /// The request.
        request: Request,
        /// Code of AXI4: 2 SLVERR, 3 DECERR.
        code: u32,
    },
    /// The device holds no such frame.
    #[error("a frame of {length} bytes: the device takes 1 to {longest}")]
    Length {
        /// Its length.
        length: usize,
        /// The longest.
        longest: usize,
    },
}

/// Why messages were thrown away: WORD of REFUSED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals(pub u32);

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Refusal::ALL.iter().filter(|refusal| self.0 >> refusal.code() & 1 == 1);
        let names: Vec<_> = set.map(|refusal| refusal.name()).collect();
        f.write_str(&names.join(", "))
    }
}
