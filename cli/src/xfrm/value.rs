//! Numbers, addresses and names, read as iproute2 reads them (lib/utils.c).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ast::{Family, Prefix};

/// A number: decimal, `0x` hexadecimal or `0` octal, as strtoul does with base 0; no sign.
pub fn number(word: &str) -> Option<u64> {
    let (digits, radix) = match word.as_bytes() {
        [b'0', b'x' | b'X', ..] => (word.get(2..)?, 16),
        [b'0', _, ..] => (word.get(1..)?, 8),
        _ => (word, 10),
    };
    // from_str_radix would take a sign.
    digits.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| u64::from_str_radix(digits, radix).ok())?
}

/// An address. IPv4 may stop early: `10.8` is 10.8.0.0. `any`, `all` and `default` are the zero address of a family that is known already.
pub fn address(word: &str, family: Option<Family>) -> Option<IpAddr> {
    let address = match word {
        "any" | "all" | "default" => match family? {
            Family::Inet => Ipv4Addr::UNSPECIFIED.into(),
            Family::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        },
        _ if word.contains(':') => IpAddr::V6(word.parse().ok()?),
        _ => IpAddr::V4(ipv4(word)?),
    };
    family.is_none_or(|family| family == Family::of(address)).then_some(address)
}

fn ipv4(word: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    for (index, part) in word.split('.').enumerate() {
        *octets.get_mut(index)? = u8::try_from(number(part)?).ok()?;
    }
    Some(octets.into())
}

/// An address with an optional `/LENGTH` or `/NETMASK`; without it, all bits count.
pub fn prefix(word: &str, family: Option<Family>) -> Option<Prefix> {
    let (name, length) = match word.split_once('/') {
        Some((name, length)) => (name, Some(length)),
        None => (word, None),
    };
    let address = address(name, family)?;
    let wildcard = matches!(name, "any" | "all" | "default");
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None if wildcard => 0,
        None => bits,
        Some(_) if wildcard => return None,
        Some(length) => number(length).or_else(|| netmask(length)).filter(|&n| n <= u64::from(bits))? as u8,
    };
    Some(Prefix { address, length })
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

/// Protocol numbers by name (IANA's assignments, in the spelling of /etc/protocols).
const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ipencap", 4),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("eigrp", 88),
    ("ospf", 89),
    ("ipip", 94),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("shim6", 140),
];

/// An upper protocol: a name (also in capitals, as /etc/protocols has them for aliases) or a number. `any` is 0.
pub fn protocol(word: &str) -> Option<u8> {
    if matches!(word, "any" | "ip") {
        return Some(0);
    }
    let named = |name: &str| PROTOCOLS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    let lower = word.to_ascii_lowercase();
    match named(word) {
        None if word == word.to_ascii_uppercase() || word == "IPv6-ICMP" => named(&lower),
        found => found,
    }
    .or_else(|| u8::try_from(number(word)?).ok())
}

/// The name of a protocol, or its number.
pub fn protocol_name(protocol: u8) -> String {
    PROTOCOLS.iter().find(|(_, number)| *number == protocol).map_or_else(|| protocol.to_string(), |(name, _)| (*name).to_owned())
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
            ("-1", None),
            ("+1", None),
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
        assert_eq!(address("10.8", None), Some(Ipv4Addr::new(10, 8, 0, 0).into()));
        assert_eq!(address("10.0.0.256", None), None);
        assert_eq!(address("10.0.0.1.2", None), None);
        assert_eq!(address("fe80::1", Some(Family::Inet)), None);
        assert_eq!(address("any", None), None);
        assert_eq!(address("any", Some(Family::Inet6)), Some(Ipv6Addr::UNSPECIFIED.into()));
    }

    #[test]
    fn prefixes_take_a_length_or_a_netmask() {
        let length = |word| prefix(word, None).map(|p| p.length);
        assert_eq!(length("14.0.0.52/24"), Some(24));
        assert_eq!(length("14.0.0.52"), Some(32));
        assert_eq!(length("14.0.0.0/255.255.240.0"), Some(20));
        assert_eq!(length("14.0.0.0/0.0.0.0"), Some(0));
        assert_eq!(length("14.0.0.0/255.0.255.0"), None);
        assert_eq!(length("14.0.0.0/33"), None);
        assert_eq!(length("::/0"), Some(0));
        assert_eq!(length("fd00::/129"), None);
        assert_eq!(prefix("any", Some(Family::Inet)).map(|p| p.length), Some(0));
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
