//! The ESP trailer.

use rust_hdl::prelude::*;

/// Writes the ESP trailer over the bytes behind the payload (RFC 4303 sections 2.4 to 2.6): pad bytes 1, 2, 3 as `pad_length` says,
/// pad length, next header.
///
/// - Ports: a block of the payload in `data`; the block with what it has of the trailer in `block`.
/// - Latency: none, it is combinational. No back-pressure.
///
/// Payload and trailer together are a multiple of 4 bytes, so the trailer ends with the last 4 bytes in use. Of
/// its at most 5 bytes the first can stand in front of these, even at the end of the block before.
#[derive(LogicBlock, Default)]
pub struct Trailer {
    pub data: Signal<In, Bits<128>>,
    /// This is the last block, and ends in a trailer.
    pub last: Signal<In, bool>,
    /// The block behind this one is the last, and ends in a trailer.
    pub before_last: Signal<In, bool>,
    pub pad_length: Signal<In, Bits<2>>,
    pub next_header: Signal<In, Bits<8>>,
    /// Bytes of the last block, a quarter: 0 stands for 4.
    pub words: Signal<In, Bits<2>>,
    pub block: Signal<Out, Bits<128>>,
    /// The trailer, and which of its 5 bytes there are.
    bytes: Signal<Local, Bits<40>>,
    present: Signal<Local, Bits<40>>,
    /// Both, where they belong in the block.
    written: Signal<Local, Bits<128>>,
    mask: Signal<Local, Bits<128>>,
}

impl Logic for Trailer {
    #[hdl_gen]
    fn update(&mut self) {
        self.bytes.next = bit_cast::<40, 8>(self.next_header.val());
        self.present.next = 0xffff.into();
        match self.pad_length.val().index() {
            1 => {
                self.bytes.next = bit_cast::<40, 8>(self.next_header.val()) | 0x01_0100;
                self.present.next = 0xff_ffff.into();
            }
            2 => {
                self.bytes.next = bit_cast::<40, 8>(self.next_header.val()) | 0x0102_0200;
                self.present.next = 0xffff_ffff_u64.into();
            }
            3 => {
                self.bytes.next = bit_cast::<40, 8>(self.next_header.val()) | 0x01_0203_0300_u64;
                self.present.next = 0xff_ffff_ffff_u64.into();
            }
            _ => {}
        }
        self.written.next = bit_cast::<128, 40>(self.bytes.val());
        self.mask.next = bit_cast::<128, 40>(self.present.val());
        match self.words.val().index() {
            1 => {
                self.written.next = bit_cast::<128, 40>(self.bytes.val()) << 96;
                self.mask.next = bit_cast::<128, 40>(self.present.val()) << 96;
            }
            2 => {
                self.written.next = bit_cast::<128, 40>(self.bytes.val()) << 64;
                self.mask.next = bit_cast::<128, 40>(self.present.val()) << 64;
            }
            3 => {
                self.written.next = bit_cast::<128, 40>(self.bytes.val()) << 32;
                self.mask.next = bit_cast::<128, 40>(self.present.val()) << 32;
            }
            _ => {}
        }
        self.block.next = self.data.val();
        if self.last.val() {
            self.block.next = (self.data.val() & !self.mask.val()) | self.written.val();
        }
        if self.before_last.val() & (self.words.val() == 1) & (self.pad_length.val() == 3) {
            self.block.next = ((self.data.val() >> 8) << 8) | 1;
        }
    }
}
