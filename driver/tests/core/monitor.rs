//! What the core tells.

use espalier_driver::core::{MonitorEvent, StateRequest};
use espalier_driver::xfrm::message::{AsyncEvent, Message};

use crate::fixtures::{HERE, THERE, address, core, events, id, inner, names, out, policy, skb, software_policy};

#[test]
fn an_acquire_says_what_is_wanted_for_which_packet() {
    let (mut core, _) = core();
    let index = core.policy_add(software_policy(policy())).expect("good");
    names(&mut core);
    core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("no SA");
    let events = events(&mut core);
    let [MonitorEvent::Xfrm(Message::Acquire(acquire))] = &events[..] else { panic!("{events:?}") };
    assert_eq!((acquire.id, acquire.saddr, acquire.policy.index), (id(THERE, 0), address(HERE), index));
    let selector = &acquire.selector;
    assert_eq!((selector.src.to_string(), selector.dst.to_string()), ("10.1.0.1/32".to_owned(), "10.2.0.1/32".to_owned()));
    assert_eq!((selector.proto, selector.sport.value, selector.dport.value), (17, 1000, 2000));
    // The answer carries the number, and may have another reqid.
    let mut answer = StateRequest::software(out(1));
    answer.params.reqid = 99;
    answer.km_seq = acquire.seq;
    core.state_add(answer).expect("good");
    assert_eq!(core.sad_info().count, 1, "the stub is gone");
}

#[test]
fn sequence_numbers_are_told_of_if_somebody_listens() {
    let (mut core, _) = core();
    core.policy_add(software_policy(policy())).expect("good");
    core.state_add(StateRequest::software(out(1))).expect("good");
    core.set_aevent_rseqth(Some(2));
    names(&mut core);
    for _ in 0..5 {
        core.output("eth0", &skb(&inner(10)), 0, 0).expect("good");
    }
    let events = events(&mut core);
    assert_eq!(events.len(), 2);
    for event in events {
        let MonitorEvent::Xfrm(Message::AsyncEvent(event)) = event else { panic!("{event:?}") };
        assert_eq!((event.id, event.reqid, event.flags), (id(THERE, 1), 7, AsyncEvent::REPLAY));
    }
}

#[test]
fn a_monitor_that_nobody_reads_says_how_much_it_lost() {
    let (mut core, _) = core();
    for _ in 0..2500 {
        core.state_add(StateRequest::software(out(1))).expect("good");
        core.state_delete(&id(THERE, 1), crate::fixtures::NO_MARK).expect("there");
    }
    let events = events(&mut core);
    assert_eq!(events.len(), 4097);
    assert!(matches!(events.last(), Some(MonitorEvent::Overrun(904))));
}
