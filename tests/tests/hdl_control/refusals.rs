//! What the mailbox refuses, and what it hides.

use espalier_regs::mailbox::{EMPTY, Error, MAIL_WORDS, MailField, Op, Status};
use espalier_regs::mailbox::{cam, policy, rx_sa, tx_sa};
use espalier_regs::map::{COMMAND, MAIL, REFUSED, REGISTERS, STATUS, refused};
use num_bigint::BigUint;
use rand::RngExt;

use crate::BUILD;
use crate::bench::{Bench, SLVERR};
use crate::commands::{OPERANDS, expect};
use crate::operands::{Operands, random};

/// Words with a key, and these fields.
fn with(fields: &[(MailField, u128)]) -> [u32; MAIL_WORDS] {
    let mut words = EMPTY;
    tx_sa::KEY.put_bytes(&mut words, &[0x5a; 32]);
    fields.iter().for_each(|(field, value)| field.put(&mut words, *value));
    words
}

impl Bench {
    /// A command that must fail, and one after it that must not.
    fn refuse(&mut self, words: &[u32; MAIL_WORDS], op: Op, index: u16, way: u8, error: Error) {
        let (status, writes) = self.command(words, op, index, way);
        assert_eq!((status, writes), (Status::Failed(Some(error)), vec![]), "{} {error:?}", op.name());
        for port in OPERANDS {
            assert_eq!(self.wide(port), BigUint::ZERO, "{port}");
        }
        let good = self.command(&EMPTY, Op::TxSaWrite, 5, 0);
        assert_eq!(good, (Status::Done, expect(Op::TxSaWrite, &Operands::default(), 5, 0)));
    }
}

#[test]
fn places_past_the_end_are_refused() {
    let mut bench = Bench::new(9);
    for &op in Op::ALL {
        let past: &[u16] = match op {
            Op::CamWrite | Op::CamClear => &[16, 64, 0xffff],
            Op::LocalWrite | Op::LocalClear => &[8, 16, 0xffff],
            _ => &[64, 128, 1024, 0xffff],
        };
        past.iter().for_each(|index| bench.refuse(&EMPTY, op, *index, 0, Error::Index));
    }
    for op in [Op::CamWrite, Op::CamClear] {
        bench.refuse(&EMPTY, op, 16, 4, Error::Index);
        bench.refuse(&EMPTY, op, 15, 4, Error::Way);
        bench.refuse(&EMPTY, op, 0, 15, Error::Way);
    }
}

#[test]
fn bad_sas_are_refused_by_the_field() {
    let mut bench = Bench::new(16);
    for op in [Op::TxSaWrite, Op::RxSaWrite] {
        bench.refuse(&with(&[(tx_sa::KEY_SIZE, 3)]), op, 0, 0, Error::KeySize);
        bench.refuse(&with(&[(tx_sa::SEQ, 1 << 32)]), op, 0, 0, Error::Seq);
        bench.refuse(&with(&[(tx_sa::SEQ, 1 << 63)]), op, 0, 0, Error::Seq);
        bench.refuse(&with(&[(tx_sa::ICV, 3)]), op, 0, 0, Error::Icv);
        // Of several faults the first of the list.
        bench.refuse(&with(&[(tx_sa::SEQ, 1 << 63), (tx_sa::ICV, 3)]), op, 0, 0, Error::Seq);
        bench.refuse(&with(&[(tx_sa::KEY_SIZE, 3), (tx_sa::SEQ, 1 << 63)]), op, 0, 0, Error::KeySize);
        bench.refuse(&with(&[(tx_sa::SEQ, 1 << 63), (tx_sa::KEY_SIZE, 3)]), op, 64, 0, Error::Index);
    }
    for window in [4097, 8191] {
        bench.refuse(&with(&[(rx_sa::REPLAY_WINDOW, window)]), Op::RxSaWrite, 0, 0, Error::ReplayWindow);
    }
}

#[test]
fn an_sa_that_keeps_its_number_may_name_any() {
    let mut bench = Bench::new(17);
    let words = with(&[(tx_sa::SEQ, 1 << 32), (tx_sa::KEEP, 1)]);
    assert_eq!(bench.command(&words, Op::TxSaWrite, 3, 0).0, Status::Done);
    // Everything else is checked all the same.
    bench.refuse(&with(&[(tx_sa::KEEP, 1), (tx_sa::KEY_SIZE, 3)]), Op::TxSaWrite, 0, 0, Error::KeySize);
    bench.refuse(&with(&[(tx_sa::KEEP, 1), (tx_sa::ICV, 3)]), Op::TxSaWrite, 0, 0, Error::Icv);
    // The bit means nothing to an inbound SA.
    bench.refuse(&words, Op::RxSaWrite, 0, 0, Error::Seq);
}

#[test]
fn bad_references_and_actions_are_refused() {
    let mut bench = Bench::new(18);
    for sa in [64, 1023] {
        bench.refuse(&with(&[(cam::SA, sa)]), Op::CamWrite, 0, 0, Error::Sa);
        bench.refuse(&with(&[(policy::SA, sa)]), Op::TxPolicyWrite, 0, 0, Error::Sa);
        // An inbound policy has no SA.
        assert_eq!(bench.command(&with(&[(policy::SA, sa)]), Op::RxPolicyWrite, 0, 0).0, Status::Done);
    }
    for op in [Op::TxPolicyWrite, Op::RxPolicyWrite] {
        bench.refuse(&with(&[(policy::ACTION, 3)]), op, 0, 0, Error::Action);
        bench.refuse(&with(&[(policy::ACTION, 3), (policy::SA, 64)]), op, 0, 0, Error::Action);
    }
    // Commands that do not bring one of these do not look at the words.
    for op in Op::ALL.iter().filter(|op| op.layout().is_none()) {
        assert_eq!(bench.command(&[u32::MAX; MAIL_WORDS], *op, 0, 0).0, Status::Done, "{}", op.name());
    }
    for op in [Op::TxLimitsWrite, Op::RxLimitsWrite, Op::RxSelectorWrite, Op::RxAcceptWrite, Op::LocalWrite] {
        assert_eq!(bench.command(&[u32::MAX; MAIL_WORDS], op, 0, 0).0, Status::Done, "{}", op.name());
    }
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
    for op in [Op::TxSaWrite, Op::RxSaWrite, Op::ReadTxSa, Op::RxAcceptWrite] {
        for moment in 0..3 {
            let mut operands = random(&mut bench.rng, &BUILD);
            operands.salt = bench.rng.random::<u32>() | 1;
            // As SAs have them, whatever the command makes of it.
            let words = if op == Op::RxSaWrite { operands.rx_sa_words() } else { operands.tx_sa_words() };
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
        for port in OPERANDS.iter().copied().chain(["hkey_valid", "replay_init_valid", "tx_sa_write", "rx_sa_write"]) {
            assert_eq!(bench.wide(port), BigUint::ZERO, "{port} {clocks} clocks after the command");
        }
        assert_eq!(bench.read(STATUS.offset), 0);
        assert_eq!(bench.writes, []);
        let after = bench.command(&EMPTY, Op::TxSaWrite, 2, 0);
        assert_eq!(after, (Status::Done, expect(Op::TxSaWrite, &Operands::default(), 2, 0)));
    }
}
