//! The device as the XFRM core drives it: the contract of the callbacks, on a recorder.

mod common;

use common::{CAPABILITIES, address, commands, device, device_with, sa, without};
use espalier_driver::bus::{Access, Recorder};
use espalier_driver::ops::{
    DeviceEvent, Features, Mib, MibCounters, SkBuff, XfrmPolicy, XfrmPolicyOffload, XfrmState, XfrmStateOffload, XfrmdevOps,
};
use espalier_driver::policy::{Level, Template};
use espalier_driver::xfrm::{Direction, Limits, Mode, OffloadMode, PolicyDirection, SaId, Selector, protocol};
use espalier_driver::{Capabilities, Device, Errno, Event, PolicyParams, SaParams};
use espalier_regs::mailbox::{Op, limits, tx_sa};
use espalier_regs::map;
use espalier_regs::map::cap_features as cap;
use espalier_regs::notice::{Kind, Notice};

fn state(params: SaParams) -> XfrmState {
    let (mode, direction) = (params.offload.mode, params.offload.direction);
    XfrmState::new(params, Some(XfrmStateOffload { dev: "esp0".to_owned(), mode, direction, acquire: false, offload_handle: None }))
}

fn outbound(mode: OffloadMode) -> XfrmState {
    let mut params = sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::Out);
    params.offload.mode = mode;
    state(params)
}

fn inbound(mode: OffloadMode) -> XfrmState {
    let mut params = sa("192.0.2.2", "192.0.2.1", 2, Mode::Tunnel, Direction::In);
    params.offload.mode = mode;
    state(params)
}

fn policy() -> XfrmPolicy {
    let selector = Selector::between("10.1.0.0/16".parse().expect("a prefix"), "10.2.0.0/16".parse().expect("a prefix"));
    let id = SaId { daddr: address("192.0.2.2"), spi: 0, proto: protocol::ESP };
    let template = Template { id, saddr: address("192.0.2.1"), mode: Mode::Tunnel, reqid: 0, level: Level::Required };
    let params = PolicyParams { templates: vec![template], ..PolicyParams::new(selector, PolicyDirection::Out) };
    XfrmPolicy::new(params, 9, Some(XfrmPolicyOffload { dev: "esp0".to_owned(), offload_handle: None }))
}

fn ops(device: &mut Device<Recorder>) -> Vec<(Op, u16)> {
    commands(&device.bus().take_writes()).iter().map(|command| (command.op, command.index)).collect()
}

fn answer(device: &mut Device<Recorder>, words: [u32; 10]) {
    for (offset, word) in map::RESULT.offsets().zip(words) {
        device.bus().answer(offset.into(), word);
    }
}

#[test]
fn what_the_device_says_of_itself() {
    let mut device = device_with(&Capabilities { max_frame_bytes: 1514, ..CAPABILITIES });
    device.set_name("esp0");
    let ops: &dyn XfrmdevOps = &device;
    assert_eq!((ops.name(), ops.mtu()), ("esp0", 1500));
    assert_eq!(ops.features(), Features { hw_esp: true, hw_esp_tx_csum: false });
    let callbacks = ops.callbacks();
    assert!(callbacks.state_add && callbacks.state_delete && callbacks.policy_add && callbacks.state_update);
    let features = CAPABILITIES.features & !(cap::PACKET_OFFLOAD.mask() | cap::CRYPTO_OFFLOAD.mask());
    assert!(!device_with(&Capabilities { features, ..CAPABILITIES }).features().hw_esp);
}

#[test]
fn a_state_is_out_of_the_device_at_delete_and_its_number_free_at_free() {
    let mut device = device_with(&Capabilities { tx_sas: 1, ..CAPABILITIES });
    let mut x = outbound(OffloadMode::Packet);
    device.xdo_dev_state_add(&mut x).expect("added");
    assert!(x.offload_handle().is_some());
    ops(&mut device);
    device.xdo_dev_state_delete(&mut x);
    assert_eq!(ops(&mut device), [(Op::TxSaClear, 0)]);
    // Packets in flight hold it: the number is not given to another.
    let mut next = outbound(OffloadMode::Packet);
    assert_eq!(device.xdo_dev_state_add(&mut next).expect_err("held").errno(), Errno::Enospc);
    assert_eq!(next.offload_handle(), None);
    // A second delete does nothing; free does no access.
    device.xdo_dev_state_delete(&mut x);
    device.bus().take();
    device.xdo_dev_state_free(&mut x);
    assert_eq!(device.bus().take(), []);
    device.xdo_dev_state_add(&mut next).expect("room");
    assert_ne!(next.offload_handle(), x.offload_handle());
    assert_eq!(XfrmdevOps::next_event(&mut device), None);
    // A second free is the core's mistake, and told.
    device.xdo_dev_state_free(&mut x);
    assert_eq!(XfrmdevOps::next_event(&mut device), Some(DeviceEvent::Failed("state_free: no such SA".to_owned())));
}

#[test]
fn a_stub_is_a_handle_and_nothing_else() {
    let mut device = device();
    let mut x = outbound(OffloadMode::Packet);
    x.params.aead = None;
    x.params.id.spi = 0;
    x.xso.as_mut().expect("offloaded").acquire = true;
    device.xdo_dev_state_add(&mut x).expect("allocated");
    assert!(x.offload_handle().is_some());
    device.xdo_dev_state_update_stats(&mut x);
    device.xdo_dev_state_delete(&mut x);
    device.xdo_dev_state_free(&mut x);
    assert_eq!(device.bus().take(), []);
    assert_eq!(device.sas().count(), 0);
    device.xdo_dev_state_free(&mut x);
    assert!(matches!(XfrmdevOps::next_event(&mut device), Some(DeviceEvent::Failed(_))), "freed once");
}

#[test]
fn a_refusal_leaves_nothing_behind() {
    let mut device = device_with(&without(cap::CRYPTO_OFFLOAD));
    let mut x = outbound(OffloadMode::Crypto);
    let error = device.xdo_dev_state_add(&mut x).expect_err("no crypto mode");
    assert_eq!((error.errno(), error.field()), (Errno::Eopnotsupp, Some("offload")));
    assert_eq!((x.offload_handle(), device.sas().count()), (None, 0));
    assert_eq!(device.bus().take(), []);
}

#[test]
fn the_replay_state_of_the_core_is_what_is_written() {
    let mut device = device();
    let mut x = outbound(OffloadMode::Packet);
    // Moved since the SA was made: a device that comes up again goes on from here.
    x.replay.oseq = 77;
    device.xdo_dev_state_add(&mut x).expect("added");
    assert_eq!(commands(&device.bus().take_writes())[0].get(tx_sa::SEQ), 77);
}

#[test]
fn counts_are_deltas_and_survive_the_wrap_of_the_devices() {
    let mut device = device();
    let mut x = inbound(OffloadMode::Packet);
    x.curlft.packets = 1000;
    device.xdo_dev_state_add(&mut x).expect("added");
    answer(&mut device, [5, 1, 10, 0, 600, 0, 0, 0xffff_fffe, 1, 2]);
    device.xdo_dev_state_update_stats(&mut x);
    assert_eq!((x.curlft.packets, x.curlft.bytes, x.replay.seq, x.replay.seq_hi), (1010, 600, 5, 1));
    assert_eq!((x.stats.replay, x.stats.replay_window, x.stats.integrity_failed), (0xffff_fffe, 1, 2));
    // Nothing new, nothing added.
    device.xdo_dev_state_update_stats(&mut x);
    assert_eq!((x.curlft.packets, x.stats.integrity_failed), (1010, 2));
    // The core's number starts anew, as with `ip xfrm`'s; the device's wraps.
    x.stats.replay = 0;
    answer(&mut device, [6, 1, 10, 1, 600, 2, 0, 3, 1, 2]);
    device.xdo_dev_state_update_stats(&mut x);
    assert_eq!((x.curlft.packets, x.curlft.bytes, x.stats.replay), (1010 + (1 << 32), 600 + (2 << 32), 5));
}

#[test]
fn in_crypto_mode_the_core_counts() {
    let mut device = device();
    let mut x = outbound(OffloadMode::Crypto);
    device.xdo_dev_state_add(&mut x).expect("added");
    device.bus().take();
    answer(&mut device, [9; 10]);
    device.xdo_dev_state_update_stats(&mut x);
    device.xdo_dev_state_advance_esn(&x);
    assert_eq!((x.curlft.packets, x.replay.oseq), (0, 0));
    assert_eq!(device.bus().take(), []);
}

#[test]
fn an_update_gives_new_limits() {
    let mut device = device();
    let mut x = outbound(OffloadMode::Packet);
    device.xdo_dev_state_add(&mut x).expect("added");
    device.bus().take();
    x.params.limits = Limits { soft_packets: 9, ..Limits::NONE };
    device.state_update(&mut x).expect("updated");
    let written = commands(&device.bus().take_writes());
    assert_eq!((written[0].op, written[0].get(limits::SOFT_PACKETS)), (Op::TxLimitsWrite, 9));
}

#[test]
fn a_policy_and_the_one_that_replaces_it_may_be_there_together() {
    let mut device = device();
    let (mut old, mut new) = (policy(), policy());
    device.xdo_dev_policy_add(&mut old).expect("added");
    device.xdo_dev_policy_add(&mut new).expect("its successor");
    assert_ne!(old.offload_handle(), new.offload_handle());
    device.bus().take();
    device.xdo_dev_policy_delete(&mut old);
    assert_eq!(ops(&mut device), [(Op::TxPolicyClear, 0)]);
    device.xdo_dev_policy_free(&mut old);
    assert_eq!(device.bus().take(), []);
    device.xdo_dev_policy_delete(&mut old);
    let told = XfrmdevOps::next_event(&mut device);
    assert!(matches!(told, Some(DeviceEvent::Failed(ref words)) if words.starts_with("policy_delete: ")), "{told:?}");
}

#[test]
fn events_come_by_offload_handle() {
    let mut device = device();
    let mut x = outbound(OffloadMode::Packet);
    device.xdo_dev_state_add(&mut x).expect("added");
    let handle = x.offload_handle().expect("a handle");
    let queue =
        [Kind::LifetimeSoft, Kind::LifetimeHard, Kind::SeqExhausted].map(|kind| Notice { kind: Some(kind), tx: true, sa: 0 }.encode());
    device.bus().queue(map::EVENT.offset.into(), queue);
    let events: Vec<_> = std::iter::from_fn(|| XfrmdevOps::next_event(&mut device)).collect();
    let expected = [DeviceEvent::LifetimeSoft(handle), DeviceEvent::LifetimeHard(handle), DeviceEvent::SequenceExhausted(handle)];
    assert_eq!(events, expected);
}

#[test]
fn what_a_void_callback_can_not_return_is_told() {
    let mut device = device();
    let mut x = outbound(OffloadMode::Packet);
    device.xdo_dev_state_add(&mut x).expect("added");
    device.bus().fail(Some(Access::Write(map::COMMAND.offset.into())));
    device.xdo_dev_state_delete(&mut x);
    let told = XfrmdevOps::next_event(&mut device);
    assert!(matches!(told, Some(DeviceEvent::Failed(ref words)) if words.starts_with("state_delete: write to the register")), "{told:?}");
    device.bus().fail(Some(Access::Read(map::EVENT.offset.into())));
    assert!(matches!(XfrmdevOps::next_event(&mut device), Some(DeviceEvent::Failed(_))));
}

#[test]
fn mib_counters_are_deltas() {
    let mut device = device();
    let mut mib = MibCounters::default();
    let count = |device: &mut Device<Recorder>, event: Event, value| device.bus().answer(event.offset().into(), value);
    count(&mut device, Event::RxDropReplay, 3);
    count(&mut device, Event::RxDropSeqZero, 1);
    count(&mut device, Event::TxDropPolicyBlock, 2);
    count(&mut device, Event::RxDecrypted, 99);
    device.update_mib(&mut mib);
    assert_eq!((mib.get(Mib::InStateSeqError), mib.get(Mib::OutPolBlock)), (4, 2));
    assert_eq!(mib.iter().map(|(_, count)| count).sum::<u64>(), 6, "what is no error is in no MIB counter");
    device.update_mib(&mut mib);
    assert_eq!(mib.get(Mib::InStateSeqError), 4);
    device.clear_counters().expect("cleared");
    count(&mut device, Event::RxDropReplay, 1);
    count(&mut device, Event::RxDropSeqZero, 0);
    count(&mut device, Event::TxDropPolicyBlock, 0);
    device.update_mib(&mut mib);
    assert_eq!(mib.get(Mib::InStateSeqError), 5);
}

/// Every counter that says where Linux counts the same names a counter that Linux has.
#[test]
fn every_mib_name_of_the_register_map_is_one_of_the_kernels() {
    for event in Event::ALL {
        if let Some(xfrm) = event.xfrm() {
            assert!(Mib::by_name(xfrm.mib).is_some(), "{}", xfrm.mib);
        }
    }
}

fn ethernet(tags: usize, packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x81, 0x00, 0, 5].repeat(tags));
    frame.extend(if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] });
    frame.extend(packet);
    frame
}

fn ipv4(length: usize, fragment: u16) -> Vec<u8> {
    let mut packet = vec![0; length];
    packet[0] = 0x45;
    packet[6..8].copy_from_slice(&fragment.to_be_bytes());
    packet
}

#[test]
fn offload_ok_says_what_the_device_can_not_do() {
    let mut device = device_with(&Capabilities { max_frame_bytes: 1514, ..CAPABILITIES });
    let mut tunnel = outbound(OffloadMode::Crypto);
    device.xdo_dev_state_add(&mut tunnel).expect("added");
    let mut transport = outbound(OffloadMode::Crypto);
    (transport.params.mode, transport.params.id.spi) = (Mode::Transport, 3);
    device.xdo_dev_state_add(&mut transport).expect("added");
    let ok = |x: &XfrmState, frame: &[u8], gso_size| device.xdo_dev_offload_ok(&SkBuff { frame, gso_size }, x);
    let small = ethernet(0, &ipv4(100, 0));
    assert!(ok(&tunnel, &small, None) && ok(&transport, &small, None));
    assert!(!ok(&tunnel, &small, Some(1400)), "no segmentation");
    // The ESP packet must fit into the longest frame, tags included.
    assert!(ok(&tunnel, &ethernet(0, &ipv4(1446, 0)), None) && !ok(&tunnel, &ethernet(0, &ipv4(1447, 0)), None));
    assert!(ok(&transport, &ethernet(0, &ipv4(1466, 0)), None) && !ok(&transport, &ethernet(0, &ipv4(1467, 0)), None));
    assert!(ok(&tunnel, &ethernet(1, &ipv4(1442, 0)), None) && !ok(&tunnel, &ethernet(1, &ipv4(1446, 0)), None));
    // Fragments fit into a tunnel only. DF is none.
    let (more, later, whole) = (ethernet(0, &ipv4(100, 0x2000)), ethernet(0, &ipv4(100, 1)), ethernet(0, &ipv4(100, 0x4000)));
    assert!(!ok(&transport, &more, None) && !ok(&transport, &later, None) && ok(&transport, &whole, None));
    assert!(ok(&tunnel, &more, None));
    // Not IP, or no frame at all.
    assert!(!ok(&tunnel, &[0; 60], None) && !ok(&tunnel, &[], None));
    let mut gone = outbound(OffloadMode::Crypto);
    gone.params.id.spi = 9;
    assert!(!ok(&gone, &small, None), "never added");
}
