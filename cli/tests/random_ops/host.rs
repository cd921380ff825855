//! What is done to a core, with a device below it or without; and what the core then says.

use espalier::run::sides::Side;
use espalier_driver::core::{MonitorEvent, PolicyId, PolicyRequest, StateRequest, XfrmCore, XfrmError};
use espalier_driver::ops::{DeviceEvent, Features, XfrmState, XfrmdevOps};
use espalier_driver::policy::PolicyType;
use espalier_driver::xfrm::info::{PolicyInfo, Replay, StateInfo, Stats};
use espalier_driver::xfrm::message::Message;
use espalier_driver::xfrm::{Mark, OffloadMode};

use crate::act::Act;
use crate::slot::Slot;

/// A core without devices has none of these.
#[derive(Debug)]
pub enum NoDevice {}

impl XfrmdevOps for NoDevice {
    fn name(&self) -> &str {
        match *self {}
    }

    fn mtu(&self) -> u32 {
        match *self {}
    }

    fn features(&self) -> Features {
        match *self {}
    }

    fn xdo_dev_state_add(&mut self, _: &mut XfrmState) -> Result<(), espalier_driver::Error> {
        match *self {}
    }

    fn xdo_dev_state_delete(&mut self, _: &mut XfrmState) {
        match *self {}
    }

    fn next_event(&mut self) -> Option<DeviceEvent> {
        match *self {}
    }
}

/// All SAs of a core: IPSEC_PROTO_ANY.
const ANY: u8 = 255;

/// Does to the core of `host` what the operation says of it: SAs and policies, in software where `software` says so. What came of each step.
pub fn configure<D: XfrmdevOps>(
    core: &mut XfrmCore<D>,
    host: Side,
    slots: &[Slot],
    act: &Act,
    software: bool,
) -> Vec<Result<(), XfrmError>> {
    let state = |request: StateRequest| StateRequest { offload: request.offload.filter(|_| !software), ..request };
    let policy = |request: PolicyRequest| PolicyRequest { offload: request.offload.filter(|_| !software), ..request };
    match *act {
        Act::Add(which, ends, variant) => {
            let slot = &slots[which.slot];
            let ends = ends.of(which).filter(|(side, _)| *side == host);
            let add = |(_, direction)| core.state_add(state(slot.state_request(slot.sa(which, direction, &variant)))).map(drop);
            ends.map(add).collect()
        }
        Act::Update(which, direction, variant) => {
            let slot = &slots[which.slot];
            let at = if direction == espalier_driver::xfrm::Direction::Out { which.from } else { which.from.peer() };
            if at != host {
                return Vec::new();
            }
            vec![core.state_update(state(slot.state_request(slot.sa(which, direction, &variant)))).map(drop)]
        }
        Act::Delete(which, ends) => {
            let ends = ends.of(which).filter(|(side, _)| *side == host);
            ends.map(|_| core.state_delete(&slots[which.slot].id(which), Mark::default())).collect()
        }
        Act::FlushStates(side) if side == host => {
            core.state_flush(ANY);
            Vec::new()
        }
        Act::FlushPolicies(side) if side == host => {
            core.policy_flush(PolicyType::Main);
            Vec::new()
        }
        Act::Policy { host: side, rule, update } if side == host => {
            let request = policy(slots[rule.slot].policy_request(host, &rule));
            vec![if update { core.policy_update(request) } else { core.policy_add(request) }.map(drop)]
        }
        Act::PolicyDelete { host: side, rule } if side == host => {
            vec![core.policy_delete(&PolicyId::of(&slots[rule.slot].policy(host, &rule)))]
        }
        _ => Vec::new(),
    }
}

/// An SA as both cores must have it. Left out is what a device in packet mode does not tell: the bitmap, and when a packet came that it then refused.
///
/// In crypto mode refused packets are one number: one may have both a wrong ICV and a number that the window refuses. Software looks at the window first;
/// with a device the core does when that has looked at the ICV (net/xfrm/xfrm_input.c, `crypto_done`).
pub fn state(slots: &[Slot], info: &StateInfo) -> String {
    let StateInfo { id, saddr, reqid, dir, current, stats, limits, .. } = info;
    let slot = (*reqid as usize).checked_sub(1).and_then(|index| slots.get(index));
    let is_crypto = slot.is_some_and(|slot| slot.mode == Some(OffloadMode::Crypto));
    let refused = match stats {
        Stats { replay_window, replay, integrity_failed } if is_crypto => format!("refused {}", replay_window + replay + integrity_failed),
        _ => format!("{stats:?}"),
    };
    let numbers = match &info.replay {
        Replay::Legacy { oseq, seq, .. } => (u64::from(*oseq), u64::from(*seq)),
        Replay::Esn { state, .. } => {
            (u64::from(state.oseq_hi) << 32 | u64::from(state.oseq), u64::from(state.seq_hi) << 32 | u64::from(state.seq))
        }
    };
    format!(
        "{saddr}>{} {:#x} reqid {reqid} {dir:?} {} packets {} bytes since {} {refused} oseq, seq {numbers:x?} {limits:?}",
        id.daddr, id.spi, current.packets, current.bytes, current.add_time
    )
}

/// A policy as both cores must have it.
pub fn policy(info: &PolicyInfo) -> String {
    let PolicyInfo { selector, direction, priority, action, templates, .. } = info;
    format!("{} {} {:?} {} {direction:?} {priority} {action:?} {templates:?}", selector.src, selector.dst, selector.dport, selector.proto)
}

/// An event as both cores must tell it; none for what only a core with a device has to tell.
///
/// # Panics
/// When the device has failed.
pub fn event(slots: &[Slot], event: &MonitorEvent) -> Option<String> {
    let message = match event {
        MonitorEvent::Xfrm(message) => message,
        MonitorEvent::SequenceExhausted { .. } | MonitorEvent::Fallback { .. } => return None,
        MonitorEvent::DeviceFailed { .. } | MonitorEvent::UnknownHandle { .. } | MonitorEvent::Overrun(_) => panic!("{event:?}"),
    };
    Some(match message {
        Message::NewState(info) => format!("new {}", state(slots, info)),
        Message::UpdatedState(info) => format!("updated {}", state(slots, info)),
        Message::DeletedState(info) => format!("deleted {}", state(slots, info)),
        Message::ExpiredState { state: info, hard } => expired(slots, info, *hard),
        Message::NewPolicy(info) => format!("new {}", policy(info)),
        Message::UpdatedPolicy(info) => format!("updated {}", policy(info)),
        Message::DeletedPolicy(info) => format!("deleted {}", policy(info)),
        Message::Acquire(acquire) => format!("acquire {}>{} {:?}", acquire.saddr, acquire.id.daddr, acquire.selector),
        Message::FlushedStates { proto } => format!("flushed states {proto}"),
        Message::FlushedPolicies { ptype } => format!("flushed policies {ptype:?}"),
        other => format!("{other:?}"),
    })
}

/// An SA has reached a limit.
pub fn expired(slots: &[Slot], info: &StateInfo, hard: bool) -> String {
    format!("expired, hard: {hard} {}", state(slots, info))
}
