//! The read half of the AXI4-Lite slave.
//!
//! Purpose: one read after the other, from the bus to a request and its answer back. Ports: AR and R of `s_axil_*`; `address` to
//! the decoder and `entry` back from it; `read` stays up with `target` beside it until `answer_valid` brings `answer`. Latency: the
//! request three clocks after the address, the response one clock after the answer. Throughput: one read in five clocks and
//! those that the answer takes. `target` is there one clock before `read`. Back-pressure: ARREADY is low while a read is under way; the response waits for RREADY.
//!
//! A read that the map does not allow is answered with SLVERR and 0, and no request is made.

use rust_hdl::prelude::*;

use super::decode::Entry;
use super::response;
use crate::constant::Const;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum ReadState {
    Idle,
    Lookup,
    Choose,
    Ask,
    Respond,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct AxilRead {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub araddr: Signal<In, Bits<16>>,
    pub arvalid: Signal<In, bool>,
    pub arready: Signal<Out, bool>,
    pub rdata: Signal<Out, Bits<32>>,
    pub rresp: Signal<Out, Bits<2>>,
    pub rvalid: Signal<Out, bool>,
    pub rready: Signal<In, bool>,
    /// What the decoder says of `address`, in the same clock.
    pub entry: Signal<In, Entry>,
    pub address: Signal<Out, Bits<16>>,
    /// `target` is to be read.
    pub read: Signal<Out, bool>,
    pub target: Signal<Out, Entry>,
    pub answer_valid: Signal<In, bool>,
    pub answer: Signal<In, Bits<32>>,
    state: DFF<ReadState>,
    at: DFF<Bits<16>>,
    found: DFF<Entry>,
    word: DFF<Bits<32>>,
    resp: DFF<Bits<2>>,
    okay: Const<2, { response::OKAY }>,
    slverr: Const<2, { response::SLVERR }>,
}

impl Logic for AxilRead {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, at, found, word, resp);
        self.arready.next = self.state.q.val() == ReadState::Idle;
        self.address.next = self.at.q.val();
        self.found.d.next = self.entry.val();
        self.target.next = self.found.q.val();
        self.read.next = (self.state.q.val() == ReadState::Ask) && self.found.q.val().readable;
        self.rvalid.next = self.state.q.val() == ReadState::Respond;
        self.rdata.next = self.word.q.val();
        self.rresp.next = self.resp.q.val();

        match self.state.q.val() {
            ReadState::Idle => {
                self.at.d.next = self.araddr.val();
                if self.arvalid.val() {
                    self.state.d.next = ReadState::Lookup;
                }
            }
            ReadState::Lookup => {
                self.state.d.next = ReadState::Choose;
            }
            ReadState::Choose => {
                self.state.d.next = ReadState::Ask;
            }
            ReadState::Ask => {
                if !self.found.q.val().readable {
                    self.word.d.next = 0.into();
                    self.resp.d.next = self.slverr.val();
                    self.state.d.next = ReadState::Respond;
                } else if self.answer_valid.val() {
                    self.word.d.next = self.answer.val();
                    self.resp.d.next = self.okay.val();
                    self.state.d.next = ReadState::Respond;
                }
            }
            ReadState::Respond => {
                if self.rready.val() {
                    self.state.d.next = ReadState::Idle;
                }
            }
            _ => {
                self.state.d.next = ReadState::Idle;
            }
        }
        if self.reset.val() {
            self.state.d.next = ReadState::Idle;
        }
    }
}
