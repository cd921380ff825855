//! Which entries of the device stand for a policy.
//!
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
use crate::xfrm::{Direction, Family, Mode};

/// What an entry does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Passes as it is.
    Bypass,
    /// Dropped.
    Block,
    /// Protected by the outbound SA at this index; dropped if there is none.
    Protect(Option<u16>),
}

/// One entry of the device's policy table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which packets.
    pub pattern: Pattern,
    /// The lowest of all that match wins.
    pub order: u64,
    /// What happens.
    pub consequence: Consequence,
}

impl Entry {
    /// Operands of POLICY_WRITE.
    pub fn words(&self) -> Words {
        let Pattern { family, src, dst, protocol, sport, dport } = self.pattern;
        let (action, sa) = match self.consequence {
            Consequence::Bypass => (0_u8, None),
            Consequence::Block => (1, None),
            Consequence::Protect(sa) => (2, sa),
        };
        let mut words = Words::new();
        words
            .put(field::VALUE_V6, family == Family::V6)
            .put(field::VALUE_SRC, src.value)
            .put(field::MASK_SRC, src.mask)
            .put(field::VALUE_DST, dst.value)
            .put(field::MASK_DST, dst.mask)
            .put(field::VALUE_PROTOCOL, protocol.value)
            .put(field::MASK_PROTOCOL, protocol.mask)
            .put(field::VALUE_SPORT, sport.value)
            .put(field::MASK_SPORT, sport.mask)
            .put(field::VALUE_DPORT, dport.value)
            .put(field::MASK_DPORT, dport.mask)
            .put(field::ORDER, self.order)
            .put(field::ACTION, action)
            .put(field::SA_VALID, sa.is_some())
            .put(field::SA, sa.unwrap_or(0));
        words
    }
}

/// The packets of a policy that an SA would protect; none if it would protect none.
pub fn candidate(policy: &PolicyParams, sa: &Sa) -> Option<Pattern> {
    let template = policy.templates.first().filter(|_| policy.action == Action::Allow)?;
    let family = policy.selector.family();
    if !fits(template, family, sa) {
        return None;
    }
    sa.pattern(family)?.and(&Pattern::from(&policy.selector))
}

/// As xfrm_state_find compares a template with an SA.
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
        && sa.id.proto == template.id.proto
        && (template.id.spi == 0 || template.id.spi == sa.id.spi)
        && sa.mode == template.mode
        && sa.reqid == template.reqid
}

/// What happens to packets of a policy for which there is no SA.
pub fn fallback(policy: &PolicyParams) -> Consequence {
    match (policy.action, policy.templates.first().map(|template| template.level)) {
        (Action::Block, _) => Consequence::Block,
        (Action::Allow, None | Some(Level::Use)) => Consequence::Bypass,
        (Action::Allow, Some(Level::Required)) => Consequence::Protect(None),
    }
}
