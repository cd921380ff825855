//! Headers in front of a payload, against byte strings.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::prepend::Prepend;
use espalier_hdl::records::{Meta, Prefix};
use espalier_sim::stream::{Beat, FrameSink, FrameSource, Record, Source, Stalls, step};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::{full_speed, model, random_bytes, random_stalls};

/// What goes in and what shall come out.
struct Packet {
    /// Prefix.
    extra: Vec<u8>,
    payload: Vec<u8>,
    error: bool,
    /// SA of the prefix's meta.
    sa: u64,
}

impl Packet {
    fn random(rng: &mut SmallRng, extra: usize, payload: usize) -> Self {
        let (extra, payload, sa) = (random_bytes(rng, extra), random_bytes(rng, payload), rng.random_range(0..1024));
        Self { error: !payload.is_empty() && rng.random_range(0..8) == 0, extra, payload, sa }
    }

    fn meta(&self) -> Meta {
        Meta { sa: self.sa.into(), status: (self.sa % 256).into(), crypto: self.sa.is_multiple_of(2), ..Default::default() }
    }

    /// Its headers, beat by beat; what does not count is nonsense.
    fn prefix(&self) -> Vec<Record> {
        let beats = self.extra.len().div_ceil(16).max(1);
        let beat = |i: usize| {
            let bytes = &self.extra[16 * i..self.extra.len().min(16 * (i + 1))];
            let mut padded = bytes.to_vec();
            padded.resize(16, 0x5a);
            let last = i + 1 == beats;
            Record::of(Prefix {
                data: BigUint::from_bytes_be(&padded).into(),
                bytes: (bytes.len() as u64).into(),
                last,
                alone: !last || self.payload.is_empty(),
                meta: if i == 0 { self.meta() } else { Meta::default() },
            })
        };
        (0..beats).map(beat).collect()
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
        packet.prefix().into_iter().for_each(|beat| prefixes.push(beat));
    }
    let (meta, valid) = (model.output("m_meta").unwrap(), model.output("m_valid").unwrap());
    while m.frames.len() < packets.len() {
        step(&mut model, &mut [&mut s, &mut prefixes, &mut m]).unwrap();
        model.settle();
        if model.read_bool(valid) {
            let packet = m.frames.len();
            assert_eq!(model.read(meta), espalier_sim::record(packets[packet].meta()), "packet {packet}: meta");
        }
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
