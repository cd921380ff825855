//! Messages: a header, a body, and file descriptors beside it. All numbers are little endian.

mod command;
mod reply;

pub use command::{Command, CommandError, IrqAction, IrqData, Range, SetIrqs, Version};
pub use reply::{dma_read, dma_write, error, irq_info, ok, region_info};

use rustix::io::Errno;

/// Bytes of a header.
pub const HEADER: usize = 16;
/// Most bytes that one read or write moves: the protocol's default (max_data_xfer_size).
pub const MAX_TRANSFER: usize = 1 << 20;
/// Longest message: a write of that many bytes.
pub const MAX_MESSAGE: usize = HEADER + 16 + MAX_TRANSFER;
/// Most file descriptors beside a message (max_msg_fds).
pub const MAX_FDS: usize = 8;

/// Numbers of commands.
pub mod code {
    /// Negotiation; the first message.
    pub const VERSION: u16 = 1;
    /// Memory that the device may access.
    pub const DMA_MAP: u16 = 2;
    /// It may no more.
    pub const DMA_UNMAP: u16 = 3;
    /// What the device has.
    pub const DEVICE_GET_INFO: u16 = 4;
    /// A region's size.
    pub const DEVICE_GET_REGION_INFO: u16 = 5;
    /// How many interrupts of a kind there are.
    pub const DEVICE_GET_IRQ_INFO: u16 = 7;
    /// Eventfds, masks.
    pub const DEVICE_SET_IRQS: u16 = 8;
    /// Reads a region.
    pub const REGION_READ: u16 = 9;
    /// Writes a region.
    pub const REGION_WRITE: u16 = 10;
    /// The device reads memory: from the server.
    pub const DMA_READ: u16 = 11;
    /// The device writes memory: from the server.
    pub const DMA_WRITE: u16 = 12;
    /// Resets the device.
    pub const DEVICE_RESET: u16 = 13;
}

const TYPE: u32 = 0xf;
const REPLY: u32 = 1;
const NO_REPLY: u32 = 1 << 4;
const ERROR: u32 = 1 << 5;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It asks for something.
    Command {
        /// And wants a reply.
        reply: bool,
    },
    /// It answers a command of ours.
    Reply {
        /// With this error.
        error: Option<Errno>,
    },
}

/// The first bytes of every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of the command, its reply's as well; the sender's own.
    pub id: u16,
    /// One of [`code`].
    pub command: u16,
    /// Bytes behind the header, at most [`MAX_MESSAGE`] less [`HEADER`].
    pub body: usize,
    /// What the message is.
    pub kind: Kind,
}

/// A header that makes what follows it unreadable: the connection is at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Its size is none.
    #[error("message size: {size} bytes, where {HEADER} to {MAX_MESSAGE} are allowed (command {command})")]
    Size {
        /// It.
        size: u32,
        /// Command of the message.
        command: u16,
    },
    /// Neither a command nor a reply.
    #[error("message flags: {flags:#x}: type {} is neither a command (0) nor a reply (1)", flags & TYPE)]
    Type {
        /// They.
        flags: u32,
    },
}

impl Header {
    /// Reads one.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn parse(bytes: &[u8; HEADER]) -> Result<Self, HeaderError> {
        let [i0, i1, c0, c1, s0, s1, s2, s3, f0, f1, f2, f3, e0, e1, e2, e3] = *bytes;
        let command = u16::from_le_bytes([c0, c1]);
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        let flags = u32::from_le_bytes([f0, f1, f2, f3]);
        let errno = u32::from_le_bytes([e0, e1, e2, e3]);
        let body =
            (size as usize).checked_sub(HEADER).filter(|_| size as usize <= MAX_MESSAGE).ok_or(HeaderError::Size { size, command })?;
        let kind = match flags & TYPE {
            0 => Kind::Command { reply: flags & NO_REPLY == 0 },
            // The number is optional, and anything.
            REPLY => Kind::Reply {
                error: (flags & ERROR != 0)
                    .then(|| Errno::from_raw_os_error(i32::try_from(errno).ok().filter(|e| (1..4096).contains(e)).unwrap_or(5))),
            },
            _ => return Err(HeaderError::Type { flags }),
        };
        Ok(Self { id: u16::from_le_bytes([i0, i1]), command, body, kind })
    }

    /// A message with this header; `body` of the header is that of `parts`.
    pub(super) fn message(id: u16, command: u16, kind: Kind, parts: &[&[u8]]) -> Vec<u8> {
        let size = HEADER + parts.iter().map(|part| part.len()).sum::<usize>();
        let (flags, errno) = match kind {
            Kind::Command { reply: true } => (0, 0),
            Kind::Command { reply: false } => (NO_REPLY, 0),
            Kind::Reply { error: None } => (REPLY, 0),
            Kind::Reply { error: Some(errno) } => (REPLY | ERROR, errno.raw_os_error()),
        };
        let mut message = Vec::with_capacity(size);
        message.extend(id.to_le_bytes());
        message.extend(command.to_le_bytes());
        // Sizes of our own messages are far below 2^32.
        message.extend((size as u32).to_le_bytes());
        message.extend(flags.to_le_bytes());
        message.extend(errno.to_le_bytes());
        parts.iter().for_each(|part| message.extend_from_slice(part));
        message
    }
}

/// Takes numbers off the front of a body.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    pub fn u16(&mut self) -> Option<u16> {
        self.0.split_off(..2)?.try_into().ok().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.0.split_off(..4)?.try_into().ok().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.0.split_off(..8)?.try_into().ok().map(u64::from_le_bytes)
    }
}
