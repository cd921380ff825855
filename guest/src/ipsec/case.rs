//! What is tried: modes, families, keys, windows; as commands of `ip xfrm`.

use rustix::rand::{GetRandomFlags, getrandom};

use super::stack::Stack;
use crate::error::{Error, at};
use crate::host::{Family, Host};

/// Where the far host's ESP is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// In its kernel, over a pair of virtual interfaces: no device.
    None,
    /// `offload packet`
    Packet,
    /// `offload crypto`
    Crypto,
}

/// RFC 4301 section 3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Between the hosts' inner addresses.
    Tunnel,
    /// Between their outer ones.
    Transport,
}

/// One way to protect what goes between the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The far host's.
    pub offload: Offload,
    /// Of both SAs.
    pub mode: Mode,
    /// The addresses that ESP goes between.
    pub outer: Family,
    /// The addresses that are protected; in transport mode the same.
    pub inner: Family,
    /// Of AES.
    pub key_bits: u16,
    /// Extended sequence numbers with a window of this many packets; none: 32 bits, a window of 32.
    pub esn: Option<u16>,
    /// ESP in UDP, RFC 3948.
    pub nat_t: bool,
    /// New keys while there is traffic.
    pub rekey: bool,
}

impl Case {
    /// The plainest that the device does all of.
    pub const fn tunnel() -> Self {
        let (outer, inner) = (Family::Ipv4, Family::Ipv4);
        Self { offload: Offload::Packet, mode: Mode::Tunnel, outer, inner, key_bits: 256, esn: Some(128), nat_t: false, rekey: false }
    }

    /// As in the table of results.
    pub fn name(&self) -> String {
        let mut parts = vec![match self.offload {
            Offload::None => "kernel".to_owned(),
            Offload::Packet => "ipsec/packet".to_owned(),
            Offload::Crypto => "ipsec/crypto".to_owned(),
        }];
        let mode = match self.mode {
            Mode::Tunnel => "tunnel",
            Mode::Transport => "transport",
        };
        let (inner, outer) = (self.inner.name(), self.outer.name());
        parts.push(mode.into());
        parts.push(if inner == outer { inner.into() } else { format!("{inner}-in-{outer}") });
        parts.push(format!("aes-{}", self.key_bits));
        parts.extend(self.esn.map(|window| format!("esn-{window}")));
        parts.extend(self.nat_t.then(|| "nat-t".into()));
        parts.extend(self.rekey.then(|| "rekey".into()));
        parts.join("/")
    }

    /// The far host's ESP.
    pub const fn far_stack(&self) -> Stack {
        match self.offload {
            Offload::None => Stack::Kernel,
            Offload::Packet | Offload::Crypto => Stack::Espalier,
        }
    }

    /// The address at which `host` is pinged.
    pub fn address(&self, host: Host) -> String {
        match self.mode {
            Mode::Tunnel => host.inner(self.inner),
            Mode::Transport => host.outer(self.outer),
        }
    }

    fn selector(&self, host: Host) -> String {
        match self.mode {
            Mode::Tunnel => host.network(self.inner),
            Mode::Transport => host.outer(self.outer),
        }
    }

    const fn mode_word(&self) -> &'static str {
        match self.mode {
            Mode::Tunnel => "tunnel",
            Mode::Transport => "transport",
        }
    }

    /// `offload MODE dev DEVICE`, where `at` has a device that does ESP.
    fn offload_words(&self, at: Host) -> Option<String> {
        let device = at.device();
        match (at, self.offload) {
            (Host::Near, _) | (_, Offload::None) => None,
            (Host::Far, Offload::Packet) => Some(format!("offload packet dev {device}")),
            (Host::Far, Offload::Crypto) => Some(format!("offload crypto dev {device}")),
        }
    }

    /// The command for `at` that adds `sa`.
    pub fn state_add(&self, at: Host, sa: &Sa) -> String {
        let (src, dst) = (sa.from.outer(self.outer), sa.from.other().outer(self.outer));
        let Sa { spi, reqid, key, .. } = sa;
        let mut line = format!("xfrm state add src {src} dst {dst} proto esp spi {spi:#x} reqid {reqid} mode {}", self.mode_word());
        line += &format!(" replay-window {}", self.esn.unwrap_or(32));
        // Without af-unspec an SA's selector is of the family that ESP goes over.
        let flags = [self.esn.map(|_| "esn"), (self.inner != self.outer).then_some("af-unspec")];
        flags.into_iter().flatten().for_each(|flag| line += &format!(" flag {flag}"));
        if self.nat_t {
            line += " encap espinudp 4500 4500 0.0.0.0";
        }
        line += &format!(" aead rfc4106(gcm(aes)) {key} 128");
        if let Some(offload) = self.offload_words(at) {
            line += &format!(" {offload} dir {}", direction(at, sa.from));
        }
        line
    }

    /// The command for `at` that deletes `sa`.
    pub fn state_delete(&self, sa: &Sa) -> String {
        let (src, dst) = (sa.from.outer(self.outer), sa.from.other().outer(self.outer));
        format!("xfrm state delete src {src} dst {dst} proto esp spi {:#x}", sa.spi)
    }

    /// The command for `at` that adds the policy for what goes from `from`.
    pub fn policy_add(&self, at: Host, from: Host) -> String {
        let to = from.other();
        let mut line = format!(
            "xfrm policy add src {} dst {} dir {} priority 2 tmpl src {} dst {} proto esp reqid {} mode {}",
            self.selector(from),
            self.selector(to),
            direction(at, from),
            from.outer(self.outer),
            to.outer(self.outer),
            reqid(from),
            self.mode_word()
        );
        if let (Some(offload), Offload::Packet) = (self.offload_words(at), self.offload) {
            line += &format!(" {offload}");
        }
        line
    }

    /// The command that lets ESP in UDP through an inbound policy of the kernel, which looks at the UDP packet too. (A key daemon has
    /// such a policy for its socket, which then takes ESP out.)
    pub fn bypass_add(&self, at: Host) -> Option<String> {
        let (src, dst) = (at.other().outer(self.outer), at.outer(self.outer));
        self.nat_t.then(|| format!("xfrm policy add src {src} dst {dst} proto 17 sport 4500 dport 4500 dir in priority 1"))
    }
}

fn direction(at: Host, from: Host) -> &'static str {
    if at == from { "out" } else { "in" }
}

const fn reqid(from: Host) -> u32 {
    match from {
        Host::Near => 1,
        Host::Far => 2,
    }
}

/// A security association, the same on both hosts.
pub struct Sa {
    /// Who sends with it.
    pub from: Host,
    /// RFC 4303 section 2.1.
    pub spi: u32,
    reqid: u32,
    /// Key and salt (RFC 4106 section 8.1), as ip takes them. Random, and known to nobody outside of this guest.
    key: String,
}

impl Sa {
    /// With a random key; `number` makes the SPI.
    pub fn new(from: Host, number: u32, key_bits: u16) -> Result<Self, Error> {
        let mut bytes = vec![0; usize::from(key_bits) / 8 + 4];
        getrandom(&mut bytes[..], GetRandomFlags::empty()).map_err(|error| at("random key")(error.into()))?;
        let key = bytes.iter().fold(String::from("0x"), |text, byte| text + &format!("{byte:02x}"));
        Ok(Self { from, spi: (reqid(from) << 12) + number, reqid: reqid(from), key })
    }
}

/// All cases; `quick`: fewer, but each mode, family, key size and kind.
pub fn cases(quick: bool) -> Vec<Case> {
    use Family::{Ipv4, Ipv6};
    let modes = [(Mode::Tunnel, Ipv4), (Mode::Transport, Ipv4), (Mode::Tunnel, Ipv6), (Mode::Transport, Ipv6)];
    let mut cases = Vec::new();
    for offload in [Offload::None, Offload::Packet, Offload::Crypto] {
        let plain = |(mode, family), key_bits| Case {
            offload,
            mode,
            outer: family,
            inner: family,
            key_bits,
            esn: None,
            nat_t: false,
            rekey: false,
        };
        let few = quick || offload == Offload::None;
        for (number, mode) in modes.into_iter().enumerate() {
            for (at, key_bits) in [128, 192, 256].into_iter().enumerate() {
                // Of the few, each mode with another size.
                if !few || number % 3 == at {
                    cases.push(plain(mode, key_bits));
                }
            }
        }
        for (number, mode) in modes.into_iter().enumerate() {
            for (at, window) in [128, 512, 4096].into_iter().enumerate() {
                if !few || number % 3 == at {
                    cases.push(Case { esn: Some(window), ..plain(mode, 256) });
                }
            }
        }
        cases.push(Case { inner: Ipv6, ..plain(modes[0], 256) });
        cases.push(Case { inner: Ipv4, ..plain(modes[2], 256) });
        cases.extend(modes[..2].iter().map(|mode| Case { nat_t: true, ..plain(*mode, 128) }));
        cases.extend([modes[0], modes[3]].map(|mode| Case { rekey: true, esn: Some(128), ..plain(mode, 256) }));
    }
    cases
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own_and_quick_leaves_no_kind_out() {
        let (all, quick) = (cases(false), cases(true));
        let names: BTreeSet<_> = all.iter().map(Case::name).collect();
        assert_eq!(names.len(), all.len());
        assert!(quick.len() < all.len() && quick.iter().all(|case| all.contains(case)));
        for offload in [Offload::None, Offload::Packet, Offload::Crypto] {
            let of = || quick.iter().filter(|case| case.offload == offload);
            for mode in [Mode::Tunnel, Mode::Transport] {
                for family in [Family::Ipv4, Family::Ipv6] {
                    assert!(of().any(|case| case.mode == mode && case.outer == family && case.esn.is_none()));
                    assert!(of().any(|case| case.mode == mode && case.outer == family && case.esn.is_some()));
                }
                assert!(of().any(|case| case.mode == mode && case.nat_t));
                assert!(of().any(|case| case.mode == mode && case.rekey));
            }
            assert!([128, 192, 256].iter().all(|bits| of().any(|case| case.key_bits == *bits)));
            assert!([128, 512, 4096].iter().all(|window| of().any(|case| case.esn == Some(*window))));
        }
    }

    #[test]
    fn commands_as_ip_takes_them() {
        let case = Case {
            offload: Offload::Packet,
            mode: Mode::Tunnel,
            outer: Family::Ipv4,
            inner: Family::Ipv6,
            key_bits: 128,
            esn: Some(128),
            nat_t: true,
            rekey: false,
        };
        let sa = Sa { from: Host::Near, spi: 0x1001, reqid: 1, key: "0x00".into() };
        let add = "xfrm state add src 10.9.0.1 dst 10.9.0.2 proto esp spi 0x1001 reqid 1 mode tunnel replay-window 128 flag esn \
                   flag af-unspec encap espinudp 4500 4500 0.0.0.0 aead rfc4106(gcm(aes)) 0x00 128";
        assert_eq!(case.state_add(Host::Near, &sa), add);
        assert_eq!(case.state_add(Host::Far, &sa), format!("{add} offload packet dev nic0 dir in"));
        let policy =
            "xfrm policy add src fd02::/64 dst fd01::/64 dir out priority 2 tmpl src 10.9.0.2 dst 10.9.0.1 proto esp reqid 2 mode tunnel";
        assert_eq!(case.policy_add(Host::Far, Host::Far), format!("{policy} offload packet dev nic0"));
        assert_eq!(case.policy_add(Host::Near, Host::Far), policy.replace("dir out", "dir in"));
    }
}
