//! The header builder against etherparse: every field in its place, the IPv4 checksum right, what is kept as it came, lengths, latency and
//! clocks as documented, under stalls.
#![allow(clippy::unwrap_used)]

#[path = "hdl_header_builder/packet.rs"]
mod packet;
#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::header_builder::HeaderBuilder;
use espalier_hdl::records::Prefix;
use espalier_sim::stream::{Record, Sink, Source, Stalls, step};
use num_bigint::BigUint;
use packet::Packet;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use support::{full_speed, model, random_stalls};

/// Clocks from the fields taken to the first beat of a prefix.
const LATENCY: u64 = 2;
/// Clocks a packet at most.
const PACE: u64 = 9;

/// A prefix as it came out, and when its first beat did.
#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    first: u64,
    alone: bool,
    meta: BigUint,
}

/// Runs the packets; when their fields were taken. Stalls of fields, lead, prefix; `exact`: there are none.
fn run(packets: &[Packet], stalls: [Stalls; 3], exact: bool) -> Vec<u64> {
    let mut model = model::<HeaderBuilder>("header_builder");
    let [fields, lead, prefix] = stalls;
    let mut fields = Source::new(&model, "fields", fields).unwrap();
    let mut leads = Source::new(&model, "lead", lead).unwrap();
    let mut prefixes = Sink::<Record>::new(&model, "prefix", prefix).unwrap();
    let mut led = 0;
    for packet in packets {
        fields.push(Record::of(packet.fields()));
        packet.leads().into_iter().for_each(|beat| leads.push(beat));
    }
    let (mut taken, mut seen, mut now) = (Vec::new(), Vec::new(), Seen::default());
    let mut quiet = 0;
    while quiet < 500 {
        step(&mut model, &mut [&mut fields, &mut leads, &mut prefixes]).unwrap();
        quiet += 1;
        assert!(seen.len() <= packets.len(), "more prefixes than packets");
        led += usize::from(leads.taken.is_some());
        if fields.taken.is_some() {
            taken.push(model.cycles());
            quiet = 0;
        }
        if let Some(beat) = prefixes.taken.take() {
            quiet = 0;
            let names = Prefix::default();
            let part = |offset: usize, width: usize| espalier_sim::field(&beat.0, offset, width);
            let is_set = |offset: usize| part(offset, 1) == 1u8.into();
            let bytes = usize::try_from(part(names.get_my_offset_bytes(), 5)).unwrap();
            let data = u128::try_from(part(names.get_my_offset_data(), 128)).unwrap().to_be_bytes();
            if now.bytes.is_empty() {
                now.first = model.cycles();
                now.meta = part(names.get_my_offset_meta(), names.get_my_width_meta());
            }
            now.bytes.extend(&data[..bytes]);
            assert!(now.bytes.len() <= 86, "a prefix without an end, behind {} others", seen.len());
            let last = is_set(names.get_my_offset_last());
            assert!(last || bytes == 16, "a beat inside a prefix is full");
            if last {
                now.alone = is_set(names.get_my_offset_alone());
                seen.push(std::mem::take(&mut now));
            }
        }
    }
    assert_eq!(taken.len(), packets.len());
    assert_eq!(led, packets.iter().map(|packet| packet.leads().len()).sum::<usize>(), "all of each lead is taken");
    let wanted: Vec<_> = packets.iter().zip(&taken).filter(|(packet, _)| !packet.drop).collect();
    assert_eq!(seen.len(), wanted.len());
    for (i, (seen, (packet, taken))) in seen.iter().zip(wanted).enumerate() {
        assert_eq!(seen.bytes, packet.prefix(), "prefix {i}: {packet:?}");
        assert_eq!(seen.meta, espalier_sim::record(packet.meta()), "prefix {i}: meta");
        assert_eq!(seen.alone, packet.alone, "prefix {i}: alone");
        if exact {
            assert_eq!(seen.first - taken, LATENCY + packet.waits(), "prefix {i}: latency");
        }
    }
    taken
}

#[test]
fn headers_are_what_etherparse_builds() {
    let mut rng = SmallRng::seed_from_u64(0x4301);
    let packets: Vec<_> = (0..4000).map(|_| Packet::random(&mut rng)).collect();
    let taken = run(&packets, full_speed(), true);
    let slowest = taken.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert_eq!(slowest, Some(PACE), "clocks of the slowest packet");
}

#[test]
fn headers_survive_stalls() {
    for seed in 0..20 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let packets: Vec<_> = (0..300).map(|_| Packet::random(&mut rng)).collect();
        let stalls = random_stalls(&mut rng, seed);
        run(&packets, stalls, false);
    }
}
