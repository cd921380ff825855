//! What a packet is matched by (struct flowi, __xfrm_decode_session).

use std::net::IpAddr;

use espalier_reference_model::headers::Headers;

use crate::sa::SaParams;
use crate::xfrm::{Family, Mark, PortMatch, Selector, protocol};
use ipnet::IpNet;

/// A packet's addresses, protocol, ports, and what it carries inside this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub proto: u8,
    /// Ports, or ICMP type and code; 0 where there are none.
    pub sport: u16,
    pub dport: u16,
    pub mark: u32,
    pub if_id: u32,
    /// The interface it comes by or leaves by.
    pub dev: String,
}

impl Flow {
    /// Of the IP packet in `frame`.
    pub fn decode(frame: &[u8], headers: &Headers, dev: &str, mark: u32, if_id: u32) -> Self {
        let packet = frame.get(headers.l2_length..).unwrap_or_default();
        let packet = &packet[..headers.ip_length.min(packet.len())];
        let (proto, upper) = if headers.is_v4 { upper_v4(headers, packet) } else { upper_v6(packet) };
        let word = |at: usize| upper.get(at..at + 2).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
        let (sport, dport) = match proto {
            protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP | protocol::DCCP => (word(0), word(2)),
            protocol::ICMP | protocol::ICMPV6 if upper.len() >= 2 => (upper[0].into(), upper[1].into()),
            protocol::MH if upper.len() >= 3 => (upper[2].into(), 0),
            _ => (0, 0),
        };
        Self { src: headers.src, dst: headers.dst, proto, sport, dport, mark, if_id, dev: dev.to_owned() }
    }

    pub const fn family(&self) -> Family {
        Family::of(self.dst)
    }

    /// xfrm_selector_match
    pub fn matches(&self, selector: &Selector) -> bool {
        let port = |wanted: PortMatch, port: u16| (wanted.value ^ port) & wanted.mask == 0;
        selector.src.contains(&self.src)
            && selector.dst.contains(&self.dst)
            && (selector.proto == 0 || selector.proto == self.proto)
            && port(selector.sport, self.sport)
            && port(selector.dport, self.dport)
            && selector.dev.as_ref().is_none_or(|dev| *dev == self.dev)
    }

    /// Whether an SA's selector takes this packet. One that was not given takes the SA's own family, with `af-unspec` both
    /// (copy_from_user_state).
    pub fn selected_by(&self, params: &SaParams) -> bool {
        match &params.selector {
            Some(selector) => self.matches(selector),
            None => params.flags.af_unspec || params.family() == self.family(),
        }
    }

    pub const fn marked(&self, mark: Mark) -> bool {
        self.mark & mark.mask == mark.value
    }

    /// A selector of this packet alone (xfrm_init_tempstate).
    pub fn selector(&self) -> Selector {
        Selector {
            src: IpNet::from(self.src),
            dst: IpNet::from(self.dst),
            proto: self.proto,
            sport: PortMatch { value: self.sport, mask: if self.sport == 0 { 0 } else { u16::MAX } },
            dport: PortMatch { value: self.dport, mask: if self.dport == 0 { 0 } else { u16::MAX } },
            dev: None,
            user: 0,
        }
    }
}

/// Protocol, and what follows the header; nothing in a later fragment.
fn upper_v4<'a>(headers: &Headers, packet: &'a [u8]) -> (u8, &'a [u8]) {
    let offset = packet.get(6..8).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]) & 0x1FFF);
    let upper = if offset == 0 { packet.get(headers.l3_length..) } else { None };
    (headers.protocol, upper.unwrap_or_default())
}

/// The same behind hop-by-hop options, routing, destination options and a first fragment's header (RFC 8200 section 4).
fn upper_v6(packet: &[u8]) -> (u8, &[u8]) {
    const HOP_BY_HOP: u8 = 0;
    const FRAGMENT: u8 = 44;
    let mut proto = packet.get(6).copied().unwrap_or(59);
    let mut rest = packet.get(40..).unwrap_or_default();
    while matches!(proto, HOP_BY_HOP | protocol::ROUTING | FRAGMENT | protocol::DSTOPTS) {
        let Some([next, length, high, low, ..]) = rest.first_chunk::<8>() else { return (proto, &[]) };
        if proto == FRAGMENT && u16::from_be_bytes([*high, *low]) >> 3 != 0 {
            return (*next, &[]);
        }
        let length = if proto == FRAGMENT { 8 } else { 8 * (usize::from(*length) + 1) };
        proto = *next;
        rest = rest.get(length..).unwrap_or_default();
    }
    (proto, rest)
}
