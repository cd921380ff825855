//! A client's socket: cuts the bytes into messages, keeps what it does not take at once. Nothing here waits.

use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, recvmsg, send};

use super::message::{HEADER, Header, HeaderError, MAX_FDS};

/// Bytes read at once: memory is taken for what has come, not for what is announced.
const CHUNK: usize = 1 << 16;
/// Bytes that may wait for a client that does not read them.
const MAX_UNSENT: usize = 1 << 22;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The client has closed it.
    #[error("closed by the client")]
    Closed,
    /// The operating system says no.
    #[error("{0}")]
    Io(#[from] Errno),
    /// Its messages can't be told apart.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// It sends more file descriptors than it may.
    #[error("more than {MAX_FDS} file descriptors with a message")]
    Fds,
    /// It asks, and does not read the replies.
    #[error("{0} bytes of replies were not read")]
    Unread(usize),
    /// It leaves accesses of the device without an answer.
    #[error("{0} accesses of the device were not answered")]
    Unanswered(usize),
    /// A reply to nothing, or not what was asked for.
    #[error("reply {id} to command {command}: {reason}")]
    Reply {
        /// Its number.
        id: u16,
        /// Its command.
        command: u16,
        /// What is wrong.
        reason: &'static str,
    },
    /// The first message of a connection is another one.
    #[error("command {0} before the version (command 1), or that a second time")]
    Order(u16),
    /// There is no common version.
    #[error(transparent)]
    Version(#[from] super::version::VersionError),
}

/// A whole message.
pub(super) struct Message {
    pub header: Header,
    pub body: Vec<u8>,
    pub fds: Vec<OwnedFd>,
}

/// The socket.
pub(super) struct Connection {
    stream: UnixStream,
    header: Option<Header>,
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
    unsent: VecDeque<Vec<u8>>,
    unsent_bytes: usize,
    /// Bytes of the first of them that have gone.
    sent: usize,
}

impl Connection {
    /// Takes a socket over that does not block.
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, header: None, bytes: vec![], fds: vec![], unsent: VecDeque::new(), unsent_bytes: 0, sent: 0 }
    }

    /// The socket, to wait for it.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Bytes wait to be sent.
    pub fn wants_to_send(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// The next message, if it has come to its end.
    ///
    /// Reads never go past a message's end, so that file descriptors are those of the message with which they came.
    ///
    /// # Errors
    /// The connection is at its end.
    pub fn receive(&mut self) -> Result<Option<Message>, ConnectionError> {
        loop {
            let wanted = self.header.map_or(HEADER, |header| header.body);
            if self.bytes.len() == wanted {
                let bytes = std::mem::take(&mut self.bytes);
                match self.header.take() {
                    Some(header) => return Ok(Some(Message { header, body: bytes, fds: std::mem::take(&mut self.fds) })),
                    None => {
                        let bytes: &[u8; HEADER] = bytes.as_slice().try_into().map_err(|_| Errno::INVAL)?;
                        self.header = Some(Header::parse(bytes)?);
                    }
                }
            } else if !self.read(wanted)? {
                return Ok(None);
            }
        }
    }

    /// Reads towards `wanted` bytes. False: there are none now.
    fn read(&mut self, wanted: usize) -> Result<bool, ConnectionError> {
        let have = self.bytes.len();
        self.bytes.resize(wanted.min(have + CHUNK), 0);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut buffer = [IoSliceMut::new(&mut self.bytes[have..])];
        let got = recvmsg(&self.stream, &mut buffer, &mut ancillary, RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT);
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                self.fds.extend(fds);
            }
        }
        self.bytes.truncate(have + got.as_ref().map_or(0, |got| got.bytes));
        match got {
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
            Ok(got) if got.flags.contains(ReturnFlags::CTRUNC) || self.fds.len() > MAX_FDS => Err(ConnectionError::Fds),
            Ok(got) if got.bytes == 0 => Err(ConnectionError::Closed),
            Ok(_) => Ok(true),
        }
    }

    /// Sends a message, or keeps it until the client takes it.
    ///
    /// # Errors
    /// The connection is at its end.
    pub fn send(&mut self, message: Vec<u8>) -> Result<(), ConnectionError> {
        self.unsent_bytes += message.len();
        self.unsent.push_back(message);
        self.flush()?;
        if self.unsent_bytes > MAX_UNSENT { Err(ConnectionError::Unread(self.unsent_bytes)) } else { Ok(()) }
    }

    /// Sends what waits, as far as the client takes it. Each message by a call of its own: QEMU wants a header in one piece.
    ///
    /// # Errors
    /// The connection is at its end.
    pub fn flush(&mut self) -> Result<(), ConnectionError> {
        while let Some(message) = self.unsent.front() {
            match send(&self.stream, &message[self.sent..], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(bytes) => {
                    self.sent += bytes;
                    self.unsent_bytes -= bytes;
                    if self.sent == message.len() {
                        self.sent = 0;
                        self.unsent.pop_front();
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(ConnectionError::Closed),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
