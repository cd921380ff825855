//! Pings by the driver itself, frame by frame: the near host's kernel answers them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use espalier_driver::bus::vfio::Vfio;
use espalier_driver::net::{NetDevice, SendError, TxOffload};
use espalier_regs::Event;

use crate::error::{Error, ensure};
use crate::host::{Family, Host};
use crate::traffic::ping::checksum;

/// Ethernet, IPv4 and ICMP.
const HEADERS: usize = 14 + 20 + 8;
/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Exchanges of this process. The wire may still hold replies to earlier ones, and to a process that was killed.
static EXCHANGES: AtomicU16 = AtomicU16::new(0);

/// How one learns of completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// By eventfds.
    Interrupts,
    /// By looking.
    Poll,
}

/// What came of an exchange.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exchanged {
    /// Requests, each with its reply.
    pub pings: u64,
    /// How often the driver was woken.
    pub wakes: u64,
    /// All of it.
    pub time: Duration,
}

/// Sends a request for each of `payloads` (bytes behind ICMP's header), `window` of them at a time, and takes the replies.
///
/// # Errors
/// A request that the engine did not count as passed on, a reply that is missing or holds other bytes.
pub fn exchange(net: &mut NetDevice<Vfio>, payloads: &[usize], window: usize, notice: Notice) -> Result<Exchanged, Error> {
    let start = Instant::now();
    let identifier = (std::process::id() as u16).rotate_left(8) ^ EXCHANGES.fetch_add(1, Ordering::Relaxed);
    let mut last = start;
    let mut waiting: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    let (mut next, mut completed, mut exchanged) = (0, 0, Exchanged::default());
    while exchanged.pings < payloads.len() as u64 || completed < payloads.len() {
        while next < payloads.len() && waiting.len() < window {
            let frame = request(identifier, next as u16, payloads[next]);
            match net.send(&frame, TxOffload::None) {
                Ok(()) => waiting.insert(next as u16, frame),
                Err(SendError::Full) => break,
                Err(error) => return Err(Error::Wrong(format!("send: {error}"))),
            };
            next += 1;
        }
        let mut progress = false;
        for done in net.sent()? {
            let event = done.status.map(|status| status.event);
            ensure(event == Some(Event::TxBypassed), || format!("frame {}: {event:?}, fault {:?}", done.frame_number, done.fault))?;
            completed += 1;
            progress = true;
        }
        while let Some(frame) = net.receive()? {
            let Some((seq, payload)) = reply(&frame.bytes, identifier) else { continue };
            let Some(request) = waiting.remove(&seq) else {
                return Err(Error::Wrong(format!("a reply {seq} to no request that waits for one")));
            };
            ensure(request[HEADERS..] == *payload, || {
                format!("reply {seq} holds other bytes, {} of {}", payload.len(), request.len() - HEADERS)
            })?;
            exchanged.pings += 1;
            progress = true;
        }
        if progress {
            last = Instant::now();
        } else if last.elapsed() > PATIENCE {
            let faults = net.recover()?;
            return Err(Error::Wrong(format!("{} replies and {completed} completions for {next} requests; {faults:?}", exchanged.pings)));
        } else if notice == Notice::Interrupts && net.wait(PATIENCE)? {
            exchanged.wakes += 1;
        }
    }
    exchanged.time = start.elapsed();
    Ok(exchanged)
}

/// A frame of the far host with an echo request to the near one. As long as Ethernet wants it at least, so that the reply is too.
pub fn request(identifier: u16, seq: u16, payload: usize) -> Vec<u8> {
    let mut icmp = vec![8, 0, 0, 0];
    icmp.extend(identifier.to_be_bytes());
    icmp.extend(seq.to_be_bytes());
    icmp.extend((0..payload).map(|at| (at as u8).wrapping_mul(11).wrapping_add(seq as u8)));
    let sum = checksum(&icmp);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());

    let total = (20 + icmp.len()) as u16;
    // Version and length of the header; no fragmentation; 64 hops; ICMP.
    let mut ip = vec![0x45, 0];
    ip.extend(total.to_be_bytes());
    ip.extend([0, 0, 0x40, 0, 64, 1, 0, 0]);
    for host in [Host::Far, Host::Near] {
        ip.extend(address(host));
    }
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());

    let mut frame = Vec::with_capacity(HEADERS + payload);
    for host in [Host::Near, Host::Far] {
        frame.extend(mac(host));
    }
    frame.extend([8, 0]);
    frame.extend(ip);
    frame.extend(icmp);
    frame
}

/// Number and payload, if it is an echo reply to the far host with this identifier.
pub fn reply(frame: &[u8], identifier: u16) -> Option<(u16, &[u8])> {
    let ip = frame.strip_prefix(&mac(Host::Far)[..])?.get(8..).filter(|_| frame[12..14] == [8, 0])?;
    let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
    let ip = ip.get(..total)?;
    // Ethernet may have padded behind it.
    let icmp = ip.get(20..).filter(|icmp| ip[9] == 1 && icmp.len() >= 8)?;
    let ours = icmp[0] == 0 && icmp[4..6] == identifier.to_be_bytes();
    ours.then(|| (u16::from_be_bytes([icmp[6], icmp[7]]), &icmp[8..]))
}

fn address(host: Host) -> Vec<u8> {
    host.outer(Family::Ipv4).split('.').filter_map(|octet| octet.parse().ok()).collect()
}

fn mac(host: Host) -> [u8; 6] {
    let mut octets = host.mac().split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap_or(0));
    [(); 6].map(|()| octets.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_known_by_its_number() {
        let mut frame = request(9, 7, 5);
        assert_eq!(frame.len(), HEADERS + 5);
        assert_eq!(checksum(&frame[14..34]), 0);
        assert_eq!(checksum(&frame[34..]), 0);
        assert_eq!(reply(&frame, 9), None);
        let (to, from) = frame.split_at_mut(6);
        to.swap_with_slice(&mut from[..6]);
        frame[34] = 0;
        let payload = frame[HEADERS..].to_vec();
        frame.extend([0; 20]);
        assert_eq!(reply(&frame, 9), Some((7, &payload[..])));
        assert_eq!(reply(&frame, 8), None);
    }
}
