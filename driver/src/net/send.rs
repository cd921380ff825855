//! Frames out.

use espalier_regs::dma::Fault;
use espalier_regs::tuser;
use thiserror::Error;

use super::{NetDevice, TX};
use crate::bus::Bus;
use crate::device::TxStatus;
use crate::error::Error;
use crate::ops::OffloadHandle;
use crate::rings::{PostError, RingError, TxUsed};
use crate::xfrm::Direction;

/// What the core wants of the device for a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TxOffload {
    /// Nothing: the device's policies decide.
    #[default]
    None,
    /// Packet offload: the core has found a policy that says protect. If the device finds none, the frame is dropped, not sent in clear.
    Packet,
    /// Crypto offload: the frame is ESP, and this SA encrypts it.
    Crypto(OffloadHandle),
}

/// Why a frame was not taken.
#[derive(Debug, Error)]
pub enum SendError {
    /// No room until others are completed: see [`NetDevice::wait`].
    #[error("the TX ring is full")]
    Full,
    /// It has no bytes.
    #[error("an empty frame")]
    Empty,
    /// It is longer than the device's longest, or than the whole ring.
    #[error("{bytes} bytes are more than the longest frame has: {longest}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest.
        longest: usize,
    },
    /// Its SA is not in the device (any more), and the frame must be dropped.
    #[error("no such SA")]
    NoSuchSa,
    /// The queue has met a fault: see [`NetDevice::recover`].
    #[error("the TX queue has stopped")]
    Stopped,
    /// The device.
    #[error(transparent)]
    Bus(Error),
}

/// What became of a frame that was given to [`NetDevice::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxDone {
    /// How many were given before it since the device was opened.
    pub frame_number: u64,
    /// The engine has had it, and has counted it as this. None: it never left the host, if there is a fault; or it is lost.
    pub status: Option<TxStatus>,
    /// The fault that it met.
    pub fault: Option<Fault>,
}

impl TxDone {
    /// A reset threw it away before it was completed: it may have gone out, or not.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.status.is_none() && self.fault.is_none()
    }
}

impl<B: Bus> NetDevice<B> {
    /// Copies a frame (from the destination MAC address on, without FCS) and gives it to the device.
    ///
    /// # Errors
    /// [`SendError`]: the frame was not taken, and will not come back from [`Self::sent`]. With [`SendError::Bus`] it was, if it did not
    /// fail before.
    pub fn send(&mut self, frame: &[u8], offload: TxOffload) -> Result<(), SendError> {
        if self.stopped.tx {
            return Err(SendError::Stopped);
        }
        let word = match offload {
            TxOffload::None => 0,
            TxOffload::Packet => tuser::tx::PROTECT.mask(),
            TxOffload::Crypto(handle) => self.device.tx_crypto(handle).map_err(|_| SendError::NoSuchSa)?,
        };
        let mut posted = self.tx.post(frame, word);
        if posted == Err(PostError::Full) {
            self.reap().map_err(SendError::Bus)?;
            posted = self.tx.post(frame, word);
        }
        posted.map_err(|error| match error {
            PostError::Full => SendError::Full,
            PostError::Empty => SendError::Empty,
            PostError::TooLong { bytes, longest } => SendError::TooLong { bytes, longest },
        })?;
        self.stats.sent += 1;
        self.account();
        TX.ring(self.device.registers(), self.tx.doorbell()).map_err(SendError::Bus)
    }

    /// What became of frames since the last call, in the order they were given.
    ///
    /// # Errors
    /// [`Error::Ring`]: the device contradicts itself, and must be reset. Nothing of what is known is lost: it comes with the next call
    /// that succeeds.
    pub fn sent(&mut self) -> Result<Vec<TxDone>, Error> {
        self.reap()?;
        Ok(self.done.drain(..).collect())
    }

    /// Takes completions off the ring.
    pub(super) fn reap(&mut self) -> Result<(), Error> {
        let taken = self.reap_ring();
        self.account();
        taken
    }

    fn reap_ring(&mut self) -> Result<(), Error> {
        while let Some(TxUsed { number, status, fault }) = self.tx.take()? {
            let known = status.map(|word| self.device.tx_status(word).ok_or(word)).transpose();
            self.stats.completed += 1;
            if fault.is_some() {
                self.stats.faults += 1;
                self.stopped.tx = true;
            }
            self.done.push_back(TxDone { frame_number: number, status: known.unwrap_or_default(), fault });
            if let Err(found) = known {
                let (direction, index) = (Direction::Out, number as u16);
                return Err(RingError::Completion { direction, index, what: "unknown event in the status", found }.into());
            }
            if status.is_none() && fault.is_none() {
                let (direction, index) = (Direction::Out, number as u16);
                return Err(
                    RingError::Completion { direction, index, what: "neither status nor fault; frame", found: number as u32 }.into()
                );
            }
        }
        Ok(())
    }

    /// Frames of the ring that will never be completed come back as lost. The device must not have the ring any more.
    pub(super) fn restart_tx(&mut self) -> u64 {
        let lost = self.tx.restart();
        let count = lost.end - lost.start;
        self.stats.lost += count;
        self.done.extend(lost.map(|frame_number| TxDone { frame_number, status: None, fault: None }));
        self.account();
        count
    }

    /// Tells the tables which frames may still carry the number of an SA.
    pub(super) fn account(&mut self) {
        let queued = self.tx.posted();
        self.device.frames_at(queued, queued - self.tx.pending() as u64);
    }
}
