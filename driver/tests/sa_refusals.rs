//! The checks of an SA, row by row as xfrm-offload.md section 2 has them: what is refused, with its words, its field and its
//! errno, and no register touched; what others refuse and Espalier does, with what is written for it; and what a build
//! without the feature says.

mod common;

use Direction::{In, Out};
use Errno::{Einval, Enospc, Eopnotsupp};
use common::{CAPABILITIES, address, commands, device_with, key, sa, without};
use espalier_driver::sa::{Aead, Algorithm, Encap, EncapKind};
use espalier_driver::xfrm::{Direction, Family, Limits, Mark, Mode, OffloadMode, PortMatch, Selector, protocol};
use espalier_driver::{Capabilities, Errno, SaParams};
use espalier_regs::mailbox::{MailField, Op, cam as cam_field, limits, rx_sa, selector, tx_sa};
use espalier_regs::map::cap_features as cap;

/// A row: what is asked, of which device, and what it says.
struct Row {
    device: Capabilities,
    direction: Direction,
    change: Change,
    says: Says,
}

type Change = fn(&mut SaParams);

enum Says {
    /// Message, field, errno.
    No(String, &'static str, Errno),
    /// Accepted, and these fields of a command hold these values.
    Yes(Op, Vec<(MailField, u128)>),
}

/// Refused.
fn no(direction: Direction, change: Change, message: &str, field: &'static str, errno: Errno) -> Row {
    no_by(CAPABILITIES, direction, change, message, field, errno)
}

/// Refused by this device.
fn no_by(device: Capabilities, direction: Direction, change: Change, message: &str, field: &'static str, errno: Errno) -> Row {
    Row { device, direction, change, says: Says::No(message.to_owned(), field, errno) }
}

/// Accepted, and this is what is written.
fn yes(direction: Direction, change: Change, op: Op, fields: &[(MailField, u128)]) -> Row {
    Row { device: CAPABILITIES, direction, change, says: Says::Yes(op, fields.to_vec()) }
}

fn run(rows: Vec<Row>) {
    for (number, Row { device, direction, change, says }) in rows.into_iter().enumerate() {
        let mut device = device_with(&device);
        let mut params = sa("192.0.2.1", "192.0.2.2", 0x1001, Mode::Tunnel, direction);
        change(&mut params);
        match (device.add_sa(&params), says) {
            (Err(error), Says::No(message, field, errno)) => {
                assert_eq!(error.to_string(), format!("state: {field}: {message} ({errno})"), "row {number}");
                assert_eq!((error.field(), error.errno()), (Some(field), errno));
                assert_eq!(device.bus().take(), [], "{message}: nothing is read or written");
                assert_eq!(device.sas().count(), 0);
            }
            (Ok(handle), Says::Yes(op, fields)) => {
                let written = commands(&device.bus().take_writes());
                let command = written.iter().find(|command| command.op == op).unwrap_or_else(|| panic!("row {number}: no {op:?}"));
                for (field, value) in fields {
                    assert_eq!(command.get(field), value, "row {number}: {}", field.name);
                }
                assert!(device.sa(handle).is_some());
            }
            (Ok(_), Says::No(message, ..)) => panic!("row {number}: accepted, not '{message}'"),
            (Err(error), Says::Yes(..)) => panic!("row {number}: {error}"),
        }
    }
}

fn aead(params: &mut SaParams) -> &mut Aead {
    params.aead.as_mut().expect("an AEAD")
}

fn encap(params: &mut SaParams, change: impl FnOnce(&mut Encap)) {
    let udp = Encap { kind: EncapKind::EspInUdp, sport: 4500, dport: 4500, oaddr: address("0.0.0.0") };
    change(params.encap.insert(udp));
}

fn udp(params: &mut SaParams) {
    encap(params, |_| {});
}

fn ipv6(params: &mut SaParams) {
    (params.saddr, params.id.daddr) = (address("2001:db8::1"), address("2001:db8::2"));
}

fn selector(params: &mut SaParams, change: impl FnOnce(&mut Selector)) {
    change(params.selector.insert(Selector::any(Family::V4)));
}

#[test]
fn what_the_rows_are_made_from_is_accepted() {
    run(vec![yes(Out, |_| {}, Op::TxSaWrite, &[(tx_sa::TUNNEL, 1)]), yes(In, |_| {}, Op::RxSaWrite, &[(rx_sa::TUNNEL, 1)])]);
}

#[test]
fn netlink_level() {
    let seq = "Replay seq and seq_hi should be 0 for output SA";
    let oseq_hi = "Replay oseq_hi should be 0 in non-ESN mode for output SA";
    let oseq = "Replay oseq should be less than 0xFFFFFFFF in non-ESN mode for output SA";
    let exhausted = "Replay oseq and oseq_hi should be less than 0xFFFFFFFF for output SA";
    let input = "Replay oseq and oseq_hi should be 0 for input SA";
    let seq_hi = "Replay seq_hi should be 0 in non-ESN mode for input SA";
    run(vec![
        no(Out, |p| (p.dir, p.replay_window) = (Some(Out), 32), "Replay window should be 0 for output SA", "replay-window", Einval),
        no(Out, |p| (p.dir, p.replay.seq) = (Some(Out), 1), seq, "replay-seq", Einval),
        no(Out, |p| (p.dir, p.replay.seq_hi) = (Some(Out), 1), seq, "replay-seq", Einval),
        no(Out, |p| p.replay.oseq_hi = 1, oseq_hi, "replay-oseq-hi", Einval),
        yes(Out, |p| (p.flags.esn, p.replay.oseq_hi) = (true, 1), Op::TxSaWrite, &[(tx_sa::SEQ, 1 << 32)]),
        no(Out, |p| p.replay.oseq = u32::MAX, oseq, "replay-oseq", Einval),
        yes(Out, |p| p.replay.oseq = u32::MAX - 1, Op::TxSaWrite, &[(tx_sa::SEQ, 0xffff_fffe)]),
        no(Out, |p| (p.flags.esn, p.replay.oseq, p.replay.oseq_hi) = (true, u32::MAX, u32::MAX), exhausted, "replay-oseq-hi", Einval),
        no(In, |p| (p.dir, p.replay.oseq) = (Some(In), 1), input, "replay-oseq", Einval),
        no(In, |p| (p.dir, p.replay.oseq_hi) = (Some(In), 1), input, "replay-oseq", Einval),
        no(In, |p| p.replay.seq_hi = 1, seq_hi, "replay-seq-hi", Einval),
        // The kernel's words for it (xfrm_init_replay); iproute2 has its own before.
        no(In, |p| p.flags.esn = true, "ESN replay window must be > 0", "replay-window", Einval),
        yes(Out, |p| p.flags.esn = true, Op::TxSaWrite, &[(tx_sa::ESN, 1)]),
        no(
            In,
            |p| p.replay_window = 4097,
            "Unsupported replay window size: 4097, and this device has up to 4096",
            "replay-window",
            Eopnotsupp,
        ),
    ]);
}

#[test]
fn core_level() {
    let crypto: Change = |p| p.offload.mode = OffloadMode::Crypto;
    run(vec![
        no(Out, |p| p.dir = Some(In), "Mismatched SA and offload direction", "dir", Einval),
        no(In, |p| p.dir = Some(Out), "Mismatched SA and offload direction", "dir", Einval),
        no(In, |p| p.if_id = 7, "XFRM if_id is not supported in RX path", "if_id", Einval),
        no(Out, |p| p.if_id = 7, "XFRM if_id is not supported in TX path", "if_id", Eopnotsupp),
        no(Out, |p| p.tfcpad = 64, "TFC padding can't be offloaded", "tfcpad", Einval),
        yes(Out, crypto, Op::TxSaWrite, &[(tx_sa::CRYPTO, 1), (tx_sa::MAX_PAYLOAD, 0xffff)]),
        yes(In, crypto, Op::RxSaWrite, &[(rx_sa::CRYPTO, 1)]),
        yes(Out, |p| (p.offload.mode, p.flags.esn) = (OffloadMode::Crypto, true), Op::TxSaWrite, &[(tx_sa::ESN, 1)]),
        no_by(without(cap::CRYPTO_OFFLOAD), Out, crypto, "Crypto offload is not supported", "offload", Eopnotsupp),
        no_by(without(cap::PACKET_OFFLOAD), Out, |_| {}, "Packet offload is not supported", "offload", Eopnotsupp),
    ]);
}

#[test]
fn driver_level_algorithms() {
    let named = "Cannot offload authenticated xfrm states: auth hmac(sha256)";
    let gcm_only = "Only AES-GCM-ICV16 xfrm state may be offloaded: aead";
    let icv = "Cannot offload xfrm states with AEAD ICV length other than";
    let length = "Cannot offload xfrm states with AEAD key length other than 128/192/256bit";
    let hmac: Change = |p| p.auth = Some(Algorithm { name: "hmac(sha256)".to_owned(), key: key(16) });
    let without_aead = "Cannot offload xfrm states without aead";
    run(vec![
        // separate auth algorithm
        no(Out, hmac, named, "auth", Eopnotsupp),
        // cipher other than GCM ICV16
        no(Out, |p| aead(p).name = "rfc4543(gcm(aes))".to_owned(), &format!("{gcm_only} rfc4543(gcm(aes))"), "aead", Eopnotsupp),
        no(
            Out,
            |p| aead(p).name = "rfc7539esp(chacha20,poly1305)".to_owned(),
            &format!("{gcm_only} rfc7539esp(chacha20,poly1305)"),
            "aead",
            Eopnotsupp,
        ),
        no(Out, |p| p.aead = None, without_aead, "aead", Eopnotsupp),
        no(
            Out,
            |p| (p.aead, p.enc) = (None, Some(Algorithm { name: "cbc(aes)".to_owned(), key: key(16) })),
            without_aead,
            "aead",
            Eopnotsupp,
        ),
        // compression
        no(
            Out,
            |p| p.comp = Some(Algorithm { name: "deflate".to_owned(), key: key(16) }),
            "Cannot offload compressed xfrm states: comp deflate",
            "comp",
            Eopnotsupp,
        ),
        // ICV != 128 bit
        yes(Out, |p| aead(p).icv_bits = 64, Op::TxSaWrite, &[(tx_sa::ICV, 2)]),
        yes(Out, |p| aead(p).icv_bits = 96, Op::TxSaWrite, &[(tx_sa::ICV, 1)]),
        yes(In, |p| aead(p).icv_bits = 128, Op::RxSaWrite, &[(rx_sa::ICV, 0)]),
        yes(In, |p| aead(p).icv_bits = 96, Op::RxSaWrite, &[(rx_sa::ICV, 1)]),
        yes(In, |p| aead(p).icv_bits = 64, Op::RxSaWrite, &[(rx_sa::ICV, 2)]),
        no_by(without(cap::ICV_8), Out, |p| aead(p).icv_bits = 64, &format!("{icv} 96/128bit: 64 bit"), "aead", Eopnotsupp),
        no_by(without(cap::ICV_12), Out, |p| aead(p).icv_bits = 96, &format!("{icv} 64/128bit: 96 bit"), "aead", Eopnotsupp),
        no_by(without(cap::ICV_16), Out, |_| {}, &format!("{icv} 64/96bit: 128 bit"), "aead", Eopnotsupp),
        no(Out, |p| aead(p).icv_bits = 100, &format!("{icv} 64/96/128bit: 100 bit"), "aead", Einval),
        // key != 160/288 bit
        yes(Out, |p| aead(p).key = key(24), Op::TxSaWrite, &[(tx_sa::KEY_SIZE, 1)]),
        yes(In, |p| aead(p).key = key(32), Op::RxSaWrite, &[(rx_sa::KEY_SIZE, 2)]),
        no(Out, |p| aead(p).key = key(0), &format!("{length}: 32 bit with the 32 bits of salt"), "aead", Einval),
        no(Out, |p| aead(p).key = key(15), &format!("{length}: 152 bit with the 32 bits of salt"), "aead", Einval),
        no(Out, |p| aead(p).key = key(33), &format!("{length}: 296 bit with the 32 bits of salt"), "aead", Einval),
        no(Out, |p| aead(p).key = [1_u8, 2].as_slice().into(), &format!("{length}: 16 bit with the 32 bits of salt"), "aead", Einval),
        no_by(
            without(cap::AES_128),
            Out,
            |_| {},
            "Cannot offload xfrm states with AEAD key length other than 192/256bit: 160 bit with the 32 bits of salt",
            "aead",
            Eopnotsupp,
        ),
        no_by(without(cap::ESN), Out, |p| p.flags.esn = true, "Cannot offload ESN xfrm states", "flag esn", Eopnotsupp),
    ]);
}

#[test]
fn driver_level_identity() {
    let modes = "Only transport and tunnel xfrm states may be offloaded: mode";
    run(vec![
        // family
        yes(Out, ipv6, Op::TxSaWrite, &[(tx_sa::OUTER_V6, 1)]),
        no_by(without(cap::IPV4), Out, |_| {}, "Only IPv4/6 xfrm states may be offloaded: this device has no V4", "dst", Eopnotsupp),
        no_by(without(cap::IPV6), Out, ipv6, "Only IPv4/6 xfrm states may be offloaded: this device has no V6", "dst", Eopnotsupp),
        no(
            Out,
            |p| p.id.daddr = address("2001:db8::1"),
            "Source 192.0.2.1 and destination 2001:db8::1 are of different families",
            "src",
            Einval,
        ),
        // proto != ESP
        no(Out, |p| p.id.proto = protocol::AH, "Only ESP xfrm state may be offloaded: proto 51", "proto", Eopnotsupp),
        // mode not transport or tunnel
        yes(Out, |p| p.mode = Mode::Transport, Op::TxSaWrite, &[(tx_sa::TUNNEL, 0)]),
        no(Out, |p| p.mode = Mode::Beet, &format!("{modes} Beet"), "mode", Eopnotsupp),
        no(Out, |p| p.mode = Mode::RouteOptimization, &format!("{modes} RouteOptimization"), "mode", Eopnotsupp),
        no(Out, |p| p.mode = Mode::InTrigger, &format!("{modes} InTrigger"), "mode", Eopnotsupp),
        no(Out, |p| p.mode = Mode::Iptfs, &format!("{modes} Iptfs"), "mode", Eopnotsupp),
        no_by(without(cap::TUNNEL), Out, |_| {}, &format!("{modes} Tunnel"), "mode", Eopnotsupp),
        no_by(without(cap::TRANSPORT), In, |p| p.mode = Mode::Transport, &format!("{modes} Transport"), "mode", Eopnotsupp),
        // What no XFRM state may lack.
        no(Out, |p| p.id.spi = 0, "SPI 0 is reserved for local use", "spi", Einval),
        no(Out, |p| p.id.daddr = address("0.0.0.0"), "Destination address must be given", "dst", Einval),
        no(Out, |p| p.saddr = address("0.0.0.0"), "Source address must be given for an outbound tunnel", "src", Einval),
        yes(In, |p| p.saddr = address("0.0.0.0"), Op::RxSaWrite, &[]),
    ]);
}

#[test]
fn driver_level_encapsulation() {
    let other = "Encapsulation other than UDP is not supported";
    let v6 = "Encapsulation over IPv6 is not supported for output SA: this device makes no UDP checksum";
    let udp_crypto: Change = |p| {
        udp(p);
        p.offload.mode = OffloadMode::Crypto;
    };
    let udp_transport: Change = |p| {
        udp(p);
        p.mode = Mode::Transport;
    };
    let ipv6_udp: Change = |p| {
        ipv6(p);
        udp(p);
    };
    let ipv6_udp_crypto: Change = |p| {
        ipv6(p);
        udp(p);
        p.offload.mode = OffloadMode::Crypto;
    };
    run(vec![
        // not UDP
        no(Out, |p| encap(p, |e| e.kind = EncapKind::EspInUdpNonIke), other, "encap", Eopnotsupp),
        no(In, |p| encap(p, |e| e.kind = EncapKind::EspInTcp), other, "encap", Eopnotsupp),
        // in crypto mode
        yes(Out, udp_crypto, Op::TxSaWrite, &[(tx_sa::ENCAP, 1), (tx_sa::CRYPTO, 1)]),
        // not transport
        yes(Out, udp, Op::TxSaWrite, &[(tx_sa::ENCAP, 1), (tx_sa::TUNNEL, 1), (tx_sa::ENCAP_DPORT, 4500)]),
        yes(Out, udp_transport, Op::TxSaWrite, &[(tx_sa::ENCAP, 1), (tx_sa::TUNNEL, 0)]),
        yes(In, udp, Op::CamWrite, &[(cam_field::KEY_ENCAP, 1)]),
        no_by(without(cap::NAT_T_TUNNEL), Out, udp, "Encapsulation is not supported in Tunnel mode", "encap", Eopnotsupp),
        no_by(without(cap::NAT_T_TRANSPORT), Out, udp_transport, "Encapsulation is not supported in Transport mode", "encap", Eopnotsupp),
        // RFC 8200 section 8.1
        no(Out, ipv6_udp, v6, "encap", Eopnotsupp),
        no(Out, ipv6_udp_crypto, v6, "encap", Eopnotsupp),
        Row {
            device: Capabilities { features: CAPABILITIES.features | cap::NAT_T_IPV6_OUT.mask(), ..CAPABILITIES },
            ..yes(Out, ipv6_udp, Op::TxSaWrite, &[(tx_sa::ENCAP, 1), (tx_sa::OUTER_V6, 1)])
        },
        yes(In, ipv6_udp, Op::CamWrite, &[(cam_field::KEY_ENCAP, 1), (cam_field::KEY_V6, 1)]),
        // RFC 3948 section 2
        no(
            In,
            |p| encap(p, |e| (e.sport, e.dport) = (500, 501)),
            "UDP encapsulation of received packets is known by port 4500: sport 500 dport 501",
            "encap",
            Eopnotsupp,
        ),
    ]);
}

#[test]
fn driver_level_traffic() {
    let tcp: Change = |p| selector(p, |s| s.proto = protocol::TCP);
    let ospf: Change = |p| selector(p, |s| s.proto = 89);
    let mark = "Marks are not visible to the device";
    let unchecked = "This device does not check a selector on received packets";
    run(vec![
        // selector protocol not in {any, UDP, TCP}
        yes(In, ospf, Op::RxSelectorWrite, &[(selector::VALUE_PROTOCOL, 89), (selector::MASK_PROTOCOL, 0xff)]),
        yes(Out, ospf, Op::TxSaWrite, &[]),
        yes(
            In,
            |p| selector(p, |s| (s.src, s.dport) = ("10.1.0.0/16".parse().expect("a prefix"), PortMatch::exactly(53))),
            Op::RxSelectorWrite,
            &[
                (selector::VALUE_SRC, 0x0a01_0000),
                (selector::MASK_SRC, 0xffff_0000),
                (selector::VALUE_DPORT, 53),
                (selector::ANY_FAMILY, 0),
            ],
        ),
        yes(In, |p| p.flags.af_unspec = true, Op::RxSelectorWrite, &[(selector::ANY_FAMILY, 1), (selector::MASK_SRC, 0)]),
        no_by(without(cap::RX_SELECTORS), In, tcp, unchecked, "sel", Eopnotsupp),
        Row { device: without(cap::RX_SELECTORS), ..yes(Out, tcp, Op::TxSaWrite, &[]) },
        no(
            Out,
            |p| selector(p, |s| s.src = Family::V6.any()),
            "Selector: source ::/0 and destination 0.0.0.0/0 are of different families",
            "sel",
            Einval,
        ),
        no(
            Out,
            |p| selector(p, |s| (s.proto, s.sport) = (protocol::ICMP, PortMatch::exactly(8))),
            "Selector: the device sees no ports in protocol 1",
            "sel",
            Eopnotsupp,
        ),
        no(
            Out,
            |p| selector(p, |s| s.dev = Some("eth0".to_owned())),
            "Selector: the device does not match an interface",
            "sel",
            Eopnotsupp,
        ),
        no(Out, |p| selector(p, |s| s.user = 1000), "Selector: the device does not match a user", "sel", Eopnotsupp),
        no(
            Out,
            |p| (p.mode, p.selector) = (Mode::Transport, Some(Selector::any(Family::V6))),
            "Selector of a transport mode SA must have the family of the SA",
            "sel",
            Einval,
        ),
        no(Out, |p| p.mark = Mark { value: 1, mask: u32::MAX }, mark, "mark", Eopnotsupp),
        no(Out, |p| p.output_mark = Mark { value: 1, mask: u32::MAX }, mark, "output-mark", Eopnotsupp),
    ]);
}

#[test]
fn driver_level_window_and_reqid() {
    let small = Capabilities { max_replay_window: 64, ..CAPABILITIES };
    // window not in {32, 64, 128, 256}: every size is taken.
    for window in [0, 1, 31, 32, 33, 64, 100, 128, 256, 512, 1024, 2048, 4095, 4096] {
        let mut device = device_with(&CAPABILITIES);
        let mut params = sa("192.0.2.1", "192.0.2.2", 0x1001, Mode::Tunnel, In);
        (params.replay_window, params.flags.esn) = (window, window > 0);
        device.add_sa(&params).expect("accepted");
        assert_eq!(commands(&device.bus().take_writes())[0].get(rx_sa::REPLAY_WINDOW), window.into());
    }
    run(vec![
        no_by(
            small,
            In,
            |p| p.replay_window = 65,
            "Unsupported replay window size: 65, and this device has up to 64",
            "replay-window",
            Eopnotsupp,
        ),
        // packet: reqid = 0
        yes(Out, |p| p.reqid = 0, Op::TxSaWrite, &[]),
        yes(In, |p| p.reqid = 0, Op::RxSaWrite, &[]),
    ]);
}

/// The kernel takes these, other drivers do not. What happens then: with a limit of 0 no packet passes; a soft limit that is
/// not below the hard one is not told of. The values reach the device as they are.
#[test]
fn driver_level_limits() {
    let inf = u128::from(Limits::INF);
    let all = |soft_packets, hard_packets, soft_bytes, hard_bytes| {
        [
            (limits::SOFT_PACKETS, soft_packets),
            (limits::HARD_PACKETS, hard_packets),
            (limits::SOFT_BYTES, soft_bytes),
            (limits::HARD_BYTES, hard_bytes),
        ]
    };
    let counted: Change = |p| (p.limits.soft_packets, p.limits.hard_packets, p.limits.soft_bytes, p.limits.hard_bytes) = (10, 11, 12, 13);
    let packets = "This device does not enforce packet limits";
    run(vec![
        yes(Out, |_| {}, Op::TxLimitsWrite, &all(inf, inf, inf, inf)),
        yes(Out, counted, Op::TxLimitsWrite, &all(10, 11, 12, 13)),
        yes(In, counted, Op::RxLimitsWrite, &all(10, 11, 12, 13)),
        yes(In, |p| p.limits.hard_bytes = 1 << 40, Op::RxLimitsWrite, &all(inf, inf, inf, 1 << 40)),
        // soft >= hard
        yes(Out, |p| (p.limits.soft_packets, p.limits.hard_packets) = (10, 10), Op::TxLimitsWrite, &all(10, 10, inf, inf)),
        yes(Out, |p| (p.limits.soft_bytes, p.limits.hard_bytes) = (11, 10), Op::TxLimitsWrite, &all(inf, inf, 11, 10)),
        // a limit of 0
        yes(Out, |p| p.limits.hard_packets = 0, Op::TxLimitsWrite, &all(inf, 0, inf, inf)),
        yes(In, |p| p.limits.soft_bytes = 0, Op::RxLimitsWrite, &all(inf, inf, 0, inf)),
        // In crypto mode the core counts: the device has no limit.
        yes(Out, |p| (p.limits.hard_packets, p.offload.mode) = (10, OffloadMode::Crypto), Op::TxLimitsWrite, &all(inf, inf, inf, inf)),
        // A build that does not count.
        no_by(without(cap::LIFETIMES), Out, counted, packets, "limit", Eopnotsupp),
        no_by(without(cap::LIFETIMES), In, |p| p.limits.hard_bytes = 1, "This device does not enforce byte limits", "limit", Eopnotsupp),
        Row { device: without(cap::LIFETIMES), ..yes(In, |p| p.limits.hard_add_seconds = 60, Op::RxSaWrite, &[]) },
    ]);
}

#[test]
fn flags() {
    let ipv4_in_ipv6: Change = |p| {
        ipv6(p);
        p.selector = Some(Selector::any(Family::V4));
    };
    run(vec![
        yes(Out, |p| p.flags.noecn = true, Op::TxSaWrite, &[(tx_sa::NO_ECN, 1)]),
        yes(Out, |p| p.flags.nopmtudisc = true, Op::TxSaWrite, &[(tx_sa::NO_PMTU_DISC, 1)]),
        yes(Out, |p| p.flags.dont_encap_dscp = true, Op::TxSaWrite, &[(tx_sa::DONT_ENCAP_DSCP, 1)]),
        yes(In, |p| p.flags.noecn = true, Op::RxSaWrite, &[(rx_sa::NO_ECN, 1), (rx_sa::DECAP_DSCP, 0)]),
        yes(In, |p| p.flags.decap_dscp = true, Op::RxSaWrite, &[(rx_sa::NO_ECN, 0), (rx_sa::DECAP_DSCP, 1)]),
        no_by(without(cap::DECAP_DSCP_ECN), In, |p| p.flags.decap_dscp = true, "Flag decap-dscp can't be offloaded", "flag", Eopnotsupp),
        // Which families a tunnel carries (__xfrm_init_state).
        yes(In, |_| {}, Op::RxSaWrite, &[(rx_sa::INNER_V4, 1), (rx_sa::INNER_V6, 0)]),
        yes(In, ipv6, Op::RxSaWrite, &[(rx_sa::INNER_V4, 0), (rx_sa::INNER_V6, 1)]),
        yes(In, |p| p.flags.af_unspec = true, Op::RxSaWrite, &[(rx_sa::INNER_V4, 1), (rx_sa::INNER_V6, 1)]),
        yes(In, ipv4_in_ipv6, Op::RxSaWrite, &[(rx_sa::INNER_V4, 1), (rx_sa::INNER_V6, 0)]),
        no(Out, |p| p.flags.wildrecv = true, "Flag wildrecv can't be offloaded", "flag", Eopnotsupp),
        no(Out, |p| p.flags.icmp = true, "Flag icmp can't be offloaded", "flag", Eopnotsupp),
        // RFC 4106 section 3.1
        no(Out, |p| p.flags.oseq_may_wrap = true, "Flag oseq-may-wrap can't be offloaded", "flag", Eopnotsupp),
    ]);
}

#[test]
fn tables_full() {
    let none = Capabilities { tx_sas: 0, rx_sas: 0, ..CAPABILITIES };
    run(vec![
        no_by(none, Out, |_| {}, "SA table for direction Out is full: 0 SAs", "id", Enospc),
        no_by(none, In, |_| {}, "SA table for direction In is full: 0 SAs", "id", Enospc),
    ]);
}
