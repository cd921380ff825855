//! The core above the driver of an engine, on a bus that records.

use espalier_driver::bus::Recorder;
use espalier_driver::core::{Offloaded, PolicyId, PolicyRequest, SoftwareReason, StateRequest, XfrmCore};
use espalier_driver::ops::XfrmdevOps;
use espalier_driver::sa::{Aead, SaParams};
use espalier_driver::xfrm::{Limits, Mark};
use espalier_driver::{Device, Errno};
use espalier_regs::mailbox::Op;

use crate::common;
use crate::fixtures::{NO_MARK, START, THERE, id, inbound, inner, on_device, out, packet, policy, skb};
use crate::refusals::{core_rows, netlink_rows};

fn core() -> XfrmCore<Device<Recorder>> {
    let mut device = common::device();
    device.set_name("eth0");
    let mut core = XfrmCore::new(START);
    core.register(device).expect("a proper device");
    core.up("eth0").expect("it is there");
    core
}

/// What was written since the last time.
fn writes(core: &mut XfrmCore<Device<Recorder>>) -> Vec<(u32, u32)> {
    core.device_ops("eth0").expect("it is there").bus().take_writes()
}

fn commands(core: &mut XfrmCore<Device<Recorder>>) -> Vec<Op> {
    common::commands(&writes(core)).iter().map(|command| command.op).collect()
}

#[test]
fn no_register_is_written_for_what_netlink_and_core_refuse() {
    let mut core = core();
    for (request, message, _) in netlink_rows().into_iter().chain(core_rows()) {
        assert_eq!(core.state_add(request).expect_err(message).to_string(), message);
        assert_eq!(writes(&mut core), [], "{message}");
    }
}

#[test]
fn crypto_mode_falls_back_with_the_driver_s_reason() {
    let mut core = core();
    let wrong = Aead { name: "rfc4543(gcm(aes))".to_owned(), ..out(1).aead.expect("an aead") };
    let error = core.state_add(on_device(SaParams { aead: Some(wrong), ..out(1) })).expect_err("software can't do it either");
    assert_eq!((error.errno(), error.field()), (Errno::Eopnotsupp, Some("aead")));
    let marked = SaParams { mark: Mark { value: 1, mask: 1 }, ..out(2) };
    let added = core.state_add(on_device(marked.clone())).expect("software");
    let Offloaded::Software(SoftwareReason::Refused { field, reason, .. }) = added.offloaded else { panic!("{added:?}") };
    assert_eq!((field, reason.as_str()), (Some("mark"), "Marks are not visible to the device"));
    let error = core.state_add(on_device(packet(SaParams { id: id(THERE, 3), ..marked }))).expect_err("packet mode");
    assert_eq!((error.to_string().as_str(), error.errno()), ("Marks are not visible to the device", Errno::Eopnotsupp));
    assert_eq!(writes(&mut core), []);
    assert_eq!(core.sad_info().count, 1);
}

#[test]
fn the_engine_s_tables_follow_the_core_s() {
    let mut core = core();
    core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect("good");
    core.output("eth0", &skb(&inner(10)), 0, 0).expect_err("no SA yet");
    commands(&mut core);
    core.state_add(on_device(packet(out(1)))).expect("it answers the stub");
    let ops = commands(&mut core);
    assert!(ops.contains(&Op::TxSaWrite) && ops.contains(&Op::TxPolicyWrite), "{ops:?}");
    core.output("eth0", &skb(&inner(10)), 0, 0).expect("there is one");
    assert_eq!(core.state_add(on_device(packet(out(1)))).expect_err("it is there").errno(), Errno::Eexist);
    core.state_add(on_device(inbound(2))).expect("crypto mode");
    writes(&mut core);

    let limits = Limits { hard_packets: 100, ..Limits::NONE };
    core.state_update(on_device(packet(SaParams { limits, ..out(1) }))).expect("the engine can");
    assert_eq!(commands(&mut core), [Op::TxLimitsWrite]);
    let updated = espalier_driver::PolicyParams { priority: 5, ..policy() };
    core.policy_update(PolicyRequest::offloaded(updated, "eth0")).expect("good");
    let ops = commands(&mut core);
    let (write, clear) = (ops.iter().position(|op| *op == Op::TxPolicyWrite), ops.iter().position(|op| *op == Op::TxPolicyClear));
    assert!(write < clear && write.is_some(), "the new one first: {ops:?}");

    // Deleted with a packet in flight: out of the engine at once, its number free later.
    let held = core.state_lookup(&id(THERE, 1), 0).expect("there");
    core.state_delete(&id(THERE, 1), NO_MARK).expect("there");
    assert!(commands(&mut core).contains(&Op::TxSaClear));
    let mut spi = 10;
    while core.state_add(on_device(packet(out(spi)))).is_ok() {
        spi += 1;
    }
    let room = u32::from(common::CAPABILITIES.tx_sas);
    assert_eq!(spi - 10, room - 1, "one number is still taken");
    drop(held);
    core.state_add(on_device(packet(out(99)))).expect("the number is free");

    core.policy_delete(&PolicyId::of(&policy())).expect("there");
    core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect("good");
    core.down("eth0").expect("there");
    let device = core.device_ops("eth0").expect("there");
    assert_eq!((device.sas().count(), device.policies().count()), (0, 0));
    assert!(XfrmdevOps::next_event(device).is_none(), "no callback failed");
    assert_eq!((core.states_allocated(), core.policies_allocated()), (0, 0));
    core.up("eth0").expect("there");
    core.state_add(StateRequest::offloaded(packet(out(1)), "eth0")).expect("again");
}
