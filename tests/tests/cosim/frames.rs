//! The frames of these tests, and the SAs and policies that protect some of them.

use std::net::{IpAddr, Ipv4Addr};

use espalier_driver::policy::{Level, Template};
use espalier_driver::sa::{Aead, Offload, RFC4106_GCM_AES};
use espalier_driver::xfrm::{Direction, Mode, OffloadMode, PolicyDirection, SaId, Selector, protocol};
use espalier_driver::{Key, PolicyParams, SaParams};
use espalier_sim::nic::Side;
use etherparse::PacketBuilder;
use rand::RngExt;
use rand::rngs::SmallRng;

/// Ethernet header.
pub const L2: usize = 14;

/// What is done to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// No policy is for it.
    Bypass,
    /// ESP in tunnel mode, between the gateways.
    Tunnel,
    /// ESP in transport mode, between the gateways.
    Transport,
}

/// A host's addresses: inside the tunnel, its gateway, and where no policy is for.
fn addresses(side: Side) -> [Ipv4Addr; 3] {
    let host = 1 + side.index() as u8;
    [Ipv4Addr::new(10, 0, host, 1), Ipv4Addr::new(192, 0, 2, host), Ipv4Addr::new(172, 16, 0, host)]
}

fn ends(flow: Flow, from: Side) -> (Ipv4Addr, Ipv4Addr) {
    let place = match flow {
        Flow::Tunnel => 0,
        Flow::Transport => 1,
        Flow::Bypass => 2,
    };
    (addresses(from)[place], addresses(from.other())[place])
}

/// A host's own addresses, for its device.
pub fn local(side: Side) -> [IpAddr; 2] {
    let [inside, gateway, _] = addresses(side);
    [inside.into(), gateway.into()]
}

/// A UDP packet of random length and content that no other has.
pub fn frame(rng: &mut SmallRng, flow: Flow, from: Side, serial: u64, longest: usize) -> Vec<u8> {
    let length = match rng.random_range(0..100) {
        0..70 => rng.random_range(18..200),
        70..95 => rng.random_range(200..1400),
        _ => rng.random_range(1400..9000),
    };
    let payload: Vec<u8> = serial.to_be_bytes().into_iter().chain((8..length).map(|_| rng.random())).collect();
    let (src, dst) = ends(flow, from);
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(src.octets(), dst.octets(), 64).udp(4000, 5000);
    let room = longest.saturating_sub(builder.size(0)).max(18);
    let mut frame = Vec::new();
    builder.write(&mut frame, &payload[..length.min(room)]).expect("a vector takes it");
    frame
}

/// SA and policies of a direction of traffic, for the host that sends or for the one that receives.
pub fn tables(flow: Flow, from: Side, direction: Direction) -> (SaParams, PolicyParams) {
    let (mode, spi, key_bytes) = if flow == Flow::Tunnel { (Mode::Tunnel, 0x1000, 16) } else { (Mode::Transport, 0x2000, 32) };
    let (saddr, daddr): (IpAddr, IpAddr) = (addresses(from)[1].into(), addresses(from.other())[1].into());
    let spi = spi + from.index() as u32;
    let key = Key::new((0..key_bytes + 4).map(|byte| byte ^ spi as u8).collect());
    let aead = Aead { name: RFC4106_GCM_AES.into(), key, icv_bits: 128 };
    let id = SaId { daddr, spi, proto: protocol::ESP };
    let mut sa = SaParams::new(id, saddr, mode, Offload { mode: OffloadMode::Packet, direction }, aead);
    sa.reqid = spi;
    if direction == Direction::In {
        sa.replay_window = 64;
    }
    let template = Template { id: SaId { spi: 0, ..id }, saddr, mode, reqid: spi, level: Level::Required };
    let (src, dst) = ends(flow, from);
    let selector = Selector::between(IpAddr::from(src).into(), IpAddr::from(dst).into());
    let way = if direction == Direction::Out { PolicyDirection::Out } else { PolicyDirection::In };
    (sa, PolicyParams { templates: vec![template], ..PolicyParams::new(selector, way) })
}
