//! A serial line at two pins of a model: bits in, bits out.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use crate::{Error, Input, Model, Output};

/// Parts of a clock in which bits are timed.
const PARTS: u64 = 1 << 16;
/// Bits of a byte of 8N1 on the line.
const BITS: u64 = 10;

/// A byte as it goes over the line, lowest bit first: start bit, data, stop bit.
fn frame(byte: u8) -> u16 {
    u16::from(byte) << 1 | 1 << 9
}

/// The other end of a model's `uart_rx` and `uart_tx`: 8N1, at a rate of its own. It is the transport of the driver's `Uart`: `read` lets the clock run.
pub struct Pins {
    model: Model,
    rx: Input,
    tx: Output,
    /// A bit, in parts of a clock.
    bit: u64,
    /// Time, in parts of a clock, since the first.
    now: u64,
    to_send: VecDeque<u8>,
    /// The byte that is being sent, and when it began.
    sending: Option<(u16, u64)>,
    level: bool,
    /// When the byte that is being received began, what there is of it, and how many of its bits were looked at.
    receiving: Option<(u64, u16, u64)>,
    received: VecDeque<u8>,
    /// Bytes received without a stop bit.
    pub broken: u64,
    patience: u64,
}

impl Pins {
    /// Puts a line at the pins of a model, whose other end takes `clocks` for a bit. At each `read` the model has `patience` clocks to say
    /// something, from when everything is sent.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn new(mut model: Model, clocks: f64, patience: u64) -> Result<Self, Error> {
        let (rx, tx) = (model.input("uart_rx")?, model.output("uart_tx")?);
        model.write(rx, true);
        Ok(Self {
            model,
            rx,
            tx,
            bit: (clocks * PARTS as f64) as u64,
            now: 0,
            to_send: VecDeque::new(),
            sending: None,
            level: true,
            receiving: None,
            received: VecDeque::new(),
            broken: 0,
            patience,
        })
    }

    /// The model, for its other ports.
    pub fn model(&mut self) -> &mut Model {
        &mut self.model
    }

    /// Bytes that are not on the line yet.
    pub fn unsent(&self) -> usize {
        self.to_send.len() + usize::from(self.sending.is_some())
    }

    /// Forgets what is not on the line yet: the host is dead. A byte that has begun is cut off, and the line goes high.
    pub fn die(&mut self) {
        self.to_send.clear();
        self.sending = None;
    }

    /// One clock, with the line at this level whatever there is to send.
    pub fn force(&mut self, level: bool) {
        self.set(level);
        self.clock();
    }

    /// One clock.
    pub fn step(&mut self) {
        // Bytes stand back to back, whatever part of a clock a bit takes.
        let over = |begun: u64| begun + BITS * self.bit;
        if let Some((_, begun)) = self.sending.filter(|(_, begun)| self.now >= over(*begun)) {
            self.sending = self.to_send.pop_front().map(|byte| (frame(byte), over(begun)));
        } else if self.sending.is_none() {
            self.sending = self.to_send.pop_front().map(|byte| (frame(byte), self.now));
        }
        self.set(self.sending.is_none_or(|(bits, begun)| bits >> ((self.now - begun) / self.bit) & 1 == 1));
        self.clock();
    }

    /// Several clocks.
    pub fn run(&mut self, clocks: u64) {
        (0..clocks).for_each(|_| self.step());
    }

    fn set(&mut self, level: bool) {
        if self.level != level {
            self.level = level;
            self.model.write(self.rx, level);
        }
    }

    fn clock(&mut self) {
        self.model.clock();
        self.now += PARTS;
        let level = self.model.read_bool(self.tx);
        match &mut self.receiving {
            None => {
                if !level {
                    self.receiving = Some((self.now, 0, 0));
                }
            }
            Some((begun, bits, looked)) => {
                if self.now >= *begun + *looked * self.bit + self.bit / 2 {
                    *bits |= u16::from(level) << *looked;
                    *looked += 1;
                }
                if *looked == BITS {
                    let bits = *bits;
                    self.receiving = None;
                    self.received.push_back((bits >> 1) as u8);
                    self.broken += u64::from(bits >> 9 == 0);
                }
            }
        }
    }
}

impl Read for Pins {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut idle = 0;
        while self.received.is_empty() && idle < self.patience {
            idle = if self.unsent() > 0 { 0 } else { idle + 1 };
            self.step();
        }
        let count = bytes.len().min(self.received.len());
        if count == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        for (place, byte) in bytes.iter_mut().zip(self.received.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl Write for Pins {
    /// Queues them; they go as the clock runs.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to_send.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
