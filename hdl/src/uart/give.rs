//! Stored frames into the engine.

use espalier_regs::uart::{Request, DONE};
use rust_hdl::prelude::*;

use super::records::Short;
use crate::constant::Const;
use crate::shell::ByteSwap;

/// Gives each frame of a [`super::store::Store`] to the stream that its head names, and answers when it is gone.
///
/// - Ports: `s_data`, `s_valid`, `s_ready` from the store; `tdata`, `tkeep`, `tlast`, `tuser`, for both streams; `host_valid`, `host_ready`, `wire_valid`, `wire_ready`. `answer` with
///   `answer_valid`, `answer_ready`. `count`: the clock count.
/// - Latency: 2 clocks from a head to its first beat. A beat a clock; four clocks between frames. Back-pressure: the streams'.
#[derive(LogicBlock, Default)]
pub struct Give {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub count: Signal<In, Bits<32>>,
    pub s_data: Signal<In, Bits<128>>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub tdata: Signal<Out, Bits<128>>,
    pub tkeep: Signal<Out, Bits<16>>,
    pub tlast: Signal<Out, bool>,
    pub tuser: Signal<Out, Bits<16>>,
    pub host_valid: Signal<Out, bool>,
    pub host_ready: Signal<In, bool>,
    pub wire_valid: Signal<Out, bool>,
    pub wire_ready: Signal<In, bool>,
    pub answer: Signal<Out, Short>,
    pub answer_valid: Signal<Out, bool>,
    pub answer_ready: Signal<In, bool>,
    /// A frame is being given, and to whom.
    to_host: DFF<bool>,
    to_wire: DFF<bool>,
    /// It has been given, and that is still to be told.
    untold: DFF<bool>,
    kind: DFF<Bits<8>>,
    tag: DFF<Bits<8>>,
    half: DFF<Bits<16>>,
    beats: DFF<Bits<16>>,
    last: DFF<bool>,
    /// Lanes of the last beat.
    lanes: DFF<Bits<16>>,
    begun: DFF<bool>,
    first: DFF<Bits<32>>,
    busy: Signal<Local, bool>,
    moves: Signal<Local, bool>,
    head: Signal<Local, Bits<8>>,
    head_beats: Signal<Local, Bits<16>>,
    unused: Signal<Local, Bits<4>>,
    swap: ByteSwap,
    host_frame: Const<8, { Request::HostFrame as u64 }>,
    all_lanes: Const<16, 0xFFFF>,
    none: Const<4, 0>,
    done: Const<8, { DONE as u64 }>,
}

impl Logic for Give {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, to_host, to_wire, untold, kind, tag, half, beats, last, lanes, begun, first);
        self.busy.next = self.to_host.q.val() | self.to_wire.q.val();
        self.moves.next =
            self.s_valid.val() & ((self.to_host.q.val() & self.host_ready.val()) | (self.to_wire.q.val() & self.wire_ready.val()));
        self.s_ready.next = self.moves.val();

        // A head.
        self.head.next = bit_cast::<8, 128>(self.s_data.val() >> 120);
        self.head_beats.next = bit_cast::<16, 128>(self.s_data.val() >> 80);
        self.unused.next = self.none.val() - bit_cast::<4, 128>(self.s_data.val() >> 76);
        if (!self.busy.val() & !self.untold.q.val()) & self.s_valid.val() {
            self.s_ready.next = true;
            self.kind.d.next = self.head.val();
            self.tag.d.next = bit_cast::<8, 128>(self.s_data.val() >> 112);
            self.half.d.next = bit_cast::<16, 128>(self.s_data.val() >> 96);
            self.beats.d.next = self.head_beats.val();
            self.last.d.next = self.head_beats.val() == 1;
            self.lanes.d.next = self.all_lanes.val() >> self.unused.val();
            self.begun.d.next = false;
            self.to_host.d.next = self.head.val() == self.host_frame.val();
            self.to_wire.d.next = self.head.val() != self.host_frame.val();
        }

        // Its beats.
        self.swap.straight.next = self.s_data.val();
        self.tdata.next = self.swap.swapped.val();
        self.tkeep.next = self.all_lanes.val();
        if self.last.q.val() {
            self.tkeep.next = self.lanes.q.val();
        }
        self.tlast.next = self.last.q.val();
        self.tuser.next = self.half.q.val();
        self.host_valid.next = self.s_valid.val() & self.to_host.q.val();
        self.wire_valid.next = self.s_valid.val() & self.to_wire.q.val();
        if self.moves.val() {
            self.beats.d.next = self.beats.q.val() - 1;
            self.last.d.next = self.beats.q.val() == 2;
            self.begun.d.next = true;
            if !self.begun.q.val() {
                self.first.d.next = self.count.val();
            }
            if self.last.q.val() {
                self.to_host.d.next = false;
                self.to_wire.d.next = false;
                self.untold.d.next = true;
            }
        }

        // It is gone.
        self.answer.next.kind = self.kind.q.val() | self.done.val();
        self.answer.next.tag = self.tag.q.val();
        self.answer.next.word = self.first.q.val();
        self.answer_valid.next = self.untold.q.val();
        if self.answer_ready.val() & self.untold.q.val() {
            self.untold.d.next = false;
        }

        if self.reset.val() {
            self.to_host.d.next = false;
            self.to_wire.d.next = false;
            self.untold.d.next = false;
        }
    }
}
