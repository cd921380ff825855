//! A server on a thread of its own.

use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use espalier_driver::bus::Interrupt;
use espalier_sim::vfio_user::{Link, LinkError, Server, ServerError, Settings};
use rustix::event::{PollFd, PollFlags};

use crate::function::{Seen, Software};

pub const SERIAL: u64 = 0x0200_00ff_fe12_3456;

#[derive(Clone)]
struct Cable {
    wake: Interrupt,
    queues: Arc<Mutex<[VecDeque<Vec<u8>>; 2]>>,
}

impl Link for Cable {
    fn watch<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        fds.push(PollFd::new(&self.wake, PollFlags::IN));
    }

    fn receive(&mut self, receiving: bool) -> Result<Option<Vec<u8>>, LinkError> {
        // As one that reads all there is into a buffer of its own: what is left there wakes nobody.
        self.wake.take().unwrap();
        let frame = self.queues.lock().unwrap()[0].pop_front();
        Ok(frame.filter(|_| receiving))
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        self.queues.lock().unwrap()[1].push_back(frame.to_vec());
        Ok(())
    }
}

pub struct Served {
    _folder: tempfile::TempDir,
    pub socket: PathBuf,
    cable: Cable,
    seen: Arc<Mutex<Seen>>,
    stop: UnixStream,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
}

fn cable() -> Cable {
    Cable { wake: Interrupt::new().unwrap(), queues: Arc::default() }
}

fn serve(socket: &Path, function: Software, cable: Cable) -> Result<Server<Software, Cable>, ServerError> {
    Server::new(&Settings { socket: socket.to_owned(), serial: SERIAL }, function, cable)
}

/// A server that does not run.
pub fn server(socket: &Path) -> Result<impl Sized, ServerError> {
    serve(socket, Software::default(), cable())
}

impl Served {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("device.sock");
        let (function, cable) = (Software::default(), cable());
        let seen = Arc::clone(&function.seen);
        let mut server = serve(&socket, function, cable.clone()).unwrap();
        let (stop, stopped) = UnixStream::pair().unwrap();
        let thread = Some(std::thread::spawn(move || server.run(stopped)));
        Self { _folder: folder, socket, cable, seen, stop, thread }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub fn frame(&self, frame: &[u8]) {
        self.cable.queues.lock().unwrap()[0].push_back(frame.to_vec());
        self.cable.wake.fire().unwrap();
    }

    /// The server has taken every frame.
    pub fn taken(&self) -> bool {
        self.cable.queues.lock().unwrap()[0].is_empty()
    }

    pub fn sent(&self) -> Option<Vec<u8>> {
        self.cable.queues.lock().unwrap()[1].pop_front()
    }

    pub fn sent_soon(&self) -> Vec<u8> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(frame) = self.sent() {
                return frame;
            }
            assert!(Instant::now() < deadline, "no frame");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// It must run until it is told to stop, and end well.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            assert!(!thread.is_finished(), "the server has ended by itself: {:?}", thread.join());
            std::io::Write::write_all(&mut self.stop, &[1]).unwrap();
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}
