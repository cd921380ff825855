//! A board at a serial line: `espalier_regs::uart` has the messages.
//!
//! [`Uart`] is the driver's [`Bus`], and what a bus on a board without a host interface also is: the way of the frames ([`Uart::send`], [`Uart::frames`]).
//!
//! Writes are posted: [`Bus::write`] returns when the request is on its way, up to [`WINDOW`] of them, and one that failed is told by the access after it, by its own name.
//! Over USB an answer takes a millisecond or more, so that an SA's thirty words would take as many.
//!
//! What the line damages is found by CRC and told ([`UartError::Damaged`], [`UartError::Refused`]). It is not sent again: which access it was is not known, and an access
//! may be one that must not happen twice. [`Uart::reset`] begins anew.

mod codec;
mod error;
mod frames;
mod port;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use espalier_regs::uart::{CLOCK, COUNT_HI, COUNT_LO, DIVIDER, DONE, END, FAILED, MAGIC, Notice, Request, STORE_BEATS, VERSION, WINDOW};
use espalier_regs::{Register, map};

pub use self::codec::encode;
use self::codec::{Damaged, Decoder};
pub use self::error::{Refusals, UartError};
pub use self::frames::{Given, LineFrame, Way};
pub use self::port::BAUD;
use super::{Access, Bus, BusError, Fault, ResetBus};

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the answer to a request, and for room for the next.
    pub answer: Duration,
}

impl Default for Limits {
    /// Many times what the longest frames take at 3 Mbaud, and a USB hub.
    fn default() -> Self {
        Self { answer: Duration::from_secs(2) }
    }
}

/// Bytes heard in vain while an answer is waited for, after which it will not come: more than stores and engine hold, escapes and all.
const MOST: usize = 1 << 18;
/// Looks at a line that never rests, before it is spoken to nevertheless.
const RESTS: u32 = 64;

/// A request that is not answered.
#[derive(Clone, Copy, Debug)]
struct Pending {
    request: Request,
    tag: u8,
    half: u16,
    /// What it takes of the device's store.
    beats: usize,
}

/// The engine behind a serial line, over any transport that reads and writes bytes.
///
/// `Read::read` of the transport waits a little for bytes: `TimedOut` or `WouldBlock` when there are none, and 0 bytes when the line is gone.
#[derive(Debug)]
pub struct Uart<L> {
    line: L,
    limits: Limits,
    start: Instant,
    decoder: Decoder,
    tag: u8,
    pending: VecDeque<Pending>,
    /// The answer to the request that is waited for.
    answer: Option<(u8, Result<u32, u32>)>,
    /// A posted write that failed.
    failed: Option<BusError>,
    /// Something is wrong with the line, and not told yet.
    trouble: Option<UartError>,
    /// Bytes heard.
    heard: usize,
    clock_hz: u32,
    divider: u32,
    frames: VecDeque<LineFrame>,
    given: VecDeque<Given>,
    statuses: VecDeque<u32>,
    interrupt: bool,
}

impl<L: Read + Write> Uart<L> {
    /// Finds the device, and resets it: whatever an earlier host had begun is gone.
    ///
    /// # Errors
    /// [`UartError::NoAnswer`], [`UartError::Babble`], [`UartError::Magic`], [`UartError::Version`]: nothing was written to the device;
    /// [`UartError::Line`].
    pub fn open(line: L, limits: Limits) -> Result<Self, UartError> {
        let mut uart = Self {
            line,
            limits,
            start: Instant::now(),
            decoder: Decoder::default(),
            // Another than that of whoever was here before, whose answers may still come.
            tag: std::process::id() as u8,
            pending: VecDeque::new(),
            answer: None,
            failed: None,
            trouble: None,
            heard: 0,
            clock_hz: 0,
            divider: 0,
            frames: VecDeque::new(),
            given: VecDeque::new(),
            statuses: VecDeque::new(),
            interrupt: false,
        };
        let found = match uart.first(Request::Look, MAGIC.offset) {
            Err(UartError::NoAnswer { .. }) if uart.heard > 0 => Err(UartError::Babble { heard: uart.heard }),
            other => other,
        }?;
        if found != MAGIC.reset {
            return Err(UartError::Magic { found, expected: MAGIC.reset });
        }
        let device = uart.first(Request::Look, VERSION.offset)?;
        if device != VERSION.reset {
            return Err(UartError::Version { device, driver: VERSION.reset });
        }
        uart.restart()?;
        uart.clock_hz = uart.look(CLOCK)?;
        uart.divider = uart.look(DIVIDER)?;
        Ok(uart)
    }

    /// The engine's clock in Hz.
    pub fn clock_hz(&self) -> u32 {
        self.clock_hz
    }

    /// The device's rate in bits a second.
    pub fn baud(&self) -> u32 {
        self.clock_hz / self.divider.max(1)
    }

    /// The engine's clocks since the last reset.
    ///
    /// # Errors
    /// As any request.
    pub fn count(&mut self) -> Result<u64, UartError> {
        let low = self.look(COUNT_LO)?;
        Ok(u64::from(self.look(COUNT_HI)?) << 32 | u64::from(low))
    }

    /// The engine's interrupt, as it was told last.
    pub fn interrupt(&self) -> bool {
        self.interrupt
    }

    /// Resets engine and bridge: what is in them is lost, and so is what was heard and not asked for. Whatever failed before is undone.
    ///
    /// # Errors
    /// As any request.
    pub fn restart(&mut self) -> Result<(), UartError> {
        self.first(Request::Reset, 0)?;
        self.frames.clear();
        self.given.clear();
        self.statuses.clear();
        self.interrupt = false;
        Ok(())
    }

    /// The transport, for what goes on beside the bus.
    pub fn line(&mut self) -> &mut L {
        &mut self.line
    }

    /// Gives the transport back.
    pub fn into_line(self) -> L {
        self.line
    }

    /// A request while nothing is known of the line: whatever was under way, on either side, is forgotten, and all but its answer passed over.
    fn first(&mut self, request: Request, half: u16) -> Result<u32, UartError> {
        // The line rests for longer than a byte, so that one that an earlier host has cut off is over; and END ends what that one may have begun.
        for _ in 0..RESTS {
            if !self.listen()? {
                break;
            }
        }
        self.pending.clear();
        (self.answer, self.failed, self.trouble) = (None, None, None);
        self.line.write_all(&[END])?;
        let tag = self.send_request(request, half, &[], 0)?;
        self.wait(request, |uart| {
            uart.trouble = None;
            uart.answer.take_if(|(answered, _)| *answered == tag).map(|(_, answer)| answer)
        })?
        .map_err(|code| UartError::Failed { request, code })
    }

    fn look(&mut self, register: Register) -> Result<u32, UartError> {
        self.ask(Request::Look, register.offset)?.map_err(|code| UartError::Failed { request: Request::Look, code })
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, request: Request, half: u16) -> Result<Result<u32, u32>, UartError> {
        self.room(request, 0)?;
        let tag = self.send_request(request, half, &[], 0)?;
        self.wait(request, |uart| uart.answer.take_if(|(answered, _)| *answered == tag).map(|(_, answer)| answer))
    }

    /// Waits until a request that takes so many beats may be sent.
    fn room(&mut self, request: Request, beats: usize) -> Result<(), UartError> {
        self.wait(request, |uart| {
            let stored: usize = uart.pending.iter().map(|pending| pending.beats).sum();
            (uart.pending.len() < WINDOW && (beats == 0 || stored + beats <= STORE_BEATS)).then_some(())
        })
    }

    /// Listens until `look` finds what it waits for, or trouble. The time begins anew with every byte that is heard, up to [`MOST`].
    fn wait<T>(&mut self, request: Request, mut look: impl FnMut(&mut Self) -> Option<T>) -> Result<T, UartError> {
        let (mut since, before) = (Instant::now(), self.heard);
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            if let Some(trouble) = self.trouble.take() {
                self.pending.clear();
                return Err(trouble);
            }
            let limit = self.limits.answer;
            let heard = self.listen()?;
            if heard && self.heard.wrapping_sub(before) <= MOST {
                since = Instant::now();
            } else if heard || since.elapsed() >= limit {
                self.pending.clear();
                return Err(UartError::NoAnswer { request, limit });
            }
        }
    }

    fn send_request(&mut self, request: Request, half: u16, data: &[u8], beats: usize) -> Result<u8, UartError> {
        // A frame may wait while 256 other requests are answered.
        loop {
            self.tag = self.tag.wrapping_add(1);
            if self.pending.iter().all(|pending| pending.tag != self.tag) {
                break;
            }
        }
        let mut message = zeroize::Zeroizing::new(Vec::with_capacity(4 + data.len()));
        message.extend([request.code() as u8, self.tag]);
        message.extend(half.to_be_bytes());
        message.extend(data);
        self.line.write_all(&zeroize::Zeroizing::new(encode(&message)))?;
        self.line.flush()?;
        self.pending.push_back(Pending { request, tag: self.tag, half, beats });
        Ok(self.tag)
    }

    /// Hears what has come, or comes in a little while; whether anything did.
    ///
    /// # Errors
    /// [`UartError::Line`]. What else is wrong is told by the next access.
    pub fn listen(&mut self) -> Result<bool, UartError> {
        let mut bytes = [0; 4096];
        let count = match self.line.read(&mut bytes) {
            Ok(0) => return Err(UartError::Line(ErrorKind::UnexpectedEof.into())),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(false),
            Err(error) => return Err(UartError::Line(error)),
        };
        self.heard = self.heard.wrapping_add(count);
        for &byte in &bytes[..count] {
            match self.decoder.push(byte) {
                Some(Ok(message)) => self.hear(message),
                Some(Err(Damaged)) => self.trouble = Some(UartError::Damaged),
                None => {}
            }
        }
        Ok(true)
    }

    /// Takes a message in. What nobody waits for is an answer of long ago.
    fn hear(&mut self, message: Vec<u8>) {
        let &[kind, tag, a, b, c, d] = &message[..] else { return self.hear_frame(message) };
        let word = u32::from_be_bytes([a, b, c, d]);
        match Notice::decode(kind.into()) {
            Some(Notice::TxStatus) => self.statuses.push_back(word),
            Some(Notice::Interrupt) => self.interrupt = word != 0,
            Some(Notice::Refused) => self.trouble = Some(UartError::Refused(Refusals(word))),
            None => {
                let request = |flag: u8| Request::decode(u32::from(kind ^ flag));
                let answer = match kind & FAILED {
                    DONE => request(DONE).map(|request| (request, Ok(word))),
                    FAILED => request(FAILED).map(|request| (request, Err(word))),
                    _ => None,
                };
                if let Some((request, answer)) = answer {
                    self.answered(request, tag, answer);
                }
            }
        }
    }

    fn answered(&mut self, request: Request, tag: u8, answer: Result<u32, u32>) {
        let Some(at) = self.pending.iter().position(|pending| (pending.tag, pending.request) == (tag, request)) else { return };
        let Some(Pending { half, .. }) = self.pending.remove(at) else { return };
        match (request, answer) {
            (Request::Write, Ok(_)) => {}
            (Request::Write, Err(code)) => {
                let fault = BusError { access: Access::Write(half.into()), fault: fault(code) };
                self.failed.get_or_insert(fault);
            }
            (Request::HostFrame | Request::WireFrame, _) => {
                let way = if request == Request::HostFrame { Way::Host } else { Way::Wire };
                self.given.push_back(Given { way, first: answer.unwrap_or(0) });
            }
            (Request::Read | Request::Look | Request::Reset, answer) => self.answer = Some((tag, answer)),
        }
    }

    /// An access of a register; a write that failed before is told first.
    fn access<T>(
        &mut self,
        access: Access,
        offset: u32,
        act: impl FnOnce(&mut Self, u16) -> Result<Result<T, u32>, UartError>,
    ) -> Result<T, BusError> {
        let failed = |fault| BusError { access, fault };
        let half = u16::try_from(offset).ok().filter(|offset| offset.is_multiple_of(4)).ok_or_else(|| failed(Fault::Offset))?;
        let done = act(self, half).map_err(|error| failed(Fault::Transport(Box::new(error))));
        match self.failed.take() {
            Some(error) => Err(error),
            None => done?.map_err(|code| failed(fault(code))),
        }
    }
}

/// A code of AXI4 that is not OKAY.
fn fault(code: u32) -> Fault {
    if code == 3 { Fault::DecodeError } else { Fault::SlaveError }
}

impl<L: Read + Write> Bus for Uart<L> {
    fn read(&mut self, offset: u32) -> Result<u32, BusError> {
        self.access(Access::Read(offset), offset, |uart, half| uart.ask(Request::Read, half))
    }

    /// Posted: see the module's documentation.
    fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        self.access(Access::Write(offset), offset, |uart, half| {
            uart.room(Request::Write, 0)?;
            uart.send_request(Request::Write, half, &value.to_be_bytes(), 0)?;
            Ok(Ok(()))
        })
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn pause(&mut self) -> Result<(), BusError> {
        self.listen().map(drop).map_err(|error| BusError { access: Access::Pause, fault: Fault::Transport(Box::new(error)) })
    }

    /// An access takes as long as a byte takes to pass USB, and not the microsecond of a bus.
    fn patience(&self) -> u32 {
        1000
    }
}

impl<L: Read + Write> ResetBus for Uart<L> {
    fn reset(&mut self) -> Result<(), BusError> {
        let failed = |error: UartError| BusError { access: Access::Reset, fault: Fault::Transport(Box::new(error)) };
        self.restart().map_err(failed)?;
        // It is there again when the engine's own registers answer.
        self.read(map::MAGIC.offset.into()).map(drop)
    }
}
