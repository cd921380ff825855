//! Commands of a client, checked: what is left to ask is whether the device has what they name.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::{MAX_TRANSFER, Reader, code};

/// A command.
#[derive(Debug)]
pub enum Command {
    /// Begins a connection.
    Version(Version),
    /// Memory that the device may access from now on.
    DmaMap {
        /// First address.
        address: u64,
        /// Bytes, not 0; the last one is not past 2^64.
        size: u64,
    },
    /// Memory that it may no longer access.
    DmaUnmap {
        /// As it came: it is sent back.
        body: Vec<u8>,
        /// The mapping; all of them if none.
        mapping: Option<(u64, u64)>,
    },
    /// What the device has.
    DeviceInfo,
    /// About a region.
    RegionInfo {
        /// Which.
        index: u32,
    },
    /// About a kind of interrupts.
    IrqInfo {
        /// Which.
        index: u32,
    },
    /// Does something to interrupts.
    SetIrqs(SetIrqs),
    /// Reads a region.
    RegionRead(Range),
    /// Writes a region.
    RegionWrite(Range, Vec<u8>),
    /// Resets the device.
    Reset,
}

/// What a client proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its major version.
    pub major: u16,
    /// Its minor version.
    pub minor: u16,
    /// JSON, if there is any.
    pub data: Option<String>,
}

/// Bytes of a region. `count` is at most [`MAX_TRANSFER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where they begin.
    pub offset: u64,
    /// Which region.
    pub region: u32,
    /// How many.
    pub count: u32,
}

/// Does something to interrupts `start` to `start + count - 1` of a kind.
#[derive(Debug)]
pub struct SetIrqs {
    /// The kind.
    pub index: u32,
    /// The first.
    pub start: u32,
    /// How many. 0, with [`IrqData::None`]: all, which then are switched off.
    pub count: u32,
    /// What.
    pub action: IrqAction,
    /// With what.
    pub data: IrqData,
}

/// What is done to an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqAction {
    /// It is held back.
    Mask,
    /// It is not.
    Unmask,
    /// It is set up, or signalled.
    Trigger,
}

/// What comes with a [`SetIrqs`].
#[derive(Debug)]
pub enum IrqData {
    /// Nothing: it is for all of them.
    None,
    /// It is for those that are true; `count` of them.
    Bool(Vec<bool>),
    /// Eventfds: `count` of them, or none at all.
    Eventfd(Vec<OwnedFd>),
}

/// A command that is refused. The connection goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is none of this number.
    #[error("command {command}: unknown")]
    Unknown {
        /// It.
        command: u16,
    },
    /// The body is too long or too short.
    #[error("command {command}: a body of {bytes} bytes, where {wanted} are expected")]
    Size {
        /// Of the command.
        command: u16,
        /// It has.
        bytes: usize,
        /// It should have.
        wanted: usize,
    },
    /// File descriptors where none belong, or too many or too few.
    #[error("command {command}: {fds} file descriptors, where {wanted} are expected")]
    Fds {
        /// Of the command.
        command: u16,
        /// There are.
        fds: usize,
        /// There should be.
        wanted: u32,
    },
    /// A field has a value that it can't have.
    #[error("command {command}: {field} is {value:#x}: {reason}")]
    Field {
        /// Of the command.
        command: u16,
        /// Its name.
        field: &'static str,
        /// What it is.
        value: u64,
        /// Why it can't be that.
        reason: &'static str,
    },
    /// The data of a version is not a string that ends with NUL, in UTF-8.
    #[error("command 1: version data: {0}")]
    Text(&'static str),
}

impl CommandError {
    /// For the reply.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::Unknown { .. } => Errno::OPNOTSUPP,
            Self::Field { field: "count", .. } => Errno::TOOBIG,
            Self::Size { .. } | Self::Fds { .. } | Self::Field { .. } | Self::Text(_) => Errno::INVAL,
        }
    }
}

const UNMAP_ALL: u32 = 1 << 1;

impl Command {
    /// Reads a command from its body and the file descriptors that came with it.
    ///
    /// # Errors
    /// [`CommandError`]; the file descriptors are closed then.
    pub fn parse(command: u16, body: &[u8], fds: Vec<OwnedFd>) -> Result<Self, CommandError> {
        let parser = Parser { command };
        match command {
            // A file descriptor is an offer to map the memory, which is not taken: the client is to see every access.
            code::DMA_MAP if fds.len() <= 1 => {}
            code::DEVICE_SET_IRQS => return parser.set_irqs(body, fds).map(Self::SetIrqs),
            _ if fds.is_empty() => {}
            _ => return Err(CommandError::Fds { command, fds: fds.len(), wanted: 0 }),
        }
        match command {
            code::VERSION => parser.version(body).map(Self::Version),
            code::DMA_MAP => parser.dma_map(body),
            code::DMA_UNMAP => parser.dma_unmap(body),
            code::DEVICE_GET_INFO => parser.info(body, 16).map(|_| Self::DeviceInfo),
            code::DEVICE_GET_REGION_INFO => parser.info(body, 32).map(|index| Self::RegionInfo { index }),
            code::DEVICE_GET_IRQ_INFO => parser.info(body, 16).map(|index| Self::IrqInfo { index }),
            code::REGION_READ => parser.range(body).and_then(|(range, rest)| {
                parser.exact(rest.len(), 0)?;
                Ok(Self::RegionRead(range))
            }),
            code::REGION_WRITE => parser.range(body).and_then(|(range, rest)| {
                parser.exact(rest.len(), range.count as usize)?;
                Ok(Self::RegionWrite(range, rest.to_vec()))
            }),
            code::DEVICE_RESET => parser.exact(body.len(), 0).map(|()| Self::Reset),
            _ => Err(CommandError::Unknown { command }),
        }
    }
}

#[derive(Clone, Copy)]
struct Parser {
    command: u16,
}

impl Parser {
    fn exact(self, bytes: usize, wanted: usize) -> Result<(), CommandError> {
        if bytes == wanted { Ok(()) } else { Err(CommandError::Size { command: self.command, bytes, wanted }) }
    }

    fn short(self, bytes: usize, wanted: usize) -> impl Fn() -> CommandError {
        move || CommandError::Size { command: self.command, bytes, wanted }
    }

    fn field<T>(self, field: &'static str, value: impl Into<u64>, reason: &'static str) -> Result<T, CommandError> {
        Err(CommandError::Field { command: self.command, field, value: value.into(), reason })
    }

    fn version(self, body: &[u8]) -> Result<Version, CommandError> {
        let short = self.short(body.len(), 4);
        let mut reader = Reader(body);
        let major = reader.u16().ok_or_else(&short)?;
        let minor = reader.u16().ok_or_else(&short)?;
        let data = match reader.0 {
            [] => None,
            [text @ .., 0] => Some(std::str::from_utf8(text).map_err(|_| CommandError::Text("not UTF-8"))?.to_owned()),
            _ => return Err(CommandError::Text("no NUL at its end")),
        };
        Ok(Version { major, minor, data })
    }

    fn dma_map(self, body: &[u8]) -> Result<Command, CommandError> {
        const BYTES: usize = 32;
        self.exact(body.len(), BYTES)?;
        let short = self.short(body.len(), BYTES);
        let mut reader = Reader(body);
        let _argsz = reader.u32().ok_or_else(&short)?;
        let flags = reader.u32().ok_or_else(&short)?;
        let _file_offset = reader.u64().ok_or_else(&short)?;
        let address = reader.u64().ok_or_else(&short)?;
        let size = reader.u64().ok_or_else(&short)?;
        if flags & !0b11 != 0 || flags == 0 {
            return self.field("flags", flags, "bit 0 (readable), bit 1 (writeable), or both");
        }
        if size == 0 || address.checked_add(size - 1).is_none() {
            return self.field("size", size, "1 to what is left of 2^64");
        }
        Ok(Command::DmaMap { address, size })
    }

    fn dma_unmap(self, body: &[u8]) -> Result<Command, CommandError> {
        const BYTES: usize = 24;
        self.exact(body.len(), BYTES)?;
        let short = self.short(body.len(), BYTES);
        let mut reader = Reader(body);
        let _argsz = reader.u32().ok_or_else(&short)?;
        let flags = reader.u32().ok_or_else(&short)?;
        let address = reader.u64().ok_or_else(&short)?;
        let size = reader.u64().ok_or_else(&short)?;
        let mapping = match flags {
            0 => Some((address, size)),
            UNMAP_ALL => None,
            _ => return self.field("flags", flags, "0, or bit 1 (all)"),
        };
        Ok(Command::DmaUnmap { body: body.to_vec(), mapping })
    }

    /// The index behind `argsz` and `flags`; of a device there is none, but a word as well.
    fn info(self, body: &[u8], wanted: u32) -> Result<u32, CommandError> {
        self.exact(body.len(), wanted as usize)?;
        let short = self.short(body.len(), wanted as usize);
        let mut reader = Reader(body);
        let argsz = reader.u32().ok_or_else(&short)?;
        let _flags = reader.u32().ok_or_else(&short)?;
        if argsz < wanted {
            return self.field("argsz", argsz, "less than the reply");
        }
        reader.u32().ok_or_else(&short)
    }

    fn range(self, body: &[u8]) -> Result<(Range, &[u8]), CommandError> {
        let short = self.short(body.len(), 16);
        let mut reader = Reader(body);
        let offset = reader.u64().ok_or_else(&short)?;
        let region = reader.u32().ok_or_else(&short)?;
        let count = reader.u32().ok_or_else(&short)?;
        if count as usize > MAX_TRANSFER {
            return self.field("count", count, "more than max_data_xfer_size");
        }
        Ok((Range { offset, region, count }, reader.0))
    }

    fn set_irqs(self, body: &[u8], fds: Vec<OwnedFd>) -> Result<SetIrqs, CommandError> {
        let short = self.short(body.len(), 20);
        let mut reader = Reader(body);
        let argsz = reader.u32().ok_or_else(&short)?;
        let flags = reader.u32().ok_or_else(&short)?;
        let index = reader.u32().ok_or_else(&short)?;
        let start = reader.u32().ok_or_else(&short)?;
        let count = reader.u32().ok_or_else(&short)?;
        if argsz as usize != body.len() {
            return self.field("argsz", argsz, "not the bytes that there are");
        }
        let rest = reader.0;
        let wanted_fds = if flags & 0b111 == 0b100 { count } else { 0 };
        if fds.len() != wanted_fds as usize && !fds.is_empty() {
            return Err(CommandError::Fds { command: self.command, fds: fds.len(), wanted: wanted_fds });
        }
        let data = match flags & 0b111 {
            0b001 => IrqData::None,
            0b010 => IrqData::Bool(rest.iter().map(|&byte| byte != 0).collect()),
            0b100 => IrqData::Eventfd(fds),
            _ => return self.field("flags", flags, "one of bits 0 to 2 (none, bool, eventfd)"),
        };
        self.exact(rest.len(), if matches!(data, IrqData::Bool(_)) { count as usize } else { 0 })?;
        let action = match flags & !0b111 {
            0b00_1000 => IrqAction::Mask,
            0b01_0000 => IrqAction::Unmask,
            0b10_0000 => IrqAction::Trigger,
            _ => return self.field("flags", flags, "one of bits 3 to 5 (mask, unmask, trigger)"),
        };
        Ok(SetIrqs { index, start, count, action, data })
    }
}
