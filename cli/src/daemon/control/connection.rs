//! One client of the control socket.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::protocol::{self, Answer, LONGEST_REQUEST, NOT_UNDERSTOOD};
use super::subscription::Subscription;
use super::wiped::Wiped;

/// How long half a request, or an answer that is not taken, may wait.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of events that a listener has not taken; more are lost, and counted, as on a full netlink socket (ENOBUFS).
pub const LISTENER_BACKLOG: usize = 256 * 1024;
/// Bytes read at once.
const PIECE: usize = 4096;

/// A client.
pub struct Connection {
    stream: UnixStream,
    input: Wiped,
    /// Bytes of `input` that are known to hold no newline.
    searched: usize,
    output: Wiped,
    /// Bytes of `output` that the client has.
    taken: usize,
    subscription: Option<Subscription>,
    /// Events that a listener lost since it was told last.
    lost: u64,
    /// When bytes last went either way.
    active: Instant,
    /// Nothing more is read: the answer is the last.
    last: bool,
    gone: bool,
}

impl Connection {
    /// Of an accepted stream.
    ///
    /// # Errors
    /// When it can't be set non-blocking.
    pub fn new(stream: UnixStream, now: Instant) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            input: Wiped::default(),
            searched: 0,
            output: Wiped::default(),
            taken: 0,
            subscription: None,
            lost: 0,
            active: now,
            last: false,
            gone: false,
        })
    }

    /// What it waits for.
    #[must_use]
    pub fn interest(&self) -> PollFlags {
        if self.waiting_output() { PollFlags::OUT } else { PollFlags::IN }
    }

    /// It listens to events.
    #[must_use]
    pub const fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    /// When bytes last went either way.
    #[must_use]
    pub const fn active(&self) -> Instant {
        self.active
    }

    /// It is to be forgotten: it has gone, or let us wait for too long.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        let pending = !self.input.bytes().is_empty() || self.waiting_output();
        let late = pending && self.subscription.is_none() && now.saturating_duration_since(self.active) > PATIENCE;
        self.gone || late || (self.last && !self.waiting_output())
    }

    fn waiting_output(&self) -> bool {
        self.taken < self.output.bytes().len()
    }

    /// Reads what is there, and gives the next request, if it is whole. A client that does not take its answers gets no further.
    pub fn read(&mut self, now: Instant) -> Option<Result<Vec<zeroize::Zeroizing<String>>, Answer>> {
        if self.gone || self.last || self.waiting_output() {
            return None;
        }
        // One request is answered before the next is read: what one client can ask for at a time is bounded.
        if let Some(request) = self.next_line() {
            return Some(request);
        }
        let mut piece = zeroize::Zeroizing::new([0; PIECE]);
        match self.stream.read(&mut *piece) {
            Ok(0) => self.gone = true,
            Ok(count) => {
                self.active = now;
                // A listener has nothing more to say.
                if self.subscription.is_none() {
                    self.input.extend(&piece[..count]);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.gone = true,
        }
        self.next_line()
    }

    /// A request is there that was read and not answered.
    #[must_use]
    pub fn has_request(&self) -> bool {
        !self.waiting_output() && !self.last && self.input.bytes()[self.searched..].contains(&b'\n')
    }

    fn next_line(&mut self) -> Option<Result<Vec<zeroize::Zeroizing<String>>, Answer>> {
        let bytes = self.input.bytes();
        let newline = bytes[self.searched..].iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
        if newline.unwrap_or(bytes.len()) > LONGEST_REQUEST {
            self.last = true;
            self.input = Wiped::default();
            self.searched = 0;
            let told = format!("control socket: a request has at most {LONGEST_REQUEST} bytes\n");
            return Some(Err(Answer::refused(NOT_UNDERSTOOD, told)));
        }
        let Some(newline) = newline else {
            self.searched = bytes.len();
            return None;
        };
        let request = protocol::request(&bytes[..newline]);
        self.input.consume(newline + 1);
        self.searched = 0;
        Some(request)
    }

    /// Queues an answer.
    pub fn answer(&mut self, answer: &Answer) {
        self.gone |= protocol::answer(answer, &mut self.output).is_err();
    }

    /// From now on it hears of events.
    pub fn subscribe(&mut self, subscription: Subscription) {
        self.subscription = Some(subscription);
        self.input = Wiped::default();
        self.searched = 0;
    }

    /// Queues what a listener sees; if it has not taken enough of what was before, this is lost.
    pub fn tell(&mut self, text: &str) {
        if self.output.bytes().len() - self.taken > LISTENER_BACKLOG {
            self.lost += 1;
            return;
        }
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            self.gone |= protocol::seen(&format!("{lost} events were lost here\n"), &mut self.output).is_err();
        }
        self.gone |= protocol::seen(text, &mut self.output).is_err();
    }

    /// Writes what it takes.
    pub fn write(&mut self, now: Instant) {
        while self.waiting_output() && !self.gone {
            match self.stream.write(&self.output.bytes()[self.taken..]) {
                Ok(0) => self.gone = true,
                Ok(count) => {
                    self.active = now;
                    self.taken += count;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.gone = true,
            }
        }
        if self.taken == self.output.bytes().len() || self.taken > LISTENER_BACKLOG {
            self.output.consume(self.taken);
            self.taken = 0;
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
