//! `espalier device`: the simulated card as a PCI device beside a virtual machine.

mod pcap;
mod tap;
mod unix;
mod wire;

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use espalier_sim::Model;
use espalier_sim::card::{Card, CardOptions};
use espalier_sim::vfio_user::{Server, ServerError, Settings};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

pub use wire::{Wire, WireError, WireSpec};

/// How it is run.
#[derive(Debug)]
pub struct Options {
    /// Socket for the virtual machine.
    pub socket: PathBuf,
    /// What is at the wire.
    pub wire: Option<WireSpec>,
    /// File for an FST trace.
    pub trace: Option<PathBuf>,
}

/// Why it does not run, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// An option has a value that it can't have.
    #[error("{0}")]
    Option(String),
    /// The other end of the wire can't be had.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The model can't be made.
    #[error("simulator: {0}")]
    Model(#[from] espalier_sim::Error),
    /// The server ends.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Signals can't be caught.
    #[error("signals: {0}")]
    Signals(#[source] io::Error),
}

/// Serves a card until SIGINT or SIGTERM. Sockets are there when `ready` is called, and gone at the end.
///
/// # Errors
/// [`DeviceError`].
pub fn run(options: &Options, model: impl FnOnce() -> Result<Model, espalier_sim::Error>, ready: impl FnOnce()) -> Result<(), DeviceError> {
    let (stop, signal) = UnixStream::pair().map_err(DeviceError::Signals)?;
    for number in [SIGINT, SIGTERM] {
        let signal = signal.try_clone().map_err(DeviceError::Signals)?;
        pipe::register(number, signal).map_err(DeviceError::Signals)?;
    }
    // What can be wrong with the command line comes before what takes time.
    let wire = Wire::open(options.wire.as_ref())?;
    let mut model = model()?;
    if let Some(trace) = &options.trace {
        model.trace(trace)?;
    }
    let card = Card::new(model, CardOptions::default())?;
    let settings = Settings { socket: options.socket.clone(), serial: serial(&options.socket) };
    let mut server = Server::new(&settings, card, wire)?;
    ready();
    Ok(server.run(stop)?)
}

/// An EUI-64, locally administered, made of the socket's path: two devices of a host differ, one stays the same.
fn serial(socket: &Path) -> u64 {
    // FNV-1a.
    let hash = socket
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    0x02 << 56 | (hash >> 48) << 40 | 0xff_fe << 24 | hash & 0xff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_eui_64_of_their_own() {
        let [a, b] = ["/run/a", "/run/b"].map(|path| serial(Path::new(path)));
        assert_ne!(a, b);
        for serial in [a, b] {
            assert_eq!(serial >> 56, 2);
            assert_eq!(serial >> 24 & 0xffff, 0xfffe);
        }
    }
}
