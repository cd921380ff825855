//! The commands of the mailbox: what the engine is told, what the host reads.

use espalier_hdl::control::result::SaState;
use espalier_hdl::records::{CamEntry, LocalAddress, Policy, RxSa, TxSa};
use espalier_regs::mailbox::{EMPTY, MAIL_WORDS, Op, RESULT_WORDS, SA_STATE, Status, rx_sa, sa_state};
use espalier_regs::map::{REFUSED, STATUS};
use num_bigint::BigUint;
use rand::RngExt;

use crate::BUILD;
use crate::bench::{Bench, Write, bits, h, state};
use crate::operands::{Operands, random};

/// What the engine must be told of one command of each kind.
pub fn expect(op: Op, operands: &Operands, index: u16, way: u8) -> Vec<Write> {
    let (index, way) = (u64::from(index), u64::from(way));
    let (h, h3) = h(&bits(operands.key));
    let hkey = Write::Hkey { key: bits(operands.key), size: operands.key_size };
    let tx_sa = |sa: TxSa, seq, keep| Write::TxSa { index, sa: bits(sa), seq, keep };
    let entry = |table, record| Write::Entry { table, index, way: 0, record };
    let rx_sa = |sa: RxSa| entry("rx_sa_write", bits(sa));
    let cam = |record| Write::Entry { table: "cam_write", index, way, record };
    let hashed = |h: u128| BigUint::from(h).into();
    let policy = || bits(Policy { valid: true, ..operands.policy() });
    match op {
        Op::TxSaWrite => {
            let sa = TxSa { valid: true, h: hashed(h), h3: hashed(h3), ..operands.tx_sa() };
            vec![hkey, tx_sa(sa, operands.seq, operands.keep())]
        }
        Op::RxSaWrite => {
            // Gone first, then prepared, then there.
            let sa = RxSa { valid: true, h: hashed(h), h3: hashed(h3), ..operands.rx_sa() };
            vec![rx_sa(operands.rx_sa()), hkey, Write::Replay { index, seq: operands.seq }, rx_sa(sa)]
        }
        Op::CamWrite => vec![cam(bits(CamEntry { valid: true, ..operands.cam_entry() }))],
        Op::TxPolicyWrite => vec![entry("tx_policy_write", policy())],
        Op::RxPolicyWrite => vec![entry("rx_policy_write", policy())],
        Op::TxLimitsWrite => vec![entry("tx_limits_write", bits(operands.limits()))],
        Op::RxLimitsWrite => vec![entry("rx_limits_write", bits(operands.limits()))],
        Op::RxSelectorWrite => vec![entry("rx_selector_write", bits(operands.selector()))],
        Op::RxAcceptWrite => vec![entry("rx_accept_write", bits(operands.accept()))],
        Op::LocalWrite => vec![entry("local_write", bits(LocalAddress { valid: true, ..operands.local() }))],
        Op::TxSaClear => vec![tx_sa(TxSa::default(), 0, false)],
        Op::RxSaClear => vec![rx_sa(RxSa::default())],
        Op::CamClear => vec![cam(BigUint::ZERO)],
        Op::TxPolicyClear => vec![entry("tx_policy_write", BigUint::ZERO)],
        Op::RxPolicyClear => vec![entry("rx_policy_write", BigUint::ZERO)],
        Op::LocalClear => vec![entry("local_write", BigUint::ZERO)],
        Op::ReadTxSa | Op::ReadRxSa => vec![],
    }
}

/// The words of a command's operands; for one without a layout, words that it must not look at.
pub fn words(op: Op, operands: &Operands) -> [u32; MAIL_WORDS] {
    match op {
        Op::RxSaWrite => operands.rx_sa_words(),
        Op::CamWrite => operands.cam_words(),
        Op::TxPolicyWrite | Op::RxPolicyWrite => operands.policy_words(),
        Op::TxLimitsWrite | Op::RxLimitsWrite => operands.limits_words(),
        Op::RxSelectorWrite => operands.selector_words(),
        Op::RxAcceptWrite => operands.accept_words(),
        Op::LocalWrite => operands.local_words(),
        _ => operands.tx_sa_words(),
    }
}

/// RESULT after a command that went well.
fn result(op: Op, index: u16) -> [u32; RESULT_WORDS] {
    let state: SaState = match op {
        Op::ReadTxSa => state(true, index.into()),
        Op::ReadRxSa => state(false, index.into()),
        _ => SaState::default(),
    };
    let fields = [
        (sa_state::SEQ, bits(state.seq)),
        (sa_state::PACKETS, bits(state.packets)),
        (sa_state::BYTES, bits(state.bytes)),
        (sa_state::SOFT, bits(state.soft)),
        (sa_state::HARD, bits(state.hard)),
        (sa_state::REPLAY, bits(state.replay)),
        (sa_state::REPLAY_WINDOW, bits(state.replay_window)),
        (sa_state::INTEGRITY_FAILED, bits(state.integrity_failed)),
    ];
    assert_eq!(fields.len(), SA_STATE.fields.len());
    let mut words = EMPTY;
    fields.into_iter().for_each(|(field, value)| field.put(&mut words, value.try_into().unwrap()));
    std::array::from_fn(|number| words[number])
}

/// Ports that words of a command may appear at.
pub const OPERANDS: [&str; 11] =
    ["tx_sa", "rx_sa", "sa_seq", "limits", "selector", "accept", "cam_entry", "policy", "local_address", "hkey_key", "hkey_size"];

#[test]
fn each_command_writes_its_record_and_leaves_no_word() {
    let mut bench = Bench::new(7);
    for round in 0..12 * Op::ALL.len() {
        bench.stall = if round % 2 == 0 { 0.0 } else { 0.5 };
        let op = Op::ALL[round % Op::ALL.len()];
        let operands = random(&mut bench.rng, &BUILD);
        let (index, way) = (bench.rng.random_range(0..8), bench.rng.random_range(0..4));
        let (status, writes) = bench.command(&words(op, &operands), op, index, way);
        assert_eq!(status, Status::Done, "{}", op.name());
        assert_eq!(writes, expect(op, &operands, index, way), "{}", op.name());
        assert_eq!(bench.result(), result(op, index), "{}", op.name());
        for port in OPERANDS {
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
            Op::LocalWrite | Op::LocalClear => (7, 0),
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
fn every_place_of_the_sas_can_be_read() {
    let mut bench = Bench::new(14);
    for index in 0..64 {
        for op in [Op::ReadTxSa, Op::ReadRxSa] {
            assert_eq!(bench.command(&EMPTY, op, index, 0), (Status::Done, vec![]));
            assert_eq!(bench.result(), result(op, index), "{} {index}", op.name());
        }
    }
    // A command that fails leaves nothing of the answer before.
    bench.command(&EMPTY, Op::ReadRxSa, 64, 0);
    assert_eq!(bench.result(), [0; RESULT_WORDS]);
}

#[test]
fn the_write_of_an_outbound_sa_waits_until_the_table_takes_it() {
    let mut bench = Bench::new(15);
    for round in 0..40 {
        let op = if round % 2 == 0 { Op::TxSaWrite } else { Op::TxSaClear };
        let operands = random(&mut bench.rng, &BUILD);
        bench.writes.clear();
        bench.mail(&words(op, &operands));
        bench.hold_tx_sa = true;
        bench.start(op, 33, 0);
        (0..200).for_each(|_| bench.tick());
        assert_eq!(Status::decode(bench.read(STATUS.offset)), Status::Busy);
        assert!(!bench.writes.iter().any(|write| matches!(write, Write::TxSa { .. })));
        // It is offered all that time (what is offered must not change: the bench sees to it).
        assert_eq!(bench.wide("tx_sa_write"), BigUint::from(1u8));
        bench.hold_tx_sa = false;
        assert_eq!(bench.wait(), Status::Done);
        assert_eq!(bench.writes, expect(op, &operands, 33, 0));
    }
    // No other command waits for it.
    bench.hold_tx_sa = true;
    for op in Op::ALL.iter().filter(|op| !matches!(op, Op::TxSaWrite | Op::TxSaClear)) {
        let operands = random(&mut bench.rng, &BUILD);
        let done = bench.command(&words(*op, &operands), *op, 1, 0);
        assert_eq!(done, (Status::Done, expect(*op, &operands, 1, 0)), "{}", op.name());
    }
    assert_eq!(bench.read(REFUSED.offset), 0);
}
