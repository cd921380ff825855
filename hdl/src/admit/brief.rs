//! RX: what is known of a received frame before the policies have answered.

use rust_hdl::prelude::*;

use super::local_addresses::LocalAddresses;
use super::sa_rules::SaRules;
use crate::constant::Const;
use crate::records::{Accept, Endpoints, Headers, LocalAddress, Meta, SaIndex, SaSelector, Selector};

/// What the policies' verdict on a frame is to be judged with.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Briefing {
    /// Runs beside the frame.
    pub meta: Meta,
    /// The frame passes whatever the policies say: the stack asks them itself, of what is inside.
    pub is_exempt: bool,
    /// Its SA is gone.
    pub is_gone: bool,
    /// What came out of the SA is no sound IP packet.
    pub is_malformed: bool,
    /// The selector of the SA does not allow it.
    pub is_strange: bool,
    /// It came out of a tunnel.
    pub is_tunnel: bool,
    /// The policies that its SA satisfies; none without an SA.
    pub accepted: Bits<64>,
}

/// The steps of a frame.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum BriefState {
    /// Wait for headers; look its SA and the local addresses up.
    Fetch,
    /// Ask the policies.
    Ask,
    /// Compare with the SA's selector.
    Compare,
    /// Give the briefing.
    Give,
}

/// For each frame asks the policies, with its direction, and gives the [`Briefing`].
///
/// - Ports: `headers` in; `selector` to the policies and `briefing` out, one each a frame, in order; write ports of the local addresses
///   ([`LocalAddresses`]) and of the SAs ([`SaRules`]).
/// - `selector.forward` follows the local addresses until the selector is taken.
/// - Latency: from `headers` to `selector` 1 clock; to `briefing` 3 clocks.
/// - Throughput: a frame every 4 clocks, and what the parser takes to offer the next. Back-pressure: one frame waits in the parser.
#[derive(LogicBlock, Default)]
pub struct Brief<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub local_write: Signal<In, bool>,
    pub local_index: Signal<In, Bits<3>>,
    pub local_address: Signal<In, LocalAddress>,
    pub sa_write: Signal<In, bool>,
    pub sa_tunnel: Signal<In, bool>,
    pub sa_selector_write: Signal<In, bool>,
    pub sa_selector: Signal<In, SaSelector>,
    pub accept_write: Signal<In, bool>,
    pub accept: Signal<In, Accept>,
    pub sa_index: Signal<In, SaIndex>,
    pub headers: Signal<In, Headers>,
    pub endpoints: Signal<In, Endpoints>,
    pub headers_valid: Signal<In, bool>,
    pub headers_ready: Signal<Out, bool>,
    pub selector: Signal<Out, Selector>,
    pub selector_valid: Signal<Out, bool>,
    pub selector_ready: Signal<In, bool>,
    pub briefing: Signal<Out, Briefing>,
    pub briefing_valid: Signal<Out, bool>,
    pub briefing_ready: Signal<In, bool>,
    locals: LocalAddresses,
    rules: SaRules<A>,
    state: DFF<BriefState>,
    meta: Signal<Local, Meta>,
    packet: Signal<Local, Selector>,
    is_ip: Signal<Local, bool>,
    says_esp: Signal<Local, bool>,
    proto_esp: Const<8, 50>,
}

impl<const A: usize> Logic for Brief<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        clock!(self, clock, locals, rules);
        self.locals.reset.next = self.reset.val();
        self.rules.reset.next = self.reset.val();
        self.locals.write_enable.next = self.local_write.val();
        self.locals.write_index.next = self.local_index.val();
        self.locals.write_data.next = self.local_address.val();
        self.rules.sa_write.next = self.sa_write.val();
        self.rules.sa_tunnel.next = self.sa_tunnel.val();
        self.rules.selector_write.next = self.sa_selector_write.val();
        self.rules.selector.next = self.sa_selector.val();
        self.rules.accept_write.next = self.accept_write.val();
        self.rules.accept.next = self.accept.val();
        self.rules.write_index.next = self.sa_index.val();

        self.meta.next = self.headers.val().meta;
        self.packet.next.v6 = self.headers.val().is_v6;
        self.packet.next.forward = !self.locals.is_local.val();
        self.packet.next.src = self.endpoints.val().src;
        self.packet.next.dst = self.endpoints.val().dst;
        self.packet.next.protocol = self.headers.val().protocol;
        self.packet.next.sport = self.endpoints.val().sport;
        self.packet.next.dport = self.endpoints.val().dport;
        self.locals.address.next = self.endpoints.val().dst;
        self.locals.v6.next = self.headers.val().is_v6;
        self.rules.index.next = self.meta.val().sa;
        self.rules.generation.next = self.meta.val().generation;
        self.rules.packet.next = self.packet.val();
        self.selector.next = self.packet.val();

        self.is_ip.next = self.headers.val().is_v4 | self.headers.val().is_v6;
        self.says_esp.next = self.is_ip.val() & (self.headers.val().is_esp | (self.headers.val().protocol == self.proto_esp.val()));
        self.briefing.next.meta = self.meta.val();
        self.briefing.next.is_exempt = self.meta.val().crypto | !(self.is_ip.val() | self.headers.val().malformed);
        self.briefing.next.is_gone = false;
        self.briefing.next.is_malformed = false;
        self.briefing.next.is_strange = false;
        self.briefing.next.is_tunnel = false;
        self.briefing.next.accepted = 0.into();
        if self.meta.val().is_protected {
            self.briefing.next.is_gone = !self.rules.is_current.val();
            self.briefing.next.is_malformed = self.headers.val().malformed;
            self.briefing.next.is_strange = !self.rules.is_allowed.val();
            self.briefing.next.is_tunnel = self.rules.is_tunnel.val();
            self.briefing.next.accepted = self.rules.accepted.val();
        } else if self.says_esp.val() | self.headers.val().malformed {
            self.briefing.next.is_exempt = true;
        }

        self.locals.compare.next = false;
        self.rules.fetch.next = false;
        self.selector_valid.next = false;
        self.briefing_valid.next = false;
        self.headers_ready.next = false;
        match self.state.q.val() {
            BriefState::Fetch => {
                if self.headers_valid.val() {
                    self.locals.compare.next = true;
                    self.rules.fetch.next = true;
                    self.state.d.next = BriefState::Ask;
                }
            }
            BriefState::Ask => {
                self.selector_valid.next = true;
                if self.selector_ready.val() {
                    self.state.d.next = BriefState::Compare;
                } else if !self.rules.is_writing.val() {
                    // However long it waits, SA, addresses and policies are looked at together. Not in the clock of a write.
                    self.locals.compare.next = true;
                    self.rules.fetch.next = true;
                }
            }
            BriefState::Compare => {
                self.state.d.next = BriefState::Give;
            }
            BriefState::Give => {
                self.briefing_valid.next = true;
                if self.briefing_ready.val() {
                    self.headers_ready.next = true;
                    self.state.d.next = BriefState::Fetch;
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = BriefState::Fetch;
        }
    }
}
