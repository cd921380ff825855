//! Messages in frames, as `espalier_regs::uart` has them: RFC 1055's escapes, and a CRC-32.

use espalier_regs::uart::{END, ESC, ESC_END, ESC_ESC};
use zeroize::Zeroize;

/// Bytes of the CRC behind a message.
const CRC: usize = 4;
/// Longest message that is put together; what is longer is damaged.
const LONGEST: usize = 1 << 16;

/// The bytes of a message on the line.
pub fn encode(message: &[u8]) -> Vec<u8> {
    let crc = crc32fast::hash(message).to_le_bytes();
    let mut line = Vec::with_capacity(message.len() + 16);
    for &byte in message.iter().chain(&crc) {
        match byte {
            END => line.extend([ESC, ESC_END]),
            ESC => line.extend([ESC, ESC_ESC]),
            other => line.push(other),
        }
    }
    line.push(END);
    line
}

/// A message that is not as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// Takes messages out of the bytes of a line.
#[derive(Debug, Default)]
pub struct Decoder {
    message: Vec<u8>,
    escaped: bool,
    bad: bool,
}

impl Decoder {
    /// The next byte. At the end of a message, the message without its CRC; empty ones are passed over.
    pub fn push(&mut self, byte: u8) -> Option<Result<Vec<u8>, Damaged>> {
        match byte {
            END => return self.close(),
            ESC if !self.escaped => {
                self.escaped = true;
                return None;
            }
            _ => {}
        }
        let plain = match (std::mem::take(&mut self.escaped), byte) {
            (true, ESC_END) => END,
            (true, ESC_ESC) => ESC,
            (escaped, byte) => {
                self.bad |= escaped;
                byte
            }
        };
        if self.message.len() < LONGEST {
            self.message.push(plain);
        } else {
            self.bad = true;
        }
        None
    }

    fn close(&mut self) -> Option<Result<Vec<u8>, Damaged>> {
        let Self { mut message, escaped, bad } = std::mem::take(self);
        if message.is_empty() && !escaped {
            return None;
        }
        let length = message.len().checked_sub(CRC);
        let good = length.is_some_and(|length| crc32fast::hash(&message[..length]).to_le_bytes() == message[length..]);
        match length.filter(|_| good && !bad && !escaped) {
            Some(length) => {
                message.truncate(length);
                Some(Ok(message))
            }
            None => {
                message.zeroize();
                Some(Err(Damaged))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Result<Vec<u8>, Damaged>> {
        bytes.iter().filter_map(|&byte| decoder.push(byte)).collect()
    }

    #[test]
    fn escapes_are_those_of_rfc_1055() {
        let line = encode(&[END, ESC, 1]);
        assert_eq!(line[..5], [ESC, ESC_END, ESC, ESC_ESC, 1]);
        assert_eq!(line.last(), Some(&END));
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926, "the CRC of IEEE 802.3");
    }

    proptest! {
        #[test]
        fn messages_come_through(messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..5)) {
            let line: Vec<u8> = messages.iter().flat_map(|message| encode(message)).collect();
            let due: Vec<_> = messages.into_iter().map(Ok).collect();
            prop_assert_eq!(decode(&mut Decoder::default(), &line), due);
        }

        #[test]
        fn one_wrong_byte_costs_no_more_than_two_messages(message in proptest::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let line = encode(&message);
            let mut wrong = line.clone();
            *at.get_mut(&mut wrong) ^= flip;
            let mut decoder = Decoder::default();
            let seen = decode(&mut decoder, &wrong);
            prop_assert!(!seen.contains(&Ok(message.clone())));
            prop_assert!(seen.iter().all(|seen| *seen == Err(Damaged)));
            // The END may be what was hit.
            decode(&mut decoder, &[END]);
            prop_assert_eq!(decode(&mut decoder, &line), vec![Ok(message)]);
        }
    }
}
