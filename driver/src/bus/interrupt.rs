//! An interrupt vector as an eventfd.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

/// One vector: the transport signals it, the driver takes it. Clones are the same vector.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<OwnedFd>);

impl Interrupt {
    /// A vector that has not fired.
    ///
    /// # Errors
    /// The operating system gives no eventfd.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// For transports: fires it.
    ///
    /// # Errors
    /// The eventfd refuses.
    pub fn fire(&self) -> io::Result<()> {
        match write(&*self.0, &1u64.to_ne_bytes()) {
            // Its count is at the top: it has fired.
            Ok(_) | Err(Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it has fired since the last call.
    ///
    /// # Errors
    /// The eventfd refuses.
    pub fn take(&self) -> io::Result<bool> {
        match read(&*self.0, &mut [0u8; 8]) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fired_is_taken_once() -> io::Result<()> {
        let vector = Interrupt::new()?;
        assert!(!vector.take()?);
        vector.clone().fire()?;
        vector.fire()?;
        assert!(vector.take()?);
        assert!(!vector.take()?);
        Ok(())
    }
}
