//! Frames to slots, against byte strings: every alignment, length and end, stalls on every port, and the clocks that the block promises.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::gather::Gather;
use espalier_hdl::records::{Gathered, Job, Lead, Slot};
use espalier_hdl::stream;
use espalier_sim::field;
use espalier_sim::stream::{Agent, Beat, FrameSource, Record, Sink, Source, Stalls, step};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::{full_speed, model, random_bytes, random_stalls};

/// What is to become of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Discard,
    Bypass,
    /// Next header, pad length.
    Trailer(u8),
    /// Its bytes.
    Icv(usize),
    /// Neither trailer nor ICV.
    Bare,
}

/// Bytes of ICV, by their code.
const ICVS: [usize; 3] = [16, 12, 8];

impl Kind {
    fn icv(self) -> usize {
        if let Kind::Icv(bytes) = self { bytes } else { 0 }
    }
}

/// A frame and its job.
#[derive(Clone, Debug)]
struct Case {
    kind: Kind,
    frame: Vec<u8>,
    error: bool,
    skip: usize,
    length: usize,
}

/// A slot as the test sees it; `bytes` of the first is empty.
#[derive(Debug, PartialEq)]
struct Seen {
    first: bool,
    bypass: bool,
    remaining: usize,
    last: bool,
    error: bool,
    bytes: Vec<u8>,
}

impl Case {
    /// A whole frame with `behind` more bytes than asked for.
    fn new(rng: &mut SmallRng, kind: Kind, skip: usize, length: usize, behind: usize) -> Self {
        let frame = random_bytes(rng, (skip + length + kind.icv() + behind).max(1));
        Self { kind, frame, error: false, skip, length }
    }

    fn random(rng: &mut SmallRng) -> Self {
        let skip = 2 * rng.random_range(0..=43);
        let long = rng.random_range(0..20) == 0;
        let length = rng.random_range(0..=if long { 1600 } else { 80 });
        let behind = if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=60) };
        let mut case = match rng.random_range(0..10) {
            0 => Self::new(rng, Kind::Discard, skip, length, behind),
            1..=2 => Self::new(rng, Kind::Bypass, skip, length, behind),
            3..=5 => {
                let next_header = rng.random();
                Self::new(rng, Kind::Trailer(next_header), skip, length, behind)
            }
            6..=8 => {
                let icv = ICVS[rng.random_range(0..3)];
                Self::new(rng, Kind::Icv(icv), skip, length / 4 * 4 + 4, behind)
            }
            _ => Self::new(rng, Kind::Bare, skip, length / 4 * 4, behind),
        };
        if rng.random_range(0..8) == 0 {
            case.frame.truncate(rng.random_range(1..=case.frame.len()));
        }
        case.error = rng.random_range(0..12) == 0;
        case
    }

    fn pad_length(&self) -> usize {
        (4 - (self.length + 2) % 4) % 4
    }

    fn job(&self) -> Job {
        let trailer = if let Kind::Trailer(next_header) = self.kind { Some(next_header) } else { None };
        Job {
            icv_size: (ICVS.iter().position(|bytes| *bytes == self.kind.icv()).unwrap_or(self.length % 3) as u64).into(),
            discard: self.kind == Kind::Discard,
            bypass: self.kind == Kind::Bypass,
            skip: (self.skip as u64).into(),
            length: (self.length as u64).into(),
            // What does not count is nonsense.
            trailer: trailer.is_some() || matches!(self.kind, Kind::Discard | Kind::Bypass),
            pad_length: if trailer.is_some() { self.pad_length() as u64 } else { 3 }.into(),
            next_header: u64::from(trailer.unwrap_or(0x77)).into(),
            icv: self.kind.icv() != 0,
        }
    }

    /// Bytes of the frame that the job asks for or skips.
    fn wanted(&self) -> usize {
        self.skip + self.length + self.kind.icv()
    }

    fn is_short(&self) -> bool {
        !matches!(self.kind, Kind::Discard | Kind::Bypass) && self.frame.len() < self.wanted()
    }

    /// Blocks that the job asks for.
    fn whole_blocks(&self) -> usize {
        match self.kind {
            Kind::Discard => 0,
            Kind::Bypass => self.frame.len().div_ceil(16),
            Kind::Trailer(_) => (self.length + self.pad_length() + 2).div_ceil(16),
            Kind::Icv(_) | Kind::Bare => self.length.div_ceil(16),
        }
    }

    /// Blocks that it gives: a frame cut short no more than 4 after its last beat.
    fn blocks(&self) -> usize {
        let issued = self.frame.len().div_ceil(16).saturating_sub(self.skip.div_ceil(16));
        if self.is_short() { self.whole_blocks().min(issued + 4) } else { self.whole_blocks() }
    }

    /// The slots it gives. Of a frame that ends early only whole blocks have bytes to compare.
    fn slots(&self) -> Vec<Seen> {
        let mut payload = match self.kind {
            Kind::Discard => return Vec::new(),
            Kind::Bypass => self.frame.clone(),
            _ => {
                let mut payload = self.frame.get(self.skip..).unwrap_or_default().to_vec();
                payload.resize(self.length, 0);
                payload
            }
        };
        if let Kind::Trailer(next_header) = self.kind {
            // RFC 4303 section 2.4
            payload.extend(1..=self.pad_length() as u8);
            payload.extend([self.pad_length() as u8, next_header]);
        }
        let bypass = self.kind == Kind::Bypass;
        let blocks = self.blocks();
        let mut slots = Vec::new();
        if !bypass {
            let (remaining, last) = (blocks.min(3), blocks == 0);
            slots.push(Seen { first: true, bypass, remaining, last, error: false, bytes: Vec::new() });
        }
        payload.truncate(payload.len() - 16 * (self.whole_blocks() - blocks));
        for (i, block) in payload.chunks(16).enumerate() {
            let last = i + 1 == blocks;
            let remaining = if bypass { 0 } else { (blocks - 1 - i).min(3) };
            let error = bypass && last && self.error;
            slots.push(Seen { first: false, bypass, remaining, last, error, bytes: block.to_vec() });
        }
        slots
    }

    /// The beats that it leaves out, and whether each is the last of them. What the last holds behind the end is undefined.
    fn leads(&self) -> Vec<(Vec<u8>, bool)> {
        if matches!(self.kind, Kind::Discard | Kind::Bypass) {
            return Vec::new();
        }
        let count = self.skip.div_ceil(16).min(self.frame.len().div_ceil(16));
        self.frame.chunks(16).take(count).enumerate().map(|(i, beat)| (beat.to_vec(), i + 1 == count)).collect()
    }

    /// Clocks from one begin to the next, when nothing stalls.
    fn clocks(&self) -> usize {
        let beats = self.frame.len().div_ceil(16);
        let clocks = match self.kind {
            Kind::Discard | Kind::Bypass => beats,
            _ if self.skip == 0 => 1 + beats.max(self.blocks()),
            _ => beats.max(self.skip.div_ceil(16) + self.blocks()),
        };
        clocks.max(3)
    }
}

fn see(slot: &BigUint) -> Seen {
    let part = |offset, width| u64::try_from(field(slot, offset, width)).unwrap();
    let (s, b) = (Slot::default(), stream::Beat::default());
    let beat = s.get_my_offset_beat();
    let first = part(s.get_my_offset_first(), 1) == 1;
    let bypass = part(s.get_my_offset_bypass(), 1) == 1;
    assert_eq!(part(s.get_my_offset_aad(), 1), 0);
    let count = part(beat + b.get_my_offset_bytes(), 5) as usize;
    let data = field(slot, beat + b.get_my_offset_data(), 128).to_bytes_be();
    let bytes = [vec![0; 16 - data.len()], data].concat()[..if first { 0 } else { count }].to_vec();
    Seen {
        first,
        bypass,
        remaining: part(s.get_my_offset_remaining(), 2) as usize,
        last: part(beat + b.get_my_offset_last(), 1) == 1,
        error: part(beat + b.get_my_offset_error(), 1) == 1,
        bytes,
    }
}

/// Runs the cases; returns the clocks in which each job was taken.
fn run(cases: &[Case], stalls: [Stalls; 4]) -> Vec<u64> {
    let mut model = model::<Gather>("gather");
    let [s, jobs, slots, gathered] = stalls;
    let mut s = FrameSource::<Beat>::new(&model, "s", s).unwrap();
    let mut jobs = Source::new(&model, "job", jobs).unwrap();
    let mut slots = Sink::<Record>::new(&model, "slot", slots).unwrap();
    let mut gathered = Sink::<Record>::new(&model, "gathered", gathered).unwrap();
    let (lead, lead_valid) = (model.output("lead").unwrap(), model.output("lead_valid").unwrap());
    let mut leads = cases.iter().flat_map(Case::leads);
    for case in cases {
        s.push(&case.frame, case.error.into());
        jobs.push(Record::of(case.job()));
    }
    let expected: Vec<Vec<Seen>> = cases.iter().map(Case::slots).collect();
    let kept: Vec<&Case> = cases.iter().filter(|case| case.kind != Kind::Discard).collect();
    let mut want = cases.iter().enumerate().flat_map(|(i, case)| (0..expected[i].len()).map(move |j| (i, j, case))).peekable();
    let (mut starts, mut ends, mut quiet) = (Vec::new(), 0, 0);
    while want.peek().is_some() || ends < kept.len() || starts.len() < cases.len() || s.pending() > 0 {
        for agent in [&mut s as &mut dyn Agent, &mut jobs, &mut slots, &mut gathered] {
            agent.drive(&mut model);
        }
        model.settle();
        for agent in [&mut s as &mut dyn Agent, &mut jobs, &mut slots, &mut gathered] {
            agent.sample(&model).unwrap();
        }
        if model.read_bool(lead_valid) {
            let (bytes, last) = leads.next().expect("a beat that is left out");
            let (seen, names) = (model.read(lead), Lead::default());
            let data = field(&seen, names.get_my_offset_data(), 128) >> (128 - 8 * bytes.len());
            assert_eq!(data, BigUint::from_bytes_be(&bytes));
            assert_eq!(field(&seen, names.get_my_offset_last(), 1) == 1u32.into(), last);
        }
        quiet += 1;
        if s.moved() || slots.taken.is_some() || gathered.taken.is_some() {
            quiet = 0;
        }
        assert!(quiet < 2000, "stuck: {:?}", want.peek());
        if jobs.taken.is_some() {
            starts.push(model.cycles());
        }
        if let Some(mut seen) = slots.taken.take().map(|slot| see(&slot.0)) {
            let (i, j, case) = want.next().unwrap();
            let expected = &expected[i][j];
            let there = (case.frame.len() + 16 * usize::from(!expected.first)).saturating_sub(case.skip + 16 * j);
            if seen.bypass {
                seen.remaining = 0; // does not count
            }
            if case.is_short() && there < 16 {
                assert_eq!(seen.bytes.len(), expected.bytes.len(), "case {i} slot {j} of {case:?}");
                seen.bytes.clone_from(&expected.bytes);
            }
            assert_eq!(&seen, expected, "case {i} slot {j} of {case:?}");
        }
        if let Some(record) = gathered.taken.take() {
            let (case, g) = (kept[ends], Gathered::default());
            let error = field(&record.0, g.get_my_offset_error(), 1) == 1u32.into();
            assert_eq!(error, case.error || case.is_short(), "{case:?}");
            if case.kind.icv() != 0 && !case.is_short() {
                let (bytes, size) = (case.kind.icv(), ICVS.iter().position(|bytes| *bytes == case.kind.icv()).unwrap());
                let icv = BigUint::from_bytes_be(&case.frame[case.skip + case.length..][..bytes]);
                assert_eq!(field(&record.0, g.get_my_offset_icv(), 128) >> (128 - 8 * bytes), icv, "{case:?}");
                assert_eq!(field(&record.0, g.get_my_offset_icv_size(), 2), size.into(), "{case:?}");
            }
            ends += 1;
        }
        model.rise();
    }
    assert_eq!(ends, kept.len());
    assert_eq!(leads.next(), None, "left out");
    starts
}

/// Runs the cases at full speed, and checks the clocks of each but the last.
fn run_exact(cases: &[Case]) {
    let starts = run(cases, full_speed());
    for (i, pair) in starts.windows(2).enumerate() {
        assert_eq!(pair[1] - pair[0], cases[i].clocks() as u64, "case {i}: {:?}", cases[i]);
    }
}

#[test]
fn every_alignment_with_a_trailer() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut cases = Vec::new();
    for skip in (0..=86).step_by(2) {
        for length in (0..=80).chain([1500, 1501, 1518, 9000, 9003]) {
            let behind = if length % 3 == 0 { rng.random_range(0..40) } else { 0 };
            cases.push(Case::new(&mut rng, Kind::Trailer(length as u8), skip, length, behind));
        }
    }
    run_exact(&cases);
}

#[test]
fn every_alignment_with_an_icv() {
    let mut rng = SmallRng::seed_from_u64(2);
    let mut cases = Vec::new();
    for skip in (0..=86).step_by(2) {
        for length in (4..=80).chain(1488..=1520).chain([9000]).filter(|length| length % 4 == 0) {
            for behind in [0, 1, 7, 22] {
                for icv in ICVS {
                    cases.push(Case::new(&mut rng, Kind::Icv(icv), skip, length, behind));
                }
            }
        }
    }
    run_exact(&cases);
}

#[test]
fn frames_pass_or_vanish_whole() {
    let mut rng = SmallRng::seed_from_u64(3);
    let mut cases = Vec::new();
    for length in (1..=100).chain([1514, 1518, 9018]) {
        for kind in [Kind::Bypass, Kind::Discard, Kind::Bypass] {
            let mut case = Case::new(&mut rng, kind, 0, length, 0);
            case.error = length % 5 == 0;
            cases.push(case);
        }
    }
    run_exact(&cases);
}

#[test]
fn frames_cut_short_anywhere_give_all_their_slots() {
    let mut rng = SmallRng::seed_from_u64(4);
    let mut cases = Vec::new();
    for kind in [Kind::Trailer(4), Kind::Icv(16), Kind::Icv(12), Kind::Icv(8), Kind::Bare] {
        for skip in [0, 14, 34, 50, 54, 86] {
            for length in [4, 16, 28, 40] {
                for end in 1..skip + length + 18 {
                    let mut case = Case::new(&mut rng, kind, skip, length, 4);
                    case.frame.truncate(end);
                    cases.push(case);
                    // The next packet is unharmed.
                    cases.push(Case::new(&mut rng, Kind::Icv(16), 50, 52, 0));
                }
            }
        }
    }
    run(&cases, full_speed());
}

#[test]
fn a_length_that_the_frame_does_not_have_costs_nothing() {
    let mut rng = SmallRng::seed_from_u64(8);
    let cases: Vec<_> = (0..20)
        .map(|_| {
            let mut case = Case::new(&mut rng, Kind::Icv(16), 50, 60_000, 0);
            case.frame.truncate(64);
            case
        })
        .collect();
    let starts = run(&cases, full_speed());
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == 4 + 4), "{starts:?}");
}

#[test]
fn empty_payload_without_trailer_is_the_first_slot_alone() {
    let mut rng = SmallRng::seed_from_u64(5);
    let cases: Vec<_> = (0..=86).step_by(2).map(|skip| Case::new(&mut rng, Kind::Bare, skip, 0, 20)).collect();
    run_exact(&cases);
}

#[test]
fn any_mix_under_stalls() {
    for seed in 0..60 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let cases: Vec<_> = (0..200).map(|_| Case::random(&mut rng)).collect();
        let stalls = random_stalls(&mut rng, seed);
        run(&cases, stalls);
    }
}

/// While nobody takes slots four wait, then everything does; taken, they come one a clock.
#[test]
fn four_slots_wait() {
    let mut rng = SmallRng::seed_from_u64(9);
    let case = Case::new(&mut rng, Kind::Bypass, 0, 1500, 0);
    let mut model = model::<Gather>("gather");
    let mut s = FrameSource::<Beat>::new(&model, "s", Stalls::never()).unwrap();
    let mut jobs = Source::new(&model, "job", Stalls::never()).unwrap();
    s.push(&case.frame, false.into());
    jobs.push(Record::of(case.job()));
    model.set("gathered_ready", true);
    model.set("slot_ready", false);
    for _ in 0..50 {
        step(&mut model, &mut [&mut s, &mut jobs]).unwrap();
    }
    model.set("s_valid", false);
    model.set("slot_ready", true);
    for slot in case.slots().iter().take(4) {
        model.settle();
        assert!(model.get_bool("slot_valid"));
        assert_eq!(see(&model.get("slot")).bytes, slot.bytes);
        model.rise();
    }
    model.settle();
    assert!(!model.get_bool("slot_valid"));
}

/// The figures of the promise: 10GbE at 64 bytes leaves 10.5 clocks for a packet and direction.
#[test]
fn small_frames_take_the_promised_clocks() {
    let mut rng = SmallRng::seed_from_u64(6);
    let mut clocks = |kind, skip, length, behind| {
        let cases: Vec<_> = (0..20).map(|_| Case::new(&mut rng, kind, skip, length, behind)).collect();
        let starts = run(&cases, full_speed());
        let all = starts[19] - starts[0];
        assert_eq!(all % 19, 0);
        all / 19
    };
    // A frame of 60 bytes and FCS, IPv4 of 46 bytes: tunnel and transport mode.
    assert_eq!(clocks(Kind::Trailer(4), 14, 46, 0), 4);
    assert_eq!(clocks(Kind::Trailer(4), 14, 50, 0), 5);
    assert_eq!(clocks(Kind::Trailer(17), 34, 26, 0), 5);
    // Short IP inside a padded frame.
    assert_eq!(clocks(Kind::Trailer(4), 14, 28, 18), 4);
    // The same, as ESP in IPv4: 118 bytes.
    assert_eq!(clocks(Kind::Icv(16), 50, 52, 0), 8);
    assert_eq!(clocks(Kind::Bypass, 0, 60, 0), 4);
}
