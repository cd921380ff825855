//! Brings what stands behind the L2 header to a fixed place while its beats go by, whatever the number of VLAN tags.

use rust_hdl::prelude::*;

use crate::records::Meta;
use crate::stream::Beat;

/// 16 bytes of what stands behind the L2 header, and what is known of the frame by then.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Aligned {
    /// Zero where the frame has ended.
    pub data: Bits<128>,
    /// Which 16 of the 64 that count: 0 to 3. Else others.
    pub index: Bits<3>,
    /// There is nothing of this frame before it.
    pub is_first: bool,
    /// There is a VLAN tag (0x8100 or 0x88A8); there are two.
    pub is_tagged: bool,
    pub is_tagged_twice: bool,
    /// The EtherType behind all tags is IPv4's, and the frame holds it.
    pub is_v4_type: bool,
    /// It is IPv6's.
    pub is_v6_type: bool,
    /// With this the frame can be judged.
    pub is_complete: bool,
    /// With `is_complete`: how many of the 64 bytes the frame holds; 127 if it goes on behind what was seen. Of an IP packet only.
    pub held: Bits<7>,
    /// With `is_complete`: bytes of the whole frame behind L2 (only with `store_and_forward`). Of an IP packet only.
    pub length: Bits<14>,
    /// With `is_complete`: its last beat carried `error` (only with `store_and_forward`).
    pub error: bool,
    /// What ran beside its first beat.
    pub meta: Meta,
}

/// Puts two beats together to [`Aligned`] when the second goes by, or the clock after if the first is the last.
///
/// - Ports: `beat`, zero behind its bytes, `meta` beside it, with `take` (it moves in this clock); `aligned` with `aligned_valid`; `hold`: what is first of a frame is not
///   given in this clock. `blocked`: no beat may move.
/// - Complete is a frame with its 6th beat or its last, or with `store_and_forward` always with its last.
/// - Latency as said. Throughput: a beat a clock.
#[derive(LogicBlock, Default)]
pub struct Align {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub store_and_forward: Signal<In, bool>,
    pub beat: Signal<In, Beat>,
    pub meta: Signal<In, Meta>,
    pub take: Signal<In, bool>,
    pub hold: Signal<In, bool>,
    pub blocked: Signal<Out, bool>,
    pub aligned: Signal<Out, Aligned>,
    pub aligned_valid: Signal<Out, bool>,
    /// The beat before the one that goes by, and its number, 6 for all further ones.
    earlier: DFF<Bits<128>>,
    before_valid: DFF<bool>,
    before_last: DFF<bool>,
    before_index: DFF<Bits<3>>,
    /// Bytes of the frame up to its end.
    length: DFF<Bits<14>>,
    error: DFF<bool>,
    frame_meta: DFF<Meta>,
    is_tagged: DFF<bool>,
    is_tagged_twice: DFF<bool>,
    is_v4_type: DFF<bool>,
    is_v6_type: DFF<bool>,
    /// Number of the beat that goes by, 6 for all further ones; and without an end.
    index: DFF<Bits<3>>,
    beats: DFF<Bits<10>>,
    data: Signal<Local, Bits<128>>,
    /// The beat; nothing, if the one before was the last.
    behind: Signal<Local, Bits<128>>,
    bytes: Signal<Local, Bits<5>>,
    at_start: Signal<Local, Bits<16>>,
    at_4: Signal<Local, Bits<16>>,
    at_12: Signal<Local, Bits<16>>,
    l2_length: Signal<Local, Bits<5>>,
    held: Signal<Local, Bits<14>>,
    /// It is the beat behind which nothing is looked at.
    is_sixth: Signal<Local, bool>,
    gives: Signal<Local, bool>,
}

impl Logic for Align {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, earlier, before_valid, before_last, before_index, length, error, frame_meta);
        dff_setup!(self, clock, is_tagged, is_tagged_twice, is_v4_type, is_v6_type, index, beats);
        self.gives.next = (self.before_valid.q.val() & (self.before_last.q.val() | self.take.val())) & !self.hold.val();
        self.blocked.next = self.before_valid.q.val() & self.hold.val();

        self.bytes.next = self.beat.val().bytes;
        self.data.next = self.beat.val().data;
        self.at_start.next = self.data.val().get_bits::<16>(112);
        self.at_4.next = self.data.val().get_bits::<16>(80);
        self.at_12.next = self.data.val().get_bits::<16>(16);

        if self.gives.val() {
            self.before_valid.d.next = false;
        }
        if self.take.val() {
            self.earlier.d.next = self.data.val();
            self.before_valid.d.next = true;
            self.before_last.d.next = self.beat.val().last;
            self.before_index.d.next = self.index.q.val();
            self.length.d.next = (bit_cast::<14, 10>(self.beats.q.val()) << 4) + bit_cast::<14, 5>(self.bytes.val());
            self.error.d.next = self.beat.val().error;
            if self.index.q.val() == 0 {
                self.frame_meta.d.next = self.meta.val();
                self.is_tagged.d.next = (self.at_12.val() == 0x8100) | (self.at_12.val() == 0x88A8);
                self.is_tagged_twice.d.next = false;
                self.is_v4_type.d.next = (self.at_12.val() == 0x0800) & (self.bytes.val() > 13);
                self.is_v6_type.d.next = self.at_12.val() == 0x86DD;
            }
            if (self.index.q.val() == 1) & self.is_tagged.q.val() {
                self.is_v4_type.d.next = (self.at_start.val() == 0x0800) & (self.bytes.val() > 1);
                self.is_v6_type.d.next = self.at_start.val() == 0x86DD;
                if (self.at_start.val() == 0x8100) | (self.at_start.val() == 0x88A8) {
                    self.is_tagged_twice.d.next = true;
                    self.is_v4_type.d.next = (self.at_4.val() == 0x0800) & (self.bytes.val() > 5);
                    self.is_v6_type.d.next = self.at_4.val() == 0x86DD;
                }
            }
            self.beats.d.next = self.beats.q.val() + 1;
            if self.index.q.val() != 6 {
                self.index.d.next = self.index.q.val() + 1;
            }
            if self.beat.val().last {
                self.index.d.next = 0.into();
                self.beats.d.next = 0.into();
            }
        }

        // L2 has 14, 18 or 22 bytes.
        self.behind.next = self.data.val();
        if self.before_last.q.val() {
            self.behind.next = 0.into();
        }
        self.l2_length.next = 14.into();
        self.aligned.next.data = (self.earlier.q.val() << 112) | (self.behind.val() >> 16);
        self.aligned.next.index = self.before_index.q.val();
        if self.is_tagged.q.val() {
            self.l2_length.next = 18.into();
            self.aligned.next.data = (self.earlier.q.val() << 16) | (self.behind.val() >> 112);
            self.aligned.next.index = self.before_index.q.val() - 1;
        }
        if self.is_tagged_twice.q.val() {
            self.l2_length.next = 22.into();
            self.aligned.next.data = (self.earlier.q.val() << 48) | (self.behind.val() >> 80);
        }
        self.is_sixth.next = (self.before_index.q.val() == 4) & !self.before_last.q.val();
        self.held.next = self.length.q.val() - bit_cast::<14, 5>(self.l2_length.val());
        self.aligned.next.is_first = self.before_index.q.val() == 0;
        self.aligned.next.is_tagged = self.is_tagged.q.val();
        self.aligned.next.is_tagged_twice = self.is_tagged_twice.q.val();
        self.aligned.next.is_v4_type = self.is_v4_type.q.val();
        self.aligned.next.is_v6_type = self.is_v6_type.q.val();
        self.aligned.next.is_complete = self.before_last.q.val() & (self.before_index.q.val() < 5);
        self.aligned.next.held = bit_cast::<7, 14>(self.held.val());
        if self.before_index.q.val() == 6 {
            self.aligned.next.held = 127.into();
        }
        if self.is_sixth.val() {
            self.aligned.next.is_complete = true;
            self.aligned.next.held = 127.into();
            if self.beat.val().last {
                self.aligned.next.held = bit_cast::<7, 5>(self.bytes.val()) + bit_cast::<7, 5>(22 - self.l2_length.val()) + 58;
            }
        }
        if self.store_and_forward.val() {
            self.aligned.next.is_complete = self.before_last.q.val();
        }
        self.aligned.next.length = self.held.val();
        self.aligned.next.error = self.error.q.val() & self.store_and_forward.val();
        self.aligned.next.meta = self.frame_meta.q.val();
        self.aligned_valid.next = self.gives.val();

        if self.reset.val() {
            self.before_valid.d.next = false;
            self.index.d.next = 0.into();
            self.beats.d.next = 0.into();
        }
    }
}
