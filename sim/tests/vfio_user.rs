//! The vfio-user server, with a function in software behind it and a client in this process before it.

#![allow(clippy::unwrap_used)]

#[path = "vfio_user/client.rs"]
mod client;
#[path = "vfio_user/function.rs"]
mod function;
#[path = "vfio_user/harness.rs"]
mod harness;
#[path = "vfio_user/hostile.rs"]
mod hostile;

use std::time::{Duration, Instant};

use client::{Answering, CAPABILITIES, Client, u32_at, u64_at, words};
use espalier_driver::bus::Interrupt;
use function::{ACKNOWLEDGE, CONTROL, DONE, FAULTS, GO, HANG, LENGTH, REFUSING, RX_STATE, SCRATCH, SOURCE, TARGET};
use harness::Served;

const EVENTFD_TRIGGER: u32 = 0b10_0100;
const NONE_TRIGGER: u32 = 0b10_0001;
const NONE_MASK: u32 = 0b00_1001;
const NONE_UNMASK: u32 = 0b01_0001;

const EIO: u32 = 5;
const EEXIST: u32 = 17;
const EINVAL: u32 = 22;

fn fires(vector: &Interrupt) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        if vector.take().unwrap() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

/// Nothing comes while the client asks something, and a little later.
fn silent(client: &mut Client, vector: &Interrupt) -> bool {
    client.register(SCRATCH);
    std::thread::sleep(Duration::from_millis(20));
    !vector.take().unwrap()
}

fn vectors() -> [Interrupt; 3] {
    [(); 3].map(|()| Interrupt::new().unwrap())
}

fn set_copy(client: &mut Client, source: u64, target: u64, length: u32) {
    client.set_register(SOURCE, source as u32);
    client.set_register(SOURCE + 4, (source >> 32) as u32);
    // Eight bytes at once are two registers.
    client.write(0, TARGET, &target.to_le_bytes());
    client.set_register(LENGTH, length);
}

/// Copies, and waits for the interrupt.
fn copy(client: &mut Client, length: usize, vector: u32, interrupt: &Interrupt) {
    let base = client.base;
    for (at, byte) in client.memory.iter_mut().enumerate() {
        *byte = (at * 7 + at / 256) as u8;
    }
    set_copy(client, base, base + 0x8000, length as u32);
    client.set_register(GO, vector);
    while client.register(DONE) == 0 {
        assert_eq!(client.register(FAULTS), 0);
    }
    assert!(fires(interrupt));
    let (source, target) = client.memory.split_at(0x8000);
    let expected: Vec<u8> = source[..length].iter().map(|byte| !byte).collect();
    assert!(target[..length] == expected);
    assert_eq!(target[length], ((0x8000 + length) * 7 + (0x8000 + length) / 256) as u8, "one byte too many");
}

#[test]
fn a_client_learns_what_the_device_has() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    assert_eq!(client.ask(4, &words(&[16, 0, 0, 0])), Ok(words(&[16, 3, 9, 3])));
    for (index, flags, size) in [(0, 3, 0x1_0000), (1, 0, 0), (6, 0, 0), (7, 3, 4096), (8, 0, 0)] {
        let reply = client.ask(5, &words(&[32, 0, index, 0, 0, 0, 0, 0])).unwrap();
        assert_eq!(reply, words(&[32, flags, index, 0, size, 0, 0, 0]), "region {index}");
    }
    for (index, flags, count) in [(0, 7, 1), (1, 0, 0), (2, 3, 3)] {
        assert_eq!(client.ask(7, &words(&[16, 0, index, 0])), Ok(words(&[16, flags, index, count])), "irq {index}");
    }
    assert_eq!(client.ask(5, &words(&[32, 0, 9, 0, 0, 0, 0, 0])), Err(EINVAL));
    assert_eq!(client.ask(7, &words(&[16, 0, 3, 0])), Err(EINVAL));
    let ids = client.read(7, 0, 4).unwrap();
    assert_eq!(u32_at(&ids, 0), 0x4303_1234);
    let serial = client.read(7, 0x104, 8).unwrap();
    assert_eq!(u64_at(&serial, 0), harness::SERIAL);
}

#[test]
fn registers_are_read_and_written_in_any_size() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    client.set_register(SCRATCH, 0x4433_2211);
    assert_eq!(client.read(0, SCRATCH, 4), Ok(vec![0x11, 0x22, 0x33, 0x44]));
    assert_eq!(client.read(0, SCRATCH + 1, 2), Ok(vec![0x22, 0x33]));
    client.write(0, SCRATCH + 2, &[0xaa]);
    assert_eq!(client.register(SCRATCH), 0x44aa_2211);
    assert_eq!(client.read(0, SCRATCH - 2, 8), Ok(vec![0, 0, 0x11, 0x22, 0xaa, 0x44, 0xff, 0xff]), "a refused read gives ones");
    client.set_register(REFUSING, 1);
    assert_eq!(client.read(0, 0, 0), Ok(vec![]));
    assert_eq!(client.read(0, 0xc000, 4), Ok(vec![0xff; 4]), "the MSI-X table is the kernel's");
    client.set_register(0xc00c, 0);
    assert_eq!(client.read(0, 0xfffc, 8), Err(EINVAL));
    assert_eq!(client.read(0, u64::MAX, 1), Err(EINVAL));
    assert_eq!(client.read(1, 0, 4), Err(EINVAL));
    assert_eq!(client.read(7, 4096, 1), Err(EINVAL));
    assert_eq!(client.try_write(8, 0, &[0]), Err(EINVAL));
    client.write(7, 4, &[0, 0]);
    assert_eq!(client.read(0, SCRATCH, 4), Err(EIO), "memory space is off");
    assert_eq!(client.try_write(0, SCRATCH, &[0; 4]), Err(EIO));
}

#[test]
fn mappings_follow_the_protocol() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    let map = |address: u64, size: u64| [words(&[32, 3]), vec![0; 8], address.to_le_bytes().to_vec(), size.to_le_bytes().to_vec()].concat();
    let unmap =
        |flags: u32, address: u64, size: u64| [words(&[24, flags]), address.to_le_bytes().to_vec(), size.to_le_bytes().to_vec()].concat();
    assert_eq!(client.ask(2, &map(0, 1 << 40)), Ok(vec![]));
    assert_eq!(client.ask(2, &map(0x1000, 1)), Err(EEXIST));
    assert_eq!(client.ask(2, &map(u64::MAX, 2)), Err(EINVAL));
    assert_eq!(client.ask(3, &unmap(0, 0, 4096)), Err(EINVAL));
    assert_eq!(client.ask(3, &unmap(0, 0, 1 << 40)), Ok(unmap(0, 0, 1 << 40)));
    assert_eq!(client.ask(2, &map(0x1000, 1)), Ok(vec![]));
    assert_eq!(client.ask(3, &unmap(2, 0, 0)), Ok(unmap(2, 0, 0)));
    // A file to map is an offer.
    let file = tempfile::tempfile().unwrap();
    assert_eq!(client.ask_with(2, &map(0x1000, 1), &[std::os::fd::AsFd::as_fd(&file)]), Ok(vec![]));
}

#[test]
fn memory_is_accessed_by_message_and_interrupts_are_eventfds() {
    let served = Served::start();
    for (packed, capabilities) in [(false, CAPABILITIES), (true, CAPABILITIES), (false, r#"{"capabilities":{"max_data_xfer_size":48}}"#)] {
        let mut client = Client::ready_with(&served.socket, capabilities);
        client.packed = packed;
        let interrupts = vectors();
        client.set_irqs(EVENTFD_TRIGGER, 2, 0, 3, &[&interrupts[0], &interrupts[1], &interrupts[2]]).unwrap();
        assert_eq!(client.read(7, 0x52, 2), Ok(vec![2, 0x80]), "MSI-X is on");
        copy(&mut client, 5000, 1, &interrupts[1]);
        let expected = if capabilities == CAPABILITIES { 1 + 2 * 20 } else { 1 + 19 * 6 * 2 + 2 * 3 };
        assert_eq!(client.answered, expected, "the question of the layout, then messages as long as they may be");
        assert!(!interrupts[0].take().unwrap() && !interrupts[2].take().unwrap());
    }
}

#[test]
fn registers_answer_while_accesses_are_outstanding() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    let interrupts = vectors();
    client.set_irqs(EVENTFD_TRIGGER, 2, 0, 1, &[&interrupts[0]]).unwrap();
    copy(&mut client, 16, 0, &interrupts[0]); // the layout is known now
    let base = client.base;
    set_copy(&mut client, base, base + 0x8000, 4096);
    client.answering = Answering::Never;
    client.set_register(GO, 0);
    while client.held.len() < 16 {
        client.wait_for_access();
    }
    for value in 0..100 {
        client.set_register(SCRATCH, value);
        assert_eq!(client.register(SCRATCH), value);
    }
    assert_eq!(client.read(7, 0x6a, 2), Ok(vec![0x20, 0]), "transactions pending");
    client.answering = Answering::AtOnce;
    client.answer_held(); // the last one first
    while client.register(DONE) < 2 {}
    let (source, target) = client.memory.split_at(0x8000);
    assert!(source.iter().zip(target).take(4096).all(|(a, b)| *a == !b));
    assert_eq!(client.read(7, 0x6a, 2), Ok(vec![0, 0]));
}

#[test]
fn refused_accesses_are_errors_and_without_bus_master_there_are_none() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    set_copy(&mut client, 0x7000_0000, 0x7000_0000, 64);
    client.set_register(GO, 0);
    while client.register(FAULTS) < 1 {}
    let (base, answered) = (client.base, client.answered);
    assert_eq!(answered, 2, "a question and an access");
    client.write(7, 4, &[2, 0]);
    set_copy(&mut client, base, base, 64);
    client.set_register(GO, 0);
    while client.register(FAULTS) < 2 {}
    assert_eq!(client.answered, answered);
    client.write(7, 4, &[6, 0]);
    client.set_register(GO, 0);
    while client.register(DONE) < 1 {}
    assert_eq!(served.seen().wrong_answers, 0);
}

#[test]
fn msix_is_masked_by_vector_and_as_a_whole() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    let interrupts = vectors();
    client.set_irqs(EVENTFD_TRIGGER, 2, 0, 3, &[&interrupts[0], &interrupts[1], &interrupts[2]]).unwrap();
    copy(&mut client, 16, 0, &interrupts[0]);
    client.set_irqs(NONE_MASK, 2, 0, 1, &[]).unwrap();
    client.set_register(GO, 0);
    while client.register(DONE) < 2 {}
    assert!(silent(&mut client, &interrupts[0]));
    assert_eq!(client.register(0xd000), 1, "pending");
    client.set_irqs(NONE_UNMASK, 2, 0, 1, &[]).unwrap();
    assert!(fires(&interrupts[0]));
    client.write(7, 0x53, &[0xc0]); // enable, mask all
    client.set_register(GO, 2);
    while client.register(DONE) < 3 {}
    assert!(silent(&mut client, &interrupts[2]));
    client.write(7, 0x53, &[0x80]);
    assert!(fires(&interrupts[2]));
    // Only those that are true; the client signals by itself.
    let some = [words(&[23, 0b10_0010, 2, 0, 3]), vec![0, 1, 0]].concat();
    client.ask(8, &some).unwrap();
    assert!(fires(&interrupts[1]) && !interrupts[0].take().unwrap());
    // De-assigned: nobody listens. Switched off: MSI-X is off.
    client.set_irqs(EVENTFD_TRIGGER, 2, 1, 1, &[]).unwrap();
    client.ask(8, &some).unwrap();
    assert!(silent(&mut client, &interrupts[1]));
    client.set_irqs(NONE_TRIGGER, 2, 0, 0, &[]).unwrap();
    assert_eq!(client.read(7, 0x52, 2), Ok(vec![2, 0]));
    for (flags, index, start, count) in
        [(EVENTFD_TRIGGER, 2, 1, 3), (NONE_TRIGGER, 1, 0, 1), (NONE_MASK, 3, 0, 1), (NONE_TRIGGER, 2, u32::MAX, 1), (NONE_MASK, 2, 0, 0)]
    {
        assert_eq!(client.set_irqs(flags, index, start, count, &[]), Err(EINVAL), "{flags:#x} {index} {start} {count}");
    }
}

#[test]
fn intx_is_a_level_that_masks_itself() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    let [interrupt, ..] = vectors();
    client.set_irqs(EVENTFD_TRIGGER, 0, 0, 1, &[&interrupt]).unwrap();
    copy(&mut client, 16, 0, &interrupt);
    assert_eq!(client.read(7, 6, 1), Ok(vec![0x18]), "interrupt status");
    assert!(silent(&mut client, &interrupt));
    client.set_irqs(NONE_UNMASK, 0, 0, 1, &[]).unwrap();
    assert!(fires(&interrupt), "it is still high");
    client.set_register(ACKNOWLEDGE, 1);
    client.set_irqs(NONE_UNMASK, 0, 0, 1, &[]).unwrap();
    assert!(silent(&mut client, &interrupt));
    client.write(7, 4, &[6, 4]); // INTx disable
    client.set_register(GO, 0);
    while client.register(DONE) < 2 {}
    assert!(silent(&mut client, &interrupt));
    client.write(7, 4, &[6, 0]);
    assert!(fires(&interrupt));
}

#[test]
fn a_function_level_reset_waits_for_what_was_under_way() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    let interrupts = vectors();
    client.set_irqs(EVENTFD_TRIGGER, 2, 0, 1, &[&interrupts[0]]).unwrap();
    copy(&mut client, 16, 0, &interrupts[0]);
    let (base, resets) = (client.base, served.seen().resets);
    set_copy(&mut client, base, base + 0x8000, 1024);
    client.answering = Answering::Never;
    client.set_register(GO, 0);
    while client.held.len() < 4 {
        client.wait_for_access();
    }
    client.write(7, 0x68, &[0x10, 0xa8]);
    assert_eq!(served.seen().resets, resets + 1);
    assert_eq!(client.read(7, 0, 4), Ok(vec![0xff; 4]), "not ready");
    client.write(7, 4, &[6, 0]);
    client.answer_held();
    assert_eq!(client.read(7, 0, 8), Ok(vec![0x34, 0x12, 3, 0x43, 0, 0, 0x10, 0]), "ready, and nothing is enabled");
    client.answering = Answering::AtOnce;
    client.write(7, 4, &[6, 0]);
    assert_eq!(client.register(SOURCE), 0);
    copy(&mut client, 300, 0, &interrupts[0]); // eventfds have stayed
    assert_eq!(served.seen().wrong_answers, 0);
}

#[test]
fn a_reset_by_message_is_done_when_it_is_answered() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    client.answering = Answering::Never;
    for round in 1..20 {
        client.set_register(HANG, round);
        client.set_register(SCRATCH, round);
        assert_eq!(client.ask(13, &[]), Ok(vec![]));
        assert_eq!(served.seen().reads_under_way, 0);
        assert_eq!(client.read(7, 4, 2), Ok(vec![0, 0]));
        client.write(7, 4, &[6, 0]);
        assert_eq!(client.register(SCRATCH), 0);
    }
    client.answering = Answering::AtOnce;
    client.answer_held();
    client.register(SCRATCH);
    assert_eq!(served.seen().wrong_answers, 0);
}

#[test]
fn clients_come_and_go_and_each_finds_a_new_device() {
    let served = Served::start();
    for round in 1..4 {
        let mut client = Client::ready(&served.socket);
        assert_eq!(client.register(SCRATCH), 0);
        assert_eq!(client.read(7, 0x52, 2), Ok(vec![2, 0]));
        client.set_register(SCRATCH, round);
        let interrupts = vectors();
        client.set_irqs(EVENTFD_TRIGGER, 2, 0, 1, &[&interrupts[0]]).unwrap();
        client.answering = Answering::Never;
        client.set_register(HANG, 7);
        client.wait_for_access();
    }
    let mut last = Client::ready(&served.socket);
    assert_eq!(last.register(SCRATCH), 0);
    assert_eq!(served.seen().wrong_answers, 0);
}

#[test]
fn at_rest_it_does_nothing_and_frames_wake_it() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    // No clock for so long that even a busy machine would have come to one.
    let rest = |served: &Served| {
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut clocks, mut since) = (served.seen().clocks, Instant::now());
        while since.elapsed() < Duration::from_millis(500) {
            assert!(Instant::now() < deadline, "it never rests");
            std::thread::sleep(Duration::from_millis(10));
            let now = served.seen().clocks;
            if now != clocks {
                (clocks, since) = (now, Instant::now());
            }
        }
        clocks
    };
    let first = rest(&served);
    client.set_register(0x805c, 60_000); // completions may wait for company so long
    let second = rest(&served);
    assert!((64_000..70_000).contains(&(second - first)), "{first} {second}");
    served.frame(&[1; 60]);
    while !served.taken() {
        client.register(SCRATCH);
    }
    assert_eq!(served.sent(), None, "it does not receive");
    client.set_register(CONTROL, 2);
    client.set_register(RX_STATE, 1);
    rest(&served);
    served.frame(&[[2; 30], [3; 30]].concat());
    assert_eq!(served.sent_soon(), [[3; 30], [2; 30]].concat());
    rest(&served);
}

#[test]
fn a_client_that_is_behind_holds_the_wire_and_loses_nothing() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    let interrupts = vectors();
    client.set_irqs(EVENTFD_TRIGGER, 2, 0, 1, &[&interrupts[0]]).unwrap();
    copy(&mut client, 16, 0, &interrupts[0]); // the layout is known now
    client.set_register(CONTROL, 2);
    client.set_register(RX_STATE, 1);
    let base = client.base;
    set_copy(&mut client, base, base + 0x8000, 4096);
    client.set_register(GO, 0);
    (0..16).for_each(|_| client.wait_for_access()); // reads
    client.answering = Answering::Never;
    while client.held.len() < 16 {
        client.wait_for_access();
    }
    for number in 0..20 {
        served.frame(&[number; 60]);
    }
    for _ in 0..200 {
        client.register(SCRATCH);
    }
    assert!(!served.taken());
    assert_eq!(served.sent(), None);
    client.answering = Answering::AtOnce;
    client.answer_held();
    for number in 0..20 {
        assert_eq!(served.sent_soon(), [number; 60]);
    }
}

#[test]
fn the_socket_goes_with_the_server_and_is_one_servers() {
    let served = Served::start();
    let socket = served.socket.clone();
    let second = harness::server(&socket);
    assert!(second.err().unwrap().to_string().contains("in use"));
    drop(Client::ready(&socket));
    served.stop();
    assert!(!socket.exists());
    // Left behind by a server that was killed.
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("device.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    drop(harness::server(&socket).unwrap());
    assert!(!socket.exists());
}
