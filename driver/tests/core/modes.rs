//! Crypto mode against software: the same on the wire, and the same for the host.

use espalier_driver::Key;
use espalier_driver::core::{Output, StateRequest};
use espalier_driver::ops::{CryptoStatus, RxOffload};
use espalier_driver::sa::{Encap, EncapKind, ReplayState, SaFlags, SaParams};
use espalier_driver::xfrm::info::StateInfo;
use espalier_driver::xfrm::{Direction, Family, Mode, Selector};
use espalier_reference_model::esp::{SealedPacket, decrypt_in_place, encrypt_in_place};
use espalier_reference_model::replay::ReplayWindow;
use espalier_reference_model::rfc4106::{IcvLength, Rfc4106};
use espalier_reference_model::sa::{RxSa, TxSa};
use proptest::prelude::*;

use crate::fixtures::{HERE, THERE, address, core, inbound, on_device, out, policy, policy_in, skb, software_policy, udp};
use crate::receive::Peer;

/// A packet on the wire: which of those that were sent, and whether it was damaged on its way.
fn arrivals() -> impl Strategy<Value = Vec<(usize, bool)>> {
    prop::collection::vec((0..40_usize, prop::bool::weighted(0.1)), 1..80)
}

proptest! {
    /// What a device in crypto mode makes of what the core gives it is what software makes at once.
    #[test]
    fn crypto_mode_and_software_send_the_same(
        payload in 0..1300_usize, esn: bool, udp_encap: bool, transport: bool, oseq in 0..u64::MAX / 2, icv in prop::sample::select(vec![64, 96, 128]),
    ) {
        let mode = if transport { Mode::Transport } else { Mode::Tunnel };
        let oseq = if esn { oseq } else { oseq & 0x7FFF_FFFF };
        let replay = ReplayState { oseq: oseq as u32, oseq_hi: (oseq >> 32) as u32, ..ReplayState::default() };
        let encap = Encap { kind: EncapKind::EspInUdp, sport: 4500, dport: 4501, oaddr: address("0.0.0.0") };
        let mut params = SaParams {
            mode,
            replay,
            dir: Some(Direction::Out),
            flags: SaFlags { esn, ..SaFlags::default() },
            encap: udp_encap.then_some(encap),
            ..out(0x1001)
        };
        params.aead.as_mut().expect("an aead").icv_bits = icv;
        let mut selected = policy();
        selected.templates[0].mode = mode;
        selected.selector = Selector::any(Family::V4);
        let frame = udp(HERE, THERE, payload);
        let send = |request| {
            let (mut core, _) = core();
            core.policy_add(software_policy(selected.clone())).expect("good");
            core.state_add(request).expect("good");
            core.output("eth0", &skb(&frame), 0, 0).expect("good")
        };
        let Output::Software { frame: software, .. } = send(StateRequest::software(params.clone())) else { panic!("software") };
        let Output::Crypto { frame: prepared, .. } = send(on_device(params)) else { panic!("crypto") };
        let icv_length = IcvLength::try_from(icv as usize / 8).expect("one of RFC 4106");
        let cipher = Rfc4106::new(Key::new((0..20).collect()).expose(), icv_length).expect("a key");
        let sa = TxSa { esn, ..TxSa::new(0x1001, cipher) };
        let (sealed, _) = encrypt_in_place(&prepared, &sa).expect("a device takes it");
        prop_assert_eq!(sealed, software);
    }

    /// With a device in crypto mode everything comes out as in software: packets, refusals, windows, counts. Only of a packet
    /// that is damaged and replayed at once the device says the one, and software the other.
    #[test]
    fn crypto_mode_and_software_receive_the_same(
        arrivals in arrivals(), esn: bool, from in prop::sample::select(vec![0, u64::from(u32::MAX) - 20, (3 << 32) - 30]), window in 1..80_u32,
    ) {
        let from = if esn { from } else { from & 0x7FFF_FFFF };
        let replay = ReplayState { seq: from as u32, seq_hi: (from >> 32) as u32, ..ReplayState::default() };
        let params = SaParams { flags: SaFlags { esn, ..SaFlags::default() }, replay, replay_window: window, ..inbound(9) };
        let (mut software, _) = core();
        let (mut crypto, mock) = core();
        let mut ids = Vec::new();
        for (core, request) in [(&mut software, StateRequest::software(params.clone())), (&mut crypto, on_device(params))] {
            core.policy_add(software_policy(policy_in())).expect("good");
            ids.push(core.state_add(request).expect("good").id);
        }
        let cipher = || Rfc4106::new(&(0..20).collect::<Vec<u8>>(), IcvLength::Sixteen).expect("a key");
        let mut peer = Peer::new(9, esn, from);
        let sent: Vec<Vec<u8>> = (0..40).map(|_| peer.send()).collect();
        for (which, damaged) in arrivals {
            let mut frame = sent[which].clone();
            let last = frame.len() - 1;
            frame[last] ^= u8::from(damaged);
            // What an engine does with it: the high half from the highest number so far.
            let x = crypto.state(ids[1]).expect("there");
            let top = u64::from(x.replay.seq_hi) << 32 | u64::from(x.replay.seq);
            let window = ReplayWindow::starting_at(window, esn, top).expect("a window");
            let sealed = SealedPacket::new(&frame, &cipher()).expect("ESP");
            let seq = window.infer(sealed.esp().seq);
            let sa = RxSa { tunnel: true, ..RxSa::new(0, cipher(), window) };
            let (given, status) = match decrypt_in_place(&sealed, &sa, seq) {
                Ok((plain, _)) => (plain, CryptoStatus::Success),
                Err(_) => (sealed.front().to_vec(), CryptoStatus::TunnelEspAuthFailed),
            };
            let by_device = crypto.input("eth0", &given, Some(RxOffload::Crypto(mock.last_handle(), status)), 0);
            let by_software = software.input("eth0", &frame, None, 0);
            if damaged {
                prop_assert!(by_device.is_err() && by_software.is_err());
            } else if status == CryptoStatus::Success {
                prop_assert_eq!(by_device.map(|input| input.frame), by_software.map(|input| input.frame));
            } else {
                // Left of the window, or the high half was inferred wrong for that: no number that is accepted.
                prop_assert!(by_device.is_err() && by_software.is_err());
            }
            let (one, other) = (software.state_dump().remove(0), crypto.state_dump().remove(0));
            let counts = |info: &StateInfo| (info.current.packets, info.current.bytes, info.replay.clone());
            prop_assert_eq!(counts(&one), counts(&other));
        }
    }
}
