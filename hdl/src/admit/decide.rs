//! RX: whether a frame goes to the host.

use rust_hdl::prelude::*;

use super::brief::Briefing;
use crate::constant::Const;
use crate::events::{bit, Event, EventMask};
use crate::records::{action, Meta, Verdict};
use espalier_regs::tuser::crypto_status;

/// What becomes of a frame.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Decision {
    /// To the host; else it is swallowed.
    pub pass: bool,
    /// Runs beside it.
    pub meta: Meta,
}

/// The steps of a frame.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum DecideState {
    /// Wait for briefing and verdict; see whether the SA satisfies the policy.
    Join,
    /// Decide, when the decision before is taken.
    Judge,
    /// Keep outcomes 3 clocks apart.
    Rest,
}

/// Joins `briefing` and `verdict` to `decision`, and counts the frame's outcome: the rules of [`super`].
///
/// Latency 2 clocks; a frame every 3 clocks or slower, and so are its `events`. Back-pressure: besides the decision that is offered, the next frame's
/// waits.
#[derive(LogicBlock, Default)]
pub struct Decide {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub briefing: Signal<In, Briefing>,
    pub briefing_valid: Signal<In, bool>,
    pub briefing_ready: Signal<Out, bool>,
    pub verdict: Signal<In, Verdict>,
    pub verdict_valid: Signal<In, bool>,
    pub verdict_ready: Signal<Out, bool>,
    pub decision: Signal<Out, Decision>,
    pub decision_valid: Signal<Out, bool>,
    pub decision_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    state: DFF<DecideState>,
    known: DFF<Briefing>,
    policy: DFF<Verdict>,
    /// The SA satisfies the policy.
    is_satisfied: DFF<bool>,
    decided: DFF<Decision>,
    full: DFF<bool>,
    pulse: DFF<Bits<64>>,
    meta: Signal<Local, Meta>,
    accepted: Signal<Local, Bits<64>>,
    /// What a frame that passes counts as.
    passed: Signal<Local, Bits<64>>,
    outcome: Signal<Local, Bits<64>>,
    pass: Signal<Local, bool>,
    bypass: Const<2, { action::BYPASS }>,
    block: Const<2, { action::BLOCK }>,
    success: Const<8, { crypto_status::SUCCESS as u64 }>,
    ev_bypassed: EventMask<{ bit(Event::RxBypassed) }>,
    ev_decrypted: EventMask<{ bit(Event::RxDecrypted) }>,
    ev_crypto: EventMask<{ bit(Event::RxCrypto) }>,
    ev_crypto_failed: EventMask<{ bit(Event::RxCryptoFailed) }>,
    ev_unsupported: EventMask<{ bit(Event::RxUnsupported) }>,
    ev_no_sa: EventMask<{ bit(Event::RxDropNoSa) }>,
    ev_malformed: EventMask<{ bit(Event::RxDropMalformed) }>,
    ev_selector: EventMask<{ bit(Event::RxDropSelector) }>,
    ev_block: EventMask<{ bit(Event::RxDropPolicyBlock) }>,
    ev_template: EventMask<{ bit(Event::RxDropTemplate) }>,
    ev_no_policy: EventMask<{ bit(Event::RxDropNoPolicy) }>,
}

impl Logic for Decide {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, known, policy, is_satisfied, decided, full, pulse);
        self.pulse.d.next = 0.into();
        self.events.next = self.pulse.q.val();
        self.decision.next = self.decided.q.val();
        self.decision_valid.next = self.full.q.val();
        self.accepted.next = self.briefing.val().accepted >> self.verdict.val().index;

        // What passes.
        self.meta.next = self.known.q.val().meta;
        self.passed.next = self.ev_bypassed.val();
        if self.meta.val().crypto {
            self.passed.next = self.ev_crypto_failed.val();
            if self.meta.val().status == self.success.val() {
                self.passed.next = self.ev_crypto.val();
            }
        } else if self.meta.val().is_protected {
            self.passed.next = self.ev_decrypted.val();
        } else if self.meta.val().unsupported {
            self.passed.next = self.ev_unsupported.val();
        }

        // Linux, __xfrm_policy_check.
        self.pass.next = false;
        if self.known.q.val().is_exempt {
            self.pass.next = true;
            self.outcome.next = self.passed.val();
        } else if self.known.q.val().is_gone {
            self.outcome.next = self.ev_no_sa.val();
        } else if self.known.q.val().is_malformed {
            self.outcome.next = self.ev_malformed.val();
        } else if self.known.q.val().is_strange {
            self.outcome.next = self.ev_selector.val();
        } else if !self.policy.q.val().hit {
            self.pass.next = !self.known.q.val().is_tunnel;
            self.outcome.next = self.passed.val();
            if self.known.q.val().is_tunnel {
                self.outcome.next = self.ev_no_policy.val();
            }
        } else if self.policy.q.val().action == self.block.val() {
            self.outcome.next = self.ev_block.val();
        } else {
            // An allowance without a template is one whose template may be left out; no SA satisfies it.
            self.pass.next = self.is_satisfied.q.val()
                | (((self.policy.q.val().action == self.bypass.val()) | self.policy.q.val().optional) & !self.known.q.val().is_tunnel);
            self.outcome.next = self.passed.val();
            if !self.pass.val() {
                self.outcome.next = self.ev_template.val();
            }
        }

        self.briefing_ready.next = false;
        self.verdict_ready.next = false;
        if self.decision_ready.val() {
            self.full.d.next = false;
        }
        match self.state.q.val() {
            DecideState::Join => {
                self.known.d.next = self.briefing.val();
                self.policy.d.next = self.verdict.val();
                self.is_satisfied.d.next = self.accepted.val().get_bit(0) & (self.verdict.val().action != self.bypass.val());
                if self.briefing_valid.val() & self.verdict_valid.val() {
                    self.briefing_ready.next = true;
                    self.verdict_ready.next = true;
                    self.state.d.next = DecideState::Judge;
                }
            }
            DecideState::Judge => {
                if !self.full.q.val() | self.decision_ready.val() {
                    self.full.d.next = true;
                    self.decided.d.next.pass = self.pass.val();
                    self.decided.d.next.meta = self.meta.val();
                    self.pulse.d.next = self.outcome.val();
                    self.state.d.next = DecideState::Rest;
                }
            }
            DecideState::Rest => {
                self.state.d.next = DecideState::Join;
            }
        }
        if self.reset.val() {
            self.full.d.next = false;
            self.pulse.d.next = 0.into();
            self.state.d.next = DecideState::Join;
        }
    }
}
