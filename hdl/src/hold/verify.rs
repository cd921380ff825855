//! Joins what is known of a packet, and compares its ICV.

use rust_hdl::prelude::*;

use super::{Held, Stored};
use crate::constant::Const;
use crate::records::{icv_size, Gathered};
use crate::slice::Slice;

/// Offers a packet when all has come that there is to know of it.
///
/// - Ports: `stored`, `is_protected`, `gathered` for each packet, `tag` for each protected one, each in order; `held` what they say;
///   `boundary` where it ends, for the reader, the clock in which they are taken.
/// - Latency 2 clocks: ICV and tag are folded to 32 bits, then these to one. Throughput one packet a clock.
/// - A short ICV is the tag's first bytes (RFC 4106 section 6): only these are compared.
/// - Back-pressure: waits for `held_ready` and `boundary_ready`.
#[derive(LogicBlock, Default)]
pub struct Verify {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub stored: Signal<In, Stored>,
    pub stored_valid: Signal<In, bool>,
    pub is_protected: Signal<In, bool>,
    pub is_protected_valid: Signal<In, bool>,
    pub tag: Signal<In, Bits<128>>,
    pub tag_valid: Signal<In, bool>,
    pub gathered: Signal<In, Gathered>,
    pub gathered_valid: Signal<In, bool>,
    pub boundary_ready: Signal<In, bool>,
    pub held_ready: Signal<In, bool>,
    pub stored_ready: Signal<Out, bool>,
    pub is_protected_ready: Signal<Out, bool>,
    pub tag_ready: Signal<Out, bool>,
    pub gathered_ready: Signal<Out, bool>,
    pub boundary: Signal<Out, Bits<16>>,
    pub boundary_valid: Signal<Out, bool>,
    pub held: Signal<Out, Held>,
    pub held_valid: Signal<Out, bool>,
    joined: DFF<Held>,
    joined_valid: DFF<bool>,
    /// Where ICV and tag differ, folded.
    differ: DFF<Bits<32>>,
    trailer_length: DFF<Bits<9>>,
    out: Slice<Held>,
    advance: Signal<Local, bool>,
    all: Signal<Local, bool>,
    take: Signal<Local, bool>,
    difference: Signal<Local, Bits<128>>,
    folded: Signal<Local, Bits<32>>,
    left: Signal<Local, Bits<17>>,
    icv_16: Const<2, { icv_size::ICV_16 }>,
    icv_8: Const<2, { icv_size::ICV_8 }>,
}

impl Logic for Verify {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, joined, joined_valid, differ, trailer_length);
        clock!(self, clock, out);
        self.out.reset.next = self.reset.val();
        self.advance.next = self.out.s_ready.val();
        self.all.next = self.stored_valid.val()
            & self.is_protected_valid.val()
            & self.gathered_valid.val()
            & (self.tag_valid.val() | !self.is_protected.val());
        self.take.next = self.all.val() & self.boundary_ready.val() & (!self.joined_valid.q.val() | self.advance.val());
        self.stored_ready.next = self.take.val();
        self.is_protected_ready.next = self.take.val();
        self.gathered_ready.next = self.take.val();
        self.tag_ready.next = self.take.val() & self.is_protected.val();
        self.boundary_valid.next = self.take.val();
        self.boundary.next = self.stored.val().end;

        self.difference.next = self.tag.val() ^ self.gathered.val().icv;
        self.folded.next = self.difference.val().get_bits::<32>(96) | self.difference.val().get_bits::<32>(64);
        if self.gathered.val().icv_size != self.icv_8.val() {
            self.folded.next = (self.difference.val().get_bits::<32>(96) | self.difference.val().get_bits::<32>(64))
                | self.difference.val().get_bits::<32>(32);
        }
        if self.gathered.val().icv_size == self.icv_16.val() {
            self.folded.next = (self.difference.val().get_bits::<32>(96) | self.difference.val().get_bits::<32>(64))
                | (self.difference.val().get_bits::<32>(32) | self.difference.val().get_bits::<32>(0));
        }
        self.left.next = bit_cast::<17, 16>(self.joined.q.val().length) - bit_cast::<17, 9>(self.trailer_length.q.val());
        if self.advance.val() {
            self.joined_valid.d.next = false;
        }
        self.out.s_valid.next = self.joined_valid.q.val();
        self.out.s_data.next = self.joined.q.val();
        self.out.s_data.next.icv_ok = self.joined.q.val().protected & (self.differ.q.val() == 0);
        self.out.s_data.next.payload = bit_cast::<16, 17>(self.left.val());
        self.out.s_data.next.trailer_ok = !self.left.val().get_bit(16);
        if self.take.val() {
            self.joined_valid.d.next = true;
            self.joined.d.next.protected = self.is_protected.val();
            self.joined.d.next.error = self.stored.val().error | self.gathered.val().error;
            self.joined.d.next.length = self.stored.val().length;
            self.joined.d.next.nibble = self.stored.val().nibble;
            self.trailer_length.d.next = bit_cast::<9, 8>(self.stored.val().pad_length) + 2;
            self.joined.d.next.next_header = self.stored.val().next_header;
            self.differ.d.next = self.folded.val();
        }
        self.held.next = self.out.m_data.val();
        self.held_valid.next = self.out.m_valid.val();
        self.out.m_ready.next = self.held_ready.val();

        if self.reset.val() {
            self.joined_valid.d.next = false;
        }
    }
}
