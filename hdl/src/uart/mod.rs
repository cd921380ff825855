//! The engine behind a serial line: for boards without a bus. `espalier_regs::uart` has the messages, decision 18 the reasons.
//!
//! `xtask gen` emits it as module `espalier_uart`.
//!
//! ```text
//! uart_rx ─> Receiver ─> Deframe ─> Inbox ──frames──> Store ─> Give ─┬─s_axis_host─> engine ─m_axis_wire─┬─> Take ─> Store ─┐
//!                                     │                              └─s_axis_wire─>   │    ─m_axis_host─┘                  │
//!                                     └─requests─> Access ──AXI4-Lite──────────────────┘                                    │
//! uart_tx <─ Transmitter <─ Framer <─ Outbox <──────────────answers, statuses, interrupt──────────────────frames─────────────┘
//! ```
//!
//! Bytes are what moves left of the stores, at most one in 10 `DIVIDER` clocks, and beats right of them, one a clock. A frame is given to the engine when it is whole and
//! its CRC is good, and goes out when it is whole: who stops in mid-frame, on either side, holds nobody up.

pub mod access;
pub mod count;
pub mod crc;
pub mod deframe;
pub mod framer;
pub mod give;
pub mod inbox;
pub mod outbox;
pub mod receiver;
pub mod records;
pub mod store;
pub mod take;
pub mod transmitter;

use espalier_regs::uart::Refusal;
use rust_hdl::prelude::*;

use self::access::Access;
use self::count::Count;
use self::deframe::Deframe;
use self::framer::Framer;
use self::give::Give;
use self::inbox::Inbox;
use self::outbox::Outbox;
use self::receiver::Receiver;
use self::records::Short;
use self::store::Store;
use self::take::Take;
use self::transmitter::Transmitter;
use crate::constant::Const;
use crate::engine::Engine;
use crate::fifo::Fifo;

/// Frequency of the engine's clock on the boards of constraints/, in Hz: 3 times that of their oscillators.
pub const CLOCK: u64 = 36_000_000;
/// Clocks a bit on those boards: 3 Mbaud.
pub const DIVIDER: u64 = 12;

/// The build that is emitted: an engine with two rounds of AES in hardware, with the clock and the line of the boards.
pub type EspalierUart = Uart<6, 3, 1, 5, 11, 2, CLOCK, DIVIDER>;

/// See the module's documentation. `CLOCK` is the clock's frequency in Hz, which only the host uses, and `DIVIDER` are the clocks a bit, from 4 on; the others are
/// [`Engine`]'s.
///
/// | port | |
/// |---|---|
/// | `uart_rx`, `uart_tx` | the line, high at rest; `uart_rx` is of no clock |
/// | `led` | 0 blinks while there is a clock; 1: bytes come in; 2: the engine's interrupt; 3: a message was refused since the last reset |
#[derive(LogicBlock, Default)]
pub struct Uart<
    const A: usize,
    const R: usize,
    const G: usize,
    const C: usize,
    const W: usize,
    const ROUNDS: usize,
    const CLOCK: u64,
    const DIVIDER: u64,
> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub uart_rx: Signal<In, bool>,
    pub uart_tx: Signal<Out, bool>,
    pub led: Signal<Out, Bits<4>>,
    receiver: Receiver<DIVIDER>,
    deframe: Deframe,
    inbox: Inbox,
    access: Access<CLOCK, DIVIDER>,
    count: Count,
    give_store: Store<10>,
    give: Give,
    engine: Engine<A, R, G, C, W, ROUNDS>,
    take: Take,
    take_store: Store<10>,
    answers: Fifo<Short, 4>,
    outbox: Outbox,
    framer: Framer,
    transmitter: Transmitter<DIVIDER>,
    /// Everything but the line is reset.
    restart: DFF<bool>,
    /// Bytes came in since `tick` changed last; what of them `led` shows.
    tick: DFF<bool>,
    heard: DFF<bool>,
    hears: DFF<bool>,
    trouble: DFF<bool>,
    refused: Signal<Local, Bits<4>>,
    busy: Const<4, { 1 << Refusal::Busy as u64 }>,
}

impl<
        const A: usize,
        const R: usize,
        const G: usize,
        const C: usize,
        const W: usize,
        const ROUNDS: usize,
        const CLOCK: u64,
        const DIVIDER: u64,
    > Logic for Uart<A, R, G, C, W, ROUNDS, CLOCK, DIVIDER>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, restart, tick, heard, hears, trouble);
        clock!(self, clock, receiver, deframe, inbox, access, count, give_store, give, engine, take, take_store, answers, outbox);
        clock!(self, clock, framer, transmitter);
        self.restart.d.next = self.reset.val() | self.access.restart.val();
        self.receiver.reset.next = self.reset.val();
        self.deframe.reset.next = self.reset.val();
        self.inbox.reset.next = self.reset.val();
        self.access.reset.next = self.reset.val();
        self.transmitter.reset.next = self.reset.val();
        self.count.reset.next = self.restart.q.val();
        self.give_store.reset.next = self.restart.q.val();
        self.give.reset.next = self.restart.q.val();
        self.engine.reset.next = self.restart.q.val();
        self.take.reset.next = self.restart.q.val();
        self.take_store.reset.next = self.restart.q.val();
        self.answers.reset.next = self.restart.q.val();
        self.outbox.reset.next = self.restart.q.val();
        self.framer.reset.next = self.restart.q.val();

        // From the line.
        self.receiver.uart_rx.next = self.uart_rx.val();
        self.deframe.s_data.next = self.receiver.m_data.val();
        self.deframe.s_valid.next = self.receiver.valid.val();
        self.deframe.damaged.next = self.receiver.damaged.val();
        self.inbox.s_data.next = self.deframe.m_data.val();
        self.inbox.s_valid.next = self.deframe.m_valid.val();
        self.inbox.closed.next = self.deframe.closed.val();
        self.inbox.good.next = self.deframe.good.val();
        self.inbox.room.next = self.give_store.room.val();

        // Registers.
        self.access.asked.next = self.inbox.asked.val();
        self.access.asked_valid.next = self.inbox.asked_valid.val();
        self.engine.s_axil_awaddr.next = self.access.m_axil_awaddr.val();
        self.engine.s_axil_awvalid.next = self.access.m_axil_awvalid.val();
        self.access.m_axil_awready.next = self.engine.s_axil_awready.val();
        self.engine.s_axil_wdata.next = self.access.m_axil_wdata.val();
        self.engine.s_axil_wstrb.next = 15.into();
        self.engine.s_axil_wvalid.next = self.access.m_axil_wvalid.val();
        self.access.m_axil_wready.next = self.engine.s_axil_wready.val();
        self.access.m_axil_bresp.next = self.engine.s_axil_bresp.val();
        self.access.m_axil_bvalid.next = self.engine.s_axil_bvalid.val();
        self.engine.s_axil_bready.next = self.access.m_axil_bready.val();
        self.engine.s_axil_araddr.next = self.access.m_axil_araddr.val();
        self.engine.s_axil_arvalid.next = self.access.m_axil_arvalid.val();
        self.access.m_axil_arready.next = self.engine.s_axil_arready.val();
        self.access.m_axil_rdata.next = self.engine.s_axil_rdata.val();
        self.access.m_axil_rresp.next = self.engine.s_axil_rresp.val();
        self.access.m_axil_rvalid.next = self.engine.s_axil_rvalid.val();
        self.engine.s_axil_rready.next = self.access.m_axil_rready.val();
        self.access.count_low.next = self.count.low.val();
        self.access.count_high.next = self.count.high.val();
        self.count.latch.next = self.access.latch.val();

        // Frames to the engine.
        self.give_store.data.next = self.inbox.data.val();
        self.give_store.push.next = self.inbox.push.val();
        self.give_store.commit.next = self.inbox.commit.val();
        self.give_store.abandon.next = self.inbox.abandon.val();
        self.give.count.next = self.count.low.val();
        self.give.s_data.next = self.give_store.m_data.val();
        self.give.s_valid.next = self.give_store.m_valid.val();
        self.give_store.m_ready.next = self.give.s_ready.val();
        self.engine.s_axis_host_tdata.next = self.give.tdata.val();
        self.engine.s_axis_host_tkeep.next = self.give.tkeep.val();
        self.engine.s_axis_host_tlast.next = self.give.tlast.val();
        self.engine.s_axis_host_tuser.next = self.give.tuser.val();
        self.engine.s_axis_host_tvalid.next = self.give.host_valid.val();
        self.give.host_ready.next = self.engine.s_axis_host_tready.val();
        self.engine.s_axis_wire_tdata.next = self.give.tdata.val();
        self.engine.s_axis_wire_tkeep.next = self.give.tkeep.val();
        self.engine.s_axis_wire_tlast.next = self.give.tlast.val();
        self.engine.s_axis_wire_tuser.next = self.give.tuser.val().get_bit(0);
        self.engine.s_axis_wire_tvalid.next = self.give.wire_valid.val();
        self.give.wire_ready.next = self.engine.s_axis_wire_tready.val();

        // No host interface is behind the engine.
        self.engine.s_axis_event_tdata.next = 0.into();
        self.engine.s_axis_event_tvalid.next = false;
        self.engine.rx_no_buffer.next = false;
        self.engine.rx_host_fault.next = false;

        // Frames of the engine.
        self.take.wire_tdata.next = self.engine.m_axis_wire_tdata.val();
        self.take.wire_tkeep.next = self.engine.m_axis_wire_tkeep.val();
        self.take.wire_tlast.next = self.engine.m_axis_wire_tlast.val();
        self.take.wire_valid.next = self.engine.m_axis_wire_tvalid.val();
        self.engine.m_axis_wire_tready.next = self.take.wire_ready.val();
        self.take.host_tdata.next = self.engine.m_axis_host_tdata.val();
        self.take.host_tkeep.next = self.engine.m_axis_host_tkeep.val();
        self.take.host_tlast.next = self.engine.m_axis_host_tlast.val();
        self.take.host_user.next = self.engine.m_axis_host_tuser.val();
        self.take.host_valid.next = self.engine.m_axis_host_tvalid.val();
        self.engine.m_axis_host_tready.next = self.take.host_ready.val();
        self.take.count.next = self.count.low.val();
        self.take.room.next = self.take_store.room.val();
        self.take_store.data.next = self.take.data.val();
        self.take_store.push.next = self.take.push.val();
        self.take_store.commit.next = self.take.commit.val();
        self.take_store.abandon.next = false;

        // Answers: of registers before those of frames.
        self.answers.s_data.next = self.give.answer.val();
        if self.access.answer_valid.val() {
            self.answers.s_data.next = self.access.answer.val();
        }
        self.answers.s_valid.next = self.access.answer_valid.val() | self.give.answer_valid.val();
        self.access.answer_ready.next = self.answers.s_ready.val();
        self.give.answer_ready.next = self.answers.s_ready.val() & !self.access.answer_valid.val();
        self.refused.next = self.inbox.refused.val();
        if self.inbox.asked_valid.val() & !self.access.idle.val() {
            self.refused.next = self.busy.val();
        }

        // To the line.
        self.outbox.answer.next = self.answers.m_data.val();
        self.outbox.answer_valid.next = self.answers.m_valid.val();
        self.answers.m_ready.next = self.outbox.answer_ready.val();
        self.outbox.refused.next = self.refused.val();
        self.outbox.interrupt.next = self.engine.interrupt.val();
        self.outbox.status.next = self.engine.m_axis_txstatus_tdata.val();
        self.outbox.status_valid.next = self.engine.m_axis_txstatus_tvalid.val();
        self.engine.m_axis_txstatus_tready.next = self.outbox.status_ready.val();
        self.outbox.frame_data.next = self.take_store.m_data.val();
        self.outbox.frame_valid.next = self.take_store.m_valid.val();
        self.take_store.m_ready.next = self.outbox.frame_ready.val();
        self.framer.s_data.next = self.outbox.m_data.val();
        self.framer.s_valid.next = self.outbox.m_valid.val();
        self.framer.s_last.next = self.outbox.m_last.val();
        self.outbox.m_ready.next = self.framer.s_ready.val();
        self.transmitter.s_data.next = self.framer.m_data.val();
        self.transmitter.s_valid.next = self.framer.m_valid.val();
        self.framer.m_ready.next = self.transmitter.s_ready.val();
        self.uart_tx.next = self.transmitter.uart_tx.val();

        // Lights.
        self.tick.d.next = self.count.low.val().get_bit(23);
        self.heard.d.next = self.heard.q.val() | self.receiver.valid.val();
        if self.tick.q.val() != self.count.low.val().get_bit(23) {
            self.hears.d.next = self.heard.q.val();
            self.heard.d.next = self.receiver.valid.val();
        }
        self.trouble.d.next = self.trouble.q.val() | self.refused.val().any();
        self.led.next = bit_cast::<4, 1>(self.count.low.val().get_bit(26).into())
            | ((bit_cast::<4, 1>(self.hears.q.val().into()) << 1)
                | ((bit_cast::<4, 1>(self.engine.interrupt.val().into()) << 2) | (bit_cast::<4, 1>(self.trouble.q.val().into()) << 3)));

        if self.restart.q.val() {
            self.trouble.d.next = false;
        }
    }
}
