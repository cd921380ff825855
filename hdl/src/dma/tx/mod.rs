//! Frames from host memory to the engine.
//!
//! ```text
//! descriptor ─> segments ─request─>         ─ended─> complete ─> completion
//!                  └─piece─> assemble ─item─> offer   ↑
//!                    beat ────↑                └─> m_axis_host, s_txstatus
//! ```

mod assemble;
mod complete;
mod offer;
pub mod records;
mod segments;

use rust_hdl::prelude::*;

use self::assemble::Assemble;
use self::complete::Complete;
use self::offer::Offer;
use self::records::{Ended, Item, Piece};
use self::segments::Segments;
use super::outstanding::Outstanding;
use super::records::{Completion, Descriptor, Fault, ReadBeat, ReadRequest};
use crate::fifo::Fifo;

/// Reads the frames that descriptors name, gives them to the engine, and completes them in order.
///
/// - Ports: `descriptor`; `request` and `beat`, the data in the order of the requests; `m_axis_host_*`, the engine's `s_axis_host_*`; `s_txstatus_*`,
///   its `m_axis_txstatus_*`; `tx_enabled`, its own; `completion`; `run`, `drain`, `clear`, `idle`, `fault` as all blocks of a queue.
/// - A descriptor is taken while `run` is high, `drain` low, and no fault was met here. It is *begun* then: it is read, and its frame is offered.
/// - Latency: 4 clocks from `descriptor` to `request`, 3 from `beat` to `m_axis_host`, 1 from the status to `completion`.
/// - Throughput: 5 clocks for a frame of one segment and one request, 3 a segment and 2 a request for others, and a clock a beat.
/// - Back-pressure: `m_axis_host_tready` and `completion_ready` stop everything in front; 32 frames wait for their status or completion, data wait
///   in memory's reader. Nothing is lost.
///
/// `m_axis_host_tuser` is word 3 of the frame's first descriptor (CRYPTO, SA, PROTECT) with the first beat, and ERROR with the last of a
/// damaged frame. Completions have INDEX behind the frame's last descriptor, or behind the one that met the fault.
///
/// Faults (`espalier_regs::dma::Fault`; no further descriptor is taken; what is taken goes on; all frames before end as usual):
/// - a first segment refused (phase; length 0, of an odd multiple, or over the longest frame; address): the engine gets nothing;
///   completion in its place, without STATUS, with CAUSE; address of `fault`: the buffer's, 0 with a wrong phase;
/// - a later segment refused: the beats before have gone, a damaged one is put behind them; completion with the engine's status and CAUSE;
/// - a read error in the first, a middle or the last beat: this beat is the damaged last one (tkeep full, zeros); the rest of the frame is
///   read and thrown away; completion with the engine's status and CAUSE Data; address of `fault`: the read's. Frames behind whose
///   descriptors were taken are read, given and completed as usual. A second fault raises another pulse;
/// - two in one clock: the pulse is that of the read error, its frame is the older one; both have their CAUSE in their completions;
/// - `run` falls (a fault elsewhere): as above; a frame that lacks segments waits, its beats so far are with the engine.
///
/// A frame whose descriptors end before LAST waits for more of them. While `tx_enabled` is low no frame is begun at the engine: a first beat
/// that is on offer when it falls is taken back (the engine does not look at it then), and offered again; a frame whose first beat was
/// taken goes on.
///
/// `drain`, in every state: descriptors that are taken are read to their end (what was asked for must be awaited). A frame of which the
/// engine has had a beat goes on with the data that are there, and ends, damaged if its last segment was not taken: CAUSE 0 then, and the engine
/// counts it. So does one whose first beat was on offer already, unless `tx_enabled` is low. All others, refused ones too, vanish without
/// completion. Statuses are awaited, however late, and completed, however slow `completion` is. `idle`: nothing of all this is left. A data
/// error or refusal met meanwhile, in a frame that is given, still raises `fault`.
///
/// `clear` (while `idle`) makes all as new: indices 0, no frame begun.
#[derive(LogicBlock, Default)]
pub struct TxQueue {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub run: Signal<In, bool>,
    pub drain: Signal<In, bool>,
    pub clear: Signal<In, bool>,
    pub tx_enabled: Signal<In, bool>,
    pub descriptor: Signal<In, Descriptor>,
    pub descriptor_valid: Signal<In, bool>,
    pub request_ready: Signal<In, bool>,
    pub beat: Signal<In, ReadBeat>,
    pub beat_valid: Signal<In, bool>,
    pub m_axis_host_tready: Signal<In, bool>,
    pub s_txstatus_tdata: Signal<In, Bits<32>>,
    pub s_txstatus_tvalid: Signal<In, bool>,
    pub completion_ready: Signal<In, bool>,
    pub descriptor_ready: Signal<Out, bool>,
    pub request: Signal<Out, ReadRequest>,
    pub request_valid: Signal<Out, bool>,
    pub beat_ready: Signal<Out, bool>,
    pub m_axis_host_tdata: Signal<Out, Bits<128>>,
    pub m_axis_host_tkeep: Signal<Out, Bits<16>>,
    pub m_axis_host_tvalid: Signal<Out, bool>,
    pub m_axis_host_tlast: Signal<Out, bool>,
    pub m_axis_host_tuser: Signal<Out, Bits<16>>,
    pub s_txstatus_tready: Signal<Out, bool>,
    pub completion: Signal<Out, Completion>,
    pub completion_valid: Signal<Out, bool>,
    pub idle: Signal<Out, bool>,
    pub fault: Signal<Out, Fault>,
    pub fault_valid: Signal<Out, bool>,
    segments: Segments,
    pieces: Fifo<Piece, 5>,
    assemble: Assemble,
    items: Fifo<Item, 4>,
    offer: Offer,
    ends: Fifo<Ended, 5>,
    complete: Complete,
    /// Pieces that are not done.
    reads: Outstanding<6, 63>,
    /// Frames between `assemble` and their end, and from there to their completion.
    frames: Outstanding<6, 63>,
    completions: Outstanding<6, 63>,
    stopped: DFF<bool>,
    out_fault: DFF<Fault>,
    out_fault_valid: DFF<bool>,
    clean: Signal<Local, bool>,
    item: Signal<Local, Item>,
    completed: Signal<Local, bool>,
    dry: Signal<Local, bool>,
}

impl Logic for TxQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, stopped, out_fault, out_fault_valid);
        clock!(self, clock, segments, pieces, assemble, items, offer, ends, complete, reads, frames, completions);
        self.clean.next = self.reset.val() | self.clear.val();
        self.segments.reset.next = self.clean.val();
        self.pieces.reset.next = self.clean.val();
        self.assemble.reset.next = self.clean.val();
        self.items.reset.next = self.clean.val();
        self.offer.reset.next = self.clean.val();
        self.ends.reset.next = self.clean.val();
        self.complete.reset.next = self.clean.val();
        self.reads.reset.next = self.clean.val();
        self.frames.reset.next = self.clean.val();
        self.completions.reset.next = self.clean.val();

        // Descriptors to reads.
        self.segments.open.next = self.run.val() & (!self.drain.val() & !self.stopped.q.val());
        self.segments.descriptor.next = self.descriptor.val();
        self.segments.descriptor_valid.next = self.descriptor_valid.val();
        self.descriptor_ready.next = self.segments.descriptor_ready.val();
        self.request.next = self.segments.request.val();
        self.request_valid.next = self.segments.request_valid.val();
        self.segments.request_ready.next = self.request_ready.val();
        self.segments.piece_room.next = self.pieces.s_ready.val();
        self.pieces.s_data.next = self.segments.piece.val();
        self.pieces.s_valid.next = self.segments.piece_valid.val();
        self.reads.begins.next = self.segments.piece_valid.val();
        self.reads.ends.next = self.assemble.piece_ready.val();

        // Data to frames.
        self.dry.next = self.segments.quiet.val() & self.reads.none.val();
        self.assemble.drain.next = self.drain.val();
        self.assemble.dry.next = self.dry.val();
        self.assemble.piece.next = self.pieces.m_data.val();
        self.assemble.piece_valid.next = self.pieces.m_valid.val();
        self.pieces.m_ready.next = self.assemble.piece_ready.val();
        self.assemble.beat.next = self.beat.val();
        self.assemble.beat_valid.next = self.beat_valid.val();
        self.beat_ready.next = self.assemble.beat_ready.val();
        self.assemble.room.next = self.items.room.val();
        self.item.next = self.assemble.item.val();
        self.items.s_data.next = self.item.val();
        self.items.s_valid.next = self.assemble.item_valid.val();
        self.frames.begins.next = self.assemble.item_valid.val() & self.item.val().first;
        self.frames.ends.next = self.offer.over.val();

        // Frames to the engine.
        self.offer.drain.next = self.drain.val();
        self.offer.tx_enabled.next = self.tx_enabled.val();
        self.offer.item.next = self.items.m_data.val();
        self.offer.item_valid.next = self.items.m_valid.val();
        self.items.m_ready.next = self.offer.item_ready.val();
        self.m_axis_host_tdata.next = self.offer.m_axis_host_tdata.val();
        self.m_axis_host_tkeep.next = self.offer.m_axis_host_tkeep.val();
        self.m_axis_host_tvalid.next = self.offer.m_axis_host_tvalid.val();
        self.m_axis_host_tlast.next = self.offer.m_axis_host_tlast.val();
        self.m_axis_host_tuser.next = self.offer.m_axis_host_tuser.val();
        self.offer.m_axis_host_tready.next = self.m_axis_host_tready.val();
        self.offer.ended_ready.next = self.ends.s_ready.val();
        self.ends.s_data.next = self.offer.ended.val();
        self.ends.s_valid.next = self.offer.ended_valid.val();
        self.completions.begins.next = self.offer.ended_valid.val();

        // What became of them.
        self.complete.ended.next = self.ends.m_data.val();
        self.complete.ended_valid.next = self.ends.m_valid.val();
        self.ends.m_ready.next = self.complete.ended_ready.val();
        self.complete.s_txstatus_tdata.next = self.s_txstatus_tdata.val();
        self.complete.s_txstatus_tvalid.next = self.s_txstatus_tvalid.val();
        self.s_txstatus_tready.next = self.complete.s_txstatus_tready.val();
        self.completion.next = self.complete.completion.val();
        self.completion_valid.next = self.complete.completion_valid.val();
        self.complete.completion_ready.next = self.completion_ready.val();
        self.completed.next = self.complete.completion_valid.val() & self.completion_ready.val();
        self.completions.ends.next = self.completed.val();
        self.idle.next = self.dry.val() & (self.frames.none.val() & self.completions.none.val());

        // Faults.
        self.out_fault.d.next = self.segments.fault.val();
        if self.assemble.fault_valid.val() {
            self.out_fault.d.next = self.assemble.fault.val();
        }
        self.out_fault_valid.d.next = self.segments.stop.val() | self.assemble.fault_valid.val();
        if self.segments.stop.val() | self.assemble.fault_valid.val() {
            self.stopped.d.next = true;
        }
        self.fault.next = self.out_fault.q.val();
        self.fault_valid.next = self.out_fault_valid.q.val();
        if self.clean.val() {
            self.stopped.d.next = false;
            self.out_fault_valid.d.next = false;
        }
    }
}
