//! DSCP and ECN handed to an inner header: against RFC 4301 section 5.1.2 spelt out, the checksum computed anew.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::inner_header::{InnerHeader, Marks};
use espalier_sim::Model;
use espalier_sim::stream::{Beat, FrameSink, FrameSource, Stalls, step};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::{full_speed, random_bytes, random_stalls};

/// A payload and what is asked for.
struct Packet {
    bytes: Vec<u8>,
    v6: bool,
    set_ce: bool,
    dscp: Option<u8>,
}

fn checksum(header: &[u8]) -> u16 {
    let sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = (sum & 0xFFFF) + (sum >> 16);
    !((sum & 0xFFFF) + (sum >> 16)) as u16
}

impl Packet {
    fn random(rng: &mut SmallRng, length: usize) -> Self {
        let v6: bool = rng.random();
        let mut bytes = random_bytes(rng, length);
        if !v6 && length >= 20 {
            bytes[0] = 0x45;
            bytes[10..12].fill(0);
            let sum = checksum(&bytes[..20]);
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        let dscp = rng.random_bool(0.5).then(|| rng.random_range(0..64));
        Self { bytes, v6, set_ce: rng.random(), dscp }
    }

    fn marks(&self) -> Marks {
        let dscp = u64::from(self.dscp.unwrap_or(21));
        Marks { v6: self.v6, set_ce: self.set_ce, set_dscp: self.dscp.is_some(), dscp: dscp.into() }
    }

    fn expected(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if bytes.len() < if self.v6 { 2 } else { 12 } {
            return bytes;
        }
        let old = if self.v6 { bytes[0] << 4 | bytes[1] >> 4 } else { bytes[1] };
        let mut new = self.dscp.map_or(old, |dscp| dscp << 2 | old & 3);
        if self.set_ce && old & 3 != 0 {
            new |= 3;
        }
        if self.v6 {
            bytes[0] = bytes[0] & 0xF0 | new >> 4;
            bytes[1] = new << 4 | bytes[1] & 0x0F;
        } else if new != old {
            bytes[1] = new;
            // Of a header that is whole: anew. Else by the RFC's equation.
            let sum = if bytes.len() >= 20 {
                bytes[10..12].fill(0);
                checksum(&bytes[..20])
            } else {
                let sum = u32::from(!u16::from_be_bytes([bytes[10], bytes[11]])) + 0xFFFF - u32::from(old) + u32::from(new);
                let sum = (sum & 0xFFFF) + (sum >> 16);
                !((sum & 0xFFFF) + (sum >> 16)) as u16
            };
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }
}

/// Runs the packets; the clocks from the first beat in to the first beat out, and from that to the last.
fn run(packets: &[Packet], [s, m]: [Stalls; 2]) -> (u64, u64) {
    let mut model: Model = support::model::<InnerHeader>("inner_header");
    let mut s = FrameSource::<Beat>::new(&model, "s", s).unwrap();
    let mut m = FrameSink::<Beat>::new(&model, "m", m).unwrap();
    for packet in packets {
        s.push(&packet.bytes, 0);
    }
    while m.frames.len() < packets.len() {
        let next = &packets[s.sent.len().min(packets.len() - 1)];
        model.set_record("s_marks", next.marks());
        step(&mut model, &mut [&mut s, &mut m]).unwrap();
        assert!(model.cycles() < 1_000_000);
    }
    for (i, (packet, frame)) in packets.iter().zip(&m.frames).enumerate() {
        let what = format!("packet {i}: {} bytes, {:?}", packet.bytes.len(), packet.marks());
        assert_eq!(frame.bytes, packet.expected(), "{what}");
    }
    (m.frames[0].first - s.sent[0].first, m.frames[packets.len() - 1].last - m.frames[0].first + 1)
}

fn packets(rng: &mut SmallRng, count: usize) -> Vec<Packet> {
    (0..count)
        .map(|i| {
            let length = if i % 3 == 0 { rng.random_range(1..=20) } else { rng.random_range(20..=100) };
            Packet::random(rng, length)
        })
        .collect()
}

#[test]
fn marks_are_handed_inwards_under_stalls() {
    for seed in 0..20 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let packets = packets(&mut rng, 200);
        let stalls = random_stalls(&mut rng, seed);
        run(&packets, stalls);
    }
}

#[test]
fn a_beat_takes_a_clock_and_comes_3_later() {
    let packets = packets(&mut SmallRng::seed_from_u64(1), 3000);
    let beats: u64 = packets.iter().map(|packet| packet.bytes.len().div_ceil(16) as u64).sum();
    assert_eq!(run(&packets, full_speed()), (3, beats));
}
