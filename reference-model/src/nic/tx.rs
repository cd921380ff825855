//! Sending: see "Sending" in [`crate::esp`].

use espalier_regs::Event;
use espalier_regs::notice::{Kind, Notice};

use super::{Nic, Notes, Offload};
use crate::esp::{self, EncapError, InlineError, encapsulate, encrypt_in_place};
use crate::headers::Headers;
use crate::policy::{Action, Flow};
use crate::sa::TxSa;

impl Nic {
    /// What goes out and why, or the cause of the drop.
    pub(super) fn send(&mut self, frame: &[u8], offload: Offload, notes: &mut Notes) -> Result<(Event, Vec<u8>), Event> {
        let headers = Headers::parse(frame);
        if headers.malformed || headers.truncated {
            return Err(Event::TxDropMalformed);
        }
        let crypto = matches!(offload, Offload::Crypto(_));
        let index = match offload {
            Offload::Crypto(index) => Some(index),
            Offload::None | Offload::Packet => {
                let policy = headers.is_ip().then(|| self.policies.look_up(&Flow::of(&headers))).flatten();
                match policy.map_or(Action::Bypass, |policy| policy.action) {
                    Action::Bypass if offload == Offload::Packet => return Err(Event::TxDropNoSa),
                    Action::Bypass => return Ok((Event::TxBypassed, frame.to_vec())),
                    Action::Block => return Err(Event::TxDropPolicyBlock),
                    Action::Protect(index) => index,
                }
            }
        };
        let sa = index.and_then(|index| self.tx_sas.get_mut(&index)).filter(|sa| sa.crypto == crypto);
        let (Some(index), Some(sa)) = (index, sa) else { return Err(Event::TxDropNoSa) };
        notes.sa = Some(index);
        let mut kinds = Vec::new();
        let sent = if crypto { encrypt(frame, sa) } else { protect(frame, &headers, sa, &mut kinds) };
        notes.notices = kinds.into_iter().map(|kind| Notice { kind: Some(kind), tx: true, sa: index }).collect();
        sent
    }
}

/// Packet offload.
fn protect(frame: &[u8], headers: &Headers, sa: &mut TxSa, kinds: &mut Vec<Kind>) -> Result<(Event, Vec<u8>), Event> {
    esp::check(headers, sa).map_err(cause)?;
    let payload = if sa.tunnel.is_some() { headers.ip_length } else { headers.ip_length - headers.l3_length };
    if sa.max_payload.is_some_and(|most| payload > usize::from(most)) {
        return Err(Event::TxDropTooBig);
    }
    if sa.lifetime.expired() {
        kinds.extend(sa.lifetime.refuse());
        return Err(Event::TxDropExpired);
    }
    let seq = sa.next_seq().ok_or(Event::TxDropSeqOverflow)?;
    let sealed = encapsulate(frame, sa, seq).map_err(cause)?;
    kinds.extend(sa.lifetime.count(payload));
    if sa.exhausted() {
        kinds.push(Kind::SeqExhausted);
    }
    Ok((Event::TxProtected, sealed))
}

/// Crypto offload: the number is the stack's, and so are the limits.
fn encrypt(frame: &[u8], sa: &mut TxSa) -> Result<(Event, Vec<u8>), Event> {
    let (sealed, payload) = encrypt_in_place(frame, sa).map_err(|error| match error {
        InlineError::Spi(_) => Event::TxDropNoSa,
        InlineError::NotEsp => Event::TxDropUnsupported,
        InlineError::Length(_) | InlineError::Iv => Event::TxDropMalformed,
    })?;
    sa.lifetime.count_silently(payload);
    Ok((Event::TxCrypto, sealed))
}

fn cause(error: EncapError) -> Event {
    match error {
        EncapError::Malformed => Event::TxDropMalformed,
        EncapError::Options | EncapError::Fragment | EncapError::TooLong(_) => Event::TxDropUnsupported,
    }
}
