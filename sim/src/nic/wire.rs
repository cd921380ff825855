//! What happens to frames between two cards.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::Side;

/// A wire, good or bad.
pub trait Wire {
    /// A frame from `from` goes in; what the other side's MAC sees comes out, in order: none, one or several.
    fn carry(&mut self, from: Side, frame: Vec<u8>) -> Vec<Vec<u8>>;
}

/// Delivers everything as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Perfect;

impl Wire for Perfect {
    fn carry(&mut self, _: Side, frame: Vec<u8>) -> Vec<Vec<u8>> {
        vec![frame]
    }
}

/// Any closure is a wire: for tests that tamper with one certain frame.
impl<F: FnMut(Side, Vec<u8>) -> Vec<Vec<u8>>> Wire for F {
    fn carry(&mut self, from: Side, frame: Vec<u8>) -> Vec<Vec<u8>> {
        self(from, frame)
    }
}

/// A wire with faults, each with its chance in thousandths. Bit flips are such as pass the MAC's FCS check: made by an attacker.
#[derive(Debug, Clone)]
pub struct Noise {
    rng: SmallRng,
    /// A frame vanishes.
    pub drop: u32,
    /// A frame arrives twice.
    pub duplicate: u32,
    /// A frame is overtaken by the next one of its direction.
    pub reorder: u32,
    /// One bit of a frame is changed.
    pub flip: u32,
    held: [Option<Vec<u8>>; 2],
    /// What was done, in order.
    pub done: Vec<Fault>,
}

/// A fault that [`Noise`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The frame vanished.
    Drop(Vec<u8>),
    /// The frame arrives twice.
    Duplicate(Vec<u8>),
    /// The frame is held until the next one has passed.
    Reorder(Vec<u8>),
    /// This bit of the frame (counted from the first bit on the wire of each byte, most significant first) was changed.
    Flip(Vec<u8>, usize),
}

impl Noise {
    /// A wire that does nothing bad until the chances are set.
    pub fn new(seed: u64) -> Self {
        Self { rng: SmallRng::seed_from_u64(seed), drop: 0, duplicate: 0, reorder: 0, flip: 0, held: [None, None], done: Vec::new() }
    }

    fn happens(&mut self, thousandths: u32) -> bool {
        thousandths > 0 && self.rng.random_range(0..1000) < thousandths
    }
}

impl Wire for Noise {
    fn carry(&mut self, from: Side, mut frame: Vec<u8>) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        if self.happens(self.drop) {
            self.done.push(Fault::Drop(frame));
        } else if self.held[from.index()].is_none() && self.happens(self.reorder) {
            self.done.push(Fault::Reorder(frame.clone()));
            self.held[from.index()] = Some(frame);
            return out;
        } else if self.happens(self.duplicate) {
            self.done.push(Fault::Duplicate(frame.clone()));
            out.extend([frame.clone(), frame]);
        } else {
            if self.happens(self.flip) && !frame.is_empty() {
                let bit = self.rng.random_range(0..8 * frame.len());
                self.done.push(Fault::Flip(frame.clone(), bit));
                frame[bit / 8] ^= 0x80 >> (bit % 8);
            }
            out.push(frame);
        }
        out.extend(self.held[from.index()].take());
        out
    }
}
