//! The kernel as a judge of the XFRM core: the same commands given to both, in any order, and what then is listed.

use espalier::xfrm::ast::{self, Action};
use espalier::xfrm::show::{self, Options};
use espalier_driver::Device;
use espalier_driver::bus::Recorder;
use espalier_driver::core::{AllocSpi, PolicyId, PolicyKey, PolicyRequest, XfrmCore};
use espalier_driver::policy::{PolicyParams, PolicyType};
use espalier_driver::xfrm::{Family, Mark, PolicyDirection, SaId};
use proptest::prelude::*;

use crate::kernel::{blocks, family, info, mode, one, run, selector};
use crate::{UTC, options};

const REFUSED: &str = "refused\n";

/// What a command prints, or that it is refused.
fn execute(core: &mut XfrmCore<Device<Recorder>>, command: &str, options: &Options) -> String {
    let mut text = String::new();
    let fine = match one(command) {
        Action::AddPolicy(policy) => core.policy_add(request(&policy)).is_ok(),
        Action::UpdatePolicy(policy) => core.policy_update(request(&policy)).is_ok(),
        Action::DeletePolicy(name) => core.policy_delete(&id(&name)).is_ok(),
        Action::GetPolicy(name) => core.policy_get(&id(&name)).map(|info| show::policy(&info, options, &mut text).unwrap()).is_ok(),
        Action::FlushPolicies(ptype) => {
            core.policy_flush(ptype.map_or(PolicyType::Main, self::ptype));
            true
        }
        Action::ListPolicies(filter) => {
            core.policy_dump().iter().filter(|info| filter.matches(info)).for_each(|info| show::policy(info, options, &mut text).unwrap());
            true
        }
        Action::AllocSpi(alloc) => {
            let asked = AllocSpi {
                id: sa_id(&alloc.id),
                saddr: alloc.id.source.unwrap(),
                mode: mode(alloc.mode),
                reqid: alloc.reqid,
                mark: Mark::default(),
                if_id: 0,
                km_seq: 0,
                dir: None,
                range: alloc.range.0..=alloc.range.1,
            };
            let given = core.state_alloc_spi(asked);
            given
                .map(|(_, spi)| {
                    let info = core.state_get(&SaId { spi, ..sa_id(&alloc.id) }, Mark::default()).unwrap();
                    show::state(&info, options, &mut text).unwrap();
                })
                .is_ok()
        }
        Action::DeleteState(name) => core.state_delete(&sa_id(&name.id), Mark::default()).is_ok(),
        Action::GetState(name) => {
            core.state_get(&sa_id(&name.id), Mark::default()).map(|info| show::state(&info, options, &mut text).unwrap()).is_ok()
        }
        Action::ListStates(filter) => {
            core.state_dump().iter().filter(|info| filter.matches(info)).for_each(|info| show::state(info, options, &mut text).unwrap());
            true
        }
        Action::FlushStates(proto) => {
            core.state_flush(proto.map_or(0, |proto| proto.number()));
            true
        }
        Action::CountStates => show::state_count(&core.sad_info(), options, &mut text).is_ok(),
        Action::CountPolicies => show::policy_count(&core.spd_info(), options, &mut text).is_ok(),
        other => panic!("{other:?}"),
    };
    if fine { text } else { REFUSED.to_owned() }
}

fn sa_id(id: &ast::Id) -> SaId {
    SaId { daddr: id.destination.unwrap(), spi: id.spi.unwrap_or(0), proto: id.proto.unwrap().number() }
}

fn request(policy: &ast::Policy) -> PolicyRequest {
    let info = info(policy);
    let params = PolicyParams {
        priority: info.priority,
        action: info.action,
        templates: info.templates.iter().map(|template| template.template).collect(),
        ptype: ptype(policy.ptype),
        mark: info.mark,
        if_id: info.if_id,
        localok: info.localok,
        icmp: info.icmp,
        limits: info.limits,
        ..PolicyParams::new(info.selector, info.direction)
    };
    PolicyRequest { params, index: policy.index, offload: None }
}

fn id(name: &ast::PolicyName) -> PolicyId {
    let key = match &name.which {
        ast::PolicyKey::Index(index) => PolicyKey::Index(*index),
        ast::PolicyKey::Selector(asked) => PolicyKey::Selector(selector(asked, asked.family.map_or(Family::V4, family))),
    };
    let direction = match name.direction {
        ast::PolicyDirection::In => PolicyDirection::In,
        ast::PolicyDirection::Out => PolicyDirection::Out,
        ast::PolicyDirection::Fwd => PolicyDirection::Fwd,
    };
    let mark = name.mark.map_or(Mark::default(), |mark| Mark { value: mark.value, mask: mark.mask });
    PolicyId { direction, ptype: ptype(name.ptype), key, mark, if_id: name.if_id.unwrap_or(0) }
}

fn ptype(ptype: ast::PolicyType) -> PolicyType {
    if ptype == ast::PolicyType::Sub { PolicyType::Sub } else { PolicyType::Main }
}

/// Commands about few policies, so that they meet, and of those that the core does in software: main, of one template, without
/// flag icmp. An added one gets an index of its own, as the kernel's own numbers are those of the whole machine.
fn command() -> impl Strategy<Value = String> {
    let part = |choices: &'static [&'static str]| proptest::sample::select(choices.to_vec());
    let name = move || {
        let selector = part(&["src 10.1.0.0/16 dst 10.2.0.0/16", "src 10.1.0.0/24", "src fd00::/64 dst fd00:1::/64 proto tcp dport 80"]);
        let direction = part(&["dir in", "dir out", "dir fwd"]);
        (selector, direction, part(&["", "", "mark 1 mask 255", "mark 2"]), part(&["", "", "if_id 9"]), part(&["", "ptype main"]))
            .prop_map(|(selector, direction, mark, if_id, ptype)| format!("{selector} {direction} {mark} {if_id} {ptype}"))
    };
    let content = move || {
        let template = part(&[
            "",
            "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel reqid 3",
            "tmpl src fd00::1 dst fd00::2 proto ah mode tunnel",
        ]);
        (part(&["", "action block"]), part(&["", "flag localok"]), 0..3_u32, template)
            .prop_map(|(action, flag, priority, template)| format!("{action} {flag} priority {priority} {template}"))
    };
    let index = (1..12_u32, 0..3_u32, part(&["in", "out", "fwd"]))
        .prop_map(|(number, low, direction)| format!("index {} dir {direction}", 8 * number + low));
    let list = (part(&["", "-s "]), part(&["", "dir out", "src 10.1.0.0/16", "ptype sub", "priority 1"]));
    prop_oneof![
        6 => (name(), content()).prop_map(|(name, content)| format!("ip xfrm policy add {name} {content}")),
        3 => (name(), content()).prop_map(|(name, content)| format!("ip xfrm policy update {name} {content}")),
        3 => name().prop_map(|name| format!("ip xfrm policy delete {name}")),
        2 => name().prop_map(|name| format!("ip -s xfrm policy get {name}")),
        2 => index.prop_map(|index| format!("ip xfrm policy delete {index}")),
        1 => part(&["", "ptype main", "ptype sub"]).prop_map(|ptype| format!("ip xfrm policy flush {ptype}")),
        3 => list.prop_map(|(option, filter)| format!("ip {option}xfrm policy list {filter}")),
        1 => Just("ip xfrm policy count".to_owned()),
    ]
}

/// Commands about few SAs that have nothing but an SPI: the one kind that a kernel without ESP has. `N` is for an SPI of the
/// command's own: where one is taken, the kernel refuses and leaves a stub without SPI for half a minute, the core does not.
fn larval_command() -> impl Strategy<Value = String> {
    let part = |choices: &'static [&'static str]| proptest::sample::select(choices.to_vec());
    let pair = part(&["src 10.0.0.1 dst 10.0.0.2", "src 10.0.0.3 dst 10.0.0.2", "src fd00::1 dst fd00::2"]);
    let id = (pair, part(&["esp", "esp", "ah", "comp"])).prop_map(|(pair, proto)| format!("{pair} proto {proto}")).boxed();
    let spi = 300..312_u32;
    let mode = part(&["", "mode tunnel", "reqid 5"]);
    let list = (part(&["", "-s "]), part(&["", "proto esp", "dst 10.0.0.0/24", "mode tunnel", "reqid 5"]));
    prop_oneof![
        6 => (id.clone(), mode).prop_map(|(id, mode)| format!("ip -s xfrm state allocspi {id} {mode} min N max N")),
        3 => (id.clone(), spi.clone()).prop_map(|(id, spi)| format!("ip xfrm state delete {id} spi {spi}")),
        2 => (id, spi).prop_map(|(id, spi)| format!("ip xfrm state get {id} spi {spi}")),
        1 => part(&["", "proto esp", "proto ah", "proto ipsec-any"]).prop_map(|proto| format!("ip xfrm state flush {proto}")),
        2 => list.prop_map(|(option, filter)| format!("ip {option}xfrm state list {filter}")),
        1 => Just("ip xfrm state count".to_owned()),
    ]
}

/// Gives the commands to both; an error names the first of which they print different things.
fn compare(commands: &[String]) -> Result<(), TestCaseError> {
    let quiet: Vec<_> = commands.iter().map(|command| format!("{command} 2>/dev/null")).collect();
    let Some(printed) = run(&quiet, "echo refused") else { return Ok(()) };
    let mut core = XfrmCore::new(1);
    for (command, theirs) in commands.iter().zip(&printed) {
        let stats = u8::from(command.contains(" -s "));
        let ours = execute(&mut core, command, &options(stats, false, UTC));
        prop_assert_eq!(blocks(&ours), blocks(theirs), "{} in {:#?}", command, commands);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_core_and_the_kernel_agree_about_policies(commands in proptest::collection::vec(command(), 1..25)) {
        let number = |(number, command): (usize, &String)| {
            let Some((head, content)) = command.split_once(" priority ").filter(|_| command.contains(" add ") || command.contains(" update ")) else {
                return command.clone();
            };
            let direction = ["dir in", "dir out", "dir fwd"].iter().position(|direction| command.contains(direction)).unwrap();
            format!("{head} index {} priority {content}", 8 * (number + 1) + direction)
        };
        let commands: Vec<_> = commands.iter().enumerate().map(number).chain(["ip -s xfrm policy list".to_owned()]).collect();
        compare(&commands)?;
    }

    #[test]
    fn the_core_and_the_kernel_agree_about_larval_sas(commands in proptest::collection::vec(larval_command(), 1..25)) {
        let numbered = commands.iter().enumerate().map(|(number, command)| command.replace('N', &(300 + number).to_string()));
        let commands: Vec<_> = numbered.chain(["ip -s xfrm state list".to_owned()]).collect();
        compare(&commands)?;
    }
}
