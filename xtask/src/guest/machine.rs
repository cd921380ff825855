//! QEMU with the device and the wire, and what the guest says.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::tools::Tools;
use crate::error::Error;

/// How long the guest may say nothing: the longest test, with a slow machine's margin.
const SILENCE: Duration = Duration::from_secs(150);
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// A process that ends with the value.
pub struct Process(Child);

impl Process {
    /// Starts it with nothing to read and all that it prints in `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, Error> {
        let file = File::create(log).and_then(|file| Ok((file.try_clone()?, file)));
        let (out, err) = file.map_err(|source| Error::Io { path: log.into(), source })?;
        spawn(command.stdin(Stdio::null()).stdout(out).stderr(err))
    }

    /// Whether it has not ended by itself.
    pub fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(command: &mut Command) -> Result<Process, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.spawn().map(Process).map_err(|source| Error::Start { command: name, source })
}

/// The guest: a PC with an IOMMU in software emulation, which works everywhere.
pub struct Machine<'a> {
    /// QEMU and the kernel.
    pub tools: &'a Tools,
    /// Its initramfs.
    pub image: &'a Path,
    /// Socket of `espalier device`.
    pub device: &'a Path,
    /// Socket of its wire: frames with a big-endian length before each.
    pub wire: &'a Path,
    /// For console.log (the kernel's words) and qemu.log.
    pub logs: &'a Path,
    /// For the guest's first process.
    pub arguments: &'a [String],
}

impl Machine<'_> {
    /// Boots it and gives each line that the guest's tests print to `line`, until the guest is off or has taken too long. Why it did not
    /// come to its end.
    pub fn run(&self, mut line: impl FnMut(&str)) -> Result<(), Error> {
        let mut command = self.command();
        let log = self.logs.join("qemu.log");
        let errors = File::create(&log).map_err(|source| Error::Io { path: log, source })?;
        let mut process = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors))?;
        let lines = lines(&mut process);
        let end = Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match lines.recv_timeout(SILENCE.min(left)) {
                Ok(text) => line(text.trim_end()),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) if left < SILENCE => {
                    return Err(Error::Guest(format!("the guest is not done after {} minutes", LIMIT.as_secs() / 60)));
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Error::Guest(format!("the guest has said nothing for {} seconds", SILENCE.as_secs())));
                }
            }
        }
    }

    fn command(&self) -> Command {
        let mut command = self.tools.qemu();
        let path = |path: &Path| path.display().to_string();
        // x-msg-timeout: the simulator may be slow, never dead.
        let device = serde_json::json!({
            "driver": "vfio-user-pci", "addr": "05.0", "x-msg-timeout": 60_000, "socket": { "type": "unix", "path": path(self.device) },
        });
        command
            .args("-M q35 -accel tcg,thread=multi -cpu max -m 768 -smp 1 -nodefaults -display none -no-reboot".split(' '))
            // caching-mode: QEMU hears of what is mapped and what is not any more.
            .args(["-device", "intel-iommu,intremap=on,caching-mode=on"])
            // The first port is the kernel's console, the second one the tests'.
            .args(["-serial", &format!("file:{}", path(&self.logs.join("console.log"))), "-serial", "stdio", "-monitor", "none"])
            .args(["-netdev", &format!("stream,id=wire,server=off,addr.type=unix,addr.path={}", path(self.wire))])
            .args(["-device", "virtio-net-pci,netdev=wire,mac=02:00:00:00:00:01,romfile="])
            .args(["-device", &device.to_string()])
            .arg("-kernel")
            .arg(self.tools.kernel())
            .arg("-initrd")
            .arg(self.image)
            .args(["-append", &format!("console=ttyS0 panic=-1 intel_iommu=on -- {}", self.arguments.join(" "))]);
        command
    }
}

fn lines(process: &mut Process) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = process.0.stdout.take() {
        thread::spawn(move || {
            // Ends with QEMU, or when nobody listens any more.
            let _ = BufReader::new(output)
                .split(b'\n')
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(String::from_utf8_lossy(&line).into_owned()));
        });
    }
    receiver
}
