//! Commands that ask for SAs and policies or remove them.

use std::fmt::{self, Formatter};

use super::{Packets, Sa, flag_words, item};
use crate::xfrm::ast::{AllocSpi, Mark, Monitor, PolicyFilter, PolicyKey, PolicyName, StateFilter, StateName};

pub fn explain_alloc(f: &mut Formatter, alloc: &AllocSpi) -> fmt::Result {
    let AllocSpi { id, mode, mark, reqid, seq, direction, range: (min, max) } = alloc;
    writeln!(f, ": reserve an SPI from {min:#010x} to {max:#010x} for an SA: {}, {mode} mode, reqid {reqid}", Sa(id))?;
    if *seq != 0 {
        item(f, format_args!("answers the acquire of sequence number {seq}"))?;
    }
    if let Some(direction) = direction {
        item(f, format_args!("direction {direction}"))?;
    }
    explain_mark(f, *mark)
}

pub fn explain_name(f: &mut Formatter, verb: &str, name: &StateName) -> fmt::Result {
    writeln!(f, ": {verb} the SA {}", Sa(&name.id))?;
    explain_mark(f, name.mark)
}

pub fn explain_states(f: &mut Formatter, verb: &str, filter: &StateFilter) -> fmt::Result {
    let StateFilter { family, source, destination, proto, spi, mode, reqid, flags, nokeys } = filter;
    let any = StateFilter { nokeys: *nokeys, ..StateFilter::default() } == *filter;
    writeln!(f, ": {verb} {}", if any { "all SAs" } else { "the SAs of" })?;
    if let Some(family) = family {
        item(f, format_args!("family {family}"))?;
    }
    for (what, prefix) in [("source", source), ("destination", destination)] {
        if let Some(prefix) = prefix {
            item(f, format_args!("{what} {prefix}"))?;
        }
    }
    if let Some(proto) = proto {
        item(f, format_args!("protocol {proto}"))?;
    }
    if let Some(spi) = spi {
        item(f, format_args!("SPI {spi:#010x}"))?;
    }
    if let Some(mode) = mode {
        item(f, format_args!("{mode} mode"))?;
    }
    if let Some(reqid) = reqid {
        item(f, format_args!("reqid {reqid}"))?;
    }
    if let Some(flags) = flags {
        flag_words(f, flags.words().into_iter())?;
    }
    if *nokeys { item(f, "keys are not shown") } else { Ok(()) }
}

pub fn explain_policy_name(f: &mut Formatter, verb: &str, name: &PolicyName) -> fmt::Result {
    let PolicyName { which, direction, ptype, mark, if_id, security_context } = name;
    write!(f, ": {verb} the {ptype} policy, direction {direction}, ")?;
    match which {
        PolicyKey::Selector(selector) => writeln!(f, "for packets {}", Packets(selector))?,
        PolicyKey::Index(index) => writeln!(f, "of index {index}")?,
    }
    if let Some(id) = if_id {
        item(f, format_args!("belongs to XFRM interface {id}"))?;
    }
    if let Some(context) = security_context {
        item(f, format_args!("security context {context}"))?;
    }
    explain_mark(f, *mark)
}

pub fn explain_policies(f: &mut Formatter, verb: &str, filter: &PolicyFilter) -> fmt::Result {
    let PolicyFilter { selector, direction, index, ptype, action, priority, flags, nosock } = filter;
    if *filter == PolicyFilter::default() {
        return writeln!(f, ": {verb} all policies");
    }
    writeln!(f, ": {verb} the policies for packets {}", Packets(selector))?;
    if let Some(direction) = direction {
        item(f, format_args!("direction {direction}"))?;
    }
    if let Some(ptype) = ptype {
        item(f, format_args!("policy type {ptype}"))?;
    }
    if let Some(action) = action {
        item(f, format_args!("action {action}"))?;
    }
    for (what, number) in [("index", index), ("priority", priority)] {
        if let Some(number) = number {
            item(f, format_args!("{what} {number}"))?;
        }
    }
    if let Some(flags) = flags {
        flag_words(f, flags.words().into_iter())?;
    }
    if *nosock { item(f, "not those of single sockets") } else { Ok(()) }
}

pub fn explain_monitor(f: &mut Formatter, monitor: &Monitor) -> fmt::Result {
    let groups = monitor.groups;
    let words: Vec<_> = [
        (groups.acquire, "SAs that are wanted"),
        (groups.expire, "expiry"),
        (groups.sa, "SAs"),
        (groups.aevent, "the state of SAs"),
        (groups.policy, "policies"),
        (groups.report, "unprotected packets"),
    ]
    .into_iter()
    .filter_map(|(said, word)| said.then_some(word))
    .collect();
    writeln!(f, ": print what happens, about {}", if words.is_empty() { "everything".to_owned() } else { words.join(", ") })?;
    if monitor.all_nsid {
        item(f, "in all network namespaces")?;
    }
    if monitor.nokeys { item(f, "keys are not shown") } else { Ok(()) }
}

fn explain_mark(f: &mut Formatter, mark: Option<Mark>) -> fmt::Result {
    mark.map_or(Ok(()), |mark| item(f, format_args!("mark {:#x} of mask {:#x}", mark.value, mark.mask)))
}

#[cfg(test)]
mod tests {
    use crate::xfrm::explain::Explained;
    use crate::xfrm::parse;

    #[test]
    fn what_is_asked_for_is_explained() {
        for (source, expected) in [
            (
                "ip x s all src 10.0.0.1 dst 10.0.0.2 proto esp mode tunnel reqid 4 seq 3",
                "line 1: reserve an SPI from 0x00000100 to 0x0fffffff for an SA: ESP 10.0.0.1 -> 10.0.0.2, tunnel mode, reqid 4
    answers the acquire of sequence number 3
",
            ),
            ("ip x s d dst 10.0.0.2 proto esp spi 9", "line 1: delete the SA ESP any -> 10.0.0.2, SPI 0x00000009\n"),
            ("ip -n a x s", "line 1 (a): show all SAs\n"),
            (
                "ip x s l src 10.0.0.0/8 mode tunnel flag esn nokeys",
                "line 1: show the SAs of\n    family inet\n    source 10.0.0.0/8\n    tunnel mode\n    flags esn\n    keys are not shown\n",
            ),
            ("ip x s f proto ah", "line 1: delete all SAs of protocol ah\n"),
            ("ip x s c", "line 1: count the SAs\n"),
            (
                "ip x p d dir in index 8 mark 1",
                "line 1: delete the main policy, direction in, of index 8\n    mark 0x1 of mask 0xffffffff\n",
            ),
            ("ip x p g src 10.0.0.0/8 dir fwd", "line 1: show the main policy, direction fwd, for packets from 10.0.0.0/8 to any\n"),
            (
                "ip x p l dir out priority 3 nosock",
                "line 1: show the policies for packets from any to any\n    direction out\n    priority 3\n    not those of single sockets\n",
            ),
            ("ip x p delall", "line 1: delete all policies\n"),
            ("ip x p f", "line 1: delete all policies of type main\n"),
            ("ip x m SA exp nokeys", "line 1: print what happens, about expiry, SAs\n    keys are not shown\n"),
        ] {
            let commands = parse(source.as_bytes()).unwrap_or_else(|errors| panic!("{}", errors[0]));
            assert_eq!(Explained(&commands[0]).to_string(), expected, "{source}");
        }
    }
}
