//! Clocks of one kind of traffic through one set-up.

use std::ops::Range;

use espalier_driver::xfrm::Direction;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::Error;
use crate::card::{Card, Passed};
use crate::case::{Pattern, Setup, Traffic};

/// Frames of a run, in each direction; a multiple of [`PERIOD`]. The first and the last quarter do not count.
const FRAMES: usize = 144;
/// The same of frames of more than [`LONG`] bytes.
const LONG_FRAMES: usize = 48;
/// See [`LONG_FRAMES`].
const LONG: usize = 1024;
/// What the counted frames are a multiple of, so that a rhythm of 2, 3, 4 or 6 frames, or IMIX, is counted whole.
const PERIOD: usize = 12;
/// A lone frame is sent this often, each time at another clock of the engine's rhythms (the policies' and the replay windows' of 8).
const PHASES: u64 = 8;
/// Of the random order.
const SEED: u64 = 5;

/// Clocks of a kind of traffic; with both directions those of the slower one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clocks {
    /// Between two frames in steady state.
    pub per_packet: f64,
    /// From the first beat in to the first beat out of a lone frame, the longest of its mix, at the worst clock to come.
    pub latency: u64,
    /// Bytes of a frame on the wire's side, the mean, FCS not counted.
    pub wire_bytes: f64,
}

/// The SAs of a run's frames, by number.
struct Order {
    pattern: Pattern,
    sas: usize,
    random: StdRng,
}

impl Order {
    fn new(setup: Setup, pattern: Pattern) -> Self {
        Self { pattern, sas: setup.sas, random: StdRng::seed_from_u64(SEED) }
    }

    fn of(&mut self, frame: usize) -> usize {
        match self.pattern {
            Pattern::One => 0,
            Pattern::RoundRobin => frame % self.sas,
            Pattern::Random => self.random.random_range(0..self.sas),
        }
    }
}

/// Sends lone frames, then many back to back; with both directions, in both at once.
///
/// # Errors
/// As [`Card::pass`], and when there is no steady state to be seen.
pub fn measure(card: &mut Card, setup: Setup, traffic: Traffic) -> Result<Clocks, Error> {
    measure_over(card, setup, traffic, 0)
}

/// As [`measure`], over `least` frames or more, but for long ones.
///
/// # Errors
/// As [`measure`].
pub fn measure_over(card: &mut Card, setup: Setup, traffic: Traffic, least: usize) -> Result<Clocks, Error> {
    let Traffic { size, load, pattern } = traffic;
    let directions = || [Direction::Out, Direction::In].into_iter().zip(load.ways()).filter_map(|(way, on)| on.then_some(way));
    let mut order = Order::new(setup, pattern);
    let mut latency = 0;
    for phase in 0..PHASES {
        let nic = card.device.bus();
        nic.run((phase + PHASES - nic.cycles() % PHASES) % PHASES)?;
        for direction in directions() {
            card.offer(direction, order.of(0), size.longest())?;
        }
        let lone = card.pass()?;
        let slowest = lone.iter().filter_map(|passed| Some(passed.came.first()?.0 - passed.sent.first()?.first)).max();
        latency = latency.max(slowest.unwrap_or(0));
    }

    let frames = if size.longest() > LONG && size.period() == 1 { LONG_FRAMES } else { FRAMES.max(least.next_multiple_of(PERIOD)) };
    for frame in 0..frames {
        let sa = order.of(frame);
        for direction in directions() {
            card.offer(direction, sa, size.of(frame))?;
        }
    }
    let passed = card.pass()?;
    let per_packet = steady(&passed).ok_or_else(|| Error::wrong(setup, format!("{traffic}: no steady state")))?;
    let wire_bytes = passed.iter().map(|passed| passed.wire_bytes).max().unwrap_or(0) as f64 / frames as f64;
    Ok(Clocks { per_packet, latency, wire_bytes })
}

/// Clocks between two frames of the slower direction, while every direction that has frames is in full flow.
pub fn steady(passed: &[Passed; 2]) -> Option<f64> {
    let ends = passed.iter().map(|passed| passed.came.iter().map(|(_, last)| *last).collect::<Vec<_>>());
    let ends: Vec<_> = ends.filter(|ends| !ends.is_empty()).collect();
    let from = ends.iter().map(|ends| ends[ends.len() / 4]).max()?;
    let to = ends.iter().map(|ends| ends[ends.len() - ends.len() / 4]).min()?;
    ends.iter().map(|ends| per_packet(ends, from..to)).try_fold(0.0, |slowest, clocks| Some(f64::max(slowest, clocks?)))
}

/// Clocks between two frames that end within a span of clocks.
fn per_packet(ends: &[u64], span: Range<u64>) -> Option<f64> {
    let within: Vec<u64> = ends.iter().copied().filter(|end| (span.start..=span.end).contains(end)).collect();
    let intervals = within.len().checked_sub(1)? / PERIOD * PERIOD;
    let clocks = within.get(intervals)? - within.first()?;
    (intervals > 0).then(|| clocks as f64 / intervals as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(clocks: u64, from: u64, frames: u64) -> Passed {
        Passed { came: (0..frames).map(|frame| (0, from + frame * clocks)).collect(), ..Passed::default() }
    }

    #[test]
    fn the_slower_direction_counts() {
        assert_eq!(steady(&[every(10, 50, 96), Passed::default()]), Some(10.0));
        assert_eq!(steady(&[every(10, 50, 96), every(12, 150, 96)]), Some(12.0));
    }

    #[test]
    fn what_one_direction_does_alone_does_not_count() {
        // The slow one runs on at 5 clocks when the fast one has ended.
        let mut slow = every(12, 0, 96);
        let end = slow.came[80].1;
        slow.came.iter_mut().skip(81).zip(1..).for_each(|((_, last), more)| *last = end + 5 * more);
        assert_eq!(steady(&[every(10, 0, 96), slow]), Some(12.0));
    }

    #[test]
    fn a_rhythm_counts_whole() {
        let came = (0..96).map(|frame| (0, frame * 10 + frame % 2 * 5)).collect();
        assert_eq!(steady(&[Passed { came, ..Passed::default() }, Passed::default()]), Some(10.0));
    }

    #[test]
    fn directions_that_never_run_together_have_no_steady_state() {
        assert_eq!(steady(&[every(10, 0, 96), every(10, 5000, 96)]), None);
    }
}
