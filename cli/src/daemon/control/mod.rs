//! The control socket: a Unix socket that only its owner may open, with one JSON object a line (see [`protocol`]).
//!
//! It is served by the thread of the data path, in small pieces: one request of a client in a turn, and nothing that waits. Clients
//! that send nonsense are told so; those that hang, or leave their answers, are forgotten after [`connection::PATIENCE`].

pub mod connection;
pub mod protocol;
pub mod subscription;
pub mod wiped;

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

use espalier_driver::core::MonitorEvent;
use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::Mode;
use zeroize::Zeroizing;

use connection::Connection;
use protocol::Answer;
use subscription::Subscription;
use wiped::Wiped;

/// Clients at a time; one more takes the place of the one that has been quiet for the longest.
pub const MOST_CLIENTS: usize = 32;

/// What becomes of a request.
pub enum Reply {
    /// An answer.
    Answer(Answer),
    /// The client hears of events from now on.
    Subscribe(Subscription),
}

/// How often what was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlCounters {
    /// Clients that came.
    pub clients: u64,
    /// Requests that were carried out, or refused by what they are for.
    pub requests: u64,
    /// Requests that are none.
    pub malformed: u64,
    /// Clients that were forgotten because they let us wait, or others had to have room.
    pub forgotten: u64,
}

/// The socket and its clients.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    clients: Vec<Connection>,
    counters: ControlCounters,
}

impl Control {
    /// Makes the socket. One that is there and that nobody listens to is taken for what a daemon left that was killed.
    ///
    /// # Errors
    /// Somebody listens there, it is another kind of file, or it can't be made.
    pub fn bind(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        // From its first moment on it is the owner's alone.
        let before = rustix::process::umask(Mode::from_raw_mode(0o177));
        let bound = UnixListener::bind(path);
        rustix::process::umask(before);
        let listener = bound?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: path.to_owned(), clients: Vec::new(), counters: ControlCounters::default() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How often what was asked.
    #[must_use]
    pub const fn counters(&self) -> ControlCounters {
        self.counters
    }

    /// How many clients there are.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Somebody listens to sequence numbers.
    #[must_use]
    pub fn hears_aevents(&self) -> bool {
        self.clients.iter().filter_map(Connection::subscription).any(Subscription::aevents)
    }

    /// A request waits that was read already.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.clients.iter().any(Connection::has_request)
    }

    /// What to wait for.
    pub fn poll_fds(&self) -> impl Iterator<Item = PollFd<'_>> {
        let clients = self.clients.iter().map(|client| PollFd::from_borrowed_fd(client.as_fd(), client.interest()));
        std::iter::once(PollFd::from_borrowed_fd(self.listener.as_fd(), PollFlags::IN)).chain(clients)
    }

    /// Lets clients in and out, and carries out one request of each.
    pub fn turn(&mut self, now: Instant, carry_out: &mut dyn FnMut(Vec<Zeroizing<String>>) -> Reply) {
        self.accept(now);
        for client in &mut self.clients {
            match client.read(now) {
                None => {}
                Some(Err(refused)) => {
                    self.counters.malformed += 1;
                    client.answer(&refused);
                }
                Some(Ok(words)) => {
                    self.counters.requests += 1;
                    match carry_out(words) {
                        Reply::Answer(answer) => client.answer(&answer),
                        Reply::Subscribe(subscription) => client.subscribe(subscription),
                    }
                }
            }
            client.write(now);
        }
        let before = self.clients.len();
        self.clients.retain(|client| !client.is_over(now));
        if self.clients.len() < before {
            tracing::debug!(clients = self.clients.len(), "control clients left");
        }
    }

    fn accept(&mut self, now: Instant) {
        // At most as many in a turn as there is room for.
        for _ in 0..MOST_CLIENTS {
            let Ok((stream, _)) = self.listener.accept() else { return };
            let Ok(client) = Connection::new(stream, now) else { continue };
            self.counters.clients += 1;
            if self.clients.len() >= MOST_CLIENTS {
                let quietest = (0..self.clients.len()).min_by_key(|&index| self.clients[index].active());
                quietest.into_iter().for_each(|index| drop(self.clients.remove(index)));
                self.counters.forgotten += 1;
            }
            self.clients.push(client);
        }
    }

    /// Tells an event to those who listen for it.
    pub fn tell(&mut self, event: &MonitorEvent) {
        let now = Timestamp::now();
        for client in &mut self.clients {
            let Some(subscription) = client.subscription().filter(|subscription| subscription.hears(event)) else { continue };
            let mut text = Wiped::default();
            // A buffer takes everything.
            let _ = subscription.print(event, now, &mut text);
            client.tell(text.text());
        }
    }

    /// Writes what clients take.
    pub fn flush(&mut self, now: Instant) {
        self.clients.iter_mut().for_each(|client| client.write(now));
    }

    /// Takes the socket away.
    ///
    /// # Errors
    /// The folder is not ours (any more).
    pub fn close(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "a file that is not a socket is there"));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another daemon listens there")),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
