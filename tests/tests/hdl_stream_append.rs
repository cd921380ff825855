//! The ICV behind a payload, whole and truncated (RFC 4106 section 6), against byte strings.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::append::{Append, WithIcv};
use espalier_sim::stream::{Beat, FrameSink, FrameSource, Record, Source, Stalls, step};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::{full_speed, model, random_bytes, random_stalls};

/// Bytes of ICV, by their code.
const SIZES: [usize; 3] = [16, 12, 8];

/// What goes in and what shall come out.
struct Packet {
    /// The tag, and which of [`SIZES`].
    tag: Option<(Vec<u8>, usize)>,
    payload: Vec<u8>,
    error: bool,
}

impl Packet {
    fn plain(rng: &mut SmallRng, payload: usize) -> Self {
        Self { tag: None, payload: random_bytes(rng, payload), error: rng.random_range(0..8) == 0 }
    }

    fn sealed(rng: &mut SmallRng, payload: usize, size: usize) -> Self {
        Self { tag: Some((random_bytes(rng, 16), size)), ..Self::plain(rng, payload) }
    }

    fn icv(&self) -> &[u8] {
        self.tag.as_ref().map_or(&[], |(tag, size)| &tag[..SIZES[*size]])
    }

    fn with_icv(&self) -> Record {
        // Without an ICV its size is nonsense.
        let size = self.tag.as_ref().map_or(self.payload.len() % 3, |(_, size)| *size);
        Record::of(WithIcv { icv: self.tag.is_some(), size: (size as u64).into() })
    }
}

/// Runs packets through the block; the clocks from the first beat out to the last.
fn append(packets: &[Packet], stalls: [Stalls; 4]) -> u64 {
    let mut model = model::<Append>("append");
    let [s, with_icv, tag, m] = stalls;
    let mut s = FrameSource::<Beat>::new(&model, "s", s).unwrap();
    let mut flags = Source::new(&model, "with_icv", with_icv).unwrap();
    let mut tags = Source::new(&model, "tag", tag).unwrap();
    let mut m = FrameSink::<Beat>::new(&model, "m", m).unwrap();
    for packet in packets {
        s.push(&packet.payload, packet.error.into());
        flags.push(packet.with_icv());
        if let Some((tag, _)) = &packet.tag {
            tags.push(Record(BigUint::from_bytes_be(tag)));
        }
    }
    while m.frames.len() < packets.len() {
        step(&mut model, &mut [&mut s, &mut flags, &mut tags, &mut m]).unwrap();
        assert!(model.cycles() < 10_000_000);
    }
    for (i, (packet, frame)) in packets.iter().zip(&m.frames).enumerate() {
        let what = format!("packet {i}: {} + {}", packet.payload.len(), packet.icv().len());
        assert_eq!(frame.bytes, [&packet.payload, packet.icv()].concat(), "{what}");
        assert_eq!(frame.user != 0, packet.error, "{what}");
    }
    assert!(tags.queue.is_empty() && flags.queue.is_empty());
    m.frames.last().unwrap().last - m.frames[0].first + 1
}

fn out_beats(packets: &[Packet]) -> u64 {
    packets.iter().map(|p| (p.payload.len() + p.icv().len()).div_ceil(16) as u64).sum()
}

#[test]
fn append_of_every_length_takes_a_clock_a_beat() {
    let mut rng = SmallRng::seed_from_u64(2);
    let mut packets = Vec::new();
    for payload in (1..=80).chain(1500..=1536).chain(8990..=9010) {
        packets.push(Packet::plain(&mut rng, payload));
        if payload % 4 == 0 {
            for size in [0, 1, 2, 0, 2, 1] {
                packets.push(Packet::sealed(&mut rng, payload, size));
            }
        }
    }
    assert_eq!(append(&packets, full_speed()), out_beats(&packets));
}

#[test]
fn append_survives_stalls() {
    for seed in 0..40 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let packets: Vec<_> = (0..150)
            .map(|_| match rng.random_bool(0.6) {
                true => {
                    let (payload, size) = (4 * rng.random_range(1..=25), rng.random_range(0..3));
                    Packet::sealed(&mut rng, payload, size)
                }
                false => {
                    let payload = rng.random_range(1..=100);
                    Packet::plain(&mut rng, payload)
                }
            })
            .collect();
        let stalls = random_stalls(&mut rng, seed);
        append(&packets, stalls);
    }
}
