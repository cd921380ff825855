//! What a case does, chosen at random.

use espalier::run::sides::Side;
use espalier_driver::policy::Level;
use espalier_driver::xfrm::{Direction, OffloadMode, PolicyDirection};
use proptest::prelude::*;

use crate::slot::{Limit, Rule, RuleKind, Slot, Variant, Which};

/// Slots of a case.
pub const SLOTS: usize = 5;

/// One operation.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// At both ends, or at one.
    Add(Which, Ends, Variant),
    Update(Which, Direction, Variant),
    Delete(Which, Ends),
    FlushStates(Side),
    FlushPolicies(Side),
    Policy {
        host: Side,
        rule: Rule,
        update: bool,
    },
    PolicyDelete {
        host: Side,
        rule: Rule,
    },
    Send(Shot),
    /// A frame that the side has put on the wire comes once more; 0 is the last one.
    Again {
        from: Side,
        back: usize,
    },
    Down(Side),
    Up(Side),
    Wait(u64),
    /// Which of the slots' addresses are the host's own; none: all.
    Addresses {
        host: Side,
        inner: u8,
    },
    /// The devices work for some clocks, in a case that does not rest after every operation.
    Run(u64),
    /// Everything comes to rest.
    Rest,
}

/// Ends of an SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    Both,
    Sender,
    Receiver,
}

impl Ends {
    /// Who has it, and in which direction.
    pub fn of(self, which: Which) -> impl Iterator<Item = (Side, Direction)> {
        let all = [(Self::Receiver, which.from.peer(), Direction::In), (Self::Sender, which.from, Direction::Out)];
        all.into_iter().filter(move |(end, ..)| self == Self::Both || self == *end).map(|(_, side, direction)| (side, direction))
    }
}

/// Packets from a host.
#[derive(Clone, Copy, Debug)]
pub struct Shot {
    pub from: Side,
    pub slot: usize,
    pub kind: u8,
    pub count: u32,
    pub size: usize,
    pub tos: u8,
    pub fate: Fate,
}

/// What the wire does to the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Whole,
    Lost,
    /// One bit of this byte, from the end.
    Damaged(i64),
}

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    pub slots: Vec<Slot>,
    /// ESP without an SA in the device goes to the host.
    pub pass_unknown: bool,
    pub acts: Vec<Act>,
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Left), Just(Side::Right)]
}

fn slot(index: u8) -> impl Strategy<Value = Slot> {
    let mode = prop_oneof![4 => Just(Some(OffloadMode::Packet)), 3 => Just(Some(OffloadMode::Crypto)), 1 => Just(None)];
    (mode, any::<[bool; 3]>(), prop::bool::weighted(0.3)).prop_map(move |(mode, [tunnel, outer_v6, inner_v6], nat_t)| Slot {
        index,
        mode,
        tunnel,
        outer_v6,
        inner_v6,
        nat_t,
    })
}

fn which() -> impl Strategy<Value = Which> {
    (0..SLOTS, side(), 0..2u8).prop_map(|(slot, from, generation)| Which { slot, from, generation })
}

fn limit() -> impl Strategy<Value = Limit> {
    let soft = || prop::option::of(1..4u64);
    let bytes = (prop::option::of(1..600u64), 600..3000u64);
    prop_oneof![
        5 => Just(Limit::None),
        2 => (soft(), 4..9u64).prop_map(|(soft, hard)| Limit::Packets { soft, hard }),
        1 => bytes.prop_map(|(soft, hard)| Limit::Bytes { soft, hard }),
        1 => (soft(), 4..60u64).prop_map(|(soft, hard)| Limit::Seconds { soft, hard }),
    ]
}

fn variant() -> impl Strategy<Value = Variant> {
    let window = prop_oneof![Just(0), Just(32), Just(64), Just(128), Just(1024), Just(4096)];
    let icv = prop_oneof![2 => Just(128), 1 => Just(96), 1 => Just(64)];
    let start = prop_oneof![5 => Just(0), 1 => Just(0xffff_fffc), 1 => Just(0x7_ffff_fffd), 1 => Just(u64::MAX - 3)];
    let numbers = (any::<bool>(), window, start);
    let flags = (prop::bool::weighted(0.15), any::<[bool; 3]>());
    (any::<bool>(), 0..250u8, icv, numbers, limit(), flags).prop_map(
        |(long_key, key, icv_bits, (esn, window, start), limit, (selector, [noecn, dscp, nopmtudisc]))| {
            let window = if esn { window.max(32) } else { window };
            Variant { long_key, key, icv_bits, esn, window, start, limit, selector, noecn, dscp, nopmtudisc }
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let direction = prop_oneof![Just(PolicyDirection::Out), Just(PolicyDirection::In), Just(PolicyDirection::Fwd)];
    let kind = prop_oneof![
        1 => Just(RuleKind::Allow),
        1 => Just(RuleKind::Block),
        4 => Just(RuleKind::Protect(Level::Required)),
        1 => Just(RuleKind::Protect(Level::Use)),
    ];
    (0..SLOTS, direction, 0..4u8, 0..3u32, kind).prop_map(|(slot, direction, narrow, priority, kind)| Rule {
        slot,
        direction,
        narrow,
        priority,
        kind,
    })
}

fn shot() -> impl Strategy<Value = Shot> {
    let fate = prop_oneof![6 => Just(Fate::Whole), 1 => Just(Fate::Lost), 1 => (-8..0i64).prop_map(Fate::Damaged)];
    (side(), 0..SLOTS, 0..4u8, 1..5u32, 8..700usize, any::<u8>(), fate).prop_map(|(from, slot, kind, count, size, tos, fate)| Shot {
        from,
        slot,
        kind,
        count,
        size,
        tos,
        fate,
    })
}

fn act() -> impl Strategy<Value = Act> {
    let ends = || prop_oneof![4 => Just(Ends::Both), 1 => Just(Ends::Sender), 1 => Just(Ends::Receiver)];
    let direction = prop_oneof![Just(Direction::In), Just(Direction::Out)];
    prop_oneof![
        10 => (which(), ends(), variant()).prop_map(|(which, ends, variant)| Act::Add(which, ends, variant)),
        4 => (which(), direction, variant()).prop_map(|(which, direction, variant)| Act::Update(which, direction, variant)),
        6 => (which(), ends()).prop_map(|(which, ends)| Act::Delete(which, ends)),
        1 => prop_oneof![side().prop_map(Act::FlushStates), side().prop_map(Act::FlushPolicies)],
        8 => (side(), rule(), any::<bool>()).prop_map(|(host, rule, update)| Act::Policy { host, rule, update }),
        3 => (side(), rule()).prop_map(|(host, rule)| Act::PolicyDelete { host, rule }),
        30 => shot().prop_map(Act::Send),
        5 => (side(), 0..12usize).prop_map(|(from, back)| Act::Again { from, back }),
        1 => side().prop_map(Act::Down),
        3 => side().prop_map(Act::Up),
        2 => (1..40u64).prop_map(Act::Wait),
        2 => (side(), any::<u8>()).prop_map(|(host, inner)| Act::Addresses { host, inner }),
        4 => (1..1500u64).prop_map(Act::Run),
        4 => Just(Act::Rest),
    ]
}

/// SAs and policies for all that a slot sends and receives, most of them.
fn beginning(slot: usize) -> impl Strategy<Value = Vec<Act>> {
    let protect = move |host, direction| {
        let rule = Rule { slot, direction, narrow: 0, priority: 2, kind: RuleKind::Protect(Level::Required) };
        Act::Policy { host, rule, update: false }
    };
    let one = move |from: Side| {
        (variant(), prop::bool::weighted(0.9)).prop_map(move |(variant, there)| {
            let sas = there.then_some(Act::Add(Which { slot, from, generation: 0 }, Ends::Both, variant));
            let policies = [protect(from, PolicyDirection::Out), protect(from.peer(), PolicyDirection::In)];
            policies.into_iter().chain(sas).collect::<Vec<_>>()
        })
    };
    (one(Side::Left), one(Side::Right)).prop_map(|(left, right)| [left, right].concat())
}

/// Cases of so many operations behind the beginning.
pub fn cases(operations: usize) -> impl Strategy<Value = Case> {
    let slots = (0..SLOTS as u8).map(|index| slot(index).boxed()).collect::<Vec<_>>();
    let beginning = (0..SLOTS).map(|slot| beginning(slot).boxed()).collect::<Vec<_>>();
    let acts = prop::collection::vec(act(), operations..operations + 20);
    (slots, beginning, acts, any::<bool>(), any::<[u8; 2]>()).prop_map(|(slots, beginning, acts, pass_unknown, inner)| {
        // What is in software needs what the device does not know.
        let pass_unknown = pass_unknown || slots.iter().any(|slot| slot.mode.is_none());
        let addresses = Side::BOTH.map(|host| Act::Addresses { host, inner: inner[host.index()] });
        Case { slots, pass_unknown, acts: addresses.into_iter().chain(beginning.into_iter().flatten()).chain(acts).collect() }
    })
}
