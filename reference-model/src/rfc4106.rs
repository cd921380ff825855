//! AES-GCM as ESP uses it (RFC 4106): key material with a salt, an 8-byte IV in the packet, and SPI and sequence number
//! as AAD.

use zeroize::Zeroize;

use crate::gcm::{Gcm, KeyLengthError, TagMismatch};

/// Bytes of salt at the end of the key material (RFC 4106 sections 4 and 8.1).
pub const SALT_LENGTH: usize = 4;
/// Bytes of IV in each packet (RFC 4106 section 3.1).
pub const IV_LENGTH: usize = 8;

/// Bytes in the integrity check value (RFC 4106 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum IcvLength {
    /// 8: may be supported.
    Eight,
    /// 12: may be supported.
    Twelve,
    /// 16: must be supported.
    #[default]
    Sixteen,
}

impl IcvLength {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Eight, Self::Twelve, Self::Sixteen];

    /// As a number of bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Eight => 8,
            Self::Twelve => 12,
            Self::Sixteen => 16,
        }
    }
}

impl TryFrom<usize> for IcvLength {
    type Error = Error;

    fn try_from(bytes: usize) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|icv| icv.bytes() == bytes).ok_or(Error::IcvLength(bytes))
    }
}

/// Why key material or a packet was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not key || salt of an AES key size.
    #[error("rfc4106(gcm(aes)) takes 20, 28 or 36 bytes of key and salt, not {0}")]
    KeyLength(usize),
    /// Not one that RFC 4106 has.
    #[error("an ICV has 8, 12 or 16 bytes, not {0}")]
    IcvLength(usize),
    /// The ICV is wrong, or there is none.
    #[error("the ICV does not verify")]
    Icv,
}

impl From<TagMismatch> for Error {
    fn from(_: TagMismatch) -> Self {
        Self::Icv
    }
}

/// The part of a packet that is authenticated but not encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Security parameters index.
    pub spi: u32,
    /// The whole sequence number; without ESN its low half counts.
    pub seq: u64,
    /// Extended sequence numbers.
    pub esn: bool,
}

impl Header {
    /// SPI || seq, or with ESN SPI || seq-hi || seq (RFC 4106 section 5).
    pub fn aad(&self) -> Vec<u8> {
        let mut aad = self.spi.to_be_bytes().to_vec();
        let seq = self.seq.to_be_bytes();
        aad.extend_from_slice(if self.esn { &seq } else { &seq[4..] });
        aad
    }
}

/// The cipher of one SA.
#[derive(Debug)]
pub struct Rfc4106 {
    gcm: Gcm,
    salt: Salt,
    icv_length: IcvLength,
}

#[derive(Zeroize)]
#[zeroize(drop)]
struct Salt([u8; SALT_LENGTH]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt")
    }
}

impl Rfc4106 {
    /// Takes key || salt as XFRM gives it: 20, 28 or 36 bytes (RFC 4106 section 8.1).
    pub fn new(key_and_salt: &[u8], icv_length: IcvLength) -> Result<Self, Error> {
        let (key, salt) = key_and_salt.split_last_chunk::<SALT_LENGTH>().ok_or(Error::KeyLength(key_and_salt.len()))?;
        let gcm = Gcm::new(key).map_err(|KeyLengthError(_)| Error::KeyLength(key_and_salt.len()))?;
        Ok(Self { gcm, salt: Salt(*salt), icv_length })
    }

    /// Bytes that [`Self::seal`] adds.
    pub fn icv_length(&self) -> usize {
        self.icv_length.bytes()
    }

    /// The hash subkey H of this SA.
    pub fn hash_subkey(&self) -> [u8; 16] {
        self.gcm.hash_subkey()
    }

    /// Ciphertext || ICV.
    pub fn seal(&self, header: &Header, iv: &[u8; IV_LENGTH], plaintext: &[u8]) -> Vec<u8> {
        let (mut sealed, tag) = self.gcm.seal(&self.nonce(iv), &header.aad(), plaintext);
        sealed.extend_from_slice(&tag[..self.icv_length()]);
        sealed
    }

    /// The plaintext of ciphertext || ICV, once the ICV is good.
    pub fn open(&self, header: &Header, iv: &[u8; IV_LENGTH], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let length = sealed.len().checked_sub(self.icv_length()).ok_or(Error::Icv)?;
        let (ciphertext, icv) = sealed.split_at(length);
        Ok(self.gcm.open(&self.nonce(iv), &header.aad(), ciphertext, icv)?)
    }

    /// Salt || IV (RFC 4106 section 4).
    pub fn nonce(&self, iv: &[u8; IV_LENGTH]) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..SALT_LENGTH].copy_from_slice(&self.salt.0);
        nonce[SALT_LENGTH..].copy_from_slice(iv);
        nonce
    }
}

/// The IV of a packet as Linux' `seqiv` makes it for offloaded SAs: the 64-bit sequence number, its high half 0 without
/// ESN. It never repeats under a key, which is all RFC 4106 section 3.1 asks for.
pub fn seqiv(seq: u64) -> [u8; IV_LENGTH] {
    seq.to_be_bytes()
}
