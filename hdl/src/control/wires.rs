//! Wiring from the MAIL words to the records of the engine.
//!
//! Purpose: a record's fields, each from the bits where the command's layout has it. Ports: `words` in, `record` out. Latency: none,
//! wires only.
//!
//! Where a field lies comes from `espalier_regs::mailbox`: the record's field `value.src` is the layout's VALUE_SRC. Fields that the
//! host has no say in ([`ENGINES_OWN`]) are zero here.

use espalier_regs::mailbox::{Layout, CAM, POLICY, RX_SA, TX_SA};
use rust_hdl::core::ast::{VerilogExpression, VerilogStatement};
use rust_hdl::core::type_descriptor::{TypeDescriptor, TypeKind};
use rust_hdl::prelude::*;

use super::staging::STAGING_BITS;
use crate::records::{CamEntry, CamKey, Policy, RxSa, Selector, TxSa};

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

/// Takes a field of a layout out of the words.
struct Take(Layout, Bits<STAGING_BITS>);

impl Take {
    fn bits<const W: usize>(&self, name: &str) -> Bits<W> {
        match self.0.field(name) {
            Some(field) => self.1.get_bits::<W>(field.lsb.into()),
            None => panic!("{} has no {name}", self.0.name),
        }
    }

    fn bit(&self, name: &str) -> bool {
        self.bits::<1>(name).into()
    }
}

impl Mailed for SaCommon {
    const LAYOUT: Layout = TX_SA;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self { key: take.bits("KEY"), key_size: take.bits("KEY_SIZE"), esn: take.bit("ESN"), seq: take.bits("SEQ") }
    }
}

impl Mailed for TxSa {
    const LAYOUT: Layout = TX_SA;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self {
            key: take.bits("KEY"),
            key_size: take.bits("KEY_SIZE"),
            salt: take.bits("SALT"),
            spi: take.bits("SPI"),
            esn: take.bit("ESN"),
            tunnel: take.bit("TUNNEL"),
            outer_v6: take.bit("OUTER_V6"),
            src: take.bits("SRC"),
            dst: take.bits("DST"),
            encap: take.bit("ENCAP"),
            encap_sport: take.bits("ENCAP_SPORT"),
            encap_dport: take.bits("ENCAP_DPORT"),
            ttl: take.bits("TTL"),
            dont_encap_dscp: take.bit("DONT_ENCAP_DSCP"),
            no_ecn: take.bit("NO_ECN"),
            no_pmtu_disc: take.bit("NO_PMTU_DISC"),
            icv: take.bits("ICV"),
            crypto: take.bit("CRYPTO"),
            max_payload: take.bits("MAX_PAYLOAD"),
            ..Default::default()
        }
    }
}

impl Mailed for RxSa {
    const LAYOUT: Layout = RX_SA;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        Self {
            key: take.bits("KEY"),
            key_size: take.bits("KEY_SIZE"),
            salt: take.bits("SALT"),
            esn: take.bit("ESN"),
            tunnel: take.bit("TUNNEL"),
            replay_window: take.bits("REPLAY_WINDOW"),
            icv: take.bits("ICV"),
            crypto: take.bit("CRYPTO"),
            inner_v4: take.bit("INNER_V4"),
            inner_v6: take.bit("INNER_V6"),
            no_ecn: take.bit("NO_ECN"),
            decap_dscp: take.bit("DECAP_DSCP"),
            ..Default::default()
        }
    }
}

impl Mailed for CamEntry {
    const LAYOUT: Layout = CAM;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        let key = CamKey { dst: take.bits("KEY_DST"), spi: take.bits("KEY_SPI"), v6: take.bit("KEY_V6"), encap: take.bit("KEY_ENCAP") };
        Self { key, sa: take.bits("SA"), ..Default::default() }
    }
}

impl Mailed for Policy {
    const LAYOUT: Layout = POLICY;

    fn from_words(words: Bits<STAGING_BITS>) -> Self {
        let take = Take(Self::LAYOUT, words);
        let value = Selector {
            v6: take.bit("VALUE_V6"),
            forward: take.bit("VALUE_FORWARD"),
            src: take.bits("VALUE_SRC"),
            dst: take.bits("VALUE_DST"),
            protocol: take.bits("VALUE_PROTOCOL"),
            sport: take.bits("VALUE_SPORT"),
            dport: take.bits("VALUE_DPORT"),
        };
        let mask = Selector {
            v6: false,
            forward: false,
            src: take.bits("MASK_SRC"),
            dst: take.bits("MASK_DST"),
            protocol: take.bits("MASK_PROTOCOL"),
            sport: take.bits("MASK_SPORT"),
            dport: take.bits("MASK_DPORT"),
        };
        Self {
            value,
            mask,
            order: take.bits("ORDER"),
            action: take.bits("ACTION"),
            sa_valid: take.bit("SA_VALID"),
            optional: take.bit("OPTIONAL"),
            sa: take.bits("SA"),
            ..Default::default()
        }
    }
}
