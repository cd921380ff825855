//! From bytes to the line.

use rust_hdl::prelude::*;

use crate::constant::Const;

/// Sends bytes as 8N1, `DIVIDER` clocks a bit.
///
/// - Ports: `s_data` with `s_valid`, `s_ready`; `uart_tx`, high at rest, from a register.
/// - Latency: the start bit begins one clock after a byte is taken. Throughput: a byte in 10 * `DIVIDER` + 1 clocks. Back-pressure: a byte at a time.
#[derive(LogicBlock)]
pub struct Transmitter<const DIVIDER: u64> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, Bits<8>>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub uart_tx: Signal<Out, bool>,
    /// The line is low. Registers begin at 0, and the line must begin high.
    low: DFF<bool>,
    /// Bits to come, the next one lowest.
    shift: DFF<Bits<9>>,
    clocks: DFF<Bits<16>>,
    bits: DFF<Bits<4>>,
    to_next: Constant<Bits<16>>,
    stop_bit: Const<9, 256>,
}

impl<const DIVIDER: u64> Default for Transmitter<DIVIDER> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            reset: Default::default(),
            s_data: Default::default(),
            s_valid: Default::default(),
            s_ready: Default::default(),
            uart_tx: Default::default(),
            low: Default::default(),
            shift: Default::default(),
            clocks: Default::default(),
            bits: Default::default(),
            to_next: Constant::new((DIVIDER - 1).into()),
            stop_bit: Default::default(),
        }
    }
}

impl<const DIVIDER: u64> Logic for Transmitter<DIVIDER> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, low, shift, clocks, bits);
        self.s_ready.next = self.bits.q.val() == 0;
        self.uart_tx.next = !self.low.q.val();

        self.clocks.d.next = self.clocks.q.val() - 1;
        if self.bits.q.val() == 0 {
            self.clocks.d.next = self.to_next.val();
            if self.s_valid.val() {
                // The start bit now, eight of data, and the stop bit.
                self.low.d.next = true;
                self.shift.d.next = bit_cast::<9, 8>(self.s_data.val()) | self.stop_bit.val();
                self.bits.d.next = 10.into();
            }
        } else if self.clocks.q.val() == 0 {
            self.clocks.d.next = self.to_next.val();
            self.bits.d.next = self.bits.q.val() - 1;
            self.low.d.next = !self.shift.q.val().get_bit(0);
            self.shift.d.next = (self.shift.q.val() >> 1) | self.stop_bit.val();
        }

        if self.reset.val() {
            self.low.d.next = false;
            self.bits.d.next = 0.into();
        }
    }
}
