//! Key material in memory.

use std::fmt;

use zeroize::Zeroizing;

/// Key material: overwritten when dropped, never printed.
///
/// For RFC 4106 it is the AES key with the 4 bytes of salt behind it (RFC 4106 section 8.1), as `ip xfrm` takes it.
#[derive(Clone)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// Takes over the bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes. Whoever copies them sees to it that the copy is overwritten too.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length in bits, salt included.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.0.len() * 8
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bits)", self.bits())
    }
}
