//! Combinational networks that are described once and give both the Verilog and the value.
//!
//! The S-box, the rounds of AES and the arithmetic of GF(2^128) are regular networks of thousands of XORs, which an HDL
//! kernel (no functions, no `let`) can't spell. A [`Function`] builds such a network from operators on bit vectors, and
//! [`Comb1`] and its brothers are the rust-hdl blocks around it: their `hdl` prints the network, their `update` evaluates it.
//!
//! Latency 0 clocks.

mod block;
mod verilog;

use num_bigint::BigUint;

use block::LocalNet;
pub use block::{Comb1, Comb2, Comb3, Comb4};

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

    /// All parts side by side, the first in the least significant bits. Parts of no bits may be among them.
    pub fn concat(&mut self, parts: &[Net]) -> Net {
        let parts: Vec<_> = parts.iter().copied().filter(|&part| self.width(part) > 0).collect();
        if let [single] = parts[..] {
            return single;
        }
        let width = parts.iter().map(|&part| self.width(part)).sum();
        self.add(Op::Concat(parts), width)
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
}
