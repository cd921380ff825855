//! Descriptors and completions, to and from their words. The phase is the ring's, and is set and looked at there.

use espalier_regs::dma::{ENTRY_WORDS, Fault, rx_completion, rx_descriptor, tx_completion, tx_descriptor};

/// The words of an entry.
pub type Words = [u32; ENTRY_WORDS];

/// A segment of a frame to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxDescriptor {
    /// Where its bytes are.
    pub address: u64,
    /// How many.
    pub length: u16,
    /// It is the frame's last.
    pub last: bool,
    /// The word beside the frame, in its first segment.
    pub word: u32,
}

impl TxDescriptor {
    /// Its words, with phase 0.
    #[must_use]
    pub const fn encode(self) -> Words {
        let word = tx_descriptor::LAST.set(tx_descriptor::LENGTH.set(0, self.length as u32), self.last as u32);
        [self.address as u32, (self.address >> 32) as u32, word, self.word]
    }

    /// From its words.
    #[must_use]
    pub const fn decode(words: Words) -> Self {
        Self {
            address: address(words),
            length: tx_descriptor::LENGTH.get(words[2]) as u16,
            last: tx_descriptor::LAST.is_set(words[2]),
            word: words[3],
        }
    }
}

/// A buffer for received frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxDescriptor {
    /// Where it is.
    pub address: u64,
    /// How many bytes it holds.
    pub length: u16,
}

impl RxDescriptor {
    /// Its words, with phase 0.
    #[must_use]
    pub const fn encode(self) -> Words {
        [self.address as u32, (self.address >> 32) as u32, rx_descriptor::LENGTH.set(0, self.length as u32), 0]
    }

    /// From its words.
    #[must_use]
    pub const fn decode(words: Words) -> Self {
        Self { address: address(words), length: rx_descriptor::LENGTH.get(words[2]) as u16 }
    }
}

const fn address(words: Words) -> u64 {
    (words[1] as u64) << 32 | words[0] as u64
}

/// What became of a frame that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxCompletion {
    /// `m_axis_txstatus_tdata` of the frame; none if it never left the host.
    pub status: Option<u32>,
    /// Index behind its last descriptor.
    pub index: u16,
    /// The fault that it met: CAUSE, 0 for none.
    pub cause: u32,
}

impl TxCompletion {
    /// Its words, with phase 0.
    #[must_use]
    pub const fn encode(self) -> Words {
        let status = tx_completion::STATUS.set(0, self.status.is_some() as u32);
        let word = match self.status {
            Some(word) => word,
            None => 0,
        };
        [word, tx_completion::INDEX.set(0, self.index as u32), status, tx_completion::CAUSE.set(0, self.cause)]
    }

    /// From its words.
    #[must_use]
    pub const fn decode(words: Words) -> Self {
        let status = if tx_completion::STATUS.is_set(words[2]) { Some(words[0]) } else { None };
        Self { status, index: tx_completion::INDEX.get(words[1]) as u16, cause: tx_completion::CAUSE.get(words[3]) }
    }

    /// The fault; none also where the number is not known.
    #[must_use]
    pub fn fault(self) -> Option<Fault> {
        Fault::decode(self.cause)
    }
}

/// A buffer that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxCompletion {
    /// `m_axis_host_tuser` of the frame.
    pub word: u32,
    /// Index behind its descriptor.
    pub index: u16,
    /// Bytes in it.
    pub length: u16,
    /// It is the frame's first.
    pub first: bool,
    /// It is the frame's last.
    pub last: bool,
    /// The fault that it met: CAUSE, 0 for none. The frame is lost.
    pub cause: u32,
}

impl RxCompletion {
    /// Its words, with phase 0.
    #[must_use]
    pub const fn encode(self) -> Words {
        let flags = rx_completion::LAST.set(rx_completion::FIRST.set(0, self.first as u32), self.last as u32);
        let length = rx_completion::LENGTH.set(flags, self.length as u32);
        [self.word, rx_completion::INDEX.set(0, self.index as u32), length, rx_completion::CAUSE.set(0, self.cause)]
    }

    /// From its words.
    #[must_use]
    pub const fn decode(words: Words) -> Self {
        Self {
            word: words[0],
            index: rx_completion::INDEX.get(words[1]) as u16,
            length: rx_completion::LENGTH.get(words[2]) as u16,
            first: rx_completion::FIRST.is_set(words[2]),
            last: rx_completion::LAST.is_set(words[2]),
            cause: rx_completion::CAUSE.get(words[3]),
        }
    }

    /// The fault; none also where the number is not known.
    #[must_use]
    pub fn fault(self) -> Option<Fault> {
        Fault::decode(self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_of_the_fields_are_frozen() {
        let descriptor = TxDescriptor { address: 0x1_2345_6780, length: 0x5ee, last: true, word: 0x1002 };
        assert_eq!(descriptor.encode(), [0x2345_6780, 1, 0x0001_05ee, 0x1002]);
        assert_eq!(RxDescriptor { address: 0x8_0000_0010, length: 0x800 }.encode(), [0x10, 8, 0x800, 0]);
        let completion = TxCompletion { status: Some(0x0102), index: 9, cause: 5 };
        assert_eq!(completion.encode(), [0x0102, 9, 1, 5]);
        let completion = RxCompletion { word: 0x14_0001, index: 7, length: 60, first: true, last: true, cause: 0 };
        assert_eq!(completion.encode(), [0x14_0001, 7, 0x0003_003c, 0]);
    }

    proptest! {
        #[test]
        fn words_hold_descriptors(address: u64, length: u16, last: bool, word: u32) {
            let tx = TxDescriptor { address, length, last, word };
            prop_assert_eq!(TxDescriptor::decode(tx.encode()), tx);
            let rx = RxDescriptor { address, length };
            prop_assert_eq!(RxDescriptor::decode(rx.encode()), rx);
        }

        #[test]
        fn words_hold_completions(status: Option<u32>, word: u32, index: u16, length: u16, first: bool, last: bool, cause in 0u32..16) {
            let tx = TxCompletion { status, index, cause };
            prop_assert_eq!(TxCompletion::decode(tx.encode()), tx);
            let rx = RxCompletion { word, index, length, first, last, cause };
            prop_assert_eq!(RxCompletion::decode(rx.encode()), rx);
        }
    }
}
