//! `aead`, `enc`, `auth`, `auth-trunc` and `comp` with their keys, and which of them a protocol needs.

use zeroize::Zeroizing;

use super::ast::{Algorithm, AlgorithmKind, Key, Mode, Proto, State};
use super::cursor::Cursor;
use super::error::ParseError;
use super::value;

/// The kernel's structures keep this many bytes of a key and of a name.
const LONGEST_KEY: usize = 512;
const LONGEST_NAME: usize = 63;

/// A kind and what follows it. Words in the key's place and after it are never shown; `options` are words that are no key.
pub fn algorithm(cursor: &mut Cursor, kind: AlgorithmKind, given: &[Algorithm], options: &[&str]) -> Result<Algorithm, ParseError> {
    use AlgorithmKind::{Aead, Auth, AuthTrunc, Comp, Enc};
    let word = cursor.take(kind)?;
    let clashes = |other: &Algorithm| match kind {
        Aead => other.kind != Comp,
        Enc => matches!(other.kind, Enc | Aead),
        Auth | AuthTrunc => matches!(other.kind, Auth | AuthTrunc | Aead),
        Comp => other.kind == Comp,
    };
    if given.iter().any(clashes) {
        return Err(ParseError::duplicate(word, "ALGO-TYPE").expecting("one algorithm for a purpose, and none beside aead"));
    }
    let example = "an algorithm's name, such as 'rfc4106(gcm(aes))'";
    let name = cursor.next().ok_or_else(|| ParseError::missing(cursor.end(), "ALGO-NAME").expecting(example))?;
    if !(1..=LONGEST_NAME).contains(&name.text.len()) || name.text.starts_with("0x") {
        let hidden = ParseError::hidden(name, "ALGO-NAME value is invalid");
        return Err(hidden.expecting(format_args!("{example}, of {LONGEST_NAME} bytes at most")));
    }
    let name = name.text.to_string();
    if kind == Comp {
        return Ok(Algorithm { kind, name, key: Key(Zeroizing::default()), icv_bits: None, at: word.at });
    }
    let word =
        cursor.next().ok_or_else(|| ParseError::missing(cursor.end(), "ALGO-KEYMAT").expecting("a key, 0x and hexadecimal digits"))?;
    let key = key(&word.text).map_err(|why| {
        ParseError::hidden(word, why).expecting(format_args!("0x and hexadecimal digits, of {LONGEST_KEY} bytes at most"))
    })?;
    let icv_bits = match kind {
        Aead => Some(icv_bits(cursor, "ALGO-ICV-LEN", options)?),
        AuthTrunc => Some(icv_bits(cursor, "ALGO-TRUNC-LEN", options)?),
        _ => None,
    };
    Ok(Algorithm { kind, name, key: Key(key), icv_bits, at: word.at })
}

fn icv_bits(cursor: &mut Cursor, what: &str, options: &[&str]) -> Result<u32, ParseError> {
    const EXPECTED: &str = "the length of the ICV in bits";
    let word = cursor.next().ok_or_else(|| ParseError::missing(cursor.end(), what).expecting(EXPECTED))?;
    let bits = value::number(&word.text).and_then(|bits| u32::try_from(bits).ok());
    let wrong = format!("{what} value is invalid");
    // A known word is no key in the wrong place.
    let known = options.contains(&word.text.as_str());
    let error = || if known { ParseError::wrong(word, &wrong) } else { ParseError::hidden(word, &wrong) };
    bits.ok_or_else(|| error().expecting(EXPECTED))
}

/// xfrm_algo_parse: hexadecimal after `0x` (a zero is put before an odd digit), else the word's own bytes. Nothing of it
/// stays in memory that is left.
fn key(word: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    const TOO_LONG: &str = "ALGO-KEYMAT value makes buffer overflow";
    let digits = word.strip_prefix("0x").filter(|digits| !digits.is_empty());
    let length = digits.map_or(word.len(), |digits| digits.len().div_ceil(2));
    if length > LONGEST_KEY {
        return Err(TOO_LONG);
    }
    let mut key = Zeroizing::new(Vec::with_capacity(length));
    let Some(digits) = digits else {
        key.extend(word.as_bytes());
        return Ok(key);
    };
    let (odd, pairs) = digits.as_bytes().split_at(digits.len() % 2);
    let digit = |digit: &u8| char::from(*digit).to_digit(16).map(|value| value as u8).ok_or("ALGO-KEYMAT value is invalid");
    for value in odd {
        key.push(digit(value)?);
    }
    for pair in pairs.chunks_exact(2) {
        key.push((digit(&pair[0])? << 4) | digit(&pair[1])?);
    }
    Ok(key)
}

/// What iproute2 checks when the line has been read: the mode and the algorithms must fit the protocol.
pub fn check_algorithms(cursor: &Cursor, state: &State) -> Result<(), ParseError> {
    use AlgorithmKind::{Aead, Auth, AuthTrunc, Comp, Enc};
    let proto = state.id.proto.unwrap_or(Proto::Esp);
    let has = |kinds: &[AlgorithmKind]| state.algorithms.iter().any(|algorithm| kinds.contains(&algorithm.kind));
    let with = format!("with XFRM-PROTO value \"{proto}\"");
    let mobile = matches!(proto, Proto::Route2 | Proto::Hao);
    let mode_fits = match proto {
        Proto::Esp => matches!(state.mode, Mode::Transport | Mode::Tunnel | Mode::Beet | Mode::Iptfs),
        Proto::Ah | Proto::Comp => matches!(state.mode, Mode::Transport | Mode::Tunnel),
        Proto::Route2 | Proto::Hao => matches!(state.mode, Mode::RouteOptimization | Mode::InTrigger),
        Proto::IpsecAny => true,
    };
    let wrong_mode = match state.mode {
        Mode::Transport if mobile => format!("\"mode\" is required {with}"),
        _ => format!("MODE value is invalid {with}"),
    };
    let wrong = match proto {
        _ if !mode_fits && !mobile => Some(wrong_mode),
        Proto::Esp if has(&[Comp]) => Some(format!("ALGO-TYPE value \"comp\" is invalid {with}")),
        Proto::Esp if !has(&[Enc, Aead]) => Some(format!("ALGO-TYPE value \"enc\" or \"aead\" is required {with}")),
        Proto::Ah if has(&[Enc, Aead, Comp]) => Some(format!("ALGO-TYPE values \"enc\", \"aead\", and \"comp\" are invalid {with}")),
        Proto::Ah if !has(&[Auth, AuthTrunc]) => Some(format!("ALGO-TYPE value \"auth\" or \"auth-trunc\" is required {with}")),
        Proto::Comp if has(&[Enc, Auth, AuthTrunc, Aead]) => {
            Some(format!("ALGO-TYPE values \"enc\", \"auth\", \"auth-trunc\", and \"aead\" are invalid {with}"))
        }
        Proto::Comp if !has(&[Comp]) => Some(format!("ALGO-TYPE value \"comp\" is required {with}")),
        Proto::Route2 | Proto::Hao | Proto::IpsecAny if !state.algorithms.is_empty() => Some(format!("ALGO is invalid {with}")),
        _ if !mode_fits => Some(wrong_mode),
        _ if mobile && state.care_of.is_none() => Some(format!("\"coa\" is required {with}")),
        _ if !mobile && state.care_of.is_some() => Some(format!("\"coa\" is invalid {with}")),
        _ => None,
    };
    wrong.map_or(Ok(()), |wrong| Err(cursor.error(wrong)))
}
