//! A daemon in a thread, with sockets in the place of its TAP and of SIGTERM.

use std::net::IpAddr;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use espalier::daemon::DaemonError;
use espalier::daemon::client;
use espalier::daemon::control::Control;
use espalier::daemon::engine::Engine;
use espalier::daemon::nic::Nic;
use espalier::daemon::world::World;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);

pub struct Bench {
    /// The host's stack.
    pub stack: UnixDatagram,
    pub socket: PathBuf,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<Result<(), DaemonError>>>,
    _folder: tempfile::TempDir,
}

/// What a command said.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub status: u8,
    pub stdout: String,
    pub stderr: String,
}

impl Bench {
    /// `open` makes device and surroundings in the daemon's thread.
    pub fn new<N: Nic, W: World<N>>(open: impl FnOnce() -> (N, W) + Send + 'static, addresses: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("control");
        let (stack, tap) = UnixDatagram::pair().unwrap();
        stack.set_read_timeout(Some(LIMIT)).unwrap();
        tap.set_nonblocking(true).unwrap();
        let (stop, stopped) = UnixStream::pair().unwrap();
        let control = Control::bind(&socket).unwrap();
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let thread = std::thread::spawn(move || {
            let (nic, world) = open();
            let mut engine = Engine::new(nic, tap, world, control, None, stopped)?;
            engine.set_addresses(addresses);
            engine.run()
        });
        Self { stack, socket, stop: Some(stop), thread: Some(thread), _folder: folder }
    }

    pub fn ask(&self, command: &str) -> Said {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = client::ask(&self.socket, &words, &mut out, &mut err).unwrap();
        Said { status, stdout: String::from_utf8(out).unwrap(), stderr: String::from_utf8(err).unwrap() }
    }

    /// A command that must succeed and print nothing.
    pub fn done(&self, command: &str) {
        assert_eq!(self.ask(command), Said { status: 0, stdout: String::new(), stderr: String::new() }, "{command}");
    }

    /// A number of the report.
    pub fn count(&self, group: &str, name: &str) -> u64 {
        let said = self.ask("stats --json");
        let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        report[group][name].as_u64().unwrap_or_else(|| panic!("{group} {name}: {said:?}"))
    }

    /// The next frame for the stack.
    pub fn receive(&self) -> Vec<u8> {
        let mut frame = vec![0; 10_000];
        let length = self.stack.recv(&mut frame).unwrap();
        frame.truncate(length);
        frame
    }

    /// Stops it as SIGTERM does.
    pub fn stop(mut self) -> Result<(), DaemonError> {
        drop(self.stop.take());
        let done = self.thread.take().unwrap().join().unwrap();
        assert!(!self.socket.exists());
        done
    }

    /// Waits for it to stop by itself.
    pub fn ended(mut self) -> Result<(), DaemonError> {
        self.thread.take().unwrap().join().unwrap()
    }
}

/// Waits until `what` has something.
pub fn wait_for<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(begin.elapsed() < LIMIT, "it does not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}
