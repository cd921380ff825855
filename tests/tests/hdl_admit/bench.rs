//! The Verilated stage with frames around it.

use std::collections::VecDeque;

use espalier_hdl::records::Meta;
use espalier_regs::Event;
use espalier_sim::stream::{Agent, Beat, Lanes, Payload, Record, Sink, Source, Stalls};
use espalier_sim::{Error, Input, Model, Output};

use crate::block::Block;
use crate::rules::{A, G, R, Tables, Write, accept, passes};

/// A beat and what runs beside it, under one handshake: ports `NAME_beat`, `NAME_meta`, `NAME_valid`, `NAME_ready`.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked {
    beat: Beat,
    meta: Record,
}

impl Payload for Marked {
    type Ports<H: Copy> = [H; 2];

    fn handshake(model: &Model, name: &str) -> [String; 2] {
        Beat::handshake(model, name)
    }

    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<[H; 2], Error> {
        Ok([find(&format!("{name}_beat"))?, find(&format!("{name}_meta"))?])
    }

    fn write(&self, model: &mut Model, [beat, meta]: &[Input; 2]) {
        self.beat.write(model, beat);
        self.meta.write(model, meta);
    }

    fn read(model: &Model, [beat, meta]: &[Output; 2]) -> Self {
        Self { beat: Beat::read(model, beat), meta: Record::read(model, meta) }
    }

    fn junk(model: &mut Model, [beat, meta]: &[Input; 2]) {
        Beat::junk(model, beat);
        Record::junk(model, meta);
    }

    fn flaw(&self) -> Option<&'static str> {
        self.beat.flaw()
    }
}

/// A frame in the stage, and what may become of it.
struct Pending {
    bytes: Vec<u8>,
    meta: Meta,
    error: bool,
    /// With the tables of any time since it came in.
    outcomes: Vec<Event>,
}

/// What a frame that has left did in clocks.
#[derive(Debug, Clone, Copy)]
pub struct Passage {
    /// First beat taken by the stage.
    pub sent: u64,
    /// First beat taken from it.
    pub first: u64,
    /// Last beat taken from it.
    pub last: u64,
}

/// The stage; every clock is checked against the rules.
pub struct Bench {
    pub model: Model,
    pub tables: Tables,
    /// A write of a policy that is under way, and the tables without what stood there, if it was for other packets.
    writing: Option<(Write, Option<Tables>)>,
    source: Source<Marked>,
    sink: Sink<Marked>,
    /// Frames queued, of which no beat was taken.
    queued: VecDeque<Pending>,
    /// In the stage, without an outcome.
    undecided: VecDeque<Pending>,
    /// Are to leave.
    leaving: VecDeque<Pending>,
    in_frame: bool,
    out: Vec<u8>,
    out_first: u64,
    sent: VecDeque<u64>,
    last_event: u64,
    /// Outcomes so far.
    pub events: Vec<Event>,
    /// Frames that left.
    pub passages: Vec<Passage>,
}

impl Bench {
    pub fn new(source: Stalls, sink: Stalls) -> Self {
        let model = Model::build::<Block<A, R, G>>("admit_4_3").unwrap();
        let mut bench = Self {
            source: Source::new(&model, "s", source).unwrap(),
            sink: Sink::new(&model, "m", sink).unwrap(),
            model,
            tables: Tables::default(),
            writing: None,
            queued: VecDeque::new(),
            undecided: VecDeque::new(),
            leaving: VecDeque::new(),
            in_frame: false,
            out: Vec::new(),
            out_first: 0,
            sent: VecDeque::new(),
            last_event: 0,
            events: Vec::new(),
            passages: Vec::new(),
        };
        bench.reset();
        bench
    }

    /// Resets the stage, while nothing is in it.
    pub fn reset(&mut self) {
        self.set_write(None);
        self.model.reset(2);
        self.model.clocks(1 << R);
        self.model.settle();
        assert!(self.model.get_bool("ready"), "the policies are swept in as many clocks as they have rows");
        self.tables.reset();
    }

    /// Queues a frame. Only its first beat carries `meta`, the others `junk`.
    pub fn push(&mut self, bytes: &[u8], meta: Meta, junk: Meta, error: bool) {
        let chunks = bytes.chunks(16);
        let count = chunks.len();
        for (i, chunk) in chunks.enumerate() {
            let beside = if i == 0 { meta } else { junk };
            self.source.push(Marked { beat: Beat::pack(chunk, i + 1 == count, error.into()), meta: Record::of(beside) });
        }
        self.queued.push_back(Pending { bytes: bytes.to_vec(), meta, error, outcomes: Vec::new() });
    }

    /// Other stalls behind the stage from here on.
    pub fn set_sink(&mut self, stalls: Stalls) {
        self.sink.set_stalls(stalls);
    }

    /// Frames whose first beat was not taken.
    pub fn queued(&self) -> usize {
        self.queued.len()
    }

    /// Whether all is decided and gone.
    pub fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.undecided.is_empty() && self.leaving.is_empty()
    }

    fn set_write(&mut self, write: Option<&Write>) {
        let model = &mut self.model;
        for port in ["policy_write", "local_write", "sa_write", "selector_write", "accept_write"] {
            model.set(port, false);
        }
        match write {
            None => {}
            Some(Write::Policy(index, policy)) => {
                model.set("policy_write", true);
                model.set("policy_index", *index);
                model.set_record("policy", *policy);
            }
            Some(Write::Local(index, local)) => {
                model.set("local_write", true);
                model.set("local_index", *index);
                model.set_record("local_address", *local);
            }
            Some(Write::Sa(index, tunnel)) => {
                model.set("sa_write", true);
                model.set("sa_index", *index);
                model.set("sa_tunnel", *tunnel);
            }
            Some(Write::Selector(index, selector)) => {
                model.set("selector_write", true);
                model.set("sa_index", *index);
                model.set_record("selector", *selector);
            }
            Some(Write::Accept(index, policies)) => {
                model.set("accept_write", true);
                model.set("sa_index", *index);
                model.set_record("accept", accept(*policies));
            }
        }
    }

    /// A write, and the clocks in which its operands stay.
    pub fn write(&mut self, write: &Write) {
        self.step(Some(write));
        self.step(None);
        self.step(None);
        while self.is_writing() {
            self.step(None);
        }
    }

    /// Whether a write of a policy is under way: no other may begin.
    pub const fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// One clock, with a write or none. Between two writes are two clocks without; one of a policy goes on after its first.
    pub fn step(&mut self, write: Option<&Write>) {
        if let Some(write @ Write::Policy(index, policy)) = write {
            let old = self.tables.policies[*index];
            let emptied = (policy.valid && old.valid && (policy.value, policy.mask) != (old.value, old.mask)).then(|| {
                let mut tables = self.tables.clone();
                tables.policies[*index].valid = false;
                tables
            });
            self.undecided.iter_mut().for_each(|pending| emptied.iter().for_each(|tables| consider(tables, pending)));
            self.writing = Some((write.clone(), emptied));
        }
        let policy = self.writing.as_ref().map(|(write, _)| write.clone());
        self.set_write(policy.as_ref().or(write));
        self.source.drive(&mut self.model);
        self.sink.drive(&mut self.model);
        self.model.settle();
        self.source.sample(&self.model).unwrap();
        self.sink.sample(&self.model).unwrap();
        let clock = self.model.cycles();
        self.count_event(clock);
        let policy = self.writing.take_if(|_| self.model.get_bool("policy_ready")).map(|(write, _)| write);
        if let Some(write) = policy.as_ref().or(write.filter(|write| !matches!(write, Write::Policy(..)))) {
            self.tables.apply(write);
            self.undecided.iter_mut().for_each(|pending| consider(&self.tables, pending));
        }
        if let Some(Marked { beat, .. }) = &self.source.taken {
            if !self.in_frame {
                let mut pending = self.queued.pop_front().unwrap();
                consider(&self.tables, &mut pending);
                self.writing.iter().filter_map(|(_, emptied)| emptied.as_ref()).for_each(|tables| consider(tables, &mut pending));
                self.undecided.push_back(pending);
                self.sent.push_back(clock);
            }
            self.in_frame = !beat.last();
        }
        self.take_beat(clock);
        self.model.rise();
    }

    /// An event is the outcome of the oldest frame that has none.
    fn count_event(&mut self, clock: u64) {
        let events = self.model.get_u64("events");
        if events == 0 {
            return;
        }
        assert!(self.events.is_empty() || clock >= self.last_event + 3, "outcomes {} clocks apart", clock - self.last_event);
        self.last_event = clock;
        let pending = self.undecided.pop_front().unwrap();
        let event = *pending.outcomes.iter().find(|event| 1 << **event as u32 == events).unwrap_or_else(|| {
            panic!("clock {clock}: events {events:#x}, but one of {:?} for {:?}, {:02x?}", pending.outcomes, pending.meta, pending.bytes)
        });
        self.events.push(event);
        if passes(event) {
            self.leaving.push_back(pending);
        } else {
            self.sent.remove(self.leaving.len());
        }
    }

    fn take_beat(&mut self, clock: u64) {
        let Some(Marked { beat, meta }) = &self.sink.taken else { return };
        let frame = self.leaving.front().unwrap_or_else(|| panic!("clock {clock}: a beat of a frame that was not to pass"));
        if self.out.is_empty() {
            self.out_first = clock;
        }
        self.out.extend(beat.bytes());
        assert_eq!(*meta, Record::of(frame.meta), "clock {clock}");
        assert_eq!(self.out[..], frame.bytes[..self.out.len()], "clock {clock}: bytes of a frame of {}", frame.bytes.len());
        assert_eq!(beat.last(), self.out.len() == frame.bytes.len(), "clock {clock}: end of a frame of {}", frame.bytes.len());
        if beat.last() {
            assert_eq!(beat.user(), u32::from(frame.error));
            let sent = self.sent.pop_front().unwrap();
            self.passages.push(Passage { sent, first: self.out_first, last: clock });
            self.leaving.pop_front();
            self.out.clear();
        }
    }

    /// Steps until all is decided and gone.
    pub fn drain(&mut self) {
        let end = self.model.cycles() + 200_000;
        while !self.is_idle() {
            assert!(self.model.cycles() < end, "the stage does not come to an end");
            self.step(None);
        }
        for _ in 0..50 {
            self.step(None);
        }
    }
}

/// Adds what becomes of the frame with these tables.
fn consider(tables: &Tables, pending: &mut Pending) {
    let outcome = tables.outcome(&pending.bytes, &pending.meta);
    if !pending.outcomes.contains(&outcome) {
        pending.outcomes.push(outcome);
    }
}
