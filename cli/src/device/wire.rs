//! What can be at the card's wire.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use espalier_sim::vfio_user::{Link, LinkError};
use rustix::event::PollFd;

use super::pcap::Captures;
use super::tap::Tap;
use super::unix::Peer;
use crate::run::capture::CaptureError;

/// Shortest frame without FCS (IEEE 802.3 section 4A.4.2): a MAC fills what is shorter.
const MIN_FRAME: usize = 60;

/// As the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireSpec {
    /// A TAP interface of this name.
    Tap(String),
    /// A UNIX socket at this path, on which we listen.
    Unix(PathBuf),
    /// Frames from the first capture; those of the card go to the second.
    Pcap(PathBuf, PathBuf),
}

impl FromStr for WireSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} is none of tap:NAME, unix:PATH, pcap:IN,OUT");
        let (kind, rest) = text.split_once(':').ok_or_else(unknown)?;
        match kind {
            // The kernel's IFNAMSIZ, with its NUL.
            "tap" if rest.is_empty() || rest.len() > 15 || rest.contains(['/', ' ']) => {
                Err(format!("tap:{rest}: a name of an interface has 1 to 15 characters, no / and no space"))
            }
            "tap" => Ok(Self::Tap(rest.to_owned())),
            "unix" if rest.is_empty() => Err("unix: a path must follow".to_owned()),
            "unix" => Ok(Self::Unix(rest.into())),
            "pcap" => match rest.split_once(',') {
                Some((input, output)) if !input.is_empty() && !output.is_empty() => Ok(Self::Pcap(input.into(), output.into())),
                _ => Err(format!("pcap:{rest}: two files must follow, IN,OUT")),
            },
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for WireSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tap(name) => write!(f, "tap:{name}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Pcap(input, output) => write!(f, "pcap:{},{}", input.display(), output.display()),
        }
    }
}

/// Why the other end of a wire can't be had.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The operating system refuses.
    #[error("wire {wire}: {source}{}", hint(wire, source))]
    Open {
        /// Which.
        wire: WireSpec,
        /// Why.
        source: std::io::Error,
    },
    /// A capture is no good.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

fn hint(wire: &WireSpec, source: &std::io::Error) -> &'static str {
    match (wire, source.kind()) {
        (WireSpec::Tap(_), std::io::ErrorKind::PermissionDenied) => {
            " (a TAP interface needs CAP_NET_ADMIN, or one that was made for this user)"
        }
        (WireSpec::Unix(_), std::io::ErrorKind::AddrInUse) => " (somebody listens there)",
        _ => "",
    }
}

/// The other end of the card's wire.
pub enum Wire {
    /// Nothing is connected.
    Open,
    /// A TAP interface.
    Tap(Tap),
    /// A peer on a socket.
    Unix(Peer),
    /// Captures.
    Pcap(Captures),
}

impl Wire {
    /// Makes it.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn open(spec: Option<&WireSpec>) -> Result<Self, WireError> {
        let failed = |wire: &WireSpec| {
            let wire = wire.clone();
            move |source| WireError::Open { wire, source }
        };
        Ok(match spec {
            None => Self::Open,
            Some(wire @ WireSpec::Tap(name)) => Self::Tap(Tap::open(name).map_err(failed(wire))?),
            Some(wire @ WireSpec::Unix(path)) => Self::Unix(Peer::listen(path).map_err(failed(wire))?),
            Some(WireSpec::Pcap(input, output)) => Self::Pcap(Captures::open(input, output)?),
        })
    }
}

/// A frame as a MAC sends it, and as one gives it on.
fn filled(mut frame: Vec<u8>) -> Vec<u8> {
    frame.resize(frame.len().max(MIN_FRAME), 0);
    frame
}

impl Link for Wire {
    fn watch<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        match self {
            Self::Tap(tap) => tap.watch(fds),
            Self::Unix(peer) => peer.watch(fds),
            Self::Open | Self::Pcap(_) => {}
        }
    }

    fn receive(&mut self, receiving: bool) -> Result<Option<Vec<u8>>, LinkError> {
        loop {
            let frame = match self {
                Self::Open => None,
                Self::Tap(tap) => tap.receive()?,
                Self::Unix(peer) => peer.receive(),
                Self::Pcap(captures) if receiving => captures.receive(),
                Self::Pcap(_) => None,
            };
            match frame {
                // As at a port that is down.
                Some(_) if !receiving => {}
                frame => return Ok(frame.map(filled)),
            }
        }
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        let frame = filled(frame.to_vec());
        match self {
            Self::Open => Ok(()),
            Self::Tap(tap) => tap.send(&frame),
            Self::Unix(peer) => {
                peer.send(&frame);
                Ok(())
            }
            Self::Pcap(captures) => captures.send(&frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_read_and_written() {
        for text in ["tap:esp0", "unix:/run/wire.sock", "pcap:in.pcap,out.pcap"] {
            assert_eq!(text.parse::<WireSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_none_says_why() {
        for (text, why) in [
            ("esp0", "none of"),
            ("udp:1", "none of"),
            ("tap:", "1 to 15"),
            ("tap:a-name-too-long0", "1 to 15"),
            ("unix:", "a path"),
            ("pcap:a", "two files"),
            ("pcap:,b", "two files"),
        ] {
            let told = text.parse::<WireSpec>().unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
