//! An SA: xfrm_state_info_print.

use std::fmt::{self, Write};

use espalier_driver::xfrm::info::StateInfo;
use espalier_driver::xfrm::protocol;

use super::{Options, Printer, set_flags};

/// Prints an SA as `ip xfrm state` does.
pub fn state(info: &StateInfo, options: &Options, out: &mut impl Write) -> fmt::Result {
    let mut printer = Printer::new(out, options);
    printer.state(info)?;
    printer.finish()
}

impl Printer<'_> {
    pub(super) fn state(&mut self, info: &StateInfo) -> fmt::Result {
        let force_spi = [protocol::ESP, protocol::AH, protocol::COMP].contains(&info.id.proto);
        self.id("", &info.id, info.saddr, info.mode, info.reqid, force_spi)?;
        let prefix = self.prefix;
        write!(self, "{prefix}replay-window {} ", info.replay_window)?;
        if self.stats() {
            // In decimal behind a 0x: so iproute2 has it.
            write!(self, "seq 0x{:08} ", info.seq)?;
        }
        self.state_flags(info)?;
        self.state_attributes(info)?;
        if let Some(selector) = &info.selector {
            self.selector("\tsel ", selector)?;
        }
        if self.stats() {
            self.lifetime(&info.limits, &info.current)?;
            self.line(format_args!("stats:"))?;
            let stats = &info.stats;
            self.line(format_args!("  replay-window {} replay {} failed {}", stats.replay_window, stats.replay, stats.integrity_failed))?;
        }
        self.security_context(info.security_context.as_deref())
    }

    fn state_flags(&mut self, info: &StateInfo) -> fmt::Result {
        let flags = &info.flags;
        let (words, bits) = set_flags([
            (flags.noecn, "noecn", 1),
            (flags.decap_dscp, "decap-dscp", 2),
            (flags.nopmtudisc, "nopmtudisc", 4),
            (flags.wildrecv, "wildrecv", 8),
            (flags.icmp, "icmp", 16),
            (flags.af_unspec, "af-unspec", 32),
            (flags.align4, "align4", 64),
            (flags.esn, "esn", 128),
        ]);
        let (extra, _) = set_flags([(flags.dont_encap_dscp, "dont-encap-dscp", 1), (flags.oseq_may_wrap, "oseq-may-wrap", 2)]);
        self.flags(&words, bits, |printer| {
            // No blank before it: so iproute2 has it.
            if printer.stats() && !extra.is_empty() { write!(printer, "extra_flag {}", extra.join(" ")) } else { Ok(()) }
        })
    }
}
