//! The memory of a queue: its two rings, and a buffer for each entry.

use espalier_regs::dma::{COMPLETION_PHASE_WORD, ENTRY_BYTES, ENTRY_WORDS, PHASE_WORD, rx_completion, rx_descriptor};

use super::entry::Words;
use crate::bus::{DmaAccess, DmaBus, DmaError, DmaMemory};

/// Rings and buffers of one queue.
#[derive(Debug)]
pub struct Memory {
    descriptors: DmaMemory,
    completions: DmaMemory,
    buffers: DmaMemory,
    log2: u32,
    buffer_bytes: u16,
}

impl Memory {
    /// `entries` is a power of two; the device may do this with the buffers.
    pub fn new(bus: &mut impl DmaBus, entries: u16, buffer_bytes: u16, buffers: DmaAccess) -> Result<Self, DmaError> {
        let ring_bytes = usize::from(entries) * ENTRY_BYTES;
        Ok(Self {
            descriptors: bus.allocate(ring_bytes, DmaAccess::Read)?,
            completions: bus.allocate(ring_bytes, DmaAccess::ReadWrite)?,
            buffers: bus.allocate(usize::from(entries) * usize::from(buffer_bytes), buffers)?,
            log2: entries.ilog2(),
            buffer_bytes,
        })
    }

    /// Logarithm of the number of entries.
    pub const fn log2(&self) -> u32 {
        self.log2
    }

    /// How many entries a ring has.
    pub const fn entries(&self) -> u16 {
        1 << self.log2
    }

    /// How many bytes a buffer holds.
    pub const fn buffer_bytes(&self) -> u16 {
        self.buffer_bytes
    }

    /// Addresses of the descriptors and of the completions for the device.
    pub const fn addresses(&self) -> (u64, u64) {
        (self.descriptors.iova(), self.completions.iova())
    }

    /// Forgets everything that either side has written to the rings.
    pub fn clear(&self) {
        for word in 0..usize::from(self.entries()) * ENTRY_WORDS {
            self.descriptors.pages().store(4 * word, 0);
            self.completions.pages().store(4 * word, 0);
        }
    }

    /// Gives the descriptor of this index to the device: the word with the phase comes last, and what was written before it, the
    /// buffer too, is seen by whoever sees it.
    pub fn post(&self, index: u16, words: Words) {
        let at = self.slot(index) * ENTRY_BYTES;
        for word in (0..ENTRY_WORDS).filter(|word| *word != PHASE_WORD) {
            self.descriptors.pages().store(at + 4 * word, words[word]);
        }
        let last = rx_descriptor::PHASE.set(words[PHASE_WORD], self.phase(index).into());
        self.descriptors.pages().store(at + 4 * PHASE_WORD, last);
    }

    /// The completion of this index, once the device has written it.
    pub fn completion(&self, index: u16) -> Option<Words> {
        let at = self.slot(index) * ENTRY_BYTES;
        let load = |word| self.completions.pages().load(at + 4 * word);
        // The word with the phase first: the others, and the buffer, are older.
        let last = load(COMPLETION_PHASE_WORD);
        let written = rx_completion::PHASE.is_set(last) == self.phase(index);
        written.then(|| {
            let mut words: Words = std::array::from_fn(load);
            words[COMPLETION_PHASE_WORD] = last;
            words
        })
    }

    /// Address of the buffer of an index for the device.
    pub fn buffer(&self, index: u16) -> u64 {
        self.buffers.iova() + self.buffer_offset(index) as u64
    }

    /// Copies bytes, at most as many as it holds, into the buffer of an index.
    pub fn write_buffer(&self, index: u16, bytes: &[u8]) {
        self.buffers.pages().write(self.buffer_offset(index), bytes);
    }

    /// Appends bytes, at most as many as it holds, of the buffer of an index.
    pub fn read_buffer(&self, index: u16, length: u16, to: &mut Vec<u8>) {
        let begin = to.len();
        to.resize(begin + usize::from(length), 0);
        self.buffers.pages().read(self.buffer_offset(index), &mut to[begin..]);
    }

    /// See [`espalier_regs::dma`]: 1 in the first lap.
    const fn phase(&self, index: u16) -> bool {
        index >> self.log2 & 1 == 0
    }

    fn slot(&self, index: u16) -> usize {
        usize::from(index & (self.entries() - 1))
    }

    fn buffer_offset(&self, index: u16) -> usize {
        self.slot(index) * usize::from(self.buffer_bytes)
    }
}
