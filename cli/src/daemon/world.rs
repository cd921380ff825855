//! What goes on around a device beside its driver: nothing around a real one, clocks and a wire around a simulated one.

use std::io;
use std::os::fd::BorrowedFd;

use thiserror::Error;

/// Why it can't go on.
#[derive(Debug, Error)]
pub enum WorldError {
    /// The simulator.
    #[error("simulator: {0}")]
    Simulator(#[from] espalier_sim::Error),
    /// What is at the other end of the wire.
    #[error("wire: {0}")]
    Wire(#[from] io::Error),
}

/// What a device's surroundings do.
pub trait World<N> {
    /// Lets a little happen. True: more is under way.
    ///
    /// # Errors
    /// [`WorldError`]
    fn turn(&mut self, nic: &mut N) -> Result<bool, WorldError>;

    /// Something happens when these are readable.
    fn wakers(&self) -> Vec<BorrowedFd<'_>>;
}

/// A device that needs nobody.
impl<N> World<N> for () {
    fn turn(&mut self, _nic: &mut N) -> Result<bool, WorldError> {
        Ok(false)
    }

    fn wakers(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }
}
