//! Receiving: see the rules in [`super`].

use super::encap::transport_header;
use super::marks::{decapsulated_tos, frame_tos, set_tos, tos};
use super::{ALIGNMENT, HEADER_LENGTH, TRAILER_LENGTH};
use crate::headers::{Esp, Headers, ether_type, protocol};
use crate::rfc4106::{Error, Header, IV_LENGTH, Rfc4106};
use crate::sa::RxSa;

/// Why a packet was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecapError {
    /// No ESP in this frame.
    #[error("the frame does not hold ESP")]
    NotEsp,
    /// No ESP packet has this length.
    #[error("{0} bytes are no ESP packet")]
    Malformed(usize),
    /// The frame ends before the IP packet does.
    #[error("the frame ends before the packet does")]
    Truncated,
    /// The ICV is wrong.
    #[error("the ICV does not verify")]
    Icv,
    /// Padding longer than the payload.
    #[error("a pad length of {0} is more than there is")]
    Trailer(u8),
    /// A dummy packet, which is no error.
    #[error("a dummy packet")]
    Dummy,
    /// Next header and mode do not go together, or the SA may not carry the family.
    #[error("next header {0} does not fit the SA")]
    Mode(u8),
}

/// An ESP packet of a proper length.
#[derive(Debug, Clone)]
pub struct SealedPacket<'a> {
    frame: &'a [u8],
    headers: Headers,
    esp: Esp,
}

/// What was in it: authentic, its padding removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The payload, with TFC padding if there is some.
    pub payload: Vec<u8>,
    /// Next header.
    pub next_header: u8,
}

impl<'a> SealedPacket<'a> {
    /// Step 3: the frame holds ESP, of a length that an ESP packet can have with this ICV.
    pub fn new(frame: &'a [u8], cipher: &Rfc4106) -> Result<Self, DecapError> {
        let headers = Headers::parse(frame);
        let esp = headers.esp.ok_or(DecapError::NotEsp)?;
        match esp.length.checked_sub(HEADER_LENGTH + IV_LENGTH + cipher.icv_length()) {
            Some(length) if length >= ALIGNMENT && length.is_multiple_of(ALIGNMENT) => Ok(Self { frame, headers, esp }),
            _ => Err(DecapError::Malformed(esp.length)),
        }
    }

    /// Where ESP was found.
    pub fn esp(&self) -> Esp {
        self.esp
    }

    /// Everything in front of the ciphertext: all headers and the IV.
    pub fn front(&self) -> &'a [u8] {
        &self.frame[..(self.esp.offset + HEADER_LENGTH + IV_LENGTH).min(self.frame.len())]
    }

    /// Steps 5 and 6: what was encrypted, trailer included; with the whole sequence number that the window inferred.
    pub fn plaintext(&self, cipher: &Rfc4106, esn: bool, seq: u64) -> Result<Vec<u8>, DecapError> {
        let body = self.frame.get(self.esp.offset..).and_then(|rest| rest.get(..self.esp.length));
        let body = body.and_then(|body| body.get(HEADER_LENGTH..)?.split_first_chunk::<IV_LENGTH>());
        let (iv, sealed) = body.ok_or(DecapError::Truncated)?;
        let header = Header { spi: self.esp.spi, seq, esn };
        cipher.open(&header, iv, sealed).map_err(|_: Error| DecapError::Icv)
    }

    /// Steps 5 to 7.
    pub fn open(&self, cipher: &Rfc4106, esn: bool, seq: u64) -> Result<Opened, DecapError> {
        let mut payload = self.plaintext(cipher, esn, seq)?;
        let [pad_length, next_header] = *payload.last_chunk::<TRAILER_LENGTH>().ok_or(DecapError::Trailer(0))?;
        let length = payload.len().checked_sub(TRAILER_LENGTH + usize::from(pad_length));
        payload.truncate(length.ok_or(DecapError::Trailer(pad_length))?);
        Ok(Opened { payload, next_header })
    }

    /// Step 10 and the result: the frame for the host.
    pub fn decapsulate(&self, opened: &Opened, sa: &RxSa) -> Result<Vec<u8>, DecapError> {
        let Opened { payload, next_header } = opened;
        let mode = DecapError::Mode(*next_header);
        let version = payload.first().map(|first| first >> 4);
        let mut payload = payload.clone();
        let (ether_type, ip) = match (*next_header, version) {
            // RFC 4303 section 2.6.
            (protocol::NONE, _) => return Err(DecapError::Dummy),
            (protocol::IPV4, Some(4)) if sa.tunnel && sa.inner_v4 => (ether_type::IPV4, Vec::new()),
            (protocol::IPV6, Some(6)) if sa.tunnel && sa.inner_v6 => (ether_type::IPV6, Vec::new()),
            _ if sa.tunnel => return Err(mode),
            _ => {
                let packet = &self.frame[self.headers.l2_length..];
                transport_header(&self.headers, packet, *next_header, payload.len()).map_err(|_| mode)?
            }
        };
        if sa.tunnel {
            self.hand_marks_inwards(&mut payload, ether_type == ether_type::IPV4, sa);
        }
        Ok([&self.headers.l2_with(self.frame, ether_type)[..], &ip, &payload].concat())
    }

    /// RFC 4301 section 5.1.2. What is too short to have the field keeps what it has.
    fn hand_marks_inwards(&self, inner: &mut [u8], is_v4: bool, sa: &RxSa) {
        if inner.len() >= 2 {
            let (outer, old) = (frame_tos(self.frame, &self.headers), tos(inner, is_v4));
            set_tos(inner, is_v4, decapsulated_tos(outer, old, sa.no_ecn, sa.decap_dscp));
        }
    }
}
