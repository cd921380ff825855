//! A case from its SAs to the counts in the end.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::case::{Case, Offload, Sa};
use super::counters::{Losses, offloaded, retransmitted};
use super::rekey;
use super::stack::Stack;
use crate::error::{Error, at, ensure};
use crate::host::{Family, Host};
use crate::traffic::ping::Pinger;
use crate::traffic::tcp;
use espalier_guest::report::Facts;

/// Bytes each way.
const TCP_BYTES: usize = 1 << 20;
/// The longest echo that is one packet between the hosts: their MTU without ICMP's header. The IP header goes off too.
const LARGEST: usize = 1400 - 8;

/// The longest that a packet may be under way: in rings, queues and sockets before a slow simulator.
const UNDER_WAY: Duration = Duration::from_secs(10);

/// The two SAs between the hosts: near to far, far to near.
pub struct Pair {
    /// What the near host sends with.
    pub near: Sa,
    /// What the far host sends with.
    pub far: Sa,
}

impl Pair {
    /// With random keys.
    pub fn new(number: u32, key_bits: u16) -> Result<Self, Error> {
        Ok(Self { near: Sa::new(Host::Near, number, key_bits)?, far: Sa::new(Host::Far, number, key_bits)? })
    }

    /// The SA that `host` sends with.
    pub fn sa(&self, host: Host) -> &Sa {
        match host {
            Host::Near => &self.near,
            Host::Far => &self.far,
        }
    }
}

/// Protects what goes between the hosts as the case says, sends pings and TCP both ways, and looks at everything that was counted.
///
/// # Errors
/// Anything lost, altered, or not protected.
pub fn run(case: &Case, quick: bool, facts: &mut Facts) -> Result<(), Error> {
    let result = protected(case, quick, facts);
    // The next case begins with nothing, whatever came of this one.
    for host in [Host::Near, Host::Far] {
        flush(case, host)?;
    }
    result
}

/// Nothing is left on a host of what [`program`] did.
pub fn flush(case: &Case, host: Host) -> Result<(), Error> {
    for what in ["policy", "state"] {
        stack(case, host).xfrm(host, &format!("xfrm {what} flush"))?;
    }
    Ok(())
}

/// The SAs and policies of a case, on both hosts.
pub fn program(case: &Case) -> Result<Pair, Error> {
    let pair = Pair::new(1, case.key_bits)?;
    for host in [Host::Near, Host::Far] {
        for from in [Host::Near, Host::Far] {
            stack(case, host).xfrm(host, &case.state_add(host, pair.sa(from)))?;
        }
        for from in [Host::Near, Host::Far] {
            stack(case, host).xfrm(host, &case.policy_add(host, from))?;
        }
        if let (Stack::Kernel, Some(bypass)) = (stack(case, host), case.bypass_add(host)) {
            host.ip(&bypass)?;
        }
    }
    Ok(pair)
}

fn protected(case: &Case, quick: bool, facts: &mut Facts) -> Result<(), Error> {
    let far = case.far_stack();
    let mut pair = program(case)?;
    let before = Losses::read(far)?;
    let offloaded_before = offloaded(case.offload)?;
    let again = [retransmitted(Host::Near)?, retransmitted(Host::Far)?];
    let counted = if case.rekey {
        rekey::traffic(case, &mut pair, facts)
    } else {
        traffic(case, quick, facts).and_then(|()| packets_of(case, &pair))
    };
    // Where something was lost says more than that it was.
    let lost = Losses::read(far)?.since(&before);
    let counted = counted.map_err(|error| Error::Wrong(format!("{error}; lost: {}", lost.join(", "))))?;
    ensure(lost.is_empty(), || format!("lost: {}", lost.join(", ")))?;
    facts.insert("packets".into(), counted.0.into());
    // That `offload` was accepted is no proof that it is done.
    if case.offload != Offload::None {
        let offloaded = offloaded(case.offload)? - offloaded_before;
        ensure(offloaded == counted.0, || format!("of {} packets the device did {offloaded}", counted.0))?;
    }
    let again = retransmitted(Host::Near)? + retransmitted(Host::Far)? - again[0] - again[1];
    facts.insert("retransmitted".into(), again.into());
    ensure(counted.0 > 0, || "no packet was protected".into())
}

/// Packets that were sent by ESP, and all received.
#[derive(Clone, Copy, Default)]
pub struct Packets(pub u64);

impl std::ops::Add for Packets {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

/// What the SAs have counted; both ends must have counted the same.
pub fn packets_of(case: &Case, pair: &Pair) -> Result<Packets, Error> {
    let mut all = Packets::default();
    for from in [Host::Near, Host::Far] {
        let spi = pair.sa(from).spi;
        // What was sent may be under way yet.
        let end = Instant::now() + UNDER_WAY;
        let (sent, received) = loop {
            let received = stack(case, from.other()).packets(from.other(), spi)?;
            let sent = stack(case, from).packets(from, spi)?;
            if received == sent || Instant::now() > end {
                break (sent, received);
            }
            thread::sleep(Duration::from_millis(50));
        };
        ensure(sent == received, || format!("SPI {spi:#x}: {sent} packets sent, {received} received"))?;
        ensure(sent > 0, || format!("SPI {spi:#x}: nothing was sent"))?;
        all = all + Packets(sent);
    }
    Ok(all)
}

fn traffic(case: &Case, quick: bool, facts: &mut Facts) -> Result<(), Error> {
    let header = if case.inner == Family::Ipv4 { 20 } else { 40 };
    let mut times = Vec::new();
    for from in [Host::Near, Host::Far] {
        let mut pinger = Pinger::new(from, address(case, from.other())?, 1)?;
        for size in sizes(quick, LARGEST - header) {
            times.push(pinger.ping(size)?);
        }
    }
    times.sort();
    facts.insert("pings".into(), times.len().into());
    facts.insert("median ms".into(), milliseconds(times[times.len() / 2]));
    for client in [Host::Near, Host::Far] {
        let time = tcp::exchange(client, address(case, client.other())?, TCP_BYTES)?;
        facts.insert(format!("tcp from {} ms", if client == Host::Near { "near" } else { "far" }), milliseconds(time));
    }
    Ok(())
}

/// Every remainder by 16 at both ends, which is every length of the padding and every place of the trailer; in between some, or (not
/// `quick`) many.
fn sizes(quick: bool, largest: usize) -> Vec<usize> {
    let step = if quick { 333 } else { 37 };
    (0..17).chain((17..largest - 17).step_by(step)).chain(largest - 17..=largest).collect()
}

/// To two digits.
pub fn milliseconds(time: Duration) -> serde_json::Value {
    ((time.as_secs_f64() * 1e5).round() / 100.0).into()
}

/// The address at which `host` is reached under protection.
pub fn address(case: &Case, host: Host) -> Result<IpAddr, Error> {
    let text = case.address(host);
    text.parse().map_err(|error| at(text)(std::io::Error::other(error)))
}

/// The ESP of `host`.
pub const fn stack(case: &Case, host: Host) -> Stack {
    match host {
        Host::Near => Stack::Kernel,
        Host::Far => case.far_stack(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_pings_meet_every_remainder() {
        for quick in [false, true] {
            let sizes = sizes(quick, 1372);
            assert!(sizes.is_sorted() && sizes.first() == Some(&0) && sizes.last() == Some(&1372));
            assert!((0..16).all(|rest| sizes.iter().filter(|size| **size % 16 == rest).count() >= 2));
        }
    }
}
