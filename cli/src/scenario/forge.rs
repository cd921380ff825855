//! ESP packets that only a peer with the key can make, and that no stack would send: scenarios of what a receiver must do about them.

use espalier_driver::sa::SaParams;
use espalier_reference_model::esp::HEADER_LENGTH;
use espalier_reference_model::headers::Headers;
use espalier_reference_model::rfc4106::{Header, IV_LENGTH, IcvLength, Rfc4106, seqiv};

use super::ast::Forgery;

/// A packet like `frame`, one of the SA, with other contents and this sequence number; its ICV is right. None if the frame or the SA is not of that kind.
pub fn forge(frame: &[u8], params: &SaParams, seq: u64, forgery: Forgery) -> Option<Vec<u8>> {
    let aead = params.aead.as_ref()?;
    let icv = IcvLength::try_from(aead.icv_bits as usize / 8).ok()?;
    let cipher = Rfc4106::new(aead.key.expose(), icv).ok()?;
    let esp = Headers::parse(frame).esp.filter(|esp| esp.spi == params.id.spi)?;
    let length = esp.length.checked_sub(HEADER_LENGTH + IV_LENGTH + cipher.icv_length())?;
    let mut plaintext = vec![0; length];
    *plaintext.last_chunk_mut()? = match forgery {
        // RFC 4303 section 2.6: next header 59.
        Forgery::Dummy => [0, 59],
        // More padding than there is payload.
        Forgery::Trailer => [255, 4],
        // Not what a tunnel carries.
        Forgery::Mode => [0, 6],
    };
    let iv = seqiv(seq);
    let sealed = cipher.seal(&Header { spi: esp.spi, seq, esn: params.flags.esn }, &iv, &plaintext);
    let mut forged = frame.get(..esp.offset + 4)?.to_vec();
    forged.extend((seq as u32).to_be_bytes());
    forged.extend(iv);
    forged.extend(sealed);
    Some(forged)
}
