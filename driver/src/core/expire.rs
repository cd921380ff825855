//! Lifetimes: limits of packets and bytes, and of time (xfrm_state_check_expire, xfrm_timer_handler, xfrm_policy_timer).

use crate::ops::{KmState, XfrmState, XfrmdevOps};
use crate::xfrm::Limits;
use crate::xfrm::info::Lifetime;
use crate::xfrm::message::Message;

use super::XfrmCore;
use super::sad::StateId;

/// A hard limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expired;

/// What limits of time have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Hard,
    Soft,
    Nothing,
}

impl<D: XfrmdevOps> XfrmCore<D> {
    /// The time is `now`, in seconds since 1970; it does not go back. What has reached a limit of time expires, stubs that were
    /// never answered too.
    pub fn set_time(&mut self, now: u64) {
        self.now = self.now.max(now);
        for id in self.sad.ids() {
            self.xfrm_timer_handler(id);
        }
        self.xfrm_policy_timers();
        self.collect_garbage();
    }

    /// xfrm_state_check_expire
    pub(super) fn xfrm_state_check_expire(&mut self, id: StateId) -> Result<(), Expired> {
        // Only in packet mode is the device the one that counts.
        if self.sad.get(id).is_some_and(|entry| entry.x.is_packet_offload()) {
            self.xfrm_dev_state_update_stats(id);
        }
        let Some(entry) = self.sad.get_mut(id) else { return Err(Expired) };
        let x = &mut entry.x;
        if x.curlft.use_time == 0 {
            x.curlft.use_time = self.now;
        }
        let limits = &x.params.limits;
        if x.curlft.bytes >= limits.hard_bytes || x.curlft.packets >= limits.hard_packets {
            x.km_state = KmState::Expired;
            return Err(Expired);
        }
        if !x.dying && (x.curlft.bytes >= limits.soft_bytes || x.curlft.packets >= limits.soft_packets) {
            x.dying = true;
            self.km_state_dying(id);
        }
        Ok(())
    }

    /// The same, and what the kernel's timer does to an expired state at once.
    pub(super) fn check_expire_and_reap(&mut self, id: StateId) {
        let valid = self.sad.get(id).is_some_and(|entry| entry.x.km_state == KmState::Valid);
        if valid && self.xfrm_state_check_expire(id).is_err() {
            self.xfrm_timer_handler(id);
        }
    }

    /// xfrm_timer_handler
    pub(super) fn xfrm_timer_handler(&mut self, id: StateId) {
        self.learn_use(id);
        let Some(entry) = self.sad.get_mut(id) else { return };
        let x = &mut entry.x;
        let due = match x.km_state {
            KmState::Dead => return,
            KmState::Expired => Due::Hard,
            _ => due(&x.params.limits, &x.curlft, self.now),
        };
        match due {
            Due::Hard => {
                if x.km_state == KmState::Acq && x.params.id.spi == 0 {
                    x.km_state = KmState::Expired;
                }
                self.xfrm_state_expire(id);
            }
            Due::Soft if !x.dying => {
                x.dying = true;
                self.km_state_dying(id);
            }
            Due::Soft | Due::Nothing => {}
        }
    }

    /// In packet mode only the device knows of the first use, from which some limits run.
    fn learn_use(&mut self, id: StateId) {
        let waits = |x: &XfrmState| {
            let limits = &x.params.limits;
            x.curlft.use_time == 0 && x.is_packet_offload() && (limits.soft_use_seconds, limits.hard_use_seconds) != (0, 0)
        };
        if self.sad.get(id).is_some_and(|entry| waits(&entry.x)) {
            self.xfrm_dev_state_update_stats(id);
        }
    }

    /// A hard limit: told with the counts of the last moment, and gone.
    fn xfrm_state_expire(&mut self, id: StateId) {
        self.xfrm_dev_state_update_stats(id);
        let info = self.state_info_of(id);
        self.xfrm_state_delete(id);
        if let Ok(info) = info {
            self.monitor.send(Message::ExpiredState { state: Box::new(info), hard: true });
        }
    }

    /// km_state_expired, of a soft limit
    fn km_state_dying(&mut self, id: StateId) {
        if let Ok(info) = self.state_info_of(id) {
            self.monitor.send(Message::ExpiredState { state: Box::new(info), hard: false });
        }
    }

    /// xfrm_policy_timer, of all policies. Packets and bytes of a policy are not counted, as in the kernel.
    fn xfrm_policy_timers(&mut self) {
        let now = self.now;
        let expired = |entry: &super::spd::PolicyEntry| due(&entry.xp.params.limits, &entry.curlft, now) == Due::Hard;
        while let Some(position) = self.spd.find(expired) {
            let info = self.spd.at(position).map(|entry| Box::new(super::dump::policy_info(entry)));
            self.kill_policy(position);
            self.monitor_policy(info, true);
        }
        let mut dying = Vec::new();
        for entry in self.spd.iter_mut().filter(|entry| !entry.dying) {
            if due(&entry.xp.params.limits, &entry.curlft, now) == Due::Soft {
                entry.dying = true;
                dying.push(Box::new(super::dump::policy_info(entry)));
            }
        }
        for info in dying {
            self.monitor_policy(Some(info), false);
        }
    }

    fn monitor_policy(&mut self, info: Option<Box<crate::xfrm::info::PolicyInfo>>, hard: bool) {
        if let Some(policy) = info {
            self.monitor.send(Message::ExpiredPolicy { policy, hard });
        }
    }
}

/// Seconds since it was added, and since it was used first (never used: nothing has passed). 0 is no limit.
fn due(limits: &Limits, current: &Lifetime, now: u64) -> Due {
    let used = if current.use_time == 0 { now } else { current.use_time };
    let past = |limit: u64, since: u64| limit != 0 && now >= since.saturating_add(limit);
    if past(limits.hard_add_seconds, current.add_time) || past(limits.hard_use_seconds, used) {
        Due::Hard
    } else if past(limits.soft_add_seconds, current.add_time) || past(limits.soft_use_seconds, used) {
        Due::Soft
    } else {
        Due::Nothing
    }
}
