//! The whole engine as a network card: registers, host streams, wire streams, at exact clocks.

mod pair;
mod wire;

use std::collections::VecDeque;

pub use pair::{Crossing, Pair, Side};
pub use wire::{Fault, Noise, Perfect, Wire};

use espalier_regs::tuser::tx;

use crate::chip::{Chip, ChipStalls, HostSide};
pub use crate::chip::{FREQUENCY, time};
use crate::stream::{Agent, Axis, Frame, FrameSink, FrameSource, Sent, Sink, Stalls, Word};
use crate::{Error, Model};

/// When the surroundings of a card pause.
#[derive(Debug, Clone)]
pub struct NicStalls {
    /// The host offers no beat.
    pub host_in: Stalls,
    /// The MAC takes no beat.
    pub wire_out: Stalls,
    /// The MAC offers no beat.
    pub wire_in: Stalls,
    /// The host takes no beat.
    pub host_out: Stalls,
    /// The host takes no status of a sent frame.
    pub tx_status: Stalls,
    /// Register channels.
    pub registers: Stalls,
}

impl NicStalls {
    /// Everything at full speed.
    pub fn never() -> Self {
        let never = Stalls::never;
        Self { host_in: never(), wire_out: never(), wire_in: never(), host_out: never(), tx_status: never(), registers: never() }
    }

    /// Every stream pauses by itself, with this chance in per cent.
    pub fn random(seed: u64, percent: u32) -> Self {
        Self::each(seed, |seed| Stalls::random(seed, percent))
    }

    /// Every stream pauses by itself in long runs, with this chance in per cent.
    pub fn bursts(seed: u64, percent: u32) -> Self {
        Self::each(seed, |seed| Stalls::bursts(seed, percent))
    }

    fn each(seed: u64, stalls: impl Fn(u64) -> Stalls) -> Self {
        let stream = |index| stalls(seed.wrapping_mul(8).wrapping_add(index));
        Self {
            host_in: stream(0),
            wire_out: stream(1),
            wire_in: stream(2),
            host_out: stream(3),
            registers: stream(4),
            tx_status: stream(5),
        }
    }
}

/// A Verilated engine with a host on one side and a MAC on the other.
pub type Nic = Chip<Streams>;

/// The host's side of the engine: frames in both directions, and what became of those that were sent.
pub struct Streams {
    host_in: FrameSource<Axis>,
    host_out: FrameSink<Axis>,
    tx_status: Sink<Word>,
    statuses: Vec<u32>,
}

impl Agent for Streams {
    fn drive(&mut self, model: &mut Model) {
        self.host_in.drive(model);
        self.host_out.drive(model);
        self.tx_status.drive(model);
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        self.host_in.sample(model)?;
        self.host_out.sample(model)?;
        self.tx_status.sample(model)?;
        self.statuses.extend(self.tx_status.taken.map(|Word(status)| status));
        Ok(())
    }
}

impl HostSide for Streams {
    fn moved(&self) -> bool {
        self.tx_status.taken.is_some() || self.host_in.moved() || self.host_out.moved()
    }

    fn pending(&self) -> usize {
        self.host_in.pending()
    }
}

impl Chip<Streams> {
    /// Puts a host and a MAC around a model with the engine's ports (`s_axil_*`, `s_axis_host_*`, `m_axis_wire_*`, `s_axis_wire_*`,
    /// `m_axis_host_*`, `m_axis_txstatus_*`), and resets it.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`] when the model is not an engine.
    pub fn new(model: Model, stalls: NicStalls) -> Result<Self, Error> {
        let NicStalls { host_in, wire_out, wire_in, host_out, tx_status, registers } = stalls;
        let streams = Streams {
            host_in: FrameSource::new(&model, "s_axis_host", host_in)?,
            host_out: FrameSink::new(&model, "m_axis_host", host_out)?.constant_user(),
            tx_status: Sink::new(&model, "m_axis_txstatus", tx_status)?,
            statuses: Vec::new(),
        };
        Self::assemble(model, ChipStalls { registers, wire_out, wire_in }, streams)
    }

    /// Other stalls from here on.
    pub fn set_stalls(&mut self, stalls: NicStalls) {
        let NicStalls { host_in, wire_out, wire_in, host_out, tx_status, registers } = stalls;
        self.stall(ChipStalls { registers, wire_out, wire_in });
        self.host.host_in.set_stalls(host_in);
        self.host.host_out.set_stalls(host_out);
        self.host.tx_status.set_stalls(tx_status);
    }

    /// Queues a frame from the host, to be sent.
    pub fn send_host(&mut self, bytes: impl AsRef<[u8]>) {
        self.send_host_as(bytes, 0, false);
    }

    /// Queues a frame from the host that is marked as damaged.
    pub fn send_host_damaged(&mut self, bytes: impl AsRef<[u8]>) {
        self.send_host_as(bytes, 0, true);
    }

    /// Queues a frame from the host with what it asks of the engine (`espalier_regs::tuser::tx`); `error` marks it as damaged. What
    /// does not count of `tuser` is the opposite of what does.
    pub fn send_host_as(&mut self, bytes: impl AsRef<[u8]>, marks: u32, error: bool) {
        let all = tx::FIELDS.iter().fold(0, |all, field| all | field.mask());
        self.host.host_in.push_with(bytes, |first, last| {
            let marks = if first { marks } else { !marks & all };
            tx::ERROR.set(marks, (error == last).into())
        });
    }

    /// When the frames from the host were taken, in order; the user empties it.
    pub fn host_sent(&mut self) -> &mut VecDeque<Sent> {
        &mut self.host.host_in.sent
    }

    /// The frames received by the host since the last call; `user` is `espalier_regs::tuser::rx`.
    pub fn take_host(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.host.host_out.frames)
    }

    /// What became of each frame from the host since the last call, in order (`espalier_regs::tuser::tx_status`).
    pub fn take_tx_status(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.host.statuses)
    }
}
