//! The control plane, Verilated: every register as the map has it, every command to the bit, no key to be seen, no event lost.

#![allow(clippy::unwrap_used)]

#[path = "hdl_control/bench.rs"]
mod bench;
#[path = "hdl_control/counters.rs"]
mod counters;
#[path = "hdl_control/operands.rs"]
mod operands;

use std::collections::HashMap;

use bench::{Bench, OKAY, SLVERR, Write, bits, h, seqs};
use espalier_hdl::control::{FEATURES, capabilities};
use espalier_hdl::records::{CamEntry, Policy, RxSa, TxSa};
use espalier_regs::mailbox::{Command, EMPTY, Error, MAIL_WORDS, Op, Status};
use espalier_regs::mailbox::{cam, policy, rx_sa, tx_sa};
use espalier_regs::map::{self, COMMAND, CONTROL, MAIL, REFUSED, REGISTERS, RESULT, STATUS, control, refused};
use espalier_regs::{Access, Capabilities, Register};
use num_bigint::BigUint;
use operands::{Operands, random};
use rand::RngExt;

const BUILD: Capabilities = capabilities::<6, 3, 4>();

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

    fn result(&mut self) -> u64 {
        let low = self.read(RESULT.offset);
        u64::from(self.read(RESULT.at(1).unwrap())) << 32 | u64::from(low)
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
    assert_eq!(clocks(&mut bench, true), 4);
    // A counter is visited once in 32 clocks.
    let counter = |bench: &mut Bench, wait: u64| {
        (0..wait).for_each(|_| bench.tick());
        let start = bench.model.cycles();
        bench.read(map::COUNTER_LO.offset);
        bench.model.cycles() - start
    };
    let times: Vec<u64> = (0..64).map(|wait| counter(&mut bench, wait)).collect();
    assert_eq!((times.iter().min(), times.iter().max()), (Some(&6), Some(&37)));
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

/// What the engine must be told of one command of each kind.
fn expect(op: Op, operands: &Operands, index: u16, way: u8) -> Vec<Write> {
    let (index, way) = (u64::from(index), u64::from(way));
    let (h, h3) = h(&bits(operands.key));
    let hkey = Write::Hkey { key: bits(operands.key), size: operands.key_size };
    let tx_sa = |sa: TxSa, seq| Write::TxSa { index, sa: bits(sa), seq };
    let rx_sa = |sa: RxSa| Write::RxSa { index, sa: bits(sa) };
    let hashed = |h: u128| BigUint::from(h).into();
    match op {
        Op::TxSaWrite => {
            let sa = TxSa { valid: true, h: hashed(h), h3: hashed(h3), ..operands.tx_sa() };
            vec![hkey, tx_sa(sa, operands.seq)]
        }
        Op::RxSaWrite => {
            // Gone first, then prepared, then there.
            let sa = RxSa { valid: true, h: hashed(h), h3: hashed(h3), ..operands.rx_sa() };
            vec![rx_sa(operands.rx_sa()), hkey, Write::Replay { index, seq: operands.seq }, rx_sa(sa)]
        }
        Op::CamWrite => vec![Write::Cam { row: index, way, entry: bits(CamEntry { valid: true, ..operands.cam_entry() }) }],
        Op::TxPolicyWrite => vec![Write::Policy { index, policy: bits(Policy { valid: true, ..operands.policy() }) }],
        Op::TxSaClear => vec![tx_sa(TxSa::default(), 0)],
        Op::RxSaClear => vec![rx_sa(RxSa::default())],
        Op::CamClear => vec![Write::Cam { row: index, way, entry: bits(CamEntry::default()) }],
        Op::TxPolicyClear => vec![Write::Policy { index, policy: bits(Policy::default()) }],
        Op::ReadTxSa | Op::ReadRxSa => vec![],
    }
}

/// The words of a command's operands; for one without a layout, words that it must not look at.
fn words(op: Op, operands: &Operands) -> [u32; MAIL_WORDS] {
    match op {
        Op::RxSaWrite => operands.rx_sa_words(),
        Op::CamWrite => operands.cam_words(),
        Op::TxPolicyWrite => operands.policy_words(),
        _ => operands.tx_sa_words(),
    }
}

#[test]
fn each_command_writes_its_record_and_leaves_no_word() {
    let mut bench = Bench::new(7);
    for round in 0..200 {
        bench.stall = if round % 2 == 0 { 0.0 } else { 0.5 };
        let op = Op::ALL[round % Op::ALL.len()];
        let operands = random(&mut bench.rng, &BUILD);
        let (index, way) = (bench.rng.random_range(0..16), bench.rng.random_range(0..4));
        let (status, writes) = bench.command(&words(op, &operands), op, index, way);
        assert_eq!(status, Status::Done, "{}", op.name());
        assert_eq!(writes, expect(op, &operands, index, way), "{}", op.name());
        let (tx, rx) = seqs(index.into());
        let result = match op {
            Op::ReadTxSa => tx,
            Op::ReadRxSa => rx,
            _ => 0,
        };
        assert_eq!(bench.result(), result);
        for port in ["tx_sa", "rx_sa", "sa_seq", "cam_entry", "policy", "hkey_key", "hkey_size"] {
            assert_eq!(bench.wide(port), BigUint::ZERO, "{port} after {}", op.name());
        }
        // The same again, with nothing put in: a record of zeros.
        let (status, writes) = bench.command(&EMPTY, op, index, way);
        assert_eq!((status, writes), (Status::Done, expect(op, &Operands::default(), index, way)), "{}", op.name());
    }
    assert_eq!(bench.read(REFUSED.offset), 0);
}

#[test]
fn the_last_place_of_each_table_can_be_used() {
    let mut bench = Bench::new(8);
    for op in Op::ALL {
        let (index, way) = match op {
            Op::CamWrite | Op::CamClear => (15, 3),
            _ => (63, 0),
        };
        let (status, writes) = bench.command(&EMPTY, *op, index, way);
        assert_eq!((status, writes), (Status::Done, expect(*op, &Operands::default(), index, way)));
    }
    let mut words = EMPTY;
    rx_sa::REPLAY_WINDOW.put(&mut words, 4096);
    assert_eq!(bench.command(&words, Op::RxSaWrite, 0, 0).0, Status::Done);
}

#[test]
fn a_command_waits_until_the_tables_are_swept() {
    let mut bench = Bench::new(11);
    bench.model.set("tables_ready", false);
    bench.start(Op::CamClear, 0, 0);
    for _ in 0..600 {
        bench.tick();
    }
    assert!(bench.writes.is_empty(), "nothing is written into a table that is being swept");
    bench.model.set("tables_ready", true);
    assert_eq!(bench.wait(), Status::Done);
    assert_eq!(bench.writes.len(), 1);
}

#[test]
fn errors_are_precise_and_change_nothing() {
    use Op::{CamClear, CamWrite, PolicyClear, PolicyWrite, ReadRxSeq, ReadTxSeq, RxSaClear, RxSaWrite, TxSaClear, TxSaWrite};
    let mut bench = Bench::new(9);
    let mut refuse = |words: &[u32; MAIL_WORDS], op: Op, index: u16, way: u8, error: Error| {
        let (status, writes) = bench.command(words, op, index, way);
        assert_eq!((status, writes), (Status::Failed(Some(error)), vec![]), "{} {error:?}", op.name());
        assert_eq!(bench.wide("hkey_key"), BigUint::ZERO);
        assert_eq!(bench.wide("tx_sa"), BigUint::ZERO);
        // The next one is not any the worse for it.
        let good = bench.command(&EMPTY, Op::TxSaWrite, 5, 0);
        assert_eq!(good, (Status::Done, expect(Op::TxSaWrite, &Operands::default(), 5, 0)));
    };
    let with = |fields: &[(espalier_regs::mailbox::MailField, u128)]| {
        let mut words = [0; MAIL_WORDS];
        tx_sa::KEY.put_bytes(&mut words, &[0x5a; 32]);
        fields.iter().for_each(|(field, value)| field.put(&mut words, *value));
        words
    };
    for op in [TxSaWrite, TxSaClear, RxSaWrite, RxSaClear, PolicyWrite, PolicyClear, ReadTxSeq, ReadRxSeq] {
        for index in [64, 128, 1024, 0xffff] {
            refuse(&EMPTY, op, index, 0, Error::Index);
        }
    }
    for op in [CamWrite, CamClear] {
        refuse(&EMPTY, op, 16, 0, Error::Index);
        refuse(&EMPTY, op, 16, 4, Error::Index);
        refuse(&EMPTY, op, 15, 4, Error::Way);
        refuse(&EMPTY, op, 0, 15, Error::Way);
    }
    for op in [TxSaWrite, RxSaWrite] {
        refuse(&with(&[(tx_sa::KEY_SIZE, 3)]), op, 0, 0, Error::KeySize);
        refuse(&with(&[(tx_sa::SEQ, 1 << 32)]), op, 0, 0, Error::Seq);
        refuse(&with(&[(tx_sa::SEQ, 1 << 63)]), op, 0, 0, Error::Seq);
        refuse(&with(&[(tx_sa::SEQ, 1 << 63), (tx_sa::KEY_SIZE, 3)]), op, 64, 0, Error::Index);
    }
    for window in [4097, 8191] {
        refuse(&with(&[(rx_sa::REPLAY_WINDOW, window)]), RxSaWrite, 0, 0, Error::ReplayWindow);
    }
    refuse(&with(&[(cam::SA, 64)]), CamWrite, 0, 0, Error::Sa);
    refuse(&with(&[(cam::SA, 1023)]), CamWrite, 0, 0, Error::Sa);
    refuse(&with(&[(policy::SA, 64)]), PolicyWrite, 0, 0, Error::Sa);
    refuse(&with(&[(policy::ACTION, 3), (policy::SA, 64)]), PolicyWrite, 0, 0, Error::Action);
}

#[test]
fn unknown_operations_are_refused() {
    let mut bench = Bench::new(10);
    for op in (0..=255).filter(|op| Op::decode(*op).is_none()) {
        bench.writes.clear();
        // Index and way are wrong as well: the operation comes first.
        bench.write(COMMAND.offset, 0xffff_ff00 | op);
        assert_eq!(bench.wait(), Status::Failed(Some(Error::Op)));
        assert_eq!(bench.writes, []);
    }
}

#[test]
fn what_is_written_while_a_command_runs_is_refused_and_recorded() {
    let mut bench = Bench::new(11);
    for round in 0..60 {
        let operands = random(&mut bench.rng, &BUILD);
        bench.writes.clear();
        bench.mail(&operands.rx_sa_words());
        bench.hold_hkey = true;
        bench.start(Op::RxSaWrite, 7, 0);
        let mut expected = 0;
        if round % 3 != 0 {
            bench.write(MAIL.at(8).unwrap(), 0xdead_beef);
            expected |= refused::MAIL.mask();
        }
        if round % 3 != 1 {
            bench.start(Op::TxSaClear, 3, 0);
            expected |= refused::COMMAND.mask();
        }
        assert_eq!(Status::decode(bench.read(STATUS.offset)), Status::Busy);
        bench.hold_hkey = false;
        assert_eq!(bench.wait(), Status::Done);
        assert_eq!(bench.writes, expect(Op::RxSaWrite, &operands, 7, 0));
        assert_eq!(bench.read(REFUSED.offset), expected);
        // Writing 0 clears nothing, writing 1 clears that bit alone.
        bench.write(REFUSED.offset, 0);
        assert_eq!(bench.read(REFUSED.offset), expected);
        bench.write(REFUSED.offset, refused::MAIL.mask());
        assert_eq!(bench.read(REFUSED.offset), expected & refused::COMMAND.mask());
        bench.write(REFUSED.offset, refused::COMMAND.mask());
        assert_eq!(bench.read(REFUSED.offset), 0);
    }
}

#[test]
fn no_key_word_can_be_read_at_any_time() {
    let mut bench = Bench::new(12);
    bench.stall = 0.3;
    let readable: Vec<u16> = REGISTERS.iter().filter(|r| r.access.readable()).flat_map(|r| r.offsets()).collect();
    let mail: Vec<u16> = MAIL.offsets().collect();
    for op in [Op::TxSaWrite, Op::RxSaWrite] {
        for moment in 0..3 {
            let mut operands = random(&mut bench.rng, &BUILD);
            operands.salt = bench.rng.random::<u32>() | 1;
            let words = words(op, &operands);
            let secret: Vec<u32> = words[..9].iter().copied().filter(|word| *word > 0xffff).collect();
            bench.mail(&words);
            if moment > 0 {
                bench.start(op, 1, 0);
            }
            if moment > 1 {
                assert_eq!(bench.wait(), Status::Done);
            }
            for &address in &readable {
                let word = bench.read(address);
                assert!(!secret.contains(&word), "{word:#010x} at {address:#06x}");
            }
            for &address in &mail {
                assert_eq!(bench.read_raw(address), (SLVERR, 0));
            }
            bench.reset();
        }
    }
}

#[test]
fn a_reset_in_the_middle_leaves_no_word_and_no_command() {
    let mut bench = Bench::new(13);
    for clocks in 0..60 {
        let operands = random(&mut bench.rng, &BUILD);
        bench.stall = 0.0;
        bench.mail(&operands.rx_sa_words());
        bench.stall = 0.6;
        bench.start(Op::RxSaWrite, 9, 0);
        (0..clocks).for_each(|_| bench.tick());
        bench.reset();
        bench.writes.clear();
        for port in ["tx_sa", "rx_sa", "sa_seq", "hkey_key", "hkey_valid", "replay_init_valid"] {
            assert_eq!(bench.wide(port), BigUint::ZERO, "{port} {clocks} clocks after the command");
        }
        assert_eq!(bench.read(STATUS.offset), 0);
        assert_eq!(bench.writes, []);
        let after = bench.command(&EMPTY, Op::TxSaWrite, 2, 0);
        assert_eq!(after, (Status::Done, expect(Op::TxSaWrite, &Operands::default(), 2, 0)));
    }
}
