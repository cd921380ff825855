//! The parser, rule by rule.

mod common;

use common::{Ip, inside, ips, l2, mend_checksum};
use espalier_reference_model::headers::{Esp, Headers};
use proptest::prelude::*;

/// One changed byte of an IPv4 frame without tags; the checksum is made right again.
fn bent(at: usize, value: u8) -> Headers {
    let mut frame = Ip::udp(false, 1, 2, b"abcdefgh").frame(0);
    frame[14 + at] = value;
    mend_checksum(&mut frame, 14);
    Headers::parse(&frame)
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        Headers::parse(&bytes);
    }

    /// Random bytes, but with EtherType and version that lead inside.
    #[test]
    fn never_panics_inside(
        tags in 0..=2usize,
        v6: bool,
        mut bytes in prop::collection::vec(any::<u8>(), 0..100),
        protocol in prop_oneof![Just(50u8), Just(17), any::<u8>()],
        ihl in 5..=15u8,
    ) {
        if bytes.len() > 9 {
            bytes[0] = if v6 { 0x60 } else { 0x40 | ihl };
            bytes[if v6 { 6 } else { 9 }] = protocol;
            if !v6 && bytes.len() >= usize::from(ihl) * 4 {
                mend_checksum(&mut bytes, 0);
            }
        }
        let frame = [l2(tags, v6), bytes].concat();
        let headers = Headers::parse(&frame);
        if let Some(esp) = headers.esp {
            prop_assert!(frame.len() >= esp.offset + 8);
            prop_assert_eq!(esp.offset + esp.length, headers.l2_length + headers.ip_length);
        }
    }

    #[test]
    fn finds_what_was_put_in(ip in ips(), tags in 0..=2usize, padding in 0..40usize) {
        let frame = [ip.frame(tags), vec![0; padding]].concat();
        let headers = Headers::parse(&frame);
        prop_assert_eq!(headers.l2_length, 14 + 4 * tags);
        prop_assert_eq!((headers.is_v4, headers.is_v6), (!ip.v6, ip.v6));
        prop_assert!(!headers.malformed && !headers.truncated && !headers.has_options && !headers.is_fragment);
        prop_assert_eq!(headers.l3_length, if ip.v6 { 40 } else { 20 });
        prop_assert_eq!(headers.ip_length, headers.l3_length + ip.payload.len());
        prop_assert_eq!((headers.src, headers.dst), inside(ip.v6));
        prop_assert_eq!(headers.protocol, ip.protocol);
        let has_ports = [6, 17, 33, 132, 136].contains(&ip.protocol) && ip.payload.len() >= 4;
        prop_assert_eq!(headers.ports.is_some(), has_ports);
    }

    #[test]
    fn a_frame_cut_short_is_truncated_or_malformed(ip in ips(), tags in 0..=2usize, cut: prop::sample::Index) {
        let frame = ip.frame(tags);
        let cut = cut.index(frame.len());
        let headers = Headers::parse(&frame[..cut]);
        let l2_length = 14 + 4 * tags;
        let l3_length = if ip.v6 { 40 } else { 20 };
        prop_assert_eq!(headers.malformed, cut >= l2_length && cut < l2_length + l3_length);
        prop_assert_eq!(headers.truncated, cut >= l2_length + l3_length);
        prop_assert_eq!(headers.is_ip(), headers.truncated);
    }
}

#[test]
fn not_ip() {
    for frame in [
        &[][..],
        &[0; 13],
        &[0; 14],
        &[&l2(0, false)[..12], &[0x08, 0x06], &[0; 46]].concat(), // ARP
        &[&l2(0, false)[..12], &[0x00, 0x2E], &[0; 46]].concat(), // IEEE 802.3 length
        &[&l2(2, false)[..20], &[0x81, 0x00, 0, 1], &Ip::udp(false, 1, 2, b"").frame(0)[12..]].concat(), // three tags
        &l2(2, false)[..16],                                      // ends in a tag
    ] {
        let headers = Headers::parse(frame);
        assert!(!headers.is_ip() && !headers.malformed && !headers.truncated, "{frame:02x?}");
        assert_eq!((headers.ports, headers.esp), (None, None));
    }
}

#[test]
fn headers_that_contradict_themselves() {
    let mut frame = Ip::udp(false, 1, 2, b"abcdefgh").frame(0);
    frame[24] ^= 1;
    assert!(Headers::parse(&frame).malformed, "checksum");
    assert!(bent(0, 0x65).malformed, "version 6 in an IPv4 frame");
    assert!(bent(0, 0x44).malformed, "IHL 4");
    assert!(bent(0, 0x4F).malformed, "IHL 15 in a frame of 36 bytes");
    assert!(bent(3, 19).malformed, "total length 19");
    let mut frame = Ip::udp(true, 1, 2, b"abcdefgh").frame(0);
    frame[14] = 0x40;
    assert!(Headers::parse(&frame).malformed, "version 4 in an IPv6 frame");
}

#[test]
fn options_fragments_and_extension_headers_hide_what_follows() {
    for (headers, options, fragment) in
        [(bent(0, 0x46), true, false), (bent(6, 0x20), false, true), (bent(6, 0x1F), false, true), (bent(7, 1), false, true)]
    {
        assert!(!headers.malformed);
        assert_eq!((headers.has_options, headers.is_fragment), (options, fragment));
        assert_eq!((headers.ports, headers.esp), (None, None));
    }
    assert!(!bent(6, 0x40).is_fragment, "DF");
    assert!(!bent(6, 0x80).is_fragment, "the reserved bit");
    for next_header in 0..=255 {
        let ip = Ip { protocol: next_header, ..Ip::udp(true, 1, 2, b"abcdefgh") };
        let extension = [0, 43, 44, 60, 135, 139, 140].contains(&next_header);
        assert_eq!(Headers::parse(&ip.frame(0)).has_options, extension, "{next_header}");
    }
}

#[test]
fn esp_is_found() {
    let esp = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 9, 9];
    for v6 in [false, true] {
        let l3 = if v6 { 40 } else { 20 };
        let ip = Ip { protocol: 50, payload: esp.to_vec(), ..Ip::udp(v6, 0, 0, b"") };
        let (spi, seq) = (0x1122_3344, 0x5566_7788);
        let found = Esp { encap: false, spi, seq, offset: 14 + l3, length: 10 };
        assert_eq!(Headers::parse(&ip.frame(0)).esp, Some(found));
        for (sport, dport) in [(4500, 4500), (4500, 77), (77, 4500)] {
            let frame = Ip::udp(v6, sport, dport, &esp).frame(1);
            let found = Esp { encap: true, spi, seq, offset: 18 + l3 + 8, length: 10 };
            assert_eq!(Headers::parse(&frame).esp, Some(found));
        }
        assert_eq!(Headers::parse(&Ip::udp(v6, 500, 500, &esp).frame(0)).esp, None);
    }
}

/// RFC 3948 sections 2.2 and 2.3, in frames padded to the Ethernet minimum.
#[test]
fn ike_and_keep_alives_are_not_esp() {
    for data in [&[0, 0, 0, 0, 1, 2, 3, 4, 5][..], &[0xFF], &[], &[1, 2, 3, 4, 5, 6, 7]] {
        let mut frame = Ip::udp(false, 4500, 4500, data).frame(0);
        frame.resize(60, 0xAA);
        let headers = Headers::parse(&frame);
        assert_eq!(headers.ports, Some((4500, 4500)));
        assert_eq!(headers.esp, None, "{data:?}");
    }
    let short = Ip { protocol: 50, payload: vec![1; 7], ..Ip::udp(false, 0, 0, b"") };
    let mut frame = short.frame(0);
    frame.resize(60, 0xAA);
    assert_eq!(Headers::parse(&frame).esp, None);
}

#[test]
fn udp_that_says_it_is_too_short_is_not_esp() {
    let mut frame = Ip::udp(false, 4500, 4500, &[1; 40]).frame(0);
    for (length, found) in [(0, false), (8, false), (15, false), (16, true), (200, true)] {
        frame[39] = length;
        assert_eq!(Headers::parse(&frame).esp.is_some(), found, "{length}");
    }
}

#[test]
fn the_longest_lengths_do_not_wrap() {
    let mut frame = Ip::udp(true, 1, 2, b"x").frame(0);
    frame[18..20].fill(0xFF);
    let headers = Headers::parse(&frame);
    assert_eq!((headers.ip_length, headers.truncated), (0xFFFF, true));
}

#[test]
fn checksums_of_headers_with_options_are_not_looked_at() {
    let mut frame = Ip::udp(false, 1, 2, b"abcdefgh").frame(0);
    frame[14] = 0x46;
    let headers = Headers::parse(&frame);
    assert_eq!((headers.malformed, headers.has_options), (false, true));
}
