//! The MTU and updates: what of an SA in force is written again, and that the rest stays.

mod common;

use common::{Command, address, commands, device, device_with, sa};
use espalier_driver::bus::Recorder;
use espalier_driver::sa::{Encap, EncapKind, NO_LIMIT};
use espalier_driver::xfrm::{Direction, Limits, Mode, OffloadMode};
use espalier_driver::{Capabilities, Device, Errno, Error, SaError, SaParams};
use espalier_regs::mailbox::{Op, limits, tx_sa};
use proptest::prelude::*;

fn written(device: &mut Device<Recorder>) -> Vec<Command> {
    commands(&device.bus().take_writes())
}

fn ops(commands: &[Command]) -> Vec<(Op, u16)> {
    commands.iter().map(|command| (command.op, command.index)).collect()
}

fn udp(sport: u16, dport: u16) -> Option<Encap> {
    Some(Encap { kind: EncapKind::EspInUdp, sport, dport, oaddr: address("0.0.0.0") })
}

fn outbound(mode: Mode) -> SaParams {
    sa("192.0.2.1", "192.0.2.2", 1, mode, Direction::Out)
}

fn ipv6(mode: Mode) -> SaParams {
    sa("2001:db8::1", "2001:db8::2", 1, mode, Direction::Out)
}

/// xfrm_state_mtu, as the kernel has it: the longest IP packet that fits once it is encapsulated.
fn xfrm_state_mtu(mtu: u32, header_len: u32, authsize: u32, net_adj: u32) -> u32 {
    ((mtu - header_len - authsize - net_adj) & !3) + net_adj - 2
}

#[test]
fn the_longest_payload_is_that_of_xfrm_state_mtu() {
    type Change = fn(&mut SaParams);
    // The kernel's header_len holds ESP header, IV, a tunnel's outer header, and UDP's; net_adj is a transport packet's own.
    let rows: [(SaParams, Change, u32, u32, u32); 7] = [
        (outbound(Mode::Tunnel), |_| {}, 20 + 16, 16, 0),
        (outbound(Mode::Transport), |_| {}, 16, 16, 20),
        (ipv6(Mode::Tunnel), |_| {}, 40 + 16, 16, 0),
        (ipv6(Mode::Transport), |_| {}, 16, 16, 40),
        (outbound(Mode::Tunnel), |p| p.encap = udp(4500, 4500), 20 + 16 + 8, 16, 0),
        (outbound(Mode::Transport), |p| p.encap = udp(4500, 4500), 16 + 8, 16, 20),
        (outbound(Mode::Tunnel), |p| p.aead.as_mut().expect("aead").icv_bits = 64, 20 + 16, 8, 0),
    ];
    for (mut params, change, header_len, authsize, net_adj) in rows {
        change(&mut params);
        for mtu in [576, 1280, 1499, 1500, 1501, 1502, 1503, 9000] {
            let mut device = device();
            device.set_mtu(mtu).expect("set");
            let handle = device.add_sa(&params).expect("added");
            let expected = xfrm_state_mtu(mtu.into(), header_len, authsize, net_adj) - net_adj;
            assert_eq!(written(&mut device)[0].get(tx_sa::MAX_PAYLOAD), expected.into(), "{params:?} {mtu}");
            assert_eq!(device.sa(handle).map(|sa| u32::from(sa.max_payload)), Some(expected));
        }
    }
}

proptest! {
    /// The longest payload fits, with its trailer, and one byte more would not.
    #[test]
    fn the_longest_payload_fits_and_no_longer_one(mtu in 100..9000_u16, tunnel: bool, v6: bool, icv in prop::sample::select(vec![64_u32, 96, 128])) {
        let mode = if tunnel { Mode::Tunnel } else { Mode::Transport };
        let mut params = if v6 { ipv6(mode) } else { outbound(mode) };
        params.aead.as_mut().expect("aead").icv_bits = icv;
        let mut device = device();
        device.set_mtu(mtu).expect("set");
        let handle = device.add_sa(&params).expect("added");
        let longest = device.sa(handle).expect("installed").max_payload;
        // RFC 4303 section 2.4: payload, pad length and next header end on 4 bytes.
        let packet = |payload: u32| (if v6 { 40 } else { 20 }) + 8 + 8 + (payload + 2).next_multiple_of(4) + icv / 8;
        prop_assert!(packet(longest.into()) <= mtu.into());
        prop_assert!(packet(u32::from(longest) + 1) > mtu.into());
    }
}

#[test]
fn the_mtu_is_at_first_the_longest_and_has_bounds() {
    let mut device = device_with(&Capabilities { max_frame_bytes: 1514, ..common::CAPABILITIES });
    assert_eq!(device.mtu(), 1500);
    for mtu in [0, 67, 1501, 65535] {
        let error = device.set_mtu(mtu).expect_err("out of bounds");
        assert_eq!(error.to_string(), format!("mtu {mtu} is not from 68 to 1500"));
        assert_eq!(error.errno(), Errno::Einval);
    }
    assert_eq!(device.bus().take(), []);
}

#[test]
fn a_new_mtu_rewrites_outbound_sas_that_encapsulate_and_keeps_their_state() {
    let mut device = device();
    let mut params = outbound(Mode::Tunnel);
    params.flags.esn = true;
    params.replay.oseq = 7;
    let handle = device.add_sa(&params).expect("added");
    let mut crypto = SaParams { offload: params.offload, ..ipv6(Mode::Tunnel) };
    crypto.offload.mode = OffloadMode::Crypto;
    let crypto = device.add_sa(&crypto).expect("added");
    device.add_sa(&sa("192.0.2.2", "192.0.2.1", 2, Mode::Tunnel, Direction::In)).expect("added");
    let first = written(&mut device).remove(0);
    device.set_mtu(1500).expect("set");
    let again = written(&mut device);
    assert_eq!(ops(&again), [(Op::TxSaWrite, 0)]);
    assert_eq!((first.get(tx_sa::KEEP), again[0].get(tx_sa::KEEP)), (0, 1));
    assert_eq!(again[0].get(tx_sa::MAX_PAYLOAD), 1446);
    for field in [tx_sa::KEY, tx_sa::SALT, tx_sa::SPI, tx_sa::ESN, tx_sa::TUNNEL, tx_sa::SRC, tx_sa::DST, tx_sa::TTL] {
        assert_eq!(again[0].get(field), first.get(field), "{}", field.name);
    }
    assert_eq!(device.sa(handle).map(|sa| sa.max_payload), Some(1446));
    assert_eq!(device.sa(crypto).map(|sa| sa.max_payload), Some(NO_LIMIT));
    // The same again: nothing to do.
    device.set_mtu(1500).expect("set");
    assert_eq!(device.bus().take(), []);
}

#[test]
fn an_update_writes_limits_and_ports_and_keeps_the_rest() {
    let mut device = device();
    let params = SaParams { encap: udp(4500, 4500), ..outbound(Mode::Tunnel) };
    let tx = device.add_sa(&params).expect("added");
    let rx = device.add_sa(&sa("192.0.2.2", "192.0.2.1", 2, Mode::Tunnel, Direction::In)).expect("added");
    written(&mut device);
    let wanted = Limits { hard_bytes: 1 << 33, ..Limits::NONE };
    device.update_sa(tx, wanted, udp(4500, 31000)).expect("updated");
    let commands = written(&mut device);
    assert_eq!(ops(&commands), [(Op::TxSaWrite, 0), (Op::TxLimitsWrite, 0)]);
    assert_eq!((commands[0].get(tx_sa::KEEP), commands[0].get(tx_sa::ENCAP_DPORT)), (1, 31000));
    assert_eq!(commands[1].get(limits::HARD_BYTES), 1 << 33);
    assert_eq!(device.sa(tx).map(|sa| (sa.limits.hard_bytes, sa.encap)), Some((1 << 33, udp(4500, 31000))));
    // Limits alone leave the entry alone.
    device.update_sa(tx, Limits::NONE, udp(4500, 31000)).expect("updated");
    assert_eq!(ops(&written(&mut device)), [(Op::TxLimitsWrite, 0)]);
    device.update_sa(rx, wanted, None).expect("updated");
    assert_eq!(ops(&written(&mut device)), [(Op::RxLimitsWrite, 0)]);
}

#[test]
fn an_update_is_refused_where_the_kernel_refuses_it() {
    let mut device = device();
    let handle = device.add_sa(&outbound(Mode::Tunnel)).expect("added");
    device.bus().take();
    let error = device.update_sa(handle, Limits::NONE, udp(4500, 4500)).expect_err("refused");
    assert_eq!(error.to_string(), "state: encap: Encapsulation of an SA can't be turned on, off, or into another kind (EINVAL)");
    assert!(matches!(error, Error::Sa(SaError::EncapUpdate)));
    assert_eq!(device.bus().take(), []);
    device.delete_sa(handle).expect("deleted");
    assert!(matches!(device.update_sa(handle, Limits::NONE, None), Err(Error::NoSuchSa)));
}
