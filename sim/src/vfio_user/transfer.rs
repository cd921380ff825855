//! Accesses of the function on their way to the client and back.

use std::collections::HashMap;
use std::ops::Range;

use super::connection::ConnectionError;
use super::device::Reset;
use super::message::{Header, Kind, Reader, code, dma_read, dma_write};
use crate::axi::{self, Access, Response};

/// Messages that may wait for their reply at a time. The function has far fewer accesses under way: these are of a client that does not
/// answer, and resets the device again and again.
const MAX_MESSAGES: usize = 4096;

/// Bytes before the data of a DMA message, behind the header.
///
/// The protocol has a count of 64 bits there. QEMU 10.1 has one of 32 bits, and the data right behind it; four bytes of padding end the
/// message. One question tells which it is: a read of 2^32 bytes is one of none for the latter, and too long for the former.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Standard,
    Packed,
}

const QUESTION: u64 = 1 << 32;

/// What a message is for.
enum Purpose {
    /// To know the layout.
    Question,
    /// A part of an access.
    Part { token: u64, address: u64, part: Range<usize>, read: bool },
    /// An access that nobody waits for any more.
    Abandoned,
}

/// An access under way.
struct Progress {
    /// What was read; empty for a write.
    data: Vec<u8>,
    read: bool,
    /// Messages that are not answered.
    left: usize,
    failed: bool,
}

/// An access that has come to its end.
#[derive(Debug)]
pub(super) enum Done {
    Read(u64, Result<Vec<u8>, Response>),
    Write(u64, Result<(), Response>),
}

/// All accesses under way.
pub(super) struct Transfers {
    next: u16,
    messages: HashMap<u16, Purpose>,
    accesses: HashMap<u64, Progress>,
    layout: Option<Layout>,
    /// Until the layout is known.
    waiting: Vec<Access>,
    max_transfer: usize,
    /// Since a function level reset, whose accesses are not all answered.
    settling: bool,
}

impl Transfers {
    /// For a client of which one message moves so many bytes at most.
    pub fn new(max_transfer: usize) -> Self {
        Self { next: 0, messages: HashMap::new(), accesses: HashMap::new(), layout: None, waiting: vec![], max_transfer, settling: false }
    }

    /// Accesses are under way.
    pub fn pending(&self) -> bool {
        !self.accesses.is_empty() || !self.waiting.is_empty()
    }

    /// Writes under way.
    pub fn writes(&self) -> usize {
        self.accesses.values().filter(|progress| !progress.read).count()
    }

    /// Messages of accesses that a function level reset has cut off are not answered yet.
    pub fn late(&self) -> bool {
        self.settling && self.messages.values().any(|purpose| matches!(purpose, Purpose::Abandoned))
    }

    fn begin_message(&mut self, purpose: Purpose) -> Result<u16, ConnectionError> {
        if self.messages.len() >= MAX_MESSAGES {
            return Err(ConnectionError::Unanswered(MAX_MESSAGES));
        }
        while self.messages.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        self.messages.insert(id, purpose);
        Ok(id)
    }

    /// Begins an access; `messages` gets what is to be sent.
    ///
    /// # Errors
    /// The client does not answer. The access is not begun.
    pub fn begin(&mut self, access: Access, messages: &mut Vec<Vec<u8>>) -> Result<(), ConnectionError> {
        let Some(layout) = self.layout else {
            if self.waiting.is_empty() {
                let id = self.begin_message(Purpose::Question)?;
                messages.push(dma_read(id, 0, QUESTION));
            }
            self.waiting.push(access);
            return Ok(());
        };
        let token = access.token;
        let mut left = 0;
        let mut part = |transfers: &mut Self, address: u64, part: Range<usize>, data: Option<&[u8]>| {
            left += 1;
            let count = part.len() as u64;
            let id = transfers.begin_message(Purpose::Part { token, address, part, read: data.is_none() })?;
            messages.push(match data {
                None => dma_read(id, address, count),
                Some(data) => dma_write(id, address, data, layout == Layout::Packed),
            });
            Ok::<(), ConnectionError>(())
        };
        let (read, data) = if let axi::Kind::Read { address, bytes } = access.kind {
            for at in (0..bytes).step_by(self.max_transfer) {
                let end = bytes.min(at + self.max_transfer);
                part(self, address.wrapping_add(at as u64), at..end, None)?;
            }
            (true, vec![0; bytes])
        } else {
            for (address, run) in access.written() {
                for (chunk, at) in run.chunks(self.max_transfer).zip((0..).step_by(self.max_transfer)) {
                    part(self, address.wrapping_add(at as u64), at..at + chunk.len(), Some(chunk))?;
                }
            }
            (false, vec![])
        };
        self.accesses.insert(token, Progress { data, read, left, failed: false });
        Ok(())
    }

    /// Takes a reply. `messages` gets what is to be sent now.
    ///
    /// # Errors
    /// It is a reply to nothing, or has not what was asked for.
    pub fn reply(&mut self, header: Header, body: &[u8], messages: &mut Vec<Vec<u8>>) -> Result<Option<Done>, ConnectionError> {
        let Header { id, command, kind, .. } = header;
        let wrong = |reason| ConnectionError::Reply { id, command, reason };
        let Kind::Reply { error } = kind else { return Err(wrong("no reply")) };
        match self.messages.remove(&id).ok_or(wrong("to no command"))? {
            Purpose::Abandoned => Ok(None),
            Purpose::Question if command != code::DMA_READ => Err(wrong("to another command")),
            Purpose::Question => {
                let layout = if error.is_some() { Layout::Standard } else { Layout::Packed };
                tracing::debug!(?layout, "DMA messages of this client");
                self.layout = Some(layout);
                while let Some(access) = self.waiting.first() {
                    self.begin(access.clone(), messages)?;
                    self.waiting.remove(0);
                }
                Ok(None)
            }
            Purpose::Part { read, .. } if command != if read { code::DMA_READ } else { code::DMA_WRITE } => {
                Err(wrong("to another command"))
            }
            Purpose::Part { token, address, part, read } => {
                let Some(progress) = self.accesses.get_mut(&token) else { return Ok(None) };
                match error {
                    Some(errno) => {
                        tracing::debug!(address = format_args!("{address:#x}"), bytes = part.len(), read, %errno, "access refused");
                        progress.failed = true;
                    }
                    None if read => {
                        let mut reader = Reader(body);
                        if reader.u64() != Some(address) || reader.u32() != Some(part.len() as u32) {
                            return Err(wrong("of another address or count"));
                        }
                        let begin = if self.layout == Some(Layout::Packed) { 12 } else { 16 };
                        let data = body.get(begin..begin + part.len()).filter(|_| body.len() == 16 + part.len());
                        progress.data[part].copy_from_slice(data.ok_or(wrong("not as long as its count says"))?);
                    }
                    None => {}
                }
                progress.left -= 1;
                Ok(if progress.left == 0 { self.accesses.remove(&token).map(|progress| progress.done(token)) } else { None })
            }
        }
    }

    /// Ends all accesses with an error. Replies that come for them later are dropped.
    pub fn abandon(&mut self, reset: Reset) -> Vec<Done> {
        self.settling = reset == Reset::FunctionLevel;
        for purpose in self.messages.values_mut() {
            if matches!(purpose, Purpose::Part { .. }) {
                *purpose = Purpose::Abandoned;
            }
        }
        let waiting = self.waiting.drain(..).map(|access| Done::failed(&access));
        let ended = self.accesses.drain().map(|(token, progress)| Progress { failed: true, ..progress }.done(token));
        ended.chain(waiting).collect()
    }
}

impl Progress {
    fn done(self, token: u64) -> Done {
        let answer = if self.failed { Err(Response::SlaveError) } else { Ok(()) };
        if self.read { Done::Read(token, answer.map(|()| self.data)) } else { Done::Write(token, answer) }
    }
}

impl Done {
    /// An access that goes nowhere.
    pub fn failed(access: &Access) -> Self {
        match access.kind {
            axi::Kind::Read { .. } => Self::Read(access.token, Err(Response::DecodeError)),
            axi::Kind::Write { .. } => Self::Write(access.token, Err(Response::DecodeError)),
        }
    }
}
