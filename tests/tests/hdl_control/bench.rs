//! The Verilated control plane with an AXI4-Lite master and the rest of the engine around it, everything at random times.

use std::collections::VecDeque;

use espalier_hdl::control::Control;
use espalier_sim::{Input, Model, Output, record};
use num_bigint::BigUint;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_hdl::prelude::Synth;

/// 64 SAs in each direction, 64 policies, 4 * 16 CAM places.
pub type Dut = Control<6, 3, 4>;

/// AXI4-Lite responses.
pub const OKAY: u64 = 0;
pub const SLVERR: u64 = 2;

/// A write into a table, as the engine sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    TxSa {
        index: u64,
        sa: BigUint,
        seq: u64,
    },
    RxSa {
        index: u64,
        sa: BigUint,
    },
    Cam {
        row: u64,
        way: u64,
        entry: BigUint,
    },
    Policy {
        index: u64,
        policy: BigUint,
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

/// What the stand-in for the hash-subkey unit answers.
pub fn h(key: &BigUint) -> (u128, u128) {
    let low = key.iter_u64_digits().fold(0x9e37_79b9_7f4a_7c15_u128, |h, digit| h.wrapping_mul(0x1_0000_01b3) ^ u128::from(digit));
    (low, low.rotate_left(64) ^ 3)
}

/// What the stand-ins for the tables say of an SA: TX, RX.
pub fn seqs(index: u64) -> (u64, u64) {
    (0x1111_1111_0000_0000 + index, 0x2222_2222_0000_0000 + index * 3)
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
    pub events: VecDeque<u32>,
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
    pulses: [Output; 4],
    sa: [Output; 4],
    cam: [Output; 3],
    policy: [Output; 2],
    hkey: [Output; 3],
    hkey_in: [Input; 4],
    replay: Output,
    replay_in: Input,
    events: Input,
    seq_read_index: Output,
    seq: [Input; 2],
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
            pulses: ["tx_sa_write", "rx_sa_write", "cam_write", "policy_write"].map(output),
            sa: ["sa_index", "tx_sa", "rx_sa", "sa_seq"].map(output),
            cam: ["cam_row", "cam_way", "cam_entry"].map(output),
            policy: ["policy_index", "policy"].map(output),
            hkey: ["hkey_valid", "hkey_key", "hkey_size"].map(output),
            hkey_in: ["hkey_ready", "hkey_done", "hkey_h", "hkey_h3"].map(input),
            replay: output("replay_init_valid"),
            replay_in: input("replay_init_ready"),
            events: input("events"),
            seq_read_index: output("seq_read_index"),
            seq: ["tx_seq", "rx_seq"].map(input),
        };
        model.set("tables_ready", true);
        model.reset(3);
        Self {
            model,
            rng: StdRng::seed_from_u64(seed),
            stall: 0.5,
            writes: Vec::new(),
            events: VecDeque::new(),
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
        // Sequence numbers count only if the index has been there for 4 clocks.
        let index = self.indexes[0];
        let settled = self.indexes.iter().all(|&old| old == index);
        let (tx, rx) = if settled { seqs(index) } else { (self.rng.random(), self.rng.random()) };
        self.model.write(self.ports.seq[0], tx);
        self.model.write(self.ports.seq[1], rx);

        self.model.settle();
        self.sample(b_ready, r_ready, replay_ready, ready);
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
        let pulses = self.ports.pulses.map(|port| self.model.read_bool(port));
        let [sa_index, tx_sa, rx_sa, sa_seq] = self.ports.sa;
        if pulses[0] {
            self.writes.push(Write::TxSa { index: read(sa_index), sa: wide(tx_sa), seq: read(sa_seq) });
        }
        if pulses[1] {
            self.writes.push(Write::RxSa { index: read(sa_index), sa: wide(rx_sa) });
        }
        if pulses[2] {
            let [row, way, entry] = self.ports.cam;
            self.writes.push(Write::Cam { row: read(row), way: read(way), entry: wide(entry) });
        }
        if pulses[3] {
            let [index, policy] = self.ports.policy;
            self.writes.push(Write::Policy { index: read(index), policy: wide(policy) });
        }
        if self.model.read_bool(self.ports.replay) && replay_ready {
            self.writes.push(Write::Replay { index: read(sa_index), seq: read(sa_seq) });
        }
        let [hkey_valid, hkey_key, hkey_size] = self.ports.hkey;
        if self.model.read_bool(hkey_valid) && hkey_ready {
            self.writes.push(Write::Hkey { key: wide(hkey_key), size: read(hkey_size) });
            self.hkey = Some((self.rng.random_range(0..20), wide(hkey_key)));
        }
        self.indexes.pop_back();
        self.indexes.push_front(read(self.ports.seq_read_index));
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
