//! A peer on a UNIX socket: frames with their length before them, four bytes, big endian; QEMU's `-netdev stream,server=off`.
//!
//! Peers come and go. What the card sends while there is none is lost.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use espalier_sim::vfio_user::Socket;
use rustix::event::{PollFd, PollFlags};

/// Longest frame that a peer may send: QEMU's longest.
const MAX_FRAME: usize = 65536 + 4096;
/// Bytes that may wait for a peer; frames beyond are lost.
const MAX_UNSENT: usize = 1 << 20;
/// Bytes read at once.
const CHUNK: usize = 1 << 16;

/// The socket, and the peer if there is one.
pub struct Peer {
    socket: Socket,
    stream: Option<Stream>,
}

struct Stream {
    socket: UnixStream,
    received: Vec<u8>,
    unsent: Vec<u8>,
}

impl Peer {
    /// Listens.
    ///
    /// # Errors
    /// The path can't be had.
    pub fn listen(path: &Path) -> io::Result<Self> {
        Ok(Self { socket: Socket::listen(path)?, stream: None })
    }

    pub(super) fn watch<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        match &self.stream {
            Some(stream) => {
                let send = if stream.unsent.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
                fds.push(PollFd::new(&stream.socket, PollFlags::IN | send));
            }
            None => fds.push(PollFd::new(&self.socket, PollFlags::IN)),
        }
    }

    /// The next frame of the peer. One that breaks the rules is cut off.
    pub(super) fn receive(&mut self) -> Option<Vec<u8>> {
        if self.stream.is_none()
            && let Ok(Some(socket)) = self.socket.accept()
        {
            tracing::info!(wire = %self.socket.path().display(), "a peer has come");
            self.stream = Some(Stream { socket, received: vec![], unsent: vec![] });
        }
        let stream = self.stream.as_mut()?;
        match stream.flush().and_then(|()| stream.receive()) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::info!(wire = %self.socket.path().display(), %error, "the peer has gone");
                self.stream = None;
                None
            }
        }
    }

    pub(super) fn send(&mut self, frame: &[u8]) {
        let Some(stream) = &mut self.stream else { return };
        if stream.unsent.len() + frame.len() > MAX_UNSENT {
            tracing::debug!(bytes = frame.len(), "the peer does not read: a frame is lost");
            return;
        }
        // Frames of the card are far below 2^32.
        stream.unsent.extend((frame.len() as u32).to_be_bytes());
        stream.unsent.extend(frame);
        // What is wrong shows when the peer is read.
        let _ = stream.flush();
    }
}

impl Stream {
    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(bytes) => drop(self.unsent.drain(..bytes)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some((length, rest)) = self.received.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if length == 0 || length > MAX_FRAME {
                    let told = format!("a frame of {length} bytes, where 1 to {MAX_FRAME} are allowed");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, told));
                }
                if let Some(frame) = rest.get(..length) {
                    let frame = frame.to_vec();
                    self.received.drain(..4 + length);
                    return Ok(Some(frame));
                }
            }
            let have = self.received.len();
            self.received.resize(have + CHUNK, 0);
            let got = self.socket.read(&mut self.received[have..]);
            self.received.truncate(have + got.as_ref().map_or(0, |&bytes| bytes));
            match got {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> (tempfile::TempDir, Peer) {
        let folder = tempfile::tempdir().unwrap();
        let peer = Peer::listen(&folder.path().join("wire")).unwrap();
        (folder, peer)
    }

    #[test]
    fn frames_go_both_ways_in_any_pieces() {
        let (_folder, mut wire) = wire();
        wire.send(b"lost: nobody is there");
        let mut peer = UnixStream::connect(wire.socket.path()).unwrap();
        let bytes = [&60u32.to_be_bytes()[..], &[7; 60], &3u32.to_be_bytes(), b"abc"].concat();
        for byte in &bytes[..64] {
            assert_eq!(wire.receive(), None);
            peer.write_all(&[*byte]).unwrap();
        }
        peer.write_all(&bytes[64..]).unwrap();
        assert_eq!(wire.receive(), Some(vec![7; 60]));
        assert_eq!(wire.receive(), Some(b"abc".to_vec()));
        assert_eq!(wire.receive(), None);
        wire.send(&[9; 100]);
        let mut got = [0; 104];
        peer.read_exact(&mut got).unwrap();
        assert_eq!(got[..], [&100u32.to_be_bytes()[..], &[9; 100]].concat());
    }

    #[test]
    fn peers_come_and_go_and_bad_ones_are_cut_off() {
        let (_folder, mut wire) = wire();
        for bad in [0, MAX_FRAME as u32 + 1, u32::MAX] {
            let mut peer = UnixStream::connect(wire.socket.path()).unwrap();
            peer.write_all(&bad.to_be_bytes()).unwrap();
            assert_eq!(wire.receive(), None);
            assert_eq!(peer.read(&mut [0]).unwrap(), 0, "cut off");
        }
        let mut half = UnixStream::connect(wire.socket.path()).unwrap();
        half.write_all(&[0, 0, 0, 60, 1]).unwrap();
        assert_eq!(wire.receive(), None);
        drop(half);
        assert_eq!(wire.receive(), None);
        let mut peer = UnixStream::connect(wire.socket.path()).unwrap();
        peer.write_all(&[0, 0, 0, 1, 5]).unwrap();
        assert_eq!(wire.receive(), Some(vec![5]));
    }

    #[test]
    fn a_peer_that_does_not_read_loses_whole_frames() {
        let (_folder, mut wire) = wire();
        let mut peer = UnixStream::connect(wire.socket.path()).unwrap();
        assert_eq!(wire.receive(), None);
        for _ in 0..5000 {
            wire.send(&[1; 1500]);
        }
        let path = wire.socket.path().to_owned();
        let reader = std::thread::spawn(move || {
            let mut bytes = vec![];
            peer.read_to_end(&mut bytes).unwrap();
            bytes
        });
        while !wire.stream.as_ref().unwrap().unsent.is_empty() {
            assert_eq!(wire.receive(), None);
        }
        drop(wire);
        assert!(!path.exists());
        let bytes = reader.join().unwrap();
        assert!(bytes.len() > MAX_UNSENT && bytes.len().is_multiple_of(1504));
    }
}
