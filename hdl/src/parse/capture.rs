//! Keeps the fields of a frame's headers while its beats go by.

use rust_hdl::prelude::*;

use super::align::Aligned;
use crate::records::Meta;

/// What a frame's headers hold, not judged yet. Zero where the frame has ended.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Captured {
    /// As in [`Aligned`].
    pub is_tagged: bool,
    pub is_tagged_twice: bool,
    pub is_v4_type: bool,
    pub is_v6_type: bool,
    pub held: Bits<7>,
    pub length: Bits<14>,
    pub error: bool,
    pub meta: Meta,
    /// The first 12 bytes behind L2.
    pub head: Bits<96>,
    /// IP addresses, as in [`Endpoints`](crate::records::Endpoints); with the next zero if there are none.
    pub src: Bits<128>,
    pub dst: Bits<128>,
    /// The 24 bytes behind an IP header without options.
    pub l4: Bits<192>,
}

/// Collects a [`Captured`] for each frame.
///
/// - Ports: `aligned`; `hold`, which asks not to give the first of a frame; `captured` out.
/// - Latency: 1 clock. Throughput: a frame each clock.
/// - Back-pressure: `hold`, when a record still waits for `captured_ready`.
#[derive(LogicBlock, Default)]
pub struct Capture {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub aligned: Signal<In, Aligned>,
    pub aligned_valid: Signal<In, bool>,
    pub hold: Signal<Out, bool>,
    pub captured: Signal<Out, Captured>,
    pub captured_valid: Signal<Out, bool>,
    pub captured_ready: Signal<In, bool>,
    is_tagged: DFF<bool>,
    is_tagged_twice: DFF<bool>,
    is_v4_type: DFF<bool>,
    is_v6_type: DFF<bool>,
    held: DFF<Bits<7>>,
    length: DFF<Bits<14>>,
    error: DFF<bool>,
    meta: DFF<Meta>,
    head: DFF<Bits<96>>,
    src_high: DFF<Bits<64>>,
    src_low: DFF<Bits<64>>,
    dst_high: DFF<Bits<64>>,
    dst_low: DFF<Bits<64>>,
    l4_0: DFF<Bits<64>>,
    l4_1_high: DFF<Bits<32>>,
    l4_1_low: DFF<Bits<32>>,
    l4_2: DFF<Bits<64>>,
    full: DFF<bool>,
    data: Signal<Local, Bits<128>>,
    high: Signal<Local, Bits<64>>,
    low: Signal<Local, Bits<64>>,
    is_v6: Signal<Local, bool>,
    clears: Signal<Local, bool>,
    // Which 16 bytes, of which family.
    is_0: Signal<Local, bool>,
    v4_0: Signal<Local, bool>,
    v6_0: Signal<Local, bool>,
    v4_1: Signal<Local, bool>,
    v6_1: Signal<Local, bool>,
    v4_2: Signal<Local, bool>,
    v6_2: Signal<Local, bool>,
    v6_3: Signal<Local, bool>,
    new_head: Signal<Local, Bits<96>>,
    new_src_high: Signal<Local, Bits<64>>,
    new_src_low: Signal<Local, Bits<64>>,
    new_dst_high: Signal<Local, Bits<64>>,
    new_dst_low: Signal<Local, Bits<64>>,
    new_l4_0: Signal<Local, Bits<64>>,
    new_l4_1_high: Signal<Local, Bits<32>>,
    new_l4_1_low: Signal<Local, Bits<32>>,
    new_l4_2: Signal<Local, Bits<64>>,
}

impl Logic for Capture {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, is_tagged, is_tagged_twice, is_v4_type, is_v6_type, held, length, error, meta);
        dff_setup!(self, clock, head, src_high, src_low, dst_high, dst_low, l4_0, l4_1_high, l4_1_low, l4_2, full);
        self.hold.next = (self.full.q.val() & !self.captured_ready.val()) & self.aligned.val().is_first;
        self.data.next = self.aligned.val().data;
        self.high.next = self.data.val().get_bits::<64>(64);
        self.low.next = self.data.val().get_bits::<64>(0);
        self.is_v6.next = self.aligned.val().is_v6_type;

        if self.captured_ready.val() {
            self.full.d.next = false;
        }
        if self.aligned_valid.val() {
            self.is_tagged.d.next = self.aligned.val().is_tagged;
            self.is_tagged_twice.d.next = self.aligned.val().is_tagged_twice;
            self.is_v4_type.d.next = self.aligned.val().is_v4_type;
            self.is_v6_type.d.next = self.aligned.val().is_v6_type;
            self.meta.d.next = self.aligned.val().meta;
            if self.aligned.val().is_complete {
                self.full.d.next = true;
                self.held.d.next = self.aligned.val().held;
                self.length.d.next = self.aligned.val().length;
                self.error.d.next = self.aligned.val().error;
            }
        }

        // RFC 791 section 3.1: 20 bytes, addresses from byte 12 on. RFC 8200 section 3: 40 bytes, addresses from byte 8 on. The first of a
        // frame clears what does not come with it: a register is 0 when it is written without a source.
        self.clears.next = self.aligned_valid.val() & self.aligned.val().is_first;
        self.is_0.next = self.aligned.val().index == 0;
        self.v4_0.next = self.is_0.val() & self.aligned.val().is_v4_type;
        self.v6_0.next = self.is_0.val() & self.is_v6.val();
        self.v4_1.next = (self.aligned.val().index == 1) & self.aligned.val().is_v4_type;
        self.v6_1.next = (self.aligned.val().index == 1) & self.is_v6.val();
        self.v4_2.next = (self.aligned.val().index == 2) & self.aligned.val().is_v4_type;
        self.v6_2.next = (self.aligned.val().index == 2) & self.is_v6.val();
        self.v6_3.next = (self.aligned.val().index == 3) & self.is_v6.val();
        self.new_head.next = 0.into();
        if self.is_0.val() {
            self.new_head.next = self.data.val().get_bits::<96>(32);
        }
        if self.clears.val() | (self.aligned_valid.val() & self.is_0.val()) {
            self.head.d.next = self.new_head.val();
        }
        self.new_src_high.next = 0.into();
        if self.v6_0.val() {
            self.new_src_high.next = self.low.val();
        }
        if self.clears.val() | (self.aligned_valid.val() & self.v6_0.val()) {
            self.src_high.d.next = self.new_src_high.val();
        }
        self.new_src_low.next = 0.into();
        if self.v4_0.val() {
            self.new_src_low.next = bit_cast::<64, 32>(self.data.val().get_bits::<32>(0));
        }
        if self.v6_1.val() {
            self.new_src_low.next = self.high.val();
        }
        if self.clears.val() | (self.aligned_valid.val() & (self.v4_0.val() | self.v6_1.val())) {
            self.src_low.d.next = self.new_src_low.val();
        }
        self.new_dst_high.next = 0.into();
        if self.v6_1.val() {
            self.new_dst_high.next = self.low.val();
        }
        if self.clears.val() | (self.aligned_valid.val() & self.v6_1.val()) {
            self.dst_high.d.next = self.new_dst_high.val();
        }
        self.new_dst_low.next = 0.into();
        if self.v4_1.val() {
            self.new_dst_low.next = bit_cast::<64, 32>(self.data.val().get_bits::<32>(96));
        }
        if self.v6_2.val() {
            self.new_dst_low.next = self.high.val();
        }
        if self.clears.val() | (self.aligned_valid.val() & (self.v4_1.val() | self.v6_2.val())) {
            self.dst_low.d.next = self.new_dst_low.val();
        }
        self.new_l4_0.next = 0.into();
        if self.v4_1.val() {
            self.new_l4_0.next = self.data.val().get_bits::<64>(32);
        }
        if self.v6_2.val() {
            self.new_l4_0.next = self.low.val();
        }
        if self.clears.val() | (self.aligned_valid.val() & (self.v4_1.val() | self.v6_2.val())) {
            self.l4_0.d.next = self.new_l4_0.val();
        }
        self.new_l4_1_high.next = 0.into();
        if self.v4_1.val() {
            self.new_l4_1_high.next = self.data.val().get_bits::<32>(0);
        }
        if self.v6_3.val() {
            self.new_l4_1_high.next = self.data.val().get_bits::<32>(96);
        }
        if self.clears.val() | (self.aligned_valid.val() & (self.v4_1.val() | self.v6_3.val())) {
            self.l4_1_high.d.next = self.new_l4_1_high.val();
        }
        self.new_l4_1_low.next = 0.into();
        if self.v4_2.val() {
            self.new_l4_1_low.next = self.data.val().get_bits::<32>(96);
        }
        if self.v6_3.val() {
            self.new_l4_1_low.next = self.data.val().get_bits::<32>(64);
        }
        if self.clears.val() | (self.aligned_valid.val() & (self.v4_2.val() | self.v6_3.val())) {
            self.l4_1_low.d.next = self.new_l4_1_low.val();
        }
        self.new_l4_2.next = 0.into();
        if self.v4_2.val() {
            self.new_l4_2.next = self.data.val().get_bits::<64>(32);
        }
        if self.v6_3.val() {
            self.new_l4_2.next = self.low.val();
        }
        if self.clears.val() | (self.aligned_valid.val() & (self.v4_2.val() | self.v6_3.val())) {
            self.l4_2.d.next = self.new_l4_2.val();
        }

        self.captured.next.is_tagged = self.is_tagged.q.val();
        self.captured.next.is_tagged_twice = self.is_tagged_twice.q.val();
        self.captured.next.is_v4_type = self.is_v4_type.q.val();
        self.captured.next.is_v6_type = self.is_v6_type.q.val();
        self.captured.next.held = self.held.q.val();
        self.captured.next.length = self.length.q.val();
        self.captured.next.error = self.error.q.val();
        self.captured.next.meta = self.meta.q.val();
        self.captured.next.head = self.head.q.val();
        self.captured.next.src = (bit_cast::<128, 64>(self.src_high.q.val()) << 64) | bit_cast::<128, 64>(self.src_low.q.val());
        self.captured.next.dst = (bit_cast::<128, 64>(self.dst_high.q.val()) << 64) | bit_cast::<128, 64>(self.dst_low.q.val());
        self.captured.next.l4 = ((bit_cast::<192, 64>(self.l4_0.q.val()) << 128) | (bit_cast::<192, 32>(self.l4_1_high.q.val()) << 96))
            | ((bit_cast::<192, 32>(self.l4_1_low.q.val()) << 64) | bit_cast::<192, 64>(self.l4_2.q.val()));
        self.captured_valid.next = self.full.q.val();
        if self.reset.val() {
            self.full.d.next = false;
        }
    }
}
