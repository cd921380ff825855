//! A host with a card and its driver, which keeps account of every frame.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use espalier_driver::bus::{DmaBus, InterruptBus, ResetBus};
use espalier_driver::net::{NetDevice, RxFrame, SendError, TxOffload};
use espalier_driver::ops::XfrmdevOps;
use espalier_driver::rings::RingConfig;
use espalier_driver::xfrm::Direction;
use espalier_hdl::card::EspalierCard;
use espalier_regs::Event;
use espalier_regs::dma::Fault;
use espalier_regs::tuser::rx;
use espalier_sim::host::Violation;
use espalier_sim::nic::Side;
use espalier_sim::{CardOptions, Host, Model};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::frames::{Flow, L2, frame, local, tables};

/// A card in a host.
pub fn host(options: CardOptions) -> Host {
    let model = Model::build::<EspalierCard>("espalier_card").expect("the card builds");
    Host::new(model, options).expect("the card has a card's ports")
}

/// What the driver has said of frames, since the device was opened or reset.
#[derive(Debug, Default, Clone)]
pub struct Account {
    /// Frames that `send` took.
    pub accepted: u64,
    /// Completed, by what the engine counted them as.
    pub statuses: BTreeMap<Event, u64>,
    /// Completed without having left the host.
    pub faulted: u64,
    /// Thrown away by the reset of a queue.
    pub lost: u64,
    /// Given by `receive`.
    pub received: u64,
    /// Frames that came over the wire.
    pub arrived: u64,
    /// `rx_damaged` of the rings at the beginning.
    pub damaged_before: u64,
    /// Queues that stopped, by direction and cause.
    pub stops: BTreeMap<(bool, Option<u32>), u64>,
}

impl Account {
    /// Frames that have come back from `sent`.
    pub fn settled(&self) -> u64 {
        self.statuses.values().sum::<u64>() + self.faulted + self.lost
    }
}

/// See the module's documentation.
pub struct Station {
    pub side: Side,
    pub net: NetDevice<Host>,
    pub account: Account,
    rng: SmallRng,
    /// Waits for interrupts; else it polls.
    interrupts: bool,
    serial: u64,
    next_number: u64,
    /// IP packets that go out as ESP, and have not come out at the other host.
    pub protected: HashSet<Vec<u8>>,
    /// Frames that came over the wire, in order.
    arrivals: VecDeque<Vec<u8>>,
    /// A reset may have come amid the first of them.
    cut: bool,
}

impl Station {
    pub fn new(side: Side, config: RingConfig, options: CardOptions, seed: u64) -> Self {
        let mut net = NetDevice::open(host(options), config).expect("bring-up");
        set_up(&mut net, side);
        Self {
            side,
            net,
            account: Account::default(),
            rng: SmallRng::seed_from_u64(seed),
            interrupts: side == Side::Right,
            serial: 0,
            next_number: 0,
            protected: HashSet::new(),
            arrivals: VecDeque::new(),
            cut: false,
        }
    }

    pub fn host(&mut self) -> &mut Host {
        self.net.device().bus()
    }

    pub fn violations(&mut self) -> Vec<Violation> {
        self.host().take_violations()
    }

    /// Gives up to `count` frames to the driver, as many as there is room for.
    pub fn send(&mut self, count: u64, longest: usize) {
        for _ in 0..count {
            let flow = [Flow::Bypass, Flow::Tunnel, Flow::Transport][self.rng.random_range(0..3)];
            let bytes = frame(&mut self.rng, flow, self.side, self.serial, longest);
            let offload = if flow == Flow::Bypass { TxOffload::None } else { TxOffload::Packet };
            match self.net.send(&bytes, offload) {
                Ok(()) => {}
                Err(SendError::Full | SendError::Stopped) => return,
                Err(error) => panic!("{} bytes: {error}", bytes.len()),
            }
            if flow != Flow::Bypass {
                self.protected.insert(bytes[L2..].to_vec());
            }
            self.serial += 1;
            self.account.accepted += 1;
        }
    }

    /// A frame comes over the wire.
    pub fn arrive(&mut self, bytes: Vec<u8>, damaged: bool) {
        self.account.arrived += 1;
        self.host().send_wire(&bytes, damaged);
        if !damaged {
            self.arrivals.push_back(bytes);
        }
    }

    /// Takes what the driver has; `peer` are the packets that were sent to here to be protected.
    pub fn take(&mut self, receive: bool, peer: &mut HashSet<Vec<u8>>) {
        self.take_sent();
        while receive && let Some(frame) = self.net.receive().expect("a sane RX ring") {
            self.account.received += 1;
            self.check(&frame, peer);
        }
        let event = self.net.next_event();
        assert!(event.is_none(), "{event:?}");
        if self.net.has_stopped() || (!self.interrupts && self.rng.random_range(0..8) == 0) {
            for fault in self.net.recover().expect("the queue recovers") {
                let key = (fault.direction == Direction::In, fault.cause.map(|cause: Fault| cause as u32));
                *self.account.stops.entry(key).or_default() += 1;
            }
            self.take_sent();
        }
    }

    fn take_sent(&mut self) {
        for done in self.net.sent().expect("a sane TX ring") {
            assert_eq!(done.frame_number, self.next_number, "each frame comes back once, in order");
            self.next_number += 1;
            match done.status {
                Some(status) => *self.account.statuses.entry(status.event).or_default() += 1,
                None if done.is_lost() => self.account.lost += 1,
                None => self.account.faulted += 1,
            }
        }
    }

    /// What came out of an SA was sent to be protected, and comes once; everything else is as it came over the wire.
    fn check(&mut self, frame: &RxFrame, peer: &mut HashSet<Vec<u8>>) {
        if rx::PROTECTED.is_set(frame.word) {
            assert!(peer.remove(&frame.bytes[L2..]), "nobody has sent this packet, or it came twice: {:02x?}", frame.bytes);
            return;
        }
        while let Some(arrived) = self.arrivals.pop_front() {
            // A reset has cut off the beginning of the one that was on its way.
            let tail = self.cut && arrived.ends_with(&frame.bytes);
            if arrived == frame.bytes || tail {
                self.cut &= !tail;
                return;
            }
        }
        panic!("these {} bytes did not come over the wire, or not in this order: {:02x?}", frame.bytes.len(), frame.bytes);
    }

    /// Lets some time pass, at most so many clocks.
    pub fn rest(&mut self, clocks: u64) {
        if self.interrupts {
            self.net.wait(Duration::from_nanos(6 * clocks)).expect("a wait");
        } else {
            self.host().run(clocks).expect("the card keeps the rules");
        }
    }

    pub fn random(&mut self, below: u64) -> u64 {
        self.rng.random_range(0..below)
    }

    /// Function reset; every frame that was given comes back, and the account begins anew.
    pub fn reset(&mut self) {
        // That no access was left when the card had halted, the simulator has checked.
        self.net.reset().expect("a function reset");
        self.take_sent();
        assert_eq!(self.account.settled(), self.account.accepted, "every frame comes back");
        while self.net.receive().expect("a sane RX ring").is_some() {}
        // What the MAC has not given yet is still to come.
        let damaged_before = self.net.stats().rx_damaged;
        self.account = Account { arrived: self.host().pending() as u64, damaged_before, ..Account::default() };
        self.cut = true;
        set_up(&mut self.net, self.side);
    }
}

/// SAs, policies, addresses; then the traffic may come.
pub fn set_up<B: DmaBus + InterruptBus + ResetBus>(net: &mut NetDevice<B>, side: Side) {
    let device = net.device();
    device.set_local_addresses(&local(side)).expect("addresses");
    for flow in [Flow::Tunnel, Flow::Transport] {
        for (from, direction) in [(side, Direction::Out), (side.other(), Direction::In)] {
            let (sa, policy) = tables(flow, from, direction);
            device.add_policy(&policy).expect("a policy");
            device.add_sa(&sa).expect("an SA");
        }
    }
    net.enable().expect("traffic on");
}
