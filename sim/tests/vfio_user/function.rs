//! A function in software: a few registers, a machine that copies memory, MSI-X, a wire that answers.
//!
//! It copies by reads of 256 bytes, all at once, and complements what it read; then come its writes, all at once, the last one of only
//! the bytes that are left over; then the interrupt.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use espalier_sim::Error;
use espalier_sim::axi::{Access, Kind, Response};
use espalier_sim::vfio_user::PciFunction;

pub const SCRATCH: u64 = 0x1000;
/// Refuses every access.
pub const REFUSING: u64 = 0x1004;
pub const SOURCE: u64 = 0x1010;
pub const TARGET: u64 = 0x1018;
pub const LENGTH: u64 = 0x1020;
/// Begins a copy; the value is its interrupt vector.
pub const GO: u64 = 0x1024;
pub const DONE: u64 = 0x1028;
pub const FAULTS: u64 = 0x102c;
/// Lowers the interrupt wire.
pub const ACKNOWLEDGE: u64 = 0x1030;
/// Begins reads that the client may leave without an answer.
pub const HANG: u64 = 0x1034;
pub const CONTROL: u64 = 0x100;
pub const RX_STATE: u64 = 0x8084;

const BURST: usize = 256;

/// What a test sees from outside.
#[derive(Default)]
pub struct Seen {
    pub clocks: u64,
    pub resets: u64,
    /// Answers that came for nothing.
    pub wrong_answers: u64,
    pub reads_under_way: usize,
}

enum Job {
    Reading { vector: u32, parts: BTreeMap<u64, Vec<u8>>, left: Vec<u64> },
    Writing { vector: u32, left: Vec<u64> },
}

#[derive(Default)]
pub struct Software {
    registers: HashMap<u32, u32>,
    accesses: Vec<Access>,
    expected: HashMap<u64, usize>,
    token: u64,
    job: Option<Job>,
    fault: bool,
    messages: u32,
    msix: (bool, bool),
    halt: bool,
    wires: u32,
    wire: Vec<Vec<u8>>,
    pub seen: Arc<Mutex<Seen>>,
}

impl Software {
    fn get(&self, address: u64) -> u32 {
        self.registers.get(&(address as u32)).copied().unwrap_or(0)
    }

    fn get64(&self, address: u64) -> u64 {
        u64::from(self.get(address + 4)) << 32 | u64::from(self.get(address))
    }

    fn length(&self) -> usize {
        self.get(LENGTH).min(1 << 16) as usize
    }

    fn count(&mut self, address: u64) {
        *self.registers.entry(address as u32).or_default() += 1;
    }

    fn access(&mut self, id: u32, kind: Kind) -> u64 {
        let token = self.token;
        self.token += 1;
        let bytes = if let Kind::Read { bytes, .. } = kind { bytes } else { 0 };
        self.expected.insert(token, bytes);
        self.accesses.push(Access { token, id, cycle: 0, kind });
        token
    }

    fn begin(&mut self, vector: u32) {
        let (source, length) = (self.get64(SOURCE), self.length());
        let starts: Vec<_> = (0..length).step_by(BURST).collect();
        let left = starts
            .iter()
            .map(|&at| {
                let bytes = (length - at).min(BURST).next_multiple_of(16);
                self.access(0, Kind::Read { address: source.wrapping_add(at as u64), bytes })
            })
            .collect();
        (self.fault, self.job) = (false, Some(Job::Reading { vector, parts: BTreeMap::new(), left }));
    }

    fn answered(&mut self, token: u64) -> bool {
        let known = self.expected.remove(&token).is_some();
        let mut seen = self.seen.lock().unwrap();
        seen.wrong_answers += u64::from(!known);
        seen.reads_under_way = self.expected.values().filter(|&&bytes| bytes > 0).count();
        known
    }

    fn write_back(&mut self, vector: u32, parts: BTreeMap<u64, Vec<u8>>) {
        let (target, length) = (self.get64(TARGET), self.length());
        let bytes: Vec<u8> = parts.into_values().flatten().map(|byte| !byte).collect();
        let mut left = vec![];
        for (at, part) in (0..).step_by(BURST).zip(bytes.chunks(BURST)) {
            let strobes = (0..part.len()).map(|byte| at + byte < length).collect();
            left.push(self.access(1, Kind::Write { address: target.wrapping_add(at as u64), data: part.to_vec(), strobes }));
        }
        self.job = Some(Job::Writing { vector, left });
    }

    fn end(&mut self, vector: u32) {
        self.job = None;
        self.count(if self.fault { FAULTS } else { DONE });
        if self.msix.0 {
            self.messages |= 1 << vector;
        } else {
            self.wires |= 1 << vector;
        }
    }

    fn send_messages(&mut self) -> bool {
        for vector in 0..3u32 {
            let entry = |word: u32| u64::from(0xc000 + vector * 16 + word * 4);
            let due = self.messages & 1 << vector != 0 && self.msix == (true, false) && self.get(entry(3)) & 1 == 0;
            if due {
                self.messages &= !(1 << vector);
                let address = self.get64(entry(0));
                let lane = (address % 16) as usize;
                let mut data = vec![0xee; 16];
                data[lane..lane + 4].copy_from_slice(&self.get(entry(2)).to_le_bytes());
                let strobes = (0..16).map(|byte| (lane..lane + 4).contains(&byte)).collect();
                self.access(3, Kind::Write { address: address - lane as u64, data, strobes });
                return true;
            }
        }
        false
    }
}

impl PciFunction for Software {
    fn read(&mut self, address: u32) -> Result<u32, Error> {
        match u64::from(address) {
            REFUSING => Err(Error::Register { address, response: 2 }),
            0xd000 => Ok(self.messages),
            other => Ok(self.get(other)),
        }
    }

    fn write(&mut self, address: u32, value: u32, strobes: u32) -> Result<(), Error> {
        match u64::from(address) {
            REFUSING => return Err(Error::Register { address, response: 2 }),
            GO if self.job.is_none() => self.begin(value),
            HANG => {
                for number in 0..u64::from(value.min(1024)) {
                    self.access(2, Kind::Read { address: self.get64(SOURCE).wrapping_add(16 * number), bytes: 16 });
                }
            }
            ACKNOWLEDGE => self.wires = 0,
            _ => {}
        }
        let old = self.get(address.into()).to_le_bytes();
        let new = value.to_le_bytes();
        let mixed = [0, 1, 2, 3].map(|byte| if strobes & 1 << byte != 0 { new[byte] } else { old[byte] });
        self.registers.insert(address, u32::from_le_bytes(mixed));
        Ok(())
    }

    fn step(&mut self) -> Result<bool, Error> {
        self.seen.lock().unwrap().clocks += 1;
        let done = |left: &[u64], expected: &HashMap<u64, usize>| left.iter().all(|token| !expected.contains_key(token));
        match self.job.take() {
            Some(Job::Reading { vector, parts, left }) if done(&left, &self.expected) => {
                if self.fault {
                    self.end(vector)
                } else {
                    self.write_back(vector, parts)
                }
                Ok(true)
            }
            Some(Job::Writing { vector, left }) if done(&left, &self.expected) => {
                self.end(vector);
                Ok(true)
            }
            job => {
                self.job = job;
                Ok(!self.halt && self.send_messages())
            }
        }
    }

    fn take_accesses(&mut self) -> Vec<Access> {
        std::mem::take(&mut self.accesses)
    }

    fn answer_read(&mut self, token: u64, answer: Result<Vec<u8>, Response>) {
        let bytes = self.expected.get(&token).copied();
        if !self.answered(token) {
            return;
        }
        match (answer, &mut self.job) {
            (Ok(data), Some(Job::Reading { parts, .. })) => {
                assert_eq!(Some(data.len()), bytes);
                parts.insert(token, data);
            }
            (Ok(_), _) => {}
            (Err(_), _) => self.fault = true,
        }
    }

    fn answer_write(&mut self, token: u64, answer: Result<(), Response>) {
        self.answered(token);
        self.fault |= answer.is_err();
    }

    fn interrupts(&self) -> u32 {
        self.wires
    }

    fn set_msix(&mut self, enable: bool, mask: bool) {
        self.msix = (enable, mask);
    }

    fn set_halt(&mut self, halt: bool) {
        self.halt = halt;
    }

    fn halted(&self) -> bool {
        self.halt && self.expected.is_empty() && self.accesses.is_empty() && self.job.is_none()
    }

    fn reset(&mut self) -> Result<(), Error> {
        assert!(self.expected.is_empty(), "reset with accesses in flight");
        let seen = Arc::clone(&self.seen);
        seen.lock().unwrap().resets += 1;
        *self = Self { seen, token: self.token, ..Self::default() };
        for vector in 0..3 {
            self.registers.insert(0xc00c + vector * 16, 1);
        }
        Ok(())
    }

    fn send_wire(&mut self, frame: &[u8]) {
        self.wire.push(frame.iter().rev().copied().collect());
    }

    fn wire_pending(&self) -> usize {
        self.wire.len()
    }

    fn take_wire(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.wire)
    }
}
