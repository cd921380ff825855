//! Crypto offload: the stack's packets, encrypted and decrypted where they stand.

mod common;

use common::{Association, Ip, associations, ips, mend_checksum};
use espalier_reference_model::esp::{encapsulate, prepare};
use espalier_reference_model::headers::Headers;
use espalier_reference_model::nic::{Nic, Offload};
use espalier_reference_model::sa::{RxSa, TxSa};
use espalier_regs::Event;
use espalier_regs::tuser;
use proptest::prelude::*;

/// A NIC that does crypto offload for both ends, and the packet that the stack would have built: in clear, with zeroes for
/// the ICV.
fn crypto(association: &Association) -> Nic {
    let mut nic = association.receiver();
    nic.tx_sas.insert(7, TxSa { crypto: true, ..association.tx_sa() });
    nic.rx_sas.insert(association.sa_key(), RxSa { crypto: true, ..association.rx_sa() });
    nic
}

fn built_by_stack(association: &Association, frame: &[u8], seq: u64) -> (Vec<u8>, Vec<u8>) {
    let sealed = encapsulate(frame, &association.tx_sa(), seq).expect("protected");
    let esp = Headers::parse(&sealed).esp.expect("esp");
    let mut clear = sealed.clone();
    let (body, icv) = (esp.offset + 16, sealed.len() - association.icv.bytes());
    let cipher = association.cipher();
    let header = espalier_reference_model::rfc4106::Header { spi: esp.spi, seq, esn: association.esn };
    let plain = cipher.open(&header, &seq.to_be_bytes(), &sealed[body..]).expect("authentic");
    clear[body..icv].copy_from_slice(&plain);
    clear[icv..].fill(0);
    assert_eq!(prepare(frame, &association.tx_sa(), seq).as_deref(), Ok(&clear[..]), "the same without encryption");
    clear[icv..].fill(0xEE);
    (clear, sealed)
}

proptest! {
    /// What software makes of a packet at once, the engine makes of what the stack built; and back.
    #[test]
    fn in_place_is_as_in_software(mut association in associations(), ip in ips(), seq in 1..u64::MAX, padding in 0..30usize) {
        association.v6 = ip.v6;
        let seq = if association.esn { association.last_seq.saturating_add(1 + seq % 1000) } else { seq & 0x7FFF_FFFF | 1 };
        let (clear, sealed) = built_by_stack(&association, &ip.frame(1), seq);
        let mut nic = crypto(&association);
        let padded = [&clear[..], &vec![7; padding]].concat();
        let sent = nic.transmit_as(&padded, Offload::Crypto(7), false);
        prop_assert_eq!(sent.event, Event::TxCrypto);
        prop_assert_eq!(sent.frame.as_ref(), Some(&sealed));
        prop_assert_eq!(sent.tx_status(), u32::from(Event::TxCrypto.index()) | 7 << 8);
        let got = nic.receive(&[&sealed[..], &vec![7; padding]].concat(), false);
        prop_assert_eq!(got.event, Event::RxCrypto);
        prop_assert_eq!(got.frame.as_deref(), Some(&clear[..clear.len() - association.icv.bytes()]));
        prop_assert_eq!(got.rx_user(), 1 | 9 << 8 | 3 << 18);
        // The stack's affair: replays are given to it as well.
        prop_assert_eq!(nic.receive(&sealed, false).event, Event::RxCrypto);
        let sa = &nic.rx_sas[&association.sa_key()];
        let payload = Headers::parse(&sealed).esp.expect("esp").length - 16 - association.icv.bytes();
        prop_assert_eq!((sa.lifetime.packets, sa.lifetime.bytes), (2, 2 * payload as u64));
        prop_assert_eq!(sa.failures, Default::default());
        prop_assert_eq!((nic.tx_sas[&7].last_seq, nic.tx_sas[&7].lifetime.bytes), (association.last_seq, payload as u64));
    }
}

#[test]
fn a_wrong_icv_gives_the_headers_and_says_so() {
    for (association, status) in [
        (Association::transport(false), tuser::crypto_status::TRANSPORT_ESP_AUTH_FAILED),
        (Association::tunnel(true), tuser::crypto_status::TUNNEL_ESP_AUTH_FAILED),
    ] {
        let (_, mut sealed) = built_by_stack(&association, &Ip::udp(false, 1, 2, b"0123").frame(0), 1);
        let last = sealed.len() - 1;
        sealed[last] ^= 1;
        let esp = Headers::parse(&sealed).esp.expect("esp");
        let mut nic = crypto(&association);
        let got = nic.receive(&sealed, false);
        assert_eq!(got.event, Event::RxCryptoFailed);
        assert_eq!(got.frame.as_deref(), Some(&sealed[..esp.offset + 16]));
        assert_eq!(got.rx_user(), status | 9 << 8 | 3 << 18);
        let sa = &nic.rx_sas[&association.sa_key()];
        assert_eq!((sa.lifetime.packets, sa.failures), (0, Default::default()), "the stack counts");
        assert_eq!(sa.replay.top(), 0);
        assert_eq!(nic.receive(&sealed, true).event, Event::RxDropError);
        assert_eq!(nic.receive(&sealed[..last], false).event, Event::RxDropError);
    }
}

/// Hardware tracks the high half: packets around 2^32 open in any order.
#[test]
fn the_high_half_follows_the_packets() {
    let association = Association { esn: true, last_seq: 0xFFFF_FFF0, ..Association::transport(true) };
    let mut nic = crypto(&association);
    for seq in [0xFFFF_FFFE, 0x1_0000_0001, 0xFFFF_FFFF, 0x1_0000_0000, 0x1_0000_0030, 0x1_0000_0002] {
        let (_, sealed) = built_by_stack(&association, &Ip::udp(true, 1, 2, b"x").frame(0), seq);
        assert_eq!(nic.receive(&sealed, false).event, Event::RxCrypto, "{seq:#x}");
    }
}

#[test]
fn tx_refuses_by_cause() {
    let association = Association::transport(false);
    let (clear, _) = built_by_stack(&association, &Ip::udp(false, 1, 2, b"0123").frame(0), 5);
    let mut nic = crypto(&association);
    let mut send = |frame: &[u8], sa: u16| nic.transmit_as(frame, Offload::Crypto(sa), false).event;
    let bent = |at: usize| {
        let mut frame = clear.clone();
        frame[at] ^= 1;
        frame
    };
    assert_eq!(send(&clear, 7), Event::TxCrypto);
    assert_eq!(send(&clear, 8), Event::TxDropNoSa);
    assert_eq!(send(&bent(34), 7), Event::TxDropNoSa, "another SPI");
    assert_eq!(send(&bent(41), 7), Event::TxDropMalformed, "another sequence number than the IV");
    assert_eq!(send(&bent(49), 7), Event::TxDropMalformed, "another IV");
    assert_eq!(send(&bent(42), 7), Event::TxCrypto, "the high half of the IV is free");
    assert_eq!(send(&Ip::udp(false, 1, 2, b"x").frame(0), 7), Event::TxDropUnsupported, "no ESP");
    assert_eq!(send(&[&common::l2(0, false)[..12], &[8, 6], &[0; 40]].concat(), 7), Event::TxDropUnsupported, "no IP");
    assert_eq!(send(&clear[..clear.len() - 1], 7), Event::TxDropMalformed);
    // Two bytes less, and the IP header says so too.
    let mut short = clear[..clear.len() - 2].to_vec();
    short[17] -= 2;
    mend_checksum(&mut short, 14);
    assert_eq!(send(&short, 7), Event::TxDropMalformed);
    assert_eq!(nic.transmit_as(&clear, Offload::Crypto(7), true).event, Event::TxDropError);
    // A policy's SA is of packet offload, a marked frame's of crypto offload.
    let (mut sender, _) = association.nics();
    assert_eq!(sender.transmit_as(&clear, Offload::Crypto(7), false).event, Event::TxDropNoSa);
    sender.tx_sas.insert(7, TxSa { crypto: true, ..association.tx_sa() });
    assert_eq!(sender.transmit(&Ip::udp(false, 1, 2, b"x").frame(0), false).event, Event::TxDropNoSa);
}
