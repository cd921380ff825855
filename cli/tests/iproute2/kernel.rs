//! The same commands given to both: iproute2 asks the kernel in a network namespace of its own, we print what we
//! understood. Policies only, and SPIs: the kernel may have no ESP.

use std::process::Command;

use espalier::xfrm::ast::{self, Action};
use espalier::xfrm::{parse, show};
use espalier_driver::IpNet;
use espalier_driver::policy::{Action as Verdict, Level, PolicyType, Template};
use espalier_driver::xfrm::info::{PolicyInfo, StateInfo};
use espalier_driver::xfrm::message::SpdInfo;
use espalier_driver::xfrm::{Family, Limits, Mark, Mode, PolicyDirection, PortMatch, SaId, Selector};
use proptest::prelude::*;

use crate::grammar::NAMESPACE;
use crate::{UTC, options};

/// What iproute2 prints of `commands`, one after the other in one namespace, and what the shell does of one that fails; a
/// mark stands between them.
pub fn run(commands: &[String], otherwise: &str) -> Option<Vec<String>> {
    if !*NAMESPACE {
        return None;
    }
    let script: Vec<_> = commands.iter().map(|command| format!("{command} || {otherwise}; echo @@@")).collect();
    let output = Command::new("unshare").args(["-rn", "sh", "-c", &script.join("\n")]).env("TZ", UTC).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{commands:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.split_terminator("@@@\n").map(str::to_owned).collect())
}

pub fn one(command: &str) -> Action {
    parse(command.as_bytes()).unwrap_or_else(|errors| panic!("{}", errors[0])).remove(0).action
}

/// Each SA or policy begins at the left margin. The kernel lists them in an order of its own, and when it likes.
pub fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines() {
        if blocks.is_empty() || !line.starts_with('\t') {
            blocks.push(String::new());
        }
        let line = if line.starts_with("\t  add ") && line.ends_with("use -") { "\t  add - use -" } else { line };
        *blocks.last_mut().unwrap() += &format!("{line}\n");
    }
    blocks.sort();
    blocks
}

const DIRECTIONS: [&str; 3] = ["in", "out", "fwd"];

/// A policy that the kernel takes, in words; its index is of `number` and of its direction.
fn policy(number: usize) -> impl Strategy<Value = String> {
    let part = |choices: &'static [&'static str]| proptest::sample::select(choices.to_vec());
    let addresses = part(&[
        "src 10.1.0.0/16 dst 10.2.0.7/24",
        "src 10.8 dst 10.9/20",
        "dst 10.1.1.1",
        "src fd00:1::/64 dst fd00:2::1",
        "src ::/0 dst ::/0",
    ]);
    let upper = part(&[
        "",
        "proto tcp",
        "proto udp sport 500 dport 4500",
        "proto icmp type 8",
        "proto gre key 1.2.3.4",
        "proto 200",
        "dport 0",
        "dev lo",
    ]);
    let action = part(&["", "action allow", "action block"]);
    let flag = part(&["", "flag localok", "flag icmp localok", "flag 0x2"]);
    let limit = part(&["", "limit byte-soft 5 limit packet-hard 0x10", "limit time-soft 3600 limit time-use-hard 010 limit byte-hard -1"]);
    let template = part(&[
        "",
        "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel reqid 3",
        "tmpl src fd00::1 dst fd00::2 proto ah spi 9 mode tu level required tmpl src fd00::3 dst fd00::4 proto esp mode tunnel",
        "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel tmpl reqid 1 src 10.0.0.1 dst 10.0.0.2 proto ah level use",
    ]);
    let rest = (part(&["", "mask 0x10ff"]), part(&["", "if_id 9"]), part(&["", "ptype sub", "ptype main"]), 0..5_u32);
    (addresses, upper, 0..3_usize, action, flag, limit, template, rest).prop_map(
        move |(addresses, upper, direction, action, flag, limit, template, (mask, if_id, ptype, priority))| {
            let index = 8 * (number + 1) + direction;
            let direction = DIRECTIONS[direction];
            // No two have the same mark: a policy that has all that names another is refused.
            let mark = number + 1;
            let words = format!("{addresses} {upper} dir {direction} {action} {flag} {limit} mark {mark} {mask} {if_id} {ptype}");
            let words = format!("{words} priority {priority} index {index}");
            format!("{words} {template}").split_whitespace().collect::<Vec<_>>().join(" ")
        },
    )
}

/// What the kernel makes of `policy add`.
pub fn info(policy: &ast::Policy) -> PolicyInfo {
    let direction = match policy.direction {
        ast::PolicyDirection::In => PolicyDirection::In,
        ast::PolicyDirection::Out => PolicyDirection::Out,
        ast::PolicyDirection::Fwd => PolicyDirection::Fwd,
    };
    let family = policy.selector.family.map_or(Family::V4, family);
    let count = |limit: Option<u64>| limit.unwrap_or(Limits::INF);
    let limits = policy.limits;
    let mut info = PolicyInfo::new(selector(&policy.selector, family), direction);
    info.index = policy.index;
    info.priority = policy.priority;
    info.action = if policy.action == ast::PolicyAction::Block { Verdict::Block } else { Verdict::Allow };
    (info.localok, info.icmp) = (policy.flags.localok, policy.flags.icmp);
    info.ptype = Some(if policy.ptype == ast::PolicyType::Sub { PolicyType::Sub } else { PolicyType::Main });
    info.mark = policy.mark.map_or(Mark::default(), |mark| Mark { value: mark.value, mask: mark.mask });
    info.if_id = policy.if_id.unwrap_or(0);
    info.limits = Limits {
        soft_bytes: count(limits.byte_soft),
        hard_bytes: count(limits.byte_hard),
        soft_packets: count(limits.packet_soft),
        hard_packets: count(limits.packet_hard),
        soft_add_seconds: limits.time_soft.unwrap_or(0),
        hard_add_seconds: limits.time_hard.unwrap_or(0),
        soft_use_seconds: limits.time_use_soft.unwrap_or(0),
        hard_use_seconds: limits.time_use_hard.unwrap_or(0),
    };
    info.templates = policy.templates.iter().map(|template| self::template(template).into()).collect();
    info
}

fn template(template: &ast::Template) -> Template {
    let id = template.id;
    let level = if template.optional { Level::Use } else { Level::Required };
    let sa = SaId { daddr: id.destination.unwrap(), spi: id.spi.unwrap_or(0), proto: id.proto.unwrap().number() };
    Template { id: sa, saddr: id.source.unwrap(), mode: mode(template.mode), reqid: template.reqid, level }
}

pub fn selector(selector: &ast::Selector, family: Family) -> Selector {
    let prefix = |prefix: Option<ast::Prefix>| prefix.map_or(family.any(), |prefix| IpNet::new(prefix.address, prefix.length).unwrap());
    let upper = &selector.upper;
    let port = |port: Option<u16>| port.filter(|port| *port != 0).map(PortMatch::exactly);
    let byte = |byte: Option<u8>| byte.map(|byte| PortMatch::exactly(byte.into()));
    let key = |shift| upper.gre_key.map(|key| PortMatch::exactly((key >> shift) as u16));
    Selector {
        proto: selector.protocol.unwrap_or(0),
        sport: port(upper.sport).or(byte(upper.icmp_type)).or(key(16)).unwrap_or_default(),
        dport: port(upper.dport).or(byte(upper.icmp_code)).or(key(0)).unwrap_or_default(),
        dev: selector.device.clone(),
        ..Selector::between(prefix(selector.source), prefix(selector.destination))
    }
}

pub fn family(family: ast::Family) -> Family {
    match family {
        ast::Family::Inet => Family::V4,
        ast::Family::Inet6 => Family::V6,
    }
}

pub fn mode(mode: ast::Mode) -> Mode {
    match mode {
        ast::Mode::Tunnel => Mode::Tunnel,
        _ => Mode::Transport,
    }
}

/// Filters of `policy list`.
const FILTERS: &[&str] = &[
    "",
    "dir out",
    "dir fwd action block",
    "ptype sub",
    "flag localok",
    "flag icmp",
    "priority 3",
    "index 17",
    "proto tcp",
    "proto any",
    "proto udp dport 4500",
    "proto icmp type 8",
    "src 10.1.0.0/12",
    "src 10.1.0.0/16 dst 10.2.0.0/24",
    "dst fd00:2::/32",
    "dev lo",
    "dev none",
    "nosock",
    "src ::/0",
    "proto gre key 1.2.3.4",
    "proto udp sport 0",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn policies_are_listed_and_counted_as_by_iproute2(
        policies in (1..8_usize).prop_flat_map(|count| (0..count).map(policy).collect::<Vec<_>>()),
        filters in proptest::collection::vec(proptest::sample::select(FILTERS), 1..8),
        family in proptest::sample::select(vec!["", "-4 ", "-6 "]),
        stats in 0..2_u8,
    ) {
        let added: Vec<_> = policies.iter().map(|words| format!("ip xfrm policy add {words}")).collect();
        let options = options(stats, false, UTC);
        let lists: Vec<_> = filters.iter().map(|filter| {
            // The addresses say the family themselves.
            let family = if filter.contains("src") || filter.contains("dst") { "" } else { family };
            format!("ip {}{family}xfrm policy list {filter}", "-s ".repeat(stats.into()))
        }).collect();
        let count = "ip -s xfrm policy count".to_owned();
        let commands: Vec<_> = added.iter().chain(&lists).chain([&count]).cloned().collect();
        let infos: Vec<_> = added.iter().map(|command| match one(command) {
            Action::AddPolicy(policy) => info(&policy),
            other => panic!("{other:?}"),
        }).collect();
        let Some(printed) = run(&commands, "exit 1") else { return Ok(()) };
        for (list, theirs) in lists.iter().zip(&printed[added.len()..]) {
            let Action::ListPolicies(filter) = one(list) else { panic!("{list}") };
            let mut ours = String::new();
            for info in infos.iter().filter(|info| filter.matches(info)) {
                show::policy(info, &options, &mut ours).unwrap();
            }
            prop_assert_eq!(blocks(&ours), blocks(theirs), "{}", list);
        }
        let number = |direction| infos.iter().filter(|info| info.direction == direction && info.ptype == Some(PolicyType::Main)).count() as u32;
        let all = |direction| infos.iter().filter(|info| info.direction == direction).count() as u32;
        let counted = |number: &dyn Fn(PolicyDirection) -> u32| {
            let mut text = String::new();
            let spd = SpdInfo {
                inbound: [number(PolicyDirection::In), 0],
                outbound: [number(PolicyDirection::Out), 0],
                forward: [number(PolicyDirection::Fwd), 0],
                hash: None,
            };
            show::policy_count(&spd, &crate::options(1, false, UTC), &mut text).unwrap();
            text
        };
        let theirs = printed.last().unwrap();
        prop_assert!([counted(&number), counted(&all)].contains(theirs), "{}", theirs);
    }
}

/// SAs that only have an SPI yet are the one kind that a kernel without ESP has.
#[test]
fn larval_sas_are_listed_and_counted_as_by_iproute2() {
    let alloc = [
        "ip xfrm state allocspi src 10.0.0.1 dst 10.0.0.2 proto esp mode tunnel reqid 5 min 300 max 300",
        "ip xfrm state allocspi src fd00::1 dst fd00::2 proto ah mode transport min 0x11 max 0x11",
        "ip xfrm state allocspi src 10.0.0.3 dst 10.1.0.2 proto comp reqid 7 min 9 max 9",
    ];
    let filters = [
        "",
        "proto esp",
        "src 10.0.0.0/24",
        "dst 10.0.0.0/16",
        "mode tunnel",
        "reqid 5 mode tunnel",
        "spi 0x11",
        "proto ipsec-any",
        "nokeys",
        "flag esn",
    ];
    let lists: Vec<_> = filters
        .iter()
        .flat_map(|filter| ["", "-s "].map(|option| format!("ip {option}xfrm state list {filter}")))
        .chain(["ip -6 xfrm state".to_owned(), "ip -4 -s xfrm state list reqid 5".to_owned()])
        .collect();
    let commands: Vec<_> = alloc.iter().map(ToString::to_string).chain(lists.iter().cloned()).collect();
    let Some(printed) = run(&commands, "exit 1") else { return };
    let infos: Vec<_> = alloc.iter().map(|command| larval(&one(command))).collect();
    for (list, theirs) in lists.iter().zip(&printed[alloc.len()..]) {
        let command = parse(list.as_bytes()).unwrap().remove(0);
        let Action::ListStates(filter) = command.action else { panic!("{list}") };
        let mut ours = String::new();
        for info in infos.iter().filter(|info| filter.matches(info)) {
            show::state(info, &options(command.output.stats, false, UTC), &mut ours).unwrap();
        }
        assert_eq!(blocks(&ours), blocks(theirs), "{list}");
    }
}

/// What the kernel makes of `state allocspi` (xfrm_find_acq).
fn larval(action: &Action) -> StateInfo {
    let Action::AllocSpi(alloc) = action else { panic!("{action:?}") };
    const ACQUIRE_EXPIRES: u64 = 30;
    let (source, destination) = (alloc.id.source.unwrap(), alloc.id.destination.unwrap());
    let id = SaId { daddr: destination, spi: alloc.range.0, proto: alloc.id.proto.unwrap().number() };
    let mut info = StateInfo::new(id, source, mode(alloc.mode));
    info.reqid = alloc.reqid;
    info.selector = Some(Selector::between(source.into(), destination.into()));
    info.limits.hard_add_seconds = ACQUIRE_EXPIRES;
    info
}
