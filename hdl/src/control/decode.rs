//! The address decoder: the register map as a look-up table.
//!
//! Purpose: tell what answers at an address. Ports: `address` in, `entry` out. Latency: none, combinational.
//!
//! Offsets come from `espalier_regs::map` and from nowhere else. A register of the map that nothing answers for stops the
//! elaboration.

use std::collections::BTreeMap;

use espalier_regs::{map, Capabilities, Register};
use rust_hdl::prelude::*;

use super::capabilities;

/// What answers at an address.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum Target {
    /// Nothing.
    Nothing,
    /// A constant: identification and capabilities.
    Value,
    /// CONTROL.
    Control,
    /// COUNTER_CLEAR.
    CounterClear,
    /// COMMAND.
    Command,
    /// STATUS.
    Status,
    /// REFUSED.
    Refused,
    /// RESULT.
    Result,
    /// MAIL.
    Mail,
    /// COUNTER_LO.
    CounterLow,
    /// COUNTER_HI.
    CounterHigh,
    /// EVENT.
    Event,
    /// EVENT_POP.
    EventPop,
    /// EVENT_LOST.
    EventLost,
}

/// What the decoder knows of an address.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Entry {
    /// A read is answered.
    pub readable: bool,
    /// A write is taken.
    pub writable: bool,
    /// Who answers.
    pub target: Target,
    /// Which one, in a row of registers.
    pub number: Bits<6>,
    /// The answer of [`Target::Value`].
    pub value: Bits<32>,
}

/// What answers for a register, and with what if it is a constant.
fn target(register: &Register, build: &Capabilities) -> (Target, u32) {
    match *register {
        map::MAGIC | map::VERSION => (Target::Value, register.reset),
        map::CONTROL => (Target::Control, 0),
        map::COUNTER_CLEAR => (Target::CounterClear, 0),
        map::COMMAND => (Target::Command, 0),
        map::STATUS => (Target::Status, 0),
        map::REFUSED => (Target::Refused, 0),
        map::RESULT => (Target::Result, 0),
        map::MAIL => (Target::Mail, 0),
        map::COUNTER_LO => (Target::CounterLow, 0),
        map::COUNTER_HI => (Target::CounterHigh, 0),
        map::EVENT => (Target::Event, 0),
        map::EVENT_POP => (Target::EventPop, 0),
        map::EVENT_LOST => (Target::EventLost, 0),
        other => match build.word(other) {
            Some(word) => (Target::Value, word),
            None => panic!("nothing answers for register {}", other.name),
        },
    }
}

/// The map of a build, by byte address.
pub fn table(build: &Capabilities) -> BTreeMap<Bits<16>, Entry> {
    let mut table = BTreeMap::new();
    for register in map::REGISTERS {
        let (target, value) = target(register, build);
        for (number, offset) in register.offsets().enumerate() {
            let entry = Entry {
                readable: register.access.readable(),
                writable: register.access.writable(),
                target,
                number: number.to_bits(),
                value: value.to_bits(),
            };
            table.insert(offset.to_bits(), entry);
        }
    }
    table
}

/// See the module's documentation. `A`, `R`, `G`, `C`: see [`capabilities`].
#[derive(LogicBlock)]
pub struct Decode<const A: usize, const R: usize, const G: usize, const C: usize> {
    pub address: Signal<In, Bits<16>>,
    pub entry: Signal<Out, Entry>,
    rom: ROM<Entry, 16>,
}

impl<const A: usize, const R: usize, const G: usize, const C: usize> Default for Decode<A, R, G, C> {
    fn default() -> Self {
        Self { address: Default::default(), entry: Default::default(), rom: ROM::new(table(&capabilities::<A, R, G, C>())) }
    }
}

impl<const A: usize, const R: usize, const G: usize, const C: usize> Logic for Decode<A, R, G, C> {
    #[hdl_gen]
    fn update(&mut self) {
        self.rom.address.next = self.address.val();
        self.entry.next = self.rom.data.val();
    }
}
