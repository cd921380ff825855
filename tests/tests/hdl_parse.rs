//! The parser on the Verilated block: the same beats out, and headers as the reference model finds them.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::net::IpAddr;

use espalier_hdl::parse::{MAX_FRAME_BYTES, Parse};
use espalier_hdl::records::{Endpoints, Headers as Record, Meta};
use espalier_hdl::stream::Beat;
use espalier_reference_model::headers::Headers;
use espalier_sim::Model;
use num_bigint::BigUint;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rust_hdl::prelude::*;

/// Clocks from the deciding beat on `m` to `headers`: from a last one, and from the 6th.
const LATENCY: u64 = 5;
const LATENCY_OF_6TH: u64 = 4;
/// Bytes after which the headers of a frame are known.
const SEEN: usize = 96;

fn build(store_and_forward: bool) -> Model {
    let mut model = Model::build::<Parse>("parse").unwrap();
    model.set("store_and_forward", store_and_forward);
    model.reset(3);
    model
}

fn bits<const N: usize>(bytes: &[u8]) -> Bits<N> {
    let mut padded = bytes.to_vec();
    padded.resize(N / 8, 0);
    BigUint::from_bytes_be(&padded).into()
}

/// The beats of a frame; the bytes behind its end are noise.
fn beats(frame: &[u8], error: bool, random: &mut impl Rng) -> Vec<Beat> {
    let mut noisy = frame.to_vec();
    noisy.resize_with(frame.len().next_multiple_of(16), || random.random());
    let count = noisy.len() / 16;
    let beat = |(i, data): (usize, &[u8])| {
        let last = i + 1 == count;
        let bytes = (frame.len() - 16 * i).min(16) as u64;
        Beat { data: bits(data), bytes: bytes.into(), last, error: last && error }
    };
    noisy.chunks(16).enumerate().map(beat).collect()
}

fn address(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The records that a frame must give.
#[derive(Clone, Copy)]
struct Want {
    headers: Record,
    endpoints: Endpoints,
    /// The model looked at a whole IP header, or none is to be expected.
    whole: bool,
}

fn expected(frame: &[u8], error: bool, store_and_forward: bool) -> Want {
    let (frame, error) = match frame.get(..MAX_FRAME_BYTES) {
        Some(cut) if frame.len() > MAX_FRAME_BYTES => (cut, true),
        _ => (frame, error),
    };
    let found = Headers::parse(frame);
    let malformed = found.malformed || store_and_forward && found.truncated;
    // As if zeros followed.
    let byte = |at: usize| frame.get(at).copied().unwrap_or(0);
    let tag = |at: usize| matches!([byte(at), byte(at + 1)], [0x81, 0x00] | [0x88, 0xA8]);
    let l2_length = if !tag(12) {
        14
    } else if !tag(16) {
        18
    } else {
        22
    };
    let mut record = Record { l2_length: (l2_length as u64).into(), malformed, error: error && store_and_forward, ..Default::default() };
    let mut endpoints = Endpoints::default();
    if found.is_ip() {
        let at = |offset: usize| frame[l2_length + offset];
        record.is_v4 = found.is_v4;
        record.is_v6 = found.is_v6;
        record.has_options = found.has_options;
        record.is_fragment = found.is_fragment;
        if found.is_v4 {
            record.tos = u64::from(at(1)).into();
            record.dont_fragment = at(6) & 0x40 != 0;
            record.checksum = u64::from(u16::from_be_bytes([at(10), at(11)])).into();
        } else {
            record.tos = u64::from(at(0) << 4 | at(1) >> 4).into();
            record.flow_label = u64::from(u32::from_be_bytes([0, at(1) & 0xF, at(2), at(3)])).into();
        }
        record.l3_length = (found.l3_length as u64).into();
        record.ip_length = (found.ip_length as u64).into();
        record.protocol = u64::from(found.protocol).into();
        endpoints.src = address(found.src).to_bits();
        endpoints.dst = address(found.dst).to_bits();
    }
    if let (Some((sport, dport)), false) = (found.ports, malformed) {
        endpoints.sport = u64::from(sport).into();
        endpoints.dport = u64::from(dport).into();
    }
    if let (Some(esp), false) = (found.esp, malformed) {
        record.is_esp = true;
        record.is_encap = esp.encap;
        record.spi = u64::from(esp.spi).into();
        record.seq = u64::from(esp.seq).into();
        let iv = esp.offset + 8;
        record.iv = bits(&frame[iv.min(frame.len())..(iv + 8).min(frame.len())]);
    }
    Want { headers: record, endpoints, whole: found.is_ip() || !malformed }
}

/// A frame that is right in most respects and wrong in some.
fn frame(random: &mut impl Rng) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..12).map(|_| random.random()).collect();
    for _ in 0..[0, 0, 1, 1, 2, 3][random.random_range(0..6)] {
        let tpid: u16 = if random.random() { 0x8100 } else { 0x88A8 };
        frame.extend(tpid.to_be_bytes());
        frame.extend(random.random::<u16>().to_be_bytes());
    }
    let v6 = random.random();
    let ether_type: u16 = if random.random_ratio(1, 12) {
        [0x0806, 0x86DC, 0x0801, 0x8100][random.random_range(0..4)]
    } else if v6 {
        0x86DD
    } else {
        0x0800
    };
    frame.extend(ether_type.to_be_bytes());
    let l3 = frame.len();
    let protocol = [1, 4, 6, 17, 17, 17, 33, 41, 50, 50, 50, 51, 58, 132, 136, 0, 43, 44, 60, 135, 139, 140, random.random()]
        [random.random_range(0..23)];
    let payload = match random.random_range(0..8) {
        0 => random.random_range(0..30),
        1 => random.random_range(1400..1500),
        2 if random.random_ratio(1, 8) => random.random_range(9000..9400),
        _ => random.random_range(0..120),
    };
    let ihl = if random.random_ratio(1, 8) { random.random_range(0..16) } else { 5 };
    if v6 {
        frame.extend([0x60, 0, 0, 0]);
        frame.extend((payload as u16).to_be_bytes());
        frame.extend([protocol, 64]);
        frame.extend((0..32).map(|_| random.random::<u8>()));
    } else {
        let header = 4 * usize::from(ihl.max(5));
        frame.extend([0x40 | ihl, random.random()]);
        frame.extend(((header + payload) as u16).to_be_bytes());
        let fragment: u16 = if random.random_ratio(1, 8) { random.random() } else { 0x4000 };
        frame.extend(random.random::<u16>().to_be_bytes());
        frame.extend(fragment.to_be_bytes());
        frame.extend([64, protocol, 0, 0]);
        frame.extend((0..header - 12).map(|_| random.random::<u8>()));
        let sum: u32 = frame[l3..l3 + header.min(20)].chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
        let sum = (sum & 0xFFFF) + (sum >> 16);
        let sum = !(((sum & 0xFFFF) + (sum >> 16)) as u16);
        frame[l3 + 10..l3 + 12].copy_from_slice(&sum.to_be_bytes());
    }
    let l4 = frame.len();
    frame.extend((0..payload).map(|_| random.random::<u8>()));
    if protocol == 17 && payload >= 8 {
        let port = l4 + if random.random() { 0 } else { 2 };
        if random.random_ratio(3, 4) {
            frame[port..port + 2].copy_from_slice(&4500u16.to_be_bytes());
        }
        let length = if random.random_ratio(1, 4) { random.random_range(8..20) } else { payload as u16 };
        frame[l4 + 4..l4 + 6].copy_from_slice(&length.to_be_bytes());
        if random.random_ratio(1, 4) && payload >= 12 {
            frame[l4 + 8..l4 + 12].fill(0);
        }
    }
    // Padding, a cut, a flipped bit.
    if random.random_ratio(1, 3) {
        frame.resize(frame.len().max(60), 0);
    }
    if random.random_ratio(1, 4) {
        frame.truncate(random.random_range(1..=frame.len().min(110)));
    }
    if random.random_ratio(1, 5) {
        let at = random.random_range(0..frame.len().min(70));
        frame[at] ^= 1 << random.random_range(0..8);
    }
    frame
}

/// What may run beside a frame.
fn meta(random: &mut impl Rng) -> Meta {
    Meta {
        crypto: random.random(),
        must_protect: random.random(),
        is_protected: random.random(),
        unsupported: random.random(),
        status: u64::from(random.random::<u8>()).into(),
        sa: random.random_range(0..1024u64).into(),
        generation: u64::from(random.random::<u16>()).into(),
    }
}

fn width(kind: &TypeKind) -> usize {
    match kind {
        TypeKind::Bits(width) => *width,
        TypeKind::Composite(fields) => fields.iter().map(|field| width(&field.kind.kind)).sum(),
        _ => unreachable!("no other kind is in the record"),
    }
}

/// Name and value of each field of a record.
fn fields<T: Synth>(value: &BigUint) -> Vec<(String, BigUint)> {
    let TypeKind::Composite(fields) = T::descriptor().kind else { unreachable!() };
    let mut offset = 0;
    let field = |field: Box<TypeField>| {
        let width = width(&field.kind.kind);
        offset += width;
        (field.fieldname, espalier_sim::field(value, offset - width, width))
    };
    fields.into_iter().map(field).collect()
}

/// Compares the records that are offered; where there is no whole IP header, only what is judged of it.
fn assert_headers(model: &Model, want: &Want, frame: &[u8]) {
    let header = ["is_v4", "is_v6", "has_options", "is_fragment", "dont_fragment", "tos", "flow_label", "l3_length", "ip_length"];
    let header = [&header[..], &["protocol", "checksum", "src", "dst"]].concat();
    let headers = fields::<Record>(&model.get("headers")).into_iter().zip(fields::<Record>(&espalier_sim::record(want.headers)));
    let endpoints = fields::<Endpoints>(&model.get("endpoints"));
    let endpoints = endpoints.into_iter().zip(fields::<Endpoints>(&espalier_sim::record(want.endpoints)));
    for (got, field) in headers.chain(endpoints) {
        if want.whole || !header.contains(&field.0.as_str()) {
            assert_eq!(got, field, "frame of {} bytes: {}", frame.len(), hex(frame));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(SEEN).map(|byte| format!("{byte:02x}")).collect()
}

/// What leaves `m`: the beat's bytes that count, `last`, `error`.
fn beat_out(model: &Model) -> (Vec<u8>, bool, bool) {
    let beat = model.get("m_beat");
    let part = |offset: usize, width: usize| espalier_sim::field(&beat, offset, width);
    let bytes = part(128, 5).iter_u32_digits().next().unwrap_or(0) as usize;
    let data = u128::try_from(part(0, 128)).unwrap().to_be_bytes();
    (data[..bytes].to_vec(), part(133, 1) != BigUint::ZERO, part(134, 1) != BigUint::ZERO)
}

fn random_frames(store_and_forward: bool, seed: u64, count: usize, stall: u32) {
    println!("seed {seed:#x}, {stall} stalls in 10");
    let random = &mut StdRng::seed_from_u64(seed);
    let mut model = build(store_and_forward);
    let mut source: VecDeque<(Beat, Option<Meta>)> = VecDeque::new();
    let (mut sent, mut offered) = (0, false);
    // Frames whose last beat has not left `m`, and those whose headers are to come, with the time from which they may.
    let mut passing: VecDeque<(Vec<u8>, bool)> = VecDeque::new();
    let mut judged: VecDeque<(Vec<u8>, bool, Meta)> = VecDeque::new();
    let mut out = Vec::new();
    let mut decided = 0;
    let (mut taken, mut esp, mut malformed) = (0, 0, 0);
    while taken < count {
        if source.is_empty() && sent < count {
            let (frame, error) = (frame(random), random.random_ratio(1, 16));
            let meta = meta(random);
            let first = std::iter::once(Some(meta)).chain(std::iter::repeat(None));
            source.extend(beats(&frame, error, random).into_iter().zip(first));
            passing.push_back((frame.clone(), error));
            judged.push_back((frame, error, meta));
            sent += 1;
        }
        offered = !source.is_empty() && (offered || !random.random_ratio(stall, 10));
        model.set("s_valid", offered);
        match source.front() {
            Some((beat, _)) if offered => model.set_record("s_beat", *beat),
            _ => model.set_record("s_beat", Beat { data: random.random::<u128>().to_bits(), last: random.random(), ..Default::default() }),
        }
        // Only what stands beside the first beat counts.
        let beside = source.front().and_then(|(_, meta)| *meta).filter(|_| offered);
        model.set_record("s_meta", beside.unwrap_or_else(|| meta(random)));
        let (m_ready, headers_ready) = (!random.random_ratio(stall, 10), !random.random_ratio(stall, 10));
        model.set("m_ready", m_ready);
        model.set("headers_ready", headers_ready);
        model.settle();

        if model.get_bool("headers_valid") {
            assert!(decided > 0, "headers before their frame has gone by");
            let (frame, error, meta) = &judged[0];
            let mut want = expected(frame, *error, store_and_forward);
            want.headers.meta = *meta;
            assert_headers(&model, &want, frame);
            if headers_ready {
                esp += usize::from(want.headers.is_esp);
                malformed += usize::from(want.headers.malformed);
                judged.pop_front();
                decided -= 1;
                taken += 1;
            }
        }
        if model.get_bool("m_valid") && m_ready {
            let (bytes, last, error) = beat_out(&model);
            let before = out.len();
            out.extend(bytes);
            let (frame, with_error) = &passing[0];
            let cut = frame.len().min(MAX_FRAME_BYTES);
            assert_eq!(out[..], frame[..out.len()], "bytes of a frame of {}", frame.len());
            assert_eq!(last, out.len() == cut, "end of a frame of {}", frame.len());
            if store_and_forward && last || !store_and_forward && before < SEEN && (last || before == SEEN - 16) {
                decided += 1;
            }
            if last {
                assert_eq!(error, *with_error || frame.len() > MAX_FRAME_BYTES);
                passing.pop_front();
                out.clear();
            }
        }
        if model.get_bool("s_ready") && offered {
            source.pop_front();
            offered = false;
        }
        model.rise();
    }
    assert!(passing.is_empty() || !store_and_forward);
    println!("{count} frames, {esp} of ESP, {malformed} malformed, {} clocks", model.cycles());
    assert!(esp > count / 20 && malformed > count / 20);
}

#[test]
fn headers_and_beats_agree_with_the_model_tx() {
    random_frames(true, 0x2001, 8000, 0);
    random_frames(true, 0x2002, 8000, 5);
}

#[test]
fn headers_and_beats_agree_with_the_model_rx() {
    random_frames(false, 0x2003, 8000, 0);
    random_frames(false, 0x2004, 8000, 5);
}

/// Every length around what matters, each behind a frame full of ESP, whose leftovers must not show.
#[test]
fn short_frames_hold_nothing_of_the_one_before() {
    for store_and_forward in [true, false] {
        let mut model = build(store_and_forward);
        let random = &mut StdRng::seed_from_u64(7);
        let mut full: Vec<u8> = vec![0x11; 12];
        full.extend([0x08, 0x00, 0x45, 0, 0, 90, 0, 0, 0, 0, 64, 50, 0x7C, 0x53, 1, 2, 3, 4, 5, 6, 7, 8]);
        full.resize(14 + 90, 0x5A);
        let sum: u32 = full[14..34].chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum::<u32>() - 0x7C53;
        let sum = !(((sum & 0xFFFF) + (sum >> 16)) as u16);
        full[24..26].copy_from_slice(&sum.to_be_bytes());
        assert!(Headers::parse(&full).esp.is_some());
        model.set("m_ready", true);
        model.set("headers_ready", true);
        for length in 1..=full.len() {
            for frame in [&full[..], &full[..length]] {
                let mut beats: VecDeque<_> = beats(frame, false, random).into();
                loop {
                    model.set("s_valid", !beats.is_empty());
                    model.set_record("s_beat", beats.front().copied().unwrap_or_default());
                    model.settle();
                    if model.get_bool("s_ready") {
                        beats.pop_front();
                    }
                    let done = model.get_bool("headers_valid");
                    if done {
                        assert_headers(&model, &expected(frame, false, store_and_forward), frame);
                    }
                    model.rise();
                    if done && beats.is_empty() {
                        break;
                    }
                }
            }
        }
    }
}

fn documented(store_and_forward: bool, bytes: usize) -> u64 {
    if store_and_forward || bytes <= SEEN - 16 { LATENCY } else { LATENCY_OF_6TH }
}

/// Back to back, without stalls: clocks from record to record, and from the deciding beat to its record.
fn pace(store_and_forward: bool, bytes: usize) -> (u64, u64) {
    let mut model = build(store_and_forward);
    model.set("m_ready", true);
    model.set("headers_ready", true);
    model.set("s_valid", true);
    let beats = beats(&vec![0; bytes], false, &mut StdRng::seed_from_u64(1));
    let deciding = if store_and_forward { beats.len() - 1 } else { (beats.len() - 1).min(5) };
    let (mut next, mut out) = (0, 0);
    let (mut decided, mut records) = (VecDeque::new(), Vec::new());
    let mut latency = 0;
    while records.len() < 20 {
        model.set_record("s_beat", beats[next]);
        model.settle();
        if model.get_bool("s_ready") {
            next = (next + 1) % beats.len();
        }
        if model.get_bool("m_valid") {
            if out == deciding {
                decided.push_back(model.cycles());
            }
            out = (out + 1) % beats.len();
        }
        if model.get_bool("headers_valid") {
            records.push(model.cycles());
            latency = model.cycles() - decided.pop_front().unwrap();
            if records.len() == 1 {
                assert_eq!(latency, documented(store_and_forward, bytes));
            }
        }
        model.rise();
    }
    (records[19] - records[18], latency)
}

#[test]
fn pace_and_latency_are_as_documented() {
    for store_and_forward in [true, false] {
        for (bytes, clocks) in [(16, 4), (33, 4), (60, 4), (64, 4), (65, 5), (128, 8), (1518, 95)] {
            let (pace, latency) = pace(store_and_forward, bytes);
            assert_eq!(pace, clocks, "{bytes} bytes");
            if bytes > 33 {
                assert_eq!(latency, documented(store_and_forward, bytes), "{bytes} bytes");
            }
        }
    }
}

/// Headers that nobody takes let two frames pass, and a beat.
#[test]
fn untaken_headers_stop_the_third_frame() {
    for store_and_forward in [true, false] {
        let mut model = build(store_and_forward);
        model.set("m_ready", true);
        model.set("s_valid", true);
        let beats = beats(&[0; 300], false, &mut StdRng::seed_from_u64(1));
        let (mut next, mut out) = (0, 0);
        for _ in 0..400 {
            model.set_record("s_beat", beats[next]);
            model.settle();
            next = (next + usize::from(model.get_bool("s_ready"))) % beats.len();
            out += usize::from(model.get_bool("m_valid"));
            model.rise();
        }
        assert_eq!(out, 2 * beats.len() + 1);
    }
}
