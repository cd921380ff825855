//! Bring-up, deadlines and failures of the bus.

mod common;

use std::time::Duration;

use common::{CAPABILITIES, DONE, commands, device, recorder, sa};
use espalier_driver::bus::{Access, Recorded};
use espalier_driver::xfrm::{Direction, Mode};
use espalier_driver::{Capabilities, Device, Errno, Error, Event};
use espalier_regs::mailbox::Op;
use espalier_regs::map;

#[test]
fn bring_up_reads_before_it_writes_and_leaves_the_device_empty_and_stopped() {
    let mut device = Device::open(recorder(&CAPABILITIES)).expect("bring-up");
    assert_eq!(*device.capabilities(), CAPABILITIES);
    let record = device.bus().take();
    let first_write = record.iter().position(|access| matches!(access, Recorded::Write { .. })).expect("a write");
    let read = |offset: u16| {
        record[..first_write].iter().any(|access| matches!(access, Recorded::Read { offset: o, .. } if *o == u32::from(offset)))
    };
    assert!(read(map::MAGIC.offset) && read(map::VERSION.offset) && read(map::CAP_FEATURES.offset));
    assert_eq!(record[first_write], Recorded::Write { offset: map::CONTROL.offset.into(), value: 0 });

    let writes: Vec<_> = record
        .iter()
        .filter_map(|access| match access {
            Recorded::Write { offset, value } => Some((*offset, *value)),
            _ => None,
        })
        .collect();
    let cleared = commands(&writes[1..writes.len() - 2]);
    let count = |op| cleared.iter().filter(|command| command.op == op).count();
    assert_eq!([count(Op::TxPolicyClear), count(Op::CamClear), count(Op::TxSaClear), count(Op::RxSaClear)], [8, 128, 8, 8]);
    assert_eq!([count(Op::RxPolicyClear), count(Op::LocalClear)], [64, 8]);
    assert_eq!(cleared.len(), 224);
    assert_eq!(writes[writes.len() - 2..], [(map::EVENT_LOST.offset.into(), 1), (map::COUNTER_CLEAR.offset.into(), 1)]);
}

#[test]
fn another_device_is_refused_and_not_written_to() {
    let mut bus = recorder(&CAPABILITIES);
    bus.answer(map::MAGIC.offset.into(), 0x1234_5678);
    let error = Device::open(&mut bus).expect_err("no Espalier");
    assert_eq!(error.to_string(), "no Espalier device: its first register reads 0x12345678, not 0x45535041");
    assert_eq!(error.errno(), Errno::Enodev);
    assert_eq!(bus.take_writes(), []);
}

#[test]
fn a_device_that_is_gone_is_told_from_another() {
    let mut bus = recorder(&CAPABILITIES);
    bus.answer(map::MAGIC.offset.into(), u32::MAX);
    assert!(matches!(Device::open(&mut bus), Err(Error::Gone)));
    assert_eq!(bus.take_writes(), []);

    let mut device = device();
    device.bus().answer(map::STATUS.offset.into(), u32::MAX);
    device.bus().answer(map::MAGIC.offset.into(), u32::MAX);
    let error = device.set_local_addresses(&[common::address("192.0.2.1")]).expect_err("gone");
    assert!(matches!(error, Error::Gone), "{error}");
    assert_eq!(error.errno(), Errno::Enodev);
}

#[test]
fn all_ones_in_one_register_are_a_value() {
    let mut device = device();
    device.bus().answer(Event::RxBypassed.offset().into(), u32::MAX);
    assert_eq!(device.counters().expect("read").get(Event::RxBypassed), u64::from(u32::MAX));
}

#[test]
fn another_version_is_refused_naming_both() {
    let mut bus = recorder(&CAPABILITIES);
    bus.answer(map::VERSION.offset.into(), 0x0007_0003);
    let error = Device::open(&mut bus).expect_err("another version");
    let driver = format!("{}.{}", map::MAJOR, map::MINOR);
    assert_eq!(error.to_string(), format!("the device has version 7.3 of the register map, this driver is for version {driver}"));
    assert_eq!(error.errno(), Errno::Enodev);
    assert_eq!(bus.take_writes(), []);
}

#[test]
fn capabilities_that_make_no_sense_are_refused() {
    for (capabilities, register) in [
        (Capabilities { tx_sas: 1025, ..CAPABILITIES }, "CAP_SAS reads 0x00080401"),
        (Capabilities { rx_policies: 65, ..CAPABILITIES }, "CAP_POLICIES reads 0x00410008"),
        (Capabilities { cam_ways: 3, ..CAPABILITIES }, "CAP_CAM reads 0x00000503"),
        (Capabilities { cam_row_bits: 40, ..CAPABILITIES }, "CAP_CAM reads 0x00002804"),
    ] {
        let mut bus = recorder(&capabilities);
        let error = Device::open(&mut bus).expect_err("refused");
        assert_eq!(error.to_string(), format!("the device's capability word {register}, which this driver can't serve"));
        assert_eq!(error.errno(), Errno::Enodev);
        assert_eq!(bus.take_writes(), []);
    }
}

#[test]
fn enable_and_disable_write_both_directions() {
    let mut device = device();
    device.enable().expect("enable");
    device.disable().expect("disable");
    let control = u32::from(map::CONTROL.offset);
    assert_eq!(device.bus().take_writes(), [(control, 3), (control, 0)]);
}

#[test]
fn counters_are_read_low_half_first() {
    let mut device = device();
    let low = u32::from(Event::RxDropIcv.offset());
    device.bus().answer(low, 0x0000_0002);
    device.bus().answer(low + 4, 0x0000_0001);
    let counters = device.counters().expect("counters");
    assert_eq!(counters.get(Event::RxDropIcv), 0x1_0000_0002);
    assert_eq!(counters.by_name("rx_drop_icv"), Some(0x1_0000_0002));
    assert_eq!(counters.by_name("rx_drop_everything"), None);
    assert_eq!(counters.mib("XfrmInStateProtoError"), 0x1_0000_0002);
    assert_eq!(counters.iter().map(|(_, count)| count).sum::<u64>(), 0x1_0000_0002);
    let record = device.bus().take();
    let at = |offset| record.iter().position(|access| matches!(access, Recorded::Read { offset: o, .. } if *o == offset));
    assert!(at(low) < at(low + 4));
}

#[test]
fn a_command_that_does_not_end_times_out_by_name_and_stops_the_driver() {
    let mut device = device();
    device.bus().answer(map::STATUS.offset.into(), map::status::BUSY.mask());
    let sa = sa("192.0.2.1", "192.0.2.2", 0x1001, Mode::Tunnel, Direction::Out);
    let error = device.add_sa(&sa).expect_err("no answer");
    assert_eq!(error.to_string(), "TX_SA_WRITE 0: no answer within 2ms");
    assert_eq!(error.errno(), Errno::Etimedout);
    let waited: Duration =
        device.bus().take().iter().filter(|access| **access == Recorded::Pause).count() as u32 * espalier_driver::bus::Recorder::TICK;
    assert_eq!(waited, Duration::from_millis(2));

    device.bus().answer(map::STATUS.offset.into(), DONE);
    let error = device.add_sa(&sa).expect_err("the table may be half-way");
    assert!(matches!(error, Error::Broken));
    assert_eq!(error.errno(), Errno::Enodev);
    assert_eq!(device.sas().count(), 0);
    assert_eq!(device.bus().take(), []);
}

#[test]
fn a_command_left_running_is_waited_for() {
    let mut bus = recorder(&CAPABILITIES);
    bus.queue(map::STATUS.offset.into(), [map::status::BUSY.mask(); 5]);
    Device::open(&mut bus).expect("bring-up");
    assert_eq!(bus.take().iter().filter(|access| **access == Recorded::Pause).count(), 5);
    bus.answer(map::STATUS.offset.into(), map::status::BUSY.mask());
    assert_eq!(Device::open(&mut bus).expect_err("busy").to_string(), "mailbox idle: no answer within 2ms");
}

#[test]
fn a_command_that_the_device_refuses_is_told_with_its_reason() {
    let mut device = device();
    let status = map::status::ERROR.set(DONE, espalier_regs::mailbox::Error::Index.code());
    device.bus().answer(map::STATUS.offset.into(), status);
    let error = device.add_sa(&sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::Out)).expect_err("refused");
    assert_eq!(error.to_string(), "TX_SA_WRITE 0: the device refused it: INDEX is past the end of the table.");
    assert_eq!(error.errno(), Errno::Eio);
}

#[test]
fn a_failing_access_names_the_register() {
    let mut device = device();
    let command = u32::from(map::COMMAND.offset);
    device.bus().fail(Some(Access::Write(command)));
    let error = device.add_sa(&sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::Out)).expect_err("bus error");
    assert_eq!(error.to_string(), format!("write to the register at {command:#06x} failed: the device answered SLVERR"));
    assert_eq!(error.errno(), Errno::Eio);
}

#[test]
fn close_takes_every_key_out() {
    let mut device = device();
    device.add_sa(&sa("192.0.2.1", "192.0.2.2", 1, Mode::Tunnel, Direction::Out)).expect("added");
    device.bus().take();
    let mut bus = device.close().expect("closed");
    let writes = bus.take_writes();
    assert_eq!(writes[0], (map::CONTROL.offset.into(), 0));
    assert!(commands(&writes[1..]).iter().any(|command| command.op == Op::TxSaClear && command.index == 0));
}
