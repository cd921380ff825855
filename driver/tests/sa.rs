//! SAs that are accepted: exactly what is written, and in which order.

mod common;

use common::{CAPABILITIES, Command, address, commands, device, device_with, key, sa};
use espalier_driver::bus::{Access, Recorded};
use espalier_driver::sa::{Encap, EncapKind};
use espalier_driver::xfrm::{Direction, Family, Mode, Selector};
use espalier_driver::{Capabilities, Device, Errno, Error, SaError, SaParams};
use espalier_regs::mailbox::{Op, cam, rx_sa, tx_sa};
use espalier_regs::map;
use espalier_regs::map::cap_features;

fn outbound() -> SaParams {
    sa("192.0.2.1", "192.0.2.2", 0x1001, Mode::Tunnel, Direction::Out)
}

fn inbound() -> SaParams {
    sa("192.0.2.2", "192.0.2.1", 0x1002, Mode::Tunnel, Direction::In)
}

fn ops(commands: &[Command]) -> Vec<(Op, u16)> {
    commands.iter().map(|command| (command.op, command.index)).collect()
}

#[test]
fn outbound_tunnel_sa_is_written_word_for_word() {
    let mut device = device();
    let mut params = outbound();
    params.replay.oseq = 0x0102_0304;
    device.set_mtu(1500).expect("set");
    device.add_sa(&params).expect("added");
    let mail = u32::from(map::MAIL.offset);
    let words: [u32; 23] = [
        0,
        0,
        0,
        0, // AES key, left aligned in 256 bits: the first byte is the most significant
        0x0c0d_0e0f,
        0x0809_0a0b,
        0x0405_0607,
        0x0001_0203,
        0xa0a1_a2a3, // salt
        0x0102_0304,
        0,           // last sequence number used
        0x0040_0008, // TTL 64, tunnel mode, AES-128
        0x0000_1001, // SPI
        0xc000_0201,
        0,
        0,
        0, // source
        0xc000_0202,
        0,
        0,
        0,    // destination
        0,    // no UDP encapsulation
        1446, // xfrm_state_mtu of 1500
    ];
    let mut expected: Vec<_> = (0..).step_by(4).map(|word: u32| mail + word).zip(words).collect();
    expected.push((map::COMMAND.offset.into(), 0x0000_0001));
    let record = device.bus().take();
    let (writes, limits) = record.split_at(expected.len());
    let poll = &limits[0];
    let writes: Vec<_> = writes
        .iter()
        .map(|access| match access {
            Recorded::Write { offset, value } => (*offset, *value),
            other => panic!("{other:?} before the command"),
        })
        .collect();
    assert_eq!(writes, expected);
    assert_eq!(*poll, Recorded::Read { offset: map::STATUS.offset.into(), value: common::DONE });
}

#[test]
fn inbound_sa_comes_before_its_cam_entry_and_goes_after_it() {
    let mut device = device();
    let mut params = inbound();
    params.replay_window = 64;
    params.replay.seq = 7;
    let handle = device.add_sa(&params).expect("added");
    let added = commands(&device.bus().take_writes());
    let [sa, .., entry] = &added[..] else { panic!("{added:?}") };
    let row = entry.index;
    let own = [(Op::RxSaWrite, 0), (Op::RxLimitsWrite, 0), (Op::RxSelectorWrite, 0), (Op::RxAcceptWrite, 0)];
    assert_eq!(ops(&added), [&own[..], &[(Op::CamWrite, row)]].concat());
    assert_eq!(sa.get(rx_sa::SEQ), 7);
    assert_eq!(sa.get(rx_sa::REPLAY_WINDOW), 64);
    assert_eq!(sa.get(rx_sa::TUNNEL), 1);
    assert_eq!(sa.get(rx_sa::SALT), 0xa0a1_a2a3);
    assert_eq!(entry.get(cam::KEY_DST), 0xc000_0201);
    assert_eq!(entry.get(cam::KEY_SPI), 0x1002);
    assert_eq!((entry.get(cam::SA), entry.get(cam::KEY_V6), entry.get(cam::KEY_ENCAP)), (0, 0, 0));
    let rows = espalier_regs::cam::rows(0xc000_0201, 0x1002, false, false, 5);
    assert_eq!(rows[usize::from(entry.way)], row);

    device.delete_sa(handle).expect("deleted");
    let deleted = commands(&device.bus().take_writes());
    assert_eq!(ops(&deleted), [(Op::CamClear, row), (Op::RxSaClear, 0)]);
    assert_eq!(deleted[0].way, entry.way);
    assert!(matches!(device.delete_sa(handle), Err(Error::NoSuchSa)));
    assert_eq!(device.bus().take_writes(), []);
}

#[test]
fn every_outbound_field_reaches_its_place() {
    let features = CAPABILITIES.features | cap_features::NAT_T_IPV6_OUT.mask();
    let mut device = device_with(&Capabilities { features, ..CAPABILITIES });
    let mut params = sa("2001:db8::1", "2001:db8::2", 0xffff_fffe, Mode::Tunnel, Direction::Out);
    params.aead.as_mut().expect("aead").key = key(32);
    params.flags.esn = true;
    params.flags.noecn = true;
    params.flags.nopmtudisc = true;
    params.flags.dont_encap_dscp = true;
    params.replay.oseq_hi = 9;
    params.replay.oseq = 0xffff_ffff;
    params.encap = Some(Encap { kind: EncapKind::EspInUdp, sport: 4500, dport: 4501, oaddr: address("::") });
    device.add_sa(&params).expect("added");
    let added = commands(&device.bus().take_writes());
    let get = |field| added[0].get(field);
    assert_eq!(get(tx_sa::KEY_SIZE), 2);
    assert_eq!(get(tx_sa::SEQ), 0x9_ffff_ffff);
    assert_eq!([get(tx_sa::ESN), get(tx_sa::TUNNEL), get(tx_sa::OUTER_V6), get(tx_sa::ENCAP)], [1; 4]);
    assert_eq!([get(tx_sa::DONT_ENCAP_DSCP), get(tx_sa::NO_ECN), get(tx_sa::NO_PMTU_DISC)], [1; 3]);
    assert_eq!((get(tx_sa::ENCAP_SPORT), get(tx_sa::ENCAP_DPORT)), (4500, 4501));
    assert_eq!(get(tx_sa::SRC), 0x2001_0db8_0000_0000_0000_0000_0000_0001);
    assert_eq!(get(tx_sa::DST), 0x2001_0db8_0000_0000_0000_0000_0000_0002);
    // The last 8 bytes of the key are its low 64 bits.
    assert_eq!(get(tx_sa::KEY) as u64, 0x1819_1a1b_1c1d_1e1f);
}

#[test]
fn transport_mode_leaves_the_outer_header_out() {
    let mut device = device();
    device.add_sa(&sa("192.0.2.1", "192.0.2.2", 5, Mode::Transport, Direction::Out)).expect("added");
    let added = commands(&device.bus().take_writes());
    for field in [tx_sa::TUNNEL, tx_sa::TTL, tx_sa::SRC, tx_sa::DST, tx_sa::OUTER_V6] {
        assert_eq!(added[0].get(field), 0, "{}", field.name);
    }
}

#[test]
fn nat_t_is_part_of_the_cam_key() {
    let mut device = device();
    let mut params = inbound();
    params.encap = Some(Encap { kind: EncapKind::EspInUdp, sport: 31000, dport: 4500, oaddr: address("0.0.0.0") });
    device.add_sa(&params).expect("added");
    assert_eq!(commands(&device.bus().take_writes()).last().expect("commands").get(cam::KEY_ENCAP), 1);
}

#[test]
fn sequence_numbers_are_the_last_ones_used() {
    let mut device = device();
    let tx = device.add_sa(&outbound()).expect("added");
    let rx = device.add_sa(&inbound()).expect("added");
    device.bus().take();
    let result = u32::from(map::RESULT.offset);
    device.bus().answer(result, 0);
    device.bus().answer(result + 4, 1);
    assert_eq!(device.sequence(tx).expect("read"), 0x1_0000_0000);
    assert_eq!(device.sequence(rx).expect("read"), 0x1_0000_0000);
    let read = commands(&device.bus().take_writes());
    assert_eq!(ops(&read), [(Op::ReadTxSa, 0), (Op::ReadRxSa, 0)]);
}

#[test]
fn a_full_table_refuses_and_a_deletion_makes_room() {
    let mut device = device();
    let mut handles = Vec::new();
    for spi in 1..=8 {
        handles.push(device.add_sa(&sa("192.0.2.1", "192.0.2.2", spi, Mode::Tunnel, Direction::Out)).expect("room"));
    }
    device.bus().take();
    let one_more = sa("192.0.2.1", "192.0.2.2", 9, Mode::Tunnel, Direction::Out);
    let error = device.add_sa(&one_more).expect_err("full");
    assert_eq!(error.to_string(), "state: id: SA table for direction Out is full: 8 SAs (ENOSPC)");
    assert_eq!(error.errno(), Errno::Enospc);
    assert_eq!(device.bus().take_writes(), []);
    assert_eq!(device.sas().count(), 8);

    device.delete_sa(handles[3]).expect("deleted");
    device.bus().take();
    device.add_sa(&one_more).expect("room");
    assert_eq!(ops(&commands(&device.bus().take_writes()))[0], (Op::TxSaWrite, 3));
}

#[test]
fn an_index_rests_before_it_is_used_again() {
    let mut device = device();
    let first = device.add_sa(&outbound()).expect("added");
    device.delete_sa(first).expect("deleted");
    device.bus().take();
    let second = device.add_sa(&outbound()).expect("added");
    assert_ne!(first, second);
    assert_eq!(device.sa(second).map(|sa| sa.index), Some(1));
}

#[test]
fn the_same_sa_twice_is_refused() {
    let mut device = device();
    device.add_sa(&outbound()).expect("added");
    device.bus().take();
    let error = device.add_sa(&outbound()).expect_err("exists");
    assert_eq!(error.errno(), Errno::Eexist);
    assert!(matches!(error, Error::Sa(SaError::Exists)));
    assert_eq!(device.bus().take_writes(), []);
}

/// What the CAM holds, by place, after the commands.
fn cam_after(commands: &[Command], table: &mut std::collections::BTreeMap<(u16, u8), (u128, u128)>) {
    for command in commands {
        let place = (command.index, command.way);
        match command.op {
            Op::CamWrite => {
                table.insert(place, (command.get(cam::KEY_SPI), command.get(cam::SA)));
            }
            Op::CamClear => {
                table.remove(&place);
            }
            _ => {}
        }
    }
}

#[test]
fn cam_entries_move_without_ever_being_missed() {
    // More SAs than the CAM is meant for, so that entries must move.
    let capabilities = Capabilities { rx_sas: 124, cam_row_bits: 5, ..CAPABILITIES };
    let mut device = device_with(&capabilities);
    let mut table = std::collections::BTreeMap::new();
    let mut installed = 0;
    let mut moved = false;
    for spi in 0..124_u32 {
        let params = sa("192.0.2.2", "192.0.2.1", 0x9e37_79b9_u32.wrapping_mul(spi + 1), Mode::Tunnel, Direction::In);
        match device.add_sa(&params) {
            Ok(_) => installed += 1,
            Err(error) => {
                assert!(matches!(error, Error::Sa(SaError::LookupFull { installed: n }) if n == installed), "{error}");
                assert_eq!(error.errno(), Errno::Enospc);
                assert_eq!(device.bus().take_writes(), []);
                continue;
            }
        }
        let commands = commands(&device.bus().take_writes());
        moved |= commands.len() > 5;
        assert_eq!(commands[0].op, Op::RxSaWrite);
        let before: std::collections::BTreeSet<_> = table.values().copied().collect();
        for command in &commands[4..] {
            cam_after(std::slice::from_ref(command), &mut table);
            let now: std::collections::BTreeSet<_> = table.values().copied().collect();
            assert!(now.is_superset(&before), "an entry was lost on its way");
        }
        assert_eq!(table.len(), installed);
    }
    assert!(moved && installed >= 64);
    let handles: Vec<_> = device.sas().map(|sa| sa.handle).collect();
    for handle in handles {
        device.delete_sa(handle).expect("deleted");
        cam_after(&commands(&device.bus().take_writes()), &mut table);
    }
    assert!(table.is_empty());
}

#[test]
fn selectors_and_flags_without_meaning_for_the_device_are_accepted() {
    let mut device = device();
    let mut params = inbound();
    params.selector = Some(Selector::any(Family::V4));
    params.flags.nopmtudisc = true;
    params.flags.noecn = true;
    params.flags.align4 = true;
    params.limits.hard_use_seconds = 3600;
    device.add_sa(&params).expect("added");
}

#[test]
fn keys_are_not_printed() {
    let params = outbound();
    let printed = format!("{params:?}");
    assert!(printed.contains("Key(160 bits)"), "{printed}");
    assert!(!printed.contains("160, 161") && !printed.contains("a0a1"), "{printed}");
}

#[test]
fn a_failure_half_way_stops_the_driver_until_the_device_is_opened_again() {
    let mut device = device();
    let command = u32::from(map::COMMAND.offset);
    device.bus().fail(Some(Access::Write(command)));
    device.add_sa(&inbound()).expect_err("bus error");
    device.bus().fail(None);
    assert!(matches!(device.add_sa(&outbound()), Err(Error::Broken)));
    assert!(matches!(device.enable(), Err(Error::Broken)));
    let mut device = Device::open(device.into_bus()).expect("opened again");
    device.add_sa(&inbound()).expect("added");
}
