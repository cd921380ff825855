//! The loop: clients come and go, the function is clocked while there is something to do.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::connection::{Connection, ConnectionError, Message};
use super::device::{Device, Refusal, Reset, Traffic};
use super::function::{Link, LinkError, PciFunction};
use super::message::{Command, Kind, code, error, ok};
use super::socket::Socket;
use super::transfer::{Done, Transfers};
use super::version::negotiate;
use crate::Error;
use crate::axi::Access;

/// Clocks from one look at the sockets to the next.
const BATCH: usize = 8;
/// Messages from one batch to the next.
const MESSAGES: usize = 64;
/// Clocks without a move after which the function is at rest, if none of its timers is longer: nothing inside it takes as long.
const QUIET: u64 = 4096;
/// Frames from the wire that wait in front of the function.
const BACKLOG: usize = 2;
/// Writes of the function under way at which no further frame is taken from the wire. Nothing else ties the function's time to the
/// client's: a client that is slower than the simulated wire would lose frames to that alone. So it slows the wire down, as a station does
/// that is paused (IEEE 802.3 annex 31B); with no buffers to write to, frames are lost all the same.
const BEHIND: usize = 4;

/// Why the server ends.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Its socket can't be had.
    #[error("socket {path}: {source}")]
    Socket {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operating system does not let it wait.
    #[error("poll: {0}")]
    Poll(Errno),
    /// The simulation has ended.
    #[error("simulator: {0}")]
    Simulator(#[from] Error),
    /// The other end of the wire has.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// How a device is served.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Path of the socket. It is there as long as the server is.
    pub socket: PathBuf,
    /// The device's serial number, an EUI-64.
    pub serial: u64,
}

/// A client and what is under way with it.
struct Client {
    connection: Connection,
    /// `None` until the version is agreed.
    transfers: Option<Transfers>,
}

/// The server of one device.
pub struct Server<F, L> {
    socket: Socket,
    device: Device<F>,
    link: L,
    client: Option<Client>,
    /// Clocks since something moved.
    quiet: u64,
    /// The longest timer of the function, if it is known.
    timer: Option<u64>,
    /// Whether it takes frames, if that is known.
    receiving: Option<bool>,
    /// The wire may have frames that were not taken, in a buffer of its own too.
    held: bool,
}

/// Why a client is no more, or the server.
enum End {
    Client(ConnectionError),
    Server(Error),
}

impl From<ConnectionError> for End {
    fn from(error: ConnectionError) -> Self {
        Self::Client(error)
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl<F: PciFunction, L: Link> Server<F, L> {
    /// Resets the function and listens. The other end of its wire is `link`.
    ///
    /// # Errors
    /// [`ServerError`]: another server has the socket, for one.
    pub fn new(settings: &Settings, function: F, link: L) -> Result<Self, ServerError> {
        let socket = Socket::listen(&settings.socket).map_err(|source| ServerError::Socket { path: settings.socket.clone(), source })?;
        let device = Device::new(function, settings.serial)?;
        Ok(Self { socket, device, link, client: None, quiet: 0, timer: None, receiving: None, held: false })
    }

    /// Serves until `stop` can be read, one client after another.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn run(&mut self, stop: impl AsFd) -> Result<(), ServerError> {
        loop {
            let rest = self.at_rest()?;
            let ready = self.wait(stop.as_fd(), rest)?;
            if ready.stop {
                return Ok(());
            }
            if ready.listener {
                self.accept();
            }
            if ready.client {
                self.serve()?;
            }
            if ready.link {
                self.take_frames()?;
            }
            if !rest {
                self.clock()?;
            }
            self.deliver()?;
        }
    }

    /// Nothing happens any more unless somebody does something.
    fn at_rest(&mut self) -> Result<bool, Error> {
        if self.quiet < QUIET {
            return Ok(false);
        }
        let timer = match self.timer {
            Some(timer) => timer,
            None => *self.timer.insert(self.device.function.longest_timer()?),
        };
        Ok(self.quiet >= QUIET + timer)
    }

    fn wait(&self, stop: BorrowedFd<'_>, rest: bool) -> Result<Ready, ServerError> {
        let mut fds = vec![PollFd::from_borrowed_fd(stop, PollFlags::IN)];
        fds.push(match &self.client {
            Some(client) => {
                let send = if client.connection.wants_to_send() { PollFlags::OUT } else { PollFlags::empty() };
                PollFd::from_borrowed_fd(client.connection.fd(), PollFlags::IN | send)
            }
            None => PollFd::new(&self.socket, PollFlags::IN),
        });
        // Frames that were left there are no news.
        if !self.held {
            self.link.watch(&mut fds);
        }
        match poll(&mut fds, if rest { None } else { Some(&NOW) }) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(ServerError::Poll(error)),
        }
        let is = |fd: &PollFd<'_>| !fd.revents().is_empty();
        let [stop, socket, link @ ..] = fds.as_slice() else { return Ok(Ready::default()) };
        Ok(Ready {
            stop: is(stop),
            listener: is(socket) && self.client.is_none(),
            client: is(socket) && self.client.is_some(),
            // One without file descriptors always has what it has.
            link: link.is_empty() || link.iter().any(is),
        })
    }

    fn accept(&mut self) {
        match self.socket.accept() {
            Ok(Some(stream)) => {
                tracing::info!("a client has come");
                self.client = Some(Client { connection: Connection::new(stream), transfers: None });
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a client could not be accepted"),
        }
    }

    /// Takes messages of the client.
    fn serve(&mut self) -> Result<(), Error> {
        let Some(mut client) = self.client.take() else { return Ok(()) };
        match self.messages(&mut client) {
            Ok(()) => {
                self.client = Some(client);
                Ok(())
            }
            Err(end) => self.part(client, end),
        }
    }

    /// The client goes; the device is as after power-up.
    fn part(&mut self, mut client: Client, end: End) -> Result<(), Error> {
        match end {
            End::Server(error) => return Err(error),
            End::Client(ConnectionError::Closed) => tracing::info!("the client has gone"),
            End::Client(error) => tracing::warn!(%error, "the client is cut off"),
        }
        self.device.forget();
        self.reset(client.transfers.as_mut(), Reset::Command)
    }

    fn reset(&mut self, transfers: Option<&mut Transfers>, reset: Reset) -> Result<(), Error> {
        self.woken();
        self.device.reset(transfers.map_or_else(Vec::new, |transfers| transfers.abandon(reset)))
    }

    /// Something was done to the function.
    fn woken(&mut self) {
        (self.quiet, self.timer, self.receiving) = (0, None, None);
    }

    fn messages(&mut self, client: &mut Client) -> Result<(), End> {
        client.connection.flush()?;
        for _ in 0..MESSAGES {
            let Some(message) = client.connection.receive()? else { break };
            match message.header.kind {
                Kind::Command { reply } => {
                    let answer = self.command(client, message)?;
                    if reply {
                        client.connection.send(answer)?;
                    }
                }
                Kind::Reply { .. } => self.reply(client, &message)?,
            }
        }
        Ok(())
    }

    /// The reply to a command.
    fn command(&mut self, client: &mut Client, message: Message) -> Result<Vec<u8>, End> {
        let Message { header, body, fds } = message;
        let (id, number) = (header.id, header.command);
        if (number == code::VERSION) != client.transfers.is_none() {
            return Err(ConnectionError::Order(number).into());
        }
        let command = match Command::parse(number, &body, fds) {
            Ok(command) => command,
            Err(refusal) => {
                tracing::warn!(error = %refusal, "refused");
                return Ok(error(id, number, refusal.errno()));
            }
        };
        let Some(transfers) = &mut client.transfers else {
            return agree(client, id, command);
        };
        let traffic = Traffic { pending: transfers.pending(), late: transfers.late() };
        let acts = matches!(command, Command::RegionWrite(..) | Command::SetIrqs(_));
        let outcome = self.device.carry_out(command, traffic);
        if acts {
            self.woken();
        }
        match outcome {
            Ok(outcome) => {
                if let Some(reset) = outcome.reset {
                    tracing::info!(?reset, "reset by the client");
                    self.reset(client.transfers.as_mut(), reset)?;
                }
                Ok(ok(id, number, &[&outcome.body]))
            }
            Err(Refusal::Errno(errno)) => {
                tracing::warn!(command = number, %errno, "refused");
                Ok(error(id, number, errno))
            }
            Err(Refusal::Simulator(error)) => Err(error.into()),
        }
    }

    fn reply(&mut self, client: &mut Client, message: &Message) -> Result<(), End> {
        let Message { header, body, .. } = message;
        let Some(transfers) = &mut client.transfers else { return Err(ConnectionError::Order(header.command).into()) };
        let mut messages = vec![];
        if let Some(done) = transfers.reply(*header, body, &mut messages)? {
            self.device.answer(done);
            self.quiet = 0;
        }
        Ok(messages.into_iter().try_for_each(|message| client.connection.send(message))?)
    }

    /// Takes frames from the wire.
    fn take_frames(&mut self) -> Result<(), ServerError> {
        let receiving = match self.receiving {
            Some(receiving) => receiving,
            None => *self.receiving.insert(self.device.function.receiving()?),
        };
        self.held = true;
        while self.device.function.wire_pending() < BACKLOG && !self.behind() {
            let Some(frame) = self.link.receive(receiving)? else {
                self.held = false;
                break;
            };
            self.device.function.send_wire(&frame);
            self.quiet = 0;
        }
        Ok(())
    }

    /// The client has not yet taken what came before.
    fn behind(&self) -> bool {
        let transfers = self.client.as_ref().and_then(|client| client.transfers.as_ref());
        transfers.is_some_and(|transfers| transfers.writes() >= BEHIND)
    }

    /// Clocks the function, until it wants something.
    fn clock(&mut self) -> Result<(), ServerError> {
        for _ in 0..BATCH {
            self.quiet = if self.device.function.step()? { 0 } else { self.quiet + 1 };
        }
        Ok(())
    }

    /// Brings what the function wants to where it belongs.
    fn deliver(&mut self) -> Result<(), ServerError> {
        for frame in self.device.function.take_wire() {
            self.link.send(&frame)?;
        }
        self.device.watch_intx();
        let accesses = self.device.accesses();
        if accesses.is_empty() {
            return Ok(());
        }
        let Some(mut client) = self.client.take() else {
            accesses.iter().for_each(|access| self.device.answer(Done::failed(access)));
            return Ok(());
        };
        match self.forward(&mut client, accesses) {
            Ok(()) => {
                self.client = Some(client);
                Ok(())
            }
            Err(error) => Ok(self.part(client, error.into())?),
        }
    }

    /// Sends accesses to the client; those that can't be sent are answered.
    fn forward(&mut self, client: &mut Client, accesses: Vec<Access>) -> Result<(), ConnectionError> {
        let mut messages = vec![];
        let mut accesses = accesses.into_iter();
        let mut begun = Ok(());
        if let Some(transfers) = &mut client.transfers {
            for access in accesses.by_ref() {
                let failed = Done::failed(&access);
                begun = transfers.begin(access, &mut messages);
                if begun.is_err() {
                    self.device.answer(failed);
                    break;
                }
            }
        }
        accesses.for_each(|access| self.device.answer(Done::failed(&access)));
        begun?;
        messages.into_iter().try_for_each(|message| client.connection.send(message))
    }
}

/// What there is to do.
#[derive(Default)]
struct Ready {
    stop: bool,
    listener: bool,
    client: bool,
    link: bool,
}

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The reply to the first command.
fn agree(client: &mut Client, id: u16, command: Command) -> Result<Vec<u8>, End> {
    let Command::Version(version) = command else { return Err(ConnectionError::Order(code::VERSION).into()) };
    match negotiate(&version) {
        Ok(agreed) => {
            client.transfers = Some(Transfers::new(agreed.max_transfer));
            Ok(ok(id, code::VERSION, &[&agreed.reply]))
        }
        Err(refusal) => {
            client.connection.send(error(id, code::VERSION, refusal.errno()))?;
            Err(ConnectionError::from(refusal).into())
        }
    }
}
