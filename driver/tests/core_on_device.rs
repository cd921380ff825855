//! Property: whatever the XFRM core is asked for, in whatever order, with packets in flight and the device going down and up,
//! the device's tables hold exactly the SAs in force; nothing points to an SA that is not there, at any command; and the
//! number of an SA is not given to another while a packet may carry it.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{CAPABILITIES, Command, address, commands, recorder, sa};
use espalier_driver::bus::Recorder;
use espalier_driver::core::{MonitorEvent, PolicyId, PolicyRequest, StateRef, StateRequest, XfrmCore};
use espalier_driver::policy::{Level, Template};
use espalier_driver::xfrm::{Direction, Limits, Mark, Mode, OffloadMode, PolicyDirection, SaId, Selector, protocol};
use espalier_driver::{Capabilities, Device, Errno, PolicyParams, SaParams};
use espalier_regs::mailbox::{Op, accept, cam, policy as field, tx_sa};
use espalier_regs::map;
use espalier_regs::notice::{Kind, Notice};
use proptest::prelude::*;

const DEV: &str = "espalier0";
const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";
/// Hard limit of packets, of the SAs that have one.
const LIMIT: u64 = 10;

#[derive(Clone, Copy, Debug)]
enum Act {
    Add { spi: u32, direction: Direction, mode: OffloadMode, limited: bool },
    Update { spi: u32, direction: Direction, limited: bool },
    Delete { spi: u32, direction: Direction },
    Hold { spi: u32, direction: Direction },
    Release(usize),
    Expire { spi: u32, direction: Direction },
    Policy { number: u8, direction: PolicyDirection, priority: u32, update: bool },
    PolicyDelete { number: u8, direction: PolicyDirection },
    DownUp,
    Dump,
}

fn act() -> impl Strategy<Value = Act> {
    let direction = || prop_oneof![Just(Direction::In), Just(Direction::Out)];
    let sa = || (1..6_u32, direction());
    let mode = prop_oneof![3 => Just(OffloadMode::Packet), 1 => Just(OffloadMode::Crypto)];
    let policies = || prop_oneof![2 => Just(PolicyDirection::Out), 2 => Just(PolicyDirection::In), 1 => Just(PolicyDirection::Fwd)];
    prop_oneof![
        6 => (sa(), mode, any::<bool>()).prop_map(|((spi, direction), mode, limited)| Act::Add { spi, direction, mode, limited }),
        2 => (sa(), any::<bool>()).prop_map(|((spi, direction), limited)| Act::Update { spi, direction, limited }),
        3 => sa().prop_map(|(spi, direction)| Act::Delete { spi, direction }),
        3 => sa().prop_map(|(spi, direction)| Act::Hold { spi, direction }),
        3 => (0..8_usize).prop_map(Act::Release),
        2 => sa().prop_map(|(spi, direction)| Act::Expire { spi, direction }),
        4 => (0..3_u8, policies(), 0..2_u32, any::<bool>())
            .prop_map(|(number, direction, priority, update)| Act::Policy { number, direction, priority, update }),
        2 => (0..3_u8, policies()).prop_map(|(number, direction)| Act::PolicyDelete { number, direction }),
        1 => Just(Act::DownUp),
        1 => Just(Act::Dump),
    ]
}

fn params(spi: u32, direction: Direction, mode: OffloadMode, limited: bool) -> SaParams {
    let (saddr, daddr) = if direction == Direction::Out { (HERE, THERE) } else { (THERE, HERE) };
    let mut params = SaParams { reqid: spi % 2, ..sa(saddr, daddr, spi, Mode::Tunnel, direction) };
    params.offload.mode = mode;
    params.limits.hard_packets = if limited { LIMIT } else { Limits::INF };
    params
}

fn policy(number: u8, direction: PolicyDirection, priority: u32) -> PolicyParams {
    let net = |second: u8| format!("10.{second}.{number}.0/24").parse().expect("a prefix");
    let (src, dst, saddr, daddr) = if direction == PolicyDirection::Out { (1, 2, HERE, THERE) } else { (2, 1, THERE, HERE) };
    let id = SaId { daddr: address(daddr), spi: 0, proto: protocol::ESP };
    let template = Template { id, saddr: address(saddr), mode: Mode::Tunnel, reqid: priority, level: Level::Required };
    PolicyParams { priority, templates: vec![template], ..PolicyParams::new(Selector::between(net(src), net(dst)), direction) }
}

fn id(spi: u32, direction: Direction) -> SaId {
    params(spi, direction, OffloadMode::Packet, false).id
}

/// The device's tables, as the commands left them.
#[derive(Default)]
struct Tables {
    tx: BTreeMap<u16, u32>,
    /// Numbers in `tx`, the one written last at the end: one that encrypts for the stack may stay beside another with its SPI.
    tx_order: Vec<u16>,
    rx: BTreeSet<u16>,
    cam: BTreeMap<(u16, u8), (u32, u16)>,
    tx_policies: BTreeMap<u16, Command>,
    rx_policies: BTreeSet<u16>,
    accepts: BTreeMap<u16, u128>,
}

impl Tables {
    fn execute(&mut self, command: &Command, held: &[Held]) {
        let (index, place) = (command.index, (command.index, command.way));
        let free = |direction| assert!(!held.iter().any(|held| held.place == (direction, index)), "{:?} {index} is held", command.op);
        match command.op {
            Op::TxSaWrite => {
                if command.get(tx_sa::KEEP) == 0 {
                    free(Direction::Out);
                }
                self.tx.insert(index, command.get(tx_sa::SPI) as u32);
                self.tx_order.retain(|number| *number != index);
                self.tx_order.push(index);
            }
            Op::RxSaWrite => {
                free(Direction::In);
                self.rx.insert(index);
            }
            Op::TxSaClear => drop(self.tx.remove(&index)),
            Op::RxSaClear => drop(self.rx.remove(&index)),
            Op::CamWrite => drop(self.cam.insert(place, (command.get(cam::KEY_SPI) as u32, command.get(cam::SA) as u16))),
            Op::CamClear => drop(self.cam.remove(&place)),
            Op::TxPolicyWrite => drop(self.tx_policies.insert(index, command.clone())),
            Op::TxPolicyClear => drop(self.tx_policies.remove(&index)),
            Op::RxPolicyWrite => drop(self.rx_policies.insert(index)),
            Op::RxPolicyClear => drop(self.rx_policies.remove(&index)),
            Op::RxAcceptWrite => drop(self.accepts.insert(index, command.get(accept::POLICIES))),
            Op::ReadTxSa => assert!(self.tx.contains_key(&index)),
            Op::ReadRxSa => assert!(self.rx.contains(&index)),
            Op::TxLimitsWrite | Op::RxLimitsWrite | Op::RxSelectorWrite | Op::LocalWrite | Op::LocalClear => {}
        }
        for (spi, number) in self.cam.values() {
            assert!(self.rx.contains(number), "the CAM sends SPI {spi} to SA {number}, which is not there");
        }
        for entry in self.tx_policies.values().filter(|entry| entry.get(field::SA_VALID) == 1) {
            assert!(self.tx.contains_key(&(entry.get(field::SA) as u16)), "a policy names an SA that is not there");
        }
    }

    /// The number of the SA that packets find.
    fn number(&self, spi: u32, direction: Direction) -> Option<u16> {
        match direction {
            Direction::Out => self.tx_order.iter().rev().find(|number| self.tx.get(number) == Some(&spi)).copied(),
            Direction::In => self.cam.values().find(|(found, _)| *found == spi).map(|(_, number)| *number),
        }
    }
}

/// A packet in flight.
struct Held {
    _reference: StateRef,
    place: (Direction, u16),
}

struct Rig {
    core: XfrmCore<Device<Recorder>>,
    tables: Tables,
    held: Vec<Held>,
}

impl Rig {
    fn new() -> Self {
        let capabilities = Capabilities { tx_sas: 3, rx_sas: 3, policies: 6, rx_policies: 4, ..CAPABILITIES };
        let mut device = Device::open(recorder(&capabilities)).expect("bring-up");
        device.set_local_addresses(&[address("10.1.0.1")]).expect("set");
        device.bus().take();
        let mut core = XfrmCore::new(1_700_000_000);
        core.register(device).expect("a proper device");
        core.up(DEV).expect("it is there");
        Self { core, tables: Tables::default(), held: Vec::new() }
    }

    fn device(&mut self) -> &mut Device<Recorder> {
        self.core.device_ops(DEV).expect("it is there")
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Add { spi, direction, mode, limited } => {
                let before = self.tables.number(spi, direction);
                let added = self.core.state_add(StateRequest::offloaded(params(spi, direction, mode, limited), DEV));
                self.follow();
                let there = self.tables.number(spi, direction);
                match added {
                    Ok(_) => assert!(there.is_some() && there != before, "a new SA stands in the device"),
                    // It is there, or the small tables are full.
                    Err(error) => assert!(matches!(error.errno(), Errno::Eexist | Errno::Enospc) && there == before, "{error}"),
                }
            }
            Act::Update { spi, direction, limited } => {
                drop(self.core.state_update(StateRequest::offloaded(params(spi, direction, OffloadMode::Packet, limited), DEV)));
            }
            Act::Delete { spi, direction } => drop(self.core.state_delete(&id(spi, direction), Mark::default())),
            Act::Hold { spi, direction } => {
                let reference = self.core.state_lookup(&id(spi, direction), 0);
                if let (Some(reference), Some(number)) = (reference, self.tables.number(spi, direction)) {
                    self.held.push(Held { _reference: reference, place: (direction, number) });
                }
            }
            Act::Release(which) if !self.held.is_empty() => {
                self.held.remove(which % self.held.len());
                self.core.collect_garbage();
            }
            Act::Expire { spi, direction } => self.expire(spi, direction),
            Act::Policy { number, direction, priority, update } => {
                let request = PolicyRequest::offloaded(policy(number, direction, priority), DEV);
                drop(if update { self.core.policy_update(request) } else { self.core.policy_add(request) });
            }
            Act::PolicyDelete { number, direction } => {
                drop(self.core.policy_delete(&PolicyId::of(&policy(number, direction, 0))));
            }
            Act::DownUp => {
                self.core.down(DEV).expect("it is there");
                self.follow();
                assert!(self.tables.tx.is_empty() && self.tables.rx.is_empty() && self.tables.cam.is_empty(), "no key stays");
                assert!(self.tables.tx_policies.is_empty() && self.tables.rx_policies.is_empty());
                // The device has freed what is held too: packets in flight are gone with the link.
                self.held.clear();
                self.core.up(DEV).expect("it is there");
            }
            Act::Dump => drop(self.core.state_dump()),
            Act::Release(_) => {}
        }
    }

    /// The device says that an SA has reached its hard limit.
    fn expire(&mut self, spi: u32, direction: Direction) {
        let Some(number) = self.tables.number(spi, direction) else { return };
        let word = Notice { kind: Some(Kind::LifetimeHard), tx: direction == Direction::Out, sa: number }.encode();
        let bus = self.device().bus();
        for (offset, word) in map::RESULT.offsets().zip([0, 0, LIMIT as u32, 0, 0, 0, 2, 0, 0, 0]) {
            bus.answer(offset.into(), word);
        }
        bus.queue(map::EVENT.offset.into(), [word]);
        self.core.poll_devices();
        let bus = self.device().bus();
        map::RESULT.offsets().for_each(|offset| bus.answer(offset.into(), 0));
    }

    /// Carries out what was written.
    fn follow(&mut self) {
        let writes = self.device().bus().take_writes();
        let mailbox = |offset: u32| offset == u32::from(map::COMMAND.offset) || map::MAIL.offsets().any(|mail| u32::from(mail) == offset);
        let writes: Vec<_> = writes.into_iter().filter(|(offset, _)| mailbox(*offset)).collect();
        for command in commands(&writes) {
            self.tables.execute(&command, &self.held);
        }
    }

    fn check(&mut self) {
        let states: Vec<_> = self.core.states().iter().filter_map(|state| self.core.state(state.id())).cloned().collect();
        for direction in [Direction::Out, Direction::In] {
            let in_force = states.iter().filter(|x| x.offload_handle().is_some() && x.params.offload.direction == direction);
            let expected: BTreeSet<u32> = in_force.map(|x| x.params.id.spi).collect();
            let found: BTreeSet<u32> = match direction {
                // One that encrypts for the stack stays for the packets that hold it.
                Direction::Out => {
                    let held = |number: u16| self.held.iter().any(|held| held.place == (Direction::Out, number));
                    self.tables.tx.iter().filter(|(number, spi)| expected.contains(spi) || !held(**number)).map(|(_, spi)| *spi).collect()
                }
                Direction::In => self.tables.cam.values().map(|(spi, _)| *spi).collect(),
            };
            assert_eq!(found, expected, "{direction:?}");
        }
        // A map has no bit of a place without a policy: the next policy there would be satisfied by whoever has it.
        let places = self.tables.rx_policies.iter().fold(0_u128, |places, place| places | 1 << place);
        for (_, number) in self.tables.cam.values() {
            assert_eq!(self.tables.accepts[number] & !places, 0);
        }
        while let Some(event) = self.core.next_event() {
            assert!(!matches!(event, MonitorEvent::DeviceFailed { .. } | MonitorEvent::UnknownHandle { .. }), "{event:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_device_holds_what_is_in_force_and_nothing_else(acts in prop::collection::vec(act(), 100..200)) {
        let mut rig = Rig::new();
        for act in acts {
            rig.act(act);
            rig.follow();
            rig.check();
        }
    }
}
