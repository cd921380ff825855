//! Headers in front of a payload, and the ICV behind one, against byte strings.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::append::Append;
use espalier_hdl::prepend::Prepend;
use espalier_hdl::records::Prefix;
use espalier_sim::stream::{Beat, FrameSink, FrameSource, Record, Source, Stalls, step};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::{full_speed, model, random_bytes, random_stalls};

/// Payload lengths worth a look: all short ones, and around the usual limits.
fn lengths() -> impl Iterator<Item = usize> + Clone {
    (1..=80).chain(1500..=1536).chain(8990..=9010)
}

/// A packet of either block: what goes in and what shall come out.
struct Packet {
    /// Prefix or tag.
    extra: Vec<u8>,
    payload: Vec<u8>,
    error: bool,
}

impl Packet {
    fn random(rng: &mut SmallRng, extra: usize, payload: usize) -> Self {
        Self { extra: random_bytes(rng, extra), payload: random_bytes(rng, payload), error: payload > 0 && rng.random_range(0..8) == 0 }
    }

    fn prefix(&self) -> Record {
        let mut bytes = self.extra.clone();
        bytes.resize(86, 0x5a);
        let prefix = Prefix {
            meta: Default::default(),
            bytes: BigUint::from_bytes_be(&bytes).into(),
            length: (self.extra.len() as u64).into(),
            icv: true,
            alone: self.payload.is_empty(),
        };
        Record::of(prefix)
    }
}

/// Runs packets through `Prepend`; the clocks from the first beat out to the last.
fn prepend(packets: &[Packet], stalls: [Stalls; 3]) -> u64 {
    let mut model = model::<Prepend>("prepend");
    let [s, prefix, m] = stalls;
    let mut s = FrameSource::<Beat>::new(&model, "s", s).unwrap();
    let mut prefixes = Source::new(&model, "prefix", prefix).unwrap();
    let mut m = FrameSink::<Beat>::new(&model, "m", m).unwrap();
    for packet in packets {
        s.push(&packet.payload, packet.error.into());
        prefixes.push(packet.prefix());
    }
    while m.frames.len() < packets.len() {
        step(&mut model, &mut [&mut s, &mut prefixes, &mut m]).unwrap();
        assert!(model.cycles() < 10_000_000);
    }
    for (i, (packet, frame)) in packets.iter().zip(&m.frames).enumerate() {
        let what = format!("packet {i}: {} + {}", packet.extra.len(), packet.payload.len());
        assert_eq!(frame.bytes, [&packet.extra[..], &packet.payload].concat(), "{what}");
        assert_eq!(frame.user != 0, packet.error, "{what}");
    }
    m.frames.last().unwrap().last - m.frames[0].first + 1
}

fn out_beats(packets: &[Packet]) -> u64 {
    packets.iter().map(|p| (p.extra.len() + p.payload.len()).div_ceil(16) as u64).sum()
}

#[test]
fn prepend_of_every_length_takes_a_clock_a_beat() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut packets = Vec::new();
    for prefix in (0..=86).step_by(2) {
        for payload in (1..=80).chain([1500, 1518, 9000]) {
            packets.push(Packet::random(&mut rng, prefix, payload));
        }
        if prefix > 0 {
            packets.push(Packet::random(&mut rng, prefix, 0));
        }
    }
    assert_eq!(prepend(&packets, full_speed()), out_beats(&packets));
}

#[test]
fn prepend_survives_stalls() {
    for seed in 0..40 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let packets: Vec<_> = (0..150)
            .map(|_| match (2 * rng.random_range(0..=43), rng.random_range(0..=100)) {
                (0, payload) => Packet::random(&mut rng, 0, payload.max(1)),
                (prefix, payload) => Packet::random(&mut rng, prefix, payload),
            })
            .collect();
        let stalls = random_stalls(&mut rng, seed);
        prepend(&packets, stalls);
    }
}

/// Runs packets through `Append`, those with `extra` with a tag; the clocks from the first beat out to the last.
fn append(packets: &[Packet], stalls: [Stalls; 4]) -> u64 {
    let mut model = model::<Append>("append");
    let [s, with_icv, tag, m] = stalls;
    let mut s = FrameSource::<Beat>::new(&model, "s", s).unwrap();
    let mut flags = Source::new(&model, "with_icv", with_icv).unwrap();
    let mut tags = Source::new(&model, "tag", tag).unwrap();
    let mut m = FrameSink::<Beat>::new(&model, "m", m).unwrap();
    for packet in packets {
        s.push(&packet.payload, packet.error.into());
        flags.push(Record::of(!packet.extra.is_empty()));
        if !packet.extra.is_empty() {
            tags.push(Record(BigUint::from_bytes_be(&packet.extra)));
        }
    }
    while m.frames.len() < packets.len() {
        step(&mut model, &mut [&mut s, &mut flags, &mut tags, &mut m]).unwrap();
        assert!(model.cycles() < 10_000_000);
    }
    for (i, (packet, frame)) in packets.iter().zip(&m.frames).enumerate() {
        let what = format!("packet {i}: {} + {}", packet.payload.len(), packet.extra.len());
        assert_eq!(frame.bytes, [&packet.payload[..], &packet.extra].concat(), "{what}");
        assert_eq!(frame.user != 0, packet.error, "{what}");
    }
    assert!(tags.queue.is_empty() && flags.queue.is_empty());
    m.frames.last().unwrap().last - m.frames[0].first + 1
}

#[test]
fn append_of_every_length_takes_a_clock_a_beat() {
    let mut rng = SmallRng::seed_from_u64(2);
    let mut packets = Vec::new();
    for payload in lengths() {
        packets.push(Packet::random(&mut rng, 0, payload));
        if payload % 4 == 0 {
            packets.push(Packet::random(&mut rng, 16, payload));
            packets.push(Packet::random(&mut rng, 16, payload));
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
            .map(|_| match rng.random_bool(0.5) {
                true => {
                    let payload = 4 * rng.random_range(1..=25);
                    Packet::random(&mut rng, 16, payload)
                }
                false => {
                    let payload = rng.random_range(1..=100);
                    Packet::random(&mut rng, 0, payload)
                }
            })
            .collect();
        let stalls = random_stalls(&mut rng, seed);
        append(&packets, stalls);
    }
}
