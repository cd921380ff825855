//! The NIC: every cause of every drop, policies, sequence numbers.

mod common;

use common::{Association, Ip, SPI, inside, mend_checksum};
use espalier_reference_model::headers::Headers;
use espalier_reference_model::nic::{MAX_FRAME, Nic, Offload};
use espalier_reference_model::policy::{Action, Policy, PortMatch, Prefix, Selector};
use espalier_reference_model::rfc4106::{Header, seqiv};
use espalier_regs::Event;
use proptest::prelude::*;

fn udp() -> Vec<u8> {
    Ip::udp(false, 1000, 2000, b"0123456789").frame(0)
}

/// The event and the frame, of which there is one only when nothing was dropped.
#[track_caller]
fn expect(outcome: espalier_reference_model::nic::Outcome, event: Event, frame: Option<&[u8]>) {
    assert_eq!(outcome.event, event);
    assert_eq!(outcome.frame.as_deref(), frame);
}

/// An ESP packet made by hand: any plaintext, trailer included.
fn seal(association: &Association, seq: u64, plaintext: &[u8]) -> Vec<u8> {
    let header = Header { spi: SPI, seq, esn: association.esn };
    let sealed = association.cipher().seal(&header, &seqiv(seq), plaintext);
    let esp = [&SPI.to_be_bytes()[..], &(seq as u32).to_be_bytes(), &seqiv(seq), &sealed].concat();
    let mut ip = Ip { protocol: 50, payload: esp, ..Ip::udp(association.v6, 0, 0, &[]) }.frame(0);
    if association.tunnel.is_some() {
        ip[26..34].copy_from_slice(&[192, 0, 2, 1, 192, 0, 2, 2]);
        mend_checksum(&mut ip, 14);
    }
    ip
}

#[test]
fn traffic_without_policy_passes() {
    let mut nic = Nic::default();
    let arp = [&common::l2(0, false)[..12], &[8, 6], &[0; 46]].concat();
    for frame in [udp(), Ip::udp(true, 1, 2, b"x").frame(2), arp, vec![1, 2, 3]] {
        expect(nic.transmit(&frame, false), Event::TxBypassed, Some(&frame));
        expect(nic.receive(&frame, false), Event::RxBypassed, Some(&frame));
    }
}

#[test]
fn tx_policies_decide() {
    let any = Prefix::new(inside(false).0, 0).expect("a prefix");
    let selector = Selector::between(any, any);
    for (action, event) in [
        (Action::Block, Event::TxDropPolicyBlock),
        (Action::Protect(None), Event::TxDropNoSa),
        (Action::Protect(Some(99)), Event::TxDropNoSa),
    ] {
        let mut nic = Nic::default();
        nic.policies.insert(Policy { selector, forward: false, priority: 1, action });
        expect(nic.transmit(&udp(), false), event, None);
        let other_family = Ip::udp(true, 1, 2, b"x").frame(0);
        expect(nic.transmit(&other_family, false), Event::TxBypassed, Some(&other_family));
    }
}

/// Scenario 8: IKE passes by a policy with a lower number, and what is equal goes by insertion.
#[test]
fn lowest_priority_number_wins_then_the_first_inserted() {
    let (mut nic, _) = Association::tunnel(false).nics();
    let any = Prefix::new(inside(false).0, 0).expect("a prefix");
    let protect_all = nic.policies.look_up(&flow(&udp())).copied().expect("a policy");
    let ike = Selector { protocol: Some(17), dport: PortMatch::exactly(500), ..Selector::between(any, any) };
    let frame = Ip::udp(false, 500, 500, b"ike").frame(0);
    let late = nic.policies.insert(Policy { selector: ike, forward: false, priority: protect_all.priority, action: Action::Block });
    assert_eq!(nic.transmit(&frame, false).event, Event::TxProtected);
    assert!(nic.policies.remove(late).is_some());
    nic.policies.insert(Policy { selector: ike, forward: false, priority: 5, action: Action::Bypass });
    assert_eq!(nic.transmit(&frame, false).event, Event::TxProtected);
    nic.policies = Default::default();
    nic.policies.insert(Policy { priority: 6, ..protect_all });
    nic.policies.insert(Policy { selector: ike, forward: false, priority: 5, action: Action::Bypass });
    expect(nic.transmit(&frame, false), Event::TxBypassed, Some(&frame));
    assert_eq!(nic.transmit(&udp(), false).event, Event::TxProtected);
}

fn flow(frame: &[u8]) -> espalier_reference_model::policy::Flow {
    espalier_reference_model::policy::Flow::of(&Headers::parse(frame))
}

#[test]
fn tx_drops_what_contradicts_itself() {
    for v6 in [false, true] {
        let (mut nic, _) = Association::tunnel(v6).nics();
        let frame = Ip::udp(v6, 1, 2, b"0123456789").frame(0);
        expect(nic.transmit(&frame[..frame.len() - 1], false), Event::TxDropMalformed, None);
        expect(nic.transmit(&frame[..16], false), Event::TxDropMalformed, None);
        let mut bent = frame.clone();
        bent[14] = 0x44;
        expect(nic.transmit(&bent, false), Event::TxDropMalformed, None);
        expect(nic.transmit(&frame, true), Event::TxDropError, None);
        expect(nic.transmit(&vec![0; MAX_FRAME + 1], false), Event::TxDropError, None);
        assert_eq!(nic.transmit(&vec![0; MAX_FRAME], false).event, Event::TxBypassed);
    }
}

#[test]
fn a_refused_packet_uses_no_sequence_number() {
    let (mut nic, _) = Association::transport(false).nics();
    let mut fragment = udp();
    fragment[20] = 0x20;
    mend_checksum(&mut fragment, 14);
    expect(nic.transmit(&fragment, false), Event::TxDropUnsupported, None);
    assert_eq!(nic.tx_sas[&7].last_seq, 0);
    let wire = nic.transmit(&udp(), false).frame.expect("protected");
    assert_eq!(Headers::parse(&wire).esp.map(|esp| esp.seq), Some(1));
}

/// RFC 4303 section 3.3.3: the last number is used once, and nothing after it, whether ESN or not.
#[test]
fn sequence_numbers_end_for_good() {
    for (esn, last) in [(false, u64::from(u32::MAX)), (true, u64::MAX)] {
        let (mut nic, _) = Association { esn, last_seq: last - 1, ..Association::transport(false) }.nics();
        assert_eq!(nic.transmit(&udp(), false).event, Event::TxProtected);
        for _ in 0..3 {
            expect(nic.transmit(&udp(), false), Event::TxDropSeqOverflow, None);
        }
        assert_eq!(nic.tx_sas[&7].last_seq, last);
    }
    let (mut nic, mut receiver) = Association { esn: true, last_seq: 0xFFFF_FFFE, ..Association::transport(false) }.nics();
    for seq in [0xFFFF_FFFF, 0, 1] {
        let wire = nic.transmit(&udp(), false).frame.expect("protected");
        assert_eq!(Headers::parse(&wire).esp.map(|esp| esp.seq), Some(seq));
        expect(receiver.receive(&wire, false), Event::RxDecrypted, Some(&udp()));
    }
}

#[test]
fn rx_refuses_by_cause() {
    let association = Association::transport(false);
    let (mut sender, mut receiver) = association.nics();
    let wire = sender.transmit(&udp(), false).frame.expect("protected");
    let bent = |at: usize, value: u8| {
        let mut wire = wire.clone();
        wire[at] = value;
        wire
    };
    expect(receiver.receive(&bent(37, 0), false), Event::RxDropNoSa, None);
    expect(receiver.receive(&bent(41, 0), false), Event::RxDropSeqZero, None);
    expect(receiver.receive(&bent(60, wire[60] ^ 4), false), Event::RxDropIcv, None);
    expect(receiver.receive(&bent(14, 0x44), false), Event::RxDropMalformed, None);
    expect(receiver.receive(&bent(24, wire[24] ^ 1), false), Event::RxDropMalformed, None);
    expect(receiver.receive(&wire, true), Event::RxDropError, None);
    expect(receiver.receive(&wire[..wire.len() - 1], false), Event::RxDropError, None);
    expect(receiver.receive(&udp(), true), Event::RxDropError, None);
    expect(receiver.receive(&wire, false), Event::RxDecrypted, Some(&udp()));
    expect(receiver.receive(&wire, false), Event::RxDropReplay, None);
    expect(receiver.receive(&wire, true), Event::RxDropReplay, None);
    for _ in 0..64 {
        let wire = sender.transmit(&udp(), false).frame.expect("protected");
        expect(receiver.receive(&wire, false), Event::RxDecrypted, Some(&udp()));
    }
    expect(receiver.receive(&wire, false), Event::RxDropReplayWindow, None);
}

#[test]
fn rx_refuses_lengths_that_are_not_esps() {
    let association = Association::transport(false);
    let (_, mut receiver) = association.nics();
    for length in 0..48 {
        let esp = [&SPI.to_be_bytes()[..], &[0, 0, 0, 1], &[0; 48]].concat()[..length].to_vec();
        let frame = Ip { protocol: 50, payload: esp, ..Ip::udp(false, 0, 0, &[]) }.frame(0);
        let good = length >= 36 && length % 4 == 0;
        let event = if good { Event::RxDropIcv } else { Event::RxDropMalformed };
        expect(receiver.receive(&frame, false), event, None);
        let padded = [&frame[..], &[0; 60]].concat();
        expect(receiver.receive(&padded, false), event, None);
    }
}

#[test]
fn rx_trailer_dummy_and_mode() {
    let v4 = Ip::udp(false, 1, 2, b"0123456789").bytes();
    let v6 = Ip::udp(true, 1, 2, b"0123456789").bytes();
    let with = |payload: &[u8], pad_length: u8, next_header: u8| [payload, &[pad_length, next_header]].concat();
    let transport = Association::transport(false);
    let tunnel = Association::tunnel(false);
    let v4 = |next_header| with(&[&v4[..], &[1, 2, 3, 4]].concat(), 4, next_header);
    let v6 = |next_header| with(&[&v6[..], &[1, 2, 3, 4]].concat(), 4, next_header);
    let cases: Vec<(&Association, Vec<u8>, Event)> = vec![
        (&transport, with(&[9; 10], 0, 6), Event::RxDecrypted),
        (&transport, with(&[9; 10], 10, 6), Event::RxDecrypted),
        (&transport, with(&[9; 10], 11, 6), Event::RxDropTrailer),
        (&transport, with(&[9; 10], 255, 59), Event::RxDropTrailer),
        (&transport, with(&[9; 10], 0, 59), Event::RxDummy),
        (&transport, with(&[9; 10], 0, 4), Event::RxDecrypted),
        (&tunnel, v4(4), Event::RxDecrypted),
        (&tunnel, v4(41), Event::RxDropMode),
        (&tunnel, v6(4), Event::RxDropMode),
        (&tunnel, v6(41), Event::RxDecrypted),
        (&tunnel, v4(17), Event::RxDropMode),
        (&tunnel, with(&[0x45; 2], 2, 4), Event::RxDropMode),
        (&tunnel, v4(59), Event::RxDummy),
    ];
    for (association, plaintext, event) in cases {
        let mut plaintext = plaintext;
        while !plaintext.len().is_multiple_of(4) {
            plaintext.insert(0, plaintext[0]);
        }
        let (_, mut receiver) = association.nics();
        let wire = seal(association, 1, &plaintext);
        let outcome = receiver.receive(&wire, false);
        assert_eq!(outcome.event, event, "{plaintext:02x?}");
        assert_eq!(outcome.frame.is_some(), event == Event::RxDecrypted);
        // All but a bad trailer have used their number.
        let again = if event == Event::RxDropTrailer { event } else { Event::RxDropReplay };
        expect(receiver.receive(&wire, false), again, None);
    }
}

#[test]
fn a_transport_packet_without_payload_round_trips() {
    let (mut sender, mut receiver) = Association::transport(true).nics();
    let frame = Ip { protocol: 99, payload: Vec::new(), ..Ip::udp(true, 0, 0, &[]) }.frame(0);
    let wire = sender.transmit(&frame, false).frame.expect("protected");
    expect(receiver.receive(&wire, false), Event::RxDecrypted, Some(&frame));
}

#[test]
fn esp_that_the_host_must_put_together_passes() {
    let (mut sender, mut receiver) = Association::transport(false).nics();
    let wire = sender.transmit(&udp(), false).frame.expect("protected");
    let mut fragment = wire.clone();
    fragment[20] = 0x20;
    mend_checksum(&mut fragment, 14);
    expect(receiver.receive(&fragment, false), Event::RxUnsupported, Some(&fragment));
    expect(receiver.receive(&fragment, true), Event::RxDropError, None);
    let mut other = udp();
    other[20] = 0x20;
    mend_checksum(&mut other, 14);
    expect(receiver.receive(&other, false), Event::RxBypassed, Some(&other));
}

#[test]
fn unknown_esp_passes_when_asked_to() {
    let (mut sender, mut receiver) = Association::transport(false).nics();
    let wire = sender.transmit(&udp(), false).frame.expect("protected");
    receiver.rx_sas.clear();
    expect(receiver.receive(&wire, false), Event::RxDropNoSa, None);
    receiver.pass_unknown = true;
    expect(receiver.receive(&wire, false), Event::RxBypassed, Some(&wire));
}

#[test]
fn tfc_padding_passes_as_ethernet_padding_does() {
    let association = Association::tunnel(false);
    let (_, mut receiver) = association.nics();
    let inner = Ip::udp(false, 1, 2, b"01").bytes();
    let plaintext = [&inner[..], &[0xFC; 20], &[0, 4]].concat();
    assert_eq!(plaintext.len() % 4, 0);
    let frame = receiver.receive(&seal(&association, 1, &plaintext), false).frame.expect("decrypted");
    assert_eq!(frame[14..], plaintext[..plaintext.len() - 2]);
}

proptest! {
    /// Anything at all comes to one outcome, and the counters add up.
    #[test]
    fn every_frame_is_counted_once(
        frames in prop::collection::vec(
            (any::<bool>(), any::<bool>(), 0..=2usize, prop::collection::vec(any::<u8>(), 0..120)),
            0..50,
        ),
    ) {
        let (mut nic, _) = Association::tunnel(false).nics();
        nic.rx_sas.insert(Association::tunnel(false).sa_key(), Association::tunnel(false).rx_sa());
        for (transmit, v6, tags, mut bytes) in frames {
            if let Some(first) = bytes.first_mut() {
                *first = if v6 { 0x60 } else { 0x45 };
            }
            if !v6 && bytes.len() >= 20 {
                mend_checksum(&mut bytes, 0);
            }
            let frame = [common::l2(tags, v6), bytes].concat();
            let outcome = if transmit { nic.transmit(&frame, false) } else { nic.receive(&frame, false) };
            let passes = [Event::TxBypassed, Event::TxProtected, Event::RxBypassed, Event::RxUnsupported, Event::RxDecrypted];
            prop_assert_eq!(outcome.frame.is_some(), passes.contains(&outcome.event));
        }
        for (total, prefix) in [(Event::TxFrames, "tx_"), (Event::RxFrames, "rx_")] {
            let of_direction = Event::ALL.iter().filter(|event| event.name().starts_with(prefix) && **event != total);
            let sum: u64 = of_direction.map(|event| nic.counters().get(*event)).sum();
            prop_assert_eq!(sum, nic.counters().get(total));
        }
    }

    #[test]
    fn prefixes_agree_with_their_bits(ours: u128, theirs: u128, length in 0..=128u8, v6: bool, same in 0..=128u32) {
        // Mostly addresses that share their first bits.
        let theirs = if same == 0 { theirs } else { ours ^ (theirs >> (same - 1)) };
        let (address, other, length) = if v6 {
            (std::net::Ipv6Addr::from_bits(ours).into(), std::net::Ipv6Addr::from_bits(theirs).into(), length)
        } else {
            let v4 = |bits: u128| std::net::IpAddr::from(std::net::Ipv4Addr::from_bits((bits >> 96) as u32));
            (v4(ours), v4(theirs), length % 33)
        };
        let agree = (0..u32::from(length)).all(|bit| (ours ^ theirs) << bit >> 127 == 0);
        let prefix = Prefix::new(address, length).expect("a length");
        prop_assert_eq!(prefix.contains(other), agree);
    }
}

#[test]
fn what_must_be_protected_does_not_leave_as_it_is() {
    let mut nic = Nic::default();
    expect(nic.transmit_as(&udp(), Offload::Packet, false), Event::TxDropNoSa, None);
    expect(nic.transmit_as(&udp(), Offload::None, false), Event::TxBypassed, Some(&udp()));
}
