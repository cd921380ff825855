//! A line that is not as it should be: noise, wrong bytes, hosts that die.

use std::io::{Read, Write};

use espalier_driver::bus::Bus;
use espalier_driver::bus::uart::{Uart, Way, encode};
use espalier_regs::uart::Request;
use espalier_regs::{Event, map};
use espalier_sim::uart::Pins;
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::rig::{DIVIDER, counter, enable, limits, line};

/// What a wrong byte to the device makes of an access.
const TOLD: &str = "the device has thrown a message away: DAMAGED";

fn magic(line: &mut Uart<Pins>) -> Result<u32, String> {
    line.read(map::MAGIC.offset.into()).map_err(|error| error.to_string())
}

#[test]
fn noise_is_told_and_is_over_with_the_next_message() {
    let mut line = line();
    let mut told = 0;
    for seed in 0..60 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let spike = rng.random_range(1..3 * DIVIDER);
        for _ in 0..rng.random_range(1..60) {
            let level = rng.random();
            (0..rng.random_range(1..=spike)).for_each(|_| line.line().force(level));
        }
        // The line comes to rest: what was a byte ends.
        line.line().run(12 * DIVIDER);
        // What noise had begun ends with the first message, which is lost with it unless an END is before it.
        line.line().write_all(&[0xC0]).unwrap();
        while line.listen().unwrap() {}
        match line.check() {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error.to_string(), TOLD, "seed {seed}");
                told += 1;
            }
        }
        assert_eq!(magic(&mut line), Ok(map::MAGIC.reset), "seed {seed}");
    }
    assert!(told > 20, "{told}");
}

#[test]
fn any_wrong_bit_of_a_request_is_told() {
    let mut line = line();
    let good = encode(&[Request::Write.code() as u8, 9, 0x01, 0x00, 0, 0, 0, 3]);
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut wrong = good.clone();
            wrong[at] ^= 1 << bit;
            line.line().write_all(&[&wrong[..], &[0xC0]].concat()).unwrap();
            while line.line().unsent() > 0 || line.listen().unwrap() {
                line.line().run(100);
            }
            assert_eq!(line.check().unwrap_err().to_string(), TOLD, "bit {bit} of byte {at}");
        }
    }
    // And nothing was written.
    assert_eq!(line.read(map::CONTROL.offset.into()).unwrap(), 0);
}

/// A transport that changes bytes of what the device says.
struct Wrong {
    pins: Pins,
    /// Bytes up to the wrong one.
    left: usize,
    flip: u8,
}

impl Read for Wrong {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = self.pins.read(bytes)?;
        if let Some(byte) = bytes[..count].get_mut(self.left) {
            *byte ^= self.flip;
            self.left = usize::MAX;
        }
        self.left = self.left.saturating_sub(if self.left == usize::MAX { 0 } else { count });
        Ok(count)
    }
}

impl Write for Wrong {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.pins.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_wrong_byte_of_an_answer_is_told_and_no_wrong_value_is_seen() {
    let mut uart = Uart::open(Wrong { pins: line().into_line(), left: usize::MAX, flip: 0 }, limits()).unwrap();
    for left in 0..11 {
        for flip in [1, 0x80, 0xFF] {
            (uart.line().left, uart.line().flip) = (left, flip);
            let told = uart.read(map::MAGIC.offset.into()).unwrap_err().to_string();
            assert!(told.contains("damaged on the line") || told.contains("no answer"), "{left} {flip}: {told}");
            uart.restart().unwrap();
            assert_eq!(uart.read(map::MAGIC.offset.into()).unwrap(), map::MAGIC.reset);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_host_that_dies_in_the_middle_is_followed_by_another(length in 20usize..1000, part in 0.0f64..1.0, host in any::<bool>(), clocks in 0u64..50) {
        let mut line = line();
        enable(&mut line);
        let request = if host { Request::HostFrame } else { Request::WireFrame };
        let message = encode(&[&[request.code() as u8, 1, 0, 0][..], &vec![0x42; length]].concat());
        // All but the END at most.
        let sent = ((message.len() - 1) as f64 * part) as usize;
        line.line().write_all(&message[..sent]).unwrap();
        while line.line().unsent() > 1 {
            line.line().run(clocks.max(1));
        }
        line.line().die();
        let pins = line.into_line();
        // The next host finds a device that has seen no frame, and works.
        let mut line = Uart::open(pins, limits()).unwrap();
        enable(&mut line);
        for way in [Way::Host, Way::Wire] {
            line.send(way, &[0x42; 60], 0).unwrap();
        }
        while line.listen().unwrap() {}
        prop_assert_eq!(line.frames().len(), 2);
        prop_assert_eq!((counter(&mut line, Event::TxFrames), counter(&mut line, Event::RxFrames)), (1, 1));
    }
}

#[test]
fn a_device_that_speaks_to_nobody_is_found_again() {
    let mut line = line();
    enable(&mut line);
    // Long frames are on their way out when the host goes.
    for _ in 0..3 {
        line.send(Way::Host, &[0x42; 2000], 0).unwrap();
        line.line().run(30_000);
    }
    let mut pins = line.into_line();
    pins.run(7_777);
    let mut line = Uart::open(pins, limits()).unwrap();
    while line.listen().unwrap() {}
    assert!(line.frames().is_empty(), "what the earlier host had sent");
    assert_eq!(counter(&mut line, Event::TxFrames), 0);
}
