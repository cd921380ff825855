//! Random traffic and random changes against the reference model.

use espalier_driver::xfrm::Direction;
use espalier_reference_model::nic::Counters;
use espalier_reference_model::policy::{Action, Requirement};
use espalier_sim::NicStalls;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::association::Association;
use crate::choices::{Rule, associations, inbound, otherwise, outbound};
use crate::rig::Rig;
use crate::traffic::{Change, Event, Peer, Shot, events};

/// Batches of a run, and events in one: more than 10,000 frames in all.
const BATCHES: u32 = 50;
const EVENTS: usize = 280;
/// Number of the association that comes and goes, and of the first outbound policy that is nobody's.
const VISITOR: u8 = 30;
const OTHERS: u16 = 40;
/// Events for which the visitor's SAs stay when its traffic has ended.
const FAREWELL: usize = 3;

/// What a batch does: tables installed beforehand, an association that comes and goes while the traffic flows, the traffic, the pace.
#[derive(Debug, Clone)]
struct Batch {
    associations: Vec<Association>,
    visitor: Association,
    outbound: Vec<Rule<Action>>,
    inbound: Vec<Rule<Requirement>>,
    /// Behind the inbound policies stand some that take everything that is protected.
    otherwise: bool,
    /// For how many of the associations the packets that come are for this host.
    local: usize,
    events: Vec<Event>,
    stalls: Option<(u64, u32)>,
}

fn batches() -> impl Strategy<Value = Batch> {
    let some = (1..7u8).prop_flat_map(|count| (0..count).map(|index| associations(index).boxed()).collect::<Vec<_>>());
    let stalls = prop::option::of((any::<u64>(), prop_oneof![Just(10u32), Just(30), Just(60)]));
    let policies = (prop::collection::vec(outbound(), 0..4), prop::collection::vec(inbound(), 0..8), prop::bool::weighted(0.85));
    let events = prop::collection::vec(events(), EVENTS..EVENTS + 1);
    (some, associations(VISITOR), policies, 0..7usize, events, stalls).prop_map(
        |(associations, visitor, (outbound, inbound, otherwise), local, events, stalls)| Batch {
            associations,
            visitor,
            outbound,
            inbound,
            otherwise,
            local,
            events,
            stalls,
        },
    )
}

/// A batch on its way.
struct Run<'a> {
    batch: &'a Batch,
    rig: Rig,
    peers: Vec<Peer>,
    frames: usize,
    /// At which event the visitor's SAs go.
    leaves: Option<usize>,
}

impl<'a> Run<'a> {
    fn new(batch: &'a Batch) -> Self {
        let stalls = batch.stalls.map_or_else(NicStalls::never, |(seed, percent)| NicStalls::random(seed, percent));
        let mut rig = Rig::new(stalls);
        for (slot, rule) in (OTHERS..).zip(&batch.outbound) {
            rig.add_outbound(slot, rule.policy(&batch.associations, Direction::Out));
        }
        for rule in &batch.inbound {
            rig.add_inbound(rule.policy(&batch.associations, Direction::In));
        }
        if batch.otherwise {
            otherwise().for_each(|policy| rig.add_inbound(policy));
        }
        for (slot, association) in (0..).zip(batch.associations.iter().take(batch.local)) {
            rig.add_local(slot, association.inside(Direction::In).1);
        }
        batch.associations.iter().for_each(|association| rig.install(association));
        let peers = batch.associations.iter().map(Peer::new).collect();
        Self { batch, rig, peers, frames: 0, leaves: None }
    }

    /// How many frames, and how often each of `espalier_regs::Event` happened.
    fn all(mut self) -> Result<(usize, Counters), String> {
        for (at, event) in self.batch.events.iter().enumerate() {
            for shot in event.shots(&mut self.peers) {
                self.frames += usize::from(!matches!(shot, Shot::Rest));
                self.rig.shoot(&shot)?;
            }
            if let Event::Change(change) = event {
                self.change(change, at)?;
            }
            if self.leaves == Some(at) {
                self.rig.remove(VISITOR);
                self.leaves = None;
            }
        }
        self.rig.verify()?;
        Ok((self.frames, *self.rig.counters()))
    }

    fn change(&mut self, change: &Change, at: usize) -> Result<(), String> {
        let peer = |which: &proptest::sample::Index| which.get(&self.peers).association.index;
        match change {
            Change::Keep(which) => self.rig.keep(peer(which)),
            Change::Again(which) => self.rig.again(peer(which)),
            Change::MaxPayload(which, size) => self.rig.set_max_payload(peer(which), *size),
            Change::Limits(which, direction, limits) => {
                let at = which.index(self.peers.len());
                let peer = &mut self.peers[at];
                if *direction == Direction::In {
                    peer.association.limits[1] = *limits;
                }
                self.rig.set_limits(peer.association.index, *direction, *limits);
            }
            Change::Accepts(which, accepts) => self.rig.accept(peer(which), *accepts),
            Change::PassUnknown(pass) => self.rig.pass_unknown(*pass),
            Change::Rekey(which) => {
                let at = which.index(self.peers.len());
                let mut association = self.peers[at].association.clone();
                association.key_and_salt.reverse();
                association.last_seq = 0;
                self.rig.remove(association.index);
                self.rig.install(&association);
                self.peers[at] = Peer::new(&association);
            }
            Change::Visit if self.leaves.is_some() => {}
            Change::Visit if self.rig.has(VISITOR) => {
                self.rig.verify()?;
                self.peers.pop();
                self.leaves = Some(at + FAREWELL);
            }
            Change::Visit => {
                self.rig.install(&self.batch.visitor);
                self.peers.push(Peer::new(&self.batch.visitor));
            }
        }
        Ok(())
    }
}

/// Reproducible: `ESPALIER_SEED` chooses the batches.
#[test]
fn random_traffic_comes_out_as_the_model_says() {
    let seed = std::env::var("ESPALIER_SEED").ok().map(|seed| seed.parse().expect("ESPALIER_SEED is a number"));
    let seed = seed.unwrap_or_else(rand::random::<u64>);
    println!("ESPALIER_SEED={seed}");
    let config =
        Config { cases: BATCHES, max_shrink_iters: 150, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let (mut frames, mut counts) = (0, vec![0; espalier_regs::Event::ALL.len()]);
    let seen = std::cell::RefCell::new((&mut frames, &mut counts));
    let result = runner.run(&batches(), |batch| {
        let (more, counters) = Run::new(&batch).all().map_err(|error| {
            println!("{error}");
            TestCaseError::fail(error)
        })?;
        let (frames, counts) = &mut *seen.borrow_mut();
        **frames += more;
        counts.iter_mut().zip(espalier_regs::Event::ALL).for_each(|(count, event)| *count += counters.get(*event));
        Ok(())
    });
    if let Err(error) = result {
        panic!("ESPALIER_SEED={seed}: {error}");
    }
    println!("{frames} frames");
    assert!(frames >= 10_000, "{frames} frames are too few");
    // Behind the engine, in the card: see cosim.
    let behind = [espalier_regs::Event::RxDropNoBuffer, espalier_regs::Event::RxDropHostFault];
    let missing: Vec<_> =
        espalier_regs::Event::ALL.iter().zip(&counts).filter(|(event, count)| **count == 0 && !behind.contains(event)).collect();
    assert!(missing.is_empty(), "what never happened was not tested: {missing:?}");
}
