//! The hosts as a group of tests needs them.

use std::fs::File;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::command::ip;
use crate::device::{ADDRESS, bind};
use crate::error::{Error, at, ensure};
use crate::host::{FAR, Family, Host};
use crate::ipsec::encap;

/// Of the routes of a host whose kernel knows nothing of ESP: what that adds, in a tunnel over IPv6, still fits into 1500 bytes.
const MTU: u32 = 1400;
/// Entries of the daemon's rings. All that TCP ever has under way in a test finds a buffer: nothing may be lost, and nothing slows the
/// wire down.
const RING: &str = "1024";
/// Of the daemon, until its interface is there, or it is gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two hosts joined by a pair of virtual interfaces.
pub struct Pair {
    _encap: [UdpSocket; 2],
}

impl Pair {
    /// Sets them up. The wire's interface steps aside meanwhile.
    pub fn new() -> Result<Self, Error> {
        namespace()?;
        let (near, far) = (Host::Near, Host::Far);
        ip(&format!("link set {} down", near.device()))?;
        ip(&format!("link set {} name wire0", near.device()))?;
        ip(&format!(
            "link add {} address {} type veth peer name {} address {} netns {FAR}",
            near.device(),
            near.mac(),
            far.device(),
            far.mac()
        ))?;
        near.configure(None)?;
        far.configure(None)?;
        Ok(Self { _encap: [encap::socket(near)?, encap::socket(far)?] })
    }

    /// Takes them down.
    pub fn end(self) -> Result<(), Error> {
        // A socket would keep the namespace.
        drop(self);
        let near = Host::Near.device();
        ip(&format!("link del {near}"))?;
        ip(&format!("netns del {FAR}"))?;
        ip(&format!("link set wire0 name {near}"))?;
        Ok(())
    }
}

fn namespace() -> Result<(), Error> {
    ip(&format!("netns add {FAR}"))?;
    Host::Near.quiet()?;
    Host::Far.quiet()
}

/// The near host alone, on the device's wire: it answers what the driver sends by itself.
pub fn near_alone() -> Result<(), Error> {
    let (near, far) = (Host::Near, Host::Far);
    near.quiet()?;
    near.configure(None)?;
    // There is nobody to ask.
    ip(&format!("neigh replace {} lladdr {} dev {} nud permanent", far.outer(Family::Ipv4), far.mac(), near.device()))?;
    Ok(())
}

/// The near host on the device's wire, the far host above the daemon that drives the device.
pub struct Nic {
    daemon: Option<Child>,
    _encap: UdpSocket,
}

impl Nic {
    /// Sets them up.
    pub fn new() -> Result<Self, Error> {
        bind()?;
        namespace()?;
        ip(&format!("neigh flush dev {} nud permanent", Host::Near.device()))?;
        Host::Near.configure(None)?;
        let mut nic = Self { daemon: None, _encap: encap::socket(Host::Near)? };
        nic.start()?;
        Ok(nic)
    }

    /// Starts the daemon in the far host's namespace and gives its interface addresses.
    pub fn start(&mut self) -> Result<(), Error> {
        let far = Host::Far;
        let mut command = Command::new("/bin/espalier");
        let bus = format!("vfio:{ADDRESS}");
        command.args(["daemon", "--bus", &bus, "--tap", far.device(), "--mac", far.mac(), "--ring", RING, "--log", "warn"]);
        let console = || File::options().write(true).open("/dev/console").map_err(at("/dev/console"));
        command.stdin(Stdio::null()).stdout(console()?).stderr(console()?);
        self.daemon = Some(far.on(|| command.spawn().map_err(at("espalier daemon")))?);
        let end = Instant::now() + PATIENCE;
        while crate::command::run("espalier", ["stats", "--json"]).is_err() {
            self.running()?;
            ensure(Instant::now() < end, || "espalier daemon does not come up; console.log may say why".into())?;
            thread::sleep(Duration::from_millis(100));
        }
        far.configure(Some(MTU))
    }

    /// Fails if the daemon has ended.
    pub fn running(&mut self) -> Result<(), Error> {
        let ended = self.daemon.as_mut().map(Child::try_wait).transpose().map_err(at("espalier daemon"))?.flatten();
        match ended {
            None => Ok(()),
            Some(status) => Err(Error::Wrong(format!("espalier daemon has ended: {status}; console.log may say why"))),
        }
    }

    /// Kills it as it runs.
    pub fn kill(&mut self) -> Result<(), Error> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        daemon.kill().and_then(|()| daemon.wait()).map_err(at("kill espalier daemon")).map(drop)
    }

    /// Asks it to end; it must do so, and well.
    pub fn stop(&mut self) -> Result<(), Error> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        let pid = i32::try_from(daemon.id()).ok().and_then(Pid::from_raw);
        let result = pid.map_or(Ok(()), |pid| kill_process(pid, Signal::TERM));
        result.map_err(|error| at("SIGTERM")(error.into()))?;
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = daemon.try_wait().map_err(at("espalier daemon"))? {
                return ensure(status.success(), || format!("espalier daemon has ended with {status}"));
            }
            if Instant::now() > end {
                let _ = daemon.kill();
                let _ = daemon.wait();
                return Err(Error::Wrong("espalier daemon does not end".into()));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Nic {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("error: {error}");
        }
        if let Err(error) = ip(&format!("netns del {FAR}")) {
            eprintln!("error: {error}");
        }
    }
}
