//! The control plane, Verilated: every register as the map has it, every command to the bit, no key to be seen, no event lost.

#![allow(clippy::unwrap_used)]

#[path = "hdl_control/bench.rs"]
mod bench;
#[path = "hdl_control/commands.rs"]
mod commands;
#[path = "hdl_control/counters.rs"]
mod counters;
#[path = "hdl_control/notices.rs"]
mod notices;
#[path = "hdl_control/operands.rs"]
mod operands;
#[path = "hdl_control/refusals.rs"]
mod refusals;

use std::collections::HashMap;

use bench::{Bench, OKAY, SLVERR, Write};
use espalier_hdl::control::{FEATURES, capabilities};
use espalier_regs::mailbox::{Command, Error, MAIL_WORDS, Op, RESULT_WORDS, Status};
use espalier_regs::map::{self, COMMAND, CONTROL, MAIL, REFUSED, REGISTERS, RESULT, STATUS, control};
use espalier_regs::{Access, Capabilities, Register};
use rand::RngExt;

const BUILD: Capabilities = capabilities::<6, 3, 2, 4>();

/// What a register reads after reset.
fn reset_value(register: Register) -> u32 {
    BUILD.word(register).unwrap_or(register.reset)
}

impl Bench {
    fn mail(&mut self, words: &[u32; MAIL_WORDS]) {
        // Words that are zero need no write: that is what the driver relies on.
        for (number, word) in (0..).zip(words).filter(|(_, word)| **word != 0) {
            self.write(MAIL.at(number).unwrap(), *word);
        }
    }

    fn start(&mut self, op: Op, index: u16, way: u8) {
        self.write(COMMAND.offset, Command { op, index, way }.encode());
    }

    fn wait(&mut self) -> Status {
        for _ in 0..200 {
            match Status::decode(self.read(STATUS.offset)) {
                Status::Busy => {}
                status => return status,
            }
        }
        panic!("the command does not end");
    }

    /// A command from its words to its end, and what the engine was told.
    fn command(&mut self, words: &[u32; MAIL_WORDS], op: Op, index: u16, way: u8) -> (Status, Vec<Write>) {
        self.writes.clear();
        self.mail(words);
        self.start(op, index, way);
        let status = self.wait();
        (status, std::mem::take(&mut self.writes))
    }

    fn result(&mut self) -> [u32; RESULT_WORDS] {
        std::array::from_fn(|number| self.read(RESULT.at(number as u16).unwrap()))
    }
}

#[test]
fn every_address_answers_as_the_map_says_after_reset() {
    let mut bench = Bench::new(1);
    bench.stall = 0.1;
    let map: HashMap<u16, Register> = REGISTERS.iter().flat_map(|r| r.offsets().map(|at| (at, *r))).collect();
    let aligned = (0..=u16::MAX).step_by(4);
    let unaligned = map.keys().flat_map(|at| (1..4).map(move |byte| at + byte));
    for address in aligned.chain(unaligned) {
        let expected = match map.get(&address) {
            Some(register) if register.access.readable() => (OKAY, reset_value(*register)),
            _ => (SLVERR, 0),
        };
        assert_eq!(bench.read_raw(address), expected, "{address:#06x}");
    }
}

#[test]
fn writes_are_taken_where_the_map_says_and_only_whole() {
    let mut bench = Bench::new(2);
    bench.stall = 0.2;
    let map: HashMap<u16, Register> = REGISTERS.iter().flat_map(|r| r.offsets().map(|at| (at, *r))).collect();
    let near = map.keys().flat_map(|at| (0..4).map(move |byte| at + byte));
    let mut addresses: Vec<u16> = near.chain([0x000c, 0x0500, 0x8000, 0xfffc]).collect();
    addresses.sort_unstable();
    for address in addresses {
        let writable = map.get(&address).is_some_and(|register| register.access.writable());
        // Data of 0 does nothing anywhere but at COMMAND, where it is an operation that does not exist.
        let expected = if writable { OKAY } else { SLVERR };
        assert_eq!(bench.write_strobed(address, 0, 0xf), expected, "{address:#06x}");
        for strobe in 0..0xf {
            assert_eq!(bench.write_strobed(address, 0xffff_ffff, strobe), SLVERR, "{address:#06x} strobe {strobe:#x}");
        }
    }
    // No write with a strobe missing has done anything.
    assert_eq!(bench.read(CONTROL.offset), 0);
    assert_eq!(bench.read(REFUSED.offset), 0);
    assert_eq!(bench.wait(), Status::Failed(Some(Error::Op)));
    for register in REGISTERS.iter().filter(|r| r.access == Access::Ro && **r != STATUS) {
        assert_eq!(bench.read(register.offset), reset_value(*register), "{}", register.name);
    }
    assert_eq!(bench.writes, []);
}

fn cap_features_of_every_build() -> impl Iterator<Item = espalier_regs::Field> {
    map::CAP_FEATURES.fields.iter().copied().filter(|feature| *feature != map::cap_features::NAT_T_IPV6_OUT)
}

#[test]
fn the_device_says_what_it_is_and_what_it_can() {
    let mut bench = Bench::new(3);
    assert_eq!(bench.read(map::MAGIC.offset).to_be_bytes(), *b"ESPA");
    let version = bench.read(map::VERSION.offset);
    assert_eq!(map::version::MAJOR.get(version), u32::from(map::MAJOR));
    assert_eq!(map::version::MINOR.get(version), u32::from(map::MINOR));
    let read = Capabilities::read(|register| Ok::<_, ()>(bench.read(register.offset))).unwrap();
    assert_eq!(read, BUILD);
    assert_eq!((read.features, read.tx_sas, read.rx_sas, read.policies, read.cam_ways, read.cam_rows()), (FEATURES, 64, 64, 64, 4, 16));
    assert_eq!((read.max_replay_window, read.max_frame_bytes), (4096, 9234));
    assert_eq!((read.rx_policies, read.local_addresses, read.events), (64, 8, 64));
    for feature in cap_features_of_every_build() {
        assert!(read.has(feature), "{}", feature.name);
    }
    assert!(!read.has(map::cap_features::NAT_T_IPV6_OUT));
}

#[test]
fn switches_are_the_bits_of_control() {
    let mut bench = Bench::new(4);
    let fields = [control::TX_ENABLE, control::RX_ENABLE, control::RX_PASS_UNKNOWN];
    for _ in 0..50 {
        let word: u32 = bench.rng.random();
        bench.write(CONTROL.offset, word);
        let kept = fields.iter().fold(0, |kept, field| field.set(kept, field.get(word)));
        assert_eq!(bench.read(CONTROL.offset), kept);
        for (field, port) in fields.iter().zip(["tx_enable", "rx_enable", "rx_pass_unknown"]) {
            assert_eq!(bench.model.get_bool(port), field.is_set(word), "{port}");
        }
    }
    bench.write(CONTROL.offset, u32::MAX);
    bench.reset();
    assert_eq!(bench.read(CONTROL.offset), 0);
}

#[test]
fn reads_and_writes_do_not_wait_for_each_other() {
    let mut bench = Bench::new(5);
    for round in 0..40 {
        (bench.hold_b, bench.hold_r) = (round % 2 == 0, round % 2 == 1);
        bench.start_write(CONTROL.offset, round & 7, 0xf);
        bench.start_read(map::MAGIC.offset);
        for _ in 0..100 {
            bench.tick();
        }
        // The one that is let go has gone, the other is still there.
        let (written, answered) = (bench.written(), bench.answered());
        assert_eq!(written, (!bench.hold_b).then_some(OKAY));
        assert_eq!(answered, (!bench.hold_r).then_some((OKAY, map::MAGIC.reset)));
        (bench.hold_b, bench.hold_r) = (false, false);
        for _ in 0..100 {
            bench.tick();
        }
        assert!(bench.written().is_some() != written.is_some() && bench.answered().is_some() != answered.is_some());
    }
}

#[test]
fn latency_is_what_the_blocks_say() {
    let mut bench = Bench::new(6);
    bench.stall = 0.0;
    let clocks = |bench: &mut Bench, read: bool| {
        let start = bench.model.cycles();
        if read {
            bench.read(STATUS.offset)
        } else {
            bench.write_strobed(CONTROL.offset, 0, 0xf) as u32
        };
        bench.model.cycles() - start
    };
    // From the clock that takes the request through the one that takes the response: one more than the latency.
    assert_eq!(clocks(&mut bench, false), 4);
    assert_eq!(clocks(&mut bench, true), 5);
    // A counter is visited once in 64 clocks.
    let counter = |bench: &mut Bench, wait: u64| {
        (0..wait).for_each(|_| bench.tick());
        let start = bench.model.cycles();
        bench.read(map::COUNTER_LO.offset);
        bench.model.cycles() - start
    };
    let times: Vec<u64> = (0..128).map(|wait| counter(&mut bench, wait)).collect();
    assert_eq!((times.iter().min(), times.iter().max()), (Some(&7), Some(&70)));
    // The response to COMMAND is offered one clock after it is written; a record comes three clocks later, DONE two more.
    let commands = [(Op::CamWrite, 3), (Op::TxPolicyWrite, 3), (Op::CamClear, 4), (Op::TxSaClear, 4)];
    for (op, expected) in commands {
        bench.start(op, 0, 0);
        let start = bench.model.cycles();
        while bench.writes.is_empty() {
            bench.tick();
        }
        assert_eq!(bench.model.cycles() - start, expected, "{}", op.name());
        bench.wait();
        bench.writes.clear();
    }
}
