//! The two hosts, each a network namespace: `near` is the guest's first one, with the kernel's IPsec; `far` is behind the device.

use std::fs::File;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::os::fd::AsFd;

use crate::command::ip;
use crate::error::{Error, at};
use crate::init::set;

/// A host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The kernel alone.
    Near,
    /// The one behind the device.
    Far,
}

/// The far host's namespace.
pub const FAR: &str = "far";

impl Host {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Host::Near => Host::Far,
            Host::Far => Host::Near,
        }
    }

    /// `ip` with these words, in its namespace.
    pub fn ip(self, line: &str) -> Result<String, Error> {
        match self {
            Host::Near => ip(line),
            Host::Far => ip(&format!("-n {FAR} {line}")),
        }
    }

    /// Its interface towards the other one.
    pub const fn device(self) -> &'static str {
        match self {
            Host::Near => "eth0",
            Host::Far => "nic0",
        }
    }

    /// The MAC address of its interface.
    pub const fn mac(self) -> &'static str {
        match self {
            Host::Near => "02:00:00:00:00:01",
            Host::Far => "02:00:00:00:00:02",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Host::Near => 1,
            Host::Far => 2,
        }
    }

    /// Its address on the wire.
    pub fn outer(self, family: Family) -> String {
        match family {
            Family::Ipv4 => format!("10.9.0.{}", self.number()),
            Family::Ipv6 => format!("fd09::{}", self.number()),
        }
    }

    /// Its address inside a tunnel.
    pub fn inner(self, family: Family) -> String {
        match family {
            Family::Ipv4 => format!("192.168.{}.1", self.number()),
            Family::Ipv6 => format!("fd0{}::1", self.number()),
        }
    }

    /// The network that its inner address is in.
    pub fn network(self, family: Family) -> String {
        match family {
            Family::Ipv4 => format!("192.168.{}.0/24", self.number()),
            Family::Ipv6 => format!("fd0{}::/64", self.number()),
        }
    }

    /// Runs `work` on a thread of its own in this host's namespace.
    pub fn on<T: Send>(self, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        thread::scope(|scope| {
            let thread = scope.spawn(move || {
                self.enter()?;
                work()
            });
            thread.join().unwrap_or_else(|_| Err(Error::Wrong("a thread of the test panicked".into())))
        })
    }

    /// Moves the calling thread into its namespace.
    pub fn enter(self) -> Result<(), Error> {
        if self == Host::Near {
            return Ok(());
        }
        let path = format!("/run/netns/{FAR}");
        let file = File::open(&path).map_err(at(path.clone()))?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|error| at(path)(error.into()))
    }

    /// Gives its interface addresses, and routes to the other's; packets that it makes are no longer than `mtu`, if one is given. Neighbours over IPv6
    /// are told: their discovery would be traffic between the hosts like any other, and be protected.
    pub fn configure(self, mtu: Option<u32>) -> Result<(), Error> {
        let (device, other) = (self.device(), self.other());
        let mtu = mtu.map_or(String::new(), |mtu| format!("mtu {mtu}"));
        self.ip("link set lo up")?;
        self.ip(&format!("link set {device} up"))?;
        for (family, nodad) in [(Family::Ipv4, ""), (Family::Ipv6, "nodad")] {
            let (inner, outer) = (self.inner(family), self.outer(family));
            for address in [&inner, &outer] {
                self.ip(&format!("addr replace {address} dev {device} {nodad}"))?;
            }
            for (to, from) in [(other.outer(family), outer), (other.network(family), inner)] {
                let version = if family == Family::Ipv4 { "-4" } else { "-6" };
                let via = if to == other.outer(family) { String::new() } else { format!("via {}", other.outer(family)) };
                self.ip(&format!("{version} route replace {to} {via} dev {device} src {from} {mtu}"))?;
            }
        }
        self.ip(&format!("neigh replace {} lladdr {} dev {device} nud permanent", other.outer(Family::Ipv6), other.mac()))?;
        Ok(())
    }

    /// Keeps IPv6 from talking by itself on interfaces that are to come.
    pub fn quiet(self) -> Result<(), Error> {
        self.on(|| {
            for (name, value) in [("accept_ra", "0"), ("router_solicitations", "0"), ("accept_dad", "0"), ("dad_transmits", "0")] {
                set(format!("/proc/sys/net/ipv6/conf/default/{name}"), value)?;
            }
            Ok(())
        })
    }
}

/// Version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// 4
    Ipv4,
    /// 6
    Ipv6,
}

impl Family {
    /// As it stands in names of tests.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        }
    }
}
