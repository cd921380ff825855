//! Crypto offload: the ESP packets that the host's stack builds for the card to encrypt.

use espalier_driver::xfrm::Direction;
use espalier_reference_model::esp::encapsulate;
use espalier_reference_model::headers::Headers;
use espalier_reference_model::nic::Offload;
use espalier_reference_model::sa::TxSa;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::association::Association;
use crate::packet::Packet;
use crate::traffic::Shot;
use crate::wire::opened;

/// What is wrong with such a packet.
#[derive(Debug, Clone)]
pub enum Flaw {
    Nothing,
    /// The number of another SA, or of none, stands beside it.
    Number(u16),
    /// A bit of SPI, sequence number or IV is another.
    Header(Index),
    /// One of these many bytes less at its end, and the IP header does not say so.
    Cut(u8),
    /// It is not ESP at all.
    Plain,
    Damaged,
    /// Ethernet padding behind it.
    Padded(usize),
}

/// What the stack gives to the card: the packet with its trailer, in clear, with room for the ICV.
pub fn build(association: &Association, sa: &mut TxSa, packet: &Packet, flaw: &Flaw) -> Vec<Shot> {
    let Some(seq) = sa.next_seq() else { return Vec::new() };
    let plain = packet.frame(association.inside(Direction::Out));
    let Ok(sealed) = encapsulate(&plain, sa, seq) else { return Vec::new() };
    let (head, plaintext) = opened(&sealed, sa, seq);
    let room = vec![0x5A; sealed.len() - head.len() - plaintext.len()];
    let mut frame = [head, &plaintext, &room].concat();
    let (mut number, mut error) = (association.tx(), false);
    match flaw {
        Flaw::Nothing => {}
        Flaw::Number(other) => number = *other,
        Flaw::Header(bit) => {
            let esp = Headers::parse(&frame).esp.expect("an ESP frame").offset;
            let bit = bit.index(8 * 16);
            frame[esp + bit / 8] ^= 1 << (bit % 8);
        }
        Flaw::Cut(by) => frame.truncate(frame.len().saturating_sub(usize::from(*by)).max(1)),
        Flaw::Plain => frame = plain,
        Flaw::Damaged => error = true,
        Flaw::Padded(by) => frame.resize(frame.len() + by, 0xA5),
    }
    vec![Shot::Host { frame, offload: Offload::Crypto(number), error }]
}

pub fn flaws() -> impl Strategy<Value = Flaw> {
    prop_oneof![
        20 => Just(Flaw::Nothing),
        1 => (0..64u16).prop_map(Flaw::Number),
        4 => any::<Index>().prop_map(Flaw::Header),
        1 => (1..60u8).prop_map(Flaw::Cut),
        1 => Just(Flaw::Plain),
        1 => Just(Flaw::Damaged),
        2 => (1..40usize).prop_map(Flaw::Padded),
    ]
}
