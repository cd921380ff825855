//! The operands of a command: the staging window, and its words as each of the records they may be.
//!
//! Purpose: one store, many views; what the engine fills into a record itself comes from the mailbox. Ports: as [`Staging`], with
//! the records in place of the words; `valid`, `h` and `h3` go into them as they are. Latency: two clocks to write (the choice among
//! so many registers has one of its own), one to zeroise. Throughput: one word a clock. No back-pressure.

use rust_hdl::prelude::*;

use super::staging::Staging;
use super::wires::{SaCommon, Wires};
use crate::records::{Accept, CamEntry, Limits, LocalAddress, Policy, RxSa, SaSelector, TxSa};

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Operands {
    pub clock: Signal<In, Clock>,
    pub write: Signal<In, bool>,
    pub number: Signal<In, Bits<5>>,
    pub data: Signal<In, Bits<32>>,
    pub zeroise: Signal<In, bool>,
    pub valid: Signal<In, bool>,
    pub h: Signal<In, Bits<128>>,
    pub h3: Signal<In, Bits<128>>,
    pub sa: Signal<Out, SaCommon>,
    pub tx_sa: Signal<Out, TxSa>,
    pub rx_sa: Signal<Out, RxSa>,
    pub limits: Signal<Out, Limits>,
    pub selector: Signal<Out, SaSelector>,
    pub accept: Signal<Out, Accept>,
    pub cam_entry: Signal<Out, CamEntry>,
    pub policy: Signal<Out, Policy>,
    pub local_address: Signal<Out, LocalAddress>,
    staging: Staging,
    sa_wires: Wires<SaCommon>,
    tx_sa_wires: Wires<TxSa>,
    rx_sa_wires: Wires<RxSa>,
    limits_wires: Wires<Limits>,
    selector_wires: Wires<SaSelector>,
    accept_wires: Wires<Accept>,
    cam_wires: Wires<CamEntry>,
    policy_wires: Wires<Policy>,
    local_wires: Wires<LocalAddress>,
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
        self.sa.next = self.sa_wires.record.val();
        self.tx_sa_wires.words.next = self.staging.words.val();
        self.tx_sa.next = self.tx_sa_wires.record.val();
        self.tx_sa.next.valid = self.valid.val();
        self.tx_sa.next.h = self.h.val();
        self.tx_sa.next.h3 = self.h3.val();
        self.rx_sa_wires.words.next = self.staging.words.val();
        self.rx_sa.next = self.rx_sa_wires.record.val();
        self.rx_sa.next.valid = self.valid.val();
        self.rx_sa.next.h = self.h.val();
        self.rx_sa.next.h3 = self.h3.val();
        self.limits_wires.words.next = self.staging.words.val();
        self.limits.next = self.limits_wires.record.val();
        self.selector_wires.words.next = self.staging.words.val();
        self.selector.next = self.selector_wires.record.val();
        self.accept_wires.words.next = self.staging.words.val();
        self.accept.next = self.accept_wires.record.val();
        self.cam_wires.words.next = self.staging.words.val();
        self.cam_entry.next = self.cam_wires.record.val();
        self.cam_entry.next.valid = self.valid.val();
        self.policy_wires.words.next = self.staging.words.val();
        self.policy.next = self.policy_wires.record.val();
        self.policy.next.valid = self.valid.val();
        self.local_wires.words.next = self.staging.words.val();
        self.local_address.next = self.local_wires.record.val();
        self.local_address.next.valid = self.valid.val();
    }
}
