//! What each SA has carried, and its limits (RFC 4301 section 4.4.2.1; struct xfrm_lifetime_cur and xfrm_lifetime_cfg).

mod ledger;

use espalier_regs::notice::Kind;
use rust_hdl::prelude::*;

use crate::ram::Ram;

use self::ledger::{Carried, Ledger, Reported};
use crate::constant::Const;
use crate::records::{Life, Limits, Notice, SaIndex};

/// Packets and bytes of 2^A SAs, with soft and hard limits of both.
///
/// - `index`: `expired`, that a hard limit is reached, is right from 3 clocks after `index` was set until it changes.
/// - `count`, a pulse: a packet of `bytes` passes; the counts wrap at 64 bits. `touch`, a pulse instead: it is dropped as expired. With
///   either `index` has been the same for 3 clocks and stays for 2 more; 6 clocks lie between one and the next.
/// - `report`: with a count, that the hard limit is now reached, else the soft one, each once; with a touch only the hard one (of a limit
///   of 0, or one that was set below the counts, no count has told). Offered 3 clocks after the pulse, until taken. A report that
///   finds another untaken comes with the SA's next pulse: who makes none while `report_valid` gets each in time. With
///   `unlimited` beside `count` (crypto offload: the stack's own core watches the limits) nothing is reported.
/// - `clear_write`, a pulse: the SA has carried nothing, reported nothing, has no limits. `limits_write`, a pulse: it has these, and has
///   reported nothing. In any clock (of both in one, the limits come last); their operands stay 8 clocks, and `expired` follows in these.
/// - `life`: right from 4 clocks after `read_index` was set, and each count in it 7 clocks after its pulse.
/// - `reset` forgets the report and waiting writes, not the tables: each SA needs its `clear_write`.
///
/// A limit of all ones is none (XFRM_INF).
///
/// # How
/// The tables are read all the time, into registers; the comparisons of these have a clock of their own. A pulse adds to the registers
/// (clock 0), compares (1), writes back what was counted and reported (2). The host's writes wait for a clock in which nothing of
/// that happens and `index` is not new. What a RAM shows of an entry that is being written, which synthesis need not define, is not used.
#[derive(LogicBlock, Default)]
pub struct Lifetime<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub index: Signal<In, SaIndex>,
    pub count: Signal<In, bool>,
    pub touch: Signal<In, bool>,
    pub bytes: Signal<In, Bits<16>>,
    pub unlimited: Signal<In, bool>,
    pub expired: Signal<Out, bool>,
    pub clear_write: Signal<In, bool>,
    pub clear_index: Signal<In, SaIndex>,
    pub limits_write: Signal<In, bool>,
    pub limits_index: Signal<In, SaIndex>,
    pub limits: Signal<In, Limits>,
    pub read_index: Signal<In, SaIndex>,
    pub life: Signal<Out, Life>,
    pub report: Signal<Out, Notice>,
    pub report_valid: Signal<Out, bool>,
    pub report_ready: Signal<In, bool>,
    limits_table: Ram<Limits, A>,
    ledger: Ledger<A>,
    /// Of `index`; while a pulse is worked on, of its SA.
    limit: DFF<Limits>,
    carried: DFF<Carried>,
    reported: DFF<Reported>,
    over_soft_packets: DFF<bool>,
    over_hard_packets: DFF<bool>,
    over_soft_bytes: DFF<bool>,
    over_hard_bytes: DFF<bool>,
    /// A pulse is in its clock 1 or 2.
    comparing: DFF<bool>,
    closing: DFF<bool>,
    /// It is a count, and it may report.
    counted: DFF<bool>,
    telling: DFF<bool>,
    sa: DFF<SaIndex>,
    index_before: DFF<SaIndex>,
    /// In the clock before, a table was written, by anyone or by the host.
    wrote: DFF<bool>,
    host_wrote: DFF<bool>,
    /// Writes of the host that wait.
    clear_waits: DFF<bool>,
    limits_wait: DFF<bool>,
    told: DFF<Notice>,
    told_full: DFF<bool>,
    pulse: Signal<Local, bool>,
    host_turn: Signal<Local, bool>,
    clears: Signal<Local, bool>,
    sets_limits: Signal<Local, bool>,
    over_soft: Signal<Local, bool>,
    over_hard: Signal<Local, bool>,
    tells: Signal<Local, bool>,
    tells_hard: Signal<Local, bool>,
    tells_soft: Signal<Local, bool>,
    infinite: Const<64, { u64::MAX }>,
    soft_kind: Const<4, { Kind::LifetimeSoft as u64 }>,
    hard_kind: Const<4, { Kind::LifetimeHard as u64 }>,
}

impl<const A: usize> Logic for Lifetime<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, limit, carried, reported);
        dff_setup!(self, clock, over_soft_packets, over_hard_packets, over_soft_bytes, over_hard_bytes);
        dff_setup!(self, clock, comparing, closing, counted, telling, sa, index_before, wrote, host_wrote);
        dff_setup!(self, clock, clear_waits, limits_wait, told, told_full);
        clock!(self, clock, ledger);
        self.limits_table.read_clock.next = self.clock.val();
        self.limits_table.write_clock.next = self.clock.val();

        // The host's writes: a clear, then limits.
        self.pulse.next = self.count.val() | self.touch.val();
        self.index_before.d.next = self.index.val();
        self.host_turn.next =
            !((self.pulse.val() | self.comparing.q.val()) | self.closing.q.val()) & (self.index.val() == self.index_before.q.val());
        self.clears.next = self.host_turn.val() & self.clear_waits.q.val();
        self.sets_limits.next = (self.host_turn.val() & self.limits_wait.q.val()) & !self.clear_waits.q.val();
        self.clear_waits.d.next = self.clear_write.val() | (self.clear_waits.q.val() & !self.host_turn.val());
        self.limits_wait.d.next = self.limits_write.val() | (self.limits_wait.q.val() & !self.sets_limits.val());

        // What is known of the SA. After a write of the table its output may be nonsense.
        self.limits_table.read_address.next = bit_cast::<A, 10>(self.index.val());
        self.ledger.index.next = self.index.val();
        if !self.wrote.q.val() {
            self.limit.d.next = self.limits_table.read_data.val();
        }
        if !(((self.pulse.val() | self.comparing.q.val()) | self.closing.q.val()) | self.wrote.q.val()) {
            self.carried.d.next = self.ledger.carried.val();
            self.reported.d.next = self.ledger.reported.val();
        }
        if self.count.val() {
            self.carried.d.next.packets = self.carried.q.val().packets + 1;
            self.carried.d.next.bytes = self.carried.q.val().bytes + bit_cast::<64, 16>(self.bytes.val());
        }
        if self.clears.val() & (self.clear_index.val() == self.index.val()) {
            self.carried.d.next.packets = 0.into();
            self.carried.d.next.bytes = 0.into();
            self.reported.d.next.soft = false;
            self.reported.d.next.hard = false;
        }
        if self.sets_limits.val() & (self.limits_index.val() == self.index.val()) {
            self.reported.d.next.soft = false;
            self.reported.d.next.hard = false;
        }
        self.over_soft_packets.d.next = self.carried.q.val().packets >= self.limit.q.val().soft_packets;
        self.over_hard_packets.d.next = self.carried.q.val().packets >= self.limit.q.val().hard_packets;
        self.over_soft_bytes.d.next = self.carried.q.val().bytes >= self.limit.q.val().soft_bytes;
        self.over_hard_bytes.d.next = self.carried.q.val().bytes >= self.limit.q.val().hard_bytes;
        self.over_soft.next = self.over_soft_packets.q.val() | self.over_soft_bytes.q.val();
        self.over_hard.next = self.over_hard_packets.q.val() | self.over_hard_bytes.q.val();
        self.expired.next = self.over_hard.val();

        // A pulse on its way. One right behind a write of the host would be compared with limits of before.
        self.comparing.d.next = self.pulse.val();
        self.closing.d.next = self.comparing.q.val();
        if self.pulse.val() {
            self.sa.d.next = self.index.val();
            self.counted.d.next = self.count.val();
            self.telling.d.next = !self.unlimited.val() & !self.host_wrote.q.val();
        }

        // Its end: the report, if there is one and it finds room.
        self.tells.next = (self.closing.q.val() & self.telling.q.val()) & (!self.told_full.q.val() | self.report_ready.val());
        self.tells_hard.next = self.tells.val() & (self.over_hard.val() & !self.reported.q.val().hard);
        self.tells_soft.next = (self.tells.val() & self.counted.q.val()) & (self.over_soft.val() & !self.reported.q.val().soft);
        if self.report_ready.val() {
            self.told_full.d.next = false;
        }
        if self.tells_hard.val() | self.tells_soft.val() {
            self.told_full.d.next = true;
            self.told.d.next.sa = self.sa.q.val();
            self.told.d.next.kind = self.soft_kind.val();
            if self.tells_hard.val() {
                self.told.d.next.kind = self.hard_kind.val();
            }
        }
        self.report.next = self.told.q.val();
        self.report_valid.next = self.told_full.q.val();

        // What is written: by the pulse, or by the host.
        self.ledger.read_index.next = self.read_index.val();
        self.life.next = self.ledger.life.val();
        self.ledger.write_index.next = self.sa.q.val();
        self.ledger.write_carried.next = (self.closing.q.val() & self.counted.q.val()) | self.clears.val();
        self.ledger.new_carried.next = self.carried.q.val();
        self.ledger.write_reported.next = self.closing.q.val() | (self.clears.val() | self.sets_limits.val());
        self.ledger.new_reported.next.soft = self.reported.q.val().soft | (self.tells_soft.val() & !self.tells_hard.val());
        self.ledger.new_reported.next.hard = self.reported.q.val().hard | self.tells_hard.val();
        self.limits_table.write_address.next = bit_cast::<A, 10>(self.limits_index.val());
        self.limits_table.write_enable.next = self.clears.val() | self.sets_limits.val();
        self.limits_table.write_data.next = self.limits.val();
        if self.clears.val() {
            self.ledger.write_index.next = self.clear_index.val();
            self.ledger.new_carried.next.packets = 0.into();
            self.ledger.new_carried.next.bytes = 0.into();
            self.limits_table.write_address.next = bit_cast::<A, 10>(self.clear_index.val());
            self.limits_table.write_data.next.soft_packets = self.infinite.val();
            self.limits_table.write_data.next.hard_packets = self.infinite.val();
            self.limits_table.write_data.next.soft_bytes = self.infinite.val();
            self.limits_table.write_data.next.hard_bytes = self.infinite.val();
        }
        if self.sets_limits.val() {
            self.ledger.write_index.next = self.limits_index.val();
        }
        if self.clears.val() | self.sets_limits.val() {
            self.ledger.new_reported.next.soft = false;
            self.ledger.new_reported.next.hard = false;
        }
        self.host_wrote.d.next = self.clears.val() | self.sets_limits.val();
        self.wrote.d.next = (self.clears.val() | self.sets_limits.val()) | self.closing.q.val();

        if self.reset.val() {
            self.comparing.d.next = false;
            self.closing.d.next = false;
            self.clear_waits.d.next = false;
            self.limits_wait.d.next = false;
            self.told_full.d.next = false;
        }
    }
}
