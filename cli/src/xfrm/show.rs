//! SAs, policies and messages as iproute2 prints them, character for character.
//!
//! The format is that of iproute2's ip/ipxfrm.c and its neighbours in their newest form: `mode` of an offload and `dir` of
//! an SA are of 2023 and later. It has its oddities (a blank at the end of a line, a number in decimal after `0x`), and
//! scripts rely on them.

mod attributes;
mod count;
mod monitor;
mod policy;
mod state;

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use espalier_driver::xfrm::info::{Lifetime, Share};
use espalier_driver::xfrm::{Limits, Mode, SaId, Selector, protocol};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ast::Output;
use super::value::protocol_name;
use super::words::Proto;

pub use count::{policy_count, state_count};
pub use monitor::{NSID, message, timestamp};
pub use policy::policy;
pub use state::state;

/// How to print: what `ip`'s own options say, and where the clock hangs.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many `-s` there are.
    pub stats: u8,
    /// `-o`: a backslash where a line would end.
    pub oneline: bool,
    /// `nokeys`: keys are not shown.
    pub nokeys: bool,
    /// The time zone of dates; iproute2 takes the machine's.
    pub timezone: TimeZone,
}

impl Default for Options {
    /// As `ip` prints without options, in the time zone of this machine.
    fn default() -> Self {
        Self { stats: 0, oneline: false, nokeys: false, timezone: TimeZone::system() }
    }
}

impl From<Output> for Options {
    /// What the options of a command say, in the time zone of this machine.
    fn from(output: Output) -> Self {
        Self { stats: output.stats, oneline: output.oneline, ..Self::default() }
    }
}

/// What is printed to and how.
struct Printer<'a> {
    out: &'a mut dyn Write,
    options: &'a Options,
    /// What each line of an SA's or a policy's body begins with.
    prefix: &'static str,
}

impl Write for Printer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_str(text)
    }
}

impl<'a> Printer<'a> {
    fn new(out: &'a mut dyn Write, options: &'a Options) -> Self {
        Self { out, options, prefix: "\t" }
    }

    /// `-s` was given.
    fn stats(&self) -> bool {
        self.options.stats > 0
    }

    /// Ends a line (`_SL_`).
    fn end(&mut self) -> fmt::Result {
        self.out.write_char(if self.options.oneline { '\\' } else { '\n' })
    }

    /// Writes a line of the body.
    fn line(&mut self, text: fmt::Arguments) -> fmt::Result {
        self.out.write_str(self.prefix)?;
        self.out.write_fmt(text)?;
        self.end()
    }

    /// Ends what belongs together: with `-o` only now.
    fn finish(&mut self) -> fmt::Result {
        if self.options.oneline { self.out.write_char('\n') } else { Ok(()) }
    }

    /// xfrm_id_info_print: `src A dst B`, and a line of `proto esp spi ... mode tunnel`.
    fn id(&mut self, prefix: &str, id: &SaId, saddr: IpAddr, mode: Mode, reqid: u32, force_spi: bool) -> fmt::Result {
        write!(self, "src {} dst {}", Address(saddr), Address(id.daddr))?;
        self.end()?;
        write!(self, "{prefix}\tproto {} ", XfrmProto(id.proto))?;
        if self.stats() || force_spi || id.spi != 0 {
            self.spi(id.spi)?;
        }
        write!(self, "reqid {reqid}")?;
        if self.stats() {
            write!(self, "(0x{reqid:08x})")?;
        }
        write!(self, " mode {}", mode_word(mode))?;
        self.end()
    }

    /// `spi 0x00000009(9) `, the decimal form only with `-s`.
    fn spi(&mut self, spi: u32) -> fmt::Result {
        write!(self, "spi 0x{spi:08x}")?;
        if self.stats() {
            write!(self, "({spi})")?;
        }
        self.write_char(' ')
    }

    /// xfrm_selector_print.
    fn selector(&mut self, prefix: &str, selector: &Selector) -> fmt::Result {
        let Selector { src, dst, proto, sport, dport, dev, user } = selector;
        let (src, dst) = ((Address(src.addr()), src.prefix_len()), (Address(dst.addr()), dst.prefix_len()));
        write!(self, "{prefix}src {}/{} dst {}/{} ", src.0, src.1, dst.0, dst.1)?;
        if *proto != 0 {
            write!(self, "proto {} ", protocol_name(*proto))?;
        }
        let (first, second) = (sport.mask != 0, dport.mask != 0);
        match *proto {
            protocol::ICMP | protocol::ICMPV6 => {
                self.word_if(first, "type", sport.value)?;
                self.word_if(second, "code", dport.value)?;
            }
            protocol::GRE => {
                let key = (u32::from(sport.value) << 16) + u32::from(dport.value);
                self.word_if(first || second, "key", key)?;
            }
            protocol::MH => {
                self.word_if(first, "type", sport.value)?;
                if second && self.stats() {
                    // As it lies in memory of a little-endian host.
                    write!(self, "(dport) 0x{:04x} ", dport.value.swap_bytes())?;
                }
            }
            _ => {
                self.word_if(first, "sport", sport.value)?;
                self.word_if(second, "dport", dport.value)?;
            }
        }
        if let Some(dev) = dev {
            write!(self, "dev {dev} ")?;
        }
        if self.stats() {
            write!(self, "uid {user}")?;
        }
        self.end()
    }

    fn word_if(&mut self, said: bool, word: &str, value: impl fmt::Display) -> fmt::Result {
        if said { write!(self, "{word} {value} ") } else { Ok(()) }
    }

    /// xfrm_lifetime_print.
    fn lifetime(&mut self, limits: &Limits, current: &Lifetime) -> fmt::Result {
        self.line(format_args!("lifetime config:"))?;
        self.line(format_args!("  limit: soft {}(bytes), hard {}(bytes)", Limit(limits.soft_bytes), Limit(limits.hard_bytes)))?;
        self.line(format_args!("  limit: soft {}(packets), hard {}(packets)", Limit(limits.soft_packets), Limit(limits.hard_packets)))?;
        self.line(format_args!("  expire add: soft {}(sec), hard {}(sec)", limits.soft_add_seconds, limits.hard_add_seconds))?;
        self.line(format_args!("  expire use: soft {}(sec), hard {}(sec)", limits.soft_use_seconds, limits.hard_use_seconds))?;
        self.line(format_args!("lifetime current:"))?;
        self.line(format_args!("  {}(bytes), {}(packets)", current.bytes, current.packets))?;
        let (added, used) = (self.time(current.add_time), self.time(current.use_time));
        self.line(format_args!("  add {added} use {used}"))
    }

    /// strxf_time: local time, or `-` for never.
    fn time(&self, seconds: u64) -> String {
        if seconds == 0 {
            return "-".to_owned();
        }
        let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        match time {
            Some(time) => time.to_zoned(self.options.timezone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            // Beyond the year 9999; iproute2 has no word for times that are no date either.
            None => seconds.to_string(),
        }
    }

    /// xfrm_sec_ctx_print.
    fn security_context(&mut self, context: Option<&str>) -> fmt::Result {
        let Some(context) = context else { return Ok(()) };
        write!(self, "\tsecurity context {context} ")?;
        self.end()
    }

    /// A flag word with its bits, which come only with `-s`.
    fn flags(&mut self, words: &[&str], bits: u8, between: impl FnOnce(&mut Self) -> fmt::Result) -> fmt::Result {
        if self.stats() || bits != 0 {
            write!(self, "flag {}", words.join(" "))?;
        }
        between(self)?;
        if self.stats() {
            write!(self, " (0x{bits:08b})")?;
        }
        self.end()
    }
}

/// strxf_limit.
struct Limit(u64);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Limits::INF { f.write_str("(INF)") } else { self.0.fmt(f) }
    }
}

/// An address as the C library's inet_ntop prints it.
struct Address(IpAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // The dotted form also of addresses that only begin with zeros.
            IpAddr::V6(address) => match address.segments() {
                [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                    write!(f, "::{}", Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
                }
                _ => address.fmt(f),
            },
            IpAddr::V4(address) => address.fmt(f),
        }
    }
}

/// strxf_xfrmproto.
struct XfrmProto(u8);

impl fmt::Display for XfrmProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Proto::ALL.iter().find(|(_, proto)| proto.number() == self.0) {
            Some((word, _)) => f.write_str(word),
            None => self.0.fmt(f),
        }
    }
}

fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Transport => "transport",
        Mode::Tunnel => "tunnel",
        Mode::RouteOptimization => "ro",
        Mode::InTrigger => "in_trigger",
        Mode::Beet => "beet",
        Mode::Iptfs => "iptfs",
    }
}

fn share_word(share: Share) -> &'static str {
    match share {
        Share::Any => "any",
        Share::Session => "session",
        Share::User => "user",
        Share::Unique => "unique",
    }
}

/// Of words and bits, those that are set.
fn set_flags<const N: usize>(flags: [(bool, &'static str, u8); N]) -> (Vec<&'static str>, u8) {
    let set = || flags.iter().filter(|(set, ..)| *set);
    (set().map(|(_, word, _)| *word).collect(), set().fold(0, |bits, (.., bit)| bits | bit))
}

#[cfg(test)]
mod tests;
