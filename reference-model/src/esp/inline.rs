//! Crypto offload: the stack's own ESP packet, encrypted and decrypted where it stands. See the rules in [`super`].

use super::{ALIGNMENT, DecapError, HEADER_LENGTH, SealedPacket};
use crate::headers::{Headers, internet_checksum};
use crate::rfc4106::{Header, IV_LENGTH};
use crate::sa::TxSa;

/// Why a frame can't be encrypted in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InlineError {
    /// No ESP in this frame.
    #[error("the frame does not hold ESP")]
    NotEsp,
    /// Another SPI than the SA's.
    #[error("the frame's SPI {0:#x} is not the SA's")]
    Spi(u32),
    /// No ESP packet has this length.
    #[error("{0} bytes are no ESP packet")]
    Length(usize),
    /// The low half of the IV is not the sequence number.
    #[error("the IV is not the sequence number")]
    Iv,
}

/// The frame with its payload encrypted and its ICV filled in, and the bytes of payload, trailer included.
pub fn encrypt_in_place(frame: &[u8], sa: &TxSa) -> Result<(Vec<u8>, usize), InlineError> {
    let headers = Headers::parse(frame);
    let esp = headers.esp.ok_or(InlineError::NotEsp)?;
    if esp.spi != sa.spi {
        return Err(InlineError::Spi(esp.spi));
    }
    let overhead = HEADER_LENGTH + IV_LENGTH + sa.cipher.icv_length();
    let length = esp.length.checked_sub(overhead).filter(|length| *length >= ALIGNMENT && length.is_multiple_of(ALIGNMENT));
    let length = length.ok_or(InlineError::Length(esp.length))?;
    // The parser has seen that the frame holds the whole packet (a truncated one is malformed).
    let body = frame.get(esp.offset + HEADER_LENGTH..).and_then(|body| body.split_first_chunk::<IV_LENGTH>());
    let (iv, rest) = body.ok_or(InlineError::Length(esp.length))?;
    let plaintext = rest.get(..length).ok_or(InlineError::Length(esp.length))?;
    // Linux' seqiv gives offloaded packets their whole sequence number as IV (`esp_output_tail`): it tells the high half.
    let seq = u64::from_be_bytes(*iv);
    if seq as u32 != esp.seq {
        return Err(InlineError::Iv);
    }
    let sealed = sa.cipher.seal(&Header { spi: esp.spi, seq, esn: sa.esn }, iv, plaintext);
    let mut front = frame[..esp.offset + HEADER_LENGTH + IV_LENGTH].to_vec();
    let l3 = headers.l2_length;
    if headers.is_v4 {
        front[l3 + 10..l3 + 12].fill(0);
        let checksum = internet_checksum(&front[l3..l3 + headers.l3_length]);
        front[l3 + 10..l3 + 12].copy_from_slice(&checksum.to_be_bytes());
    }
    if esp.encap {
        front[esp.offset - 2..esp.offset].fill(0);
    }
    Ok(([front, sealed].concat(), length))
}

/// The frame with its payload decrypted and without its ICV, and the bytes of payload, trailer included; with the whole
/// sequence number that the window inferred. The headers stay as they are.
pub fn decrypt_in_place(packet: &SealedPacket<'_>, sa: &crate::sa::RxSa, seq: u64) -> Result<(Vec<u8>, usize), DecapError> {
    let plaintext = packet.plaintext(&sa.cipher, sa.replay.esn(), seq)?;
    Ok(([packet.front(), &plaintext].concat(), plaintext.len()))
}
