//! Two stations and the wire between them.

use std::collections::BTreeMap;

use espalier_driver::rings::RingConfig;
use espalier_sim::CardOptions;
use espalier_sim::host::Faults;
use espalier_sim::nic::{Noise, Side, Wire};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::balance::balance;
use crate::station::Station;

/// Clocks without a beat after which nothing is under way: longer than the slowest answer and a queue's patience.
const QUIET: u64 = 12_000;
/// Turns after which traffic must have come to its end.
const TURNS: u64 = 1_000_000;

/// See the module's documentation.
pub struct Link {
    pub stations: [Station; 2],
    noise: Noise,
    /// One in so many frames comes damaged out of the MAC; 0 is never.
    damage: u32,
    rng: SmallRng,
    /// Frames that came out of each card.
    pub left_card: [u64; 2],
}

impl Link {
    pub fn new(config: RingConfig, options: impl Fn(u64) -> CardOptions, seed: u64) -> Self {
        let station = |side: Side| {
            let seed = seed.wrapping_mul(2).wrapping_add(side.index() as u64);
            Station::new(side, config, options(seed), seed)
        };
        let stations = [station(Side::Left), station(Side::Right)];
        Self { stations, noise: Noise::new(seed), damage: 0, rng: SmallRng::seed_from_u64(seed), left_card: [0; 2] }
    }

    /// One in `n` accesses meets each kind of fault; 0 is none.
    pub fn set_faults(&mut self, n: u32) {
        self.stations.iter_mut().for_each(|station| station.host().set_faults(Faults::one_in(n)));
    }

    /// One in `n` frames meets each kind of damage on the wire; 0 is none.
    pub fn set_noise(&mut self, n: u32) {
        let chance = 1000_u32.checked_div(n).unwrap_or(0);
        (self.noise.drop, self.noise.duplicate, self.noise.reorder, self.noise.flip) = (chance, chance, chance, chance);
        self.damage = n;
    }

    /// Sends `frames` each way, and goes on until everything has come to rest.
    pub fn run(&mut self, frames: u64, longest: usize) {
        let goals = self.stations.each_ref().map(|station| station.account.accepted + frames);
        for _ in 0..TURNS {
            for (index, goal) in goals.into_iter().enumerate() {
                let left = goal - self.stations[index].account.accepted;
                let burst = self.stations[index].random(12).min(left);
                self.stations[index].send(burst, longest);
                // Sometimes the host is slow to take frames.
                let receive = left == 0 || self.stations[index].random(3) > 0;
                let [left, right] = &mut self.stations;
                let (station, peer) = if index == 0 { (left, right) } else { (right, left) };
                station.take(receive, &mut peer.protected);
                let clocks = station.random(400);
                station.rest(clocks);
            }
            let crossed = self.cross();
            let resting = |(station, goal): (&mut Station, u64)| {
                station.account.accepted == goal
                    && station.account.settled() == goal
                    && !station.net.is_ready()
                    && station.host().pending() == 0
                    && station.host().quiet_for() > QUIET
            };
            if !crossed && self.stations.iter_mut().zip(goals).all(resting) {
                return;
            }
        }
        let accounts = self.stations.each_ref().map(|station| station.account.clone());
        panic!("no rest after {TURNS} turns: {accounts:?} of {goals:?}");
    }

    /// Carries frames over the wire; whether there were any.
    pub fn cross(&mut self) -> bool {
        let mut crossed = false;
        for from in [Side::Left, Side::Right] {
            for frame in self.stations[from.index()].host().take_wire() {
                crossed = true;
                self.left_card[from.index()] += 1;
                for arrived in self.noise.carry(from, frame.bytes) {
                    let damaged = self.damage > 0 && self.rng.random_range(0..self.damage) == 0;
                    self.stations[from.other().index()].arrive(arrived, damaged);
                }
            }
        }
        crossed
    }

    /// Function reset of both, whatever is under way.
    pub fn reset(&mut self) {
        self.cross();
        self.stations.iter_mut().for_each(Station::reset);
        self.left_card = [0; 2];
        for station in &mut self.stations {
            station.host().take_wire();
        }
    }

    /// Whether every frame is accounted for; gives what was lost on the way, by cause.
    pub fn check(&mut self) -> [BTreeMap<String, u64>; 2] {
        for station in &mut self.stations {
            assert_eq!(station.violations(), [], "{:?}", station.side);
            assert_eq!(station.host().outstanding(), 0);
        }
        let left_card = self.left_card;
        self.stations.each_mut().map(|station| balance(station, left_card[station.side.index()]))
    }
}
