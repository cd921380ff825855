//! The whole card: the engine between host memory and the wire.
//!
//! Rings in host memory ([`crate::dma`]) on one side of [`crate::engine`], the MAC on the other; one AXI4-Lite window for the registers of
//! both. `xtask gen` emits it as module `espalier_card`, for a shell that brings PCI Express (or any other host) and a MAC.
//!
//! | interface | |
//! |---|---|
//! | `s_axil_*` | AXI4-Lite, 32 bit, 64 KiB (BAR0): docs/registers.md |
//! | `m_axi_*` | AXI4 master, 128 bit, bursts of up to 256 bytes that cross no multiple of 256 |
//! | `m_axis_wire_*`, `s_axis_wire_*` | frames to and from the MAC, as in [`crate::engine`] |
//! | `interrupt` | level: EVENT shows an event; for shells without vectors |
//! | `interrupts` | level, one bit a vector, for shells without MSI-X: TX, RX, event |
//! | `msix_enable`, `msix_mask` | the function's MSI-X capability: Enable and Function Mask |
//! | `halt`, `halted` | before a reset, or when the function may no longer be bus master: no access is begun any more; none is left when `halted` is high. It stays so until `halt` falls. What is begun ends, so while `halt` is high the shell takes whatever `m_axis_wire` gives, link or no link |

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::dma::axil_split::AxilSplit;
use crate::dma::completion_ring::CompletionRing;
use crate::dma::control::DmaControl;
use crate::dma::read::AxiRead;
use crate::dma::ring_fetch::RingFetch;
use crate::dma::rx::RxQueue;
use crate::dma::tx::TxQueue;
use crate::dma::write::AxiWrite;
use crate::engine::Engine;

/// The card that is emitted: the engine of [`crate::engine::Espalier`], with an MSI-X table.
pub type EspalierCard = Card<6, 3, 2, 5, 11, 14, 1>;

/// See the module's documentation. `A`, `R`, `G`, `C`, `W`: see [`Engine`]. `MSIX`: 1 with an MSI-X table in BAR0, 0 for shells that have their
/// own.
#[derive(LogicBlock, Default)]
pub struct Card<const A: usize, const R: usize, const G: usize, const C: usize, const W: usize, const ROUNDS: usize, const MSIX: u64> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_axil_awaddr: Signal<In, Bits<16>>,
    pub s_axil_awvalid: Signal<In, bool>,
    pub s_axil_awready: Signal<Out, bool>,
    pub s_axil_wdata: Signal<In, Bits<32>>,
    pub s_axil_wstrb: Signal<In, Bits<4>>,
    pub s_axil_wvalid: Signal<In, bool>,
    pub s_axil_wready: Signal<Out, bool>,
    pub s_axil_bresp: Signal<Out, Bits<2>>,
    pub s_axil_bvalid: Signal<Out, bool>,
    pub s_axil_bready: Signal<In, bool>,
    pub s_axil_araddr: Signal<In, Bits<16>>,
    pub s_axil_arvalid: Signal<In, bool>,
    pub s_axil_arready: Signal<Out, bool>,
    pub s_axil_rdata: Signal<Out, Bits<32>>,
    pub s_axil_rresp: Signal<Out, Bits<2>>,
    pub s_axil_rvalid: Signal<Out, bool>,
    pub s_axil_rready: Signal<In, bool>,

    pub m_axi_arid: Signal<Out, Bits<5>>,
    pub m_axi_araddr: Signal<Out, Bits<64>>,
    pub m_axi_arlen: Signal<Out, Bits<8>>,
    pub m_axi_arvalid: Signal<Out, bool>,
    pub m_axi_arready: Signal<In, bool>,
    pub m_axi_rid: Signal<In, Bits<5>>,
    pub m_axi_rdata: Signal<In, Bits<128>>,
    pub m_axi_rresp: Signal<In, Bits<2>>,
    pub m_axi_rlast: Signal<In, bool>,
    pub m_axi_rvalid: Signal<In, bool>,
    pub m_axi_rready: Signal<Out, bool>,
    pub m_axi_awid: Signal<Out, Bits<2>>,
    pub m_axi_awaddr: Signal<Out, Bits<64>>,
    pub m_axi_awlen: Signal<Out, Bits<8>>,
    pub m_axi_awvalid: Signal<Out, bool>,
    pub m_axi_awready: Signal<In, bool>,
    pub m_axi_wdata: Signal<Out, Bits<128>>,
    pub m_axi_wstrb: Signal<Out, Bits<16>>,
    pub m_axi_wlast: Signal<Out, bool>,
    pub m_axi_wvalid: Signal<Out, bool>,
    pub m_axi_wready: Signal<In, bool>,
    pub m_axi_bid: Signal<In, Bits<2>>,
    pub m_axi_bresp: Signal<In, Bits<2>>,
    pub m_axi_bvalid: Signal<In, bool>,
    pub m_axi_bready: Signal<Out, bool>,
    pub m_axi_arsize: Signal<Out, Bits<3>>,
    pub m_axi_arburst: Signal<Out, Bits<2>>,
    pub m_axi_arcache: Signal<Out, Bits<4>>,
    pub m_axi_arprot: Signal<Out, Bits<3>>,
    pub m_axi_awsize: Signal<Out, Bits<3>>,
    pub m_axi_awburst: Signal<Out, Bits<2>>,
    pub m_axi_awcache: Signal<Out, Bits<4>>,
    pub m_axi_awprot: Signal<Out, Bits<3>>,

    pub m_axis_wire_tdata: Signal<Out, Bits<128>>,
    pub m_axis_wire_tkeep: Signal<Out, Bits<16>>,
    pub m_axis_wire_tvalid: Signal<Out, bool>,
    pub m_axis_wire_tready: Signal<In, bool>,
    pub m_axis_wire_tlast: Signal<Out, bool>,

    pub s_axis_wire_tdata: Signal<In, Bits<128>>,
    pub s_axis_wire_tkeep: Signal<In, Bits<16>>,
    pub s_axis_wire_tvalid: Signal<In, bool>,
    pub s_axis_wire_tready: Signal<Out, bool>,
    pub s_axis_wire_tlast: Signal<In, bool>,
    pub s_axis_wire_tuser: Signal<In, bool>,

    pub interrupt: Signal<Out, bool>,
    pub interrupts: Signal<Out, Bits<3>>,
    pub msix_enable: Signal<In, bool>,
    pub msix_mask: Signal<In, bool>,
    pub halt: Signal<In, bool>,
    pub halted: Signal<Out, bool>,

    split: AxilSplit,
    control: DmaControl<MSIX>,
    engine: Engine<A, R, G, C, W, ROUNDS>,
    read: AxiRead,
    write: AxiWrite,
    tx_ring: RingFetch,
    tx_queue: TxQueue,
    tx_done: CompletionRing,
    rx_ring: RingFetch,
    rx_queue: RxQueue,
    rx_done: CompletionRing,
    /// It was halted, and has come to rest.
    rests: DFF<bool>,
    sixteen_bytes: Const<3, 4>,
    increments: Const<2, 1>,
    normal: Const<4, 3>,
    data_access: Const<3, 0>,
}

impl<const A: usize, const R: usize, const G: usize, const C: usize, const W: usize, const ROUNDS: usize, const MSIX: u64> Logic
    for Card<A, R, G, C, W, ROUNDS, MSIX>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, rests);
        clock!(self, clock, split, control, engine, read, write, tx_ring, tx_queue, tx_done, rx_ring, rx_queue, rx_done);
        self.split.reset.next = self.reset.val();
        self.control.reset.next = self.reset.val();
        self.engine.reset.next = self.reset.val();
        self.read.reset.next = self.reset.val();
        self.write.reset.next = self.reset.val();
        self.tx_ring.reset.next = self.reset.val();
        self.tx_queue.reset.next = self.reset.val();
        self.tx_done.reset.next = self.reset.val();
        self.rx_ring.reset.next = self.reset.val();
        self.rx_queue.reset.next = self.reset.val();
        self.rx_done.reset.next = self.reset.val();

        // Registers: the engine's and the host interface's.
        self.split.s_axil_awaddr.next = self.s_axil_awaddr.val();
        self.split.s_axil_awvalid.next = self.s_axil_awvalid.val();
        self.s_axil_awready.next = self.split.s_axil_awready.val();
        self.split.s_axil_wvalid.next = self.s_axil_wvalid.val();
        self.s_axil_wready.next = self.split.s_axil_wready.val();
        self.s_axil_bresp.next = self.split.s_axil_bresp.val();
        self.s_axil_bvalid.next = self.split.s_axil_bvalid.val();
        self.split.s_axil_bready.next = self.s_axil_bready.val();
        self.split.s_axil_araddr.next = self.s_axil_araddr.val();
        self.split.s_axil_arvalid.next = self.s_axil_arvalid.val();
        self.s_axil_arready.next = self.split.s_axil_arready.val();
        self.s_axil_rdata.next = self.split.s_axil_rdata.val();
        self.s_axil_rresp.next = self.split.s_axil_rresp.val();
        self.s_axil_rvalid.next = self.split.s_axil_rvalid.val();
        self.split.s_axil_rready.next = self.s_axil_rready.val();
        self.engine.s_axil_awaddr.next = self.s_axil_awaddr.val();
        self.engine.s_axil_awvalid.next = self.split.engine_awvalid.val();
        self.split.engine_awready.next = self.engine.s_axil_awready.val();
        self.engine.s_axil_wdata.next = self.s_axil_wdata.val();
        self.engine.s_axil_wstrb.next = self.s_axil_wstrb.val();
        self.engine.s_axil_wvalid.next = self.split.engine_wvalid.val();
        self.split.engine_wready.next = self.engine.s_axil_wready.val();
        self.split.engine_bresp.next = self.engine.s_axil_bresp.val();
        self.split.engine_bvalid.next = self.engine.s_axil_bvalid.val();
        self.engine.s_axil_bready.next = self.split.engine_bready.val();
        self.engine.s_axil_araddr.next = self.s_axil_araddr.val();
        self.engine.s_axil_arvalid.next = self.split.engine_arvalid.val();
        self.split.engine_arready.next = self.engine.s_axil_arready.val();
        self.split.engine_rdata.next = self.engine.s_axil_rdata.val();
        self.split.engine_rresp.next = self.engine.s_axil_rresp.val();
        self.split.engine_rvalid.next = self.engine.s_axil_rvalid.val();
        self.engine.s_axil_rready.next = self.split.engine_rready.val();
        self.control.s_axil_awaddr.next = self.s_axil_awaddr.val();
        self.control.s_axil_awvalid.next = self.split.host_awvalid.val();
        self.split.host_awready.next = self.control.s_axil_awready.val();
        self.control.s_axil_wdata.next = self.s_axil_wdata.val();
        self.control.s_axil_wstrb.next = self.s_axil_wstrb.val();
        self.control.s_axil_wvalid.next = self.split.host_wvalid.val();
        self.split.host_wready.next = self.control.s_axil_wready.val();
        self.split.host_bresp.next = self.control.s_axil_bresp.val();
        self.split.host_bvalid.next = self.control.s_axil_bvalid.val();
        self.control.s_axil_bready.next = self.split.host_bready.val();
        self.control.s_axil_araddr.next = self.s_axil_araddr.val();
        self.control.s_axil_arvalid.next = self.split.host_arvalid.val();
        self.split.host_arready.next = self.control.s_axil_arready.val();
        self.split.host_rdata.next = self.control.s_axil_rdata.val();
        self.split.host_rresp.next = self.control.s_axil_rresp.val();
        self.split.host_rvalid.next = self.control.s_axil_rvalid.val();
        self.control.s_axil_rready.next = self.split.host_rready.val();

        // Host memory.
        self.m_axi_arid.next = self.read.m_axi_arid.val();
        self.m_axi_araddr.next = self.read.m_axi_araddr.val();
        self.m_axi_arlen.next = self.read.m_axi_arlen.val();
        self.m_axi_arvalid.next = self.read.m_axi_arvalid.val();
        self.read.m_axi_arready.next = self.m_axi_arready.val();
        self.read.m_axi_rid.next = self.m_axi_rid.val();
        self.read.m_axi_rdata.next = self.m_axi_rdata.val();
        self.read.m_axi_rresp.next = self.m_axi_rresp.val();
        self.read.m_axi_rlast.next = self.m_axi_rlast.val();
        self.read.m_axi_rvalid.next = self.m_axi_rvalid.val();
        self.m_axi_rready.next = self.read.m_axi_rready.val();
        self.m_axi_awid.next = self.write.m_axi_awid.val();
        self.m_axi_awaddr.next = self.write.m_axi_awaddr.val();
        self.m_axi_awlen.next = self.write.m_axi_awlen.val();
        self.m_axi_awvalid.next = self.write.m_axi_awvalid.val();
        self.write.m_axi_awready.next = self.m_axi_awready.val();
        self.m_axi_wdata.next = self.write.m_axi_wdata.val();
        self.m_axi_wstrb.next = self.write.m_axi_wstrb.val();
        self.m_axi_wlast.next = self.write.m_axi_wlast.val();
        self.m_axi_wvalid.next = self.write.m_axi_wvalid.val();
        self.write.m_axi_wready.next = self.m_axi_wready.val();
        self.write.m_axi_bid.next = self.m_axi_bid.val();
        self.write.m_axi_bresp.next = self.m_axi_bresp.val();
        self.write.m_axi_bvalid.next = self.m_axi_bvalid.val();
        self.m_axi_bready.next = self.write.m_axi_bready.val();
        self.m_axi_arsize.next = self.sixteen_bytes.val();
        self.m_axi_arburst.next = self.increments.val();
        self.m_axi_arcache.next = self.normal.val();
        self.m_axi_arprot.next = self.data_access.val();
        self.m_axi_awsize.next = self.sixteen_bytes.val();
        self.m_axi_awburst.next = self.increments.val();
        self.m_axi_awcache.next = self.normal.val();
        self.m_axi_awprot.next = self.data_access.val();

        // The TX queue.
        self.tx_ring.run.next = self.control.tx_run.val();
        self.tx_ring.drain.next = self.control.tx_drain.val();
        self.tx_ring.clear.next = self.control.tx_clear.val();
        self.tx_queue.run.next = self.control.tx_run.val();
        self.tx_queue.drain.next = self.control.tx_drain.val();
        self.tx_queue.clear.next = self.control.tx_clear.val();
        self.tx_done.run.next = self.control.tx_run.val();
        self.tx_done.drain.next = self.control.tx_drain.val();
        self.tx_done.clear.next = self.control.tx_clear.val();
        self.tx_ring.base.next = self.control.tx_base.val();
        self.tx_ring.size.next = self.control.tx_size.val();
        self.tx_ring.doorbell.next = self.control.tx_doorbell.val();
        self.control.tx_head.next = self.tx_ring.head.val();
        self.tx_done.base.next = self.control.tx_done_base.val();
        self.tx_done.size.next = self.control.tx_size.val();
        self.tx_done.coalesce.next = self.control.tx_coalesce.val();
        self.control.tx_cause.next = self.tx_done.written.val();
        self.control.tx_ring_fault.next = self.tx_ring.fault.val();
        self.control.tx_ring_fault_valid.next = self.tx_ring.fault_valid.val();
        self.control.tx_queue_fault.next = self.tx_queue.fault.val();
        self.control.tx_queue_fault_valid.next = self.tx_queue.fault_valid.val();
        self.control.tx_done_fault.next = self.tx_done.fault.val();
        self.control.tx_done_fault_valid.next = self.tx_done.fault_valid.val();
        self.control.tx_idle.next = (self.tx_ring.idle.val() & self.tx_queue.idle.val()) & self.tx_done.idle.val();
        self.read.tx_ring_request.next = self.tx_ring.request.val();
        self.read.tx_ring_request_valid.next = self.tx_ring.request_valid.val();
        self.tx_ring.request_ready.next = self.read.tx_ring_request_ready.val();
        self.tx_ring.beat.next = self.read.tx_ring_beat.val();
        self.tx_ring.beat_valid.next = self.read.tx_ring_beat_valid.val();
        self.tx_queue.descriptor.next = self.tx_ring.descriptor.val();
        self.tx_queue.descriptor_valid.next = self.tx_ring.descriptor_valid.val();
        self.tx_ring.descriptor_ready.next = self.tx_queue.descriptor_ready.val();
        self.tx_done.completion.next = self.tx_queue.completion.val();
        self.tx_done.completion_valid.next = self.tx_queue.completion_valid.val();
        self.tx_queue.completion_ready.next = self.tx_done.completion_ready.val();
        self.write.tx_done_request.next = self.tx_done.write_request.val();
        self.write.tx_done_request_valid.next = self.tx_done.write_request_valid.val();
        self.tx_done.write_request_ready.next = self.write.tx_done_request_ready.val();
        self.write.tx_done_beat.next = self.tx_done.write_beat.val();
        self.write.tx_done_beat_valid.next = self.tx_done.write_beat_valid.val();
        self.tx_done.write_beat_ready.next = self.write.tx_done_beat_ready.val();
        self.tx_done.write_response_valid.next = self.write.tx_done_response_valid.val();
        self.tx_done.write_response_error.next = self.write.tx_done_response_error.val();
        self.read.tx_data_request.next = self.tx_queue.request.val();
        self.read.tx_data_request_valid.next = self.tx_queue.request_valid.val();
        self.tx_queue.request_ready.next = self.read.tx_data_request_ready.val();
        self.tx_queue.beat.next = self.read.tx_data_beat.val();
        self.tx_queue.beat_valid.next = self.read.tx_data_beat_valid.val();
        self.read.tx_data_beat_ready.next = self.tx_queue.beat_ready.val();
        self.engine.s_axis_host_tdata.next = self.tx_queue.m_axis_host_tdata.val();
        self.engine.s_axis_host_tkeep.next = self.tx_queue.m_axis_host_tkeep.val();
        self.engine.s_axis_host_tvalid.next = self.tx_queue.m_axis_host_tvalid.val();
        self.engine.s_axis_host_tlast.next = self.tx_queue.m_axis_host_tlast.val();
        self.engine.s_axis_host_tuser.next = self.tx_queue.m_axis_host_tuser.val();
        self.tx_queue.m_axis_host_tready.next = self.engine.s_axis_host_tready.val();
        self.tx_queue.s_txstatus_tdata.next = self.engine.m_axis_txstatus_tdata.val();
        self.tx_queue.s_txstatus_tvalid.next = self.engine.m_axis_txstatus_tvalid.val();
        self.engine.m_axis_txstatus_tready.next = self.tx_queue.s_txstatus_tready.val();
        self.tx_queue.tx_enabled.next = self.engine.tx_enabled.val();

        // The RX queue.
        self.rx_ring.run.next = self.control.rx_run.val();
        self.rx_ring.drain.next = self.control.rx_drain.val();
        self.rx_ring.clear.next = self.control.rx_clear.val();
        self.rx_queue.run.next = self.control.rx_run.val();
        self.rx_queue.drain.next = self.control.rx_drain.val();
        self.rx_queue.clear.next = self.control.rx_clear.val();
        self.rx_done.run.next = self.control.rx_run.val();
        self.rx_done.drain.next = self.control.rx_drain.val();
        self.rx_done.clear.next = self.control.rx_clear.val();
        self.rx_ring.base.next = self.control.rx_base.val();
        self.rx_ring.size.next = self.control.rx_size.val();
        self.rx_ring.doorbell.next = self.control.rx_doorbell.val();
        self.control.rx_head.next = self.rx_ring.head.val();
        self.rx_done.base.next = self.control.rx_done_base.val();
        self.rx_done.size.next = self.control.rx_size.val();
        self.rx_done.coalesce.next = self.control.rx_coalesce.val();
        self.control.rx_cause.next = self.rx_done.written.val();
        self.control.rx_ring_fault.next = self.rx_ring.fault.val();
        self.control.rx_ring_fault_valid.next = self.rx_ring.fault_valid.val();
        self.control.rx_queue_fault.next = self.rx_queue.fault.val();
        self.control.rx_queue_fault_valid.next = self.rx_queue.fault_valid.val();
        self.control.rx_done_fault.next = self.rx_done.fault.val();
        self.control.rx_done_fault_valid.next = self.rx_done.fault_valid.val();
        self.control.rx_idle.next = (self.rx_ring.idle.val() & self.rx_queue.idle.val()) & self.rx_done.idle.val();
        self.read.rx_ring_request.next = self.rx_ring.request.val();
        self.read.rx_ring_request_valid.next = self.rx_ring.request_valid.val();
        self.rx_ring.request_ready.next = self.read.rx_ring_request_ready.val();
        self.rx_ring.beat.next = self.read.rx_ring_beat.val();
        self.rx_ring.beat_valid.next = self.read.rx_ring_beat_valid.val();
        self.rx_queue.descriptor.next = self.rx_ring.descriptor.val();
        self.rx_queue.descriptor_valid.next = self.rx_ring.descriptor_valid.val();
        self.rx_ring.descriptor_ready.next = self.rx_queue.descriptor_ready.val();
        self.rx_done.completion.next = self.rx_queue.completion.val();
        self.rx_done.completion_valid.next = self.rx_queue.completion_valid.val();
        self.rx_queue.completion_ready.next = self.rx_done.completion_ready.val();
        self.write.rx_done_request.next = self.rx_done.write_request.val();
        self.write.rx_done_request_valid.next = self.rx_done.write_request_valid.val();
        self.rx_done.write_request_ready.next = self.write.rx_done_request_ready.val();
        self.write.rx_done_beat.next = self.rx_done.write_beat.val();
        self.write.rx_done_beat_valid.next = self.rx_done.write_beat_valid.val();
        self.rx_done.write_beat_ready.next = self.write.rx_done_beat_ready.val();
        self.rx_done.write_response_valid.next = self.write.rx_done_response_valid.val();
        self.rx_done.write_response_error.next = self.write.rx_done_response_error.val();
        self.write.rx_data_request.next = self.rx_queue.write_request.val();
        self.write.rx_data_request_valid.next = self.rx_queue.write_request_valid.val();
        self.rx_queue.write_request_ready.next = self.write.rx_data_request_ready.val();
        self.write.rx_data_beat.next = self.rx_queue.write_beat.val();
        self.write.rx_data_beat_valid.next = self.rx_queue.write_beat_valid.val();
        self.rx_queue.write_beat_ready.next = self.write.rx_data_beat_ready.val();
        self.rx_queue.write_response_valid.next = self.write.rx_data_response_valid.val();
        self.rx_queue.write_response_error.next = self.write.rx_data_response_error.val();
        self.rx_queue.s_axis_host_tdata.next = self.engine.m_axis_host_tdata.val();
        self.rx_queue.s_axis_host_tkeep.next = self.engine.m_axis_host_tkeep.val();
        self.rx_queue.s_axis_host_tvalid.next = self.engine.m_axis_host_tvalid.val();
        self.rx_queue.s_axis_host_tlast.next = self.engine.m_axis_host_tlast.val();
        self.rx_queue.s_axis_host_tuser.next = self.engine.m_axis_host_tuser.val();
        self.engine.m_axis_host_tready.next = self.rx_queue.s_axis_host_tready.val();
        self.engine.rx_no_buffer.next = self.rx_queue.no_buffer.val();
        self.engine.rx_host_fault.next = self.rx_queue.host_fault.val() | self.rx_done.lost.val();
        self.rx_done.lost_ready.next = !self.rx_queue.host_fault.val();
        // Of frames to be sent the host knows which ones it has not heard of.
        self.tx_done.lost_ready.next = true;

        // The wire.
        self.m_axis_wire_tdata.next = self.engine.m_axis_wire_tdata.val();
        self.m_axis_wire_tkeep.next = self.engine.m_axis_wire_tkeep.val();
        self.m_axis_wire_tvalid.next = self.engine.m_axis_wire_tvalid.val();
        self.m_axis_wire_tlast.next = self.engine.m_axis_wire_tlast.val();
        self.engine.m_axis_wire_tready.next = self.m_axis_wire_tready.val();
        self.engine.s_axis_wire_tdata.next = self.s_axis_wire_tdata.val();
        self.engine.s_axis_wire_tkeep.next = self.s_axis_wire_tkeep.val();
        self.engine.s_axis_wire_tvalid.next = self.s_axis_wire_tvalid.val();
        self.engine.s_axis_wire_tlast.next = self.s_axis_wire_tlast.val();
        self.engine.s_axis_wire_tuser.next = self.s_axis_wire_tuser.val();
        self.s_axis_wire_tready.next = self.engine.s_axis_wire_tready.val();

        // Interrupts.
        self.control.event_cause.next = self.engine.interrupt.val();
        self.interrupt.next = self.engine.interrupt.val();
        self.engine.s_axis_event_tdata.next = self.control.event_tdata.val();
        self.engine.s_axis_event_tvalid.next = self.control.event_tvalid.val();
        self.control.event_tready.next = self.engine.s_axis_event_tready.val();
        self.control.msix_enable.next = self.msix_enable.val();
        self.control.msix_mask.next = self.msix_mask.val();
        self.interrupts.next = self.control.wires.val();
        self.write.message_request.next = self.control.message_request.val();
        self.write.message_request_valid.next = self.control.message_request_valid.val();
        self.control.message_request_ready.next = self.write.message_request_ready.val();
        self.write.message_beat.next = self.control.message_beat.val();
        self.write.message_beat_valid.next = self.control.message_beat_valid.val();
        self.control.message_beat_ready.next = self.write.message_beat_ready.val();
        self.control.message_response_valid.next = self.write.message_response_valid.val();

        // Coming to rest: the queues drain, and then nothing more is begun.
        self.control.halt.next = self.halt.val();
        self.rests.d.next = self.halt.val() & self.control.resting.val();
        self.read.halt.next = self.rests.q.val();
        self.write.halt.next = self.rests.q.val();
        self.halted.next = (self.rests.q.val() & self.read.idle.val()) & self.write.idle.val();
        if self.reset.val() {
            self.rests.d.next = false;
        }
    }
}
