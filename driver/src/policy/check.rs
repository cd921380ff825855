//! Every argument of a policy, checked before anything is written.

use espalier_regs::Capabilities;
use espalier_regs::map::cap_features as cap;

use super::{Action, PolicyError, PolicyParams, PolicyType, Template};
use crate::selector;
use crate::xfrm::{Family, Limits, Mark, Mode, PolicyDirection, protocol};

/// Checks in the drivers' order. `local`: the device knows which addresses are this host's.
pub fn check(params: &PolicyParams, capabilities: &Capabilities, local: bool) -> Result<(), PolicyError> {
    if !capabilities.has(cap::PACKET_OFFLOAD) {
        return Err(PolicyError::Offload);
    }
    if params.ptype != PolicyType::Main {
        return Err(PolicyError::Type);
    }
    if params.templates.len() > 1 {
        return Err(PolicyError::Templates);
    }
    match params.direction {
        PolicyDirection::In if capabilities.rx_policies == 0 => return Err(PolicyError::Input),
        PolicyDirection::Fwd if capabilities.rx_policies == 0 || capabilities.local_addresses == 0 => return Err(PolicyError::Forward),
        PolicyDirection::Fwd if !local => return Err(PolicyError::ForwardWithoutLocal),
        PolicyDirection::Out | PolicyDirection::In | PolicyDirection::Fwd => {}
    }
    if let Err(error) = selector::check(&params.selector) {
        return Err(PolicyError::Selector(error));
    }
    family(params.selector.family(), capabilities)?;
    for template in &params.templates {
        if params.action == Action::Block {
            return Err(PolicyError::BlockTemplate);
        }
        check_template(template, params.direction, capabilities)?;
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

fn check_template(template: &Template, direction: PolicyDirection, capabilities: &Capabilities) -> Result<(), PolicyError> {
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
        // Inbound, an SA is found by its destination; the template's is not compared.
        if template.id.daddr.is_unspecified() && direction == PolicyDirection::Out {
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
