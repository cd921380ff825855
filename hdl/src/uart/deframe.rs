//! From bytes of the line to messages.

use espalier_regs::uart;
use rust_hdl::prelude::*;

use super::crc::Crc;
use crate::constant::Const;

/// Takes messages out of their frames: RFC 1055's escapes are undone, the CRC is checked and taken off.
///
/// - Ports: `s_data` with `s_valid` and `damaged`, at most one in 10 clocks. `m_data` with `m_valid`: the bytes of a message, without its CRC; `closed`, for one clock behind the
///   last of them; `good` beside it: the message is as it was sent. Empty messages are passed over.
/// - Latency: a byte comes out when the fourth one behind it is in, and two clocks; `closed` two clocks behind [`uart::END`]. No back-pressure.
#[derive(LogicBlock, Default)]
pub struct Deframe {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, Bits<8>>,
    pub s_valid: Signal<In, bool>,
    pub damaged: Signal<In, bool>,
    pub m_data: Signal<Out, Bits<8>>,
    pub m_valid: Signal<Out, bool>,
    pub closed: Signal<Out, bool>,
    pub good: Signal<Out, bool>,
    crc: Crc,
    /// The byte as it is without escapes.
    plain: DFF<Bits<8>>,
    plain_valid: DFF<bool>,
    /// An END is in.
    ended: DFF<bool>,
    escaped: DFF<bool>,
    poisoned: DFF<bool>,
    /// The last four bytes, and how many there are.
    held: DFF<Bits<32>>,
    fill: DFF<Bits<3>>,
    out: DFF<Bits<8>>,
    out_valid: DFF<bool>,
    out_closed: DFF<bool>,
    out_good: DFF<bool>,
    is_end: Signal<Local, bool>,
    is_escape: Signal<Local, bool>,
    end_byte: Const<8, { uart::END as u64 }>,
    escape: Const<8, { uart::ESC as u64 }>,
    escaped_end: Const<8, { uart::ESC_END as u64 }>,
    escaped_escape: Const<8, { uart::ESC_ESC as u64 }>,
}

impl Logic for Deframe {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, plain, plain_valid, ended, escaped, poisoned, held, fill, out, out_valid, out_closed, out_good);
        clock!(self, clock, crc);

        // Escapes.
        self.is_end.next = self.s_data.val() == self.end_byte.val();
        self.is_escape.next = self.s_data.val() == self.escape.val();
        self.plain.d.next = self.s_data.val();
        self.plain_valid.d.next = self.s_valid.val() & !self.is_end.val() & !(self.is_escape.val() & !self.escaped.q.val());
        self.ended.d.next = self.s_valid.val() & self.is_end.val();
        if self.s_valid.val() {
            self.escaped.d.next = self.is_escape.val() & !self.escaped.q.val();
            if self.escaped.q.val() {
                if self.s_data.val() == self.escaped_end.val() {
                    self.plain.d.next = self.end_byte.val();
                } else if self.s_data.val() == self.escaped_escape.val() {
                    self.plain.d.next = self.escape.val();
                } else {
                    self.poisoned.d.next = true;
                }
            }
            if self.damaged.val() {
                self.poisoned.d.next = true;
            }
        }

        // The CRC is what the last four bytes turn out to be.
        self.crc.s_data.next = self.plain.q.val();
        self.crc.s_valid.next = self.plain_valid.q.val();
        self.crc.clear.next = self.ended.q.val() | self.reset.val();
        self.out.d.next = bit_cast::<8, 32>(self.held.q.val() >> 24);
        self.out_valid.d.next = self.plain_valid.q.val() & (self.fill.q.val() == 4);
        if self.plain_valid.q.val() {
            self.held.d.next = (self.held.q.val() << 8) | bit_cast::<32, 8>(self.plain.q.val());
            if self.fill.q.val() != 4 {
                self.fill.d.next = self.fill.q.val() + 1;
            }
        }
        self.out_closed.d.next = self.ended.q.val() & ((self.fill.q.val() != 0) | self.poisoned.q.val());
        self.out_good.d.next = self.crc.good.val() & (self.fill.q.val() == 4) & !self.poisoned.q.val();
        if self.ended.q.val() {
            self.poisoned.d.next = false;
            self.fill.d.next = 0.into();
        }
        self.m_data.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();
        self.closed.next = self.out_closed.q.val();
        self.good.next = self.out_good.q.val();

        if self.reset.val() {
            self.plain_valid.d.next = false;
            self.ended.d.next = false;
            self.escaped.d.next = false;
            self.poisoned.d.next = false;
            self.fill.d.next = 0.into();
            self.out_valid.d.next = false;
            self.out_closed.d.next = false;
        }
    }
}
