//! The two NICs under test, as far as a run sees them.

use espalier_driver::Event;

use super::program::Program;
use super::sides::Side;
use super::traffic::Packet;
use crate::Failure;

/// A frame and the clocks of its first and last beat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    /// The frame.
    pub bytes: Vec<u8>,
    /// Clock of its first beat.
    pub first: u64,
    /// Clock of its last beat.
    pub last: u64,
}

/// What two NICs did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By sender: clock in which the first beat of each packet was taken from its host, in order.
    pub taken: [Vec<u64>; 2],
    /// Frames on the wire in the order of their last beats, with their sender.
    pub wire: Vec<(Side, Timed)>,
    /// By sender: frames given to the peer's host, in order.
    pub delivered: [Vec<Timed>; 2],
    /// By NIC: how often each event was counted, in the order of `Event::ALL`.
    pub counters: [Vec<u64>; 2],
    /// The longest frame that they take; longer ones count as damaged.
    pub max_frame: usize,
    /// They did not come to rest.
    pub stuck: bool,
    /// The clocks are an order only.
    pub untimed: bool,
    /// What else there is to say.
    pub notes: Vec<String>,
}

impl Outcome {
    /// How often `event` happened in a NIC.
    pub fn counter(&self, side: Side, event: Event) -> u64 {
        self.counters[side.index()].get(usize::from(event.index())).copied().unwrap_or(0)
    }
}

/// Two NICs joined by a wire.
pub trait Cards {
    /// Programs both, sends every packet from its sender, in order and as fast as it is taken, and waits until all is quiet.
    /// `progress` hears how many packets have arrived, and of how many.
    fn run(self, programs: [&Program; 2], packets: &[Packet], progress: &mut dyn FnMut(usize, usize)) -> Result<Outcome, Failure>;
}
