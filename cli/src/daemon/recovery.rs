//! What is done about a device whose queues stop, or that fails.

use std::fmt::Display;
use std::time::{Duration, Instant};

use espalier_driver::Error;
use espalier_driver::core::{PolicyRequest, UserOffload, XfrmCore, XfrmError};
use espalier_driver::policy::PolicyParams;
use espalier_driver::stats::Named;
use espalier_driver::xfrm::Direction;
use espalier_driver::xfrm::info::PolicyInfo;

use super::nic::Nic;

/// Between two attempts to reset a device.
const PAUSE: Duration = Duration::from_secs(1);
/// A device that completes nothing for so long has failed.
const WATCHDOG: Duration = Duration::from_secs(5);
/// Attempts in a row that fail before the daemon gives up.
const ATTEMPTS: u32 = 5;

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryCounters {
    /// The queue of frames to be sent stopped, and ran again.
    pub tx_faults: u64,
    /// The queue of received frames stopped, and ran again.
    pub rx_faults: u64,
    /// Frames to be sent that were lost by that.
    pub lost: u64,
    /// The device was reset.
    pub resets: u64,
    /// SAs of the device that ended with a reset.
    pub states_ended: u64,
    /// Policies that the device did not take again after a reset.
    pub policies_refused: u64,
}

impl RecoveryCounters {
    /// By name.
    #[must_use]
    pub fn named(&self) -> Named {
        let Self { tx_faults, rx_faults, lost, resets, states_ended, policies_refused } = *self;
        let counts = [
            ("tx_faults", tx_faults),
            ("rx_faults", rx_faults),
            ("lost", lost),
            ("resets", resets),
            ("states_ended", states_ended),
            ("policies_refused", policies_refused),
        ];
        Named(counts.to_vec())
    }
}

/// The account of it.
#[derive(Debug, Default)]
pub struct Recovery {
    counters: RecoveryCounters,
    /// Frames completed when there was last progress, and when that was.
    progress: Option<(u64, Instant)>,
    /// The device has failed: when to try next, and attempts so far.
    failed: Option<(Instant, u32)>,
}

impl Recovery {
    /// What has happened so far.
    #[must_use]
    pub const fn counters(&self) -> RecoveryCounters {
        self.counters
    }

    /// The device does not work: no traffic until it was reset.
    #[must_use]
    pub const fn is_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// The device has failed.
    pub fn fail(&mut self, error: &dyn Display, now: Instant) {
        tracing::error!(%error, "the device has failed");
        self.failed.get_or_insert((now, 0));
    }

    /// The kernel's dev_watchdog: a device that has frames and completes none of them has failed. Somebody else may have reset it.
    pub fn watch(&mut self, in_flight: usize, completed: u64, now: Instant) {
        match self.progress {
            Some((before, since)) if in_flight > 0 && before == completed => {
                if now.saturating_duration_since(since) > WATCHDOG {
                    self.progress = None;
                    self.fail(&format_args!("{in_flight} frames to be sent, and none completed for {WATCHDOG:?}"), now);
                }
            }
            _ => self.progress = Some((completed, now)),
        }
    }

    /// Makes queues run that have stopped.
    pub fn queues<N: Nic>(&mut self, core: &mut XfrmCore<N>, dev: &str, now: Instant) {
        let Ok(nic) = core.device_ops(dev) else { return };
        if self.is_failed() || !nic.has_stopped() {
            return;
        }
        match nic.recover() {
            Ok(faults) => {
                for fault in faults {
                    let queue = if fault.direction == Direction::Out { "TX" } else { "RX" };
                    let address = format_args!("{:#x}", fault.address);
                    tracing::error!(dev, queue, cause = ?fault.cause, %address, lost = fault.lost, "a queue had stopped, and runs again");
                    self.counters.lost += fault.lost;
                    match fault.direction {
                        Direction::Out => self.counters.tx_faults += 1,
                        Direction::In => self.counters.rx_faults += 1,
                    }
                }
            }
            Err(error) => self.fail(&error, now),
        }
    }

    /// Resets a device that has failed, when it is time. True: it works again, and has to be told MTU and addresses.
    ///
    /// # Errors
    /// It does not come back.
    pub fn reset<N: Nic>(&mut self, core: &mut XfrmCore<N>, dev: &str, now: Instant) -> Result<bool, Error> {
        let Some((when, attempts)) = self.failed.filter(|(when, _)| *when <= now) else { return Ok(false) };
        let Ok(nic) = core.device_ops(dev) else { return Ok(false) };
        match nic.reset() {
            Ok(()) => {
                self.failed = None;
                self.counters.resets += 1;
                self.rebuild(core, dev);
                Ok(true)
            }
            Err(error) if attempts + 1 >= ATTEMPTS => Err(error),
            Err(error) => {
                tracing::error!(dev, %error, attempt = attempts + 1, "the device does not come back");
                self.failed = Some((when.max(now) + PAUSE, attempts + 1));
                Ok(false)
            }
        }
    }

    /// A device that was reset has empty tables. Its SAs end, as with NETDEV_DOWN: which sequence numbers were sent, and which received,
    /// is gone with the tables, and none of either may be used twice (RFC 4303 section 3.3.3 and 3.4.3; RFC 4106 section 3.1: a nonce
    /// that is used twice gives the key away). Its policies come back before any traffic does, so nothing leaves in clear, and ask for
    /// new SAs.
    fn rebuild<N: Nic>(&mut self, core: &mut XfrmCore<N>, dev: &str) {
        let policies: Vec<PolicyInfo> = core.policy_dump().into_iter().filter(|info| info.offload.as_deref() == Some(dev)).collect();
        let states = core.state_dump().iter().filter(|info| info.offload.as_ref().is_some_and(|offload| offload.dev == dev)).count();
        // Its name is known: it was just asked.
        if core.down(dev).and_then(|()| core.up(dev)).is_err() {
            return;
        }
        self.counters.states_ended += states as u64;
        // The oldest first.
        let refused: Vec<XfrmError> = policies.iter().rev().filter_map(|info| core.policy_add(again(info, dev)).err()).collect();
        self.counters.policies_refused += refused.len() as u64;
        for error in &refused {
            tracing::error!(dev, %error, "a policy is lost");
        }
        tracing::warn!(
            dev,
            states,
            policies = policies.len() - refused.len(),
            "the device was reset: its SAs have ended, its policies are back"
        );
    }
}

fn again(info: &PolicyInfo, dev: &str) -> PolicyRequest {
    let params = PolicyParams {
        priority: info.priority,
        action: info.action,
        templates: info.templates.iter().map(|info| info.template).collect(),
        ptype: info.ptype.unwrap_or(espalier_driver::policy::PolicyType::Main),
        mark: info.mark,
        if_id: info.if_id,
        localok: info.localok,
        icmp: info.icmp,
        limits: info.limits,
        ..PolicyParams::new(info.selector.clone(), info.direction)
    };
    PolicyRequest { params, index: info.index, offload: Some(UserOffload::policy(dev)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_device_that_stands_still_has_failed() {
        let (mut recovery, begin) = (Recovery::default(), Instant::now());
        let seconds = |seconds| begin + Duration::from_secs(seconds);
        // Nothing to do, then slow, then done.
        for (second, in_flight, completed) in
            [(0, 0, 7), (20, 0, 7), (21, 3, 7), (25, 3, 7), (26, 2, 8), (31, 1, 9), (33, 0, 10), (60, 0, 10)]
        {
            recovery.watch(in_flight, completed, seconds(second));
            assert!(!recovery.is_failed(), "after {second} s");
        }
        recovery.watch(1, 10, seconds(65));
        assert!(!recovery.is_failed());
        recovery.watch(1, 10, seconds(66));
        assert!(recovery.is_failed());
    }
}
