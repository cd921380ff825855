//! Frames over the line.

use std::io::{Read, Write};

use espalier_regs::uart::{FRAME_HEAD, Frame, Request, STORE_BEATS, beats};

use super::{Uart, UartError};

/// A side of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The host's streams: `s_axis_host`, `m_axis_host`.
    Host,
    /// The wire's: `s_axis_wire`, `m_axis_wire`.
    Wire,
}

/// A frame that came out of the engine. Clocks are the low words of [`Uart::count`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFrame {
    /// Where it came out.
    pub way: Way,
    /// `m_axis_host_tuser`; 0 at the wire.
    pub user: u32,
    /// Clock when its first beat was seen.
    pub first: u32,
    /// Clock when its last beat was taken.
    pub last: u32,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// A frame that the engine has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Where.
    pub way: Way,
    /// Clock of its first beat.
    pub first: u32,
}

/// Longest frame that the device's store holds.
const LONGEST: usize = (STORE_BEATS - 1) * 16;

impl<L: Read + Write> Uart<L> {
    /// Sends a frame to a side of the engine; `user` is its `tuser` (16 bits at the host, 1 at the wire: damaged). Returns when it is on its way: [`Uart::given`] tells when
    /// the engine has it. Waits for room.
    ///
    /// # Errors
    /// [`UartError::Length`]; as any request.
    pub fn send(&mut self, way: Way, frame: &[u8], user: u16) -> Result<(), UartError> {
        if !(1..=LONGEST).contains(&frame.len()) {
            return Err(UartError::Length { length: frame.len(), longest: LONGEST });
        }
        let request = if way == Way::Host { Request::HostFrame } else { Request::WireFrame };
        self.room(request, beats(frame.len()))?;
        self.send_request(request, user, frame, beats(frame.len())).map(drop)
    }

    /// Whether a frame of this length could be sent at once.
    pub fn has_room(&self, length: usize) -> bool {
        let stored: usize = self.pending.iter().map(|pending| pending.beats).sum();
        self.pending.len() < espalier_regs::uart::WINDOW && stored + beats(length) <= STORE_BEATS
    }

    /// Frames sent that the engine has not taken.
    pub fn waiting(&self) -> usize {
        self.pending.iter().filter(|pending| pending.beats > 0).count()
    }

    /// Takes what has come out of the engine since the last call, in order.
    pub fn frames(&mut self) -> Vec<LineFrame> {
        self.frames.drain(..).collect()
    }

    /// Takes which frames the engine has taken since the last call, in order.
    pub fn given(&mut self) -> Vec<Given> {
        self.given.drain(..).collect()
    }

    /// Takes what became of frames to be sent since the last call, in order: `espalier_regs::tuser::tx_status`.
    pub fn statuses(&mut self) -> Vec<u32> {
        self.statuses.drain(..).collect()
    }

    /// What is wrong with the line, and was not told yet.
    ///
    /// # Errors
    /// That.
    pub fn check(&mut self) -> Result<(), UartError> {
        self.trouble.take().map_or(Ok(()), Err)
    }

    pub(super) fn hear_frame(&mut self, mut message: Vec<u8>) {
        let word = |message: &[u8], at: usize| message[at..at + 4].iter().fold(0, |word, &byte| word << 8 | u32::from(byte));
        let Some(head) = message.get(..FRAME_HEAD).map(<[u8]>::to_vec) else { return };
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let way = match Frame::decode(head[0].into()) {
            Some(Frame::Host) => Way::Host,
            Some(Frame::Wire) => Way::Wire,
            None => return,
        };
        message.drain(..FRAME_HEAD);
        if message.len() != length {
            self.trouble = Some(UartError::Damaged);
            return;
        }
        self.frames.push_back(LineFrame { way, user: word(&head, 4), first: word(&head, 8), last: word(&head, 12), bytes: message });
    }
}
