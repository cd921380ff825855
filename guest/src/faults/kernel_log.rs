//! What the kernel says of its IOMMU.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};

use crate::error::{Error, at};

/// Of an interrupt in an emulated machine.
const PATIENCE: Duration = Duration::from_secs(3);

/// The kernel reports but a few faults in five seconds (dmar_fault, DEFAULT_RATELIMIT_INTERVAL).
const REPORTS: Duration = Duration::from_secs(6);
/// When faults were looked for last.
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

/// /dev/kmsg, from now on.
pub struct KernelLog(File);

impl KernelLog {
    /// Begins here, when the kernel is ready to report faults again.
    pub fn new() -> Result<Self, Error> {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = *last {
            thread::sleep(REPORTS.saturating_sub(last.elapsed()));
        }
        *last = Some(Instant::now());
        let mut file = File::open("/dev/kmsg").map_err(at("/dev/kmsg"))?;
        file.seek(SeekFrom::End(0)).map_err(at("/dev/kmsg"))?;
        fcntl_setfl(&file, OFlags::NONBLOCK).map_err(|error| at("/dev/kmsg")(error.into()))?;
        Ok(Self(file))
    }

    /// Waits until the IOMMU has reported a fault at an address of this page of the device's, and gives the line.
    pub fn iommu_fault(&mut self, page: u64) -> Result<String, Error> {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        let mut buffer = [0; 8192];
        loop {
            match self.0.read(&mut buffer) {
                Ok(length) => {
                    let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    if line.contains("DMAR") && line.contains(&format!("fault addr {page:#x}")) {
                        return Ok(line
                            .split_once(';')
                            .map_or(line.clone(), |(_, text)| text.lines().next().unwrap_or_default().to_owned()));
                    }
                    seen.push(line);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if Instant::now() > end {
                        return Err(Error::Wrong(format!("the IOMMU has reported no fault at {page:#x}; the kernel's log: {seen:?}")));
                    }
                    thread::sleep(Duration::from_millis(20));
                }
                // Lines that were overwritten before they were read.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(error) => return Err(at("/dev/kmsg")(error)),
            }
        }
    }
}
