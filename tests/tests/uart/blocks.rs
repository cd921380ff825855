//! Receiver, transmitter, and what takes messages apart and puts them together, each by itself.

use espalier_driver::bus::uart::encode;
use espalier_hdl::uart::deframe::Deframe;
use espalier_hdl::uart::framer::Framer;
use espalier_hdl::uart::receiver::Receiver;
use espalier_hdl::uart::transmitter::Transmitter;
use espalier_regs::uart::{END, ESC};
use espalier_sim::Model;
use proptest::prelude::*;

const DIVIDER: u64 = 8;

fn receiver() -> Model {
    let mut model = Model::build::<Receiver<DIVIDER>>("uart_receiver").unwrap();
    model.set("uart_rx", true);
    model.reset(4);
    model
}

/// Lets the line have `level` for these clocks; bytes received, and whether their stop bit was missing.
fn hold(model: &mut Model, level: bool, clocks: u64) -> Vec<(u8, bool)> {
    model.set("uart_rx", level);
    let mut seen = Vec::new();
    for _ in 0..clocks {
        model.settle();
        if model.get_bool("valid") {
            seen.push((model.get_u64("m_data") as u8, model.get_bool("damaged")));
        }
        model.rise();
    }
    seen
}

/// Levels of bytes back to back, `bit` clocks a bit, clock by clock.
fn levels(bytes: &[u8], bit: f64, phase: f64) -> Vec<bool> {
    let bits: Vec<bool> = bytes
        .iter()
        .flat_map(|byte| std::iter::once(false).chain((0..8).map(move |at| byte >> at & 1 == 1)).chain(std::iter::once(true)))
        .collect();
    let clocks = (bits.len() as f64 * bit + phase) as usize + 1;
    (0..clocks)
        .map(|clock| ((clock as f64 - phase).max(-1.0) / bit).floor())
        .map(|at| at < 0.0 || bits.get(at as usize).copied().unwrap_or(true))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_are_received_at_rates_two_per_cent_off(bytes in proptest::collection::vec(any::<u8>(), 1..20), off in -20i32..=20, phase in 0u32..8) {
        let mut model = receiver();
        hold(&mut model, true, 20);
        let bit = DIVIDER as f64 * (1.0 + f64::from(off) / 1000.0);
        let mut seen = Vec::new();
        for level in levels(&bytes, bit, f64::from(phase) / 8.0) {
            seen.extend(hold(&mut model, level, 1));
        }
        seen.extend(hold(&mut model, true, 20));
        prop_assert_eq!(seen, bytes.into_iter().map(|byte| (byte, false)).collect::<Vec<_>>());
    }
}

#[test]
fn noise_shorter_than_half_a_bit_is_no_byte_and_a_break_is_a_damaged_one() {
    let mut model = receiver();
    hold(&mut model, true, 20);
    assert_eq!(hold(&mut model, false, DIVIDER / 2 - 1), []);
    assert_eq!(hold(&mut model, true, 200), []);
    // A line that stays low is one byte without its stop bit, however long.
    assert_eq!(hold(&mut model, false, 1000), [(0, true)]);
    assert_eq!(hold(&mut model, true, 20), []);
    let seen: Vec<_> = levels(&[0x5A], DIVIDER as f64, 0.0).into_iter().flat_map(|level| hold(&mut model, level, 1)).collect();
    assert_eq!([seen, hold(&mut model, true, 20)].concat(), [(0x5A, false)]);
}

#[test]
fn a_byte_is_sent_at_the_exact_clocks() {
    let mut model = Model::build::<Transmitter<DIVIDER>>("uart_transmitter").unwrap();
    // The line is high from the first clock on, reset or not.
    model.settle();
    assert!(model.get_bool("uart_tx"));
    model.reset(3);
    let bytes = [0xA5, 0x00, 0xFF];
    let mut sent = Vec::new();
    for byte in bytes {
        model.set("s_data", byte);
        model.set("s_valid", true);
        model.settle();
        assert!(model.get_bool("s_ready"));
        model.rise();
        model.set("s_valid", false);
        while !model.get_bool("s_ready") {
            model.settle();
            sent.push(model.get_bool("uart_tx"));
            model.rise();
            model.settle();
        }
        // One clock between bytes.
        sent.push(model.get_bool("uart_tx"));
    }
    let due: Vec<bool> = bytes.iter().flat_map(|&byte| levels(&[byte], DIVIDER as f64, 0.0)).collect();
    assert_eq!(sent, due);
}

/// What comes of bytes of a line: messages, and whether each is good.
fn deframe(model: &mut Model, line: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let (mut messages, mut message) = (Vec::new(), Vec::new());
    for &byte in line {
        model.set("s_data", byte);
        for clock in 0..12 {
            model.set("s_valid", clock == 0);
            model.settle();
            if model.get_bool("m_valid") {
                message.push(model.get_u64("m_data") as u8);
            }
            if model.get_bool("closed") {
                messages.push((std::mem::take(&mut message), model.get_bool("good")));
            }
            model.rise();
        }
    }
    messages
}

/// Bytes of which many are the two that count.
fn any_bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(END), 1 => Just(ESC)], 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_are_taken_out_and_what_is_damaged_is_told(messages in proptest::collection::vec(any_bytes(40), 1..4), noise in any_bytes(20), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut model = Model::build::<Deframe>("uart_deframe").unwrap();
        model.reset(3);
        model.set("damaged", false);
        let line: Vec<u8> = messages.iter().flat_map(|message| encode(message)).collect();
        let due: Vec<_> = messages.iter().map(|message| (message.clone(), true)).collect();
        prop_assert_eq!(deframe(&mut model, &line), due.clone());
        // Noise, ended by END: nothing of it is good.
        let seen = deframe(&mut model, &[&noise[..], &[END]].concat());
        prop_assert!(seen.iter().all(|(_, good)| !good));
        prop_assert_eq!(deframe(&mut model, &line), due.clone());
        // One wrong byte.
        let mut wrong = line.clone();
        *at.get_mut(&mut wrong) ^= flip;
        let seen = deframe(&mut model, &[&wrong[..], &[END]].concat());
        prop_assert!(seen.iter().any(|(_, good)| !good));
        prop_assert!(seen.iter().filter(|(_, good)| *good).all(|message| due.contains(message)));
        prop_assert_eq!(deframe(&mut model, &line), due);
        // A byte without its stop bit.
        model.set("damaged", true);
        deframe(&mut model, &line[..1]);
        model.set("damaged", false);
        prop_assert!(!deframe(&mut model, &line[1..])[0].1);
    }

    #[test]
    fn messages_are_framed_as_the_driver_frames_them(messages in proptest::collection::vec(any_bytes(40), 1..4), pause in 0u64..4) {
        let mut model = Model::build::<Framer>("uart_framer").unwrap();
        model.reset(3);
        let mut line = Vec::new();
        let mut clock = |model: &mut Model| {
            // The line takes a byte at once, or in so many clocks.
            let takes = pause == 0 || model.cycles().is_multiple_of(10 * pause);
            model.set("m_ready", takes);
            model.settle();
            if takes && model.get_bool("m_valid") {
                line.push(model.get_u64("m_data") as u8);
            }
            let taken = model.get_bool("s_ready");
            model.rise();
            taken
        };
        for message in &messages {
            for (at, &byte) in message.iter().enumerate() {
                model.set("s_data", byte);
                model.set("s_last", at + 1 == message.len());
                model.set("s_valid", true);
                while !clock(&mut model) {}
                model.set("s_valid", false);
            }
        }
        (0..1000).for_each(|_| { clock(&mut model); });
        let due: Vec<u8> = std::iter::once(END).chain(messages.iter().flat_map(|message| encode(message))).collect();
        prop_assert_eq!(line, due);
    }
}
