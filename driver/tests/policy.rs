//! Policies: what is written for them, how they follow the SAs, and why they are refused.

mod common;

use common::{CAPABILITIES, Command, address, commands, device, device_with, sa};
use espalier_driver::bus::Recorder;
use espalier_driver::policy::{Action, Level, Template};
use espalier_driver::xfrm::{Direction, Family, Mode, PolicyDirection, PortMatch, SaId, Selector, protocol};
use espalier_driver::{Capabilities, Device, Errno, Error, IpNet, PolicyError, PolicyParams, SaParams};
use espalier_regs::mailbox::{Op, policy as field};

fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

fn template(saddr: &str, daddr: &str, mode: Mode) -> Template {
    let id = SaId { daddr: address(daddr), spi: 0, proto: protocol::ESP };
    Template { id, saddr: address(saddr), mode, reqid: 4, level: Level::Required }
}

fn policy(src: &str, dst: &str, template: Option<Template>) -> PolicyParams {
    let mut params = PolicyParams::new(Selector::between(net(src), net(dst)), PolicyDirection::Out);
    params.templates = template.into_iter().collect();
    params
}

/// The policy of a tunnel between two gateways.
fn tunnel_policy() -> PolicyParams {
    policy("10.1.0.0/16", "10.2.0.0/16", Some(template("192.0.2.1", "192.0.2.2", Mode::Tunnel)))
}

/// An SA that fits it.
fn tunnel_sa(spi: u32) -> SaParams {
    SaParams { reqid: 4, ..sa("192.0.2.1", "192.0.2.2", spi, Mode::Tunnel, Direction::Out) }
}

fn written(device: &mut Device<Recorder>) -> Vec<Command> {
    commands(&device.bus().take_writes())
}

/// Operation, index, action, SA (none without SA_VALID) of each command.
fn outline(commands: &[Command]) -> Vec<(Op, u16, u128, Option<u128>)> {
    let sa = |command: &Command| (command.get(field::SA_VALID) == 1).then(|| command.get(field::SA));
    commands.iter().map(|c| (c.op, c.index, c.get(field::ACTION), sa(c))).collect()
}

const BYPASS: u128 = 0;
const BLOCK: u128 = 1;
const PROTECT: u128 = 2;

#[test]
fn every_field_of_a_selector_reaches_its_place() {
    let mut device = device();
    let mut params = policy("10.1.2.3/16", "10.2.0.0/15", None);
    params.selector.proto = protocol::UDP;
    params.selector.sport = PortMatch { value: 0x1234, mask: 0xff00 };
    params.selector.dport = PortMatch::exactly(4500);
    params.priority = 0x8000_0001;
    params.action = Action::Block;
    device.add_policy(&params).expect("added");
    let written = written(&mut device);
    assert_eq!(outline(&written), [(Op::TxPolicyWrite, 0, BLOCK, None)]);
    let get = |field| written[0].get(field);
    assert_eq!((get(field::VALUE_SRC), get(field::MASK_SRC)), (0x0a01_0000, 0xffff_0000));
    assert_eq!((get(field::VALUE_DST), get(field::MASK_DST)), (0x0a02_0000, 0xfffe_0000));
    assert_eq!((get(field::VALUE_PROTOCOL), get(field::MASK_PROTOCOL)), (17, 0xff));
    assert_eq!((get(field::VALUE_SPORT), get(field::MASK_SPORT)), (0x1200, 0xff00));
    assert_eq!((get(field::VALUE_DPORT), get(field::MASK_DPORT)), (4500, 0xffff));
    assert_eq!(get(field::VALUE_V6), 0);
    assert_eq!(get(field::ORDER) >> 16, 0x8000_0001);
}

#[test]
fn ipv6_prefixes_mask_from_the_left() {
    let mut device = device();
    device.add_policy(&policy("fd00:1::/32", "fd00:2::1/128", None)).expect("added");
    let written = written(&mut device);
    assert_eq!(outline(&written), [(Op::TxPolicyWrite, 0, BYPASS, None)]);
    let get = |field| written[0].get(field);
    assert_eq!(get(field::VALUE_V6), 1);
    assert_eq!((get(field::VALUE_SRC), get(field::MASK_SRC)), (0xfd00_0001 << 96, 0xffff_ffff << 96));
    assert_eq!((get(field::VALUE_DST), get(field::MASK_DST)), (0xfd00_0002 << 96 | 1, u128::MAX));
}

#[test]
fn a_policy_waits_for_its_sa_and_follows_it() {
    let mut device = device();
    device.add_policy(&tunnel_policy()).expect("added");
    assert_eq!(outline(&written(&mut device)), [(Op::TxPolicyWrite, 0, PROTECT, None)]);
    // The SA is written before the policy points to it.
    let old = device.add_sa(&tunnel_sa(1)).expect("added");
    assert_eq!(outline(&written(&mut device))[2..], [(Op::TxPolicyWrite, 0, PROTECT, Some(0))]);
    // Rekey: the newest is in use, at one write.
    let new = device.add_sa(&tunnel_sa(2)).expect("added");
    assert_eq!(outline(&written(&mut device))[2..], [(Op::TxPolicyWrite, 0, PROTECT, Some(1))]);
    let handle = device.policies().next().expect("a policy").handle;
    assert_eq!(device.policy(handle).expect("a policy").sas().collect::<Vec<_>>(), [old, new]);
    // The old one goes: nothing changes for the policy.
    device.delete_sa(old).expect("deleted");
    assert_eq!(outline(&written(&mut device)), [(Op::TxSaClear, 0, 0, None)]);
    // The last one goes: the policy lets go of it first.
    device.delete_sa(new).expect("deleted");
    assert_eq!(outline(&written(&mut device)), [(Op::TxPolicyWrite, 0, PROTECT, None), (Op::TxSaClear, 1, 0, None)]);
    device.delete_policy(handle).expect("deleted");
    assert_eq!(outline(&written(&mut device)), [(Op::TxPolicyClear, 0, 0, None)]);
    assert!(matches!(device.delete_policy(handle), Err(Error::NoSuchPolicy)));
}

#[test]
fn if_the_new_sa_goes_the_old_one_is_in_use_again() {
    let mut device = device();
    device.add_policy(&tunnel_policy()).expect("added");
    device.add_sa(&tunnel_sa(1)).expect("added");
    let new = device.add_sa(&tunnel_sa(2)).expect("added");
    written(&mut device);
    device.delete_sa(new).expect("deleted");
    assert_eq!(outline(&written(&mut device))[0], (Op::TxPolicyWrite, 0, PROTECT, Some(0)));
}

#[test]
fn a_policy_finds_the_sa_that_is_there() {
    let mut device = device();
    device.add_sa(&tunnel_sa(1)).expect("added");
    written(&mut device);
    device.add_policy(&tunnel_policy()).expect("added");
    assert_eq!(outline(&written(&mut device)), [(Op::TxPolicyWrite, 0, PROTECT, Some(0))]);
}

#[test]
fn an_sa_that_does_not_fit_the_template_is_not_used() {
    type Change = fn(&mut SaParams);
    let changes: [Change; 6] = [
        |sa| sa.reqid = 5,
        |sa| sa.id.daddr = address("192.0.2.3"),
        |sa| sa.saddr = address("192.0.2.3"),
        |sa| sa.mode = Mode::Transport,
        |sa| sa.offload.direction = Direction::In,
        |sa| sa.selector = Some(Selector::any(Family::V6)),
    ];
    for change in changes {
        let mut device = device();
        device.add_policy(&tunnel_policy()).expect("added");
        written(&mut device);
        let mut sa = tunnel_sa(1);
        change(&mut sa);
        device.add_sa(&sa).expect("added");
        assert!(written(&mut device).iter().all(|command| command.op != Op::TxPolicyWrite));
    }
    let mut device = device();
    let mut params = tunnel_policy();
    params.templates[0].id.spi = 2;
    device.add_policy(&params).expect("added");
    written(&mut device);
    device.add_sa(&tunnel_sa(1)).expect("added");
    assert!(written(&mut device).iter().all(|command| command.op != Op::TxPolicyWrite));
    device.add_sa(&tunnel_sa(2)).expect("added");
    assert_eq!(outline(&written(&mut device))[2..], [(Op::TxPolicyWrite, 0, PROTECT, Some(1))]);
}

#[test]
fn families_mix_only_with_af_unspec_or_a_selector() {
    for (change, fits) in [
        ((|_| {}) as fn(&mut SaParams), false),
        (|sa| sa.flags.af_unspec = true, true),
        (|sa| sa.selector = Some(Selector::any(Family::V6)), true),
    ] {
        let mut device = device();
        let template = template("192.0.2.1", "192.0.2.2", Mode::Tunnel);
        device.add_policy(&policy("fd00:1::/32", "fd00:2::/32", Some(template))).expect("added");
        written(&mut device);
        let mut sa = tunnel_sa(1);
        change(&mut sa);
        device.add_sa(&sa).expect("added");
        assert_eq!(written(&mut device).len() == 3, fits);
    }
}

#[test]
fn a_template_of_level_use_passes_packets_without_an_sa() {
    let mut device = device();
    let mut params = tunnel_policy();
    params.templates[0].level = Level::Use;
    device.add_policy(&params).expect("added");
    assert_eq!(outline(&written(&mut device)), [(Op::TxPolicyWrite, 0, BYPASS, None)]);
    device.add_sa(&tunnel_sa(1)).expect("added");
    assert_eq!(outline(&written(&mut device))[2..], [(Op::TxPolicyWrite, 0, PROTECT, Some(0))]);
}

#[test]
fn transport_mode_uses_an_sa_only_for_its_own_addresses() {
    let mut device = device();
    let template = template("0.0.0.0", "0.0.0.0", Mode::Transport);
    device.add_policy(&policy("10.1.0.0/16", "10.2.0.0/16", Some(template))).expect("added");
    written(&mut device);
    let host = |daddr, spi| SaParams { reqid: 4, ..sa("10.1.0.1", daddr, spi, Mode::Transport, Direction::Out) };
    let first = device.add_sa(&host("10.2.0.1", 1)).expect("added");
    let entry = written(&mut device).remove(2);
    // In front of the policy's own entry, for the packets between these two hosts.
    assert_eq!((entry.op, entry.index, entry.get(field::SA)), (Op::TxPolicyWrite, 1, 0));
    assert_eq!((entry.get(field::VALUE_SRC), entry.get(field::MASK_SRC)), (0x0a01_0001, 0xffff_ffff));
    assert_eq!((entry.get(field::VALUE_DST), entry.get(field::MASK_DST)), (0x0a02_0001, 0xffff_ffff));
    device.add_sa(&host("10.2.0.2", 2)).expect("added");
    assert_eq!(outline(&written(&mut device))[2..], [(Op::TxPolicyWrite, 2, PROTECT, Some(1))]);
    // Outside the policy's selector: not one of its packets.
    device.add_sa(&host("10.3.0.1", 3)).expect("added");
    assert_eq!(written(&mut device).len(), 2);
    device.delete_sa(first).expect("deleted");
    assert_eq!(outline(&written(&mut device))[0], (Op::TxPolicyClear, 1, 0, None));
}

#[test]
fn lower_priority_first_then_the_older() {
    let mut device = device();
    let order = |device: &mut Device<Recorder>, src: &str, priority| {
        let mut params = policy(src, "0.0.0.0/0", None);
        params.priority = priority;
        device.add_policy(&params).expect("added");
        written(device)[0].get(field::ORDER)
    };
    let late = order(&mut device, "10.0.0.0/8", 2000);
    let first = order(&mut device, "11.0.0.0/8", 1000);
    let second = order(&mut device, "12.0.0.0/8", 1000);
    let top = order(&mut device, "13.0.0.0/8", 0);
    assert!(top < first && first < second && second < late);
}

#[test]
fn numbers_that_run_out_move_together_in_order() {
    let mut device = device();
    let mut params = policy("10.0.0.0/8", "0.0.0.0/0", None);
    params.priority = 7;
    device.add_policy(&params).expect("added");
    // 300 policies come and go behind the first: more than there are numbers.
    let mut last = None;
    for number in 0..300_u32 {
        params.selector = Selector::between(net(&format!("11.0.{}.{}/32", number >> 8, number & 0xff)), net("0.0.0.0/0"));
        let handle = device.add_policy(&params).expect("added");
        if let Some(last) = last.replace(handle) {
            device.delete_policy(last).expect("deleted");
        }
    }
    let mut orders = std::collections::BTreeMap::new();
    for command in written(&mut device) {
        match command.op {
            Op::TxPolicyWrite => {
                let order = command.get(field::ORDER);
                let rival = orders.iter().any(|(index, other)| *index != command.index && *other == order);
                assert!(!rival, "two entries of order {order:#x}");
                orders.insert(command.index, order);
            }
            _ => {
                orders.remove(&command.index);
            }
        }
    }
    assert_eq!(orders.len(), 2);
    assert!(orders[&0] < *orders.values().max().expect("two"));
    // The same for the SAs of one policy.
    device.add_policy(&tunnel_policy()).expect("added");
    let mut last = device.add_sa(&tunnel_sa(1)).expect("added");
    for spi in 2..300 {
        let next = device.add_sa(&tunnel_sa(spi)).expect("added");
        device.delete_sa(last).expect("deleted");
        last = next;
    }
    let index = device.sa(last).expect("installed").index;
    let last_write = written(&mut device).into_iter().rfind(|command| command.op == Op::TxPolicyWrite).expect("a write");
    assert_eq!(last_write.get(field::SA), u128::from(index));
}

#[test]
fn a_full_table_refuses_policies_and_sas_and_loses_nothing() {
    let mut device = device_with(&Capabilities { policies: 2, ..CAPABILITIES });
    let template = template("0.0.0.0", "0.0.0.0", Mode::Transport);
    device.add_policy(&policy("10.1.0.0/16", "10.2.0.0/16", Some(template))).expect("added");
    let host = |daddr, spi| SaParams { reqid: 4, ..sa("10.1.0.1", daddr, spi, Mode::Transport, Direction::Out) };
    let first = device.add_sa(&host("10.2.0.1", 1)).expect("added");
    device.bus().take();
    let error = device.add_policy(&policy("10.5.0.0/16", "10.2.0.0/16", None)).expect_err("full");
    assert_eq!(error.to_string(), "policy: selector: Policy table for direction out is full: 2 entries (ENOSPC)");
    assert_eq!(error.errno(), Errno::Enospc);
    // The SA would need an entry of its own.
    let error = device.add_sa(&host("10.2.0.2", 2)).expect_err("full");
    assert_eq!(error.to_string(), "policy: selector: Policy table for direction out is full: 2 entries (ENOSPC)");
    assert_eq!(device.bus().take(), []);
    assert_eq!((device.sas().count(), device.policies().count()), (1, 1));
    device.delete_sa(first).expect("deleted");
    device.add_sa(&host("10.2.0.2", 2)).expect("room");
}

#[test]
fn the_same_selector_twice_is_refused() {
    let mut device = device();
    device.add_policy(&tunnel_policy()).expect("added");
    device.bus().take();
    let mut again = tunnel_policy();
    again.priority = 5;
    let error = device.add_policy(&again).expect_err("exists");
    assert_eq!(error.to_string(), "policy: selector: A policy with this selector exists (EEXIST)");
    assert!(matches!(error, Error::Policy(PolicyError::Exists)));
    assert_eq!(device.bus().take(), []);
}
