//! `monitor`, in the words of iproute2's ip/xfrm_monitor.c.

use super::ast::Monitor;
use super::cursor::Cursor;
use super::error::{ParseError, Shown};

/// Reads what follows `monitor`. Words may be shortened, but for `nokeys` and `all`; the first that fits is meant.
pub fn monitor(cursor: &mut Cursor) -> Result<Monitor, ParseError> {
    let mut monitor = Monitor::default();
    while let Some(word) = cursor.next() {
        let text = word.text.as_str();
        let short_for = |full: &str| !text.is_empty() && full.starts_with(text);
        let groups = &mut monitor.groups;
        if short_for("file") {
            return Err(ParseError::refused(word.at, text, "reading recorded messages is not supported"));
        } else if text == "nokeys" {
            monitor.nokeys = true;
        } else if text == "all" {
        } else if short_for("all-nsid") {
            monitor.all_nsid = true;
        } else if short_for("acquire") {
            groups.acquire = true;
        } else if short_for("expire") {
            groups.expire = true;
        } else if short_for("SA") {
            groups.sa = true;
        } else if short_for("aevent") {
            groups.aevent = true;
        } else if short_for("policy") {
            groups.policy = true;
        } else if short_for("report") {
            groups.report = true;
        } else if short_for("help") {
            return Err(ParseError::refused(word.at, text, "not a command for a file: see ip-xfrm(8)"));
        } else {
            let text = format!("Argument \"{}\" is unknown, try \"ip xfrm monitor help\".", Shown(text));
            return Err(ParseError::new(word.at, text).expecting("nokeys, all-nsid, all, acquire, expire, SA, aevent, policy or report"));
        }
    }
    Ok(monitor)
}
