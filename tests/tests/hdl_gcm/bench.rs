//! The Verilated core between two queues of slots, every clock of every output checked.

use std::collections::VecDeque;

use espalier_hdl::gcm::{GcmCore, LATENCY, TAG_LATENCY};
use espalier_hdl::stream::Beat;
use espalier_sim::{Input, Model, Output, field};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::packet::{Entry, Expected};

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
    /// Clocks in which `ready` was low though there was room.
    pub refused: u64,
    beats: VecDeque<(u64, Expected)>,
    tags: VecDeque<(u64, u128)>,
    /// A slot is offered and stays.
    offered: bool,
    slot: Input,
    crypto: Input,
    valid: Input,
    room: Input,
    ready: Output,
    beat: Output,
    beat_valid: Output,
    tag: Output,
    tag_valid: Output,
}

impl Side {
    fn new(model: &Model, d: &str) -> Self {
        let input = |name| model.input(&format!("{d}_{name}")).expect("a port");
        let output = |name| model.output(&format!("{d}_{name}")).expect("a port");
        Self {
            queue: VecDeque::new(),
            stalls: Stalls::default(),
            taken: 0,
            refused: 0,
            beats: VecDeque::new(),
            tags: VecDeque::new(),
            offered: false,
            slot: input("slot"),
            crypto: input("crypto"),
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
        if !self.offered && !self.queue.is_empty() && random.random_range(0..100) >= self.stalls.gap {
            self.offered = true;
            model.write(self.slot, &self.queue[0].slot);
            model.write(self.crypto, &self.queue[0].crypto);
        }
        model.write(self.valid, self.offered);
        model.write(self.room, random.random_range(0..100) >= self.stalls.room);
    }

    fn observe(&mut self, model: &Model, now: u64) {
        if self.offered && model.read_bool(self.ready) {
            let entry = self.queue.pop_front().expect("what is offered");
            self.offered = false;
            self.taken += 1;
            self.beats.extend(entry.beat.map(|beat| (now + LATENCY as u64, beat)));
            self.tags.extend(entry.tag.map(|tag| (now + TAG_LATENCY as u64, tag)));
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
}

impl Bench {
    pub fn new(seed: u64) -> Self {
        let mut model = Model::build::<GcmCore>("gcm").expect("builds");
        model.reset(2);
        let (tx, rx) = (Side::new(&model, "tx"), Side::new(&model, "rx"));
        Self { model, tx, rx, random: StdRng::seed_from_u64(seed) }
    }

    /// One clock.
    pub fn clock(&mut self) {
        let now = self.model.cycles();
        for side in [&mut self.tx, &mut self.rx] {
            side.drive(&mut self.model, &mut self.random);
        }
        self.model.settle();
        for side in [&mut self.tx, &mut self.rx] {
            side.observe(&self.model, now);
        }
        self.model.rise();
    }

    /// Until every slot is taken and every result has come; gives the clocks from the first slot taken to the last, both included.
    pub fn run(&mut self) -> u64 {
        let (mut first, mut last) = (None, 0);
        let mut idle = 0;
        let slots = (self.tx.queue.len() + self.rx.queue.len()) as u64;
        let deadline = self.model.cycles() + 200 * slots + 10 * TAG_LATENCY as u64;
        while idle <= TAG_LATENCY {
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
