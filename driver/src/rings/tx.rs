//! Frames to be sent.

use std::collections::VecDeque;

use espalier_regs::Event;
use espalier_regs::dma::Fault;
use espalier_regs::tuser::tx_status;
use thiserror::Error;

use super::RingError;
use super::entry::{TxCompletion, TxDescriptor};
use super::memory::Memory;
use crate::bus::{DmaAccess, DmaBus, DmaError};
use crate::xfrm::Direction;

/// Why a frame was not posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PostError {
    /// Its descriptors find no room until others are completed.
    #[error("the ring is full")]
    Full,
    /// It has no bytes.
    #[error("an empty frame")]
    Empty,
    /// It is longer than the ring, or the device's longest frame.
    #[error("{bytes} bytes are more than the longest frame has: {longest}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest.
        longest: usize,
    },
}

/// A frame that the device is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxUsed {
    /// Its number: the frames posted before it.
    pub number: u64,
    /// `m_axis_txstatus_tdata`; none if it never left the host.
    pub status: Option<u32>,
    /// The fault that it met. The ring has stopped, or will.
    pub fault: Option<Fault>,
}

/// A ring of frames to be sent, with a copy of each.
#[derive(Debug)]
pub struct TxRing {
    memory: Memory,
    longest: usize,
    /// Index of the next descriptor.
    tail: u16,
    /// Index of the oldest descriptor that is not completed.
    head: u16,
    /// Index of the next completion.
    next: u16,
    /// Of each frame that is not completed, the oldest first: index behind its last descriptor.
    frames: VecDeque<u16>,
    /// Frames that are completed or abandoned.
    gone: u64,
}

impl TxRing {
    /// An empty one. `entries` is a power of two from 2 to 1024, `buffer_bytes` a multiple of 16; no frame longer than `longest_frame`.
    ///
    /// # Errors
    /// [`DmaError`].
    pub fn new(bus: &mut impl DmaBus, entries: u16, buffer_bytes: u16, longest_frame: u16) -> Result<Self, DmaError> {
        let memory = Memory::new(bus, entries, buffer_bytes, DmaAccess::Read)?;
        let longest = usize::from(longest_frame).min(usize::from(entries) * usize::from(buffer_bytes));
        Ok(Self { memory, longest, tail: 0, head: 0, next: 0, frames: VecDeque::new(), gone: 0 })
    }

    pub(crate) const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What the doorbell is to be written with: the index behind the last descriptor.
    #[must_use]
    pub const fn doorbell(&self) -> u16 {
        self.tail
    }

    /// Frames that were posted so far, since the ring was made.
    #[must_use]
    pub fn posted(&self) -> u64 {
        self.gone + self.frames.len() as u64
    }

    /// Frames that the device has, or is to have.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.frames.len()
    }

    /// A completion waits to be taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.memory.completion(self.next).is_some()
    }

    /// Copies a frame and hands it over; the doorbell is the caller's. `word` goes beside it. Its number is [`Self::posted`] before.
    ///
    /// # Errors
    /// [`PostError`]: nothing was posted.
    pub fn post(&mut self, frame: &[u8], word: u32) -> Result<(), PostError> {
        if frame.is_empty() {
            return Err(PostError::Empty);
        }
        if frame.len() > self.longest {
            return Err(PostError::TooLong { bytes: frame.len(), longest: self.longest });
        }
        let segments = frame.chunks(self.memory.buffer_bytes().into());
        let free = self.memory.entries() - self.tail.wrapping_sub(self.head);
        if segments.len() > free.into() {
            return Err(PostError::Full);
        }
        let last = segments.len() - 1;
        for (number, bytes) in segments.enumerate() {
            self.memory.write_buffer(self.tail, bytes);
            let address = self.memory.buffer(self.tail);
            // Not longer than a buffer, whose length has 16 bits.
            let length = bytes.len() as u16;
            let word = if number == 0 { word } else { 0 };
            self.memory.post(self.tail, TxDescriptor { address, length, last: number == last, word }.encode());
            self.tail = self.tail.wrapping_add(1);
        }
        self.frames.push_back(self.tail);
        Ok(())
    }

    /// The oldest frame that is completed and was not taken yet.
    ///
    /// # Errors
    /// [`RingError::Completion`]: the device contradicts itself, and must be reset.
    pub fn take(&mut self) -> Result<Option<TxUsed>, RingError> {
        let Some(words) = self.memory.completion(self.next) else { return Ok(None) };
        let completion = TxCompletion::decode(words);
        let wrong = |what, found| RingError::Completion { direction: Direction::Out, index: self.next, what, found };
        let end = *self
            .frames
            .front()
            .ok_or_else(|| wrong("no frame is posted, but one is completed up to descriptor", completion.index.into()))?;
        let (used, length) = (completion.index.wrapping_sub(self.head), end.wrapping_sub(self.head));
        // A damaged one, by a fault or by draining, may end early.
        let damaged = |word| tx_status::EVENT.get(word) == u32::from(Event::TxDropError.index());
        let whole = completion.cause == 0 && !completion.status.is_some_and(damaged);
        if used != length && (whole || !(1..length).contains(&used)) {
            return Err(wrong("not the end of the oldest frame, but descriptor", completion.index.into()));
        }
        let fault = completion.fault();
        if fault.is_none() && completion.cause != 0 {
            return Err(wrong("unknown fault", completion.cause));
        }
        let number = self.gone;
        self.frames.pop_front();
        self.gone += 1;
        self.head = end;
        self.next = self.next.wrapping_add(1);
        Ok(Some(TxUsed { number, status: completion.status, fault }))
    }

    /// Begins anew with an empty ring, as the device does when the queue is enabled: the numbers of the frames that are abandoned. The
    /// device must not have the ring.
    pub fn restart(&mut self) -> std::ops::Range<u64> {
        let lost = self.gone..self.posted();
        self.memory.clear();
        self.frames.clear();
        (self.tail, self.head, self.next, self.gone) = (0, 0, 0, lost.end);
        lost
    }
}
