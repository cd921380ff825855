//! The event queue: in order, whatever comes together, and never silent when it is full.

use espalier_hdl::records::Notice;
use espalier_regs::map::{EVENT, EVENT_LOST, EVENT_POP, event_lost, event_pop};
use rand::RngExt;

use crate::BUILD;
use crate::bench::Bench;

/// Events that the device holds: those of the queue, and the one that EVENT shows.
const ROOM: usize = BUILD.events as usize + 1;

impl Bench {
    /// Puts an event of a random SA in line.
    fn notice(&mut self, side: usize) {
        let kind = self.rng.random_range(1..4u64);
        let sa = self.rng.random_range(0..1024u64);
        self.notices[side].push_back(Notice { kind: kind.into(), sa: sa.into() });
    }

    /// Until all in line have been taken, and have gone through the queue.
    fn settle_notices(&mut self) {
        while self.notices.iter().any(|line| !line.is_empty()) {
            self.tick();
        }
        (0..8).for_each(|_| self.tick());
    }

    fn pop(&mut self) {
        self.write(EVENT_POP.offset, event_pop::POP.mask());
    }

    /// Takes everything off the queue.
    fn drain_notices(&mut self) -> Vec<u32> {
        let mut words = Vec::new();
        loop {
            match self.read(EVENT.offset) {
                0 => return words,
                word => words.push(word),
            }
            self.pop();
        }
    }

    fn lost(&mut self) -> bool {
        event_lost::LOST.is_set(self.read(EVENT_LOST.offset))
    }
}

#[test]
fn events_of_both_sides_come_out_in_the_order_they_came() {
    let mut bench = Bench::new(40);
    for round in 0..40 {
        bench.stall = [0.0, 0.5, 0.9][round % 3];
        for _ in 0..bench.rng.random_range(1..ROOM) {
            let side = bench.rng.random_range(0..2);
            bench.notice(side);
        }
        let lines = bench.notices.clone();
        bench.settle_notices();
        let expected = std::mem::take(&mut bench.noticed);
        // Each side's own are in its order, and nobody else's came.
        for (side, line) in lines.iter().enumerate() {
            let of_side = expected.iter().filter(|word| (*word >> 30 & 1 == 1) == (side == 0));
            assert!(of_side.map(|word| u64::from(word >> 8 & 0x3ff)).eq(line.iter().map(|notice| notice.sa.index() as u64)));
        }
        assert_eq!(bench.drain_notices(), expected);
        assert!(!bench.lost());
    }
}

#[test]
fn neither_side_waits_for_the_other_nor_for_the_host() {
    let mut bench = Bench::new(41);
    bench.stall = 0.0;
    // Both at once, twice as many as fit: one from each side in two clocks.
    for _ in 0..ROOM {
        bench.notice(0);
        bench.notice(1);
    }
    let start = bench.model.cycles();
    while bench.notices.iter().any(|line| !line.is_empty()) {
        bench.tick();
    }
    assert!(bench.model.cycles() - start <= 2 * ROOM as u64 + 2);
    let sides: Vec<bool> = bench.noticed.iter().map(|word| word >> 30 & 1 == 1).collect();
    assert!(sides.windows(2).all(|pair| pair[0] != pair[1]), "they take turns");
}

#[test]
fn reading_changes_nothing_and_popping_an_empty_queue_neither() {
    let mut bench = Bench::new(42);
    assert_eq!(bench.read(EVENT.offset), 0);
    bench.pop();
    bench.notice(0);
    bench.notice(0);
    bench.settle_notices();
    let expected = bench.noticed.clone();
    for _ in 0..3 {
        assert_eq!(bench.read(EVENT.offset), expected[0]);
    }
    // Writing 0 pops nothing.
    bench.write(EVENT_POP.offset, 0);
    bench.write(EVENT_POP.offset, !event_pop::POP.mask());
    assert_eq!(bench.drain_notices(), expected);
    bench.pop();
    bench.pop();
    assert_eq!(bench.read(EVENT.offset), 0);
    bench.notice(1);
    bench.settle_notices();
    assert_eq!(bench.drain_notices(), bench.noticed[2..]);
}

#[test]
fn a_full_queue_drops_the_newest_and_says_so() {
    let mut bench = Bench::new(43);
    for round in 0..12 {
        bench.stall = [0.0, 0.5][round % 2];
        let extra = bench.rng.random_range(0..6);
        for _ in 0..ROOM + extra {
            let side = bench.rng.random_range(0..2);
            bench.notice(side);
        }
        bench.settle_notices();
        let mut expected = std::mem::take(&mut bench.noticed);
        expected.truncate(ROOM);
        assert_eq!(bench.lost(), extra > 0, "{extra} too many");
        // It stays until it is cleared by a 1, and only this clears it.
        bench.write(EVENT_LOST.offset, !event_lost::LOST.mask());
        assert_eq!(bench.lost(), extra > 0);
        // One popped, one more fits; the next is lost.
        assert_eq!(bench.read(EVENT.offset), expected[0]);
        bench.pop();
        (0..4).for_each(|_| bench.tick());
        bench.write(EVENT_LOST.offset, event_lost::LOST.mask());
        bench.notice(1);
        bench.settle_notices();
        assert!(!bench.lost());
        expected.append(&mut bench.noticed);
        bench.notice(0);
        bench.settle_notices();
        assert!(bench.lost());
        bench.noticed.clear();
        assert_eq!(bench.drain_notices(), expected[1..]);
        bench.write(EVENT_LOST.offset, event_lost::LOST.mask());
        assert!(!bench.lost());
    }
}

/// Whenever an event meets the write that clears LOST, it is told: in LOST, if it came at that write or after.
#[test]
fn no_loss_is_cleared_away_unseen() {
    let mut seen = Vec::new();
    // Inbound SAs have every other clock: both phases of it.
    for (wait, phase) in (0..6).flat_map(|wait| [(wait, 0), (wait, 1)]) {
        let mut bench = Bench::new(44);
        bench.stall = 0.0;
        (0..ROOM).for_each(|_| bench.notice(0));
        bench.settle_notices();
        (0..phase).for_each(|_| bench.tick());
        bench.start_write(EVENT_LOST.offset, event_lost::LOST.mask(), 0xf);
        let mut taken_at = None;
        for clock in 0..40 {
            if clock == wait {
                bench.notice(1);
            }
            let before = bench.noticed.len();
            bench.tick();
            if bench.noticed.len() > before {
                taken_at = Some(clock);
            }
        }
        assert!(bench.written().is_some());
        seen.push((taken_at.unwrap(), bench.lost()));
    }
    // The write acts two clocks after the one that takes it: at clock 2.
    assert!([1, 2, 3].iter().all(|at| seen.iter().any(|(clock, _)| clock == at)), "{seen:?}");
    assert!(seen.iter().all(|(clock, lost)| *lost == (*clock >= 2)), "{seen:?}");
}

#[test]
fn the_line_is_up_while_there_is_an_event() {
    let mut bench = Bench::new(45);
    assert!(!bench.model.get_bool("event_pending"));
    bench.notice(0);
    bench.notice(1);
    bench.settle_notices();
    for left in [true, false] {
        assert!(bench.model.get_bool("event_pending"));
        bench.pop();
        (0..4).for_each(|_| bench.tick());
        assert_eq!(bench.model.get_bool("event_pending"), left);
    }
}

#[test]
fn a_reset_empties_the_queue() {
    let mut bench = Bench::new(46);
    for _ in 0..ROOM {
        bench.notice(0);
        bench.notice(1);
    }
    bench.settle_notices();
    assert!(bench.lost());
    bench.reset();
    bench.settle_notices();
    assert_eq!(bench.read(EVENT.offset), 0);
    assert!(!bench.lost());
    assert!(!bench.model.get_bool("event_pending"));
}

/// The host pops while events come, faster at times than it can: nothing is lost unless LOST says so.
#[test]
fn what_is_not_lost_comes_out_while_the_host_pops() {
    let mut bench = Bench::new(47);
    for round in 0..6 {
        bench.noticed.clear();
        let mut out = Vec::new();
        let total = [40, 400][round % 2];
        for sent in 0..total {
            bench.notice(sent % 2);
            if sent % [2, 7][round % 2] == 0 {
                let word = bench.read(EVENT.offset);
                if word != 0 {
                    out.push(word);
                    bench.pop();
                }
            }
        }
        bench.settle_notices();
        out.extend(bench.drain_notices());
        let lost = bench.lost();
        assert_eq!(out.len() < total, lost, "{} of {total}", out.len());
        if !lost {
            assert_eq!(out, bench.noticed);
        }
        // In order, each at most once: what came out is what came in, with gaps.
        let mut came = bench.noticed.iter();
        assert!(out.iter().all(|word| came.any(|other| other == word)));
        bench.write(EVENT_LOST.offset, event_lost::LOST.mask());
    }
}
