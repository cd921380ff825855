//! A device in software, for the driver alone: it executes descriptors by the rules of `espalier_regs::dma`, and its wire is a list. It
//! works when time passes (a pause, a wait, [`Card::work`]).

#![allow(dead_code, reason = "each test uses its own part")]

mod bus;
mod queue;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use Event::{RxBypassed, RxDecrypted, RxDropHostFault, RxDropNoBuffer, RxDropNoSa, RxFrames};

use espalier_driver::Event;
use espalier_driver::bus::{DmaAccess, Interrupt, Pages};
use espalier_driver::rings::{RxCompletion, RxDescriptor, TxCompletion, TxDescriptor};
use espalier_regs::dma::{self, Fault};
use espalier_regs::notice::{Kind, Notice};
use espalier_regs::{map, tuser};

use crate::common::recorder;
use espalier_driver::bus::Recorder;
pub use queue::{Queue, State};

/// Longest frame that the engine takes.
const MAX_BYTES: usize = 9216;

/// What is mapped, by address.
pub type Iommu = Arc<Mutex<BTreeMap<u64, (Pages, DmaAccess)>>>;

/// Which access of the device fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// A read of descriptors.
    Ring,
    /// Data of a frame.
    Data,
    /// A completion.
    Completion,
}

/// The device.
pub struct Card {
    /// The engine's registers.
    pub engine: Recorder,
    control: u32,
    events: VecDeque<u32>,
    pub iommu: Iommu,
    next_iova: u64,
    pub tx: Queue,
    pub rx: Queue,
    pub interrupts: Vec<Interrupt>,
    pub mask: u32,
    pub armed: u32,
    pub pending: u32,
    /// What went out, and the word beside it.
    pub wire: Vec<(Vec<u8>, u32)>,
    /// What is to come in.
    pub incoming: VecDeque<(Vec<u8>, u32)>,
    /// They are being written.
    finishing: bool,
    /// Bytes of the first of them that are in memory.
    written: usize,
    /// Received frames that it has begun by the time it sees that one could not be written: they are written and completed.
    pub begun: usize,
    /// What goes out comes in again.
    pub looped: bool,
    /// Frames that it gets through in one turn.
    pub speed: usize,
    /// Access that fails next, after so many that don't.
    pub strike: Option<(Strike, usize)>,
    /// Turns until a queue has drained; none: it never does.
    pub drains: Option<u32>,
    /// Received frames that found no way into memory.
    pub host_faults: u64,
    /// Received frames in memory whose last completion could not be written.
    pub unheard: u64,
    /// Received frames that the engine gave to the host interface and that have left it: what came in clear, and what came out of an SA.
    passed: [u64; 2],
    /// Received frames that the engine dropped, as without SA; that found no room.
    pub refused: u64,
    pub no_buffers: u64,
    /// What the counters stood at when they were cleared.
    cleared: BTreeMap<u16, u64>,
    /// Accesses to what is not mapped.
    pub violations: Vec<u64>,
    pub resets: u32,
    /// It is gone from the bus.
    pub gone: bool,
}

impl Card {
    pub fn new() -> Self {
        let mut engine = recorder(&crate::common::CAPABILITIES);
        for register in dma::REGISTERS {
            engine.answer(register.offset.into(), register.reset);
        }
        Self {
            engine,
            control: 0,
            events: VecDeque::new(),
            iommu: Iommu::default(),
            next_iova: 1 << 32,
            tx: Queue::default(),
            rx: Queue::default(),
            interrupts: Vec::new(),
            mask: 7,
            armed: 0,
            pending: 0,
            wire: Vec::new(),
            incoming: VecDeque::new(),
            finishing: false,
            written: 0,
            begun: 0,
            looped: false,
            speed: usize::MAX,
            strike: None,
            drains: Some(3),
            host_faults: 0,
            unheard: 0,
            passed: [0; 2],
            refused: 0,
            no_buffers: 0,
            cleared: BTreeMap::new(),
            violations: Vec::new(),
            resets: 0,
            gone: false,
        }
    }

    /// How many regions of memory are mapped.
    pub fn mapped(&self) -> usize {
        self.iommu.lock().expect("no panic").len()
    }

    /// A turn.
    pub fn work(&mut self) {
        let enabled = |field: espalier_regs::Field, control| field.is_set(control);
        if enabled(map::control::TX_ENABLE, self.control) {
            for _ in 0..self.speed.min(1 << 12) {
                if !self.send_one() {
                    break;
                }
            }
        }
        if enabled(map::control::RX_ENABLE, self.control) {
            for _ in 0..self.speed.min(1 << 12) {
                if !self.receive_one() {
                    break;
                }
            }
        }
        self.tx.drain(self.drains);
        if self.rx.drain(self.drains) && self.written > 0 {
            self.lose_first();
        }
        if !self.events.is_empty() {
            self.pending |= 1 << dma::vector::EVENT;
        }
        self.fire();
    }

    fn fire(&mut self) {
        for (vector, interrupt) in self.interrupts.iter().enumerate() {
            let bit = 1 << vector;
            if self.pending & self.armed & !self.mask & bit != 0 {
                self.pending &= !bit;
                self.armed &= !bit;
                interrupt.fire().expect("an eventfd");
            }
        }
    }

    /// Reads or writes memory as the device does.
    fn touch(&mut self, strike: Strike, address: u64, write: Option<&[u8]>, length: usize) -> Result<Vec<u8>, u64> {
        if let Some((kind, after)) = &mut self.strike
            && *kind == strike
        {
            if *after == 0 {
                self.strike = None;
                return Err(address);
            }
            *after -= 1;
        }
        let map = self.iommu.lock().expect("no panic");
        let found = map.range(..=address).next_back().filter(|(first, (pages, access))| {
            address + length as u64 <= *first + pages.len() as u64 && (write.is_none() || *access == DmaAccess::ReadWrite)
        });
        let Some((first, (pages, _))) = found else {
            self.violations.push(address);
            return Err(address);
        };
        let offset = (address - first) as usize;
        let mut bytes = vec![0; length];
        match write {
            Some(bytes) => pages.write(offset, bytes),
            None => pages.read(offset, &mut bytes),
        }
        Ok(bytes)
    }

    fn stop(&mut self, tx: bool, cause: Fault, address: u64) {
        let queue = if tx { &mut self.tx } else { &mut self.rx };
        if queue.state == State::Running {
            queue.state = State::Fault(cause);
            queue.fault_address = address;
            self.events.push_back(Notice { kind: Some(Kind::QueueFault), tx, sa: 0 }.encode());
        }
    }

    /// The descriptor at an index of a running queue, if it is the device's.
    fn descriptor(&mut self, tx: bool, index: u16) -> Option<Result<[u32; 4], (Fault, u64)>> {
        let queue = if tx { &self.tx } else { &self.rx };
        let goes_on = queue.state == State::Running || (!tx && self.finishing);
        if !goes_on || index == queue.doorbell {
            return None;
        }
        if queue.doorbell.wrapping_sub(queue.head) > queue.entries() {
            return Some(Err((Fault::Doorbell, 0)));
        }
        let (address, phase) = (queue.slot(queue.ring, index), queue.phase(index));
        let words = match self.touch(Strike::Ring, address, None, dma::ENTRY_BYTES) {
            Err(address) => return Some(Err((Fault::RingRead, address))),
            Ok(bytes) => words(&bytes),
        };
        let fits = dma::tx_descriptor::PHASE.is_set(words[dma::PHASE_WORD]) == phase;
        Some(if fits { Ok(words) } else { Err((Fault::Phase, 0)) })
    }

    /// Writes a completion; false if that fails.
    fn complete(&mut self, tx: bool, mut words: [u32; 4]) -> bool {
        let queue = if tx { &mut self.tx } else { &mut self.rx };
        let index = queue.done;
        queue.done = queue.done.wrapping_add(1);
        let field = dma::tx_completion::PHASE;
        words[dma::COMPLETION_PHASE_WORD] = field.set(words[dma::COMPLETION_PHASE_WORD], queue.phase(index).into());
        let address = queue.slot(queue.completions, index);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        match self.touch(Strike::Completion, address, Some(&bytes), bytes.len()) {
            Ok(_) => self.pending |= 1 << if tx { dma::vector::TX } else { dma::vector::RX },
            Err(address) => {
                self.stop(tx, Fault::Completion, address);
                return false;
            }
        }
        true
    }

    /// Takes a whole frame; false if there is none.
    fn send_one(&mut self) -> bool {
        let mut index = self.tx.head;
        let (mut frame, mut word) = (Vec::new(), None);
        loop {
            let words = match self.descriptor(true, index) {
                None => return false,
                Some(Ok(words)) => words,
                Some(Err((Fault::Phase, address))) => {
                    index = index.wrapping_add(1);
                    return self.end_frame(index, word, Some((Fault::Phase, address)), frame);
                }
                Some(Err((fault, address))) => {
                    self.stop(true, fault, address);
                    return false;
                }
            };
            let TxDescriptor { address, length, last, word: beside } = TxDescriptor::decode(words);
            index = index.wrapping_add(1);
            let length = usize::from(length);
            let bad = if length == 0 || (!last && !length.is_multiple_of(16)) || frame.len() + length > MAX_BYTES {
                Some((Fault::Length, 0))
            } else if !address.is_multiple_of(16) {
                Some((Fault::Address, 0))
            } else {
                None
            };
            if bad.is_some() {
                return self.end_frame(index, word, bad, frame);
            }
            let beside = *word.get_or_insert(beside & 0x1ffe);
            match self.touch(Strike::Data, address, None, length) {
                Ok(bytes) => frame.extend(bytes),
                Err(address) => return self.end_frame(index, Some(beside), Some((Fault::Data, address)), frame),
            }
            if last {
                return self.end_frame(index, word, None, frame);
            }
        }
    }

    /// `word`: the engine has its beginning.
    fn end_frame(&mut self, index: u16, word: Option<u32>, fault: Option<(Fault, u64)>, frame: Vec<u8>) -> bool {
        self.tx.head = index;
        let status = word.map(|word| {
            let event = match () {
                () if fault.is_some() => Event::TxDropError,
                () if tuser::tx::CRYPTO.is_set(word) => Event::TxCrypto,
                () if tuser::tx::PROTECT.is_set(word) => Event::TxDropNoSa,
                () => Event::TxBypassed,
            };
            let status = tuser::tx_status::EVENT.set(0, event.index().into());
            tuser::tx_status::SA.set(status, tuser::tx::SA.get(word))
        });
        if let (Some(word), None) = (word, fault) {
            if self.looped {
                self.incoming.push_back((frame.clone(), 0));
            }
            self.wire.push((frame, word));
        }
        let cause = fault.map_or(0, |(fault, _)| fault.code());
        if let Some((fault, address)) = fault {
            self.stop(true, fault, address);
        }
        self.complete(true, TxCompletion { status, index, cause }.encode());
        true
    }

    /// Writes a frame, as far as there are buffers; false if it is not all.
    fn receive_one(&mut self) -> bool {
        let Some((frame, word)) = self.incoming.front().cloned() else { return false };
        while self.written < frame.len() {
            let Some(words) = self.descriptor(false, self.rx.head) else { return false };
            let (at, first) = (self.written, self.written == 0);
            let index = self.rx.head.wrapping_add(1);
            let written = words.and_then(|words| {
                let RxDescriptor { address, length } = RxDescriptor::decode(words);
                if length == 0 || !length.is_multiple_of(16) {
                    return Err((Fault::Length, 0));
                }
                if !address.is_multiple_of(16) {
                    return Err((Fault::Address, 0));
                }
                let part = &frame[at..frame.len().min(at + usize::from(length))];
                self.touch(Strike::Data, address, Some(part), part.len()).map_err(|address| (Fault::Data, address))?;
                Ok(part.len())
            });
            match written {
                Ok(length) => {
                    self.rx.head = index;
                    self.written += length;
                    let last = self.written == frame.len();
                    let completion = RxCompletion { word, index, length: length as u16, first, last, cause: 0 };
                    if !self.complete(false, completion.encode()) && last {
                        self.unheard += 1;
                    }
                }
                Err((fault @ (Fault::RingRead | Fault::Doorbell), address)) => {
                    self.stop(false, fault, address);
                    return false;
                }
                Err((fault, address)) => {
                    self.rx.head = index;
                    self.lose_first();
                    self.stop(false, fault, address);
                    let lost = RxCompletion { word, index, length: 0, first, last: true, cause: fault.code() };
                    self.complete(false, lost.encode());
                    if fault == Fault::Data {
                        // The frame's later buffers are not completed.
                        let left = (frame.len() - at).div_ceil(self.buffer_bytes()) as u16 - 1;
                        self.rx.head = index.wrapping_add(left.min(self.rx.doorbell.wrapping_sub(index)));
                        self.finish_begun();
                    }
                    return false;
                }
            }
        }
        self.end_first();
        true
    }

    fn finish_begun(&mut self) {
        self.finishing = true;
        for _ in 0..std::mem::take(&mut self.begun) {
            assert!(self.receive_one(), "a frame begun has its buffers");
        }
        self.finishing = false;
    }

    /// Of the driver's buffers: all are alike.
    fn buffer_bytes(&self) -> usize {
        let map = self.iommu.lock().expect("no panic");
        let length =
            map.get(&self.rx.ring).map_or(0, |(pages, _)| RxDescriptor::decode(std::array::from_fn(|word| pages.load(4 * word))).length);
        usize::from(length).max(1)
    }

    /// The frame at the head finds no way into memory.
    fn lose_first(&mut self) {
        self.end_first();
        self.host_faults += 1;
    }

    fn end_first(&mut self) {
        self.written = 0;
        if let Some((_, word)) = self.incoming.pop_front() {
            self.passed[usize::from(tuser::rx::CRYPTO_DONE.is_set(word))] += 1;
        }
    }

    /// What has happened in all. What is to come has been decided already: it waits in the buffer.
    fn happened(&self, event: Event) -> u64 {
        let by_sa = self.incoming.iter().filter(|(_, word)| tuser::rx::CRYPTO_DONE.is_set(*word)).count();
        match event {
            RxFrames => [RxBypassed, RxDecrypted, RxDropNoSa].into_iter().map(|event| self.happened(event)).sum(),
            RxBypassed => self.passed[0] + (self.incoming.len() - by_sa) as u64 + self.no_buffers,
            RxDecrypted => self.passed[1] + by_sa as u64,
            RxDropNoSa => self.refused,
            RxDropNoBuffer => self.no_buffers,
            RxDropHostFault => self.host_faults + self.unheard,
            _ => 0,
        }
    }

    /// The counter of an event.
    fn counter(&self, event: Event) -> u64 {
        self.happened(event) - self.cleared.get(&event.index()).copied().unwrap_or(0)
    }

    fn clear_counters(&mut self) {
        self.cleared = Event::ALL.iter().map(|event| (event.index(), self.happened(*event))).collect();
    }
}

fn words(bytes: &[u8]) -> [u32; 4] {
    std::array::from_fn(|word| u32::from_le_bytes(std::array::from_fn(|byte| bytes[4 * word + byte])))
}
