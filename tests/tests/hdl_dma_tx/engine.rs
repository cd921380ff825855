//! The engine's side of the TX queue: takes frames, and says later what became of each.

use std::collections::VecDeque;

use espalier_sim::stream::{Agent, Source, Stalls, Word};
use espalier_sim::{Input, Model, Output};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// A frame that the engine has, or is getting.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    pub bytes: Vec<u8>,
    /// `tuser` of the first beat, without ERROR.
    pub user: u32,
    /// ERROR of the last beat.
    pub damaged: bool,
}

type Beat = (u128, u16, bool, u32);

pub struct Engine {
    ports: [Output; 5],
    ready: Input,
    enabled: Input,
    stalls: Stalls,
    taking: bool,
    waiting: Option<Beat>,
    statuses: Source<Word>,
    /// Statuses to come, and when.
    later: VecDeque<(u64, Word)>,
    latency: (u64, u64),
    /// As many frames are taken without a status having left.
    capacity: usize,
    rng: SmallRng,
    /// `tx_enabled`.
    pub enable: bool,
    /// Frames, the last of which may not have its end.
    pub frames: Vec<Taken>,
    pub midway: bool,
    /// A beat was on offer in the clock before, and could have been taken.
    pub offered: bool,
}

impl Engine {
    pub fn new(model: &Model, stalls: [Stalls; 2], latency: (u64, u64), capacity: usize) -> Self {
        let [stalls, statuses] = stalls;
        Self {
            ports: ["tvalid", "tdata", "tkeep", "tlast", "tuser"].map(|port| model.output(&format!("m_axis_host_{port}")).unwrap()),
            ready: model.input("m_axis_host_tready").unwrap(),
            enabled: model.input("tx_enabled").unwrap(),
            stalls,
            taking: false,
            waiting: None,
            statuses: Source::new(model, "s_txstatus", statuses).unwrap(),
            later: VecDeque::new(),
            latency,
            capacity,
            rng: SmallRng::seed_from_u64(capacity as u64),
            enable: true,
            frames: Vec::new(),
            midway: false,
            offered: false,
        }
    }

    /// The word that stands for what became of a frame.
    pub fn status(number: usize) -> u32 {
        0x8000_0001 + 3 * number as u32
    }

    /// Frames whose status was not taken.
    pub fn unsaid(&self) -> usize {
        self.later.len() + self.statuses.queue.len()
    }

    /// Forgets the frames of a life that is over.
    pub fn forget(&mut self) {
        assert!(!self.midway && self.unsaid() == 0);
        self.frames.clear();
    }
}

impl Agent for Engine {
    fn drive(&mut self, model: &mut Model) {
        // As in the engine: while disabled no frame is begun.
        let open = self.midway || self.enable && self.unsaid() < self.capacity;
        self.taking = open && !self.stalls.next();
        model.write(self.ready, self.taking);
        model.write(self.enabled, self.enable);
        while self.later.front().is_some_and(|(when, _)| *when <= model.cycles()) {
            self.statuses.push(self.later.pop_front().unwrap().1);
        }
        self.statuses.drive(model);
    }

    fn sample(&mut self, model: &Model) -> Result<(), espalier_sim::Error> {
        self.statuses.sample(model)?;
        let [valid, data, keep, last, user] = self.ports;
        let beat = model
            .read_bool(valid)
            .then(|| -> Beat { (model.read_u128(data), model.read_u64(keep) as u16, model.read_bool(last), model.read_u64(user) as u32) });
        let now = model.cycles();
        assert!(beat.is_none() || self.enable || self.midway, "clock {now}: a frame is offered while disabled");
        if let Some(before) = self.waiting.take()
            && (self.enable || self.midway)
        {
            assert_eq!(beat, Some(before), "clock {now}: a beat did not wait");
        }
        self.offered = beat.is_some() && !self.midway;
        let Some(beat) = beat else { return Ok(()) };
        if !self.taking {
            self.waiting = Some(beat);
            return Ok(());
        }
        let (data, keep, last, user) = beat;
        assert!(keep != 0 && keep & keep.wrapping_add(1) == 0 && (last || keep == 0xffff), "tkeep {keep:#x}");
        assert!(user & 1 == 0 || last, "ERROR before the last beat");
        if !self.midway {
            self.frames.push(Taken { user: user & !1, ..Taken::default() });
        } else {
            assert_eq!(user & !1, 0);
        }
        self.offered = false;
        let frame = self.frames.last_mut().unwrap();
        frame.bytes.extend(&data.to_le_bytes()[..keep.trailing_ones() as usize]);
        self.midway = !last;
        if last {
            frame.damaged = user & 1 == 1;
            let when = now + 1 + self.rng.random_range(self.latency.0..=self.latency.1);
            let when = self.later.back().map_or(when, |(before, _)| when.max(*before));
            self.later.push_back((when, Word(Self::status(self.frames.len() - 1))));
        }
        Ok(())
    }
}
