//! `[ip] [OPTIONS] [xfrm] state|policy|monitor VERB`: what stands before the words of a state or policy.

use super::ast::{Action, Command, Family, Output, Stamp};
use super::cursor::{Choice, Cursor, by_prefix, one_of};
use super::error::{ParseError, Shown};
use super::lexer::Line;
use super::{monitor, policy, state};

/// Reads one command. `ip` and `xfrm` may be left out, as in a file for `ip -batch` or in an interactive note.
pub fn command(line: &Line) -> Result<Command, ParseError> {
    let mut cursor = Cursor::new(line);
    let at = cursor.at();
    let mut netns = None;
    let mut output = Output::default();
    cursor.accept("ip");
    options(&mut cursor, &mut netns, &mut output)?;
    // `ip netns exec NAME ip xfrm ...` is the older way to say `ip -n NAME xfrm ...`.
    if cursor.accept("netns") {
        expect(&mut cursor, "exec")?;
        netns = Some(namespace(&mut cursor)?);
        expect(&mut cursor, "ip")?;
        options(&mut cursor, &mut netns, &mut output)?;
    }
    if cursor.peek_text().is_some_and(|word| !word.is_empty() && "xfrm".starts_with(word)) {
        cursor.next();
    }
    let word = cursor.take(one_of(OBJECTS))?;
    let object = by_prefix(&word.text, OBJECTS).ok_or_else(|| {
        ParseError::new(word.at, format_args!("Object \"{}\" is unknown", Shown(&word.text)))
            .expecting(format_args!("'xfrm', or an object of it: {}", one_of(OBJECTS)))
    })?;
    let action = match object {
        Object::State => state_action(&mut cursor)?,
        Object::Policy => policy_action(&mut cursor)?,
        Object::Monitor => Action::Monitor(monitor::monitor(&mut cursor)?),
        Object::Help => return Err(help(&cursor)),
    };
    Ok(Command { at, netns, output, action })
}

#[derive(Clone, Copy)]
enum Object {
    State,
    Policy,
    Monitor,
    Help,
}

/// In the order of iproute2's do_xfrm, so that `s` is `state`.
const OBJECTS: &[Choice<Object>] =
    &[("state", Object::State), ("sa", Object::State), ("policy", Object::Policy), ("monitor", Object::Monitor), ("help", Object::Help)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Update,
    AllocSpi,
    Delete,
    DeleteAll,
    List,
    Get,
    Flush,
    Count,
    /// iproute2 knows it and Espalier does not.
    Refused(&'static str),
    Help,
}

/// In the order of iproute2's do_xfrm_state.
const STATE_VERBS: &[Choice<Verb>] = &[
    ("add", Verb::Add),
    ("update", Verb::Update),
    ("allocspi", Verb::AllocSpi),
    ("delete", Verb::Delete),
    ("deleteall", Verb::DeleteAll),
    ("delall", Verb::DeleteAll),
    ("list", Verb::List),
    ("show", Verb::List),
    ("lst", Verb::List),
    ("get", Verb::Get),
    ("flush", Verb::Flush),
    ("count", Verb::Count),
    ("help", Verb::Help),
];

/// In the order of iproute2's do_xfrm_policy.
const POLICY_VERBS: &[Choice<Verb>] = &[
    ("add", Verb::Add),
    ("update", Verb::Update),
    ("delete", Verb::Delete),
    ("deleteall", Verb::DeleteAll),
    ("delall", Verb::DeleteAll),
    ("list", Verb::List),
    ("show", Verb::List),
    ("lst", Verb::List),
    ("get", Verb::Get),
    ("flush", Verb::Flush),
    ("count", Verb::Count),
    ("set", Verb::Refused("policies are not hashed, so there are no thresholds")),
    ("setdefault", Verb::Refused("what no policy covers passes as it is; add a policy with action block")),
    ("getdefault", Verb::Refused("there is no default policy to be set: what no policy covers passes as it is")),
    ("help", Verb::Help),
];

fn state_action(cursor: &mut Cursor) -> Result<Action, ParseError> {
    Ok(match verb(cursor, "state", STATE_VERBS)? {
        Verb::Add => Action::AddState(Box::new(state::state(cursor)?)),
        Verb::Update => Action::UpdateState(Box::new(state::state(cursor)?)),
        Verb::AllocSpi => Action::AllocSpi(state::allocspi(cursor)?),
        Verb::Delete => Action::DeleteState(state::name(cursor)?),
        Verb::DeleteAll => Action::DeleteAllStates(Box::new(state::filter(cursor)?)),
        Verb::List => Action::ListStates(Box::new(state::filter(cursor)?)),
        Verb::Get => Action::GetState(state::name(cursor)?),
        Verb::Flush => Action::FlushStates(state::flush(cursor)?),
        Verb::Count => nothing_else(cursor, Action::CountStates)?,
        Verb::Refused(_) | Verb::Help => return Err(help(cursor)),
    })
}

fn policy_action(cursor: &mut Cursor) -> Result<Action, ParseError> {
    Ok(match verb(cursor, "policy", POLICY_VERBS)? {
        Verb::Add => Action::AddPolicy(Box::new(policy::policy(cursor)?)),
        Verb::Update => Action::UpdatePolicy(Box::new(policy::policy(cursor)?)),
        Verb::Delete => Action::DeletePolicy(Box::new(policy::name(cursor)?)),
        Verb::DeleteAll => Action::DeleteAllPolicies(Box::new(policy::filter(cursor)?)),
        Verb::List => Action::ListPolicies(Box::new(policy::filter(cursor)?)),
        Verb::Get => Action::GetPolicy(Box::new(policy::name(cursor)?)),
        Verb::Flush => Action::FlushPolicies(policy::flush(cursor)?),
        Verb::Count => nothing_else(cursor, Action::CountPolicies)?,
        Verb::AllocSpi | Verb::Refused(_) | Verb::Help => return Err(help(cursor)),
    })
}

/// The verb; none is `list`.
fn verb(cursor: &mut Cursor, object: &str, verbs: &[Choice<Verb>]) -> Result<Verb, ParseError> {
    let Some(word) = cursor.next() else { return Ok(Verb::List) };
    match by_prefix(&word.text, verbs) {
        Some(Verb::Refused(reason)) => Err(ParseError::refused(word.at, word.text.as_str(), format_args!("not supported: {reason}"))),
        Some(verb) => Ok(verb),
        None => {
            let text = format!("Command \"{}\" is unknown, try \"ip xfrm {object} help\".", Shown(&word.text));
            let known: Vec<_> = verbs.iter().filter(|(_, verb)| !matches!(verb, Verb::Refused(_) | Verb::Help)).copied().collect();
            Err(ParseError::new(word.at, text).expecting(one_of(&known)))
        }
    }
}

/// iproute2 takes no notice of what follows `count`.
fn nothing_else(cursor: &Cursor, action: Action) -> Result<Action, ParseError> {
    match cursor.peek() {
        Some(word) => Err(ParseError::refused(word.at, word.text.as_str(), "count takes no words")),
        None => Ok(action),
    }
}

/// `help`, which was taken last.
fn help(cursor: &Cursor) -> ParseError {
    let at = cursor.last().map_or(cursor.end(), |word| word.at);
    ParseError::refused(at, "help", "not a command for a file: see ip-xfrm(8)")
}

fn expect(cursor: &mut Cursor, word: &str) -> Result<(), ParseError> {
    let expected = format!("'{word}'");
    let found = cursor.take(&expected)?;
    if *found.text == word {
        Ok(())
    } else {
        Err(ParseError::refused(found.at, found.text.as_str(), "not what 'ip netns' is for here").expecting(expected))
    }
}

#[derive(Clone, Copy)]
enum Switch {
    Netns,
    Family,
    Set(Family),
    Stats,
    Oneline,
    Stamp(Stamp),
    /// Changes nothing of what `ip xfrm` prints.
    Ignored,
    Refused,
}

/// iproute2's options in the order in which they are tried.
const OPTIONS: &[Choice<Switch>] = &[
    ("-loops", Switch::Refused),
    ("-family", Switch::Family),
    ("-4", Switch::Set(Family::Inet)),
    ("-6", Switch::Set(Family::Inet6)),
    ("-human", Switch::Ignored),
    ("-iec", Switch::Ignored),
    ("-stats", Switch::Stats),
    ("-statistics", Switch::Stats),
    ("-details", Switch::Ignored),
    ("-resolve", Switch::Ignored),
    ("-oneline", Switch::Oneline),
    ("-timestamp", Switch::Stamp(Stamp::Long)),
    ("-tshort", Switch::Stamp(Stamp::Short)),
    ("-Version", Switch::Refused),
    ("-force", Switch::Refused),
    ("-batch", Switch::Refused),
    ("-brief", Switch::Ignored),
    ("-json", Switch::Ignored),
    ("-rcvbuf", Switch::Refused),
    ("-color", Switch::Ignored),
    ("-help", Switch::Refused),
    ("-netns", Switch::Netns),
    ("-Numeric", Switch::Ignored),
    ("-all", Switch::Refused),
    ("-pretty", Switch::Ignored),
];

/// Options of `ip` that mean something for a single command; `--option` is `-option`.
fn options(cursor: &mut Cursor, netns: &mut Option<String>, output: &mut Output) -> Result<(), ParseError> {
    while let Some(word) = cursor.peek().filter(|word| word.text.starts_with('-')) {
        cursor.next();
        let option = word.text.strip_prefix('-').filter(|rest| rest.starts_with('-')).unwrap_or(&word.text);
        if option == "-" {
            break;
        }
        match by_prefix(option, OPTIONS) {
            Some(Switch::Netns) => *netns = Some(namespace(cursor)?),
            Some(Switch::Family) => cursor.family = Some(cursor.choice("invalid protocol family", Family::ALL)?),
            Some(Switch::Set(family)) => cursor.family = Some(family),
            Some(Switch::Stats) => output.stats = output.stats.saturating_add(1),
            Some(Switch::Oneline) => output.oneline = true,
            Some(Switch::Stamp(stamp)) => output.timestamp = Some(stamp),
            Some(Switch::Ignored) => {}
            Some(Switch::Refused) => {
                return Err(ParseError::refused(word.at, word.text.as_str(), "this option of ip is not supported in a file"));
            }
            None => {
                let text = format!("Option \"{}\" is unknown, try \"ip -help\".", Shown(option));
                return Err(ParseError::new(word.at, text).expecting("-n NAME, -4, -6, -family, -s, -o, -t or -ts"));
            }
        }
    }
    Ok(())
}

fn namespace(cursor: &mut Cursor) -> Result<String, ParseError> {
    cursor.read("invalid network namespace", "the name of a network namespace", |word| {
        (!word.is_empty() && !word.contains('/')).then(|| word.to_owned())
    })
}
