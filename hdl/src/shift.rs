//! The byte shifter that gather, append and prepend share.

use rust_hdl::prelude::*;

/// Puts 16 bytes behind the first `2 * offset` bytes of `carry`.
///
/// - Ports: `rotated` is `data` rotated to the right by `2 * offset` bytes: its first bytes are the ones of `data` that don't fit,
///   so it is the `carry` for what comes next. `merged` is the first `2 * offset` bytes of `carry`, then of `data` what fits.
/// - Latency: none, it is combinational: three two-way muxes and one more. No back-pressure.
///
/// Only even offsets, because all headers are of even length (Ethernet 14, 18, 22; everything else a multiple of 4).
#[derive(LogicBlock, Default)]
pub struct Shift {
    pub data: Signal<In, Bits<128>>,
    pub carry: Signal<In, Bits<128>>,
    pub offset: Signal<In, Bits<3>>,
    pub merged: Signal<Out, Bits<128>>,
    pub rotated: Signal<Out, Bits<128>>,
    by_2: Signal<Local, Bits<128>>,
    by_4: Signal<Local, Bits<128>>,
    turned: Signal<Local, Bits<128>>,
    /// The bytes of `merged` that come from `data`.
    from_data: Signal<Local, Bits<128>>,
}

impl Logic for Shift {
    #[hdl_gen]
    fn update(&mut self) {
        // Powers of two one after the other: half the logic of one mux of eight.
        self.by_2.next = self.data.val();
        if self.offset.val().get_bit(0) {
            self.by_2.next = (self.data.val() >> 16) | (self.data.val() << 112);
        }
        self.by_4.next = self.by_2.val();
        if self.offset.val().get_bit(1) {
            self.by_4.next = (self.by_2.val() >> 32) | (self.by_2.val() << 96);
        }
        self.turned.next = self.by_4.val();
        if self.offset.val().get_bit(2) {
            self.turned.next = (self.by_4.val() >> 64) | (self.by_4.val() << 64);
        }
        self.from_data.next = 0xffffffff_ffffffff_ffffffff_ffffffff_u128.to_bits();
        match self.offset.val().index() {
            1 => self.from_data.next = 0x0000ffff_ffffffff_ffffffff_ffffffff_u128.to_bits(),
            2 => self.from_data.next = 0x00000000_ffffffff_ffffffff_ffffffff_u128.to_bits(),
            3 => self.from_data.next = 0x00000000_0000ffff_ffffffff_ffffffff_u128.to_bits(),
            4 => self.from_data.next = 0x00000000_00000000_ffffffff_ffffffff_u128.to_bits(),
            5 => self.from_data.next = 0x00000000_00000000_0000ffff_ffffffff_u128.to_bits(),
            6 => self.from_data.next = 0x00000000_00000000_00000000_ffffffff_u128.to_bits(),
            7 => self.from_data.next = 0x00000000_00000000_00000000_0000ffff_u128.to_bits(),
            _ => {}
        }
        self.rotated.next = self.turned.val();
        self.merged.next = (self.carry.val() & !self.from_data.val()) | (self.turned.val() & self.from_data.val());
    }
}
