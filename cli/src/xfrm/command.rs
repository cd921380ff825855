//! `[ip] [OPTIONS] [xfrm] state|policy VERB`: what stands before the words of a state or policy.

use super::ast::{Action, Command, Family};
use super::cursor::Cursor;
use super::error::ParseError;
use super::lexer::Line;
use super::{policy, state};

/// Reads one command. `ip` and `xfrm` may be left out, as in a file for `ip -batch` or in an interactive note.
pub fn command(line: &Line) -> Result<Command, ParseError> {
    let mut cursor = Cursor::new(line);
    let at = cursor.at();
    let mut netns = None;
    cursor.accept("ip");
    options(&mut cursor, &mut netns)?;
    // `ip netns exec NAME ip xfrm ...` is the older way to say `ip -n NAME xfrm ...`.
    if cursor.accept("netns") {
        cursor.choice("'exec'", &[("exec", ())])?;
        netns = Some(namespace(&mut cursor)?);
        cursor.choice("'ip'", &[("ip", ())])?;
        options(&mut cursor, &mut netns)?;
    }
    if cursor.peek_text().is_some_and(|word| word.starts_with('x')) {
        cursor.choice_by_prefix("the object", &[("xfrm", ())])?;
    }
    let object = cursor.choice_by_prefix("'xfrm', or an object of it", OBJECTS)?;
    let verb = verb(&mut cursor, object)?;
    let action = match (object, verb) {
        (Object::State, Verb::Add) => Action::AddState(Box::new(state::state(&mut cursor)?)),
        (Object::State, Verb::Update) => Action::UpdateState(Box::new(state::state(&mut cursor)?)),
        (Object::Policy, Verb::Add) => Action::AddPolicy(Box::new(policy::policy(&mut cursor)?)),
        (Object::Policy, Verb::Update) => Action::UpdatePolicy(Box::new(policy::policy(&mut cursor)?)),
    };
    Ok(Command { at, netns, action })
}

#[derive(Clone, Copy)]
enum Object {
    State,
    Policy,
}

/// In the order of iproute2's do_xfrm, so that `s` is `state`.
const OBJECTS: &[(&str, Object)] = &[("state", Object::State), ("sa", Object::State), ("policy", Object::Policy)];

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Update,
}

/// In the order of iproute2's do_xfrm_state and do_xfrm_policy; those that are not here yet have none.
const STATE_VERBS: &[(&str, Option<Verb>)] = &[
    ("add", Some(Verb::Add)),
    ("update", Some(Verb::Update)),
    ("allocspi", None),
    ("delete", None),
    ("deleteall", None),
    ("delall", None),
    ("list", None),
    ("show", None),
    ("lst", None),
    ("get", None),
    ("flush", None),
    ("count", None),
    ("help", None),
];
const POLICY_VERBS: &[(&str, Option<Verb>)] = &[
    ("add", Some(Verb::Add)),
    ("update", Some(Verb::Update)),
    ("delete", None),
    ("deleteall", None),
    ("delall", None),
    ("list", None),
    ("show", None),
    ("lst", None),
    ("get", None),
    ("flush", None),
    ("count", None),
    ("set", None),
    ("setdefault", None),
    ("getdefault", None),
    ("help", None),
];

fn verb(cursor: &mut Cursor, object: Object) -> Result<Verb, ParseError> {
    let verbs = match object {
        Object::State => STATE_VERBS,
        Object::Policy => POLICY_VERBS,
    };
    let word = cursor.take("a verb: add or update")?;
    let known = verbs.iter().find(|(name, _)| !word.text.is_empty() && name.starts_with(&word.text));
    match known {
        Some((_, Some(verb))) => Ok(*verb),
        Some((name, None)) => {
            Err(ParseError::refused(word.at, &word.text, format_args!("'{name}' is not supported; expected add or update")))
        }
        None => Err(ParseError::new(word.at, &word.text, "a verb: add or update")),
    }
}

#[derive(Clone, Copy)]
enum Switch {
    Netns,
    Family,
    Set(Family),
    /// Changes only what is printed.
    Output,
    Refused,
}

/// iproute2's options in the order in which they are tried.
const OPTIONS: &[(&str, Switch)] = &[
    ("-loops", Switch::Refused),
    ("-family", Switch::Family),
    ("-4", Switch::Set(Family::Inet)),
    ("-6", Switch::Set(Family::Inet6)),
    ("-human", Switch::Output),
    ("-iec", Switch::Output),
    ("-stats", Switch::Output),
    ("-statistics", Switch::Output),
    ("-details", Switch::Output),
    ("-resolve", Switch::Output),
    ("-oneline", Switch::Output),
    ("-timestamp", Switch::Output),
    ("-tshort", Switch::Output),
    ("-Version", Switch::Refused),
    ("-force", Switch::Refused),
    ("-batch", Switch::Refused),
    ("-brief", Switch::Output),
    ("-json", Switch::Output),
    ("-rcvbuf", Switch::Refused),
    ("-color", Switch::Output),
    ("-help", Switch::Refused),
    ("-netns", Switch::Netns),
    ("-Numeric", Switch::Output),
    ("-all", Switch::Refused),
    ("-pretty", Switch::Output),
];

/// Options of `ip` that mean something for a single command; `--option` is `-option`.
fn options(cursor: &mut Cursor, netns: &mut Option<String>) -> Result<(), ParseError> {
    while let Some(word) = cursor.peek().filter(|word| word.text.starts_with('-')) {
        cursor.take("")?;
        let option = word.text.strip_prefix('-').filter(|rest| rest.starts_with('-')).unwrap_or(&word.text);
        if option == "-" {
            break;
        }
        match OPTIONS.iter().find(|(name, _)| name.starts_with(option)).map(|(_, switch)| *switch) {
            Some(Switch::Netns) => *netns = Some(namespace(cursor)?),
            Some(Switch::Family) => cursor.family = Some(cursor.choice("a family", Family::ALL)?),
            Some(Switch::Set(family)) => cursor.family = Some(family),
            Some(Switch::Output) => {}
            Some(Switch::Refused) => return Err(ParseError::refused(word.at, &word.text, "this option of ip is not supported in a file")),
            None => return Err(ParseError::new(word.at, &word.text, "an option of ip: -n NAME, -4, -6 or -family")),
        }
    }
    Ok(())
}

fn namespace(cursor: &mut Cursor) -> Result<String, ParseError> {
    cursor.read("the name of a network namespace", |word| (!word.is_empty() && !word.contains('/')).then(|| word.to_owned()))
}
