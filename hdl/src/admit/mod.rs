//! RX: what a frame must satisfy before the host gets it (RFC 4301 section 5.2 steps 3b and 4; Linux `__xfrm_policy_check`).
//!
//! The rules stand in `reference-model/src/admit.rs`; here they are asked of every frame as it leaves, so it is parsed once more. In this order:
//!
//! 1. Crypto offload, what is not IP, and ESP (or what says so) out of no SA pass: the stack asks of what is inside.
//! 2. Out of an SA that has gone meanwhile: no SA. Malformed: so. Not what the SA's selector allows: selector.
//! 3. The first inbound policy of its direction that matches: none, out of a tunnel: no policy. Block: policy block. One that asks for another
//!    protection than the packet had: template.
//!
//! Each frame has exactly one outcome, which is counted here.

mod brief;
mod decide;
mod gate;
mod local_addresses;
mod sa_rules;

use rust_hdl::prelude::*;

use self::brief::{Brief, Briefing};
use self::decide::Decide;
use self::gate::Gate;
pub use self::local_addresses::LOCAL_ADDRESSES;
use crate::fifo::Fifo;
use crate::parse::Parse;
use crate::policy::PolicyTable;
use crate::queue::Queue;
use crate::records::{Accept, LocalAddress, Meta, Policy, SaIndex, SaSelector};
use crate::stream::Beat;

/// Passes the frames that the rules of the module's documentation allow, byte for byte, and swallows the others whole. 2^`A` SAs, 4 * `G` * 2^`R`
/// inbound policies (64 at most: [`Accept`] has a bit for each)
///
/// - Ports: `s` in with `s_meta`, which counts with a frame's first beat; `m` out with `m_meta`, the same of every beat; write ports;
///   `ready`, low after reset until the policies are swept; `events`, a pulse for each frame, at least 3 clocks apart.
/// - Latency, from a frame's first beat on `s` to its first on `m`, with 64 policies: 23 clocks and the beats of the frame, 5 at most (64 bytes: 27),
///   if no other look-up is under way.
/// - Throughput: a frame every 8 clocks, where policies are 64; else a beat a clock. No bubble between frames.
/// - Back-pressure: 64 beats, or 9 frames (10 of one beat), wait inside; then `s_ready` falls. `error` of a frame's last beat is kept.
/// - Writes: any clock; their operands stay for the 2 clocks after it, and no frame waits for them. A frame sees each policy, the local addresses, and the
///   three parts of its SA as they are before a write or as they are after, never a mixture; it looks at all of them within 2^R + 2 clocks, however
///   long it waits before and behind.
///
/// `sa_write` must be that of [`RxSaTable`](crate::rx_sa::RxSaTable), which counts the generations from it. Local addresses and policies are
/// cleared by `reset`; selector and accepted policies must be written for each SA before packets of it come.
#[derive(LogicBlock, Default)]
pub struct Admit<const A: usize, const R: usize, const G: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    /// Stays up until `policy_ready`.
    pub policy_write: Signal<In, bool>,
    pub policy_ready: Signal<Out, bool>,
    pub policy_index: Signal<In, Bits<10>>,
    pub policy: Signal<In, Policy>,
    pub local_write: Signal<In, bool>,
    pub local_index: Signal<In, Bits<3>>,
    pub local_address: Signal<In, LocalAddress>,
    /// With `sa_tunnel`: an inbound SA is written or cleared.
    pub sa_write: Signal<In, bool>,
    pub sa_tunnel: Signal<In, bool>,
    pub selector_write: Signal<In, bool>,
    pub selector: Signal<In, SaSelector>,
    pub accept_write: Signal<In, bool>,
    pub accept: Signal<In, Accept>,
    /// Of these three writes.
    pub sa_index: Signal<In, SaIndex>,
    pub ready: Signal<Out, bool>,
    pub s_beat: Signal<In, Beat>,
    pub s_meta: Signal<In, Meta>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_meta: Signal<Out, Meta>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    pub events: Signal<Out, Bits<64>>,
    parse: Parse,
    frames: Fifo<Beat, 6>,
    brief: Brief<A>,
    policies: PolicyTable<R, G>,
    briefings: Queue<Briefing, 2>,
    decide: Decide,
    gate: Gate,
}

impl<const A: usize, const R: usize, const G: usize> Logic for Admit<A, R, G> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, parse, frames, brief, policies, briefings, decide);
        self.parse.reset.next = self.reset.val();
        self.frames.reset.next = self.reset.val();
        self.brief.reset.next = self.reset.val();
        self.policies.reset.next = self.reset.val();
        self.briefings.reset.next = self.reset.val();
        self.decide.reset.next = self.reset.val();
        self.ready.next = self.policies.ready.val();

        // Tables.
        self.policies.write_valid.next = self.policy_write.val();
        self.policy_ready.next = self.policies.write_ready.val();
        self.policies.write_index.next = self.policy_index.val();
        self.policies.write_data.next = self.policy.val();
        self.brief.local_write.next = self.local_write.val();
        self.brief.local_index.next = self.local_index.val();
        self.brief.local_address.next = self.local_address.val();
        self.brief.sa_write.next = self.sa_write.val();
        self.brief.sa_tunnel.next = self.sa_tunnel.val();
        self.brief.sa_selector_write.next = self.selector_write.val();
        self.brief.sa_selector.next = self.selector.val();
        self.brief.accept_write.next = self.accept_write.val();
        self.brief.accept.next = self.accept.val();
        self.brief.sa_index.next = self.sa_index.val();

        // The frame waits while its first beats are looked at.
        self.parse.store_and_forward.next = false;
        self.parse.s_beat.next = self.s_beat.val();
        self.parse.s_meta.next = self.s_meta.val();
        self.parse.s_valid.next = self.s_valid.val();
        self.s_ready.next = self.parse.s_ready.val();
        self.frames.s_data.next = self.parse.m_beat.val();
        self.frames.s_valid.next = self.parse.m_valid.val();
        self.parse.m_ready.next = self.frames.s_ready.val();
        self.brief.headers.next = self.parse.headers.val();
        self.brief.endpoints.next = self.parse.endpoints.val();
        self.brief.headers_valid.next = self.parse.headers_valid.val();
        self.parse.headers_ready.next = self.brief.headers_ready.val();

        // What its SA says, and what the policies say.
        self.policies.selector.next = self.brief.selector.val();
        self.policies.selector_valid.next = self.brief.selector_valid.val();
        self.brief.selector_ready.next = self.policies.selector_ready.val();
        self.briefings.s_data.next = self.brief.briefing.val();
        self.briefings.s_valid.next = self.brief.briefing_valid.val();
        self.brief.briefing_ready.next = self.briefings.s_ready.val();
        self.decide.briefing.next = self.briefings.m_data.val();
        self.decide.briefing_valid.next = self.briefings.m_valid.val();
        self.briefings.m_ready.next = self.decide.briefing_ready.val();
        self.decide.verdict.next = self.policies.verdict.val();
        self.decide.verdict_valid.next = self.policies.verdict_valid.val();
        self.policies.verdict_ready.next = self.decide.verdict_ready.val();
        self.events.next = self.decide.events.val();

        // It goes on, or not.
        self.gate.decision.next = self.decide.decision.val();
        self.gate.decision_valid.next = self.decide.decision_valid.val();
        self.decide.decision_ready.next = self.gate.decision_ready.val();
        self.gate.s_beat.next = self.frames.m_data.val();
        self.gate.s_valid.next = self.frames.m_valid.val();
        self.frames.m_ready.next = self.gate.s_ready.val();
        self.m_beat.next = self.gate.m_beat.val();
        self.m_meta.next = self.gate.m_meta.val();
        self.m_valid.next = self.gate.m_valid.val();
        self.gate.m_ready.next = self.m_ready.val();
    }
}
