//! Reads.

use std::collections::{HashMap, VecDeque};

use espalier_hdl::dma::read::AxiRead;
use espalier_hdl::dma::records::ReadRequest;
use espalier_sim::axi::{AxiHost, AxiOptions, Kind};
use espalier_sim::stream::{Agent, Record, Sink, Source, Stalls};
use espalier_sim::{Model, field};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::host::{any, failure, memory, place, prompt, stalls};

const CLIENTS: [&str; 3] = ["tx_data", "tx_ring", "rx_ring"];
const DATA: usize = 0;
const TX_RING: usize = 1;
const RX_RING: usize = 2;

/// Data, last, error.
type Beat = (u128, bool, bool);

fn beat(record: &BigUint) -> Beat {
    (u128::try_from(field(record, 0, 128)).unwrap(), record.bit(128), record.bit(129))
}

struct Bench {
    model: Model,
    host: AxiHost,
    /// One beat in so many cannot be read; 0: all can.
    errors: u64,
    requests: [Source<Record>; 3],
    data: Sink<Record>,
    halt: bool,
    expected: [VecDeque<Beat>; 3],
    /// Clocks in which a client's requests were taken, and its beats.
    taken: [Vec<u64>; 3],
    received: [Vec<u64>; 3],
    /// Clocks in which AR and R moved.
    asked: Vec<u64>,
    answered: Vec<u64>,
    ended: usize,
    /// Accesses under way by id, and the most with an id of data.
    under_way: HashMap<u64, usize>,
    most: usize,
    /// A beat of data came whose tag is not the oldest one.
    overtaken: usize,
    tags: VecDeque<u64>,
    before: Before,
}

/// The clock before.
#[derive(Default)]
struct Before {
    halt: bool,
    asks: bool,
}

impl Bench {
    fn new(options: AxiOptions, errors: u64, [offers, takes]: [Stalls; 2]) -> Self {
        let mut model = Model::build::<AxiRead>("axi_read").unwrap();
        // Nonsense before the reset.
        let ports = ["tx_data_request_valid", "rx_ring_request_valid", "m_axi_rvalid", "m_axi_arready"];
        ports.iter().for_each(|port| model.set(port, true));
        model.clocks(9);
        ports.iter().for_each(|port| model.set(port, false));
        model.reset(2);
        let source = |i| Source::new(&model, &format!("{}_request", CLIENTS[i]), offers.derive(i)).unwrap();
        Self {
            host: AxiHost::new(&model, "m_axi", options).unwrap(),
            errors,
            requests: [source(0), source(1), source(2)],
            data: Sink::new(&model, "tx_data_beat", takes).unwrap(),
            halt: false,
            expected: Default::default(),
            taken: Default::default(),
            received: Default::default(),
            asked: Vec::new(),
            answered: Vec::new(),
            ended: 0,
            under_way: HashMap::new(),
            most: 0,
            overtaken: 0,
            tags: VecDeque::new(),
            before: Before::default(),
            model,
        }
    }

    fn fast(latency: u64) -> Self {
        Self::new(prompt(latency), 0, [Stalls::never(), Stalls::never()])
    }

    fn request(&mut self, client: usize, address: u64, beats: u64) {
        self.requests[client].push(Record::of(ReadRequest { address: address.into(), beats: beats.into() }));
        for i in 0..beats {
            let at = address + 16 * i;
            let error = failure(at, self.errors).is_some();
            self.expected[client].push_back((if error { 0 } else { memory(at) }, i + 1 == beats, error));
        }
    }

    fn outstanding(&self) -> usize {
        self.taken.iter().map(Vec::len).sum::<usize>() - self.ended
    }

    fn left(&self) -> usize {
        self.expected.iter().map(VecDeque::len).sum()
    }

    /// A port of either direction.
    fn port(&self, name: &str) -> u64 {
        self.model.read_u64(self.model.peek(name).unwrap())
    }

    fn settle(&mut self) {
        let model = &mut self.model;
        model.set("halt", self.halt);
        self.host.drive(model);
        self.requests.iter_mut().for_each(|source| source.drive(model));
        self.data.drive(model);
        model.settle();
        self.host.sample(model).unwrap();
        self.requests.iter_mut().for_each(|source| source.sample(model).unwrap());
        self.data.sample(model).unwrap();
    }

    fn clock(&mut self) {
        self.settle();
        self.watch_bus();
        self.watch_clients();
        self.model.rise();
    }

    /// Everything that was asked is forgotten, here, in the device and in the host.
    fn reset(&mut self) {
        self.model.set("reset", true);
        for _ in 0..3 {
            self.settle();
            self.model.rise();
        }
        self.model.set("reset", false);
        self.requests.iter_mut().for_each(|source| source.queue.clear());
        (self.expected, self.taken, self.ended) = Default::default();
        (self.under_way, self.tags, self.before) = Default::default();
    }

    fn watch_bus(&mut self) {
        let now = self.model.cycles();
        assert_eq!(self.model.get_bool("idle"), self.outstanding() == 0, "clock {now}");
        let asks = self.model.get_bool("m_axi_arvalid");
        assert!(!asks || self.before.asks || !self.before.halt, "clock {now}: an access begins in halt");
        self.before = Before { halt: self.halt, asks: asks && self.port("m_axi_arready") == 0 };
        assert!(self.model.get_bool("m_axi_rready"));
        if self.port("m_axi_rvalid") == 1 {
            self.answered.push(now);
            let (id, last) = (self.port("m_axi_rid"), self.port("m_axi_rlast") == 1);
            self.overtaken += usize::from(id < 16 && self.tags[0] != id);
            if last {
                *self.under_way.get_mut(&id).unwrap() -= 1;
                self.tags.retain(|tag| *tag != id);
            }
        }
        for access in self.host.take_accesses() {
            let Kind::Read { address, bytes } = access.kind else { panic!("{access:?}") };
            let (id, beats) = (u64::from(access.id), bytes as u64 / 16);
            assert!(address / 256 == (address + 16 * beats - 1) / 256, "{address:x}");
            let same = self.under_way.entry(id).or_default();
            *same += 1;
            assert!(id < 18 && *same <= if id < 16 { 1 } else { 4 }, "clock {now}: {same} of id {id}");
            if id < 16 {
                self.tags.push_back(id);
                self.most = self.most.max(self.tags.len());
            }
            self.asked.push(now);
            let data = (0..beats).flat_map(|i| memory(address + 16 * i).to_le_bytes()).collect();
            self.host.answer_read_with(access.token, data, |i| failure(address + 16 * i as u64, self.errors));
        }
    }

    fn watch_clients(&mut self) {
        let now = self.model.cycles();
        for (client, name) in CLIENTS.iter().enumerate() {
            if self.requests[client].taken.is_some() {
                assert!(!self.halt, "clock {now}");
                self.taken[client].push(now);
            }
            let name = format!("{name}_beat");
            let got = match client {
                DATA => self.data.taken.take().map(|record| record.0),
                _ => self.model.get_bool(&format!("{name}_valid")).then(|| self.model.get(&name)),
            };
            if let Some(got) = got.as_ref().map(beat) {
                assert_eq!(Some(got), self.expected[client].pop_front(), "clock {now}, {name}");
                self.received[client].push(now);
                self.ended += usize::from(got.1);
            }
        }
    }

    fn finish(&mut self) {
        let deadline = self.model.cycles() + 200_000;
        while self.left() > 0 {
            self.clock();
            assert!(self.model.cycles() < deadline, "{} beats are missing", self.left());
        }
        (0..20).for_each(|_| self.clock());
        assert_eq!(self.outstanding(), 0);
    }
}

#[test]
fn clients_get_what_they_ask_for_in_order_whatever_the_host_does() {
    let (mut overtaken, mut most, mut halts) = (0, 0, 0);
    for seed in 0..80 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let errors = [0, 40, 3][rng.random_range(0..3)];
        let clients = [stalls(&mut rng), stalls(&mut rng)];
        let mut bench = Bench::new(any(&mut rng), errors, clients);
        let ask = |bench: &mut Bench, rng: &mut SmallRng| {
            let (address, beats) = place(rng);
            bench.request([DATA, DATA, DATA, TX_RING, RX_RING][rng.random_range(0..5)], address, beats);
        };
        (0..50).for_each(|_| ask(&mut bench, &mut rng));
        (0..rng.random_range(0..400)).for_each(|_| bench.clock());
        bench.reset();
        (0..200).for_each(|_| ask(&mut bench, &mut rng));
        let often = [0, 20, 500][rng.random_range(0..3)];
        while often != 0 && bench.left() > 0 {
            (0..rng.random_range(0..often)).for_each(|_| bench.clock());
            bench.halt = true;
            let deadline = bench.model.cycles() + 20_000;
            bench.clock();
            while bench.outstanding() > 0 {
                bench.clock();
                assert!(bench.model.cycles() < deadline, "what is begun does not end in halt");
            }
            (0..rng.random_range(1..30)).for_each(|_| bench.clock());
            bench.halt = false;
            bench.clock();
            halts += 1;
        }
        bench.finish();
        overtaken += bench.overtaken;
        most = most.max(bench.most);
    }
    assert!(overtaken > 1000 && most == 16 && halts > 100, "{overtaken} {most} {halts}: the host was too kind");
}

#[test]
fn data_flow_at_a_beat_a_clock() {
    for (beats, latency) in [(16, 200), (16, 1), (5, 50), (4, 40), (2, 10)] {
        let mut bench = Bench::fast(latency);
        (0..200).for_each(|i| bench.request(DATA, 0x1_0000_0000 + 256 * i, beats));
        bench.finish();
        for times in [&bench.answered, &bench.received[DATA]] {
            let clocks = times[times.len() - 1] - times[0] + 1;
            assert_eq!(clocks, 200 * beats, "{beats} beats after {latency} clocks");
        }
    }
}

#[test]
fn a_request_of_one_beat_takes_two_clocks() {
    let mut bench = Bench::fast(8);
    (0..100).for_each(|i| bench.request(DATA, 16 * i, 1));
    bench.finish();
    assert!(bench.asked.windows(2).all(|pair| pair[1] - pair[0] == 2));
    assert!(bench.received[DATA].windows(2).all(|pair| pair[1] - pair[0] == 2));
}

#[test]
fn frames_of_64_bytes_take_ten_clocks_each_from_a_host_150_clocks_away() {
    let mut bench = Bench::fast(150);
    (0..1600).for_each(|i| bench.request(DATA, 2048 * i, 4));
    bench.finish();
    // 16 requests in 163 clocks: an id is used again 13 clocks after the first beat of its answer. The first 16 come faster than R.
    let times = &bench.asked[16..];
    assert!(times.iter().zip(&times[16..]).all(|(first, again)| again - first == 163));
}

#[test]
fn latencies_are_as_promised() {
    let mut bench = Bench::fast(30);
    bench.request(DATA, 0x100, 7);
    bench.finish();
    assert_eq!(bench.asked[0], bench.taken[DATA][0] + 1);
    assert_eq!(bench.received[DATA][0], bench.answered[6] + 6);
    bench.request(TX_RING, 0x200, 3);
    bench.finish();
    assert_eq!(bench.asked[1], bench.taken[TX_RING][0] + 1);
    assert_eq!(bench.received[TX_RING], bench.answered[7..].iter().map(|clock| clock + 1).collect::<Vec<_>>());
}

#[test]
fn rings_go_first_and_have_four_requests_under_way() {
    let mut bench = Bench::fast(400);
    for i in 0..6 {
        [DATA, RX_RING, TX_RING].into_iter().for_each(|client| bench.request(client, 256 * i, 4));
    }
    (0..100).for_each(|_| bench.clock());
    assert_eq!(bench.taken.each_ref().map(Vec::len), [6, 4, 4]);
    assert!(bench.taken[TX_RING][3] < bench.taken[RX_RING][0] && bench.taken[RX_RING][3] < bench.taken[DATA][0]);
    bench.finish();
}

#[test]
fn data_that_nobody_takes_stay_and_leave_the_rings_alone() {
    let mut bench = Bench::new(prompt(5), 0, [Stalls::never(), Stalls::pattern(&[true])]);
    (0..30).for_each(|i| bench.request(DATA, 256 * i, 16));
    (0..50).for_each(|i| bench.request(RX_RING, (1 << 40) + 256 * i, 16));
    (0..2000).for_each(|_| bench.clock());
    assert_eq!(bench.taken.each_ref().map(Vec::len), [16, 0, 50]);
    assert!(bench.expected[RX_RING].is_empty());
    bench.data.set_stalls(Stalls::never());
    bench.finish();
}
