//! Received frames.

use espalier_regs::dma::Fault;

use super::RingError;
use super::entry::{RxCompletion, RxDescriptor};
use super::memory::Memory;
use crate::bus::{DmaAccess, DmaBus, DmaError};
use crate::xfrm::Direction;

/// More bytes than any frame has: the end of one was missed.
const ENDLESS: usize = 1 << 16;

/// What a completed buffer has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RxDone {
    /// A frame.
    Frame {
        /// From the destination MAC address on, without FCS.
        bytes: Vec<u8>,
        /// `m_axis_host_tuser`.
        word: u32,
    },
    /// A frame that was lost on its way into memory. The ring has stopped, or will.
    Lost(Fault),
}

/// A ring of buffers for received frames.
#[derive(Debug)]
pub struct RxRing {
    memory: Memory,
    /// Index of the next descriptor.
    tail: u16,
    /// Index of the oldest descriptor that is not completed.
    head: u16,
    /// Index of the next completion.
    next: u16,
    /// A fault was completed: the buffers that its frame would have had next are not completed, those of frames begun before it was seen
    /// are. None is posted again before the ring begins anew.
    faulted: bool,
    /// What the doorbell says.
    rung: u16,
    /// The frame that is not complete yet.
    partial: Option<Vec<u8>>,
}

impl RxRing {
    /// One whose buffers are all posted. `entries` is a power of two from 2 to 1024, `buffer_bytes` a multiple of 16.
    ///
    /// # Errors
    /// [`DmaError`].
    pub fn new(bus: &mut impl DmaBus, entries: u16, buffer_bytes: u16) -> Result<Self, DmaError> {
        let memory = Memory::new(bus, entries, buffer_bytes, DmaAccess::ReadWrite)?;
        let mut ring = Self { memory, tail: 0, head: 0, next: 0, faulted: false, rung: 0, partial: None };
        ring.restart();
        Ok(ring)
    }

    pub(crate) const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// A completion waits to be taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.memory.completion(self.next).is_some()
    }

    /// What the doorbell is to be written with, if `urgent` and it says less; not urgent: if a quarter of the ring is not the device's.
    #[must_use]
    pub fn doorbell(&mut self, urgent: bool) -> Option<u16> {
        let due = self.tail.wrapping_sub(self.rung);
        let wanted = if urgent { due > 0 } else { due >= self.memory.entries().div_ceil(4) };
        wanted.then(|| {
            self.rung = self.tail;
            self.tail
        })
    }

    /// The next frame, once all of it is there. The buffers are posted again; the doorbell is the caller's.
    ///
    /// # Errors
    /// [`RingError::Completion`]: the device contradicts itself, and must be reset.
    pub fn take(&mut self) -> Result<Option<RxDone>, RingError> {
        while let Some(words) = self.memory.completion(self.next) {
            if let Some(done) = self.used(RxCompletion::decode(words))? {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }

    /// Takes a completed buffer: what it ends.
    fn used(&mut self, completion: RxCompletion) -> Result<Option<RxDone>, RingError> {
        let (index, buffer) = (self.next, completion.index.wrapping_sub(1));
        let wrong = |what, found| RingError::Completion { direction: Direction::In, index, what, found };
        if buffer.wrapping_sub(self.head) >= self.tail.wrapping_sub(self.head) {
            return Err(wrong("a buffer that is not posted, the one before descriptor", completion.index.into()));
        }
        if buffer != self.head && !self.faulted {
            return Err(wrong("not the oldest buffer, but the one before descriptor", completion.index.into()));
        }
        let done = if completion.cause != 0 {
            let fault = completion.fault().ok_or_else(|| wrong("unknown fault", completion.cause))?;
            self.partial = None;
            self.faulted = true;
            Some(RxDone::Lost(fault))
        } else {
            if completion.length == 0 || completion.length > self.memory.buffer_bytes() {
                return Err(wrong("impossible length", completion.length.into()));
            }
            let mut bytes = match (completion.first, self.partial.take()) {
                (true, None) => Vec::new(),
                (false, Some(bytes)) => bytes,
                (true, Some(_)) => return Err(wrong("a frame begins within another; length", completion.length.into())),
                (false, None) => return Err(wrong("a frame without its beginning; length", completion.length.into())),
            };
            self.memory.read_buffer(buffer, completion.length, &mut bytes);
            if bytes.len() >= ENDLESS {
                return Err(wrong("a frame does not end; length", completion.length.into()));
            }
            if completion.last {
                Some(RxDone::Frame { bytes, word: completion.word })
            } else {
                self.partial = Some(bytes);
                None
            }
        };
        self.next = self.next.wrapping_add(1);
        self.head = completion.index;
        if !self.faulted {
            self.post();
        }
        Ok(done)
    }

    /// Posts the buffer whose turn it is.
    fn post(&mut self) {
        let descriptor = RxDescriptor { address: self.memory.buffer(self.tail), length: self.memory.buffer_bytes() };
        self.memory.post(self.tail, descriptor.encode());
        self.tail = self.tail.wrapping_add(1);
    }

    /// Begins anew with all buffers posted, as the device does when the queue is enabled: whether the beginning of a frame was given up.
    /// The device must not have the ring.
    pub fn restart(&mut self) -> bool {
        self.memory.clear();
        (self.tail, self.head, self.next, self.rung, self.faulted) = (0, 0, 0, 0, false);
        for _ in 0..self.memory.entries() {
            self.post();
        }
        self.partial.take().is_some()
    }
}
