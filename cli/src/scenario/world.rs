//! Two hosts, each with a device and the XFRM core above it, joined by a wire.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use espalier_driver::Device;
use espalier_driver::core::{Output, OutputError, StateRef, XfrmCore};
use espalier_driver::ops::SkBuff;
use espalier_regs::tuser;
use espalier_sim::Model;
use espalier_sim::nic::{Nic, NicStalls, Pair};

use super::wire::Scripted;
use crate::Failure;
use crate::run::registers::Registers;
use crate::run::sides::Side;

/// Name of each host's device.
pub const DEVICE: &str = "nic0";
/// Seconds since 1970 at which a scenario begins: nothing depends on the real time.
pub const EPOCH: u64 = 1_700_000_000;
/// Clocks without a beat after which nothing more comes: several times what the longest frame takes through both devices.
const QUIET: u64 = 4_096;
/// Clocks after which a scenario's step must have come to rest, beside what its packets need.
const LIMIT: u64 = 200_000;

/// The device of a host, as its core sees it.
pub type Card = Device<Registers>;

/// A packet that came up a host's stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The frame.
    pub frame: Vec<u8>,
}

/// A host.
pub struct Host {
    /// Its core. None of it is simulated: it is what runs above a board.
    pub core: XfrmCore<Card>,
    /// The device after it was unregistered.
    pub unregistered: Option<Card>,
    /// Writes of registers so far.
    writes: Rc<Cell<u64>>,
    /// States of packets that the device has not sent yet.
    in_flight: Vec<StateRef>,
    /// Frames that the device has given to the host so far.
    given: u64,
}

impl Host {
    /// Writes of the device's registers so far.
    pub fn writes(&self) -> u64 {
        self.writes.get()
    }

    /// Frames that the device has given to the host so far, whatever the core then did with them.
    pub fn given(&self) -> u64 {
        self.given
    }

    /// The device, registered or not.
    pub fn device(&mut self) -> Result<&mut Card, Failure> {
        match &mut self.unregistered {
            Some(device) => Ok(device),
            None => Ok(self.core.device_ops(DEVICE)?),
        }
    }
}

/// Both hosts, and what is between them.
pub struct World {
    pair: Rc<RefCell<Pair>>,
    wire: Scripted,
    hosts: [Host; 2],
    now: u64,
}

impl World {
    /// Two hosts around two models of the engine; both devices are registered, and down.
    ///
    /// # Errors
    /// What the simulator or the driver says.
    pub fn new(models: [Model; 2]) -> Result<Self, Failure> {
        let [left, right] = models;
        let mut pair = Pair::new(Nic::new(left, NicStalls::never())?, Nic::new(right, NicStalls::never())?);
        let wire = Scripted::default();
        pair.set_wire(wire.clone());
        let pair = Rc::new(RefCell::new(pair));
        let host = |side| -> Result<Host, Failure> {
            let registers = Registers::new(pair.clone(), side);
            let writes = registers.writes();
            let mut device = Device::open(registers)?;
            device.set_name(DEVICE);
            let mut core = XfrmCore::new(EPOCH);
            core.register(device)?;
            Ok(Host { core, unregistered: None, writes, in_flight: Vec::new(), given: 0 })
        };
        let hosts = [host(Side::Left)?, host(Side::Right)?];
        Ok(Self { pair, wire, hosts, now: EPOCH })
    }

    /// A host.
    pub fn host(&mut self, side: Side) -> &mut Host {
        &mut self.hosts[side.index()]
    }

    /// The wire.
    pub fn wire(&self) -> &Scripted {
        &self.wire
    }

    /// Clocks since reset.
    pub fn clocks(&self) -> u64 {
        let pair = self.pair.borrow();
        pair.left.cycles().max(pair.right.cycles())
    }

    /// The time of both hosts, in seconds since 1970.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Lets time go on.
    pub fn wait(&mut self, seconds: u64) {
        self.now += seconds;
        for host in &mut self.hosts {
            host.core.set_time(self.now);
        }
    }

    /// Sets a host's own addresses, in its core and in its device.
    ///
    /// # Errors
    /// What the driver says.
    pub fn set_addresses(&mut self, side: Side, addresses: &[IpAddr]) -> Result<(), Failure> {
        let host = self.host(side);
        host.core.set_local_addresses(addresses.iter().copied());
        Ok(host.device()?.set_local_addresses(addresses)?)
    }

    /// A host's stack sends a frame; why it does not, if so.
    ///
    /// # Errors
    /// What the simulator says.
    pub fn send(&mut self, side: Side, frame: &[u8]) -> Result<Option<OutputError>, Failure> {
        let host = &mut self.hosts[side.index()];
        let output = match host.core.output(DEVICE, &SkBuff { frame, gso_size: None }, 0, 0) {
            Ok(output) => output,
            Err(error) => return Ok(Some(error)),
        };
        let (bytes, word, sa) = match &output {
            Output::Plain => (frame, 0, None),
            Output::Software { frame, sa } => (&frame[..], 0, Some(sa)),
            Output::Packet { sa, .. } => (frame, tuser::tx::PROTECT.mask(), Some(sa)),
            Output::Crypto { frame, handle, sa } => (&frame[..], host.device()?.tx_crypto(*handle)?, Some(sa)),
        };
        host.in_flight.extend(sa.cloned());
        let mut pair = self.pair.borrow_mut();
        pair.side(side.into()).send_host_as(bytes, word, false);
        Ok(None)
    }

    /// A frame comes to a host from the wire.
    pub fn inject(&mut self, to: Side, frame: &[u8]) {
        self.pair.borrow_mut().side(to.into()).send_wire(frame, false);
    }

    /// What became of each frame that a host gave to its device since the last call, in order (`espalier_regs::tuser::tx_status`).
    pub fn take_tx_status(&mut self, side: Side) -> Vec<u32> {
        self.pair.borrow_mut().side(side.into()).take_tx_status()
    }

    /// Lets both devices work for some clocks, whatever is on its way then.
    ///
    /// # Errors
    /// What the simulator says.
    pub fn run(&mut self, clocks: u64) -> Result<(), Failure> {
        let mut pair = self.pair.borrow_mut();
        Ok((0..clocks).try_for_each(|_| pair.step())?)
    }

    /// Runs until nothing moves any more; then the hosts take what came, and hear what their devices have to tell. Gives what came up each stack.
    ///
    /// # Errors
    /// What the simulator or the driver says.
    pub fn settle(&mut self) -> Result<[Vec<Arrival>; 2], Failure> {
        {
            let mut pair = self.pair.borrow_mut();
            let queued = pair.left.pending() + pair.right.pending();
            pair.run_until_quiet(QUIET, LIMIT + 10_000 * queued as u64)?;
        }
        let mut arrivals = [Vec::new(), Vec::new()];
        for side in Side::BOTH {
            let frames = self.pair.borrow_mut().side(side.into()).take_host();
            let host = &mut self.hosts[side.index()];
            host.in_flight.clear();
            host.given += frames.len() as u64;
            // The frames first: what comes of the events, the end of an SA for one, is younger.
            for frame in frames {
                // A frame of an SA that is gone altogether is dropped.
                let Ok(offload) = host.device()?.rx_offload(frame.user) else { continue };
                if let Ok(input) = host.core.input(DEVICE, &frame.bytes, offload, 0) {
                    arrivals[side.index()].push(Arrival { frame: input.frame.unwrap_or(frame.bytes) });
                }
            }
            host.core.poll_devices();
        }
        Ok(arrivals)
    }
}
