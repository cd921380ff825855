//! A client as QEMU is one: speaks first, maps memory, answers the device's accesses while it waits for replies.

use std::collections::VecDeque;
use std::io::{IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// A message: number, command, flags, error, body.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: u16,
    pub command: u16,
    pub flags: u32,
    pub error: u32,
    pub body: Vec<u8>,
}

impl Message {
    pub fn command(id: u16, command: u16, body: &[u8]) -> Self {
        Self { id, command, flags: 0, error: 0, body: body.to_vec() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let size = 16 + self.body.len() as u32;
        let head = [&self.id.to_le_bytes()[..], &self.command.to_le_bytes(), &size.to_le_bytes()].concat();
        [&head, &self.flags.to_le_bytes()[..], &self.error.to_le_bytes(), &self.body].concat()
    }
}

/// What the client does with accesses of the device.
#[derive(Clone, Copy, PartialEq)]
pub enum Answering {
    AtOnce,
    /// Keeps them in `held`.
    Never,
}

pub struct Client {
    pub stream: UnixStream,
    next: u16,
    /// As QEMU 10.1 has the messages: the count has 32 bits, and data follow at once.
    pub packed: bool,
    pub answering: Answering,
    pub held: VecDeque<Message>,
    /// Memory at this address; what is elsewhere does not exist.
    pub base: u64,
    pub memory: Vec<u8>,
    pub answered: usize,
}

pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

pub const CAPABILITIES: &str = r#"{"capabilities":{"migration":{"pgsize":4096,"max_bitmap_size":268435456},"max_msg_fds":16,"max_data_xfer_size":1048576,"pgsizes":4096,"max_dma_maps":65535,"write_multiple":true}}"#;

impl Client {
    pub fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self {
            stream,
            next: 0x100,
            packed: false,
            answering: Answering::AtOnce,
            held: VecDeque::new(),
            base: 0x1_0000_0000,
            memory: vec![0; 1 << 16],
            answered: 0,
        }
    }

    /// Connects, agrees on the version, and switches memory and bus master on.
    pub fn ready(path: &Path) -> Self {
        Self::ready_with(path, CAPABILITIES)
    }

    pub fn ready_with(path: &Path, capabilities: &str) -> Self {
        let mut client = Self::connect(path);
        let reply = client.ask(1, &[&[0; 4], capabilities.as_bytes(), &[0]].concat()).unwrap();
        assert_eq!(reply[..4], [0; 4]);
        assert_eq!(reply.last(), Some(&0));
        client.write(7, 4, &[6, 0]);
        client
    }

    pub fn send(&mut self, message: &Message) {
        self.send_with(&message.bytes(), &[]);
    }

    pub fn send_with(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(32))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(fds)));
        }
        let mut sent = sendmsg(&self.stream, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL).unwrap();
        while sent < bytes.len() {
            let mut none = SendAncillaryBuffer::default();
            sent += sendmsg(&self.stream, &[IoSlice::new(&bytes[sent..])], &mut none, SendFlags::NOSIGNAL).unwrap();
        }
    }

    /// The next message of the server; `None` when it has closed the connection.
    pub fn receive(&mut self) -> Option<Message> {
        let mut head = [0; 16];
        match self.stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset) => return None,
            Err(error) => panic!("no message: {error}"),
        }
        let mut body = vec![0; u32_at(&head, 4) as usize - 16];
        self.stream.read_exact(&mut body).unwrap();
        let half = |at| u16::from_le_bytes([head[at], head[at + 1]]);
        Some(Message { id: half(0), command: half(2), flags: u32_at(&head, 8), error: u32_at(&head, 12), body })
    }

    /// A command and its reply: its body, or its error.
    pub fn ask(&mut self, command: u16, body: &[u8]) -> Result<Vec<u8>, u32> {
        self.ask_with(command, body, &[])
    }

    pub fn ask_with(&mut self, command: u16, body: &[u8], fds: &[BorrowedFd<'_>]) -> Result<Vec<u8>, u32> {
        let id = self.next;
        self.next += 1;
        self.send_with(&Message::command(id, command, body).bytes(), fds);
        self.reply(id, command)
    }

    pub fn reply(&mut self, id: u16, command: u16) -> Result<Vec<u8>, u32> {
        loop {
            let message = self.receive().expect("a reply");
            if message.flags & 0xf == 0 {
                self.access(message);
                continue;
            }
            assert_eq!((message.id, message.command, message.flags & 0xf), (id, command, 1));
            return if message.flags & 0x20 == 0 { Ok(message.body) } else { Err(message.error) };
        }
    }

    /// Takes an access of the device.
    pub fn access(&mut self, message: Message) {
        match self.answering {
            Answering::AtOnce => self.answer(&message),
            Answering::Never => self.held.push_back(message),
        }
    }

    /// Waits for an access of the device.
    pub fn wait_for_access(&mut self) {
        let message = self.receive().expect("an access");
        assert_eq!(message.flags & 0xf, 0, "{message:?}");
        self.access(message);
    }

    pub fn answer_held(&mut self) {
        while let Some(message) = self.held.pop_back() {
            self.answer(&message);
        }
    }

    pub fn answer(&mut self, message: &Message) {
        let (address, count) = (u64_at(&message.body, 0), u64_at(&message.body, 8));
        let count = if self.packed { u64::from(u32_at(&message.body, 8)) } else { count };
        let inside = address.checked_sub(self.base).and_then(|at| {
            let end = at.checked_add(count)?;
            (end <= self.memory.len() as u64).then_some(at as usize..end as usize)
        });
        let data_at = if self.packed { 12 } else { 16 };
        let reply = |error: u32, body: Vec<u8>| Message { flags: if error == 0 { 1 } else { 0x21 }, error, body, ..message.clone() };
        let answer = match (message.command, inside) {
            _ if count > 1 << 20 => reply(7, vec![]),
            (11, _) if count == 0 => reply(0, message.body[..16].to_vec()),
            (11, Some(range)) => {
                let mut body = message.body[..data_at].to_vec();
                body.extend_from_slice(&self.memory[range]);
                body.resize(16 + count as usize, 0);
                reply(0, body)
            }
            (12, Some(range)) => {
                assert_eq!(message.body.len() as u64, 16 + count);
                self.memory[range].copy_from_slice(&message.body[data_at..data_at + count as usize]);
                reply(0, vec![])
            }
            (11 | 12, None) => reply(14, vec![]),
            (command, _) => panic!("command {command} of the server"),
        };
        self.answered += 1;
        self.send(&answer);
    }

    pub fn read(&mut self, region: u32, offset: u64, count: u32) -> Result<Vec<u8>, u32> {
        let range = [&offset.to_le_bytes()[..], &words(&[region, count])].concat();
        let body = self.ask(9, &range)?;
        assert_eq!(body[..16], range);
        assert_eq!(body.len(), 16 + count as usize);
        Ok(body[16..].to_vec())
    }

    pub fn try_write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), u32> {
        let range = [&offset.to_le_bytes()[..], &words(&[region, data.len() as u32])].concat();
        let body = self.ask(10, &[&range, data].concat())?;
        assert_eq!(body, range);
        Ok(())
    }

    pub fn write(&mut self, region: u32, offset: u64, data: &[u8]) {
        self.try_write(region, offset, data).unwrap();
    }

    pub fn register(&mut self, offset: u64) -> u32 {
        u32_at(&self.read(0, offset, 4).unwrap(), 0)
    }

    pub fn set_register(&mut self, offset: u64, value: u32) {
        self.write(0, offset, &value.to_le_bytes());
    }

    /// DEVICE_SET_IRQS.
    pub fn set_irqs(&mut self, flags: u32, index: u32, start: u32, count: u32, fds: &[&dyn AsFd]) -> Result<Vec<u8>, u32> {
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        self.ask_with(8, &words(&[20, flags, index, start, count]), &fds)
    }
}
