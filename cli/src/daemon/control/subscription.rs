//! `xfrm monitor` over the control socket: which events a listener hears, and how they are printed.

use std::fmt::{self, Write};

use espalier_driver::core::MonitorEvent;
use espalier_driver::xfrm::message::Message;
use jiff::Timestamp;

use crate::scenario::command::monitor_event;
use crate::xfrm::Command;
use crate::xfrm::ast::{Groups, Monitor, Stamp};
use crate::xfrm::show;

/// A listener's wishes.
#[derive(Clone, Debug)]
pub struct Subscription {
    groups: Groups,
    all_nsid: bool,
    stamp: Option<Stamp>,
    options: show::Options,
}

impl Subscription {
    /// Of a command `monitor`.
    #[must_use]
    pub fn new(command: &Command, monitor: &Monitor) -> Self {
        let options = show::Options { nokeys: monitor.nokeys, ..command.output.into() };
        Self { groups: monitor.groups, all_nsid: monitor.all_nsid, stamp: command.output.timestamp, options }
    }

    /// It hears of sequence numbers (XFRMNLGRP_AEVENTS).
    #[must_use]
    pub fn aevents(&self) -> bool {
        self.everything() || self.groups.aevent
    }

    /// No group was named.
    fn everything(&self) -> bool {
        self.groups == Groups::default()
    }

    /// Whether it hears of this. What the kernel has no message for goes with the group `SA`.
    #[must_use]
    pub fn hears(&self, event: &MonitorEvent) -> bool {
        let MonitorEvent::Xfrm(message) = event else { return self.everything() || self.groups.sa };
        self.everything()
            || match message {
                Message::NewState(_) | Message::UpdatedState(_) | Message::DeletedState(_) | Message::FlushedStates { .. } => {
                    self.groups.sa
                }
                Message::ExpiredState { .. } | Message::ExpiredPolicy { .. } => self.groups.expire,
                Message::NewPolicy(_) | Message::UpdatedPolicy(_) | Message::DeletedPolicy(_) | Message::FlushedPolicies { .. } => {
                    self.groups.policy
                }
                Message::Acquire(_) => self.groups.acquire,
                Message::AsyncEvent(_) => self.groups.aevent,
                // XFRMNLGRP_MAPPING has no word of its own.
                Message::Mapping { .. } => false,
                Message::Report { .. } => self.groups.report,
            }
    }

    /// Prints an event that came now.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn print(&self, event: &MonitorEvent, now: Timestamp, out: &mut impl Write) -> fmt::Result {
        if let Some(stamp) = self.stamp {
            show::timestamp(now, stamp, &self.options, out)?;
        }
        if self.all_nsid {
            out.write_str(show::NSID)?;
        }
        monitor_event(event, &self.options, out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::xfrm::ast::Action;
    use espalier_driver::xfrm::info::PolicyInfo;
    use espalier_driver::xfrm::{PolicyDirection, Selector};

    fn subscription(words: &str) -> Subscription {
        let command = crate::xfrm::parse(words.as_bytes()).unwrap().remove(0);
        let Action::Monitor(monitor) = command.action else { panic!("{words}") };
        Subscription::new(&command, &monitor)
    }

    #[test]
    fn groups_choose() {
        let flushed = MonitorEvent::Xfrm(Message::FlushedStates { proto: 50 });
        let selector = Selector::between("10.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap());
        let policy = MonitorEvent::Xfrm(Message::NewPolicy(Box::new(PolicyInfo::new(selector, PolicyDirection::Out))));
        let lost = MonitorEvent::Overrun(1);
        let hears = |words| [&flushed, &policy, &lost].map(|event| subscription(words).hears(event));
        assert_eq!(hears("monitor"), [true; 3]);
        assert_eq!(hears("monitor SA"), [true, false, true]);
        assert_eq!(hears("monitor policy acquire"), [false, true, false]);
        assert_eq!(["monitor", "monitor aevent", "monitor SA"].map(|words| subscription(words).aevents()), [true, true, false]);
    }

    #[test]
    fn stamp_and_namespace_stand_before_the_message() {
        let mut out = String::new();
        let mut subscription = subscription("-ts monitor all-nsid");
        subscription.options.timezone = jiff::tz::TimeZone::UTC;
        let event = MonitorEvent::Xfrm(Message::FlushedStates { proto: 50 });
        subscription.print(&event, Timestamp::from_second(1_700_000_000).unwrap(), &mut out).unwrap();
        assert_eq!(out, "[2023-11-14T22:13:20.000000] [nsid current]Flushed state proto esp\n");
    }
}
