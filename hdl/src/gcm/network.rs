//! Combinational networks that are described once and give both the Verilog and the value.
//!
//! The S-box, the rounds of AES and the arithmetic of GF(2^128) are regular networks of thousands of XORs, which an HDL
//! kernel (no functions, no `let`) can't spell. A [`Function`] builds such a network from operators on bit vectors, and
//! [`Comb1`] and its brothers are the rust-hdl blocks around it: their `hdl` prints the network, their `update` evaluates it.
//!
//! Latency 0 clocks.

use std::collections::HashMap;
use std::marker::PhantomData;

use num_bigint::BigUint;
use rust_hdl::core::ast::{VerilogConditional, VerilogExpression, VerilogOp, VerilogOpUnary, VerilogStatement};
use rust_hdl::core::signal::get_signal_id;
use rust_hdl::prelude::*;

/// A bit vector of a network.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Net(usize);

#[derive(Clone, Debug)]
enum Op {
    Input(&'static str),
    /// A constant of 1, 8, 16, 32 or 64 bits.
    Constant(u64),
    Xor(Vec<Net>),
    And(Net, Net),
    Not(Net),
    /// Parity of the AND of both.
    Dot(Net, Net),
    ShiftRight(Net, usize),
    RotateRight(Net, usize),
    /// If the first is set the second, else the third.
    Select(Net, Net, Net),
    /// From the offset on.
    Slice(Net, usize),
    /// The first stands in the least significant bits.
    Concat(Vec<Net>),
}

/// A combinational network from inputs to one output.
#[derive(Clone, Debug, Default)]
pub struct Network {
    nets: Vec<(Op, usize)>,
    output: Option<Net>,
    locals: Vec<LocalNet>,
}

impl Network {
    fn add(&mut self, op: Op, width: usize) -> Net {
        self.nets.push((op, width));
        Net(self.nets.len() - 1)
    }

    /// Bits of a net.
    pub fn width(&self, net: Net) -> usize {
        self.nets[net.0].1
    }

    fn same(&self, a: Net, b: Net) -> usize {
        assert_eq!(self.width(a), self.width(b), "operands of different width");
        self.width(a)
    }

    /// A constant of 1, 8, 16, 32 or 64 bits.
    pub fn constant(&mut self, value: u64, width: usize) -> Net {
        assert!([1, 8, 16, 32, 64].contains(&width), "no constants of {width} bits");
        self.add(Op::Constant(value), width)
    }

    /// Exclusive OR of all.
    pub fn xor(&mut self, operands: &[Net]) -> Net {
        let width = operands.iter().fold(self.width(operands[0]), |_, &net| self.same(operands[0], net));
        if let [single] = operands {
            return *single;
        }
        self.add(Op::Xor(operands.to_vec()), width)
    }

    /// AND, bit by bit.
    pub fn and(&mut self, a: Net, b: Net) -> Net {
        let width = self.same(a, b);
        self.add(Op::And(a, b), width)
    }

    /// All bits inverted.
    pub fn not(&mut self, a: Net) -> Net {
        self.add(Op::Not(a), self.width(a))
    }

    /// Inner product: the parity of `a & b`.
    pub fn dot(&mut self, a: Net, b: Net) -> Net {
        self.same(a, b);
        self.add(Op::Dot(a, b), 1)
    }

    /// Logical shift towards the least significant bit.
    pub fn shift_right(&mut self, a: Net, by: usize) -> Net {
        self.add(Op::ShiftRight(a, by), self.width(a))
    }

    /// Rotation towards the least significant bit.
    pub fn rotate_right(&mut self, a: Net, by: usize) -> Net {
        self.add(Op::RotateRight(a, by), self.width(a))
    }

    /// `condition` (one bit) ? `yes` : `no`.
    pub fn select(&mut self, condition: Net, yes: Net, no: Net) -> Net {
        assert_eq!(self.width(condition), 1, "a condition is one bit");
        let width = self.same(yes, no);
        self.add(Op::Select(condition, yes, no), width)
    }

    /// `width` bits of `a` from `offset` up.
    pub fn slice(&mut self, a: Net, offset: usize, width: usize) -> Net {
        assert!(offset + width <= self.width(a), "slice beyond the end");
        if width == self.width(a) {
            return a;
        }
        match self.nets[a.0].0 {
            Op::Slice(base, inner) => self.add(Op::Slice(base, inner + offset), width),
            _ => self.add(Op::Slice(a, offset), width),
        }
    }

    /// One bit of `a`.
    pub fn bit(&mut self, a: Net, index: usize) -> Net {
        self.slice(a, index, 1)
    }

    /// `a` cut into parts of `width` bits, the least significant first.
    pub fn split(&mut self, a: Net, width: usize) -> Vec<Net> {
        (0..self.width(a) / width).map(|i| self.slice(a, i * width, width)).collect()
    }

    /// All parts side by side, the first in the least significant bits.
    pub fn concat(&mut self, parts: &[Net]) -> Net {
        if let [single] = parts {
            return *single;
        }
        let width = parts.iter().map(|&part| self.width(part)).sum();
        self.add(Op::Concat(parts.to_vec()), width)
    }

    /// The bits of `a` in reverse order.
    pub fn reverse(&mut self, a: Net) -> Net {
        let mut bits = self.split(a, 1);
        bits.reverse();
        self.concat(&bits)
    }
}

/// A network with a name in the type system.
pub trait Function {
    /// Adds the function of `inputs` to the network.
    fn build(network: &mut Network, inputs: &[Net]) -> Net;
}

impl Network {
    /// The network of `build` over inputs of these names and widths.
    pub fn new(inputs: &[(&'static str, usize)], build: impl FnOnce(&mut Self, &[Net]) -> Net) -> Self {
        let mut network = Self::default();
        let nets: Vec<_> = inputs.iter().map(|&(name, width)| network.add(Op::Input(name), width)).collect();
        let output = build(&mut network, &nets);
        network.output = Some(output);
        let named = network.named();
        network.locals = (0..network.nets.len()).filter(|&i| named[i]).map(|i| LocalNet::new(network.nets[i].1)).collect();
        network
    }

    fn operands(op: &Op) -> Vec<Net> {
        match op {
            Op::Input(_) | Op::Constant(_) => vec![],
            Op::Xor(nets) | Op::Concat(nets) => nets.clone(),
            Op::And(a, b) | Op::Dot(a, b) => vec![*a, *b],
            Op::Not(a) | Op::ShiftRight(a, _) | Op::Slice(a, _) => vec![*a],
            // A rotation spells its operand twice.
            Op::RotateRight(a, _) => vec![*a, *a],
            Op::Select(condition, yes, no) => vec![*condition, *yes, *no],
        }
    }

    /// Which nets become Verilog variables: those used more than once, or sliced, or assigned by more than an expression.
    /// The others are written out where they are used.
    fn named(&self) -> Vec<bool> {
        let mut uses = vec![0; self.nets.len()];
        let mut named: Vec<_> = self.nets.iter().map(|(op, _)| matches!(op, Op::Concat(_) | Op::Select(..))).collect();
        for (op, _) in &self.nets {
            Self::operands(op).iter().for_each(|net| uses[net.0] += 1);
            if let Op::Slice(base, _) = op {
                named[base.0] = true;
            }
        }
        for (i, (op, _)) in self.nets.iter().enumerate() {
            match op {
                Op::Input(_) | Op::Constant(_) | Op::Slice(..) => named[i] = false,
                _ => named[i] |= uses[i] > 1,
            }
        }
        named
    }

    /// The network's value for these values of the inputs.
    pub fn evaluate(&self, inputs: &[BigUint]) -> BigUint {
        let mut values: Vec<BigUint> = Vec::with_capacity(self.nets.len());
        for (i, (op, width)) in self.nets.iter().enumerate() {
            let of = |net: &Net| &values[net.0];
            let ones = (BigUint::from(1u8) << *width) - 1u8;
            let value = match op {
                Op::Input(_) => inputs[i].clone(),
                Op::Constant(value) => BigUint::from(*value),
                Op::Xor(nets) => nets.iter().fold(BigUint::ZERO, |sum, net| sum ^ of(net)),
                Op::And(a, b) => of(a) & of(b),
                Op::Not(a) => of(a) ^ &ones,
                Op::Dot(a, b) => BigUint::from((of(a) & of(b)).count_ones() & 1),
                Op::ShiftRight(a, by) => of(a) >> *by,
                Op::RotateRight(a, by) => ((of(a) >> *by) | (of(a) << (width - by))) & &ones,
                Op::Select(condition, yes, no) => of(if of(condition).bit(0) { yes } else { no }).clone(),
                Op::Slice(a, offset) => (of(a) >> *offset) & &ones,
                Op::Concat(parts) => parts.iter().rev().fold(BigUint::ZERO, |sum, part| (sum << self.width(*part)) | of(part)),
            };
            values.push(value);
        }
        self.output.map_or(BigUint::ZERO, |net| values[net.0].clone())
    }

    /// Statements that compute the network and assign it to the signal `target`; its variables are those of the field `field`.
    fn statements(&self, field: &str, target: &str) -> Vec<VerilogStatement> {
        let named = self.named();
        let mut printer = Printer { network: self, names: HashMap::new(), field };
        let mut statements = Vec::new();
        for (i, (op, width)) in self.nets.iter().enumerate().filter(|&(i, _)| named[i]) {
            let variable = VerilogExpression::Signal(format!("{field}${}", printer.names.len()));
            match op {
                Op::Concat(parts) => {
                    let mut offset = 0;
                    for part in parts {
                        statements.push(VerilogStatement::SliceAssignment {
                            base: variable.clone(),
                            width: self.width(*part),
                            offset: VerilogExpression::Literal(offset.into()),
                            replacement: printer.operand(*part),
                        });
                        offset += self.width(*part);
                    }
                    assert_eq!(offset, *width, "a concatenation fills its width");
                }
                Op::Select(condition, yes, no) => {
                    statements.push(VerilogStatement::If(VerilogConditional {
                        test: printer.operand(*condition),
                        then: vec![VerilogStatement::Assignment(variable.clone(), printer.operand(*yes))],
                        otherwise: ast::VerilogBlockOrConditional::Block(vec![VerilogStatement::Assignment(
                            variable.clone(),
                            printer.operand(*no),
                        )]),
                    }));
                }
                _ => statements.push(VerilogStatement::Assignment(variable, printer.expression(Net(i)))),
            }
            printer.names.insert(i, printer.names.len());
        }
        let target = VerilogExpression::Signal(target.into());
        statements.extend(self.output.map(|net| VerilogStatement::Assignment(target, printer.operand(net))));
        statements
    }
}

struct Printer<'a> {
    network: &'a Network,
    /// Number of the variable of each net that has one already.
    names: HashMap<usize, usize>,
    field: &'a str,
}

impl Printer<'_> {
    /// A net as part of an expression.
    fn operand(&self, net: Net) -> VerilogExpression {
        let primary = matches!(self.network.nets[net.0].0, Op::Input(_) | Op::Constant(_) | Op::Slice(..));
        match self.names.get(&net.0) {
            Some(number) => VerilogExpression::Signal(format!("{}${number}", self.field)),
            None if primary => self.expression(net),
            None => VerilogExpression::Paren(self.expression(net).into()),
        }
    }

    fn binary(&self, a: VerilogExpression, op: VerilogOp, b: VerilogExpression) -> VerilogExpression {
        VerilogExpression::Paren(VerilogExpression::Binary(a.into(), op, b.into()).into())
    }

    /// Balanced, so that no tool need restructure a chain.
    fn tree(&self, nets: &[Net]) -> VerilogExpression {
        match nets {
            [net] => self.operand(*net),
            _ => {
                let (low, high) = nets.split_at(nets.len() / 2);
                self.binary(self.tree(low), VerilogOp::BitXor, self.tree(high))
            }
        }
    }

    fn expression(&self, net: Net) -> VerilogExpression {
        let (op, width) = &self.network.nets[net.0];
        let literal = |value: usize| VerilogExpression::Literal((value as u32).into());
        match op {
            Op::Input(name) => VerilogExpression::Signal((*name).into()),
            Op::Constant(value) => VerilogExpression::Literal(match width {
                1 => (*value != 0).into(),
                8 => (*value as u8).into(),
                16 => (*value as u16).into(),
                32 => (*value as u32).into(),
                _ => (*value).into(),
            }),
            Op::Xor(nets) => self.tree(nets),
            Op::And(a, b) => self.binary(self.operand(*a), VerilogOp::BitAnd, self.operand(*b)),
            Op::Not(a) => VerilogExpression::Unary(VerilogOpUnary::Not, self.operand(*a).into()),
            Op::Dot(a, b) => {
                let product = self.binary(self.operand(*a), VerilogOp::BitAnd, self.operand(*b));
                VerilogExpression::Unary(VerilogOpUnary::Xor, product.into())
            }
            Op::ShiftRight(a, by) => self.binary(self.operand(*a), VerilogOp::Shr, literal(*by)),
            Op::RotateRight(a, by) => {
                let low = self.binary(self.operand(*a), VerilogOp::Shr, literal(*by));
                let high = self.binary(self.operand(*a), VerilogOp::Shl, literal(width - by));
                self.binary(low, VerilogOp::BitOr, high)
            }
            Op::Slice(a, offset) => VerilogExpression::Slice(self.operand(*a).into(), *width, literal(*offset).into()),
            Op::Select(..) | Op::Concat(_) => unreachable!("has a variable"),
        }
    }
}

impl Logic for Network {
    fn update(&mut self) {}
}

impl Block for Network {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {}

    fn has_changed(&self) -> bool {
        false
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        for (i, net) in self.locals.iter().enumerate() {
            probe.visit_atom(&format!("{name}${i}"), net);
        }
    }
}

/// A Verilog variable of a network. Not a `Signal<Local, _>`, because its width is known only when the network is built.
#[derive(Clone, Debug)]
struct LocalNet {
    width: usize,
    id: usize,
}

impl LocalNet {
    fn new(width: usize) -> Self {
        Self { width, id: get_signal_id() }
    }
}

impl Atom for LocalNet {
    fn bits(&self) -> usize {
        self.width
    }

    fn connected(&self) -> bool {
        true
    }

    fn changed(&self) -> bool {
        false
    }

    fn kind(&self) -> AtomKind {
        AtomKind::LocalSignal
    }

    fn descriptor(&self) -> TypeDescriptor {
        TypeDescriptor { name: format!("Bits::<{}>", self.width), kind: TypeKind::Bits(self.width) }
    }

    fn vcd(&self) -> VCDValue {
        false.into()
    }

    fn id(&self) -> usize {
        self.id
    }

    fn verilog(&self) -> VerilogLiteral {
        false.into()
    }

    fn constraints(&self) -> Vec<PinConstraint> {
        vec![]
    }
}

/// A rust-hdl block around a [`Network`] with the named inputs and the output `y`.
macro_rules! comb {
    ($(#[$doc:meta])* $name:ident, $($input:ident: $width:ident),+) => {
        $(#[$doc])*
        #[derive(LogicBlock)]
        pub struct $name<F, $(const $width: usize,)+ const Y: usize> {
            $(pub $input: Signal<In, Bits<$width>>,)+
            pub y: Signal<Out, Bits<Y>>,
            network: Network,
            _function: PhantomData<F>,
        }

        impl<F, $(const $width: usize,)+ const Y: usize> $name<F, $($width,)+ Y> {
            /// The block of a network that has parameters.
            pub fn new(build: impl FnOnce(&mut Network, &[Net]) -> Net) -> Self {
                let network = Network::new(&[$((stringify!($input), $width)),+], build);
                assert_eq!(network.output.map(|net| network.width(net)), Some(Y), "width of the output");
                Self { $($input: Signal::default(),)+ y: Signal::default(), network, _function: PhantomData }
            }
        }

        impl<F: Function, $(const $width: usize,)+ const Y: usize> Default for $name<F, $($width,)+ Y> {
            fn default() -> Self {
                Self::new(F::build)
            }
        }

        impl<F, $(const $width: usize,)+ const Y: usize> Logic for $name<F, $($width,)+ Y> {
            fn update(&mut self) {
                self.y.next = self.network.evaluate(&[$(self.$input.val().into()),+]).into();
            }

            fn connect(&mut self) {
                self.y.connect();
            }

            fn hdl(&self) -> Verilog {
                Verilog::Combinatorial(self.network.statements("network", "y"))
            }
        }
    };
}

comb!(
    /// A function of one input.
    Comb1, a: A
);
comb!(
    /// A function of two inputs.
    Comb2, a: A, b: B
);
comb!(
    /// A function of three inputs.
    Comb3, a: A, b: B, c: C
);
comb!(
    /// A function of four inputs.
    Comb4, a: A, b: B, c: C, d: D
);
