//! CRC-32 of IEEE 802.3, a bit a clock: the line is slower.

use espalier_regs::uart;
use rust_hdl::prelude::*;

use crate::constant::Const;

/// The CRC of the bytes since `clear`.
///
/// - Ports: `clear`; `s_data` with `s_valid`; `crc` as it stands behind the bytes, its lowest byte first; `good`: the bytes end with their own CRC;
///   `idle`: both are of all bytes so far, and the next one may come.
/// - Latency: 9 clocks, `good` 10. A byte in 9 clocks.
#[derive(LogicBlock, Default)]
pub struct Crc {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, bool>,
    pub s_data: Signal<In, Bits<8>>,
    pub s_valid: Signal<In, bool>,
    pub crc: Signal<Out, Bits<32>>,
    pub good: Signal<Out, bool>,
    pub idle: Signal<Out, bool>,
    register: DFF<Bits<32>>,
    left: DFF<Bits<8>>,
    bits: DFF<Bits<4>>,
    fits: DFF<bool>,
    low: Signal<Local, Bits<1>>,
    polynomial: Const<32, { uart::CRC_POLYNOMIAL as u64 }>,
    residue: Const<32, { uart::CRC_RESIDUE as u64 }>,
    ones: Const<32, 0xFFFF_FFFF>,
}

impl Logic for Crc {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, register, left, bits, fits);
        self.low.next = bit_cast::<1, 32>(self.register.q.val()) ^ bit_cast::<1, 8>(self.left.q.val());
        if self.bits.q.val() != 0 {
            self.bits.d.next = self.bits.q.val() - 1;
            self.left.d.next = self.left.q.val() >> 1;
            self.register.d.next = self.register.q.val() >> 1;
            if self.low.val() == 1 {
                self.register.d.next = (self.register.q.val() >> 1) ^ self.polynomial.val();
            }
        }
        if self.s_valid.val() {
            self.left.d.next = self.s_data.val();
            self.bits.d.next = 8.into();
        }
        if self.clear.val() {
            self.register.d.next = self.ones.val();
            self.bits.d.next = 0.into();
        }
        self.fits.d.next = self.register.q.val() == self.residue.val();
        self.good.next = self.fits.q.val();
        self.idle.next = self.bits.q.val() == 0;
        self.crc.next = !self.register.q.val();
    }
}
