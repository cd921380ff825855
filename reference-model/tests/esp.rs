//! Encapsulation and decapsulation, packet by packet.

mod common;

use common::{Association, Ip, associations, inside, ips};
use espalier_reference_model::esp::{EncapError, SealedPacket, encapsulate};
use espalier_reference_model::headers::Headers;
use espalier_reference_model::replay::ReplayWindow;
use espalier_reference_model::rfc4106::{Header, Rfc4106, seqiv};
use espalier_reference_model::sa::{Encap, Endpoints, RxSa, Tunnel, TxSa};
use espalier_regs::Event;
use etherparse::{LaxSlicedPacket, NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;

proptest! {
    #[test]
    fn round_trip(mut association in associations(), packets in prop::collection::vec((ips(), 0..=2usize, 0..50usize), 1..6)) {
        let v6 = packets[0].0.v6;
        association.v6 = v6;
        let (mut sender, mut receiver) = association.nics();
        for (mut ip, tags, padding) in packets {
            ip.v6 = v6;
            let frame = ip.frame(tags);
            let padded = [&frame[..], &vec![0; padding]].concat();
            let sent = sender.transmit(&padded, false);
            prop_assert_eq!(sent.event, Event::TxProtected);
            let wire = sent.frame.expect("protected");
            let whole = SlicedPacket::from_ethernet(&wire).map(|packet| packet.net.is_some());
            prop_assert_eq!(whole, Ok(true), "another parser finds the lengths right");
            let wire = [&wire[..], &vec![0; padding]].concat();
            let got = receiver.receive(&wire, false);
            if association.tunnel.is_none() && ip.protocol == 59 {
                // Transport mode can't tell it from a dummy packet.
                prop_assert_eq!(got.event, Event::RxDummy);
            } else {
                prop_assert_eq!(got.event, Event::RxDecrypted);
                prop_assert_eq!(got.frame, Some(frame));
            }
            let replayed = receiver.receive(&wire, false);
            prop_assert_eq!(replayed.event, Event::RxDropReplay);
        }
    }

    #[test]
    fn no_bit_of_esp_can_be_changed(mut association in associations(), ip in ips(), place: prop::sample::Index, bit in 0..8) {
        association.v6 = ip.v6;
        let (mut sender, mut receiver) = association.nics();
        let mut wire = sender.transmit(&ip.frame(0), false).frame.expect("protected");
        let esp = Headers::parse(&wire).esp.expect("esp");
        let place = esp.offset + place.index(esp.length);
        wire[place] ^= 1u8 << bit;
        let got = receiver.receive(&wire, false);
        prop_assert_eq!(got.frame.filter(|frame| *frame != wire), None);
        prop_assert_eq!(receiver.counters().get(Event::RxDecrypted), 0);
        let spi_changed = place < esp.offset + 4;
        let seq_changed = !spi_changed && place < esp.offset + 8;
        match got.event {
            Event::RxDropNoSa => prop_assert!(spi_changed),
            Event::RxDropReplayWindow | Event::RxDropSeqZero => prop_assert!(seq_changed),
            event => prop_assert_eq!(event, Event::RxDropIcv),
        }
        // It has not moved the window: the packet itself still gets through.
        wire[place] ^= 1u8 << bit;
        let got = receiver.receive(&wire, false).event;
        prop_assert!(got == Event::RxDecrypted || got == Event::RxDummy);
    }
}

fn ip_of(wire: &[u8]) -> NetSlice<'_> {
    SlicedPacket::from_ethernet(wire).expect("a packet").net.expect("IP")
}

fn tunnelled(ip: &Ip, tunnel: Tunnel, seq: u64) -> Vec<u8> {
    let sa = Association { tunnel: Some(tunnel), ..Association::tunnel(false) }.tx_sa();
    encapsulate(&ip.frame(0), &sa, seq).expect("protected")
}

/// RFC 4301 section 5.1.2: all combinations of the DSCP and ECN flags, families, and ECN code points.
#[test]
fn outer_dscp_and_ecn() {
    for (inner_v6, outer_v6) in [(false, false), (false, true), (true, false), (true, true)] {
        for (dont_encap_dscp, no_ecn) in [(false, false), (false, true), (true, false), (true, true)] {
            for tos in 0..=255u8 {
                let ip = Ip { tos, ..Ip::udp(inner_v6, 1, 2, b"x") };
                let tunnel = Tunnel { dont_encap_dscp, no_ecn, ..Tunnel::new(common::outside(outer_v6)) };
                let wire = tunnelled(&ip, tunnel, 1);
                let got = match ip_of(&wire) {
                    NetSlice::Ipv4(ip) => ip.header().slice()[1],
                    NetSlice::Ipv6(ip) => ip.header().traffic_class(),
                    NetSlice::Arp(_) => unreachable!("IP"),
                };
                let dscp = if dont_encap_dscp { 0 } else { tos >> 2 };
                let ecn = [0, 1, 2, 2][usize::from(tos & 3)];
                let ecn = if no_ecn { 0 } else { ecn };
                assert_eq!(got, dscp << 2 | ecn, "{inner_v6} {outer_v6} {tos:#x}");
            }
        }
    }
}

#[test]
fn outer_ipv4_df_and_identification() {
    for (v6, inner_df, no_pmtu_disc, df) in [
        (false, false, false, false),
        (false, true, false, true),
        (false, true, true, false),
        (true, false, false, true),
        (true, false, true, false),
    ] {
        let ip = Ip { dont_fragment: inner_df, ..Ip::udp(v6, 1, 2, b"x") };
        let tunnel = Tunnel { no_pmtu_disc, ttl: 17, ..Tunnel::new(common::outside(false)) };
        let wire = tunnelled(&ip, tunnel, 0xABCDE);
        let NetSlice::Ipv4(outer) = ip_of(&wire) else { panic!("IPv4") };
        let outer = outer.header();
        assert_eq!(outer.dont_fragment(), df, "{v6} {inner_df} {no_pmtu_disc}");
        assert_eq!(outer.identification(), if df { 0 } else { 0xBCDE });
        assert_eq!(outer.ttl(), 17);
        assert_eq!(outer.to_header().calc_header_checksum(), outer.header_checksum());
        assert_eq!((outer.ihl(), outer.protocol().0), (5, 50));
    }
}

#[test]
fn outer_ipv6_flow_label() {
    for v6 in [false, true] {
        let ip = Ip { flow_label: 0xBEEF5, ..Ip::udp(v6, 1, 2, b"x") };
        let wire = tunnelled(&ip, Tunnel { ttl: 3, ..Tunnel::new(common::outside(true)) }, 1);
        let NetSlice::Ipv6(outer) = ip_of(&wire) else { panic!("IPv6") };
        assert_eq!(outer.header().flow_label().value(), if v6 { 0xBEEF5 } else { 0 });
        assert_eq!((outer.header().hop_limit(), outer.header().next_header().0), (3, 50));
    }
}

/// The trailer, found by opening the packet with the cipher alone.
#[test]
fn padding_is_1_2_3_and_ends_on_4_bytes() {
    for length in 0..40 {
        let association = Association::transport(false);
        let ip = Ip { protocol: 99, payload: vec![0xEE; length], ..Ip::udp(false, 0, 0, &[]) };
        let seq = 5;
        let wire = encapsulate(&ip.frame(0), &association.tx_sa(), seq).expect("protected");
        let esp = Headers::parse(&wire).esp.expect("esp");
        assert_eq!((esp.spi, esp.seq, esp.offset), (common::SPI, 5, 34));
        let body = &wire[esp.offset + 16..];
        assert_eq!(wire[esp.offset + 8..esp.offset + 16], seqiv(seq));
        let header = Header { spi: common::SPI, seq, esn: false };
        let plain = association.cipher().open(&header, &seqiv(seq), body).expect("authentic");
        assert!(plain.len().is_multiple_of(4) && plain.len() < length + 2 + 4);
        let pad_length = plain.len() - length - 2;
        let trailer = [&[1, 2, 3][..pad_length], &[pad_length as u8, 99]].concat();
        assert_eq!(plain, [&ip.payload[..], &trailer].concat());
    }
}

#[test]
fn udp_encapsulation_has_ports_length_and_no_checksum() {
    for (v6, tunnel) in [(false, None), (true, None), (false, Some(())), (true, Some(()))] {
        let mut association = if tunnel.is_some() { Association::tunnel(v6) } else { Association::transport(v6) };
        association.encap = Some(Encap { sport: 4500, dport: 61234 });
        let wire = encapsulate(&Ip::udp(v6, 1, 2, b"abc").frame(1), &association.tx_sa(), 1).expect("protected");
        // Lax: the checksum is none of this parser's business.
        let Some(TransportSlice::Udp(udp)) = LaxSlicedPacket::from_ethernet(&wire).expect("a packet").transport else { panic!("UDP") };
        assert_eq!((udp.source_port(), udp.destination_port(), udp.checksum()), (4500, 61234, 0));
        let esp = Headers::parse(&wire).esp.expect("esp");
        assert!(esp.encap);
        assert_eq!(usize::from(udp.length()), 8 + esp.length);
    }
}

/// The engine's frames are the packets' own but for what RFC 4303 section 3.1.1 changes.
#[test]
fn transport_changes_length_protocol_and_checksum_only() {
    for v6 in [false, true] {
        let ip = Ip { tos: 0xFF, flow_label: 0x12345, dont_fragment: true, ..Ip::udp(v6, 1, 2, b"abc") };
        let frame = ip.frame(2);
        let wire = encapsulate(&frame, &Association::transport(v6).tx_sa(), 1).expect("protected");
        let header = if v6 { 22..62 } else { 22..42 };
        let changed: Vec<_> = (0..header.end).filter(|at| wire[*at] != frame[*at]).map(|at| at.wrapping_sub(22)).collect();
        let allowed: &[usize] = if v6 { &[4, 5, 6] } else { &[2, 3, 9, 10, 11] };
        assert!(changed.iter().all(|at| allowed.contains(at)), "{changed:?}");
        assert!(!Headers::parse(&wire).malformed);
        assert_eq!(wire[header.start + if v6 { 6 } else { 9 }], 50);
    }
}

#[test]
fn what_transport_mode_refuses_a_tunnel_takes() {
    let options = |frame: &mut Vec<u8>| {
        frame[14] = 0x46;
        frame[17] += 4;
        frame.splice(34..34, [1, 1, 1, 0]);
        common::mend_checksum(frame, 14);
    };
    let fragment = |frame: &mut Vec<u8>| {
        frame[20] = 0x20;
        common::mend_checksum(frame, 14);
    };
    let offset = |frame: &mut Vec<u8>| {
        frame[21] = 1;
        common::mend_checksum(frame, 14);
    };
    let extension = |frame: &mut Vec<u8>| frame[20] = 44;
    type Bend<'a> = &'a dyn Fn(&mut Vec<u8>);
    let cases: [(bool, EncapError, Bend); 4] = [
        (false, EncapError::Options, &options),
        (false, EncapError::Fragment, &fragment),
        (false, EncapError::Fragment, &offset),
        (true, EncapError::Options, &extension),
    ];
    for (v6, error, bend) in cases {
        let mut frame = Ip::udp(v6, 1, 2, b"abcdefgh").frame(0);
        bend(&mut frame);
        assert_eq!(encapsulate(&frame, &Association::transport(v6).tx_sa(), 1), Err(error));
        let association = Association::tunnel(true);
        let wire = encapsulate(&frame, &association.tx_sa(), 1).expect("protected");
        let packet = SealedPacket::new(&wire, &association.cipher()).expect("esp");
        let opened = packet.open(&association.cipher(), false, 1).expect("authentic");
        assert_eq!(opened.payload, &frame[14..]);
        assert_eq!(packet.decapsulate(&opened, &association.rx_sa()), Ok(frame));
    }
}

#[test]
fn what_no_ip_header_can_say_is_refused() {
    let longest = 65535 - 20;
    let ip = Ip { payload: vec![0; longest], protocol: 99, ..Ip::udp(false, 0, 0, &[]) };
    for tunnel in [Association::tunnel(false), Association::tunnel(true), Association::transport(false)] {
        let error = encapsulate(&ip.frame(0), &tunnel.tx_sa(), 1);
        assert!(matches!(error, Err(EncapError::TooLong(_))));
    }
    // The longest that fits: 20 + 8 + 8 + (65478 + 2) + 16 = 65532.
    let ip = Ip { payload: vec![0; 65478], ..ip };
    assert!(encapsulate(&ip.frame(0), &Association::transport(false).tx_sa(), 1).is_ok());
    let ip = Ip { payload: vec![0; 65479], ..ip };
    assert!(encapsulate(&ip.frame(0), &Association::transport(false).tx_sa(), 1).is_err());
}

#[test]
fn tunnel_endpoints_are_the_sas() {
    let wire = tunnelled(&Ip::udp(true, 1, 2, b"x"), Tunnel::new(common::outside(false)), 1);
    let Endpoints::V4 { src, dst } = common::outside(false) else { unreachable!() };
    let headers = Headers::parse(&wire);
    assert_eq!((headers.src, headers.dst), (src.into(), dst.into()));
    assert_ne!(headers.dst, inside(true).1);
}

/// Another implementation makes the same bytes of the same packet, and they come back.
#[test]
fn agrees_with_scapy() {
    let mut count = 0;
    for case in espalier_reference_model::vectors::scapy() {
        let cipher = || Rfc4106::new(&case.key_and_salt, case.icv).expect("a key");
        let sa = TxSa { esn: case.esn, tunnel: case.tunnel, encap: case.encap, ..TxSa::new(case.spi, cipher()) };
        assert_eq!(encapsulate(&case.frame, &sa, case.seq).as_ref(), Ok(&case.wire), "{}", case.name);
        let packet = SealedPacket::new(&case.wire, &sa.cipher).expect("esp");
        assert_eq!((packet.esp().spi, packet.esp().seq), (case.spi, case.seq as u32));
        let opened = packet.open(&sa.cipher, case.esn, case.seq).expect("authentic");
        let rx_sa = RxSa { tunnel: case.tunnel.is_some(), ..RxSa::new(0, cipher(), ReplayWindow::new(64, case.esn).expect("a window")) };
        assert_eq!(packet.decapsulate(&opened, &rx_sa).as_ref(), Ok(&case.frame), "{}", case.name);
        count += 1;
    }
    assert_eq!(count, 96);
}
