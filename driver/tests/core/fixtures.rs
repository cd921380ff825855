//! SAs, policies and frames that many tests use.

use std::net::IpAddr;

use espalier_driver::core::{MonitorEvent, PolicyRequest, StateRequest, XfrmCore};
use espalier_driver::ops::SkBuff;
use espalier_driver::policy::{Level, PolicyParams, Template};
use espalier_driver::sa::{Aead, Offload, RFC4106_GCM_AES, SaParams};
use espalier_driver::xfrm::message::Message;
use espalier_driver::xfrm::{Direction, Mark, Mode, OffloadMode, PolicyDirection, SaId, Selector, protocol};
use espalier_driver::{IpNet, Key};
use etherparse::PacketBuilder;

use crate::mock::Mock;

/// When the tests begin.
pub const START: u64 = 1_700_000_000;
pub const NO_MARK: Mark = Mark { value: 0, mask: 0 };

/// The two ends of the tunnels.
pub const HERE: &str = "192.0.2.1";
pub const THERE: &str = "192.0.2.2";

pub fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub fn prefix(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

/// A core with one device, which is up.
pub fn core() -> (XfrmCore<Mock>, Mock) {
    let mock = Mock::new("eth0");
    let mut core = XfrmCore::new(START);
    core.register(mock.clone()).expect("a proper device");
    core.up("eth0").expect("it is there");
    (core, mock)
}

pub fn id(daddr: &str, spi: u32) -> SaId {
    SaId { daddr: address(daddr), spi, proto: protocol::ESP }
}

fn sa(saddr: &str, daddr: &str, spi: u32, mode: Mode, offload: Offload) -> SaParams {
    let aead = Aead { name: RFC4106_GCM_AES.to_owned(), key: Key::new((0..20).collect()), icv_bits: 128 };
    SaParams { reqid: 7, ..SaParams::new(id(daddr, spi), address(saddr), mode, offload, aead) }
}

/// Outbound, from here to there, tunnel mode.
pub fn out(spi: u32) -> SaParams {
    sa(HERE, THERE, spi, Mode::Tunnel, Offload { mode: OffloadMode::Crypto, direction: Direction::Out })
}

/// Inbound, from there to here, tunnel mode, with a window of 64.
pub fn inbound(spi: u32) -> SaParams {
    let sa = sa(THERE, HERE, spi, Mode::Tunnel, Offload { mode: OffloadMode::Crypto, direction: Direction::In });
    SaParams { replay_window: 64, ..sa }
}

/// The same SA for packet mode.
pub fn packet(mut params: SaParams) -> SaParams {
    params.offload.mode = OffloadMode::Packet;
    params
}

pub fn on_device(params: SaParams) -> StateRequest {
    StateRequest::offloaded(params, "eth0")
}

/// Protects 10.1.0.0/16 to 10.2.0.0/16 in the tunnel from here to there.
pub fn policy() -> PolicyParams {
    let selector = Selector::between(prefix("10.1.0.0/16"), prefix("10.2.0.0/16"));
    let id = SaId { spi: 0, ..id(THERE, 0) };
    let template = Template { id, saddr: address(HERE), mode: Mode::Tunnel, reqid: 7, level: Level::Required };
    PolicyParams { templates: vec![template], ..PolicyParams::new(selector, PolicyDirection::Out) }
}

/// Requires the tunnel from there to here for 10.2.0.0/16 to 10.1.0.0/16.
pub fn policy_in() -> PolicyParams {
    let selector = Selector::between(prefix("10.2.0.0/16"), prefix("10.1.0.0/16"));
    let id = SaId { spi: 0, ..id(HERE, 0) };
    let template = Template { id, saddr: address(THERE), mode: Mode::Tunnel, reqid: 7, level: Level::Required };
    PolicyParams { templates: vec![template], ..PolicyParams::new(selector, PolicyDirection::In) }
}

pub fn software_policy(params: PolicyParams) -> PolicyRequest {
    PolicyRequest::software(params)
}

/// A UDP packet in an Ethernet frame; `from` and `to` of one family.
pub fn udp(from: &str, to: &str, payload: usize) -> Vec<u8> {
    let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let ip = match (address(from), address(to)) {
        (IpAddr::V4(from), IpAddr::V4(to)) => link.ipv4(from.octets(), to.octets(), 64),
        (IpAddr::V6(from), IpAddr::V6(to)) => link.ipv6(from.octets(), to.octets(), 64),
        _ => panic!("two families"),
    };
    let mut frame = Vec::new();
    let payload: Vec<u8> = (0..payload).map(|at| at as u8).collect();
    ip.udp(1000, 2000).write(&mut frame, &payload).expect("it fits");
    if address(from).is_ipv4() { dont_fragment(frame, false) } else { frame }
}

/// Sets or clears DF of an IPv4 packet.
pub fn dont_fragment(mut frame: Vec<u8>, set: bool) -> Vec<u8> {
    frame[20] = frame[20] & !0x40 | if set { 0x40 } else { 0 };
    mend_checksum(&mut frame);
    frame
}

/// The IPv4 header checksum (RFC 1071).
pub fn mend_checksum(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let header = &frame[14..][..usize::from(frame[14] & 15) * 4];
    let sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !(sum + (sum >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

/// The packet that the policy protects.
pub fn inner(payload: usize) -> Vec<u8> {
    udp("10.1.0.1", "10.2.0.1", payload)
}

/// The answer to it.
pub fn reply(payload: usize) -> Vec<u8> {
    udp("10.2.0.1", "10.1.0.1", payload)
}

pub const fn skb(frame: &[u8]) -> SkBuff<'_> {
    SkBuff { frame, gso_size: None }
}

/// What the core has told since the last time.
pub fn events(core: &mut XfrmCore<Mock>) -> Vec<MonitorEvent> {
    std::iter::from_fn(|| core.next_event()).collect()
}

/// In one word each.
pub fn names(core: &mut XfrmCore<Mock>) -> Vec<&'static str> {
    let name = |event: &MonitorEvent| match event {
        MonitorEvent::Xfrm(message) => match message {
            Message::NewState(_) => "new state",
            Message::UpdatedState(_) => "updated state",
            Message::DeletedState(_) => "deleted state",
            Message::ExpiredState { hard: false, .. } => "soft",
            Message::ExpiredState { hard: true, .. } => "hard",
            Message::NewPolicy(_) => "new policy",
            Message::UpdatedPolicy(_) => "updated policy",
            Message::DeletedPolicy(_) => "deleted policy",
            Message::ExpiredPolicy { hard: false, .. } => "policy soft",
            Message::ExpiredPolicy { hard: true, .. } => "policy hard",
            Message::Acquire(_) => "acquire",
            Message::FlushedStates { .. } => "flushed states",
            Message::FlushedPolicies { .. } => "flushed policies",
            Message::AsyncEvent(_) => "aevent",
            Message::Mapping { .. } => "mapping",
            Message::Report { .. } => "report",
        },
        MonitorEvent::Fallback { .. } => "fallback",
        MonitorEvent::SequenceExhausted { .. } => "sequence exhausted",
        MonitorEvent::DeviceFailed { .. } => "device failed",
        MonitorEvent::UnknownHandle { .. } => "unknown handle",
        MonitorEvent::Overrun(_) => "overrun",
    };
    events(core).iter().map(name).collect()
}
