//! The first process's duties: file systems, modules, the end.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};

use crate::command;
use crate::error::Error;

/// Modules that nobody asks for by itself. (The families of ESP and the algorithms are asked for by the kernel.) Not esp4_offload and
/// esp6_offload: with them an SA counts many TCP segments as one packet.
const MODULES: [&str; 8] = ["virtio_net", "vfio-pci", "vfio_iommu_type1", "veth", "tun", "af_packet", "xfrm_user", "aesni-intel"];

/// Mounts what a Linux system has, and loads modules.
pub fn set_up() -> Result<(), Error> {
    let flags = MountFlags::NOSUID;
    for (kind, folder) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"), ("tmpfs", "/tmp")] {
        mount(kind, folder, kind, flags, None).map_err(|source| Error::Io { what: format!("mount {folder}"), source: source.into() })?;
    }
    command::run("modprobe", ["-a"].into_iter().chain(MODULES))?;
    Ok(())
}

/// The second serial port: what is written there are the tests' lines.
pub fn report() -> io::Result<File> {
    OpenOptions::new().write(true).open("/dev/ttyS1")
}

/// Writes a value into a file of /proc or /sys.
pub fn set(path: impl AsRef<Path>, value: &str) -> Result<(), Error> {
    let path = path.as_ref();
    fs::write(path, value).map_err(|source| Error::Io { what: format!("{value} into {}", path.display()), source })
}

/// Switches the guest off; without the right to do so (it is no guest then) the process just ends.
pub fn power_off() {
    rustix::fs::sync();
    if std::process::id() == 1
        && let Err(error) = reboot(RebootCommand::PowerOff)
    {
        eprintln!("power off: {error}");
    }
}
