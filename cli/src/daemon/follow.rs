//! Follows what people do to the TAP with `ip link` and `ip address`: up and down, MTU, addresses (rtnetlink(7)).

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// Groups (linux/rtnetlink.h): RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;
/// The longest datagram that the kernel sends of these.
const LONGEST: usize = 32 * 1024;
/// Datagrams taken in a turn.
const BURST: usize = 64;

/// An interface as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Up (IFF_UP).
    pub up: bool,
    /// MTU in bytes.
    pub mtu: u32,
    /// Its addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// It was taken away.
    pub gone: bool,
}

/// Follows one interface.
pub struct Follower {
    socket: Socket,
    index: u32,
    link: Link,
    /// Dumps to be asked for: the kernel does one at a time.
    wanted: Vec<RouteNetlinkMessage>,
    dumping: bool,
    buffer: Vec<u8>,
}

impl Follower {
    /// Of the interface with this number; what it is like comes with [`Self::read`].
    ///
    /// # Errors
    /// No netlink socket.
    pub fn open(index: u32) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, GROUPS))?;
        socket.set_non_blocking(true)?;
        let mut follower =
            Self { socket, index, link: Link::default(), wanted: Vec::new(), dumping: false, buffer: Vec::with_capacity(LONGEST) };
        follower.resync()?;
        Ok(follower)
    }

    /// Asks for all there is.
    fn resync(&mut self) -> io::Result<()> {
        self.link.addresses.clear();
        self.wanted =
            vec![RouteNetlinkMessage::GetAddress(AddressMessage::default()), RouteNetlinkMessage::GetLink(LinkMessage::default())];
        if self.dumping { Ok(()) } else { self.ask() }
    }

    fn ask(&mut self) -> io::Result<()> {
        let Some(request) = self.wanted.pop() else { return Ok(()) };
        let mut message = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(request));
        message.header.flags = NLM_F_DUMP | NLM_F_REQUEST;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0)?;
        self.dumping = true;
        Ok(())
    }

    /// Takes what the kernel has told; the interface as it is now, if all of it is known and something has changed.
    ///
    /// # Errors
    /// The socket fails.
    pub fn read(&mut self) -> io::Result<Option<&Link>> {
        let before = self.link.clone();
        let mut completed = false;
        for _ in 0..BURST {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, 0) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The queue ran over: what was lost is not known (netlink(7)).
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => {
                    self.resync()?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            let buffer = std::mem::take(&mut self.buffer);
            let taken = self.datagram(&buffer);
            self.buffer = buffer;
            completed |= taken?;
        }
        let known = !self.dumping && self.wanted.is_empty();
        Ok((known && (completed || before != self.link)).then_some(&self.link))
    }

    /// True: a dump has ended.
    fn datagram(&mut self, mut bytes: &[u8]) -> io::Result<bool> {
        let mut ended = false;
        while !bytes.is_empty() {
            // What this library does not know is not for us.
            let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes) else { break };
            // NLMSG_ALIGN
            let length = (message.header.length as usize).next_multiple_of(4);
            match message.payload {
                NetlinkPayload::InnerMessage(message) => self.message(message),
                NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => {
                    self.dumping = false;
                    ended = true;
                    self.ask()?;
                }
                _ => {}
            }
            bytes = bytes.get(length.max(1)..).unwrap_or_default();
        }
        Ok(ended)
    }

    fn message(&mut self, message: RouteNetlinkMessage) {
        match message {
            RouteNetlinkMessage::NewLink(link) if link.header.index == self.index => {
                self.link.up = link.header.flags.contains(LinkFlags::Up);
                for attribute in &link.attributes {
                    if let LinkAttribute::Mtu(mtu) = attribute {
                        self.link.mtu = *mtu;
                    }
                }
            }
            RouteNetlinkMessage::DelLink(link) if link.header.index == self.index => self.link.gone = true,
            RouteNetlinkMessage::NewAddress(address) if address.header.index == self.index => {
                self.link.addresses.extend(own(&address));
            }
            RouteNetlinkMessage::DelAddress(address) if address.header.index == self.index => {
                if let Some(own) = own(&address) {
                    self.link.addresses.remove(&own);
                }
            }
            _ => {}
        }
    }
}

impl AsFd for Follower {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

const ENOBUFS: i32 = 105;

/// The interface's own address: IFA_LOCAL, which IPv6 has only with a peer; else IFA_ADDRESS (rtnetlink(7)).
fn own(address: &AddressMessage) -> Option<IpAddr> {
    let find = |local: bool| {
        address.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Local(address) if local => Some(*address),
            AddressAttribute::Address(address) if !local => Some(*address),
            _ => None,
        })
    };
    find(true).or_else(|| find(false))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_loopback_interface_is_known() {
        let mut follower = Follower::open(1).unwrap();
        let begin = std::time::Instant::now();
        let link = loop {
            if let Some(link) = follower.read().unwrap() {
                break link.clone();
            }
            assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", follower.link);
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        assert!(link.mtu >= 1280 && !link.gone, "{link:?}");
        // In a fresh network namespace it is down and has no address.
        assert_eq!(link.up, !link.addresses.is_empty(), "{link:?}");
        assert!(link.addresses.iter().all(IpAddr::is_loopback), "{link:?}");
    }
}
