//! Carries `ip xfrm` commands out on a core, as the kernel would: what they print, or why they are refused.

use std::fmt::{self, Write};

use espalier_driver::Errno;
use espalier_driver::core::{AllocSpi, MonitorEvent, PolicyId, PolicyKey, PolicyRequest, StateRequest, UserOffload, XfrmCore, XfrmError};
use espalier_driver::ops::XfrmdevOps;
use espalier_driver::policy::PolicyType;
use espalier_driver::xfrm::{Family, SaId};
use jiff::tz::TimeZone;

use crate::run::program;
use crate::xfrm::ast::{self, Action, PolicyName, StateName};
use crate::xfrm::{Command, show};

/// Of all protocols: XFRMA's IPSEC_PROTO_ANY.
const ANY: u8 = 255;

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error number.
    pub errno: Errno,
    /// The message.
    pub message: String,
    /// The kernel answers with the number alone: `ip` then prints its meaning, as `File exists`.
    pub silent: bool,
}

impl From<XfrmError> for Refusal {
    fn from(error: XfrmError) -> Self {
        use XfrmError::{NoPolicy, NoState, PolicyExists, StateExists, StateInvalid};
        let silent = matches!(error, StateExists | NoState | StateInvalid | PolicyExists | NoPolicy);
        Self { errno: error.errno(), message: error.to_string(), silent }
    }
}

impl From<fmt::Error> for Refusal {
    fn from(error: fmt::Error) -> Self {
        Self { errno: Errno::Eio, message: error.to_string(), silent: false }
    }
}

/// A word that iproute2 takes and the core has no use for.
fn unknown(word: &str, reason: &str) -> Refusal {
    Refusal { errno: Errno::Eopnotsupp, message: format!("'{word}': {reason}"), silent: false }
}

/// Carries a command out and prints what it tells to `out`, dates in `timezone`.
///
/// # Errors
/// [`Refusal`]
pub fn execute<D: XfrmdevOps>(
    core: &mut XfrmCore<D>,
    command: &Command,
    timezone: &TimeZone,
    mut out: &mut dyn Write,
) -> Result<(), Refusal> {
    let mut options =
        show::Options { stats: command.output.stats, oneline: command.output.oneline, nokeys: false, timezone: timezone.clone() };
    match &command.action {
        Action::AddState(state) => drop(core.state_add(state_request(state)?)?),
        Action::UpdateState(state) => drop(core.state_update(state_request(state)?)?),
        Action::DeleteState(name) => core.state_delete(&id(name), program::mark(name.mark))?,
        Action::GetState(name) => show::state(&core.state_get(&id(name), program::mark(name.mark))?, &options, &mut out)?,
        Action::ListStates(filter) => {
            options.nokeys = filter.nokeys;
            for info in core.state_dump().iter().filter(|info| filter.matches(info)) {
                show::state(info, &options, &mut out)?;
            }
        }
        Action::DeleteAllStates(filter) => {
            for info in core.state_dump().iter().filter(|info| filter.matches(info)) {
                core.state_delete(&info.id, info.mark)?;
            }
        }
        Action::FlushStates(proto) => core.state_flush(proto.map_or(ANY, |proto| program::proto(Some(proto)))),
        Action::CountStates => show::state_count(&core.sad_info(), &options, &mut out)?,
        Action::AllocSpi(asked) => {
            let (_, spi) = core.state_alloc_spi(alloc_spi(asked))?;
            let name = StateName { id: ast::Id { spi: Some(spi), ..asked.id }, mark: asked.mark };
            show::state(&core.state_get(&id(&name), program::mark(name.mark))?, &options, &mut out)?;
        }
        Action::AddPolicy(policy) => drop(core.policy_add(policy_request(policy)?)?),
        Action::UpdatePolicy(policy) => drop(core.policy_update(policy_request(policy)?)?),
        Action::DeletePolicy(name) => core.policy_delete(&policy_id(name)?)?,
        Action::GetPolicy(name) => show::policy(&core.policy_get(&policy_id(name)?)?, &options, &mut out)?,
        Action::ListPolicies(filter) => {
            for info in core.policy_dump().iter().filter(|info| filter.matches(info)) {
                show::policy(info, &options, &mut out)?;
            }
        }
        Action::DeleteAllPolicies(filter) => {
            for info in core.policy_dump().iter().filter(|info| filter.matches(info)) {
                let ptype = info.ptype.unwrap_or(PolicyType::Main);
                let key = PolicyKey::Index(info.index);
                core.policy_delete(&PolicyId { direction: info.direction, ptype, key, mark: info.mark, if_id: info.if_id })?;
            }
        }
        Action::FlushPolicies(ptype) => core.policy_flush(ptype.map_or(PolicyType::Main, program::ptype)),
        Action::CountPolicies => show::policy_count(&core.spd_info(), &options, &mut out)?,
        Action::Monitor(monitor) => {
            options.nokeys = monitor.nokeys;
            while let Some(event) = core.next_event() {
                out.write_str(&monitor_line(&event))?;
            }
        }
    }
    Ok(())
}

/// An event as `ip xfrm monitor nokeys` prints it, in UTC.
pub fn monitor_line(event: &MonitorEvent) -> String {
    let options = show::Options { timezone: TimeZone::UTC, nokeys: true, ..Default::default() };
    let mut line = String::new();
    // A string takes everything.
    let _ = monitor_event(event, &options, &mut line);
    line
}

/// Prints an event as `ip xfrm monitor` does; what the kernel has no message for, in words.
///
/// # Errors
/// When `out` takes no more.
pub fn monitor_event(event: &MonitorEvent, options: &show::Options, mut out: &mut dyn Write) -> fmt::Result {
    match event {
        MonitorEvent::Xfrm(message) => show::message(message, options, &mut out),
        MonitorEvent::Fallback { id, reason } => writeln!(out, "SA {} spi {:#010x} is in software: {reason}", id.daddr, id.spi),
        MonitorEvent::SequenceExhausted { id } => writeln!(out, "SA {} spi {:#010x} has used its last sequence number", id.daddr, id.spi),
        MonitorEvent::DeviceFailed { dev, reason } => writeln!(out, "{dev} failed: {reason}"),
        MonitorEvent::UnknownHandle { dev, handle } => writeln!(out, "{dev} tells of SA {handle}, which it does not have"),
        MonitorEvent::Overrun(lost) => writeln!(out, "{lost} events were lost"),
    }
}

fn state_request(state: &ast::State) -> Result<StateRequest, Refusal> {
    if state.care_of.is_some() {
        return Err(unknown("coa", "there is no Mobile IPv6 here"));
    }
    if state.security_context.is_some() {
        return Err(unknown("ctx", "there are no security contexts here"));
    }
    let params = program::sa_params(state);
    let offload = state.offload.as_ref().map(|asked| UserOffload::state(&asked.device, params.offload));
    Ok(StateRequest { params, km_seq: state.seq.to_be(), offload })
}

fn policy_request(policy: &ast::Policy) -> Result<PolicyRequest, Refusal> {
    if policy.security_context.is_some() {
        return Err(unknown("ctx", "there are no security contexts here"));
    }
    let params = program::policy_params(policy);
    Ok(PolicyRequest { params, index: policy.index, offload: policy.offload_device.as_deref().map(UserOffload::policy) })
}

fn alloc_spi(asked: &ast::AllocSpi) -> AllocSpi {
    let id = id(&StateName { id: asked.id, mark: asked.mark });
    AllocSpi {
        id,
        saddr: asked.id.source.unwrap_or(Family::of(id.daddr).unspecified()),
        mode: program::mode(asked.mode),
        reqid: asked.reqid,
        mark: program::mark(asked.mark),
        if_id: 0,
        km_seq: asked.seq.to_be(),
        dir: asked.direction.map(program::direction),
        range: asked.range.0..=asked.range.1,
    }
}

fn id(name: &StateName) -> SaId {
    let family = name.id.family().map_or(Family::V4, program::family);
    SaId { daddr: name.id.destination.unwrap_or(family.unspecified()), spi: name.id.spi.unwrap_or(0), proto: program::proto(name.id.proto) }
}

fn policy_id(name: &PolicyName) -> Result<PolicyId, Refusal> {
    if name.security_context.is_some() {
        return Err(unknown("ctx", "there are no security contexts here"));
    }
    let key = match &name.which {
        ast::PolicyKey::Index(index) => PolicyKey::Index(*index),
        ast::PolicyKey::Selector(selector) => {
            PolicyKey::Selector(program::selector(selector, selector.family.map_or(Family::V4, program::family)))
        }
    };
    Ok(PolicyId {
        direction: program::policy_direction(name.direction),
        ptype: program::ptype(name.ptype),
        key,
        mark: program::mark(name.mark),
        if_id: name.if_id.unwrap_or(0),
    })
}
