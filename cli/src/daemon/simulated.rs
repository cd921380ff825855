//! `--bus sim`: the Verilated card in this process. Its clock runs while something moves; without a peer on its wire, what it sends is gone.

use std::os::fd::BorrowedFd;

use espalier_driver::net::NetDevice;
use espalier_sim::host::Host;

use super::wire::Wire;
use super::world::{World, WorldError};

/// Clocks in a turn.
const CLOCKS: u64 = 1_000;
/// Clocks without a beat on wire or memory port after which the card is at rest: more than the engine keeps a frame for.
const QUIET: u64 = 8_192;

/// Clock and wire of a simulated card.
pub struct Simulated {
    wire: Option<Wire>,
    /// Clocks that the driver's accesses had made when the card came to rest.
    rested: u64,
}

impl Simulated {
    /// With the end of its wire.
    #[must_use]
    pub const fn new(wire: Option<Wire>) -> Self {
        Self { wire, rested: 0 }
    }
}

impl World<NetDevice<Host>> for Simulated {
    fn turn(&mut self, nic: &mut NetDevice<Host>) -> Result<bool, WorldError> {
        let host = nic.device().bus();
        if let Some(wire) = &mut self.wire {
            wire.receive()?.into_iter().for_each(|frame| host.send_wire(frame, false));
        }
        // A register access, a doorbell for one, lets the clock run: there may be something to do.
        if host.cycles() == self.rested && host.pending() == 0 {
            return Ok(false);
        }
        host.run(CLOCKS)?;
        for frame in host.take_wire() {
            if let Some(wire) = &mut self.wire {
                wire.send(&frame.bytes);
            }
        }
        host.wire_sent().clear();
        let resting = host.pending() == 0 && host.outstanding() == 0 && host.quiet_for() >= QUIET;
        self.rested = if resting { host.cycles() } else { 0 };
        Ok(!resting)
    }

    fn wakers(&self) -> Vec<BorrowedFd<'_>> {
        self.wire.iter().flat_map(Wire::wakers).collect()
    }
}
