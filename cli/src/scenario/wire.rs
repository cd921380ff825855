//! The wire between the two devices, and what a scenario does to it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use espalier_sim::nic::{Side, Wire};

use super::ast::WireFault;

/// Length of an Ethernet header without tags: scenarios have none.
const ETHERNET: usize = 14;

/// What both ends of the handle see.
#[derive(Debug, Default)]
struct Shared {
    /// For the next frames of each side, in order.
    faults: [VecDeque<WireFault>; 2],
    /// All that each side has put on the wire, before anything happened to it.
    history: [Vec<Vec<u8>>; 2],
    /// How many of them were lost.
    lost: [usize; 2],
}

/// A wire that does what it is told, frame by frame.
#[derive(Clone, Debug, Default)]
pub struct Scripted(Rc<RefCell<Shared>>);

impl Scripted {
    /// This happens to the next frame of a side that nothing else is to happen to.
    pub fn next(&self, from: Side, fault: WireFault) {
        self.0.borrow_mut().faults[from.index()].push_back(fault);
    }

    /// Nothing is to happen any more.
    pub fn forget(&self) {
        self.0.borrow_mut().faults.iter_mut().for_each(VecDeque::clear);
    }

    /// How many frames of a side were lost.
    pub fn lost(&self, from: Side) -> usize {
        self.0.borrow().lost[from.index()]
    }

    /// Frame `number`, from 1, of those that a side has put on the wire.
    pub fn frame(&self, from: Side, number: usize) -> Option<Vec<u8>> {
        self.0.borrow().history[from.index()].get(number.checked_sub(1)?).cloned()
    }

    /// How many frames a side has put on the wire.
    pub fn count(&self, from: Side) -> usize {
        self.0.borrow().history[from.index()].len()
    }
}

impl Wire for Scripted {
    fn carry(&mut self, from: Side, mut frame: Vec<u8>) -> Vec<Vec<u8>> {
        let mut shared = self.0.borrow_mut();
        shared.history[from.index()].push(frame.clone());
        match shared.faults[from.index()].pop_front() {
            Some(WireFault::Lose) => {
                shared.lost[from.index()] += 1;
                return Vec::new();
            }
            Some(WireFault::Damage(at)) => {
                let index = if at < 0 { frame.len().checked_add_signed(at as isize) } else { usize::try_from(at).ok() };
                if let Some(byte) = index.and_then(|index| frame.get_mut(index)) {
                    *byte ^= 1;
                }
            }
            Some(WireFault::CongestionMark) => mark_congestion(&mut frame),
            Some(WireFault::Again(_) | WireFault::Forge(..)) | None => {}
        }
        vec![frame]
    }
}

/// Sets CE in the IP header, as a router does that is about to drop packets (RFC 3168 section 5); the IPv4 checksum stays right.
pub fn mark_congestion(frame: &mut [u8]) {
    let Some(packet) = frame.get_mut(ETHERNET..) else { return };
    match packet.first().map(|byte| byte >> 4) {
        Some(4) if packet.len() >= 20 => {
            packet[1] |= 3;
            packet[10..12].fill(0);
            let header = usize::from(packet[0] & 0x0f) * 4;
            let mut sum = etherparse::checksum::Sum16BitWords::new();
            sum = sum.add_slice(packet.get(..header).unwrap_or_default());
            packet[10..12].copy_from_slice(&sum.ones_complement().to_ne_bytes());
        }
        Some(6) if packet.len() >= 2 => packet[1] |= 0x30,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::IpAddr;

    use etherparse::{Ipv4Header, Ipv6Header};

    use super::super::ast::{Made, Upper};
    use super::super::traffic::frames;
    use super::*;

    fn frame(src: &str, dst: &str) -> Vec<u8> {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let made = Made {
            upper: Upper::Ping,
            src: address(src),
            dst: address(dst),
            count: 1,
            size: 8,
            tos: 0x02,
            df: false,
            options: false,
            fragment: false,
        };
        frames(&made, 1).unwrap().remove(0)
    }

    #[test]
    fn a_congestion_mark_leaves_the_header_right() {
        let mut v4 = frame("10.0.0.1", "10.0.0.2");
        mark_congestion(&mut v4);
        let (header, _) = Ipv4Header::from_slice(&v4[ETHERNET..]).unwrap();
        assert_eq!((header.ecn.value(), header.header_checksum), (3, header.calc_header_checksum()));
        let mut v6 = frame("fd00::1", "fd00::2");
        mark_congestion(&mut v6);
        assert_eq!(Ipv6Header::from_slice(&v6[ETHERNET..]).unwrap().0.traffic_class, 3);
    }

    #[test]
    fn faults_meet_frames_in_order_and_the_history_keeps_them_whole() {
        let handle = Scripted::default();
        let mut wire = handle.clone();
        handle.next(Side::Left, WireFault::Lose);
        handle.next(Side::Left, WireFault::Damage(-1));
        handle.next(Side::Left, WireFault::Damage(99));
        assert!(wire.carry(Side::Left, vec![1, 2]).is_empty());
        assert_eq!(wire.carry(Side::Right, vec![1, 2]), [[1, 2]]);
        assert_eq!(wire.carry(Side::Left, vec![1, 2]), [[1, 3]]);
        assert_eq!(wire.carry(Side::Left, vec![1, 2]), [[1, 2]]);
        assert_eq!((handle.count(Side::Left), handle.frame(Side::Left, 2), handle.frame(Side::Left, 0)), (3, Some(vec![1, 2]), None));
    }
}
