//! Limits of packets, bytes and time, counted here and by the device.

use espalier_driver::core::{MonitorEvent, Output, OutputError, PolicyRequest, StateRequest};
use espalier_driver::ops::{DeviceEvent, Mib};
use espalier_driver::sa::SaParams;
use espalier_driver::xfrm::Limits;
use espalier_driver::xfrm::message::Message;

use crate::fixtures::{NO_MARK, START, THERE, core, events, id, inner, names, on_device, out, packet, policy, skb, software_policy};
use crate::mock::{Counted, Stage};

fn limited(limits: Limits) -> SaParams {
    SaParams { limits, ..out(1) }
}

#[test]
fn exactly_as_many_packets_pass_as_the_hard_limit_says() {
    for crypto in [false, true] {
        let (mut core, mock) = core();
        core.policy_add(software_policy(policy())).expect("good");
        let sa = limited(Limits { soft_packets: 3, hard_packets: 5, ..Limits::NONE });
        core.state_add(if crypto { on_device(sa) } else { StateRequest::software(sa) }).expect("good");
        names(&mut core);
        let mut told = Vec::new();
        for _ in 0..5 {
            core.output("eth0", &skb(&inner(10)), 0, 0).expect("within the limit");
            told.push(names(&mut core).len());
        }
        assert_eq!(told, [0, 0, 0, 1, 0], "soft once, when the next packet finds it reached");
        assert_eq!(core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("the sixth"), OutputError::Expired);
        assert_eq!(names(&mut core), ["hard"]);
        assert_eq!((core.sad_info().count, core.mib().get(Mib::OutStateExpired)), (0, 1));
        if crypto {
            assert_eq!(mock.states(), [Stage::Freed]);
        }
    }
}

#[test]
fn bytes_are_those_of_what_is_protected() {
    let (mut core, _) = core();
    core.policy_add(software_policy(policy())).expect("good");
    // 28 bytes of headers and 72 of payload each.
    core.state_add(StateRequest::software(limited(Limits { soft_bytes: 100, hard_bytes: 201, ..Limits::NONE }))).expect("good");
    for _ in 0..3 {
        core.output("eth0", &skb(&inner(72)), 0, 0).expect("201 is not reached before the third");
    }
    assert_eq!(core.output("eth0", &skb(&inner(72)), 0, 0).expect_err("300"), OutputError::Expired);
}

#[test]
fn a_device_s_counts_decide_past_two_to_the_31_and_the_32() {
    for (unit, by_packets) in [(1_u64 << 31, true), (1 << 32, true), (1 << 33, false), ((1 << 62) + 5, false)] {
        let (mut core, mock) = core();
        let limits = if by_packets {
            Limits { soft_packets: unit + 1, hard_packets: unit + 3, ..Limits::NONE }
        } else {
            Limits { soft_bytes: unit + 1, hard_bytes: unit + 3, ..Limits::NONE }
        };
        core.state_add(on_device(packet(limited(limits)))).expect("good");
        let handle = mock.last_handle();
        let count = |core: &mut espalier_driver::core::XfrmCore<crate::mock::Mock>, by: u64, event: DeviceEvent| {
            let counted =
                if by_packets { Counted { packets: by, ..Counted::default() } } else { Counted { bytes: by, ..Counted::default() } };
            mock.with(|books| {
                books.counted.insert(handle, counted);
                books.events.push_back(event);
            });
            core.poll_devices();
        };
        names(&mut core);
        count(&mut core, unit, DeviceEvent::LifetimeSoft(handle));
        assert_eq!(names(&mut core), [""; 0], "the counts say no");
        count(&mut core, 1, DeviceEvent::LifetimeSoft(handle));
        assert_eq!(names(&mut core), ["soft"]);
        count(&mut core, 1, DeviceEvent::LifetimeSoft(handle));
        assert_eq!(names(&mut core), [""; 0], "once");
        assert_eq!(mock.states(), [Stage::Added]);
        count(&mut core, 1, DeviceEvent::LifetimeHard(handle));
        let events = events(&mut core);
        let [MonitorEvent::Xfrm(Message::ExpiredState { state, hard: true })] = &events[..] else { panic!("{events:?}") };
        assert_eq!(if by_packets { state.current.packets } else { state.current.bytes }, unit + 3);
        assert_eq!((core.sad_info().count, mock.states()), (0, vec![Stage::Freed]));
        count(&mut core, 1, DeviceEvent::LifetimeHard(handle));
        assert_eq!(names(&mut core), ["unknown handle"], "a late event is heard, and harmless");
    }
}

#[test]
fn lost_events_make_the_core_ask_every_sa() {
    let (mut core, mock) = core();
    let mut handles = Vec::new();
    for spi in 1..=3 {
        let limits = Limits { hard_packets: 10, ..Limits::NONE };
        core.state_add(on_device(packet(SaParams { limits, ..out(spi) }))).expect("good");
        handles.push(mock.last_handle());
    }
    mock.with(|books| {
        books.counted.insert(handles[0], Counted { packets: 10, ..Counted::default() });
        books.counted.insert(handles[2], Counted { packets: 11, ..Counted::default() });
        books.events.push_back(DeviceEvent::Lost);
    });
    names(&mut core);
    core.poll_devices();
    assert_eq!(names(&mut core), ["hard", "hard"]);
    assert_eq!(mock.states(), [Stage::Freed, Stage::Added, Stage::Freed]);
}

#[test]
fn an_exhausted_sa_and_a_failed_device_are_told_of() {
    let (mut core, mock) = core();
    core.state_add(on_device(packet(out(1)))).expect("good");
    let handle = mock.last_handle();
    names(&mut core);
    mock.with(|books| {
        books.events.extend([DeviceEvent::SequenceExhausted(handle), DeviceEvent::Failed("the bus is gone".to_owned())]);
    });
    core.poll_devices();
    let events = events(&mut core);
    let [MonitorEvent::SequenceExhausted { id: told }, MonitorEvent::DeviceFailed { dev, reason }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!((*told, dev.as_str(), reason.as_str()), (id(THERE, 1), "eth0", "the bus is gone"));
}

#[test]
fn times_run_from_the_addition_and_from_the_first_use() {
    let cases = [
        (Limits { soft_add_seconds: 10, hard_add_seconds: 20, ..Limits::NONE }, 10, 20),
        // First used at 5.
        (Limits { soft_use_seconds: 10, hard_use_seconds: 20, ..Limits::NONE }, 15, 25),
        (Limits { hard_add_seconds: 12, soft_use_seconds: 4, ..Limits::NONE }, 9, 12),
    ];
    for (limits, soft, hard) in cases {
        for offload in [false, true] {
            let (mut core, mock) = core();
            core.policy_add(if offload { PolicyRequest::offloaded(policy(), "eth0") } else { software_policy(policy()) }).expect("good");
            core.state_add(if offload { on_device(packet(limited(limits))) } else { StateRequest::software(limited(limits)) })
                .expect("good");
            names(&mut core);
            let mut told = Vec::new();
            for second in 0..30 {
                core.set_time(START + second);
                told.extend(names(&mut core).into_iter().map(|name| (name, second)));
                if second == 5 {
                    match core.output("eth0", &skb(&inner(10)), 0, 0).expect("good") {
                        Output::Packet { handle, .. } => {
                            let counted = Counted { packets: 1, bytes: 38, ..Counted::default() };
                            mock.with(|books| books.counted.insert(handle, counted));
                            core.set_time(START + second);
                        }
                        other => assert!(matches!(other, Output::Software { .. })),
                    }
                }
            }
            assert_eq!(told, [("soft", soft), ("hard", hard)], "{limits:?}");
            assert_eq!(core.sad_info().count, 0);
        }
    }
}

#[test]
fn an_update_makes_a_dying_sa_live_again() {
    let (mut core, _) = core();
    core.policy_add(software_policy(policy())).expect("good");
    core.state_add(StateRequest::software(limited(Limits { soft_packets: 1, ..Limits::NONE }))).expect("good");
    for _ in 0..2 {
        core.output("eth0", &skb(&inner(10)), 0, 0).expect("good");
    }
    names(&mut core);
    core.state_update(StateRequest::software(limited(Limits { soft_packets: 10, ..Limits::NONE }))).expect("good");
    assert_eq!(names(&mut core), ["updated state"]);
    core.state_update(StateRequest::software(limited(Limits { hard_packets: 2, ..Limits::NONE }))).expect("good");
    assert_eq!(names(&mut core), ["updated state", "hard"], "checked at once");
    assert_eq!(core.state_delete(&id(THERE, 1), NO_MARK).expect_err("gone").errno(), espalier_driver::Errno::Esrch);
}

#[test]
fn policies_expire_by_time() {
    let (mut core, mock) = core();
    let limits = Limits { soft_add_seconds: 5, hard_add_seconds: 9, ..Limits::NONE };
    let params = espalier_driver::PolicyParams { limits, ..policy() };
    core.policy_add(PolicyRequest::offloaded(params, "eth0")).expect("good");
    names(&mut core);
    let mut told = Vec::new();
    for second in 0..12 {
        core.set_time(START + second);
        told.extend(names(&mut core).into_iter().map(|name| (name, second)));
    }
    assert_eq!(told, [("policy soft", 5), ("policy hard", 9)]);
    assert_eq!(mock.policies(), [Stage::Freed]);
}
