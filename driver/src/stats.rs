//! What a device has counted, as `espalier stats` tells it.

use std::net::IpAddr;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::bus::Bus;
use crate::device::Device;
use crate::error::Error;
use crate::ops::Mib;
use crate::sa::{Sa, SaState};
use crate::xfrm::{Direction, Mode, OffloadMode};

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The interface.
    pub device: String,
    /// Each SA, the oldest first.
    pub sas: Vec<SaStats>,
    /// Every name of /proc/net/xfrm_stat, in the kernel's order: what this device counted of it.
    pub mib: Named,
    /// Every counter of the device, in the order of the registers: one cause each.
    pub counters: Named,
}

/// Numbers by name, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named(pub Vec<(&'static str, u64)>);

impl Named {
    /// The number of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
    }
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, number) in &self.0 {
            map.serialize_entry(name, number)?;
        }
        map.end()
    }
}

/// An SA and what went through it since it was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaStats {
    /// `in`, `out`.
    pub direction: &'static str,
    /// `packet`, `crypto`.
    pub offload: &'static str,
    /// `transport`, `tunnel`.
    pub mode: &'static str,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Security parameters index.
    pub spi: u32,
    /// Request id.
    pub reqid: u32,
    /// Number in the device's table.
    pub index: u16,
    /// The last number used (out), the highest accepted (in).
    pub sequence: u64,
    /// Packets that passed.
    pub packets: u64,
    /// Their bytes of ESP payload, without trailer.
    pub bytes: u64,
    /// A soft limit was reached.
    pub soft_limit_reached: bool,
    /// A hard limit was reached: nothing passes any more.
    pub hard_limit_reached: bool,
    /// Inbound: duplicates.
    pub replay: u32,
    /// Inbound: packets left of the window.
    pub replay_window: u32,
    /// Inbound: packets whose ICV did not fit.
    pub integrity_failed: u32,
}

impl SaStats {
    fn new(sa: &Sa, state: SaState) -> Self {
        Self {
            direction: match sa.direction {
                Direction::In => "in",
                Direction::Out => "out",
            },
            offload: match sa.offload {
                OffloadMode::Packet => "packet",
                OffloadMode::Crypto => "crypto",
            },
            // No other mode passes the checks.
            mode: if sa.mode == Mode::Tunnel { "tunnel" } else { "transport" },
            src: sa.saddr,
            dst: sa.id.daddr,
            spi: sa.id.spi,
            reqid: sa.reqid,
            index: sa.index,
            sequence: state.sequence,
            packets: state.packets,
            bytes: state.bytes,
            soft_limit_reached: state.soft,
            hard_limit_reached: state.hard,
            replay: state.replay,
            replay_window: state.replay_window,
            integrity_failed: state.integrity_failed,
        }
    }
}

impl<B: Bus> Device<B> {
    /// Reads everything that the device counts: SA by SA, then the counters.
    ///
    /// # Errors
    /// As for any command.
    pub fn stats(&mut self) -> Result<Stats, Error> {
        let installed: Vec<Sa> = self.sas().cloned().collect();
        let sas = installed.iter().map(|sa| Ok(SaStats::new(sa, self.sa_state(sa.handle)?))).collect::<Result<_, Error>>()?;
        let counters = self.counters()?;
        Ok(Stats {
            device: self.name().to_owned(),
            sas,
            mib: Named(Mib::ALL.iter().map(|mib| (mib.name(), counters.mib(mib.name()))).collect()),
            counters: Named(counters.iter().map(|(event, count)| (event.name(), count)).collect()),
        })
    }
}
