//! Window, lifetime, SA table and buffer around the block.

use std::collections::VecDeque;

use espalier_hdl::decap::Decap;
use espalier_hdl::header_builder::HeaderFields;
use espalier_hdl::replay::ReplayAdvance;
use espalier_hdl::rx_failures::Failure;
use espalier_sim::stream::{Agent, Record, Sink, Source, Stalls, step};
use espalier_sim::{Error, Input, Model, Output, record};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::packet::{CURRENT, Packet, expired};
use super::support;

/// Phase of the window in which it takes a request.
const TURN: u64 = 4;
/// Clocks to its answer.
const ANSWER: u64 = 6;

/// The window, the lifetime and the SA table, which watch that the block keeps their rules.
struct Tables {
    inputs: [Input; 6],
    outputs: [Output; 10],
    rng: SmallRng,
    /// How often the host is slow to take a report.
    slow: bool,
    verdicts: VecDeque<u64>,
    clock: u64,
    /// When the request was taken, and its verdict; the answer is offered.
    asked: Option<(u64, u64)>,
    offered: bool,
    current_index: u64,
    life_index: u64,
    /// Clocks for which that has stood, and since the last pulse.
    stood: u64,
    since_pulse: u64,
    told: bool,
    told_before: bool,
    requests: Vec<u128>,
    allowed: Vec<bool>,
    counts: Vec<(u64, u64, bool)>,
    touches: Vec<u64>,
    events: Vec<u64>,
}

impl Tables {
    fn new(model: &Model, packets: &[Packet], seed: u64) -> Self {
        let input = |name: &str| model.input(name).unwrap();
        let output = |name: &str| model.output(name).unwrap();
        Self {
            inputs: ["advance_ready", "advanced", "advanced_valid", "current", "expired", "report_waits"].map(input),
            outputs: [
                "advance_valid",
                "advance",
                "advanced_ready",
                "allow",
                "current_index",
                "life_index",
                "count",
                "touch",
                "bytes",
                "events",
            ]
            .map(output),
            rng: SmallRng::seed_from_u64(seed),
            slow: seed % 2 == 1,
            verdicts: packets.iter().filter(|packet| packet.fate().asks).map(|packet| packet.verdict).collect(),
            clock: 0,
            asked: None,
            offered: false,
            current_index: 0,
            life_index: 0,
            stood: 0,
            since_pulse: 100,
            told: true,
            told_before: true,
            requests: Vec::new(),
            allowed: Vec::new(),
            counts: Vec::new(),
            touches: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl Agent for Tables {
    fn drive(&mut self, model: &mut Model) {
        let [advance_ready, advanced, advanced_valid, current, is_expired, report_waits] = self.inputs;
        model.write(advance_ready, self.clock % 8 == TURN && self.asked.is_none());
        let answer = self.asked.filter(|(time, _)| self.clock >= time + ANSWER);
        model.write(advanced_valid, answer.is_some());
        model.write(advanced, answer.map_or(self.rng.random_range(0..8), |(_, verdict)| verdict));
        model.write(current, CURRENT);
        let junk = self.rng.random();
        // Once the window has answered, the host may raise a limit: that is for later packets.
        model.write(is_expired, if self.stood >= 3 && !self.offered { expired(self.life_index) } else { junk });
        // The pulse leaves in the clock after.
        self.told_before = std::mem::replace(&mut self.told, !(self.slow && self.rng.random_ratio(1, 3)));
        model.write(report_waits, !self.told);
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        let [advance_valid, advance, advanced_ready, allow, current_index, life_index, count, touch, bytes, events] = self.outputs;
        let clock = self.clock;
        if self.asked.is_some_and(|(time, _)| clock >= time + ANSWER) {
            if !self.offered {
                self.allowed.push(model.read_bool(allow));
            }
            self.offered = !model.read_bool(advanced_ready);
            if !self.offered {
                self.asked = None;
            }
        } else if clock % 8 == TURN && self.asked.is_none() && model.read_bool(advance_valid) {
            self.asked = Some((clock, self.verdicts.pop_front().expect("a packet that asks")));
            self.requests.push(model.read_u128(advance));
        }
        self.current_index = model.read_u64(current_index);

        let index = model.read_u64(life_index);
        self.since_pulse += 1;
        let is_same = index == self.life_index;
        assert!(is_same || self.since_pulse > 2, "clock {clock}: the lifetime's index changes {} clocks after a pulse", self.since_pulse);
        self.stood = if is_same { self.stood + 1 } else { 1 };
        self.life_index = index;
        let (count, touch) = (model.read_bool(count), model.read_bool(touch));
        if count || touch {
            assert!(self.stood > 3, "clock {clock}: index stood for {} clocks before a pulse", self.stood - 1);
            assert!(self.since_pulse >= 6, "clock {clock}: {} clocks between pulses", self.since_pulse);
            assert!(self.told_before && !(count && touch), "clock {clock}");
            self.since_pulse = 0;
        }
        if count {
            self.counts.push((index, model.read_u64(bytes), false));
        }
        if touch {
            self.touches.push(index);
        }
        let event = model.read_u64(events);
        if event != 0 {
            self.events.push(event);
        }
        self.clock += 1;
        Ok(())
    }
}

/// Of the header builder's fields those that it looks at, as `wanted` has them.
fn what_counts(fields: &BigUint, wanted: &HeaderFields) -> Vec<BigUint> {
    let names = HeaderFields::default();
    let part = |offset, width| espalier_sim::field(fields, offset, width);
    let mut parts = vec![part(names.get_my_offset_has_lead(), 1), part(names.get_my_offset_drop(), 1)];
    if wanted.drop {
        return parts;
    }
    parts.extend([
        part(names.get_my_offset_none(), 1),
        part(names.get_my_offset_alone(), 1),
        part(names.get_my_offset_meta(), names.get_my_width_meta()),
    ]);
    if wanted.none {
        return parts;
    }
    parts.extend([
        part(names.get_my_offset_kept(), 7),
        part(names.get_my_offset_l2_length(), 5),
        part(names.get_my_offset_v6(), 1),
        part(names.get_my_offset_mend(), 1),
        part(names.get_my_offset_clear_udp(), 1),
        part(names.get_my_offset_has_l3(), 1),
        part(names.get_my_offset_has_esp(), 1),
    ]);
    if wanted.mend {
        parts.extend([part(names.get_my_offset_length(), 16), part(names.get_my_offset_protocol(), 8)]);
        if !wanted.v6 {
            parts.push(part(names.get_my_offset_sum(), 19));
        }
    }
    parts
}

/// Runs the packets; stalls of held, expected, outcome, fields, failure. When each outcome was taken.
pub fn run(packets: &[Packet], stalls: [Stalls; 5], seed: u64) -> Vec<u64> {
    let mut model = support::model::<Decap>("decap");
    let [held, expected, outcome, fields, failure] = stalls;
    let mut held = Source::new(&model, "held", held).unwrap();
    let mut expected = Source::new(&model, "expected", expected).unwrap();
    let mut outcomes = Sink::<Record>::new(&model, "outcome", outcome).unwrap();
    let mut fields = Sink::<Record>::new(&model, "fields", fields).unwrap();
    let mut failures = Sink::<Record>::new(&model, "failure", failure).unwrap();
    let mut tables = Tables::new(&model, packets, seed);
    for packet in packets {
        held.push(Record::of(packet.held));
        expected.push(Record::of(packet.expected));
    }
    let (mut times, mut headed, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    let mut quiet = 0;
    while quiet < 500 {
        step(&mut model, &mut [&mut held, &mut expected, &mut outcomes, &mut fields, &mut failures, &mut tables]).unwrap();
        quiet += 1;
        if let Some(outcome) = outcomes.taken.take() {
            let (fate, packet) = (packets[times.len()].fate(), &packets[times.len()]);
            // Of a packet that is not kept, and of one of which nothing comes out, no more counts.
            let release = |part: usize, width| espalier_sim::field(&outcome.0, part, width);
            let names = fate.outcome;
            let kept = release(names.get_my_offset_keep(), 1) == 1u8.into();
            assert_eq!(kept, fate.outcome.keep, "packet {}: {packet:?}", times.len());
            if kept {
                assert_eq!(outcome.0, record(fate.outcome), "packet {}: {packet:?}", times.len());
            }
            times.push(model.cycles());
            quiet = 0;
        }
        headed.extend(fields.taken.take().map(|fields| fields.0));
        failed.extend(failures.taken.take().map(|failure| failure.0));
    }
    assert_eq!(times.len(), packets.len(), "an outcome for each");
    let fates: Vec<_> = packets.iter().map(|packet| (packet, packet.fate())).collect();
    let wanted: Vec<_> = fates.iter().filter_map(|(_, fate)| fate.fields).collect();
    assert_eq!(headed.len(), wanted.len(), "headers");
    for (seen, wanted) in headed.iter().zip(wanted) {
        assert_eq!(what_counts(seen, &wanted), what_counts(&record(wanted), &wanted), "headers");
    }
    let failure = |(packet, kind): (&Packet, u64)| record(Failure { sa: packet.expected.sa_index, kind: kind.into() });
    let expected: Vec<_> = fates.iter().filter_map(|(packet, fate)| Some((*packet, fate.failure?))).map(failure).collect();
    assert_eq!(failed, expected, "failures");
    assert_eq!(tables.events, fates.iter().filter_map(|(_, fate)| fate.event).collect::<Vec<_>>(), "events");
    let asking: Vec<_> = fates.iter().filter(|(_, fate)| fate.asks).collect();
    assert_eq!(tables.allowed, asking.iter().map(|(_, fate)| fate.allow).collect::<Vec<_>>(), "what may be marked");
    let request = |packet: &Packet| {
        let e = &packet.expected;
        record(ReplayAdvance { sa: e.sa_index, seq64: e.seq, esn: e.esn, window: e.replay_window })
    };
    let requests: Vec<_> = tables.requests.iter().map(|&request| BigUint::from(request)).collect();
    assert_eq!(requests, asking.iter().map(|(packet, _)| request(packet)).collect::<Vec<_>>(), "requests");
    let sa = |packet: &Packet| u64::from(packet.expected.sa_index);
    let counted: Vec<_> = fates.iter().filter_map(|(packet, fate)| Some((sa(packet), fate.count?, false))).collect();
    assert_eq!(tables.counts, counted, "counts");
    let touched: Vec<_> = fates.iter().filter(|(_, fate)| fate.touch).map(|(packet, _)| sa(packet)).collect();
    assert_eq!(tables.touches, touched, "touches");
    times
}
