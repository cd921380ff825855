//! Whole ESP packets.

use std::net::IpAddr;

use super::{Paragraph, paragraphs};
use crate::headers::Headers;
use crate::rfc4106::IcvLength;
use crate::sa::{Encap, Endpoints, Tunnel};

/// A frame and what an SA makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EspCase {
    /// Source and parameters: `scapy_tunnel_v4_in_v6_k128_t16_esn_encap_9`.
    pub name: String,
    /// Key || salt.
    pub key_and_salt: Vec<u8>,
    /// Security parameters index.
    pub spi: u32,
    /// The whole sequence number.
    pub seq: u64,
    /// Extended sequence numbers.
    pub esn: bool,
    /// Bytes of ICV.
    pub icv: IcvLength,
    /// Tunnel mode, else transport.
    pub tunnel: Option<Tunnel>,
    /// UDP encapsulation.
    pub encap: Option<Encap>,
    /// The frame.
    pub frame: Vec<u8>,
    /// Its ESP.
    pub wire: Vec<u8>,
}

/// Packets made by Scapy (vectors/scapy/make.py): both modes, all families, key sizes, ESN and UDP
/// encapsulation, and every length of ICV.
pub fn scapy() -> impl Iterator<Item = EspCase> {
    paragraphs(include_str!("../../vectors/scapy/esp.rsp")).map(|paragraph| parse("scapy", &paragraph))
}

fn parse(source: &str, paragraph: &Paragraph) -> EspCase {
    let number = |name| paragraph.bytes(name).iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let mut case = EspCase {
        name: String::new(),
        key_and_salt: paragraph.bytes("Key"),
        spi: number("SPI") as u32,
        seq: number("Seq"),
        esn: paragraph.field("ESN") == "1",
        icv: IcvLength::try_from(paragraph.field("ICV").parse::<usize>().expect("a number")).expect("a length of ICV"),
        tunnel: pair(paragraph.field("Outer")).map(|ends| Tunnel::new(endpoints(ends))),
        encap: pair(paragraph.field("Encap")).map(|(sport, dport)| Encap { sport, dport }),
        frame: paragraph.bytes("Frame"),
        wire: paragraph.bytes("Wire"),
    };
    let family = |frame: &[u8]| if Headers::parse(frame).is_v6 { "v6" } else { "v4" };
    let mode = match case.tunnel {
        Some(_) => format!("tunnel_{}_in_{}", family(&case.frame), family(&case.wire)),
        None => format!("transport_{}", family(&case.frame)),
    };
    let key = (case.key_and_salt.len() - 4) * 8;
    let esn = if case.esn { "_esn" } else { "" };
    let encap = if case.encap.is_some() { "_encap" } else { "" };
    let icv = case.icv.bytes();
    case.name = format!("{source}_{mode}_k{key}_t{icv}{esn}{encap}_{}", paragraph.number());
    case
}

/// Two words, or none.
fn pair<T: std::str::FromStr<Err: std::fmt::Debug>>(words: &str) -> Option<(T, T)> {
    let (first, second) = words.split_once(' ')?;
    Some((first.parse().expect("two of them"), second.parse().expect("two of them")))
}

fn endpoints(ends: (IpAddr, IpAddr)) -> Endpoints {
    match ends {
        (IpAddr::V4(src), IpAddr::V4(dst)) => Endpoints::V4 { src, dst },
        (IpAddr::V6(src), IpAddr::V6(dst)) => Endpoints::V6 { src, dst },
        _ => panic!("{ends:?} are of two families"),
    }
}
