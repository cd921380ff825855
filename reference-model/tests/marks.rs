//! What a tunnel does to DSCP and ECN on the way out of it (RFC 4301 section 5.1.2), and the families it may carry.

mod common;

use common::{Association, Ip, mend_checksum, outside};
use espalier_reference_model::esp::decapsulated_tos;
use espalier_reference_model::headers::Headers;
use espalier_reference_model::sa::{RxSa, Tunnel};
use espalier_regs::Event;
use proptest::prelude::*;

/// ECN: RFC 3168 section 5.
const NOT_ECT: u8 = 0;
const ECT_1: u8 = 1;
const ECT_0: u8 = 2;
const CE: u8 = 3;

/// RFC 4301 section 5.1.2.1 note 6, as Linux `ipip_ecn_decapsulate` reads it: all 16 pairs.
#[test]
fn ecn_out_of_a_tunnel() {
    for (outer, inner, out) in [
        (NOT_ECT, NOT_ECT, NOT_ECT),
        (NOT_ECT, ECT_1, ECT_1),
        (NOT_ECT, ECT_0, ECT_0),
        (NOT_ECT, CE, CE),
        (ECT_1, NOT_ECT, NOT_ECT),
        (ECT_1, ECT_1, ECT_1),
        (ECT_1, ECT_0, ECT_0),
        (ECT_1, CE, CE),
        (ECT_0, NOT_ECT, NOT_ECT),
        (ECT_0, ECT_1, ECT_1),
        (ECT_0, ECT_0, ECT_0),
        (ECT_0, CE, CE),
        (CE, NOT_ECT, NOT_ECT),
        (CE, ECT_1, CE),
        (CE, ECT_0, CE),
        (CE, CE, CE),
    ] {
        let (dscp_out, dscp_in) = (0b101010 << 2, 0b010111 << 2);
        let tos = |no_ecn, decap_dscp| decapsulated_tos(dscp_out | outer, dscp_in | inner, no_ecn, decap_dscp);
        assert_eq!(tos(false, false), dscp_in | out);
        assert_eq!(tos(true, false), dscp_in | inner);
        assert_eq!(tos(false, true), dscp_out | out);
        assert_eq!(tos(true, true), dscp_out | inner);
    }
}

proptest! {
    /// Every pair of bytes through every pair of families: nothing else changes, and the checksum stays right.
    #[test]
    fn the_inner_header_changes_in_one_byte(
        outer_tos: u8, inner_tos: u8, (v6, outer_v6, no_ecn, decap_dscp) in any::<(bool, bool, bool, bool)>(),
        dont_fragment: bool, ttl: u8,
    ) {
        let association = Association { tunnel: Some(Tunnel::new(outside(outer_v6))), ..Association::tunnel(false) };
        let ip = Ip { tos: inner_tos, dont_fragment, ttl, flow_label: 0xFACED, ..Ip::udp(v6, 1, 2, b"payload") };
        let (mut sender, mut receiver) = association.nics();
        let mut wire = sender.transmit(&ip.frame(1), false).frame.expect("protected");
        // A router on the way changes the outer header.
        if outer_v6 {
            (wire[18], wire[19]) = (0x60 | outer_tos >> 4, wire[19] & 0xF | outer_tos << 4);
        } else {
            wire[19] = outer_tos;
            mend_checksum(&mut wire, 18);
        }
        let sa = receiver.rx_sas.remove(&association.sa_key()).expect("the SA");
        receiver.rx_sas.insert(association.sa_key(), RxSa { no_ecn, decap_dscp, ..sa });
        let got = receiver.receive(&wire, false);
        prop_assert_eq!(got.event, Event::RxDecrypted);
        let expected = Ip { tos: decapsulated_tos(outer_tos, inner_tos, no_ecn, decap_dscp), ..ip };
        prop_assert_eq!(got.frame, Some(expected.frame(1)));
    }
}

#[test]
fn an_sa_carries_the_families_it_may() {
    for v6 in [false, true] {
        for (inner_v4, inner_v6) in [(true, true), (true, false), (false, true), (false, false)] {
            let association = Association::tunnel(!v6);
            let (mut sender, mut receiver) = association.nics();
            let wire = sender.transmit(&Ip::udp(v6, 1, 2, b"x").frame(0), false).frame.expect("protected");
            let sa = receiver.rx_sas.remove(&association.sa_key()).expect("the SA");
            receiver.rx_sas.insert(association.sa_key(), RxSa { inner_v4, inner_v6, ..sa });
            let may = if v6 { inner_v6 } else { inner_v4 };
            assert_eq!(receiver.receive(&wire, false).event, if may { Event::RxDecrypted } else { Event::RxDropMode });
        }
    }
}

/// Twice ESP: the inner packet is ESP itself, and stays so.
#[test]
fn esp_out_of_a_tunnel_is_what_was_inside() {
    let (mut inner, _) = Association::transport(false).nics();
    let (mut sender, mut receiver) = Association::tunnel(true).nics();
    let esp = inner.transmit(&Ip::udp(false, 1, 2, b"x").frame(0), false).frame.expect("protected");
    let wire = sender.transmit(&esp, false).frame.expect("protected twice");
    let got = receiver.receive(&wire, false);
    assert_eq!((got.event, got.frame.as_ref()), (Event::RxDecrypted, Some(&esp)));
    assert!(Headers::parse(&esp).esp.is_some());
    // It came out of an SA: the policies are asked, unlike for ESP out of none.
    receiver.rx_policies = Default::default();
    let wire = sender.transmit(&esp, false).frame.expect("protected twice");
    assert_eq!(receiver.receive(&wire, false).event, Event::RxDropNoPolicy);
}

/// RFC 4301 section 8.2: refused to the host, not cut or fragmented. `max_payload` is of the ESP payload.
#[test]
fn too_big_is_said_and_uses_no_number() {
    for association in [Association::tunnel(false), Association::transport(false)] {
        let ip = Ip::udp(false, 1, 2, &[0; 100]);
        let payload = if association.tunnel.is_some() { 128 } else { 108 };
        let (mut sender, _) = association.nics();
        for (limit, event) in [(payload, Event::TxProtected), (payload - 1, Event::TxDropTooBig)] {
            sender.tx_sas.get_mut(&7).expect("the SA").max_payload = Some(limit);
            let sent = sender.transmit(&[&ip.frame(0)[..], &[0; 40]].concat(), false);
            assert_eq!((sent.event, sent.sa), (event, Some(7)), "Ethernet padding does not count");
        }
        assert_eq!(sender.tx_sas[&7].last_seq, 1);
    }
}
