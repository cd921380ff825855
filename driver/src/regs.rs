//! Registers by name, and the mailbox. No offset is spelt here; they are all espalier-regs'.

use std::time::Duration;

use espalier_regs::mailbox::{Command, Layout, MAIL_WORDS, MailField, Op, Status};
use espalier_regs::{Event, Register, map};
use zeroize::Zeroizing;

use crate::bus::Bus;
use crate::error::{Error, Operation};

/// How long a command may take. The engine needs some hundred clocks at most: a window to clear, a hash subkey to wait
/// for behind traffic.
pub const COMMAND_LIMIT: Duration = Duration::from_millis(2);

/// What every register of a device reads that is gone.
const GONE: u32 = u32::MAX;

/// Operands of a command. They may hold a key: overwritten when dropped.
pub struct Words(Zeroizing<[u32; MAIL_WORDS]>);

impl Words {
    /// All zero.
    pub fn new() -> Self {
        Self(Zeroizing::new([0; MAIL_WORDS]))
    }

    /// Sets a field to a number. Values were checked before; what does not fit is cut off.
    pub fn put(&mut self, field: MailField, value: impl Into<u128>) -> &mut Self {
        field.put(&mut self.0, value.into());
        self
    }

    /// Sets a field to a byte string, left aligned.
    pub fn put_bytes(&mut self, field: MailField, bytes: &[u8]) -> &mut Self {
        field.put_bytes(&mut self.0, bytes);
        self
    }
}

/// The registers of one device.
#[derive(Debug)]
pub struct Registers<B> {
    bus: B,
    broken: bool,
}

impl<B: Bus> Registers<B> {
    pub fn new(bus: B) -> Self {
        Self { bus, broken: false }
    }

    pub fn bus(&mut self) -> &mut B {
        &mut self.bus
    }

    pub fn into_bus(self) -> B {
        self.bus
    }

    pub fn read(&mut self, register: Register) -> Result<u32, Error> {
        self.look(register.offset)
    }

    /// Reads the register at an offset. A device that is gone from its bus reads as all ones, everywhere (PCI Express Base section 2.3.2):
    /// MAGIC tells whether it is.
    fn look(&mut self, offset: u16) -> Result<u32, Error> {
        let value = self.bus.read(offset.into())?;
        if value == GONE && self.bus.read(map::MAGIC.offset.into())? == GONE {
            return Err(Error::Gone);
        }
        Ok(value)
    }

    pub fn write(&mut self, register: Register, value: u32) -> Result<(), Error> {
        Ok(self.bus.write(register.offset.into(), value)?)
    }

    /// Low half first: reading it latches the high half.
    pub fn counter(&mut self, event: Event) -> Result<u64, Error> {
        let low = self.look(event.offset())?;
        let high = self.look(event.offset() + HIGH_HALF)?;
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    /// Looks again and again until `look` finds what it waits for or `limit`, times the bus's patience, has passed.
    ///
    /// The time is read before each look, so a caller that was held up past the deadline still gets a last look.
    pub fn poll<T>(
        &mut self,
        operation: Operation,
        limit: Duration,
        mut look: impl FnMut(&mut Self) -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let limit = limit.saturating_mul(self.bus.patience());
        let start = self.bus.now();
        loop {
            let expired = self.bus.now().saturating_sub(start) >= limit;
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if expired {
                return Err(Error::Timeout { operation, limit });
            }
            self.bus.pause()?;
        }
    }

    /// Waits for a command that somebody else may have left running.
    pub fn wait_idle(&mut self) -> Result<(), Error> {
        self.poll(Operation::Idle, COMMAND_LIMIT, |registers| {
            let status = registers.read(map::STATUS)?;
            Ok((Status::decode(status) != Status::Busy).then_some(()))
        })
    }

    /// The device begins anew: whatever failed before is undone.
    pub const fn mend(&mut self) {
        self.broken = false;
    }

    /// Refuses to go on after a command that may have left a table half-way.
    pub fn usable(&self) -> Result<(), Error> {
        if self.broken { Err(Error::Broken) } else { Ok(()) }
    }

    /// Runs a command that takes operands.
    pub fn write_entry(&mut self, op: Op, index: u16, way: u8, words: &Words) -> Result<(), Error> {
        self.command(Command { op, index, way }, op.layout().map(|layout| (layout, words)))
    }

    /// Runs a command that takes none.
    pub fn clear_entry(&mut self, op: Op, index: u16, way: u8) -> Result<(), Error> {
        self.command(Command { op, index, way }, None)
    }

    /// Runs a command that answers: the words of RESULT, zeros behind them.
    pub fn query(&mut self, op: Op, index: u16) -> Result<[u32; MAIL_WORDS], Error> {
        self.command(Command { op, index, way: 0 }, None)?;
        let mut words = [0; MAIL_WORDS];
        for (word, offset) in words.iter_mut().zip(map::RESULT.offsets()) {
            *word = self.look(offset)?;
        }
        Ok(words)
    }

    /// All words of the layout are written, not only those that are not zero: whoever used the device before may have
    /// left some.
    fn command(&mut self, command: Command, operands: Option<(&Layout, &Words)>) -> Result<(), Error> {
        self.usable()?;
        let done = self.attempt(command, operands);
        self.broken = done.is_err();
        done
    }

    fn attempt(&mut self, command: Command, operands: Option<(&Layout, &Words)>) -> Result<(), Error> {
        if let Some((layout, words)) = operands {
            for (offset, word) in map::MAIL.offsets().zip(words.0.iter()).take(layout.words()) {
                self.bus.write(offset.into(), *word)?;
            }
        }
        self.write(map::COMMAND, command.encode())?;
        let operation = Operation::Command(command);
        self.poll(operation, COMMAND_LIMIT, |registers| match Status::decode(registers.read(map::STATUS)?) {
            Status::Idle | Status::Busy => Ok(None),
            Status::Done => Ok(Some(())),
            Status::Failed(error) => Err(Error::Command { operation, error }),
        })
    }
}

/// From a counter's low half to its high half.
const HIGH_HALF: u16 = map::COUNTER_HI.offset - map::COUNTER_LO.offset;
