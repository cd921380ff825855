//! RX latency when frames come at the pace of 10GbE. At 156.25 MHz that is 8 bytes a clock, half of what the engine takes: what it does with a frame's
//! headers passes while the rest of the frame still comes.

use espalier_driver::xfrm::Direction;
use espalier_sim::stream::Stalls;
use espalier_sim::{Nic, NicStalls};
use serde::Serialize;

use crate::Error;
use crate::card::Card;
use crate::case::{Load, Size};
use crate::control::setup;

/// Clocks at which a frame begins, to see the worst of the engine's rhythms of 8.
const PHASES: u64 = 8;

/// A lone received frame, with or without a frame to be sent at the same time; the worst clock to arrive at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paced {
    /// Of the plain frame, FCS included.
    pub frame_bytes: usize,
    /// RX or both.
    pub direction: Load,
    /// From the first beat in to the last beat in, both included: what store-and-forward takes.
    pub store_clocks: u64,
    /// From the first beat in to the first beat out.
    pub latency_clocks: u64,
    /// What is left of that behind the last beat in.
    pub behind_clocks: u64,
}

/// Measures every size.
///
/// # Errors
/// A frame that is lost or wrong; the driver's and the simulator's.
pub fn paced(nic: Nic) -> Result<(Nic, Vec<Paced>), Error> {
    let mut card = Card::new(nic, setup(1))?;
    let mut found = Vec::new();
    for size in Size::ALL.into_iter().filter(|size| *size != Size::Imix) {
        for direction in [Load::Rx, Load::Both] {
            found.push(worst(&mut card, size.longest(), direction)?);
        }
    }
    Ok((card.into_nic(), found))
}

fn worst(card: &mut Card, frame_bytes: usize, direction: Load) -> Result<Paced, Error> {
    let mut worst: Option<Paced> = None;
    for phase in 0..PHASES {
        let nic = card.device.bus();
        nic.run((phase + PHASES - nic.cycles() % PHASES) % PHASES)?;
        nic.set_stalls(NicStalls { wire_in: Stalls::pattern(&[false, true]), ..NicStalls::never() });
        if direction == Load::Both {
            card.offer(Direction::Out, 0, frame_bytes)?;
        }
        card.offer(Direction::In, 0, frame_bytes)?;
        let [_, received] = card.pass()?;
        card.device.bus().set_stalls(NicStalls::never());
        let (Some(sent), Some(came)) = (received.sent.first(), received.came.first()) else {
            return Err(Error::wrong(setup(1), "no frame"));
        };
        let (store_clocks, latency_clocks) = (sent.last + 1 - sent.first, came.0 - sent.first);
        if worst.as_ref().is_none_or(|worst| latency_clocks > worst.latency_clocks) {
            let behind_clocks = latency_clocks.saturating_sub(store_clocks);
            worst = Some(Paced { frame_bytes, direction, store_clocks, latency_clocks, behind_clocks });
        }
    }
    worst.ok_or_else(|| Error::wrong(setup(1), "no frame"))
}
