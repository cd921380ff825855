//! The receive queue between an engine that gives frames, a writer and a host that gives descriptors, with an account of every frame.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use espalier_hdl::dma::records::Descriptor;
use espalier_hdl::dma::rx::RxQueue;
use espalier_regs::dma::Fault;
use espalier_sim::stream::{Agent, Axis, FrameSource, Record, Sink, Source, Stalls};
use espalier_sim::{Model, field};
use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::support;
use crate::writes::Writes;

/// A buffer as its descriptor names it.
#[derive(Debug, Clone, Copy)]
pub struct Buffer {
    pub address: u64,
    pub length: u16,
    pub wrong_phase: bool,
}

impl Buffer {
    /// The fault that the descriptor is.
    pub fn flaw(&self) -> u32 {
        if self.wrong_phase {
            Fault::Phase as u32
        } else if self.length == 0 || !self.length.is_multiple_of(16) {
            Fault::Length as u32
        } else if !self.address.is_multiple_of(16) {
            Fault::Address as u32
        } else {
            0
        }
    }
}

/// Stalls of frames, descriptors, write requests, write beats, completions.
pub type AllStalls = [Stalls; 5];

pub struct Bench {
    pub model: Model,
    pub frames: FrameSource<Axis>,
    descriptors: Source<Record>,
    pub writes: Writes,
    pub completions: Sink<Record>,
    stalls: AllStalls,
    pub rng: SmallRng,
    /// Frames given to the queue, by `tuser`: those that have not been completed.
    pub sent: HashMap<u32, Vec<u8>>,
    pub count: u32,
    /// Descriptors since the queue was enabled.
    pub buffers: Vec<Buffer>,
    pub taken: usize,
    pub index: usize,
    next_address: u64,
    /// Addresses of writes that failed since the queue was enabled.
    pub failed: Vec<u64>,
    /// A frame of which buffers are completed.
    pub part: Option<(u32, Vec<u8>)>,
    pub completed: Vec<u32>,
    /// Clocks in which completions and faults came.
    pub times: Vec<u64>,
    /// Causes of completions and of faults, since the queue was enabled.
    pub causes: Vec<u32>,
    pub faults: Vec<(u32, u64)>,
    pub no_buffer: u32,
    pub host_fault: u32,
    /// Parts of frames that have no end.
    pub cut: u32,
    pub all_causes: u32,
    running: bool,
    draining: bool,
}

impl Bench {
    pub fn new(seed: u64, latency: RangeInclusive<u64>, stalls: AllStalls) -> Self {
        let mut model = support::model::<RxQueue>("rx_queue");
        let [frames, descriptors, requests, beats, completions] = stalls.clone();
        model.set("run", false);
        let mut bench = Self {
            frames: FrameSource::new(&model, "s_axis_host", frames).unwrap(),
            descriptors: Source::new(&model, "descriptor", descriptors).unwrap(),
            writes: Writes::new(&model, seed, latency, [requests, beats]),
            completions: Sink::new(&model, "completion", completions).unwrap(),
            model,
            stalls,
            rng: SmallRng::seed_from_u64(seed),
            sent: HashMap::new(),
            count: 0,
            buffers: Vec::new(),
            taken: 0,
            index: 0,
            next_address: 0x0123_4567_0000_0000,
            failed: Vec::new(),
            part: None,
            completed: Vec::new(),
            times: Vec::new(),
            causes: Vec::new(),
            faults: Vec::new(),
            no_buffer: 0,
            host_fault: 0,
            cut: 0,
            all_causes: 0,
            running: false,
            draining: false,
        };
        bench.enable();
        bench
    }

    /// As the queue's control does it.
    pub fn enable(&mut self) {
        self.model.set("drain", false);
        self.model.set("clear", true);
        self.step();
        self.model.set("clear", false);
        self.descriptors = Source::new(&self.model, "descriptor", self.stalls[1].clone()).unwrap();
        self.model.set("descriptor_valid", false);
        self.cut += u32::from(self.part.take().is_some());
        self.buffers.clear();
        self.failed.clear();
        self.causes.clear();
        self.faults.clear();
        (self.taken, self.index, self.running, self.draining) = (0, 0, true, false);
        self.model.set("run", true);
    }

    pub fn send(&mut self, length: usize) {
        let bytes = support::random_bytes(&mut self.rng, length);
        let user = self.count;
        self.frames.push_with(&bytes, |_, _| user);
        self.sent.insert(user, bytes);
        self.count += 1;
    }

    pub fn give(&mut self, buffer: Buffer) {
        self.descriptors.push(Record::of(Descriptor {
            address: buffer.address.into(),
            // What is no field may hold anything.
            control: u64::from(u32::from(buffer.length) | 0xabcd_0000).into(),
            user: 0x1234_5678u64.into(),
            wrong_phase: buffer.wrong_phase,
        }));
        self.buffers.push(buffer);
    }

    /// Where the next buffer's 128 KiB begin.
    pub fn next_buffer(&self) -> u64 {
        self.next_address
    }

    /// A good buffer, at a place where none was before: `offset` behind a multiple of 256, a multiple of 16.
    pub fn buffer(&mut self, length: u16, offset: u64) -> Buffer {
        let address = self.next_address + offset;
        self.next_address += 0x2_0000;
        Buffer { address, length, wrong_phase: false }
    }

    pub fn give_good(&mut self, length: u16, offset: u64) {
        let buffer = self.buffer(length, offset);
        self.give(buffer);
    }

    pub fn step(&mut self) {
        self.frames.drive(&mut self.model);
        self.descriptors.drive(&mut self.model);
        self.writes.drive(&mut self.model);
        self.completions.drive(&mut self.model);
        self.model.settle();
        self.frames.sample(&self.model).unwrap();
        self.descriptors.sample(&self.model).unwrap();
        self.writes.sample(&self.model).unwrap();
        self.completions.sample(&self.model).unwrap();
        assert!(self.model.get_bool("s_axis_host_tready"));
        if self.descriptors.taken.is_some() {
            assert!(self.running, "a descriptor was taken from a queue that does not run");
            self.taken += 1;
        }
        if let Some(write) = self.writes.answered.take().filter(|write| write.failed) {
            self.failed.push(write.address);
        }
        self.no_buffer += u32::from(self.model.get_bool("no_buffer"));
        self.host_fault += u32::from(self.model.get_bool("host_fault"));
        if let Some(Record(bits)) = self.completions.taken.take() {
            let part = |at, width| u32::try_from(field(&bits, at, width)).unwrap();
            self.times.push(self.model.cycles());
            self.complete(part(0, 32), part(32, 16), part(48, 32), part(80, 4));
        }
        let fault = self.model.get_bool("fault_valid");
        if fault {
            let bits = self.model.read(self.model.output("fault").unwrap());
            let (cause, address) = (u32::try_from(field(&bits, 0, 4)).unwrap(), u64::try_from(field(&bits, 4, 64)).unwrap());
            if cause == Fault::Data as u32 {
                assert!(self.failed.contains(&address), "{address:#x} did not fail");
            } else {
                let last = self.buffers[self.taken - 1];
                assert_eq!((cause, address), (last.flaw(), last.address));
            }
            self.faults.push((cause, address));
        }
        self.model.rise();
        if fault && self.running {
            self.stop();
        }
    }

    /// As the queue's control does after a fault.
    pub fn stop(&mut self) {
        self.running = false;
        self.model.set("run", false);
    }

    fn complete(&mut self, user: u32, index: u32, control: u32, cause: u32) {
        let at = (self.index + 1..).find(|at| *at as u16 == index as u16).unwrap();
        assert!(at <= self.taken, "completion {index} before its descriptor was taken");
        assert!(at == self.index + 1 || !self.causes.is_empty(), "completion {index} behind {}", self.index);
        self.index = at;
        let buffer = self.buffers[at - 1];
        let (length, first, last) = ((control & 0xffff) as usize, control >> 16 & 1 == 1, control >> 17 & 1 == 1);
        assert_eq!(control >> 18, 0);
        assert_eq!(first, self.part.is_none(), "FIRST of completion {index}");
        let failed = self.failed.iter().any(|at| (buffer.address..buffer.address + u64::from(buffer.length)).contains(at));
        let expected = if buffer.flaw() != 0 {
            buffer.flaw()
        } else if failed {
            Fault::Data as u32
        } else {
            0
        };
        assert_eq!(cause, expected, "CAUSE of completion {index}");
        let (known, mut bytes) = self.part.take().unwrap_or((user, Vec::new()));
        assert_eq!(known, user, "the word changed within the frame");
        if cause != 0 {
            assert_eq!((length, last), (0, true));
            self.causes.push(cause);
            self.all_causes += 1;
            return;
        }
        assert!(length == usize::from(buffer.length) || (last && length > 0 && length < usize::from(buffer.length)));
        bytes.extend(self.writes.read(buffer.address, length).expect("completed, and not written"));
        (0..length as u64).for_each(|i| assert!(self.writes.memory.remove(&(buffer.address + i)).is_some()));
        if last {
            assert!(self.completed.last().is_none_or(|before| *before < user), "order of frames");
            assert_eq!(self.sent.remove(&user), Some(bytes), "frame {user}");
            self.completed.push(user);
        } else {
            self.part = Some((user, bytes));
        }
    }

    /// Drains until nothing has been left for as long as the control waits.
    pub fn drain(&mut self) {
        self.begin_drain();
        let mut still = 0;
        for clock in 0.. {
            let idle = self.idle();
            still = if idle { still + 1 } else { 0 };
            if still == 16 {
                break;
            }
            self.step();
            assert!(clock < 100_000, "stuck in drain");
        }
        assert_eq!(self.writes.outstanding, 0);
    }

    pub fn begin_drain(&mut self) {
        (self.running, self.draining) = (false, true);
        self.model.set("run", false);
        self.model.set("drain", true);
    }

    pub fn idle(&mut self) -> bool {
        self.model.settle();
        self.model.get_bool("idle")
    }

    /// Steps until `done`, at most `limit` times.
    pub fn until(&mut self, limit: usize, done: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..limit {
            if done(self) {
                return true;
            }
            self.step();
        }
        done(self)
    }

    /// When nothing is under way: each frame was completed, or told of once.
    pub fn balance(&mut self) {
        assert!(self.until(3_000_000, |bench| bench.frames.pending() == 0), "the entrance is stuck");
        (0..600).for_each(|_| self.step());
        let told = self.no_buffer + self.host_fault;
        assert_eq!(self.completed.len() as u32 + told, self.count, "no buffer {}, host fault {}", self.no_buffer, self.host_fault);
        assert_eq!(self.sent.len() as u32, told);
        self.cut += u32::from(self.part.take().is_some());
        assert_eq!(self.host_fault, self.all_causes + self.cut, "host_fault is for frames that were begun");
    }
}
