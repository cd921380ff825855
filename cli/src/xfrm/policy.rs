//! `policy add|update|delete|get|deleteall|list|flush`, in the words of iproute2's ip/xfrm_policy.c.

use super::ast::{
    Id, Limits, Mode, Policy, PolicyAction, PolicyDirection, PolicyFilter, PolicyFlags, PolicyKey, PolicyName, PolicyType, Selector,
    Template,
};
use super::cursor::{Choice, Cursor};
use super::error::ParseError;
use super::selector;
use super::state::{flags, keyword, mode, security_context};

const WORDS: &str = "src, dst, dev, proto, dir, mark, index, ptype, action, priority, flag, if_id, ctx, limit, tmpl or offload";

/// iproute2's buffer holds 16 templates (XFRM_TMPLS_BUF_SIZE).
const MOST_TEMPLATES: usize = 16;

/// `add` and `update`: reads what follows the verb.
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
        limits: Limits::default(),
        templates: Vec::new(),
        offload_device: None,
    };
    // iproute2 gives the selector the family of -4 or -6, if it is said.
    let preset = cursor.family;

    while let Some(word) = cursor.next() {
        match word.text.as_str() {
            "dir" => once(&mut direction, cursor, "dir", |cursor| cursor.choice("DIR value is invalid", PolicyDirection::ALL))?,
            "ctx" => security_context(cursor, &mut policy.security_context)?,
            "mark" => policy.mark = selector::added_mark(cursor)?,
            "index" => policy.index = cursor.number("INDEX value is invalid")?,
            "ptype" => once(&mut ptype, cursor, "ptype", |cursor| cursor.choice("PTYPE value is invalid", PolicyType::ALL))?,
            "action" => policy.action = cursor.choice("ACTION value is invalid", PolicyAction::ALL)?,
            "priority" => policy.priority = cursor.number("PRIORITY value is invalid")?,
            "flag" => policy_flags(cursor, &mut policy.flags)?,
            "limit" => selector::limit(cursor, &mut policy.limits)?,
            "tmpl" if policy.templates.len() == MOST_TEMPLATES => {
                return Err(ParseError::new(word.at, "Too many tmpls: buffer overflow")
                    .expecting(format_args!("{MOST_TEMPLATES} templates at most")));
            }
            "tmpl" => policy.templates.push(template(cursor)?),
            "if_id" => policy.if_id = Some(cursor.number("IF_ID value is invalid")?),
            "offload" => {
                keyword(cursor, "packet", "Invalid offload mode")?;
                keyword(cursor, "dev", "Missing dev keyword")?;
                policy.offload_device = Some(cursor.device("Invalid device name")?);
            }
            text if selector.is_none() && selector::SELECTOR_WORDS.contains(&text) => {
                cursor.back();
                let found = selector::selector(cursor)?;
                cursor.family = cursor.family.or(found.family);
                selector = Some(found);
            }
            _ => return Err(ParseError::duplicate(word, "unknown").expecting(WORDS)),
        }
    }

    policy.direction =
        direction.ok_or_else(|| cursor.error("Not enough information: DIR is required.").expecting("'dir' and in, out or fwd"))?;
    policy.ptype = ptype.unwrap_or(policy.ptype);
    policy.selector = selector.unwrap_or_default();
    policy.selector.family = policy.selector.family.or(preset);
    Ok(policy)
}

/// What may be said once only; the word itself was taken last.
fn once<'a, T>(
    slot: &mut Option<T>,
    cursor: &mut Cursor<'a>,
    what: &str,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, ParseError>,
) -> Result<(), ParseError> {
    if let (Some(word), true) = (cursor.last(), slot.is_some()) {
        return Err(ParseError::duplicate(word, what));
    }
    *slot = Some(read(cursor)?);
    Ok(())
}

fn policy_flags(cursor: &mut Cursor, slot: &mut PolicyFlags) -> Result<(), ParseError> {
    let bits = |bits| u8::try_from(bits).ok().and_then(PolicyFlags::from_bits);
    if let Some(all) = flags(cursor, "FLAG value is invalid", u8::MAX.into(), |word| slot.set(word), bits)? {
        *slot = all;
    }
    Ok(())
}

const LEVELS: &[Choice<bool>] = &[("required", false), ("use", true)];

/// xfrm_tmpl_parse: `ID [mode MODE] [reqid N] [level required|use]`, up to the first word that is none of these.
fn template(cursor: &mut Cursor) -> Result<Template, ParseError> {
    const WORDS: &str = "a template: src, dst, proto, spi, mode, reqid or level";
    let mut id: Option<Id> = None;
    let family = cursor.family;
    let mut template = Template { id: Id::default(), mode: Mode::Transport, reqid: 0, optional: false };
    if cursor.peek().is_none() {
        return Err(ParseError::incomplete(cursor.end()).expecting(WORDS));
    }
    while cursor.peek().is_some() {
        if cursor.accept("mode") {
            template.mode = mode(cursor)?;
        } else if cursor.accept("reqid") {
            template.reqid = cursor.number("REQID value is invalid")?;
        } else if cursor.accept("level") {
            template.optional = cursor.choice("LEVEL value is invalid", LEVELS)?;
        } else if id.is_none() {
            // Any other word is taken for an ID, so a template without one must be the last words of the command.
            cursor.family = None;
            let found = selector::id(cursor)?;
            cursor.family = found.family().or(family);
            id = Some(found);
        } else {
            break;
        }
    }
    template.id = id.unwrap_or_default();
    Ok(template)
}

/// `delete` and `get`.
pub fn name(cursor: &mut Cursor) -> Result<PolicyName, ParseError> {
    const WORDS: &str = "src, dst, dev, proto, dir, mark, index, ptype, if_id or ctx";
    let (mut direction, mut ptype, mut index, mut selector) = (None, None, None, None);
    let (mut mark, mut if_id, mut context) = (None, None, None);
    while let Some(word) = cursor.next() {
        match word.text.as_str() {
            "dir" => once(&mut direction, cursor, "dir", |cursor| cursor.choice("DIR value is invalid", PolicyDirection::ALL))?,
            "ctx" => security_context(cursor, &mut context)?,
            "mark" => mark = selector::naming_mark(cursor)?,
            "index" => once(&mut index, cursor, "index", |cursor| cursor.number("INDEX value is invalid"))?,
            "ptype" => once(&mut ptype, cursor, "ptype", |cursor| cursor.choice("PTYPE value is invalid", PolicyType::ALL))?,
            "if_id" => if_id = Some(cursor.number("IF_ID value is invalid")?),
            text if selector.is_none() && selector::SELECTOR_WORDS.contains(&text) => {
                cursor.back();
                let found = selector::selector(cursor)?;
                cursor.family = cursor.family.or(found.family);
                selector = Some(found);
            }
            _ => return Err(ParseError::wrong(word, "unknown").expecting(WORDS)),
        }
    }
    let direction =
        direction.ok_or_else(|| cursor.error("Not enough information: DIR is required.").expecting("'dir' and in, out or fwd"))?;
    let which = match (selector, index) {
        (Some(selector), None) => PolicyKey::Selector(selector),
        (None, Some(index)) => PolicyKey::Index(index),
        (None, None) => return Err(cursor.error("Not enough information: either SELECTOR or INDEX is required.")),
        (Some(_), Some(_)) => return Err(cursor.error("Error: either \"SELECTOR\" is duplicate, or \"INDEX\" is a garbage.")),
    };
    Ok(PolicyName { which, direction, ptype: ptype.unwrap_or(PolicyType::Main), mark, if_id, security_context: context })
}

/// `list` and `deleteall`.
pub fn filter(cursor: &mut Cursor) -> Result<PolicyFilter, ParseError> {
    const WORDS: &str = "nosock, src, dst, dev, proto, dir, index, ptype, action, priority or flag";
    let mut filter = PolicyFilter::default();
    let mut selector: Option<Selector> = None;
    let preset = cursor.family;
    while let Some(word) = cursor.next() {
        match word.text.as_str() {
            "dir" => filter.direction = Some(cursor.choice("DIR value is invalid", PolicyDirection::ALL)?),
            "index" => filter.index = Some(cursor.number("INDEX value is invalid")?),
            "ptype" => filter.ptype = Some(cursor.choice("PTYPE value is invalid", PolicyType::ALL)?),
            "action" => filter.action = Some(cursor.choice("ACTION value is invalid", PolicyAction::ALL)?),
            "priority" => filter.priority = Some(cursor.number("PRIORITY value is invalid")?),
            "flag" => policy_flags(cursor, filter.flags.get_or_insert_default())?,
            "nosock" => filter.nosock = true,
            text if selector.is_none() && selector::SELECTOR_WORDS.contains(&text) => {
                cursor.back();
                selector = Some(selector::selector(cursor)?);
            }
            _ => return Err(ParseError::wrong(word, "unknown").expecting(WORDS)),
        }
    }
    filter.selector = selector.unwrap_or_default();
    filter.selector.family = filter.selector.family.or(preset);
    Ok(filter)
}

/// `flush`.
pub fn flush(cursor: &mut Cursor) -> Result<Option<PolicyType>, ParseError> {
    let mut ptype = None;
    while let Some(word) = cursor.next() {
        match word.text.as_str() {
            "ptype" => once(&mut ptype, cursor, "ptype", |cursor| cursor.choice("PTYPE value is invalid", PolicyType::ALL))?,
            _ => return Err(ParseError::wrong(word, "unknown").expecting("ptype")),
        }
    }
    Ok(ptype)
}
