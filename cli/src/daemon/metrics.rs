//! The report for Prometheus, in OpenMetrics text.

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::report::{Report, SaCount};

/// Of what [`text`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Count = fn(&SaCount) -> u64;

/// The whole report.
///
/// # Errors
/// None that a string has.
pub fn text(report: &Report) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("espalier");
    let mut gauge = |name: &str, help: &str, labels: Labels, value: u64| {
        let family = Family::<Labels, Gauge>::default();
        family.get_or_create(&labels).set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, family);
    };
    gauge("build", "The daemon's version", vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1);
    gauge("device_answers", "Whether the device tells its counters", Labels::new(), report.failure.is_none().into());
    gauge("states", "SAs in the core", Labels::new(), report.sas.len() as u64);
    gauge("policies", "Policies in the core", Labels::new(), report.policies);
    for (name, help, label, named) in [
        ("device_events", "What the device has counted", "event", &report.counters),
        ("xfrm_stat", "Names of /proc/net/xfrm_stat", "name", &report.mib),
        ("ring_frames", "Frames of the rings", "what", &report.rings),
        ("path_frames", "Frames between TAP and device, and each place where one is dropped", "what", &report.path),
        ("recoveries", "Faults of queues and resets of the device", "what", &report.recovery),
        ("control", "The control socket", "what", &report.control),
    ] {
        let family = Family::<Labels, Counter>::default();
        for (which, count) in &named.0 {
            family.get_or_create(&vec![(label, (*which).to_owned())]).inc_by(*count);
        }
        registry.register(name, help, family);
    }
    let fields: [(&str, &str, Count); 5] = [
        ("sa_packets", "Packets that passed an SA", |sa| sa.packets),
        ("sa_bytes", "Their bytes", |sa| sa.bytes),
        ("sa_replay", "Duplicates", |sa| sa.replay.into()),
        ("sa_replay_window", "Packets left of the window", |sa| sa.replay_window.into()),
        ("sa_integrity_failed", "Packets whose ICV did not fit", |sa| sa.integrity_failed.into()),
    ];
    for (name, help, count) in fields {
        let family = Family::<Labels, Counter>::default();
        for sa in &report.sas {
            family.get_or_create(&labels(sa)).inc_by(count(sa));
        }
        registry.register(name, help, family);
    }
    let mut out = String::new();
    encode(&mut out, &registry)?;
    Ok(out)
}

fn labels(sa: &SaCount) -> Labels {
    vec![
        ("src", sa.src.to_string()),
        ("dst", sa.dst.to_string()),
        ("spi", format!("{:#010x}", sa.spi)),
        ("reqid", sa.reqid.to_string()),
        ("dir", sa.direction.to_owned()),
        ("mode", sa.mode.to_owned()),
        ("offload", sa.offload.to_owned()),
    ]
}
