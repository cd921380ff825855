//! The table of outbound SAs against its rules in a few lines: each outcome, status and notice, numbers and counts, with writes of the host
//! between any two frames.
#![allow(clippy::unwrap_used)]

#[path = "hdl_lifetime/carried.rs"]
mod carried;
#[path = "hdl_stream/support.rs"]
mod support;

use std::collections::{BTreeSet, VecDeque};

use carried::{INF, Sa as Carried, limits};
use espalier_hdl::events::Event;
use espalier_hdl::records::{Headers, Life, Meta, Notice, TxSa, TxStatus, Verdict, action};
use espalier_hdl::tx_sa::{TxPacket, TxSaTable, decision};
use espalier_regs::notice::Kind;
use espalier_sim::stream::{Agent, Record, Sink, Source, Stalls};
use espalier_sim::{Model, field};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::{full_speed, model, random_stalls};

/// 8 SAs.
type Block = TxSaTable<3>;
const SAS: usize = 8;
const ICVS: [u16; 3] = [16, 12, 8];

#[derive(Clone, Debug, Default)]
struct Frame {
    error: bool,
    malformed: bool,
    is_ip: bool,
    crypto: Option<usize>,
    action: u64,
    sa: Option<usize>,
    options: bool,
    fragment: bool,
    l3_length: u16,
    ip_length: u16,
    esp: bool,
    encap: bool,
    spi: u32,
    seq: u32,
    iv: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sa {
    valid: bool,
    crypto: bool,
    tunnel: bool,
    esn: bool,
    spi: u32,
    icv: usize,
    max_payload: u16,
    seq: u64,
    carried: Carried,
}

/// What the block must do with a frame.
#[derive(Debug, Default, PartialEq)]
struct Fate {
    event: u64,
    sa: usize,
    decision: u64,
    /// Sequence number and payload length, where the packet is protected.
    sealed: Option<(u64, u16)>,
    notices: Vec<(u64, u64)>,
}

impl Frame {
    /// Mostly a frame that passes, of this SA.
    fn random(rng: &mut SmallRng, sas: &[Sa; SAS], busy: usize) -> Self {
        let index = rng.random_range(0..busy);
        let sa = sas[index];
        let mut any = |one_in: u32| rng.random_range(0..one_in) == 0;
        let (error, malformed, is_ip, crypto) = (any(40), any(40), !any(40), sa.crypto != any(10));
        let (options, fragment, esp, encap, same_spi, same_iv, right_length) =
            (any(12), any(12), crypto != any(12), any(2), !any(12), !any(12), !any(8));
        let l3_length = if any(2) { 20 } else { 40 };
        let iv = rng.random();
        let around = 16 + ICVS[sa.icv] + if encap { 8 } else { 0 };
        let behind = match rng.random_range(0..4) {
            _ if crypto && right_length => around + 4 * rng.random_range(1..8),
            0 => sa.max_payload.saturating_sub(rng.random_range(0..3)).min(9000),
            1 => around.saturating_sub(rng.random_range(0..6)),
            _ => rng.random_range(0..1500),
        };
        Self {
            error,
            malformed,
            is_ip,
            crypto: crypto.then_some(index),
            action: [action::BYPASS, action::BLOCK, action::PROTECT, action::PROTECT, action::PROTECT][rng.random_range(0..5)],
            sa: (rng.random_range(0..12) != 0).then_some(index),
            options,
            fragment,
            l3_length,
            ip_length: l3_length + behind,
            esp,
            encap,
            spi: if same_spi { sa.spi } else { rng.random() },
            seq: if same_iv { iv as u32 } else { rng.random() },
            iv,
        }
    }

    fn headers(&self) -> Headers {
        Headers {
            error: self.error,
            malformed: self.malformed,
            is_v4: self.is_ip && self.l3_length == 20,
            is_v6: self.is_ip && self.l3_length == 40,
            has_options: self.options,
            is_fragment: self.fragment,
            l3_length: u64::from(self.l3_length).into(),
            ip_length: u64::from(self.ip_length).into(),
            is_esp: self.esp,
            is_encap: self.encap,
            spi: u64::from(self.spi).into(),
            seq: u64::from(self.seq).into(),
            iv: self.iv.into(),
            meta: Meta { crypto: self.crypto.is_some(), sa: (self.crypto.unwrap_or(5) as u64).into(), ..Default::default() },
            ..Default::default()
        }
    }

    fn verdict(&self) -> Verdict {
        Verdict {
            hit: true,
            action: self.action.into(),
            sa_valid: self.sa.is_some(),
            sa: (self.sa.unwrap_or(3) as u64).into(),
            ..Default::default()
        }
    }

    /// The rules, in their order.
    fn fate(&self, sas: &mut [Sa; SAS]) -> Fate {
        let fate = |event: Event| Fate { event: event as u64, decision: decision::DISCARD, ..Default::default() };
        let bypassed = Fate { decision: decision::BYPASS, ..fate(Event::TxBypassed) };
        let crypto = self.crypto.is_some();
        match () {
            () if self.error => return fate(Event::TxDropError),
            () if self.malformed => return fate(Event::TxDropMalformed),
            () if !crypto && (!self.is_ip || self.action == action::BYPASS) => return bypassed,
            () if !crypto && self.action == action::BLOCK => return fate(Event::TxDropPolicyBlock),
            () => {}
        }
        let Some(index) = self.crypto.or(self.sa).filter(|index| sas[*index].valid && sas[*index].crypto == crypto) else {
            return fate(Event::TxDropNoSa);
        };
        let sa = &mut sas[index];
        let mut notices = Vec::new();
        let mut tell = |kind: Kind| notices.push((u64::from(kind.code()), index as u64));
        let behind = self.ip_length - self.l3_length;
        let drop = |event| Fate { sa: index, ..fate(event) };
        let event = if crypto {
            let payload = i32::from(behind) - i32::from(16 + ICVS[sa.icv] + if self.encap { 8 } else { 0 });
            match () {
                () if !self.esp => return drop(Event::TxDropUnsupported),
                () if self.spi != sa.spi => return drop(Event::TxDropNoSa),
                () if payload < 4 || payload % 4 != 0 || self.iv as u32 != self.seq => return drop(Event::TxDropMalformed),
                () => {}
            }
            let before = sa.carried;
            sa.carried.count(payload as u16);
            (sa.carried.soft, sa.carried.hard) = (before.soft, before.hard);
            (Event::TxCrypto, self.iv, payload as u16)
        } else {
            let payload = if sa.tunnel { self.ip_length } else { behind };
            let most = if sa.esn { u64::MAX } else { u64::from(u32::MAX) };
            match () {
                () if !sa.tunnel && (self.options || self.fragment) => return drop(Event::TxDropUnsupported),
                () if payload > sa.max_payload => return drop(Event::TxDropTooBig),
                () if sa.carried.expired() => {
                    sa.carried.tell(false).into_iter().for_each(tell);
                    return Fate { notices, ..drop(Event::TxDropExpired) };
                }
                () if sa.seq >= most => return drop(Event::TxDropSeqOverflow),
                () => {}
            }
            sa.seq += 1;
            sa.carried.count(payload).into_iter().for_each(&mut tell);
            if sa.seq == most {
                tell(Kind::SeqExhausted);
            }
            (Event::TxProtected, sa.seq, payload)
        };
        let (event, seq, payload) = event;
        Fate { event: event as u64, sa: index, decision: decision::PROTECT, sealed: Some((seq, payload)), notices }
    }
}

impl Sa {
    fn random(rng: &mut SmallRng) -> Self {
        let esn = rng.random();
        let most = if esn { u64::MAX } else { u64::from(u32::MAX) };
        let seq = match rng.random_range(0..5) {
            0 => 0,
            1 => most - rng.random_range(0..6),
            2 if esn => u64::from(u32::MAX) - rng.random_range(0..6),
            _ => rng.random::<u64>() & most,
        };
        Self {
            valid: rng.random_range(0..8) != 0,
            crypto: rng.random_range(0..3) == 0,
            tunnel: rng.random(),
            esn,
            spi: rng.random_range(256..=u32::MAX),
            icv: rng.random_range(0..3),
            max_payload: [u16::MAX, 1400, 60][rng.random_range(0..3)],
            seq,
            carried: Carried::cleared(),
        }
    }

    fn record(&self) -> TxSa {
        TxSa {
            valid: self.valid,
            crypto: self.crypto,
            tunnel: self.tunnel,
            esn: self.esn,
            spi: u64::from(self.spi).into(),
            icv: (self.icv as u64).into(),
            max_payload: u64::from(self.max_payload).into(),
            ..Default::default()
        }
    }
}

fn part(record: &BigUint, offset: usize, width: usize) -> u64 {
    u64::try_from(field(record, offset, width)).unwrap()
}

/// The block with everything around it.
struct Bench {
    model: Model,
    headers: Source<Record>,
    verdicts: Source<Record>,
    packets: Sink<Record>,
    statuses: Sink<Record>,
    notices: Sink<Record>,
    sas: [Sa; SAS],
    /// Of the frames whose headers are on their way.
    frames: VecDeque<Frame>,
    /// What is still to come out.
    fates: VecDeque<Fate>,
    events: VecDeque<u64>,
    told: VecDeque<(u64, u64)>,
    notes: VecDeque<(u64, u64)>,
    /// A write that is not taken.
    write: Option<(usize, Sa, bool)>,
    wrote: u64,
    /// Outcomes.
    seen: BTreeSet<u64>,
    taken: Vec<u64>,
    offered: Vec<u64>,
}

impl Bench {
    fn new(stalls: [Stalls; 5]) -> Self {
        let mut model = model::<Block>("tx_sa");
        let [headers, verdicts, packets, statuses, notices] = stalls;
        let headers = Source::new(&model, "headers", headers).unwrap();
        let verdicts = Source::new(&model, "verdict", verdicts).unwrap();
        let packets = Sink::new(&model, "packet", packets).unwrap();
        let statuses = Sink::new(&model, "status", statuses).unwrap();
        let notices = Sink::new(&model, "notice", notices).unwrap();
        model.set("limits_write", false);
        let sas = [Sa { carried: Carried::cleared(), ..Sa::default() }; SAS];
        let mut bench = Self {
            model,
            headers,
            verdicts,
            packets,
            statuses,
            notices,
            sas,
            frames: VecDeque::new(),
            fates: VecDeque::new(),
            events: VecDeque::new(),
            told: VecDeque::new(),
            notes: VecDeque::new(),
            write: None,
            wrote: 0,
            seen: BTreeSet::new(),
            taken: Vec::new(),
            offered: Vec::new(),
        };
        for index in 0..SAS {
            bench.install(index, Sa { carried: Carried::cleared(), ..Sa::default() }, false);
            bench.drain();
        }
        bench
    }

    fn push(&mut self, frame: Frame) {
        self.headers.push(Record::of(frame.headers()));
        self.verdicts.push(Record::of(frame.verdict()));
        self.frames.push_back(frame);
    }

    fn install(&mut self, index: usize, sa: Sa, keep: bool) {
        self.write = Some((index, sa, keep));
        self.model.set("write_valid", true);
        self.model.set("write_index", index);
        self.model.set("write_keep", keep);
        self.model.set("write_seq", sa.seq);
        self.model.set_record("write_sa", sa.record());
    }

    fn step(&mut self) {
        let Self { headers, verdicts, packets, statuses, notices, model, .. } = self;
        let mut agents = [headers as &mut dyn Agent, verdicts, packets, statuses, notices];
        agents.iter_mut().for_each(|agent| agent.drive(model));
        model.settle();
        agents.iter_mut().for_each(|agent| agent.sample(model).unwrap());
        let wrote = self.write.is_some() && self.model.get_bool("write_ready");
        if wrote {
            let (index, sa, keep) = self.write.take().unwrap();
            self.wrote = self.model.cycles();
            let before = self.sas[index];
            self.sas[index] = if keep { Sa { seq: before.seq, carried: before.carried, ..sa } } else { sa };
        }
        // Frames and writes take effect in the order in which they are taken; never both in one clock.
        if self.headers.taken.is_some() {
            assert!(!wrote && self.verdicts.taken.is_some());
            let fate = self.frames.pop_front().unwrap().fate(&mut self.sas);
            self.seen.insert(fate.event);
            self.told.push_back((fate.event, fate.sa as u64));
            self.events.extend([Event::TxFrames as u64, fate.event]);
            self.notes.extend(&fate.notices);
            self.fates.push_back(fate);
            self.taken.push(self.model.cycles());
        }
        let events = self.model.get_u64("events");
        if events != 0 {
            assert_eq!(events, 1 << self.events.pop_front().unwrap(), "one event at a time");
        }
        if let Some(Record(packet)) = self.packets.taken.take() {
            self.offered.push(self.model.cycles());
            let (p, fate) = (TxPacket::default(), self.fates.front().unwrap());
            assert_eq!(part(&packet, p.get_my_offset_decision(), 2), fate.decision, "{fate:?}");
            if let Some((seq, payload)) = fate.sealed {
                assert_eq!(part(&packet, p.get_my_offset_seq(), 64), seq, "{fate:?}");
                assert_eq!(part(&packet, p.get_my_offset_payload(), 16), u64::from(payload), "{fate:?}");
            }
            self.fates.pop_front();
        }
        if let Some(Record(status)) = self.statuses.taken.take() {
            let s = TxStatus::default();
            let seen = (part(&status, s.get_my_offset_event(), 8), part(&status, s.get_my_offset_sa(), 10));
            assert_eq!(Some(seen), self.told.pop_front());
        }
        if let Some(Record(notice)) = self.notices.taken.take() {
            let n = Notice::default();
            let seen = (part(&notice, n.get_my_offset_kind(), 4), part(&notice, n.get_my_offset_sa(), 10));
            assert_eq!(Some(seen), self.notes.pop_front());
        }
        self.model.rise();
        self.model.set("limits_write", false);
        if self.write.is_none() {
            self.model.set("write_valid", false);
        }
    }

    /// Until nothing is on its way; then long enough for a report, or a write of the limits.
    fn drain(&mut self) {
        for round in 0.. {
            let idle = self.frames.is_empty() && self.fates.is_empty() && self.told.is_empty() && self.write.is_none();
            if idle && self.notes.is_empty() {
                break;
            }
            assert!(round < 20_000, "stuck: {:?} {:?}", self.fates.front(), self.notes);
            self.step();
        }
        (0..10).for_each(|_| self.step());
        assert!(self.events.is_empty(), "uncounted");
    }

    fn limit(&mut self, index: usize, values: [u64; 4]) {
        self.drain();
        self.model.set("limits_write", true);
        self.model.set("limits_index", index);
        self.model.set_record("limits", limits(values));
        self.sas[index].carried.set_limits(values);
        (0..8).for_each(|_| self.step());
    }

    /// Numbers and counts as the host reads them.
    fn compare(&mut self) {
        self.drain();
        for index in 0..SAS {
            self.model.set("read_index", index);
            (0..4).for_each(|_| self.step());
            let (record, n, sa) = (self.model.get("life"), Life::default(), self.sas[index]);
            let life = [n.get_my_offset_packets(), n.get_my_offset_bytes()].map(|offset| part(&record, offset, 64));
            let told = [n.get_my_offset_soft(), n.get_my_offset_hard()].map(|offset| part(&record, offset, 1) == 1);
            assert_eq!(life, [sa.carried.packets, sa.carried.bytes], "SA {index}");
            assert_eq!(told, [sa.carried.soft, sa.carried.hard], "SA {index}");
            assert_eq!(self.model.get_u64("read_seq"), sa.seq, "SA {index}");
        }
    }
}

#[test]
fn every_frame_meets_the_rules_in_their_order() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let stalls = random_stalls(&mut rng, seed);
        let mut bench = Bench::new(stalls);
        let busy = rng.random_range(1..=SAS);
        for index in 0..busy {
            bench.install(index, Sa { valid: true, ..Sa::random(&mut rng) }, false);
            bench.drain();
        }
        for _ in 0..60 {
            for _ in 0..rng.random_range(0..8) {
                let frame = Frame::random(&mut rng, &bench.sas, busy);
                bench.push(frame);
            }
            (0..rng.random_range(0..40)).for_each(|_| bench.step());
            let index = rng.random_range(0..busy);
            let Carried { packets, bytes, .. } = bench.sas[index].carried;
            match rng.random_range(0..6) {
                // Operands stay for 8 clocks.
                0..=1 if bench.write.is_none() && bench.model.cycles() > bench.wrote + 8 => {
                    // An update does not change what numbers mean.
                    let (keep, sa) = (rng.random(), Sa::random(&mut rng));
                    let esn = if keep { bench.sas[index].esn } else { sa.esn };
                    bench.install(index, Sa { esn, ..sa }, keep);
                }
                2..=3 => {
                    let mut near = |now: u64, step: u64| match rng.random_range(0..4) {
                        0 => INF,
                        1 => (1 << 32) + now,
                        _ => now + step * rng.random_range(0..4),
                    };
                    let values = [near(packets, 1), near(packets, 2), near(bytes, 700), near(bytes, 1400)];
                    bench.limit(index, values);
                }
                _ => {}
            }
        }
        bench.compare();
        seen.extend(bench.seen);
    }
    assert_eq!(seen, (Event::TxBypassed as u64..=Event::TxDropExpired as u64).collect(), "every outcome was met");
}

/// All there is to say of one packet is said, its lifetime first.
#[test]
fn the_last_number_and_the_limits_are_told_of_one_packet() {
    let mut bench = Bench::new(full_speed());
    let sa = Sa { valid: true, max_payload: u16::MAX, seq: u64::from(u32::MAX) - 2, carried: Carried::cleared(), ..Sa::default() };
    bench.install(4, sa, false);
    bench.drain();
    bench.limit(4, [1, 2, INF, INF]);
    let frame = Frame { is_ip: true, action: action::PROTECT, sa: Some(4), l3_length: 20, ip_length: 60, ..Frame::default() };
    for _ in 0..2 {
        bench.push(frame.clone());
    }
    bench.drain();
    assert_eq!(bench.sas[4].seq, u64::from(u32::MAX));
    bench.limit(4, [INF; 4]);
    let fate = frame.fate(&mut bench.sas.clone());
    assert_eq!((fate.event, fate.sa), (Event::TxDropSeqOverflow as u64, 4));
    bench.push(frame);
    bench.compare();
}

#[test]
fn a_packet_takes_seven_clocks() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut bench = Bench::new(full_speed());
    bench.install(2, Sa { valid: true, crypto: false, seq: 0, max_payload: u16::MAX, ..Sa::random(&mut rng) }, false);
    bench.drain();
    let frame = Frame { is_ip: true, action: action::PROTECT, sa: Some(2), l3_length: 20, ip_length: 60, ..Frame::default() };
    (0..20).for_each(|_| bench.push(frame.clone()));
    bench.drain();
    assert!(bench.taken.windows(2).all(|pair| pair[1] - pair[0] == 7), "{:?}", bench.taken);
    assert!(bench.taken.iter().zip(&bench.offered).all(|(taken, offered)| offered - taken == 6), "{:?}", bench.offered);
}
