//! Frames to the engine.

use rust_hdl::prelude::*;

use super::records::{Ended, Item};
use crate::constant::Const;

/// Offers frames to the engine, and says of each that it has its end.
///
/// - Ports: `item`; `m_axis_host_*`; `ended` with `ended_ready`, which is looked at before a beat is offered: no frame is without room for
///   its end. `over`: a frame of the items has gone, given or not.
/// - The first beat of a frame is offered while `tx_enabled`. In `drain`, one that is not offered yet is thrown away with its frame, and
///   so is one of which the offer ended because `tx_enabled` fell.
/// - Latency: none. Throughput: a beat a clock.
#[derive(LogicBlock, Default)]
pub struct Offer {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub drain: Signal<In, bool>,
    pub tx_enabled: Signal<In, bool>,
    pub item: Signal<In, Item>,
    pub item_valid: Signal<In, bool>,
    pub m_axis_host_tready: Signal<In, bool>,
    pub ended_ready: Signal<In, bool>,
    pub item_ready: Signal<Out, bool>,
    pub m_axis_host_tdata: Signal<Out, Bits<128>>,
    pub m_axis_host_tkeep: Signal<Out, Bits<16>>,
    pub m_axis_host_tvalid: Signal<Out, bool>,
    pub m_axis_host_tlast: Signal<Out, bool>,
    pub m_axis_host_tuser: Signal<Out, Bits<16>>,
    pub ended: Signal<Out, Ended>,
    pub ended_valid: Signal<Out, bool>,
    pub over: Signal<Out, bool>,
    /// The beat was offered in the clock before, and not taken.
    waiting: DFF<bool>,
    /// The frame is thrown away.
    dropping: DFF<bool>,
    refuse: Signal<Local, bool>,
    valid: Signal<Local, bool>,
    given: Signal<Local, bool>,
    silent: Signal<Local, bool>,
    drop: Signal<Local, bool>,
    all_lanes: Const<16, 0xFFFF>,
}

impl Logic for Offer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, waiting, dropping);
        self.refuse.next = (self.item.val().first & self.drain.val()) & !(self.waiting.q.val() & self.tx_enabled.val());
        self.drop.next = self.item_valid.val() & (self.dropping.q.val() | self.refuse.val());
        self.valid.next = ((self.item_valid.val() & self.ended_ready.val()) & (!self.item.val().first | self.tx_enabled.val()))
            & (!self.item.val().silent & !(self.dropping.q.val() | self.refuse.val()));
        self.given.next = self.valid.val() & self.m_axis_host_tready.val();
        self.silent.next =
            (self.item_valid.val() & self.ended_ready.val()) & (self.item.val().silent & !(self.dropping.q.val() | self.refuse.val()));
        self.item_ready.next = self.drop.val() | (self.given.val() | self.silent.val());
        self.waiting.d.next = self.valid.val() & !self.given.val();
        if self.drop.val() {
            self.dropping.d.next = !self.item.val().last;
        }

        self.m_axis_host_tvalid.next = self.valid.val();
        self.m_axis_host_tdata.next = self.item.val().data;
        self.m_axis_host_tkeep.next = self.all_lanes.val() >> self.item.val().unused;
        self.m_axis_host_tlast.next = self.item.val().last;
        self.m_axis_host_tuser.next = self.item.val().user;

        self.ended.next.given = !self.item.val().silent;
        self.ended.next.cause = self.item.val().cause;
        self.ended.next.index = self.item.val().index;
        self.ended_valid.next = (self.given.val() & self.item.val().last) | self.silent.val();
        self.over.next = self.item.val().last & (self.drop.val() | (self.given.val() | self.silent.val()));

        if self.reset.val() {
            self.waiting.d.next = false;
            self.dropping.d.next = false;
        }
    }
}
