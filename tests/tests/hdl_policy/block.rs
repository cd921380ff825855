//! A table with what it is written from.

use espalier_hdl::policy::{PolicySource, PolicyTable};
use espalier_hdl::records::{Policy, Selector, Verdict};
use rust_hdl::prelude::*;

/// [`PolicyTable`], to be written with whole policies.
#[derive(LogicBlock, Default)]
pub struct Block<const R: usize, const G: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub selector: Signal<In, Selector>,
    pub selector_valid: Signal<In, bool>,
    pub selector_ready: Signal<Out, bool>,
    pub write_valid: Signal<In, bool>,
    pub write_index: Signal<In, Bits<10>>,
    pub write_data: Signal<In, Policy>,
    pub write_ready: Signal<Out, bool>,
    pub ready: Signal<Out, bool>,
    pub verdict: Signal<Out, Verdict>,
    pub verdict_valid: Signal<Out, bool>,
    pub verdict_ready: Signal<In, bool>,
    policies: PolicyTable<R, G>,
    source: PolicySource,
}

impl<const R: usize, const G: usize> Logic for Block<R, G> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, policies, source);
        self.policies.reset.next = self.reset.val();
        self.policies.selector.next = self.selector.val();
        self.policies.selector_valid.next = self.selector_valid.val();
        self.selector_ready.next = self.policies.selector_ready.val();
        self.policies.write_valid.next = self.write_valid.val();
        self.source.index.next = self.write_index.val();
        self.source.policy.next = self.write_data.val();
        self.source.at.next = self.policies.write_at.val();
        self.policies.write.next = self.source.write.val();
        self.write_ready.next = self.policies.write_ready.val();
        self.ready.next = self.policies.ready.val();
        self.verdict.next = self.policies.verdict.val();
        self.verdict_valid.next = self.policies.verdict_valid.val();
        self.policies.verdict_ready.next = self.verdict_ready.val();
    }
}
