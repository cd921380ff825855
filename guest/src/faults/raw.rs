//! Queues without a driver above them, to give them addresses that a driver would not.

use std::thread;
use std::time::{Duration, Instant};

use espalier_driver::bus::vfio::Vfio;
use espalier_driver::bus::{Bus, DmaAccess, DmaBus, DmaMemory, ResetBus};
use espalier_driver::rings::{RxDescriptor, TxCompletion, TxDescriptor};
use espalier_guest::report::Facts;
use espalier_regs::dma::{self, Fault, queue_state};
use espalier_regs::{Register, map};

use super::kernel_log::KernelLog;
use crate::device;
use crate::driver::echo::request;
use crate::error::{Error, ensure};
use crate::host::{Family, Host};
use crate::traffic::ping::Pinger;

const PATIENCE: Duration = Duration::from_secs(5);
/// Entries of the rings, by their logarithm: the tests never come around.
const LOG2: u32 = 4;
const PAGE: usize = 4096;

/// One queue of the device, with rings of its own.
struct Raw {
    bus: Vfio,
    number: u16,
    rings: DmaMemory,
}

impl Raw {
    /// A device that was reset, its engine enabled.
    fn open(number: u16) -> Result<Self, Error> {
        let mut bus = device::open()?;
        bus.reset()?;
        bus.write(map::CONTROL.offset.into(), map::control::TX_ENABLE.mask() | map::control::RX_ENABLE.mask())?;
        let rings = memory(&mut bus, 2 * PAGE, DmaAccess::ReadWrite)?;
        Ok(Self { bus, number, rings })
    }

    fn register(&self, register: Register) -> u32 {
        u32::from(register.offset) + u32::from(self.number) * u32::from(register.stride)
    }

    fn read(&mut self, register: Register) -> Result<u32, Error> {
        let offset = self.register(register);
        Ok(self.bus.read(offset)?)
    }

    fn write(&mut self, register: Register, value: u32) -> Result<(), Error> {
        let offset = self.register(register);
        Ok(self.bus.write(offset, value)?)
    }

    /// Enables it with descriptors at `ring` and completions on our second page.
    fn enable(&mut self, ring: u64) -> Result<(), Error> {
        let done = self.rings.iova() + PAGE as u64;
        for (low, high, address) in [(dma::QUEUE_RING_LO, dma::QUEUE_RING_HI, ring), (dma::QUEUE_DONE_LO, dma::QUEUE_DONE_HI, done)] {
            self.write(low, address as u32)?;
            self.write(high, (address >> 32) as u32)?;
        }
        self.rings.pages().write(0, &[0; 2 * PAGE]);
        self.write(dma::QUEUE_SIZE, LOG2)?;
        self.write(dma::QUEUE_CONTROL, dma::queue_control::ENABLE.mask())
    }

    /// Gives the device the descriptor of this index (of the first lap, in which the phase is 1), and those before it.
    fn give(&mut self, index: u16, words: [u32; dma::ENTRY_WORDS]) -> Result<(), Error> {
        for (at, word) in words.into_iter().enumerate() {
            let phase = if at == dma::PHASE_WORD { 1 << 31 } else { 0 };
            self.rings.pages().store(usize::from(index) * dma::ENTRY_BYTES + 4 * at, word | phase);
        }
        self.write(dma::QUEUE_DOORBELL, (index + 1).into())
    }

    /// Waits for the completion of this index.
    fn completion(&self, index: u16) -> Result<[u32; dma::ENTRY_WORDS], Error> {
        let word = |at| self.rings.pages().load(PAGE + usize::from(index) * dma::ENTRY_BYTES + 4 * at);
        let phase = 1 << 31;
        wait("a completion", || Ok((word(dma::COMPLETION_PHASE_WORD) & phase != 0).then_some(())))?;
        let mut words = [0, 1, 2, 3].map(word);
        words[dma::COMPLETION_PHASE_WORD] &= !phase;
        Ok(words)
    }

    /// Waits until it has stopped for this reason. The page of the address that it names.
    fn stopped(&mut self, cause: Fault) -> Result<u64, Error> {
        let state = wait("a fault", || Ok(Some(self.read(dma::QUEUE_STATE)?).filter(|state| queue_state::FAULT.is_set(*state))))?;
        let found = Fault::decode(queue_state::CAUSE.get(state));
        ensure(found == Some(cause), || format!("the queue has stopped for {found:?}, not {cause:?}"))?;
        let address = u64::from(self.read(dma::QUEUE_FAULT_HI)?) << 32 | u64::from(self.read(dma::QUEUE_FAULT_LO)?);
        Ok(address & !(PAGE as u64 - 1))
    }

    /// Disables it and waits until it is at rest.
    fn drain(&mut self) -> Result<(), Error> {
        self.write(dma::QUEUE_CONTROL, 0)?;
        wait("the queue to drain", || Ok((self.read(dma::QUEUE_STATE)? == 0).then_some(())))
    }

    /// Sends a frame that the engine must take, by the descriptor of this index.
    fn sends(&mut self, index: u16, buffer: &DmaMemory) -> Result<(), Error> {
        let frame = request(0, index, 100);
        buffer.pages().write(0, &frame);
        let descriptor = TxDescriptor { address: buffer.iova(), length: frame.len() as u16, last: true, word: 0 };
        self.give(index, descriptor.encode())?;
        let done = TxCompletion::decode(self.completion(index)?);
        ensure(done.status.is_some() && done.cause == 0, || format!("{done:?}"))
    }
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>, Error>) -> Result<T, Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure(Instant::now() < end, || format!("waited for {what} in vain"))?;
        thread::sleep(Duration::from_micros(200));
    }
}

fn memory(bus: &mut Vfio, bytes: usize, access: DmaAccess) -> Result<DmaMemory, Error> {
    bus.allocate(bytes, access).map_err(|error| Error::Driver(error.into()))
}

/// An address that was mapped, and is no more.
fn unmapped(bus: &mut Vfio) -> Result<u64, Error> {
    Ok(memory(bus, PAGE, DmaAccess::Read)?.iova())
}

/// A frame that is nowhere: its queue stops and says so, the IOMMU too; disabled and enabled, it goes on.
pub fn read_unmapped(facts: &mut Facts) -> Result<(), Error> {
    let mut log = KernelLog::new()?;
    let mut raw = Raw::open(dma::queue::TX)?;
    let buffer = memory(&mut raw.bus, PAGE, DmaAccess::Read)?;
    let hole = unmapped(&mut raw.bus)?;
    raw.enable(raw.rings.iova())?;
    raw.sends(0, &buffer)?;
    raw.give(1, TxDescriptor { address: hole, length: 1500, last: true, word: 0 }.encode())?;
    let page = raw.stopped(Fault::Data)?;
    ensure(page == hole, || format!("the fault is at {page:#x}, not at {hole:#x}"))?;
    let done = TxCompletion::decode(raw.completion(1)?);
    ensure(done.fault() == Some(Fault::Data) && done.index == 2, || format!("{done:?}"))?;
    facts.insert("kernel".into(), log.iommu_fault(hole)?.into());
    raw.drain()?;
    raw.enable(raw.rings.iova())?;
    raw.sends(0, &buffer)
}

/// Descriptors that are nowhere.
pub fn ring_unmapped(facts: &mut Facts) -> Result<(), Error> {
    let mut log = KernelLog::new()?;
    let mut raw = Raw::open(dma::queue::TX)?;
    let buffer = memory(&mut raw.bus, PAGE, DmaAccess::Read)?;
    let hole = unmapped(&mut raw.bus)?;
    raw.enable(hole)?;
    raw.write(dma::QUEUE_DOORBELL, 1)?;
    let page = raw.stopped(Fault::RingRead)?;
    ensure(page == hole, || format!("the fault is at {page:#x}, not at {hole:#x}"))?;
    facts.insert("kernel".into(), log.iommu_fault(hole)?.into());
    raw.drain()?;
    raw.enable(raw.rings.iova())?;
    raw.sends(0, &buffer)
}

/// A received frame that may not be written where it should go: memory stays as it was.
pub fn write_to_read_only(facts: &mut Facts) -> Result<(), Error> {
    let mut log = KernelLog::new()?;
    let mut raw = Raw::open(dma::queue::RX)?;
    let buffer = memory(&mut raw.bus, PAGE, DmaAccess::Read)?;
    raw.enable(raw.rings.iova())?;
    raw.give(0, RxDescriptor { address: buffer.iova(), length: 2048 }.encode())?;
    // Nobody answers, nor has to: the request has to come.
    let target = Host::Far.outer(Family::Ipv4).parse().map_err(|error| Error::Wrong(format!("{error}")))?;
    let mut pinger = Pinger::new(Host::Near, target, 3)?;
    let lost = thread::spawn(move || pinger.ping(300).is_err());
    let page = raw.stopped(Fault::Data)?;
    ensure(page == buffer.iova(), || format!("the fault is at {page:#x}, not at {:#x}", buffer.iova()))?;
    let mut bytes = [0; 2048];
    buffer.pages().read(0, &mut bytes);
    ensure(bytes == [0; 2048], || "read-only memory was written".into())?;
    facts.insert("kernel".into(), log.iommu_fault(buffer.iova())?.into());
    raw.drain()?;
    let lost = lost.join().unwrap_or(false);
    ensure(lost, || "somebody has answered a ping to nobody".into())
}
