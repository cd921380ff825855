//! `ip xfrm monitor`: xfrm_accept_msg.

use std::fmt::{self, Write};

use espalier_driver::xfrm::SaId;
use espalier_driver::xfrm::message::{Acquire, AsyncEvent, Message};
use jiff::Timestamp;

use super::policy::ptype_word;
use super::{Address, Options, Printer, XfrmProto};
use crate::xfrm::ast::Stamp;
use crate::xfrm::value::protocol_name;

/// What `monitor all-nsid` puts between the time and a message of this network namespace.
pub const NSID: &str = "[nsid current]";

/// Prints when a message came, as `ip -t xfrm monitor` and `ip -ts xfrm monitor` do before it.
pub fn timestamp(time: Timestamp, stamp: Stamp, options: &Options, out: &mut impl Write) -> fmt::Result {
    let micros = time.subsec_microsecond();
    let local = time.to_zoned(options.timezone.clone());
    match stamp {
        Stamp::Long => writeln!(out, "Timestamp: {} {micros} usec", local.strftime("%a %b %e %H:%M:%S %Y")),
        Stamp::Short => write!(out, "[{}.{micros:06}] ", local.strftime("%Y-%m-%dT%H:%M:%S")),
    }
}

/// Prints a message as `ip xfrm monitor` does.
pub fn message(message: &Message, options: &Options, out: &mut impl Write) -> fmt::Result {
    let mut printer = Printer::new(out, options);
    match message {
        Message::NewState(state) => printer.state(state)?,
        Message::UpdatedState(state) => {
            printer.write_str("Updated ")?;
            printer.state(state)?;
        }
        Message::DeletedState(state) => {
            printer.write_str("Deleted ")?;
            printer.state(state)?;
        }
        Message::ExpiredState { state, hard } => {
            printer.write_str("Expired ")?;
            printer.state(state)?;
            printer.line(format_args!("hard {}", u8::from(*hard)))?;
        }
        Message::NewPolicy(policy) => printer.policy("", policy)?,
        Message::UpdatedPolicy(policy) => {
            printer.write_str("Updated ")?;
            printer.policy("", policy)?;
        }
        Message::DeletedPolicy(policy) => {
            printer.write_str("Deleted ")?;
            printer.policy("", policy)?;
        }
        Message::ExpiredPolicy { policy, hard } => {
            printer.write_str("Expired ")?;
            printer.policy("", policy)?;
            printer.line(format_args!("hard {}", u8::from(*hard)))?;
        }
        Message::Acquire(acquire) => printer.acquire(acquire)?,
        Message::FlushedStates { proto } => {
            write!(printer, "Flushed state proto {}", XfrmProto(*proto))?;
            printer.end()?;
        }
        Message::FlushedPolicies { ptype } => {
            printer.write_str("Flushed policy ")?;
            if let Some(ptype) = ptype {
                write!(printer, "ptype {} ", ptype_word(*ptype))?;
            }
            printer.end()?;
        }
        Message::Report { proto, selector } => {
            write!(printer, "report proto {} ", XfrmProto(*proto))?;
            printer.end()?;
            printer.selector("  sel ", selector)?;
        }
        // These two know no -o.
        Message::AsyncEvent(event) => return printer.async_event(event),
        Message::Mapping { id, reqid, old, new } => {
            write!(printer, "Mapping change {}:{} -> {}:{}\n\t", Address(old.ip()), old.port(), Address(new.ip()), new.port())?;
            return printer.sa(id, *reqid);
        }
    }
    printer.finish()
}

impl Printer<'_> {
    /// xfrm_acquire_print.
    fn acquire(&mut self, acquire: &Acquire) -> fmt::Result {
        write!(self, "acquire proto {} ", XfrmProto(acquire.id.proto))?;
        if self.stats() || acquire.id.spi != 0 {
            self.spi(acquire.id.spi)?;
        }
        self.end()?;
        self.selector("  sel ", &acquire.selector)?;
        self.prefix = "    \t";
        self.policy("  policy ", &acquire.policy)?;
        if self.stats() {
            let Acquire { seq, ealgos, aalgos, calgos, .. } = acquire;
            write!(self, "  seq 0x{seq:08} enc-mask {ealgos:08x} auth-mask {aalgos:08x} comp-mask {calgos:08x}")?;
        }
        self.end()
    }

    /// xfrm_ae_print.
    fn async_event(&mut self, event: &AsyncEvent) -> fmt::Result {
        write!(self, "Async event  (0x{:x}) ", event.flags)?;
        for (bit, words) in
            [(AsyncEvent::REPLAY, " replay update "), (AsyncEvent::TIMER, " timer expired "), (AsyncEvent::POLICY, " policy updated ")]
        {
            if event.flags & bit != 0 {
                self.write_str(words)?;
            }
        }
        write!(self, "\n\tsrc {} ", Address(event.saddr))?;
        self.sa(&event.id, event.reqid)
    }

    /// xfrm_usersa_print: the SA's protocol has its common name here.
    fn sa(&mut self, id: &SaId, reqid: u32) -> fmt::Result {
        writeln!(self, "dst {}  reqid 0x{reqid:x} protocol {}  SPI 0x{:x}", Address(id.daddr), protocol_name(id.proto), id.spi)
    }
}
