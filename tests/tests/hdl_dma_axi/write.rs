//! Writes.

use std::collections::VecDeque;

use espalier_hdl::dma::records::WriteRequest;
use espalier_hdl::dma::write::AxiWrite;
use espalier_sim::Model;
use espalier_sim::axi::{AxiHost, AxiOptions, Kind};
use espalier_sim::stream::{Agent, Record, Source, Stalls};
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::host::{any, failure, place, prompt, stalls};

/// By id.
const CLIENTS: [&str; 4] = ["rx_data", "tx_done", "rx_done", "message"];
const RX_DATA: usize = 0;
const TX_DONE: usize = 1;
const RX_DONE: usize = 2;
const MESSAGE: usize = 3;

/// What is written at once: address, data, which of them.
type Write = (u64, Vec<u8>, Vec<bool>);

struct Bench {
    model: Model,
    host: AxiHost,
    /// One access in so many fails; 0: none.
    errors: u64,
    requests: [Source<Record>; 4],
    beats: [Source<Record>; 4],
    halt: bool,
    /// The host answers; else it lets everybody wait.
    answers: bool,
    held: Vec<(u64, u64)>,
    /// What is still to come to the host, and whether what comes back next is an error.
    expected: [VecDeque<Write>; 4],
    responses: [VecDeque<bool>; 4],
    /// Clocks in which requests were taken, were on AW, and in which W and B moved.
    taken: [Vec<u64>; 4],
    asked: Vec<u64>,
    moved: Vec<u64>,
    answered: Vec<u64>,
    /// Clocks of responses.
    ended: [Vec<u64>; 4],
    order: Vec<usize>,
    wrote: usize,
    /// W was a whole access ahead of AW; AW was one ahead of W.
    ahead: [bool; 2],
    asks_before: bool,
    halt_before: bool,
}

impl Bench {
    fn new(options: AxiOptions, errors: u64, offers: &Stalls) -> Self {
        let mut model = Model::build::<AxiWrite>("axi_write").unwrap();
        // Nonsense before the reset.
        let ports = ["rx_data_request_valid", "rx_done_request_valid", "rx_data_beat_valid", "m_axi_wready", "m_axi_bvalid"];
        ports.iter().for_each(|port| model.set(port, true));
        model.clocks(9);
        ports.iter().for_each(|port| model.set(port, false));
        model.reset(2);
        let source = |i: usize, what| Source::new(&model, &format!("{}_{what}", CLIENTS[i]), offers.derive(i)).unwrap();
        Self {
            host: AxiHost::new(&model, "m_axi", options).unwrap(),
            errors,
            requests: std::array::from_fn(|i| source(i, "request")),
            beats: std::array::from_fn(|i| source(i, "beat")),
            halt: false,
            answers: true,
            held: Vec::new(),
            expected: Default::default(),
            responses: Default::default(),
            taken: Default::default(),
            asked: Vec::new(),
            moved: Vec::new(),
            answered: Vec::new(),
            ended: Default::default(),
            order: Vec::new(),
            wrote: 0,
            ahead: [false; 2],
            asks_before: false,
            halt_before: false,
            model,
        }
    }

    fn fast(latency: u64) -> Self {
        Self::new(prompt(latency), 0, &Stalls::never())
    }

    fn request(&mut self, rng: &mut SmallRng, client: usize, (address, beats): (u64, u64)) {
        self.requests[client].push(Record::of(WriteRequest { address: address.into(), beats: beats.into() }));
        let (mut bytes, mut written) = (Vec::new(), Vec::new());
        for _ in 0..beats {
            let (data, strobes) = (rng.random::<u128>(), rng.random::<u16>());
            // A WriteBeat: its first field is lowest.
            self.beats[client].push(Record(BigUint::from(strobes) << 128 | BigUint::from(data)));
            bytes.extend(data.to_le_bytes());
            written.extend((0..16).map(|lane| strobes >> lane & 1 == 1));
        }
        self.expected[client].push_back((address, bytes, written));
        self.responses[client].push_back(failure(address, self.errors).is_some());
    }

    fn outstanding(&self) -> usize {
        let count = |clocks: &[Vec<u64>; 4]| clocks.iter().map(Vec::len).sum::<usize>();
        count(&self.taken) - count(&self.ended)
    }

    fn left(&self) -> usize {
        self.responses.iter().map(VecDeque::len).sum()
    }

    /// A port of either direction.
    fn port(&self, name: &str) -> bool {
        self.model.read_bool(self.model.peek(name).unwrap())
    }

    fn settle(&mut self) {
        let model = &mut self.model;
        model.set("halt", self.halt);
        let sources = || 0..4;
        self.host.drive(model);
        sources().for_each(|i| self.requests[i].drive(model));
        sources().for_each(|i| self.beats[i].drive(model));
        model.settle();
        self.host.sample(model).unwrap();
        sources().for_each(|i| self.requests[i].sample(model).unwrap());
        sources().for_each(|i| self.beats[i].sample(model).unwrap());
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
        self.requests.iter_mut().chain(&mut self.beats).for_each(|source| source.queue.clear());
        (self.expected, self.responses, self.held) = Default::default();
        (self.taken, self.ended, self.order) = Default::default();
        (self.asked, self.wrote) = Default::default();
        (self.asks_before, self.halt_before) = Default::default();
    }

    fn watch_bus(&mut self) {
        let now = self.model.cycles();
        assert_eq!(self.model.get_bool("idle"), self.outstanding() == 0, "clock {now}");
        let asks = self.model.get_bool("m_axi_awvalid");
        assert!(!asks || self.asks_before || !self.halt_before, "clock {now}: an access begins in halt");
        self.asks_before = asks && !self.port("m_axi_awready");
        self.halt_before = self.halt;
        assert!(self.model.get_bool("m_axi_bready"));
        if asks && self.port("m_axi_awready") {
            self.asked.push(now);
        }
        if self.port("m_axi_wvalid") && self.port("m_axi_wready") {
            self.moved.push(now);
            self.wrote += usize::from(self.port("m_axi_wlast"));
        }
        self.ahead[0] |= self.wrote > self.asked.len();
        self.ahead[1] |= self.asked.len() > self.wrote + 1;
        if self.port("m_axi_bvalid") {
            self.answered.push(now);
        }
        for access in self.host.take_accesses() {
            let Kind::Write { address, data, strobes } = access.kind else { panic!("{access:?}") };
            assert!(address / 256 == (address + data.len() as u64 - 1) / 256, "{address:x}");
            let client = access.id as usize;
            assert_eq!(self.expected[client].pop_front(), Some((address, data, strobes)), "clock {now}, {}", CLIENTS[client]);
            self.held.push((access.token, address));
        }
        if self.answers {
            for (token, address) in self.held.drain(..) {
                self.host.answer_write(token, failure(address, self.errors).map_or(Ok(()), Err));
            }
        }
    }

    fn watch_clients(&mut self) {
        let now = self.model.cycles();
        for (client, name) in CLIENTS.iter().enumerate() {
            if self.requests[client].taken.is_some() {
                assert!(!self.halt, "clock {now}");
                self.taken[client].push(now);
                self.order.push(client);
            }
            if self.model.get_bool(&format!("{name}_response_valid")) {
                let error = self.model.get_bool(&format!("{name}_response_error"));
                assert_eq!(Some(error), self.responses[client].pop_front(), "clock {now}, {name}");
                self.ended[client].push(now);
                assert!(self.ended[client].len() <= self.taken[client].len(), "clock {now}, {name}");
            }
        }
    }

    fn finish(&mut self) {
        let deadline = self.model.cycles() + 200_000;
        while self.left() > 0 {
            self.clock();
            assert!(self.model.cycles() < deadline, "{} responses are missing", self.left());
        }
        (0..20).for_each(|_| self.clock());
        assert_eq!(self.outstanding(), 0);
        assert!(self.expected.iter().all(VecDeque::is_empty));
    }
}

#[test]
fn everything_is_written_once_and_in_order_whatever_the_host_does() {
    let (mut ahead, mut halts) = ([false; 2], 0);
    for seed in 0..80 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let errors = [0, 40, 3][rng.random_range(0..3)];
        let clients = stalls(&mut rng);
        let mut bench = Bench::new(any(&mut rng), errors, &clients);
        let ask = |bench: &mut Bench, rng: &mut SmallRng| {
            let at = place(rng);
            let client = [RX_DATA, RX_DATA, TX_DONE, RX_DONE, MESSAGE][rng.random_range(0..5)];
            bench.request(rng, client, at);
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
        (0..2).for_each(|i| ahead[i] |= bench.ahead[i]);
    }
    assert!(ahead == [true; 2] && halts > 100, "{ahead:?} {halts}: the host was too kind");
}

#[test]
fn data_flow_at_a_beat_a_clock() {
    let mut rng = SmallRng::seed_from_u64(1);
    for beats in [16, 5, 4, 2] {
        let mut bench = Bench::fast(60);
        (0..200).for_each(|i| bench.request(&mut rng, RX_DATA, (0x1_0000_0000 + 256 * i, beats)));
        bench.finish();
        assert_eq!(bench.moved[bench.moved.len() - 1] - bench.moved[0] + 1, 200 * beats, "{beats} beats");
    }
}

#[test]
fn clients_that_take_turns_cost_no_clock() {
    let mut rng = SmallRng::seed_from_u64(2);
    let mut bench = Bench::fast(20);
    for i in 0..50 {
        (0..4).for_each(|client| bench.request(&mut rng, client, (256 * i, 3 + client as u64)));
    }
    bench.finish();
    assert_eq!(bench.moved[bench.moved.len() - 1] - bench.moved[0] + 1, 50 * (3 + 4 + 5 + 6));
}

#[test]
fn a_request_of_one_beat_takes_two_clocks() {
    let mut rng = SmallRng::seed_from_u64(3);
    let mut bench = Bench::fast(20);
    (0..200).for_each(|i| bench.request(&mut rng, TX_DONE, (64 * i, 1)));
    bench.finish();
    assert!(bench.moved.windows(2).all(|pair| pair[1] - pair[0] == 2));
}

#[test]
fn latencies_are_as_promised() {
    let mut rng = SmallRng::seed_from_u64(4);
    let mut bench = Bench::fast(30);
    bench.request(&mut rng, RX_DONE, (0x40, 4));
    bench.finish();
    let taken = bench.taken[RX_DONE][0];
    assert_eq!(bench.asked, [taken + 1]);
    assert_eq!(bench.moved, [taken + 3, taken + 4, taken + 5, taken + 6]);
    assert_eq!(bench.ended[RX_DONE], [bench.answered[0] + 1]);
}

#[test]
fn sixty_four_requests_are_under_way() {
    let mut rng = SmallRng::seed_from_u64(5);
    let mut bench = Bench::fast(0);
    bench.answers = false;
    (0..80).for_each(|i| bench.request(&mut rng, RX_DATA, (256 * i, 4)));
    (0..1000).for_each(|_| bench.clock());
    assert_eq!((bench.asked.len(), bench.held.len()), (64, 64));
    bench.answers = true;
    bench.finish();
}

#[test]
fn messages_go_before_completions_and_these_before_data() {
    let mut rng = SmallRng::seed_from_u64(6);
    let mut bench = Bench::fast(10);
    (0..20).for_each(|i| bench.request(&mut rng, RX_DATA, (256 * i, 16)));
    (0..50).for_each(|_| bench.clock());
    let before = bench.order.len();
    for client in [RX_DATA, RX_DONE, TX_DONE, MESSAGE] {
        bench.request(&mut rng, client, (0x1000, 4));
    }
    bench.finish();
    assert_eq!(bench.order[before..before + 4], [MESSAGE, TX_DONE, RX_DONE, RX_DATA]);
}

#[test]
fn a_client_whose_beats_are_late_waits_and_then_goes_on() {
    let mut rng = SmallRng::seed_from_u64(7);
    let mut bench = Bench::fast(10);
    bench.beats[RX_DATA].set_stalls(Stalls::pattern(&[true]));
    bench.request(&mut rng, RX_DATA, (0, 16));
    bench.request(&mut rng, MESSAGE, (256, 1));
    (0..100).for_each(|_| bench.clock());
    assert_eq!((bench.asked.len(), bench.moved.len()), (2, 1), "the message is first");
    bench.halt = true;
    (0..100).for_each(|_| bench.clock());
    bench.beats[RX_DATA].set_stalls(Stalls::never());
    bench.finish();
}
