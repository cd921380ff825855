//! Two cards joined by a wire.

use super::{Nic, Perfect, Wire};
use crate::Error;

/// One of the two cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// [`Pair::left`].
    Left,
    /// [`Pair::right`].
    Right,
}

impl Side {
    /// 0 and 1.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// A frame as it went onto the wire, before the wire did anything to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// Who sent it.
    pub from: Side,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Clock in which its first beat left the card.
    pub first: u64,
    /// Clock in which its last beat left the card.
    pub last: u64,
}

/// Two cards, clock by clock in step. The wire carries whole frames: one arrives at the other card's MAC when its last beat has left the
/// first card, one clock later.
pub struct Pair {
    /// One card.
    pub left: Nic,
    /// The other.
    pub right: Nic,
    wire: Box<dyn Wire>,
    /// Every frame that was put on the wire, in the order of its last beats; the user may empty it.
    pub crossings: Vec<Crossing>,
}

impl Pair {
    /// Joins two cards by a perfect wire.
    pub fn new(left: Nic, right: Nic) -> Self {
        Self { left, right, wire: Box::new(Perfect), crossings: Vec::new() }
    }

    /// Another wire from here on.
    pub fn set_wire(&mut self, wire: impl Wire + 'static) {
        self.wire = Box::new(wire);
    }

    /// The card of a side.
    pub fn side(&mut self, side: Side) -> &mut Nic {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }

    /// One clock of both.
    ///
    /// # Errors
    /// As [`Chip::step`](crate::chip::Chip::step).
    pub fn step(&mut self) -> Result<(), Error> {
        self.left.step()?;
        self.right.step()?;
        for from in [Side::Left, Side::Right] {
            for frame in self.side(from).take_wire() {
                self.crossings.push(Crossing { from, bytes: frame.bytes.clone(), first: frame.first, last: frame.last });
                for arrived in self.wire.carry(from, frame.bytes) {
                    self.side(from.other()).send_wire(arrived, false);
                }
            }
        }
        Ok(())
    }

    /// Runs until every queued frame is taken and no beat has moved for `quiet` clocks.
    ///
    /// # Errors
    /// As [`Chip::step`](crate::chip::Chip::step); [`Error::Deadline`] after `limit` clocks.
    pub fn run_until_quiet(&mut self, quiet: u64, limit: u64) -> Result<(), Error> {
        let mut still = 0;
        for _ in 0..limit {
            self.step()?;
            let resting = self.left.pending() + self.right.pending() == 0 && self.left.quiet_for() > 0 && self.right.quiet_for() > 0;
            still = if resting { still + 1 } else { 0 };
            if still >= quiet {
                return Ok(());
            }
        }
        Err(Error::Deadline { what: "both cards to come to rest", clocks: limit })
    }
}
