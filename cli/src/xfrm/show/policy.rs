//! A policy: xfrm_policy_info_print and xfrm_tmpl_print.

use std::fmt::{self, Write};

use espalier_driver::policy::{Action, Level, PolicyType};
use espalier_driver::xfrm::PolicyDirection;
use espalier_driver::xfrm::info::{PolicyInfo, TemplateInfo};

use super::{Options, Printer, set_flags, share_word};

/// Prints a policy as `ip xfrm policy` does.
pub fn policy(info: &PolicyInfo, options: &Options, out: &mut impl Write) -> fmt::Result {
    let mut printer = Printer::new(out, options);
    printer.policy("", info)?;
    printer.finish()
}

impl Printer<'_> {
    /// `title` stands before the selector.
    pub(super) fn policy(&mut self, title: &str, info: &PolicyInfo) -> fmt::Result {
        self.selector(title, &info.selector)?;
        self.security_context(info.security_context.as_deref())?;
        let direction = match info.direction {
            PolicyDirection::In => "in",
            PolicyDirection::Out => "out",
            PolicyDirection::Fwd => "fwd",
        };
        let prefix = self.prefix;
        write!(self, "{prefix}{} {direction} ", if info.socket { "socket" } else { "dir" })?;
        match info.action {
            Action::Allow if self.stats() => self.write_str("action allow ")?,
            Action::Allow => {}
            Action::Block => self.write_str("action block ")?,
        }
        if self.stats() {
            write!(self, "index {} ", info.index)?;
        }
        write!(self, "priority {} ", info.priority)?;
        if let Some(ptype) = info.ptype {
            write!(self, "ptype {} ", ptype_word(ptype))?;
        }
        if self.stats() {
            write!(self, "share {} ", share_word(info.share))?;
        }
        let (words, bits) = set_flags([(info.localok, "localok", 1), (info.icmp, "icmp", 2)]);
        self.flags(&words, bits, |_| Ok(()))?;
        if self.stats() {
            self.lifetime(&info.limits, &info.current)?;
        }
        self.policy_attributes(info)
    }

    pub(super) fn template(&mut self, info: &TemplateInfo) -> fmt::Result {
        let TemplateInfo { template, share, ealgos, aalgos, calgos } = info;
        let prefix = self.prefix;
        write!(self, "{prefix}tmpl ")?;
        self.id(prefix, &template.id, template.saddr, template.mode, template.reqid, false)?;
        if self.stats() || template.level == Level::Use {
            let level = match template.level {
                Level::Required => "required",
                Level::Use => "use",
            };
            write!(self, "{prefix}\tlevel {level} ")?;
            if self.stats() {
                write!(self, "share {} ", share_word(*share))?;
            }
            self.end()?;
        }
        if self.stats() {
            write!(self, "{prefix}\tenc-mask {ealgos:08x} auth-mask {aalgos:08x} comp-mask {calgos:08x}")?;
            self.end()?;
        }
        Ok(())
    }
}

/// strxf_ptype.
pub(super) fn ptype_word(ptype: PolicyType) -> &'static str {
    match ptype {
        PolicyType::Main => "main",
        PolicyType::Sub => "sub",
    }
}
