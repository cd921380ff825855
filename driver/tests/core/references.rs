//! Whatever happens in whatever order: what was added is deleted once and freed once, and nothing is freed while it is held.

use std::collections::HashMap;

use espalier_driver::core::{Output, PolicyId, PolicyRequest, StateRef, StateRequest, XfrmCore};
use espalier_driver::ops::{DeviceEvent, OffloadHandle};
use espalier_driver::sa::SaError;
use espalier_driver::xfrm::Limits;
use proptest::prelude::*;

use crate::fixtures::{NO_MARK, START, THERE, id, inner, out, packet, policy, skb, software_policy};
use crate::mock::{Counted, Mock, Stage};

#[derive(Clone, Copy, Debug)]
enum Offload {
    None,
    Crypto,
    Packet,
}

#[derive(Clone, Debug)]
enum Op {
    Add { spi: u32, dev: usize, offload: Offload, limit: u64 },
    Update { spi: u32, dev: usize, offload: Offload, limit: u64 },
    Delete { spi: u32 },
    Flush,
    Hold { spi: u32 },
    Release { which: usize },
    Send { dev: usize },
    PolicyAdd { dev: Option<usize> },
    PolicyUpdate { dev: Option<usize> },
    PolicyDelete,
    Down { dev: usize },
    Reregister { dev: usize },
    Refuse { dev: usize, refuse: bool },
    Count { which: usize, packets: u64 },
    Lost { dev: usize },
    Wait { seconds: u64 },
    Collect,
}

const DEVICES: [&str; 2] = ["eth0", "eth1"];

fn op() -> impl Strategy<Value = Op> {
    let offload = || prop_oneof![Just(Offload::None), Just(Offload::Crypto), Just(Offload::Packet)];
    let sa = || (1..5_u32, 0..2_usize, offload(), prop_oneof![Just(Limits::INF), 1..6_u64]);
    prop_oneof![
        6 => sa().prop_map(|(spi, dev, offload, limit)| Op::Add { spi, dev, offload, limit }),
        2 => sa().prop_map(|(spi, dev, offload, limit)| Op::Update { spi, dev, offload, limit }),
        3 => (1..5_u32).prop_map(|spi| Op::Delete { spi }),
        1 => Just(Op::Flush),
        3 => (1..5_u32).prop_map(|spi| Op::Hold { spi }),
        3 => (0..8_usize).prop_map(|which| Op::Release { which }),
        6 => (0..2_usize).prop_map(|dev| Op::Send { dev }),
        2 => prop::option::of(0..2_usize).prop_map(|dev| Op::PolicyAdd { dev }),
        2 => prop::option::of(0..2_usize).prop_map(|dev| Op::PolicyUpdate { dev }),
        1 => Just(Op::PolicyDelete),
        1 => (0..2_usize).prop_map(|dev| Op::Down { dev }),
        1 => (0..2_usize).prop_map(|dev| Op::Reregister { dev }),
        1 => (0..2_usize, any::<bool>()).prop_map(|(dev, refuse)| Op::Refuse { dev, refuse }),
        3 => (0..8_usize, 1..4_u64).prop_map(|(which, packets)| Op::Count { which, packets }),
        1 => (0..2_usize).prop_map(|dev| Op::Lost { dev }),
        2 => prop_oneof![Just(1), Just(40)].prop_map(|seconds| Op::Wait { seconds }),
        1 => Just(Op::Collect),
    ]
}

struct World {
    core: XfrmCore<Mock>,
    mocks: Vec<Mock>,
    /// References, and what device has what handle for them.
    held: Vec<(StateRef, Option<(usize, OffloadHandle)>)>,
    now: u64,
}

impl World {
    fn new() -> Self {
        let mut core = XfrmCore::new(START);
        let mocks: Vec<Mock> = DEVICES.iter().map(|name| Mock::new(name)).collect();
        for mock in &mocks {
            core.register(mock.clone()).expect("good");
        }
        DEVICES.iter().for_each(|dev| core.up(dev).expect("there"));
        Self { core, mocks, held: Vec::new(), now: START }
    }

    fn request(spi: u32, dev: usize, offload: Offload, limit: u64) -> StateRequest {
        let mut params = out(spi);
        params.limits = Limits { hard_packets: limit, ..Limits::NONE };
        match offload {
            Offload::None => StateRequest::software(params),
            Offload::Crypto => StateRequest::offloaded(params, DEVICES[dev]),
            Offload::Packet => StateRequest::offloaded(packet(params), DEVICES[dev]),
        }
    }

    fn policy(dev: Option<usize>) -> PolicyRequest {
        dev.map_or_else(|| software_policy(policy()), |dev| PolicyRequest::offloaded(policy(), DEVICES[dev]))
    }

    fn hold(&mut self, sa: StateRef) {
        let x = self.core.state(sa.id()).expect("held");
        let place = x.xso.as_ref().and_then(|xso| Some((DEVICES.iter().position(|dev| *dev == xso.dev)?, xso.offload_handle?)));
        self.held.push((sa, place));
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Add { spi, dev, offload, limit } => {
                let there = self.core.state_lookup(&id(THERE, spi), 0).is_some();
                let added = self.core.state_add(Self::request(spi, dev, offload, limit));
                assert!(!(there && added.is_ok()), "two of one name");
            }
            Op::Update { spi, dev, offload, limit } => {
                let _ = self.core.state_update(Self::request(spi, dev, offload, limit));
            }
            Op::Delete { spi } => {
                let there = self.core.state_lookup(&id(THERE, spi), 0).is_some();
                assert_eq!(self.core.state_delete(&id(THERE, spi), NO_MARK).is_ok(), there);
            }
            Op::Flush => self.core.state_flush(0),
            Op::Hold { spi } => {
                if let Some(sa) = self.core.state_lookup(&id(THERE, spi), 0) {
                    self.hold(sa);
                }
            }
            Op::Release { which } => {
                if !self.held.is_empty() {
                    self.held.swap_remove(which % self.held.len());
                }
            }
            Op::Send { dev } => match self.core.output(DEVICES[dev], &skb(&inner(20)), 0, 0) {
                Ok(Output::Software { sa, .. } | Output::Crypto { sa, .. } | Output::Packet { sa, .. }) => self.hold(sa),
                Ok(Output::Plain) | Err(_) => {}
            },
            Op::PolicyAdd { dev } => drop(self.core.policy_add(Self::policy(dev))),
            Op::PolicyUpdate { dev } => drop(self.core.policy_update(Self::policy(dev))),
            Op::PolicyDelete => drop(self.core.policy_delete(&PolicyId::of(&policy()))),
            Op::Down { dev } => {
                self.core.down(DEVICES[dev]).expect("there");
                self.assert_clean(dev);
                self.core.up(DEVICES[dev]).expect("there");
            }
            Op::Reregister { dev } => {
                let mock = self.core.unregister(DEVICES[dev]).expect("there");
                self.assert_clean(dev);
                self.core.register(mock).expect("good");
                self.core.up(DEVICES[dev]).expect("there");
            }
            Op::Refuse { dev, refuse } => {
                self.mocks[dev].with(|books| books.refuse = refuse.then_some(|| SaError::Esn.into()));
            }
            Op::Count { which, packets } => {
                let live: Vec<(usize, OffloadHandle)> =
                    (0..2).flat_map(|dev| self.live(dev).into_iter().map(move |handle| (dev, handle))).collect();
                if let Some((dev, handle)) = live.get(which % live.len().max(1)).copied() {
                    self.mocks[dev].with(|books| {
                        books.counted.entry(handle).or_insert_with(Counted::default).packets += packets;
                        books.events.push_back(DeviceEvent::LifetimeHard(handle));
                    });
                    self.core.poll_devices();
                }
            }
            Op::Lost { dev } => {
                self.mocks[dev].with(|books| books.events.push_back(DeviceEvent::Lost));
                self.core.poll_devices();
            }
            Op::Wait { seconds } => {
                self.now += seconds;
                self.core.set_time(self.now);
            }
            Op::Collect => self.core.collect_garbage(),
        }
        while self.core.next_event().is_some() {}
    }

    fn live(&self, dev: usize) -> Vec<OffloadHandle> {
        self.mocks[dev].with(|books| books.states.iter().filter(|(_, stage)| **stage == Stage::Added).map(|(handle, _)| *handle).collect())
    }

    /// Nothing of a device that went down is left.
    fn assert_clean(&mut self, dev: usize) {
        let clean = |stage: &Stage| *stage == Stage::Freed;
        assert!(self.mocks[dev].states().iter().all(clean) && self.mocks[dev].policies().iter().all(clean));
        // Their references hold dead states without a device from now on.
        for (_, place) in &mut self.held {
            *place = place.filter(|(other, _)| *other != dev);
        }
    }

    /// What must always hold.
    fn check(&mut self) {
        for (sa, place) in &self.held {
            assert!(self.core.state(sa.id()).is_some(), "a state that is held is there");
            if let Some((dev, handle)) = place {
                let stage = self.mocks[*dev].with(|books| books.states[handle]);
                assert_ne!(stage, Stage::Freed, "freed while a packet is in flight");
            }
        }
        // The device has what the SAD has.
        let mut on_device: HashMap<usize, usize> = HashMap::new();
        for sa in self.core.states() {
            if let Some(xso) = &self.core.state(sa.id()).expect("held").xso {
                let dev = DEVICES.iter().position(|dev| *dev == xso.dev).expect("one of them");
                let handle = xso.offload_handle.expect("offloaded");
                assert_eq!(self.mocks[dev].with(|books| books.states[&handle]), Stage::Added);
                *on_device.entry(dev).or_default() += 1;
            }
        }
        for (dev, name) in DEVICES.iter().enumerate() {
            assert_eq!(self.live(dev).len(), on_device.get(&dev).copied().unwrap_or(0), "{name}");
        }
        assert_eq!(self.core.state_dump().len(), self.core.sad_info().count as usize);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn everything_is_deleted_once_and_freed_once_and_never_under_a_packet(ops in prop::collection::vec(op(), 1..80)) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
            world.check();
        }
        world.core.state_flush(0);
        drop(world.core.policy_delete(&PolicyId::of(&policy())));
        world.held.clear();
        world.core.collect_garbage();
        for mock in &world.mocks {
            prop_assert!(mock.states().iter().chain(&mock.policies()).all(|stage| *stage == Stage::Freed));
        }
        prop_assert_eq!((world.core.states_allocated(), world.core.policies_allocated()), (0, 0));
    }
}
