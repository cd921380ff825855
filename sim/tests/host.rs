//! A card in a host, on a stand-in (card/stand_in.v).
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use espalier_driver::bus::{Bus, DmaAccess, DmaBus, InterruptBus, ResetBus};
use espalier_sim::host::{Faults, Reason, Refusal};
use espalier_sim::{CardOptions, Error, Host, Model};

const STAND_IN: &str = include_str!("card/stand_in.v");

fn host(options: CardOptions) -> Host {
    Host::new(Model::from_verilog("card_stand_in", STAND_IN, "card").unwrap(), options).unwrap()
}

/// Copies and waits for the end: rresp, bresp.
fn copy(host: &mut Host, from: u64, to: u64, beats: u32) -> (u32, u32) {
    for (register, value) in [(0x40, from as u32), (0x44, (from >> 32) as u32), (0x48, to as u32), (0x4c, (to >> 32) as u32), (0x50, beats)]
    {
        host.write(register, value).unwrap();
    }
    loop {
        let status = host.read(0x54).unwrap();
        if status & 0x100 != 0 {
            return (status & 3, status >> 4 & 3);
        }
        host.pause().unwrap();
    }
}

#[test]
fn memory_is_reached_where_it_is_mapped_and_nowhere_else() {
    let mut host = host(CardOptions::random(1, 30));
    let source = host.allocate(100, DmaAccess::Read).unwrap();
    let target = host.allocate(4096, DmaAccess::ReadWrite).unwrap();
    assert!(source.iova() > u64::from(u32::MAX) && target.iova() > source.iova() + source.pages().len() as u64);
    source.pages().write(0, &[9; 64]);
    assert_eq!(copy(&mut host, source.iova(), target.iova() + 0x100, 4), (0, 0));
    let mut bytes = [0; 65];
    target.pages().read(0x100, &mut bytes);
    assert_eq!((&bytes[..64], bytes[64]), (&[9; 64][..], 0));
    assert!(host.take_violations().is_empty());

    let (from, end) = (source.iova(), target.iova() + target.pages().len() as u64);
    assert_eq!(copy(&mut host, from, end, 1), (0, 3));
    assert_eq!(copy(&mut host, from - 16, end, 1), (3, 0));
    assert_eq!(copy(&mut host, target.iova(), from, 1), (0, 3));
    drop(target);
    assert_eq!(copy(&mut host, end - 4096, end, 1), (3, 0));
    let violations: Vec<_> = host.take_violations().into_iter().map(|v| (v.write, v.address, v.bytes, v.why)).collect();
    let (unmapped, read_only) = (Reason::Iommu(Refusal::Unmapped), Reason::Iommu(Refusal::ReadOnly));
    let expected =
        [(true, end, 16, unmapped), (false, from - 16, 16, unmapped), (true, from, 16, read_only), (false, end - 4096, 16, unmapped)];
    assert_eq!(violations, expected);
    assert_eq!((host.mapped(), host.outstanding()), (1, 0));
}

#[test]
fn faults_are_counted_and_answered() {
    let mut host = host(CardOptions::random(2, 10));
    let source = host.allocate(4096, DmaAccess::Read).unwrap();
    let target = host.allocate(4096, DmaAccess::ReadWrite).unwrap();
    host.set_faults(Faults::one_in(4));
    let (mut slave, mut decode) = (0, 0);
    for round in 0..200u8 {
        source.pages().write(0, &[round; 16]);
        let (rresp, bresp) = copy(&mut host, source.iova(), target.iova(), 1);
        let mut byte = [0];
        target.pages().read(0, &mut byte);
        assert!((rresp, bresp) != (0, 0) || byte == [round]);
        slave += u64::from(rresp == 2 || bresp == 2);
        decode += u64::from(rresp == 3 || bresp == 3);
    }
    let counts = host.fault_counts();
    assert_eq!((counts.read_errors + counts.write_errors, counts.unmapped), (slave, decode));
    assert!(counts.read_errors > 20 && counts.write_errors > 20 && counts.unmapped > 20 && counts.slow > 20, "{counts:?}");
    assert!(host.take_violations().is_empty());
}

#[test]
fn messages_fire_their_vector_and_others_are_violations() {
    let mut host = host(CardOptions::random(3, 20));
    let vectors = host.interrupts(3).unwrap();
    assert!(!host.wait(&vectors, Duration::from_micros(1)).unwrap());
    for vector in [1, 0, 2] {
        host.write(0x58, vector).unwrap();
        assert!(host.wait(&vectors, Duration::from_micros(10)).unwrap());
        assert!(host.wait(&vectors, Duration::ZERO).unwrap(), "until it is taken");
        let fired: Vec<_> = vectors.iter().map(|vector| vector.take().unwrap()).collect();
        assert_eq!(fired, [vector == 0, vector == 1, vector == 2]);
        host.run_until_quiet(300, 10_000).unwrap();
    }
    host.write(0xc008, 99).unwrap();
    host.write(0x58, 0).unwrap();
    assert!(!host.wait(&vectors, Duration::from_micros(10)).unwrap());
    assert_eq!(host.take_violations().remove(0).why, Reason::Message);
    let error = host.interrupts(4).unwrap_err();
    assert!(error.to_string().contains("4 interrupt vectors are wanted, the card has 3"), "{error}");
}

#[test]
fn without_a_table_the_wires_fire() {
    let verilog = STAND_IN.replace("000413a1", "000403a1");
    let mut host = Host::new(Model::from_verilog("card_wires", &verilog, "card").unwrap(), CardOptions::default()).unwrap();
    let vectors = host.interrupts(3).unwrap();
    host.write(0x58, 1).unwrap();
    assert!(host.wait(&vectors, Duration::from_micros(1)).unwrap());
    assert!(vectors[1].take().unwrap() && !vectors[0].take().unwrap());
    host.write(0x58, 1).unwrap();
    assert!(!host.wait(&vectors, Duration::from_micros(1)).unwrap(), "the wire is still up");
    host.write(0x5c, 0).unwrap();
    host.write(0x58, 1).unwrap();
    assert!(host.wait(&vectors, Duration::from_micros(1)).unwrap());
}

#[test]
fn a_reset_waits_for_accesses_and_keeps_interrupts() {
    let mut options = CardOptions::default();
    options.memory.latency = 500..=500;
    let mut host = host(options);
    let vectors = host.interrupts(3).unwrap();
    let memory = host.allocate(4096, DmaAccess::ReadWrite).unwrap();
    memory.pages().write(0, &[5; 16]);
    for (register, value) in [(0x40, 0), (0x44, 1), (0x48, 0x80), (0x4c, 1), (0x50, 1)] {
        host.write(register, value).unwrap();
    }
    assert!(host.outstanding() > 0);
    ResetBus::reset(&mut host).unwrap();
    assert_eq!((host.outstanding(), host.read(0x54).unwrap()), (0, 0));
    let mut bytes = [0; 16];
    memory.pages().read(0x80, &mut bytes);
    assert_eq!(bytes, [5; 16]);
    host.write(0x58, 1).unwrap();
    assert!(host.wait(&vectors, Duration::from_micros(10)).unwrap());
}

#[test]
fn a_card_that_does_not_halt_is_an_error() {
    let verilog = STAND_IN.replace("assign halted = halt && !busy;", "assign halted = halt;");
    let mut options = CardOptions::default();
    options.memory.latency = 500..=500;
    let mut host = Host::new(Model::from_verilog("card_liar", &verilog, "card").unwrap(), options).unwrap();
    let _memory = host.allocate(4096, DmaAccess::ReadWrite).unwrap();
    for (register, value) in [(0x40, 0), (0x44, 1), (0x48, 0x80), (0x4c, 1), (0x50, 1)] {
        host.write(register, value).unwrap();
    }
    let error = ResetBus::reset(&mut host).unwrap_err();
    assert!(error.to_string().contains("halted with an access under way"), "{error}");
    assert!(matches!(host.step(), Err(Error::Protocol { .. })));
}
