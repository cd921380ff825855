//! The same commands in the reference model: what the two NICs are compared with.
//!
//! It is built from the commands, not from what the driver made of them, so that a mistake in either shows.

use std::net::IpAddr;

use espalier_reference_model::nic::Nic;
use espalier_reference_model::policy::{Action, Policy, PortMatch, Prefix, Requirement, Selector};
use espalier_reference_model::replay::ReplayWindow;
use espalier_reference_model::rfc4106::{IcvLength, Rfc4106};
use espalier_reference_model::sa::{Encap, Endpoints, RxSa, SaKey, Tunnel, TxSa};

use super::program::is_any;
use crate::xfrm::ast::{self, Mode, PolicyDirection, SaDirection, State};
use crate::xfrm::{Command, ParseError};

/// A NIC with a host's SAs and policies. The commands have passed [`super::program::program`].
pub fn nic(commands: &[Command]) -> Result<Nic, Vec<ParseError>> {
    let mut nic = Nic::default();
    let mut errors = Vec::new();
    let (mut outbound, mut inbound) = (Vec::new(), Vec::new());
    for command in commands {
        let ast::Action::AddState(state) = &command.action else { continue };
        match add_sa(&mut nic, outbound.len() as u16, inbound.len() as u16, state) {
            Ok(Some(SaDirection::Out)) => outbound.push(&**state),
            Ok(Some(SaDirection::In)) => inbound.push(&**state),
            Ok(None) => {}
            Err(reason) => errors.push(ParseError::refused(command.at, "state", reason)),
        }
    }
    for command in commands {
        let ast::Action::AddPolicy(policy) = &command.action else { continue };
        match policy.direction {
            PolicyDirection::Out => add_policy(&mut nic, policy, &outbound),
            PolicyDirection::In | PolicyDirection::Fwd => add_inbound_policy(&mut nic, policy, &inbound),
        }
    }
    if errors.is_empty() { Ok(nic) } else { Err(errors) }
}

/// Adds an SA and tells its direction; it gets the next number of its direction.
fn add_sa(nic: &mut Nic, tx: u16, rx: u16, state: &State) -> Result<Option<SaDirection>, String> {
    let (Some(offload), Some(destination)) = (&state.offload, state.id.destination) else { return Ok(None) };
    let aead = state.algorithms.iter().find(|algorithm| algorithm.kind == ast::AlgorithmKind::Aead).ok_or("the model has AES-GCM only")?;
    let icv_bits = aead.icv_bits.unwrap_or(128) as usize;
    let cipher = IcvLength::try_from(icv_bits / 8).and_then(|icv| Rfc4106::new(&aead.key.0, icv)).map_err(|error| error.to_string())?;
    let (esn, spi, replay) = (state.flags.esn, state.id.spi.unwrap_or(0), state.replay);
    let wide = |hi: u32, lo: u32| (u64::from(hi) << 32) | u64::from(lo);
    match offload.direction {
        SaDirection::Out => {
            let tunnel = match state.mode {
                Mode::Tunnel => Some(tunnel(state, destination)?),
                _ => None,
            };
            let encap = state.encap.map(|encap| Encap { sport: encap.sport, dport: encap.dport });
            nic.tx_sas.insert(tx, TxSa { esn, tunnel, encap, last_seq: wide(replay.oseq_hi, replay.oseq), ..TxSa::new(spi, cipher) });
        }
        SaDirection::In => {
            let replay =
                ReplayWindow::starting_at(state.replay_window, esn, wide(replay.seq_hi, replay.seq)).map_err(|error| error.to_string())?;
            let key = SaKey { dst: destination, spi, encap: state.encap.is_some() };
            let tunnel = state.mode == Mode::Tunnel;
            let (no_ecn, decap_dscp) = (state.flags.noecn, state.flags.decap_dscp);
            let selectors = received(state, destination);
            nic.rx_sas.insert(key, RxSa { tunnel, no_ecn, decap_dscp, selectors, ..RxSa::new(rx, cipher, replay) });
        }
    }
    Ok(Some(offload.direction))
}

fn tunnel(state: &State, destination: IpAddr) -> Result<Tunnel, String> {
    let endpoints = match (state.id.source, destination) {
        (Some(IpAddr::V4(src)), IpAddr::V4(dst)) => Endpoints::V4 { src, dst },
        (Some(IpAddr::V6(src)), IpAddr::V6(dst)) => Endpoints::V6 { src, dst },
        _ => return Err("a tunnel needs a source address".to_owned()),
    };
    Ok(Tunnel {
        dont_encap_dscp: state.extra_flags.dont_encap_dscp,
        no_ecn: state.flags.noecn,
        no_pmtu_disc: state.flags.nopmtudisc,
        ..Tunnel::new(endpoints)
    })
}

/// XFRM resolves a template anew for each packet, the newest SA that fits first; the model's policies name one SA. So a
/// policy becomes one for each SA that fits, for the packets that the SA may carry, and one for the packets that are left.
fn add_policy(nic: &mut Nic, policy: &ast::Policy, outbound: &[&State]) {
    let selector = selector(&policy.selector, policy.selector.family.unwrap_or(ast::Family::Inet));
    let mut insert = |wanted: &Wanted, action| {
        nic.policies.insert(Policy { selector: wanted.model(), forward: false, priority: policy.priority, action });
    };
    let rest = match (policy.action, policy.templates.first()) {
        (ast::PolicyAction::Block, _) => Action::Block,
        (ast::PolicyAction::Allow, None) => Action::Bypass,
        (ast::PolicyAction::Allow, Some(template)) => {
            for (index, sa) in outbound.iter().enumerate().rev().filter(|(_, sa)| fits(template, sa)) {
                if let Some(wanted) = carried(sa, selector.family).and_then(|carried| both(&selector, &carried)) {
                    insert(&wanted, Action::Protect(Some(index as u16)));
                }
            }
            if template.optional { Action::Bypass } else { Action::Protect(None) }
        }
    };
    insert(&selector, rest);
}

/// What may come out of an SA: its selector, or any packet of its own family (of both with af-unspec).
fn received(state: &State, destination: IpAddr) -> Vec<Selector> {
    let own = if destination.is_ipv4() { ast::Family::Inet } else { ast::Family::Inet6 };
    match &state.selector {
        Some(given) => vec![selector(given, own).model()],
        None if state.flags.af_unspec => Selector::ALL.to_vec(),
        None => vec![Wanted::any(own).model()],
    }
}

/// An inbound policy, and which SAs fit its template.
fn add_inbound_policy(nic: &mut Nic, policy: &ast::Policy, inbound: &[&State]) {
    let template = policy.templates.first();
    let action = match (policy.action, template) {
        (ast::PolicyAction::Block, _) => Requirement::Block,
        (ast::PolicyAction::Allow, None) => Requirement::Bypass,
        (ast::PolicyAction::Allow, Some(template)) => Requirement::Protect { optional: template.optional },
    };
    let selector = selector(&policy.selector, policy.selector.family.unwrap_or(ast::Family::Inet)).model();
    let forward = policy.direction == PolicyDirection::Fwd;
    let id = nic.rx_policies.insert(Policy { selector, forward, priority: policy.priority, action });
    for sa in nic.rx_sas.values_mut() {
        let state = inbound.get(usize::from(sa.number));
        if template.zip(state).is_some_and(|(template, state)| fits(template, state)) {
            sa.accepts.insert(id);
        }
    }
}

/// As the kernel's xfrm_state_find compares a template with an SA.
fn fits(template: &ast::Template, sa: &State) -> bool {
    let ends = sa.mode == Mode::Transport
        || (template.id.destination == sa.id.destination
            && (is_any(template.id.source) || is_any(sa.id.source) || template.id.source == sa.id.source));
    ends && sa.mode == template.mode
        && sa.reqid == template.reqid
        && sa.id.proto == template.id.proto
        && template.id.spi.is_none_or(|spi| spi == 0 || Some(spi) == sa.id.spi)
}

/// What an SA may carry of a family: its selector, or any packet of its own family (of both with af-unspec); in transport
/// mode between its own ends.
fn carried(sa: &State, family: ast::Family) -> Option<Wanted> {
    let own = sa.id.family().unwrap_or(family);
    let wanted = match &sa.selector {
        Some(given) => selector(given, own),
        None => (sa.flags.af_unspec || own == family).then_some(Wanted::any(family))?,
    };
    if sa.mode != Mode::Transport {
        return Some(wanted);
    }
    let host = |address: Option<IpAddr>| {
        let address = address.filter(|address| !address.is_unspecified())?;
        Some((address, if address.is_ipv4() { 32 } else { 128 }))
    };
    both(&wanted, &Wanted { src: host(sa.id.source), dst: host(sa.id.destination), ..Wanted::any(own) })
}

/// A selector whose parts can be compared.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    family: ast::Family,
    src: Option<(IpAddr, u8)>,
    dst: Option<(IpAddr, u8)>,
    protocol: Option<u8>,
    sport: Option<u16>,
    dport: Option<u16>,
}

fn selector(selector: &ast::Selector, family: ast::Family) -> Wanted {
    let prefix = |prefix: Option<ast::Prefix>| prefix.map(|prefix| (prefix.address, prefix.length));
    let port = |port: Option<u16>| port.filter(|&port| port != 0);
    Wanted {
        family: selector.family.unwrap_or(family),
        src: prefix(selector.source),
        dst: prefix(selector.destination),
        protocol: selector.protocol,
        sport: port(selector.upper.sport),
        dport: port(selector.upper.dport),
    }
}

impl Wanted {
    fn any(family: ast::Family) -> Self {
        Self { family, src: None, dst: None, protocol: None, sport: None, dport: None }
    }

    fn model(&self) -> Selector {
        let any = match self.family {
            ast::Family::Inet => IpAddr::from([0; 4]),
            ast::Family::Inet6 => IpAddr::from([0; 16]),
        };
        // The parser lets no longer prefix through than the address has bits.
        let prefix = |prefix: Option<(IpAddr, u8)>| {
            let (address, length) = prefix.unwrap_or((any, 0));
            Prefix::new(address, length).unwrap_or(Prefix::host(address))
        };
        let port = |port: Option<u16>| port.map_or(PortMatch::ANY, PortMatch::exactly);
        Selector { src: prefix(self.src), dst: prefix(self.dst), protocol: self.protocol, sport: port(self.sport), dport: port(self.dport) }
    }
}

/// The packets of both; none if there are none.
fn both(a: &Wanted, b: &Wanted) -> Option<Wanted> {
    fn value<T: PartialEq>(a: Option<T>, b: Option<T>) -> Option<Option<T>> {
        match (a, b) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => Some(a.or(b)),
        }
    }
    fn prefix(a: Option<(IpAddr, u8)>, b: Option<(IpAddr, u8)>) -> Option<Option<(IpAddr, u8)>> {
        let (Some(a), Some(b)) = (a, b) else { return Some(a.or(b)) };
        let (wide, narrow) = if a.1 <= b.1 { (a, b) } else { (b, a) };
        Prefix::new(wide.0, wide.1).ok()?.contains(narrow.0).then_some(Some(narrow))
    }
    (a.family == b.family).then_some(())?;
    Some(Wanted {
        family: a.family,
        src: prefix(a.src, b.src)?,
        dst: prefix(a.dst, b.dst)?,
        protocol: value(a.protocol, b.protocol)?,
        sport: value(a.sport, b.sport)?,
        dport: value(a.dport, b.dport)?,
    })
}
