//! Commands as the driver takes them. What neither has words for is refused here, by name.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use espalier_driver::policy::{Action, Level, PolicyParams, PolicyType, Template};
use espalier_driver::sa::{Aead, Algorithm, Encap, EncapKind, Offload, ReplayState, SaFlags, SaParams};
use espalier_driver::xfrm::{Direction, Family, Limits, Mark, Mode, OffloadMode, PolicyDirection, PortMatch, SaId, Selector, protocol};
use espalier_driver::{IpNet, Key};

use crate::xfrm::ast::{self, AlgorithmKind};
use crate::xfrm::{Command, ParseError, Position};

/// One thing to program, and the line that asks for it.
#[derive(Debug)]
pub struct Step {
    /// The line.
    pub at: Position,
    /// What.
    pub what: What,
}

/// What to program.
#[derive(Debug)]
pub enum What {
    /// An SA.
    Sa(Box<SaParams>),
    /// A policy.
    Policy(Box<PolicyParams>),
}

/// A host's commands as the driver takes them, in the order of the file.
#[derive(Debug)]
pub struct Program {
    /// The file.
    pub file: PathBuf,
    /// In order.
    pub steps: Vec<Step>,
}

/// Turns a host's commands into a program.
pub fn program(file: &Path, commands: &[Command]) -> Result<Program, Vec<ParseError>> {
    let mut program = Program { file: file.to_owned(), steps: Vec::new() };
    let mut errors = Vec::new();
    for Command { at, action, .. } in commands {
        let refuse = |word: &str, reason: &str| ParseError::refused(*at, word, reason);
        match action {
            ast::Action::AddState(state) => match sa(state, refuse) {
                Ok(params) => program.steps.push(Step { at: *at, what: What::Sa(Box::new(params)) }),
                Err(error) => errors.push(error),
            },
            ast::Action::AddPolicy(asked) => match policy(asked, refuse) {
                Ok(params) => program.steps.push(Step { at: *at, what: What::Policy(Box::new(params)) }),
                Err(error) => errors.push(error),
            },
            ast::Action::UpdateState(_) | ast::Action::UpdatePolicy(_) => {
                errors.push(refuse("update", "a run begins with empty tables: there is nothing to update; use add"));
            }
            other => errors.push(refuse(other.words(), "a run only adds SAs and policies")),
        }
    }
    if errors.is_empty() { Ok(program) } else { Err(errors) }
}

fn sa(state: &ast::State, refuse: impl Fn(&str, &str) -> ParseError) -> Result<SaParams, ParseError> {
    let Some(offload) = &state.offload else {
        return Err(refuse("state", "not offloaded, so no NIC would have it: add 'offload packet dev DEV dir in|out'"));
    };
    if offload.mode == ast::OffloadMode::Crypto {
        let reason = "crypto offload needs the host's own ESP stack, which a run has not (a scenario has): write 'offload packet', and a policy with a template";
        return Err(refuse("offload", reason));
    }
    if state.care_of.is_some() {
        return Err(refuse("coa", "the device knows no Mobile IPv6"));
    }
    if state.security_context.is_some() {
        return Err(refuse("ctx", "the device knows no security contexts"));
    }
    let mut params = sa_params(state);
    // Without a word of its own the direction is the offload's. That is said to the driver only where it matters: it would
    // refuse a replay window on an outbound SA, which is common in older scripts and without meaning.
    let bare_esn = params.offload.direction == Direction::Out && state.flags.esn && state.replay_window == 0;
    params.dir = params.dir.or(bare_esn.then_some(params.offload.direction));
    Ok(params)
}

/// What an SA's line asks of the driver. Without `offload` the direction is what `dir` says, and the mode has no meaning.
pub fn sa_params(state: &ast::State) -> SaParams {
    let family = state.id.family().or(state.selector.as_ref().and_then(|selector| selector.family)).map_or(Family::V4, family);
    let offload = match &state.offload {
        Some(asked) => Offload {
            mode: if asked.mode == ast::OffloadMode::Crypto { OffloadMode::Crypto } else { OffloadMode::Packet },
            direction: direction(asked.direction),
        },
        None => Offload { mode: OffloadMode::Packet, direction: state.direction.map_or(Direction::Out, direction) },
    };
    let algorithm = |wanted: &[AlgorithmKind]| state.algorithms.iter().find(|algorithm| wanted.contains(&algorithm.kind));
    let plain = |found: &ast::Algorithm| Algorithm { name: found.name.clone(), key: key(found) };
    SaParams {
        id: SaId {
            daddr: state.id.destination.unwrap_or(family.unspecified()),
            spi: state.id.spi.unwrap_or(0),
            proto: proto(state.id.proto),
        },
        saddr: state.id.source.unwrap_or(family.unspecified()),
        mode: mode(state.mode),
        offload,
        dir: state.direction.map(direction),
        aead: algorithm(&[AlgorithmKind::Aead]).map(|found| Aead {
            name: found.name.clone(),
            key: key(found),
            icv_bits: found.icv_bits.unwrap_or(0),
        }),
        enc: algorithm(&[AlgorithmKind::Enc]).map(plain),
        auth: algorithm(&[AlgorithmKind::Auth, AlgorithmKind::AuthTrunc]).map(plain),
        comp: algorithm(&[AlgorithmKind::Comp]).map(plain),
        reqid: state.reqid,
        replay_window: state.replay_window,
        replay: replay(state.replay),
        flags: flags(state.flags, state.extra_flags),
        selector: state.selector.as_ref().map(|found| selector(found, family)),
        encap: state.encap.map(encap),
        limits: limits(&state.limits),
        mark: mark(state.mark),
        output_mark: mark(state.output_mark),
        if_id: state.if_id.unwrap_or(0),
        tfcpad: state.tfcpad,
    }
}

fn policy(policy: &ast::Policy, refuse: impl Fn(&str, &str) -> ParseError) -> Result<PolicyParams, ParseError> {
    if policy.offload_device.is_none() {
        return Err(refuse("policy", "not offloaded, so no NIC would have it: add 'offload packet dev DEV'"));
    }
    if policy.security_context.is_some() {
        return Err(refuse("ctx", "the device knows no security contexts"));
    }
    if policy.index != 0 {
        return Err(refuse("index", "the device gives policies no index"));
    }
    Ok(policy_params(policy))
}

/// What a policy's line asks of the driver.
pub fn policy_params(policy: &ast::Policy) -> PolicyParams {
    let family = policy.selector.family.map_or(Family::V4, family);
    PolicyParams {
        selector: selector(&policy.selector, family),
        direction: policy_direction(policy.direction),
        priority: policy.priority,
        action: match policy.action {
            ast::PolicyAction::Allow => Action::Allow,
            ast::PolicyAction::Block => Action::Block,
        },
        templates: policy.templates.iter().map(|found| template(found, family)).collect(),
        ptype: ptype(policy.ptype),
        mark: mark(policy.mark),
        if_id: policy.if_id.unwrap_or(0),
        localok: policy.flags.localok,
        icmp: policy.flags.icmp,
        limits: limits(&policy.limits),
    }
}

/// XFRM's word for it.
pub fn ptype(ptype: ast::PolicyType) -> PolicyType {
    match ptype {
        ast::PolicyType::Main => PolicyType::Main,
        ast::PolicyType::Sub => PolicyType::Sub,
    }
}

/// XFRM's word for it.
pub fn policy_direction(direction: ast::PolicyDirection) -> PolicyDirection {
    match direction {
        ast::PolicyDirection::In => PolicyDirection::In,
        ast::PolicyDirection::Out => PolicyDirection::Out,
        ast::PolicyDirection::Fwd => PolicyDirection::Fwd,
    }
}

fn template(template: &ast::Template, policy: Family) -> Template {
    let family = template.id.family().map_or(policy, family);
    Template {
        id: SaId {
            daddr: template.id.destination.unwrap_or(family.unspecified()),
            spi: template.id.spi.unwrap_or(0),
            proto: proto(template.id.proto),
        },
        saddr: template.id.source.unwrap_or(family.unspecified()),
        mode: mode(template.mode),
        reqid: template.reqid,
        level: if template.optional { Level::Use } else { Level::Required },
    }
}

/// The packets that a selector asks for; of `family` where it does not say.
pub fn selector(selector: &ast::Selector, family: Family) -> Selector {
    let family = selector.family.map_or(family, self::family);
    let prefix = |prefix: Option<ast::Prefix>| prefix.map_or(family.any(), net);
    let port = |port: Option<u16>| port.filter(|&port| port != 0).map(PortMatch::exactly);
    let byte = |byte: Option<u8>| byte.map(|byte| PortMatch::exactly(byte.into()));
    let upper = &selector.upper;
    // As iproute2: type and code, or the halves of a GRE key, stand in the ports' place.
    let key = |shift: u32| upper.gre_key.map(|key| PortMatch::exactly((key >> shift) as u16));
    Selector {
        src: prefix(selector.source),
        dst: prefix(selector.destination),
        proto: selector.protocol.unwrap_or(0),
        sport: port(upper.sport).or(byte(upper.icmp_type)).or(key(16)).unwrap_or_default(),
        dport: port(upper.dport).or(byte(upper.icmp_code)).or(key(0)).unwrap_or_default(),
        dev: selector.device.clone(),
        user: 0,
    }
}

fn net(prefix: ast::Prefix) -> IpNet {
    // The parser lets no longer prefix through than the address has bits.
    IpNet::new(prefix.address, prefix.length).unwrap_or(prefix.address.into())
}

fn key(algorithm: &ast::Algorithm) -> Key {
    Key::from(&algorithm.key.0[..])
}

fn limits(limits: &ast::Limits) -> Limits {
    let count = |limit: Option<u64>| limit.unwrap_or(Limits::INF);
    Limits {
        soft_bytes: count(limits.byte_soft),
        hard_bytes: count(limits.byte_hard),
        soft_packets: count(limits.packet_soft),
        hard_packets: count(limits.packet_hard),
        soft_add_seconds: limits.time_soft.unwrap_or(0),
        hard_add_seconds: limits.time_hard.unwrap_or(0),
        soft_use_seconds: limits.time_use_soft.unwrap_or(0),
        hard_use_seconds: limits.time_use_hard.unwrap_or(0),
    }
}

/// None is any packet.
pub fn mark(mark: Option<ast::Mark>) -> Mark {
    mark.map_or(Mark::default(), |mark| Mark { value: mark.value, mask: mark.mask })
}

fn replay(replay: ast::ReplayState) -> ReplayState {
    ReplayState { seq: replay.seq, seq_hi: replay.seq_hi, oseq: replay.oseq, oseq_hi: replay.oseq_hi }
}

fn flags(flags: ast::StateFlags, extra: ast::ExtraFlags) -> SaFlags {
    SaFlags {
        noecn: flags.noecn,
        decap_dscp: flags.decap_dscp,
        nopmtudisc: flags.nopmtudisc,
        wildrecv: flags.wildrecv,
        icmp: flags.icmp,
        af_unspec: flags.af_unspec,
        align4: flags.align4,
        esn: flags.esn,
        dont_encap_dscp: extra.dont_encap_dscp,
        oseq_may_wrap: extra.oseq_may_wrap,
    }
}

fn encap(encap: ast::Encap) -> Encap {
    let kind = match encap.kind {
        ast::EncapKind::EspInUdp => EncapKind::EspInUdp,
        ast::EncapKind::EspInUdpNonIke => EncapKind::EspInUdpNonIke,
        ast::EncapKind::EspInTcp => EncapKind::EspInTcp,
    };
    Encap { kind, sport: encap.sport, dport: encap.dport, oaddr: encap.original }
}

/// XFRM's word for it.
pub fn mode(mode: ast::Mode) -> Mode {
    match mode {
        ast::Mode::Transport => Mode::Transport,
        ast::Mode::Tunnel => Mode::Tunnel,
        ast::Mode::RouteOptimization => Mode::RouteOptimization,
        ast::Mode::InTrigger => Mode::InTrigger,
        ast::Mode::Beet => Mode::Beet,
        ast::Mode::Iptfs => Mode::Iptfs,
    }
}

/// Its number; 0 for none.
pub fn proto(proto: Option<ast::Proto>) -> u8 {
    match proto {
        Some(ast::Proto::Esp) => protocol::ESP,
        Some(ast::Proto::Ah) => protocol::AH,
        Some(ast::Proto::Comp) => protocol::COMP,
        Some(ast::Proto::Route2) => protocol::ROUTING,
        Some(ast::Proto::Hao) => protocol::DSTOPTS,
        // IPSEC_PROTO_ANY.
        Some(ast::Proto::IpsecAny) => 255,
        None => 0,
    }
}

/// XFRM's word for it.
pub fn direction(direction: ast::SaDirection) -> Direction {
    match direction {
        ast::SaDirection::In => Direction::In,
        ast::SaDirection::Out => Direction::Out,
    }
}

/// XFRM's word for it.
pub fn family(family: ast::Family) -> Family {
    match family {
        ast::Family::Inet => Family::V4,
        ast::Family::Inet6 => Family::V6,
    }
}

/// Whether an address says nothing.
pub fn is_any(address: Option<IpAddr>) -> bool {
    address.is_none_or(|address| address.is_unspecified())
}
