//! The host's side of an AXI4 port, on a master whose channels are wires: what the test puts in is what the agent sees.
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, VecDeque};

use espalier_sim::axi::{Access, AxiHost, AxiOptions, AxiStalls, Kind, Order, Response};
use espalier_sim::stream::{Record, Sink, Source, Stalls, step};
use espalier_sim::{Error, Model};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

const WIRES: &str = "
module reader(input wire clock, input wire reset,
  input wire [76:0] s_ar, input wire s_ar_valid, output wire s_ar_ready,
  output wire [135:0] m_r, output wire m_r_valid, input wire m_r_ready,
  output wire [4:0] m_axi_arid, output wire [63:0] m_axi_araddr, output wire [7:0] m_axi_arlen, output wire m_axi_arvalid, input wire m_axi_arready,
  input wire [4:0] m_axi_rid, input wire [127:0] m_axi_rdata, input wire [1:0] m_axi_rresp, input wire m_axi_rlast, input wire m_axi_rvalid,
  output wire m_axi_rready);
  assign {m_axi_arid, m_axi_arlen, m_axi_araddr} = s_ar;
  assign m_axi_arvalid = s_ar_valid; assign s_ar_ready = m_axi_arready;
  assign m_r = {m_axi_rlast, m_axi_rresp, m_axi_rid, m_axi_rdata};
  assign m_r_valid = m_axi_rvalid; assign m_axi_rready = m_r_ready;
endmodule
module writer(input wire clock, input wire reset,
  input wire [73:0] s_aw, input wire s_aw_valid, output wire s_aw_ready,
  input wire [144:0] s_w, input wire s_w_valid, output wire s_w_ready,
  output wire [3:0] m_b, output wire m_b_valid, input wire m_b_ready,
  output wire [1:0] m_axi_awid, output wire [63:0] m_axi_awaddr, output wire [7:0] m_axi_awlen, output wire m_axi_awvalid, input wire m_axi_awready,
  output wire [127:0] m_axi_wdata, output wire [15:0] m_axi_wstrb, output wire m_axi_wlast, output wire m_axi_wvalid, input wire m_axi_wready,
  input wire [1:0] m_axi_bid, input wire [1:0] m_axi_bresp, input wire m_axi_bvalid, output wire m_axi_bready);
  assign {m_axi_awid, m_axi_awlen, m_axi_awaddr} = s_aw;
  assign m_axi_awvalid = s_aw_valid; assign s_aw_ready = m_axi_awready;
  assign {m_axi_wlast, m_axi_wstrb, m_axi_wdata} = s_w;
  assign m_axi_wvalid = s_w_valid; assign s_w_ready = m_axi_wready;
  assign m_b = {m_axi_bresp, m_axi_bid};
  assign m_b_valid = m_axi_bvalid; assign m_axi_bready = m_b_ready;
endmodule";

fn address(id: u32, address: u64, beats: usize) -> Record {
    Record(BigUint::from(id) << 72 | BigUint::from(beats - 1) << 64 | BigUint::from(address))
}

fn beat(data: u128, strobes: u16, last: bool) -> Record {
    Record(BigUint::from(last) << 144 | BigUint::from(strobes) << 128 | BigUint::from(data))
}

fn bits(record: &Record, offset: u32, width: u32) -> u128 {
    let value = (&record.0 >> offset) & ((BigUint::from(1u32) << width) - 1u32);
    u128::try_from(value).unwrap()
}

struct Reader {
    model: Model,
    host: AxiHost,
    ar: Source<Record>,
    r: Sink<Record>,
}

impl Reader {
    fn new(options: AxiOptions, stalls: &Stalls) -> Self {
        let mut model = Model::from_verilog("axi_reader", WIRES, "reader").unwrap();
        model.reset(2);
        let host = AxiHost::new(&model, "m_axi", options).unwrap();
        let ar = Source::new(&model, "s_ar", stalls.derive(0)).unwrap();
        let r = Sink::new(&model, "m_r", stalls.derive(1)).unwrap();
        Self { model, host, ar, r }
    }

    /// A clock; the beat that came, as (id, data, response, last).
    fn step(&mut self) -> Result<Option<(u32, u128, u128, bool)>, Error> {
        step(&mut self.model, &mut [&mut self.ar, &mut self.r, &mut self.host])?;
        let beat = |r: &Record| (bits(r, 128, 5) as u32, bits(r, 0, 128), bits(r, 133, 2), bits(r, 135, 1) != 0);
        Ok(self.r.taken.as_ref().map(beat))
    }
}

struct Writer {
    model: Model,
    host: AxiHost,
    aw: Source<Record>,
    w: Source<Record>,
    b: Sink<Record>,
}

impl Writer {
    fn new(options: AxiOptions, stalls: &Stalls) -> Self {
        let mut model = Model::from_verilog("axi_writer", WIRES, "writer").unwrap();
        model.reset(2);
        let host = AxiHost::new(&model, "m_axi", options).unwrap();
        let aw = Source::new(&model, "s_aw", stalls.derive(0)).unwrap();
        let w = Source::new(&model, "s_w", stalls.derive(1)).unwrap();
        let b = Sink::new(&model, "m_b", stalls.derive(2)).unwrap();
        Self { model, host, aw, w, b }
    }

    /// A clock; the response that came, as (id, response).
    fn step(&mut self) -> Result<Option<(u32, u128)>, Error> {
        step(&mut self.model, &mut [&mut self.aw, &mut self.w, &mut self.b, &mut self.host])?;
        Ok(self.b.taken.as_ref().map(|b| (bits(b, 0, 2) as u32, bits(b, 2, 2))))
    }

    fn breach(&mut self) -> (String, &'static str) {
        let error = (0..600).find_map(|_| self.step().err()).unwrap();
        let Error::Protocol { stream, rule, .. } = error else { panic!("{error}") };
        (stream, rule)
    }
}

/// The bytes of memory are made of their addresses.
fn content(address: u64, bytes: usize) -> Vec<u8> {
    (address..address + bytes as u64).map(|at| (at ^ at >> 8).wrapping_mul(37) as u8).collect()
}

/// Reads of random ids and lengths; how many times a beat came that is not of the burst before it, which had not ended.
fn read_all(options: AxiOptions, stalls: &Stalls, seed: u64) -> (usize, bool) {
    let mut reader = Reader::new(options, stalls);
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut expected: HashMap<u32, VecDeque<(u128, u128, bool)>> = HashMap::new();
    let mut ids = Vec::new();
    let mut bad = HashMap::new();
    for _ in 0..100 {
        let (id, beats) = (rng.random_range(0..18), rng.random_range(1..=16usize));
        let at = 0x1_0000_0000 + 256 * rng.random_range(0..1000u64) + 16 * rng.random_range(0..=16 - beats as u64);
        let error = (rng.random_range(0..10) == 0).then(|| rng.random_range(0..beats));
        bad.entry((id, at, 16 * beats)).or_insert_with(VecDeque::new).push_back(error);
        reader.ar.push(address(id, at, beats));
        ids.push(id);
        for (index, chunk) in content(at, 16 * beats).chunks(16).enumerate() {
            let data = u128::from_le_bytes(chunk.try_into().unwrap());
            let response = if error == Some(index) { 2 } else { 0 };
            expected.entry(id).or_default().push_back((data, response, index + 1 == beats));
        }
    }
    let (mut interleaved, mut open, mut ends) = (0, None, Vec::new());
    for _ in 0..60_000 {
        if let Some((id, data, response, last)) = reader.step().unwrap() {
            let (expected_data, expected_response, expected_last) = expected.get_mut(&id).unwrap().pop_front().unwrap();
            assert_eq!((response, last), (expected_response, expected_last));
            assert!(response != 0 || data == expected_data, "id {id}");
            interleaved += usize::from(open.is_some_and(|open| open != id));
            open = (!last).then_some(id);
            ends.extend(last.then_some(id));
        }
        for Access { token, id, kind, .. } in reader.host.take_accesses() {
            let Kind::Read { address, bytes } = kind else { panic!("a write") };
            let error = bad.get_mut(&(id, address, bytes)).unwrap().pop_front().unwrap();
            reader.host.answer_read_with(token, content(address, bytes), |beat| (error == Some(beat)).then_some(Response::SlaveError));
        }
        if ends.len() == 100 {
            assert_eq!(reader.host.outstanding(), 0);
            return (interleaved, ends == ids);
        }
        assert!(reader.host.outstanding() > 0 || ends.len() + reader.ar.queue.len() == 100);
    }
    panic!("{} of 100 reads came back", ends.len());
}

#[test]
fn reads_come_back_in_the_order_of_their_id() {
    assert_eq!(read_all(AxiOptions::default(), &Stalls::never(), 1), (0, true));
    for seed in 0..4 {
        let stalls = Stalls::random(seed, 30);
        let random = AxiOptions::random(seed, 20);
        let (interleaved, in_order) = read_all(AxiOptions { order: Order::Random, ..random.clone() }, &stalls, seed);
        assert!(interleaved == 0 && !in_order);
        let (interleaved, in_order) = read_all(random, &stalls, seed + 10);
        assert!(interleaved > 100 && !in_order);
    }
}

#[test]
fn writes_put_down_what_their_strobes_say() {
    for seed in 0..4 {
        let stalls = Stalls::bursts(seed, 30);
        let mut writer = Writer::new(AxiOptions::random(seed, 20), &stalls);
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut expected = vec![0u8; 16 * 1024];
        let mut tokens: HashMap<u32, VecDeque<u128>> = HashMap::new();
        for index in 0..60 {
            let (id, beats) = (rng.random_range(0..4), rng.random_range(1..=16usize));
            let (at, response) = (256 * index, if rng.random_range(0..5) == 0 { 3 } else { 0 });
            writer.aw.push(address(id, at as u64, beats));
            tokens.entry(id).or_default().push_back(response);
            for number in 0..beats {
                let (data, strobes): (u128, u16) = (rng.random(), rng.random());
                writer.w.push(beat(data, strobes, number + 1 == beats));
                for lane in (0..16).filter(|lane| strobes >> lane & 1 != 0 && response == 0) {
                    expected[at + 16 * number + lane] = data.to_le_bytes()[lane];
                }
            }
        }
        let answers: HashMap<u32, Vec<u128>> = tokens.iter().map(|(&id, answers)| (id, answers.iter().copied().collect())).collect();
        let (mut memory, mut done, mut begun) = (vec![0u8; 16 * 1024], 0, HashMap::<u32, usize>::new());
        for _ in 0..60_000 {
            if let Some((id, response)) = writer.step().unwrap() {
                assert_eq!(tokens.get_mut(&id).unwrap().pop_front(), Some(response));
                done += 1;
            }
            for access in writer.host.take_accesses() {
                let number = begun.entry(access.id).or_default();
                let good = answers[&access.id][*number] == 0;
                *number += 1;
                for (at, bytes) in access.written().filter(|_| good) {
                    memory[at as usize..][..bytes.len()].copy_from_slice(bytes);
                }
                writer.host.answer_write(access.token, if good { Ok(()) } else { Err(Response::DecodeError) });
            }
        }
        assert_eq!((done, writer.host.outstanding()), (60, 0));
        assert_eq!(memory, expected);
    }
}

#[test]
fn an_answer_takes_its_time() {
    let mut reader = Reader::new(AxiOptions { latency: 100..=100, ..AxiOptions::default() }, &Stalls::never());
    reader.ar.push(address(3, 0x40, 1));
    reader.ar.push(address(4, 0x80, 1));
    let mut came = Vec::new();
    for _ in 0..400 {
        if let Some((id, ..)) = reader.step().unwrap() {
            came.push((id, reader.model.cycles()));
        }
        for access in reader.host.take_accesses() {
            reader.host.answer_read(access.token, Ok(vec![1; 16]));
            reader.host.delay(access.token, if access.id == 3 { 50 } else { 0 });
        }
    }
    let [(4, first), (3, second)] = came[..] else { panic!("{came:?}") };
    assert!(first > 100 && second == first + 49, "{came:?}");
}

#[test]
fn each_breach_is_named() {
    let broken = |aw: Option<Record>, beats: &[bool]| {
        let mut writer = Writer::new(AxiOptions::default(), &Stalls::never());
        aw.into_iter().for_each(|aw| writer.aw.push(aw));
        beats.iter().for_each(|&last| writer.w.push(beat(7, 0xffff, last)));
        writer.breach()
    };
    let early = ("m_axi_w".to_owned(), "wlast before the burst's last beat");
    let late = ("m_axi_w".to_owned(), "no wlast on the burst's last beat");
    assert_eq!(broken(Some(address(0, 0, 3)), &[false, true]), early);
    assert_eq!(broken(Some(address(0, 0, 1)), &[false]), late);
    assert_eq!(broken(None, &[false; 256]), late);
    let address_rule = |rule| ("m_axi_aw".to_owned(), rule);
    assert_eq!(broken(Some(address(0, 0xff0, 2)), &[]), address_rule("the burst crosses 4 KiB"));
    assert_eq!(broken(Some(address(0, 0xff8, 1)), &[]), address_rule("the address is no multiple of 16"));

    // Data ahead of its address, and of the wrong length.
    let mut writer = Writer::new(AxiOptions::default(), &Stalls::never());
    writer.w.push(beat(7, 0xffff, true));
    (0..5).for_each(|_| assert_eq!(writer.step().unwrap(), None));
    assert_eq!(writer.host.outstanding(), 1);
    writer.aw.push(address(0, 0, 2));
    assert_eq!(writer.breach(), early);

    // What is offered must stay.
    let stalls = AxiStalls { ar: Stalls::pattern(&[true]), ..AxiOptions::default().stalls };
    let mut reader = Reader::new(AxiOptions { stalls, ..AxiOptions::default() }, &Stalls::never());
    reader.ar.push(address(0, 0, 1));
    (0..5).for_each(|_| assert_eq!(reader.step().unwrap(), None));
    assert_eq!(reader.host.outstanding(), 1, "offered, not taken");
    reader.model.set("s_ar", 16u32);
    let error = reader.step().unwrap_err();
    assert!(matches!(error, Error::Protocol { rule: "payload changed before ready", .. }), "{error}");
}

#[test]
fn a_reset_ends_every_access() {
    let mut reader = Reader::new(AxiOptions::default(), &Stalls::never());
    (0..4).for_each(|id| reader.ar.push(address(id, 0, 16)));
    let mut accesses = Vec::new();
    for _ in 0..10 {
        reader.step().unwrap();
        accesses.extend(reader.host.take_accesses());
        for access in accesses.iter().take(1) {
            reader.host.answer_read(access.token, Ok(vec![0; 256]));
        }
    }
    assert_eq!((accesses.len(), reader.host.outstanding()), (4, 4));
    reader.model.set("reset", true);
    (0..3).for_each(|_| assert_eq!(reader.step().unwrap(), None));
    reader.model.set("reset", false);
    assert_eq!(reader.host.outstanding(), 0);
    accesses.iter().for_each(|access| reader.host.answer_read(access.token, Ok(vec![0; 256])));
    assert!((0..20).all(|_| reader.step().unwrap().is_none()));
}

#[test]
fn a_model_without_such_ports_is_named() {
    let model = Model::from_verilog("axi_none", "module none(input wire clock, input wire reset); endmodule", "none").unwrap();
    let error = AxiHost::new(&model, "m_axi", AxiOptions::default()).err().unwrap();
    assert!(error.to_string().contains("m_axi_arvalid"), "{error}");
}
