//! AXI4-Lite master: one access at a time. The write address and data channels run apart, so that stalls reorder them.

use crate::stream::{Agent, Payload, Sink, Source, Stalls};
use crate::{Error, Input, Model, Output};

/// Item of one of the five channels: its address, data, strobe or response ports.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Channel([u32; 2]);

impl Payload for Channel {
    type Ports<H: Copy> = [Option<H>; 2];

    fn handshake(_: &Model, name: &str) -> [String; 2] {
        [format!("{name}valid"), format!("{name}ready")]
    }

    /// `name` is the interface and the channel, as in `s_axil_aw`.
    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<[Option<H>; 2], Error> {
        let signals = match name.rsplit('_').next() {
            Some("aw" | "ar") => ["addr", ""],
            Some("w") => ["data", "strb"],
            Some("b") => ["resp", ""],
            _ => ["data", "resp"],
        };
        let port = |signal: &str| if signal.is_empty() { Ok(None) } else { find(&format!("{name}{signal}")).map(Some) };
        Ok([port(signals[0])?, port(signals[1])?])
    }

    fn write(&self, model: &mut Model, ports: &[Option<Input>; 2]) {
        for (&port, value) in ports.iter().zip(self.0) {
            if let Some(port) = port {
                model.write(port, value);
            }
        }
    }

    fn read(model: &Model, ports: &[Option<Output>; 2]) -> Self {
        Self(ports.map(|port| port.map_or(0, |port| model.read_u64(port) as u32)))
    }

    fn junk(model: &mut Model, ports: &[Option<Input>; 2]) {
        for &port in ports.iter().flatten() {
            model.fill(port, 0xa5);
        }
    }
}

/// Response code of AXI4 (AMBA AXI section A3.4.4): 0 OKAY, 2 SLVERR, 3 DECERR.
const OKAY: u32 = 0;

/// The master.
pub(super) struct AxiLite {
    aw: Source<Channel>,
    w: Source<Channel>,
    b: Sink<Channel>,
    ar: Source<Channel>,
    r: Sink<Channel>,
    outstanding: bool,
    answer: Channel,
}

impl AxiLite {
    pub(super) fn new(model: &Model, name: &str, stalls: &Stalls) -> Result<Self, Error> {
        let [aw, w, b, ar, r] = ["aw", "w", "b", "ar", "r"].map(|channel| format!("{name}_{channel}"));
        Ok(Self {
            aw: Source::new(model, &aw, stalls.derive(0))?,
            w: Source::new(model, &w, stalls.derive(1))?,
            b: Sink::new(model, &b, stalls.derive(2))?,
            ar: Source::new(model, &ar, stalls.derive(3))?,
            r: Sink::new(model, &r, stalls.derive(4))?,
            outstanding: false,
            answer: Channel([0; 2]),
        })
    }

    pub(super) fn set_stalls(&mut self, stalls: &Stalls) {
        self.aw.set_stalls(stalls.derive(0));
        self.w.set_stalls(stalls.derive(1));
        self.b.set_stalls(stalls.derive(2));
        self.ar.set_stalls(stalls.derive(3));
        self.r.set_stalls(stalls.derive(4));
    }

    pub(super) fn begin_read(&mut self, address: u32) {
        self.ar.push(Channel([address, 0]));
        self.outstanding = true;
    }

    pub(super) fn begin_write(&mut self, address: u32, value: u32, strobes: u32) {
        self.aw.push(Channel([address, 0]));
        self.w.push(Channel([value, strobes]));
        self.outstanding = true;
    }

    /// Forgets what is under way.
    pub(super) fn clear(&mut self) {
        for source in [&mut self.aw, &mut self.w, &mut self.ar] {
            source.queue.clear();
        }
        self.outstanding = false;
    }

    /// An access is not yet answered.
    pub(super) fn busy(&self) -> bool {
        self.outstanding
    }

    pub(super) fn read_result(&self, address: u32) -> Result<u32, Error> {
        let Channel([data, response]) = self.answer;
        if response == OKAY { Ok(data) } else { Err(Error::Register { address, response }) }
    }

    pub(super) fn write_result(&self, address: u32) -> Result<(), Error> {
        let Channel([response, _]) = self.answer;
        if response == OKAY { Ok(()) } else { Err(Error::Register { address, response }) }
    }
}

impl Agent for AxiLite {
    fn drive(&mut self, model: &mut Model) {
        self.aw.drive(model);
        self.w.drive(model);
        self.b.drive(model);
        self.ar.drive(model);
        self.r.drive(model);
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        self.aw.sample(model)?;
        self.w.sample(model)?;
        self.ar.sample(model)?;
        self.b.sample(model)?;
        self.r.sample(model)?;
        for (name, sink) in [("s_axil_b", &mut self.b), ("s_axil_r", &mut self.r)] {
            if let Some(answer) = sink.taken.take() {
                if !self.outstanding {
                    return Err(Error::Protocol { stream: name.into(), cycle: model.cycles(), rule: "a response nobody waits for" });
                }
                self.answer = answer;
                self.outstanding = false;
            }
        }
        Ok(())
    }
}
