//! Requests, answers and frames.

use std::io::Write;

use espalier_driver::Device;
use espalier_driver::bus::Bus;
use espalier_driver::bus::uart::{Uart, UartError, Way, encode};
use espalier_hdl::uart::CLOCK;
use espalier_regs::tuser::tx_status;
use espalier_regs::uart::{Refusal, Request, STORE_BEATS, WINDOW};
use espalier_regs::{Event, map};
use espalier_sim::uart::Pins;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::rig::{DIVIDER, counter, enable, limits, line, pins};

#[test]
fn it_says_what_it_is() {
    let mut line = line();
    assert_eq!(u64::from(line.clock_hz()), CLOCK);
    assert_eq!(u64::from(line.baud()), CLOCK / DIVIDER);
    assert_eq!(line.read(map::MAGIC.offset.into()).unwrap(), map::MAGIC.reset);
    let before = (line.count().unwrap(), line.line().model().cycles());
    line.line().run(1000);
    let after = (line.count().unwrap(), line.line().model().cycles());
    // The count is taken in the request's time, which is the same for both; a byte of the answers may need an escape.
    assert!((after.0 - before.0).abs_diff(after.1 - before.1) <= 4 * 10 * DIVIDER, "{before:?} {after:?}");
    // The engine's clocks begin anew with a reset.
    line.restart().unwrap();
    assert!(line.count().unwrap() < 3_000);
}

#[test]
fn the_driver_brings_it_up_and_what_registers_refuse_is_told() {
    let mut device = Device::open(line()).unwrap();
    assert_eq!(device.capabilities().tx_sas, 64);
    let bus = device.bus();
    println!("bring-up: {} clocks", bus.line().model().cycles());
    let told = bus.read(0x0ffc).unwrap_err().to_string();
    assert_eq!(told, "read of the register at 0x0ffc failed: the device answered SLVERR");
    bus.write(map::MAGIC.offset.into(), 1).unwrap();
    let told = bus.read(map::MAGIC.offset.into()).unwrap_err().to_string();
    assert_eq!(told, "write to the register at 0x0000 failed: the device answered SLVERR");
    device.enable().unwrap();
    let mut bus = device.into_bus();
    assert_eq!(bus.read(map::CONTROL.offset.into()).unwrap(), 3);
    // A reset is the engine's, too.
    bus.restart().unwrap();
    assert_eq!(bus.read(map::CONTROL.offset.into()).unwrap(), 0);
}

/// What the device tells of messages, raw: the bits of REFUSED.
fn refusals(line: &mut Uart<Pins>, messages: &[Vec<u8>]) -> u32 {
    for message in messages {
        line.line().write_all(&encode(message)).unwrap();
    }
    while line.line().unsent() > 0 || line.listen().unwrap() {
        line.line().run(100);
    }
    match line.check() {
        Err(UartError::Refused(refused)) => refused.0,
        Ok(()) => 0,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn messages_that_are_none_are_refused_by_their_cause() {
    let mut line = line();
    let bit = |refusal: Refusal| 1 << refusal.code();
    let request = |request: Request, rest: &[u8]| [&[request.code() as u8, 200, 0, 0], rest].concat();
    for wrong in [
        vec![],
        vec![Request::Read.code() as u8],
        vec![0, 1, 0, 0],
        vec![7, 1, 0, 0, 1],
        vec![0x81, 1, 0, 0, 0, 0],
        request(Request::Read, &[0]),
        request(Request::Write, &[0, 0, 0]),
        request(Request::Write, &[0; 5]),
        request(Request::Write, &[0; 20]),
        request(Request::Look, &[0; 4]),
        request(Request::Reset, &[0; 16]),
        request(Request::HostFrame, &[]),
        request(Request::WireFrame, &[]),
    ] {
        assert_eq!(refusals(&mut line, std::slice::from_ref(&wrong)), bit(Refusal::Unknown), "{wrong:?}");
    }
    // Frames that find no room: the engine takes none while it is not enabled.
    let frame = request(Request::HostFrame, &[0x55; 9000]);
    assert_eq!(refusals(&mut line, std::slice::from_ref(&frame)), 0);
    assert_eq!(refusals(&mut line, &[frame]), bit(Refusal::NoRoom));
    // One that never ends.
    assert_eq!(refusals(&mut line, &[request(Request::WireFrame, &[1; 17_000])]), bit(Refusal::NoRoom));
    // Nothing of them is left: what fits is taken, and comes through.
    assert_eq!(refusals(&mut line, &[request(Request::WireFrame, &[1; 60])]), 0);
    assert_eq!(line.read(map::MAGIC.offset.into()).unwrap(), map::MAGIC.reset);
}

/// A frame of no IP: passes the engine as it is.
fn frame(rng: &mut SmallRng, length: usize) -> Vec<u8> {
    let mut frame = vec![0; length];
    rng.fill_bytes(&mut frame);
    let bytes = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5];
    let head = bytes.len().min(length);
    frame[..head].copy_from_slice(&bytes[..head]);
    frame
}

/// Sends frames both ways as fast as they go, and looks at what comes out.
fn through(line: &mut Uart<Pins>, frames: &[(Way, Vec<u8>)]) {
    let mut out = Vec::new();
    for (way, frame) in frames {
        line.send(*way, frame, 0).unwrap();
        out.extend(line.frames());
        line.check().unwrap();
    }
    let mut silent = 0;
    while out.len() < frames.len() {
        silent = if line.listen().unwrap() { 0 } else { silent + 1 };
        assert!(silent < 3, "{} of {} frames", out.len(), frames.len());
        out.extend(line.frames());
    }
    line.check().unwrap();
    for way in [Way::Host, Way::Wire] {
        let sent: Vec<_> = frames.iter().filter(|(sent, _)| *sent == way).map(|(_, frame)| frame).collect();
        // What the host sends comes out at the wire.
        let came: Vec<_> = out.iter().filter(|came| came.way != way).collect();
        assert_eq!(came.iter().map(|came| &came.bytes).collect::<Vec<_>>(), sent);
        assert!(came.iter().all(|came| came.user == 0));
        let beats = |length: usize| length.div_ceil(16) as u32;
        assert!(came.iter().all(|came| came.last.wrapping_sub(came.first) >= beats(came.bytes.len())));
    }
    let statuses = line.statuses();
    assert_eq!(statuses.len(), frames.iter().filter(|(way, _)| *way == Way::Host).count());
    assert!(statuses.iter().all(|&status| tx_status::EVENT.get(status) == Event::TxBypassed as u32));
    assert_eq!((line.given().len(), line.waiting()), (frames.len(), 0));
}

#[test]
fn frames_of_every_length_pass_both_ways() {
    let mut line = line();
    enable(&mut line);
    let mut rng = SmallRng::seed_from_u64(1);
    let lengths: Vec<usize> = (14..=50).chain([60, 64, 1514, 9234]).collect();
    let frames: Vec<_> = lengths.iter().flat_map(|&length| [Way::Host, Way::Wire].map(|way| (way, frame(&mut rng, length)))).collect();
    through(&mut line, &frames);
}

#[test]
fn more_than_the_line_carries_waits_and_nothing_is_lost() {
    let mut line = line();
    enable(&mut line);
    let mut rng = SmallRng::seed_from_u64(3);
    // A message out is longer than the one in: the device's store fills, the engine is held back, and so is the host.
    let frames: Vec<_> = (0..900)
        .map(|_| {
            let way = if rng.random() { Way::Host } else { Way::Wire };
            let length = rng.random_range(14..24);
            (way, frame(&mut rng, length))
        })
        .collect();
    through(&mut line, &frames);
}

#[test]
fn a_frame_that_is_held_back_holds_no_register_back() {
    let mut line = line();
    // Nothing is enabled: frames wait in the store. As many requests as there may be.
    for _ in 0..WINDOW - 1 {
        line.send(Way::Host, &[0; 60], 0).unwrap();
    }
    assert_eq!(line.read(map::MAGIC.offset.into()).unwrap(), map::MAGIC.reset);
    assert_eq!(line.waiting(), WINDOW - 1);
    assert!(matches!(line.send(Way::Host, &[0; 16 * (STORE_BEATS - 1)], 0), Err(UartError::NoAnswer { .. })));
    // They are gone with a reset, and the next host meets none of them.
    let mut line = Uart::open(line.into_line(), limits()).unwrap();
    enable(&mut line);
    line.line().run(5_000);
    assert_eq!(counter(&mut line, Event::TxFrames), 0);
}

#[test]
fn a_host_two_per_cent_off_is_understood() {
    for clocks in [DIVIDER as f64 * 0.98, DIVIDER as f64 * 1.02] {
        let mut line = Uart::open(pins(clocks), limits()).unwrap();
        enable(&mut line);
        let mut rng = SmallRng::seed_from_u64(2);
        let frames: Vec<_> = [14, 60, 200, 1514].map(|length| (Way::Host, frame(&mut rng, length))).into();
        through(&mut line, &frames);
        assert_eq!(line.line().broken, 0);
    }
}
