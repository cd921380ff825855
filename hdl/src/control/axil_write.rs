//! The write half of the AXI4-Lite slave.
//!
//! Purpose: one write after the other, from the bus to a pulse. Ports: AW, W and B of `s_axil_*`; `address` to the decoder and
//! `entry` back from it; `write` for one clock, with `target` and `data` beside it. Latency: `write` two clocks after the later one
//! of address and data, the response one clock after that. Throughput: one write in four clocks. Back-pressure: AWREADY and
//! WREADY are low while a write is under way; the response waits for BREADY.
//!
//! Address and data may come in any order (AXI4-Lite, IHI 0022). A write that the map does not allow, or that leaves out a
//! byte, is answered with SLVERR and goes no further.

use rust_hdl::prelude::*;

use super::decode::Entry;
use super::response;
use crate::constant::Const;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum WriteState {
    Collect,
    Act,
    Respond,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct AxilWrite {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub awaddr: Signal<In, Bits<16>>,
    pub awvalid: Signal<In, bool>,
    pub awready: Signal<Out, bool>,
    pub wdata: Signal<In, Bits<32>>,
    pub wstrb: Signal<In, Bits<4>>,
    pub wvalid: Signal<In, bool>,
    pub wready: Signal<Out, bool>,
    pub bresp: Signal<Out, Bits<2>>,
    pub bvalid: Signal<Out, bool>,
    pub bready: Signal<In, bool>,
    /// What the decoder says of `address`, in the same clock.
    pub entry: Signal<In, Entry>,
    pub address: Signal<Out, Bits<16>>,
    /// `data` is to be written to `target` now.
    pub write: Signal<Out, bool>,
    pub target: Signal<Out, Entry>,
    pub data: Signal<Out, Bits<32>>,
    state: DFF<WriteState>,
    at: DFF<Bits<16>>,
    has_address: DFF<bool>,
    word: DFF<Bits<32>>,
    whole: DFF<bool>,
    has_word: DFF<bool>,
    found: DFF<Entry>,
    resp: DFF<Bits<2>>,
    allowed: Signal<Local, bool>,
    okay: Const<2, { response::OKAY }>,
    slverr: Const<2, { response::SLVERR }>,
}

impl Logic for AxilWrite {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, at, has_address, word, whole, has_word, found, resp);
        self.awready.next = !self.has_address.q.val();
        self.wready.next = !self.has_word.q.val();
        self.address.next = self.at.q.val();
        self.found.d.next = self.entry.val();
        self.target.next = self.found.q.val();
        self.data.next = self.word.q.val();
        self.allowed.next = self.found.q.val().writable && self.whole.q.val();
        self.write.next = (self.state.q.val() == WriteState::Act) && self.allowed.val();
        self.bvalid.next = self.state.q.val() == WriteState::Respond;
        self.bresp.next = self.resp.q.val();

        if self.awvalid.val() && !self.has_address.q.val() {
            self.at.d.next = self.awaddr.val();
            self.has_address.d.next = true;
        }
        if self.wvalid.val() && !self.has_word.q.val() {
            self.word.d.next = self.wdata.val();
            self.whole.d.next = self.wstrb.val().all();
            self.has_word.d.next = true;
        }
        match self.state.q.val() {
            WriteState::Collect => {
                if self.has_address.q.val() && self.has_word.q.val() {
                    self.state.d.next = WriteState::Act;
                }
            }
            WriteState::Act => {
                self.resp.d.next = self.slverr.val();
                if self.allowed.val() {
                    self.resp.d.next = self.okay.val();
                }
                self.state.d.next = WriteState::Respond;
            }
            WriteState::Respond => {
                if self.bready.val() {
                    self.has_address.d.next = false;
                    self.has_word.d.next = false;
                    self.state.d.next = WriteState::Collect;
                }
            }
            _ => {
                self.state.d.next = WriteState::Collect;
            }
        }
        if self.reset.val() {
            self.has_address.d.next = false;
            self.has_word.d.next = false;
            // A word may be part of a key.
            self.word.d.next = 0.into();
            self.state.d.next = WriteState::Collect;
        }
    }
}
