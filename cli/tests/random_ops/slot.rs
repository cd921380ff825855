//! The places that SAs and policies of a case fill: addresses, requests, packets.

use std::net::IpAddr;

use espalier::run::sides::Side;
use espalier::scenario::ast::{Made, Upper};
use espalier::scenario::world::DEVICE;
use espalier_driver::core::{PolicyRequest, StateRequest};
use espalier_driver::policy::{Action, Level, Template};
use espalier_driver::sa::{Aead, Encap, EncapKind, Offload, RFC4106_GCM_AES, ReplayState, SaFlags};
use espalier_driver::xfrm::{Direction, Limits, Mode, OffloadMode, PolicyDirection, PortMatch, SaId, Selector, protocol};
use espalier_driver::{Key, PolicyParams, SaParams};

/// Where UDP encapsulation is (RFC 3948 section 4).
const NAT_T: u16 = 4500;
/// What a narrow selector asks for.
pub const PORT: u16 = 2000;

/// Traffic between two networks or hosts, and how it is protected. All of a slot's SAs and policies are offloaded alike, and no
/// two slots' packets overlap: policies on a device come before those in software, which is so for every device.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub index: u8,
    /// None: software.
    pub mode: Option<OffloadMode>,
    pub tunnel: bool,
    /// Family of the tunnel's endpoints.
    pub outer_v6: bool,
    /// Family of the packets.
    pub inner_v6: bool,
    /// UDP encapsulation, over IPv4 only.
    pub nat_t: bool,
}

/// Which SA of a slot.
#[derive(Clone, Copy, Debug)]
pub struct Which {
    pub slot: usize,
    /// Who sends.
    pub from: Side,
    /// Two SAs that share a reqid, as during a rekey.
    pub generation: u8,
}

/// What an SA is like.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    pub long_key: bool,
    pub key: u8,
    pub icv_bits: u32,
    pub esn: bool,
    pub window: u32,
    /// Last number used, of both ends.
    pub start: u64,
    pub limit: Limit,
    pub selector: bool,
    pub noecn: bool,
    pub dscp: bool,
    pub nopmtudisc: bool,
}

/// Limits of an SA: of one kind.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    None,
    Packets { soft: Option<u64>, hard: u64 },
    Bytes { soft: Option<u64>, hard: u64 },
    Seconds { soft: Option<u64>, hard: u64 },
}

/// A policy of a slot.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub slot: usize,
    pub direction: PolicyDirection,
    /// Which of the slot's packets.
    pub narrow: u8,
    pub priority: u32,
    pub kind: RuleKind,
}

/// What it says.
#[derive(Clone, Copy, Debug)]
pub enum RuleKind {
    Allow,
    Block,
    Protect(Level),
}

impl Slot {
    /// A host's address of the packets in it.
    pub fn inner(&self, side: Side) -> IpAddr {
        let (side, slot) = (side.index() as u8 + 1, self.index);
        if self.inner_v6 { IpAddr::from([0xfd00, side.into(), slot.into(), 0, 0, 0, 0, 10]) } else { IpAddr::from([10, side, slot, 10]) }
    }

    /// The SAs' address of a host.
    pub fn outer(&self, side: Side) -> IpAddr {
        if self.tunnel { endpoint(side, self.outer_v6) } else { self.inner(side) }
    }

    const fn protected_v6(&self) -> bool {
        if self.tunnel { self.outer_v6 } else { self.inner_v6 }
    }

    const fn ipsec_mode(&self) -> Mode {
        if self.tunnel { Mode::Tunnel } else { Mode::Transport }
    }

    pub fn is_packet(&self) -> bool {
        self.mode == Some(OffloadMode::Packet)
    }

    /// Tells of a packet or byte limit with the packet that reaches it; the core does with the next one. A soft limit moves the
    /// core to another SA, of which the device knows nothing: so a slot in packet mode has either soft limits or two generations.
    pub const fn is_single(&self) -> bool {
        matches!(self.mode, Some(OffloadMode::Packet)) && self.index % 2 == 1
    }

    pub fn id(&self, which: Which) -> SaId {
        let generation = if self.is_single() { 0 } else { which.generation };
        let spi = 0x1000 + 0x100 * u32::from(self.index) + 0x10 * which.from.index() as u32 + u32::from(generation);
        SaId { daddr: self.outer(which.from.peer()), spi, proto: protocol::ESP }
    }

    /// The SA at one of its ends.
    pub fn sa(&self, which: Which, direction: Direction, variant: &Variant) -> SaParams {
        let out = direction == Direction::Out;
        let mut bytes: Vec<u8> = (0..if variant.long_key { 36 } else { 20 }).collect();
        bytes[0] = variant.key;
        let aead = Aead { name: RFC4106_GCM_AES.to_owned(), key: Key::new(bytes), icv_bits: variant.icv_bits };
        let offload = Offload { mode: self.mode.unwrap_or(OffloadMode::Crypto), direction };
        let start = if variant.esn { variant.start } else { variant.start & 0xffff_ffff };
        let (low, high) = (start as u32, (start >> 32) as u32);
        let at = |direction_of: bool, number: u32| if direction_of { number } else { 0 };
        let encap = Encap { kind: EncapKind::EspInUdp, sport: NAT_T, dport: NAT_T, oaddr: IpAddr::from([0; 4]) };
        SaParams {
            dir: Some(direction),
            reqid: u32::from(self.index) + 1,
            replay_window: if out { 0 } else { variant.window },
            replay: ReplayState { seq: at(!out, low), seq_hi: at(!out, high), oseq: at(out, low), oseq_hi: at(out, high) },
            flags: SaFlags {
                esn: variant.esn,
                noecn: variant.noecn,
                decap_dscp: !out && variant.dscp,
                dont_encap_dscp: out && variant.dscp,
                nopmtudisc: out && variant.nopmtudisc,
                ..SaFlags::default()
            },
            selector: if variant.selector { Some(self.selector(which.from, 2)) } else { Some(self.selector(which.from, 0)) },
            encap: (self.nat_t && !self.protected_v6()).then_some(encap),
            limits: self.limits(variant.limit, direction),
            ..SaParams::new(self.id(which), self.outer(which.from), self.ipsec_mode(), offload, aead)
        }
    }

    /// An inbound SA in crypto mode has limits of time only: software looks at counts before it looks at the ICV, and with a device the core looks at them behind it
    /// (net/xfrm/xfrm_input.c, `crypto_done`), so that a packet with a wrong ICV finds a limit reached, or not.
    pub fn limits(&self, limit: Limit, direction: Direction) -> Limits {
        let soft = |soft: Option<u64>, none| soft.filter(|_| !self.is_packet() || self.is_single()).unwrap_or(none);
        let none = Limits::NONE;
        let counts = direction == Direction::Out || self.mode != Some(OffloadMode::Crypto);
        match limit {
            Limit::None => none,
            Limit::Packets { .. } | Limit::Bytes { .. } if !counts => none,
            Limit::Packets { soft: at, hard } => Limits { soft_packets: soft(at, Limits::INF), hard_packets: hard, ..none },
            Limit::Bytes { soft: at, hard } => Limits { soft_bytes: soft(at, Limits::INF), hard_bytes: hard, ..none },
            Limit::Seconds { soft: at, hard } => Limits { soft_add_seconds: soft(at, 0), hard_add_seconds: hard, ..none },
        }
    }

    pub fn state_request(&self, params: SaParams) -> StateRequest {
        if self.mode.is_some() { StateRequest::offloaded(params, DEVICE) } else { StateRequest::software(params) }
    }

    /// Packets that `from` sends: 0 all between the networks, 1 between the hosts, 2 of UDP, 3 to one port.
    pub fn selector(&self, from: Side, narrow: u8) -> Selector {
        let width = if narrow == 0 {
            if self.inner_v6 { 64 } else { 24 }
        } else if self.inner_v6 {
            128
        } else {
            32
        };
        let net = |side| espalier_driver::IpNet::new(self.inner(side), width).expect("a width of the family").trunc();
        let mut selector = Selector::between(net(from), net(from.peer()));
        if narrow >= 2 {
            selector.proto = protocol::UDP;
        }
        if narrow >= 3 {
            selector.dport = PortMatch::exactly(PORT);
        }
        selector
    }

    /// A policy of `host`.
    pub fn policy(&self, host: Side, rule: &Rule) -> PolicyParams {
        let from = if rule.direction == PolicyDirection::Out { host } else { host.peer() };
        let template = |level| Template {
            id: SaId { daddr: self.outer(from.peer()), spi: 0, proto: protocol::ESP },
            saddr: self.outer(from),
            mode: self.ipsec_mode(),
            reqid: u32::from(self.index) + 1,
            level,
        };
        let mut params = PolicyParams { priority: rule.priority, ..PolicyParams::new(self.selector(from, rule.narrow), rule.direction) };
        match rule.kind {
            RuleKind::Allow => {}
            RuleKind::Block => params.action = Action::Block,
            RuleKind::Protect(level) => params.templates = vec![template(level)],
        }
        params
    }

    pub fn policy_request(&self, host: Side, rule: &Rule) -> PolicyRequest {
        let params = self.policy(host, rule);
        if self.is_packet() { PolicyRequest::offloaded(params, DEVICE) } else { PolicyRequest::software(params) }
    }

    pub fn made(&self, from: Side, upper: Upper, count: u32, size: usize, tos: u8) -> Made {
        let (src, dst) = (self.inner(from), self.inner(from.peer()));
        Made { upper, src, dst, count, size, tos, df: false, options: false, fragment: false }
    }
}

/// A host's end of the tunnels.
pub fn endpoint(side: Side, v6: bool) -> IpAddr {
    let number = side.index() as u8 + 1;
    if v6 { IpAddr::from([0xfd00, 0xff, 0, 0, 0, 0, 0, number.into()]) } else { IpAddr::from([192, 0, 2, number]) }
}
