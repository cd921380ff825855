//! The staging window: the MAIL words of the next command.
//!
//! Purpose: collect the operands of a command, and forget them. Ports: `write` puts `data` into word `number`; `zeroise` clears every
//! word; `words` holds them all, bit 0 of word 0 lowest. Latency: one clock. Throughput: one word a clock. No back-pressure.
//!
//! The words may be keys: nothing but the engine's tables and the hash-subkey unit may read `words`.

use rust_hdl::core::ast::{VerilogBlockOrConditional, VerilogConditional, VerilogExpression, VerilogOp, VerilogStatement};
use rust_hdl::prelude::*;

use espalier_regs::mailbox::MAIL_WORDS;

/// Bits of the staging window.
pub const STAGING_BITS: usize = 1024;

const _: () = assert!(MAIL_WORDS * 32 == STAGING_BITS);

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Staging {
    pub clock: Signal<In, Clock>,
    pub write: Signal<In, bool>,
    pub number: Signal<In, Bits<5>>,
    pub data: Signal<In, Bits<32>>,
    pub zeroise: Signal<In, bool>,
    pub words: Signal<Out, Bits<STAGING_BITS>>,
    store: DFF<Bits<STAGING_BITS>>,
}

fn signal(name: &str) -> VerilogExpression {
    VerilogExpression::Signal(name.into())
}

fn when(test: VerilogExpression, then: Vec<VerilogStatement>) -> VerilogStatement {
    VerilogStatement::If(VerilogConditional { test, then, otherwise: VerilogBlockOrConditional::None })
}

impl Logic for Staging {
    fn update(&mut self) {
        self.store.clock.next = self.clock.val();
        self.words.next = self.store.q.val();
        self.store.d.next = self.store.q.val();
        if self.write.val() {
            let mut words = self.store.q.val();
            words.set_bits::<32>(self.number.val().index() * 32, self.data.val());
            self.store.d.next = words;
        }
        if self.zeroise.val() {
            self.store.d.next = 0.into();
        }
    }

    fn connect(&mut self) {
        self.store.clock.connect();
        self.store.d.connect();
        self.words.connect();
    }

    /// The same, a word at a time: what `#[hdl_gen]` has no words for is the assignment of a slice.
    fn hdl(&self) -> Verilog {
        let assign = |to: &str, from| VerilogStatement::Assignment(signal(to), from);
        let mut code =
            vec![assign("store$clock", signal("clock")), assign("words", signal("store$q")), assign("store$d", signal("store$q"))];
        for number in 0..MAIL_WORDS as u32 {
            let number: Bits<5> = number.to_bits();
            let this =
                VerilogExpression::Binary(Box::new(signal("number")), VerilogOp::Eq, Box::new(VerilogExpression::Literal(number.into())));
            let test = VerilogExpression::Binary(
                Box::new(signal("write")),
                VerilogOp::LogicalAnd,
                Box::new(VerilogExpression::Paren(Box::new(this))),
            );
            let put = VerilogStatement::SliceAssignment {
                base: signal("store$d"),
                width: 32,
                offset: VerilogExpression::Literal((number.index() as u32 * 32).into()),
                replacement: signal("data"),
            };
            code.push(when(test, vec![put]));
        }
        let zero: Bits<STAGING_BITS> = 0.into();
        let clear = assign("store$d", VerilogExpression::Literal(zero.into()));
        code.push(when(signal("zeroise"), vec![clear]));
        Verilog::Combinatorial(code)
    }
}
