//! The transmit path with a core that has nothing else to do.

use espalier_hdl::gcm::GcmCore;
use espalier_hdl::policy::PolicySource;
use espalier_hdl::records::{Limits, Meta, Notice, Policy, SaIndex, TxSa, TxStatus};
use espalier_hdl::stream::Beat;
use espalier_hdl::tx_path::TxPath;
use rust_hdl::prelude::*;

/// A beat and what runs beside it.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Sent {
    pub beat: Beat,
    pub meta: Meta,
}

/// 8 SAs, 16 policies.
#[derive(LogicBlock, Default)]
pub struct Block {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub enable: Signal<In, bool>,
    pub s: Signal<In, Sent>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    pub status: Signal<Out, TxStatus>,
    pub status_valid: Signal<Out, bool>,
    pub status_ready: Signal<In, bool>,
    pub notice: Signal<Out, Notice>,
    pub notice_valid: Signal<Out, bool>,
    pub notice_ready: Signal<In, bool>,
    pub policy_write: Signal<In, bool>,
    pub policy_ready: Signal<Out, bool>,
    pub policy_index: Signal<In, Bits<10>>,
    pub policy: Signal<In, Policy>,
    pub sa_write: Signal<In, bool>,
    pub sa_index: Signal<In, SaIndex>,
    pub sa: Signal<In, TxSa>,
    pub sa_seq: Signal<In, Bits<64>>,
    pub limits_write: Signal<In, bool>,
    pub limits: Signal<In, Limits>,
    source: PolicySource,
    tx: TxPath<3, 1, 2>,
    core: GcmCore<14>,
    sent: Signal<Local, Sent>,
}

impl Logic for Block {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, source, tx, core);
        self.tx.reset.next = self.reset.val();
        self.core.reset.next = self.reset.val();
        self.tx.enable.next = self.enable.val();
        self.sent.next = self.s.val();
        self.tx.s_beat.next = self.sent.val().beat;
        self.tx.s_meta.next = self.sent.val().meta;
        self.tx.s_valid.next = self.s_valid.val();
        self.s_ready.next = self.tx.s_ready.val();
        self.m_beat.next = self.tx.m_beat.val();
        self.m_valid.next = self.tx.m_valid.val();
        self.tx.m_ready.next = self.m_ready.val();
        self.status.next = self.tx.status.val();
        self.status_valid.next = self.tx.status_valid.val();
        self.tx.status_ready.next = self.status_ready.val();
        self.notice.next = self.tx.notice.val();
        self.notice_valid.next = self.tx.notice_valid.val();
        self.tx.notice_ready.next = self.notice_ready.val();
        self.tx.policy_write.next = self.policy_write.val();
        self.policy_ready.next = self.tx.policy_ready.val();
        self.source.index.next = self.policy_index.val();
        self.source.policy.next = self.policy.val();
        self.source.at.next = self.tx.policy_at.val();
        self.tx.policy.next = self.source.write.val();
        self.tx.sa_write.next = self.sa_write.val();
        self.tx.sa_keep.next = false;
        self.tx.sa_index.next = self.sa_index.val();
        self.tx.sa.next = self.sa.val();
        self.tx.sa_seq.next = self.sa_seq.val();
        self.tx.limits_write.next = self.limits_write.val();
        self.tx.limits.next = self.limits.val();
        self.tx.read_index.next = self.sa_index.val();

        self.core.tx_slot.next = self.tx.slot.val();
        self.core.tx_crypto.next = self.tx.crypto.val();
        self.core.tx_crypto_valid.next = self.tx.crypto_valid.val();
        self.core.tx_slot_valid.next = self.tx.slot_valid.val();
        self.tx.slot_ready.next = self.core.tx_slot_ready.val();
        self.core.tx_room.next = self.tx.room.val();
        self.tx.core_beat.next = self.core.tx_beat.val();
        self.tx.core_beat_valid.next = self.core.tx_beat_valid.val();
        self.tx.core_tag.next = self.core.tx_tag.val();
        self.tx.core_tag_valid.next = self.core.tx_tag_valid.val();
        self.core.rx_slot.next = self.tx.slot.val();
        self.core.rx_crypto.next = self.tx.crypto.val();
        self.core.rx_crypto_valid.next = false;
        self.core.rx_slot_valid.next = false;
        self.core.rx_room.next = false;
        self.core.hkey_valid.next = false;
        self.core.hkey_key.next = 0.into();
        self.core.hkey_size.next = 0.into();
    }
}
