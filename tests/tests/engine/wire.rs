//! What the peer sends, and what happens to it on its way.

use espalier_driver::xfrm::Direction;
use espalier_reference_model::esp::encapsulate;
use espalier_reference_model::headers::Headers;
use espalier_reference_model::rfc4106::Header;
use espalier_reference_model::sa::TxSa;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::association::Association;
use crate::packet::Packet;
use crate::traffic::Shot;

/// What happens to an ESP frame on its way.
#[derive(Debug, Clone)]
pub enum Fate {
    Good,
    /// Sent twice.
    Doubled,
    /// One bit flipped behind the sequence number, or before it.
    Flipped(Index),
    /// Cut short.
    Cut(Index),
    /// The MAC says that it is damaged.
    Damaged,
    /// Bytes behind the packet.
    Padded(usize),
    /// The number is left of any window, or zero.
    Old(bool),
    /// A jump ahead, authentic.
    Jump(u32),
    /// A trailer whose pad length is more than there is, or a next header that does not fit, authentic.
    Trailer(u8, u8),
    /// Without the last bytes of ciphertext, and the IP header says so too.
    Short(u8),
    /// DSCP and ECN of the IP header are others on arrival.
    Marked(u8),
    /// IPv4: it is a fragment.
    Fragment,
}

/// The frames that reach the card of a packet which the peer sends by `sa`; none of one that got lost. A rest stands before what is told
/// apart by the state of the window or the counts: what is under way must have arrived, or another of its faults may be seen first.
pub fn receive(association: &Association, sa: &mut TxSa, packet: &Packet, fate: &Fate) -> Vec<Shot> {
    if let Fate::Jump(by) = fate {
        let end = if sa.esn { u64::MAX } else { u64::from(u32::MAX) };
        sa.last_seq = sa.last_seq.max((sa.last_seq.saturating_add(u64::from(*by))).min(end - 10));
    }
    let Some(seq) = sa.next_seq() else { return Vec::new() };
    let plain = packet.frame(association.inside(Direction::In));
    let seal = |seq| -> Option<Vec<u8>> {
        let frame = encapsulate(&plain, sa, seq).ok()?;
        Some(match fate {
            Fate::Trailer(pad_length, next_header) => reseal(&frame, sa, seq, seq, Some([*pad_length, *next_header])),
            // The IV is the sender's affair (RFC 4106 section 3.1): Linux has another than the sequence number.
            _ if packet.ttl.is_multiple_of(2) => reseal(&frame, sa, seq, seq.wrapping_mul(0x9E37_79B9_7F4A_7C15), None),
            _ => frame,
        })
    };
    let Some(mut frame) = seal(seq) else { return Vec::new() };
    let wire = |frame| Shot::Wire { frame, error: false };
    match fate {
        Fate::Good | Fate::Jump(_) | Fate::Trailer(..) => vec![wire(frame)],
        Fate::Doubled => {
            vec![wire(frame.clone()), Shot::Rest, wire(frame)].into_iter().filter(|shot| is_needed(association, shot)).collect()
        }
        Fate::Damaged => vec![Shot::Wire { frame, error: true }],
        Fate::Padded(by) => {
            frame.resize(frame.len() + by, 0x5A);
            vec![wire(frame)]
        }
        Fate::Cut(at) => {
            frame.truncate(1 + at.index(frame.len() - 1));
            vec![wire(frame)]
        }
        Fate::Flipped(at) => {
            // The sequence number is left alone: a number of a packet that is still under way is refused earlier or later, as it happens.
            let number = Headers::parse(&frame).esp.map_or(0, |esp| esp.offset + 4);
            let at = at.index(8 * frame.len());
            if !(number..number + 4).contains(&(at / 8)) {
                frame[at / 8] ^= 1 << (at % 8);
            }
            vec![wire(frame)]
        }
        Fate::Old(zero) => {
            let seq = if *zero { 0 } else { seq.saturating_sub(5000).max(1) };
            seal(seq).map(|frame| vec![Shot::Rest, wire(frame)]).unwrap_or_default()
        }
        Fate::Short(by) => {
            frame.truncate(frame.len().saturating_sub(usize::from(*by)));
            mend_ip(&mut frame, |ip, v6, length| {
                let at = if v6 { 4 } else { 2 };
                let length = if v6 { length - 40 } else { length };
                ip[at..at + 2].copy_from_slice(&(length as u16).to_be_bytes());
            });
            vec![wire(frame)]
        }
        Fate::Fragment => {
            mend_ip(&mut frame, |ip, v6, _| ip[6] |= if v6 { 0 } else { 0x20 });
            vec![wire(frame)]
        }
        Fate::Marked(tos) => {
            mend_ip(&mut frame, |ip, v6, _| {
                if v6 {
                    (ip[0], ip[1]) = (0x60 | tos >> 4, ip[1] & 0xF | tos << 4);
                } else {
                    ip[1] = *tos;
                }
            });
            vec![wire(frame)]
        }
    }
}

/// Whether the second of two equal packets is a duplicate or too late depends on whether the first was the last that its SA let pass.
fn is_needed(association: &Association, shot: &Shot) -> bool {
    let limits = association.limits[1];
    let limited = limits.hard_packets != u64::MAX || limits.hard_bytes != u64::MAX;
    limited || !matches!(shot, Shot::Rest)
}

/// Changes the IP header of a frame by `change`, which is told whether it is IPv6 and how long the packet is now; then its checksum is right.
fn mend_ip(frame: &mut [u8], change: impl Fn(&mut [u8], bool, usize)) {
    let Headers { l2_length, l3_length, is_v6, .. } = Headers::parse(frame);
    let ip = &mut frame[l2_length..];
    let length = ip.len();
    if l3_length < 20 || length < l3_length {
        return;
    }
    change(ip, is_v6, length);
    if !is_v6 {
        ip[10..12].fill(0);
        let checksum = etherparse::checksum::Sum16BitWords::new().add_slice(&ip[..l3_length]).ones_complement().to_be();
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The same packet under another IV, and if asked with other last bytes (pad length, next header).
fn reseal(frame: &[u8], sa: &TxSa, seq: u64, iv: u64, trailer: Option<[u8; 2]>) -> Vec<u8> {
    let (head, mut plaintext) = opened(frame, sa, seq);
    if let Some(trailer) = trailer {
        let at = plaintext.len() - 2;
        plaintext[at..].copy_from_slice(&trailer);
    }
    let iv = iv.to_be_bytes();
    let header = Header { spi: sa.spi, seq, esn: sa.esn };
    [&head[..head.len() - 8], &iv, &sa.cipher.seal(&header, &iv, &plaintext)].concat()
}

/// What lies up to the IV of a packet that was just sealed, and what was encrypted.
pub fn opened<'a>(frame: &'a [u8], sa: &TxSa, seq: u64) -> (&'a [u8], Vec<u8>) {
    let esp = Headers::parse(frame).esp.expect("an ESP frame");
    let (head, sealed) = frame.split_at(esp.offset + 16);
    let iv: [u8; 8] = head[esp.offset + 8..].try_into().expect("8 bytes");
    let header = Header { spi: sa.spi, seq, esn: sa.esn };
    (head, sa.cipher.open(&header, &iv, sealed).expect("it was just sealed"))
}

pub fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        30 => Just(Fate::Good),
        3 => Just(Fate::Doubled),
        6 => any::<Index>().prop_map(Fate::Flipped),
        3 => any::<Index>().prop_map(Fate::Cut),
        2 => Just(Fate::Damaged),
        3 => (1..40usize).prop_map(Fate::Padded),
        3 => any::<bool>().prop_map(Fate::Old),
        3 => prop_oneof![1..5000u32, Just(0x0100_0000)].prop_map(Fate::Jump),
        4 => (any::<u8>(), prop_oneof![Just(59u8), Just(4), Just(41), any::<u8>()]).prop_map(|(pad, next)| Fate::Trailer(pad, next)),
        2 => (1..40u8).prop_map(Fate::Short),
        8 => any::<u8>().prop_map(Fate::Marked),
        3 => Just(Fate::Fragment),
    ]
}
