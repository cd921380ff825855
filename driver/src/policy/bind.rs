//! Which entries of the device stand for a policy.
//!
//! An inbound policy (`in`, `fwd`) is one entry, and every inbound SA has a map of those whose template it fits.
//!
//! Outbound it takes more.
//! XFRM resolves a policy's template to an SA for each flow (net/xfrm/xfrm_policy.c, xfrm_tmpl_resolve_one); the device
//! knows one SA an entry. So a policy becomes one entry for each SA that fits its template, narrowed to the packets for
//! which XFRM would choose that SA, the newest SA first, and a last entry for the packets for which there is none. An SA
//! that fits all of the policy's packets takes the place of that last entry, which is the usual case: one policy, one
//! entry.

use espalier_regs::mailbox::policy as field;

use super::{Action, Level, PolicyParams, Template};
use crate::regs::Words;
use crate::sa::Sa;
use crate::selector::Pattern;
use crate::xfrm::{Direction, Family, Mode, OffloadMode, PolicyDirection};

/// What an entry does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Passes as it is.
    Bypass,
    /// Dropped.
    Block,
    /// Protected by the outbound SA at this index; dropped if there is none.
    Protect(Option<u16>),
    /// Inbound: passes if it came out of an SA that accepts this entry; if `optional`, also without tunnel.
    Admit {
        /// Template level `use`.
        optional: bool,
    },
}

/// One entry of one of the device's policy tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which packets.
    pub pattern: Pattern,
    /// Packets for others, else for this host. Inbound only.
    pub forward: bool,
    /// The lowest of all that match wins.
    pub order: u64,
    /// What happens.
    pub consequence: Consequence,
}

impl Entry {
    /// Operands of TX_POLICY_WRITE and RX_POLICY_WRITE.
    pub fn words(&self) -> Words {
        let (action, sa, optional) = match self.consequence {
            Consequence::Bypass => (0_u8, None, false),
            Consequence::Block => (1, None, false),
            Consequence::Protect(sa) => (2, sa, false),
            Consequence::Admit { optional } => (2, None, optional),
        };
        let mut words = Words::new();
        self.pattern.put(&mut words);
        words
            .put(field::VALUE_FORWARD, self.forward)
            .put(field::ORDER, self.order)
            .put(field::ACTION, action)
            .put(field::SA_VALID, sa.is_some())
            .put(field::OPTIONAL, optional)
            .put(field::SA, sa.unwrap_or(0));
        words
    }
}

/// The packets of a policy that an SA would protect; none if it would protect none.
pub fn candidate(policy: &PolicyParams, sa: &Sa) -> Option<Pattern> {
    let template = template(policy)?;
    let family = policy.selector.family();
    if !fits(template, family, sa) {
        return None;
    }
    sa.pattern(family)?.and(&Pattern::from(&policy.selector))
}

/// An inbound policy's template fits an inbound SA: what came out of the SA satisfies the policy.
pub fn accepts(policy: &PolicyParams, sa: &Sa) -> bool {
    template(policy).is_some_and(|template| admits(template, sa))
}

fn template(policy: &PolicyParams) -> Option<&Template> {
    policy.templates.first().filter(|_| policy.action == Action::Allow)
}

/// As xfrm_state_ok compares a template with the SA that a packet came out of: an SPI or reqid of 0 is any, and of a tunnel's
/// ends only the source counts (xfrm_state_addr_cmp). In crypto mode the core compares.
fn admits(template: &Template, sa: &Sa) -> bool {
    let source = sa.mode == Mode::Transport || template.saddr.is_unspecified() || template.saddr == sa.saddr;
    source
        && sa.direction == Direction::In
        && sa.offload == OffloadMode::Packet
        && sa.id.proto == template.id.proto
        && (template.id.spi == 0 || template.id.spi == sa.id.spi)
        && (template.reqid == 0 || template.reqid == sa.reqid)
        && sa.mode == template.mode
}

/// As xfrm_state_find compares a template with an SA, for a policy in packet mode.
fn fits(template: &Template, family: Family, sa: &Sa) -> bool {
    let addresses = match template.mode {
        // The packet's own addresses count: see `Sa::pattern`.
        Mode::Transport => Family::of(sa.id.daddr) == family,
        _ => {
            let any = template.saddr.is_unspecified() || sa.saddr.is_unspecified();
            sa.id.daddr == template.id.daddr && (any || sa.saddr == template.saddr)
        }
    };
    addresses
        && sa.direction == Direction::Out
        && sa.offload == OffloadMode::Packet
        && sa.id.proto == template.id.proto
        && (template.id.spi == 0 || template.id.spi == sa.id.spi)
        && sa.mode == template.mode
        && sa.reqid == template.reqid
}

/// What happens to packets of a policy for which there is no entry of an SA's.
pub fn fallback(policy: &PolicyParams) -> Consequence {
    let Some(template) = template(policy) else {
        return if policy.action == Action::Block { Consequence::Block } else { Consequence::Bypass };
    };
    let optional = template.level == Level::Use;
    match policy.direction {
        PolicyDirection::In | PolicyDirection::Fwd => Consequence::Admit { optional },
        // xfrm_tmpl_resolve_one leaves an optional template out for which no SA is there.
        PolicyDirection::Out if optional => Consequence::Bypass,
        PolicyDirection::Out => Consequence::Protect(None),
    }
}
