//! Numbers, addresses and names, read as iproute2 reads them (lib/utils.c).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ast::{Family, Prefix};

/// The number that a word begins with, and what is left of the word: C's strtoul with base 0, blanks and signs and all.
fn strtoul(word: &str) -> Option<(u64, &str)> {
    let rest = word.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let (negative, rest) = match rest.strip_prefix(['+', '-']) {
        Some(digits) => (rest.starts_with('-'), digits),
        None => (false, rest),
    };
    let hexadecimal = |rest: &str| rest.starts_with("0x") || rest.starts_with("0X");
    let (digits, radix) = match rest {
        // A bare 0x is a zero and a letter.
        _ if hexadecimal(rest) && rest[2..].starts_with(|c: char| c.is_ascii_hexdigit()) => (&rest[2..], 16),
        _ if rest.starts_with('0') => (rest, 8),
        _ => (rest, 10),
    };
    let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let number = u64::from_str_radix(&digits[..length], radix).ok()?;
    Some((if negative { number.wrapping_neg() } else { number }, &digits[length..]))
}

/// A number: decimal, `0x` hexadecimal or `0` octal. As in iproute2 a minus counts from 2^64 downwards: `-1` is the largest.
pub fn number(word: &str) -> Option<u64> {
    strtoul(word).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// Why a word is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// It is none, or not of the family.
    NoAddress,
    /// `any`, and no family is known yet.
    NoFamily,
}

/// An address. IPv4 may stop early: `10.8` is 10.8.0.0. `any`, `all` and `default` are the zero address of a family that is known already.
pub fn address(word: &str, family: Option<Family>) -> Result<IpAddr, AddressError> {
    use AddressError::{NoAddress, NoFamily};
    let address = match word {
        "any" | "all" | "default" => match family.ok_or(NoFamily)? {
            Family::Inet => Ipv4Addr::UNSPECIFIED.into(),
            Family::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        },
        _ if word.contains(':') => IpAddr::V6(word.parse().map_err(|_| NoAddress)?),
        _ => IpAddr::V4(ipv4(word).ok_or(NoAddress)?),
    };
    if family.is_none_or(|family| family == Family::of(address)) { Ok(address) } else { Err(NoAddress) }
}

fn ipv4(word: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut left = word;
    for (index, octet) in octets.iter_mut().enumerate() {
        let (number, rest) = strtoul(left)?;
        *octet = u8::try_from(number).ok()?;
        match rest.strip_prefix('.') {
            Some(rest) if index < 3 => left = rest,
            _ if rest.is_empty() => break,
            _ => return None,
        }
    }
    Some(octets.into())
}

/// An address with an optional `/LENGTH` or `/NETMASK`; without it, all bits count.
pub fn prefix(word: &str, family: Option<Family>) -> Result<Prefix, AddressError> {
    let (name, length) = match word.split_once('/') {
        Some((name, length)) => (name, Some(length)),
        None => (word, None),
    };
    let wildcard = matches!(name, "any" | "all" | "default");
    if wildcard && length.is_some() {
        return Err(AddressError::NoAddress);
    }
    let address = address(name, family)?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None if wildcard => 0,
        None => bits,
        Some(length) => number(length)
            .or_else(|| netmask(length))
            .and_then(|length| u8::try_from(length).ok())
            .filter(|length| *length <= bits)
            .ok_or(AddressError::NoAddress)?,
    };
    Ok(Prefix { address, length })
}

fn netmask(word: &str) -> Option<u64> {
    let mask = u32::from(ipv4(word)?);
    (mask.leading_ones() + mask.trailing_zeros().min(32) >= 32).then(|| u64::from(mask.leading_ones()))
}

/// Whether the kernel would take `word` as a device's name.
pub fn is_device_name(word: &str) -> bool {
    const IFNAMSIZ: usize = 16;
    !matches!(word, "" | "." | "..")
        && word.len() < IFNAMSIZ
        && !word.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}

/// Protocols by number: name and other names, as Debian's /etc/protocols has them. The first of a number is its name.
const PROTOCOLS: &[(u8, &str, &[&str])] = &[
    (0, "ip", &["IP"]),
    (0, "hopopt", &["HOPOPT"]),
    (1, "icmp", &["ICMP"]),
    (2, "igmp", &["IGMP"]),
    (3, "ggp", &["GGP"]),
    (4, "ipencap", &["IP-ENCAP"]),
    (5, "st", &["ST"]),
    (6, "tcp", &["TCP"]),
    (8, "egp", &["EGP"]),
    (9, "igp", &["IGP"]),
    (12, "pup", &["PUP"]),
    (17, "udp", &["UDP"]),
    (20, "hmp", &["HMP"]),
    (22, "xns-idp", &["XNS-IDP"]),
    (27, "rdp", &["RDP"]),
    (29, "iso-tp4", &["ISO-TP4"]),
    (33, "dccp", &["DCCP"]),
    (36, "xtp", &["XTP"]),
    (37, "ddp", &["DDP"]),
    (38, "idpr-cmtp", &["IDPR-CMTP"]),
    (41, "ipv6", &["IPv6"]),
    (43, "ipv6-route", &["IPv6-Route"]),
    (44, "ipv6-frag", &["IPv6-Frag"]),
    (45, "idrp", &["IDRP"]),
    (46, "rsvp", &["RSVP"]),
    (47, "gre", &["GRE"]),
    (50, "esp", &["IPSEC-ESP"]),
    (51, "ah", &["IPSEC-AH"]),
    (57, "skip", &["SKIP"]),
    (58, "ipv6-icmp", &["IPv6-ICMP"]),
    (59, "ipv6-nonxt", &["IPv6-NoNxt"]),
    (60, "ipv6-opts", &["IPv6-Opts"]),
    (73, "rspf", &["RSPF", "CPHB"]),
    (81, "vmtp", &["VMTP"]),
    (88, "eigrp", &["EIGRP"]),
    (89, "ospf", &["OSPFIGP"]),
    (93, "ax.25", &["AX.25"]),
    (94, "ipip", &["IPIP"]),
    (97, "etherip", &["ETHERIP"]),
    (98, "encap", &["ENCAP"]),
    (103, "pim", &["PIM"]),
    (108, "ipcomp", &["IPCOMP"]),
    (112, "vrrp", &["VRRP"]),
    (115, "l2tp", &["L2TP"]),
    (124, "isis", &["ISIS"]),
    (132, "sctp", &["SCTP"]),
    (133, "fc", &["FC"]),
    (135, "mobility-header", &["Mobility-Header"]),
    (136, "udplite", &["UDPLite"]),
    (137, "mpls-in-ip", &["MPLS-in-IP"]),
    (138, "manet", &[]),
    (139, "hip", &["HIP"]),
    (140, "shim6", &["Shim6"]),
    (141, "wesp", &["WESP"]),
    (142, "rohc", &["ROHC"]),
    (143, "ethernet", &["Ethernet"]),
];

/// An upper protocol: a name, as /etc/protocols spells it, or a number. `any` is 0.
pub fn protocol(word: &str) -> Option<u8> {
    if word == "any" {
        return Some(0);
    }
    let named = PROTOCOLS.iter().find(|(_, name, others)| *name == word || others.contains(&word));
    named.map(|(number, ..)| *number).or_else(|| u8::try_from(number(word)?).ok())
}

/// The name of a protocol, or its number.
pub fn protocol_name(protocol: u8) -> String {
    PROTOCOLS.iter().find(|(number, ..)| *number == protocol).map_or_else(|| protocol.to_string(), |(_, name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_strtouls() {
        for (word, value) in [
            ("7", Some(7)),
            ("0x07", Some(7)),
            ("010", Some(8)),
            ("0", Some(0)),
            ("0xFFFFFFFF", Some(0xFFFF_FFFF)),
            ("", None),
            ("-1", Some(u64::MAX)),
            ("-0x10", Some(u64::MAX - 15)),
            ("+1", Some(1)),
            (" 1", Some(1)),
            ("- 1", None),
            ("0x", None),
            ("08", None),
            ("1 ", None),
            ("18446744073709551616", None),
            ("0x+1", None),
        ] {
            assert_eq!(number(word), value, "{word:?}");
        }
    }

    #[test]
    fn addresses_may_stop_early_and_keep_to_the_family() {
        assert_eq!(address("10.8", None), Ok(Ipv4Addr::new(10, 8, 0, 0).into()));
        for wrong in ["10.0.0.256", "10.0.0.1.2", "10.", "", "10.0.0.1.", "::g"] {
            assert_eq!(address(wrong, None), Err(AddressError::NoAddress), "{wrong}");
        }
        assert_eq!(address("fe80::1", Some(Family::Inet)), Err(AddressError::NoAddress));
        assert_eq!(address("any", None), Err(AddressError::NoFamily));
        assert_eq!(address("any", Some(Family::Inet6)), Ok(Ipv6Addr::UNSPECIFIED.into()));
    }

    #[test]
    fn prefixes_take_a_length_or_a_netmask() {
        let length = |word| prefix(word, None).ok().map(|p| p.length);
        assert_eq!(length("14.0.0.52/24"), Some(24));
        assert_eq!(length("14.0.0.52"), Some(32));
        assert_eq!(length("14.0.0.0/255.255.240.0"), Some(20));
        assert_eq!(length("14.0.0.0/0.0.0.0"), Some(0));
        assert_eq!(length("14.0.0.0/255.0.255.0"), None);
        assert_eq!(length("14.0.0.0/33"), None);
        assert_eq!(length("::/0"), Some(0));
        assert_eq!(length("fd00::/129"), None);
        assert_eq!(prefix("any", Some(Family::Inet)).map(|p| p.length), Ok(0));
    }

    #[test]
    fn protocols_have_names_and_numbers() {
        for (word, value) in
            [("tcp", Some(6)), ("TCP", Some(6)), ("Tcp", None), ("58", Some(58)), ("ipv6-icmp", Some(58)), ("any", Some(0)), ("256", None)]
        {
            assert_eq!(protocol(word), value, "{word}");
        }
    }
}
