//! The operands of a command: the staging window, and its words as each of the records they may be.
//!
//! Purpose: one store, five views. Ports: as [`Staging`], with the records in place of the words. Latency: two clocks to write (the
//! choice among so many registers has one of its own), one to zeroise. Throughput: one word a clock. No back-pressure.

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
    put: DFF<bool>,
    place: DFF<Bits<5>>,
    word: DFF<Bits<32>>,
}

impl Logic for Operands {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, put, place, word);
        self.put.d.next = self.write.val();
        self.place.d.next = self.number.val();
        self.word.d.next = self.data.val();
        if self.zeroise.val() {
            self.put.d.next = false;
            self.word.d.next = 0.into();
        }
        self.staging.clock.next = self.clock.val();
        self.staging.write.next = self.put.q.val();
        self.staging.number.next = self.place.q.val();
        self.staging.data.next = self.word.q.val();
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
