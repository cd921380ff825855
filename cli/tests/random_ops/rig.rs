//! Two hosts with Verilated devices, kept from case to case, and what must hold of them whatever they do.

use std::collections::BTreeSet;
use std::net::IpAddr;

use espalier::run::sides::Side;
use espalier::scenario::ast::{Upper, WireFault};
use espalier::scenario::traffic;
use espalier::scenario::world::{DEVICE, World};
use espalier_driver::policy::PolicyType;
use espalier_driver::xfrm::Limits;
use espalier_driver::{Counters, Event};
use espalier_hdl::engine::Espalier;
use espalier_regs::tuser::tx_status;
use espalier_sim::Model;

pub use crate::act::Act;
use crate::act::{Case, Fate, Shot};
use crate::slot::{PORT, Slot, endpoint};

/// How often an event happened to a device since a case began.
type Count<'a> = &'a dyn Fn(Event) -> u64;

impl Shot {
    pub fn fault(&self) -> Option<WireFault> {
        match self.fate {
            Fate::Whole => None,
            Fate::Lost => Some(WireFault::Lose),
            Fate::Damaged(at) => Some(WireFault::Damage(at)),
        }
    }
}

pub struct Rig {
    pub world: World,
    pub up: [bool; 2],
    /// Something was put on its way since everything was at rest.
    moving: bool,
    /// Packets made so far.
    made: u16,
    /// Of each side: counters, frames on the wire and frames for the host when the case began.
    began: [Began; 2],
    /// Frames given to each device since, and frames put before it beside the wire.
    sent: [u64; 2],
    injected: [u64; 2],
    statuses: [Vec<u32>; 2],
}

#[derive(Default)]
struct Began {
    counters: Counters,
    frames: usize,
    lost: usize,
    given: u64,
}

impl Rig {
    pub fn new() -> Self {
        let engine = || Model::build::<Espalier>("espalier").expect("the engine");
        let world = World::new([engine(), engine()]).expect("two hosts");
        Self {
            world,
            up: [false; 2],
            moving: false,
            made: 0,
            began: Default::default(),
            sent: [0; 2],
            injected: [0; 2],
            statuses: Default::default(),
        }
    }

    /// Both hosts are empty; both devices go up.
    pub fn begin(&mut self, case: &Case) {
        self.moving = false;
        for side in Side::BOTH {
            self.up(side).expect("up");
            self.world.set_addresses(side, &[]).expect("no addresses");
            let at = side.index();
            let (frames, lost) = (self.world.wire().count(sim(side)), self.world.wire().lost(sim(side)));
            self.world.take_tx_status(side);
            let host = self.world.host(side);
            while host.core.next_event().is_some() {}
            let given = host.given();
            let device = host.device().expect("registered");
            device.pass_unknown(case.pass_unknown).expect("set");
            self.began[at] = Began { counters: device.counters().expect("counters"), frames, lost, given };
        }
        self.world.wire().forget();
        (self.sent, self.injected) = ([0; 2], [0; 2]);
        self.statuses.iter_mut().for_each(Vec::clear);
    }

    /// A frame that waits for a device that is down would never come to rest.
    pub fn is_up(&self) -> bool {
        self.up == [true; 2]
    }

    pub fn up(&mut self, side: Side) -> Result<(), String> {
        if !self.up[side.index()] {
            let host = self.world.host(side);
            host.device().map_err(text)?.enable().map_err(text)?;
            host.core.up(DEVICE).map_err(text)?;
            self.up[side.index()] = true;
        }
        Ok(())
    }

    pub fn down(&mut self, side: Side) -> Result<(), String> {
        let host = self.world.host(side);
        // First nothing moves any more: what would pass without its policy stays where it is.
        host.device().map_err(text)?.disable().map_err(text)?;
        host.core.down(DEVICE).map_err(text)?;
        self.up[side.index()] = false;
        let device = host.device().map_err(text)?;
        let (sas, policies) = (device.sas().count(), device.policies().count());
        if sas + policies != 0 { Err(format!("{side} is down with {sas} SAs and {policies} policies")) } else { Ok(()) }
    }

    /// Sets the addresses, and gives them.
    pub fn addresses(&mut self, slots: &[Slot], host: Side, inner: u8) -> Result<Vec<IpAddr>, String> {
        // The ends of SAs always are this host's: the engine decrypts what it has an SA for, software what is for the host.
        let mut addresses = vec![endpoint(host, false), endpoint(host, true)];
        addresses.extend(slots.iter().filter(|slot| !slot.tunnel || inner >> slot.index & 1 == 1).map(|slot| slot.inner(host)));
        // Without any address all packets are this host's, and a device refuses `fwd` policies by name.
        if inner & 0x80 != 0 && !slots.iter().any(Slot::is_packet) {
            addresses.clear();
        }
        self.world.set_addresses(host, &addresses).map_err(text)?;
        Ok(addresses)
    }

    /// A slot's SAs have limits of packets or bytes.
    pub fn limited(&mut self, slot: &Slot) -> bool {
        let reqid = u32::from(slot.index) + 1;
        let limited = |limits: Limits| limits.hard_packets != Limits::INF || limits.hard_bytes != Limits::INF;
        Side::BOTH.iter().any(|side| {
            let dump = self.world.host(*side).core.state_dump();
            dump.iter().any(|info| info.reqid == reqid && limited(info.limits))
        })
    }

    /// The packets of a shot; no two are the same, but for IPv4 and IPv6.
    pub fn frames(&mut self, slot: &Slot, shot: &Shot) -> Vec<Vec<u8>> {
        let frame = |_| {
            self.made = self.made.wrapping_add(1);
            let sport = 10_000 + self.made % 50_000;
            let upper = match shot.kind {
                0 => Upper::Ping,
                1 => Upper::Tcp(sport, PORT),
                2 => Upper::Udp(sport, PORT),
                _ => Upper::Udp(sport, PORT + 1),
            };
            traffic::frames(&slot.made(shot.from, upper, 1, shot.size, shot.tos), self.made).expect("a packet").remove(0)
        };
        (0..shot.count).map(frame).collect()
    }

    /// Whether the device was given it.
    pub fn send(&mut self, side: Side, frame: &[u8]) -> Result<bool, String> {
        let refused = self.world.send(side, frame).map_err(text)?;
        self.sent[side.index()] += u64::from(refused.is_none());
        self.moving |= refused.is_none();
        Ok(refused.is_none())
    }

    pub fn inject(&mut self, to: Side, frame: &[u8]) {
        self.world.inject(to, frame);
        self.injected[to.index()] += 1;
        self.moving = true;
    }

    /// Everything comes to rest: what came up each stack. Every frame is accounted for then.
    pub fn settle(&mut self) -> Result<[Vec<Vec<u8>>; 2], String> {
        if !std::mem::take(&mut self.moving) {
            Side::BOTH.into_iter().for_each(|side| self.world.host(side).core.poll_devices());
            return Ok(Default::default());
        }
        let arrivals = self.world.settle().map_err(text)?;
        for side in Side::BOTH {
            self.statuses[side.index()].extend(self.world.take_tx_status(side));
        }
        let crossed = Side::BOTH.map(|side| (self.world.wire().count(sim(side)) - self.began[side.index()].frames) as u64);
        for side in Side::BOTH {
            self.account(side, crossed).map_err(|error| format!("{side}: {error}"))?;
        }
        Ok(arrivals.map(|arrivals| arrivals.into_iter().map(|arrival| arrival.frame).collect()))
    }

    /// A frame that a side has put on the wire in this case; 0 is the last one.
    pub fn earlier(&self, from: Side, back: usize) -> Option<Vec<u8>> {
        let wire = self.world.wire();
        let number = wire.count(sim(from)).checked_sub(back).filter(|number| *number > self.began[from.index()].frames)?;
        wire.frame(sim(from), number)
    }

    fn account(&mut self, side: Side, crossed: [u64; 2]) -> Result<(), String> {
        let (at, peer) = (side.index(), side.peer().index());
        let given = self.world.host(side).given() - self.began[at].given;
        let now = self.world.host(side).device().map_err(text)?.counters().map_err(text)?;
        let count = |event: Event| now.get(event) - self.began[at].counters.get(event);
        let sum = |wanted: &dyn Fn(&str) -> bool| Event::ALL.iter().filter(|event| wanted(event.name())).map(|event| count(*event)).sum();
        let out: u64 = sum(&|name| name.starts_with("tx_") && name != "tx_frames");
        let took: u64 = sum(&|name| name.starts_with("rx_") && name != "rx_frames");
        let went: Count<'_> = &count;
        let on_wire = [Event::TxBypassed, Event::TxProtected, Event::TxCrypto].map(went).iter().sum();
        let up = [Event::RxBypassed, Event::RxDecrypted, Event::RxUnsupported, Event::RxCrypto, Event::RxCryptoFailed];
        let to_host = up.map(went).iter().sum();
        let arrived = crossed[peer] + self.injected[at] - (self.world.wire().lost(sim(side.peer())) - self.began[peer].lost) as u64;
        let equal = |what: &str, found: u64, due: u64| if found == due { Ok(()) } else { Err(format!("{what}: {found}, not {due}")) };
        equal("frames taken from the host", count(Event::TxFrames), self.sent[at])?;
        equal("outcomes of frames from the host", out, self.sent[at])?;
        equal("statuses of frames from the host", self.statuses[at].len() as u64, self.sent[at])?;
        equal("frames on the wire", crossed[at], on_wire)?;
        equal("frames taken from the wire", count(Event::RxFrames), arrived)?;
        equal("outcomes of frames from the wire", took, arrived)?;
        equal("frames given to the host", given, to_host)?;
        for (number, event) in Event::ALL.iter().enumerate() {
            if event.name().starts_with("tx_") && *event != Event::TxFrames {
                let told = self.statuses[at].iter().filter(|word| tx_status::EVENT.get(**word) as usize == number).count();
                equal(event.name(), told as u64, count(*event))?;
            }
        }
        Ok(())
    }

    /// The devices hold what their cores have on them, and nothing else.
    pub fn check_tables(&mut self) -> Result<(), String> {
        for side in Side::BOTH {
            let core = &mut self.world.host(side).core;
            let states = core.states();
            // A stub is a handle only.
            let held =
                states.iter().filter_map(|held| core.state(held.id())).filter(|x| x.km_state == espalier_driver::ops::KmState::Valid);
            let due: BTreeSet<u64> = held.filter_map(|x| x.offload_handle()).map(|handle| handle.get()).collect();
            let policies = core.policy_dump().iter().filter(|info| info.offload.is_some()).count();
            let device = core.device_ops(DEVICE).map_err(text)?;
            let found: BTreeSet<u64> = device.sas().map(|sa| sa.handle.raw()).collect();
            if found != due {
                return Err(format!("SAs in the device of {side}: {found:?}, in its core: {due:?}"));
            }
            let found = device.policies().count();
            if found != policies {
                return Err(format!("policies in the device of {side}: {found}, in its core: {policies}"));
            }
        }
        Ok(())
    }

    /// Everything goes, and leaves nothing behind.
    pub fn end(&mut self) -> Result<(), String> {
        for side in Side::BOTH {
            self.up(side)?;
        }
        self.settle()?;
        for side in Side::BOTH {
            let core = &mut self.world.host(side).core;
            core.state_flush(0);
            core.policy_flush(PolicyType::Main);
            let left = (core.states_allocated(), core.policies_allocated());
            let device = core.device_ops(DEVICE).map_err(text)?;
            let tables = (device.sas().count(), device.policies().count());
            if (left, tables) != ((0, 0), (0, 0)) {
                return Err(format!("{side} has kept (SAs, policies) {left:?}, its device {tables:?}"));
            }
        }
        Ok(())
    }
}

pub fn sim(side: Side) -> espalier_sim::nic::Side {
    match side {
        Side::Left => espalier_sim::nic::Side::Left,
        Side::Right => espalier_sim::nic::Side::Right,
    }
}

pub fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
