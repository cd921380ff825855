//! The parts that states, policies and templates share: ID, SELECTOR, LIMIT, MARK.

use super::ast::{Family, Id, Limits, Mark, Prefix, Proto, Selector, Upper};
use super::cursor::Cursor;
use super::error::ParseError;
use super::value;

/// Words that begin an ID.
pub const ID_WORDS: &[&str] = &["src", "dst", "proto", "spi"];

/// Words that begin a SELECTOR.
pub const SELECTOR_WORDS: &[&str] = &["src", "dst", "dev", "proto", "sport", "dport", "type", "code", "key"];

/// `[src ADDR] [dst ADDR] [proto XFRM-PROTO] [spi SPI]`, one group of words; of a word said twice the last counts.
pub fn id(cursor: &mut Cursor) -> Result<Id, ParseError> {
    let mut id = Id::default();
    loop {
        if cursor.accept("src") {
            id.source = Some(cursor.prefix("the source address")?.address);
        } else if cursor.accept("dst") {
            id.destination = Some(cursor.prefix("the destination address")?.address);
        } else if cursor.accept("proto") {
            id.proto = Some(cursor.choice("an IPsec protocol", Proto::ALL)?);
        } else if cursor.accept("spi") {
            id.spi = Some(cursor.number::<u32>("an SPI")?);
        } else {
            break;
        }
    }
    same_family(cursor, id.source.map(Family::of), id.destination.map(Family::of))?;
    match (id.proto, id.spi) {
        (None, _) => return Err(cursor.error("'proto' and an IPsec protocol beside src, dst and spi")),
        (Some(proto @ (Proto::Route2 | Proto::Hao)), Some(spi)) if spi != 0 => {
            return Err(cursor.error(format_args!("no spi with proto {proto}")));
        }
        (Some(Proto::Comp), Some(0x1_0000..)) => return Err(cursor.error("an spi below 0x10000 with proto comp")),
        _ => {}
    }
    Ok(id)
}

/// `[src PREFIX] [dst PREFIX] [dev DEV] [UPSPEC]`, one group of words.
pub fn selector(cursor: &mut Cursor) -> Result<Selector, ParseError> {
    let mut selector = Selector::default();
    let mut upper_seen = false;
    loop {
        if cursor.accept("src") {
            selector.source = Some(cursor.prefix("a source prefix")?);
        } else if cursor.accept("dst") {
            selector.destination = Some(cursor.prefix("a destination prefix")?);
        } else if cursor.accept("dev") {
            selector.device = Some(cursor.device()?).filter(|name| name != "none");
        } else if !upper_seen && cursor.peek_text().is_some_and(|word| SELECTOR_WORDS.contains(&word)) {
            upper_seen = true;
            upper(cursor, &mut selector)?;
        } else {
            break;
        }
    }
    let family = |prefix: Option<Prefix>| prefix.map(|prefix| Family::of(prefix.address));
    same_family(cursor, family(selector.source), family(selector.destination))?;
    selector.family = family(selector.destination).or(family(selector.source));
    Ok(selector)
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const DCCP: u8 = 33;
const SCTP: u8 = 132;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const MOBILITY: u8 = 135;
const GRE: u8 = 47;

/// UPSPEC: the upper protocol and what is asked of its header.
fn upper(cursor: &mut Cursor, selector: &mut Selector) -> Result<(), ParseError> {
    let mut upper = Upper::default();
    let mut protocol = None;
    let (mut ports, mut icmp, mut key) = (None, None, None);
    while let Some(word) = cursor.peek() {
        match word.text.as_str() {
            "proto" => {
                cursor.accept("proto");
                protocol = Some(cursor.read("an upper protocol's name or number", value::protocol)?).filter(|&number| number != 0);
            }
            "sport" => {
                cursor.accept("sport");
                ports = Some(word);
                upper.sport = Some(cursor.number::<u16>("a port")?);
            }
            "dport" => {
                cursor.accept("dport");
                ports = Some(word);
                upper.dport = Some(cursor.number::<u16>("a port")?);
            }
            "type" => {
                cursor.accept("type");
                icmp = Some(word);
                upper.icmp_type = Some(cursor.number::<u8>("a type")?);
            }
            "code" => {
                cursor.accept("code");
                icmp = Some(word);
                upper.icmp_code = Some(cursor.number::<u8>("a code")?);
            }
            "key" => {
                cursor.accept("key");
                key = Some(word);
                upper.gre_key = Some(cursor.read("a GRE key, a number or a dotted quad", gre_key)?);
            }
            _ => break,
        }
    }
    for (word, needs, allowed) in [
        (ports, "'proto tcp', udp, sctp, dccp or any for a port", &[None, Some(TCP), Some(UDP), Some(SCTP), Some(DCCP)][..]),
        (icmp, "'proto icmp', ipv6-icmp or mobility-header for a type or code", &[Some(ICMP), Some(ICMPV6), Some(MOBILITY)]),
        (key, "'proto gre' for a key", &[Some(GRE)]),
    ] {
        if let Some(word) = word.filter(|_| !allowed.contains(&protocol)) {
            return Err(ParseError::new(word.at, &word.text, needs));
        }
    }
    selector.protocol = protocol;
    selector.upper = upper;
    Ok(())
}

fn gre_key(word: &str) -> Option<u32> {
    if word.contains('.') {
        match value::address(word, Some(Family::Inet))? {
            std::net::IpAddr::V4(address) => Some(address.into()),
            std::net::IpAddr::V6(_) => None,
        }
    } else {
        u32::try_from(value::number(word)?).ok()
    }
}

/// What follows `limit`: which limit, and its value.
pub fn limit(cursor: &mut Cursor, limits: &mut Limits) -> Result<(), ParseError> {
    let at = cursor.at();
    let which = cursor.take(LIMITS)?;
    let slot = match which.text.as_str() {
        "time-soft" => &mut limits.time_soft,
        "time-hard" => &mut limits.time_hard,
        "time-use-soft" => &mut limits.time_use_soft,
        "time-use-hard" => &mut limits.time_use_hard,
        "byte-soft" => &mut limits.byte_soft,
        "byte-hard" => &mut limits.byte_hard,
        "packet-soft" => &mut limits.packet_soft,
        "packet-hard" => &mut limits.packet_hard,
        other => return Err(ParseError::new(at, other, LIMITS)),
    };
    *slot = Some(cursor.number("a limit")?);
    Ok(())
}

const LIMITS: &str = "a limit: time-soft, time-hard, time-use-soft, time-use-hard, byte-soft, byte-hard, packet-soft or packet-hard";

/// What follows `mark` or `output-mark`: `V [mask M]`; without a mask, `default` counts.
pub fn mark(cursor: &mut Cursor, default: u32) -> Result<Mark, ParseError> {
    let value = cursor.number("a mark")?;
    let mask = if cursor.accept("mask") { cursor.number("a mask")? } else { default };
    Ok(Mark { value, mask })
}

fn same_family(cursor: &Cursor, source: Option<Family>, destination: Option<Family>) -> Result<(), ParseError> {
    match (source, destination) {
        (Some(source), Some(destination)) if source != destination => Err(cursor.error("addresses of one family after src and dst")),
        _ => Ok(()),
    }
}
