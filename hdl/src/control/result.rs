//! RESULT: the state of an SA as it was at one moment.
//!
//! Purpose: hold it, each field where the layout SA_STATE has it. Ports: the state of an outbound and of an inbound SA; `take_tx` and
//! `take_rx` take it, `clear` forgets it; `words` out, bit 0 of word 0 lowest. Latency: one clock. No back-pressure.

use espalier_regs::mailbox::{sa_state, RESULT_WORDS, SA_STATE};
use rust_hdl::core::ast::{VerilogExpression, VerilogStatement};
use rust_hdl::prelude::*;

use super::wires::leaves;
use crate::records::{Life, RxFailures};

/// Bits of RESULT.
pub const RESULT_BITS: usize = 320;

const _: () = assert!(RESULT_WORDS * 32 == RESULT_BITS);

/// What the host is told of an SA: the fields of SA_STATE.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct SaState {
    /// Sequence number used or received last.
    pub seq: Bits<64>,
    /// Packets that passed.
    pub packets: Bits<64>,
    /// Their bytes.
    pub bytes: Bits<64>,
    /// The soft limit was reached.
    pub soft: bool,
    /// The hard limit was reached.
    pub hard: bool,
    /// Inbound: duplicates.
    pub replay: Bits<32>,
    /// Inbound: left of the window.
    pub replay_window: Bits<32>,
    /// Inbound: ICV that did not fit.
    pub integrity_failed: Bits<32>,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Answers {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, bool>,
    pub take_tx: Signal<In, bool>,
    pub tx_seq: Signal<In, Bits<64>>,
    pub tx_life: Signal<In, Life>,
    pub take_rx: Signal<In, bool>,
    pub rx_seq: Signal<In, Bits<64>>,
    pub rx_life: Signal<In, Life>,
    pub rx_failures: Signal<In, RxFailures>,
    pub words: Signal<Out, Bits<RESULT_BITS>>,
    taken: DFF<SaState>,
    state: Signal<Local, SaState>,
    layout: ResultWords,
}

impl Logic for Answers {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, taken);
        self.state.next.seq = 0.into();
        self.state.next.packets = 0.into();
        self.state.next.bytes = 0.into();
        self.state.next.soft = false;
        self.state.next.hard = false;
        self.state.next.replay = 0.into();
        self.state.next.replay_window = 0.into();
        self.state.next.integrity_failed = 0.into();
        if self.take_tx.val() {
            self.state.next.seq = self.tx_seq.val();
            self.state.next.packets = self.tx_life.val().packets;
            self.state.next.bytes = self.tx_life.val().bytes;
            self.state.next.soft = self.tx_life.val().soft;
            self.state.next.hard = self.tx_life.val().hard;
        }
        if self.take_rx.val() {
            self.state.next.seq = self.rx_seq.val();
            self.state.next.packets = self.rx_life.val().packets;
            self.state.next.bytes = self.rx_life.val().bytes;
            self.state.next.soft = self.rx_life.val().soft;
            self.state.next.hard = self.rx_life.val().hard;
            self.state.next.replay = self.rx_failures.val().replay;
            self.state.next.replay_window = self.rx_failures.val().replay_window;
            self.state.next.integrity_failed = self.rx_failures.val().integrity_failed;
        }
        if (self.take_tx.val() || self.take_rx.val()) || self.clear.val() {
            self.taken.d.next = self.state.val();
        }
        self.layout.state.next = self.taken.q.val();
        self.words.next = self.layout.words.val();
    }
}

/// Wiring from the state of an SA to the words of RESULT.
#[derive(LogicBlock, Default)]
pub struct ResultWords {
    pub state: Signal<In, SaState>,
    pub words: Signal<Out, Bits<RESULT_BITS>>,
}

impl Logic for ResultWords {
    fn update(&mut self) {
        let state = self.state.val();
        let mut words: Bits<RESULT_BITS> = 0.into();
        words.set_bits::<64>(sa_state::SEQ.lsb.into(), state.seq);
        words.set_bits::<64>(sa_state::PACKETS.lsb.into(), state.packets);
        words.set_bits::<64>(sa_state::BYTES.lsb.into(), state.bytes);
        words.set_bits::<1>(sa_state::SOFT.lsb.into(), state.soft.into());
        words.set_bits::<1>(sa_state::HARD.lsb.into(), state.hard.into());
        words.set_bits::<32>(sa_state::REPLAY.lsb.into(), state.replay);
        words.set_bits::<32>(sa_state::REPLAY_WINDOW.lsb.into(), state.replay_window);
        words.set_bits::<32>(sa_state::INTEGRITY_FAILED.lsb.into(), state.integrity_failed);
        self.words.next = words;
    }

    fn connect(&mut self) {
        self.words.connect();
    }

    fn hdl(&self) -> Verilog {
        let number = |at: usize| VerilogExpression::Literal((at as u32).into());
        let words = || VerilogExpression::Signal("words".into());
        let zero: Bits<RESULT_BITS> = 0.into();
        let mut code = vec![VerilogStatement::Assignment(words(), VerilogExpression::Literal(zero.into()))];
        for leaf in leaves::<SaState>() {
            let Some(field) = SA_STATE.field(&leaf.name) else { panic!("SA_STATE has no {}", leaf.name) };
            assert_eq!(leaf.width, field.width.into(), "{}", leaf.name);
            let state = VerilogExpression::Signal("state".into());
            code.push(VerilogStatement::SliceAssignment {
                base: words(),
                width: leaf.width,
                offset: number(field.lsb.into()),
                replacement: VerilogExpression::Slice(Box::new(state), leaf.width, Box::new(number(leaf.offset))),
            });
        }
        Verilog::Combinatorial(code)
    }
}
