//! A TAP interface: what the host sends into it comes from the wire, and the other way round.

use std::io;

use espalier_sim::vfio_user::LinkError;
use rustix::event::{PollFd, PollFlags};
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

/// Longest frame: an MTU of 65535 with header and VLAN tag.
const MAX_FRAME: usize = 65535 + 18;

/// The interface. It goes with the process, unless it was there before.
pub struct Tap {
    device: SyncDevice,
    name: String,
    buffer: Vec<u8>,
}

impl Tap {
    /// Makes it, or takes one that is there, and brings it up.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(name: &str) -> io::Result<Self> {
        let device = DeviceBuilder::new().name(name).layer(Layer::L2).build_sync()?;
        device.set_nonblocking(true)?;
        Ok(Self { device, name: name.to_owned(), buffer: vec![0; MAX_FRAME] })
    }

    pub(super) fn watch<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        fds.push(PollFd::new(&self.device, PollFlags::IN));
    }

    fn failed(&self, source: io::Error) -> LinkError {
        LinkError { wire: format!("tap:{}", self.name), source }
    }

    pub(super) fn receive(&mut self) -> Result<Option<Vec<u8>>, LinkError> {
        match self.device.recv(&mut self.buffer) {
            Ok(bytes) => Ok(Some(self.buffer[..bytes].to_vec())),
            Err(error) if lost(&error) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        match self.device.send(frame) {
            Err(error) if !lost(&error) => Err(self.failed(error)),
            _ => Ok(()),
        }
    }
}

/// Nothing there, no room, or the interface is down (EIO), as a cable may be.
fn lost(error: &io::Error) -> bool {
    let down = rustix::io::Errno::IO.raw_os_error();
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) || error.raw_os_error() == Some(down)
}
