//! IPv4 fragmentation (RFC 791 section 3.2): of what the stack above made for the TAP's MTU, and protection has made too long.

use espalier_reference_model::headers::Headers;
use etherparse::Ipv4HeaderSlice;
use etherparse::checksum::Sum16BitWords;

/// Of the flags and offset field: more fragments.
const MF: u16 = 0x2000;
/// Of the flags and offset field: don't fragment.
const DF: u16 = 0x4000;
/// Of the flags and offset field: the offset, in units of 8 bytes.
const OFFSET: u16 = 0x1fff;
/// Of an option's type: it goes into every fragment (RFC 791 section 3.1).
const COPIED: u8 = 0x80;
/// Options without a length: end of the list, and no operation.
const END: u8 = 0;
const NOP: u8 = 1;

/// Whether it is an IPv4 packet that may be cut.
#[must_use]
pub fn may_cut(frame: &[u8], headers: &Headers) -> bool {
    let field = frame.get(headers.l2_length + 6..headers.l2_length + 8);
    headers.is_v4 && !headers.malformed && !headers.truncated && matches!(field, Some([high, _]) if u16::from(*high) << 8 & DF == 0)
}

/// Cuts the IPv4 packet of a frame into frames whose packets have at most `mtu` bytes. None if it must not be cut, or `mtu` has no room
/// for header and payload.
#[must_use]
pub fn cut(frame: &[u8], mtu: usize) -> Option<Vec<Vec<u8>>> {
    let headers = Headers::parse(frame);
    if !may_cut(frame, &headers) {
        return None;
    }
    let (link, packet) = frame.split_at(headers.l2_length);
    let (header, payload) = packet.get(..headers.ip_length)?.split_at(headers.l3_length);
    let piece = mtu.checked_sub(header.len())? & !7;
    if piece == 0 {
        return None;
    }
    let field = u16::from_be_bytes([header[6], header[7]]);
    let later = later_header(header);
    let pieces: Vec<&[u8]> = payload.chunks(piece).collect();
    let cut = pieces.iter().enumerate().map(|(number, bytes)| {
        let mut fragment = [link, if number == 0 { header } else { &later }, bytes].concat();
        let ip = &mut fragment[link.len()..][..header.len()];
        // The offset of the whole packet, if it is a fragment itself, and its own.
        let offset = (field & OFFSET) + (number * piece / 8) as u16;
        let more = if number + 1 < pieces.len() { MF } else { field & MF };
        ip[2..4].copy_from_slice(&((header.len() + bytes.len()) as u16).to_be_bytes());
        ip[6..8].copy_from_slice(&(more | offset).to_be_bytes());
        ip[10..12].fill(0);
        let checksum = Sum16BitWords::new().add_slice(ip).ones_complement().to_be();
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
        fragment
    });
    Some(cut.collect())
}

/// The header of all fragments but the first: options that are not copied are made into no operation (ip_options_fragment).
fn later_header(header: &[u8]) -> Vec<u8> {
    let mut header = header.to_vec();
    let options = Ipv4HeaderSlice::from_slice(&header).map_or(header.len(), |ip| ip.slice().len() - ip.options().len());
    let mut at = options;
    while let Some(&kind) = header.get(at) {
        let length = match kind {
            END => break,
            NOP => 1,
            _ => header.get(at + 1).map_or(0, |length| usize::from(*length)),
        };
        if length == 0 || at + length > header.len() {
            break;
        }
        if kind & COPIED == 0 {
            header[at..at + length].fill(NOP);
        }
        at += length;
    }
    header
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use etherparse::{IpFragOffset, Ipv4Header, Ipv4Options, PacketHeaders};
    use proptest::prelude::*;

    use super::*;

    fn frame(payload: &[u8], header: &mut Ipv4Header) -> Vec<u8> {
        header.total_len = (header.header_len() + payload.len()) as u16;
        header.header_checksum = header.calc_header_checksum();
        let mut frame = [[2; 12].as_slice(), &[0x08, 0x00]].concat();
        header.write(&mut frame).unwrap();
        frame.extend_from_slice(payload);
        frame
    }

    fn header() -> Ipv4Header {
        Ipv4Header {
            time_to_live: 64,
            protocol: 17.into(),
            source: [10, 0, 0, 1],
            destination: [10, 0, 0, 2],
            identification: 7,
            dont_fragment: false,
            ..Default::default()
        }
    }

    proptest! {
        #[test]
        fn fragments_put_together_are_the_packet(
            payload in proptest::collection::vec(any::<u8>(), 1..5000),
            mtu in 68usize..1500,
            more in any::<bool>(),
            start in 0u16..100,
            padding in 0usize..20,
        ) {
            let mut whole = Ipv4Header { more_fragments: more, fragment_offset: IpFragOffset::try_new(start).unwrap(), ..header() };
            let mut frame = frame(&payload, &mut whole);
            frame.resize(frame.len() + padding, 0xee);
            let cut = cut(&frame, mtu).unwrap();
            let mut back = Vec::new();
            for (number, fragment) in cut.iter().enumerate() {
                let headers = Headers::parse(fragment);
                prop_assert!(!headers.malformed && headers.ip_length <= mtu && fragment.len() == 14 + headers.ip_length);
                let (ip, _) = Ipv4Header::from_slice(&fragment[14..]).unwrap();
                prop_assert_eq!(usize::from(ip.fragment_offset.value()), usize::from(start) + back.len() / 8);
                prop_assert_eq!(ip.more_fragments, more || number + 1 < cut.len());
                prop_assert_eq!(ip.identification, 7);
                back.extend_from_slice(&fragment[14 + headers.l3_length..]);
            }
            prop_assert_eq!(back, payload);
        }
    }

    #[test]
    fn what_must_not_be_cut_is_not() {
        let df = frame(&[0; 100], &mut Ipv4Header { dont_fragment: true, ..header() });
        assert!(cut(&df, 68).is_none());
        assert!(cut(&frame(&[0; 100], &mut header()), 27).is_none());
        assert!(cut(&[0; 60], 68).is_none());
    }

    #[test]
    fn options_that_are_not_copied_are_in_the_first_fragment_only() {
        // Record route (7), and a loose source route (131), which is copied.
        let options = Ipv4Options::from([7, 3, 4, 131, 3, 4, 0, 0]);
        let frame = frame(&[0; 100], &mut Ipv4Header { options, ..header() });
        let cut = cut(&frame, 68).unwrap();
        let options = |frame: &[u8]| match PacketHeaders::from_ethernet_slice(frame).unwrap().net.unwrap() {
            etherparse::NetHeaders::Ipv4(ip, _) => ip.options.to_vec(),
            other => panic!("{other:?}"),
        };
        assert_eq!(options(&cut[0]), [7, 3, 4, 131, 3, 4, 0, 0]);
        assert_eq!(options(&cut[1]), [1, 1, 1, 131, 3, 4, 0, 0]);
    }
}
