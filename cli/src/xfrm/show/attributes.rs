//! What comes as netlink attributes: xfrm_xfrma_print. The order is iproute2's.

use std::fmt::{self, Write};
use std::net::IpAddr;

use espalier_driver::Key;
use espalier_driver::sa::{Encap, EncapKind};
use espalier_driver::xfrm::info::{PolicyInfo, Replay, StateInfo};
use espalier_driver::xfrm::{Direction, Mark, OffloadMode};

use super::{Address, Printer};

impl Printer<'_> {
    pub(super) fn state_attributes(&mut self, info: &StateInfo) -> fmt::Result {
        self.marks(info.mark, info.output_mark)?;
        if let Some(auth) = &info.auth {
            let kind = if auth.trunc_bits.is_some() { "auth-trunc" } else { "auth" };
            self.algorithm(kind, &auth.name, &auth.key, auth.trunc_bits)?;
        }
        if let Some(aead) = &info.aead {
            self.algorithm("aead", &aead.name, &aead.key, Some(aead.icv_bits))?;
        }
        if let Some(enc) = &info.enc {
            self.algorithm("enc", &enc.name, &enc.key, None)?;
        }
        if let Some(comp) = &info.comp {
            self.algorithm("comp", &comp.name, &comp.key, None)?;
        }
        if let Some(encap) = &info.encap {
            self.encap(encap, info.saddr)?;
        }
        if let Some(address) = info.coaddr {
            self.line(format_args!("coa {}", Address(address)))?;
        }
        if info.lastused != 0 {
            let time = self.time(info.lastused);
            self.line(format_args!("lastused {time}"))?;
        }
        self.replay(&info.replay)?;
        if let Some(offload) = &info.offload {
            let direction = direction_word(offload.direction);
            let mode = match offload.mode {
                OffloadMode::Crypto => "crypto",
                OffloadMode::Packet => "packet",
            };
            self.line(format_args!("crypto offload parameters: dev {} dir {direction} mode {mode}", offload.dev))?;
        }
        self.if_id(info.if_id)?;
        if info.tfcpad != 0 {
            self.line(format_args!("tfcpad {}", info.tfcpad))?;
        }
        if let Some(direction) = info.dir {
            // This one and the marks stand at the first stop wherever the others are.
            write!(self, "\tdir {}", direction_word(direction))?;
            self.end()?;
        }
        Ok(())
    }

    pub(super) fn policy_attributes(&mut self, info: &PolicyInfo) -> fmt::Result {
        self.marks(info.mark, Mark::default())?;
        for template in &info.templates {
            self.template(template)?;
        }
        if let Some(dev) = &info.offload {
            self.line(format_args!("crypto offload parameters: dev {dev} mode packet"))?;
        }
        self.if_id(info.if_id)
    }

    fn marks(&mut self, mark: Mark, output: Mark) -> fmt::Result {
        let given = |mark: Mark| mark.value != 0 || mark.mask != 0;
        if !given(mark) && !given(output) {
            return Ok(());
        }
        self.write_char('\t')?;
        if given(mark) {
            write!(self, "mark {}/{} ", Hex(mark.value), Hex(mark.mask))?;
        }
        if given(output) {
            write!(self, "output-mark 0x{:x}/0x{:x}", output.value, output.mask)?;
        }
        self.end()
    }

    fn if_id(&mut self, if_id: u32) -> fmt::Result {
        if if_id == 0 { Ok(()) } else { self.line(format_args!("if_id {}", Hex(if_id))) }
    }

    /// __xfrm_algo_print and what comes behind it.
    fn algorithm(&mut self, kind: &str, name: &str, key: &Key, bits: Option<u32>) -> fmt::Result {
        let prefix = self.prefix;
        write!(self, "{prefix}{kind} {name} ")?;
        if self.options.nokeys {
            self.write_str("<<Keys hidden>>")?;
        } else if key.bits() > 0 {
            self.write_str("0x")?;
            for byte in key.expose() {
                write!(self, "{byte:02x}")?;
            }
            if self.stats() {
                write!(self, " ({} bits)", key.bits())?;
            }
        }
        if let Some(bits) = bits {
            write!(self, " {bits}")?;
        }
        self.end()
    }

    /// The original address is printed in the family of the SA, whatever it was given in.
    fn encap(&mut self, encap: &Encap, saddr: IpAddr) -> fmt::Result {
        let kind = match encap.kind {
            EncapKind::EspInUdp => "espinudp",
            EncapKind::EspInUdpNonIke => "espinudp-nonike",
            EncapKind::EspInTcp => "espintcp",
        };
        let address = Address(in_family_of(encap.oaddr, saddr));
        self.line(format_args!("encap type {kind} sport {} dport {} addr {address}", encap.sport, encap.dport))
    }

    fn replay(&mut self, replay: &Replay) -> fmt::Result {
        match replay {
            Replay::Legacy { oseq, seq, bitmap } => {
                self.line(format_args!("anti-replay context: seq 0x{seq:x}, oseq 0x{oseq:x}, bitmap 0x{bitmap:08x}"))
            }
            Replay::Esn { state, replay_window, bitmap } => {
                self.line(format_args!("anti-replay esn context:"))?;
                let (seq_hi, oseq_hi) = (state.seq_hi, state.oseq_hi);
                self.line(format_args!(" seq-hi 0x{seq_hi:x}, seq 0x{:x}, oseq-hi 0x{oseq_hi:x}, oseq 0x{:x}", state.seq, state.oseq))?;
                let prefix = self.prefix;
                write!(self, "{prefix} replay_window {replay_window}, bitmap-length {}", bitmap.len())?;
                // The highest word first, eight in a line.
                for (index, word) in bitmap.iter().rev().enumerate() {
                    if index % 8 == 0 {
                        self.end()?;
                        write!(self, "{prefix} ")?;
                    }
                    write!(self, "{word:08x} ")?;
                }
                self.end()
            }
        }
    }
}

pub(super) fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

/// C's `%#x`: zero has no 0x.
struct Hex(u32);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { f.write_char('0') } else { write!(f, "0x{:x}", self.0) }
    }
}

/// The bytes of `address` as an address of the family of `like` (an xfrm_address_t is a union).
fn in_family_of(address: IpAddr, like: IpAddr) -> IpAddr {
    let mut bytes = [0; 16];
    match address {
        IpAddr::V4(address) => bytes[..4].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => bytes = address.octets(),
    }
    let [a, b, c, d, ..] = bytes;
    if like.is_ipv4() { IpAddr::from([a, b, c, d]) } else { IpAddr::from(bytes) }
}
