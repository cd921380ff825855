//! The mailbox: carries out the host's commands on the tables of the engine.
//!
//! Purpose: collect the words of a command, check them, have H computed and the replay window prepared, write one record into one
//! table with everything in it, and forget the words. Ports: the writes of MAIL and COMMAND; STATUS, REFUSED and RESULT; the
//! write ports of the tables; the hash-subkey unit; the replay block. Latency, from the write of COMMAND to DONE: 5 clocks for a
//! command that fails, 6 for one that fills a place, 7 to empty it, 13 to read; an SA takes what H and the replay window take
//! besides. Throughput: one command at a time; what is written meanwhile is refused and recorded.
//!
//! - An outbound SA is replaced in one clock: no packet sees half of each.
//! - An inbound SA is not valid from before its replay window is prepared until after it is: no packet sees a new window and an
//!   old key.
//! - The words are zero before `done` is seen, however the command went. They leave only towards the tables and `hkey_key`.

use espalier_regs::map::command;
use rust_hdl::prelude::*;

use super::check::Check;
use super::lsb;
use super::operands::Operands;
use super::operations::{Action, Operations, Table};
use crate::constant::Const;
use crate::records::{CamEntry, Policy, RxSa, SaIndex, TxSa};

const _: () = assert!(command::OP.width == 8 && command::INDEX.width == 16 && command::WAY.width == 4);

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
    Read,
    Finish,
}

/// See the module's documentation. `A`, `R`, `C`: see [`super::capabilities`].
#[derive(LogicBlock, Default)]
pub struct Mailbox<const A: usize, const R: usize, const C: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub write_mail: Signal<In, bool>,
    pub number: Signal<In, Bits<5>>,
    pub write_command: Signal<In, bool>,
    pub data: Signal<In, Bits<32>>,
    pub clear_refused_command: Signal<In, bool>,
    pub clear_refused_mail: Signal<In, bool>,
    pub hkey_ready: Signal<In, bool>,
    pub hkey_done: Signal<In, bool>,
    pub hkey_h: Signal<In, Bits<128>>,
    pub hkey_h3: Signal<In, Bits<128>>,
    pub replay_init_ready: Signal<In, bool>,
    pub tables_ready: Signal<In, bool>,
    pub tx_seq: Signal<In, Bits<64>>,
    pub rx_seq: Signal<In, Bits<64>>,
    pub busy: Signal<Out, bool>,
    pub done: Signal<Out, bool>,
    pub error: Signal<Out, Bits<4>>,
    pub refused_command: Signal<Out, bool>,
    pub refused_mail: Signal<Out, bool>,
    pub result: Signal<Out, Bits<64>>,
    pub index: Signal<Out, SaIndex>,
    pub way: Signal<Out, Bits<2>>,
    pub tx_sa_write: Signal<Out, bool>,
    pub rx_sa_write: Signal<Out, bool>,
    pub cam_write: Signal<Out, bool>,
    pub policy_write: Signal<Out, bool>,
    pub tx_sa: Signal<Out, TxSa>,
    pub rx_sa: Signal<Out, RxSa>,
    pub sa_seq: Signal<Out, Bits<64>>,
    pub cam_entry: Signal<Out, CamEntry>,
    pub policy: Signal<Out, Policy>,
    pub hkey_valid: Signal<Out, bool>,
    pub hkey_key: Signal<Out, Bits<256>>,
    pub hkey_size: Signal<Out, Bits<2>>,
    pub replay_init_valid: Signal<Out, bool>,
    operations: Operations<A, R, C>,
    operands: Operands,
    check: Check,
    state: DFF<MailboxState>,
    op: DFF<Bits<8>>,
    row: DFF<Bits<16>>,
    place: DFF<Bits<4>>,
    action: DFF<Action>,
    ended: DFF<bool>,
    code: DFF<Bits<4>>,
    wipe: DFF<bool>,
    late_command: DFF<bool>,
    late_mail: DFF<bool>,
    h: DFF<Bits<128>>,
    h3: DFF<Bits<128>>,
    patience: DFF<Bits<3>>,
    answer: DFF<Bits<64>>,
    idle: Signal<Local, bool>,
    filled: Signal<Local, bool>,
    op_at: Const<5, { lsb(command::OP) }>,
    index_at: Const<5, { lsb(command::INDEX) }>,
    way_at: Const<5, { lsb(command::WAY) }>,
}

impl<const A: usize, const R: usize, const C: usize> Logic for Mailbox<A, R, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, op, row, place, action, ended, code);
        dff_setup!(self, clock, wipe, late_command, late_mail, h, h3, patience, answer);
        self.idle.next = self.state.q.val() == MailboxState::Idle;
        self.busy.next = !self.idle.val();
        self.done.next = self.ended.q.val() && self.idle.val();
        self.error.next = self.code.q.val();
        self.result.next = self.answer.q.val();

        // The words, and what they say.
        self.operands.clock.next = self.clock.val();
        self.operands.write.next = self.write_mail.val() && self.idle.val();
        self.operands.number.next = self.number.val();
        self.operands.data.next = self.data.val();
        // `wipe` is one with the states Empty and Finish: a register of its own, because it goes to every word.
        self.operands.zeroise.next = self.wipe.q.val() || self.reset.val();

        // To the engine.
        self.filled.next = (self.state.q.val() == MailboxState::Write) && !self.action.q.val().clear;
        self.tx_sa.next = self.operands.tx_sa.val();
        self.tx_sa.next.valid = self.filled.val();
        self.tx_sa.next.h = self.h.q.val();
        self.tx_sa.next.h3 = self.h3.q.val();
        self.rx_sa.next = self.operands.rx_sa.val();
        self.rx_sa.next.valid = self.filled.val();
        self.rx_sa.next.h = self.h.q.val();
        self.rx_sa.next.h3 = self.h3.q.val();
        self.cam_entry.next = self.operands.cam_entry.val();
        self.cam_entry.next.valid = self.filled.val();
        self.policy.next = self.operands.policy.val();
        self.policy.next.valid = self.filled.val();
        self.sa_seq.next = self.operands.sa.val().seq;
        self.index.next = bit_cast::<10, 16>(self.row.q.val());
        self.way.next = bit_cast::<2, 4>(self.place.q.val());
        self.hkey_valid.next = self.state.q.val() == MailboxState::Hkey;
        self.hkey_key.next = self.operands.sa.val().key;
        self.hkey_size.next = self.operands.sa.val().key_size;
        self.replay_init_valid.next = self.state.q.val() == MailboxState::Replay;
        self.tx_sa_write.next = false;
        self.rx_sa_write.next = self.state.q.val() == MailboxState::Invalidate;
        self.cam_write.next = false;
        self.policy_write.next = false;
        if self.state.q.val() == MailboxState::Write {
            match self.action.q.val().table {
                Table::TxSa => self.tx_sa_write.next = true,
                Table::RxSa => self.rx_sa_write.next = true,
                Table::Cam => self.cam_write.next = true,
                Table::Policy => self.policy_write.next = true,
            }
        }

        self.check.action.next = self.action.q.val();
        self.check.index.next = self.row.q.val();
        self.check.way.next = self.place.q.val();
        self.check.sa.next = self.operands.sa.val();
        self.check.rx_sa.next = self.operands.rx_sa.val();
        self.check.cam_entry.next = self.operands.cam_entry.val();
        self.check.policy.next = self.operands.policy.val();

        // The steps of a command.
        self.operations.op.next = self.op.q.val();
        self.action.d.next = self.operations.action.val();
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
                self.answer.d.next = 0.into();
                self.state.d.next = MailboxState::Check;
            }
            MailboxState::Check => {
                self.code.d.next = self.check.fault.val();
                self.state.d.next = MailboxState::Begin;
            }
            MailboxState::Begin => {
                self.state.d.next = MailboxState::Write;
                if !self.tables_ready.val() {
                    self.state.d.next = MailboxState::Begin;
                } else if self.code.q.val().any() {
                    self.wipe.d.next = true;
                    self.state.d.next = MailboxState::Finish;
                } else if self.action.q.val().read {
                    self.state.d.next = MailboxState::Read;
                } else if self.action.q.val().clear {
                    self.wipe.d.next = true;
                    self.state.d.next = MailboxState::Empty;
                } else if self.action.q.val().table == Table::TxSa {
                    self.state.d.next = MailboxState::Hkey;
                } else if self.action.q.val().table == Table::RxSa {
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
                    self.h.d.next = self.hkey_h.val();
                    self.h3.d.next = self.hkey_h3.val();
                    self.state.d.next = MailboxState::Write;
                    if self.action.q.val().table == Table::RxSa {
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
                self.wipe.d.next = true;
                self.state.d.next = MailboxState::Finish;
            }
            MailboxState::Read => {
                // The tables take 4 clocks to answer; `index` has been set for 4 already.
                self.patience.d.next = self.patience.q.val() + 1;
                if self.patience.q.val().all() {
                    self.answer.d.next = self.tx_seq.val();
                    if self.action.q.val().table == Table::RxSa {
                        self.answer.d.next = self.rx_seq.val();
                    }
                    self.wipe.d.next = true;
                    self.state.d.next = MailboxState::Finish;
                }
            }
            MailboxState::Finish => {
                self.h.d.next = 0.into();
                self.h3.d.next = 0.into();
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
            self.h.d.next = 0.into();
            self.h3.d.next = 0.into();
            self.answer.d.next = 0.into();
        }
    }
}
