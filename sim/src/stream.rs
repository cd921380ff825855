//! Sources, sinks and a protocol checker for the streams of a model.
//!
//! ```no_run
//! # fn main() -> Result<(), espalier_sim::Error> {
//! # let mut model: espalier_sim::Model = unimplemented!();
//! use espalier_sim::stream::{Axis, Beat, FrameSink, FrameSource, Stalls, step};
//!
//! let mut s = FrameSource::<Beat>::new(&model, "s", Stalls::random(1, 30))?; // s_beat, s_valid, s_ready
//! let mut m = FrameSink::<Axis>::new(&model, "m_axis_wire", Stalls::never())?; // m_axis_wire_tdata ..
//! s.push(b"sixty bytes".repeat(6), 0);
//! while m.frames.is_empty() {
//!     step(&mut model, &mut [&mut s, &mut m])?;
//! }
//! assert_eq!(m.frames[0].bytes, b"sixty bytes".repeat(6));
//! # Ok(()) }
//! ```
//!
//! Each agent acts twice a cycle: [`Agent::drive`] before `settle`, [`Agent::sample`] between `settle` and `rise`. [`step`] does one cycle.
//! Every sink checks the rules of AXI4-Stream on what the model offers; a breach is an [`Error::Protocol`] naming stream and clock.

mod frame;
mod payload;
mod stalls;

use std::collections::VecDeque;

pub use frame::{Frame, FrameSink, FrameSource, Sent};
pub use payload::{Axis, Beat, Lanes, Payload, Record, Word};
pub use stalls::Stalls;

use crate::{Error, Input, Model, Output};

/// Something that acts on a model at every clock.
pub trait Agent {
    /// Sets inputs, before `settle`.
    fn drive(&mut self, model: &mut Model);
    /// Looks at outputs, between `settle` and `rise`.
    ///
    /// # Errors
    /// [`Error::Protocol`] when the model broke a rule.
    fn sample(&mut self, model: &Model) -> Result<(), Error>;
}

/// One cycle of the model with its agents around it.
///
/// # Errors
/// The first breach of protocol; the clock has then not risen.
pub fn step(model: &mut Model, agents: &mut [&mut dyn Agent]) -> Result<(), Error> {
    agents.iter_mut().for_each(|agent| agent.drive(model));
    model.settle();
    agents.iter_mut().try_for_each(|agent| agent.sample(model))?;
    model.rise();
    Ok(())
}

/// Offers items to an input stream of the model, in order, none twice.
pub struct Source<P: Payload> {
    ports: P::Ports<Input>,
    valid: Input,
    ready: Output,
    reset: Option<Output>,
    stalls: Stalls,
    offered: bool,
    /// What is still to be sent; the first may already be on offer.
    pub queue: VecDeque<P>,
    /// Taken by the model in the cycle sampled last.
    pub taken: Option<P>,
}

impl<P: Payload> Source<P> {
    /// A source for the stream `name` ([`Axis`], [`Beat`], [`Record`] say what its ports are called).
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn new(model: &Model, name: &str, stalls: Stalls) -> Result<Self, Error> {
        let [valid, ready] = P::handshake(model, name);
        let (valid, ready, reset) = (model.input(&valid)?, model.output(&ready)?, model.peek("reset"));
        Ok(Self {
            ports: P::ports(name, |port| model.input(port))?,
            valid,
            ready,
            reset,
            stalls,
            offered: false,
            queue: VecDeque::new(),
            taken: None,
        })
    }

    /// Other stalls from here on.
    pub fn set_stalls(&mut self, stalls: Stalls) {
        self.stalls = stalls;
    }

    /// Appends an item to the queue.
    pub fn push(&mut self, item: P) {
        self.queue.push_back(item);
    }
}

impl<P: Payload> Agent for Source<P> {
    fn drive(&mut self, model: &mut Model) {
        if self.offered && self.taken.is_none() && !self.reset.is_some_and(|reset| model.read_bool(reset)) {
            return; // What is offered stays until it is taken.
        }
        let stall = self.stalls.next() || self.reset.is_some_and(|reset| model.read_bool(reset));
        self.offered = match self.queue.front() {
            Some(item) if !stall => {
                item.write(model, &self.ports);
                true
            }
            _ => {
                if self.offered {
                    P::junk(model, &self.ports);
                }
                false
            }
        };
        model.write(self.valid, self.offered);
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        self.taken = if self.offered && model.read_bool(self.ready) { self.queue.pop_front() } else { None };
        Ok(())
    }
}

/// Takes items from an output stream of the model, and checks the protocol.
pub struct Sink<P: Payload> {
    name: String,
    ports: P::Ports<Output>,
    valid: Output,
    ready: Input,
    reset: Option<Output>,
    stalls: Stalls,
    taking: bool,
    waiting: Option<P>,
    cycles_in_reset: u32,
    /// Taken in the cycle sampled last.
    pub taken: Option<P>,
}

impl<P: Payload> Sink<P> {
    /// A sink for the stream `name` ([`Axis`], [`Beat`], [`Record`] say what its ports are called).
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn new(model: &Model, name: &str, stalls: Stalls) -> Result<Self, Error> {
        let [valid, ready] = P::handshake(model, name);
        let (valid, ready) = (model.output(&valid)?, model.input(&ready)?);
        let reset = model.peek("reset");
        let ports = P::ports(name, |port| model.output(port))?;
        Ok(Self { name: name.into(), ports, valid, ready, reset, stalls, taking: false, waiting: None, cycles_in_reset: 0, taken: None })
    }

    /// Other stalls from here on.
    pub fn set_stalls(&mut self, stalls: Stalls) {
        self.stalls = stalls;
    }

    /// Something is offered that was not taken in the cycle sampled last.
    pub(crate) fn waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The cycle sampled last was one of reset.
    pub(crate) fn in_reset(&self) -> bool {
        self.cycles_in_reset > 0
    }

    /// The rules of a stream (AMBA 4 AXI4-Stream section 2.2.1; section 2.7.2 for reset).
    fn check(&mut self, model: &Model, offered: Option<&P>) -> Result<(), Error> {
        let breach = |rule| Err(Error::Protocol { stream: self.name.clone(), cycle: model.cycles(), rule });
        if self.reset.is_some_and(|reset| model.read_bool(reset)) {
            self.cycles_in_reset += 1;
            self.waiting = None;
            // The first cycle of a synchronous reset still shows what was before.
            return if offered.is_some() && self.cycles_in_reset > 1 { breach("valid in reset") } else { Ok(()) };
        }
        self.cycles_in_reset = 0;
        match (self.waiting.take(), offered) {
            (Some(_), None) => return breach("valid fell before ready"),
            (Some(before), Some(now)) if before != *now => return breach("payload changed before ready"),
            _ => {}
        }
        offered.and_then(P::flaw).map_or(Ok(()), breach)
    }
}

impl<P: Payload> Agent for Sink<P> {
    fn drive(&mut self, model: &mut Model) {
        self.taking = !self.stalls.next();
        model.write(self.ready, self.taking);
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        let offered = model.read_bool(self.valid).then(|| P::read(model, &self.ports));
        self.check(model, offered.as_ref())?;
        if self.taking {
            self.taken = if self.cycles_in_reset == 0 { offered } else { None };
        } else {
            self.taken = None;
            self.waiting = offered.filter(|_| self.cycles_in_reset == 0);
        }
        Ok(())
    }
}
