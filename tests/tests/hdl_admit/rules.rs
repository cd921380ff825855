//! The tables, and what becomes of a frame with them.

use std::net::IpAddr;

use espalier_hdl::admit::LOCAL_ADDRESSES;
use espalier_hdl::records::{Accept, LocalAddress, Meta, Policy, SaSelector, Selector, action};
use espalier_reference_model::headers::Headers;
use espalier_regs::Event;
use espalier_regs::tuser::crypto_status;
use rust_hdl::prelude::{Bits, ToBits};

/// Address bits of the SA tables, and of a bank of policies.
pub const A: usize = 4;
pub const R: usize = 3;
pub const SAS: usize = 1 << A;
pub const G: usize = 2;
pub const POLICIES: usize = (4 * G) << R;

/// A write of one of the tables.
#[derive(Clone, Debug)]
pub enum Write {
    Policy(usize, Policy),
    Local(usize, LocalAddress),
    /// With its mode; gives the number a new generation.
    Sa(usize, bool),
    Selector(usize, SaSelector),
    Accept(usize, u64),
}

/// An SA as the stage knows it.
#[derive(Clone, Debug, Default)]
pub struct Sa {
    pub generation: u16,
    pub tunnel: bool,
    pub selector: SaSelector,
    pub accepts: u64,
}

/// What was written last.
#[derive(Clone, Debug)]
pub struct Tables {
    pub policies: Vec<Policy>,
    pub locals: [LocalAddress; LOCAL_ADDRESSES],
    pub sas: Vec<Sa>,
    sa_writes: u16,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            policies: vec![Policy::default(); POLICIES],
            locals: [LocalAddress::default(); LOCAL_ADDRESSES],
            sas: vec![Sa::default(); SAS],
            sa_writes: 0,
        }
    }
}

impl Tables {
    pub fn apply(&mut self, write: &Write) {
        match *write {
            Write::Policy(index, policy) => self.policies[index] = policy,
            Write::Local(index, local) => self.locals[index] = local,
            Write::Sa(index, tunnel) => {
                self.sas[index].generation = self.sa_writes;
                self.sas[index].tunnel = tunnel;
                self.sa_writes = self.sa_writes.wrapping_add(1);
            }
            Write::Selector(index, selector) => self.sas[index].selector = selector,
            Write::Accept(index, accepts) => self.sas[index].accepts = accepts,
        }
    }

    /// After a reset: the SAs stay.
    pub fn reset(&mut self) {
        let sas = std::mem::take(&mut self.sas);
        *self = Self { sas, sa_writes: self.sa_writes, ..Self::default() };
    }

    fn is_local(&self, dst: IpAddr, packet: &Selector) -> bool {
        let group = match dst {
            IpAddr::V4(dst) => dst.is_multicast() || dst.is_broadcast(),
            IpAddr::V6(dst) => dst.is_multicast(),
        };
        let mut used = self.locals.iter().filter(|local| local.valid).peekable();
        group || used.peek().is_none() || used.any(|local| local.v6 == packet.v6 && local.address == packet.dst)
    }

    /// The one outcome of a frame; see the rules of `espalier_hdl::admit`.
    pub fn outcome(&self, frame: &[u8], meta: &Meta) -> Event {
        let found = Headers::parse(frame);
        let says_esp = found.protocol == 50 || found.esp.is_some();
        let passed = if meta.crypto {
            if meta.status == u64::from(crypto_status::SUCCESS) { Event::RxCrypto } else { Event::RxCryptoFailed }
        } else if meta.is_protected {
            Event::RxDecrypted
        } else if meta.unsupported {
            Event::RxUnsupported
        } else {
            Event::RxBypassed
        };
        if meta.crypto || !meta.is_protected && (found.malformed || says_esp) || !found.malformed && !found.is_ip() {
            return passed;
        }
        let (sport, dport) = found.ports.unwrap_or_default();
        let mut packet = Selector {
            v6: found.is_v6,
            forward: false,
            src: bits(found.src),
            dst: bits(found.dst),
            protocol: u64::from(found.protocol).into(),
            sport: u64::from(sport).into(),
            dport: u64::from(dport).into(),
        };
        let sa = meta.is_protected.then(|| &self.sas[u64::from(meta.sa) as usize]);
        if let Some(sa) = sa {
            if meta.generation != u64::from(sa.generation) {
                return Event::RxDropNoSa;
            }
            if found.malformed {
                return Event::RxDropMalformed;
            }
            let SaSelector { value, mask, any_family } = &sa.selector;
            if !(*any_family || value.v6 == packet.v6) || !agrees(value, mask, &packet) {
                return Event::RxDropSelector;
            }
        }
        packet.forward = !self.is_local(found.dst, &packet);
        let tunnel = sa.is_some_and(|sa| sa.tunnel);
        let matching = self.policies.iter().enumerate().filter(|(_, policy)| {
            let Policy { valid, value, mask, .. } = policy;
            *valid && value.v6 == packet.v6 && value.forward == packet.forward && agrees(value, mask, &packet)
        });
        let Some((index, policy)) = matching.min_by_key(|(_, policy)| policy.order) else {
            return if tunnel { Event::RxDropNoPolicy } else { passed };
        };
        if policy.action == action::BLOCK {
            return Event::RxDropPolicyBlock;
        }
        let may_lack = (policy.action == action::BYPASS || policy.optional) && !tunnel;
        let satisfied = policy.action == action::PROTECT && sa.is_some_and(|sa| sa.accepts >> index & 1 == 1);
        if may_lack || satisfied { passed } else { Event::RxDropTemplate }
    }
}

/// Whether an outcome lets the frame pass.
pub fn passes(event: Event) -> bool {
    use Event::{RxBypassed, RxCrypto, RxCryptoFailed, RxDecrypted, RxUnsupported};
    matches!(event, RxBypassed | RxDecrypted | RxCrypto | RxCryptoFailed | RxUnsupported)
}

/// The address in a record's form.
pub fn bits(ip: IpAddr) -> Bits<128> {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()).to_bits(),
        IpAddr::V6(ip) => ip.to_bits().to_bits(),
    }
}

/// The record of an [`Sa::accepts`].
pub fn accept(policies: u64) -> Accept {
    Accept { policies: policies.into() }
}

/// Every field but family and direction.
fn agrees(value: &Selector, mask: &Selector, packet: &Selector) -> bool {
    value.src & mask.src == packet.src & mask.src
        && value.dst & mask.dst == packet.dst & mask.dst
        && value.protocol & mask.protocol == packet.protocol & mask.protocol
        && value.sport & mask.sport == packet.sport & mask.sport
        && value.dport & mask.dport == packet.dport & mask.dport
}
