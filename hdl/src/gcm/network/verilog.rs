//! The Verilog of a network: rust-hdl's syntax tree, by rust-hdl's printer.

use std::collections::HashMap;

use rust_hdl::core::ast::{VerilogBlockOrConditional, VerilogConditional, VerilogExpression, VerilogOp, VerilogOpUnary, VerilogStatement};

use super::{Net, Network, Op};

impl Network {
    /// Statements that compute the network and assign it to the signal `target`; its variables are those of the field `field`.
    pub(super) fn statements(&self, field: &str, target: &str) -> Vec<VerilogStatement> {
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
                        otherwise: VerilogBlockOrConditional::Block(vec![VerilogStatement::Assignment(
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
