//! What goes wrong between the device and memory.

use std::ops::RangeInclusive;

use rand::RngExt;
use rand::rngs::SmallRng;

/// Chances of faults: each strikes one in so many accesses; 0 is never.
#[derive(Debug, Clone)]
pub struct Faults {
    /// A read has a beat, or all, with SLVERR.
    pub read_error: u32,
    /// A write is answered with SLVERR, and nothing is written.
    pub write_error: u32,
    /// An access meets an address that is not mapped: DECERR.
    pub unmapped: u32,
    /// An answer takes [`Faults::slow_clocks`] more.
    pub slow: u32,
    /// How much longer a slow answer takes.
    pub slow_clocks: RangeInclusive<u64>,
}

impl Faults {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self { read_error: 0, write_error: 0, unmapped: 0, slow: 0, slow_clocks: 0..=0 }
    }

    /// Each kind strikes one in `n` accesses; a slow answer takes up to 4000 clocks more.
    #[must_use]
    pub const fn one_in(n: u32) -> Self {
        Self { read_error: n, write_error: n, unmapped: n, slow: n, slow_clocks: 100..=4000 }
    }
}

/// How many faults there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Reads with an error.
    pub read_errors: u64,
    /// Writes with an error.
    pub write_errors: u64,
    /// Accesses that met an address as if it were not mapped.
    pub unmapped: u64,
    /// Slow answers.
    pub slow: u64,
}

/// What an access meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// SLVERR, in this beat of a read, or in all.
    Error(Option<usize>),
    /// DECERR.
    Unmapped,
}

fn strikes(rng: &mut SmallRng, one_in: u32) -> bool {
    one_in > 0 && rng.random_range(0..one_in) == 0
}

impl Faults {
    /// For an access of so many beats: what it meets, and how much longer it takes.
    pub(super) fn judge(&self, rng: &mut SmallRng, counts: &mut FaultCounts, write: bool, beats: usize) -> (Verdict, u64) {
        let slow = strikes(rng, self.slow);
        counts.slow += u64::from(slow);
        let extra = if slow { rng.random_range(self.slow_clocks.clone()) } else { 0 };
        let verdict = if strikes(rng, self.unmapped) {
            counts.unmapped += 1;
            Verdict::Unmapped
        } else if write && strikes(rng, self.write_error) {
            counts.write_errors += 1;
            Verdict::Error(None)
        } else if !write && strikes(rng, self.read_error) {
            counts.read_errors += 1;
            Verdict::Error(rng.random::<bool>().then(|| rng.random_range(0..beats)))
        } else {
            Verdict::Good
        };
        (verdict, extra)
    }
}
