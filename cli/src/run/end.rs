//! The two kinds of NIC that a wire of [`super::boards`] can end at.

use std::collections::VecDeque;
use std::io::{Read, Write};

use espalier_driver::bus::uart::{LineFrame, Uart, UartError, Way};
use espalier_driver::{Counters, Device, Event};
use espalier_regs::tuser::tx_status;
use espalier_sim::nic::Nic;

use super::program::Program;
use super::report::Latency;
use super::simulated::bring_up;
use crate::Failure;

/// Clocks that a simulated NIC is let run at a turn.
const STRIDE: u64 = 256;
/// Looks at a board's line, in vain, after which its counters are asked whether anything is still to come.
const SILENT: u32 = 3;

/// A NIC that takes frames, and gives some.
pub trait End {
    /// Programs it and lets traffic in.
    fn bring_up(&mut self, program: &Program) -> Result<(), Failure>;

    /// Queues a frame for one of its sides.
    fn send(&mut self, way: Way, frame: &[u8]);

    /// Lets it work a little. Whether it has come to rest, and nothing more will come of what was queued.
    fn turn(&mut self) -> Result<bool, Failure>;

    /// What has come out since the last call, in order.
    fn take(&mut self) -> Vec<(Way, Vec<u8>)>;

    /// What it has counted.
    fn counters(&mut self) -> Result<Counters, Failure>;

    /// Its longest frame.
    fn max_frame(&self) -> usize;

    /// What it can tell about its clocks.
    fn clocks(&self) -> Option<String>;
}

/// A simulated NIC.
pub struct Simulated {
    nic: Option<Nic>,
    device: Option<Device<Nic>>,
}

/// Clocks without a beat after which a simulated NIC rests.
const QUIET: u64 = 8_192;

impl Simulated {
    /// One of these.
    pub fn new(nic: Nic) -> Self {
        Self { nic: Some(nic), device: None }
    }

    fn nic(&mut self) -> Option<&mut Nic> {
        self.device.as_mut().map(Device::bus)
    }
}

impl End for Simulated {
    fn bring_up(&mut self, program: &Program) -> Result<(), Failure> {
        if let Some(nic) = self.nic.take() {
            self.device = Some(bring_up(nic, program)?);
        }
        Ok(())
    }

    fn send(&mut self, way: Way, frame: &[u8]) {
        match (self.nic(), way) {
            (Some(nic), Way::Host) => nic.send_host(frame),
            (Some(nic), Way::Wire) => nic.send_wire(frame, false),
            (None, _) => {}
        }
    }

    fn turn(&mut self) -> Result<bool, Failure> {
        let Some(nic) = self.nic() else { return Ok(true) };
        if nic.pending() == 0 && nic.quiet_for() >= QUIET {
            return Ok(true);
        }
        nic.run(STRIDE)?;
        Ok(false)
    }

    fn take(&mut self) -> Vec<(Way, Vec<u8>)> {
        let Some(nic) = self.nic() else { return Vec::new() };
        let wire = nic.take_wire().into_iter().map(|frame| (Way::Wire, frame.bytes));
        let mut frames: Vec<_> = wire.collect();
        frames.extend(nic.take_host().into_iter().map(|frame| (Way::Host, frame.bytes)));
        frames
    }

    fn counters(&mut self) -> Result<Counters, Failure> {
        self.device.as_mut().map_or(Ok(Counters::default()), |device| Ok(device.counters()?))
    }

    fn max_frame(&self) -> usize {
        self.device.as_ref().map_or(usize::MAX, |device| device.capabilities().max_frame_bytes.into())
    }

    fn clocks(&self) -> Option<String> {
        None
    }
}

/// A board at a serial line.
pub struct Board<L> {
    line: Option<Uart<L>>,
    device: Option<Device<Uart<L>>>,
    queue: VecDeque<(Way, Vec<u8>)>,
    out: Vec<(Way, Vec<u8>)>,
    /// Frames queued, come out, by way.
    queued: [u64; 2],
    came: [u64; 2],
    silent: u32,
    /// Clocks at which frames of the host were taken; of those among them that were let through; and at which those came out at the wire.
    taken: VecDeque<u32>,
    passed: VecDeque<u32>,
    sent: VecDeque<u32>,
    latencies: Vec<u64>,
}

impl<L: Read + Write> Board<L> {
    /// The board at this line.
    pub fn new(line: Uart<L>) -> Self {
        Self {
            line: Some(line),
            device: None,
            queue: VecDeque::new(),
            out: Vec::new(),
            queued: [0; 2],
            came: [0; 2],
            silent: 0,
            taken: VecDeque::new(),
            passed: VecDeque::new(),
            sent: VecDeque::new(),
            latencies: Vec::new(),
        }
    }

    /// Takes in what the line has told.
    fn gather(&mut self) {
        let Some(device) = &mut self.device else { return };
        let line = device.bus();
        let clocks = line.given().into_iter().filter(|given| given.way == Way::Host).map(|given| given.first);
        self.taken.extend(clocks);
        for LineFrame { way, first, bytes, .. } in line.frames() {
            self.came[way as usize] += 1;
            if way == Way::Wire {
                self.sent.push_back(first);
            }
            self.out.push((way, bytes));
        }
        // One status for each frame of the host; those that were let through come out, in the same order.
        for status in line.statuses() {
            let Some(taken) = self.taken.pop_front() else { break };
            let event = usize::try_from(tx_status::EVENT.get(status)).ok().and_then(|event| Event::ALL.get(event));
            if let Some(Event::TxProtected | Event::TxBypassed) = event {
                self.passed.push_back(taken);
            }
        }
        while let (Some(&taken), Some(&sent)) = (self.passed.front(), self.sent.front()) {
            self.passed.pop_front();
            self.sent.pop_front();
            self.latencies.push(sent.wrapping_sub(taken).into());
        }
    }

    /// Whether all that was queued has had its end, and has come out.
    fn is_done(&mut self) -> Result<bool, Failure> {
        let (queued, came) = (self.queued, self.came);
        let counters = self.counters()?;
        // Every frame has one outcome; these are frames that come out.
        let ended = |prefix: &str, frames: Event, passed: &[Event]| {
            let outcomes = Event::ALL.iter().filter(|event| event.name().starts_with(prefix) && **event != frames);
            let sum = |events: &mut dyn Iterator<Item = &Event>| events.map(|&event| counters.get(event)).sum::<u64>();
            (sum(&mut outcomes.into_iter()), sum(&mut passed.iter()))
        };
        let tx = ended("tx_", Event::TxFrames, &[Event::TxProtected, Event::TxBypassed]);
        let rx = ended("rx_", Event::RxFrames, &[Event::RxBypassed, Event::RxDecrypted, Event::RxUnsupported]);
        Ok(tx == (queued[Way::Host as usize], came[Way::Wire as usize]) && rx == (queued[Way::Wire as usize], came[Way::Host as usize]))
    }
}

impl<L: Read + Write> End for Board<L> {
    fn bring_up(&mut self, program: &Program) -> Result<(), Failure> {
        if let Some(line) = self.line.take() {
            self.device = Some(bring_up(line, program)?);
        }
        Ok(())
    }

    fn send(&mut self, way: Way, frame: &[u8]) {
        self.queued[way as usize] += 1;
        self.queue.push_back((way, frame.to_owned()));
    }

    fn turn(&mut self) -> Result<bool, Failure> {
        let failed = |error: UartError| Failure::Line(error);
        let Some(device) = &mut self.device else { return Ok(true) };
        let line = device.bus();
        while let Some((way, frame)) = self.queue.front().filter(|(_, frame)| line.has_room(frame.len())) {
            line.send(*way, frame, 0).map_err(failed)?;
            self.queue.pop_front();
            self.silent = 0;
        }
        self.silent = if line.listen().map_err(failed)? { 0 } else { self.silent + 1 };
        line.check().map_err(failed)?;
        self.gather();
        if self.silent < SILENT || !self.queue.is_empty() {
            return Ok(false);
        }
        self.silent = 0;
        let done = self.is_done()?;
        self.gather();
        Ok(done)
    }

    fn take(&mut self) -> Vec<(Way, Vec<u8>)> {
        std::mem::take(&mut self.out)
    }

    fn counters(&mut self) -> Result<Counters, Failure> {
        self.device.as_mut().map_or(Ok(Counters::default()), |device| Ok(device.counters()?))
    }

    fn max_frame(&self) -> usize {
        self.device.as_ref().map_or(usize::MAX, |device| device.capabilities().max_frame_bytes.into())
    }

    fn clocks(&self) -> Option<String> {
        let Latency { min, median, max } = Latency::of(self.latencies.clone())?;
        Some(format!(
            "a board of its own count: {} packets, from their first beat taken to the first beat at the wire, {min} .. {median} .. {max} clocks",
            self.latencies.len()
        ))
    }
}
