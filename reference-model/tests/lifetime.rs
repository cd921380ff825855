//! Lifetimes: exact, told once, in both directions.

mod common;

use common::{Association, Ip};
use espalier_reference_model::lifetime::{Lifetime, Limits};
use espalier_reference_model::nic::Nic;
use espalier_regs::Event;
use espalier_regs::notice::{Kind, Notice};
use proptest::prelude::*;

fn frame() -> Vec<u8> {
    Ip::udp(false, 1000, 2000, b"0123456789").frame(0)
}

/// Bytes of ESP payload of that frame: the IP packet; behind its header.
const TUNNEL: u64 = 20 + 8 + 10;
const TRANSPORT: u64 = 8 + 10;

fn limits(soft_packets: u64, hard_packets: u64, soft_bytes: u64, hard_bytes: u64) -> Limits {
    Limits { soft_packets, hard_packets, soft_bytes, hard_bytes }
}

/// The frame five times through a sender and an unlimited receiver: events and notices.
fn sent(association: &Association, limits: Limits) -> (Vec<Event>, Vec<Option<Kind>>) {
    let (mut sender, _) = association.nics();
    sender.tx_sas.get_mut(&7).expect("the SA").lifetime.set_limits(limits);
    (0..5).map(|_| sender.transmit(&frame(), false)).map(|outcome| (outcome.event, kind(&outcome.notices, true, 7))).unzip()
}

/// The same, with the limits at the receiver.
fn received(association: &Association, limits: Limits) -> (Vec<Event>, Vec<Option<Kind>>) {
    let (mut sender, mut receiver) = association.nics();
    receiver.rx_sas.get_mut(&association.sa_key()).expect("the SA").lifetime.set_limits(limits);
    let mut receive = || receiver.receive(&sender.transmit(&frame(), false).frame.expect("protected"), false);
    (0..5).map(|_| receive()).map(|outcome| (outcome.event, kind(&outcome.notices, false, 9))).unzip()
}

fn kind(notices: &[Notice], tx: bool, sa: u16) -> Option<Kind> {
    assert!(notices.len() <= 1);
    let notice = notices.first()?;
    assert_eq!((notice.tx, notice.sa), (tx, sa));
    notice.kind
}

/// So many packets pass of five, and these notices come with these packets.
#[track_caller]
fn expect(limits: Limits, association: &Association, pass: usize, notices: &[(usize, Kind)]) {
    let expected: Vec<_> = (0..5).map(|at| notices.iter().find(|(with, _)| *with == at).map(|(_, kind)| *kind)).collect();
    for (result, good, bad) in [
        (sent(association, limits), Event::TxProtected, Event::TxDropExpired),
        (received(association, limits), Event::RxDecrypted, Event::RxDropExpired),
    ] {
        let events: Vec<_> = (0..5).map(|at| if at < pass { good } else { bad }).collect();
        assert_eq!(result, (events, expected.clone()), "{limits:?}");
    }
}

#[test]
fn limits_are_exact_and_told_once() {
    use Kind::{LifetimeHard as Hard, LifetimeSoft as Soft};
    const INF: u64 = Limits::INF;
    for (association, bytes) in [(Association::tunnel(false), TUNNEL), (Association::transport(false), TRANSPORT)] {
        expect(limits(INF, INF, INF, INF), &association, 5, &[]);
        expect(limits(2, 4, INF, INF), &association, 4, &[(1, Soft), (3, Hard)]);
        // Told once, and hard is what is told of a packet that reaches both.
        expect(limits(1, INF, INF, INF), &association, 5, &[(0, Soft)]);
        expect(limits(3, 3, INF, INF), &association, 3, &[(2, Hard)]);
        // The packet that steps over a limit of bytes is the last.
        expect(limits(INF, INF, INF, 3 * bytes), &association, 3, &[(2, Hard)]);
        expect(limits(INF, INF, INF, 3 * bytes + 1), &association, 4, &[(3, Hard)]);
        expect(limits(INF, INF, INF, 3 * bytes - 1), &association, 3, &[(2, Hard)]);
        expect(limits(INF, INF, bytes + 1, INF), &association, 5, &[(1, Soft)]);
        expect(limits(INF, INF, bytes, 2 * bytes), &association, 2, &[(0, Soft), (1, Hard)]);
        // Packets and bytes together: the first that is reached.
        expect(limits(INF, 4, INF, 2 * bytes), &association, 2, &[(1, Hard)]);
        // 0: expired from the start, told with the first packet.
        expect(limits(INF, 0, INF, INF), &association, 0, &[(0, Hard)]);
        expect(limits(0, INF, INF, INF), &association, 5, &[(0, Soft)]);
    }
}

#[test]
fn new_limits_count_from_what_was_carried_and_are_told_anew() {
    let packets = |hard| limits(Limits::INF, hard, Limits::INF, Limits::INF);
    let mut life = Lifetime::default();
    assert_eq!((life.count(10), life.count(10)), (None, None));
    life.set_limits(packets(1));
    assert!(life.expired());
    assert_eq!((life.refuse(), life.refuse()), (Some(Kind::LifetimeHard), None));
    life.set_limits(packets(3));
    assert!(!life.expired());
    assert_eq!(life.count(1), Some(Kind::LifetimeHard));
    assert_eq!((life.packets, life.bytes), (3, 21));
}

#[test]
fn counts_go_beyond_32_bits() {
    let mut life = Lifetime::default();
    (life.packets, life.bytes) = (u64::from(u32::MAX), u64::from(u32::MAX) - 5);
    life.set_limits(limits(Limits::INF, (1 << 32) + 1, 1 << 32, Limits::INF));
    assert_eq!(life.count(6), Some(Kind::LifetimeSoft));
    assert_eq!(life.count(6), Some(Kind::LifetimeHard));
    assert_eq!((life.packets, life.bytes), ((1 << 32) + 1, (1 << 32) + 6));
}

/// What is dropped later or earlier is not counted: dummies, replays, damage.
#[test]
fn only_what_goes_on_is_counted() {
    let association = Association::transport(false);
    let (mut sender, mut receiver) = association.nics();
    let wire = sender.transmit(&frame(), false).frame.expect("protected");
    let dummy = Ip { protocol: 59, ..Ip::udp(false, 1, 2, b"") }.frame(0);
    let dummy = sender.transmit(&dummy, false).frame.expect("protected");
    let life = |receiver: &Nic| {
        let life = receiver.rx_sas[&association.sa_key()].lifetime;
        (life.packets, life.bytes)
    };
    assert_eq!(receiver.receive(&wire, true).event, Event::RxDropError);
    assert_eq!(life(&receiver), (0, 0));
    assert_eq!(receiver.receive(&wire, false).event, Event::RxDecrypted);
    assert_eq!(receiver.receive(&wire, false).event, Event::RxDropReplay);
    assert_eq!(receiver.receive(&dummy, false).event, Event::RxDummy);
    assert_eq!(life(&receiver), (1, TRANSPORT));
}

/// RFC 4303 section 3.3.3: the host is told with the packet that takes the last number.
#[test]
fn the_last_sequence_number_is_told_once() {
    for (esn, last) in [(false, u64::from(u32::MAX)), (true, u64::MAX)] {
        let (mut sender, _) = Association { esn, last_seq: last - 2, ..Association::transport(false) }.nics();
        let mut send = || sender.transmit(&frame(), false);
        assert_eq!(send().notices, []);
        assert_eq!(kind(&send().notices, true, 7), Some(Kind::SeqExhausted));
        let after = send();
        assert_eq!((after.event, after.notices), (Event::TxDropSeqOverflow, Vec::new()));
    }
    // Linux xfrm_output_one: the limits come first.
    let (mut sender, _) = Association { last_seq: u64::from(u32::MAX), ..Association::transport(false) }.nics();
    sender.tx_sas.get_mut(&7).expect("the SA").lifetime.set_limits(limits(Limits::INF, 0, Limits::INF, Limits::INF));
    assert_eq!(sender.transmit(&frame(), false).event, Event::TxDropExpired);
}

proptest! {
    /// As the rules say it of all packets at once: what passes is the longest beginning that starts below the limits.
    #[test]
    fn hard_limits_cut_at_the_first_packet_that_begins_at_one(sizes in prop::collection::vec(1..100usize, 0..30), packets in 0..40u64, bytes in 0..2000u64) {
        let mut life = Lifetime::new(limits(Limits::INF, packets, Limits::INF, bytes));
        let mut told = 0;
        for (at, size) in sizes.iter().enumerate() {
            let before: usize = sizes[..at].iter().sum();
            let expired = at as u64 >= packets || before as u64 >= bytes;
            prop_assert_eq!(life.expired(), expired);
            let notice = if expired { life.refuse() } else { life.count(*size) };
            told += usize::from(notice.is_some());
            prop_assert!(notice.is_none_or(|kind| kind == Kind::LifetimeHard));
        }
        prop_assert_eq!(told, usize::from(life.expired() && !sizes.is_empty()));
    }
}
