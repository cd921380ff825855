//! The hosts as a group of tests needs them.

use std::net::UdpSocket;

use crate::command::ip;
use crate::error::Error;
use crate::host::{FAR, Host};
use crate::ipsec::encap;

/// Of Ethernet. What the device's ESP adds has to fit as well: there the far host has less.
const MTU: u32 = 1500;

/// Two hosts joined by a pair of virtual interfaces.
pub struct Pair {
    _encap: [UdpSocket; 2],
}

impl Pair {
    /// Sets them up. The wire's interface steps aside meanwhile.
    pub fn new() -> Result<Self, Error> {
        ip(&format!("netns add {FAR}"))?;
        Host::Near.quiet()?;
        Host::Far.quiet()?;
        let (near, far) = (Host::Near, Host::Far);
        let _ = ip("link set eth0 name wire0");
        ip(&format!(
            "link add {} address {} type veth peer name {} address {} netns {FAR}",
            near.device(),
            near.mac(),
            far.device(),
            far.mac()
        ))?;
        near.configure(MTU)?;
        far.configure(MTU)?;
        Ok(Self { _encap: [encap::socket(near)?, encap::socket(far)?] })
    }

    /// Takes them down.
    pub fn end(self) -> Result<(), Error> {
        // A socket would keep the namespace.
        drop(self);
        ip(&format!("netns del {FAR}"))?;
        // The pair may be gone with the namespace.
        let _ = ip("link del eth0");
        let _ = ip("link set wire0 name eth0");
        Ok(())
    }
}
