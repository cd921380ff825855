//! Says in plain words what a command means.

mod ask;

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{
    Action, Algorithm, AlgorithmKind, Command, Id, Limits, OffloadMode, Policy, PolicyAction, PolicyDirection, PolicyType, Prefix,
    SaDirection, Selector, State, Template,
};
use super::value::protocol_name;
use ask::{explain_alloc, explain_monitor, explain_name, explain_policies, explain_policy_name, explain_states};

/// Prints a command as a heading and indented lines.
pub struct Explained<'a>(pub &'a Command);

impl Display for Explained<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Command { at, netns, action, .. } = self.0;
        write!(f, "line {}", at.line)?;
        if let Some(netns) = netns {
            write!(f, " ({netns})")?;
        }
        match action {
            Action::AddState(state) => explain_state(f, "add", state),
            Action::UpdateState(state) => explain_state(f, "update", state),
            Action::AddPolicy(policy) => explain_policy(f, "add", policy),
            Action::UpdatePolicy(policy) => explain_policy(f, "update", policy),
            Action::AllocSpi(alloc) => explain_alloc(f, alloc),
            Action::DeleteState(name) => explain_name(f, "delete", name),
            Action::GetState(name) => explain_name(f, "show", name),
            Action::DeleteAllStates(filter) => explain_states(f, "delete", filter),
            Action::ListStates(filter) => explain_states(f, "show", filter),
            Action::FlushStates(None) => writeln!(f, ": delete all SAs"),
            Action::FlushStates(Some(proto)) => writeln!(f, ": delete all SAs of protocol {proto}"),
            Action::CountStates => writeln!(f, ": count the SAs"),
            Action::DeletePolicy(name) => explain_policy_name(f, "delete", name),
            Action::GetPolicy(name) => explain_policy_name(f, "show", name),
            Action::DeleteAllPolicies(filter) => explain_policies(f, "delete", filter),
            Action::ListPolicies(filter) => explain_policies(f, "show", filter),
            Action::FlushPolicies(ptype) => writeln!(f, ": delete all policies of type {}", ptype.unwrap_or(PolicyType::Main)),
            Action::CountPolicies => writeln!(f, ": count the policies"),
            Action::Monitor(monitor) => explain_monitor(f, monitor),
        }
    }
}

fn explain_state(f: &mut Formatter, verb: &str, state: &State) -> fmt::Result {
    writeln!(f, ": {verb} an SA: {}, {} mode, reqid {}", Sa(&state.id), state.mode, state.reqid)?;
    for algorithm in &state.algorithms {
        item(f, explain_algorithm(algorithm))?;
    }
    let bits = if state.flags.esn { "64-bit (ESN)" } else { "32-bit" };
    let direction = state.direction.or(state.offload.as_ref().map(|offload| offload.direction));
    match (state.replay_window, direction) {
        (0, Some(SaDirection::Out)) => item(f, format_args!("{bits} sequence numbers"))?,
        (0, _) => item(f, format_args!("{bits} sequence numbers, no anti-replay window"))?,
        (window, _) => item(f, format_args!("{bits} sequence numbers, anti-replay window of {window} packets"))?,
    }
    let replay = state.replay;
    if replay != Default::default() {
        let wide = |hi: u32, lo: u32| (u64::from(hi) << 32) | u64::from(lo);
        let (received, sent) = (wide(replay.seq_hi, replay.seq), wide(replay.oseq_hi, replay.oseq));
        item(f, format_args!("starts after sequence number {received} received, {sent} sent"))?;
    }
    if let Some(selector) = &state.selector {
        item(f, format_args!("only for packets {}", Packets(selector)))?;
    }
    flag_words(f, state.flags.words().into_iter().filter(|&word| word != "esn").chain(state.extra_flags.words()))?;
    explain_limits(f, &state.limits)?;
    if let Some(encap) = &state.encap {
        item(
            f,
            format_args!("encapsulated: {}, ports {} to {}, original address {}", encap.kind, encap.sport, encap.dport, encap.original),
        )?;
    }
    if let Some(address) = state.care_of {
        item(f, format_args!("care-of address {address}"))?;
    }
    if let Some(mark) = state.mark {
        item(f, format_args!("mark {:#x} of mask {:#x}", mark.value, mark.mask))?;
    }
    if let Some(mark) = state.output_mark {
        item(f, format_args!("sets mark {:#x} of mask {:#x} on what it sends", mark.value, mark.mask))?;
    }
    if let Some(id) = state.if_id {
        item(f, format_args!("belongs to XFRM interface {id}"))?;
    }
    if state.tfcpad != 0 {
        item(f, format_args!("pads packets to {} bytes (TFC)", state.tfcpad))?;
    }
    if let Some(context) = &state.security_context {
        item(f, format_args!("security context {context}"))?;
    }
    match &state.offload {
        None => item(f, "not offloaded: the host does everything"),
        Some(offload) => {
            let packets = match offload.direction {
                SaDirection::In => "received",
                SaDirection::Out => "sent",
            };
            let who = match offload.mode {
                OffloadMode::Crypto => "crypto offload (the device encrypts and checks, the host does the headers)",
                OffloadMode::Packet => "packet offload (the device does everything)",
            };
            item(f, format_args!("for packets {packets} by {}: {who}", offload.device))
        }
    }
}

/// Lengths only: nothing of the key itself.
fn explain_algorithm(algorithm: &Algorithm) -> String {
    let bytes = algorithm.key.0.len();
    let Algorithm { kind, name, icv_bits, .. } = algorithm;
    let icv = icv_bits.map_or(String::new(), |bits| format!(", ICV of {bits} bits"));
    const SALT: usize = 4;
    match (kind, name.as_str()) {
        (AlgorithmKind::Comp, _) => format!("compressed by {name}"),
        // RFC 4106 section 8.1: the last four bytes of the key material are the salt.
        (AlgorithmKind::Aead, "rfc4106(gcm(aes))") if bytes > SALT => {
            format!("AES-GCM, {name}: key of {} bits and salt of 32 bits (not shown){icv}", (bytes - SALT) * 8)
        }
        _ => format!("{kind} {name}: key of {} bits (not shown){icv}", bytes * 8),
    }
}

fn explain_policy(f: &mut Formatter, verb: &str, policy: &Policy) -> fmt::Result {
    let which = match policy.direction {
        PolicyDirection::In => "received",
        PolicyDirection::Out => "sent",
        PolicyDirection::Fwd => "forwarded",
    };
    let what = match (policy.action, policy.templates.is_empty()) {
        (PolicyAction::Block, _) => "are dropped",
        (PolicyAction::Allow, true) => "pass unprotected",
        (PolicyAction::Allow, false) => "must be protected",
    };
    writeln!(
        f,
        ": {verb} a policy: packets {which} {} {what}; priority {} (lower is asked first)",
        Packets(&policy.selector),
        policy.priority
    )?;
    for Template { id, mode, reqid, optional } in &policy.templates {
        let level = if *optional { "if there is one" } else { "required" };
        let mut with = String::new();
        if id.proto.is_some() {
            write!(with, "{}, ", Sa(id))?;
        }
        item(f, format_args!("by an SA {with}{mode} mode, reqid {reqid}; {level}"))?;
    }
    flag_words(f, policy.flags.words().into_iter())?;
    explain_limits(f, &policy.limits)?;
    if policy.index != 0 {
        item(f, format_args!("index {}", policy.index))?;
    }
    if policy.ptype != PolicyType::Main {
        item(f, format_args!("policy type {}", policy.ptype))?;
    }
    if let Some(mark) = policy.mark {
        item(f, format_args!("mark {:#x} of mask {:#x}", mark.value, mark.mask))?;
    }
    if let Some(id) = policy.if_id {
        item(f, format_args!("belongs to XFRM interface {id}"))?;
    }
    if let Some(context) = &policy.security_context {
        item(f, format_args!("security context {context}"))?;
    }
    match &policy.offload_device {
        Some(device) => item(f, format_args!("packet offload to {device}")),
        None => item(f, "not offloaded: the host looks it up"),
    }
}

fn explain_limits(f: &mut Formatter, limits: &Limits) -> fmt::Result {
    for (what, soft, hard) in [
        ("bytes", limits.byte_soft, limits.byte_hard),
        ("packets", limits.packet_soft, limits.packet_hard),
        ("seconds", limits.time_soft, limits.time_hard),
        ("seconds of use", limits.time_use_soft, limits.time_use_hard),
    ] {
        let mut parts = Vec::new();
        parts.extend(soft.map(|limit| format!("asks for a new one after {limit} {what}")));
        parts.extend(hard.map(|limit| format!("ends after {limit} {what}")));
        if !parts.is_empty() {
            item(f, parts.join(", "))?;
        }
    }
    Ok(())
}

fn flag_words(f: &mut Formatter, words: impl Iterator<Item = &'static str>) -> fmt::Result {
    let words: Vec<_> = words.collect();
    if words.is_empty() { Ok(()) } else { item(f, format_args!("flags {}", words.join(", "))) }
}

fn item(f: &mut Formatter, text: impl Display) -> fmt::Result {
    writeln!(f, "    {text}")
}

/// An SA's name: `ESP 10.0.0.1 -> 10.0.0.2, SPI 0x00000007`.
struct Sa<'a>(&'a Id);

impl Display for Sa<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let any = || "any".to_owned();
        let Id { source, destination, proto, spi } = self.0;
        let end = |address: &Option<std::net::IpAddr>| address.map_or_else(any, |address| address.to_string());
        let proto = proto.map_or_else(any, |proto| proto.to_string().to_uppercase());
        write!(f, "{proto} {} -> {}", end(source), end(destination))?;
        spi.map_or(Ok(()), |spi| write!(f, ", SPI {spi:#010x}"))
    }
}

/// The packets of a selector: `from 10.0.0.0/24 to any, protocol tcp, to port 80`.
struct Packets<'a>(&'a Selector);

impl Display for Packets<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Selector { source, destination, device, protocol, upper, .. } = self.0;
        let end = |prefix: &Option<Prefix>| prefix.map_or_else(|| "any".to_owned(), |prefix| prefix.to_string());
        write!(f, "from {} to {}", end(source), end(destination))?;
        if let Some(protocol) = protocol.filter(|protocol| *protocol != 0) {
            write!(f, ", protocol {}", protocol_name(protocol))?;
        }
        for (what, number) in [
            ("from port", upper.sport.map(u32::from)),
            ("to port", upper.dport.map(u32::from)),
            ("type", upper.icmp_type.map(u32::from)),
            ("code", upper.icmp_code.map(u32::from)),
            ("GRE key", upper.gre_key),
        ] {
            if let Some(number) = number {
                write!(f, ", {what} {number}")?;
            }
        }
        device.as_ref().map_or(Ok(()), |device| write!(f, ", on {device}"))
    }
}

impl Display for Prefix {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}
