//! Every reason to refuse an SA: its words, its field, its errno, and that no register was written for it.

mod common;

use Direction::{In, Out};
use Errno::{Einval, Eopnotsupp};
use common::{CAPABILITIES, address, device_with, key, sa};
use espalier_driver::sa::{Algorithm, Encap, EncapKind};
use espalier_driver::xfrm::{Direction, Family, Limits, Mark, Mode, OffloadMode, PortMatch, Selector, protocol};
use espalier_driver::{Capabilities, Errno, SaParams};
use espalier_regs::Field;
use espalier_regs::map::cap_features as cap;

/// An SA that is accepted as it is, and what is to be refused once `change` has been at it.
fn refused(direction: Direction, change: impl FnOnce(&mut SaParams), message: &str, field: &str, errno: Errno) {
    refused_by(CAPABILITIES, direction, change, message, field, errno);
}

fn refused_by(
    capabilities: Capabilities,
    direction: Direction,
    change: impl FnOnce(&mut SaParams),
    message: &str,
    field: &str,
    errno: Errno,
) {
    let mut device = device_with(&capabilities);
    let mut params = sa("192.0.2.1", "192.0.2.2", 0x1001, Mode::Tunnel, direction);
    change(&mut params);
    let error = device.add_sa(&params).expect_err(message);
    assert_eq!(error.to_string(), format!("state: {field}: {message} ({errno})"));
    assert_eq!((error.field(), error.errno()), (Some(field), errno));
    assert_eq!(device.bus().take(), [], "{message}: nothing is read or written");
    assert_eq!(device.sas().count(), 0);
}

fn without(feature: Field) -> Capabilities {
    Capabilities { features: CAPABILITIES.features & !feature.mask(), ..CAPABILITIES }
}

#[test]
fn what_they_are_made_from_is_accepted() {
    for direction in [In, Out] {
        let mut device = device_with(&CAPABILITIES);
        device.add_sa(&sa("192.0.2.1", "192.0.2.2", 0x1001, Mode::Tunnel, direction)).expect("accepted");
    }
}

#[test]
fn netlink_level() {
    refused(Out, |p| (p.dir, p.replay_window) = (Some(Out), 32), "Replay window should be 0 for output SA", "replay-window", Einval);
    let seq = "Replay seq and seq_hi should be 0 for output SA";
    refused(Out, |p| (p.dir, p.replay.seq) = (Some(Out), 1), seq, "replay-seq", Einval);
    refused(Out, |p| (p.dir, p.replay.seq_hi) = (Some(Out), 1), seq, "replay-seq", Einval);
    let oseq_hi = "Replay oseq_hi should be 0 in non-ESN mode for output SA";
    refused(Out, |p| p.replay.oseq_hi = 1, oseq_hi, "replay-oseq-hi", Einval);
    let oseq = "Replay oseq should be less than 0xFFFFFFFF in non-ESN mode for output SA";
    refused(Out, |p| p.replay.oseq = u32::MAX, oseq, "replay-oseq", Einval);
    let both = |p: &mut SaParams| {
        p.flags.esn = true;
        (p.replay.oseq, p.replay.oseq_hi) = (u32::MAX, u32::MAX);
    };
    let exhausted = "Replay oseq and oseq_hi should be less than 0xFFFFFFFF for output SA";
    refused(Out, both, exhausted, "replay-oseq-hi", Einval);
    let input = "Replay oseq and oseq_hi should be 0 for input SA";
    refused(In, |p| (p.dir, p.replay.oseq) = (Some(In), 1), input, "replay-oseq", Einval);
    refused(In, |p| (p.dir, p.replay.oseq_hi) = (Some(In), 1), input, "replay-oseq", Einval);
    let seq_hi = "Replay seq_hi should be 0 in non-ESN mode for input SA";
    refused(In, |p| p.replay.seq_hi = 1, seq_hi, "replay-seq-hi", Einval);
    refused(In, |p| p.flags.esn = true, "ESN replay window must be > 0", "replay-window", Einval);
}

#[test]
fn core_level() {
    refused(Out, |p| p.dir = Some(In), "Mismatched SA and offload direction", "dir", Einval);
    refused(In, |p| p.dir = Some(Out), "Mismatched SA and offload direction", "dir", Einval);
    refused(In, |p| p.if_id = 7, "XFRM if_id is not supported in RX path", "if_id", Einval);
    refused(Out, |p| p.if_id = 7, "XFRM if_id is not supported in TX path", "if_id", Eopnotsupp);
    refused(Out, |p| p.tfcpad = 64, "TFC padding can't be offloaded", "tfcpad", Einval);
    refused(Out, |p| p.offload.mode = OffloadMode::Crypto, "Crypto offload is not supported", "offload", Eopnotsupp);
}

#[test]
fn algorithms() {
    let named = |name: &str| Some(Algorithm { name: name.to_owned(), key: key(16) });
    let auth = "Cannot offload authenticated xfrm states: auth hmac(sha256)";
    refused(Out, |p| p.auth = named("hmac(sha256)"), auth, "auth", Eopnotsupp);
    let comp = "Cannot offload compressed xfrm states: comp deflate";
    refused(Out, |p| p.comp = named("deflate"), comp, "comp", Eopnotsupp);
    let aead = "Cannot offload xfrm states without aead";
    refused(Out, |p| p.aead = None, aead, "aead", Eopnotsupp);
    refused(Out, |p| (p.aead, p.enc) = (None, named("cbc(aes)")), aead, "aead", Eopnotsupp);

    let set = |change: fn(&mut espalier_driver::sa::Aead)| move |p: &mut SaParams| change(p.aead.as_mut().expect("aead"));
    let gmac = "Only AES-GCM-ICV16 xfrm state may be offloaded: aead rfc4543(gcm(aes))";
    refused(Out, set(|a| a.name = "rfc4543(gcm(aes))".to_owned()), gmac, "aead", Eopnotsupp);
    let icv = "Cannot offload xfrm states with AEAD ICV length other than 128bit";
    refused(Out, set(|a| a.icv_bits = 64), &format!("{icv}: 64 bit"), "aead", Eopnotsupp);
    refused(Out, set(|a| a.icv_bits = 96), &format!("{icv}: 96 bit"), "aead", Eopnotsupp);
    refused(Out, set(|a| a.icv_bits = 100), &format!("{icv}: 100 bit"), "aead", Einval);
    let length = "Cannot offload xfrm states with AEAD key length other than 128/192/256bit";
    for bytes in [0, 15, 17, 33] {
        let bits = 8 * (u32::from(bytes) + 4);
        let message = format!("{length}: {bits} bit with the 32 bits of salt");
        refused(Out, |p| p.aead.as_mut().expect("aead").key = key(bytes), &message, "aead", Einval);
    }
    let short = format!("{length}: 16 bit with the 32 bits of salt");
    refused(Out, |p| p.aead.as_mut().expect("aead").key = [1_u8, 2].as_slice().into(), &short, "aead", Einval);
    let without_128 = "Cannot offload xfrm states with AEAD key length other than 192/256bit: 160 bit with the 32 bits of salt";
    refused_by(without(cap::AES_128), Out, |_| {}, without_128, "aead", Eopnotsupp);
    let esn = |p: &mut SaParams| (p.flags.esn, p.replay_window) = (true, 64);
    refused_by(without(cap::ESN), In, esn, "Cannot offload ESN xfrm states", "flag esn", Eopnotsupp);
}

#[test]
fn identity() {
    refused(Out, |p| p.id.proto = protocol::AH, "Only ESP xfrm state may be offloaded: proto 51", "proto", Eopnotsupp);
    for mode in [Mode::Beet, Mode::RouteOptimization, Mode::InTrigger, Mode::Iptfs] {
        let message = format!("Only transport and tunnel xfrm states may be offloaded: mode {mode:?}");
        refused(Out, |p| p.mode = mode, &message, "mode", Eopnotsupp);
    }
    let tunnel = "Only transport and tunnel xfrm states may be offloaded: mode Tunnel";
    refused_by(without(cap::TUNNEL), Out, |_| {}, tunnel, "mode", Eopnotsupp);
    let v4 = "Only IPv4/6 xfrm states may be offloaded: this device has no V4";
    refused_by(without(cap::IPV4), Out, |_| {}, v4, "dst", Eopnotsupp);
    refused(Out, |p| p.id.spi = 0, "SPI 0 is reserved for local use", "spi", Einval);
    refused(Out, |p| p.id.daddr = address("0.0.0.0"), "Destination address must be given", "dst", Einval);
    refused(Out, |p| p.saddr = address("0.0.0.0"), "Source address must be given for an outbound tunnel", "src", Einval);
    let family = "Source 192.0.2.1 and destination 2001:db8::1 are of different families";
    refused(Out, |p| p.id.daddr = address("2001:db8::1"), family, "src", Einval);
}

#[test]
fn encapsulation() {
    let encap = |kind, sport, dport| Some(Encap { kind, sport, dport, oaddr: address("0.0.0.0") });
    let other = "Encapsulation other than UDP is not supported";
    refused(Out, |p| p.encap = encap(EncapKind::EspInUdpNonIke, 4500, 4500), other, "encap", Eopnotsupp);
    refused(Out, |p| p.encap = encap(EncapKind::EspInTcp, 4500, 4500), other, "encap", Eopnotsupp);
    let udp = |p: &mut SaParams| p.encap = encap(EncapKind::EspInUdp, 4500, 4500);
    let tunnel = "Encapsulation is not supported in Tunnel mode";
    refused_by(without(cap::NAT_T_TUNNEL), Out, udp, tunnel, "encap", Eopnotsupp);
    let port = "UDP encapsulation of received packets is known by port 4500: sport 500 dport 501";
    refused(In, |p| p.encap = encap(EncapKind::EspInUdp, 500, 501), port, "encap", Eopnotsupp);
}

#[test]
fn windows_and_limits() {
    let window = "Unsupported replay window size: 4097, and this device has up to 4096";
    refused(In, |p| p.replay_window = 4097, window, "replay-window", Eopnotsupp);
    let small = Capabilities { max_replay_window: 64, ..CAPABILITIES };
    let window = "Unsupported replay window size: 65, and this device has up to 64";
    refused_by(small, In, |p| p.replay_window = 65, window, "replay-window", Eopnotsupp);

    type Set = fn(&mut Limits, u64, u64);
    let kinds: [(&str, Set); 2] = [
        ("packet", |limits, soft, hard| (limits.soft_packets, limits.hard_packets) = (soft, hard)),
        ("byte", |limits, soft, hard| (limits.soft_bytes, limits.hard_bytes) = (soft, hard)),
    ];
    for (kind, set) in kinds {
        let zero = format!("Soft/hard {kind} limits can't be 0");
        refused(Out, |p| set(&mut p.limits, 0, Limits::INF), &zero, "limit", Einval);
        refused(Out, |p| set(&mut p.limits, 1, 0), &zero, "limit", Einval);
        let order = format!("Hard {kind} limit must be greater than soft one");
        refused(Out, |p| set(&mut p.limits, 10, 10), &order, "limit", Einval);
        refused(Out, |p| set(&mut p.limits, Limits::INF, 10), &order, "limit", Einval);
        let counted = format!("This device does not enforce {kind} limits");
        refused(Out, |p| set(&mut p.limits, 10, 11), &counted, "limit", Eopnotsupp);
        refused(In, |p| set(&mut p.limits, 10, Limits::INF), &counted, "limit", Eopnotsupp);
    }
}

#[test]
fn traffic_and_flags() {
    let mark = "Marks are not visible to the device";
    refused(Out, |p| p.mark = Mark { value: 1, mask: u32::MAX }, mark, "mark", Eopnotsupp);
    refused(Out, |p| p.output_mark = Mark { value: 1, mask: u32::MAX }, mark, "output-mark", Eopnotsupp);

    let selector = |change: fn(&mut Selector)| {
        move |p: &mut SaParams| {
            let mut selector = Selector::any(Family::V4);
            change(&mut selector);
            p.selector = Some(selector);
        }
    };
    let inbound = "This device does not check a selector on received packets";
    refused(In, selector(|s| s.proto = protocol::TCP), inbound, "sel", Eopnotsupp);
    refused(In, selector(|s| s.src = "10.0.0.0/8".parse().expect("a prefix")), inbound, "sel", Eopnotsupp);
    let families = "Selector: source ::/0 and destination 0.0.0.0/0 are of different families";
    refused(Out, selector(|s| s.src = Family::V6.any()), families, "sel", Einval);
    let ports = "Selector: the device sees no ports in protocol 1";
    refused(Out, selector(|s| (s.proto, s.sport) = (protocol::ICMP, PortMatch::exactly(8))), ports, "sel", Eopnotsupp);
    let dev = "Selector: the device does not match an interface";
    refused(Out, selector(|s| s.dev = Some("eth0".to_owned())), dev, "sel", Eopnotsupp);
    refused(Out, selector(|s| s.user = 1000), "Selector: the device does not match a user", "sel", Eopnotsupp);
    let transport = |p: &mut SaParams| {
        p.mode = Mode::Transport;
        p.selector = Some(Selector::any(Family::V6));
    };
    let family = "Selector of a transport mode SA must have the family of the SA";
    refused(Out, transport, family, "sel", Einval);

    refused(Out, |p| p.flags.wildrecv = true, "Flag wildrecv can't be offloaded", "flag", Eopnotsupp);
    refused(Out, |p| p.flags.icmp = true, "Flag icmp can't be offloaded", "flag", Eopnotsupp);
    refused(In, |p| p.flags.decap_dscp = true, "Flag decap-dscp can't be offloaded", "flag", Eopnotsupp);
    refused(Out, |p| p.flags.oseq_may_wrap = true, "Flag oseq-may-wrap can't be offloaded", "flag", Eopnotsupp);
}
