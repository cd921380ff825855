#![allow(clippy::unwrap_used)]
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use espalier_driver::xfrm::message::Message;

use super::connection::{LISTENER_BACKLOG, PATIENCE};
use super::protocol::LONGEST_REQUEST;
use super::*;

struct Bench {
    control: Control,
    now: Instant,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::bind(&folder.path().join("control")).unwrap();
        Self { control, now: Instant::now(), _folder: folder }
    }

    fn client(&self) -> UnixStream {
        let client = UnixStream::connect(self.control.path()).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        client
    }

    /// Echoes the words; `monitor` subscribes.
    fn turns(&mut self, count: usize) {
        for _ in 0..count {
            self.control.turn(self.now, &mut |words| {
                if words.first().is_some_and(|word| *word.as_str() == *"monitor") {
                    let command = crate::xfrm::parse_words(words).unwrap();
                    let crate::xfrm::ast::Action::Monitor(monitor) = command.action else { panic!("monitor") };
                    return Reply::Subscribe(Subscription::new(&command, &monitor));
                }
                let mut stdout = Wiped::default();
                words.iter().for_each(|word| stdout.extend(word.as_bytes()));
                Reply::Answer(Answer { stdout, ..Answer::default() })
            });
        }
    }
}

fn line(client: &UnixStream) -> String {
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    line
}

#[test]
fn the_socket_is_its_owners_and_goes_with_the_daemon() {
    let bench = Bench::new();
    let path = bench.control.path().to_owned();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Control::bind(&path).err().unwrap().kind(), ErrorKind::AddrInUse);
    bench.control.close().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_socket_that_was_left_is_replaced_and_a_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    drop(UnixListener::bind(&path).unwrap());
    drop(Control::bind(&path).unwrap());
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    assert_eq!(Control::bind(&path).err().unwrap().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn requests_come_in_pieces_and_are_answered_in_order() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    client.write_all(b"{\"argv\": [\"on").unwrap();
    bench.turns(3);
    client.write_all(b"e\"]}\n{\"argv\": [\"two\"]}\n").unwrap();
    bench.turns(3);
    let mut lines = BufReader::new(&client).lines();
    assert_eq!(lines.next().unwrap().unwrap(), r#"{"status":0,"stdout":"one","stderr":""}"#);
    assert_eq!(lines.next().unwrap().unwrap(), r#"{"status":0,"stdout":"two","stderr":""}"#);
}

#[test]
fn nonsense_is_answered_and_the_next_request_is_read() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    client.write_all(b"\x00\xff nonsense\n{\"argv\": [\"ok\"]}\n").unwrap();
    bench.turns(3);
    let mut lines = BufReader::new(&client).lines();
    assert!(lines.next().unwrap().unwrap().contains("control socket: byte"));
    assert!(lines.next().unwrap().unwrap().contains("\"ok\""));
    assert_eq!((bench.control.counters().malformed, bench.control.counters().requests), (1, 1));
}

#[test]
fn a_request_without_end_is_refused_and_its_client_let_go() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    client.set_nonblocking(true).unwrap();
    let mut sent = 0;
    while sent <= LONGEST_REQUEST {
        sent += client.write(&[b'a'; 4096]).unwrap_or(0);
        bench.turns(1);
    }
    bench.turns(2);
    client.set_nonblocking(false).unwrap();
    assert!(line(&client).contains("at most 65536 bytes"));
    assert_eq!(bench.control.clients(), 0);
}

#[test]
fn half_a_request_is_not_waited_for_for_ever() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    client.write_all(b"{\"argv").unwrap();
    bench.turns(2);
    bench.now += PATIENCE;
    bench.turns(1);
    assert_eq!(bench.control.clients(), 1);
    bench.now += Duration::from_secs(1);
    bench.turns(1);
    assert_eq!(bench.control.clients(), 0);
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_client_too_many_takes_the_place_of_the_quietest() {
    let mut bench = Bench::new();
    let mut clients: Vec<UnixStream> = (0..MOST_CLIENTS).map(|_| bench.client()).collect();
    bench.turns(1);
    bench.now += Duration::from_secs(1);
    for client in &mut clients[1..] {
        client.write_all(b"{\"argv\": [\"x\"]}\n").unwrap();
    }
    bench.turns(1);
    let mut another = bench.client();
    another.write_all(b"{\"argv\": [\"y\"]}\n").unwrap();
    bench.turns(1);
    assert_eq!(bench.control.clients(), MOST_CLIENTS);
    assert!(line(&another).contains("\"y\""));
    assert_eq!(clients[0].read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_client_that_vanishes_is_forgotten() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    client.write_all(b"{\"argv\": [\"x\"]}\n").unwrap();
    drop(client);
    bench.turns(3);
    assert_eq!(bench.control.clients(), 0);
}

#[test]
fn a_listener_hears_and_one_that_does_not_read_loses_counted_events() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    client.write_all(b"{\"argv\": [\"monitor\"]}\n").unwrap();
    bench.turns(2);
    let event = MonitorEvent::Xfrm(Message::FlushedStates { proto: 50 });
    bench.control.tell(&event);
    bench.turns(1);
    assert_eq!(line(&client), "{\"stdout\":\"Flushed state proto esp\\n\"}\n");
    let each = "{\"stdout\":\"Flushed state proto esp\\n\"}\n".len();
    let many = 4 * LISTENER_BACKLOG / each;
    for _ in 0..many {
        bench.control.tell(&event);
        bench.turns(1);
    }
    let mut read = 0;
    let mut lost = 0;
    let mut lines = BufReader::new(&client);
    loop {
        bench.turns(1);
        let mut line = String::new();
        match lines.read_line(&mut line) {
            Ok(_) if line.contains("were lost here") => lost += line.split(['"', ' ']).find_map(|word| word.parse::<usize>().ok()).unwrap(),
            Ok(_) => read += 1,
            Err(_) => break,
        }
    }
    bench.control.tell(&event);
    bench.turns(1);
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    lost += line.split(['"', ' ']).find_map(|word| word.parse::<usize>().ok()).unwrap_or(0);
    assert!(lost > 0 && read + lost == many, "{read} + {lost}, sent {many}");
}
