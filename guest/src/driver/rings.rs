//! Rings of all sizes, by interrupts and without; scatter lists; reset; the end.

use std::fs;
use std::time::Duration;

use espalier_driver::bus::vfio::Vfio;
use espalier_driver::net::NetDevice;
use espalier_driver::rings::RingConfig;
use espalier_guest::report::Facts;

use super::echo::{Exchanged, Notice, exchange};
use crate::device;
use crate::error::{Error, at, ensure};
use crate::host::Host;

/// Payloads of pings up to a frame of 1500 bytes.
const LONGEST: usize = 1500 - 28;

pub fn interrupts_smallest(facts: &mut Facts) -> Result<(), Error> {
    by_interrupts(2, 60, facts)
}

pub fn interrupts_default(facts: &mut Facts) -> Result<(), Error> {
    by_interrupts(256, 600, facts)
}

pub fn interrupts_largest(facts: &mut Facts) -> Result<(), Error> {
    by_interrupts(1024, 1500, facts)
}

fn by_interrupts(entries: u16, pings: usize, facts: &mut Facts) -> Result<(), Error> {
    let config = RingConfig { tx_entries: entries, rx_entries: entries, ..RingConfig::default() };
    let exchanged = run(config, &payloads(pings), window(entries), Notice::Interrupts, facts)?;
    // It came by eventfds, or not at all: waiting ends by itself only after seconds.
    ensure(exchanged.wakes > 0, || "the driver was never woken".into())
}

/// The replies to all requests under way must find buffers: nothing else in the ring's way.
fn window(entries: u16) -> usize {
    usize::from(entries).min(64)
}

pub fn interrupts_moderated(facts: &mut Facts) -> Result<(), Error> {
    let config = RingConfig { coalesce: 500, interval: 200, ..RingConfig::default() };
    run(config, &payloads(300), 64, Notice::Interrupts, facts).map(drop)
}

pub fn poll(facts: &mut Facts) -> Result<(), Error> {
    run(RingConfig::default(), &payloads(600), 64, Notice::Poll, facts).map(drop)
}

pub fn scattered(facts: &mut Facts) -> Result<(), Error> {
    let config = RingConfig { buffer_bytes: 128, ..RingConfig::default() };
    // Twelve buffers hold the longest of them.
    run(config, &payloads(300), 16, Notice::Interrupts, facts).map(drop)
}

pub fn jumbo(facts: &mut Facts) -> Result<(), Error> {
    let near = Host::Near;
    near.ip(&format!("link set {} mtu 9000", near.device()))?;
    let payloads: Vec<_> = (0..60).map(|number| 9000 - 28 - number * 97).collect();
    let result = run(RingConfig::default(), &payloads, 8, Notice::Interrupts, facts);
    near.ip(&format!("link set {} mtu 1500", near.device()))?;
    result.map(drop)
}

pub fn reset(facts: &mut Facts) -> Result<(), Error> {
    let mut net = device::open_rings(RingConfig::default())?;
    for _ in 0..3 {
        net.enable()?;
        let exchanged = exchange(&mut net, &payloads(50), 16, Notice::Interrupts)?;
        tell(facts, exchanged);
        net.reset()?;
        let counters = net.device().counters()?;
        ensure(counters.iter().all(|(_, count)| count == 0), || "counters outlive a reset".into())?;
    }
    close_device(net)
}

pub fn close(facts: &mut Facts) -> Result<(), Error> {
    for round in 1..=3 {
        let mut net = device::open_rings(RingConfig::default())?;
        net.enable()?;
        tell(facts, exchange(&mut net, &payloads(20), 8, Notice::Interrupts)?);
        ensure(device::open().is_err(), || "a device in use was opened once more".into())?;
        drop(net.close()?);
        let config = device::directory().join("config");
        let bytes = fs::read(&config).map_err(at(config.display().to_string()))?;
        // PCI Local Bus section 6.2.2: bit 2 is bus master.
        ensure(bytes[4] & 4 == 0, || format!("round {round}: the device that nobody uses may access memory"))?;
    }
    Ok(())
}

fn run(config: RingConfig, payloads: &[usize], window: usize, notice: Notice, facts: &mut Facts) -> Result<Exchanged, Error> {
    let mut net = device::open_rings(config)?;
    net.enable()?;
    let exchanged = exchange(&mut net, payloads, window, notice)?;
    tell(facts, exchanged);
    close_device(net)?;
    Ok(exchanged)
}

fn tell(facts: &mut Facts, exchanged: Exchanged) {
    let Exchanged { pings, wakes, time } = exchanged;
    facts.insert("pings".into(), pings.into());
    facts.insert("wakes".into(), wakes.into());
    facts.insert("pings a second".into(), ((pings as f64 / time.max(Duration::from_micros(1)).as_secs_f64()).round() as u64).into());
}

/// All frames are accounted for, and no queue had stopped.
fn close_device(mut net: NetDevice<Vfio>) -> Result<(), Error> {
    let stats = net.stats();
    ensure(stats.faults == 0 && stats.lost == 0 && stats.rx_damaged == 0, || format!("{stats:?}"))?;
    let faults = net.recover()?;
    ensure(faults.is_empty(), || format!("{faults:?}"))?;
    net.close()?;
    Ok(())
}

/// From none to the longest, not in order.
fn payloads(count: usize) -> Vec<usize> {
    (0..count).map(|number| number * 397 % (LONGEST + 1)).collect()
}
