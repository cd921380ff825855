//! Inbound and forward policies, and the addresses that tell them apart: what is written, and in which order.

mod common;

use common::{CAPABILITIES, Command, address, commands, device, device_with, sa};
use espalier_driver::bus::Recorder;
use espalier_driver::policy::{Action, Level, Template};
use espalier_driver::xfrm::{Direction, Mode, OffloadMode, PolicyDirection, SaId, Selector, protocol};
use espalier_driver::{Capabilities, Device, Errno, Error, LocalError, PolicyParams, SaParams};
use espalier_regs::mailbox::{Op, accept, local, policy as field};
use espalier_regs::map;

fn policy(direction: PolicyDirection) -> PolicyParams {
    let (src, dst) = ("10.2.0.0/16".parse().expect("a prefix"), "10.1.0.0/16".parse().expect("a prefix"));
    let id = SaId { daddr: address("192.0.2.1"), spi: 0, proto: protocol::ESP };
    let template = Template { id, saddr: address("192.0.2.2"), mode: Mode::Tunnel, reqid: 4, level: Level::Required };
    PolicyParams { priority: 7, templates: vec![template], ..PolicyParams::new(Selector::between(src, dst), direction) }
}

fn tunnel(spi: u32) -> SaParams {
    SaParams { reqid: 4, ..sa("192.0.2.2", "192.0.2.1", spi, Mode::Tunnel, Direction::In) }
}

fn written(device: &mut Device<Recorder>) -> Vec<Command> {
    commands(&device.bus().take_writes())
}

fn ops(commands: &[Command]) -> Vec<(Op, u16)> {
    commands.iter().map(|command| (command.op, command.index)).collect()
}

/// The maps written, with the numbers of their SAs.
fn maps(commands: &[Command]) -> Vec<(u16, u128)> {
    commands.iter().filter(|c| c.op == Op::RxAcceptWrite).map(|c| (c.index, c.get(accept::POLICIES))).collect()
}

#[test]
fn every_field_reaches_its_place() {
    let mut device = device();
    device.set_local_addresses(&[address("10.1.0.1")]).expect("set");
    written(&mut device);
    device.add_policy(&policy(PolicyDirection::In)).expect("added");
    let mut optional = policy(PolicyDirection::Fwd);
    optional.templates[0].level = Level::Use;
    device.add_policy(&optional).expect("the same selector, another direction");
    let mut block = policy(PolicyDirection::In);
    (block.selector.proto, block.templates, block.action) = (protocol::TCP, Vec::new(), Action::Block);
    device.add_policy(&block).expect("added");
    let entries = written(&mut device);
    assert_eq!(ops(&entries), [(Op::RxPolicyWrite, 0), (Op::RxPolicyWrite, 1), (Op::RxPolicyWrite, 2)]);
    let row = |field| entries.iter().map(|entry| entry.get(field)).collect::<Vec<_>>();
    assert_eq!(row(field::VALUE_FORWARD), [0, 1, 0]);
    assert_eq!(row(field::ACTION), [2, 2, 1]);
    assert_eq!(row(field::OPTIONAL), [0, 1, 0]);
    assert_eq!(row(field::SA_VALID), [0, 0, 0]);
    assert_eq!(row(field::VALUE_SRC), [0x0a02_0000; 3]);
    assert_eq!(row(field::MASK_DST), [0xffff_0000; 3]);
    let orders = row(field::ORDER);
    assert!(orders.is_sorted_by(|a, b| a < b) && orders.iter().all(|order| order >> 16 == 7), "{orders:x?}");
}

#[test]
fn an_sa_gets_its_map_before_packets_find_it() {
    let mut device = device();
    device.add_policy(&policy(PolicyDirection::In)).expect("added");
    written(&mut device);
    let handle = device.add_sa(&tunnel(1)).expect("added");
    let added = written(&mut device);
    assert_eq!(maps(&added), [(0, 1)]);
    assert_eq!(added.last().map(|command| command.op), Some(Op::CamWrite));
    assert_eq!(device.policies().next().expect("a policy").sas().collect::<Vec<_>>(), [handle]);
    // One that fits no template gets an empty one: the number's last holder has left its own.
    device.add_sa(&SaParams { reqid: 5, ..tunnel(2) }).expect("added");
    assert_eq!(maps(&written(&mut device)), [(1, 0)]);
    device.delete_sa(handle).expect("deleted");
    assert_eq!(ops(&written(&mut device))[1..], [(Op::RxSaClear, 0)]);
    assert_eq!(device.policies().next().expect("a policy").sas().count(), 0);
}

#[test]
fn maps_are_set_before_the_policy_and_cleared_after_it() {
    let mut device = device();
    device.add_sa(&tunnel(1)).expect("added");
    device.add_sa(&tunnel(2)).expect("rekeyed");
    written(&mut device);
    let handle = device.add_policy(&policy(PolicyDirection::In)).expect("added");
    let added = written(&mut device);
    assert_eq!(ops(&added), [(Op::RxAcceptWrite, 0), (Op::RxAcceptWrite, 1), (Op::RxPolicyWrite, 0)]);
    assert_eq!(maps(&added), [(0, 1), (1, 1)]);
    // Replaced by one that needs another SA: at no time does an entry meet bits that are not its own.
    let mut other = policy(PolicyDirection::In);
    other.templates[0].id.spi = 2;
    let handle = device.update_policy(handle, &other).expect("replaced");
    let replaced = written(&mut device);
    let order = [(Op::RxAcceptWrite, 1), (Op::RxPolicyWrite, 1), (Op::RxPolicyClear, 0), (Op::RxAcceptWrite, 0), (Op::RxAcceptWrite, 1)];
    assert_eq!(ops(&replaced), order);
    assert_eq!(maps(&replaced), [(1, 3), (0, 0), (1, 2)]);
    device.delete_policy(handle).expect("deleted");
    let deleted = written(&mut device);
    assert_eq!(ops(&deleted), [(Op::RxPolicyClear, 1), (Op::RxAcceptWrite, 1)]);
    assert_eq!(maps(&deleted), [(1, 0)]);
}

#[test]
fn templates_fit_as_xfrm_state_ok_has_it() {
    type Change = fn(&mut SaParams, &mut Template);
    let rows: [(Change, bool); 11] = [
        (|_, _| {}, true),
        (|sa, _| sa.reqid = 5, false),
        (|sa, template| (sa.reqid, template.reqid) = (5, 0), true),
        (|_, template| template.id.spi = 1, true),
        (|_, template| template.id.spi = 2, false),
        (|sa, _| sa.mode = Mode::Transport, false),
        (|sa, _| sa.saddr = address("192.0.2.9"), false),
        (|_, template| template.saddr = address("0.0.0.0"), true),
        // The destination is not compared, and may be left out.
        (|_, template| template.id.daddr = address("0.0.0.0"), true),
        // In transport mode no address is.
        (|sa, template| (sa.mode, template.mode, sa.saddr) = (Mode::Transport, Mode::Transport, address("192.0.2.9")), true),
        // Crypto mode is the core's business.
        (|sa, _| sa.offload.mode = OffloadMode::Crypto, false),
    ];
    for (number, (change, fits)) in rows.into_iter().enumerate() {
        let mut device = device();
        let (mut sa, mut policy) = (tunnel(1), policy(PolicyDirection::In));
        change(&mut sa, &mut policy.templates[0]);
        device.add_policy(&policy).expect("added");
        device.add_sa(&sa).expect("added");
        assert_eq!(maps(&written(&mut device)), [(0, u128::from(fits))], "row {number}");
    }
}

#[test]
fn forward_policies_need_a_local_address() {
    let mut device = device();
    let error = device.add_policy(&policy(PolicyDirection::Fwd)).expect_err("none is set");
    let words = "Cannot offload forward policy: no local address is set, so nothing counts as forwarded";
    assert_eq!(error.to_string(), format!("policy: dir: {words} (EOPNOTSUPP)"));
    assert_eq!(device.bus().take(), []);
    device.set_local_addresses(&[address("10.1.0.1")]).expect("set");
    device.add_policy(&policy(PolicyDirection::Fwd)).expect("added");
    device.bus().take();
    let error = device.set_local_addresses(&[]).expect_err("needed");
    assert_eq!(error.to_string(), "local addresses: forward policies are installed, and mean nothing without a local address (EINVAL)");
    assert_eq!(device.bus().take(), []);
}

#[test]
fn local_addresses_are_written_where_there_is_room_and_kept_where_they_are() {
    let mut device = device_with(&Capabilities { local_addresses: 3, ..CAPABILITIES });
    let [a, b, c, d] = ["10.0.0.1", "10.0.0.2", "2001:db8::1", "10.0.0.4"].map(address);
    device.set_local_addresses(&[a, b, a]).expect("set");
    let first = written(&mut device);
    assert_eq!(ops(&first), [(Op::LocalWrite, 0), (Op::LocalWrite, 1)]);
    assert_eq!(first[0].get(local::ADDRESS), 0x0a00_0001);
    // The new one goes to the free place, then the old one's is cleared.
    device.set_local_addresses(&[b, c]).expect("set");
    let second = written(&mut device);
    assert_eq!(ops(&second), [(Op::LocalWrite, 2), (Op::LocalClear, 0)]);
    assert_eq!((second[0].get(local::ADDRESS), second[0].get(local::V6)), (0x2001_0db8 << 96 | 1, 1));
    // Without a free place an old one's is taken.
    device.set_local_addresses(&[a, b, c]).expect("set");
    device.set_local_addresses(&[b, c, d]).expect("set");
    assert_eq!(ops(&written(&mut device)), [(Op::LocalWrite, 0), (Op::LocalWrite, 0)]);
    let error = device.set_local_addresses(&[a, b, c, d]).expect_err("full");
    assert_eq!(error.to_string(), "local addresses: 4 local addresses are more than this device holds: 3 (ENOSPC)");
    for wrong in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"].map(address) {
        let error = device.set_local_addresses(&[wrong]).expect_err("no host's");
        assert!(matches!(error, Error::Local(LocalError::Address(address)) if address == wrong));
        assert_eq!(error.errno(), Errno::Einval);
    }
    assert_eq!(device.bus().take(), []);
    assert_eq!(device.local_addresses().collect::<Vec<_>>(), [b, d, c]);
}

#[test]
fn received_frames_are_held_while_the_addresses_change() {
    let mut device = device();
    device.enable().expect("enabled");
    device.bus().take();
    device.set_local_addresses(&[address("10.0.0.1")]).expect("set");
    let writes = device.bus().take_writes();
    let control = u32::from(map::CONTROL.offset);
    let tx_only = map::control::TX_ENABLE.mask();
    assert_eq!(writes.first(), Some(&(control, tx_only)));
    assert_eq!(writes.last(), Some(&(control, tx_only | map::control::RX_ENABLE.mask())));
}

#[test]
fn an_update_names_the_policy_it_is_for() {
    let mut device = device();
    let handle = device.add_policy(&policy(PolicyDirection::In)).expect("added");
    device.bus().take();
    let mut other = policy(PolicyDirection::In);
    other.selector.proto = protocol::UDP;
    let error = device.update_policy(handle, &other).expect_err("another selector");
    assert_eq!(error.to_string(), "policy: selector: A policy is replaced by one with the same direction and selector only (EINVAL)");
    let error = device.add_policy(&policy(PolicyDirection::In)).expect_err("exists");
    assert_eq!(error.errno(), Errno::Eexist);
    assert_eq!(device.bus().take(), []);
}

#[test]
fn an_outbound_policy_is_replaced_without_a_gap() {
    let mut device = device();
    let outbound = |priority| {
        let mut params = policy(PolicyDirection::Out);
        (params.templates[0].saddr, params.templates[0].id.daddr) = (address("192.0.2.1"), address("192.0.2.2"));
        PolicyParams { priority, ..params }
    };
    device.add_sa(&SaParams { reqid: 4, ..sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::Out) }).expect("added");
    let handle = device.add_policy(&outbound(7)).expect("added");
    written(&mut device);
    let new = device.update_policy(handle, &outbound(9)).expect("replaced");
    let replaced = written(&mut device);
    assert_eq!(ops(&replaced), [(Op::TxPolicyWrite, 1), (Op::TxPolicyClear, 0)]);
    assert_eq!((replaced[0].get(field::ORDER) >> 16, replaced[0].get(field::SA_VALID)), (9, 1));
    assert!(device.policy(handle).is_none() && device.policy(new).is_some());
}

#[test]
fn a_full_table_refuses_and_a_deletion_makes_room() {
    let mut device = device_with(&Capabilities { rx_policies: 1, ..CAPABILITIES });
    let handle = device.add_policy(&policy(PolicyDirection::In)).expect("added");
    device.bus().take();
    let mut other = policy(PolicyDirection::In);
    other.selector.proto = protocol::UDP;
    let error = device.add_policy(&other).expect_err("full");
    assert_eq!(error.to_string(), "policy: selector: Policy table for direction in and fwd is full: 1 entries (ENOSPC)");
    assert_eq!(device.bus().take(), []);
    device.delete_policy(handle).expect("deleted");
    device.add_policy(&other).expect("room");
}

#[test]
fn a_build_without_inbound_policies_gets_no_command_of_theirs() {
    let plain = Capabilities { rx_policies: 0, local_addresses: 0, events: 0, features: Capabilities::features(&[]), ..CAPABILITIES };
    let features = CAPABILITIES.features & !(map::cap_features::RX_SELECTORS.mask() | map::cap_features::LIFETIMES.mask());
    let mut device = device_with(&Capabilities { features, ..plain });
    let handle = device.add_sa(&tunnel(1)).expect("added");
    device.delete_sa(handle).expect("deleted");
    let used: Vec<Op> = written(&mut device).iter().map(|command| command.op).collect();
    assert_eq!(used, [Op::RxSaWrite, Op::CamWrite, Op::CamClear, Op::RxSaClear]);
}
