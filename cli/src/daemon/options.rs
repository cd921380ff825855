//! Options of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::log::Format;

/// Where the control socket is, if nothing else is said.
pub const SOCKET: &str = "/run/espalier.sock";

/// Options of `espalier daemon`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The device: `vfio:ADDRESS` as 0000:00:05.0, bound to vfio-pci, or `sim`, simulated in this process.
    #[arg(long, value_name = "BUS")]
    pub bus: Bus,
    /// With `--bus sim`, what the wire ends in: `unix:PATH`, where the daemon listens, or `connect:PATH`, where another does (frames with
    /// their length before them, as `qemu -netdev stream`), or `tap:NAME`.
    #[arg(long, value_name = "WIRE")]
    pub wire: Option<Wire>,
    /// Name of the TAP interface.
    #[arg(long, value_name = "NAME", value_parser = interface)]
    pub tap: String,
    /// MAC address of the TAP interface; one at random if it is left out.
    #[arg(long, value_name = "ADDRESS")]
    pub mac: Option<Mac>,
    /// MTU of the TAP interface and of the device.
    #[arg(long, value_name = "BYTES", default_value_t = 1500, value_parser = clap::value_parser!(u16).range(68..=9220))]
    pub mtu: u16,
    /// The control socket.
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    pub socket: PathBuf,
    /// Serve metrics for Prometheus at http://ADDR:PORT/metrics.
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Become this user once everything is open: a name of /etc/passwd, or UID:GID.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Entries of each ring: a power of two, from 2 to 1024.
    #[arg(long, value_name = "ENTRIES", default_value_t = 256)]
    pub ring: u16,
    /// What is logged: a level, or more in the words of tracing-subscriber's EnvFilter.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// How.
    #[arg(long, value_enum, default_value_t)]
    pub log_format: Format,
}

/// What the device is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bus {
    /// PCI, by the kernel's VFIO.
    Vfio(String),
    /// The simulator.
    Sim,
}

impl FromStr for Bus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "sim" => Ok(Self::Sim),
            Some(("vfio", address)) if !address.is_empty() => Ok(Self::Vfio(address.to_owned())),
            _ => Err("expected vfio:ADDRESS or sim".to_owned()),
        }
    }
}

/// What a simulated wire ends in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A socket at which we listen.
    Listen(PathBuf),
    /// A socket at which somebody listens.
    Connect(PathBuf),
    /// A TAP interface.
    Tap(String),
}

impl FromStr for Wire {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Listen(path.into())),
            Some(("connect", path)) if !path.is_empty() => Ok(Self::Connect(path.into())),
            Some(("tap", name)) => Ok(Self::Tap(interface(name)?)),
            _ => Err("expected unix:PATH, connect:PATH or tap:NAME".to_owned()),
        }
    }
}

/// A MAC address of one station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let octet = |text: &str| u8::from_str_radix(text, 16).ok().filter(|_| hex(text));
        let octets: Option<Vec<u8>> = text.split(':').map(octet).collect();
        let octets: Option<[u8; 6]> = octets.and_then(|octets| octets.try_into().ok());
        match octets {
            None => Err("expected six octets, as 02:00:00:00:00:01".to_owned()),
            Some([first, ..]) if first & 1 != 0 => Err("a group address is no station's".to_owned()),
            Some([0, 0, 0, 0, 0, 0]) => Err("all zeros is no station's".to_owned()),
            Some(octets) => Ok(Self(octets)),
        }
    }
}

/// dev_valid_name of the kernel.
fn interface(name: &str) -> Result<String, String> {
    const LONGEST: usize = 15;
    let allowed = |c: char| c.is_ascii_graphic() && c != '/' && c != ':' && c != '%';
    if name.is_empty() || name.len() > LONGEST || name == "." || name == ".." || !name.chars().all(allowed) {
        return Err(format!("an interface's name has 1 to {LONGEST} characters, none of them / : % or blank"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buses_and_wires_are_named() {
        assert_eq!("vfio:0000:00:05.0".parse(), Ok(Bus::Vfio("0000:00:05.0".to_owned())));
        assert_eq!("sim".parse(), Ok(Bus::Sim));
        assert_eq!("unix:/run/w".parse(), Ok(Wire::Listen("/run/w".into())));
        assert_eq!("connect:w".parse(), Ok(Wire::Connect("w".into())));
        assert_eq!("tap:t0".parse(), Ok(Wire::Tap("t0".to_owned())));
        for wrong in ["", "vfio", "vfio:", "sim:", "simulator"] {
            assert!(wrong.parse::<Bus>().is_err(), "{wrong}");
        }
        for wrong in ["", "unix:", "tap:", "tap:a/b", "pcap:x"] {
            assert!(wrong.parse::<Wire>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mac_address_is_one_stations() {
        assert_eq!("02:00:00:00:aB:01".parse(), Ok(Mac([2, 0, 0, 0, 0xab, 1])));
        for wrong in ["", "02:00:00:00:00", "02:00:00:00:00:001", "01:00:00:00:00:01", "00:00:00:00:00:00", "02:00:00:00:00:+1"] {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_those_that_the_kernel_takes() {
        assert!(interface("esp0").is_ok() && interface("fifteen-letters").is_ok());
        for wrong in ["", "sixteen-letters-", ".", "..", "a/b", "a b", "a:b", "esp%d"] {
            assert!(interface(wrong).is_err(), "{wrong}");
        }
    }
}
