//! Congestion marks and DSCP on their way out of a tunnel (RFC 4301 section 5.1.2): see "Result" in [`super`].

use crate::headers::Headers;

/// The ECN field, and CE in it (RFC 3168 section 5).
const ECN: u8 = 0b11;
const CE: u8 = 0b11;

/// The DSCP and ECN byte of an IP packet: IPv4 TOS (RFC 791), IPv6 traffic class (RFC 8200).
pub(super) fn tos(packet: &[u8], is_v4: bool) -> u8 {
    if is_v4 { packet[1] } else { packet[0] << 4 | packet[1] >> 4 }
}

/// What the inner byte becomes.
pub fn decapsulated_tos(outer: u8, inner: u8, no_ecn: bool, decap_dscp: bool) -> u8 {
    let inner = if decap_dscp { outer & !ECN | inner & ECN } else { inner };
    // RFC 6040 would have other results for other pairs; Linux `ipip_ecn_decapsulate` has RFC 3168's only.
    let congested = outer & ECN == CE && inner & ECN != 0;
    if congested && !no_ecn { inner | CE } else { inner }
}

/// Writes the byte into an inner packet, and mends the IPv4 header checksum by RFC 1624 equation 3. A packet that ends
/// before the checksum does is left alone.
pub(super) fn set_tos(packet: &mut [u8], is_v4: bool, tos: u8) {
    let old = word(packet, 0);
    if !is_v4 {
        if let Some(first) = packet.first_chunk_mut::<2>() {
            *first = [first[0] & 0xF0 | tos >> 4, tos << 4 | first[1] & 0x0F];
        }
        return;
    }
    let (Some(old), Some(checksum)) = (old, word(packet, 10)) else { return };
    packet[1] = tos;
    let new = old & 0xFF00 | u16::from(tos);
    if new != old {
        let sum = u32::from(!checksum) + u32::from(!old) + u32::from(new);
        let sum = (sum & 0xFFFF) + (sum >> 16);
        let sum = (sum & 0xFFFF) + (sum >> 16);
        packet[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|pair| u16::from_be_bytes(*pair))
}

/// DSCP and ECN of a frame's IP header.
pub(super) fn frame_tos(frame: &[u8], headers: &Headers) -> u8 {
    tos(&frame[headers.l2_length..], headers.is_v4)
}
