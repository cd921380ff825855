//! The engine's frames into a store.

use espalier_regs::uart::Frame;
use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::shell::AxisIn;
use crate::stream::Beat;

/// Takes frames off both streams that come out of the engine, one after the other, into one [`super::store::Store`].
///
/// - Ports: `host_*`, `wire_*`: AXI4-Stream; `data`, `push`, `commit` to the store, `room` from it. `count`: the clock count.
/// - Who was not served last comes first. Latency: a beat is pushed one clock after it was taken, and the head two clocks after the last one. A beat a clock, 4 clocks between frames.
/// - Back-pressure: while the store has no room nothing is taken; nothing is lost.
#[derive(LogicBlock, Default)]
pub struct Take {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub count: Signal<In, Bits<32>>,
    pub host_tdata: Signal<In, Bits<128>>,
    pub host_tkeep: Signal<In, Bits<16>>,
    pub host_tlast: Signal<In, bool>,
    pub host_user: Signal<In, Bits<32>>,
    pub host_valid: Signal<In, bool>,
    pub host_ready: Signal<Out, bool>,
    pub wire_tdata: Signal<In, Bits<128>>,
    pub wire_tkeep: Signal<In, Bits<16>>,
    pub wire_tlast: Signal<In, bool>,
    pub wire_valid: Signal<In, bool>,
    pub wire_ready: Signal<Out, bool>,
    pub room: Signal<In, bool>,
    pub data: Signal<Out, Bits<128>>,
    pub push: Signal<Out, bool>,
    pub commit: Signal<Out, bool>,
    /// Of whom a frame is being taken.
    of_host: DFF<bool>,
    of_wire: DFF<bool>,
    host_before: DFF<bool>,
    tdata: DFF<Bits<128>>,
    tkeep: DFF<Bits<16>>,
    tlast: DFF<bool>,
    shell: AxisIn,
    beat_valid: DFF<bool>,
    user: DFF<Bits<32>>,
    /// The frame so far: its bytes, when it began, and when its last beat came.
    bytes: DFF<Bits<16>>,
    first: DFF<Bits<32>>,
    last: DFF<Bits<32>>,
    ended: DFF<bool>,
    moves: Signal<Local, bool>,
    ends: Signal<Local, bool>,
    beat: Signal<Local, Beat>,
    kind: Signal<Local, Bits<8>>,
    host_frame: Const<8, { Frame::Host as u64 }>,
    wire_frame: Const<8, { Frame::Wire as u64 }>,
}

impl Logic for Take {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, of_host, of_wire, host_before, tdata, tkeep, tlast, beat_valid, user, bytes, first, last, ended);

        // Whose turn it is.
        if !self.of_host.q.val() & !self.of_wire.q.val() & !self.beat_valid.q.val() & !self.ended.q.val() {
            self.first.d.next = self.count.val();
            self.bytes.d.next = 0.into();
            if self.wire_valid.val() & (self.host_before.q.val() | !self.host_valid.val()) {
                self.of_wire.d.next = true;
                self.host_before.d.next = false;
            } else if self.host_valid.val() {
                self.of_host.d.next = true;
                self.host_before.d.next = true;
            }
        }

        // Beats.
        self.host_ready.next = self.of_host.q.val() & self.room.val();
        self.wire_ready.next = self.of_wire.q.val() & self.room.val();
        self.moves.next =
            self.room.val() & ((self.of_host.q.val() & self.host_valid.val()) | (self.of_wire.q.val() & self.wire_valid.val()));
        self.ends.next = self.wire_tlast.val();
        self.tdata.d.next = self.wire_tdata.val();
        self.tkeep.d.next = self.wire_tkeep.val();
        self.user.d.next = 0.into();
        if self.host_before.q.val() {
            self.ends.next = self.host_tlast.val();
            self.tdata.d.next = self.host_tdata.val();
            self.tkeep.d.next = self.host_tkeep.val();
            self.user.d.next = self.user.q.val();
        }
        if self.moves.val() & self.of_host.q.val() {
            self.user.d.next = self.host_user.val();
        }
        self.tlast.d.next = self.ends.val();
        self.beat_valid.d.next = self.moves.val();
        if self.moves.val() & self.ends.val() {
            self.of_host.d.next = false;
            self.of_wire.d.next = false;
        }
        self.shell.tdata.next = self.tdata.q.val();
        self.shell.tkeep.next = self.tkeep.q.val();
        self.shell.tlast.next = self.tlast.q.val();
        self.shell.tuser.next = false;
        self.beat.next = self.shell.m_beat.val();
        self.ended.d.next = self.beat_valid.q.val() & self.tlast.q.val();
        if self.beat_valid.q.val() {
            self.bytes.d.next = self.bytes.q.val() + bit_cast::<16, 5>(self.beat.val().bytes);
            self.last.d.next = self.count.val();
        }

        // To the store: the beat, and behind the last one the head.
        self.kind.next = self.wire_frame.val();
        if self.host_before.q.val() {
            self.kind.next = self.host_frame.val();
        }
        self.data.next = self.beat.val().data;
        if self.ended.q.val() {
            self.data.next = ((bit_cast::<128, 8>(self.kind.val()) << 120) | (bit_cast::<128, 16>(self.bytes.q.val()) << 96))
                | ((bit_cast::<128, 32>(self.user.q.val()) << 64)
                    | ((bit_cast::<128, 32>(self.first.q.val()) << 32) | bit_cast::<128, 32>(self.last.q.val())));
        }
        self.push.next = self.beat_valid.q.val();
        self.commit.next = self.ended.q.val();

        if self.reset.val() {
            self.of_host.d.next = false;
            self.of_wire.d.next = false;
            self.beat_valid.d.next = false;
            self.ended.d.next = false;
        }
    }
}
