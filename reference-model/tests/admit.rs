//! What received packets must satisfy: SA selectors, inbound policies, direction.

mod common;

use std::net::IpAddr;

use common::{Association, Ip, inside};
use espalier_reference_model::nic::{Nic, Outcome};
use espalier_reference_model::policy::{Policy, PortMatch, Prefix, Requirement, Selector};
use espalier_regs::Event;

fn udp(v6: bool) -> Vec<u8> {
    Ip::udp(v6, 1000, 2000, b"0123456789").frame(0)
}

fn nic(local: &[IpAddr]) -> Nic {
    let mut nic = Nic::default();
    nic.local.extend(local);
    nic
}

/// How the packet came.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Came {
    Plain,
    Transport,
    Tunnel,
}

/// Receives one packet under the policies of `set`; `accepts`: the SA fits the template of each.
fn receive(came: Came, set: &[(Requirement, bool)], local: &[IpAddr], accepts: bool) -> Event {
    let association = if came == Came::Tunnel { Association::tunnel(false) } else { Association::transport(false) };
    let (mut sender, _) = association.nics();
    let mut nic = nic(local);
    let mut sa = association.rx_sa();
    for (priority, (action, forward)) in (0..).zip(set) {
        let selector = Selector::ALL[0];
        let id = nic.rx_policies.insert(Policy { selector, forward: *forward, priority, action: *action });
        if accepts {
            sa.accepts.insert(id);
        }
    }
    nic.rx_sas.insert(association.sa_key(), sa);
    let frame = if came == Came::Plain { udp(false) } else { sender.transmit(&udp(false), false).frame.expect("protected") };
    let Outcome { event, frame, .. } = nic.receive(&frame, false);
    assert_eq!(frame.is_some(), matches!(event, Event::RxBypassed | Event::RxDecrypted));
    event
}

/// The table of Linux' __xfrm_policy_check, row by row.
#[test]
fn inbound_policies_judge_as_xfrm_policy_check() {
    use Came::{Plain, Transport, Tunnel};
    use Event::{RxBypassed, RxDecrypted, RxDropNoPolicy, RxDropPolicyBlock, RxDropTemplate};
    const PROTECT: Requirement = Requirement::Protect { optional: false };
    const USE: Requirement = Requirement::Protect { optional: true };
    for (policy, accepts, plain, transport, tunnel) in [
        (None, false, RxBypassed, RxDecrypted, RxDropNoPolicy),
        (Some(Requirement::Block), true, RxDropPolicyBlock, RxDropPolicyBlock, RxDropPolicyBlock),
        (Some(Requirement::Bypass), true, RxBypassed, RxDecrypted, RxDropTemplate),
        (Some(PROTECT), true, RxDropTemplate, RxDecrypted, RxDecrypted),
        (Some(PROTECT), false, RxDropTemplate, RxDropTemplate, RxDropTemplate),
        (Some(USE), true, RxBypassed, RxDecrypted, RxDecrypted),
        (Some(USE), false, RxBypassed, RxDecrypted, RxDropTemplate),
    ] {
        for (came, event) in [(Plain, plain), (Transport, transport), (Tunnel, tunnel)] {
            let set: Vec<_> = policy.into_iter().map(|policy| (policy, false)).collect();
            assert_eq!(receive(came, &set, &[], accepts), event, "{policy:?} {came:?} {accepts}");
            // The first policy of the packet's direction decides, whatever stands behind it or in the other direction.
            let set = [vec![(Requirement::Block, true)], set.clone(), vec![(Requirement::Block, false)]].concat();
            let event = if policy.is_none() { RxDropPolicyBlock } else { event };
            assert_eq!(receive(came, &set, &[], accepts), event, "{policy:?} {came:?} {accepts}");
        }
    }
}

#[test]
fn direction_is_by_destination() {
    let block = |forward| vec![(Requirement::Block, forward)];
    let (ours, other) = (inside(false).1, IpAddr::from([10, 2, 0, 99]));
    for (local, forward) in
        [(vec![], false), (vec![ours], false), (vec![other, ours], false), (vec![other], true), (vec![inside(true).1], true)]
    {
        assert_eq!(receive(Came::Plain, &block(forward), &local, false), Event::RxDropPolicyBlock, "{local:?}");
        assert_eq!(receive(Came::Plain, &block(!forward), &local, false), Event::RxBypassed, "{local:?}");
    }
    // Multicast and broadcast are for this host too.
    for (dst, forward) in [
        ([224, 0, 0, 1], false),
        ([239, 255, 255, 255], false),
        ([255, 255, 255, 255], false),
        ([240, 0, 0, 1], true),
        ([223, 255, 255, 255], true),
    ] {
        let mut nic = nic(&[ours]);
        nic.rx_policies.insert(Policy { selector: Selector::ALL[0], forward, priority: 0, action: Requirement::Block });
        let mut frame = udp(false);
        frame[30..34].copy_from_slice(&dst);
        common::mend_checksum(&mut frame, 14);
        assert_eq!(nic.receive(&frame, false).event, Event::RxDropPolicyBlock, "{dst:?}");
    }
    for (first, forward) in [(0xFF, false), (0xFE, true)] {
        let mut nic = nic(&[inside(true).1]);
        nic.rx_policies.insert(Policy { selector: Selector::ALL[1], forward, priority: 0, action: Requirement::Block });
        let mut frame = udp(true);
        frame[38] = first;
        assert_eq!(nic.receive(&frame, false).event, Event::RxDropPolicyBlock, "{first:#x}");
    }
}

#[test]
fn what_the_stack_will_ask_itself_passes() {
    let association = Association::transport(false);
    let (mut sender, _) = association.nics();
    let wire = sender.transmit(&udp(false), false).frame.expect("protected");
    let mut fragment = wire.clone();
    fragment[20] = 0x20;
    common::mend_checksum(&mut fragment, 14);
    let arp = [&common::l2(0, false)[..12], &[8, 6], &[0; 46]].concat();
    let mut nic = nic(&[]);
    nic.pass_unknown = true;
    for selector in Selector::ALL {
        nic.rx_policies.insert(Policy { selector, forward: false, priority: 0, action: Requirement::Block });
    }
    assert_eq!(nic.receive(&wire, false).event, Event::RxBypassed);
    assert_eq!(nic.receive(&fragment, false).event, Event::RxUnsupported);
    assert_eq!(nic.receive(&arp, false).event, Event::RxBypassed);
    assert_eq!(nic.receive(&udp(false), false).event, Event::RxDropPolicyBlock);
    let mut encap = association;
    encap.encap = Some(espalier_reference_model::sa::Encap { sport: 4500, dport: 4500 });
    let (mut sender, _) = encap.nics();
    let wire = sender.transmit(&udp(false), false).frame.expect("protected");
    assert_eq!(nic.receive(&wire, false).event, Event::RxBypassed);
}

/// XfrmInStateMismatch: after decapsulation, before the policies.
#[test]
fn the_selector_of_the_sa_is_compared_with_what_it_carried() {
    let one = |protocol: Option<u8>, dport: PortMatch, v6: bool| {
        let any = Prefix::new(inside(v6).0, 0).expect("a prefix");
        vec![Selector { protocol, dport, ..Selector::between(any, any) }]
    };
    let host = |dst| vec![Selector::between(Prefix::host(inside(false).0), Prefix::host(dst))];
    for association in [Association::transport(false), Association::tunnel(false), Association::tunnel(true)] {
        for (selectors, good) in [
            (Selector::ALL.to_vec(), true),
            (one(None, PortMatch::ANY, false), true),
            (one(None, PortMatch::ANY, true), false),
            (one(Some(17), PortMatch::exactly(2000), false), true),
            (one(Some(17), PortMatch::exactly(2001), false), false),
            (one(Some(6), PortMatch::ANY, false), false),
            (host(inside(false).1), true),
            (host(IpAddr::from([10, 2, 0, 3])), false),
        ] {
            let (mut sender, mut receiver) = association.nics();
            let wire = sender.transmit(&udp(false), false).frame.expect("protected");
            receiver.rx_sas.get_mut(&association.sa_key()).expect("the SA").selectors = selectors;
            receiver.rx_policies = Default::default();
            let admitted = if association.tunnel.is_some() { Event::RxDropNoPolicy } else { Event::RxDecrypted };
            let got = receiver.receive(&wire, false);
            assert_eq!(got.event, if good { admitted } else { Event::RxDropSelector });
            assert_eq!(got.rx_user(), if got.event == Event::RxDecrypted { 1 | 9 << 8 | 5 << 18 } else { 0 });
            // It was good ESP: counted for the SA, and its number is used.
            assert_eq!(receiver.rx_sas[&association.sa_key()].lifetime.packets, 1);
            assert_eq!(receiver.receive(&wire, false).event, Event::RxDropReplay);
        }
    }
}
