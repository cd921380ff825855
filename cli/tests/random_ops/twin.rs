//! Two hosts with devices, and their twins in software, that must not differ while everything is at rest.
//!
//! A twin's core has no device: its SAs and policies are the same without `offload`, its ESP is the reference model's, and its
//! frames come to the other twin at once. Where the rules for a device are other than those for software, it is said here.

use std::collections::HashSet;

use espalier::run::sides::Side;
use espalier::scenario::wire::Scripted;
use espalier::scenario::world::DEVICE;
use espalier_driver::core::{MonitorEvent, Output, XfrmCore};
use espalier_driver::ops::{Mib, MibCounters, SkBuff};
use espalier_driver::xfrm::info::StateInfo;
use espalier_driver::xfrm::message::Message;
use espalier_driver::xfrm::{Limits, SaId};
use espalier_sim::nic::Wire;

use crate::act::Case;
use crate::host::{self, NoDevice};
use crate::rig::{Act, Rig, sim};
use crate::slot::Slot;

/// Both pairs.
pub struct Twins<'a> {
    rig: &'a mut Rig,
    slots: Vec<Slot>,
    twins: [XfrmCore<NoDevice>; 2],
    wire: Scripted,
    /// The real devices' counts when the case began.
    mib: [MibCounters; 2],
    /// The frames on the real wire by then.
    frames: [usize; 2],
    /// SAs in packet mode whose soft limit the device has told of.
    told: [HashSet<SaId>; 2],
}

impl<'a> Twins<'a> {
    pub fn new(rig: &'a mut Rig, case: &Case) -> Self {
        rig.begin(case);
        let now = rig.world.now();
        let mib = Side::BOTH.map(|side| rig.world.host(side).core.mib());
        let frames = Side::BOTH.map(|side| rig.world.wire().count(sim(side)));
        let twins = [XfrmCore::new(now), XfrmCore::new(now)];
        Self { rig, slots: case.slots.clone(), twins, wire: Scripted::default(), mib, frames, told: Default::default() }
    }

    /// Does it on both, and compares.
    pub fn act(&mut self, act: &Act) -> Result<(), String> {
        if matches!(act, Act::Run(_) | Act::Rest) {
            return Ok(());
        }
        for side in Side::BOTH {
            let real = host::configure(&mut self.rig.world.host(side).core, side, &self.slots, act, false);
            let twin = host::configure(&mut self.twins[side.index()], side, &self.slots, act, true);
            let told = |done: Vec<Result<(), _>>| {
                done.into_iter().map(|done| done.map_err(|error: espalier_driver::core::XfrmError| error.to_string())).collect::<Vec<_>>()
            };
            same("what comes of it", side, &told(real), &told(twin))?;
        }
        let mut arrived = [Vec::new(), Vec::new()];
        match *act {
            Act::Send(shot) if self.rig.is_up() => {
                let slot = self.slots[shot.slot];
                // A limit is reached while what is behind waits for the device: that is no rest any more.
                let count = if slot.mode.is_some() && self.rig.limited(&slot) { 1 } else { shot.count };
                let frames = self.rig.frames(&slot, &crate::act::Shot { count, ..shot });
                if let Some(fault) = shot.fault() {
                    self.rig.world.wire().next(sim(shot.from), fault);
                    self.wire.next(sim(shot.from), fault);
                }
                for frame in &frames {
                    self.rig.send(shot.from, frame)?;
                    self.send(shot.from, frame, &mut arrived);
                }
            }
            Act::Again { from, back } if self.rig.is_up() => {
                let count = self.wire.count(sim(from));
                if let Some(frame) = count.checked_sub(back).and_then(|number| self.wire.frame(sim(from), number)) {
                    self.rig.inject(from.peer(), &frame);
                    self.receive(from.peer(), &frame, &mut arrived);
                }
            }
            Act::Down(side) if self.rig.up[side.index()] => {
                self.rig.down(side)?;
                self.down(side);
            }
            Act::Up(side) => self.rig.up(side)?,
            Act::Wait(seconds) => {
                self.rig.world.wait(seconds);
                let now = self.rig.world.now();
                self.twins.iter_mut().for_each(|twin| twin.set_time(now));
            }
            Act::Addresses { host, inner } => {
                let addresses = self.rig.addresses(&self.slots, host, inner)?;
                self.twins[host.index()].set_local_addresses(addresses);
            }
            _ => {}
        }
        let real = self.rig.settle()?;
        self.compare(act, real, arrived)
    }

    fn send(&mut self, from: Side, frame: &[u8], arrived: &mut [Vec<Vec<u8>>; 2]) {
        let frame = match self.twins[from.index()].output(DEVICE, &SkBuff { frame, gso_size: None }, 0, 0) {
            Ok(Output::Plain) => frame.to_vec(),
            Ok(Output::Software { frame, .. }) => frame,
            Ok(other) => panic!("without a device: {other:?}"),
            Err(_) => return,
        };
        for frame in self.wire.carry(sim(from), frame) {
            self.receive(from.peer(), &frame, arrived);
        }
    }

    fn receive(&mut self, to: Side, frame: &[u8], arrived: &mut [Vec<Vec<u8>>; 2]) {
        if let Ok(input) = self.twins[to.index()].input(DEVICE, frame, None, 0) {
            arrived[to.index()].push(input.frame.unwrap_or_else(|| frame.to_vec()));
        }
    }

    /// What is on the device goes with it. A stub is there if its policy is.
    fn down(&mut self, side: Side) {
        let twin = &mut self.twins[side.index()];
        let slot = |reqid: u32| &self.slots[reqid as usize - 1];
        for state in twin.states().into_iter().rev() {
            let Some(x) = twin.state(state.id()) else { continue };
            let slot = slot(x.params.reqid);
            let stub = x.km_state == espalier_driver::ops::KmState::Acq;
            if slot.is_packet() || (slot.mode.is_some() && !stub) {
                twin.state_delete_id(state.id()).expect("it is there");
            }
        }
        for info in twin.policy_dump() {
            let owner = self.slots.iter().find(|slot| {
                let nets = Side::BOTH.map(|from| slot.selector(from, 0));
                nets.iter().any(|net| net.src.contains(&info.selector.src.addr()))
            });
            if owner.is_some_and(Slot::is_packet) {
                twin.policy_delete(&espalier_driver::core::PolicyId::index(info.index, info.direction)).expect("it is there");
            }
        }
    }

    /// In packet mode the device tells of a limit with the packet that reaches it; the core by itself with the one behind it.
    fn expire(&mut self, side: Side, events: &mut Vec<String>) {
        let twin = &mut self.twins[side.index()];
        let slots = &self.slots;
        let told = &mut self.told[side.index()];
        let counted = |info: &StateInfo| slots.get(info.reqid as usize - 1).is_some_and(Slot::is_packet) && has_count_limit(info);
        while let Some(event) = twin.next_event() {
            match &event {
                MonitorEvent::Xfrm(Message::ExpiredState { state, hard: false }) if counted(state) => {}
                _ => events.extend(host::event(slots, &event)),
            }
            if let MonitorEvent::Xfrm(Message::NewState(info) | Message::UpdatedState(info)) = &event {
                told.remove(&info.id);
            }
        }
        for info in twin.state_dump().iter().filter(|info| counted(info)) {
            let Limits { soft_bytes, hard_bytes, soft_packets, hard_packets, .. } = info.limits;
            if info.current.bytes >= hard_bytes || info.current.packets >= hard_packets {
                events.push(host::expired(slots, info, true));
                twin.state_delete(&info.id, info.mark).expect("it is there");
                while twin.next_event().is_some() {}
            } else if (info.current.bytes >= soft_bytes || info.current.packets >= soft_packets) && told.insert(info.id) {
                events.push(host::expired(slots, info, false));
            }
        }
    }

    fn compare(&mut self, act: &Act, real: [Vec<Vec<u8>>; 2], twin: [Vec<Vec<u8>>; 2]) -> Result<(), String> {
        for side in Side::BOTH {
            let at = side.index();
            let mut due = Vec::new();
            self.expire(side, &mut due);
            let core = &mut self.rig.world.host(side).core;
            let mut told = Vec::new();
            // Asked for first: what a device in packet mode has seen is known then.
            let states = core.state_dump();
            while let Some(event) = core.next_event() {
                told.extend(host::event(&self.slots, &event));
            }
            // When a device goes down, or a limit is reached, their order is the device's.
            told.sort();
            due.sort();
            same("events", side, &told, &due)?;
            let twins = self.twins[at].state_dump();
            let all = |states: &[StateInfo]| states.iter().map(|info| host::state(&self.slots, info)).collect::<Vec<_>>();
            same("SAs", side, &all(&states), &all(&twins))?;
            let policies = |dump: Vec<_>| dump.iter().map(host::policy).collect::<Vec<_>>();
            let core = &mut self.rig.world.host(side).core;
            same("policies", side, &policies(core.policy_dump()), &policies(self.twins[at].policy_dump()))?;
            // Every counter is a register: they are read when packets went, and are sums.
            if matches!(act, Act::Send(_) | Act::Again { .. }) {
                let (before, now) = (&self.mib[at], core.mib());
                let twins = self.twins[at].mib();
                let counts = |count: &dyn Fn(Mib) -> u64| {
                    // One of the two, as in `host::state`.
                    let refused = count(Mib::InStateProtoError) + count(Mib::InStateSeqError);
                    let others = Mib::ALL.iter().filter(|mib| !matches!(mib, Mib::InStateProtoError | Mib::InStateSeqError));
                    let counts = others.map(|mib| (mib.name(), count(*mib))).chain([("refused", refused)]);
                    counts.filter(|(_, count)| *count > 0).collect::<Vec<_>>()
                };
                same("counters", side, &counts(&|mib| now.get(mib) - before.get(mib)), &counts(&|mib| twins.get(mib)))?;
                // A device only ever finds the ICV first.
                let (device, software) =
                    (now.get(Mib::InStateSeqError) - before.get(Mib::InStateSeqError), twins.get(Mib::InStateSeqError));
                if device > software {
                    return Err(format!("numbers refused at {side}: {device} with the device, {software} in software"));
                }
            }
            same("packets received", side, &hex(&real[at]), &hex(&twin[at]))?;
            let (from, wire) = (sim(side), self.rig.world.wire());
            let sent = |wire: &Scripted, base: usize| {
                hex(&(base + 1..=wire.count(from)).rev().take(5).filter_map(|number| wire.frame(from, number)).collect::<Vec<_>>())
            };
            same("frames sent", side, &(wire.count(from) - self.frames[at]), &self.wire.count(from))?;
            same("frames sent", side, &sent(wire, self.frames[at]), &sent(&self.wire, 0))?;
        }
        self.rig.check_tables().map_err(|error| format!("after {act:?}: {error}"))
    }

    /// Everything goes.
    pub fn end(self) -> Result<(), String> {
        self.rig.end()
    }
}

fn has_count_limit(info: &StateInfo) -> bool {
    let Limits { soft_bytes, hard_bytes, soft_packets, hard_packets, .. } = info.limits;
    [soft_bytes, hard_bytes, soft_packets, hard_packets].iter().any(|limit| *limit != Limits::INF)
}

fn hex(frames: &[Vec<u8>]) -> Vec<String> {
    frames.iter().map(|frame| frame.iter().map(|byte| format!("{byte:02x}")).collect()).collect()
}

/// Or what differs.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, side: Side, device: &T, software: &T) -> Result<(), String> {
    if device == software {
        return Ok(());
    }
    Err(format!("{what} of {side}:\nwith the device {device:?}\nin software     {software:?}"))
}
