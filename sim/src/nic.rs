//! The whole engine as a network card: registers, host streams, wire streams, at exact clocks.

mod axil;
mod bus;

mod pair;
mod wire;

use std::collections::VecDeque;

use axil::AxiLite;
pub use bus::time;
pub use pair::{Crossing, Pair, Side};
pub use wire::{Fault, Noise, Perfect, Wire};

use espalier_regs::tuser::tx;

use crate::stream::{Agent, Axis, Frame, FrameSink, FrameSource, Sent, Sink, Stalls, Word};
use crate::{Error, Model};

/// Frequency of the engine's clock: what clocks mean in seconds.
pub const FREQUENCY: u64 = 156_250_000;

/// Clocks a register access may take.
const ACCESS_LIMIT: u64 = 10_000;

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
///
/// Frames wait in queues of any length; [`Nic::step`] moves at most one beat on each stream. Register accesses advance the clock too, so
/// that traffic goes on meanwhile.
pub struct Nic {
    model: Model,
    registers: AxiLite,
    host_in: FrameSource<Axis>,
    wire_out: FrameSink<Axis>,
    wire_in: FrameSource<Axis>,
    host_out: FrameSink<Axis>,
    tx_status: Sink<Word>,
    statuses: Vec<u32>,
    quiet_since: u64,
}

impl Nic {
    /// Puts a host and a MAC around a model with the engine's ports (`s_axil_*`, `s_axis_host_*`, `m_axis_wire_*`, `s_axis_wire_*`,
    /// `m_axis_host_*`, `m_axis_txstatus_*`), and resets it.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`] when the model is not an engine.
    pub fn new(model: Model, stalls: NicStalls) -> Result<Self, Error> {
        let registers = AxiLite::new(&model, "s_axil", &stalls.registers)?;
        let host_in = FrameSource::new(&model, "s_axis_host", stalls.host_in)?;
        let wire_out = FrameSink::new(&model, "m_axis_wire", stalls.wire_out)?;
        let wire_in = FrameSource::new(&model, "s_axis_wire", stalls.wire_in)?;
        let host_out = FrameSink::new(&model, "m_axis_host", stalls.host_out)?.constant_user();
        let tx_status = Sink::new(&model, "m_axis_txstatus", stalls.tx_status)?;
        let statuses = Vec::new();
        let mut nic = Self { model, registers, host_in, wire_out, wire_in, host_out, tx_status, statuses, quiet_since: 0 };
        nic.reset(4)?;
        Ok(nic)
    }

    /// Makes a MAC that takes a beat in mid-frame and finds none an error, as a real one underruns.
    pub fn check_underrun(mut self) -> Self {
        self.wire_out = self.wire_out.gapless();
        self
    }

    /// Other stalls from here on.
    pub fn set_stalls(&mut self, stalls: NicStalls) {
        self.registers.set_stalls(&stalls.registers);
        self.host_in.set_stalls(stalls.host_in);
        self.wire_out.set_stalls(stalls.wire_out);
        self.wire_in.set_stalls(stalls.wire_in);
        self.host_out.set_stalls(stalls.host_out);
        self.tx_status.set_stalls(stalls.tx_status);
    }

    /// Holds `reset` for some clocks. Queued frames stay queued, half-sent ones are cut, an unanswered register access is forgotten.
    ///
    /// # Errors
    /// [`Error::Protocol`] when a stream is valid in reset.
    pub fn reset(&mut self, clocks: u64) -> Result<(), Error> {
        self.registers.clear();
        self.model.set("reset", true);
        self.run(clocks)?;
        self.model.set("reset", false);
        Ok(())
    }

    /// One clock.
    ///
    /// # Errors
    /// [`Error::Protocol`]: the engine broke a rule on one of its streams.
    pub fn step(&mut self) -> Result<(), Error> {
        let Self { model, registers, host_in, wire_out, wire_in, host_out, tx_status, statuses, .. } = self;
        registers.drive(model);
        host_in.drive(model);
        wire_out.drive(model);
        wire_in.drive(model);
        host_out.drive(model);
        tx_status.drive(model);
        model.settle();
        registers.sample(model)?;
        host_in.sample(model)?;
        wire_out.sample(model)?;
        wire_in.sample(model)?;
        host_out.sample(model)?;
        tx_status.sample(model)?;
        statuses.extend(tx_status.taken.map(|Word(status)| status));
        model.rise();
        if self.moved() {
            self.quiet_since = self.model.cycles();
        }
        Ok(())
    }

    /// Whether a frame beat moved in the last clock.
    fn moved(&self) -> bool {
        self.tx_status.taken.is_some() || self.host_in.moved() || self.wire_out.moved() || self.wire_in.moved() || self.host_out.moved()
    }

    /// Several clocks.
    ///
    /// # Errors
    /// As [`Nic::step`].
    pub fn run(&mut self, clocks: u64) -> Result<(), Error> {
        (0..clocks).try_for_each(|_| self.step())
    }

    /// Runs until every queued frame is taken and no beat has moved for `quiet` clocks.
    ///
    /// # Errors
    /// As [`Nic::step`]; [`Error::Deadline`] after `limit` clocks.
    pub fn run_until_quiet(&mut self, quiet: u64, limit: u64) -> Result<(), Error> {
        let end = self.cycles() + limit;
        self.quiet_since = self.cycles();
        while self.pending() > 0 || self.quiet_for() < quiet {
            if self.cycles() >= end {
                return Err(Error::Deadline { what: "the card to come to rest", clocks: limit });
            }
            self.step()?;
        }
        Ok(())
    }

    /// Clocks since a beat moved.
    pub fn quiet_for(&self) -> u64 {
        self.cycles() - self.quiet_since
    }

    /// Frames the engine has not taken to their end.
    pub fn pending(&self) -> usize {
        self.host_in.pending() + self.wire_in.pending()
    }

    /// Clocks so far.
    pub fn cycles(&self) -> u64 {
        self.model.cycles()
    }

    /// The model, for its trace or its ports.
    pub fn model(&mut self) -> &mut Model {
        &mut self.model
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
        self.host_in.push_with(bytes, |first, last| {
            let marks = if first { marks } else { !marks & all };
            tx::ERROR.set(marks, (error == last).into())
        });
    }

    /// Queues a frame from the wire. `error`: the MAC marks it as damaged.
    pub fn send_wire(&mut self, bytes: impl AsRef<[u8]>, error: bool) {
        self.wire_in.push(bytes, error.into());
    }

    /// When the frames from the host were taken, in order; the user empties it.
    pub fn host_sent(&mut self) -> &mut VecDeque<Sent> {
        &mut self.host_in.sent
    }

    /// When the frames from the wire were taken, in order; the user empties it.
    pub fn wire_sent(&mut self) -> &mut VecDeque<Sent> {
        &mut self.wire_in.sent
    }

    /// The frames sent onto the wire since the last call.
    pub fn take_wire(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.wire_out.frames)
    }

    /// The frames received by the host since the last call; `user` is `espalier_regs::tuser::rx`.
    pub fn take_host(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.host_out.frames)
    }

    /// What became of each frame from the host since the last call, in order (`espalier_regs::tuser::tx_status`).
    pub fn take_tx_status(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.statuses)
    }

    /// Reads a register by AXI4-Lite.
    ///
    /// # Errors
    /// [`Error::Register`] when the engine answers SLVERR or DECERR, [`Error::Deadline`] when it does not answer; as [`Nic::step`].
    pub fn axil_read(&mut self, address: u32) -> Result<u32, Error> {
        self.registers.begin_read(address);
        self.access("a register read")?;
        self.registers.read_result(address)
    }

    /// Writes a register by AXI4-Lite, all four bytes.
    ///
    /// # Errors
    /// As [`Nic::axil_read`].
    pub fn axil_write(&mut self, address: u32, value: u32) -> Result<(), Error> {
        self.axil_write_bytes(address, value, 0xf)
    }

    /// Writes some bytes of a register (`wstrb`).
    ///
    /// # Errors
    /// As [`Nic::axil_read`].
    pub fn axil_write_bytes(&mut self, address: u32, value: u32, strobes: u32) -> Result<(), Error> {
        self.registers.begin_write(address, value, strobes);
        self.access("a register write")?;
        self.registers.write_result(address)
    }

    fn access(&mut self, what: &'static str) -> Result<(), Error> {
        let start = self.cycles();
        while self.registers.busy() {
            if self.cycles() - start >= ACCESS_LIMIT {
                return Err(Error::Deadline { what, clocks: ACCESS_LIMIT });
            }
            self.step()?;
        }
        Ok(())
    }
}
