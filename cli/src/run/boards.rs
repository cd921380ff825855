//! Two NICs of which at least one is a board: frames are carried between them by this process.

use espalier_driver::Event;
use espalier_driver::bus::uart::Way;

use super::cards::{Cards, Outcome, Timed};
use super::end::End;
use super::program::Program;
use super::sides::Side;
use super::traffic::Packet;
use crate::Failure;

/// Turns in which nothing comes, and something should, after which nothing more is waited for.
const PATIENCE: u32 = 2_000;

/// The two ends of the wire, left and right.
pub struct Boards {
    ends: [Box<dyn End>; 2],
}

impl Boards {
    /// Joins two NICs.
    pub fn new(left: Box<dyn End>, right: Box<dyn End>) -> Self {
        Self { ends: [left, right] }
    }
}

impl Cards for Boards {
    /// Their clocks are not each other's, and the line decides when a frame comes: the outcome has no times, only an order.
    fn run(self, programs: [&Program; 2], packets: &[Packet], progress: &mut dyn FnMut(usize, usize)) -> Result<Outcome, Failure> {
        let Self { mut ends } = self;
        for (end, program) in ends.iter_mut().zip(programs) {
            end.bring_up(program)?;
        }
        for packet in packets {
            ends[packet.sender.index()].send(Way::Host, &packet.bytes);
        }
        let mut outcome = Outcome { untimed: true, ..Outcome::default() };
        let (mut order, mut arrived, mut idle) = (0, 0, 0);
        loop {
            let mut rests = true;
            let mut moved = false;
            for side in Side::BOTH {
                rests &= ends[side.index()].turn()?;
                for (way, bytes) in ends[side.index()].take() {
                    moved = true;
                    order += 1;
                    let frame = Timed { bytes, first: order, last: order };
                    match way {
                        Way::Wire => {
                            ends[side.peer().index()].send(Way::Wire, &frame.bytes);
                            outcome.wire.push((side, frame));
                        }
                        Way::Host => {
                            arrived += 1;
                            outcome.delivered[side.peer().index()].push(frame);
                        }
                    }
                }
            }
            progress(arrived, packets.len());
            idle = if moved { 0 } else { idle + 1 };
            if rests && !moved {
                break;
            }
            if idle >= PATIENCE {
                outcome.stuck = true;
                break;
            }
        }
        for side in Side::BOTH {
            let end = &mut ends[side.index()];
            let found = end.counters()?;
            outcome.counters[side.index()] = Event::ALL.iter().map(|&event| found.get(event)).collect();
            outcome.notes.extend(end.clocks().map(|told| format!("{side}, {told}")));
        }
        outcome.max_frame = ends.iter().map(|end| end.max_frame()).min().unwrap_or(0);
        Ok(outcome)
    }
}
