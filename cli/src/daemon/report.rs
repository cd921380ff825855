//! What the daemon has counted: for `espalier stats`, and for Prometheus.

use std::io::Write;
use std::net::IpAddr;

use espalier_driver::core::XfrmCore;
use espalier_driver::stats::Named;
use espalier_driver::xfrm::info::StateInfo;
use espalier_driver::xfrm::{Direction, Mode, OffloadMode};
use serde::Serialize;

use super::control::ControlCounters;
use super::nic::Nic;
use super::recovery::RecoveryCounters;
use crate::{Failure, tell};

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The interface.
    pub device: String,
    /// Why the device tells nothing, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Each SA of the core, whoever does its ESP.
    pub sas: Vec<SaCount>,
    /// Policies.
    pub policies: u64,
    /// Every name of /proc/net/xfrm_stat: core and device together.
    pub mib: Named,
    /// Every counter of the device.
    pub counters: Named,
    /// The rings.
    pub rings: Named,
    /// The path between TAP and device.
    pub path: Named,
    /// Faults and resets.
    pub recovery: Named,
    /// The control socket.
    pub control: Named,
}

/// An SA and what went through it.
#[derive(Clone, Debug, Serialize)]
pub struct SaCount {
    /// `in`, `out`; nothing where the SA does not say.
    pub direction: &'static str,
    /// `packet`, `crypto`, `software`.
    pub offload: &'static str,
    /// `transport`, `tunnel`.
    pub mode: &'static str,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Security parameters index; 0 of a stub.
    pub spi: u32,
    /// Request id.
    pub reqid: u32,
    /// Packets that passed.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Duplicates.
    pub replay: u32,
    /// Packets left of the window.
    pub replay_window: u32,
    /// Packets whose ICV did not fit.
    pub integrity_failed: u32,
}

impl From<&StateInfo> for SaCount {
    fn from(info: &StateInfo) -> Self {
        let direction = info.dir.or(info.offload.as_ref().map(|offload| offload.direction));
        Self {
            direction: direction.map_or("", |direction| if direction == Direction::In { "in" } else { "out" }),
            offload: match info.offload.as_ref().map(|offload| offload.mode) {
                None => "software",
                Some(OffloadMode::Packet) => "packet",
                Some(_) => "crypto",
            },
            mode: if info.mode == Mode::Tunnel { "tunnel" } else { "transport" },
            src: info.saddr,
            dst: info.id.daddr,
            spi: info.id.spi,
            reqid: info.reqid,
            packets: info.current.packets,
            bytes: info.current.bytes,
            replay: info.stats.replay,
            replay_window: info.stats.replay_window,
            integrity_failed: info.stats.integrity_failed,
        }
    }
}

/// Asks core and device. A device that does not answer is no reason to tell nothing.
pub fn report<N: Nic>(core: &mut XfrmCore<N>, dev: &str, path: Named, recovery: &RecoveryCounters, control: ControlCounters) -> Report {
    let sas = core.state_dump().iter().map(SaCount::from).collect();
    let mib = Named(core.mib().iter().map(|(mib, count)| (mib.name(), count)).collect());
    let (rings, counters) = match core.device_ops(dev) {
        Ok(nic) => (nic.ring_stats(), nic.counters().map_err(|error| error.to_string())),
        Err(error) => (Named(Vec::new()), Err(error.to_string())),
    };
    let ControlCounters { clients, requests, malformed, forgotten } = control;
    let (counters, failure) = match counters {
        Ok(counters) => (Named(counters.iter().map(|(event, count)| (event.name(), count)).collect()), None),
        Err(failure) => (Named(Vec::new()), Some(failure)),
    };
    Report {
        device: dev.to_owned(),
        failure,
        sas,
        policies: core.policy_dump().len() as u64,
        mib,
        counters,
        rings,
        path,
        recovery: recovery.named(),
        control: Named(vec![("clients", clients), ("requests", requests), ("malformed", malformed), ("forgotten", forgotten)]),
    }
}

/// Prints it as tables; of the counters those that are not 0.
///
/// # Errors
/// When the output can't be written.
pub fn print(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    let mut sas = tell::table();
    sas.set_header(["SA", "mode", "offload", "packets", "bytes", "replay", "replay-window", "failed"]);
    for sa in &report.sas {
        sas.add_row([
            format!("{} {} > {} spi {:#010x}", sa.direction, sa.src, sa.dst, sa.spi).trim_start().to_owned(),
            sa.mode.to_owned(),
            sa.offload.to_owned(),
            sa.packets.to_string(),
            sa.bytes.to_string(),
            sa.replay.to_string(),
            sa.replay_window.to_string(),
            sa.integrity_failed.to_string(),
        ]);
    }
    tell::right_from(&mut sas, 3);
    writeln!(out, "{}", report.device)?;
    if let Some(failure) = &report.failure {
        writeln!(out, "the device tells nothing: {failure}")?;
    }
    if !report.sas.is_empty() {
        writeln!(out, "{sas}")?;
    }
    let groups = [
        ("device", &report.counters),
        ("xfrm", &report.mib),
        ("rings", &report.rings),
        ("path", &report.path),
        ("recovery", &report.recovery),
        ("control", &report.control),
    ];
    let mut counters = tell::table();
    for (group, named) in groups {
        for (name, count) in named.0.iter().filter(|(_, count)| *count > 0) {
            counters.add_row([group.to_owned(), (*name).to_owned(), count.to_string()]);
        }
    }
    tell::right_from(&mut counters, 2);
    if !counters.is_empty() {
        writeln!(out, "{counters}")?;
    }
    Ok(())
}
