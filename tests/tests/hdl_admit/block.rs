//! The stage with what its policies are written from.

use espalier_hdl::admit::Admit;
use espalier_hdl::policy::PolicySource;
use espalier_hdl::records::{Accept, LocalAddress, Meta, Policy, SaIndex, SaSelector};
use espalier_hdl::stream::Beat;
use rust_hdl::prelude::*;

/// [`Admit`], to be written with whole policies.
#[derive(LogicBlock, Default)]
pub struct Block<const A: usize, const R: usize, const G: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub policy_write: Signal<In, bool>,
    pub policy_index: Signal<In, Bits<10>>,
    pub policy: Signal<In, Policy>,
    pub policy_ready: Signal<Out, bool>,
    pub local_write: Signal<In, bool>,
    pub local_index: Signal<In, Bits<3>>,
    pub local_address: Signal<In, LocalAddress>,
    pub sa_write: Signal<In, bool>,
    pub sa_tunnel: Signal<In, bool>,
    pub selector_write: Signal<In, bool>,
    pub selector: Signal<In, SaSelector>,
    pub accept_write: Signal<In, bool>,
    pub accept: Signal<In, Accept>,
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
    source: PolicySource,
    admit: Admit<A, R, G>,
}

impl<const A: usize, const R: usize, const G: usize> Logic for Block<A, R, G> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, source, admit);
        self.admit.reset.next = self.reset.val();
        self.admit.policy_write.next = self.policy_write.val();
        self.policy_ready.next = self.admit.policy_ready.val();
        self.admit.local_write.next = self.local_write.val();
        self.admit.local_index.next = self.local_index.val();
        self.admit.local_address.next = self.local_address.val();
        self.admit.sa_write.next = self.sa_write.val();
        self.admit.sa_tunnel.next = self.sa_tunnel.val();
        self.admit.selector_write.next = self.selector_write.val();
        self.admit.selector.next = self.selector.val();
        self.admit.accept_write.next = self.accept_write.val();
        self.admit.accept.next = self.accept.val();
        self.admit.sa_index.next = self.sa_index.val();
        self.ready.next = self.admit.ready.val();
        self.admit.s_beat.next = self.s_beat.val();
        self.admit.s_meta.next = self.s_meta.val();
        self.admit.s_valid.next = self.s_valid.val();
        self.s_ready.next = self.admit.s_ready.val();
        self.m_beat.next = self.admit.m_beat.val();
        self.m_meta.next = self.admit.m_meta.val();
        self.m_valid.next = self.admit.m_valid.val();
        self.admit.m_ready.next = self.m_ready.val();
        self.events.next = self.admit.events.val();
        self.source.policy.next = self.policy.val();
        self.source.index.next = self.policy_index.val();
        self.source.at.next = self.admit.policy_at.val();
        self.admit.policy.next = self.source.write.val();
    }
}
