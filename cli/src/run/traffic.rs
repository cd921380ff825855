//! Who sends which packet of a capture, and what must become of it.

use std::collections::HashMap;

use espalier_driver::Event;
use espalier_reference_model::headers::Headers;
use espalier_reference_model::nic::Nic;
use espalier_reference_model::policy::{Flow, PolicyTable};

use super::capture::Captured;
use super::sides::Side;

/// A packet of the capture and its sender.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Its number in the capture, from 1.
    pub number: usize,
    /// Who sends it.
    pub sender: Side,
    /// The frame.
    pub bytes: Vec<u8>,
}

type Mac = [u8; 6];

/// Says for each packet who sends it. In this order:
/// 1. the host that has a policy for sent packets that matches it, if only one has;
/// 2. the host that its source MAC address belongs to: the one that sent a packet of rule 1 from there;
/// 3. the peer of the host that its destination MAC address belongs to;
/// 4. the left one.
pub fn assign(frames: Vec<Captured>, policies: [&PolicyTable; 2]) -> Vec<Packet> {
    let by_policy: Vec<_> = frames.iter().map(|frame| by_policy(&frame.bytes, policies)).collect();
    let mut owners: HashMap<Mac, Side> = HashMap::new();
    for (frame, side) in frames.iter().zip(&by_policy) {
        if let (Some(side), Some(mac)) = (side, mac(&frame.bytes, 6)) {
            owners.entry(mac).or_insert(*side);
        }
    }
    let by_mac = |bytes: &[u8]| {
        let owner = |at| mac(bytes, at).and_then(|mac| owners.get(&mac).copied());
        owner(6).or(owner(0).map(Side::peer))
    };
    let sender = |(bytes, by_policy): (&[u8], Option<Side>)| by_policy.or_else(|| by_mac(bytes)).unwrap_or(Side::Left);
    frames
        .into_iter()
        .zip(by_policy)
        .enumerate()
        .map(|(index, (frame, by_policy))| Packet { number: index + 1, sender: sender((&frame.bytes, by_policy)), bytes: frame.bytes })
        .collect()
}

fn by_policy(bytes: &[u8], policies: [&PolicyTable; 2]) -> Option<Side> {
    let headers = Headers::parse(bytes);
    if !headers.is_ip() || headers.malformed {
        return None;
    }
    let flow = Flow::of(&headers);
    match policies.map(|policies| policies.look_up(&flow).is_some()) {
        [true, false] => Some(Side::Left),
        [false, true] => Some(Side::Right),
        _ => None,
    }
}

fn mac(bytes: &[u8], at: usize) -> Option<Mac> {
    bytes.get(at..)?.first_chunk().copied()
}

/// A frame that must appear somewhere, and the packet it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Number of the packet in the capture.
    pub packet: usize,
    /// The frame, to the byte.
    pub bytes: Vec<u8>,
}

/// What must become of the packets, by their sender.
#[derive(Debug, Default)]
pub struct Forecast {
    /// Frames on the wire, in order.
    pub wire: [Vec<Due>; 2],
    /// Frames given to the receiver's host, in order.
    pub delivered: [Vec<Due>; 2],
}

/// Sends every packet through the reference model. Both NICs have counted it then. Frames longer than `max_frame` are damaged.
pub fn forecast(packets: &[Packet], nics: &mut [Nic; 2], max_frame: usize) -> Forecast {
    let mut forecast = Forecast::default();
    for Packet { number, sender, bytes } in packets {
        let (from, to) = (sender.index(), sender.peer().index());
        let Some(sent) = nics[from].transmit(bytes, bytes.len() > max_frame).frame else { continue };
        let received = nics[to].receive(&sent, sent.len() > max_frame);
        forecast.wire[from].push(Due { packet: *number, bytes: sent });
        if let Some(frame) = received.frame {
            forecast.delivered[from].push(Due { packet: *number, bytes: frame });
        }
    }
    forecast
}

/// Whether an event is the end of a packet.
pub fn is_drop(event: Event) -> bool {
    !matches!(
        event,
        Event::TxFrames
            | Event::TxBypassed
            | Event::TxProtected
            | Event::RxFrames
            | Event::RxBypassed
            | Event::RxDecrypted
            | Event::RxUnsupported
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::run::{reference, sides, verify};

    fn nics() -> [Nic; 2] {
        let source = include_bytes!("../../../tests/captures/transport-aes128.xfrm");
        let hosts = sides::split(crate::xfrm::parse(source).unwrap()).unwrap();
        hosts.commands.map(|commands| reference::nic(&commands).unwrap())
    }

    /// An Ethernet and IPv4 header; `hosts` gives the last bytes of MAC and IP addresses, source first.
    fn frame(hosts: [u8; 2], ether_type: u16, addresses: [[u8; 4]; 2]) -> Captured {
        let mut bytes = vec![2, 0, 0, 0, 0, hosts[1], 2, 0, 0, 0, 0, hosts[0]];
        bytes.extend(ether_type.to_be_bytes());
        let mut ip = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0].to_vec();
        ip.extend(addresses.concat());
        let sum: u32 = ip.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        let sum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes.extend(ip);
        Captured { time: Duration::ZERO, bytes }
    }

    #[test]
    fn a_packet_belongs_to_the_host_with_a_policy_for_it_and_then_to_its_mac_addresss() {
        let (left, right, other) = ([10, 1, 0, 1], [10, 2, 0, 1], [10, 9, 0, 1]);
        let nics = nics();
        let frames = vec![
            frame([1, 2], 0x0806, [left, right]),  // no IP: by the source MAC that packet 3 shows
            frame([2, 9], 0x0806, [left, right]),  // the right one's by its MAC
            frame([1, 2], 0x0800, [left, right]),  // by policy
            frame([2, 1], 0x0800, [right, left]),  // by policy
            frame([7, 1], 0x0800, [other, left]),  // unknown source, for the left one: the right one sends it
            frame([7, 8], 0x0800, [other, other]), // nothing known
        ];
        let senders =
            |frames| assign(frames, [&nics[0].policies, &nics[1].policies]).iter().map(|packet| packet.sender).collect::<Vec<_>>();
        use Side::{Left, Right};
        assert_eq!(senders(frames), [Left, Right, Left, Right, Right, Left]);
    }

    #[test]
    fn a_frame_too_long_is_a_counted_drop() {
        let mut long = nics();
        let packets = [Packet { number: 1, sender: Side::Left, bytes: vec![0; 100] }];
        assert!(forecast(&packets, &mut long, 99).wire[0].is_empty());
        assert_eq!(long[0].counters().get(Event::TxDropError), 1);
    }

    proptest! {
        #[test]
        fn any_frames_have_a_sender_and_a_fate(frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..120), 1..20), ip in any::<bool>()) {
            let mut nics = nics();
            let captured = frames.into_iter().map(|mut bytes| {
                if ip && bytes.len() > 14 {
                    bytes[12..15].copy_from_slice(&[8, 0, 0x45]);
                }
                Captured { time: Duration::ZERO, bytes }
            });
            let packets = assign(captured.collect(), [&nics[0].policies, &nics[1].policies]);
            let forecast = forecast(&packets, &mut nics, 9000);
            let frames = |due: &Vec<Due>| due.iter().map(|due| due.bytes.clone()).collect::<Vec<_>>();
            let (wire, delivered) = (forecast.wire.each_ref().map(frames), forecast.delivered.each_ref().map(frames));
            let seen = verify::Seen { wire: [&wire[0], &wire[1]], delivered: [&delivered[0], &delivered[1]] };
            prop_assert!(verify::verify(&packets, &forecast, seen).is_empty());
        }
    }
}
