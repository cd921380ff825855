//! The transmit path with the core, frame by frame against the reference model: every byte, status and notice, packet and crypto offload,
//! ICV of every length, under stalls.
#![allow(clippy::unwrap_used)]

#[path = "../../reference-model/tests/common/mod.rs"]
mod common;
#[path = "hdl_stream/support.rs"]
mod support;

#[path = "hdl_encap/block.rs"]
mod block;

use std::collections::BTreeMap;

use block::{Block, Sent};
use common::{Ip, inside, outside};
use espalier_hdl::gcm::field::multiply;
use espalier_hdl::records::{Meta, Notice, Policy as PolicyRecord, Selector as SelectorRecord, TxSa as TxSaRecord, TxStatus, action};
use espalier_hdl::stream;
use espalier_reference_model::esp::encapsulate;
use espalier_reference_model::gcm::Gcm;
use espalier_reference_model::lifetime::Limits;
use espalier_reference_model::nic::{Nic, Offload};
use espalier_reference_model::policy::{Action, Policy, PortMatch, Prefix, Selector};
use espalier_reference_model::rfc4106::{IcvLength, Rfc4106};
use espalier_reference_model::sa::{Encap, Endpoints, Tunnel, TxSa};
use espalier_regs::Event;
use espalier_sim::stream::{Beat, FrameSink, Record, Sink, Source, Stalls, step};
use espalier_sim::{Model, field};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use rust_hdl::prelude::Bits;
use support::{full_speed, model, random_bytes, random_stalls};

/// SAs 0 to 4 protect packets with destination port 2000 + number; 5 to 7 are the stack's own.
const PACKET: usize = 5;
const SAS: usize = 8;
const PORT: u16 = 2000;

/// Key and salt, and a model of the SA; sequence numbers begin where something happens.
fn random_sa(rng: &mut SmallRng, number: usize) -> (Vec<u8>, TxSa) {
    let length = [20, 28, 36][rng.random_range(0..3)];
    let key_and_salt = random_bytes(rng, length);
    let cipher = Rfc4106::new(&key_and_salt, IcvLength::ALL[rng.random_range(0..3)]).unwrap();
    let esn = rng.random();
    let tunnel = rng.random_bool(0.6).then(|| Tunnel {
        endpoints: outside(rng.random()),
        ttl: rng.random_range(1..=255),
        dont_encap_dscp: rng.random(),
        no_ecn: rng.random(),
        no_pmtu_disc: rng.random(),
    });
    let encap = rng.random_bool(0.5).then(|| Encap { sport: if rng.random() { 4500 } else { rng.random() }, dport: 4500 });
    let last_seq = match rng.random_range(0..3) {
        0 => 0,
        1 => u64::from(u32::MAX) - 3,
        _ => rng.random::<u64>() >> if esn { 1 } else { 33 },
    };
    let max_payload = rng.random_bool(0.3).then(|| rng.random_range(100..800));
    let sa =
        TxSa { esn, tunnel, encap, last_seq, crypto: number >= PACKET, max_payload, ..TxSa::new(rng.random_range(256..u32::MAX), cipher) };
    (key_and_salt, sa)
}

fn bits<const N: usize>(bytes: &[u8]) -> Bits<N> {
    let mut padded = bytes.to_vec();
    padded.resize(N / 8, 0);
    BigUint::from_bytes_be(&padded).into()
}

/// The SA as the table has it.
fn record(key_and_salt: &[u8], sa: &TxSa) -> TxSaRecord {
    let (key, salt) = key_and_salt.split_at(key_and_salt.len() - 4);
    let h = u128::from_be_bytes(Gcm::new(key).unwrap().hash_subkey());
    let mut record = TxSaRecord {
        valid: true,
        key: bits(key),
        key_size: (key.len() as u64 / 8 - 2).into(),
        salt: u64::from(u32::from_be_bytes(salt.try_into().unwrap())).into(),
        h: bits(&h.to_be_bytes()),
        h3: bits(&multiply(h, multiply(h, h)).to_be_bytes()),
        spi: u64::from(sa.spi).into(),
        esn: sa.esn,
        icv: ((16 - sa.cipher.icv_length() as u64) / 4).into(),
        crypto: sa.crypto,
        max_payload: u64::from(sa.max_payload.unwrap_or(u16::MAX)).into(),
        encap: sa.encap.is_some(),
        ..Default::default()
    };
    if let Some(Encap { sport, dport }) = sa.encap {
        (record.encap_sport, record.encap_dport) = (u64::from(sport).into(), u64::from(dport).into());
    }
    if let Some(Tunnel { endpoints, ttl, dont_encap_dscp, no_ecn, no_pmtu_disc }) = sa.tunnel {
        let (v6, src, dst) = match endpoints {
            Endpoints::V4 { src, dst } => (false, u128::from(src.to_bits()), u128::from(dst.to_bits())),
            Endpoints::V6 { src, dst } => (true, src.to_bits(), dst.to_bits()),
        };
        record = TxSaRecord {
            tunnel: true,
            outer_v6: v6,
            src: bits(&src.to_be_bytes()),
            dst: bits(&dst.to_be_bytes()),
            ttl: u64::from(ttl).into(),
            dont_encap_dscp,
            no_ecn,
            no_pmtu_disc,
            ..record
        };
    }
    record
}

/// A frame of the host, and the SA that it names.
#[derive(Debug)]
struct Frame {
    bytes: Vec<u8>,
    crypto: Option<usize>,
    /// Without `crypto`: it must not leave as it is.
    must_protect: bool,
    error: bool,
}

fn random_ip(rng: &mut SmallRng, number: usize) -> Ip {
    let length = if rng.random_range(0..8) == 0 { rng.random_range(0..1500) } else { rng.random_range(0..120) };
    let mut ip = Ip::udp(rng.random(), 1000, PORT + number as u16, &random_bytes(rng, length));
    (ip.tos, ip.ttl, ip.dont_fragment) = (rng.random(), rng.random_range(1..=255), rng.random());
    if ip.v6 {
        ip.flow_label = rng.random_range(0..1 << 20);
    }
    ip
}

impl Frame {
    fn random(rng: &mut SmallRng, sas: &BTreeMap<u16, TxSa>) -> Self {
        let number = rng.random_range(0..SAS);
        let mut bytes = random_ip(rng, number).frame(rng.random_range(0..3));
        let mut crypto = None;
        if number >= PACKET {
            (bytes, crypto) = (Self::stack(rng, &bytes, &sas[&(number as u16)]), Some(number));
            // Marked, but no ESP; or of an SA of the other mode.
            match rng.random_range(0..24) {
                0 => bytes = random_ip(rng, number).frame(0),
                1 => crypto = Some(0),
                2 => crypto = None,
                _ => {}
            }
        }
        if bytes.len() < 60 && rng.random() {
            bytes.resize(60, 0x5a); // Ethernet padding
        }
        Self { bytes, crypto, must_protect: rng.random_ratio(1, 3), error: rng.random_range(0..32) == 0 }
    }

    /// What the stack makes of it: ESP with a trailer, with room for the ICV, and now and then wrong.
    fn stack(rng: &mut SmallRng, frame: &[u8], sa: &TxSa) -> Vec<u8> {
        let seq = rng.random::<u64>() >> [0, 32][rng.random_range(0..2)];
        let mut esp = encapsulate(frame, sa, seq).unwrap();
        let start = esp.len() - (Self::sealed(frame, sa) + sa.cipher.icv_length());
        let (iv, spi) = (start - 8, start - 16);
        rng.fill_bytes(&mut esp[start..]);
        if sa.encap.is_some() {
            rng.fill_bytes(&mut esp[spi - 2..spi]); // the UDP checksum
        }
        match rng.random_range(0..24) {
            0 => esp[spi] ^= 1,
            1 => esp[iv + 7] ^= 1,
            2 => esp[spi + 7] ^= 1,
            _ => {}
        }
        esp
    }

    /// Bytes between IV and ICV.
    fn sealed(frame: &[u8], sa: &TxSa) -> usize {
        let headers = espalier_reference_model::headers::Headers::parse(frame);
        let payload = if sa.tunnel.is_some() { headers.ip_length } else { headers.ip_length - headers.l3_length };
        (payload + 2).next_multiple_of(4)
    }

    /// Its beats with what runs beside them.
    fn beats(&self) -> Vec<Record> {
        let meta = Meta {
            crypto: self.crypto.is_some(),
            must_protect: self.must_protect,
            sa: (self.crypto.unwrap_or(77) as u64).into(),
            ..Default::default()
        };
        let count = self.bytes.len().div_ceil(16);
        let beat = |(i, bytes): (usize, &[u8])| {
            let last = i + 1 == count;
            let beat = stream::Beat { data: bits(bytes), bytes: (bytes.len() as u64).into(), last, error: last && self.error };
            // Only the first beat's counts.
            Record::of(Sent {
                beat,
                meta: if i == 0 { meta } else { Meta { crypto: !meta.crypto, must_protect: !meta.must_protect, ..meta } },
            })
        };
        self.bytes.chunks(16).enumerate().map(beat).collect()
    }
}

/// The path, and the NIC that it must be equal to.
struct Bench {
    model: Model,
    nic: Nic,
}

impl Bench {
    fn new(rng: &mut SmallRng) -> Self {
        let mut bench = Self { model: model::<Block>("tx_path"), nic: Nic::default() };
        bench.model.set("enable", true);
        bench.model.clocks(20);
        for number in 0..SAS {
            let (key_and_salt, sa) = random_sa(rng, number);
            bench.model.set("sa_index", number);
            bench.model.set("sa_seq", sa.last_seq);
            bench.model.set_record("sa", record(&key_and_salt, &sa));
            bench.pulse("sa_write");
            let mut near = |most| if rng.random() { Limits::INF } else { rng.random_range(0..most) };
            let limits = Limits { soft_packets: near(20), hard_packets: near(30), soft_bytes: near(4000), hard_bytes: near(6000) };
            bench.nic.tx_sas.insert(number as u16, sa);
            bench.model.set_record(
                "limits",
                espalier_hdl::records::Limits {
                    soft_packets: limits.soft_packets.into(),
                    hard_packets: limits.hard_packets.into(),
                    soft_bytes: limits.soft_bytes.into(),
                    hard_bytes: limits.hard_bytes.into(),
                },
            );
            bench.pulse("limits_write");
            bench.nic.tx_sas.get_mut(&(number as u16)).unwrap().lifetime.set_limits(limits);
            if number < PACKET {
                bench.protect(number);
            }
        }
        bench
    }

    /// A pulse, and the clocks for which its operands must stay.
    fn pulse(&mut self, port: &str) {
        self.model.set(port, true);
        self.model.clock();
        self.model.set(port, false);
        self.model.clocks(8);
    }

    /// Policies for destination port 2000 + number, of either family.
    fn protect(&mut self, number: usize) {
        let port = PORT + number as u16;
        for v6 in [false, true] {
            let any = Prefix::new(inside(v6).0, 0).unwrap();
            let selector = Selector { dport: PortMatch::exactly(port), ..Selector::between(any, any) };
            let action = Action::Protect(Some(number as u16));
            self.nic.policies.insert(Policy { selector, forward: false, priority: 0, action });
            let value = SelectorRecord { v6, dport: u64::from(port).into(), ..Default::default() };
            let mask = SelectorRecord { dport: 0xFFFFu64.into(), ..Default::default() };
            let policy = PolicyRecord {
                valid: true,
                value,
                mask,
                order: (number as u64).into(),
                action: action::PROTECT.into(),
                sa_valid: true,
                optional: false,
                sa: (number as u64).into(),
            };
            self.model.set("policy_index", 2 * number + usize::from(v6));
            self.model.set_record("policy", policy);
            self.model.set("policy_write", true);
            while {
                self.model.settle();
                !self.model.get_bool("policy_ready")
            } {
                self.model.rise();
            }
            self.pulse("policy_write");
        }
    }

    /// Sends the frames and compares all that comes of them; the outcomes, counted.
    fn run(&mut self, frames: &[Frame], stalls: [Stalls; 4]) -> BTreeMap<u64, u32> {
        let [s, m, statuses, notices] = stalls;
        let mut s = Source::new(&self.model, "s", s).unwrap();
        let mut m = FrameSink::<Beat>::new(&self.model, "m", m).unwrap();
        let mut statuses = Sink::<Record>::new(&self.model, "status", statuses).unwrap();
        let mut notices = Sink::<Record>::new(&self.model, "notice", notices).unwrap();
        let (mut sent, mut told, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for frame in frames {
            frame.beats().into_iter().for_each(|beat| s.push(beat));
            let offload = match frame.crypto {
                Some(sa) => Offload::Crypto(sa as u16),
                None if frame.must_protect => Offload::Packet,
                None => Offload::None,
            };
            let outcome = self.nic.transmit_as(&frame.bytes, offload, frame.error);
            told.extend(outcome.notices.iter().map(|notice| (u64::from(notice.kind.unwrap().code()), u64::from(notice.sa))));
            events.push((u64::from(outcome.event.index()), u64::from(outcome.sa.unwrap_or(0))));
            sent.extend(outcome.frame);
        }
        let (mut seen_events, mut seen_told) = (Vec::new(), Vec::new());
        let mut quiet = 0;
        while quiet < 4000 {
            step(&mut self.model, &mut [&mut s, &mut m, &mut statuses, &mut notices]).unwrap();
            quiet = if s.taken.is_some() || m.moved() { 0 } else { quiet + 1 };
            let part = |record: &Record, offset, width| u64::try_from(field(&record.0, offset, width)).unwrap();
            if let Some(record) = statuses.taken.take() {
                let names = TxStatus::default();
                seen_events.push((part(&record, names.get_my_offset_event(), 8), part(&record, names.get_my_offset_sa(), 10)));
            }
            if let Some(record) = notices.taken.take() {
                let names = Notice::default();
                seen_told.push((part(&record, names.get_my_offset_kind(), 4), part(&record, names.get_my_offset_sa(), 10)));
            }
        }
        assert_eq!(seen_events, events);
        assert_eq!(seen_told, told);
        assert_eq!(m.frames.len(), sent.len());
        for (i, (seen, frame)) in m.frames.iter().zip(&sent).enumerate() {
            assert_eq!(seen.bytes, *frame, "frame {i} that goes out");
            assert_eq!(seen.user, 0, "frame {i} that goes out");
        }
        let mut counts = BTreeMap::new();
        events.iter().for_each(|(event, _)| *counts.entry(*event).or_insert(0) += 1);
        counts
    }
}

#[test]
fn what_goes_out_is_what_the_model_says() {
    let mut seen = BTreeMap::<u64, u32>::new();
    for seed in 0..30 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut bench = Bench::new(&mut rng);
        let frames: Vec<_> = (0..150).map(|_| Frame::random(&mut rng, &bench.nic.tx_sas)).collect();
        let stalls = if seed % 3 == 0 { full_speed() } else { random_stalls(&mut rng, seed) };
        bench.run(&frames, stalls).into_iter().for_each(|(event, count)| *seen.entry(event).or_default() += count);
    }
    println!("{seen:?}");
    for event in [
        Event::TxProtected,
        Event::TxCrypto,
        Event::TxBypassed,
        Event::TxDropNoSa,
        Event::TxDropSeqOverflow,
        Event::TxDropMalformed,
        Event::TxDropUnsupported,
        Event::TxDropError,
        Event::TxDropTooBig,
        Event::TxDropExpired,
    ] {
        assert!(seen.get(&u64::from(event.index())).is_some_and(|count| *count > 3), "{}", event.name());
    }
}
