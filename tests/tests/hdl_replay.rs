//! The anti-replay windows against the reference model: every verdict, every high half, latency and throughput as documented.
#![allow(clippy::unwrap_used)]

use espalier_hdl::replay::{Replay, ReplayAdvance, ReplayCheck, verdict};
use espalier_reference_model::replay::{Refusal, ReplayWindow};
use espalier_sim::Model;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// 8 SAs.
type Block = Replay<3, 8>;
const SAS: usize = 8;
/// Clocks from taking a request to its answer.
const LATENCY: u64 = 6;
/// An advance is in the state that a request taken this many clocks later sees.
const SETTLED: u64 = 8;

struct Sa {
    esn: bool,
    window: u32,
    model: ReplayWindow,
    /// What was accepted by a check and waits for its advance.
    waiting: Vec<u64>,
}

fn code(refusal: Refusal) -> u64 {
    match refusal {
        Refusal::Duplicate => verdict::DUPLICATE,
        Refusal::LeftOfWindow => verdict::LEFT_OF_WINDOW,
        Refusal::SeqZero => verdict::ZERO,
    }
}

impl Sa {
    fn random(random: &mut impl Rng) -> Self {
        let windows = [0, 1, 2, 31, 32, 33, 64, 100, 128, 255, 256, 257, 1000, 4095, 4096];
        let window = windows[random.random_range(0..windows.len())];
        let esn = window != 0 && random.random_ratio(2, 3);
        let near = u64::from(window) + 3;
        let top = match random.random_range(0..6) {
            0 => 0,
            1 => random.random_range(0..2 * near),
            2 => (1 << 32) - random.random_range(1..2 * near),
            3 if esn => (1 << 32) + random.random_range(0..2 * near),
            4 if esn => u64::MAX - random.random_range(0..2 * near),
            5 if esn => random.random(),
            _ => u64::from(random.random::<u32>()),
        };
        let model = ReplayWindow::starting_at(window, esn, top).unwrap();
        Self { esn, window, model, waiting: Vec::new() }
    }

    /// A sequence number that may be interesting.
    fn seq(&self, random: &mut impl Rng) -> u64 {
        let (top, window) = (self.model.top(), u64::from(self.window));
        match random.random_range(0..16) {
            0 => 0,
            1 => u64::from(u32::MAX),
            2 => random.random(),
            3 => top.wrapping_add(random.random_range(0..1 << 33)),
            4 => top.wrapping_sub(window).wrapping_add(random.random_range(0..4)).wrapping_sub(2),
            5 => top.wrapping_add(random.random_range(0..3 * 8192)),
            6..10 => top.wrapping_add(random.random_range(0..4)),
            _ => top.wrapping_sub(random.random_range(0..=window + 2)),
        }
    }

    /// The model names the first thing wrong; the block, as Linux, another high half before all others.
    fn advance(&mut self, seq: u64) -> u64 {
        let top = self.model.top();
        let in_window = top.wrapping_sub(u64::from((top as u32).wrapping_sub(seq as u32)));
        match self.model.advance(seq) {
            Ok(()) => verdict::OK,
            Err(Refusal::SeqZero) if seq != 0 => verdict::LEFT_OF_WINDOW,
            Err(Refusal::Duplicate) if seq != in_window => verdict::LEFT_OF_WINDOW,
            Err(refusal) => code(refusal),
        }
    }
}

fn built(model: Result<Model, espalier_sim::Error>) -> Model {
    let mut model = model.unwrap();
    model.reset(3);
    model.set("allow", true);
    model
}

fn offer_check(model: &mut Model, sa: usize, seq: u32, esn: bool, window: u32) {
    let (sa, seq, window) = ((sa as u64).into(), u64::from(seq).into(), u64::from(window).into());
    model.set_record("check", ReplayCheck { sa, seq, esn, window });
    model.set("check_valid", true);
}

fn offer_advance(model: &mut Model, sa: usize, seq64: u64, esn: bool, window: u32) {
    let (sa, seq64, window) = ((sa as u64).into(), seq64.into(), u64::from(window).into());
    model.set_record("advance", ReplayAdvance { sa, seq64, esn, window });
    model.set("advance_valid", true);
}

fn offer_init(model: &mut Model, sa: usize, top: u64) {
    model.set("init_sa", sa);
    model.set("init_top", top);
    model.set("init_valid", true);
}

/// Installs an SA with nothing else going on.
fn init(model: &mut Model, sa: usize, top: u64) {
    offer_init(model, sa, top);
    for clock in 1.. {
        assert!(clock <= 67, "init is not done after 67 clocks");
        model.settle();
        let done = model.get_bool("init_ready");
        model.rise();
        if done {
            break;
        }
    }
    model.set("init_valid", false);
}

fn checked(model: &Model) -> (u64, u64) {
    let record = model.get_u128("checked");
    ((record >> 64) as u64, record as u64)
}

/// Requests of all SAs, checks and advances at once, with stalls on all four streams, while SAs are installed anew.
fn random_traffic(seed: u64, clocks: u64, stall: u32) {
    println!("seed {seed:#x}, {stall} stalls in 10");
    let random = &mut StdRng::seed_from_u64(seed);
    let mut model = built(Model::build::<Block>("replay"));
    let mut sas: Vec<_> = (0..SAS).map(|_| Sa::random(random)).collect();
    sas.iter().enumerate().for_each(|(i, sa)| init(&mut model, i, sa.model.top()));

    let (mut check, mut advance, mut renewing) = (None::<(usize, u32)>, None::<(usize, u64)>, None::<usize>);
    // Taken, not yet answered.
    let (mut checking, mut advancing) = (None::<(usize, u64, Option<u64>)>, None::<(usize, u64)>);
    // The window before the last advance, for those who can't see it yet.
    let mut before: Option<(u64, usize, ReplayWindow)> = None;
    let mut counts = [[0u32; 4]; 2];
    for clock in 0..clocks {
        if before.as_ref().is_some_and(|(time, ..)| clock >= *time) {
            before = None;
        }
        let sa = random.random_range(0..SAS);
        let idle = check.is_none_or(|(of, _)| of != sa)
            && advance.is_none_or(|(of, _)| of != sa)
            && checking.is_none_or(|(of, ..)| of != sa)
            && advancing.is_none_or(|(of, _)| of != sa)
            && before.as_ref().is_none_or(|(_, of, _)| *of != sa);
        if renewing.is_none() && random.random_ratio(1, 300) && idle {
            sas[sa] = Sa::random(random);
            offer_init(&mut model, sa, sas[sa].model.top());
            renewing = Some(sa);
        }
        if check.is_none() && renewing != Some(sa) && !random.random_ratio(stall, 10) {
            check = Some((sa, sas[sa].seq(random) as u32));
        }
        let sa = random.random_range(0..SAS);
        if advance.is_none() && renewing != Some(sa) && !random.random_ratio(stall, 10) {
            let seq = match sas[sa].waiting.len() {
                // Not in order, and sometimes twice.
                n @ 1.. if !random.random_ratio(1, 8) => {
                    let at = random.random_range(0..n);
                    if random.random_ratio(1, 4) { sas[sa].waiting[at] } else { sas[sa].waiting.swap_remove(at) }
                }
                _ => sas[sa].seq(random),
            };
            advance = Some((sa, if sas[sa].esn { seq } else { u64::from(seq as u32) }));
        }
        model.set("check_valid", false);
        if let Some((sa, seq)) = check {
            offer_check(&mut model, sa, seq, sas[sa].esn, sas[sa].window);
        }
        model.set("advance_valid", false);
        if let Some((sa, seq)) = advance {
            offer_advance(&mut model, sa, seq, sas[sa].esn, sas[sa].window);
        }
        let (checked_ready, advanced_ready) = (!random.random_ratio(stall, 10), !random.random_ratio(stall, 10));
        model.set("checked_ready", checked_ready);
        model.set("advanced_ready", advanced_ready);
        model.settle();

        if model.get_bool("checked_valid") {
            let (sa, answer, seq64) = checking.expect("an answer to a check");
            let (verdict, inferred) = checked(&model);
            assert_eq!(verdict, answer, "clock {clock}: check of SA {sa}, T {:#x}", sas[sa].model.top());
            if let Some(seq64) = seq64 {
                assert_eq!(inferred, seq64, "clock {clock}: number of SA {sa}");
            }
        }
        if model.get_bool("advanced_valid") {
            let (sa, answer) = advancing.expect("an answer to an advance");
            assert_eq!(model.get_u64("advanced"), answer, "clock {clock}: advance of SA {sa}, T {:#x}", sas[sa].model.top());
        }
        let (check_answered, advance_answered) =
            (model.get_bool("checked_valid") && checked_ready, model.get_bool("advanced_valid") && advanced_ready);
        if check_answered && let Some((sa, answer, seq64)) = checking.take() {
            counts[0][answer as usize] += 1;
            sas[sa].waiting.extend(seq64);
            sas[sa].waiting.truncate(8);
        }
        if advance_answered && let Some((_, answer)) = advancing.take() {
            counts[1][answer as usize] += 1;
        }
        if model.get_bool("check_ready")
            && let Some((sa, seq)) = check.take()
        {
            let window = before.as_ref().filter(|(_, of, _)| *of == sa).map_or(&sas[sa].model, |(.., window)| window);
            checking = Some(match window.check(seq) {
                Ok(seq64) => (sa, verdict::OK, Some(seq64)),
                Err(refusal) => (sa, code(refusal), None),
            });
        }
        if model.get_bool("advance_ready")
            && let Some((sa, seq)) = advance.take()
        {
            before = Some((clock + SETTLED, sa, sas[sa].model.clone()));
            advancing = Some((sa, sas[sa].advance(seq)));
        }
        if model.get_bool("init_ready") {
            model.set("init_valid", false);
            renewing = None;
        }
        model.rise();
    }
    println!("checks by verdict {:?}, advances {:?}", counts[0], counts[1]);
    assert!(counts.iter().flatten().all(|&count| count > 0), "every verdict is met");
}

#[test]
fn random_traffic_agrees_with_the_model() {
    random_traffic(0x4303_0001, 150_000, 0);
    random_traffic(0x4303_0002, 150_000, 3);
    random_traffic(0x4303_0003, 150_000, 8);
}

/// Checks and waits for the answer; the clocks from taking to answer must be as documented.
fn check_now(model: &mut Model, sa: usize, seq: u32, esn: bool, window: u32) -> (u64, u64) {
    offer_check(model, sa, seq, esn, window);
    model.set("checked_ready", true);
    let taken = wait(model, "check_ready");
    model.set("check_valid", false);
    let answered = wait_for(model, "checked_valid", checked);
    assert_eq!(answered.0 - taken, LATENCY);
    answered.1
}

fn advance_now(model: &mut Model, sa: usize, seq64: u64, esn: bool, window: u32) -> u64 {
    offer_advance(model, sa, seq64, esn, window);
    model.set("advanced_ready", true);
    let taken = wait(model, "advance_ready");
    model.set("advance_valid", false);
    let answered = wait_for(model, "advanced_valid", |model| model.get_u64("advanced"));
    assert_eq!(answered.0 - taken, LATENCY);
    answered.1
}

/// The cycle in which `port` is high.
fn wait(model: &mut Model, port: &str) -> u64 {
    wait_for(model, port, |_| ()).0
}

fn wait_for<T>(model: &mut Model, port: &str, read: impl Fn(&Model) -> T) -> (u64, T) {
    for _ in 0..20 {
        model.settle();
        let (cycle, high, value) = (model.cycles(), model.get_bool(port), read(model));
        model.rise();
        if high {
            return (cycle, value);
        }
    }
    panic!("{port} stays low");
}

#[test]
fn edges_of_the_number_space() {
    let model = &mut built(Model::build::<Block>("replay"));
    const TWO_32: u64 = 1 << 32;
    let left = verdict::LEFT_OF_WINDOW;

    // The first packet is 0xFFFFFFFF: without ESN the end of the space, with ESN below zero.
    init(model, 0, 0);
    assert_eq!(check_now(model, 0, u32::MAX, false, 64), (verdict::OK, TWO_32 - 1));
    assert_eq!(advance_now(model, 0, TWO_32 - 1, false, 64), verdict::OK);
    assert_eq!(check_now(model, 0, 1, false, 64).0, left);
    assert_eq!(check_now(model, 0, 0, false, 64).0, verdict::ZERO);
    init(model, 0, 0);
    assert_eq!(check_now(model, 0, u32::MAX, true, 64).0, left);
    assert_eq!(check_now(model, 0, 0, true, 64).0, verdict::ZERO);

    // A window that straddles 2^32.
    init(model, 1, TWO_32 + 10);
    assert_eq!(check_now(model, 1, u32::MAX, true, 64), (verdict::OK, TWO_32 - 1));
    assert_eq!(advance_now(model, 1, TWO_32 - 1, true, 64), verdict::OK);
    assert_eq!(check_now(model, 1, u32::MAX, true, 64).0, verdict::DUPLICATE);
    assert_eq!(check_now(model, 1, 0, true, 64), (verdict::OK, TWO_32), "a low half of zero is a number like any");
    assert_eq!(advance_now(model, 1, TWO_32, true, 64), verdict::OK);
    assert_eq!(advance_now(model, 1, TWO_32, true, 64), verdict::DUPLICATE);

    // A jump of more than 2^31, and one of a multiple of the ring.
    assert_eq!(check_now(model, 1, 0xF000_0000, true, 64), (verdict::OK, TWO_32 + 0xF000_0000));
    assert_eq!(advance_now(model, 1, TWO_32 + 0xF000_0000, true, 64), verdict::OK);
    assert_eq!(check_now(model, 1, 0xF000_0000 + 8192, true, 64), (verdict::OK, TWO_32 + 0xF000_2000));
    assert_eq!(advance_now(model, 1, TWO_32 + 0xF000_2000, true, 64), verdict::OK);

    // A late answer: meanwhile the window has moved so far that the low half means another number.
    assert_eq!(check_now(model, 1, 0x10, true, 64), (verdict::OK, 2 * TWO_32 + 0x10));
    assert_eq!(advance_now(model, 1, 3 * TWO_32 + 0x10, true, 64), left, "not what is inferred now");
    assert_eq!(advance_now(model, 1, 2 * TWO_32 + 0x10, true, 64), verdict::OK);
    assert_eq!(advance_now(model, 1, TWO_32 + 0x10, true, 64), left);

    // The end of all numbers.
    init(model, 2, u64::MAX - 1);
    assert_eq!(check_now(model, 2, u32::MAX, true, 64), (verdict::OK, u64::MAX));
    assert_eq!(advance_now(model, 2, u64::MAX, true, 64), verdict::OK);
    assert_eq!(check_now(model, 2, 5, true, 64).0, left, "there is no number after it");

    // No window: nothing is checked, nothing changes.
    init(model, 3, 7);
    for _ in 0..2 {
        assert_eq!(check_now(model, 3, 0, false, 0), (verdict::OK, 0));
        assert_eq!(advance_now(model, 3, 9, false, 0), verdict::OK);
    }
    model.set("read_sa", 3);
    model.clocks(10);
    assert_eq!(model.get_u64("read_top"), 7);
    assert_eq!(check_now(model, 3, 7, true, 0), (verdict::OK, 7), "the high half as with a window of 1");
    assert_eq!(check_now(model, 3, 6, true, 0), (verdict::OK, TWO_32 + 6));
}

#[test]
fn a_renewed_sa_sees_nothing_of_the_old_one() {
    let model = &mut built(Model::build::<Block>("replay"));
    init(model, 5, 0);
    for seq in 1..=300 {
        assert_eq!(advance_now(model, 5, seq, false, 4096), verdict::OK);
    }
    init(model, 5, 0);
    for seq in 1..=300 {
        assert_eq!(check_now(model, 5, seq as u32, false, 4096).0, verdict::OK);
        assert_eq!(advance_now(model, 5, seq, false, 4096), verdict::OK);
    }
    model.set("read_sa", 5);
    model.clocks(15);
    assert_eq!(model.get_u64("read_top"), 300);
}

/// One check and one advance every 8 clocks, the advances all of one SA.
#[test]
fn throughput_is_one_of_each_in_8_clocks() {
    let model = &mut built(Model::build::<Block>("replay"));
    init(model, 0, 0);
    model.set("checked_ready", true);
    model.set("advanced_ready", true);
    let (mut checks, mut advances) = (0, 0);
    for _ in 0..800 {
        offer_check(model, 1, 1, false, 32);
        offer_advance(model, 0, advances + 1, false, 32);
        model.settle();
        checks += u64::from(model.get_bool("check_ready"));
        advances += u64::from(model.get_bool("advance_ready"));
        if model.get_bool("advanced_valid") {
            assert_eq!(model.get_u64("advanced"), verdict::OK);
        }
        model.rise();
    }
    assert_eq!((checks, advances), (100, 100));
}
