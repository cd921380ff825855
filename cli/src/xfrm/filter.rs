//! Which SAs, policies and messages `list`, `deleteall` and `monitor` are about.

use std::net::IpAddr;

use espalier_driver::policy::{Action, PolicyType};
use espalier_driver::xfrm::info::{PolicyInfo, StateInfo};
use espalier_driver::xfrm::message::Message;
use espalier_driver::xfrm::{self as driver, PortMatch};

use super::ast::{Family, Groups, Mode, PolicyAction, PolicyDirection, PolicyFilter, Prefix, StateFilter};

impl StateFilter {
    /// xfrm_state_filter_match: whether the filter lets an SA through.
    pub fn matches(&self, info: &StateInfo) -> bool {
        let flags = &info.flags;
        let flag = |wanted: super::ast::StateFlags| {
            (wanted.noecn && flags.noecn)
                || (wanted.decap_dscp && flags.decap_dscp)
                || (wanted.nopmtudisc && flags.nopmtudisc)
                || (wanted.wildrecv && flags.wildrecv)
                || (wanted.icmp && flags.icmp)
                || (wanted.af_unspec && flags.af_unspec)
                || (wanted.align4 && flags.align4)
                || (wanted.esn && flags.esn)
        };
        self.family.is_none_or(|family| family == Family::of(info.id.daddr))
            && self.source.is_none_or(|prefix| prefix.holds(info.saddr))
            && self.destination.is_none_or(|prefix| prefix.holds(info.id.daddr))
            && self.proto.is_none_or(|proto| proto.number() == info.id.proto)
            && self.spi.is_none_or(|spi| spi == info.id.spi)
            && self.mode.is_none_or(|mode| is_mode(mode, info.mode))
            && self.reqid.is_none_or(|reqid| reqid == info.reqid)
            && self.flags.is_none_or(flag)
    }
}

impl PolicyFilter {
    /// xfrm_policy_filter_match: whether the filter lets a policy through.
    pub fn matches(&self, info: &PolicyInfo) -> bool {
        let Self { selector, direction, index, ptype, action, priority, flags, nosock } = self;
        let found = &info.selector;
        let is_sub = info.ptype == Some(PolicyType::Sub);
        // A type, a code or the halves of a GRE key stand in the ports' place.
        let upper = &selector.upper;
        let sport = upper.sport.or(upper.icmp_type.map(u16::from));
        let dport = upper.dport.or(upper.icmp_code.map(u16::from)).or(upper.gre_key.map(|key| key as u16));
        let port = |wanted: Option<u16>, found: PortMatch| wanted.is_none_or(|port| port == found.value);
        selector.family.is_none_or(|family| family == Family::of(found.dst.addr()))
            && selector.source.is_none_or(|prefix| prefix.holds(found.src.addr()))
            && selector.destination.is_none_or(|prefix| prefix.holds(found.dst.addr()))
            && selector.device.as_ref().is_none_or(|device| found.dev.as_ref() == Some(device))
            && !(selector.no_device && found.dev.is_some())
            && selector.protocol.is_none_or(|protocol| protocol == found.proto)
            && port(sport, found.sport)
            && port(dport, found.dport)
            // The direction of a socket's policy has a number of its own.
            && direction.is_none_or(|direction| !info.socket && is_direction(direction, info.direction))
            && index.is_none_or(|index| index == info.index)
            && ptype.is_none_or(|ptype| (ptype == super::ast::PolicyType::Sub) == is_sub)
            && action.is_none_or(|action| (action == PolicyAction::Block) == (info.action == Action::Block))
            && priority.is_none_or(|priority| priority == info.priority)
            && flags.is_none_or(|flags| (flags.localok && info.localok) || (flags.icmp && info.icmp))
            && !(*nosock && info.socket)
    }
}

impl Groups {
    /// Whether one who listens to these hears a message.
    pub fn hear(&self, message: &Message) -> bool {
        if *self == Self::default() {
            return true;
        }
        match message {
            Message::NewState(_) | Message::UpdatedState(_) | Message::DeletedState(_) | Message::FlushedStates { .. } => self.sa,
            Message::NewPolicy(_) | Message::UpdatedPolicy(_) | Message::DeletedPolicy(_) | Message::FlushedPolicies { .. } => self.policy,
            Message::ExpiredState { .. } | Message::ExpiredPolicy { .. } => self.expire,
            Message::Acquire(_) => self.acquire,
            Message::AsyncEvent(_) => self.aevent,
            Message::Report { .. } => self.report,
            // XFRMNLGRP_MAPPING has no word.
            Message::Mapping { .. } => false,
        }
    }
}

impl Prefix {
    /// xfrm_addr_match: whether an address begins with it. One of length 0 holds all, of either family.
    pub fn holds(&self, address: IpAddr) -> bool {
        let differ = match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
            (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
            _ => u128::MAX,
        };
        differ.leading_zeros() >= self.length.into()
    }
}

fn is_mode(wanted: Mode, found: driver::Mode) -> bool {
    use driver::Mode as Found;
    matches!(
        (wanted, found),
        (Mode::Transport, Found::Transport)
            | (Mode::Tunnel, Found::Tunnel)
            | (Mode::RouteOptimization, Found::RouteOptimization)
            | (Mode::InTrigger, Found::InTrigger)
            | (Mode::Beet, Found::Beet)
            | (Mode::Iptfs, Found::Iptfs)
    )
}

fn is_direction(wanted: PolicyDirection, found: driver::PolicyDirection) -> bool {
    use driver::PolicyDirection as Found;
    matches!((wanted, found), (PolicyDirection::In, Found::In) | (PolicyDirection::Out, Found::Out) | (PolicyDirection::Fwd, Found::Fwd))
}

// What lists let through is judged by iproute2 and the kernel: tests/iproute2/kernel.rs.
#[cfg(test)]
mod tests {
    use espalier_driver::xfrm::{Mode, SaId, protocol};

    use super::*;

    #[test]
    fn a_listener_hears_its_groups_only() {
        let id = SaId { daddr: [10, 0, 0, 1].into(), spi: 1, proto: protocol::ESP };
        let state = || Box::new(StateInfo::new(id, [10, 0, 0, 2].into(), Mode::Tunnel));
        let (new, expired) = (Message::NewState(state()), Message::ExpiredState { state: state(), hard: true });
        let mapping = Message::Mapping { id, reqid: 0, old: ([10, 0, 0, 1], 1).into(), new: ([10, 0, 0, 1], 2).into() };
        let heard = |groups: Groups| [&new, &expired, &mapping].map(|message| groups.hear(message));
        assert_eq!(heard(Groups::default()), [true; 3]);
        assert_eq!(heard(Groups { sa: true, ..Groups::default() }), [true, false, false]);
        assert_eq!(heard(Groups { expire: true, policy: true, ..Groups::default() }), [false, true, false]);
    }

    #[test]
    fn a_prefix_holds_what_begins_with_it() {
        let holds = |address: IpAddr, length, other: IpAddr| Prefix { address, length }.holds(other);
        let v4 = |last| IpAddr::from([10, 0, 0, last]);
        let v6 = |last| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, last]);
        assert!(holds(v4(0), 24, v4(255)) && holds(v4(1), 32, v4(1)) && holds(v6(4), 126, v6(7)) && holds(v6(4), 128, v6(4)));
        assert!(!holds(v4(0), 25, v4(128)) && !holds(v4(1), 32, v4(2)) && !holds(v6(4), 127, v6(6)));
        assert!(holds(v4(1), 0, v6(1)) && !holds(v4(1), 1, v6(1)));
    }
}
