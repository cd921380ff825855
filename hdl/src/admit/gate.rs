//! RX: passes frames or swallows them, whole.

use rust_hdl::prelude::*;

use super::decide::Decision;
use crate::records::Meta;
use crate::stream::Beat;

/// Passes or swallows each frame of `s` as its decision says.
///
/// - Ports: `s` in; `decision`, one a frame, in order; `m` out with `m_meta`, constant over a frame.
/// - Latency: none. Throughput: a beat a clock. Back-pressure: `s_ready` and `decision_ready` (with the frame's last beat) follow `m_ready`; what
///   is swallowed waits for nobody.
#[derive(LogicBlock, Default)]
pub struct Gate {
    pub s_beat: Signal<In, Beat>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub decision: Signal<In, Decision>,
    pub decision_valid: Signal<In, bool>,
    pub decision_ready: Signal<Out, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_meta: Signal<Out, Meta>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    take: Signal<Local, bool>,
}

impl Logic for Gate {
    #[hdl_gen]
    fn update(&mut self) {
        self.take.next = self.decision_valid.val() & (!self.decision.val().pass | self.m_ready.val());
        self.s_ready.next = self.take.val();
        self.decision_ready.next = self.take.val() & (self.s_valid.val() & self.s_beat.val().last);
        self.m_beat.next = self.s_beat.val();
        self.m_meta.next = self.decision.val().meta;
        self.m_valid.next = self.s_valid.val() & (self.decision_valid.val() & self.decision.val().pass);
    }
}
