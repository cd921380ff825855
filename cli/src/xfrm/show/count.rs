//! `ip xfrm state count` and `ip xfrm policy count`: print_sadinfo, print_spdinfo.

use std::fmt::{self, Write};

use espalier_driver::xfrm::message::{SadInfo, SpdInfo};

use super::{Options, Printer};

/// Prints the number of SAs as `ip xfrm state count` does.
pub fn state_count(info: &SadInfo, options: &Options, out: &mut impl Write) -> fmt::Result {
    write!(out, "\t SAD count {}", info.count)?;
    if options.stats > 0 {
        write!(out, " (buckets count {} Max {})", info.buckets, info.most_buckets)?;
    }
    // A true newline, even with -o.
    out.write_char('\n')
}

/// Prints the numbers of policies as `ip xfrm policy count` does.
pub fn policy_count(info: &SpdInfo, options: &Options, out: &mut impl Write) -> fmt::Result {
    let SpdInfo { inbound, outbound, forward, hash } = info;
    let mut printer = Printer::new(out, options);
    write!(printer, "\t SPD IN  {} OUT {} FWD {}", inbound[0], outbound[0], forward[0])?;
    if printer.stats() {
        write!(printer, " (Sock: IN {} OUT {} FWD {})", inbound[1], outbound[1], forward[1])?;
    }
    printer.end()?;
    if let Some(hash) = hash.as_ref().filter(|_| options.stats > 1) {
        printer.line(format_args!(" SPD buckets: count {} Max {}", hash.buckets, hash.most_buckets))?;
        for (family, [local, remote]) in [("IPv4", hash.ipv4_thresholds), ("IPv6", hash.ipv6_thresholds)] {
            printer.line(format_args!(" SPD {family} thresholds: local {local} remote {remote}"))?;
        }
    }
    printer.finish()
}
