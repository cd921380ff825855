//! Bytes that may be keys: wiped when they are dropped, and when they move because they grow.

use std::fmt;
use std::io;

use zeroize::Zeroize;

/// A buffer of such bytes.
#[derive(Default)]
pub struct Wiped(Vec<u8>);

impl Wiped {
    /// What is in it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As text; what is not UTF-8 is left out.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }

    /// Appends.
    pub fn extend(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut wider = Vec::with_capacity(needed.next_power_of_two());
            wider.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = wider;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Takes the first `count` bytes off.
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.0.len());
        let left = self.0.len() - count;
        self.0.copy_within(count.., 0);
        self.0[left..].zeroize();
        self.0.truncate(left);
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Write for Wiped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.extend(text.as_bytes());
        Ok(())
    }
}

impl io::Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_queue_of_bytes() {
        let mut buffer = Wiped::default();
        for piece in [&b"one "[..], b"two ", b"three"] {
            buffer.extend(piece);
        }
        buffer.consume(4);
        assert_eq!(buffer.text(), "two three");
        buffer.consume(100);
        assert_eq!(buffer.bytes(), b"");
    }

    #[test]
    fn what_was_taken_off_is_not_in_memory() {
        let mut buffer = Wiped::default();
        buffer.extend(b"0123456789");
        buffer.consume(6);
        let length = buffer.0.len();
        buffer.0.resize(buffer.0.capacity().min(10), 1);
        assert!(buffer.0[length..].iter().all(|byte| *byte <= 1));
    }
}
