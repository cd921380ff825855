//! `state add|update|allocspi|delete|get|deleteall|list|flush`, in the words of iproute2's ip/xfrm_state.c.

use super::algorithm::{algorithm, check_algorithms};
use super::ast::{
    AlgorithmKind, AllocSpi, Encap, EncapKind, ExtraFlags, Id, Mark, Mode, OffloadMode, Proto, SaDirection, State, StateFilter, StateFlags,
    StateName, StateOffload,
};
use super::cursor::{Cursor, any_of};
use super::error::ParseError;
use super::selector::{self, number_after};

/// Words that begin something.
const WORDS: &[&str] = &[
    "src",
    "dst",
    "proto",
    "spi",
    "aead",
    "enc",
    "auth",
    "auth-trunc",
    "comp",
    "mode",
    "mark",
    "reqid",
    "dir",
    "seq",
    "replay-window",
    "replay-seq",
    "replay-seq-hi",
    "replay-oseq",
    "replay-oseq-hi",
    "flag",
    "extra-flag",
    "sel",
    "limit",
    "encap",
    "coa",
    "ctx",
    "offload",
    "output-mark",
    "if_id",
    "tfcpad",
];

/// XFRMA_REPLAY_ESN_MAX: the widest window that the kernel's messages can carry.
const WIDEST_WINDOW: u32 = 4096;

/// `add` and `update`: reads what follows the verb.
pub fn state(cursor: &mut Cursor) -> Result<State, ParseError> {
    let mut id: Option<Id> = None;
    let mut state = State::default();
    let mut direction_at = None;

    while let Some(word) = cursor.peek() {
        let text = word.text.as_str();
        if let Some((_, kind)) = AlgorithmKind::ALL.iter().find(|(name, _)| *name == text) {
            let found = algorithm(cursor, *kind, &state.algorithms, WORDS)?;
            state.algorithms.push(found);
            continue;
        }
        if !is_option(text) {
            if id.is_some() {
                return Err(ParseError::wrong(word, "unknown").expecting(any_of(WORDS)));
            }
            let found = selector::id(cursor)?;
            cursor.family = cursor.family.or(found.family());
            id = Some(found);
            continue;
        }
        cursor.next();
        match text {
            "mode" => state.mode = mode(cursor)?,
            "mark" => state.mark = selector::added_mark(cursor)?,
            "reqid" => state.reqid = cursor.number("REQID value is invalid")?,
            "seq" => state.seq = cursor.number("SEQ value is invalid")?,
            "replay-window" => state.replay_window = number_after(cursor, text)?,
            "replay-seq" => state.replay.seq = number_after(cursor, text)?,
            "replay-seq-hi" => state.replay.seq_hi = number_after(cursor, text)?,
            "replay-oseq" => state.replay.oseq = number_after(cursor, text)?,
            "replay-oseq-hi" => state.replay.oseq_hi = number_after(cursor, text)?,
            "flag" => state_flags(cursor, &mut state.flags)?,
            "extra-flag" => {
                const WRONG: &str = "\"EXTRA-FLAG\" is invalid";
                if let Some(all) = flags(cursor, WRONG, u32::MAX, |word| state.extra_flags.set(word), ExtraFlags::from_bits)? {
                    state.extra_flags = all;
                }
            }
            "sel" => {
                if cursor.peek().is_none() {
                    return Err(ParseError::incomplete(cursor.end()).expecting("a selector: src, dst, dev or proto"));
                }
                cursor.family = None;
                let selector = selector::selector(cursor)?;
                cursor.family = selector.family;
                state.selector = Some(selector);
            }
            "limit" => selector::limit(cursor, &mut state.limits)?,
            "encap" => state.encap = Some(encap(cursor)?),
            "coa" if state.care_of.is_some() => return Err(ParseError::duplicate(word, "coa")),
            "coa" => state.care_of = Some(cursor.prefix("coa")?.address),
            "ctx" => security_context(cursor, &mut state.security_context)?,
            "dir" => {
                direction_at = cursor.peek();
                state.direction = Some(direction(cursor)?);
            }
            "offload" => state.offload = Some(offload(cursor)?),
            "output-mark" => state.output_mark = output_mark(cursor)?,
            "if_id" => state.if_id = Some(number_after(cursor, text)?),
            "pcpu-num" => return Err(ParseError::refused(word.at, text, "an SA of one CPU only is not supported")),
            _ => state.tfcpad = number_after(cursor, text)?,
        }
    }

    let direction = state.direction.or(state.offload.as_ref().map(|offload| offload.direction));
    if state.flags.esn && state.replay_window == 0 && direction != Some(SaDirection::Out) {
        return Err(cursor.error("Error: esn flag set without replay-window."));
    }
    if state.replay_window > WIDEST_WINDOW {
        let window = state.replay_window;
        return Err(cursor.error(format_args!("Error: replay-window ({window}) > XFRMA_REPLAY_ESN_MAX ({WIDEST_WINDOW}).")));
    }
    state.id = id.ok_or_else(|| cursor.error("Not enough information: ID is required").expecting("src, dst, proto and spi"))?;
    check_algorithms(cursor, &state)?;
    if let (Some(word), Some(said), Some(offload)) = (direction_at, state.direction, &state.offload)
        && said != offload.direction
    {
        return Err(ParseError::refused(word.at, said, format_args!("the offload says dir {}", offload.direction)));
    }
    Ok(state)
}

/// Whether a word begins something of its own; all others, known or not, iproute2 takes for an ID.
fn is_option(word: &str) -> bool {
    word == "pcpu-num" || (WORDS.contains(&word) && !selector::ID_WORDS.contains(&word))
}

/// `delete` and `get`.
pub fn name(cursor: &mut Cursor) -> Result<StateName, ParseError> {
    let mut name = StateName::default();
    let mut named = false;
    while let Some(word) = cursor.peek() {
        if cursor.accept("mark") {
            name.mark = selector::naming_mark(cursor)?;
        } else if named {
            return Err(ParseError::wrong(word, "unknown").expecting("src, dst, proto, spi or mark"));
        } else {
            named = true;
            name.id = selector::id(cursor)?;
        }
    }
    Ok(name)
}

/// `allocspi`.
pub fn allocspi(cursor: &mut Cursor) -> Result<AllocSpi, ParseError> {
    const WORDS: &str = "src, dst, proto, mode, mark, reqid, dir, seq, min or max";
    let mut id: Option<Id> = None;
    let (mut min, mut max) = (None, None);
    let mut alloc =
        AllocSpi { id: Id::default(), mode: Mode::Transport, mark: None, reqid: 0, seq: 0, direction: None, range: (0x100, 0x0FFF_FFFF) };
    while let Some(word) = cursor.peek() {
        let text = word.text.as_str();
        match text {
            "mode" | "mark" | "reqid" | "seq" | "min" | "max" | "dir" | "pcpu-num" => _ = cursor.next(),
            _ if id.is_some() => return Err(ParseError::wrong(word, "unknown").expecting(WORDS)),
            _ => {}
        }
        match text {
            "mode" => alloc.mode = mode(cursor)?,
            "mark" => alloc.mark = selector::naming_mark(cursor)?,
            "reqid" => alloc.reqid = cursor.number("REQID value is invalid")?,
            "seq" => alloc.seq = cursor.number("SEQ value is invalid")?,
            "min" if min.is_some() => return Err(ParseError::duplicate(word, "min")),
            "min" => min = Some(number_after(cursor, text)?),
            "max" if max.is_some() => return Err(ParseError::duplicate(word, "max")),
            "max" => max = Some(number_after(cursor, text)?),
            "dir" => alloc.direction = Some(direction(cursor)?),
            "pcpu-num" => return Err(ParseError::refused(word.at, text, "an SA of one CPU only is not supported")),
            _ => {
                let found = selector::id(cursor)?;
                if found.spi.is_some_and(|spi| spi != 0) {
                    return Err(ParseError::new(word.at, "\"spi\" is invalid").expecting("min and max instead: an SPI is looked for"));
                }
                cursor.family = cursor.family.or(found.family());
                id = Some(found);
            }
        }
    }
    alloc.id = id.ok_or_else(|| cursor.error("Not enough information: ID is required").expecting("src, dst and proto"))?;
    alloc.range = match (min, max) {
        (Some(_), None) => return Err(cursor.error("\"max\" is missing")),
        (None, Some(_)) => return Err(cursor.error("\"min\" is missing")),
        (Some(min), Some(max)) if min > max => {
            return Err(cursor.error("value after \"min\" is larger than value after \"max\""));
        }
        (Some(min), Some(max)) => (min, max),
        // SPIs of IPComp have 16 bits (RFC 3173 section 3.3).
        (None, None) if alloc.id.proto == Some(Proto::Comp) => (0x100, 0xFFFF),
        (None, None) => alloc.range,
    };
    Ok(alloc)
}

/// `list` and `deleteall`.
pub fn filter(cursor: &mut Cursor) -> Result<StateFilter, ParseError> {
    let mut filter = StateFilter { family: cursor.family, ..StateFilter::default() };
    let mut named = false;
    while let Some(word) = cursor.peek() {
        if cursor.accept("nokeys") {
            filter.nokeys = true;
        } else if cursor.accept("mode") {
            filter.mode = Some(mode(cursor)?);
        } else if cursor.accept("reqid") {
            filter.reqid = Some(cursor.number("REQID value is invalid")?);
        } else if cursor.accept("flag") {
            state_flags(cursor, filter.flags.get_or_insert_default())?;
        } else if named || !selector::ID_WORDS.contains(&word.text.as_str()) {
            return Err(ParseError::wrong(word, "unknown").expecting("nokeys, src, dst, proto, spi, mode, reqid or flag"));
        } else {
            named = true;
            let found = selector::written_id(cursor)?;
            (filter.source, filter.destination, filter.proto, filter.spi) = (found.source, found.destination, found.proto, found.spi);
            filter.family = found.id().family().or(filter.family);
            cursor.family = cursor.family.or(filter.family);
        }
    }
    Ok(filter)
}

/// `flush`.
pub fn flush(cursor: &mut Cursor) -> Result<Option<Proto>, ParseError> {
    let mut proto = None;
    while let Some(word) = cursor.next() {
        match word.text.as_str() {
            "proto" if proto.is_some() => return Err(ParseError::duplicate(word, "proto")),
            "proto" => proto = Some(cursor.choice("XFRM-PROTO value is invalid", Proto::ALL)?),
            _ => return Err(ParseError::wrong(word, "unknown").expecting("proto")),
        }
    }
    Ok(proto)
}

/// What follows `mode`: the one word that may be shortened.
pub fn mode(cursor: &mut Cursor) -> Result<Mode, ParseError> {
    cursor.choice_by_prefix("MODE value is invalid", Mode::ALL)
}

fn direction(cursor: &mut Cursor) -> Result<SaDirection, ParseError> {
    cursor.choice("DIR value is not \"in\" or \"out\"", SaDirection::ALL)
}

fn state_flags(cursor: &mut Cursor, slot: &mut StateFlags) -> Result<(), ParseError> {
    let bits = |bits| u8::try_from(bits).ok().and_then(StateFlags::from_bits);
    if let Some(all) = flags(cursor, "FLAG value is invalid", u8::MAX.into(), |word| slot.set(word), bits)? {
        *slot = all;
    }
    Ok(())
}

/// The words of a flag list, up to the first that is none; or a hexadecimal number, which is returned as the whole set.
pub fn flags<F>(
    cursor: &mut Cursor,
    wrong: &str,
    most: u32,
    mut set: impl FnMut(&str) -> bool,
    bits: impl FnOnce(u32) -> Option<F>,
) -> Result<Option<F>, ParseError> {
    let expected = "flags, by name or as a hexadecimal number of known bits";
    match cursor.peek() {
        None => return Err(ParseError::incomplete(cursor.end()).expecting(expected)),
        Some(word) if word.text.starts_with("0x") && word.text.len() > 2 => {
            cursor.next();
            let number = u32::from_str_radix(&word.text[2..], 16).ok().filter(|&number| number <= most);
            let number = number.ok_or_else(|| ParseError::wrong(word, wrong).expecting(expected))?;
            let known = bits(number).ok_or_else(|| ParseError::refused(word.at, word.text.as_str(), "bits that are no flags"))?;
            return Ok(Some(known));
        }
        Some(_) => {}
    }
    while cursor.peek_text().is_some_and(&mut set) {
        cursor.next();
    }
    Ok(None)
}

/// What follows `ctx`, the word that was taken last.
pub fn security_context(cursor: &mut Cursor, slot: &mut Option<String>) -> Result<(), ParseError> {
    if let (Some(word), true) = (cursor.last(), slot.is_some()) {
        return Err(ParseError::duplicate(word, "ctx"));
    }
    *slot = Some(cursor.take("a security context")?.text.to_string());
    Ok(())
}

fn encap(cursor: &mut Cursor) -> Result<Encap, ParseError> {
    let kind = cursor.choice("ENCAP-TYPE value is invalid", EncapKind::ALL)?;
    let sport = cursor.number("SPORT value after \"encap\" is invalid")?;
    let dport = cursor.number("DPORT value after \"encap\" is invalid")?;
    // The original address may be of any family.
    Ok(Encap { kind, sport, dport, original: selector::address(cursor, "encap")? })
}

/// Crypto is meant where no mode is said, as before there were two.
fn offload(cursor: &mut Cursor) -> Result<StateOffload, ParseError> {
    let mode = OffloadMode::ALL.iter().find(|(word, _)| cursor.accept(word)).map_or(OffloadMode::Crypto, |(_, mode)| *mode);
    keyword(cursor, "dev", "Missing dev keyword")?;
    let device = cursor.device("Invalid device name")?;
    keyword(cursor, "dir", "Missing DIR keyword")?;
    Ok(StateOffload { mode, device, direction: direction(cursor)? })
}

/// A word that must stand here.
pub fn keyword(cursor: &mut Cursor, keyword: &str, missing: &str) -> Result<(), ParseError> {
    let expected = format_args!("'{keyword}'").to_string();
    cursor.read(missing, expected, |word| (word == keyword).then_some(()))
}

/// iproute2 sends neither a value nor a mask of 0: the kernel then sets no mark, or takes all bits.
fn output_mark(cursor: &mut Cursor) -> Result<Option<Mark>, ParseError> {
    let value = number_after(cursor, "output-mark")?;
    let mask = if cursor.accept("mask") { cursor.number("mask value is invalid")? } else { 0 };
    Ok((value != 0).then_some(Mark { value, mask: if mask == 0 { u32::MAX } else { mask } }))
}
