//! A device that writes down what is done to it and answers by a script.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use super::{Access, Bus, BusError, Fault};

/// One access, as it happened. Values may be parts of keys: its `Debug` shows none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// A read, and what it gave.
    Read {
        /// Byte offset.
        offset: u32,
        /// Answer.
        value: u32,
    },
    /// A write.
    Write {
        /// Byte offset.
        offset: u32,
        /// Value.
        value: u32,
    },
    /// Time passed.
    Pause,
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recorded::Read { offset, .. } => write!(f, "Read({offset:#06x})"),
            Recorded::Write { offset, .. } => write!(f, "Write({offset:#06x})"),
            Recorded::Pause => f.write_str("Pause"),
        }
    }
}

/// A [`Bus`] without a device behind it.
///
/// A read gives the next answer queued for its offset, else the standing one, else 0. Time advances only by
/// [`Bus::pause`], one microsecond each.
///
/// The record holds what was written, keys included; its `Debug` shows the number of accesses only.
#[derive(Default)]
pub struct Recorder {
    log: Vec<Recorded>,
    standing: HashMap<u32, u32>,
    queued: HashMap<u32, VecDeque<u32>>,
    failing: Option<Access>,
    now: Duration,
}

impl Recorder {
    /// Length of a pause.
    pub const TICK: Duration = Duration::from_micros(1);

    /// One that answers 0 to everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What reads of an offset give from now on, once its queue is empty.
    pub fn answer(&mut self, offset: u32, value: u32) {
        self.standing.insert(offset, value);
    }

    /// What the next reads of an offset give, in order.
    pub fn queue(&mut self, offset: u32, values: impl IntoIterator<Item = u32>) {
        self.queued.entry(offset).or_default().extend(values);
    }

    /// Makes one kind of access fail from now on.
    pub fn fail(&mut self, access: Option<Access>) {
        self.failing = access;
    }

    /// Everything that happened since the last call.
    pub fn take(&mut self) -> Vec<Recorded> {
        std::mem::take(&mut self.log)
    }

    /// The writes since the last call of this or of [`Recorder::take`]: offset and value.
    pub fn take_writes(&mut self) -> Vec<(u32, u32)> {
        let write = |recorded| match recorded {
            Recorded::Write { offset, value } => Some((offset, value)),
            _ => None,
        };
        self.take().into_iter().filter_map(write).collect()
    }

    fn attempt(&self, access: Access) -> Result<(), BusError> {
        match self.failing {
            Some(failing) if failing == access => Err(BusError { access, fault: Fault::SlaveError }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("accesses", &self.log.len()).field("now", &self.now).finish_non_exhaustive()
    }
}

impl Bus for Recorder {
    fn read(&mut self, offset: u32) -> Result<u32, BusError> {
        self.attempt(Access::Read(offset))?;
        let next = self.queued.get_mut(&offset).and_then(VecDeque::pop_front);
        let value = next.or_else(|| self.standing.get(&offset).copied()).unwrap_or(0);
        self.log.push(Recorded::Read { offset, value });
        Ok(value)
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        self.attempt(Access::Write(offset))?;
        self.log.push(Recorded::Write { offset, value });
        Ok(())
    }

    fn now(&self) -> Duration {
        self.now
    }

    fn pause(&mut self) -> Result<(), BusError> {
        self.attempt(Access::Pause)?;
        self.now += Self::TICK;
        self.log.push(Recorded::Pause);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() -> Result<(), BusError> {
        let mut recorder = Recorder::new();
        recorder.answer(0x10, 0xdead_beef);
        recorder.read(0x10)?;
        recorder.write(0x280, 0xdead_beef)?;
        recorder.pause()?;
        assert_eq!(format!("{:?}", recorder.take()), "[Read(0x0010), Write(0x0280), Pause]");
        Ok(())
    }
}
