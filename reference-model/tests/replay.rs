//! The replay window against a set of all numbers ever accepted.

use std::collections::HashSet;

use espalier_reference_model::replay::{EsnWithoutWindow, Refusal, ReplayWindow};
use proptest::prelude::*;

/// What the window must do, said another way: the number meant is the one of `T - W + 1 ..= T - W + 2^32` with the low half `seql`.
struct Oracle {
    size: i128,
    esn: bool,
    top: i128,
    accepted: HashSet<i128>,
}

impl Oracle {
    fn check(&self, seql: u32) -> Result<u64, Refusal> {
        let mut seq = i128::from(seql);
        if self.esn {
            let lowest = self.top - self.size + 1;
            seq = lowest + (seq - lowest).rem_euclid(1 << 32);
        }
        match seq {
            0 => Err(Refusal::SeqZero),
            _ if seq <= self.top - self.size => Err(Refusal::LeftOfWindow),
            _ if self.accepted.contains(&seq) => Err(Refusal::Duplicate),
            _ => u64::try_from(seq).map_err(|_| Refusal::LeftOfWindow),
        }
    }

    fn accept(&mut self, seq: u64) {
        self.accepted.insert(seq.into());
        self.top = self.top.max(seq.into());
    }
}

fn sizes() -> impl Strategy<Value = u32> {
    prop_oneof![Just(1), 2..100u32, Just(32), Just(64), Just(128), Just(256), Just(4096)]
}

/// Distances of the next packet from T: near, around the window's left edge, anywhere.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![
        4 => -3..4i64,
        4 => -150..150i64,
        1 => -4200..4200i64,
        1 => -(1i64 << 32)..(1i64 << 32),
        1 => Just(1 << 31),
    ];
    prop::collection::vec(step, 1..300)
}

/// Tops around the places where something can go wrong.
fn tops() -> impl Strategy<Value = u64> {
    let around = |place: u64| (-5000..5000i64).prop_map(move |distance| place.saturating_add_signed(distance));
    prop_oneof![Just(0), around(0), around(1 << 31), around(1 << 32), around(7 << 32), around(u64::MAX)]
}

proptest! {
    #[test]
    fn window_agrees_with_a_set(size in sizes(), esn: bool, top in tops(), steps in steps()) {
        let top = if esn { top } else { u64::from(top as u32) };
        let mut window = ReplayWindow::starting_at(size, esn, top).expect("a window");
        let mut oracle = Oracle { size: size.into(), esn, top: top.into(), accepted: HashSet::new() };
        for step in steps {
            let seql = (window.top() as u32).wrapping_add_signed(step as i32);
            let verdict = window.check(seql);
            prop_assert_eq!(verdict, oracle.check(seql), "T {:#x} seql {:#x}", window.top(), seql);
            if let Ok(seq) = verdict {
                prop_assert_eq!(window.advance(seq), Ok(()));
                oracle.accept(seq);
                prop_assert_eq!(window.check(seql), Err(Refusal::Duplicate));
                prop_assert_eq!(window.advance(seq), Err(Refusal::Duplicate));
            }
            prop_assert_eq!(i128::from(window.top()), oracle.top);
        }
    }

    /// Packets in flight: several are checked before the first is marked.
    #[test]
    fn each_number_passes_once_in_flight(
        size in sizes(),
        esn: bool,
        top in tops(),
        batches in prop::collection::vec(prop::collection::vec(-100..100i32, 1..8), 1..40),
    ) {
        let top = if esn { top } else { u64::from(top as u32) };
        let mut window = ReplayWindow::starting_at(size, esn, top).expect("a window");
        let mut accepted = HashSet::new();
        for batch in batches {
            let top = window.top() as u32;
            let checked: Vec<_> = batch.iter().filter_map(|step| window.check(top.wrapping_add_signed(*step)).ok()).collect();
            for seq in checked {
                if window.advance(seq).is_ok() {
                    prop_assert!(accepted.insert(seq), "{seq:#x} twice");
                }
            }
        }
    }
}

fn window(size: u32, esn: bool, top: u64) -> ReplayWindow {
    ReplayWindow::starting_at(size, esn, top).expect("a window")
}

#[test]
fn nothing_is_checked_without_a_window() {
    let mut window = window(0, false, 0);
    for seq in [0, 5, 5, 1, u32::MAX, 0] {
        assert_eq!(window.check(seq), Ok(seq.into()));
        assert_eq!(window.advance(seq.into()), Ok(()));
        assert_eq!(window.top(), 0);
    }
}

#[test]
fn esn_needs_a_window() {
    assert_eq!(ReplayWindow::new(0, true), Err(EsnWithoutWindow));
}

#[test]
fn zero_is_refused_but_is_a_number_like_others_after_the_wrap() {
    assert_eq!(window(32, false, 0).check(0), Err(Refusal::SeqZero));
    assert_eq!(window(32, true, 0).check(0), Err(Refusal::SeqZero));
    assert_eq!(window(32, true, 31).check(0), Err(Refusal::SeqZero));
    assert_eq!(window(32, true, 32).check(0), Ok(1 << 32));
    assert_eq!(window(32, true, 0xFFFF_FFFF).check(0), Ok(1 << 32));
    assert_eq!(window(32, true, 3 << 32).check(0), Ok(3 << 32));
}

#[test]
fn window_straddles_the_wrap() {
    let mut window = window(64, true, 0xFFFF_FFF0);
    for seql in [0xFFFF_FFFF, 0, 5] {
        let seq = window.check(seql).expect("new");
        assert_eq!(window.advance(seq), Ok(()));
    }
    assert_eq!(window.top(), 0x1_0000_0005);
    assert_eq!(window.check(0xFFFF_FFFE), Ok(0xFFFF_FFFE));
    assert_eq!(window.check(0xFFFF_FFFF), Err(Refusal::Duplicate));
}

#[test]
fn no_number_lies_before_the_first_or_after_the_last() {
    assert_eq!(window(64, true, 0).check(0xFFFF_FFFF), Err(Refusal::LeftOfWindow));
    assert_eq!(window(64, true, u64::MAX).check(0), Err(Refusal::LeftOfWindow));
}

#[test]
fn recheck_refuses_another_high_half() {
    let mut window = window(32, true, 100);
    let late = window.check(90).expect("in the window");
    let far = window.check(u32::MAX).expect("ahead");
    assert_eq!(window.advance(far), Ok(()));
    assert_eq!(window.advance(late), Err(Refusal::LeftOfWindow));
}

#[test]
fn a_jump_clears_the_window() {
    let mut window = window(64, false, 0);
    for seq in [1, 2, 3, 0xF000_0000] {
        assert_eq!(window.advance(seq), Ok(()));
    }
    assert_eq!(window.check(0xF000_0000 - 63), Ok(0xF000_0000 - 63));
    assert_eq!(window.check(0xF000_0000 - 64), Err(Refusal::LeftOfWindow));
}
