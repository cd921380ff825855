//! The checks of a command's operands.
//!
//! Purpose: say what is wrong with a command before anything is done. Ports: the command and its operands in, `fault` out: 0 or
//! one of `espalier_regs::mailbox::Error`. Latency: none, combinational.
//!
//! Of several faults the first of the list in `Error` is told.

use espalier_regs::mailbox::Error;
use rust_hdl::prelude::*;

use super::operations::{Action, Table};
use super::wires::SaCommon;
use crate::constant::Const;
use crate::records::{CamEntry, Policy, RxSa};

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Check {
    pub action: Signal<In, Action>,
    pub index: Signal<In, Bits<16>>,
    pub way: Signal<In, Bits<4>>,
    pub sa: Signal<In, SaCommon>,
    pub rx_sa: Signal<In, RxSa>,
    pub cam_entry: Signal<In, CamEntry>,
    pub policy: Signal<In, Policy>,
    pub fault: Signal<Out, Bits<4>>,
    fills: Signal<Local, bool>,
    is_sa: Signal<Local, bool>,
    is_policy: Signal<Local, bool>,
    keep: Signal<Local, bool>,
    icvs: Signal<Local, Bits<4>>,
    seq: Signal<Local, Bits<64>>,
    seq_high: Signal<Local, Bits<32>>,
    bad_op: Const<4, { Error::Op as u64 }>,
    bad_index: Const<4, { Error::Index as u64 }>,
    bad_way: Const<4, { Error::Way as u64 }>,
    bad_key_size: Const<4, { Error::KeySize as u64 }>,
    bad_seq: Const<4, { Error::Seq as u64 }>,
    bad_window: Const<4, { Error::ReplayWindow as u64 }>,
    bad_action: Const<4, { Error::Action as u64 }>,
    bad_sa: Const<4, { Error::Sa as u64 }>,
    bad_icv: Const<4, { Error::Icv as u64 }>,
}

impl Logic for Check {
    #[hdl_gen]
    fn update(&mut self) {
        self.fills.next = !self.action.val().clear && !self.action.val().read;
        self.is_sa.next = (self.action.val().table == Table::TxSa) || (self.action.val().table == Table::RxSa);
        self.is_policy.next = (self.action.val().table == Table::TxPolicy) || (self.action.val().table == Table::RxPolicy);
        self.keep.next = self.sa.val().keep && (self.action.val().table == Table::TxSa);
        self.icvs.next = self.action.val().icvs;
        self.seq.next = self.sa.val().seq;
        self.seq_high.next = self.seq.val().get_bits::<32>(32);

        // The last one to speak has the last word.
        self.fault.next = 0.into();
        if (self.fills.val() && self.is_sa.val()) && !self.icvs.val().get_bit(self.sa.val().icv.index()) {
            self.fault.next = self.bad_icv.val();
        }
        if self.fills.val()
            && (self.action.val().table == Table::Cam)
            && (bit_cast::<16, 10>(self.cam_entry.val().sa) >= self.action.val().sas)
        {
            self.fault.next = self.bad_sa.val();
        }
        if self.fills.val()
            && (self.action.val().table == Table::TxPolicy)
            && (bit_cast::<16, 10>(self.policy.val().sa) >= self.action.val().sas)
        {
            self.fault.next = self.bad_sa.val();
        }
        if (self.fills.val() && self.is_policy.val()) && self.policy.val().action.all() {
            self.fault.next = self.bad_action.val();
        }
        if self.fills.val()
            && (self.action.val().table == Table::RxSa)
            && (bit_cast::<16, 13>(self.rx_sa.val().replay_window) > self.action.val().max_window)
        {
            self.fault.next = self.bad_window.val();
        }
        if self.fills.val() && self.is_sa.val() {
            if (self.seq_high.val().any() && !self.sa.val().esn) && !self.keep.val() {
                self.fault.next = self.bad_seq.val();
            }
            if self.sa.val().key_size.all() {
                self.fault.next = self.bad_key_size.val();
            }
        }
        if (self.action.val().table == Table::Cam) && (bit_cast::<8, 4>(self.way.val()) >= self.action.val().ways) {
            self.fault.next = self.bad_way.val();
        }
        if self.index.val() >= self.action.val().entries {
            self.fault.next = self.bad_index.val();
        }
        if !self.action.val().known {
            self.fault.next = self.bad_op.val();
        }
    }
}
