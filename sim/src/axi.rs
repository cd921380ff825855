//! The host's side of an AXI4 master port: takes the accesses of a model, lets somebody answer them, checks the protocol.
//!
//! ```no_run
//! # fn main() -> Result<(), espalier_sim::Error> {
//! # let mut model: espalier_sim::Model = unimplemented!();
//! use espalier_sim::axi::{AxiHost, AxiOptions, Kind, Order};
//! use espalier_sim::stream::{Stalls, step};
//!
//! let options = AxiOptions { latency: 100..=150, order: Order::Interleaved, ..AxiOptions::random(7, 30) };
//! let mut host = AxiHost::new(&model, "m_axi", options)?;
//! let mut memory = vec![0; 4096];
//! loop {
//!     step(&mut model, &mut [&mut host])?;
//!     for access in host.take_accesses() {
//!         match &access.kind {
//!             Kind::Read { address, bytes } => host.answer_read(access.token, Ok(memory[*address as usize..][..*bytes].into())),
//!             Kind::Write { .. } => {
//!                 for (address, bytes) in access.written() {
//!                     memory[address as usize..][..bytes.len()].copy_from_slice(bytes);
//!                 }
//!                 host.answer_write(access.token, Ok(()));
//!             }
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! Rules checked (AMBA AXI, IHI 0022, section A3): what is valid stays as it is until it is ready (A3.2.1), nothing is valid in reset
//! (A3.1.2), a burst does not cross 4 KiB (A3.4.1), WLAST is on a burst's last beat and only there (A3.4.1). Beyond AXI the ports are
//! held to the card's own conventions: 128 bits, whole beats at addresses that are multiples of 16, bursts that increment.

mod payload;
mod reads;
mod table;
mod writes;

use std::ops::RangeInclusive;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::stream::{Agent, Stalls};
use crate::{Error, Model};
use payload::Address;
use reads::Reads;
use writes::Writes;

/// Bytes of a beat.
pub const BEAT: usize = 16;

/// An error response (AMBA AXI section A3.4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// SLVERR: the memory refuses.
    SlaveError,
    /// DECERR: nothing is there.
    DecodeError,
}

impl Response {
    const fn code(self) -> u8 {
        match self {
            Self::SlaveError => 2,
            Self::DecodeError => 3,
        }
    }
}

/// What an access wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Bytes from memory.
    Read {
        /// Where from, a multiple of [`BEAT`].
        address: u64,
        /// How many, a multiple of [`BEAT`].
        bytes: usize,
    },
    /// Bytes to memory.
    Write {
        /// Where to, a multiple of [`BEAT`].
        address: u64,
        /// All bytes of its beats.
        data: Vec<u8>,
        /// Which of them are written, one each.
        strobes: Vec<bool>,
    },
}

/// A burst whose address, and data if it writes, have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Names it when it is answered.
    pub token: u64,
    /// `arid` or `awid`.
    pub id: u32,
    /// The clock in which it was complete.
    pub cycle: u64,
    /// What it wants.
    pub kind: Kind,
}

impl Access {
    /// The first address and the bytes that it spans.
    #[must_use]
    pub fn span(&self) -> (u64, usize) {
        match &self.kind {
            Kind::Read { address, bytes } => (*address, *bytes),
            Kind::Write { address, data, .. } => (*address, data.len()),
        }
    }

    /// The runs of bytes that it writes, and where; of a read none.
    pub fn written(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let (address, data, strobes): (u64, &[u8], &[bool]) = match &self.kind {
            Kind::Read { .. } => (0, &[], &[]),
            Kind::Write { address, data, strobes } => (*address, data, strobes),
        };
        let mut at = 0;
        strobes.chunk_by(|a, b| a == b).filter_map(move |run| {
            let first = at;
            at += run.len();
            run[0].then(|| (address + first as u64, &data[first..at]))
        })
    }
}

/// In which order answers that are due go back. Those of one id always go in the order of its accesses (AMBA AXI section A5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they were answered.
    Answered,
    /// Any id first; read data burst by burst.
    Random,
    /// Any id first, a new choice with each beat of read data.
    Interleaved,
}

/// When the channels pause.
#[derive(Debug, Clone)]
pub struct AxiStalls {
    /// No read address is taken.
    pub ar: Stalls,
    /// No read data is offered.
    pub r: Stalls,
    /// No write address is taken.
    pub aw: Stalls,
    /// No write data is taken.
    pub w: Stalls,
    /// No write response is offered.
    pub b: Stalls,
}

impl AxiStalls {
    /// Each channel pauses in this way, at clocks of its own.
    #[must_use]
    pub fn each(stalls: &Stalls) -> Self {
        let [ar, r, aw, w, b] = [0, 1, 2, 3, 4].map(|channel| stalls.derive(channel));
        Self { ar, r, aw, w, b }
    }
}

/// How the host behaves.
#[derive(Debug, Clone)]
pub struct AxiOptions {
    /// Pauses of the channels.
    pub stalls: AxiStalls,
    /// Order of answers.
    pub order: Order,
    /// Clocks from an access to its answer, at least: for each one a number from here.
    pub latency: RangeInclusive<u64>,
    /// Of what is random in order and latency.
    pub seed: u64,
}

impl Default for AxiOptions {
    /// At full speed, in order, as soon as it is answered.
    fn default() -> Self {
        Self { stalls: AxiStalls::each(&Stalls::never()), order: Order::Answered, latency: 0..=0, seed: 0 }
    }
}

impl AxiOptions {
    /// Channels pause with this chance in per cent, read data is interleaved, up to 200 clocks pass before an answer.
    #[must_use]
    pub fn random(seed: u64, percent: u32) -> Self {
        Self { stalls: AxiStalls::each(&Stalls::random(seed, percent)), order: Order::Interleaved, latency: 0..=200, seed }
    }
}

/// The agent. A model may have the read channels, the write channels, or both.
pub struct AxiHost {
    reads: Option<Reads>,
    writes: Option<Writes>,
    accesses: Vec<Access>,
    latency: RangeInclusive<u64>,
    rng: SmallRng,
    next: u64,
}

impl AxiHost {
    /// A host for the ports `{name}_ar*`, `{name}_r*`, `{name}_aw*`, `{name}_w*`, `{name}_b*` of a model.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`], also when neither reads nor writes have ports.
    pub fn new(model: &Model, name: &str, options: AxiOptions) -> Result<Self, Error> {
        let AxiOptions { stalls, order, latency, seed } = options;
        let reading = model.has(&format!("{name}_arvalid"));
        let writing = model.has(&format!("{name}_awvalid"));
        let AxiStalls { ar, r, aw, w, b } = stalls;
        let reads = (reading || !writing).then(|| Reads::new(model, name, [ar, r], order)).transpose()?;
        let writes = writing.then(|| Writes::new(model, name, [aw, w, b], order)).transpose()?;
        Ok(Self { reads, writes, accesses: Vec::new(), latency, rng: SmallRng::seed_from_u64(seed), next: 0 })
    }

    /// Other behaviour from here on; what was accepted keeps its time.
    pub fn set_options(&mut self, options: AxiOptions) {
        let AxiOptions { stalls: AxiStalls { ar, r, aw, w, b }, order, latency, seed } = options;
        if let Some(reads) = &mut self.reads {
            reads.set_options([ar, r], order);
        }
        if let Some(writes) = &mut self.writes {
            writes.set_options([aw, w, b], order);
        }
        self.latency = latency;
        self.rng = SmallRng::seed_from_u64(seed);
    }

    /// The accesses that have come since the last call. Each wants an answer.
    pub fn take_accesses(&mut self) -> Vec<Access> {
        std::mem::take(&mut self.accesses)
    }

    /// Answers a read. An access that a reset has cut off has nobody who waits: its answer is dropped; so for the others below.
    ///
    /// # Panics
    /// When the data has not the length of the access.
    pub fn answer_read(&mut self, token: u64, answer: Result<Vec<u8>, Response>) {
        match answer {
            Ok(data) => self.answer_read_with(token, data, |_| None),
            Err(response) => self.answer_read_with(token, Vec::new(), |_| Some(response)),
        }
    }

    /// Answers a read, some of its beats with an error. The data may be left out if all are.
    ///
    /// # Panics
    /// As [`AxiHost::answer_read`].
    pub fn answer_read_with(&mut self, token: u64, data: Vec<u8>, error: impl Fn(usize) -> Option<Response>) {
        if let Some(reads) = &mut self.reads {
            reads.answer(token, &data, error);
        }
    }

    /// Answers a write.
    pub fn answer_write(&mut self, token: u64, answer: Result<(), Response>) {
        if let Some(writes) = &mut self.writes {
            writes.answer(token, answer);
        }
    }

    /// Makes the answer of an access wait for some clocks more.
    pub fn delay(&mut self, token: u64, clocks: u64) {
        if let Some(reads) = &mut self.reads {
            reads.delay(token, clocks);
        }
        if let Some(writes) = &mut self.writes {
            writes.delay(token, clocks);
        }
    }

    /// Accesses that are under way: whose address or data was offered, and whose last beat or response was not taken.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.reads.as_ref().map_or(0, Reads::outstanding) + self.writes.as_ref().map_or(0, Writes::outstanding)
    }

    /// Whether anything moved on a channel in the cycle sampled last.
    #[must_use]
    pub fn moved(&self) -> bool {
        self.reads.as_ref().is_some_and(Reads::moved) || self.writes.as_ref().is_some_and(Writes::moved)
    }

    fn accept(&mut self, cycle: u64, address: Address, kind: Kind) {
        let token = self.next;
        self.next += 1;
        let due = cycle + self.rng.random_range(self.latency.clone());
        match (&kind, &mut self.reads, &mut self.writes) {
            (Kind::Read { .. }, Some(reads), _) => reads.accept(token, address, due),
            (Kind::Write { .. }, _, Some(writes)) => writes.accept(token, address, due),
            _ => {}
        }
        self.accesses.push(Access { token, id: address.id, cycle, kind });
    }
}

impl Agent for AxiHost {
    fn drive(&mut self, model: &mut Model) {
        if let Some(reads) = &mut self.reads {
            reads.drive(model, &mut self.rng);
        }
        if let Some(writes) = &mut self.writes {
            writes.drive(model, &mut self.rng);
        }
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        let mut in_reset = false;
        let read = match &mut self.reads {
            Some(reads) => {
                let read = reads.sample(model)?;
                in_reset |= reads.in_reset();
                read
            }
            None => None,
        };
        let write = match &mut self.writes {
            Some(writes) => {
                let write = writes.sample(model)?;
                in_reset |= writes.in_reset();
                write
            }
            None => None,
        };
        if in_reset {
            self.accesses.clear();
        }
        for (address, kind) in [read, write].into_iter().flatten() {
            self.accept(model.cycles(), address, kind);
        }
        Ok(())
    }
}
