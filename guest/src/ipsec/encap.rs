//! ESP in UDP needs a socket that takes it out (the kernel's net/ipv4/udp.c, UDP_ENCAP).

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;

use crate::error::{Error, at};
use crate::host::Host;

/// RFC 3948 section 2.1.
const PORT: u16 = 4500;
/// linux/udp.h
const UDP_ENCAP: libc::c_int = 100;
const UDP_ENCAP_ESPINUDP: libc::c_int = 2;

/// Gives what comes to port 4500 of `host` to its kernel's ESP, as long as the socket lives.
pub fn socket(host: Host) -> Result<UdpSocket, Error> {
    let socket = host.on(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).map_err(at("port 4500")))?;
    let value = UDP_ENCAP_ESPINUDP;
    let length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the socket is open, and the kernel reads `length` bytes of `value`, which lives through the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_UDP, UDP_ENCAP, (&raw const value).cast(), length) };
    if result == 0 { Ok(socket) } else { Err(at("UDP_ENCAP")(std::io::Error::last_os_error())) }
}
