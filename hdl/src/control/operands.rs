//! The operands of a command: the staging window, and its words as each of the records they may be.
//!
//! Purpose: one store, five views. Ports: as [`Staging`], with the records in place of the words. Latency: one clock.
//! No back-pressure.

use rust_hdl::prelude::*;

use super::staging::Staging;
use super::wires::{SaCommon, Wires};
use crate::records::{CamEntry, Policy, RxSa, TxSa};

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Operands {
    pub clock: Signal<In, Clock>,
    pub write: Signal<In, bool>,
    pub number: Signal<In, Bits<5>>,
    pub data: Signal<In, Bits<32>>,
    pub zeroise: Signal<In, bool>,
    pub sa: Signal<Out, SaCommon>,
    pub tx_sa: Signal<Out, TxSa>,
    pub rx_sa: Signal<Out, RxSa>,
    pub cam_entry: Signal<Out, CamEntry>,
    pub policy: Signal<Out, Policy>,
    staging: Staging,
    sa_wires: Wires<SaCommon>,
    tx_sa_wires: Wires<TxSa>,
    rx_sa_wires: Wires<RxSa>,
    cam_wires: Wires<CamEntry>,
    policy_wires: Wires<Policy>,
}

impl Logic for Operands {
    #[hdl_gen]
    fn update(&mut self) {
        self.staging.clock.next = self.clock.val();
        self.staging.write.next = self.write.val();
        self.staging.number.next = self.number.val();
        self.staging.data.next = self.data.val();
        self.staging.zeroise.next = self.zeroise.val();
        self.sa_wires.words.next = self.staging.words.val();
        self.tx_sa_wires.words.next = self.staging.words.val();
        self.rx_sa_wires.words.next = self.staging.words.val();
        self.cam_wires.words.next = self.staging.words.val();
        self.policy_wires.words.next = self.staging.words.val();
        self.sa.next = self.sa_wires.record.val();
        self.tx_sa.next = self.tx_sa_wires.record.val();
        self.rx_sa.next = self.rx_sa_wires.record.val();
        self.cam_entry.next = self.cam_wires.record.val();
        self.policy.next = self.policy_wires.record.val();
    }
}
