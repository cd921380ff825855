//! The parts that states, policies and templates share: ID, SELECTOR, LIMIT, MARK.

use super::ast::{Family, Id, Limits, Mark, Prefix, Proto, Selector, Upper};
use super::cursor::{Bounded, Cursor, address_error};
use super::error::ParseError;
use super::value::{self, AddressError, protocol_name};

/// Words that begin an ID.
pub const ID_WORDS: &[&str] = &["src", "dst", "proto", "spi"];

/// Words that begin a SELECTOR.
pub const SELECTOR_WORDS: &[&str] = &["src", "dst", "dev", "proto", "sport", "dport", "type", "code", "key"];

/// An ID as it is written: of a filter the prefixes' lengths count.
#[derive(Clone, Copy, Default)]
pub struct Written {
    pub source: Option<Prefix>,
    pub destination: Option<Prefix>,
    pub proto: Option<Proto>,
    pub spi: Option<u32>,
}

impl Written {
    /// The addresses alone.
    pub fn id(self) -> Id {
        let address = |prefix: Option<Prefix>| prefix.map(|prefix| prefix.address);
        Id { source: address(self.source), destination: address(self.destination), proto: self.proto, spi: self.spi }
    }
}

/// xfrm_id_parse with `loose` 0: an ID that must say its protocol.
pub fn id(cursor: &mut Cursor) -> Result<Id, ParseError> {
    let id = written_id(cursor)?.id();
    if id.proto.is_none() {
        return Err(ParseError::missing(cursor.at(), "XFRM-PROTO").expecting("'proto' and an IPsec protocol beside src, dst and spi"));
    }
    Ok(id)
}

/// xfrm_id_parse: `[src ADDR] [dst ADDR] [proto XFRM-PROTO] [spi SPI]`, one group of words; of a word said twice the last counts.
pub fn written_id(cursor: &mut Cursor) -> Result<Written, ParseError> {
    let mut id = Written::default();
    while let Some(word) = cursor.peek().filter(|word| ID_WORDS.contains(&word.text.as_str())) {
        cursor.next();
        match word.text.as_str() {
            "src" => id.source = Some(cursor.prefix("src")?),
            "dst" => id.destination = Some(cursor.prefix("dst")?),
            "proto" => id.proto = Some(cursor.choice("XFRM-PROTO value is invalid", Proto::ALL)?),
            _ => id.spi = Some(cursor.number("SPI value is invalid")?),
        }
    }
    same_family(cursor.last(), id.source, id.destination)?;
    match (id.proto, id.spi) {
        (Some(proto @ (Proto::Route2 | Proto::Hao)), Some(spi)) if spi != 0 => {
            Err(cursor.error(format_args!("\"spi\" is invalid with XFRM-PROTO value \"{proto}\"")))
        }
        (Some(proto @ Proto::Comp), Some(0x1_0000..)) => {
            Err(cursor.error(format_args!("SPI value is too large with XFRM-PROTO value \"{proto}\"")))
        }
        _ => Ok(id),
    }
}

/// xfrm_selector_parse: `[src PREFIX] [dst PREFIX] [dev DEV] [UPSPEC]`, one group of words.
pub fn selector(cursor: &mut Cursor) -> Result<Selector, ParseError> {
    let mut selector = Selector::default();
    let mut upper_seen = false;
    while let Some(word) = cursor.peek().filter(|word| SELECTOR_WORDS.contains(&word.text.as_str())) {
        match word.text.as_str() {
            "src" | "dst" | "dev" => _ = cursor.next(),
            _ if upper_seen => break,
            _ => {}
        }
        match word.text.as_str() {
            "src" => selector.source = Some(cursor.prefix("src")?),
            "dst" => selector.destination = Some(cursor.prefix("dst")?),
            "dev" => {
                selector.device = Some(cursor.device("DEV value is invalid")?).filter(|name| name != "none");
                selector.no_device = selector.device.is_none();
            }
            _ => {
                upper_seen = true;
                upper(cursor, &mut selector)?;
            }
        }
    }
    same_family(cursor.last(), selector.source, selector.destination)?;
    selector.family = selector.destination.or(selector.source).map(|prefix| Family::of(prefix.address));
    Ok(selector)
}

/// Protocols that have ports, as far as iproute2 goes; any protocol may have them.
const WITH_PORTS: &[u8] = &[0, 6, 17, 132, 33];
/// ICMP, ICMPv6 and Mobile IPv6's header.
const WITH_TYPES: &[u8] = &[1, 58, 135];
const GRE: &[u8] = &[47];

/// xfrm_selector_upspec_parse: the upper protocol and what is asked of its header.
fn upper(cursor: &mut Cursor, selector: &mut Selector) -> Result<(), ParseError> {
    let mut upper = Upper::default();
    let mut protocol = None;
    let (mut ports, mut types, mut key) = (None, None, None);
    while let Some(word) = cursor.peek() {
        match word.text.as_str() {
            "proto" => {
                cursor.next();
                protocol = Some(cursor.read("PROTO value is invalid", "an upper protocol's name or number", value::protocol)?);
            }
            "sport" => {
                ports = cursor.next();
                upper.sport = Some(cursor.number("value after \"sport\" is invalid")?);
            }
            "dport" => {
                ports = cursor.next();
                upper.dport = Some(cursor.number("value after \"dport\" is invalid")?);
            }
            "type" => {
                types = cursor.next();
                upper.icmp_type = Some(cursor.number("value after \"type\" is invalid")?);
            }
            "code" => {
                types = cursor.next();
                upper.icmp_code = Some(cursor.number("value after \"code\" is invalid")?);
            }
            "key" => {
                key = cursor.next();
                upper.gre_key = Some(gre_key(cursor)?);
            }
            _ => break,
        }
    }
    let protocol_or_any = protocol.unwrap_or(0);
    for (word, what, allowed) in
        [(ports, "\"sport\" and \"dport\" are", WITH_PORTS), (types, "\"type\" and \"code\" are", WITH_TYPES), (key, "\"key\" is", GRE)]
    {
        if let Some(word) = word.filter(|_| !allowed.contains(&protocol_or_any)) {
            let names: Vec<_> = allowed.iter().filter(|protocol| **protocol != 0).map(|protocol| protocol_name(*protocol)).collect();
            let text = format_args!("{what} invalid with PROTO value \"{}\"", protocol_name(protocol_or_any)).to_string();
            return Err(ParseError::new(word.at, text).expecting(format_args!("proto {}", names.join(", "))));
        }
    }
    selector.protocol = protocol;
    selector.upper = upper;
    Ok(())
}

/// A number or, as it is 32 bits wide, a dotted quad.
fn gre_key(cursor: &mut Cursor) -> Result<u32, ParseError> {
    const EXPECTED: &str = "a GRE key, a number or a dotted quad";
    let word = cursor.take(EXPECTED)?;
    let key = if word.text.contains('.') {
        match value::address(&word.text, Some(Family::Inet)) {
            Ok(std::net::IpAddr::V4(address)) => Ok(address.into()),
            _ => Err(ParseError::no_ip_address(word)),
        }
    } else {
        let number = value::number(&word.text).and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| ParseError::new(word.at, "value after \"key\" is invalid"))
    };
    key.map_err(|error| error.expecting(EXPECTED))
}

/// xfrm_lifetime_cfg_parse: which limit, and its value.
pub fn limit(cursor: &mut Cursor, limits: &mut Limits) -> Result<(), ParseError> {
    const LIMITS: &str = "time-soft, time-hard, time-use-soft, time-use-hard, byte-soft, byte-hard, packet-soft or packet-hard";
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
        _ => return Err(ParseError::wrong(which, "LIMIT value is invalid").expecting(LIMITS)),
    };
    *slot = Some(cursor.number(&format!("value after \"{}\" is invalid", which.text.as_str()))?);
    Ok(())
}

/// xfrm_parse_mark, what follows `mark`: `V [mask M]`; without a mask all bits count.
fn mark(cursor: &mut Cursor) -> Result<Mark, ParseError> {
    let value = cursor.number("MARK value is invalid")?;
    let mask = if cursor.accept("mask") { cursor.number("MASK value is invalid")? } else { u32::MAX };
    Ok(Mark { value, mask })
}

/// A mark that names what is asked for: iproute2 sends none that no packet's mark could differ from.
pub fn naming_mark(cursor: &mut Cursor) -> Result<Option<Mark>, ParseError> {
    Ok(Some(mark(cursor)?).filter(|mark| mark.value & mark.mask != 0))
}

/// The mark of what is added: one with an empty mask is not sent.
pub fn added_mark(cursor: &mut Cursor) -> Result<Option<Mark>, ParseError> {
    Ok(Some(mark(cursor)?).filter(|mark| mark.mask != 0))
}

/// What follows a word that takes an address of any family.
pub fn address(cursor: &mut Cursor, of: &str) -> Result<std::net::IpAddr, ParseError> {
    let word = cursor.take("an address, IPv4 or IPv6")?;
    match value::address(&word.text, None) {
        // Sixteen zeros: any of either family.
        Err(AddressError::NoFamily) => Ok(std::net::Ipv4Addr::UNSPECIFIED.into()),
        found => found.map_err(|error| address_error(word, "address", of, error, None)),
    }
}

/// A number behind the word `of`, in the words that iproute2 has for most of them.
pub fn number_after<T: TryFrom<u64> + Bounded>(cursor: &mut Cursor, of: &str) -> Result<T, ParseError> {
    cursor.number(&format!("value after \"{of}\" is invalid"))
}

fn same_family(last: Option<&super::lexer::Word>, source: Option<Prefix>, destination: Option<Prefix>) -> Result<(), ParseError> {
    match (source, destination, last) {
        (Some(source), Some(destination), Some(word)) if source.address.is_ipv4() != destination.address.is_ipv4() => {
            Err(ParseError::wrong(word, "the same address family is required between values after \"src\" and \"dst\""))
        }
        _ => Ok(()),
    }
}
