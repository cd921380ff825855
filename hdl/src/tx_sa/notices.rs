//! What the host is told of outbound SAs.

use espalier_regs::notice::Kind;
use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::{Notice, SaIndex};

/// Joins the lifetimes' reports, each with a packet, with the news that a packet took an SA's last sequence number.
///
/// - `used_up`, a pulse in the packet's clock, with `sa`. `report` comes 3 clocks after that clock, or never.
/// - `notice` (valid, ready): 3 clocks after the packet, the report first. `pending` from the clock after `used_up` until its notice is
///   taken, and while a report is not: the next packet waits for it, so that none is lost.
#[derive(LogicBlock, Default)]
pub struct Notices {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub used_up: Signal<In, bool>,
    pub sa: Signal<In, SaIndex>,
    pub report: Signal<In, Notice>,
    pub report_valid: Signal<In, bool>,
    pub report_ready: Signal<Out, bool>,
    pub notice: Signal<Out, Notice>,
    pub notice_valid: Signal<Out, bool>,
    pub notice_ready: Signal<In, bool>,
    pub pending: Signal<Out, bool>,
    /// One bit for each clock that the news is old.
    age: DFF<Bits<2>>,
    told: DFF<Notice>,
    told_full: DFF<bool>,
    exhausted: Const<4, { Kind::SeqExhausted as u64 }>,
}

impl Logic for Notices {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, age, told, told_full);
        self.age.d.next = (self.age.q.val() << 1) | bit_cast::<2, 1>(self.used_up.val().into());
        if self.used_up.val() {
            self.told.d.next.kind = self.exhausted.val();
            self.told.d.next.sa = self.sa.val();
        }
        self.pending.next = (self.report_valid.val() | self.told_full.q.val()) | self.age.q.val().any();
        self.report_ready.next = self.notice_ready.val();
        self.notice_valid.next = self.report_valid.val() | self.told_full.q.val();
        self.notice.next = self.told.q.val();
        if self.report_valid.val() {
            self.notice.next = self.report.val();
        } else if self.notice_ready.val() {
            self.told_full.d.next = false;
        }
        if self.age.q.val().get_bit(1) {
            self.told_full.d.next = true;
        }
        if self.reset.val() {
            self.told_full.d.next = false;
            self.age.d.next = 0.into();
        }
    }
}
