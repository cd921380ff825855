//! Property: whatever policies and SAs come and go, the device's table gives every packet what XFRM would; while a
//! change is under way, what it gave before or what it will give; and it never names an SA that is not there.

mod common;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use common::{CAPABILITIES, Command, commands, device_with, sa};
use espalier_driver::policy::{Action, Level, Template};
use espalier_driver::xfrm::{Direction, Mode, PolicyDirection, PortMatch, SaId, Selector, protocol};
use espalier_driver::{Capabilities, IpNet, PolicyHandle, PolicyParams, SaHandle, SaParams};
use espalier_regs::mailbox::{MailField, Op, policy as field, tx_sa};
use proptest::prelude::*;

/// The world: four hosts, a few ports.
const HOSTS: u8 = 4;
const PORTS: u16 = 3;

#[derive(Clone, Copy, Debug)]
struct Packet {
    src: u8,
    dst: u8,
    proto: u8,
    sport: u16,
    dport: u16,
}

/// What becomes of a packet; SAs are told apart by their SPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    NoPolicy,
    Bypass,
    Block,
    NoSa,
    Protect(u32),
}

#[derive(Clone, Debug)]
enum Step {
    AddSa(Box<SaParams>),
    DeleteSa(prop::sample::Index),
    AddPolicy(PolicyParams),
    DeletePolicy(prop::sample::Index),
}

fn host(number: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, number).into()
}

fn packets() -> impl Iterator<Item = Packet> {
    let protos = [protocol::ICMP, protocol::TCP, protocol::UDP];
    (0..HOSTS).flat_map(move |src| {
        (0..HOSTS).flat_map(move |dst| {
            protos.into_iter().flat_map(move |proto| {
                let ports = if proto == protocol::ICMP { 1 } else { PORTS };
                (0..ports).flat_map(move |sport| (0..ports).map(move |dport| Packet { src, dst, proto, sport, dport }))
            })
        })
    })
}

fn prefix() -> impl Strategy<Value = IpNet> {
    (0..HOSTS, 30..=32_u8).prop_map(|(number, length)| IpNet::new(host(number), length).expect("a prefix"))
}

fn port() -> impl Strategy<Value = PortMatch> {
    prop_oneof![3 => Just(PortMatch::ANY), 1 => (0..PORTS).prop_map(PortMatch::exactly)]
}

fn selector() -> impl Strategy<Value = Selector> {
    let proto = prop_oneof![2 => Just(0_u8), 1 => Just(protocol::TCP), 1 => Just(protocol::UDP)];
    (prefix(), prefix(), proto, port(), port()).prop_map(|(src, dst, proto, sport, dport)| Selector {
        proto,
        sport,
        dport,
        ..Selector::between(src, dst)
    })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Tunnel), Just(Mode::Transport)]
}

fn sa_params() -> impl Strategy<Value = SaParams> {
    let ends = (0..HOSTS, 1..HOSTS, 1..9_u32, mode());
    (ends, 0..2_u32, prop::option::weighted(0.3, selector())).prop_map(|((src, dst, spi, mode), reqid, selector)| {
        let (src, dst) = (host(src).to_string(), host(dst).to_string());
        SaParams { reqid, selector, ..sa(&src, &dst, spi, mode, Direction::Out) }
    })
}

fn template() -> impl Strategy<Value = Template> {
    let spi = prop_oneof![4 => Just(0), 1 => 1..9_u32];
    let level = prop_oneof![3 => Just(Level::Required), 1 => Just(Level::Use)];
    (0..HOSTS, 1..HOSTS, spi, mode(), 0..2_u32, level).prop_map(|(src, dst, spi, mode, reqid, level)| Template {
        id: SaId { daddr: host(dst), spi, proto: protocol::ESP },
        saddr: host(src),
        mode,
        reqid,
        level,
    })
}

fn policy_params() -> impl Strategy<Value = PolicyParams> {
    let blocks = prop::bool::weighted(0.2);
    (selector(), 0..3_u32, blocks, prop::option::weighted(0.8, template())).prop_map(|(selector, priority, blocks, template)| {
        let action = if blocks { Action::Block } else { Action::Allow };
        let templates = template.into_iter().filter(|_| !blocks).collect();
        PolicyParams { priority, action, templates, ..PolicyParams::new(selector, PolicyDirection::Out) }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => sa_params().prop_map(|params| Step::AddSa(Box::new(params))),
        2 => any::<prop::sample::Index>().prop_map(Step::DeleteSa),
        3 => policy_params().prop_map(Step::AddPolicy),
        1 => any::<prop::sample::Index>().prop_map(Step::DeletePolicy),
    ]
}

/// XFRM's answer, by its own rules and without regard to the device.
#[derive(Default)]
struct Xfrm {
    policies: Vec<(PolicyHandle, PolicyParams)>,
    sas: Vec<(SaHandle, SaParams)>,
}

impl Xfrm {
    fn verdict(&self, packet: &Packet) -> Verdict {
        let matching = self.policies.iter().filter(|(_, policy)| selects(&policy.selector, packet));
        let Some((_, policy)) = matching.min_by_key(|(handle, policy)| (policy.priority, *handle)) else {
            return Verdict::NoPolicy;
        };
        if policy.action == Action::Block {
            return Verdict::Block;
        }
        let Some(template) = policy.templates.first() else { return Verdict::Bypass };
        match self.sas.iter().rfind(|(_, sa)| resolves(template, sa, packet)) {
            Some((_, sa)) => Verdict::Protect(sa.id.spi),
            None if template.level == Level::Use => Verdict::Bypass,
            None => Verdict::NoSa,
        }
    }
}

fn selects(selector: &Selector, packet: &Packet) -> bool {
    let port = |rule: PortMatch, port: u16| (rule.value ^ port) & rule.mask == 0;
    selector.src.contains(&host(packet.src))
        && selector.dst.contains(&host(packet.dst))
        && (selector.proto == 0 || selector.proto == packet.proto)
        && port(selector.sport, packet.sport)
        && port(selector.dport, packet.dport)
}

fn resolves(template: &Template, sa: &SaParams, packet: &Packet) -> bool {
    let (src, dst) = match template.mode {
        Mode::Tunnel => (template.saddr, template.id.daddr),
        _ => (host(packet.src), host(packet.dst)),
    };
    sa.id.daddr == dst
        && sa.saddr == src
        && sa.mode == template.mode
        && sa.reqid == template.reqid
        && (template.id.spi == 0 || template.id.spi == sa.id.spi)
        && sa.selector.as_ref().is_none_or(|selector| selects(selector, packet))
}

/// The device's tables, as the commands left them.
#[derive(Default)]
struct Tables {
    policies: BTreeMap<u16, Command>,
    sas: BTreeMap<u16, u32>,
}

impl Tables {
    fn execute(&mut self, command: &Command) {
        match command.op {
            Op::TxPolicyWrite => drop(self.policies.insert(command.index, command.clone())),
            Op::TxPolicyClear => drop(self.policies.remove(&command.index)),
            Op::TxSaWrite => drop(self.sas.insert(command.index, command.get(tx_sa::SPI) as u32)),
            Op::TxLimitsWrite => {}
            Op::TxSaClear => drop(self.sas.remove(&command.index)),
            other => panic!("{other:?}"),
        }
    }

    fn verdict(&self, packet: &Packet) -> Verdict {
        let mut matching: Vec<&Command> = self.policies.values().filter(|entry| matches(entry, packet)).collect();
        matching.sort_by_key(|entry| entry.get(field::ORDER));
        let Some(entry) = matching.first() else { return Verdict::NoPolicy };
        let tie = matching.get(1).is_some_and(|second| second.get(field::ORDER) == entry.get(field::ORDER));
        assert!(!tie, "two entries of the same order match {packet:?}");
        match (entry.get(field::ACTION), entry.get(field::SA_VALID)) {
            (0, _) => Verdict::Bypass,
            (1, _) => Verdict::Block,
            (2, 0) => Verdict::NoSa,
            (2, _) => Verdict::Protect(self.sas[&(entry.get(field::SA) as u16)]),
            other => panic!("action {other:?}"),
        }
    }
}

fn matches(entry: &Command, packet: &Packet) -> bool {
    let same = |value: MailField, mask: MailField, actual: u128| (entry.get(value) ^ actual) & entry.get(mask) == 0;
    let address = |number: u8| u128::from(0x0a00_0000 | u32::from(number));
    same(field::VALUE_SRC, field::MASK_SRC, address(packet.src))
        && same(field::VALUE_DST, field::MASK_DST, address(packet.dst))
        && same(field::VALUE_PROTOCOL, field::MASK_PROTOCOL, packet.proto.into())
        && same(field::VALUE_SPORT, field::MASK_SPORT, packet.sport.into())
        && same(field::VALUE_DPORT, field::MASK_DPORT, packet.dport.into())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_device_decides_as_xfrm_at_every_step(steps in prop::collection::vec(step(), 1..40)) {
        let mut device = device_with(&Capabilities { policies: 12, tx_sas: 6, ..CAPABILITIES });
        let (mut xfrm, mut tables) = (Xfrm::default(), Tables::default());
        let packets: Vec<Packet> = packets().collect();
        for step in steps {
            let before: Vec<Verdict> = packets.iter().map(|packet| xfrm.verdict(packet)).collect();
            let refused = match step {
                Step::AddSa(params) => match device.add_sa(&params) {
                    Ok(handle) => { xfrm.sas.push((handle, *params)); false }
                    Err(_) => true,
                },
                Step::AddPolicy(params) => match device.add_policy(&params) {
                    Ok(handle) => { xfrm.policies.push((handle, params)); false }
                    Err(_) => true,
                },
                Step::DeleteSa(index) if !xfrm.sas.is_empty() => {
                    let (handle, _) = xfrm.sas.remove(index.index(xfrm.sas.len()));
                    prop_assert!(device.delete_sa(handle).is_ok(), "a deletion never fails");
                    false
                }
                Step::DeletePolicy(index) if !xfrm.policies.is_empty() => {
                    let (handle, _) = xfrm.policies.remove(index.index(xfrm.policies.len()));
                    prop_assert!(device.delete_policy(handle).is_ok(), "a deletion never fails");
                    false
                }
                Step::DeleteSa(_) | Step::DeletePolicy(_) => continue,
            };
            let after: Vec<Verdict> = packets.iter().map(|packet| xfrm.verdict(packet)).collect();
            let commands = commands(&device.bus().take_writes());
            prop_assert!(!refused || commands.is_empty());
            for command in &commands {
                tables.execute(command);
                for ((packet, before), after) in packets.iter().zip(&before).zip(&after) {
                    let now = tables.verdict(packet);
                    prop_assert!(now == *before || now == *after, "{packet:?}: {now:?} between {before:?} and {after:?}");
                }
            }
            for (packet, expected) in packets.iter().zip(&after) {
                prop_assert_eq!(tables.verdict(packet), *expected, "{:?}", packet);
            }
        }
    }
}
