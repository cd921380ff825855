//! What the wire of a simulated NIC ends in: a socket with frames behind their length, as of `qemu -netdev stream`, or a TAP interface.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::options;
use super::tap::{Frames, Tap};

/// Bytes of a length, big endian.
const LENGTH: usize = 4;
/// The longest frame of the engine; whoever says more is not talking of frames.
const LONGEST: usize = 9_234;
/// Bytes that wait for the other end; what comes then is lost, as on a wire that nobody listens to.
const BACKLOG: usize = 1 << 20;
/// Frames taken in a turn.
const BURST: usize = 64;

/// The end of a wire.
pub enum Wire {
    /// We listen; one peer at a time.
    Listen {
        /// Where peers come.
        listener: UnixListener,
        /// Its name, which goes with us.
        path: PathBuf,
        /// Who came last.
        peer: Option<Peer>,
    },
    /// Somebody else listens.
    Connect(Peer),
    /// An interface.
    Tap(Tap),
}

impl Wire {
    /// As the option says.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn open(wire: &options::Wire) -> io::Result<Self> {
        Ok(match wire {
            options::Wire::Listen(path) => {
                let listener = UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Self::Listen { listener, path: path.clone(), peer: None }
            }
            options::Wire::Connect(path) => Self::Connect(Peer::new(UnixStream::connect(Path::new(path))?)?),
            options::Wire::Tap(name) => Self::Tap(Tap::open(name, None, LONGEST as u16 - 14)?),
        })
    }

    /// Frames that have come. A peer that goes, or talks of something else than frames, is forgotten.
    ///
    /// # Errors
    /// The interface is gone.
    pub fn receive(&mut self) -> io::Result<Vec<Vec<u8>>> {
        match self {
            Self::Listen { listener, peer, .. } => {
                if let Ok((stream, _)) = listener.accept() {
                    tracing::info!("a peer has come to the wire");
                    *peer = Some(Peer::new(stream)?);
                }
                Ok(peer.as_mut().map(Peer::receive).unwrap_or_default())
            }
            Self::Connect(peer) => Ok(peer.receive()),
            Self::Tap(tap) => {
                let mut buffer = [0; LONGEST];
                let mut frames = Vec::new();
                while frames.len() < BURST
                    && let Some(length) = tap.receive(&mut buffer)?
                {
                    frames.push(buffer[..length].to_vec());
                }
                Ok(frames)
            }
        }
    }

    /// A frame for the other end. A wire does not tell whether it came there.
    pub fn send(&mut self, frame: &[u8]) {
        match self {
            Self::Listen { peer, .. } => peer.iter_mut().for_each(|peer| peer.send(frame)),
            Self::Connect(peer) => peer.send(frame),
            Self::Tap(tap) => {
                if let Err(error) = Frames::send(tap, frame) {
                    tracing::debug!(%error, "the wire's interface takes no frame");
                }
            }
        }
    }

    /// Something has come when these are readable.
    #[must_use]
    pub fn wakers(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Self::Listen { listener, peer, .. } => std::iter::once(listener.as_fd()).chain(peer.iter().filter_map(Peer::waker)).collect(),
            Self::Connect(peer) => peer.waker().into_iter().collect(),
            Self::Tap(tap) => vec![tap.as_fd()],
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Self::Listen { path, .. } = self {
            // It may be gone already.
            let _ = fs::remove_file(path);
        }
    }
}

/// The other end of a socket.
pub struct Peer {
    stream: UnixStream,
    input: Vec<u8>,
    output: VecDeque<u8>,
    gone: bool,
}

impl Peer {
    fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, input: Vec::new(), output: VecDeque::new(), gone: false })
    }

    fn waker(&self) -> Option<BorrowedFd<'_>> {
        (!self.gone).then(|| self.stream.as_fd())
    }

    fn receive(&mut self) -> Vec<Vec<u8>> {
        self.flush();
        let mut piece = [0; 16 * 1024];
        while !self.gone && self.input.len() < BURST * LONGEST {
            match self.stream.read(&mut piece) {
                Ok(0) => self.leave("it has closed"),
                Ok(count) => self.input.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => self.leave(&error.to_string()),
            }
        }
        let mut frames = Vec::new();
        let mut taken = 0;
        while let Some(length) = self.input[taken..].first_chunk::<LENGTH>().map(|length| u32::from_be_bytes(*length) as usize) {
            if length == 0 || length > LONGEST {
                self.leave(&format!("a frame of {length} bytes; the longest has {LONGEST}"));
                self.input.clear();
                return frames;
            }
            let Some(frame) = self.input[taken + LENGTH..].get(..length) else { break };
            frames.push(frame.to_vec());
            taken += LENGTH + length;
        }
        self.input.drain(..taken);
        frames
    }

    fn send(&mut self, frame: &[u8]) {
        if !self.gone && self.output.len() <= BACKLOG {
            self.output.extend((frame.len() as u32).to_be_bytes());
            self.output.extend(frame);
            self.flush();
        }
    }

    fn flush(&mut self) {
        while !self.gone && !self.output.is_empty() {
            match self.stream.write(self.output.as_slices().0) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => self.leave(&error.to_string()),
            }
        }
    }

    fn leave(&mut self, why: &str) {
        tracing::info!(why, "the peer has left the wire");
        self.gone = true;
        self.output.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ends() -> (tempfile::TempDir, Wire, Wire) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wire");
        let here = Wire::open(&options::Wire::Listen(path.clone())).unwrap();
        let there = Wire::open(&options::Wire::Connect(path)).unwrap();
        (folder, here, there)
    }

    #[test]
    fn frames_keep_their_bounds() {
        let (_folder, mut here, mut there) = ends();
        let frames = [vec![1; 60], vec![2; LONGEST], vec![3]];
        // Nobody listens yet: it is lost.
        here.send(&frames[0]);
        assert_eq!(here.receive().unwrap(), [[0u8; 0]; 0]);
        frames.iter().for_each(|frame| there.send(frame));
        assert_eq!(here.receive().unwrap(), frames);
        frames.iter().for_each(|frame| here.send(frame));
        assert_eq!(there.receive().unwrap(), frames);
    }

    #[test]
    fn a_peer_that_talks_nonsense_is_forgotten_and_another_may_come() {
        let (folder, mut here, mut there) = ends();
        let Wire::Connect(peer) = &mut there else { panic!() };
        peer.output.extend([0xff; 64]);
        peer.flush();
        assert!(here.receive().unwrap().is_empty() && here.wakers().len() == 1);
        let mut another = Wire::open(&options::Wire::Connect(folder.path().join("wire"))).unwrap();
        another.send(&[7; 60]);
        assert_eq!(here.receive().unwrap(), [vec![7; 60]]);
    }

    #[test]
    fn the_socket_goes_with_the_wire() {
        let (folder, here, _there) = ends();
        drop(here);
        assert!(!folder.path().join("wire").exists());
    }
}
