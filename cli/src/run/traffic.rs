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

/// Sends every packet through the reference model. Both NICs have counted it then.
pub fn forecast(packets: &[Packet], nics: &mut [Nic; 2]) -> Forecast {
    let mut forecast = Forecast::default();
    for Packet { number, sender, bytes } in packets {
        let (from, to) = (sender.index(), sender.peer().index());
        let Some(sent) = nics[from].transmit(bytes, false).frame else { continue };
        let received = nics[to].receive(&sent, false);
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
