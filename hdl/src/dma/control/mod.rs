//! The registers of the host interface on AXI4-Lite, and what they run: two queues and the interrupts.
//!
//! Purpose: what `espalier_regs::dma` says, in logic. Ports: `s_axil_*` (16-bit addresses, 32-bit data); for each queue what its blocks
//! are run by, as in [`queue`]; the interrupts' causes, wires and messages, as in [`interrupts`]; `event_*`: a stream of words for the
//! engine's event queue; `halt`, and `resting`: no queue runs, no message is under way. Latency and throughput of an access: as
//! [`crate::control`]. `MSIX`: there is an MSI-X table.

pub mod decode;
pub mod interrupts;
pub mod queue;
pub mod vector;

use espalier_regs::dma::queue as number;
use espalier_regs::map::event;
use espalier_regs::notice::Kind;
use rust_hdl::prelude::*;

use self::decode::{Decode, DmaTarget};
use self::interrupts::Interrupts;
use self::queue::Queue;
use super::records::{Fault, WriteBeat, WriteRequest};
use crate::constant::Const;
use crate::control::axil_read::AxilRead;
use crate::control::axil_write::AxilWrite;
use crate::control::decode::Entry;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct DmaControl<const MSIX: u64> {
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
    pub tx_base: Signal<Out, Bits<64>>,
    pub tx_done_base: Signal<Out, Bits<64>>,
    pub tx_size: Signal<Out, Bits<4>>,
    pub tx_coalesce: Signal<Out, Bits<16>>,
    pub tx_doorbell: Signal<Out, Bits<16>>,
    pub tx_head: Signal<In, Bits<16>>,
    pub tx_run: Signal<Out, bool>,
    pub tx_drain: Signal<Out, bool>,
    pub tx_clear: Signal<Out, bool>,
    pub tx_ring_fault: Signal<In, Fault>,
    pub tx_ring_fault_valid: Signal<In, bool>,
    pub tx_queue_fault: Signal<In, Fault>,
    pub tx_queue_fault_valid: Signal<In, bool>,
    pub tx_done_fault: Signal<In, Fault>,
    pub tx_done_fault_valid: Signal<In, bool>,
    pub tx_idle: Signal<In, bool>,
    pub rx_base: Signal<Out, Bits<64>>,
    pub rx_done_base: Signal<Out, Bits<64>>,
    pub rx_size: Signal<Out, Bits<4>>,
    pub rx_coalesce: Signal<Out, Bits<16>>,
    pub rx_doorbell: Signal<Out, Bits<16>>,
    pub rx_head: Signal<In, Bits<16>>,
    pub rx_run: Signal<Out, bool>,
    pub rx_drain: Signal<Out, bool>,
    pub rx_clear: Signal<Out, bool>,
    pub rx_ring_fault: Signal<In, Fault>,
    pub rx_ring_fault_valid: Signal<In, bool>,
    pub rx_queue_fault: Signal<In, Fault>,
    pub rx_queue_fault_valid: Signal<In, bool>,
    pub rx_done_fault: Signal<In, Fault>,
    pub rx_done_fault_valid: Signal<In, bool>,
    pub rx_idle: Signal<In, bool>,
    pub tx_cause: Signal<In, bool>,
    pub rx_cause: Signal<In, bool>,
    pub event_cause: Signal<In, bool>,
    pub msix_enable: Signal<In, bool>,
    pub msix_mask: Signal<In, bool>,
    pub wires: Signal<Out, Bits<3>>,
    pub message_request: Signal<Out, WriteRequest>,
    pub message_request_valid: Signal<Out, bool>,
    pub message_request_ready: Signal<In, bool>,
    pub message_beat: Signal<Out, WriteBeat>,
    pub message_beat_valid: Signal<Out, bool>,
    pub message_beat_ready: Signal<In, bool>,
    pub message_response_valid: Signal<In, bool>,
    pub event_tdata: Signal<Out, Bits<32>>,
    pub event_tvalid: Signal<Out, bool>,
    pub event_tready: Signal<In, bool>,
    pub halt: Signal<In, bool>,
    pub resting: Signal<Out, bool>,
    axil_write: AxilWrite,
    axil_read: AxilRead,
    write_decode: Decode<MSIX>,
    read_decode: Decode<MSIX>,
    /// Beside what the bus halves have latched of the decoders' entries.
    write_target: DFF<DmaTarget>,
    read_target: DFF<DmaTarget>,
    /// The word of RX was offered and not taken: it stays.
    rx_offered: DFF<bool>,
    tx_tells: Signal<Local, bool>,
    tx: Queue,
    rx: Queue,
    interrupts: Interrupts<MSIX>,
    entry: Signal<Local, Entry>,
    write_entry: Signal<Local, Entry>,
    read_entry: Signal<Local, Entry>,
    refuse: Signal<Local, bool>,
    of_queue: Signal<Local, bool>,
    tx_number: Const<6, { number::TX as u64 }>,
    rx_number: Const<6, { number::RX as u64 }>,
    tx_notice: Const<32, { event::TX.set(event::KIND.set(0, Kind::QueueFault as u32), 1) as u64 }>,
    rx_notice: Const<32, { event::KIND.set(0, Kind::QueueFault as u32) as u64 }>,
}

impl<const MSIX: u64> Logic for DmaControl<MSIX> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write_target, read_target, rx_offered);
        clock!(self, clock, axil_write, axil_read, tx, rx, interrupts);
        self.axil_write.reset.next = self.reset.val();
        self.axil_read.reset.next = self.reset.val();
        self.tx.reset.next = self.reset.val();
        self.rx.reset.next = self.reset.val();
        self.interrupts.reset.next = self.reset.val();

        // The bus.
        self.axil_write.awaddr.next = self.s_axil_awaddr.val();
        self.axil_write.awvalid.next = self.s_axil_awvalid.val();
        self.s_axil_awready.next = self.axil_write.awready.val();
        self.axil_write.wdata.next = self.s_axil_wdata.val();
        self.axil_write.wstrb.next = self.s_axil_wstrb.val();
        self.axil_write.wvalid.next = self.s_axil_wvalid.val();
        self.s_axil_wready.next = self.axil_write.wready.val();
        self.s_axil_bresp.next = self.axil_write.bresp.val();
        self.s_axil_bvalid.next = self.axil_write.bvalid.val();
        self.axil_write.bready.next = self.s_axil_bready.val();
        self.axil_read.araddr.next = self.s_axil_araddr.val();
        self.axil_read.arvalid.next = self.s_axil_arvalid.val();
        self.s_axil_arready.next = self.axil_read.arready.val();
        self.s_axil_rdata.next = self.axil_read.rdata.val();
        self.s_axil_rresp.next = self.axil_read.rresp.val();
        self.s_axil_rvalid.next = self.axil_read.rvalid.val();
        self.axil_read.rready.next = self.s_axil_rready.val();
        self.write_decode.address.next = self.axil_write.address.val();
        self.read_decode.address.next = self.axil_read.address.val();
        self.axil_read.entry.next = self.read_decode.entry.val();
        self.write_target.d.next = self.write_decode.target.val();
        self.read_target.d.next = self.read_decode.target.val();

        // Writes. A queue may refuse one.
        self.entry.next = self.write_decode.entry.val();
        self.tx.look_target.next = self.write_decode.target.val();
        self.rx.look_target.next = self.write_decode.target.val();
        self.tx.data.next = self.axil_write.data.val();
        self.rx.data.next = self.axil_write.data.val();
        self.refuse.next = self.tx.refuse.val();
        if self.entry.val().number == self.rx_number.val() {
            self.refuse.next = self.rx.refuse.val();
        }
        self.axil_write.entry.next.readable = self.entry.val().readable;
        self.axil_write.entry.next.writable = self.entry.val().writable & !self.refuse.val();
        self.axil_write.entry.next.target = self.entry.val().target;
        self.axil_write.entry.next.number = self.entry.val().number;
        self.axil_write.entry.next.value = self.entry.val().value;
        self.write_entry.next = self.axil_write.target.val();
        self.tx.write_target.next = self.write_target.q.val();
        self.rx.write_target.next = self.write_target.q.val();
        self.tx.write.next = self.axil_write.write.val() & (self.write_entry.val().number == self.tx_number.val());
        self.rx.write.next = self.axil_write.write.val() & (self.write_entry.val().number == self.rx_number.val());
        self.interrupts.target.next = self.write_target.q.val();
        self.interrupts.number.next = self.write_entry.val().number;
        self.interrupts.data.next = self.axil_write.data.val();
        self.interrupts.write.next = self.axil_write.write.val();

        // Reads. What does not answer says 0.
        self.read_entry.next = self.axil_read.target.val();
        self.tx.read_target.next = self.read_target.q.val();
        self.rx.read_target.next = self.read_target.q.val();
        self.interrupts.read_target.next = self.read_target.q.val();
        self.interrupts.read_number.next = self.read_entry.val().number;
        self.of_queue.next = self.read_entry.val().number == self.rx_number.val();
        self.axil_read.answer.next = self.read_entry.val().value;
        if self.read_target.q.val() != DmaTarget::Value {
            self.axil_read.answer.next = self.interrupts.word.val() | self.tx.word.val();
            if self.of_queue.val() {
                self.axil_read.answer.next = self.interrupts.word.val() | self.rx.word.val();
            }
        }
        self.axil_read.answer_valid.next = true;

        // The queues.
        self.tx_base.next = self.tx.base.val();
        self.tx_done_base.next = self.tx.done_base.val();
        self.tx_size.next = self.tx.size.val();
        self.tx_coalesce.next = self.tx.coalesce.val();
        self.tx_doorbell.next = self.tx.doorbell.val();
        self.tx.head.next = self.tx_head.val();
        self.tx_run.next = self.tx.run.val();
        self.tx_drain.next = self.tx.drain.val();
        self.tx_clear.next = self.tx.clear.val();
        self.tx.ring_fault.next = self.tx_ring_fault.val();
        self.tx.ring_fault_valid.next = self.tx_ring_fault_valid.val();
        self.tx.queue_fault.next = self.tx_queue_fault.val();
        self.tx.queue_fault_valid.next = self.tx_queue_fault_valid.val();
        self.tx.done_fault.next = self.tx_done_fault.val();
        self.tx.done_fault_valid.next = self.tx_done_fault_valid.val();
        self.tx.idle.next = self.tx_idle.val();
        self.tx.halt.next = self.halt.val();
        self.rx_base.next = self.rx.base.val();
        self.rx_done_base.next = self.rx.done_base.val();
        self.rx_size.next = self.rx.size.val();
        self.rx_coalesce.next = self.rx.coalesce.val();
        self.rx_doorbell.next = self.rx.doorbell.val();
        self.rx.head.next = self.rx_head.val();
        self.rx_run.next = self.rx.run.val();
        self.rx_drain.next = self.rx.drain.val();
        self.rx_clear.next = self.rx.clear.val();
        self.rx.ring_fault.next = self.rx_ring_fault.val();
        self.rx.ring_fault_valid.next = self.rx_ring_fault_valid.val();
        self.rx.queue_fault.next = self.rx_queue_fault.val();
        self.rx.queue_fault_valid.next = self.rx_queue_fault_valid.val();
        self.rx.done_fault.next = self.rx_done_fault.val();
        self.rx.done_fault_valid.next = self.rx_done_fault_valid.val();
        self.rx.idle.next = self.rx_idle.val();
        self.rx.halt.next = self.halt.val();
        self.event_tvalid.next = self.tx.notice_valid.val() | self.rx.notice_valid.val();
        self.tx_tells.next = self.tx.notice_valid.val() & !self.rx_offered.q.val();
        self.event_tdata.next = self.rx_notice.val();
        if self.tx_tells.val() {
            self.event_tdata.next = self.tx_notice.val();
        }
        self.tx.notice_ready.next = self.event_tready.val() & self.tx_tells.val();
        self.rx.notice_ready.next = self.event_tready.val() & !self.tx_tells.val();
        self.rx_offered.d.next = (self.rx.notice_valid.val() & !self.tx_tells.val()) & !self.event_tready.val();
        if self.reset.val() {
            self.rx_offered.d.next = false;
        }

        // The interrupts.
        self.interrupts.tx_cause.next = self.tx_cause.val();
        self.interrupts.rx_cause.next = self.rx_cause.val();
        self.interrupts.event_cause.next = self.event_cause.val();
        self.interrupts.msix_enable.next = self.msix_enable.val();
        self.interrupts.msix_mask.next = self.msix_mask.val();
        self.wires.next = self.interrupts.wires.val();
        self.message_request.next = self.interrupts.message_request.val();
        self.message_request_valid.next = self.interrupts.message_request_valid.val();
        self.interrupts.message_request_ready.next = self.message_request_ready.val();
        self.message_beat.next = self.interrupts.message_beat.val();
        self.message_beat_valid.next = self.interrupts.message_beat_valid.val();
        self.interrupts.message_beat_ready.next = self.message_beat_ready.val();
        self.interrupts.message_response_valid.next = self.message_response_valid.val();
        self.interrupts.halt.next = self.halt.val();
        self.resting.next = (self.tx.resting.val() & self.rx.resting.val()) & self.interrupts.idle.val();
    }
}
