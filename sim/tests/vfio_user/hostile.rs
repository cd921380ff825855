//! Messages that no good client sends: every one gets an error, or ends its connection; the server goes on.

use std::collections::VecDeque;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use espalier_sim::vfio_user::message::{Command, HEADER, Header, MAX_MESSAGE};
use proptest::prelude::*;

use crate::client::{Answering, CAPABILITIES, Client, Message, words};
use crate::function::{HANG, SCRATCH};
use crate::harness::Served;

/// Another client is served as ever.
fn alive(served: &Served) {
    let mut client = Client::ready(&served.socket);
    client.set_register(SCRATCH, 0x5a5a);
    assert_eq!(client.register(SCRATCH), 0x5a5a);
}

/// The connection is closed, after any number of messages.
fn closed(client: &mut Client) {
    while client.receive().is_some() {}
}

#[test]
fn wrong_sizes_get_an_error_and_the_connection_goes_on() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    let whole = [(2, 32), (3, 24), (4, 16), (5, 32), (7, 16), (8, 20), (9, 16), (10, 16), (13, 0)];
    for (command, size) in whole {
        for wrong in [0, 1, size - 1, size + 1, size + 4096, 1 << 20] {
            if wrong != size && (0..=1 << 20).contains(&wrong) {
                let refused = client.ask(command, &vec![0; wrong as usize]);
                assert!(refused.is_err(), "command {command} with {wrong} bytes: {refused:?}");
            }
        }
    }
    for unknown in [0, 6, 11, 12, 14, 15, 16, 17, 18, 19, 255, u16::MAX] {
        assert_eq!(client.ask(unknown, &[0; 32]), Err(95), "command {unknown}");
    }
    let huge = [&0u64.to_le_bytes()[..], &words(&[0, u32::MAX])].concat();
    assert_eq!(client.ask(9, &huge), Err(7));
    assert_eq!(client.ask(10, &huge), Err(7));
    assert_eq!(client.register(SCRATCH), 0);
}

#[test]
fn file_descriptors_where_none_belong_are_refused() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    let file = tempfile::tempfile().unwrap();
    let fds = |count| vec![file.as_fd(); count];
    assert_eq!(client.ask_with(4, &words(&[16, 0, 0, 0]), &fds(1)), Err(22));
    let set = |count| words(&[20, 0b10_0100, 2, 0, count]);
    for (count, given) in [(3, 2), (2, 3), (1, 8), (0, 1)] {
        assert_eq!(client.ask_with(8, &set(count), &fds(given)), Err(22), "{given} for {count}");
    }
    assert_eq!(client.ask_with(8, &words(&[20, 0b10_0001, 2, 0, 1]), &fds(1)), Err(22));
    // Eventfds that are none: a full pipe without a reader, a file.
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    client.ask_with(8, &set(2), &[writer.as_fd(), file.as_fd()]).unwrap();
    drop(reader);
    client.ask(8, &words(&[20, 0b10_0001, 2, 0, 3])).unwrap();
    let fds = vec![file.as_fd(); 9];
    client.send_with(&Message::command(1, 8, &set(3)).bytes(), &fds);
    closed(&mut client);
    alive(&served);
}

#[test]
fn what_cannot_be_read_on_ends_the_connection() {
    let served = Served::start();
    let header = |size: u32, flags: u32| [words(&[0x0004_0001]), words(&[size, flags, 0])].concat();
    for bad in [header(0, 0), header(15, 0), header(MAX_MESSAGE as u32 + 1, 0), header(u32::MAX, 0), header(32, 2), header(16, 0xf)] {
        let mut client = Client::ready(&served.socket);
        client.send_with(&bad, &[]);
        closed(&mut client);
    }
    // Nothing before the version, and no second one.
    let mut client = Client::connect(&served.socket);
    client.send(&Message::command(1, 4, &words(&[16, 0, 0, 0])));
    closed(&mut client);
    let mut client = Client::ready(&served.socket);
    client.send(&Message::command(1, 1, &[0; 4]));
    closed(&mut client);
    for data in [&b"\0\0\0\0{]\0"[..], b"\0\0\0\0{}", b"\0\0\0\0\xff\0", b"\x01\0\0\0", b"\0\0\0"] {
        let mut client = Client::connect(&served.socket);
        assert!(client.ask(1, data).is_err());
        drop(client);
    }
    alive(&served);
}

#[test]
fn replies_that_answer_nothing_end_the_connection() {
    let served = Served::start();
    let reply = |id, command, body: &[u8]| Message { id, command, flags: 1, error: 0, body: body.to_vec() };
    let mut client = Client::ready(&served.socket);
    client.send(&reply(7, 11, &[]));
    closed(&mut client);
    // The question of the layout, answered as another command; a read, answered with too little, too much, or of another place.
    for wrong in 0..5 {
        let mut client = Client::ready(&served.socket);
        client.answering = Answering::Never;
        client.set_register(HANG, 1);
        client.wait_for_access();
        let question = client.held.pop_front().unwrap();
        if wrong == 0 {
            client.send(&reply(question.id, 12, &question.body));
        } else {
            client.answer(&question);
            client.wait_for_access();
            let read = client.held.pop_front().unwrap();
            let mut body = [&read.body[..], &[0; 16]].concat();
            match wrong {
                1 => body.truncate(31),
                2 => body.push(0),
                3 => body[0] ^= 16,
                _ => body[8] = 15,
            }
            client.send(&reply(read.id, 11, &body));
        }
        closed(&mut client);
    }
    alive(&served);
}

#[test]
fn a_client_that_never_answers_or_never_reads_is_cut_off() {
    let served = Served::start();
    let mut client = Client::ready(&served.socket);
    client.answering = Answering::Never;
    client.set_register(HANG, 1);
    client.wait_for_access();
    let question = client.held.pop_front().unwrap();
    client.answer(&question);
    // More than may be without an answer, by resets over and over.
    let write = |region, offset: u64, data: &[u8]| [&offset.to_le_bytes()[..], &words(&[region, data.len() as u32]), data].concat();
    let refused = |client: &mut Client, command, body: &[u8], until: u16| {
        if client.stream.write_all(&Message::command(1, command, body).bytes()).is_err() {
            return true;
        }
        loop {
            match client.receive() {
                None => return true,
                Some(message) if message.command == until => return false,
                Some(_) => {}
            }
        }
    };
    let mut rounds = 0;
    while !(refused(&mut client, 10, &write(7, 4, &[6, 0]), 10)
        || refused(&mut client, 10, &write(0, HANG, &512u32.to_le_bytes()), 11)
        || refused(&mut client, 13, &[], 13))
    {
        rounds += 1;
        assert!(rounds < 20);
    }
    assert!(rounds > 3);
    // Replies that nobody reads.
    let mut client = Client::ready(&served.socket);
    client.stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    let message = Message::command(1, 9, &[&0u64.to_le_bytes()[..], &words(&[7, 4096])].concat()).bytes();
    let mut sent = 0;
    while client.stream.write_all(&message).is_ok() {
        sent += 1;
        assert!(sent < 100_000);
    }
    drop(client);
    alive(&served);
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        // Words that are near what is right.
        proptest::collection::vec(
            prop_oneof![0u32..8, Just(16), Just(20), Just(24), Just(32), Just(u32::MAX), 0xc000u32..0x1_0010, any::<u32>()],
            0..12
        )
        .prop_map(|list| words(&list)),
    ]
}

/// A range of a region, with data or without, that may be right.
fn any_access() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let offset = prop_oneof![0u64..0x1_0010, Just(u64::MAX), any::<u64>()];
    let count = prop_oneof![4 => 0u32..20, 1 => 0u32..5000, 1 => any::<u32>()];
    (9u16..=10, offset, prop_oneof![Just(0u32), Just(7), 0u32..10], count, 0usize..40).prop_map(|(command, offset, region, count, more)| {
        let data = if command == 10 { vec![0xa7; if more < 30 { (count as usize).min(6000) } else { more }] } else { vec![] };
        (command, [&offset.to_le_bytes()[..], &words(&[region, count]), &data].concat())
    })
}

fn any_message() -> impl Strategy<Value = (Message, usize)> {
    let command = prop_oneof![4 => 1u16..20, 1 => any::<u16>()];
    let content = prop_oneof![(command, any_body()), any_access()];
    let flags = prop_oneof![6 => Just(0u32), 2 => Just(0x10), 1 => Just(1), 1 => Just(0x21), 1 => any::<u32>()];
    (any::<u16>(), content, flags, 0usize..4)
        .prop_map(|(id, (command, body), flags, fds)| (Message { id, command, flags, error: 0, body }, fds))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_header_and_any_body_are_read_or_refused(head in any::<[u8; HEADER]>(), command in 0u16..20, body in any_body()) {
        if let Ok(header) = Header::parse(&head) {
            prop_assert!(header.body <= MAX_MESSAGE - HEADER);
        }
        if let Err(refused) = Command::parse(command, &body, vec![]) {
            prop_assert!(refused.errno().raw_os_error() > 0);
            prop_assert!(refused.to_string().contains("command"));
        }
    }
}

#[test]
fn any_messages_leave_the_server_as_it_was() {
    let served = Served::start();
    let file = tempfile::tempfile().unwrap();
    let config = ProptestConfig { cases: 300, max_shrink_iters: 200, ..ProptestConfig::default() };
    let sequence = (proptest::collection::vec(any_message(), 1..30), any::<bool>(), 0usize..40);
    proptest!(config, |((messages, hello, cut) in sequence)| {
        let mut client = Client::connect(&served.socket);
        let mut queue = VecDeque::from(messages);
        if hello {
            queue.push_front((Message::command(0, 1, &[&[0; 4], CAPABILITIES.as_bytes(), &[0]].concat()), 0));
        }
        while let Some((message, fds)) = queue.pop_front() {
            let mut bytes = message.bytes();
            if queue.is_empty() {
                // The last one ends too early.
                bytes.truncate(bytes.len().saturating_sub(cut).max(1));
            }
            let fds: Vec<BorrowedFd<'_>> = vec![file.as_fd(); fds];
            if !try_send(&client, &bytes, &fds) {
                break;
            }
        }
        client.stream.shutdown(std::net::Shutdown::Write).unwrap_or(());
        closed(&mut client);
    });
    alive(&served);
}

/// False: the connection is closed.
fn try_send(client: &Client, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> bool {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(fds)));
    }
    sendmsg(&client.stream, &[std::io::IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL).is_ok()
}
