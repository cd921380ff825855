//! Everything that counts a loss, on both hosts.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::case::Offload;
use super::stack::Stack;
use crate::command;
use crate::error::{Error, at, ensure};
use crate::host::Host;

/// Losses so far, by name.
pub struct Losses(BTreeMap<String, u64>);

impl Losses {
    /// Reads all of them; `far` does ESP on the far host.
    pub fn read(far: Stack) -> Result<Self, Error> {
        let mut losses = BTreeMap::new();
        for host in [Host::Near, Host::Far] {
            host.on(|| kernel(host, &mut losses))?;
        }
        if far == Stack::Espalier {
            device(&mut losses)?;
        }
        Ok(Self(losses))
    }

    /// What has been lost since `before`.
    pub fn since(&self, before: &Self) -> Vec<String> {
        let new = self.0.iter().filter_map(|(name, count)| {
            let more = count - before.0.get(name).copied().unwrap_or(0).min(*count);
            (more > 0).then(|| format!("{name} {more}"))
        });
        new.collect()
    }
}

/// A host's kernel: /proc/net/xfrm_stat, every line of which is a fault, and what its interface drops.
fn kernel(host: Host, losses: &mut BTreeMap<String, u64>) -> Result<(), Error> {
    let read = |name: &str| {
        let path = format!("/proc/thread-self/net/{name}");
        fs::read_to_string(&path).map_err(at(path))
    };
    let who = if host == Host::Near { "near" } else { "far" };
    for line in read("xfrm_stat")?.lines() {
        if let Some((name, count)) = line.split_once(char::is_whitespace) {
            losses.insert(format!("{who} {name}"), count.trim().parse().unwrap_or(0));
        }
    }
    for line in read("dev")?.lines() {
        let Some((name, counts)) = line.split_once(':') else { continue };
        if name.trim() != host.device() {
            continue;
        }
        // bytes packets errs drop fifo frame compressed multicast, received and then sent
        let counts: Vec<u64> = counts.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        for (at, what) in [(2, "received errors"), (3, "received dropped"), (10, "sent errors"), (11, "sent dropped")] {
            losses.insert(format!("{who} {} {what}", host.device()), counts.get(at).copied().unwrap_or(0));
        }
    }
    Ok(())
}

/// The counters of the device, of the core above it and of the daemon's path that tell of a loss.
fn device(losses: &mut BTreeMap<String, u64>) -> Result<(), Error> {
    for group in ["counters", "mib", "path", "recovery"] {
        for (name, count) in numbers(group)? {
            // Of the core's counters every one is a loss.
            if group == "mib"
                || group == "recovery"
                || ["drop", "failed", "lost", "error", "unsupported"].iter().any(|word| name.contains(word))
            {
                losses.insert(format!("far {name}"), count);
            }
        }
    }
    Ok(())
}

/// A group of numbers that `espalier stats` tells.
fn numbers(group: &str) -> Result<BTreeMap<String, u64>, Error> {
    let text = command::run("espalier", ["stats", "--json"])?;
    let stats: Value = serde_json::from_str(&text).map_err(|error| Error::Wrong(format!("espalier stats: {error}: {text}")))?;
    let numbers = stats.get(group).and_then(Value::as_object);
    let numbers: BTreeMap<_, _> = numbers.into_iter().flatten().map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0))).collect();
    ensure(!numbers.is_empty(), || format!("espalier stats has no {group}: {text}"))?;
    Ok(numbers)
}

/// Packets that the device has done the ESP of, both ways; 0 where there is none.
pub fn offloaded(offload: Offload) -> Result<u64, Error> {
    let names = match offload {
        Offload::None => return Ok(0),
        Offload::Packet => ["tx_protected", "rx_decrypted"],
        Offload::Crypto => ["tx_crypto", "rx_crypto"],
    };
    let counters = numbers("counters")?;
    Ok(names.iter().filter_map(|name| counters.get(*name)).sum())
}

/// Segments that a host's TCP has sent again.
pub fn retransmitted(host: Host) -> Result<u64, Error> {
    host.on(|| {
        let path = "/proc/thread-self/net/snmp";
        let text = fs::read_to_string(path).map_err(at(path))?;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let mut pairs = names.split(' ').zip(values.split(' '));
        let count = pairs.find(|(name, _)| *name == "RetransSegs").and_then(|(_, value)| value.parse().ok());
        count.ok_or_else(|| Error::Wrong(format!("no RetransSegs in {path}")))
    })
}
