//! Reads of host memory (AXI4: channels AR and R).

mod reorder;

use rust_hdl::prelude::*;

use super::outstanding::Outstanding;
use super::records::{ReadBeat, ReadRequest};
use crate::constant::Const;
use reorder::Reorder;

/// ARID and RID.
pub mod id {
    /// Frames to be sent have the ids from 0 up to this one, left out: one each request under way.
    pub const DATA_END: u64 = 16;
    /// Descriptors of frames to be sent.
    pub const TX_RING: u64 = 16;
    /// Descriptors of buffers for received frames.
    pub const RX_RING: u64 = 17;
}

/// Reads for three clients: frames to be sent (`tx_data`), and the two rings of descriptors.
///
/// - Ports: `X_request` with handshake, `X_beat`: what was read, in the order of the client's requests. `tx_data_beat` has a handshake;
///   `tx_ring_beat` and `rx_ring_beat` have not: their clients have room for what they ask for. `m_axi_*`: ARSIZE (16 bytes), ARBURST
///   (INCR) and the rest are constants, put on outside. RREADY is always high. `halt`: no request is taken while it is high; what was taken
///   goes on to its end. `idle`: nothing is outstanding, and every beat was handed on.
/// - Outstanding: 16 requests of `tx_data`, each with an id of its own, which the host may answer in any order, its beats interleaved
///   with others (AXI4 section A5.3); 4 of each ring, with one id each, so in order.
/// - Priority: TX ring, RX ring, data. What rings ask for is bounded by the frames that they bring.
/// - Errors: a beat answered with SLVERR or DECERR has `error`, and no data; the others of its request are as they were answered.
/// - Latency: a request is on AR the clock after it was taken; a ring's beat is handed on the clock after it was on R, and a request of
///   data 6 clocks after its last beat was on R, if nothing stands before it.
/// - Throughput: a beat a clock; a request each 2 clocks.
/// - Back-pressure: a request waits for an id; beats of data stay in the slots of their ids.
#[derive(LogicBlock, Default)]
pub struct AxiRead {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub halt: Signal<In, bool>,
    pub tx_data_request: Signal<In, ReadRequest>,
    pub tx_data_request_valid: Signal<In, bool>,
    pub tx_ring_request: Signal<In, ReadRequest>,
    pub tx_ring_request_valid: Signal<In, bool>,
    pub rx_ring_request: Signal<In, ReadRequest>,
    pub rx_ring_request_valid: Signal<In, bool>,
    pub tx_data_beat_ready: Signal<In, bool>,
    pub m_axi_arready: Signal<In, bool>,
    pub m_axi_rid: Signal<In, Bits<5>>,
    pub m_axi_rdata: Signal<In, Bits<128>>,
    pub m_axi_rresp: Signal<In, Bits<2>>,
    pub m_axi_rlast: Signal<In, bool>,
    pub m_axi_rvalid: Signal<In, bool>,
    pub tx_data_request_ready: Signal<Out, bool>,
    pub tx_ring_request_ready: Signal<Out, bool>,
    pub rx_ring_request_ready: Signal<Out, bool>,
    pub tx_data_beat: Signal<Out, ReadBeat>,
    pub tx_data_beat_valid: Signal<Out, bool>,
    pub tx_ring_beat: Signal<Out, ReadBeat>,
    pub tx_ring_beat_valid: Signal<Out, bool>,
    pub rx_ring_beat: Signal<Out, ReadBeat>,
    pub rx_ring_beat_valid: Signal<Out, bool>,
    pub m_axi_arid: Signal<Out, Bits<5>>,
    pub m_axi_araddr: Signal<Out, Bits<64>>,
    pub m_axi_arlen: Signal<Out, Bits<8>>,
    pub m_axi_arvalid: Signal<Out, bool>,
    pub m_axi_rready: Signal<Out, bool>,
    pub idle: Signal<Out, bool>,
    reorder: Reorder,
    tx_ring: Outstanding<3, 4>,
    rx_ring: Outstanding<3, 4>,
    ar_id: DFF<Bits<5>>,
    ar: DFF<ReadRequest>,
    ar_valid: DFF<bool>,
    /// What was on R, and whose it is.
    arrived: DFF<ReadBeat>,
    arrived_id: DFF<Bits<5>>,
    for_data: DFF<bool>,
    for_tx_ring: DFF<bool>,
    for_rx_ring: DFF<bool>,
    free: Signal<Local, bool>,
    takes_tx_ring: Signal<Local, bool>,
    takes_rx_ring: Signal<Local, bool>,
    takes_data: Signal<Local, bool>,
    beats: Signal<Local, Bits<5>>,
    error: Signal<Local, bool>,
    tx_ring_id: Const<5, { id::TX_RING }>,
    rx_ring_id: Const<5, { id::RX_RING }>,
}

impl Logic for AxiRead {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, ar_id, ar, ar_valid, arrived, arrived_id, for_data, for_tx_ring, for_rx_ring);
        clock!(self, clock, reorder, tx_ring, rx_ring);
        self.reorder.reset.next = self.reset.val();
        self.tx_ring.reset.next = self.reset.val();
        self.rx_ring.reset.next = self.reset.val();

        // AR
        self.free.next = !self.ar_valid.q.val() & !self.halt.val();
        self.takes_tx_ring.next = self.free.val() & self.tx_ring.room.val() & self.tx_ring_request_valid.val();
        self.takes_rx_ring.next = self.free.val() & self.rx_ring.room.val() & self.rx_ring_request_valid.val() & !self.takes_tx_ring.val();
        self.tx_ring_request_ready.next = self.free.val() & self.tx_ring.room.val();
        self.rx_ring_request_ready.next = self.free.val() & self.rx_ring.room.val() & !self.takes_tx_ring.val();
        self.tx_data_request_ready.next = self.free.val() & self.reorder.room.val() & !self.takes_tx_ring.val() & !self.takes_rx_ring.val();
        self.takes_data.next = self.free.val()
            & self.reorder.room.val()
            & self.tx_data_request_valid.val()
            & !self.takes_tx_ring.val()
            & !self.takes_rx_ring.val();
        if self.m_axi_arready.val() {
            self.ar_valid.d.next = false;
        }
        if !self.ar_valid.q.val() {
            self.ar_valid.d.next = self.takes_tx_ring.val() | self.takes_rx_ring.val() | self.takes_data.val();
            self.ar.d.next = self.tx_data_request.val();
            self.ar_id.d.next = bit_cast::<5, 4>(self.reorder.tag.val());
            if self.takes_rx_ring.val() {
                self.ar.d.next = self.rx_ring_request.val();
                self.ar_id.d.next = self.rx_ring_id.val();
            }
            if self.takes_tx_ring.val() {
                self.ar.d.next = self.tx_ring_request.val();
                self.ar_id.d.next = self.tx_ring_id.val();
            }
        }
        self.beats.next = self.ar.q.val().beats;
        self.m_axi_arid.next = self.ar_id.q.val();
        self.m_axi_araddr.next = self.ar.q.val().address;
        self.m_axi_arlen.next = bit_cast::<8, 5>(self.beats.val() - 1);
        self.m_axi_arvalid.next = self.ar_valid.q.val();

        // R
        self.m_axi_rready.next = true;
        self.error.next = self.m_axi_rresp.val().get_bit(1);
        self.arrived.d.next.data = self.m_axi_rdata.val();
        if self.error.val() {
            self.arrived.d.next.data = 0.into();
        }
        self.arrived.d.next.last = self.m_axi_rlast.val();
        self.arrived.d.next.error = self.error.val();
        self.arrived_id.d.next = self.m_axi_rid.val();
        self.for_data.d.next = self.m_axi_rvalid.val() & !self.m_axi_rid.val().get_bit(4);
        self.for_tx_ring.d.next = self.m_axi_rvalid.val() & (self.m_axi_rid.val() == self.tx_ring_id.val());
        self.for_rx_ring.d.next = self.m_axi_rvalid.val() & (self.m_axi_rid.val() == self.rx_ring_id.val());

        self.tx_ring_beat.next = self.arrived.q.val();
        self.tx_ring_beat_valid.next = self.for_tx_ring.q.val();
        self.tx_ring.begins.next = self.takes_tx_ring.val();
        self.tx_ring.ends.next = self.for_tx_ring.q.val() & self.arrived.q.val().last;
        self.rx_ring_beat.next = self.arrived.q.val();
        self.rx_ring_beat_valid.next = self.for_rx_ring.q.val();
        self.rx_ring.begins.next = self.takes_rx_ring.val();
        self.rx_ring.ends.next = self.for_rx_ring.q.val() & self.arrived.q.val().last;

        self.reorder.take.next = self.takes_data.val();
        self.reorder.s_beat.next = self.arrived.q.val();
        self.reorder.s_tag.next = bit_cast::<4, 5>(self.arrived_id.q.val());
        self.reorder.s_valid.next = self.for_data.q.val();
        self.reorder.m_ready.next = self.tx_data_beat_ready.val();
        self.tx_data_beat.next = self.reorder.m_beat.val();
        self.tx_data_beat_valid.next = self.reorder.m_valid.val();

        self.idle.next = self.reorder.idle.val() & self.tx_ring.none.val() & self.rx_ring.none.val();

        if self.reset.val() {
            self.ar_valid.d.next = false;
            self.for_data.d.next = false;
            self.for_tx_ring.d.next = false;
            self.for_rx_ring.d.next = false;
        }
    }
}
