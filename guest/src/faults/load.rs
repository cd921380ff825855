//! The device under load: it may not access memory any more, is reset, or loses its user.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use espalier_driver::bus::vfio::Vfio;
use espalier_driver::net::{NetDevice, SendError, TxOffload};
use espalier_driver::rings::RingConfig;
use espalier_guest::report::Facts;

use crate::device;
use crate::driver::echo::{Notice, exchange, request};
use crate::error::{Error, at, ensure};
use crate::host::Host;
use crate::init::set;

const PATIENCE: Duration = Duration::from_secs(5);
/// Pings that tell whether all is well again.
const PAYLOADS: [usize; 40] = {
    let mut payloads = [0; 40];
    let mut at = 0;
    while at < payloads.len() {
        payloads[at] = at * 37;
        at += 1;
    }
    payloads
};

fn open() -> Result<NetDevice<Vfio>, Error> {
    let mut net = device::open_rings(RingConfig::default())?;
    net.enable()?;
    exchange(&mut net, &PAYLOADS, 16, Notice::Interrupts)?;
    Ok(net)
}

/// Fills the ring with requests, without looking at replies.
fn load(net: &mut NetDevice<Vfio>) -> Result<u64, Error> {
    let mut frames = 0;
    loop {
        match net.send(&request(0, frames as u16, 1000), TxOffload::None) {
            Ok(()) => frames += 1,
            Err(SendError::Full | SendError::Stopped) => return Ok(frames),
            Err(error) => return Err(Error::Wrong(format!("send: {error}"))),
        }
    }
}

/// Takes what has come back, of requests too that nobody waits for any more.
fn empty(net: &mut NetDevice<Vfio>) -> Result<u64, Error> {
    while net.receive()?.is_some() {}
    Ok(net.sent()?.len() as u64)
}

/// Everything works again, and nothing was forgotten.
fn well(net: &mut NetDevice<Vfio>, facts: &mut Facts) -> Result<(), Error> {
    // Late replies are not to be mistaken for new ones.
    let end = Instant::now() + Duration::from_millis(300);
    while Instant::now() < end {
        empty(net)?;
        thread::sleep(Duration::from_millis(10));
    }
    let exchanged = exchange(net, &PAYLOADS, 16, Notice::Interrupts)?;
    let stats = net.stats();
    facts.insert("pings after".into(), exchanged.pings.into());
    facts.insert("frames".into(), stats.sent.into());
    facts.insert("lost".into(), stats.lost.into());
    ensure(stats.sent == stats.completed + stats.lost, || format!("frames are not accounted for: {stats:?}"))
}

/// The queues stop; the engine and its registers stay; switched on again, the device recovers without a reset.
pub fn bus_master_off(facts: &mut Facts) -> Result<(), Error> {
    let mut net = open()?;
    let master = |net: &mut NetDevice<Vfio>, on| net.device().bus().set_bus_master(on).map_err(|error| Error::Wrong(error.to_string()));
    load(&mut net)?;
    master(&mut net, false)?;
    load(&mut net)?;
    // What the queue accesses next fails; the registers tell.
    thread::sleep(Duration::from_millis(500));
    net.device().counters()?;
    master(&mut net, true)?;
    let end = Instant::now() + PATIENCE;
    let mut faults = net.recover()?;
    while faults.is_empty() {
        ensure(Instant::now() < end, || "bus master off has stopped no queue".into())?;
        load(&mut net)?;
        faults = net.recover()?;
    }
    let told: Vec<_> = faults.iter().map(|fault| format!("{:?} {:?} at {:#x}", fault.direction, fault.cause, fault.address)).collect();
    facts.insert("faults".into(), told.join(", ").into());
    well(&mut net, facts)?;
    net.close()?;
    Ok(())
}

/// Function level reset by the driver that sends and receives.
pub fn reset_by_driver(facts: &mut Facts) -> Result<(), Error> {
    let mut net = open()?;
    for _ in 0..5 {
        load(&mut net)?;
        net.reset()?;
        net.enable()?;
        load(&mut net)?;
    }
    drain(&mut net)?;
    well(&mut net, facts)?;
    net.close()?;
    Ok(())
}

/// Function level reset by root, behind the driver's back: the driver begins anew.
pub fn reset_by_another(facts: &mut Facts) -> Result<(), Error> {
    let mut net = open()?;
    load(&mut net)?;
    set(device::directory().join("reset"), "1")?;
    net.reset()?;
    net.enable()?;
    load(&mut net)?;
    drain(&mut net)?;
    well(&mut net, facts)?;
    net.close()?;
    Ok(())
}

/// Waits until all frames have come back.
fn drain(net: &mut NetDevice<Vfio>) -> Result<(), Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        empty(net)?;
        let stats = net.stats();
        if stats.sent == stats.completed + stats.lost {
            return Ok(());
        }
        ensure(Instant::now() < end, || format!("frames do not come back: {stats:?}"))?;
        net.wait(Duration::from_millis(100))?;
    }
}

/// The process that drives it is killed as it sends; the device is quiet from then on, and serves the next one.
pub fn killed(facts: &mut Facts) -> Result<(), Error> {
    device::bind()?;
    for round in 0..3 {
        let before = received()?;
        let mut child = Killed(
            Command::new("/proc/self/exe")
                .arg("--flood")
                .stdin(Stdio::null())
                .spawn()
                .map_err(at("start the process that is to be killed"))?,
        );
        let end = Instant::now() + PATIENCE;
        while received()? < before + 200 {
            ensure(Instant::now() < end, || "the process that is to be killed sends nothing".into())?;
            ensure(child.0.try_wait().map_err(at("wait"))?.is_none(), || "the process that is to be killed has ended".into())?;
            thread::sleep(Duration::from_millis(5));
        }
        drop(child);
        // What is on the wire arrives yet; the simulator's and QEMU's buffers are the wire.
        thread::sleep(Duration::from_millis(500));
        let after = received()?;
        thread::sleep(Duration::from_millis(500));
        let later = received()?;
        ensure(after == later, || format!("round {round}: {} frames came from a device without a driver", later - after))?;
        facts.insert(format!("frames before kill {}", round + 1), (after - before).into());
        let mut net = open()?;
        well(&mut net, facts)?;
        net.close()?;
    }
    Ok(())
}

/// A process that is killed and waited for.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself: then the test has failed already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Frames that the near host has received.
fn received() -> Result<u64, Error> {
    let path = format!("/sys/class/net/{}/statistics/rx_packets", Host::Near.device());
    let text = fs::read_to_string(&path).map_err(at(path.clone()))?;
    text.trim().parse().map_err(|_| Error::Wrong(format!("{path}: {text}")))
}

/// Sends for ever, for [`killed`].
pub fn flood() -> Result<(), Error> {
    let mut net = open()?;
    loop {
        load(&mut net)?;
        empty(&mut net)?;
        net.wait(Duration::from_millis(10))?;
    }
}
