//! What a run begins with: random SAs, policies, local addresses.

use espalier_driver::xfrm::Direction;
use espalier_reference_model::lifetime::Limits;
use espalier_reference_model::policy::{Action, Policy, Prefix, Requirement, Selector};
use espalier_reference_model::rfc4106::IcvLength;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::association::{Association, Selects};

/// Limits that a few packets reach, or none.
pub fn limits() -> impl Strategy<Value = Limits> {
    let limit = |most: u64| prop_oneof![5 => Just(Limits::INF), 4 => 0..most];
    (limit(25), limit(25), limit(15_000), limit(15_000)).prop_map(|(soft_packets, hard_packets, soft_bytes, hard_bytes)| Limits {
        soft_packets,
        hard_packets,
        soft_bytes,
        hard_bytes,
    })
}

pub fn associations(index: u8) -> impl Strategy<Value = Association> {
    let keys = select(vec![20, 28, 36]).prop_flat_map(|length| prop::collection::vec(any::<u8>(), length));
    let windows = prop_oneof![Just(0u32), Just(1), Just(32), Just(64), Just(4096), 1..300u32];
    let last = prop_oneof![
        4 => Just(0),
        2 => 0..100u64,
        2 => Just(0xFFFF_FFF8),
        1 => any::<u64>().prop_map(|seq| seq >> 1),
        1 => Just(u64::MAX - 8),
    ];
    let limits = [limits(), limits()];
    let limits = prop_oneof![2 => Just([Limits::NONE; 2]), 1 => limits];
    let sizes = prop::option::weighted(0.3, prop_oneof![1 => 30..200u16, 2 => 1000..1500u16]);
    let selects = prop_oneof![
        10 => Just(Selects::Any),
        6 => Just(Selects::Hosts),
        1 => select(vec![1u8, 6, 17, 58]).prop_map(Selects::Protocol),
        1 => any::<u16>().prop_map(Selects::Port),
    ];
    let carries = prop_oneof![6 => Just([true; 2]), 1 => any::<[bool; 2]>()];
    let accepts = prop_oneof![3 => Just(u64::MAX), 1 => any::<u64>(), 1 => Just(0)];
    let tunnels = prop::option::weighted(0.6, any::<bool>());
    let crypto = prop::bool::weighted(0.35);
    let first = (keys, any::<[bool; 7]>(), tunnels, windows, last, select(&IcvLength::ALL[..]), crypto);
    (first, limits, sizes, selects, carries, accepts).prop_map(move |(first, limits, max_payload, selects, carries, accepts)| {
        let (key_and_salt, [esn, v6, encap, dont_encap_dscp, no_ecn, no_pmtu_disc, decap_dscp], tunnel, window, last_seq, icv, crypto) =
            first;
        Association {
            key_and_salt,
            icv,
            esn,
            crypto,
            encap,
            // ESN wants a window.
            window: if esn { window.max(1) } else { window },
            last_seq: if esn { last_seq } else { last_seq & 0xFFFF_FFFF },
            dont_encap_dscp,
            no_ecn,
            no_pmtu_disc,
            decap_dscp,
            carries,
            max_payload,
            limits,
            selects,
            accepts,
            ..Association::plain(index, v6, tunnel)
        }
    })
}

/// What a policy is for, besides an association's hosts.
#[derive(Debug, Clone, Copy)]
pub enum Scope {
    /// All packets between them.
    Hosts,
    /// Those of a protocol.
    Protocol(u8),
    /// Everything of their family.
    Family,
}

impl Scope {
    fn selector(self, association: &Association, flow: Direction) -> Selector {
        let (src, dst) = association.inside(flow);
        let hosts = Selector::between(Prefix::host(src), Prefix::host(dst));
        match self {
            Self::Hosts => hosts,
            Self::Protocol(protocol) => Selector { protocol: Some(protocol), ..hosts },
            Self::Family => Selector::ALL[usize::from(association.v6)],
        }
    }
}

/// A policy for one of the associations.
#[derive(Debug, Clone)]
pub struct Rule<A> {
    which: Index,
    scope: Scope,
    forward: bool,
    priority: u32,
    action: A,
}

impl<A: Copy> Rule<A> {
    /// Of packets that flow in or out.
    pub fn policy(&self, associations: &[Association], flow: Direction) -> Policy<A> {
        let selector = self.scope.selector(self.which.get(associations), flow);
        Policy { selector, forward: self.forward, priority: self.priority, action: self.action }
    }
}

fn rules<A: Copy + std::fmt::Debug + 'static>(
    actions: impl Strategy<Value = A>,
    forward: impl Strategy<Value = bool>,
) -> impl Strategy<Value = Rule<A>> {
    let scopes = prop_oneof![
        2 => Just(Scope::Hosts),
        2 => select(vec![1u8, 6, 17, 58, 59, 132]).prop_map(Scope::Protocol),
        1 => Just(Scope::Family),
    ];
    (any::<Index>(), scopes, forward, 0..20u32, actions).prop_map(|(which, scope, forward, priority, action)| Rule {
        which,
        scope,
        forward,
        priority,
        action,
    })
}

/// Beside the policies that protect, which have priority 10.
pub fn outbound() -> impl Strategy<Value = Rule<Action>> {
    rules(select(vec![Action::Bypass, Action::Block, Action::Protect(None), Action::Protect(Some(63))]), Just(false))
}

pub fn inbound() -> impl Strategy<Value = Rule<Requirement>> {
    let protect = |optional| Requirement::Protect { optional };
    rules(select(vec![Requirement::Bypass, Requirement::Block, protect(false), protect(true), protect(true)]), any::<bool>())
}

/// The policies behind all others: protection where there is some.
pub fn otherwise() -> impl Iterator<Item = Policy<Requirement>> {
    let action = Requirement::Protect { optional: true };
    let policy = move |(forward, selector)| Policy { selector, forward, priority: 1000, action };
    [false, true].into_iter().flat_map(|forward| Selector::ALL.map(|selector| (forward, selector))).map(policy)
}
