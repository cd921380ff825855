//! The SPD: order, replacing, indices, references, devices that go.

use espalier_driver::core::{PolicyId, PolicyRequest, XfrmError};
use espalier_driver::policy::{PolicyParams, PolicyType};
use espalier_driver::xfrm::{Mark, PolicyDirection};

use crate::fixtures::{core, names, policy, policy_in, prefix, software_policy};
use crate::mock::{Call, Stage};

#[test]
fn the_same_selector_exists_and_is_taken_back_from_the_device() {
    let (mut core, mock) = core();
    let offloaded = || PolicyRequest::offloaded(policy(), "eth0");
    let index = core.policy_add(offloaded()).expect("the first");
    let error = core.policy_add(offloaded()).expect_err("the second");
    assert!(matches!(error, XfrmError::PolicyExists));
    assert_eq!(error.errno(), espalier_driver::Errno::Eexist);
    assert_eq!(mock.policies(), [Stage::Added, Stage::Freed]);
    let others = [
        PolicyParams { mark: Mark { value: 1, mask: 1 }, ..policy() },
        PolicyParams { if_id: 3, ..policy() },
        PolicyParams { ptype: PolicyType::Sub, ..policy() },
        PolicyParams { direction: PolicyDirection::Fwd, ..policy() },
    ];
    for other in others {
        core.policy_add(PolicyRequest::offloaded(other, "eth0")).expect("it differs in what names it");
    }
    mock.calls();

    let updated = PolicyParams { priority: 9, ..policy() };
    assert_eq!(core.policy_update(PolicyRequest::offloaded(updated, "eth0")).expect("good"), index, "the index stays");
    let first = mock.with(|books| *books.policies.keys().next().expect("the first"));
    assert_eq!(mock.calls(), [Call::PolicyAdd, Call::PolicyDelete(first), Call::PolicyFree(first)], "never without one");
    assert_eq!(core.policy_get(&PolicyId::of(&policy())).expect("there").priority, 9);
    assert_eq!(mock.policies()[..2], [Stage::Freed; 2]);
    assert_eq!(mock.policies()[2..], [Stage::Added; 5], "the others, and the one that took the place");
}

#[test]
fn an_index_says_its_direction_and_is_not_given_twice() {
    let (mut core, _) = core();
    let mut seen = Vec::new();
    for third in 0..20_u8 {
        for direction in [PolicyDirection::In, PolicyDirection::Out, PolicyDirection::Fwd] {
            let mut params = PolicyParams { direction, ..policy() };
            params.selector.dst = prefix(&format!("10.2.{third}.0/24"));
            let index = core.policy_add(software_policy(params)).expect("good");
            let number = match direction {
                PolicyDirection::In => 0,
                PolicyDirection::Out => 1,
                PolicyDirection::Fwd => 2,
            };
            assert_eq!(index & 7, number);
            assert!(index != 0 && !seen.contains(&index));
            assert_eq!(core.policy_get(&PolicyId::index(index, direction)).expect("there").direction, direction);
            seen.push(index);
        }
    }
    let info = core.spd_info();
    assert_eq!((info.inbound, info.outbound, info.forward), ([20, 0], [20, 0], [20, 0]));
    let dump: Vec<u32> = core.policy_dump().iter().map(|info| info.index).collect();
    seen.reverse();
    assert_eq!(dump, seen, "the newest first");
    core.policy_flush(PolicyType::Sub);
    assert_eq!(core.policies_allocated(), 60);
    core.policy_flush(PolicyType::Main);
    assert_eq!(core.policies_allocated(), 0);
    assert_eq!(names(&mut core).last(), Some(&"flushed policies"));
}

#[test]
fn a_policy_that_is_held_is_deleted_at_once_and_freed_later() {
    let (mut core, mock) = core();
    let index = core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect("good");
    let held = core.policy_lookup(index).expect("there");
    core.policy_delete(&PolicyId::of(&policy())).expect("there");
    assert!(matches!(core.policy_delete(&PolicyId::of(&policy())), Err(XfrmError::NoPolicy)));
    assert_eq!(mock.policies(), [Stage::Deleted]);
    assert_ne!(core.policy_add(software_policy(policy())).expect("good"), index, "its index is not free yet");
    drop(held);
    core.collect_garbage();
    assert_eq!(mock.policies(), [Stage::Freed]);
}

#[test]
fn down_takes_the_device_s_policies_only() {
    let (mut core, mock) = core();
    let index = core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect("good");
    core.policy_add(software_policy(policy_in())).expect("good");
    let held = core.policy_lookup(index).expect("there");
    names(&mut core);
    core.down("eth0").expect("there");
    assert_eq!(names(&mut core), ["deleted policy"]);
    assert_eq!(mock.policies(), [Stage::Freed], "though it is held");
    assert_eq!(core.policy_dump().len(), 1);
    drop(held);
    core.collect_garbage();
    assert_eq!(mock.policies(), [Stage::Freed], "exactly once");
    assert_eq!(core.policies_allocated(), 1);
}
