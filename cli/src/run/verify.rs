//! Compares what came out of the two NICs with what must have, byte for byte.

use std::fmt;

use espalier_driver::Event;
use espalier_reference_model::headers::Headers;

use super::sides::Side;
use super::traffic::{Due, Forecast, Packet};

/// What came out, by the packets' sender.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Frames on the wire, in order.
    pub wire: [&'a [Vec<u8>]; 2],
    /// Frames given to the receiver's host, in order.
    pub delivered: [&'a [Vec<u8>]; 2],
}

/// Where a frame was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the wire, compared with the reference model.
    Wire,
    /// At the receiver's host, compared with the reference model.
    Delivered,
    /// At the receiver's host, compared with what was sent.
    Sent,
}

/// How two frames differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// There is none where one is due.
    Missing,
    /// There is one where none is due.
    Extra {
        /// Its length.
        length: usize,
    },
    /// The first byte that differs; nothing where a frame ends.
    Byte {
        /// Where, from 0.
        offset: usize,
        /// What is there.
        found: Option<u8>,
        /// What is due.
        due: Option<u8>,
    },
}

/// A difference, and the packet it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Number of the packet in the capture; none for a frame too many.
    pub packet: Option<usize>,
    /// Who sent it.
    pub sender: Side,
    /// Where.
    pub place: Place,
    /// What.
    pub difference: Difference,
}

/// Compares frames in order.
pub fn verify(packets: &[Packet], forecast: &Forecast, seen: Seen) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    for sender in Side::BOTH {
        let index = sender.index();
        for (place, due, seen) in
            [(Place::Wire, &forecast.wire[index], seen.wire[index]), (Place::Delivered, &forecast.delivered[index], seen.delivered[index])]
        {
            let mut found = |packet, difference| mismatches.push(Mismatch { packet, sender, place, difference });
            for (Due { packet, bytes }, seen) in due.iter().zip(seen) {
                if let Some(difference) = first_difference(seen, bytes) {
                    found(Some(*packet), difference);
                }
            }
            due.iter().skip(seen.len()).for_each(|due| found(Some(due.packet), Difference::Missing));
            seen.iter().skip(due.len()).for_each(|extra| found(None, Difference::Extra { length: extra.len() }));
        }
        for (Due { packet, .. }, seen) in forecast.delivered[index].iter().zip(seen.delivered[index]) {
            let sent = packets.iter().find(|sent| sent.number == *packet);
            if let Some(difference) = sent.and_then(|sent| from_sent(seen, &sent.bytes)) {
                mismatches.push(Mismatch { packet: Some(*packet), sender, place: Place::Sent, difference });
            }
        }
    }
    mismatches
}

fn first_difference(found: &[u8], due: &[u8]) -> Option<Difference> {
    let common = found.iter().zip(due).position(|(found, due)| found != due);
    let offset = common.or((found.len() != due.len()).then_some(found.len().min(due.len())))?;
    Some(Difference::Byte { offset, found: found.get(offset).copied(), due: due.get(offset).copied() })
}

/// What arrives is what was sent, except that Ethernet padding behind the IP packet may be gone: ESP does not carry it.
fn from_sent(found: &[u8], sent: &[u8]) -> Option<Difference> {
    let headers = Headers::parse(sent);
    let unpadded = match headers.is_ip() && !headers.malformed {
        true => sent.get(..headers.l2_length + headers.ip_length).unwrap_or(sent),
        false => sent,
    };
    first_difference(found, sent).filter(|_| found != unpadded)
}

/// A counter that is not what the reference model has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miscount {
    /// Of which NIC.
    pub side: Side,
    /// Which counter.
    pub event: Event,
    /// What it says.
    pub found: u64,
    /// What the model says.
    pub due: u64,
}

/// Compares the counters of the devices with the model's.
pub fn counters(found: [&dyn Fn(Event) -> u64; 2], due: [&dyn Fn(Event) -> u64; 2]) -> Vec<Miscount> {
    let mut miscounts = Vec::new();
    for side in Side::BOTH {
        for &event in Event::ALL {
            let (found, due) = (found[side.index()](event), due[side.index()](event));
            if found != due {
                miscounts.push(Miscount { side, event, found, due });
            }
        }
    }
    miscounts
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.sender, self.sender.peer());
        match self.packet {
            Some(packet) => write!(f, "packet {packet} ({from} to {to})")?,
            None => write!(f, "a frame too many ({from} to {to})")?,
        }
        f.write_str(match self.place {
            Place::Wire => ", on the wire",
            Place::Delivered | Place::Sent => ", as received",
        })?;
        let against = match self.place {
            Place::Wire | Place::Delivered => "the reference model has",
            Place::Sent => "was sent with",
        };
        let byte = |byte: &Option<u8>| byte.map_or("the frame's end".to_owned(), |byte| format!("{byte:#04x}"));
        match &self.difference {
            Difference::Missing => f.write_str(": missing"),
            Difference::Extra { length } => write!(f, ": {length} bytes"),
            Difference::Byte { offset, found, due } => write!(f, ": byte {offset} is {}; {against} {}", byte(found), byte(due)),
        }
    }
}

impl fmt::Display for Miscount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, event, found, due } = self;
        write!(f, "{side} NIC, counter {}: {found}; the reference model has {due}", event.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 packet of 28 bytes in a frame padded to 60.
    fn padded() -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
        frame.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0x66, 0xDD, 10, 1, 0, 1, 10, 2, 0, 1]);
        frame.resize(60, 0);
        frame
    }

    #[test]
    fn padding_may_be_gone_and_nothing_else() {
        let sent = padded();
        assert!(!Headers::parse(&sent).malformed);
        assert_eq!(from_sent(&sent, &sent), None);
        assert_eq!(from_sent(&sent[..42], &sent), None);
        assert_eq!(from_sent(&sent[..41], &sent), Some(Difference::Byte { offset: 41, found: None, due: Some(0) }));
        assert_eq!(from_sent(&sent[..43], &sent), Some(Difference::Byte { offset: 43, found: None, due: Some(0) }));
    }

    #[test]
    fn the_packet_and_the_first_differing_byte_are_named() {
        let sent = padded();
        let packets = [Packet { number: 7, sender: Side::Right, bytes: sent.clone() }];
        let due = Due { packet: 7, bytes: sent.clone() };
        let forecast = Forecast { wire: [vec![], vec![due.clone()]], delivered: [vec![], vec![due]] };
        let mut wrong = sent.clone();
        wrong[20] ^= 1;
        wrong[30] ^= 1;
        let (good, bad) = ([sent], [wrong]);
        let text = |wire, delivered| {
            let seen = Seen { wire: [&[], wire], delivered: [&[], delivered] };
            verify(&packets, &forecast, seen).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(text(&good, &good).is_empty());
        assert_eq!(text(&bad, &good), ["packet 7 (right to left), on the wire: byte 20 is 0x01; the reference model has 0x00"]);
        assert_eq!(
            text(&good, &bad),
            [
                "packet 7 (right to left), as received: byte 20 is 0x01; the reference model has 0x00",
                "packet 7 (right to left), as received: byte 20 is 0x01; was sent with 0x00"
            ]
        );
        assert_eq!(text(&good, &[]), ["packet 7 (right to left), as received: missing"]);
        let twice = [good[0].clone(), good[0].clone()];
        assert_eq!(text(&twice, &good), ["a frame too many (right to left), on the wire: 60 bytes"]);
    }
}
