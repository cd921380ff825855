//! The Verilated control plane with an AXI4-Lite master and the rest of the engine around it, everything at random times.

use std::collections::VecDeque;

use espalier_hdl::control::Control;
use espalier_hdl::control::result::SaState;
use espalier_hdl::records::{Life, Notice, RxFailures};
use espalier_regs::notice;
use espalier_sim::{Input, Model, Output, record};
use num_bigint::BigUint;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_hdl::prelude::Synth;

/// 64 SAs and 64 policies in each direction, 4 * 16 CAM places.
pub type Dut = Control<6, 3, 2, 4>;

/// AXI4-Lite responses.
pub const OKAY: u64 = 0;
pub const SLVERR: u64 = 2;

/// The tables that take a record at a place: write pulse, place, record.
pub const TABLES: [[&str; 3]; 9] = [
    ["rx_sa_write", "sa_index", "rx_sa"],
    ["tx_limits_write", "sa_index", "limits"],
    ["rx_limits_write", "sa_index", "limits"],
    ["rx_selector_write", "sa_index", "selector"],
    ["rx_accept_write", "sa_index", "accept"],
    ["cam_write", "cam_row", "cam_entry"],
    ["tx_policy_write", "policy_index", "policy"],
    ["rx_policy_write", "policy_index", "policy"],
    ["local_write", "local_index", "local_address"],
];

/// What the engine is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A record into one of [`TABLES`], by its write pulse; `way` counts for the CAM.
    Entry {
        table: &'static str,
        index: u64,
        way: u64,
        record: BigUint,
    },
    TxSa {
        index: u64,
        sa: BigUint,
        seq: u64,
        keep: bool,
    },
    /// The replay window of an SA was prepared.
    Replay {
        index: u64,
        seq: u64,
    },
    /// H was computed.
    Hkey {
        key: BigUint,
        size: u64,
    },
}

/// Clocks for which a record stands after its write pulse.
const HOLD: u32 = 9;

/// What the stand-in for the hash-subkey unit answers.
pub fn h(key: &BigUint) -> (u128, u128) {
    let low = key.iter_u64_digits().fold(0x9e37_79b9_7f4a_7c15_u128, |h, digit| h.wrapping_mul(0x1_0000_01b3) ^ u128::from(digit));
    (low, low.rotate_left(64) ^ 3)
}

/// What the stand-ins for the tables say of an SA.
pub fn state(tx: bool, index: u64) -> SaState {
    let base = if tx { 0x1111_1111_0000_0000 } else { 0x2222_2222_0000_0000 };
    let state = SaState {
        seq: (base + index).into(),
        packets: (base + 0x0303_0303_0000_1000 + index * 3).into(),
        bytes: (base + 0x0505_0505_0000_2000 + index * 5).into(),
        soft: index & 1 != 0,
        hard: index & 2 != 0,
        ..Default::default()
    };
    let failures = [0x7000_0000, 0x8000_0000, 0x9000_0000].map(|base: u64| (base + index).into());
    let [replay, replay_window, integrity_failed] = if tx { [0, 0, 0].map(|zero: u64| zero.into()) } else { failures };
    SaState { replay, replay_window, integrity_failed, ..state }
}

fn life(state: &SaState) -> Life {
    Life { packets: state.packets, bytes: state.bytes, soft: state.soft, hard: state.hard }
}

/// A channel of the master: what it offers, from when on.
struct Offer<T> {
    value: T,
    up: bool,
}

pub struct Bench {
    pub model: Model,
    pub rng: StdRng,
    /// Probability that the master, or a stand-in, lets a clock pass.
    pub stall: f64,
    /// What the tables were told.
    pub writes: Vec<Write>,
    /// Pulses to send: one vector a clock.
    pub events: VecDeque<u64>,
    /// Notices to offer: of outbound SAs, of inbound SAs.
    pub notices: [VecDeque<Notice>; 2],
    /// Those that were taken, as EVENT shows them, in order.
    pub noticed: Vec<u32>,
    notice_up: [bool; 2],
    /// The table of outbound SAs takes no write.
    pub hold_tx_sa: bool,
    /// The write of an outbound SA that has not been taken yet.
    waiting: Option<Write>,
    /// Writes of policies that have not been taken yet.
    waiting_policies: [Option<Write>; 2],
    /// What must still be there in the next clocks: so many.
    held: Vec<(Output, BigUint, u32)>,
    aw: Option<Offer<u16>>,
    w: Option<Offer<(u32, u8)>>,
    ar: Option<Offer<u16>>,
    /// The hash-subkey unit is not ready.
    pub hold_hkey: bool,
    /// Let responses wait.
    pub hold_b: bool,
    pub hold_r: bool,
    b: Option<u64>,
    r: Option<(u64, u32)>,
    shown_b: Option<u64>,
    shown_r: Option<(u64, u64)>,
    in_flight: (u32, u32, u32),
    hkey: Option<(u32, BigUint)>,
    indexes: VecDeque<u64>,
    ports: Ports,
}

/// Handles of the ports that every clock needs.
struct Ports {
    inputs: [Input; 9],
    outputs: [Output; 8],
    tables: [[Output; 3]; 9],
    cam_way: Output,
    /// Write, keep, record, index, sequence number.
    tx_sa: [Output; 5],
    tx_sa_ready: Input,
    /// Of both directions.
    policy_ready: [Input; 2],
    hkey: [Output; 3],
    hkey_in: [Input; 4],
    replay: Output,
    replay_in: Input,
    events: Input,
    read_index: Output,
    states: [Input; 5],
    notices: [Input; 2],
    notices_valid: [Input; 2],
    notices_ready: [Output; 2],
}

impl Bench {
    pub fn new(seed: u64) -> Self {
        let model = Model::build::<Dut>("control").unwrap();
        Self::with(model, seed)
    }

    pub fn with(mut model: Model, seed: u64) -> Self {
        println!("seed {seed}");
        let input = |name: &str| model.input(name).unwrap();
        let output = |name: &str| model.output(name).unwrap();
        let ports = Ports {
            inputs: ["awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arvalid", "rready"]
                .map(|name| input(&format!("s_axil_{name}"))),
            outputs: ["awready", "wready", "bvalid", "bresp", "arready", "rvalid", "rresp", "rdata"]
                .map(|name| output(&format!("s_axil_{name}"))),
            tables: TABLES.map(|names| names.map(output)),
            cam_way: output("cam_way"),
            tx_sa: ["tx_sa_write", "tx_sa_keep", "tx_sa", "sa_index", "sa_seq"].map(output),
            tx_sa_ready: input("tx_sa_write_ready"),
            policy_ready: ["tx_policy_write_ready", "rx_policy_write_ready"].map(input),
            hkey: ["hkey_valid", "hkey_key", "hkey_size"].map(output),
            hkey_in: ["hkey_ready", "hkey_done", "hkey_h", "hkey_h3"].map(input),
            replay: output("replay_init_valid"),
            replay_in: input("replay_init_ready"),
            events: input("events"),
            read_index: output("read_index"),
            states: ["tx_seq", "tx_life", "rx_seq", "rx_life", "rx_failures"].map(input),
            notices: ["tx_notice", "rx_notice"].map(input),
            notices_valid: ["tx_notice_valid", "rx_notice_valid"].map(input),
            notices_ready: ["tx_notice_ready", "rx_notice_ready"].map(output),
        };
        model.set("tables_ready", true);
        model.reset(3);
        Self {
            model,
            rng: StdRng::seed_from_u64(seed),
            stall: 0.5,
            writes: Vec::new(),
            events: VecDeque::new(),
            notices: Default::default(),
            noticed: Vec::new(),
            notice_up: [false; 2],
            hold_tx_sa: false,
            waiting: None,
            waiting_policies: [None, None],
            held: Vec::new(),
            aw: None,
            w: None,
            ar: None,
            hold_hkey: false,
            hold_b: false,
            hold_r: false,
            b: None,
            r: None,
            shown_b: None,
            shown_r: None,
            in_flight: (0, 0, 0),
            hkey: None,
            indexes: VecDeque::from([0; 5]),
            ports,
        }
    }

    /// Resets the design and forgets what the master had under way.
    pub fn reset(&mut self) {
        self.model.reset(1);
        (self.aw, self.w, self.ar, self.b, self.r) = (None, None, None, None, None);
        (self.shown_b, self.shown_r, self.in_flight, self.hkey) = (None, None, (0, 0, 0), None);
        (self.waiting, self.waiting_policies, self.held) = (None, [None, None], Vec::new());
    }

    fn go(&mut self) -> bool {
        !self.rng.random_bool(self.stall)
    }

    /// One clock.
    pub fn tick(&mut self) {
        let [awaddr, awvalid, wdata, wstrb, wvalid, bready, araddr, arvalid, rready] = self.ports.inputs;
        let chance = [self.go(), self.go(), self.go(), self.go(), self.go(), self.go(), self.go(), self.go()];

        // The master raises its valids at random, and they stay; it is ready at random.
        if let Some(aw) = &mut self.aw {
            aw.up |= chance[0];
            self.model.write(awaddr, aw.value);
        }
        self.model.write(awvalid, self.aw.as_ref().is_some_and(|aw| aw.up));
        if let Some(w) = &mut self.w {
            w.up |= chance[1];
            self.model.write(wdata, w.value.0);
            self.model.write(wstrb, w.value.1);
        }
        self.model.write(wvalid, self.w.as_ref().is_some_and(|w| w.up));
        if let Some(ar) = &mut self.ar {
            ar.up |= chance[2];
            self.model.write(araddr, ar.value);
        }
        self.model.write(arvalid, self.ar.as_ref().is_some_and(|ar| ar.up));
        let (b_ready, r_ready) = (chance[3] && !self.hold_b, chance[4] && !self.hold_r);
        self.model.write(bready, b_ready);
        self.model.write(rready, r_ready);

        // The engine.
        let events = self.events.pop_front().unwrap_or(0);
        self.model.write(self.ports.events, events);
        let [hkey_ready, hkey_done, hkey_h, hkey_h3] = self.ports.hkey_in;
        let ready = chance[5] && !self.hold_hkey && self.hkey.is_none();
        self.model.write(hkey_ready, ready);
        let finished = matches!(&self.hkey, Some((0, _)));
        self.model.write(hkey_done, finished);
        if let Some((_, key)) = self.hkey.take_if(|_| finished) {
            let (h, h3) = h(&key);
            self.model.write(hkey_h, h);
            self.model.write(hkey_h3, h3);
        } else {
            // Not to be looked at now.
            self.model.write(hkey_h, self.rng.random::<u128>());
            self.model.write(hkey_h3, self.rng.random::<u128>());
        }
        if let Some((left, _)) = &mut self.hkey {
            *left -= 1;
        }
        let replay_ready = chance[6] && chance[7];
        self.model.write(self.ports.replay_in, replay_ready);
        let tx_sa_ready = self.go() && !self.hold_tx_sa;
        self.model.write(self.ports.tx_sa_ready, tx_sa_ready);
        let policy_ready = [self.go(), self.go()];
        self.model.write(self.ports.policy_ready[0], policy_ready[0]);
        self.model.write(self.ports.policy_ready[1], policy_ready[1]);
        // The state of an SA counts only if the index has been there for 4 clocks.
        let index = self.indexes[0];
        let settled = self.indexes.iter().all(|&old| old == index);
        let mut of = |tx| {
            let mut number = || self.rng.random::<u64>().into();
            let garbage = SaState { seq: number(), packets: number(), bytes: number(), ..state(tx, !index & 63) };
            if settled { state(tx, index) } else { garbage }
        };
        let (tx, rx) = (of(true), of(false));
        let failures = RxFailures { replay: rx.replay, replay_window: rx.replay_window, integrity_failed: rx.integrity_failed };
        let states = [bits(tx.seq), bits(life(&tx)), bits(rx.seq), bits(life(&rx)), bits(failures)];
        for (port, state) in self.ports.states.into_iter().zip(states) {
            self.model.write(port, state);
        }
        for side in 0..2 {
            self.notice_up[side] |= self.go();
            self.notice_up[side] &= !self.notices[side].is_empty();
            self.model.write(self.ports.notices_valid[side], self.notice_up[side]);
            if let Some(notice) = self.notices[side].front() {
                self.model.write(self.ports.notices[side], bits(*notice));
            }
        }

        self.model.settle();
        self.sample(b_ready, r_ready, replay_ready, ready);
        self.sample_tables(tx_sa_ready, policy_ready);
        self.sample_notices();
        self.model.rise();
    }

    /// What moves at this clock edge.
    fn sample(&mut self, b_ready: bool, r_ready: bool, replay_ready: bool, hkey_ready: bool) {
        let read = |port| self.model.read_u64(port);
        let [awready, wready, bvalid, bresp, arready, rvalid, rresp, rdata] = self.ports.outputs.map(read);
        if awready == 1 && self.aw.take_if(|aw| aw.up).is_some() {
            self.in_flight.0 += 1;
        }
        if wready == 1 && self.w.take_if(|w| w.up).is_some() {
            self.in_flight.1 += 1;
        }
        if arready == 1 && self.ar.take_if(|ar| ar.up).is_some() {
            self.in_flight.2 += 1;
        }
        // A response comes after its request, and stays as it is until it is taken.
        if bvalid == 1 {
            assert!(self.in_flight.0 == 1 && self.in_flight.1 == 1, "a response without a write");
            assert!(self.shown_b.is_none_or(|shown| shown == bresp), "BRESP changed");
            self.shown_b = Some(bresp);
            if b_ready {
                (self.b, self.shown_b) = (Some(bresp), None);
                (self.in_flight.0, self.in_flight.1) = (0, 0);
            }
        } else {
            assert_eq!(self.shown_b, None, "BVALID was withdrawn");
        }
        if rvalid == 1 {
            assert_eq!(self.in_flight.2, 1, "a response without a read");
            assert!(self.shown_r.is_none_or(|shown| shown == (rresp, rdata)), "R changed");
            self.shown_r = Some((rresp, rdata));
            if r_ready {
                (self.r, self.shown_r, self.in_flight.2) = (Some((rresp, rdata as u32)), None, 0);
            }
        } else {
            assert_eq!(self.shown_r, None, "RVALID was withdrawn");
        }

        let read = |port| self.model.read_u64(port);
        let wide = |port| self.model.read(port);
        let [_, _, _, sa_index, sa_seq] = self.ports.tx_sa;
        if self.model.read_bool(self.ports.replay) && replay_ready {
            self.writes.push(Write::Replay { index: read(sa_index), seq: read(sa_seq) });
        }
        let [hkey_valid, hkey_key, hkey_size] = self.ports.hkey;
        if self.model.read_bool(hkey_valid) && hkey_ready {
            self.writes.push(Write::Hkey { key: wide(hkey_key), size: read(hkey_size) });
            self.hkey = Some((self.rng.random_range(0..20), wide(hkey_key)));
        }
        self.indexes.pop_back();
        self.indexes.push_front(read(self.ports.read_index));
    }

    /// What is written into the tables at this clock edge. It must still be there in the clocks after.
    fn sample_tables(&mut self, tx_sa_ready: bool, policy_ready: [bool; 2]) {
        for (port, value, left) in &mut self.held {
            assert_eq!(self.model.read(*port), *value, "a record has gone too early");
            *left -= 1;
        }
        self.held.retain(|(_, _, left)| *left > 0);
        for (names, [pulse, index, record]) in TABLES.iter().zip(self.ports.tables) {
            let side = ["tx_policy_write", "rx_policy_write"].iter().position(|name| *name == names[0]);
            let waited = side.and_then(|side| self.waiting_policies[side].take());
            assert!(self.model.read_bool(pulse) || waited.is_none(), "{} was withdrawn", names[0]);
            if self.model.read_bool(pulse) {
                let way = if names[0] == "cam_write" { self.model.read_u64(self.ports.cam_way) } else { 0 };
                let entry = Write::Entry { table: names[0], index: self.model.read_u64(index), way, record: self.model.read(record) };
                assert!(waited.is_none_or(|waited| waited == entry), "{} has changed", names[0]);
                if let Some(side) = side
                    && !policy_ready[side]
                {
                    self.waiting_policies[side] = Some(entry);
                    continue;
                }
                self.writes.push(entry);
                // An inbound SA is written again when its window is ready.
                let clocks = if names[0] == "rx_sa_write" { 1 } else { HOLD };
                self.held.extend([index, record].map(|port| (port, self.model.read(port), clocks)));
            }
        }
        let [write, keep, sa, index, seq] = self.ports.tx_sa;
        let waited = self.waiting.take();
        if !self.model.read_bool(write) {
            assert_eq!(waited, None, "the write of an outbound SA was withdrawn");
            return;
        }
        let offered = Write::TxSa {
            index: self.model.read_u64(index),
            sa: self.model.read(sa),
            seq: self.model.read_u64(seq),
            keep: self.model.read_bool(keep),
        };
        assert!(waited.is_none_or(|waited| waited == offered), "the write of an outbound SA has changed");
        if tx_sa_ready {
            self.held.extend([sa, index, seq, keep].map(|port| (port, self.model.read(port), HOLD)));
            self.writes.push(offered);
        } else {
            self.waiting = Some(offered);
        }
    }

    /// The notices that are taken at this clock edge.
    fn sample_notices(&mut self) {
        for side in 0..2 {
            if self.notice_up[side] && self.model.read_bool(self.ports.notices_ready[side]) {
                self.notice_up[side] = false;
                if let Some(taken) = self.notices[side].pop_front() {
                    let kind = notice::Kind::decode(taken.kind.index() as u32);
                    let word = notice::Notice { kind, tx: side == 0, sa: taken.sa.index() as u16 }.encode();
                    self.noticed.push(word);
                }
            }
        }
    }

    /// Puts a write on its way.
    pub fn start_write(&mut self, address: u16, data: u32, strobe: u8) {
        self.aw = Some(Offer { value: address, up: false });
        self.w = Some(Offer { value: (data, strobe), up: false });
    }

    /// Puts a read on its way.
    pub fn start_read(&mut self, address: u16) {
        self.ar = Some(Offer { value: address, up: false });
    }

    /// Takes the response of a write, if it has come.
    pub fn written(&mut self) -> Option<u64> {
        self.b.take()
    }

    /// Takes the response of a read, if it has come.
    pub fn answered(&mut self) -> Option<(u64, u32)> {
        self.r.take()
    }

    fn until<T>(&mut self, mut what: impl FnMut(&mut Self) -> Option<T>) -> T {
        for _ in 0..2000 {
            self.tick();
            if let Some(value) = what(self) {
                return value;
            }
        }
        panic!("no answer in 2000 clocks");
    }

    /// A write and its response.
    pub fn write_strobed(&mut self, address: u16, data: u32, strobe: u8) -> u64 {
        self.start_write(address, data, strobe);
        self.until(Self::written)
    }

    /// A write that must be taken.
    pub fn write(&mut self, address: u16, data: u32) {
        assert_eq!(self.write_strobed(address, data, 0xf), OKAY, "write of {address:#06x}");
    }

    /// A read and its response.
    pub fn read_raw(&mut self, address: u16) -> (u64, u32) {
        self.start_read(address);
        self.until(Self::answered)
    }

    /// A read that must be answered.
    pub fn read(&mut self, address: u16) -> u32 {
        let (response, data) = self.read_raw(address);
        assert_eq!(response, OKAY, "read of {address:#06x}");
        data
    }

    /// An output as it is now, between two clocks.
    pub fn wide(&mut self, port: &str) -> BigUint {
        self.model.settle();
        self.model.get(port)
    }
}

/// The bits of a record.
pub fn bits<T: Synth>(value: T) -> BigUint {
    record(value)
}
