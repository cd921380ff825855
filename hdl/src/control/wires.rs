//! Wiring from the MAIL words to the records of the engine.
//!
//! Purpose: a record's fields, each from the bits where the command's layout has it. Ports: `words` in, `record` out. Latency: none,
//! wires only.
//!
//! Where a field lies comes from `espalier_regs::mailbox`: the record's field `value.src` is the layout's VALUE_SRC. Fields that the
//! host has no say in ([`ENGINES_OWN`]) are zero here.

mod records;

use espalier_regs::mailbox::Layout;
use rust_hdl::core::ast::{VerilogExpression, VerilogStatement};
use rust_hdl::core::type_descriptor::{TypeDescriptor, TypeKind};
use rust_hdl::prelude::*;

use super::staging::STAGING_BITS;

/// Fields that the engine fills in: whether the entry counts, what it computes, and what a selector's record has, but not its layout.
pub const ENGINES_OWN: [&str; 6] = ["VALID", "H", "H3", "MASK_V6", "MASK_FORWARD", "VALUE_FORWARD"];

/// What every kind of SA has at the same place of its layout.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct SaCommon {
    /// AES key, left aligned.
    pub key: Bits<256>,
    /// One of [`crate::records::key_size`].
    pub key_size: Bits<2>,
    /// Extended sequence numbers.
    pub esn: bool,
    /// Sequence number used or received last.
    pub seq: Bits<64>,
    /// One of [`crate::records::icv_size`].
    pub icv: Bits<2>,
    /// Outbound only: sequence number, counts and limits of the SA stay.
    pub keep: bool,
}

/// A record that a command brings.
pub trait Mailed: Synth {
    /// Where its fields lie.
    const LAYOUT: Layout;

    /// The record in these words.
    fn from_words(words: Bits<STAGING_BITS>) -> Self;
}

/// A field of a record: its name in the layouts, its lowest bit and its width in the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Upper case, with the names of the records around it: VALUE_SRC.
    pub name: String,
    /// Lowest bit.
    pub offset: usize,
    /// Number of bits.
    pub width: usize,
}

/// The fields of a record, those of the records inside it included.
pub fn leaves<T: Synth>() -> Vec<Leaf> {
    let mut found = Vec::new();
    collect("", &T::descriptor(), &mut found);
    found
}

fn collect(name: &str, kind: &TypeDescriptor, found: &mut Vec<Leaf>) {
    match &kind.kind {
        TypeKind::Composite(fields) => {
            for field in fields {
                let separator = if name.is_empty() { "" } else { "_" };
                let name = format!("{name}{separator}{}", field.fieldname.to_uppercase());
                collect(&name, &field.kind, found);
            }
        }
        TypeKind::Bits(width) | TypeKind::Signed(width) => {
            let offset = found.last().map_or(0, |last| last.offset + last.width);
            found.push(Leaf { name: name.into(), offset, width: *width });
        }
        TypeKind::Enum(_) => panic!("{name}: no mailbox record holds an enum"),
    }
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Wires<T: Mailed> {
    pub words: Signal<In, Bits<STAGING_BITS>>,
    pub record: Signal<Out, T>,
}

impl<T: Mailed> Logic for Wires<T> {
    fn update(&mut self) {
        self.record.next = T::from_words(self.words.val());
    }

    fn connect(&mut self) {
        self.record.connect();
    }

    fn hdl(&self) -> Verilog {
        let number = |at: usize| VerilogExpression::Literal((at as u32).into());
        let wire = |leaf: Leaf| {
            let replacement = match T::LAYOUT.field(&leaf.name) {
                Some(field) => {
                    assert_eq!(leaf.width, field.width.into(), "{}.{}", T::LAYOUT.name, leaf.name);
                    VerilogExpression::Slice(
                        Box::new(VerilogExpression::Signal("words".into())),
                        leaf.width,
                        Box::new(number(field.lsb.into())),
                    )
                }
                None => {
                    assert!(ENGINES_OWN.contains(&leaf.name.as_str()), "{}.{}", T::LAYOUT.name, leaf.name);
                    number(0)
                }
            };
            VerilogStatement::SliceAssignment {
                base: VerilogExpression::Signal("record".into()),
                width: leaf.width,
                offset: number(leaf.offset),
                replacement,
            }
        };
        Verilog::Combinatorial(leaves::<T>().into_iter().map(wire).collect())
    }
}
