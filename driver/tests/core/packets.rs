//! Packets on their way out.

use espalier_driver::core::{NotOffloadable, Output, OutputError, PolicyRequest, StateRequest};
use espalier_driver::ops::{KmState, Mib, SkBuff};
use espalier_driver::policy::{Action, Level};
use espalier_driver::sa::{Encap, EncapKind, ReplayState, SaFlags, SaParams};
use espalier_driver::xfrm::{Direction, Family, Limits, Mode, OffloadMode, Selector};
use espalier_driver::{Errno, Key};
use espalier_reference_model::headers::Headers;
use espalier_reference_model::rfc4106::{Header, IcvLength, Rfc4106};

use crate::fixtures::{
    HERE, NO_MARK, THERE, address, core, dont_fragment, id, inner, mend_checksum, names, on_device, out, packet, policy, skb,
    software_policy, udp,
};
use crate::mock::{Call, Stage};

/// Key and salt of the fixtures.
fn cipher() -> Rfc4106 {
    Rfc4106::new(Key::new((0..20).collect()).expose(), IcvLength::Sixteen).expect("a key")
}

#[test]
fn software_esp_opens_with_the_cipher_of_rfc_4106() {
    let (mut core, _) = core();
    core.policy_add(software_policy(policy())).expect("good");
    core.state_add(StateRequest::software(out(0x1001))).expect("good");
    for seq in 1..=3_u64 {
        let Ok(Output::Software { frame, sa }) = core.output("eth0", &skb(&inner(100)), 0, 0) else { panic!("software") };
        let esp = Headers::parse(&frame).esp.expect("ESP");
        assert_eq!((esp.spi, u64::from(esp.seq)), (0x1001, seq));
        let body = &frame[esp.offset..][..esp.length];
        let iv = body[8..].first_chunk::<8>().expect("an IV");
        let header = Header { spi: esp.spi, seq, esn: false };
        let plain = cipher().open(&header, iv, &body[16..]).expect("authentic");
        assert_eq!(plain[..inner(100).len() - 14], inner(100)[14..]);
        assert_eq!(core.state(sa.id()).expect("held").replay.oseq, seq as u32);
    }
    let info = core.state_get(&id(THERE, 0x1001), NO_MARK).expect("there");
    assert_eq!((info.current.packets, info.current.bytes), (3, 3 * 128), "the IP packet, without trailer");
    assert_ne!(info.lastused, 0);
}

#[test]
fn in_crypto_mode_the_device_gets_all_but_the_encryption() {
    for esn in [false, true] {
        let (mut core, mock) = core();
        core.policy_add(software_policy(policy())).expect("good");
        let flags = SaFlags { esn, ..SaFlags::default() };
        let dir = Some(Direction::Out);
        let replay = ReplayState { oseq: if esn { u32::MAX } else { 6 }, ..ReplayState::default() };
        core.state_add(on_device(SaParams { flags, dir, replay, ..out(0x1001) })).expect("good");
        let handle = mock.last_handle();
        mock.calls();
        let Ok(Output::Crypto { frame, handle: named, sa }) = core.output("eth0", &skb(&inner(101)), 0, 0) else { panic!("crypto") };
        assert_eq!(named, handle);
        let seq = if esn { 1 << 32 } else { 7_u64 };
        let esp = Headers::parse(&frame).esp.expect("ESP");
        assert_eq!((esp.spi, esp.seq), (0x1001, seq as u32));
        assert_eq!(frame[esp.offset + 8..][..8], seq.to_be_bytes(), "the IV is the whole number");
        let inner = &inner(101)[14..];
        let body = &frame[esp.offset + 16..];
        assert_eq!(&body[..inner.len()], inner);
        let pad = (inner.len() + 2).wrapping_neg() % 4;
        let trailer: Vec<u8> = (1..=pad as u8).chain([pad as u8, 4]).collect();
        assert_eq!(body[inner.len()..][..trailer.len()], trailer);
        assert_eq!(body[inner.len() + trailer.len()..], [0; 16], "room for the ICV");
        let advance = Call::AdvanceEsn { seq: 0, oseq: seq };
        let expected: &[Call] = if esn { &[Call::OffloadOk, advance] } else { &[Call::OffloadOk] };
        assert_eq!(mock.calls(), expected);

        // The packet is in flight: the SA is not freed under it.
        core.state_delete(&id(THERE, 0x1001), NO_MARK).expect("there");
        assert_eq!(mock.states(), [Stage::Deleted]);
        drop(sa);
        core.collect_garbage();
        assert_eq!(mock.states(), [Stage::Freed]);
    }
}

#[test]
fn what_the_device_can_t_take_in_crypto_mode_is_done_in_software() {
    let (mut core, mock) = core();
    core.policy_add(software_policy(policy())).expect("good");
    let sa = core.state_add(on_device(out(1))).expect("good").id;
    let send = |core: &mut espalier_driver::core::XfrmCore<crate::mock::Mock>, dev: &str| {
        matches!(core.output(dev, &skb(&inner(64)), 0, 0).expect("sent"), Output::Software { .. })
    };
    assert!(!send(&mut core, "eth0"));
    assert!(send(&mut core, "eth1"), "not the path's device");
    mock.with(|books| books.takes_packets = false);
    assert!(send(&mut core, "eth0"), "offload_ok says no");
    let mut options = inner(64);
    add_ipv4_option(&mut options);
    mock.calls();
    assert!(matches!(core.output("eth0", &skb(&options), 0, 0), Ok(Output::Software { .. })));
    assert_eq!(mock.calls(), [], "the core's own check comes first");
    assert_eq!(core.fallbacks(sa), Some(3));
    assert_eq!(core.state(sa).expect("there").replay.oseq, 4, "one sequence for all of them");
}

/// Four bytes of no-operation options (RFC 791 section 3.1).
fn add_ipv4_option(frame: &mut Vec<u8>) {
    frame.splice(34..34, [1; 4]);
    frame[14] = 0x46;
    let length = u16::from_be_bytes([frame[16], frame[17]]) + 4;
    frame[16..18].copy_from_slice(&length.to_be_bytes());
    mend_checksum(frame);
}

#[test]
fn in_packet_mode_the_device_gets_the_packet_or_nobody() {
    let (mut core, mock) = core();
    core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect("good");
    core.state_add(on_device(packet(out(1)))).expect("good");
    let Ok(Output::Packet { handle, .. }) = core.output("eth0", &skb(&inner(64)), 0, 0) else { panic!("packet") };
    assert_eq!(handle, mock.last_handle());
    let mut options = inner(64);
    add_ipv4_option(&mut options);
    let error = core.output("eth0", &skb(&options), 0, 0).expect_err("no software in its place");
    assert_eq!((error, error.errno()), (OutputError::NotOffloadable(NotOffloadable::Ipv4Options), Errno::Ehostunreach));
    mock.with(|books| books.takes_packets = false);
    let error = core.output("eth0", &skb(&inner(64)), 0, 0).expect_err("offload_ok says no");
    assert_eq!(error, OutputError::NotOffloadable(NotOffloadable::Device));
    assert_eq!(core.mib().get(Mib::OutError), 2);
    assert_eq!(core.state_dump()[0].current.packets, 0, "the device counts");
}

#[test]
fn an_ipv6_extension_header_is_not_offloaded() {
    let (mut core, _) = core();
    let mut params = policy();
    params.selector = Selector::any(Family::V6);
    core.policy_add(PolicyRequest::offloaded(params, "eth0")).expect("good");
    let flags = SaFlags { af_unspec: true, ..SaFlags::default() };
    core.state_add(on_device(packet(SaParams { flags, ..out(1) }))).expect("good");
    let mut frame = udp("2001:db8::1", "2001:db8::2", 32);
    assert!(matches!(core.output("eth0", &skb(&frame), 0, 0), Ok(Output::Packet { .. })));
    // A hop-by-hop header with a PadN option of 4 (RFC 8200 section 4.3).
    frame.splice(54..54, [17, 0, 1, 4, 0, 0, 0, 0]);
    frame[20] = 0;
    let length = u16::from_be_bytes([frame[18], frame[19]]) + 8;
    frame[18..20].copy_from_slice(&length.to_be_bytes());
    let error = core.output("eth0", &skb(&frame), 0, 0).expect_err("an extension header");
    assert_eq!(error, OutputError::NotOffloadable(NotOffloadable::Ipv6Extension));
}

#[test]
fn a_packet_too_long_for_the_path_is_worth_an_icmp_message() {
    // 1500 - 20 (IPv4) - 16 (ESP header, IV) - 16 (ICV), rounded down to a multiple of 4, less 2 (trailer).
    const MTU: usize = 1446;
    for (request, pol, offload, mib) in [
        (StateRequest::software(out(1)), software_policy(policy()), None, Mib::OutStateModeError),
        (on_device(out(1)), software_policy(policy()), Some(OffloadMode::Crypto), Mib::OutStateModeError),
        (on_device(packet(out(1))), PolicyRequest::offloaded(policy(), "eth0"), Some(OffloadMode::Packet), Mib::OutError),
    ] {
        let (mut core, _) = core();
        core.policy_add(pol).expect("good");
        core.state_add(request).expect("good");
        let fits = dont_fragment(inner(MTU - 28), true);
        core.output("eth0", &skb(&fits), 0, 0).expect("it fits to the byte");
        let long = dont_fragment(inner(MTU - 27), true);
        assert!(!Headers::parse(&long).malformed);
        let error = core.output("eth0", &skb(&long), 0, 0).expect_err("one byte too long");
        assert_eq!(error, OutputError::TooBig { mtu: MTU as u32, offload });
        assert_eq!((error.errno(), core.mib().get(mib)), (Errno::Emsgsize, 1));
        // IP may fragment what came without DF, where the core makes the outer packet.
        let result = core.output("eth0", &skb(&inner(MTU - 27)), 0, 0);
        match offload {
            Some(OffloadMode::Packet) => {
                let too_long = NotOffloadable::TooLong { mtu: MTU as u32 };
                assert_eq!(result.expect_err("no software"), OutputError::NotOffloadable(too_long));
            }
            _ => assert!(matches!(result, Ok(Output::Software { .. }))),
        }
        // In segments it fits.
        if offload.is_some() {
            let segments = SkBuff { frame: &long, gso_size: Some(1000) };
            assert!(matches!(core.output("eth0", &segments, 0, 0), Ok(Output::Crypto { .. } | Output::Packet { .. })));
        }
    }
}

#[test]
fn policies_decide_before_any_sa() {
    let (mut core, _) = core();
    core.state_add(StateRequest::software(out(1))).expect("good");
    assert!(matches!(core.output("eth0", &skb(&inner(10)), 0, 0), Ok(Output::Plain)), "no policy");
    core.policy_add(software_policy(policy())).expect("good");
    let mut bypass = policy();
    bypass.templates.clear();
    bypass.selector.proto = 17;
    core.policy_add(software_policy(bypass.clone())).expect("good");
    assert!(matches!(core.output("eth0", &skb(&inner(10)), 0, 0), Ok(Output::Software { .. })), "the older of one priority");
    bypass.priority = 0;
    let mut first = policy();
    first.priority = 1;
    core.policy_update(software_policy(first)).expect("good");
    assert!(matches!(core.output("eth0", &skb(&inner(10)), 0, 0), Ok(Output::Plain)), "the lower number first");
    bypass.action = Action::Block;
    core.policy_update(software_policy(bypass)).expect("good");
    let error = core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("blocked");
    assert_eq!((error, error.errno(), core.mib().get(Mib::OutPolBlock)), (OutputError::Blocked, Errno::Eperm, 1));
    let other = udp("10.1.0.1", "10.3.0.1", 10);
    assert!(matches!(core.output("eth0", &skb(&other), 0, 0), Ok(Output::Plain)));
}

#[test]
fn of_two_sas_of_one_reqid_the_newest_is_used_and_a_dying_one_last() {
    let (mut core, _) = core();
    core.policy_add(software_policy(policy())).expect("good");
    let spi = |core: &mut espalier_driver::core::XfrmCore<crate::mock::Mock>| {
        let Ok(Output::Software { frame, .. }) = core.output("eth0", &skb(&inner(10)), 0, 0) else { panic!("software") };
        Headers::parse(&frame).esp.expect("ESP").spi
    };
    core.state_add(StateRequest::software(out(1))).expect("good");
    assert_eq!(spi(&mut core), 1);
    let soft = Limits { soft_packets: 1, ..Limits::NONE };
    core.state_add(StateRequest::software(SaParams { limits: soft, ..out(2) })).expect("good");
    assert_eq!(spi(&mut core), 2, "rekeyed");
    assert_eq!(spi(&mut core), 2, "and this one finds the limit");
    assert_eq!(spi(&mut core), 1, "not the one that wants to be replaced");
    core.state_delete(&id(THERE, 1), NO_MARK).expect("there");
    assert_eq!(spi(&mut core), 2, "better than none");
}

#[test]
fn a_missing_sa_is_asked_for_once_and_the_stub_is_replaced() {
    for offloaded in [false, true] {
        let (mut core, mock) = core();
        core.policy_add(if offloaded { PolicyRequest::offloaded(policy(), "eth0") } else { software_policy(policy()) }).expect("good");
        names(&mut core);
        mock.calls();
        for _ in 0..2 {
            let error = core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("no SA");
            assert_eq!((error, error.errno()), (OutputError::Acquiring, Errno::Eagain));
        }
        assert_eq!(core.mib().get(Mib::OutNoStates), 2);
        assert_eq!(names(&mut core), ["acquire"], "once");
        assert_eq!(core.sad_info().count, 1, "the stub");
        let stub = core.states()[0].id();
        assert_eq!(core.state(stub).expect("there").km_state, KmState::Acq);
        let asked: &[Call] = if offloaded { &[Call::StateAdd { spi: 0, acquire: true }] } else { &[] };
        assert_eq!(mock.calls(), asked);

        let answer = if offloaded { on_device(packet(out(1))) } else { StateRequest::software(out(1)) };
        core.state_add(answer).expect("good");
        assert_eq!(core.sad_info().count, 1, "the stub is gone");
        assert!(core.state(stub).is_none());
        core.output("eth0", &skb(&inner(10)), 0, 0).expect("there is an SA");
        if offloaded {
            assert_eq!(mock.states(), [Stage::Freed, Stage::Added]);
        }
    }
}

#[test]
fn a_stub_that_nobody_answers_expires() {
    let (mut core, mock) = core();
    core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect("good");
    core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("no SA");
    names(&mut core);
    core.set_time(crate::fixtures::START + 29);
    assert_eq!(core.sad_info().count, 1);
    core.set_time(crate::fixtures::START + 30);
    assert_eq!((core.sad_info().count, names(&mut core)), (0, vec!["hard"]));
    assert_eq!(mock.states(), [Stage::Freed]);
    core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("no SA");
    assert_eq!(names(&mut core), ["acquire"], "asked again");
}

#[test]
fn a_device_without_room_for_a_stub_makes_no_stub() {
    let (mut core, mock) = core();
    core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect("good");
    mock.with(|books| books.refuse = Some(|| espalier_driver::Error::Broken));
    let error = core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("no SA");
    assert_eq!((error, core.states_allocated()), (OutputError::Unresolved, 0));
    assert_eq!(core.mib().get(Mib::OutPolError), 1);
}

#[test]
fn a_template_of_level_use_lets_packets_pass_without_an_sa() {
    let (mut core, _) = core();
    let mut params = policy();
    params.templates[0].level = Level::Use;
    core.policy_add(software_policy(params)).expect("good");
    assert!(matches!(core.output("eth0", &skb(&inner(10)), 0, 0), Ok(Output::Plain)));
    core.state_add(StateRequest::software(out(1))).expect("good");
    assert!(matches!(core.output("eth0", &skb(&inner(10)), 0, 0), Ok(Output::Software { .. })));
}

#[test]
fn an_offloaded_policy_uses_sas_of_its_device_only() {
    let (mut core, _) = core();
    core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect("good");
    core.state_add(StateRequest::software(out(1))).expect("good");
    assert_eq!(core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("not that one"), OutputError::Acquiring);
}

#[test]
fn the_last_sequence_number_is_used_once_and_nothing_after_it() {
    for (esn, replay, crypto) in [
        (false, ReplayState { oseq: u32::MAX - 1, ..ReplayState::default() }, false),
        (true, ReplayState { oseq: u32::MAX - 1, oseq_hi: u32::MAX, ..ReplayState::default() }, false),
        (false, ReplayState { oseq: u32::MAX - 1, ..ReplayState::default() }, true),
        (true, ReplayState { oseq: u32::MAX - 1, oseq_hi: u32::MAX, ..ReplayState::default() }, true),
    ] {
        let (mut core, _) = core();
        core.policy_add(software_policy(policy())).expect("good");
        let dir = Some(Direction::Out);
        let sa = SaParams { flags: SaFlags { esn, ..SaFlags::default() }, replay, dir, ..out(1) };
        let sa = core.state_add(if crypto { on_device(sa) } else { StateRequest::software(sa) }).expect("good").id;
        core.output("eth0", &skb(&inner(10)), 0, 0).expect("the last number");
        for _ in 0..3 {
            let error = core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("none is left");
            assert_eq!((error, error.errno()), (OutputError::SequenceExhausted, Errno::Eoverflow));
        }
        assert_eq!(core.state(sa).expect("there").replay.oseq, u32::MAX, "latched");
        assert_eq!(core.state(sa).expect("there").curlft.packets, 1);
        assert_eq!(core.mib().get(Mib::OutStateSeqError), 3);
    }
}

#[test]
fn transport_mode_takes_no_options_and_no_fragments_in_software() {
    let (mut core, _) = core();
    let mut params = policy();
    params.templates[0].mode = Mode::Transport;
    params.selector = Selector::any(Family::V4);
    core.policy_add(software_policy(params)).expect("good");
    let mode = Mode::Transport;
    core.state_add(StateRequest::software(SaParams { mode, ..out(1) })).expect("good");
    let mut frame = udp(HERE, THERE, 32);
    let Ok(Output::Software { frame: sealed, .. }) = core.output("eth0", &skb(&frame), 0, 0) else { panic!("software") };
    assert_eq!(Headers::parse(&sealed).src, Headers::parse(&frame).src);
    assert_eq!(core.state_dump()[0].current.bytes, 40, "what follows the IP header");
    add_ipv4_option(&mut frame);
    assert_eq!(core.output("eth0", &skb(&frame), 0, 0).expect_err("options"), OutputError::Mode);
    assert_eq!(core.mib().get(Mib::OutStateModeError), 1);
}

#[test]
fn udp_over_ipv6_has_a_checksum_in_software() {
    let (mut core, _) = core();
    let (here, there) = ("2001:db8::1", "2001:db8::2");
    let encap = Some(Encap { kind: EncapKind::EspInUdp, sport: 4500, dport: 4500, oaddr: address("::") });
    let mut sa = SaParams { encap, saddr: address(here), mode: Mode::Transport, ..out(1) };
    sa.id.daddr = address(there);
    core.state_add(StateRequest::software(sa)).expect("good");
    let mut params = policy();
    params.selector = Selector::any(Family::V6);
    params.templates[0].mode = Mode::Transport;
    core.policy_add(software_policy(params)).expect("good");
    for payload in 0..64 {
        let Ok(Output::Software { frame, .. }) = core.output("eth0", &skb(&udp(here, there, payload)), 0, 0) else { panic!("software") };
        let packet = etherparse::PacketHeaders::from_ethernet_slice(&frame).expect("a packet");
        let (Some(etherparse::NetHeaders::Ipv6(ip, _)), Some(etherparse::TransportHeader::Udp(header))) = (packet.net, packet.transport)
        else {
            panic!("UDP over IPv6");
        };
        let right = header.calc_checksum_ipv6(&ip, packet.payload.slice()).expect("it fits");
        assert_eq!(header.checksum, right);
        assert_ne!(header.checksum, 0);
    }
}
