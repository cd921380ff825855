//! Host memory behind an IOMMU, and the interrupt messages that go the same way.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use espalier_driver::bus::{Interrupt, Pages};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::faults::{FaultCounts, Faults, Verdict};
use super::iommu::{Iommu, Refusal};
use crate::axi::{Access, BEAT, Kind, Response};
use crate::card::Function;
use crate::chip::HostSide;
use crate::stream::Agent;
use crate::{Error, Model};

/// Where the interrupt controller listens, as on a PC: writes there are messages, not memory.
pub(super) const MESSAGES: RangeInclusive<u64> = 0xfee0_0000..=0xfeef_ffff;
/// Data of the message of vector 0; the others follow.
pub(super) const FIRST_MESSAGE: u32 = 0x40;

/// An access that was not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The clock in which it came.
    pub cycle: u64,
    /// `arid` or `awid`.
    pub id: u32,
    /// It was a write.
    pub write: bool,
    /// Its first address.
    pub address: u64,
    /// Its bytes.
    pub bytes: usize,
    /// Why not.
    pub why: Reason,
}

/// Why an access was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The IOMMU refuses it.
    Iommu(Refusal),
    /// It reads where messages go, or is not a message that anybody asked for: 4 bytes, address and data from the table.
    Message,
}

/// What an access reaches.
enum Target {
    /// Memory, from an offset on.
    Memory(Pages, usize),
    /// An interrupt vector.
    Vector(usize),
}

struct Pending {
    due: u64,
    access: Access,
    verdict: Verdict,
}

/// The host's side of a card with memory of this process.
pub struct Memory {
    pub(super) function: Function,
    pub(super) iommu: Iommu,
    /// In the order in which they came.
    pending: Vec<Pending>,
    /// When the last access of a direction and an id was due: none overtakes another of its id.
    last: HashMap<(bool, u32), u64>,
    pub(super) latency: RangeInclusive<u64>,
    pub(super) faults: Faults,
    pub(super) counts: FaultCounts,
    rng: SmallRng,
    pub(super) violations: Vec<Violation>,
    pub(super) vectors: Vec<Interrupt>,
    /// One of them has fired since this was set to false.
    pub(super) fired: bool,
    wires: u8,
}

impl Memory {
    pub(super) fn new(function: Function, latency: RangeInclusive<u64>, seed: u64) -> Self {
        Self {
            function,
            iommu: Iommu::new(),
            pending: Vec::new(),
            last: HashMap::new(),
            latency,
            faults: Faults::none(),
            counts: FaultCounts::default(),
            rng: SmallRng::seed_from_u64(seed),
            violations: Vec::new(),
            vectors: Vec::new(),
            fired: false,
            wires: 0,
        }
    }

    /// Accesses that are under way.
    pub(super) fn outstanding(&self) -> usize {
        self.function.memory.outstanding()
    }

    fn accept(&mut self, access: Access) {
        let write = matches!(access.kind, Kind::Write { .. });
        let (address, bytes) = access.span();
        let (verdict, extra) = if MESSAGES.contains(&address) {
            (Verdict::Good, 0)
        } else {
            self.faults.judge(&mut self.rng, &mut self.counts, write, bytes / BEAT)
        };
        let due = access.cycle + self.rng.random_range(self.latency.clone()) + extra;
        let last = self.last.entry((write, access.id)).or_default();
        *last = due.max(*last);
        self.pending.push(Pending { due: *last, access, verdict });
    }

    /// Memory is read and written as late as it can be, when the answer goes: what relies on an access that is not answered fails.
    fn perform(&mut self, Pending { access, verdict, .. }: Pending) -> Result<(), Error> {
        let answer = match (self.target(&access), verdict) {
            (Ok(_), Verdict::Error(None)) => Err(Response::SlaveError),
            (Ok(_), Verdict::Unmapped) => Err(Response::DecodeError),
            (Ok(target), _) => Ok(self.touch(&access, target)?),
            (Err(why), _) => {
                let write = matches!(access.kind, Kind::Write { .. });
                let (address, bytes) = access.span();
                self.violations.push(Violation { cycle: access.cycle, id: access.id, write, address, bytes, why });
                Err(Response::DecodeError)
            }
        };
        let memory = &mut self.function.memory;
        match (access.kind, answer) {
            (Kind::Write { .. }, answer) => memory.answer_write(access.token, answer.map(drop)),
            (Kind::Read { .. }, Err(response)) => memory.answer_read(access.token, Err(response)),
            (Kind::Read { .. }, Ok(data)) => {
                let bad = |beat| (verdict == Verdict::Error(Some(beat))).then_some(Response::SlaveError);
                memory.answer_read_with(access.token, data, bad);
            }
        }
        Ok(())
    }

    /// What an access reaches, if it may.
    fn target(&self, access: &Access) -> Result<Target, Reason> {
        let (address, bytes) = access.span();
        if MESSAGES.contains(&address) {
            return self.message(access).map(Target::Vector).ok_or(Reason::Message);
        }
        let write = matches!(access.kind, Kind::Write { .. });
        self.iommu.translate(address, bytes, write).map(|(pages, offset)| Target::Memory(pages, offset)).map_err(Reason::Iommu)
    }

    /// Reads or writes it: the bytes that were read.
    fn touch(&mut self, access: &Access, target: Target) -> Result<Vec<u8>, Error> {
        match (target, &access.kind) {
            (Target::Vector(vector), _) => self.fire(vector).map(|()| Vec::new()),
            (Target::Memory(pages, offset), Kind::Read { bytes, .. }) => {
                let mut data = vec![0; *bytes];
                pages.read(offset, &mut data);
                Ok(data)
            }
            (Target::Memory(pages, offset), Kind::Write { address, .. }) => {
                for (at, bytes) in access.written() {
                    pages.write(offset + (at - address) as usize, bytes);
                }
                Ok(Vec::new())
            }
        }
    }

    /// The vector whose message it is.
    fn message(&self, access: &Access) -> Option<usize> {
        let mut written = access.written();
        let (address, data) = written.next().filter(|_| written.next().is_none())?;
        let data = u32::from_le_bytes(data.try_into().ok()?);
        let vector = usize::try_from(data.checked_sub(FIRST_MESSAGE)?).ok()?;
        (address == message_address(vector) && vector < self.vectors.len()).then_some(vector)
    }

    fn fire(&mut self, vector: usize) -> Result<(), Error> {
        self.fired = true;
        self.vectors.get(vector).map_or(Ok(()), Interrupt::fire).map_err(Error::Interrupt)
    }

    /// Where there is no MSI-X table: a wire that rises.
    fn watch_wires(&mut self) -> Result<(), Error> {
        let wires = if self.function.msix_enable { 0 } else { self.function.interrupts };
        let risen = wires & !self.wires;
        self.wires = wires;
        (0..self.vectors.len()).filter(|vector| risen >> vector & 1 != 0).try_for_each(|vector| self.fire(vector))
    }
}

/// Address of a vector's message. They differ, so that lanes do.
pub(super) const fn message_address(vector: usize) -> u64 {
    *MESSAGES.start() + 0x1004 + 4 * vector as u64
}

impl Agent for Memory {
    fn drive(&mut self, model: &mut Model) {
        self.function.drive(model);
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        self.function.sample(model)?;
        for access in self.function.memory.take_accesses() {
            self.accept(access);
        }
        if self.outstanding() == 0 {
            self.pending.clear(); // Cut off by a reset, if there are any.
        }
        let now = model.cycles();
        while let Some(next) = self.pending.iter().position(|pending| pending.due <= now) {
            let pending = self.pending.remove(next);
            self.perform(pending)?;
        }
        self.watch_wires()
    }
}

impl HostSide for Memory {
    fn moved(&self) -> bool {
        self.function.moved()
    }
}
