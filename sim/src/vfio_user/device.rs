//! The device that a client sees: the function, its configuration space, its interrupts.

use espalier_regs::dma::{MSIX_ADDRESS_LO, vector};
use rustix::io::Errno;

use super::function::PciFunction;
use super::irqs::{self, Irqs, KINDS, MESSAGE_ADDRESS};
use super::maps::Maps;
use super::message::{Command, IrqAction, Range, irq_info, region_info};
use super::transfer::Done;
use crate::Error;
use crate::axi::{Access, Kind};
use crate::pci::{BAR0_BYTES, CONFIG_BYTES, ConfigSpace, Live};

/// Regions (`VFIO_PCI_BAR0_REGION_INDEX` ...), and how many there are.
const BAR0: u32 = 0;
const CONFIG: u32 = 7;
const REGIONS: u32 = 9;
const READ_WRITE: u32 = 0b11;

/// It can be reset; it is a PCI device.
const DEVICE_FLAGS: u32 = 0b11;

/// Clocks that a function gets to end what it has begun. All of its accesses are answered at once then.
const DRAIN_LIMIT: u64 = 100_000;

/// Why a command is not carried out.
pub(super) enum Refusal {
    /// The client can't have it.
    Errno(Errno),
    /// The simulation is at its end.
    Simulator(Error),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Simulator(error)
    }
}

/// A command that was carried out.
#[derive(Default)]
pub(super) struct Outcome {
    /// Parts of the reply.
    pub body: Vec<u8>,
    /// The device is to be reset before the reply goes.
    pub reset: Option<Reset>,
}

/// How a reset came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reset {
    /// As a function level reset, by the configuration space.
    FunctionLevel,
    /// As a command of its own, or because the client has gone.
    Command,
}

impl From<Vec<u8>> for Outcome {
    fn from(body: Vec<u8>) -> Self {
        Self { body, reset: None }
    }
}

/// How the connection is, as far as it shows.
#[derive(Clone, Copy)]
pub(super) struct Traffic {
    /// Accesses of the function are under way.
    pub pending: bool,
    /// Accesses of before a function level reset are: it is not ready yet.
    pub late: bool,
}

/// See above.
pub(super) struct Device<F> {
    pub function: F,
    config: ConfigSpace,
    irqs: Irqs,
    maps: Maps,
}

impl<F: PciFunction> Device<F> {
    /// Resets a function, and is it.
    pub fn new(function: F, serial: u64) -> Result<Self, Error> {
        let mut device = Self { function, config: ConfigSpace::new(serial), irqs: Irqs::default(), maps: Maps::default() };
        device.reset(vec![])?;
        Ok(device)
    }

    /// Carries a command out. [`Command::Version`] is none of the device's.
    pub fn carry_out(&mut self, command: Command, traffic: Traffic) -> Result<Outcome, Refusal> {
        match command {
            Command::Version(_) => Err(Errno::INVAL.into()),
            Command::DmaMap { address, size } => Ok(self.maps.insert(address, size).map(|()| Outcome::default())?),
            Command::DmaUnmap { body, mapping } => {
                match mapping {
                    Some((address, size)) => self.maps.remove(address, size)?,
                    None => self.maps.clear(),
                }
                Ok(body.into())
            }
            Command::DeviceInfo => Ok(irq_info(DEVICE_FLAGS, REGIONS, KINDS).into()),
            Command::RegionInfo { index } => {
                let (flags, size) = match index {
                    BAR0 => (READ_WRITE, BAR0_BYTES),
                    CONFIG => (READ_WRITE, CONFIG_BYTES as u64),
                    _ if index < REGIONS => (0, 0),
                    _ => return Err(Errno::INVAL.into()),
                };
                Ok(region_info(index, flags, size).into())
            }
            Command::IrqInfo { index } => {
                let (count, flags) = irqs::info(index).ok_or(Errno::INVAL)?;
                Ok(irq_info(flags, index, count).into())
            }
            Command::SetIrqs(command) => {
                let set_up = command.action == IrqAction::Trigger;
                self.irqs.set(command)?;
                if set_up && self.config.msix_enabled() != self.irqs.msix_used() {
                    self.config.enable_msix(self.irqs.msix_used());
                }
                self.irqs.update(&mut self.function)?;
                self.show_msix();
                Ok(Outcome::default())
            }
            Command::RegionRead(range) => {
                let data = self.read(range, traffic)?;
                Ok([range_bytes(range).as_slice(), &data].concat().into())
            }
            Command::RegionWrite(range, data) => {
                let reset = self.write(range, &data, traffic)?;
                Ok(Outcome { body: range_bytes(range).to_vec(), reset: reset.then_some(Reset::FunctionLevel) })
            }
            Command::Reset => Ok(Outcome { body: vec![], reset: Some(Reset::Command) }),
        }
    }

    fn show_msix(&mut self) {
        self.function.set_msix(self.irqs.msix_used() && self.config.msix_enabled(), self.config.msix_masked());
    }

    /// Bytes `0..size` of a region hold the range.
    fn inside(range: Range, size: u64) -> Result<std::ops::Range<u64>, Errno> {
        let end = range.offset.checked_add(range.count.into()).filter(|&end| end <= size).ok_or(Errno::INVAL)?;
        Ok(range.offset..end)
    }

    fn read(&mut self, range: Range, traffic: Traffic) -> Result<Vec<u8>, Refusal> {
        match range.region {
            CONFIG => {
                let bytes = Self::inside(range, CONFIG_BYTES as u64)?;
                let live = Live { interrupt: self.function.interrupts() != 0 && self.config.intx_enabled(), pending: traffic.pending };
                // PCI Express Base section 2.3.1: not ready after a reset, as software sees it.
                Ok(if traffic.late {
                    vec![0xff; range.count as usize]
                } else {
                    self.config.read(bytes.start as usize, range.count as usize, live)
                })
            }
            BAR0 => {
                let bytes = Self::inside(range, BAR0_BYTES)?;
                self.memory()?;
                let mut data = Vec::with_capacity(range.count as usize);
                for (word, part) in words(bytes) {
                    let value = if in_msix_table(word) { u32::MAX } else { accepted(self.function.read(word))?.unwrap_or(u32::MAX) };
                    data.extend_from_slice(&value.to_le_bytes()[part]);
                }
                Ok(data)
            }
            _ => Err(Errno::INVAL.into()),
        }
    }

    /// True: a reset is asked for.
    fn write(&mut self, range: Range, data: &[u8], traffic: Traffic) -> Result<bool, Refusal> {
        match range.region {
            CONFIG => {
                let bytes = Self::inside(range, CONFIG_BYTES as u64)?;
                let reset = !traffic.late && self.config.write(bytes.start as usize, data);
                self.show_msix();
                Ok(reset)
            }
            BAR0 => {
                let bytes = Self::inside(range, BAR0_BYTES)?;
                self.memory()?;
                let mut data = data;
                for (word, part) in words(bytes) {
                    let Some(bytes) = data.split_off(..part.len()) else { break };
                    let mut value = [0; 4];
                    value[part.clone()].copy_from_slice(bytes);
                    let strobes = part.fold(0, |strobes, byte| strobes | 1 << byte);
                    if !in_msix_table(word) {
                        accepted(self.function.write(word, u32::from_le_bytes(value), strobes))?;
                    }
                }
                Ok(false)
            }
            _ => Err(Errno::INVAL.into()),
        }
    }

    fn memory(&self) -> Result<(), Errno> {
        if self.config.memory_enabled() { Ok(()) } else { Err(Errno::IO) }
    }

    /// Looks at the function's interrupt wires.
    pub fn watch_intx(&mut self) {
        let high = self.function.interrupts() != 0 && self.config.intx_enabled();
        self.irqs.intx(high);
    }

    /// The function's accesses that are the client's; the others are answered here.
    pub fn accesses(&mut self) -> Vec<Access> {
        let mut accesses = self.function.take_accesses();
        let master = self.config.bus_master();
        accesses.retain(|access| {
            let message = access.span().0 >= MESSAGE_ADDRESS;
            if !master || message {
                let known = master && access.written().all(|(address, data)| self.irqs.message(address, data));
                let read = matches!(access.kind, Kind::Read { .. });
                if known && !read {
                    self.function.answer_write(access.token, Ok(()));
                } else {
                    tracing::debug!(id = access.id, span = ?access.span(), master, "access that goes nowhere");
                    answer(&mut self.function, Done::failed(access));
                }
            }
            master && !message
        });
        accesses
    }

    /// Hands an answer to the function.
    pub fn answer(&mut self, done: Done) {
        answer(&mut self.function, done);
    }

    /// Ends what the function does, `ended` being the accesses under way, and resets it (PCI Express Base section 6.6.2). Eventfds stay,
    /// and MSI-X is on if it was: a kernel puts that back.
    pub fn reset(&mut self, ended: Vec<Done>) -> Result<(), Error> {
        self.function.set_halt(true);
        ended.into_iter().for_each(|done| self.answer(done));
        let mut clocks = 0;
        while !self.function.halted() && clocks < DRAIN_LIMIT {
            self.function.step()?;
            clocks += 1;
            for access in self.function.take_accesses() {
                self.answer(Done::failed(&access));
            }
        }
        if clocks == DRAIN_LIMIT {
            tracing::warn!("the function did not come to rest within {DRAIN_LIMIT} clocks; reset all the same");
        }
        self.function.reset()?;
        self.function.set_halt(false);
        self.config.reset();
        self.config.enable_msix(self.irqs.msix_used());
        self.irqs.program(&mut self.function)?;
        self.show_msix();
        Ok(())
    }

    /// The client has gone: forgets what was its own.
    pub fn forget(&mut self) {
        self.irqs = Irqs::default();
        self.maps.clear();
    }
}

fn answer(function: &mut impl PciFunction, done: Done) {
    match done {
        Done::Read(token, answer) => function.answer_read(token, answer),
        Done::Write(token, answer) => function.answer_write(token, answer),
    }
}

/// A register's refusal is what PCI makes of it: reads give all ones, writes are lost.
fn accepted<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Register { address, response }) => {
            tracing::debug!(address = format_args!("{address:#06x}"), response, "register refused");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// It is the kernel's, not the client's.
fn in_msix_table(word: u32) -> bool {
    let first = u32::from(MSIX_ADDRESS_LO.offset);
    (first..first + u32::from(vector::COUNT * MSIX_ADDRESS_LO.stride)).contains(&word)
}

/// The words that hold some bytes, and which of theirs.
fn words(bytes: std::ops::Range<u64>) -> impl Iterator<Item = (u32, std::ops::Range<usize>)> {
    (bytes.start / 4..bytes.end.div_ceil(4)).map(move |word| {
        let first = bytes.start.saturating_sub(word * 4) as usize;
        let last = (bytes.end - word * 4).min(4) as usize;
        // Inside BAR0: far below 2^32.
        ((word * 4) as u32, first..last)
    })
}

fn range_bytes(range: Range) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&range.offset.to_le_bytes());
    bytes[8..12].copy_from_slice(&range.region.to_le_bytes());
    bytes[12..].copy_from_slice(&range.count.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_cut_into_words() {
        let cut = |bytes| words(bytes).collect::<Vec<_>>();
        assert_eq!(cut(4..8), [(4, 0..4)]);
        assert_eq!(cut(5..7), [(4, 1..3)]);
        assert_eq!(cut(6..13), [(4, 2..4), (8, 0..4), (12, 0..1)]);
        assert_eq!(cut(8..8), []);
    }
}
