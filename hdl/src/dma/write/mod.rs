//! Writes of host memory (AXI4: channels AW, W and B).

use rust_hdl::prelude::*;

use super::outstanding::Outstanding;
use super::records::{WriteBeat, WriteRequest};
use crate::constant::Const;
use crate::slice::Slice;

/// Clients: AWID and BID.
pub mod id {
    /// Received frames.
    pub const RX_DATA: u64 = 0;
    /// Completions of frames that were to be sent.
    pub const TX_DONE: u64 = 1;
    /// Completions of received frames.
    pub const RX_DONE: u64 = 2;
    /// Interrupts by message.
    pub const MESSAGE: u64 = 3;
}

/// A beat on W.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct DataBeat {
    data: Bits<128>,
    strobes: Bits<16>,
    last: bool,
}

/// Writes for four clients.
///
/// - Ports: `X_request` and `X_beat`, each with handshake: for every request its beats, in order; `X_response_valid`, a pulse for every
///   request, in the order of the client's requests, `X_response_error` beside it. `m_axi_*`: AWSIZE (16 bytes), AWBURST (INCR) and the
///   rest are constants, put on outside. BREADY is always high. `halt`: no request is taken while it is high; what was taken
///   goes on to its end, for which the client has to give its beats. `idle`: nothing is outstanding.
/// - A client's beats may come before its request is taken, but only then are they looked at. A client offers a request when its beats
///   are at hand: W waits for them, and so do all others.
/// - Outstanding: 64 requests in all.
/// - Priority: messages, completions of TX, of RX, data. What the first three write is bounded by what the data are.
/// - Errors: a request answered with SLVERR or DECERR.
/// - Latency: a request is on AW the clock after it was taken, and its first beat is taken 2 clocks after it, if W is free; a beat is on W
///   the clock after it was taken, and a response is handed on the clock after it was on B.
/// - Throughput: a beat a clock, without a bubble between requests of at least 2 beats; one of 1 beat takes 2 clocks. AW runs
///   up to a request ahead of W, and W of AW.
/// - Back-pressure: every `ready` comes from registers and other clients' `valid`.
#[derive(LogicBlock, Default)]
pub struct AxiWrite {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub halt: Signal<In, bool>,
    pub rx_data_request: Signal<In, WriteRequest>,
    pub rx_data_request_valid: Signal<In, bool>,
    pub rx_data_beat: Signal<In, WriteBeat>,
    pub rx_data_beat_valid: Signal<In, bool>,
    pub tx_done_request: Signal<In, WriteRequest>,
    pub tx_done_request_valid: Signal<In, bool>,
    pub tx_done_beat: Signal<In, WriteBeat>,
    pub tx_done_beat_valid: Signal<In, bool>,
    pub rx_done_request: Signal<In, WriteRequest>,
    pub rx_done_request_valid: Signal<In, bool>,
    pub rx_done_beat: Signal<In, WriteBeat>,
    pub rx_done_beat_valid: Signal<In, bool>,
    pub message_request: Signal<In, WriteRequest>,
    pub message_request_valid: Signal<In, bool>,
    pub message_beat: Signal<In, WriteBeat>,
    pub message_beat_valid: Signal<In, bool>,
    pub m_axi_awready: Signal<In, bool>,
    pub m_axi_wready: Signal<In, bool>,
    pub m_axi_bid: Signal<In, Bits<2>>,
    pub m_axi_bresp: Signal<In, Bits<2>>,
    pub m_axi_bvalid: Signal<In, bool>,
    pub rx_data_request_ready: Signal<Out, bool>,
    pub rx_data_beat_ready: Signal<Out, bool>,
    pub rx_data_response_valid: Signal<Out, bool>,
    pub rx_data_response_error: Signal<Out, bool>,
    pub tx_done_request_ready: Signal<Out, bool>,
    pub tx_done_beat_ready: Signal<Out, bool>,
    pub tx_done_response_valid: Signal<Out, bool>,
    pub tx_done_response_error: Signal<Out, bool>,
    pub rx_done_request_ready: Signal<Out, bool>,
    pub rx_done_beat_ready: Signal<Out, bool>,
    pub rx_done_response_valid: Signal<Out, bool>,
    pub rx_done_response_error: Signal<Out, bool>,
    pub message_request_ready: Signal<Out, bool>,
    pub message_beat_ready: Signal<Out, bool>,
    pub message_response_valid: Signal<Out, bool>,
    pub message_response_error: Signal<Out, bool>,
    pub m_axi_awid: Signal<Out, Bits<2>>,
    pub m_axi_awaddr: Signal<Out, Bits<64>>,
    pub m_axi_awlen: Signal<Out, Bits<8>>,
    pub m_axi_awvalid: Signal<Out, bool>,
    pub m_axi_wdata: Signal<Out, Bits<128>>,
    pub m_axi_wstrb: Signal<Out, Bits<16>>,
    pub m_axi_wlast: Signal<Out, bool>,
    pub m_axi_wvalid: Signal<Out, bool>,
    pub m_axi_bready: Signal<Out, bool>,
    pub idle: Signal<Out, bool>,
    outstanding: Outstanding<7, 64>,
    w: Slice<DataBeat>,
    aw_id: DFF<Bits<2>>,
    aw: DFF<WriteRequest>,
    aw_valid: DFF<bool>,
    /// The request whose beats come next to W: its client, and its beats less one.
    next_valid: DFF<bool>,
    next_client: DFF<Bits<2>>,
    next_left: DFF<Bits<5>>,
    /// The one whose beats are being taken, and how many follow the one that is awaited.
    now_valid: DFF<bool>,
    now_client: DFF<Bits<2>>,
    now_left: DFF<Bits<5>>,
    /// What was on B: whose it is, one bit a client.
    answered: DFF<Bits<4>>,
    answered_error: DFF<bool>,
    free: Signal<Local, bool>,
    any_request: Signal<Local, bool>,
    takes: Signal<Local, bool>,
    client: Signal<Local, Bits<2>>,
    request: Signal<Local, WriteRequest>,
    beats: Signal<Local, Bits<5>>,
    aw_beats: Signal<Local, Bits<5>>,
    wants: Signal<Local, bool>,
    last: Signal<Local, bool>,
    offered: Signal<Local, bool>,
    beat: Signal<Local, WriteBeat>,
    ends: Signal<Local, bool>,
    rx_data: Const<2, { id::RX_DATA }>,
    tx_done: Const<2, { id::TX_DONE }>,
    rx_done: Const<2, { id::RX_DONE }>,
    message: Const<2, { id::MESSAGE }>,
}

impl Logic for AxiWrite {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            aw_id,
            aw,
            aw_valid,
            next_valid,
            next_client,
            next_left,
            now_valid,
            now_client,
            now_left,
            answered,
            answered_error
        );
        clock!(self, clock, outstanding, w);
        self.outstanding.reset.next = self.reset.val();
        self.w.reset.next = self.reset.val();

        // Which request is next
        self.free.next = !self.aw_valid.q.val() & !self.next_valid.q.val() & self.outstanding.room.val() & !self.halt.val();
        self.message_request_ready.next = self.free.val();
        self.tx_done_request_ready.next = self.free.val() & !self.message_request_valid.val();
        self.rx_done_request_ready.next = self.free.val() & !self.message_request_valid.val() & !self.tx_done_request_valid.val();
        self.rx_data_request_ready.next =
            self.free.val() & !self.message_request_valid.val() & !self.tx_done_request_valid.val() & !self.rx_done_request_valid.val();
        self.client.next = self.rx_data.val();
        self.request.next = self.rx_data_request.val();
        if self.rx_done_request_valid.val() {
            self.client.next = self.rx_done.val();
            self.request.next = self.rx_done_request.val();
        }
        if self.tx_done_request_valid.val() {
            self.client.next = self.tx_done.val();
            self.request.next = self.tx_done_request.val();
        }
        if self.message_request_valid.val() {
            self.client.next = self.message.val();
            self.request.next = self.message_request.val();
        }
        self.any_request.next = (self.rx_data_request_valid.val() | self.rx_done_request_valid.val())
            | (self.tx_done_request_valid.val() | self.message_request_valid.val());
        self.takes.next = self.free.val() & self.any_request.val();

        // AW
        if self.m_axi_awready.val() {
            self.aw_valid.d.next = false;
        }
        if !self.aw_valid.q.val() {
            self.aw_valid.d.next = self.takes.val();
            self.aw_id.d.next = self.client.val();
            self.aw.d.next = self.request.val();
        }
        self.m_axi_awid.next = self.aw_id.q.val();
        self.m_axi_awaddr.next = self.aw.q.val().address;
        self.aw_beats.next = self.aw.q.val().beats;
        self.m_axi_awlen.next = bit_cast::<8, 5>(self.aw_beats.val() - 1);
        self.m_axi_awvalid.next = self.aw_valid.q.val();

        // W
        self.wants.next = self.now_valid.q.val() & self.w.s_ready.val();
        self.rx_data_beat_ready.next = self.wants.val() & (self.now_client.q.val() == self.rx_data.val());
        self.tx_done_beat_ready.next = self.wants.val() & (self.now_client.q.val() == self.tx_done.val());
        self.rx_done_beat_ready.next = self.wants.val() & (self.now_client.q.val() == self.rx_done.val());
        self.message_beat_ready.next = self.wants.val() & (self.now_client.q.val() == self.message.val());
        self.beat.next = self.rx_data_beat.val();
        self.offered.next = self.rx_data_beat_valid.val();
        if self.now_client.q.val() == self.tx_done.val() {
            self.beat.next = self.tx_done_beat.val();
            self.offered.next = self.tx_done_beat_valid.val();
        }
        if self.now_client.q.val() == self.rx_done.val() {
            self.beat.next = self.rx_done_beat.val();
            self.offered.next = self.rx_done_beat_valid.val();
        }
        if self.now_client.q.val() == self.message.val() {
            self.beat.next = self.message_beat.val();
            self.offered.next = self.message_beat_valid.val();
        }
        self.last.next = !self.now_left.q.val().any();
        self.w.s_data.next.data = self.beat.val().data;
        self.w.s_data.next.strobes = self.beat.val().strobes;
        self.w.s_data.next.last = self.last.val();
        self.w.s_valid.next = self.now_valid.q.val() & self.offered.val();
        self.w.m_ready.next = self.m_axi_wready.val();
        self.m_axi_wdata.next = self.w.m_data.val().data;
        self.m_axi_wstrb.next = self.w.m_data.val().strobes;
        self.m_axi_wlast.next = self.w.m_data.val().last;
        self.m_axi_wvalid.next = self.w.m_valid.val();

        // From request to request
        self.ends.next = self.wants.val() & self.offered.val() & self.last.val();
        if self.wants.val() & self.offered.val() {
            self.now_left.d.next = self.now_left.q.val() - 1;
        }
        if self.ends.val() | !self.now_valid.q.val() {
            self.now_valid.d.next = self.next_valid.q.val();
            self.now_client.d.next = self.next_client.q.val();
            self.now_left.d.next = self.next_left.q.val();
            self.next_valid.d.next = false;
        }
        self.beats.next = self.request.val().beats;
        if !self.next_valid.q.val() {
            self.next_valid.d.next = self.takes.val();
            self.next_client.d.next = self.client.val();
            self.next_left.d.next = self.beats.val() - 1;
        }

        // B
        self.m_axi_bready.next = true;
        self.answered.d.next = bit_cast::<4, 1>(self.m_axi_bvalid.val().into()) << self.m_axi_bid.val();
        self.answered_error.d.next = self.m_axi_bresp.val().get_bit(1);
        self.rx_data_response_valid.next = self.answered.q.val().get_bit(0);
        self.tx_done_response_valid.next = self.answered.q.val().get_bit(1);
        self.rx_done_response_valid.next = self.answered.q.val().get_bit(2);
        self.message_response_valid.next = self.answered.q.val().get_bit(3);
        self.rx_data_response_error.next = self.answered_error.q.val();
        self.tx_done_response_error.next = self.answered_error.q.val();
        self.rx_done_response_error.next = self.answered_error.q.val();
        self.message_response_error.next = self.answered_error.q.val();

        // A request is outstanding from the clock after it was taken until its response was handed on.
        self.outstanding.begins.next = self.takes.val();
        self.outstanding.ends.next = self.answered.q.val().any();
        self.idle.next = self.outstanding.none.val();

        if self.reset.val() {
            self.aw_valid.d.next = false;
            self.next_valid.d.next = false;
            self.now_valid.d.next = false;
            self.answered.d.next = 0.into();
        }
    }
}
