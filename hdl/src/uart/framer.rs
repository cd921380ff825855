//! From messages to bytes of the line.

use espalier_regs::uart;
use rust_hdl::prelude::*;

use super::crc::Crc;
use crate::constant::Const;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum Part {
    /// What a reset has cut short is ended.
    Begin,
    Message,
    /// The CRC of the last byte is being computed.
    Wait,
    Crc,
    End,
}

/// Puts messages into frames: the CRC behind them, RFC 1055's escapes.
///
/// - Ports: `s_data` with `s_valid`, `s_ready` and `s_last`: the bytes of a message. `m_data` with `m_valid`, `m_ready`: bytes of the line.
/// - Latency: 1 clock. Throughput: a byte in 9 clocks. Back-pressure: a byte at a time.
#[derive(LogicBlock, Default)]
pub struct Framer {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, Bits<8>>,
    pub s_valid: Signal<In, bool>,
    pub s_last: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_data: Signal<Out, Bits<8>>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    crc: Crc,
    part: DFF<Part>,
    /// What goes out, whether there is something, and what comes behind it as its escape.
    out: DFF<Bits<8>>,
    out_valid: DFF<bool>,
    second: DFF<Bits<8>>,
    second_valid: DFF<bool>,
    /// The CRC's bytes that are still to come, the next one lowest.
    rest: DFF<Bits<32>>,
    left: DFF<Bits<2>>,
    free: Signal<Local, bool>,
    takes: Signal<Local, bool>,
    load: Signal<Local, bool>,
    plain: Signal<Local, Bits<8>>,
    raw: Signal<Local, bool>,
    end_byte: Const<8, { uart::END as u64 }>,
    escape: Const<8, { uart::ESC as u64 }>,
    escaped_end: Const<8, { uart::ESC_END as u64 }>,
    escaped_escape: Const<8, { uart::ESC_ESC as u64 }>,
}

impl Logic for Framer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, part, out, out_valid, second, second_valid, rest, left);
        clock!(self, clock, crc);
        self.free.next = !self.out_valid.q.val();
        self.takes.next = (self.free.val() & self.crc.idle.val()) & (self.part.q.val() == Part::Message);
        self.s_ready.next = self.takes.val();
        self.crc.s_data.next = self.s_data.val();
        self.crc.s_valid.next = self.s_valid.val() & self.takes.val();
        self.crc.clear.next = (self.part.q.val() == Part::End) | (self.part.q.val() == Part::Begin);

        // The next byte.
        self.load.next = false;
        self.raw.next = false;
        self.plain.next = self.s_data.val();
        match self.part.q.val() {
            Part::Begin => {
                self.raw.next = true;
                if self.free.val() {
                    self.load.next = true;
                    self.part.d.next = Part::Message;
                }
            }
            Part::Message => {
                if self.takes.val() & self.s_valid.val() {
                    self.load.next = true;
                    if self.s_last.val() {
                        self.part.d.next = Part::Wait;
                    }
                }
            }
            Part::Wait => {
                self.rest.d.next = self.crc.crc.val();
                self.left.d.next = 3.into();
                if self.crc.idle.val() {
                    self.part.d.next = Part::Crc;
                }
            }
            Part::Crc => {
                self.plain.next = bit_cast::<8, 32>(self.rest.q.val());
                if self.free.val() {
                    self.load.next = true;
                    self.rest.d.next = self.rest.q.val() >> 8;
                    self.left.d.next = self.left.q.val() - 1;
                    if self.left.q.val() == 0 {
                        self.part.d.next = Part::End;
                    }
                }
            }
            Part::End => {
                self.raw.next = true;
                if self.free.val() {
                    self.load.next = true;
                    self.part.d.next = Part::Message;
                }
            }
            _ => {
                self.part.d.next = Part::Begin;
            }
        }

        // To the line.
        if self.m_ready.val() & self.out_valid.q.val() {
            self.out.d.next = self.second.q.val();
            self.out_valid.d.next = self.second_valid.q.val();
            self.second_valid.d.next = false;
        }
        if self.load.val() {
            self.out.d.next = self.plain.val();
            self.out_valid.d.next = true;
            if self.raw.val() {
                self.out.d.next = self.end_byte.val();
            } else if self.plain.val() == self.end_byte.val() {
                self.out.d.next = self.escape.val();
                self.second.d.next = self.escaped_end.val();
                self.second_valid.d.next = true;
            } else if self.plain.val() == self.escape.val() {
                self.out.d.next = self.escape.val();
                self.second.d.next = self.escaped_escape.val();
                self.second_valid.d.next = true;
            }
        }
        self.m_data.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();

        if self.reset.val() {
            self.part.d.next = Part::Begin;
            self.out_valid.d.next = false;
            self.second_valid.d.next = false;
        }
    }
}
