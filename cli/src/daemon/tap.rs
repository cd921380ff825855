//! The interface towards the host's own stack.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;

use tun_rs::{DeviceBuilder, Layer, SyncDevice};

/// Frames, in and out, one at a time, without waiting.
pub trait Frames: AsFd {
    /// The next frame, of which as much is taken as the buffer holds; none: there is none now.
    ///
    /// # Errors
    /// The interface is gone.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>>;

    /// Hands a frame over.
    ///
    /// # Errors
    /// The interface is gone, or does not take it now.
    fn send(&mut self, frame: &[u8]) -> io::Result<()>;
}

/// A TAP interface of this daemon's; it goes when this is dropped.
pub struct Tap(SyncDevice);

impl Tap {
    /// Makes it, or takes the persistent one of this name over. It is up then.
    ///
    /// # Errors
    /// No /dev/net/tun, no permission, a name that is taken.
    pub fn open(name: &str, mac: Option<[u8; 6]>, mtu: u16) -> io::Result<Self> {
        let builder = DeviceBuilder::new().name(name).layer(Layer::L2).mtu(mtu);
        let device = match mac {
            Some(mac) => builder.mac_addr(mac),
            None => builder,
        }
        .build_sync()?;
        device.set_nonblocking(true)?;
        Ok(Self(device))
    }

    /// Its number in the kernel.
    ///
    /// # Errors
    /// It is gone.
    pub fn index(&self) -> io::Result<u32> {
        self.0.if_index()
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Frames for Tap {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        received(self.0.recv(buffer))
    }

    fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.0.send(frame).map(drop)
    }
}

/// A socket in the place of a TAP: a host in the same process, or a test.
impl Frames for UnixDatagram {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        received(self.recv(buffer))
    }

    fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        Self::send(self, frame).map(drop)
    }
}

/// An interface that is down (EIO) has no frames.
fn received(result: io::Result<usize>) -> io::Result<Option<usize>> {
    const EIO: i32 = 5;
    match result {
        Ok(length) => Ok(Some(length)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) || error.raw_os_error() == Some(EIO) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
