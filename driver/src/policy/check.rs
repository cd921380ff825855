//! Every argument of a policy, checked before anything is written.

use espalier_regs::Capabilities;
use espalier_regs::map::cap_features as cap;

use super::{Action, PolicyError, PolicyParams, PolicyType, Template};
use crate::selector;
use crate::xfrm::{Family, Limits, Mark, Mode, PolicyDirection, protocol};

/// Checks in the drivers' order.
pub fn check(params: &PolicyParams, capabilities: &Capabilities) -> Result<(), PolicyError> {
    if params.ptype != PolicyType::Main {
        return Err(PolicyError::Type);
    }
    if params.templates.len() > 1 {
        return Err(PolicyError::Templates);
    }
    // No capability word stands for inbound or forward policies yet.
    match params.direction {
        PolicyDirection::Out => {}
        PolicyDirection::In => return Err(PolicyError::Input),
        PolicyDirection::Fwd => return Err(PolicyError::Forward),
    }
    if let Err(error) = selector::check(&params.selector) {
        return Err(PolicyError::Selector(error));
    }
    family(params.selector.family(), capabilities)?;
    for template in &params.templates {
        if params.action == Action::Block {
            return Err(PolicyError::BlockTemplate);
        }
        check_template(template, capabilities)?;
    }
    if params.mark != Mark::default() {
        return Err(PolicyError::Mark);
    }
    if params.if_id != 0 {
        return Err(PolicyError::IfId);
    }
    if params.icmp {
        return Err(PolicyError::IcmpFlag);
    }
    let Limits { soft_bytes, hard_bytes, soft_packets, hard_packets, .. } = params.limits;
    if [soft_bytes, hard_bytes, soft_packets, hard_packets] != [Limits::INF; 4] {
        return Err(PolicyError::Limit);
    }
    Ok(())
}

fn check_template(template: &Template, capabilities: &Capabilities) -> Result<(), PolicyError> {
    if template.id.proto != protocol::ESP {
        return Err(PolicyError::Protocol(template.id.proto));
    }
    let mode = match template.mode {
        Mode::Transport => Some(cap::TRANSPORT),
        Mode::Tunnel => Some(cap::TUNNEL),
        _ => None,
    };
    if !mode.is_some_and(|mode| capabilities.has(mode)) {
        return Err(PolicyError::Mode(template.mode));
    }
    // In transport mode the addresses of the packet count, not the template's.
    if template.mode == Mode::Tunnel {
        if Family::of(template.saddr) != Family::of(template.id.daddr) {
            return Err(PolicyError::TemplateFamily);
        }
        if template.id.daddr.is_unspecified() {
            return Err(PolicyError::TemplateDestination);
        }
        family(Family::of(template.id.daddr), capabilities)?;
    }
    Ok(())
}

fn family(family: Family, capabilities: &Capabilities) -> Result<(), PolicyError> {
    let feature = match family {
        Family::V4 => cap::IPV4,
        Family::V6 => cap::IPV6,
    };
    if capabilities.has(feature) { Ok(()) } else { Err(PolicyError::Family(family)) }
}
