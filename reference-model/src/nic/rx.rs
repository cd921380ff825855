//! Receiving: see "Receiving" in [`crate::esp`].

use espalier_regs::Event;
use espalier_regs::notice::{Kind, Notice};
use espalier_regs::tuser::crypto_status;

use super::{Meta, Nic, Notes};
use crate::admit::admit;
use crate::esp::{DecapError, SealedPacket, decrypt_in_place};
use crate::headers::{Esp, Headers, protocol};
use crate::replay::Refusal;
use crate::sa::{RxSa, SaKey};

impl Nic {
    /// What the host gets and why, or the cause of the drop.
    pub(super) fn unprotect(&mut self, frame: &[u8], error: bool, notes: &mut Notes) -> Result<(Event, Vec<u8>), Event> {
        let headers = Headers::parse(frame);
        if headers.malformed {
            return Err(Event::RxDropMalformed);
        }
        let sa = match headers.esp {
            Some(found) => self.rx_sas.get_mut(&SaKey { dst: headers.dst, spi: found.spi, encap: found.encap }),
            None => None,
        };
        let (Some(found), Some(sa)) = (headers.esp, sa) else {
            let event = self.foreign(&headers)?;
            let frame = intact(frame, error)?.to_vec();
            admit(&frame, None, &self.rx_policies, &self.local).map_err(|refusal| refusal.event())?;
            return Ok((event, frame));
        };
        let mut kind = None;
        let opened = if sa.crypto { decrypt(frame, error, found, sa) } else { open(frame, error, found, sa, &mut kind) };
        notes.notices.extend(kind.map(|kind| Notice { kind: Some(kind), tx: false, sa: sa.number }));
        let (event, frame, meta) = opened?;
        admit(&frame, Some(sa), &self.rx_policies, &self.local).map_err(|refusal| refusal.event())?;
        (notes.sa, notes.meta) = (Some(sa.number), meta);
        Ok((event, frame))
    }

    /// A frame that belongs to no SA: what it counts as if it passes.
    fn foreign(&self, headers: &Headers) -> Result<Event, Event> {
        match (headers.esp, headers.protocol) {
            (Some(_), _) if self.pass_unknown => Ok(Event::RxBypassed),
            (Some(_), _) => Err(Event::RxDropNoSa),
            (None, protocol::ESP) if headers.is_v4 && (headers.has_options || headers.is_fragment) => Ok(Event::RxUnsupported),
            (None, protocol::ESP) => Err(Event::RxDropMalformed),
            (None, _) => Ok(Event::RxBypassed),
        }
    }
}

/// Step 5.
fn intact(frame: &[u8], error: bool) -> Result<&[u8], Event> {
    if error { Err(Event::RxDropError) } else { Ok(frame) }
}

/// Steps 3 to 11, packet offload.
fn open(frame: &[u8], error: bool, found: Esp, sa: &mut RxSa, kind: &mut Option<Kind>) -> Result<(Event, Vec<u8>, Meta), Event> {
    let packet = SealedPacket::new(frame, &sa.cipher).map_err(cause)?;
    let seq = sa.replay.check(found.seq).map_err(|refusal| refused(refusal, sa))?;
    intact(frame, error)?;
    let opened = packet.open(&sa.cipher, sa.replay.esn(), seq);
    if opened == Err(DecapError::Icv) {
        sa.failures.integrity_failed = sa.failures.integrity_failed.wrapping_add(1);
    }
    let opened = opened.map_err(cause)?;
    if sa.lifetime.expired() {
        *kind = sa.lifetime.refuse();
        return Err(Event::RxDropExpired);
    }
    sa.replay.advance(seq).map_err(|refusal| refused(refusal, sa))?;
    let plain = packet.decapsulate(&opened, sa).map_err(cause)?;
    *kind = sa.lifetime.count(opened.payload.len());
    Ok((Event::RxDecrypted, plain, Meta { status: crypto_status::SUCCESS, crypto: false, is_protected: true }))
}

/// Steps 3 to 11, crypto offload: the stack asks for replays, limits and the trailer.
fn decrypt(frame: &[u8], error: bool, found: Esp, sa: &mut RxSa) -> Result<(Event, Vec<u8>, Meta), Event> {
    let packet = SealedPacket::new(frame, &sa.cipher).map_err(cause)?;
    let seq = sa.replay.infer(found.seq);
    intact(frame, error)?;
    let meta = |status| Meta { status, crypto: true, is_protected: false };
    match decrypt_in_place(&packet, sa, seq) {
        Ok((plain, payload)) => {
            // The window follows, so that the next high half is inferred right; whether it accepts is the stack's affair.
            let _ = sa.replay.advance(seq);
            sa.lifetime.count_silently(payload);
            Ok((Event::RxCrypto, plain, meta(crypto_status::SUCCESS)))
        }
        Err(DecapError::Icv) => {
            let failed = if sa.tunnel { crypto_status::TUNNEL_ESP_AUTH_FAILED } else { crypto_status::TRANSPORT_ESP_AUTH_FAILED };
            Ok((Event::RxCryptoFailed, packet.front().to_vec(), meta(failed)))
        }
        Err(error) => Err(cause(error)),
    }
}

/// Counts what the window refuses: for the SA, and as the drop's cause.
fn refused(refusal: Refusal, sa: &mut RxSa) -> Event {
    match refusal {
        Refusal::SeqZero => Event::RxDropSeqZero,
        Refusal::Duplicate => {
            sa.failures.replay = sa.failures.replay.wrapping_add(1);
            Event::RxDropReplay
        }
        Refusal::LeftOfWindow => {
            sa.failures.replay_window = sa.failures.replay_window.wrapping_add(1);
            Event::RxDropReplayWindow
        }
    }
}

fn cause(error: DecapError) -> Event {
    match error {
        DecapError::NotEsp | DecapError::Malformed(_) => Event::RxDropMalformed,
        DecapError::Truncated => Event::RxDropError,
        DecapError::Icv => Event::RxDropIcv,
        DecapError::Trailer(_) => Event::RxDropTrailer,
        DecapError::Dummy => Event::RxDummy,
        DecapError::Mode(_) => Event::RxDropMode,
    }
}
