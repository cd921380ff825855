//! Echo requests (RFC 792, RFC 4443 section 4) by raw sockets, one after the other; every reply is compared with its request.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, recv, sendto, socket};

use crate::error::{Error, at, ensure};
use crate::host::Host;

/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;
/// How long a reply may take; lost is lost, the next ones tell nothing new.
const PATIENCE: Duration = Duration::from_secs(5);

/// A host that pings an address.
pub struct Pinger {
    socket: OwnedFd,
    to: SocketAddr,
    identifier: u16,
    seq: u16,
}

impl Pinger {
    /// From `host`. Pingers at the same time differ in `identifier`.
    pub fn new(host: Host, to: IpAddr, identifier: u16) -> Result<Self, Error> {
        let (family, protocol) = match to {
            IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
            IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
        };
        let socket = host.on(|| {
            let socket = socket(family, SocketType::RAW, Some(protocol)).map_err(|error| at("raw socket")(error.into()))?;
            set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).map_err(|error| at("SO_RCVTIMEO")(error.into()))?;
            Ok(socket)
        })?;
        Ok(Self { socket, to: SocketAddr::new(to, 0), identifier, seq: 0 })
    }

    /// One request with `payload` bytes behind its header, and its reply. How long it took.
    pub fn ping(&mut self, payload: usize) -> Result<Duration, Error> {
        self.seq = self.seq.wrapping_add(1);
        let request = self.request(payload);
        let start = Instant::now();
        let what = || format!("ping {} with {payload} bytes", self.to.ip());
        sendto(&self.socket, &request, SendFlags::empty(), &self.to).map_err(|error| at(what())(error.into()))?;
        let mut buffer = vec![0; 65_536];
        loop {
            let length = match recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((length, _)) => length,
                Err(Errno::AGAIN) => return Err(Error::Wrong(format!("{}: no reply", what()))),
                Err(error) => return Err(at(what())(error.into())),
            };
            let Some(message) = self.message(&buffer[..length]) else { continue };
            // A raw socket is given whatever comes for its protocol.
            if message.len() < HEADER || message[0] != self.reply() || message[4..8] != request[4..8] {
                continue;
            }
            ensure(message[HEADER..] == request[HEADER..], || format!("{}: the reply holds other bytes", what()))?;
            return Ok(start.elapsed());
        }
    }

    const fn reply(&self) -> u8 {
        if self.to.is_ipv4() { 0 } else { 129 }
    }

    fn request(&self, payload: usize) -> Vec<u8> {
        let mut bytes = vec![if self.to.is_ipv4() { 8 } else { 128 }, 0, 0, 0];
        bytes.extend(self.identifier.to_be_bytes());
        bytes.extend(self.seq.to_be_bytes());
        // No two requests have the same bytes.
        bytes.extend((0..payload).map(|at| (at as u8).wrapping_mul(7).wrapping_add(self.seq as u8)));
        if self.to.is_ipv4() {
            let sum = checksum(&bytes);
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        // For IPv6 the kernel puts it in: it goes over the addresses too.
        bytes
    }

    /// The ICMP message: IPv4's raw sockets give the IP header as well.
    fn message<'a>(&self, packet: &'a [u8]) -> Option<&'a [u8]> {
        if self.to.is_ipv6() {
            return Some(packet);
        }
        packet.get(usize::from(packet.first()? & 15) * 4..)
    }
}

/// RFC 1071.
pub fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !(((sum & 0xffff) + (sum >> 16)) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_rfc_1071_section_3() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum(&[0xff, 0xff, 0x01]), !0x0100);
    }
}
