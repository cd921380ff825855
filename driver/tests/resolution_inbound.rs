//! Property: whatever inbound policies and SAs come, go and are replaced, the device's tables judge every packet, out of an SA
//! or not, as the kernel's __xfrm_policy_check would; while a change is under way, as before it or as after it.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use common::{CAPABILITIES, Command, commands, device_with, sa};
use espalier_driver::policy::{Action, Level, Template};
use espalier_driver::xfrm::{Direction, Mode, PolicyDirection, PortMatch, SaId, Selector, protocol};
use espalier_driver::{Capabilities, IpNet, PolicyHandle, PolicyParams, SaHandle, SaParams};
use espalier_regs::mailbox::{MailField, Op, accept, cam, policy as field, rx_sa};
use proptest::prelude::*;

/// The world: four hosts, two of them this one; two ports.
const HOSTS: u8 = 4;
const LOCAL: [u8; 2] = [1, 2];
const PORTS: u16 = 2;

#[derive(Clone, Copy, Debug)]
struct Packet {
    src: u8,
    dst: u8,
    proto: u8,
    dport: u16,
}

/// What becomes of a packet: it passes, or the counter of /proc/net/xfrm_stat that counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    StateMismatch,
    NoPols,
    PolBlock,
    TmplMismatch,
}

#[derive(Clone, Debug)]
enum Step {
    AddSa(Box<SaParams>),
    DeleteSa(prop::sample::Index),
    AddPolicy(PolicyParams),
    UpdatePolicy(prop::sample::Index, PolicyParams),
    DeletePolicy(prop::sample::Index),
}

fn host(number: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, number).into()
}

fn packets() -> Vec<Packet> {
    let flows = (0..HOSTS).flat_map(|src| (0..HOSTS).map(move |dst| (src, dst)));
    let upper = [(protocol::ICMP, 0)].into_iter().chain((0..PORTS).map(|port| (protocol::UDP, port)));
    flows.flat_map(|(src, dst)| upper.clone().map(move |(proto, dport)| Packet { src, dst, proto, dport })).collect()
}

fn selector() -> impl Strategy<Value = Selector> {
    let prefix = || (0..HOSTS, 30..=32_u8).prop_map(|(number, length)| IpNet::new(host(number), length).expect("a prefix").trunc());
    let proto = prop_oneof![2 => Just(0_u8), 1 => Just(protocol::UDP)];
    let port = prop_oneof![3 => Just(PortMatch::ANY), 1 => (0..PORTS).prop_map(PortMatch::exactly)];
    (prefix(), prefix(), proto, port).prop_map(|(src, dst, proto, dport)| Selector { proto, dport, ..Selector::between(src, dst) })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Tunnel), Just(Mode::Transport)]
}

fn sa_params() -> impl Strategy<Value = SaParams> {
    let ends = (0..HOSTS, 1..HOSTS, 1..9_u32, mode());
    (ends, 0..3_u32, prop::option::weighted(0.2, selector())).prop_map(|((src, dst, spi, mode), reqid, selector)| {
        let (src, dst) = (host(src).to_string(), host(dst).to_string());
        SaParams { reqid, selector, ..sa(&src, &dst, spi, mode, Direction::In) }
    })
}

fn template() -> impl Strategy<Value = Template> {
    let spi = prop_oneof![4 => Just(0), 1 => 1..9_u32];
    let source = prop_oneof![1 => Just(IpAddr::from(Ipv4Addr::UNSPECIFIED)), 2 => (0..HOSTS).prop_map(host)];
    let level = prop_oneof![2 => Just(Level::Required), 1 => Just(Level::Use)];
    (source, 0..HOSTS, spi, mode(), 0..3_u32, level).prop_map(|(saddr, dst, spi, mode, reqid, level)| {
        let id = SaId { daddr: host(dst), spi, proto: protocol::ESP };
        Template { id, saddr, mode, reqid, level }
    })
}

fn policy_params() -> impl Strategy<Value = PolicyParams> {
    let direction = prop_oneof![3 => Just(PolicyDirection::In), 1 => Just(PolicyDirection::Fwd)];
    let template = prop::option::weighted(0.7, template());
    (selector(), direction, 0..3_u32, prop::bool::weighted(0.2), template).prop_map(|(selector, direction, priority, blocks, template)| {
        let action = if blocks { Action::Block } else { Action::Allow };
        let templates = template.into_iter().filter(|_| !blocks).collect();
        PolicyParams { priority, action, templates, ..PolicyParams::new(selector, direction) }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        3 => sa_params().prop_map(|params| Step::AddSa(Box::new(params))),
        2 => index().prop_map(Step::DeleteSa),
        4 => policy_params().prop_map(Step::AddPolicy),
        2 => (index(), policy_params()).prop_map(|(index, params)| Step::UpdatePolicy(index, params)),
        1 => index().prop_map(Step::DeletePolicy),
    ]
}

/// The kernel's answer, by its own rules.
#[derive(Clone, Default)]
struct Kernel {
    /// With the order in which they came.
    policies: Vec<(u64, PolicyHandle, PolicyParams)>,
    sas: BTreeMap<SaHandle, SaParams>,
    came: u64,
}

impl Kernel {
    fn insert(&mut self, handle: PolicyHandle, params: PolicyParams) {
        self.came += 1;
        self.policies.push((self.came, handle, params));
    }

    /// __xfrm_policy_check (net/xfrm/xfrm_policy.c); the secpath holds one SA or none.
    fn verdict(&self, packet: &Packet, sa: Option<&SaParams>) -> Verdict {
        if sa.and_then(|sa| sa.selector.as_ref()).is_some_and(|selector| !selects(selector, packet)) {
            return Verdict::StateMismatch;
        }
        let non_transport = sa.is_some_and(|sa| sa.mode != Mode::Transport);
        let direction = if LOCAL.contains(&packet.dst) { PolicyDirection::In } else { PolicyDirection::Fwd };
        let matching = self.policies.iter().filter(|(_, _, policy)| policy.direction == direction && selects(&policy.selector, packet));
        let Some((_, _, policy)) = matching.min_by_key(|(came, _, policy)| (policy.priority, *came)) else {
            return if non_transport { Verdict::NoPols } else { Verdict::Pass };
        };
        if policy.action == Action::Block {
            return Verdict::PolBlock;
        }
        // How many SAs of the secpath are accounted for.
        let Ok(used) = policy.templates.first().map_or(Ok(0), |template| policy_ok(template, sa)) else { return Verdict::TmplMismatch };
        if used == 0 && non_transport { Verdict::TmplMismatch } else { Verdict::Pass }
    }
}

/// xfrm_policy_ok.
fn policy_ok(template: &Template, sa: Option<&SaParams>) -> Result<usize, ()> {
    let optional = template.level == Level::Use;
    if optional && template.mode == Mode::Transport {
        return Ok(0);
    }
    if sa.is_some_and(|sa| state_ok(template, sa)) {
        return Ok(1);
    }
    if optional { Ok(0) } else { Err(()) }
}

/// xfrm_state_ok.
fn state_ok(template: &Template, sa: &SaParams) -> bool {
    sa.id.proto == template.id.proto
        && (sa.id.spi == template.id.spi || template.id.spi == 0)
        && (sa.reqid == template.reqid || template.reqid == 0)
        && sa.mode == template.mode
        && !(sa.mode != Mode::Transport && !template.saddr.is_unspecified() && template.saddr != sa.saddr)
}

fn selects(selector: &Selector, packet: &Packet) -> bool {
    selector.src.contains(&host(packet.src))
        && selector.dst.contains(&host(packet.dst))
        && (selector.proto == 0 || selector.proto == packet.proto)
        && (selector.dport.value ^ packet.dport) & selector.dport.mask == 0
}

/// The device's tables, as the commands left them.
#[derive(Default)]
struct Tables {
    policies: BTreeMap<u16, Command>,
    sas: BTreeMap<u16, Command>,
    selectors: BTreeMap<u16, Command>,
    accepts: BTreeMap<u16, u128>,
    cam: BTreeMap<(u16, u8), (u32, u16)>,
}

impl Tables {
    fn execute(&mut self, command: &Command) {
        let (index, place) = (command.index, (command.index, command.way));
        match command.op {
            Op::RxPolicyWrite => drop(self.policies.insert(index, command.clone())),
            Op::RxPolicyClear => drop(self.policies.remove(&index)),
            Op::RxSaWrite => drop(self.sas.insert(index, command.clone())),
            Op::RxSaClear => drop(self.sas.remove(&index)),
            Op::RxSelectorWrite => drop(self.selectors.insert(index, command.clone())),
            Op::RxAcceptWrite => drop(self.accepts.insert(index, command.get(accept::POLICIES))),
            Op::CamWrite => drop(self.cam.insert(place, (command.get(cam::KEY_SPI) as u32, command.get(cam::SA) as u16))),
            Op::CamClear => drop(self.cam.remove(&place)),
            Op::RxLimitsWrite => {}
            other => panic!("{other:?}"),
        }
    }

    /// The number of the SA that a packet with this SPI finds.
    fn find(&self, spi: u32) -> Option<u16> {
        let number = self.cam.values().find(|(found, _)| *found == spi)?.1;
        assert!(self.sas.contains_key(&number), "the CAM names SA {number}, which is not there");
        Some(number)
    }

    /// The admission stage (docs/decisions/0010).
    fn verdict(&self, packet: &Packet, sa: Option<u16>) -> Verdict {
        if sa.is_some_and(|sa| !matches(&self.selectors[&sa], packet)) {
            return Verdict::StateMismatch;
        }
        let tunnel = sa.is_some_and(|sa| self.sas[&sa].get(rx_sa::TUNNEL) == 1);
        let forward = u128::from(!LOCAL.contains(&packet.dst));
        let hits = |entry: &&Command| entry.get(field::VALUE_FORWARD) == forward && matches(entry, packet);
        let mut matching: Vec<&Command> = self.policies.values().filter(hits).collect();
        matching.sort_by_key(|entry| entry.get(field::ORDER));
        let Some(entry) = matching.first() else {
            return if tunnel { Verdict::NoPols } else { Verdict::Pass };
        };
        let tie = matching.get(1).is_some_and(|second| second.get(field::ORDER) == entry.get(field::ORDER));
        assert!(!tie, "two entries of the same order match {packet:?}");
        let accepted = sa.is_some_and(|sa| self.accepts[&sa] >> entry.index & 1 == 1);
        let open = !tunnel && (entry.get(field::ACTION) == 0 || entry.get(field::OPTIONAL) == 1);
        match entry.get(field::ACTION) {
            1 => Verdict::PolBlock,
            2 if accepted => Verdict::Pass,
            0 | 2 if open => Verdict::Pass,
            0 | 2 => Verdict::TmplMismatch,
            other => panic!("action {other}"),
        }
    }
}

fn matches(entry: &Command, packet: &Packet) -> bool {
    let same = |value: MailField, mask: MailField, actual: u128| (entry.get(value) ^ actual) & entry.get(mask) == 0;
    let address = |number: u8| u128::from(0x0a00_0000 | u32::from(number));
    same(field::VALUE_SRC, field::MASK_SRC, address(packet.src))
        && same(field::VALUE_DST, field::MASK_DST, address(packet.dst))
        && same(field::VALUE_PROTOCOL, field::MASK_PROTOCOL, packet.proto.into())
        && same(field::VALUE_DPORT, field::MASK_DPORT, packet.dport.into())
}

/// Who a packet came from: nobody, or an SA by its SPI.
fn senders(before: &Kernel, after: &Kernel) -> BTreeSet<Option<u32>> {
    let spis = before.sas.values().chain(after.sas.values()).map(|sa| Some(sa.id.spi));
    spis.chain([None]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_device_admits_as_the_kernel_at_every_step(steps in prop::collection::vec(step(), 1..40)) {
        let mut device = device_with(&Capabilities { rx_policies: 6, rx_sas: 4, ..CAPABILITIES });
        device.set_local_addresses(&LOCAL.map(host)).expect("set");
        device.bus().take();
        let (mut kernel, mut tables) = (Kernel::default(), Tables::default());
        let packets = packets();
        for step in steps {
            let before = kernel.clone();
            let done = match step {
                // An SPI tells an SA here.
                Step::AddSa(params) if kernel.sas.values().any(|sa| sa.id.spi == params.id.spi) => continue,
                Step::AddSa(params) => device.add_sa(&params).map(|handle| drop(kernel.sas.insert(handle, *params))),
                Step::AddPolicy(params) => device.add_policy(&params).map(|handle| kernel.insert(handle, params)),
                Step::UpdatePolicy(index, params) if !kernel.policies.is_empty() => {
                    let at = index.index(kernel.policies.len());
                    let (_, old, PolicyParams { selector, direction, .. }) = kernel.policies[at].clone();
                    let params = PolicyParams { selector, direction, ..params };
                    device.update_policy(old, &params).map(|handle| {
                        kernel.policies.remove(at);
                        kernel.insert(handle, params);
                    })
                }
                Step::DeleteSa(index) if !kernel.sas.is_empty() => {
                    let handle = *kernel.sas.keys().nth(index.index(kernel.sas.len())).expect("an SA");
                    kernel.sas.remove(&handle);
                    prop_assert!(device.delete_sa(handle).is_ok(), "a deletion never fails");
                    Ok(())
                }
                Step::DeletePolicy(index) if !kernel.policies.is_empty() => {
                    let (_, handle, _) = kernel.policies.remove(index.index(kernel.policies.len()));
                    prop_assert!(device.delete_policy(handle).is_ok(), "a deletion never fails");
                    Ok(())
                }
                Step::UpdatePolicy(..) | Step::DeleteSa(_) | Step::DeletePolicy(_) => continue,
            };
            let commands = commands(&device.bus().take_writes());
            prop_assert!(done.is_ok() || commands.is_empty());
            let senders = senders(&before, &kernel);
            let by_spi = |kernel: &Kernel, spi: u32| kernel.sas.values().find(|sa| sa.id.spi == spi).cloned();
            for (number, command) in commands.iter().enumerate() {
                tables.execute(command);
                for spi in &senders {
                    let found = spi.and_then(|spi| tables.find(spi));
                    if spi.is_some() && found.is_none() {
                        continue;
                    }
                    let [was, is] = [&before, &kernel].map(|kernel| (kernel, spi.and_then(|spi| by_spi(kernel, spi))));
                    for packet in &packets {
                        let now = tables.verdict(packet, found);
                        let allowed = [&was, &is].map(|(kernel, sa)| (sa.is_some() == spi.is_some()).then(|| kernel.verdict(packet, sa.as_ref())));
                        prop_assert!(allowed.contains(&Some(now)), "{number}: {packet:?} of {spi:?}: {now:?}, not one of {allowed:?}");
                    }
                }
            }
            for spi in &senders {
                let sa = spi.and_then(|spi| by_spi(&kernel, spi));
                prop_assert_eq!(spi.and_then(|spi| tables.find(spi)).is_some(), sa.is_some());
                for packet in packets.iter().filter(|_| sa.is_some() == spi.is_some()) {
                    let found = spi.and_then(|spi| tables.find(spi));
                    prop_assert_eq!(tables.verdict(packet, found), kernel.verdict(packet, sa.as_ref()), "{:?} of {:?}", packet, spi);
                }
            }
        }
    }
}
