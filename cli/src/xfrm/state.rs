//! `state add|update`, in the words of iproute2's ip/xfrm_state.c.

use zeroize::Zeroizing;

use super::ast::{
    Algorithm, AlgorithmKind, Encap, EncapKind, ExtraFlags, Id, Key, Mark, Mode, OffloadMode, Proto, ReplayState, SaDirection, State,
    StateFlags, StateOffload,
};
use super::cursor::Cursor;
use super::error::{ParseError, Position};
use super::selector::{self, ID_WORDS};

const WORDS: &str = "src, dst, proto, spi, aead, enc, auth, auth-trunc, comp, mode, mark, reqid, dir, seq, replay-window, replay-seq, \
    replay-seq-hi, replay-oseq, replay-oseq-hi, flag, extra-flag, sel, limit, encap, coa, ctx, offload, output-mark, if_id or tfcpad";

/// XFRMA_REPLAY_ESN_MAX: the widest window that the kernel's messages can carry.
const WIDEST_WINDOW: u32 = 4096;

/// Reads what follows the verb.
pub fn state(cursor: &mut Cursor) -> Result<State, ParseError> {
    let mut id: Option<Id> = None;
    let mut state = empty();
    let mut direction_at = None;
    let mut window_at = None;

    while let Some(word) = cursor.peek() {
        let (text, at) = (word.text.as_str(), word.at);
        if ID_WORDS.contains(&text) {
            if id.is_some() {
                return Err(ParseError::new(at, text, "src, dst, proto and spi side by side, and only once"));
            }
            let found = selector::id(cursor)?;
            cursor.family = cursor.family.or(found.family());
            id = Some(found);
            continue;
        }
        cursor.take(WORDS)?;
        if let Some((_, kind)) = AlgorithmKind::ALL.iter().find(|(name, _)| *name == text) {
            let found = algorithm(cursor, at, *kind, &state.algorithms)?;
            state.algorithms.push(found);
            continue;
        }
        match text {
            "mode" => state.mode = cursor.choice_by_prefix("a mode", Mode::ALL)?,
            "mark" => state.mark = Some(selector::mark(cursor, u32::MAX)?),
            "reqid" => state.reqid = cursor.number("a reqid")?,
            "seq" => state.seq = cursor.number("a sequence number")?,
            "replay-window" => {
                window_at = cursor.peek();
                state.replay_window = cursor.number("a window, in packets")?;
            }
            "replay-seq" => state.replay.seq = cursor.number("a sequence number")?,
            "replay-seq-hi" => state.replay.seq_hi = cursor.number("a sequence number")?,
            "replay-oseq" => state.replay.oseq = cursor.number("a sequence number")?,
            "replay-oseq-hi" => state.replay.oseq_hi = cursor.number("a sequence number")?,
            "flag" => {
                if let Some(all) = flags(cursor, u8::MAX.into(), |word| state.flags.set(word), |bits| StateFlags::from_bits(bits as u8))? {
                    state.flags = all;
                }
            }
            "extra-flag" => {
                if let Some(all) = flags(cursor, u32::MAX, |word| state.extra_flags.set(word), ExtraFlags::from_bits)? {
                    state.extra_flags = all;
                }
            }
            "sel" => {
                cursor.family = None;
                let selector = selector::selector(cursor)?;
                cursor.family = selector.family;
                state.selector = Some(selector);
            }
            "limit" => selector::limit(cursor, &mut state.limits)?,
            "encap" => state.encap = Some(encap(cursor)?),
            "coa" if state.care_of.is_some() => return Err(ParseError::new(at, text, "'coa' only once")),
            "coa" => state.care_of = Some(cursor.prefix("a care-of address")?.address),
            "ctx" => security_context(cursor, at, &mut state.security_context)?,
            "dir" => {
                direction_at = cursor.peek();
                state.direction = Some(cursor.choice("a direction", SaDirection::ALL)?);
            }
            "offload" => state.offload = Some(offload(cursor)?),
            "output-mark" => state.output_mark = Some(output_mark(cursor)?),
            "if_id" => state.if_id = Some(cursor.number("an interface id")?),
            "tfcpad" => state.tfcpad = cursor.number("a length")?,
            _ => return Err(ParseError::new(at, text, WORDS)),
        }
    }

    state.id = id.ok_or_else(|| cursor.error("an ID: src, dst, proto and spi"))?;
    if let Some(word) = window_at.filter(|_| state.replay_window > WIDEST_WINDOW) {
        return Err(ParseError::new(word.at, &word.text, format_args!("a window of {WIDEST_WINDOW} at most")));
    }
    if let (Some(word), Some(said), Some(offload)) = (direction_at, state.direction, &state.offload)
        && said != offload.direction
    {
        return Err(ParseError::new(word.at, &word.text, format_args!("dir {}, as the offload has it", offload.direction)));
    }
    let direction = state.direction.or(state.offload.as_ref().map(|offload| offload.direction));
    if state.flags.esn && state.replay_window == 0 && direction != Some(SaDirection::Out) {
        return Err(cursor.error("'replay-window' and a size: flag esn needs one, except with dir out"));
    }
    check_algorithms(cursor, &state)?;
    Ok(state)
}

fn empty() -> State {
    State {
        id: Id::default(),
        algorithms: Vec::new(),
        mode: Mode::Transport,
        mark: None,
        reqid: 0,
        direction: None,
        seq: 0,
        replay_window: 0,
        replay: ReplayState::default(),
        flags: StateFlags::default(),
        extra_flags: ExtraFlags::default(),
        selector: None,
        limits: Default::default(),
        encap: None,
        care_of: None,
        security_context: None,
        offload: None,
        output_mark: None,
        if_id: None,
        tfcpad: 0,
    }
}

/// The words of a flag list, up to the first that is none; or a hexadecimal number, which is returned as the whole set.
pub fn flags<F>(
    cursor: &mut Cursor,
    most: u32,
    mut set: impl FnMut(&str) -> bool,
    bits: impl FnOnce(u32) -> Option<F>,
) -> Result<Option<F>, ParseError> {
    let expected = "flags, by name or as a hexadecimal number of known bits";
    match cursor.peek_text() {
        None => return Err(cursor.error(expected)),
        Some(word) if word.starts_with("0x") && word.len() > 2 => {
            let read = |word: &str| u32::from_str_radix(word.get(2..)?, 16).ok().filter(|&n| n <= most).and_then(bits);
            return cursor.read(expected, read).map(Some);
        }
        Some(_) => {}
    }
    while let Some(word) = cursor.peek_text() {
        if !set(word) {
            break;
        }
        cursor.take(expected)?;
    }
    Ok(None)
}

/// What follows `ctx`.
pub fn security_context(cursor: &mut Cursor, at: Position, slot: &mut Option<String>) -> Result<(), ParseError> {
    if slot.is_some() {
        return Err(ParseError::new(at, "ctx", "'ctx' only once"));
    }
    *slot = Some(cursor.take("a security context")?.text.clone());
    Ok(())
}

/// The kernel's structures keep this many bytes of a key and of a name.
const LONGEST_KEY: usize = 512;
const LONGEST_NAME: usize = 63;

/// What follows the kind of an algorithm. Words in the key's place and after it are never shown.
fn algorithm(cursor: &mut Cursor, at: Position, kind: AlgorithmKind, given: &[Algorithm]) -> Result<Algorithm, ParseError> {
    use AlgorithmKind::{Aead, Auth, AuthTrunc, Comp, Enc};
    let clashes = |other: &Algorithm| match kind {
        Aead => other.kind != Comp,
        Enc => matches!(other.kind, Enc | Aead),
        Auth | AuthTrunc => matches!(other.kind, Auth | AuthTrunc | Aead),
        Comp => other.kind == Comp,
    };
    if given.iter().any(clashes) {
        return Err(ParseError::new(at, kind, "one algorithm for a purpose, and none beside aead"));
    }
    let name = cursor.read("an algorithm's name, such as 'rfc4106(gcm(aes))'", |word| {
        let plausible = (1..=LONGEST_NAME).contains(&word.len()) && !word.starts_with("0x");
        plausible.then(|| word.to_owned())
    })?;
    if kind == Comp {
        return Ok(Algorithm { kind, name, key: Key(Zeroizing::default()), icv_bits: None, at });
    }
    let word = cursor.take("a key, 0x and hexadecimal digits")?;
    let key =
        key(&word.text).ok_or_else(|| ParseError::hidden(word.at, &word.text, "a key: 0x and hexadecimal digits, of 512 bytes at most"))?;
    let icv_bits = match kind {
        Aead | AuthTrunc => Some(icv_bits(cursor)?),
        _ => None,
    };
    Ok(Algorithm { kind, name, key: Key(Zeroizing::new(key)), icv_bits, at: word.at })
}

fn icv_bits(cursor: &mut Cursor) -> Result<u32, ParseError> {
    const EXPECTED: &str = "the length of the ICV in bits, a number";
    let word = cursor.take(EXPECTED)?;
    let is_option = WORDS.split([',', ' ']).any(|known| known == word.text);
    let bits = super::value::number(&word.text).and_then(|bits| u32::try_from(bits).ok());
    bits.ok_or_else(|| match is_option {
        true => ParseError::new(word.at, &word.text, EXPECTED),
        false => ParseError::hidden(word.at, &word.text, EXPECTED),
    })
}

/// Hexadecimal after `0x` (a zero is put before an odd digit), else the word's own bytes.
fn key(word: &str) -> Option<Vec<u8>> {
    let bytes = match word.strip_prefix("0x").filter(|digits| !digits.is_empty()) {
        Some(digits) => {
            let nibbles = Zeroizing::new(digits.chars().map(|c| c.to_digit(16).map(|n| n as u8)).collect::<Option<Vec<u8>>>()?);
            let (odd, pairs) = nibbles.split_at(nibbles.len() % 2);
            odd.iter().copied().chain(pairs.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1])).collect()
        }
        None => word.as_bytes().to_vec(),
    };
    (bytes.len() <= LONGEST_KEY).then_some(bytes)
}

fn encap(cursor: &mut Cursor) -> Result<Encap, ParseError> {
    let kind = cursor.choice("an encapsulation", EncapKind::ALL)?;
    let sport = cursor.number("a source port")?;
    let dport = cursor.number("a destination port")?;
    // The original address may be of any family.
    let original = cursor.read("the original address, IPv4 or IPv6", |word| super::value::address(word, None))?;
    Ok(Encap { kind, sport, dport, original })
}

/// Crypto is meant where no mode is said, as before there were two.
fn offload(cursor: &mut Cursor) -> Result<StateOffload, ParseError> {
    let mode = match cursor.peek_text() {
        Some("dev") => OffloadMode::Crypto,
        Some("crypto" | "packet") => cursor.choice("a mode", OffloadMode::ALL)?,
        _ => return Err(cursor.error("crypto, packet or dev")),
    };
    cursor.choice("'dev'", &[("dev", ())])?;
    let device = cursor.device()?;
    cursor.choice("'dir'", &[("dir", ())])?;
    let direction = cursor.choice("a direction", SaDirection::ALL)?;
    Ok(StateOffload { mode, device, direction })
}

/// Without a mask none is sent, and the kernel takes all bits.
fn output_mark(cursor: &mut Cursor) -> Result<Mark, ParseError> {
    selector::mark(cursor, u32::MAX)
}

/// What iproute2 checks when the line has been read: the mode and the algorithms must fit the protocol.
fn check_algorithms(cursor: &Cursor, state: &State) -> Result<(), ParseError> {
    let proto = state.id.proto.unwrap_or(Proto::Esp);
    let has = |kinds: &[AlgorithmKind]| state.algorithms.iter().any(|algorithm| kinds.contains(&algorithm.kind));
    use AlgorithmKind::{Aead, Auth, AuthTrunc, Comp, Enc};
    let mode_fits = match proto {
        Proto::Esp => matches!(state.mode, Mode::Transport | Mode::Tunnel | Mode::Beet | Mode::Iptfs),
        Proto::Ah | Proto::Comp => matches!(state.mode, Mode::Transport | Mode::Tunnel),
        Proto::Route2 | Proto::Hao => matches!(state.mode, Mode::RouteOptimization | Mode::InTrigger),
        Proto::IpsecAny => true,
    };
    let (needed, forbidden): (&[_], &[_]) = match proto {
        Proto::Esp => (&[Aead, Enc], &[Comp]),
        Proto::Ah => (&[Auth, AuthTrunc], &[Aead, Enc, Comp]),
        Proto::Comp => (&[Comp], &[Aead, Enc, Auth, AuthTrunc]),
        Proto::Route2 | Proto::Hao | Proto::IpsecAny => (&[], &[Aead, Enc, Auth, AuthTrunc, Comp]),
    };
    let list = |kinds: &[AlgorithmKind]| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let mobile = matches!(proto, Proto::Route2 | Proto::Hao);
    if !mode_fits {
        Err(cursor.error(format_args!("a mode that goes with proto {proto}, not {}", state.mode)))
    } else if has(forbidden) {
        Err(cursor.error(format_args!("no {} with proto {proto}", list(forbidden))))
    } else if !needed.is_empty() && !has(needed) {
        Err(cursor.error(format_args!("{}: proto {proto} needs one", list(needed))))
    } else if mobile != state.care_of.is_some() {
        Err(cursor.error(format_args!("{} with proto {proto}", if mobile { "'coa'" } else { "no 'coa'" })))
    } else {
        Ok(())
    }
}
