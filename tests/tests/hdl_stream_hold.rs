//! The buffer of received packets: nothing leaves before its outcome, nothing is lost, and the ICV is compared bit by bit.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use std::collections::VecDeque;

use espalier_hdl::hold::{Held, Hold, Release};
use espalier_hdl::inner_header::Marks;
use espalier_hdl::records::Gathered;
use espalier_sim::stream::{Agent, Beat, FrameSink, Lanes, Payload, Record, Sink, Source, Stalls, step};
use espalier_sim::{Input, Model, field};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::{full_speed, random_bytes, random_stalls};

/// Clocks in the core that stands before it: with the beat just decided on, 64 are under way.
const CORE: usize = 63;

/// A packet and what becomes of it.
#[derive(Clone, Debug)]
struct Packet {
    bytes: Vec<u8>,
    protected: bool,
    /// The bit in which the ICV differs.
    flip: Option<usize>,
    error: bool,
    cut: bool,
    keep: bool,
    release: usize,
    tag: u128,
    /// Bytes of ICV: 16, 12, 8, by their code.
    icv_size: usize,
    dscp: u64,
}

impl Packet {
    fn random(rng: &mut SmallRng, length: usize) -> Self {
        let protected = rng.random_bool(0.7);
        let length = if protected { length.next_multiple_of(4) } else { length };
        let bytes = random_bytes(rng, length);
        let release = if rng.random_bool(0.3) { length } else { rng.random_range(0..=length) };
        Self {
            bytes,
            protected,
            flip: (rng.random_range(0..4) == 0).then(|| rng.random_range(0..128)),
            error: rng.random_range(0..8) == 0,
            cut: rng.random_range(0..8) == 0,
            keep: rng.random_range(0..4) != 0,
            release,
            tag: rng.random(),
            icv_size: rng.random_range(0..3),
            dscp: rng.random_range(0..64),
        }
    }

    /// One that is kept whole.
    fn whole(rng: &mut SmallRng, length: usize) -> Self {
        Self { flip: None, error: false, cut: false, keep: true, release: length, ..Self::random(rng, length) }
    }

    fn gathered(&self) -> Record {
        let icv = self.flip.map_or(self.tag, |bit| self.tag ^ (1 << bit));
        // What follows a short one may be anything.
        let icv = if self.icv_bits() < 128 { icv ^ u128::from(self.dscp) } else { icv };
        Record::of(Gathered { error: self.cut, icv: BigUint::from(icv).into(), icv_size: (self.icv_size as u64).into() })
    }

    fn icv_bits(&self) -> usize {
        [128, 96, 64][self.icv_size]
    }

    /// The bit that differs, if any, is none of the ICV's.
    fn icv_ok(&self) -> bool {
        self.flip.is_none_or(|bit| bit < 128 - self.icv_bits())
    }

    fn marks(&self) -> Marks {
        Marks { set_dscp: true, dscp: self.dscp.into(), ..Default::default() }
    }

    fn outcome(&self) -> Record {
        Record::of(Release { keep: self.keep, length: (self.release as u64).into(), marks: self.marks() })
    }

    fn check(&self, held: &BigUint) {
        let h = Held::default();
        let part = |offset, width| u64::try_from(field(held, offset, width)).unwrap();
        let what = format!("{} bytes, protected {}", self.bytes.len(), self.protected);
        assert_eq!(part(h.get_my_offset_protected(), 1) == 1, self.protected, "{what}");
        assert_eq!(
            part(h.get_my_offset_icv_ok(), 1) == 1,
            self.protected && self.icv_ok(),
            "{what}, flip {:?}, ICV {}",
            self.flip,
            self.icv_bits()
        );
        assert_eq!(part(h.get_my_offset_error(), 1) == 1, self.error || self.cut, "{what}");
        assert_eq!(part(h.get_my_offset_length(), 16), self.bytes.len() as u64, "{what}");
        assert_eq!(part(h.get_my_offset_nibble(), 4), u64::from(self.bytes[0] >> 4), "{what}");
        if let (true, [.., pad_length, next_header]) = (self.protected, &self.bytes[..]) {
            let payload = self.bytes.len().checked_sub(2 + usize::from(*pad_length));
            assert_eq!(part(h.get_my_offset_trailer_ok(), 1) == 1, payload.is_some(), "{what}, pad length {pad_length}");
            if let Some(payload) = payload {
                assert_eq!(part(h.get_my_offset_payload(), 16), payload as u64, "{what}, pad length {pad_length}");
            }
            assert_eq!(part(h.get_my_offset_next_header(), 8), u64::from(*next_header), "{what}");
        }
    }
}

/// The core: takes a beat when there is room, gives it `latency` clocks later whatever happens.
struct Core {
    beat: Input,
    valid: Input,
    room: espalier_sim::Output,
    stalls: Stalls,
    queue: VecDeque<Beat>,
    pipeline: VecDeque<Option<Beat>>,
    /// The last beat of a packet came out in the clock sampled last.
    ended: bool,
}

impl Core {
    fn new(model: &Model, packets: &[Packet], stalls: Stalls, latency: usize) -> Self {
        let queue = packets.iter().flat_map(|packet| {
            let count = packet.bytes.len().div_ceil(16);
            packet.bytes.chunks(16).enumerate().map(move |(i, chunk)| Beat::pack(chunk, i + 1 == count, packet.error.into()))
        });
        Self {
            beat: model.input("s_beat").unwrap(),
            valid: model.input("s_valid").unwrap(),
            room: model.output("room").unwrap(),
            stalls,
            queue: queue.collect(),
            pipeline: vec![None; latency].into(),
            ended: false,
        }
    }
}

impl Agent for Core {
    fn drive(&mut self, model: &mut Model) {
        let out = self.pipeline.pop_front().unwrap();
        self.ended = out.as_ref().is_some_and(Beat::last);
        model.write(self.valid, out.is_some());
        match out {
            Some(beat) => beat.write(model, &self.beat),
            None => Beat::junk(model, &self.beat),
        }
    }

    fn sample(&mut self, model: &Model) -> Result<(), espalier_sim::Error> {
        let go = !self.stalls.next() && model.read_bool(self.room);
        self.pipeline.push_back(if go { self.queue.pop_front() } else { None });
        Ok(())
    }
}

fn hold<const A: usize>() -> Model {
    support::model::<Hold<A>>(&format!("hold_{A}"))
}

/// Runs the packets; stalls of core, is_protected, tag, gathered, held, outcome, m.
fn run<const A: usize>(packets: &[Packet], stalls: [Stalls; 7]) {
    let mut model = hold::<A>();
    let [core, is_protected, tag, gathered, held, outcome, m] = stalls;
    let mut core = Core::new(&model, packets, core, CORE);
    let mut is_protected = Source::new(&model, "is_protected", is_protected).unwrap();
    let mut tags = Source::new(&model, "tag", tag).unwrap();
    let mut gathered = Source::new(&model, "gathered", gathered).unwrap();
    let mut held = Sink::<Record>::new(&model, "held", held).unwrap();
    let mut outcomes = Source::new(&model, "outcome", outcome).unwrap();
    let mut m = FrameSink::<Beat>::new(&model, "m", m).unwrap();
    for packet in packets {
        is_protected.push(Record::of(packet.protected));
        gathered.push(packet.gathered());
    }
    let (mut ended, mut offered, mut decided, mut out, mut quiet) = (0, 0, 0, 0, 0);
    let mut expected: VecDeque<(&[u8], Marks)> = VecDeque::new();
    let (marks, valid) = (model.output("m_marks").unwrap(), model.output("m_valid").unwrap());
    while decided < packets.len() || out < expected.len() {
        step(&mut model, &mut [&mut core, &mut is_protected, &mut tags, &mut gathered, &mut held, &mut outcomes, &mut m]).unwrap();
        quiet += 1;
        if let Some(record) = held.taken.take() {
            assert!(offered < ended, "packet {offered} was offered before it had come");
            packets[offered].check(&record.0);
            outcomes.push(packets[offered].outcome());
            offered += 1;
            quiet = 0;
        }
        if m.moved() {
            assert!(out < expected.len(), "a beat left before the outcome");
            quiet = 0;
        }
        if let Some(frame) = m.frames.pop() {
            assert_eq!(frame.bytes, expected[out].0, "frame {out}");
            assert_eq!(frame.user, 0);
            out += 1;
        }
        if outcomes.taken.is_some() {
            let packet = &packets[decided];
            if packet.keep && packet.release > 0 {
                expected.push_back((&packet.bytes[..packet.release], packet.marks()));
            }
            decided += 1;
        }
        model.settle();
        if model.read_bool(valid) {
            assert_eq!(model.read(marks), espalier_sim::record(expected[out].1), "frame {out}: marks");
        }
        if core.ended {
            let packet = &packets[ended];
            if packet.protected {
                tags.push(Record(packet.tag.into()));
            }
            ended += 1;
            quiet = 0;
        }
        assert!(quiet < 20_000, "stuck: {ended} in, {offered} offered, {decided} decided, {out} out");
    }
    assert_eq!((ended, offered, tags.queue.len()), (packets.len(), packets.len(), 0));
}

#[test]
fn packets_of_every_length_under_stalls() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut packets = Vec::new();
        for length in 1..=80 {
            for _ in 0..2 {
                packets.push(Packet::random(&mut rng, length));
                let other = rng.random_range(1..=2500);
                packets.push(Packet::random(&mut rng, other));
            }
        }
        run::<8>(&packets, random_stalls(&mut rng, seed));
    }
}

#[test]
fn many_small_packets_fill_the_queues() {
    for seed in 0..6 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let packets: Vec<_> = (0..1500)
            .map(|_| {
                let length = rng.random_range(1..=64);
                Packet::random(&mut rng, length)
            })
            .collect();
        let slow = Stalls::bursts(seed, 80);
        let mut stalls = full_speed();
        stalls[[4, 5, 6][seed as usize % 3]] = slow;
        if seed < 3 { run::<11>(&packets, stalls) } else { run::<8>(&packets, stalls) }
    }
}

#[test]
fn jumbo_packets() {
    for seed in 0..3 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let lengths = [9000, 1518, 9018, 64, 9600, 1514, 1516, 1520, 16, 9001];
        let packets: Vec<_> = lengths.iter().cycle().take(60).map(|&length| Packet::random(&mut rng, length)).collect();
        run::<11>(&packets, random_stalls(&mut rng, seed));
    }
}

#[test]
fn an_icv_that_differs_in_any_bit_is_found() {
    let mut rng = SmallRng::seed_from_u64(7);
    let packets: Vec<_> = (0..3)
        .flat_map(|icv_size| (0..128).map(move |bit| (icv_size, bit)))
        .flat_map(|(icv_size, bit)| {
            let whole = Packet { protected: true, icv_size, ..Packet::whole(&mut rng, 64) };
            [Packet { flip: Some(bit), ..whole.clone() }, whole]
        })
        .collect();
    run::<8>(&packets, full_speed());
}

#[test]
fn latencies_are_as_promised() {
    let mut rng = SmallRng::seed_from_u64(8);
    for late_tag in [false, true] {
        let packet = Packet { protected: true, ..Packet::whole(&mut rng, 64) };
        let mut model = hold::<8>();
        let mut core = Core::new(&model, std::slice::from_ref(&packet), Stalls::never(), 4);
        model.set("is_protected", true);
        model.set("is_protected_valid", true);
        model.set("gathered", packet.gathered().0);
        model.set("gathered_valid", true);
        model.set("held_ready", true);
        let mut tags = Source::new(&model, "tag", Stalls::never()).unwrap();
        if !late_tag {
            tags.push(Record(packet.tag.into()));
        }
        let (mut last, mut tag) = (0, 0);
        while !model.get_bool("held_valid") {
            step(&mut model, &mut [&mut core, &mut tags]).unwrap();
            let now = model.cycles() - 1;
            last = if core.ended { now } else { last };
            tag = if tags.taken.is_some() { now } else { tag };
            if late_tag && core.ended {
                tags.push(Record(packet.tag.into()));
                tags.set_stalls(Stalls::pattern(&[[true; 15].as_slice(), &[false]].concat()));
            }
            assert!(now < 1000);
        }
        let held = model.cycles();
        assert_eq!(held - if late_tag { tag } else { last }, if late_tag { 2 } else { 5 });
        model.clock(); // `held` is taken
        model.set("outcome_valid", true);
        model.set("outcome", packet.outcome().0);
        model.set("m_ready", true);
        model.settle();
        assert!(model.get_bool("outcome_ready"));
        let begin = model.cycles();
        for clock in 0..8 {
            model.settle();
            assert_eq!(model.get_bool("m_valid"), (3..7).contains(&(model.cycles() - begin)), "clock {clock}");
            model.rise();
            model.set("outcome_valid", false);
        }
    }
}

/// Clocks for each of many packets of `beats` beats, of which `released` leave, when one comes each `period` clocks.
fn clocks(beats: usize, released: usize, period: usize) -> f64 {
    let mut rng = SmallRng::seed_from_u64(9);
    let count = 200;
    let packets: Vec<_> =
        (0..count).map(|_| Packet { protected: true, release: 16 * released, ..Packet::whole(&mut rng, 16 * beats) }).collect();
    let mut model = hold::<8>();
    let pattern: Vec<bool> = (0..period).map(|clock| clock >= beats).collect();
    let mut core = Core::new(&model, &packets, Stalls::pattern(&pattern), CORE);
    let mut is_protected = Source::new(&model, "is_protected", Stalls::never()).unwrap();
    let mut tags = Source::new(&model, "tag", Stalls::never()).unwrap();
    let mut gathered = Source::new(&model, "gathered", Stalls::never()).unwrap();
    let mut held = Sink::<Record>::new(&model, "held", Stalls::never()).unwrap();
    let mut outcomes = Source::new(&model, "outcome", Stalls::never()).unwrap();
    let mut m = FrameSink::<Beat>::new(&model, "m", Stalls::never()).unwrap();
    for packet in &packets {
        is_protected.push(Record::of(true));
        gathered.push(packet.gathered());
        tags.push(Record(packet.tag.into()));
    }
    let mut decided = 0;
    let mut times = Vec::new();
    while times.len() < count {
        step(&mut model, &mut [&mut core, &mut is_protected, &mut tags, &mut gathered, &mut held, &mut outcomes, &mut m]).unwrap();
        if held.taken.take().is_some() {
            outcomes.push(packets[decided].outcome());
            decided += 1;
        }
        if outcomes.taken.is_some() {
            times.push(model.cycles());
        }
        assert!(model.cycles() < 1_000_000);
    }
    (times[count - 1] - times[count - 101]) as f64 / 100.0
}

#[test]
fn a_packet_takes_its_beats_and_one_clock() {
    // A stream that never pauses: what leaves is the limit.
    assert_eq!(clocks(4, 4, 4), 5.0);
    assert_eq!(clocks(95, 95, 95), 96.0);
    // A 64-byte packet each 8 clocks, and each 5.
    assert_eq!(clocks(4, 4, 8), 8.0);
    assert_eq!(clocks(4, 4, 5), 5.0);
    // What is not given out takes no clocks of its own.
    assert_eq!(clocks(8, 4, 8), 8.0);
    assert_eq!(clocks(8, 0, 8), 8.0);
}
