//! The rules as the bench has them, against the reference model's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use espalier_hdl::records::{Meta, Policy, SaSelector, Selector, action};
use espalier_reference_model::admit::{Refusal, admit};
use espalier_reference_model::headers::Headers;
use espalier_reference_model::policy;
use espalier_reference_model::policy::{PolicyId, PolicyTable, PortMatch, Prefix, Requirement};
use espalier_reference_model::replay::ReplayWindow;
use espalier_reference_model::rfc4106::{IcvLength, Rfc4106};
use espalier_reference_model::sa::RxSa;
use espalier_sim::record;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_hdl::prelude::Bits;

use crate::frames;
use crate::rules::{SAS, Tables, Write, passes};

fn number<const N: usize>(bits: Bits<N>) -> u128 {
    record(bits).try_into().unwrap()
}

fn ip(v6: bool, bits: Bits<128>) -> IpAddr {
    let bits = number(bits);
    if v6 { Ipv6Addr::from(bits).into() } else { Ipv4Addr::from(bits as u32).into() }
}

fn prefix(v6: bool, address: Bits<128>, mask: Bits<128>) -> Prefix {
    let mask = number(mask);
    let length = if v6 { mask.count_ones() } else { (mask as u32).count_ones() };
    Prefix::new(ip(v6, address), length as u8).unwrap()
}

fn ports(value: Bits<16>, mask: Bits<16>) -> PortMatch {
    PortMatch { value: number(value) as u16, mask: number(mask) as u16 }
}

fn selector(v6: bool, value: &Selector, mask: &Selector) -> policy::Selector {
    policy::Selector {
        src: prefix(v6, value.src, mask.src),
        dst: prefix(v6, value.dst, mask.dst),
        protocol: (number(mask.protocol) != 0).then(|| number(value.protocol) as u8),
        sport: ports(value.sport, mask.sport),
        dport: ports(value.dport, mask.dport),
    }
}

/// One of both families has no addresses in the model, so none in a selector of both.
fn normal(write: Write) -> Write {
    let zero = Bits::<128>::default();
    match write {
        Write::Selector(sa, SaSelector { value, mask, any_family: true }) => {
            Write::Selector(sa, SaSelector { value, mask: Selector { src: zero, dst: zero, ..mask }, any_family: true })
        }
        write => write,
    }
}

/// The model's tables: policies, and by what they were numbered.
fn policies(tables: &Tables) -> (PolicyTable<Requirement>, BTreeMap<usize, PolicyId>) {
    let mut used: Vec<_> = tables.policies.iter().enumerate().filter(|(_, policy)| policy.valid).collect();
    used.sort_by_key(|(_, policy)| number(policy.order));
    let mut table = PolicyTable::default();
    let insert = |(priority, (index, policy)): (usize, (usize, &Policy))| {
        let Policy { value, mask, action, optional, .. } = policy;
        let action = match number(*action) as u64 {
            action::BYPASS => Requirement::Bypass,
            action::BLOCK => Requirement::Block,
            _ => Requirement::Protect { optional: *optional },
        };
        let selector = selector(value.v6, value, mask);
        let priority = priority as u32 / 2; // Two of each: insertion decides.
        (index, table.insert(policy::Policy { selector, forward: value.forward, priority, action }))
    };
    let ids = used.into_iter().enumerate().map(insert).collect();
    (table, ids)
}

fn sa(tables: &Tables, index: usize, ids: &BTreeMap<usize, PolicyId>) -> RxSa {
    let ours = &tables.sas[index];
    let cipher = Rfc4106::new(&[0; 20], IcvLength::Sixteen).unwrap();
    let mut sa = RxSa::new(index as u16, cipher, ReplayWindow::new(0, false).unwrap());
    let SaSelector { value, mask, any_family } = &ours.selector;
    sa.tunnel = ours.tunnel;
    sa.selectors = [false, true].into_iter().filter(|v6| *any_family || value.v6 == *v6).map(|v6| selector(v6, value, mask)).collect();
    sa.accepts = ids.iter().filter(|(index, _)| ours.accepts >> **index & 1 == 1).map(|(_, id)| *id).collect();
    sa
}

#[test]
fn the_rules_are_the_models() {
    let random = &mut StdRng::seed_from_u64(0xAD20);
    let mut tables = Tables::default();
    for index in 0..SAS {
        tables.apply(&Write::Sa(index, random.random()));
    }
    let mut seen = BTreeSet::new();
    let mut order = 0;
    for _ in 0..400 {
        for _ in 0..20 {
            order += 1;
            tables.apply(&normal(frames::write(order, random)));
        }
        let (table, ids) = policies(&tables);
        let local = tables.locals.iter().filter(|local| local.valid).map(|local| ip(local.v6, local.address)).collect();
        for _ in 0..20 {
            let frame = frames::frame(random);
            let index = random.random_range(0..SAS);
            let protected: bool = random.random();
            let meta = Meta {
                is_protected: protected,
                sa: (index as u64).into(),
                generation: u64::from(tables.sas[index].generation).into(),
                ..Meta::default()
            };
            // RX drops what is malformed long before.
            if !protected && Headers::parse(&frame).malformed {
                continue;
            }
            let sa = protected.then(|| sa(&tables, index, &ids));
            let want = admit(&frame, sa.as_ref(), &table, &local);
            let event = tables.outcome(&frame, &meta);
            assert_eq!(passes(event), want.is_ok(), "{event:?}, {want:?}");
            if let Err(refusal) = want {
                assert_eq!(event, refusal.event());
                seen.insert(format!("{refusal:?}"));
            }
        }
    }
    assert_eq!(seen.len(), [Refusal::Malformed, Refusal::Selector, Refusal::Block, Refusal::Template, Refusal::NoPolicy].len());
}
