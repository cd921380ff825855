//! `--bus`: what a device is behind.

use std::fmt;
use std::str::FromStr;

use espalier_driver::bus::uart::BAUD;

/// One of the buses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BusSpec {
    /// The simulator.
    #[default]
    Sim,
    /// A board at a serial port.
    Uart {
        /// The port.
        path: String,
        /// Its rate in bits a second.
        baud: u32,
    },
}

/// Why a word is no bus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// It names none of the buses.
    #[error("there is no bus {0:?}: write sim, or uart:PORT, or uart:PORT,BAUD")]
    Unknown(String),
    /// The serial port is missing.
    #[error("uart: needs a serial port, as in uart:/dev/ttyUSB0")]
    NoPort,
    /// The rate is no number.
    #[error("{0:?} is no rate in bits a second")]
    Baud(String),
}

impl FromStr for BusSpec {
    type Err = BusError;

    fn from_str(word: &str) -> Result<Self, BusError> {
        if word == "sim" {
            return Ok(Self::Sim);
        }
        let port = word.strip_prefix("uart:").ok_or_else(|| BusError::Unknown(word.to_owned()))?;
        let (path, baud) = match port.split_once(',') {
            Some((path, baud)) => (path, baud.parse().ok().filter(|&baud| baud > 0).ok_or_else(|| BusError::Baud(baud.to_owned()))?),
            None => (port, BAUD),
        };
        if path.is_empty() {
            return Err(BusError::NoPort);
        }
        Ok(Self::Uart { path: path.to_owned(), baud })
    }
}

impl fmt::Display for BusSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sim => f.write_str("sim"),
            Self::Uart { path, baud } => write!(f, "uart:{path},{baud}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buses_are_named_by_their_words() {
        let port = |path: &str, baud| Ok(BusSpec::Uart { path: path.to_owned(), baud });
        assert_eq!("sim".parse(), Ok(BusSpec::Sim));
        assert_eq!("uart:/dev/ttyUSB0".parse(), port("/dev/ttyUSB0", 3_000_000));
        assert_eq!("uart:/dev/ttyUSB0,115200".parse(), port("/dev/ttyUSB0", 115_200));
        for (word, error) in [
            ("uart", "there is no bus \"uart\": write sim, or uart:PORT, or uart:PORT,BAUD"),
            ("uart:", "uart: needs a serial port, as in uart:/dev/ttyUSB0"),
            ("uart:/dev/ttyUSB0,fast", "\"fast\" is no rate in bits a second"),
            ("uart:/dev/ttyUSB0,0", "\"0\" is no rate in bits a second"),
        ] {
            assert_eq!(word.parse::<BusSpec>().map_err(|error| error.to_string()), Err(error.to_owned()));
        }
    }
}
