//! The event queue: what SAs have to tell, from the data path to the host.
//!
//! Purpose: hold events until the host takes them; say so when one found no room. Ports: `tx` and `rx`, a [`Notice`] each; `host`, a
//! [`HostNotice`], which waits while `rx` has one; `word`, what
//! EVENT reads; `pop`; `lost` and `clear_lost`; `pending`, up while there is an event. Latency: 4 to 5 clocks from an event into an empty
//! queue to `pending`. Throughput: one event in two clocks from each side. Back-pressure: none to speak of, each side is ready in
//! every other clock, whatever the host does: an event that finds the queue full is dropped, and `lost` is set. The SA's own state
//! keeps what it told.

use espalier_regs::map::event;
use rust_hdl::prelude::*;

use super::build::EVENT_BITS;
use super::lsb;
use crate::constant::Const;
use crate::fifo::Fifo;
use crate::records::{HostNotice, Notice, SaIndex};

/// An entry of the queue.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct Queued {
    tx: bool,
    kind: Bits<4>,
    sa: SaIndex,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Notices {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub tx: Signal<In, Notice>,
    pub tx_valid: Signal<In, bool>,
    pub tx_ready: Signal<Out, bool>,
    pub rx: Signal<In, Notice>,
    pub rx_valid: Signal<In, bool>,
    pub rx_ready: Signal<Out, bool>,
    pub host: Signal<In, HostNotice>,
    pub host_valid: Signal<In, bool>,
    pub host_ready: Signal<Out, bool>,
    pub pop: Signal<In, bool>,
    pub clear_lost: Signal<In, bool>,
    pub word: Signal<Out, Bits<32>>,
    pub pending: Signal<Out, bool>,
    pub lost: Signal<Out, bool>,
    queue: Fifo<Queued, EVENT_BITS>,
    /// This clock is the outbound side's.
    tx_turn: DFF<bool>,
    missed: DFF<bool>,
    offered: Signal<Local, bool>,
    put: Signal<Local, Queued>,
    head: Signal<Local, Queued>,
    kind_at: Const<5, { lsb(event::KIND) }>,
    sa_at: Const<5, { lsb(event::SA) }>,
    tx_at: Const<5, { lsb(event::TX) }>,
    valid_at: Const<5, { lsb(event::VALID) }>,
}

impl Logic for Notices {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tx_turn, missed);
        self.queue.clock.next = self.clock.val();
        self.queue.reset.next = self.reset.val();

        // In.
        self.tx_turn.d.next = !self.tx_turn.q.val();
        self.tx_ready.next = self.tx_turn.q.val();
        self.rx_ready.next = !self.tx_turn.q.val();
        self.host_ready.next = !self.tx_turn.q.val() & !self.rx_valid.val();
        self.put.next.tx = self.host.val().tx;
        self.put.next.kind = self.host.val().kind;
        self.put.next.sa = self.host.val().number;
        self.offered.next = self.host_valid.val();
        if self.rx_valid.val() {
            self.put.next.tx = false;
            self.put.next.kind = self.rx.val().kind;
            self.put.next.sa = self.rx.val().sa;
            self.offered.next = true;
        }
        if self.tx_turn.q.val() {
            self.put.next.tx = true;
            self.put.next.kind = self.tx.val().kind;
            self.put.next.sa = self.tx.val().sa;
            self.offered.next = self.tx_valid.val();
        }
        self.queue.s_data.next = self.put.val();
        self.queue.s_valid.next = self.offered.val();
        if self.clear_lost.val() {
            self.missed.d.next = false;
        }
        if self.offered.val() && !self.queue.s_ready.val() {
            self.missed.d.next = true;
        }
        self.lost.next = self.missed.q.val();

        // Out.
        self.queue.m_ready.next = self.pop.val();
        self.pending.next = self.queue.m_valid.val();
        self.head.next = self.queue.m_data.val();
        self.word.next = 0.into();
        if self.queue.m_valid.val() {
            self.word.next = ((bit_cast::<32, 4>(self.head.val().kind) << self.kind_at.val())
                | (bit_cast::<32, 10>(self.head.val().sa) << self.sa_at.val()))
                | ((bit_cast::<32, 1>(self.head.val().tx.into()) << self.tx_at.val())
                    | (bit_cast::<32, 1>(self.queue.m_valid.val().into()) << self.valid_at.val()));
        }
        if self.reset.val() {
            self.missed.d.next = false;
        }
    }
}
