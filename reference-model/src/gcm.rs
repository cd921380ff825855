//! AES-GCM (NIST SP 800-38D) with the 96-bit IV that ESP uses, over the crates `aes` and `ghash`.
//!
//! The steps are written out one by one, so that each can be compared with its counterpart in the engine.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes in an IV: the only length this model takes (SP 800-38D section 8.2.1, RFC 4106 section 4).
pub const IV_LENGTH: usize = 12;
/// Bytes in a full tag.
pub const TAG_LENGTH: usize = 16;
/// Bytes in a block.
const BLOCK: usize = 16;

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an AES key has 16, 24 or 32 bytes, not {0}")]
pub struct KeyLengthError(pub usize);

/// Why nothing was released: the tag does not belong to IV, AAD and ciphertext under this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tag does not verify")]
pub struct TagMismatch;

/// AES in the three key sizes. Each wipes its round keys when it is dropped (feature `zeroize` of `aes`).
enum Aes {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

/// AES-GCM under one key.
pub struct Gcm {
    aes: Aes,
    h: HashSubkey,
}

/// H, which forges tags for whoever knows it, is kept as a key is.
#[derive(Zeroize, ZeroizeOnDrop)]
struct HashSubkey([u8; BLOCK]);

impl Gcm {
    /// Expands `key` of 16, 24 or 32 bytes and computes the hash subkey.
    pub fn new(key: &[u8]) -> Result<Self, KeyLengthError> {
        let wrong = |_| KeyLengthError(key.len());
        let aes = match key.len() {
            16 => Aes::Aes128(Aes128::new_from_slice(key).map_err(wrong)?),
            24 => Aes::Aes192(Aes192::new_from_slice(key).map_err(wrong)?),
            32 => Aes::Aes256(Aes256::new_from_slice(key).map_err(wrong)?),
            length => return Err(KeyLengthError(length)),
        };
        let mut gcm = Self { aes, h: HashSubkey([0; BLOCK]) };
        // H = CIPH_K(0^128): SP 800-38D section 7.1 step 1.
        gcm.h.0 = gcm.encrypt_block([0; BLOCK]);
        Ok(gcm)
    }

    /// CIPH_K: one block through AES.
    pub fn encrypt_block(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = Block::from(block);
        match &self.aes {
            Aes::Aes128(aes) => aes.encrypt_block(&mut block),
            Aes::Aes192(aes) => aes.encrypt_block(&mut block),
            Aes::Aes256(aes) => aes.encrypt_block(&mut block),
        }
        block.into()
    }

    /// The hash subkey H, as the engine computes it when an SA is installed.
    pub fn hash_subkey(&self) -> [u8; BLOCK] {
        self.h.0
    }

    /// GCM-AE (SP 800-38D section 7.1): the ciphertext and its full tag.
    pub fn seal(&self, iv: &[u8; IV_LENGTH], aad: &[u8], plaintext: &[u8]) -> (Vec<u8>, [u8; TAG_LENGTH]) {
        let ciphertext = self.gctr(iv, plaintext);
        let tag = self.tag(iv, aad, &ciphertext);
        (ciphertext, tag)
    }

    /// GCM-AD (SP 800-38D section 7.2). `tag` may be cut short to 4 bytes or more, as section 5.2.1.2 allows; it is
    /// compared in constant time, and before anything is decrypted.
    pub fn open(&self, iv: &[u8; IV_LENGTH], aad: &[u8], ciphertext: &[u8], tag: &[u8]) -> Result<Vec<u8>, TagMismatch> {
        let expected = Zeroizing::new(self.tag(iv, aad, ciphertext));
        let expected = expected.get(..tag.len()).ok_or(TagMismatch)?;
        if tag.len() < 4 || !bool::from(expected.ct_eq(tag)) {
            return Err(TagMismatch);
        }
        Ok(self.gctr(iv, ciphertext))
    }

    /// GCTR (section 6.5) from inc32(J0): the same for both directions.
    fn gctr(&self, iv: &[u8; IV_LENGTH], text: &[u8]) -> Vec<u8> {
        let mut out = text.to_vec();
        for (counter, chunk) in (2u32..).zip(out.chunks_mut(BLOCK)) {
            let keystream = Zeroizing::new(self.encrypt_block(counter_block(iv, counter)));
            for (byte, key) in chunk.iter_mut().zip(keystream.iter()) {
                *byte ^= key;
            }
        }
        out
    }

    /// The full tag: GHASH of AAD and ciphertext, encrypted with J0 (section 7.1 steps 5 and 6).
    fn tag(&self, iv: &[u8; IV_LENGTH], aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_LENGTH] {
        let mut tag = ghash(&self.h.0, aad, ciphertext);
        for (byte, mask) in tag.iter_mut().zip(self.encrypt_block(counter_block(iv, 1))) {
            *byte ^= mask;
        }
        tag
    }
}

impl std::fmt::Debug for Gcm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gcm { .. }")
    }
}

/// IV || counter: J0 when `counter` is 1 (section 7.1 step 2).
pub fn counter_block(iv: &[u8; IV_LENGTH], counter: u32) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..IV_LENGTH].copy_from_slice(iv);
    block[IV_LENGTH..].copy_from_slice(&counter.to_be_bytes());
    block
}

/// S = GHASH_H(A || 0^v || C || 0^u || [len(A)]64 || [len(C)]64) (section 7.1 step 5).
pub fn ghash(h: &[u8; BLOCK], aad: &[u8], ciphertext: &[u8]) -> [u8; BLOCK] {
    let mut ghash = GHash::new(&ghash::Key::from(*h));
    ghash.update_padded(aad);
    ghash.update_padded(ciphertext);
    let mut lengths = [0; BLOCK];
    lengths[..8].copy_from_slice(&(aad.len() as u64 * 8).to_be_bytes());
    lengths[8..].copy_from_slice(&(ciphertext.len() as u64 * 8).to_be_bytes());
    ghash.update(&[lengths.into()]);
    ghash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_other_key_lengths() {
        for length in (0..64).filter(|length| ![16, 24, 32].contains(length)) {
            assert_eq!(Gcm::new(&vec![0; length]).err(), Some(KeyLengthError(length)));
        }
    }

    #[test]
    fn refuses_tags_of_wrong_length() {
        let gcm = Gcm::new(&[1; 16]).expect("a key");
        let (ciphertext, tag) = gcm.seal(&[2; 12], b"aad", b"plaintext");
        assert_eq!(gcm.open(&[2; 12], b"aad", &ciphertext, &tag[..3]), Err(TagMismatch));
        assert_eq!(gcm.open(&[2; 12], b"aad", &ciphertext, &[]), Err(TagMismatch));
        let long = [&tag[..], &[0]].concat();
        assert_eq!(gcm.open(&[2; 12], b"aad", &ciphertext, &long), Err(TagMismatch));
        assert_eq!(gcm.open(&[2; 12], b"aad", &ciphertext, &tag[..12]).as_deref(), Ok(&b"plaintext"[..]));
    }
}
