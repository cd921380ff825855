//! RX: what the outer header of a tunnel hands to the inner one.

use rust_hdl::prelude::*;

use crate::stream::Beat;

/// What is to become of the DSCP and ECN fields of the IP header that a payload begins with.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Marks {
    /// It is IPv6's.
    pub v6: bool,
    /// ECN: CE, if it is ECT (RFC 3168 section 9.1.1, Linux `INET_ECN_set_ce`).
    pub set_ce: bool,
    /// DSCP: this one (Linux `ipv4_copy_dscp`).
    pub set_dscp: bool,
    /// With `set_dscp`.
    pub dscp: Bits<6>,
}

/// Writes DSCP and ECN of an inner IP header (RFC 4301 section 5.1.2), and mends the IPv4 header checksum (RFC 1624 equation 3).
///
/// - Ports: `s` payloads, `s_marks` beside all their beats; `m` the same. A payload that ends before the field does (IPv4: before the checksum) is
///   left alone.
/// - Latency 3 clocks: the new byte; the checksum's sum; its carries. Throughput a beat a clock.
/// - Back-pressure: `m` is a register; everything waits while it is not taken, and `s_ready` tells.
///
/// In IPv4 the byte is the lower one of the first word m, so that ~m + m' of RFC 1624 is 0xFFFF - old + new. What does not change keeps its checksum.
#[derive(LogicBlock, Default)]
pub struct InnerHeader {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_beat: Signal<In, Beat>,
    pub s_marks: Signal<In, Marks>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub m_beat: Signal<Out, Beat>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    /// The next beat of `s` is not a payload's first.
    midway: DFF<bool>,
    // The bits of the byte that change.
    taken: DFF<Beat>,
    taken_valid: DFF<bool>,
    flip: DFF<Bits<8>>,
    is_v6: DFF<bool>,
    // The sum.
    summed: DFF<Beat>,
    summed_valid: DFF<bool>,
    mends: DFF<bool>,
    sum: DFF<Bits<18>>,
    // Its carries.
    out: DFF<Beat>,
    out_valid: DFF<bool>,
    advance: Signal<Local, bool>,
    data: Signal<Local, Bits<128>>,
    tos: Signal<Local, Bits<8>>,
    dscp: Signal<Local, Bits<8>>,
    wanted: Signal<Local, Bits<8>>,
    reaches: Signal<Local, bool>,
    taken_data: Signal<Local, Bits<128>>,
    old_tos: Signal<Local, Bits<8>>,
    /// Inverted; wires of their own, because an inversion inside a wider sum would be as wide.
    not_checksum: Signal<Local, Bits<16>>,
    not_tos: Signal<Local, Bits<8>>,
    summed_data: Signal<Local, Bits<128>>,
    folded: Signal<Local, Bits<17>>,
    checksum: Signal<Local, Bits<16>>,
    change: Signal<Local, Bits<16>>,
}

impl Logic for InnerHeader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, midway, taken, taken_valid, flip, is_v6, summed, summed_valid, mends, sum, out, out_valid);
        self.advance.next = !self.out_valid.q.val() | self.m_ready.val();
        self.s_ready.next = self.advance.val();

        // The byte as it is, and as it is wanted.
        self.data.next = self.s_beat.val().data;
        self.tos.next = self.data.val().get_bits::<8>(112);
        self.reaches.next = self.s_beat.val().bytes > 11;
        if self.s_marks.val().v6 {
            self.tos.next = self.data.val().get_bits::<8>(116);
            self.reaches.next = self.s_beat.val().bytes > 1;
        }
        self.dscp.next = self.tos.val();
        if self.s_marks.val().set_dscp {
            self.dscp.next = (bit_cast::<8, 6>(self.s_marks.val().dscp) << 2) | (self.tos.val() & 3);
        }
        self.wanted.next = self.dscp.val();
        if self.s_marks.val().set_ce & ((self.tos.val() & 3) != 0) {
            self.wanted.next = self.dscp.val() | 3;
        }
        if self.advance.val() {
            self.taken.d.next = self.s_beat.val();
            self.taken_valid.d.next = self.s_valid.val();
            self.is_v6.d.next = self.s_marks.val().v6;
            self.flip.d.next = 0.into();
            if self.reaches.val() & !self.midway.q.val() {
                self.flip.d.next = self.wanted.val() ^ self.tos.val();
            }
            if self.s_valid.val() {
                self.midway.d.next = !self.s_beat.val().last;
            }
        }

        // Write it; add up the checksum.
        self.taken_data.next = self.taken.q.val().data;
        self.old_tos.next = self.taken_data.val().get_bits::<8>(112);
        self.not_checksum.next = !self.taken_data.val().get_bits::<16>(32);
        self.not_tos.next = !self.old_tos.val();
        if self.advance.val() {
            self.summed.d.next = self.taken.q.val();
            self.summed.d.next.data = self.taken_data.val() ^ (bit_cast::<128, 8>(self.flip.q.val()) << 112);
            if self.is_v6.q.val() {
                self.summed.d.next.data = self.taken_data.val() ^ (bit_cast::<128, 8>(self.flip.q.val()) << 116);
            }
            self.summed_valid.d.next = self.taken_valid.q.val();
            self.mends.d.next = !self.is_v6.q.val() & self.flip.q.val().any();
            self.sum.d.next = bit_cast::<18, 16>(self.not_checksum.val())
                + ((bit_cast::<18, 8>(self.not_tos.val()) | 0xFF00) + bit_cast::<18, 8>(self.old_tos.val() ^ self.flip.q.val()));
        }

        // Fold the carries, and write it.
        self.summed_data.next = self.summed.q.val().data;
        self.folded.next = bit_cast::<17, 16>(bit_cast::<16, 18>(self.sum.q.val())) + bit_cast::<17, 18>(self.sum.q.val() >> 16);
        self.checksum.next = !(bit_cast::<16, 17>(self.folded.val()) + bit_cast::<16, 17>(self.folded.val() >> 16));
        self.change.next = 0.into();
        if self.mends.q.val() {
            self.change.next = self.checksum.val() ^ self.summed_data.val().get_bits::<16>(32);
        }
        if self.advance.val() {
            self.out.d.next = self.summed.q.val();
            self.out.d.next.data = self.summed_data.val() ^ (bit_cast::<128, 16>(self.change.val()) << 32);
            self.out_valid.d.next = self.summed_valid.q.val();
        }
        self.m_beat.next = self.out.q.val();
        self.m_valid.next = self.out_valid.q.val();

        if self.reset.val() {
            self.midway.d.next = false;
            self.taken_valid.d.next = false;
            self.summed_valid.d.next = false;
            self.out_valid.d.next = false;
        }
    }
}
