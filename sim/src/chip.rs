//! A Verilated engine with what every host has: registers, a wire and a clock. The rest of the host is a [`HostSide`].

mod axil;
mod bus;

use std::collections::VecDeque;

use axil::AxiLite;
pub(crate) use bus::fault;
pub use bus::time;

use crate::stream::{Agent, Axis, Frame, FrameSink, FrameSource, Sent, Stalls};
use crate::{Error, Model};

/// Frequency of the engine's clock: what clocks mean in seconds.
pub const FREQUENCY: u64 = 156_250_000;

/// Clocks a register access may take.
const ACCESS_LIMIT: u64 = 10_000;

/// The host's side of a chip, registers left out.
pub trait HostSide: Agent {
    /// Whether anything but register accesses moved in the clock sampled last.
    fn moved(&self) -> bool;

    /// Frames that wait to be taken.
    fn pending(&self) -> usize {
        0
    }
}

/// A model with registers and a wire, and a host `H`.
///
/// Frames wait in queues of any length; [`Chip::step`] moves at most one beat on each stream. Register accesses advance the clock too, so
/// that traffic goes on meanwhile.
pub struct Chip<H> {
    pub(crate) model: Model,
    registers: AxiLite,
    wire_out: FrameSink<Axis>,
    wire_in: FrameSource<Axis>,
    pub(crate) host: H,
    quiet_since: u64,
}

/// When what is around every chip pauses.
pub(crate) struct ChipStalls {
    pub registers: Stalls,
    pub wire_out: Stalls,
    pub wire_in: Stalls,
}

impl<H: HostSide> Chip<H> {
    /// Puts registers and a wire around a model (`s_axil_*`, `m_axis_wire_*`, `s_axis_wire_*`), and resets it.
    pub(crate) fn assemble(model: Model, stalls: ChipStalls, host: H) -> Result<Self, Error> {
        let registers = AxiLite::new(&model, "s_axil", &stalls.registers)?;
        let wire_out = FrameSink::new(&model, "m_axis_wire", stalls.wire_out)?;
        let wire_in = FrameSource::new(&model, "s_axis_wire", stalls.wire_in)?;
        let mut chip = Self { model, registers, wire_out, wire_in, host, quiet_since: 0 };
        chip.reset(4)?;
        Ok(chip)
    }

    pub(crate) fn stall(&mut self, stalls: ChipStalls) {
        self.registers.set_stalls(&stalls.registers);
        self.wire_out.set_stalls(stalls.wire_out);
        self.wire_in.set_stalls(stalls.wire_in);
    }

    /// Makes a MAC that takes a beat in mid-frame and finds none an error, as a real one underruns.
    pub fn check_underrun(mut self) -> Self {
        self.wire_out = self.wire_out.gapless();
        self
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
    /// [`Error::Protocol`]: the model broke a rule on one of its interfaces.
    pub fn step(&mut self) -> Result<(), Error> {
        let Self { model, registers, wire_out, wire_in, host, .. } = self;
        registers.drive(model);
        wire_out.drive(model);
        wire_in.drive(model);
        host.drive(model);
        model.settle();
        registers.sample(model)?;
        wire_out.sample(model)?;
        wire_in.sample(model)?;
        host.sample(model)?;
        model.rise();
        if self.moved() {
            self.quiet_since = self.model.cycles();
        }
        Ok(())
    }

    /// Whether a beat of a frame or of memory moved in the last clock.
    pub fn moved(&self) -> bool {
        self.host.moved() || self.wire_out.moved() || self.wire_in.moved()
    }

    /// Several clocks.
    ///
    /// # Errors
    /// As [`Chip::step`].
    pub fn run(&mut self, clocks: u64) -> Result<(), Error> {
        (0..clocks).try_for_each(|_| self.step())
    }

    /// Runs until every queued frame is taken and no beat has moved for `quiet` clocks.
    ///
    /// # Errors
    /// As [`Chip::step`]; [`Error::Deadline`] after `limit` clocks.
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

    /// Frames the model has not taken to their end.
    pub fn pending(&self) -> usize {
        self.host.pending() + self.wire_in.pending()
    }

    /// Clocks so far.
    pub fn cycles(&self) -> u64 {
        self.model.cycles()
    }

    /// The model, for its trace or its ports.
    pub fn model(&mut self) -> &mut Model {
        &mut self.model
    }

    /// Queues a frame from the wire. `error`: the MAC marks it as damaged.
    pub fn send_wire(&mut self, bytes: impl AsRef<[u8]>, error: bool) {
        self.wire_in.push(bytes, error.into());
    }

    /// When the frames from the wire were taken, in order; the user empties it.
    pub fn wire_sent(&mut self) -> &mut VecDeque<Sent> {
        &mut self.wire_in.sent
    }

    /// The frames sent onto the wire since the last call.
    pub fn take_wire(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.wire_out.frames)
    }

    /// Reads a register by AXI4-Lite.
    ///
    /// # Errors
    /// [`Error::Register`] when the model answers SLVERR or DECERR, [`Error::Deadline`] when it does not answer; as [`Chip::step`].
    pub fn axil_read(&mut self, address: u32) -> Result<u32, Error> {
        self.registers.begin_read(address);
        self.access("a register read")?;
        self.registers.read_result(address)
    }

    /// Writes a register by AXI4-Lite, all four bytes.
    ///
    /// # Errors
    /// As [`Chip::axil_read`].
    pub fn axil_write(&mut self, address: u32, value: u32) -> Result<(), Error> {
        self.axil_write_bytes(address, value, 0xf)
    }

    /// Writes some bytes of a register (`wstrb`).
    ///
    /// # Errors
    /// As [`Chip::axil_read`].
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
