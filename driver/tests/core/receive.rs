//! Packets on their way in.

use espalier_driver::core::{AllocSpi, Input, InputError, Output, PolicyRequest, StateRequest, XfrmCore};
use espalier_driver::ops::{CryptoStatus, Mib, OffloadHandle, RxOffload};
use espalier_driver::policy::Action;
use espalier_driver::sa::{ReplayState, SaFlags, SaParams};
use espalier_driver::xfrm::info::Replay;
use espalier_driver::xfrm::{Limits, PolicyDirection, Selector};
use espalier_reference_model::headers::Headers;
use espalier_reference_model::replay::Refusal;

use crate::fixtures::{
    HERE, NO_MARK, THERE, address, core, id, inbound, mend_checksum, names, on_device, out, packet, policy_in, prefix, reply, skb,
    software_policy, udp,
};
use crate::mock::{Call, Mock};

/// What the other end sends: a core that protects what goes from 10.2.0.0/16 to 10.1.0.0/16.
pub struct Peer(XfrmCore<Mock>);

impl Peer {
    pub fn new(spi: u32, esn: bool, oseq: u64) -> Self {
        let (mut core, _) = core();
        let mut policy = policy_in();
        policy.direction = PolicyDirection::Out;
        core.policy_add(software_policy(policy)).expect("good");
        let replay = ReplayState { oseq: oseq as u32, oseq_hi: (oseq >> 32) as u32, ..ReplayState::default() };
        let mut sa = SaParams { replay, flags: SaFlags { esn, ..SaFlags::default() }, ..out(spi) };
        (sa.id.daddr, sa.saddr, sa.dir) = (address(HERE), address(THERE), Some(espalier_driver::xfrm::Direction::Out));
        core.state_add(StateRequest::offloaded(sa, "eth0")).expect("good");
        Self(core)
    }

    /// Sealed.
    pub fn send(&mut self) -> Vec<u8> {
        match self.0.output("elsewhere", &skb(&reply(100)), 0, 0) {
            Ok(Output::Software { frame, .. }) => frame,
            other => panic!("{other:?}"),
        }
    }

    /// As a device in crypto mode gives it up: in plain, the ICV cut off.
    fn decrypted(&mut self) -> Vec<u8> {
        match self.0.output("eth0", &skb(&reply(100)), 0, 0) {
            Ok(Output::Crypto { mut frame, .. }) => {
                frame.truncate(frame.len() - 16);
                frame
            }
            other => panic!("{other:?}"),
        }
    }
}

fn dropped(result: Result<Input, InputError>) -> InputError {
    result.expect_err("dropped")
}

#[test]
fn software_esp_comes_in_once() {
    let (mut core, _) = core();
    core.policy_add(software_policy(policy_in())).expect("good");
    let sa = core.state_add(StateRequest::software(inbound(9))).expect("good").id;
    let mut peer = Peer::new(9, false, 0);
    let frame = peer.send();
    let input = core.input("eth0", &frame, None, 0).expect("good");
    assert_eq!(input, Input { frame: Some(reply(100)), sa: Some(sa), direction: PolicyDirection::In });
    assert_eq!(dropped(core.input("eth0", &frame, None, 0)), InputError::Replay(Refusal::Duplicate));
    let mut bad = peer.send();
    *bad.last_mut().expect("an ICV") ^= 1;
    assert_eq!(dropped(core.input("eth0", &bad, None, 0)), InputError::Dropped(Mib::InStateProtoError));
    for _ in 0..70 {
        core.input("eth0", &peer.send(), None, 0).expect("good");
    }
    *bad.last_mut().expect("an ICV") ^= 1;
    assert_eq!(dropped(core.input("eth0", &bad, None, 0)), InputError::Replay(Refusal::LeftOfWindow));

    let info = core.state_get(&id(HERE, 9), NO_MARK).expect("there");
    assert_eq!((info.stats.replay, info.stats.replay_window, info.stats.integrity_failed), (1, 1, 1));
    assert_eq!((info.current.packets, info.current.bytes), (71, 71 * 128));
    let mib = core.mib();
    assert_eq!((mib.get(Mib::InStateSeqError), mib.get(Mib::InStateProtoError)), (2, 1));
    let Replay::Esn { state, replay_window, bitmap } = info.replay else { panic!("a window of 64") };
    // 1 and 3 to 72 were seen; 9 to 72 are in the window, 72 at bit 71 % 64.
    assert_eq!((state.seq, replay_window, bitmap), (72, 64, vec![u32::MAX; 2]));
}

#[test]
fn a_window_of_up_to_32_is_dumped_as_the_kernel_s_legacy_bitmap() {
    let (mut core, _) = core();
    core.policy_add(software_policy(policy_in())).expect("good");
    core.state_add(StateRequest::software(SaParams { replay_window: 32, ..inbound(9) })).expect("good");
    let mut peer = Peer::new(9, false, 0);
    let frames: Vec<Vec<u8>> = (1..=4).map(|_| peer.send()).collect();
    for at in [1, 3, 0] {
        core.input("eth0", &frames[at], None, 0).expect("good");
    }
    let info = core.state_get(&id(HERE, 9), NO_MARK).expect("there");
    assert_eq!(info.replay_window, 32);
    assert_eq!(info.replay, Replay::Legacy { oseq: 0, seq: 4, bitmap: 0b1101 }, "4, 2 and 1");
}

#[test]
fn what_a_device_left_undone_in_crypto_mode_is_done_in_software() {
    let (mut core, _) = core();
    core.policy_add(software_policy(policy_in())).expect("good");
    let sa = core.state_add(on_device(inbound(9))).expect("good").id;
    let input = core.input("eth0", &Peer::new(9, false, 0).send(), None, 0).expect("good");
    assert_eq!((input.frame, core.fallbacks(sa)), (Some(reply(100)), Some(1)));
}

#[test]
fn crypto_done_strips_the_headers_and_checks_the_numbers() {
    for esn in [false, true] {
        let (mut core, mock) = core();
        core.policy_add(software_policy(policy_in())).expect("good");
        let first = if esn { u64::from(u32::MAX) - 1 } else { 0 };
        let replay = ReplayState { seq: first as u32, seq_hi: (first >> 32) as u32, ..ReplayState::default() };
        let sa = SaParams { flags: SaFlags { esn, ..SaFlags::default() }, replay, ..inbound(9) };
        let sa = core.state_add(on_device(sa)).expect("good").id;
        let done = Some(RxOffload::Crypto(mock.last_handle(), CryptoStatus::Success));
        let mut peer = Peer::new(9, esn, first);
        mock.calls();
        for count in 1..=3 {
            let frame = peer.decrypted();
            let input = core.input("eth0", &frame, done, 0).expect("good");
            assert_eq!(input, Input { frame: Some(reply(100)), sa: Some(sa), direction: PolicyDirection::In });
            let advanced = Call::AdvanceEsn { seq: first + count, oseq: 0 };
            let expected: &[Call] = if esn { &[advanced] } else { &[] };
            assert_eq!(mock.calls(), expected, "for every accepted packet with ESN and a window");
            assert_eq!(dropped(core.input("eth0", &frame, done, 0)), InputError::Replay(Refusal::Duplicate));
            assert_eq!(mock.calls(), [], "and for no other");
        }
        let info = core.state_get(&id(HERE, 9), NO_MARK).expect("there");
        assert_eq!((info.current.packets, info.current.bytes, info.stats.replay), (3, 3 * 128, 3));
    }
}

#[test]
fn every_status_of_the_device_has_its_reaction() {
    let rows = [
        (CryptoStatus::TransportAhAuthFailed, Mib::InStateProtoError, 1),
        (CryptoStatus::TransportEspAuthFailed, Mib::InStateProtoError, 1),
        (CryptoStatus::TunnelAhAuthFailed, Mib::InStateProtoError, 1),
        (CryptoStatus::TunnelEspAuthFailed, Mib::InStateProtoError, 1),
        (CryptoStatus::InvalidProtocol, Mib::InStateProtoError, 0),
        (CryptoStatus::GenericError, Mib::InBufferError, 0),
        (CryptoStatus::InvalidPacketSyntax, Mib::InBufferError, 0),
    ];
    for (status, mib, integrity) in rows {
        assert_eq!(CryptoStatus::from_raw(status as u8), Some(status));
        let (mut core, mock) = core();
        let sa = core.state_add(on_device(inbound(9))).expect("good").id;
        // The headers alone, to the IV.
        let mut frame = Peer::new(9, false, 0).decrypted();
        frame.truncate(14 + 20 + 16);
        let result = core.input("eth0", &frame, Some(RxOffload::Crypto(mock.last_handle(), status)), 0);
        assert_eq!(dropped(result), InputError::Dropped(mib), "{status:?}");
        assert_eq!(core.mib().get(mib), 1);
        let x = core.state(sa).expect("there");
        assert_eq!((x.stats.integrity_failed, x.replay.seq, x.curlft.packets), (integrity, 0, 0), "{status:?}");
    }
}

#[test]
fn a_device_s_word_counts_only_for_an_sa_in_force() {
    let (mut core, mock) = core();
    core.policy_add(software_policy(policy_in())).expect("good");
    core.state_add(on_device(inbound(9))).expect("good");
    let handle = mock.last_handle();
    let frame = Peer::new(9, false, 0).decrypted();
    let unknown = OffloadHandle::new(99).expect("not 0");
    let result = core.input("eth0", &frame, Some(RxOffload::Crypto(unknown, CryptoStatus::Success)), 0);
    assert_eq!(dropped(result), InputError::Dropped(Mib::InNoStates));
    let other = Peer::new(10, false, 0).decrypted();
    let result = core.input("eth0", &other, Some(RxOffload::Crypto(handle, CryptoStatus::Success)), 0);
    assert_eq!(dropped(result), InputError::Dropped(Mib::InHdrError), "another SPI");
    let held = core.state_lookup(&id(HERE, 9), 0).expect("there");
    core.state_delete(&id(HERE, 9), NO_MARK).expect("there");
    for offload in [RxOffload::Crypto(handle, CryptoStatus::Success), RxOffload::Packet(handle)] {
        let result = core.input("eth0", &frame, Some(offload), 0);
        assert_eq!(dropped(result), InputError::Dropped(Mib::InStateInvalid), "deleted, still held");
    }
    drop(held);
}

#[test]
fn a_bad_trailer_does_not_move_the_window() {
    let (mut core, mock) = core();
    let sa = core.state_add(on_device(inbound(9))).expect("good").id;
    let mut frame = Peer::new(9, false, 0).decrypted();
    let pad = frame.len() - 2;
    frame[pad] = 255;
    let result = core.input("eth0", &frame, Some(RxOffload::Crypto(mock.last_handle(), CryptoStatus::Success)), 0);
    assert_eq!(dropped(result), InputError::Dropped(Mib::InHdrError));
    assert_eq!(core.state(sa).expect("there").replay.seq, 0);
}

#[test]
fn dummies_use_their_number_and_are_not_counted() {
    let (mut core, mock) = core();
    let sa = core.state_add(on_device(inbound(9))).expect("good").id;
    let mut frame = Peer::new(9, false, 0).decrypted();
    *frame.last_mut().expect("a next header") = 59;
    let done = Some(RxOffload::Crypto(mock.last_handle(), CryptoStatus::Success));
    assert_eq!(dropped(core.input("eth0", &frame, done, 0)), InputError::Dummy);
    let x = core.state(sa).expect("there");
    assert_eq!((x.replay.seq, x.curlft.packets), (1, 0));
    assert!(core.mib().iter().all(|(_, count)| count == 0));
    *frame.last_mut().expect("a next header") = 41;
    frame[14 + 20 + 7] = 2;
    assert_eq!(dropped(core.input("eth0", &frame, done, 0)), InputError::Dropped(Mib::InStateModeError), "IPv4 said to be IPv6");
}

#[test]
fn encapsulation_must_be_the_sa_s() {
    let (mut core, _) = core();
    let kind = espalier_driver::sa::EncapKind::EspInUdp;
    let encap = Some(espalier_driver::sa::Encap { kind, sport: 4500, dport: 4500, oaddr: address("0.0.0.0") });
    core.state_add(StateRequest::software(SaParams { encap, ..inbound(9) })).expect("good");
    let frame = Peer::new(9, false, 0).send();
    assert_eq!(dropped(core.input("eth0", &frame, None, 0)), InputError::Dropped(Mib::InStateMismatch));
}

#[test]
fn what_no_sa_knows_is_dropped_and_other_traffic_is_not() {
    let (mut core, _) = core();
    let frame = Peer::new(9, false, 0).send();
    assert_eq!(dropped(core.input("eth0", &frame, None, 0)), InputError::Dropped(Mib::InNoStates));
    let out_only = SaParams { dir: Some(espalier_driver::xfrm::Direction::Out), replay_window: 0, ..inbound(9) };
    core.state_add(StateRequest::software(out_only)).expect("good");
    assert_eq!(dropped(core.input("eth0", &frame, None, 0)), InputError::Dropped(Mib::InNoStates), "an output SA");
    let plain = Input { frame: None, sa: None, direction: PolicyDirection::In };
    assert_eq!(core.input("eth0", &reply(1), None, 0), Ok(plain.clone()));
    let arp = [&[0xff; 12][..], &[8, 6], &[0; 28]].concat();
    assert_eq!(core.input("eth0", &arp, None, 0), Ok(plain));
    core.set_local_addresses([address("198.51.100.1")]);
    assert_eq!(core.input("eth0", &frame, None, 0).expect("for another host").direction, PolicyDirection::Fwd);
}

#[test]
fn a_packet_that_is_earlier_than_the_keys_is_dropped() {
    let (mut core, _) = core();
    let SaParams { id, saddr, mode, reqid, mark, .. } = inbound(0);
    let request = AllocSpi { id, saddr, mode, reqid, mark, if_id: 0, km_seq: 0, dir: None, range: 9..=9 };
    core.state_alloc_spi(request).expect("free");
    let frame = Peer::new(9, false, 0).send();
    assert_eq!(dropped(core.input("eth0", &frame, None, 0)), InputError::Dropped(Mib::AcquireError));
}

#[test]
fn policies_say_what_may_come_in() {
    let (mut core, _) = core();
    core.state_add(StateRequest::software(inbound(9))).expect("good");
    let mut peer = Peer::new(9, false, 0);
    assert_eq!(dropped(core.input("eth0", &peer.send(), None, 0)), InputError::Dropped(Mib::InNoPols), "out of a tunnel");
    core.policy_add(software_policy(policy_in())).expect("good");
    core.input("eth0", &peer.send(), None, 0).expect("as required");
    assert_eq!(dropped(core.input("eth0", &reply(1), None, 0)), InputError::Dropped(Mib::InTmplMismatch), "in plain");
    let mut other = policy_in();
    other.templates[0].reqid = 8;
    core.policy_update(software_policy(other)).expect("good");
    assert_eq!(dropped(core.input("eth0", &peer.send(), None, 0)), InputError::Dropped(Mib::InTmplMismatch), "another SA");
    let mut bypass = policy_in();
    bypass.templates.clear();
    core.policy_update(software_policy(bypass)).expect("good");
    core.input("eth0", &reply(1), None, 0).expect("in plain");
    assert_eq!(dropped(core.input("eth0", &peer.send(), None, 0)), InputError::Dropped(Mib::InTmplMismatch), "a tunnel too many");
    let mut block = policy_in();
    (block.templates, block.action) = (Vec::new(), Action::Block);
    core.policy_update(software_policy(block)).expect("good");
    assert_eq!(dropped(core.input("eth0", &peer.send(), None, 0)), InputError::Dropped(Mib::InPolBlock));
    assert_eq!(core.mib().get(Mib::InTmplMismatch), 3);
}

#[test]
fn an_sa_of_an_xfrm_interface_meets_the_policies_of_that_interface() {
    let (mut core, _) = core();
    core.state_add(StateRequest::software(SaParams { if_id: 4, ..inbound(9) })).expect("good");
    core.policy_add(software_policy(policy_in())).expect("good");
    let mut peer = Peer::new(9, false, 0);
    assert_eq!(dropped(core.input("eth0", &peer.send(), None, 0)), InputError::Dropped(Mib::InNoPols));
    core.policy_add(software_policy(espalier_driver::PolicyParams { if_id: 4, ..policy_in() })).expect("good");
    core.input("eth0", &peer.send(), None, 0).expect("its own policy");
}

#[test]
fn forwarded_packets_have_policies_of_their_own() {
    let (mut core, _) = core();
    core.set_local_addresses([address(HERE)]);
    core.state_add(StateRequest::software(inbound(9))).expect("good");
    core.policy_add(software_policy(policy_in())).expect("good");
    let mut peer = Peer::new(9, false, 0);
    assert_eq!(dropped(core.input("eth0", &peer.send(), None, 0)), InputError::Dropped(Mib::InNoPols), "dir in is not dir fwd");
    let mut forward = policy_in();
    forward.direction = PolicyDirection::Fwd;
    core.policy_add(software_policy(forward)).expect("good");
    assert_eq!(core.input("eth0", &peer.send(), None, 0).expect("forwarded").direction, PolicyDirection::Fwd);
}

#[test]
fn what_came_out_must_be_of_the_sa_s_selector() {
    let (mut core, _) = core();
    let selector = Some(Selector::between(prefix("10.2.0.0/16"), prefix("10.9.0.0/16")));
    core.state_add(StateRequest::software(SaParams { selector, ..inbound(9) })).expect("good");
    core.policy_add(software_policy(policy_in())).expect("good");
    let frame = Peer::new(9, false, 0).send();
    assert_eq!(dropped(core.input("eth0", &frame, None, 0)), InputError::Dropped(Mib::InStateMismatch));
}

#[test]
fn the_packet_past_a_hard_limit_is_dropped_and_the_sa_is_gone() {
    let (mut core, mock) = core();
    core.policy_add(software_policy(policy_in())).expect("good");
    let limits = Limits { soft_packets: 1, hard_packets: 2, ..Limits::NONE };
    core.state_add(on_device(SaParams { limits, ..inbound(9) })).expect("good");
    let done = Some(RxOffload::Crypto(mock.last_handle(), CryptoStatus::Success));
    names(&mut core);
    let mut peer = Peer::new(9, false, 0);
    core.input("eth0", &peer.decrypted(), done, 0).expect("1");
    core.input("eth0", &peer.decrypted(), done, 0).expect("2");
    assert_eq!(dropped(core.input("eth0", &peer.decrypted(), done, 0)), InputError::Dropped(Mib::InStateExpired));
    assert_eq!(names(&mut core), ["soft", "hard"]);
    assert_eq!(core.sad_info().count, 0);
    assert_eq!(dropped(core.input("eth0", &peer.decrypted(), done, 0)), InputError::Dropped(Mib::InNoStates));
}

#[test]
fn what_a_device_in_packet_mode_hands_up_is_let_in() {
    let (mut core, mock) = core();
    core.policy_add(PolicyRequest::offloaded(policy_in(), "eth0")).expect("good");
    let sa = core.state_add(on_device(packet(inbound(9)))).expect("good").id;
    let input = core.input("eth0", &reply(10), Some(RxOffload::Packet(mock.last_handle())), 0).expect("checked already");
    assert_eq!(input, Input { frame: None, sa: Some(sa), direction: PolicyDirection::In });
    // ESP that it did not do has no software in its place.
    let frame = Peer::new(9, false, 0).send();
    assert_eq!(dropped(core.input("eth0", &frame, None, 0)), InputError::Dropped(Mib::InStateProtoError));
    mock.with(|books| books.mib = vec![(Mib::InStateSeqError, 5), (Mib::InPolBlock, 2)]);
    assert_eq!((core.mib().get(Mib::InStateSeqError), core.mib().get(Mib::InPolBlock)), (5, 2));
    assert_eq!(core.mib().get(Mib::InStateSeqError), 5, "counted once");
}

#[test]
fn ports_and_icmp_types_are_selected_by() {
    let (mut core, _) = core();
    let mut web = policy_in();
    web.selector = Selector { proto: 17, dport: espalier_driver::xfrm::PortMatch::exactly(2000), ..web.selector };
    (web.templates, web.action) = (Vec::new(), Action::Block);
    core.policy_add(software_policy(web)).expect("good");
    assert_eq!(dropped(core.input("eth0", &reply(4), None, 0)), InputError::Dropped(Mib::InPolBlock));
    let mut other = reply(4);
    other[14 + 20 + 3] ^= 1;
    core.input("eth0", &other, None, 0).expect("another port");
    // A later fragment has no ports.
    let mut fragment = udp("10.2.0.1", "10.1.0.1", 4);
    fragment[21] = 1;
    mend_checksum(&mut fragment);
    assert!(Headers::parse(&fragment).is_fragment && !Headers::parse(&fragment).malformed);
    core.input("eth0", &fragment, None, 0).expect("no ports");
}
