//! The mailbox: carries out the host's commands on the tables of the engine.
//!
//! Purpose: check a command, have H computed and the replay window prepared, write one record into one table with everything in it,
//! and have the words forgotten. Ports: the writes of COMMAND and MAIL; STATUS and REFUSED; what [`super::result`] is to show; `fault`,
//! what [`super::check`] says of `action` and the operands; the write pulses of the tables; the hash-subkey unit; the replay block.
//! Latency, from the write of COMMAND to DONE: 5 clocks for a command that fails, 14 for one that fills a place, 15 to empty it, 13 to
//! read; an SA takes what H and the replay window take besides, an outbound one until `tx_sa_ready`. Throughput: one command at a
//! time; what is written meanwhile is refused and recorded.
//!
//! - An outbound SA is replaced in one clock, between two packets: none sees half of each.
//! - An inbound SA is not valid from before its replay window is prepared until after it is: no packet sees a new window and an
//!   old key.
//! - The words are zero before `done` is seen, however the command went: see [`super::operands`].

use espalier_regs::map::command;
use rust_hdl::prelude::*;

use super::lsb;
use super::operations::{Action, Operations, Table};
use crate::constant::Const;

const _: () = assert!(command::OP.width == 8 && command::INDEX.width == 16 && command::WAY.width == 4);

/// Write pulses of the tables.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Writes {
    /// Until `tx_sa_ready`.
    pub tx_sa: bool,
    pub rx_sa: bool,
    pub cam: bool,
    /// Until `tx_policy_ready`.
    pub tx_policy: bool,
    /// Until `rx_policy_ready`.
    pub rx_policy: bool,
    pub tx_limits: bool,
    pub rx_limits: bool,
    pub rx_selector: bool,
    pub rx_accept: bool,
    pub local: bool,
}

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum MailboxState {
    Idle,
    Decode,
    Check,
    Begin,
    Invalidate,
    Hkey,
    Hash,
    Replay,
    Empty,
    Write,
    Hold,
    Read,
    Finish,
}

/// See the module's documentation. `A`, `R`, `G`, `C`: see [`super::capabilities`].
#[derive(LogicBlock, Default)]
pub struct Mailbox<const A: usize, const R: usize, const G: usize, const C: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub write_mail: Signal<In, bool>,
    pub write_command: Signal<In, bool>,
    pub data: Signal<In, Bits<32>>,
    pub clear_refused_command: Signal<In, bool>,
    pub clear_refused_mail: Signal<In, bool>,
    pub fault: Signal<In, Bits<4>>,
    pub hkey_ready: Signal<In, bool>,
    pub hkey_done: Signal<In, bool>,
    pub hkey_h: Signal<In, Bits<128>>,
    pub hkey_h3: Signal<In, Bits<128>>,
    pub replay_init_ready: Signal<In, bool>,
    pub tables_ready: Signal<In, bool>,
    pub tx_sa_ready: Signal<In, bool>,
    pub tx_policy_ready: Signal<In, bool>,
    pub rx_policy_ready: Signal<In, bool>,
    pub busy: Signal<Out, bool>,
    pub done: Signal<Out, bool>,
    pub error: Signal<Out, Bits<4>>,
    pub refused_command: Signal<Out, bool>,
    pub refused_mail: Signal<Out, bool>,
    /// RESULT becomes 0; RESULT becomes the state of SA `index` of this direction.
    pub clear_result: Signal<Out, bool>,
    pub take_tx: Signal<Out, bool>,
    pub take_rx: Signal<Out, bool>,
    pub action: Signal<Out, Action>,
    pub index: Signal<Out, Bits<16>>,
    pub way: Signal<Out, Bits<4>>,
    /// A word goes into the staging window; all of them are cleared; what else goes into the records.
    pub put_mail: Signal<Out, bool>,
    pub zeroise: Signal<Out, bool>,
    pub valid: Signal<Out, bool>,
    pub h: Signal<Out, Bits<128>>,
    pub h3: Signal<Out, Bits<128>>,
    pub writes: Signal<Out, Writes>,
    pub hkey_valid: Signal<Out, bool>,
    pub replay_init_valid: Signal<Out, bool>,
    operations: Operations<A, R, G, C>,
    state: DFF<MailboxState>,
    op: DFF<Bits<8>>,
    row: DFF<Bits<16>>,
    place: DFF<Bits<4>>,
    acts: DFF<Action>,
    ended: DFF<bool>,
    code: DFF<Bits<4>>,
    wipe: DFF<bool>,
    late_command: DFF<bool>,
    late_mail: DFF<bool>,
    hash: DFF<Bits<128>>,
    hash3: DFF<Bits<128>>,
    patience: DFF<Bits<3>>,
    idle: Signal<Local, bool>,
    is_write: Signal<Local, bool>,
    holds: Signal<Local, bool>,
    is_read: Signal<Local, bool>,
    /// The table takes the record.
    written: Signal<Local, bool>,
    op_at: Const<5, { lsb(command::OP) }>,
    index_at: Const<5, { lsb(command::INDEX) }>,
    way_at: Const<5, { lsb(command::WAY) }>,
}

impl<const A: usize, const R: usize, const G: usize, const C: usize> Logic for Mailbox<A, R, G, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, op, row, place, acts, ended, code);
        dff_setup!(self, clock, wipe, late_command, late_mail, hash, hash3, patience);
        self.idle.next = self.state.q.val() == MailboxState::Idle;
        self.busy.next = !self.idle.val();
        self.done.next = self.ended.q.val() && self.idle.val();
        self.error.next = self.code.q.val();
        self.action.next = self.acts.q.val();
        self.index.next = self.row.q.val();
        self.way.next = self.place.q.val();

        // To the operands. `wipe` is one with the states Empty and Finish: a register of its own, because it goes to every word.
        self.put_mail.next = self.write_mail.val() && self.idle.val();
        self.zeroise.next = self.wipe.q.val() || self.reset.val();
        self.is_write.next = self.state.q.val() == MailboxState::Write;
        self.holds.next = self.is_write.val() || (self.state.q.val() == MailboxState::Hold);
        self.valid.next = (self.holds.val() || (self.state.q.val() == MailboxState::Finish)) && !self.acts.q.val().clear;
        self.h.next = self.hash.q.val();
        self.h3.next = self.hash3.q.val();

        // To the engine.
        self.hkey_valid.next = self.state.q.val() == MailboxState::Hkey;
        self.replay_init_valid.next = self.state.q.val() == MailboxState::Replay;
        self.clear_result.next = self.state.q.val() == MailboxState::Decode;
        self.is_read.next = (self.state.q.val() == MailboxState::Read) && self.patience.q.val().all();
        self.take_tx.next = self.is_read.val() && (self.acts.q.val().table == Table::TxSa);
        self.take_rx.next = self.is_read.val() && (self.acts.q.val().table == Table::RxSa);
        self.writes.next.tx_sa = self.is_write.val() && (self.acts.q.val().table == Table::TxSa);
        self.writes.next.rx_sa =
            (self.is_write.val() && (self.acts.q.val().table == Table::RxSa)) || (self.state.q.val() == MailboxState::Invalidate);
        self.writes.next.cam = self.is_write.val() && (self.acts.q.val().table == Table::Cam);
        self.writes.next.tx_policy = self.is_write.val() && (self.acts.q.val().table == Table::TxPolicy);
        self.writes.next.rx_policy = self.is_write.val() && (self.acts.q.val().table == Table::RxPolicy);
        self.writes.next.tx_limits = self.is_write.val() && (self.acts.q.val().table == Table::TxLimits);
        self.writes.next.rx_limits = self.is_write.val() && (self.acts.q.val().table == Table::RxLimits);
        self.writes.next.rx_selector = self.is_write.val() && (self.acts.q.val().table == Table::RxSelector);
        self.writes.next.rx_accept = self.is_write.val() && (self.acts.q.val().table == Table::RxAccept);
        self.writes.next.local = self.is_write.val() && (self.acts.q.val().table == Table::Local);

        self.written.next = true;
        if self.acts.q.val().table == Table::TxSa {
            self.written.next = self.tx_sa_ready.val();
        }
        if self.acts.q.val().table == Table::TxPolicy {
            self.written.next = self.tx_policy_ready.val();
        }
        if self.acts.q.val().table == Table::RxPolicy {
            self.written.next = self.rx_policy_ready.val();
        }

        // The steps of a command.
        self.operations.op.next = self.op.q.val();
        self.acts.d.next = self.operations.action.val();
        self.patience.d.next = 0.into();
        self.wipe.d.next = false;
        match self.state.q.val() {
            MailboxState::Idle => {
                self.op.d.next = self.data.val().get_bits::<8>(self.op_at.val().index());
                self.row.d.next = self.data.val().get_bits::<16>(self.index_at.val().index());
                self.place.d.next = self.data.val().get_bits::<4>(self.way_at.val().index());
                if self.write_command.val() {
                    self.state.d.next = MailboxState::Decode;
                }
            }
            MailboxState::Decode => {
                self.ended.d.next = false;
                self.code.d.next = 0.into();
                self.state.d.next = MailboxState::Check;
            }
            MailboxState::Check => {
                self.code.d.next = self.fault.val();
                self.state.d.next = MailboxState::Begin;
            }
            MailboxState::Begin => {
                self.state.d.next = MailboxState::Write;
                if !self.tables_ready.val() {
                    self.state.d.next = MailboxState::Begin;
                } else if self.code.q.val().any() {
                    self.wipe.d.next = true;
                    self.state.d.next = MailboxState::Finish;
                } else if self.acts.q.val().read {
                    self.state.d.next = MailboxState::Read;
                } else if self.acts.q.val().clear {
                    self.wipe.d.next = true;
                    self.state.d.next = MailboxState::Empty;
                } else if self.acts.q.val().table == Table::TxSa {
                    self.state.d.next = MailboxState::Hkey;
                } else if self.acts.q.val().table == Table::RxSa {
                    self.state.d.next = MailboxState::Invalidate;
                }
            }
            MailboxState::Invalidate => {
                self.state.d.next = MailboxState::Hkey;
            }
            MailboxState::Hkey => {
                if self.hkey_ready.val() {
                    self.state.d.next = MailboxState::Hash;
                }
            }
            MailboxState::Hash => {
                if self.hkey_done.val() {
                    self.hash.d.next = self.hkey_h.val();
                    self.hash3.d.next = self.hkey_h3.val();
                    self.state.d.next = MailboxState::Write;
                    if self.acts.q.val().table == Table::RxSa {
                        self.state.d.next = MailboxState::Replay;
                    }
                }
            }
            MailboxState::Replay => {
                if self.replay_init_ready.val() {
                    self.state.d.next = MailboxState::Write;
                }
            }
            MailboxState::Empty => {
                self.state.d.next = MailboxState::Write;
            }
            MailboxState::Write => {
                if self.written.val() {
                    self.state.d.next = MailboxState::Hold;
                }
            }
            MailboxState::Hold => {
                // What is written between packets takes its record up to 8 clocks after the pulse.
                self.patience.d.next = self.patience.q.val() + 1;
                if self.patience.q.val().all() {
                    self.wipe.d.next = true;
                    self.state.d.next = MailboxState::Finish;
                }
            }
            MailboxState::Read => {
                // The tables take 4 clocks to answer; `index` has been set for 4 already.
                self.patience.d.next = self.patience.q.val() + 1;
                if self.patience.q.val().all() {
                    self.wipe.d.next = true;
                    self.state.d.next = MailboxState::Finish;
                }
            }
            MailboxState::Finish => {
                self.hash.d.next = 0.into();
                self.hash3.d.next = 0.into();
                self.ended.d.next = true;
                self.state.d.next = MailboxState::Idle;
            }
            _ => {
                self.state.d.next = MailboxState::Idle;
            }
        }

        // What came too early.
        if self.clear_refused_command.val() {
            self.late_command.d.next = false;
        }
        if self.clear_refused_mail.val() {
            self.late_mail.d.next = false;
        }
        if !self.idle.val() && self.write_command.val() {
            self.late_command.d.next = true;
        }
        if !self.idle.val() && self.write_mail.val() {
            self.late_mail.d.next = true;
        }
        self.refused_command.next = self.late_command.q.val();
        self.refused_mail.next = self.late_mail.q.val();

        if self.reset.val() {
            self.state.d.next = MailboxState::Idle;
            self.ended.d.next = false;
            self.code.d.next = 0.into();
            self.late_command.d.next = false;
            self.late_mail.d.next = false;
            self.hash.d.next = 0.into();
            self.hash3.d.next = 0.into();
        }
    }
}
