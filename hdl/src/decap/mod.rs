//! RX: the verdict on a packet that the buffer holds, and what RFC 4303 decapsulation makes of it.
//!
//! In this order, as Linux has it: damaged frame, ICV (RFC 4303 section 3.4.4.1), trailer, SA deleted meanwhile, hard limit reached, replay
//! recheck and advance (section 3.4.3: only after the ICV is good), next header against the SA's mode. The first that fails is counted and
//! the packet is freed in the buffer, unseen. What passes is counted in the SA's lifetime.
//!
//! Crypto offload: of that only damage, ICV, and SA deleted; the packet goes on with its headers and its trailer, its number is marked
//! as seen whatever the window says, so that the window infers the next one's high half. A bad ICV gives the headers alone, and the status that says so.
//!
//! Ports: `held` (from the buffer) and `expected` (from the check), one each a frame, in order; `advance` to the replay window,
//! `advanced` from it, and `allow`; `current_index` to the SA table, `current` from it; `life_index`, `count`, `touch`, `bytes`, `unlimited`,
//! `expired`, and `report_waits` (while one does nothing is counted): the lifetimes; `failure` of the SA; out `outcome` to the buffer and, for what goes on, `fields` of the headers to put in front.
//! `events` has the drops; what goes on is counted by the admission stage.
//! Latency, from `held` to `outcome`: 3 clocks if nothing is advanced, else 3 and the window's. A packet each 8 clocks, so that the window's
//! every turn is used; each 3 if it does not advance.

mod finish;
mod judge;

use rust_hdl::prelude::*;

use crate::header_builder::HeaderFields;
use crate::hold::{Held, Release};
use crate::records::SaIndex;
use crate::replay::ReplayAdvance;
use crate::rx_check::Expected;
use crate::rx_failures::Failure;
use finish::Finish;
use judge::Judge;

/// What the judge made of a packet.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Judged {
    /// It goes to the host.
    pub goes_on: bool,
    /// Its headers only: the ICV of a crypto offload's packet does not fit.
    pub headers_only: bool,
    /// There is a failure to count, `failure_kind`.
    pub is_failure: bool,
    /// One of [`crate::rx_failures::kind`].
    pub failure_kind: Bits<2>,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Decap {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub held: Signal<In, Held>,
    pub held_valid: Signal<In, bool>,
    pub held_ready: Signal<Out, bool>,
    pub expected: Signal<In, Expected>,
    pub expected_valid: Signal<In, bool>,
    pub expected_ready: Signal<Out, bool>,
    pub current_index: Signal<Out, SaIndex>,
    pub current: Signal<In, Bits<16>>,
    pub advance: Signal<Out, ReplayAdvance>,
    pub advance_valid: Signal<Out, bool>,
    pub advance_ready: Signal<In, bool>,
    pub advanced: Signal<In, Bits<3>>,
    pub advanced_valid: Signal<In, bool>,
    pub advanced_ready: Signal<Out, bool>,
    pub allow: Signal<Out, bool>,
    pub life_index: Signal<Out, SaIndex>,
    pub count: Signal<Out, bool>,
    pub touch: Signal<Out, bool>,
    pub bytes: Signal<Out, Bits<16>>,
    pub unlimited: Signal<Out, bool>,
    pub expired: Signal<In, bool>,
    pub report_waits: Signal<In, bool>,
    pub failure: Signal<Out, Failure>,
    pub failure_valid: Signal<Out, bool>,
    pub failure_ready: Signal<In, bool>,
    pub outcome: Signal<Out, Release>,
    pub outcome_valid: Signal<Out, bool>,
    pub outcome_ready: Signal<In, bool>,
    pub fields: Signal<Out, HeaderFields>,
    pub fields_valid: Signal<Out, bool>,
    pub fields_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    judge: Judge,
    finish: Finish,
}

impl Logic for Decap {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, judge, finish);
        self.judge.reset.next = self.reset.val();
        self.finish.reset.next = self.reset.val();

        self.judge.held.next = self.held.val();
        self.judge.expected.next = self.expected.val();
        self.judge.valid.next = self.held_valid.val() & self.expected_valid.val();
        self.held_ready.next = self.judge.take.val();
        self.expected_ready.next = self.judge.take.val();
        self.current_index.next = self.judge.current_index.val();
        self.judge.current.next = self.current.val();
        self.advance.next = self.judge.advance.val();
        self.advance_valid.next = self.judge.advance_valid.val();
        self.judge.advance_ready.next = self.advance_ready.val();
        self.judge.advanced.next = self.advanced.val();
        self.judge.advanced_valid.next = self.advanced_valid.val();
        self.advanced_ready.next = self.judge.advanced_ready.val();
        self.allow.next = self.judge.allow.val();
        self.life_index.next = self.judge.life_index.val();
        self.count.next = self.judge.count.val();
        self.touch.next = self.judge.touch.val();
        self.bytes.next = self.judge.bytes.val();
        self.unlimited.next = self.judge.unlimited.val();
        self.judge.expired.next = self.expired.val();
        self.judge.report_waits.next = self.report_waits.val();
        self.events.next = self.judge.events.val();

        self.finish.judged.next = self.judge.judged.val();
        self.finish.held.next = self.held.val();
        self.finish.expected.next = self.expected.val();
        self.finish.s_valid.next = self.judge.m_valid.val();
        self.judge.m_ready.next = self.finish.s_ready.val();
        self.failure.next = self.finish.failure.val();
        self.failure_valid.next = self.finish.failure_valid.val();
        self.finish.failure_ready.next = self.failure_ready.val();
        self.outcome.next = self.finish.outcome.val();
        self.outcome_valid.next = self.finish.outcome_valid.val();
        self.finish.outcome_ready.next = self.outcome_ready.val();
        self.fields.next = self.finish.fields.val();
        self.fields_valid.next = self.finish.fields_valid.val();
        self.finish.fields_ready.next = self.fields_ready.val();
    }
}
