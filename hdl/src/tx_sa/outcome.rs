//! What became of each frame, as counted and as the host is told.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::events::{bit, Event, EventMask};
use crate::records::{SaIndex, TxStatus};

/// Turns the outcome of a frame into its event and its status.
///
/// - `joined`, a pulse: there is a frame. `decide`, a pulse, later: `cause` is its event, `sa` its SA.
/// - `events`: each a clock after its pulse. `status` (valid, ready) 2 clocks after `decide`; while it waits there may be no other.
#[derive(LogicBlock, Default)]
pub struct Outcome {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub joined: Signal<In, bool>,
    pub decide: Signal<In, bool>,
    pub cause: Signal<In, Bits<4>>,
    pub sa: Signal<In, SaIndex>,
    pub events: Signal<Out, Bits<64>>,
    pub status: Signal<Out, TxStatus>,
    pub status_valid: Signal<Out, bool>,
    pub status_ready: Signal<In, bool>,
    is_new: DFF<bool>,
    is_decided: DFF<bool>,
    decided: DFF<Bits<4>>,
    decided_sa: DFF<SaIndex>,
    full: DFF<bool>,
    one: Const<16, 1>,
    ev_frames: EventMask<{ bit(Event::TxFrames) }>,
}

impl Logic for Outcome {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, is_new, is_decided, decided, decided_sa, full);
        self.is_new.d.next = self.joined.val();
        self.is_decided.d.next = self.decide.val();
        if self.decide.val() {
            self.decided.d.next = self.cause.val();
            self.decided_sa.d.next = self.sa.val();
        }
        self.events.next = 0.into();
        if self.is_new.q.val() {
            self.events.next = self.ev_frames.val();
        }
        if self.status_ready.val() {
            self.full.d.next = false;
        }
        if self.is_decided.q.val() {
            self.events.next = bit_cast::<64, 16>(self.one.val() << self.decided.q.val());
            self.full.d.next = true;
        }
        self.status.next.event = bit_cast::<8, 4>(self.decided.q.val());
        self.status.next.sa = self.decided_sa.q.val();
        self.status_valid.next = self.full.q.val();
        if self.reset.val() {
            self.is_new.d.next = false;
            self.is_decided.d.next = false;
            self.full.d.next = false;
        }
    }
}
