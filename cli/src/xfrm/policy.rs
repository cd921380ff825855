//! `policy add|update`, in the words of iproute2's ip/xfrm_policy.c.

use super::ast::{Id, Mode, Policy, PolicyAction, PolicyDirection, PolicyFlags, PolicyType, Selector, Template};
use super::cursor::{Choice, Cursor};
use super::error::ParseError;
use super::selector::{self, ID_WORDS, SELECTOR_WORDS};
use super::state::{flags, security_context};

const WORDS: &str = "src, dst, dev, proto, dir, mark, index, ptype, action, priority, flag, if_id, ctx, limit, tmpl or offload";

/// Templates a policy may have (XFRM_MAX_DEPTH).
const MOST_TEMPLATES: usize = 6;

/// Reads what follows the verb.
pub fn policy(cursor: &mut Cursor) -> Result<Policy, ParseError> {
    let mut direction = None;
    let mut ptype = None;
    let mut selector: Option<Selector> = None;
    let mut policy = Policy {
        selector: Selector::default(),
        direction: PolicyDirection::Out,
        mark: None,
        index: 0,
        ptype: PolicyType::Main,
        action: PolicyAction::Allow,
        priority: 0,
        flags: PolicyFlags::default(),
        if_id: None,
        security_context: None,
        limits: Default::default(),
        templates: Vec::new(),
        offload_device: None,
    };
    // iproute2 gives the selector the family of -4 or -6, if it is said.
    let preset = cursor.family;

    while let Some(word) = cursor.peek() {
        let (text, at) = (word.text.as_str(), word.at);
        if SELECTOR_WORDS.contains(&text) {
            if selector.is_some() {
                return Err(ParseError::new(at, text, "the words of the selector side by side, and only once"));
            }
            let found = selector::selector(cursor)?;
            cursor.family = cursor.family.or(found.family);
            selector = Some(found);
            continue;
        }
        cursor.take(WORDS)?;
        match text {
            "dir" if direction.is_some() => return Err(ParseError::new(at, text, "'dir' only once")),
            "dir" => direction = Some(cursor.choice("a direction", PolicyDirection::ALL)?),
            "ctx" => security_context(cursor, at, &mut policy.security_context)?,
            "mark" => policy.mark = Some(selector::mark(cursor, u32::MAX)?),
            "index" => policy.index = cursor.number("an index")?,
            "ptype" if ptype.is_some() => return Err(ParseError::new(at, text, "'ptype' only once")),
            "ptype" => ptype = Some(cursor.choice("a policy type", PolicyType::ALL)?),
            "action" => policy.action = cursor.choice("an action", PolicyAction::ALL)?,
            "priority" => policy.priority = cursor.number("a priority")?,
            "flag" => {
                if let Some(all) = flags(cursor, u8::MAX.into(), |word| policy.flags.set(word), |bits| PolicyFlags::from_bits(bits as u8))?
                {
                    policy.flags = all;
                }
            }
            "limit" => selector::limit(cursor, &mut policy.limits)?,
            "tmpl" if policy.templates.len() == MOST_TEMPLATES => {
                return Err(ParseError::new(at, text, format_args!("no more than {MOST_TEMPLATES} templates")));
            }
            "tmpl" => policy.templates.push(template(cursor)?),
            "if_id" => policy.if_id = Some(cursor.number("an interface id")?),
            "offload" => {
                cursor.choice("the mode of offload", &[("packet", ())])?;
                cursor.choice("'dev'", &[("dev", ())])?;
                policy.offload_device = Some(cursor.device()?);
            }
            _ => return Err(ParseError::new(at, text, WORDS)),
        }
    }

    policy.direction = direction.ok_or_else(|| cursor.error("'dir' and in, out or fwd"))?;
    policy.ptype = ptype.unwrap_or(policy.ptype);
    policy.selector = selector.unwrap_or_default();
    policy.selector.family = policy.selector.family.or(preset);
    Ok(policy)
}

const LEVELS: &[Choice<bool>] = &[("required", false), ("use", true)];

/// `tmpl ID [mode MODE] [reqid N] [level required|use]`, up to the first word that is none of these.
fn template(cursor: &mut Cursor) -> Result<Template, ParseError> {
    let mut id: Option<Id> = None;
    let mut template = Template { id: Id::default(), mode: Mode::Transport, reqid: 0, optional: false };
    if cursor.peek().is_none() {
        return Err(cursor.error("a template: src, dst, proto, spi, mode, reqid or level"));
    }
    while let Some(text) = cursor.peek_text() {
        if cursor.accept("mode") {
            template.mode = cursor.choice_by_prefix("a mode", Mode::ALL)?;
        } else if cursor.accept("reqid") {
            template.reqid = cursor.number("a reqid")?;
        } else if cursor.accept("level") {
            template.optional = cursor.choice("a level", LEVELS)?;
        } else if id.is_none() && ID_WORDS.contains(&text) {
            cursor.family = None;
            let found = selector::id(cursor)?;
            cursor.family = found.family();
            id = Some(found);
        } else if id.is_none() {
            // A template that names no SA must be the last words of the command.
            return Err(cursor.error("src, dst, proto or spi of the template"));
        } else {
            break;
        }
    }
    template.id = id.unwrap_or_default();
    Ok(template)
}
