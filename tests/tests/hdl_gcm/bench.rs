//! The Verilated core between two queues of slots, every clock of every output checked.

use std::collections::VecDeque;

use espalier_hdl::gcm::{GcmCore, LATENCY, hkey_latency, tag_latency};
use espalier_hdl::stream::Beat;
use espalier_sim::{Input, Model, Output, field, record};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::packet::{Entry, Expected, Key};

/// Contexts that the core keeps besides that of the packet whose slots it is given.
const AHEAD: usize = 14;

/// How often, in percent, something stands still in a clock.
#[derive(Clone, Copy, Default)]
pub struct Stalls {
    /// No slot is offered, where one could be.
    pub gap: u32,
    /// There is no room.
    pub room: u32,
}

/// One direction.
pub struct Side {
    pub queue: VecDeque<Entry>,
    pub stalls: Stalls,
    /// Clocks in which a slot was taken.
    pub taken: u64,
    beats: VecDeque<(u64, Expected)>,
    tags: VecDeque<(u64, u128)>,
    tag_latency: u64,
    /// A slot is offered and stays.
    offered: bool,
    /// Slots at the front of the queue whose packets' contexts the core has been given.
    known: usize,
    /// Packets of those that have not begun.
    ahead: usize,
    /// Clocks since the slot before was taken.
    waited: u32,
    has_room: bool,
    /// In the clock before.
    had_room: bool,
    slot: Input,
    crypto: Input,
    crypto_valid: Input,
    valid: Input,
    room: Input,
    ready: Output,
    beat: Output,
    beat_valid: Output,
    tag: Output,
    tag_valid: Output,
}

impl Side {
    fn new(model: &Model, d: &str, tag_latency: u64) -> Self {
        let input = |name| model.input(&format!("{d}_{name}")).expect("a port");
        let output = |name| model.output(&format!("{d}_{name}")).expect("a port");
        Self {
            queue: VecDeque::new(),
            stalls: Stalls::default(),
            taken: 0,
            waited: 0,
            has_room: false,
            had_room: false,
            beats: VecDeque::new(),
            tags: VecDeque::new(),
            tag_latency,
            offered: false,
            known: 0,
            ahead: 0,
            slot: input("slot"),
            crypto: input("crypto"),
            crypto_valid: input("crypto_valid"),
            valid: input("slot_valid"),
            room: input("room"),
            ready: output("slot_ready"),
            beat: output("beat"),
            beat_valid: output("beat_valid"),
            tag: output("tag"),
            tag_valid: output("tag_valid"),
        }
    }

    fn drive(&mut self, model: &mut Model, random: &mut StdRng) {
        let next = self.queue.front().filter(|next| !self.offered && self.waited >= next.wait);
        if let Some(next) = next.filter(|_| random.random_range(0..100) >= self.stalls.gap) {
            self.offered = true;
            model.write(self.slot, record(next.slot));
        }
        // The next context: with its packet's first slot at the latest, as many as the core keeps ahead of it.
        self.known += self.queue.iter().skip(self.known).take_while(|entry| !entry.slot.first).count();
        let is_late = self.offered && self.known == 0;
        let packet = self.queue.get(self.known).filter(|_| is_late || (self.ahead < AHEAD && random.random()));
        model.write(self.crypto_valid, packet.is_some());
        if let Some(packet) = packet {
            model.write(self.crypto, &packet.crypto.1);
            self.known += 1;
            self.ahead += 1;
        }
        self.waited += 1;
        self.had_room = std::mem::replace(&mut self.has_room, random.random_range(0..100) >= self.stalls.room);
        model.write(self.valid, self.offered);
        model.write(self.room, self.has_room);
    }

    /// Whether a slot could be taken.
    fn can(&self) -> bool {
        self.offered && self.had_room
    }

    /// Checks the outputs; gives whether a slot was taken.
    fn observe(&mut self, model: &Model, now: u64) -> bool {
        let taken = self.offered && model.read_bool(self.ready);
        assert!(self.had_room || !model.read_bool(self.ready), "clock {now}: not ready without room");
        if taken {
            let entry = self.queue.pop_front().expect("what is offered");
            self.offered = false;
            self.known -= 1;
            self.ahead -= usize::from(entry.slot.first);
            self.waited = 0;
            self.taken += 1;
            self.beats.extend(entry.beat.map(|beat| (now + LATENCY as u64, beat)));
            self.tags.extend(entry.tag.map(|tag| (now + self.tag_latency, tag)));
        }
        let due = self.beats.pop_front_if(|(due, _)| *due == now);
        assert_eq!(model.read_bool(self.beat_valid), due.is_some(), "clock {now}: a beat exactly when it is due");
        if let Some((_, expected)) = due {
            assert_eq!(self.beat(model), expected, "clock {now}");
        }
        let due = self.tags.pop_front_if(|(due, _)| *due == now);
        assert_eq!(model.read_bool(self.tag_valid), due.is_some(), "clock {now}: a tag exactly when it is due");
        if let Some((_, expected)) = due {
            assert_eq!(model.read_u128(self.tag), expected, "clock {now}: tag");
        }
        taken
    }

    /// Forgets what is inside the core, and what was offered.
    fn forget(&mut self) {
        self.queue.clear();
        self.beats.clear();
        self.tags.clear();
        self.offered = false;
        (self.known, self.ahead) = (0, 0);
        self.has_room = false;
    }

    fn beat(&self, model: &Model) -> Expected {
        let value = model.read(self.beat);
        let layout = Beat::default();
        let part = |offset, width| field(&value, offset, width);
        let data = part(layout.get_my_offset_data(), layout.get_my_width_data()).to_bytes_be();
        let mut bytes = vec![0; 16 - data.len()];
        bytes.extend(data);
        let count = part(layout.get_my_offset_bytes(), layout.get_my_width_bytes()).to_u32_digits();
        bytes.truncate(count.first().map_or(0, |&count| count as usize));
        let flag = |offset| part(offset, 1).bit(0);
        Expected { bytes, last: flag(layout.get_my_offset_last()), error: flag(layout.get_my_offset_error()) }
    }
}

/// The core and both of its directions.
pub struct Bench {
    pub model: Model,
    pub tx: Side,
    pub rx: Side,
    pub random: StdRng,
    /// Words of the key whose hash subkey is asked for.
    asking: Option<usize>,
    /// When the last one is due.
    due: Option<u64>,
    hkey_ready: Output,
    hkey_done: Output,
    /// Clocks from one turn of AES to the next.
    passes: u64,
    /// Clocks from a packet's last slot to its tag.
    pub tag_latency: u64,
    /// A clock in which it had one, once that is known.
    turn: Option<u64>,
    /// Clocks in which a slot could be taken while it was not.
    waited: u64,
}

impl Bench {
    /// One slot a clock.
    pub fn new(seed: u64) -> Self {
        Self::with::<14>(seed, "gcm")
    }

    /// With two rounds of AES in hardware.
    pub fn folded(seed: u64) -> Self {
        Self::with::<2>(seed, "gcm_folded")
    }

    fn with<const R: usize>(seed: u64, name: &str) -> Self {
        let mut model = Model::build::<GcmCore<R>>(name).expect("builds");
        model.reset(2);
        let tag_latency = tag_latency::<R>() as u64;
        let [tx, rx] = ["tx", "rx"].map(|d| Side::new(&model, d, tag_latency));
        let output = |name| model.output(name).expect("a port");
        let (hkey_ready, hkey_done) = (output("hkey_ready"), output("hkey_done"));
        Self {
            model,
            tx,
            rx,
            random: StdRng::seed_from_u64(seed),
            asking: None,
            due: None,
            hkey_ready,
            hkey_done,
            passes: 14 / R as u64,
            tag_latency,
            turn: None,
            waited: 0,
        }
    }

    /// One clock. Whenever a slot could be taken and AES has its turn, exactly one is.
    pub fn clock(&mut self) {
        let now = self.model.cycles();
        for side in [&mut self.tx, &mut self.rx] {
            side.drive(&mut self.model, &mut self.random);
        }
        self.model.settle();
        let admitted = self.asking.filter(|_| self.model.read_bool(self.hkey_ready));
        let could = self.tx.can() || self.rx.can();
        let taken = [&mut self.tx, &mut self.rx].map(|side| side.observe(&self.model, now));
        let taken = taken.iter().filter(|&&taken| taken).count();
        self.turn = self.turn.or((taken > 0).then_some(now));
        match self.turn {
            Some(turn) => {
                let could = could && (now - turn).is_multiple_of(self.passes);
                assert_eq!(taken, usize::from(could), "clock {now}: one slot is taken");
            }
            None => {
                self.waited = if could { self.waited + 1 } else { 0 };
                assert!(self.waited < self.passes, "clock {now}: there is a turn");
            }
        }
        assert_eq!(self.model.read_bool(self.hkey_done), self.due == Some(now), "clock {now}: hkey_done exactly when it is due");
        self.model.rise();
        if let Some(words) = admitted {
            self.due = Some(now + hkey_latency(words) as u64);
            self.asking = None;
            self.model.set("hkey_valid", false);
        }
    }

    /// Resets the core in the midst of its work: nothing of it comes out.
    pub fn reset(&mut self) {
        self.tx.forget();
        self.rx.forget();
        (self.asking, self.due, self.turn, self.waited) = (None, None, None, 0);
        for valid in ["tx_slot_valid", "rx_slot_valid", "tx_crypto_valid", "rx_crypto_valid", "hkey_valid"] {
            self.model.set(valid, false);
        }
        self.model.reset(1);
    }

    /// Asks for the hash subkey of `key`.
    pub fn ask_hash_subkey(&mut self, key: &Key) {
        let (value, size) = key.port();
        self.model.set("hkey_key", value);
        self.model.set("hkey_size", size);
        self.model.set("hkey_valid", true);
        self.asking = Some(key.key.len() / 4);
    }

    /// The hash subkey of `key`, while traffic goes on: H and H^3. It is begun at once.
    pub fn hash_subkey(&mut self, key: &Key) -> (u128, u128) {
        self.ask_hash_subkey(key);
        self.clock();
        let due = self.due.expect("the unit is free");
        while self.model.cycles() <= due {
            self.clock();
        }
        (self.model.get_u128("hkey_h"), self.model.get_u128("hkey_h3"))
    }

    /// Until every slot is taken and every result has come; gives the clocks from the first slot taken to the last, both included.
    pub fn run(&mut self) -> u64 {
        let (mut first, mut last) = (None, 0);
        let mut idle = 0;
        let slots = (self.tx.queue.len() + self.rx.queue.len()) as u64;
        let deadline = self.model.cycles() + 200 * self.passes * slots + 10 * self.tag_latency;
        while idle <= self.tag_latency {
            let (now, taken) = (self.model.cycles(), self.tx.taken + self.rx.taken);
            self.clock();
            if self.tx.taken + self.rx.taken != taken {
                first.get_or_insert(now);
                last = now;
            }
            let done = self.tx.queue.is_empty() && self.rx.queue.is_empty();
            idle = if done { idle + 1 } else { 0 };
            assert!(now < deadline, "slots are taken");
        }
        assert!(self.tx.beats.is_empty() && self.rx.beats.is_empty() && self.tx.tags.is_empty() && self.rx.tags.is_empty());
        first.map_or(0, |first| last + 1 - first)
    }
}
