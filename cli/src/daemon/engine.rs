//! The loop: one thread that takes turns with TAP, device, control socket, timers and whatever else has something to say, and sleeps when
//! none has.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use espalier_driver::Caps;
use espalier_driver::core::XfrmCore;
use espalier_regs::dma::vector;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::control::Control;
use super::follow::{Follower, Link};
use super::http::Metrics;
use super::nic::Nic;
use super::path::{Path, PathError};
use super::recovery::Recovery;
use super::report::{Report, report};
use super::tap::Frames;
use super::world::World;
use super::{DaemonError, answer, metrics};
use crate::scenario::command::monitor_line;

/// The longest sleep: what depends on the time of day is looked at as often.
const TICK: Duration = Duration::from_secs(1);
/// The kernel's net.core.xfrm_aevent_rseqth: packets between two messages about an SA's sequence numbers, while somebody listens.
const AEVENT_PACKETS: u32 = 2;

/// Everything that the loop serves.
pub struct Engine<N: Nic, F, W> {
    core: XfrmCore<N>,
    dev: String,
    caps: Caps,
    path: Path,
    tap: F,
    world: W,
    control: Control,
    follower: Option<Follower>,
    metrics: Option<Metrics>,
    /// Readable: it is time to stop.
    stop: UnixStream,
    recovery: Recovery,
    up: bool,
    addresses: Vec<IpAddr>,
    tick: Instant,
}

/// What has something to say.
#[derive(Clone, Copy, Debug, Default)]
struct Ready {
    follower: bool,
    control: bool,
    stop: bool,
    event: bool,
}

impl<N: Nic, F: Frames, W: World<N>> Engine<N, F, W> {
    /// Takes a device in. It is down until the first [`Link`] says that the TAP is up; without a follower it is up.
    ///
    /// # Errors
    /// What core or device say.
    pub fn new(mut nic: N, tap: F, world: W, control: Control, follower: Option<Follower>, stop: UnixStream) -> Result<Self, DaemonError> {
        let dev = nic.name().to_owned();
        let caps = nic.caps();
        // SAs in software need what the device does not know.
        nic.pass_unknown(true)?;
        let mut core = XfrmCore::new(now());
        core.register(nic)?;
        let follows = follower.is_some();
        let mut engine = Self {
            core,
            path: Path::new(&dev),
            dev,
            caps,
            tap,
            world,
            control,
            follower,
            metrics: None,
            stop,
            recovery: Recovery::default(),
            up: false,
            addresses: Vec::new(),
            tick: Instant::now(),
        };
        if !follows {
            engine.set_up(true)?;
        }
        Ok(engine)
    }

    /// Serves metrics, too.
    pub fn set_metrics(&mut self, metrics: Metrics) {
        self.metrics = Some(metrics);
    }

    /// This host's addresses, where nobody follows the TAP's.
    pub fn set_addresses(&mut self, addresses: Vec<IpAddr>) {
        self.core.set_local_addresses(addresses.iter().copied());
        self.addresses = addresses;
        self.tell_addresses();
    }

    /// Runs until it is told to stop; then leaves a quiet device, and no socket.
    ///
    /// # Errors
    /// What it can't go on from.
    pub fn run(mut self) -> Result<(), DaemonError> {
        let mut ready = Ready { follower: true, event: true, ..Ready::default() };
        let result = loop {
            match self.turn(ready) {
                Ok(busy) => ready = self.wait(busy)?,
                Err(error) => break Err(error),
            }
            if ready.stop {
                break Ok(());
            }
        };
        if let Err(error) = &result {
            tracing::error!(%error, "stopping");
        }
        self.close().and(result)
    }

    /// A turn for each. True: there is more to do at once.
    fn turn(&mut self, ready: Ready) -> Result<bool, DaemonError> {
        let now = Instant::now();
        let mut busy = self.world.turn(self.core.device_ops(&self.dev)?)?;
        if ready.event {
            self.core.poll_devices();
        }
        self.recovery.queues(&mut self.core, &self.dev, now);
        if self.recovery.is_failed() {
            self.reset(now)?;
        } else {
            match self.traffic() {
                Ok(more) => busy |= more,
                Err(PathError::Device(error)) => self.recovery.fail(&error, now),
                Err(error) => return Err(error.into()),
            }
        }
        if ready.follower {
            self.follow()?;
        }
        if ready.control || self.control.has_work() || now >= self.tick {
            self.control(now);
        }
        self.tell_events(now);
        self.serve_metrics()?;
        if now >= self.tick {
            self.tick = now + TICK;
            self.core.set_time(self::now());
            // What is down has frames that wait.
            if self.up && !self.recovery.is_failed() {
                self.recovery.watch(self.path.in_flight(), self.path.completed(), now);
            }
            self.core.poll_devices();
        }
        Ok(busy || self.control.has_work())
    }

    fn traffic(&mut self) -> Result<bool, PathError> {
        self.path.completions(&mut self.core, &mut self.tap)?;
        let received = self.path.receive(&mut self.core, &mut self.tap)?;
        let sent = self.path.transmit(&mut self.core, &mut self.tap)?;
        Ok(received || sent)
    }

    fn reset(&mut self, now: Instant) -> Result<(), DaemonError> {
        if self.recovery.reset(&mut self.core, &self.dev, now)? {
            let nic = self.core.device_ops(&self.dev)?;
            nic.pass_unknown(true)?;
            self.tell_addresses();
            if self.up {
                self.core.device_ops(&self.dev)?.set_running(true)?;
            }
        }
        Ok(())
    }

    fn control(&mut self, now: Instant) {
        let Self { core, dev, caps, path, control, recovery, .. } = self;
        let counters = control.counters();
        control.turn(now, &mut |words| {
            let make = |core: &mut XfrmCore<N>| report(core, dev, path.counters().named(), &recovery.counters(), counters);
            answer::carry_out(words, core, caps, make)
        });
        let hears = self.control.hears_aevents();
        self.core.set_aevent_rseqth(hears.then_some(AEVENT_PACKETS));
    }

    fn tell_events(&mut self, now: Instant) {
        let mut any = false;
        while let Some(event) = self.core.next_event() {
            tracing::info!(event = monitor_line(&event).trim_end(), "xfrm");
            self.control.tell(&event);
            any = true;
        }
        if any {
            self.control.flush(now);
        }
    }

    fn serve_metrics(&mut self) -> Result<(), DaemonError> {
        let Some(mut metrics) = self.metrics.take() else { return Ok(()) };
        let done = metrics.turn(|| metrics::text(&self.report()).unwrap_or_default());
        self.metrics = Some(metrics);
        done.map_err(DaemonError::Wait)
    }

    fn report(&mut self) -> Report {
        report(&mut self.core, &self.dev, self.path.counters().named(), &self.recovery.counters(), self.control.counters())
    }

    /// Does what was done to the TAP.
    fn follow(&mut self) -> Result<(), DaemonError> {
        let Some(follower) = &mut self.follower else { return Ok(()) };
        let Some(link) = follower.read().map_err(DaemonError::Follow)?.cloned() else { return Ok(()) };
        let Link { up, mtu, addresses, gone } = link;
        if gone {
            return Err(DaemonError::TapGone(self.dev.clone()));
        }
        let nic = self.core.device_ops(&self.dev)?;
        if mtu != nic.mtu() {
            match u16::try_from(mtu).map(|mtu| nic.set_mtu(mtu)) {
                Ok(Ok(())) => tracing::info!(dev = self.dev, mtu, "MTU"),
                Ok(Err(error)) => tracing::error!(dev = self.dev, mtu, %error, "the device keeps its MTU"),
                Err(_) => tracing::error!(dev = self.dev, mtu, "the device keeps its MTU: more than any frame holds"),
            }
        }
        if !self.addresses.iter().eq(&addresses) {
            self.set_addresses(addresses.into_iter().collect());
        }
        if up != self.up { self.set_up(up) } else { Ok(()) }
    }

    /// NETDEV_UP, NETDEV_DOWN.
    fn set_up(&mut self, up: bool) -> Result<(), DaemonError> {
        tracing::info!(dev = self.dev, up, "link");
        self.up = up;
        if !self.recovery.is_failed() {
            let nic = self.core.device_ops(&self.dev)?;
            if let Err(error) = nic.set_running(up) {
                self.recovery.fail(&error, Instant::now());
            }
        }
        Ok(if up { self.core.up(&self.dev) } else { self.core.down(&self.dev) }?)
    }

    fn tell_addresses(&mut self) {
        let Ok(nic) = self.core.device_ops(&self.dev) else { return };
        match nic.set_local_addresses(&self.addresses) {
            Ok(()) => tracing::info!(dev = self.dev, addresses = ?self.addresses, "local addresses"),
            Err(error) => tracing::error!(dev = self.dev, addresses = ?self.addresses, %error, "the device keeps its local addresses"),
        }
    }

    /// Sleeps, unless there is something to do, until there is.
    fn wait(&mut self, busy: bool) -> Result<Ready, DaemonError> {
        if !busy && !self.recovery.is_failed() {
            // What came since the last look makes its vector fire at once.
            if let Err(error) = self.core.device_ops(&self.dev)?.arm() {
                self.recovery.fail(&error, Instant::now());
            }
        }
        let limit = if busy { Duration::ZERO } else { self.tick.saturating_duration_since(Instant::now()) };
        let nic = self.core.device_ops(&self.dev)?;
        let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        // Without room in the device, or without a device, the TAP's frames wait there.
        let tap = if self.path.is_full() || self.recovery.is_failed() { PollFlags::empty() } else { PollFlags::IN };
        let mut fds = vec![readable(self.stop.as_fd()), PollFd::from_borrowed_fd(self.tap.as_fd(), tap)];
        let interrupts = fds.len();
        fds.extend(nic.interrupts().iter().map(|interrupt| readable(interrupt.as_fd())));
        let control = fds.len();
        fds.extend(self.control.poll_fds());
        let others = fds.len();
        fds.extend(self.follower.iter().map(|follower| readable(follower.as_fd())));
        fds.extend(self.metrics.iter().map(|metrics| readable(metrics.as_fd())));
        fds.extend(self.world.wakers().into_iter().map(readable));
        let limit = Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: limit.subsec_nanos().into() };
        match poll(&mut fds, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(DaemonError::Wait(error.into())),
        }
        let fired: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let mut ready = Ready {
            stop: fired[0],
            control: fired[control..others].contains(&true),
            follower: self.follower.is_some() && fired.get(others) == Some(&true),
            event: false,
        };
        for (number, interrupt) in (0..).zip(nic_interrupts(&mut self.core, &self.dev)?) {
            if fired.get(interrupts + usize::from(number)) == Some(&true) {
                ready.event |= interrupt.take().map_err(DaemonError::Wait)? && number == vector::EVENT;
            }
        }
        Ok(ready)
    }

    /// Leaves nothing behind.
    fn close(mut self) -> Result<(), DaemonError> {
        tracing::info!(dev = self.dev, "closing");
        if !self.recovery.is_failed() {
            let nic = self.core.device_ops(&self.dev)?;
            nic.set_running(false).unwrap_or_else(|error| tracing::error!(%error, "closing"));
        }
        let nic = self.core.unregister(&self.dev)?;
        let closed = nic.close();
        self.tell_events(Instant::now());
        let path = self.control.path().to_owned();
        if let Err(error) = self.control.close() {
            // Its folder is root's, perhaps, and we are not any more.
            tracing::warn!(socket = %path.display(), %error, "the control socket stays; the next daemon replaces it");
        }
        Ok(closed?)
    }
}

fn nic_interrupts<'a, N: Nic>(core: &'a mut XfrmCore<N>, dev: &str) -> Result<&'a [espalier_driver::bus::Interrupt], DaemonError> {
    Ok(core.device_ops(dev)?.interrupts())
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The end of a pair that becomes readable with SIGTERM and SIGINT.
///
/// # Errors
/// No socket, no handler.
pub fn stop_signals() -> io::Result<UnixStream> {
    let (stop, signalled) = UnixStream::pair()?;
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::low_level::pipe::register(signal, signalled.try_clone()?)?;
    }
    Ok(stop)
}
