//! The checks of a policy, row by row as xfrm-offload.md section 2 has them: what is refused, with its words, its field and its
//! errno, and no register touched; what others refuse and Espalier does; and what a build without the feature says.

mod common;

use Errno::{Einval, Enospc, Eopnotsupp};
use common::{CAPABILITIES, address, commands, device_with, without};
use espalier_driver::policy::{Action, Level, PolicyType, Template};
use espalier_driver::xfrm::{Family, Mark, Mode, PolicyDirection, PortMatch, SaId, Selector, protocol};
use espalier_driver::{Capabilities, Errno, PolicyParams};
use espalier_regs::mailbox::{MailField, Op, policy as field};
use espalier_regs::map::cap_features as cap;

type Change = fn(&mut PolicyParams);

struct Row {
    device: Capabilities,
    change: Change,
    says: Says,
}

enum Says {
    /// Message, field, errno.
    No(&'static str, &'static str, Errno),
    /// Accepted, and these fields of a command hold these values.
    Yes(Op, Vec<(MailField, u128)>),
}

fn no(change: Change, message: &'static str, field: &'static str, errno: Errno) -> Row {
    no_by(CAPABILITIES, change, message, field, errno)
}

fn no_by(device: Capabilities, change: Change, message: &'static str, field: &'static str, errno: Errno) -> Row {
    Row { device, change, says: Says::No(message, field, errno) }
}

fn yes(change: Change, op: Op, fields: &[(MailField, u128)]) -> Row {
    Row { device: CAPABILITIES, change, says: Says::Yes(op, fields.to_vec()) }
}

/// The policy of a tunnel between two gateways.
fn tunnel() -> PolicyParams {
    let selector = Selector::between("10.1.0.0/16".parse().expect("a prefix"), "10.2.0.0/16".parse().expect("a prefix"));
    let id = SaId { daddr: address("192.0.2.2"), spi: 0, proto: protocol::ESP };
    let template = Template { id, saddr: address("192.0.2.1"), mode: Mode::Tunnel, reqid: 4, level: Level::Required };
    PolicyParams { templates: vec![template], ..PolicyParams::new(selector, PolicyDirection::Out) }
}

fn run(local: bool, rows: Vec<Row>) {
    for (number, Row { device, change, says }) in rows.into_iter().enumerate() {
        let mut device = device_with(&device);
        if local {
            device.set_local_addresses(&[address("10.1.0.1")]).expect("set");
            device.bus().take();
        }
        let mut params = tunnel();
        change(&mut params);
        match (device.add_policy(&params), says) {
            (Err(error), Says::No(message, field, errno)) => {
                assert_eq!(error.to_string(), format!("policy: {field}: {message} ({errno})"), "row {number}");
                assert_eq!((error.field(), error.errno()), (Some(field), errno));
                assert_eq!(device.bus().take(), [], "{message}: nothing is read or written");
                assert_eq!(device.policies().count(), 0);
            }
            (Ok(handle), Says::Yes(op, fields)) => {
                let written = commands(&device.bus().take_writes());
                assert_eq!(written.iter().map(|command| command.op).collect::<Vec<_>>(), [op], "row {number}");
                for (field, value) in fields {
                    assert_eq!(written[0].get(field), value, "row {number}: {}", field.name);
                }
                assert!(device.policy(handle).is_some());
            }
            (Ok(_), Says::No(message, ..)) => panic!("row {number}: accepted, not '{message}'"),
            (Err(error), Says::Yes(..)) => panic!("row {number}: {error}"),
        }
    }
}

#[test]
fn what_the_rows_are_made_from_is_accepted() {
    run(false, vec![yes(|_| {}, Op::TxPolicyWrite, &[(field::ACTION, 2)])]);
}

#[test]
fn core_and_driver_level() {
    let block: Change = |p| (p.action, p.templates) = (Action::Block, Vec::new());
    let plain: Change = |p| {
        (p.selector, p.templates[0].reqid) = (Selector::any(Family::V4), 0);
    };
    run(
        true,
        vec![
            no_by(without(cap::PACKET_OFFLOAD), |_| {}, "Policy offload is not supported", "offload", Eopnotsupp),
            // type not main
            no(|p| p.ptype = PolicyType::Sub, "Cannot offload non-main policy types", "ptype", Eopnotsupp),
            // more than one template
            no(|p| p.templates.push(p.templates[0]), "Cannot offload more than one template", "tmpl", Eopnotsupp),
            // FWD
            yes(|p| p.direction = PolicyDirection::Fwd, Op::RxPolicyWrite, &[(field::VALUE_FORWARD, 1), (field::ACTION, 2)]),
            yes(|p| p.direction = PolicyDirection::In, Op::RxPolicyWrite, &[(field::VALUE_FORWARD, 0), (field::ACTION, 2)]),
            // reqid 0 without protocol and with all-zero addresses
            yes(plain, Op::TxPolicyWrite, &[(field::MASK_SRC, 0), (field::MASK_DST, 0), (field::MASK_PROTOCOL, 0)]),
            // protocol not in {any, UDP, TCP}
            yes(|p| p.selector.proto = 89, Op::TxPolicyWrite, &[(field::VALUE_PROTOCOL, 89), (field::MASK_PROTOCOL, 0xff)]),
            yes(|p| p.selector.proto = protocol::SCTP, Op::TxPolicyWrite, &[(field::VALUE_PROTOCOL, 132)]),
            // priority unsupported or U32_MAX
            yes(|p| p.priority = 1, Op::TxPolicyWrite, &[(field::ORDER, 1 << 16 | 255)]),
            yes(|p| p.priority = u32::MAX, Op::TxPolicyWrite, &[(field::ORDER, 0xffff_ffff << 16 | 255)]),
            // actions allow and block
            yes(|p| p.templates.clear(), Op::TxPolicyWrite, &[(field::ACTION, 0)]),
            yes(block, Op::TxPolicyWrite, &[(field::ACTION, 1)]),
        ],
    );
}

#[test]
fn directions_follow_from_the_capability_words() {
    let outbound_only = Capabilities { rx_policies: 0, ..CAPABILITIES };
    let input = "Cannot offload input policy: this device has outbound policies only";
    let forward = "Cannot offload forward policy";
    let nowhere = "Cannot offload forward policy: no local address is set, so nothing counts as forwarded";
    run(
        false,
        vec![
            no_by(outbound_only, |p| p.direction = PolicyDirection::In, input, "dir", Eopnotsupp),
            no_by(outbound_only, |p| p.direction = PolicyDirection::Fwd, forward, "dir", Eopnotsupp),
            no_by(Capabilities { local_addresses: 0, ..CAPABILITIES }, |p| p.direction = PolicyDirection::Fwd, forward, "dir", Eopnotsupp),
            no(|p| p.direction = PolicyDirection::Fwd, nowhere, "dir", Eopnotsupp),
            no_by(
                Capabilities { policies: 0, ..CAPABILITIES },
                |_| {},
                "Policy table for direction out is full: 0 entries",
                "selector",
                Enospc,
            ),
        ],
    );
}

#[test]
fn templates() {
    run(
        false,
        vec![
            no(|p| p.action = Action::Block, "A policy that blocks can't have a template", "tmpl", Einval),
            no(|p| p.templates[0].id.proto = protocol::AH, "Only ESP templates may be offloaded: proto 51", "tmpl", Eopnotsupp),
            no(|p| p.templates[0].mode = Mode::Beet, "Only transport and tunnel templates may be offloaded: mode Beet", "tmpl", Eopnotsupp),
            no_by(
                without(cap::TRANSPORT),
                |p| p.templates[0].mode = Mode::Transport,
                "Only transport and tunnel templates may be offloaded: mode Transport",
                "tmpl",
                Eopnotsupp,
            ),
            no(
                |p| p.templates[0].saddr = address("::1"),
                "Source and destination of the template are of different families",
                "tmpl",
                Einval,
            ),
            no(|p| p.templates[0].id.daddr = address("0.0.0.0"), "Destination address of a tunnel template must be given", "tmpl", Einval),
            yes(
                |p| (p.direction, p.templates[0].id.daddr) = (PolicyDirection::In, address("0.0.0.0")),
                Op::RxPolicyWrite,
                &[(field::ACTION, 2)],
            ),
            // level use: as in the kernel, packets pass without an SA
            yes(|p| p.templates[0].level = Level::Use, Op::TxPolicyWrite, &[(field::ACTION, 0)]),
            yes(
                |p| (p.direction, p.templates[0].level) = (PolicyDirection::In, Level::Use),
                Op::RxPolicyWrite,
                &[(field::ACTION, 2), (field::OPTIONAL, 1)],
            ),
        ],
    );
}

#[test]
fn what_the_device_does_not_see() {
    let mark = "Marks are not visible to the device";
    run(
        false,
        vec![
            no(
                |p| p.selector.src = Family::V6.any(),
                "Selector: source ::/0 and destination 10.2.0.0/16 are of different families",
                "selector",
                Einval,
            ),
            no(
                |p| (p.selector.proto, p.selector.dport) = (protocol::ICMPV6, PortMatch::exactly(1)),
                "Selector: the device sees no ports in protocol 58",
                "selector",
                Eopnotsupp,
            ),
            no(|p| p.selector.dev = Some("eth0".to_owned()), "Selector: the device does not match an interface", "selector", Eopnotsupp),
            no(|p| p.selector.user = 1000, "Selector: the device does not match a user", "selector", Eopnotsupp),
            no_by(without(cap::IPV4), |_| {}, "V4 is not supported by this device", "selector", Eopnotsupp),
            no(|p| p.mark = Mark { value: 1, mask: 1 }, mark, "mark", Eopnotsupp),
            no(|p| p.if_id = 1, "XFRM if_id is not visible to the device", "if_id", Eopnotsupp),
            no(|p| p.icmp = true, "Flag icmp can't be offloaded", "flag", Eopnotsupp),
            no(|p| p.limits.hard_packets = 9, "This device does not enforce limits of policies", "limit", Eopnotsupp),
            // The core's: time limits, and what concerns sockets.
            yes(|p| (p.limits.hard_add_seconds, p.localok) = (60, true), Op::TxPolicyWrite, &[]),
        ],
    );
}
