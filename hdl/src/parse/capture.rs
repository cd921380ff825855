//! Keeps the first bytes of a frame while its beats go by.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::Meta;
use crate::stream::Beat;

/// The first bytes of a frame, and how long it is.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Captured {
    /// The first 86 bytes (22 of L2, 40 of IP, 8 of UDP, 16 of ESP and IV), zero where the frame has ended.
    pub bytes: Bits<688>,
    /// The EtherType at byte 12 is a VLAN tag's.
    pub tag_at_12: bool,
    /// It is IPv4's.
    pub v4_at_12: bool,
    /// It is IPv6's.
    pub v6_at_12: bool,
    /// The same of byte 16, behind one tag.
    pub tag_at_16: bool,
    pub v4_at_16: bool,
    pub v6_at_16: bool,
    /// The same of byte 20, behind two tags.
    pub v4_at_20: bool,
    pub v6_at_20: bool,
    /// Bytes of the frame that were seen, 1 to 96; nothing is known without `is_long` of more.
    pub count: Bits<7>,
    /// The frame goes on behind them.
    pub is_long: bool,
    /// Bytes of the whole frame (only with `store_and_forward`).
    pub length: Bits<14>,
    /// Its last beat carried `error` (only with `store_and_forward`).
    pub error: bool,
    /// What ran beside its first beat.
    pub meta: Meta,
}

/// Watches the beats of a stream, and gives a [`Captured`] for each frame: behind its 6th beat or its last, or with
/// `store_and_forward` always behind its last.
///
/// - Ports: `beat`, `meta` beside it, with `take` (it moves in this clock); `captured` out. `blocked`: a frame's first beat must not move.
/// - Latency: 1 clock. Throughput: a frame of one beat every clock.
/// - Back-pressure: `blocked`, when a record still waits for `captured_ready`.
#[derive(LogicBlock, Default)]
pub struct Capture {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub store_and_forward: Signal<In, bool>,
    pub beat: Signal<In, Beat>,
    pub meta: Signal<In, Meta>,
    pub take: Signal<In, bool>,
    pub blocked: Signal<Out, bool>,
    pub captured: Signal<Out, Captured>,
    pub captured_valid: Signal<Out, bool>,
    pub captured_ready: Signal<In, bool>,
    /// Number of the beat, 6 for all further ones.
    index: DFF<Bits<3>>,
    /// Beats of the frame that went by.
    beats: DFF<Bits<10>>,
    slot_0: DFF<Bits<128>>,
    slot_1: DFF<Bits<128>>,
    slot_2: DFF<Bits<128>>,
    slot_3: DFF<Bits<128>>,
    slot_4: DFF<Bits<128>>,
    slot_5: DFF<Bits<48>>,
    tag_at_12: DFF<bool>,
    v4_at_12: DFF<bool>,
    v6_at_12: DFF<bool>,
    tag_at_16: DFF<bool>,
    v4_at_16: DFF<bool>,
    v6_at_16: DFF<bool>,
    v4_at_20: DFF<bool>,
    v6_at_20: DFF<bool>,
    count: DFF<Bits<7>>,
    is_long: DFF<bool>,
    length: DFF<Bits<14>>,
    error: DFF<bool>,
    frame_meta: DFF<Meta>,
    full: DFF<bool>,
    absent: Signal<Local, Bits<8>>,
    data: Signal<Local, Bits<128>>,
    at_start: Signal<Local, Bits<16>>,
    at_4: Signal<Local, Bits<16>>,
    at_12: Signal<Local, Bits<16>>,
    is_first: Signal<Local, bool>,
    is_complete: Signal<Local, bool>,
    zero: Const<1, 0>,
    ones: Signal<Local, Bits<128>>,
}

impl Logic for Capture {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, index, beats, slot_0, slot_1, slot_2, slot_3, slot_4, slot_5);
        dff_setup!(self, clock, tag_at_12, v4_at_12, v6_at_12, tag_at_16, v4_at_16, v6_at_16, v4_at_20, v6_at_20);
        dff_setup!(self, clock, count, is_long, length, error, frame_meta, full);

        // Bytes behind the end of the frame are undefined: zero from here on.
        self.absent.next = bit_cast::<8, 5>(16 - self.beat.val().bytes) << 3;
        self.ones.next = !bit_cast::<128, 1>(self.zero.val());
        self.data.next = self.beat.val().data & (self.ones.val() << self.absent.val());
        self.at_start.next = self.data.val().get_bits::<16>(112);
        self.at_4.next = self.data.val().get_bits::<16>(80);
        self.at_12.next = self.data.val().get_bits::<16>(16);
        self.is_first.next = self.index.q.val() == 0;

        if self.take.val() {
            if self.is_first.val() {
                self.frame_meta.d.next = self.meta.val();
                self.slot_0.d.next = self.data.val();
                self.slot_1.d.next = 0.into();
                self.slot_2.d.next = 0.into();
                self.slot_3.d.next = 0.into();
                self.slot_4.d.next = 0.into();
                self.slot_5.d.next = 0.into();
                self.tag_at_12.d.next = (self.at_12.val() == 0x8100) | (self.at_12.val() == 0x88A8);
                self.v4_at_12.d.next = self.at_12.val() == 0x0800;
                self.v6_at_12.d.next = self.at_12.val() == 0x86DD;
                self.tag_at_16.d.next = false;
                self.v4_at_16.d.next = false;
                self.v6_at_16.d.next = false;
                self.v4_at_20.d.next = false;
                self.v6_at_20.d.next = false;
            }
            if self.index.q.val() == 1 {
                self.slot_1.d.next = self.data.val();
                self.tag_at_16.d.next = (self.at_start.val() == 0x8100) | (self.at_start.val() == 0x88A8);
                self.v4_at_16.d.next = self.at_start.val() == 0x0800;
                self.v6_at_16.d.next = self.at_start.val() == 0x86DD;
                self.v4_at_20.d.next = self.at_4.val() == 0x0800;
                self.v6_at_20.d.next = self.at_4.val() == 0x86DD;
            }
            if self.index.q.val() == 2 {
                self.slot_2.d.next = self.data.val();
            }
            if self.index.q.val() == 3 {
                self.slot_3.d.next = self.data.val();
            }
            if self.index.q.val() == 4 {
                self.slot_4.d.next = self.data.val();
            }
            if self.index.q.val() == 5 {
                self.slot_5.d.next = self.data.val().get_bits::<48>(80);
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

        // One record a frame, from the beat that makes it complete.
        self.is_complete.next = self.take.val()
            & ((self.beat.val().last & (self.store_and_forward.val() | (self.index.q.val() != 6)))
                | ((self.index.q.val() == 5) & !self.store_and_forward.val()));
        if self.captured_ready.val() {
            self.full.d.next = false;
        }
        if self.is_complete.val() {
            self.full.d.next = true;
            self.count.d.next = (bit_cast::<7, 3>(self.index.q.val()) << 4) + bit_cast::<7, 5>(self.beat.val().bytes);
            self.is_long.d.next = (self.index.q.val() == 6) | !self.beat.val().last;
            self.length.d.next = (bit_cast::<14, 10>(self.beats.q.val()) << 4) + bit_cast::<14, 5>(self.beat.val().bytes);
            self.error.d.next = self.beat.val().error;
        }
        self.blocked.next = self.is_first.val() & (self.full.q.val() & !self.captured_ready.val());

        self.captured.next.bytes = (((bit_cast::<688, 128>(self.slot_0.q.val()) << 560)
            | (bit_cast::<688, 128>(self.slot_1.q.val()) << 432))
            | ((bit_cast::<688, 128>(self.slot_2.q.val()) << 304) | (bit_cast::<688, 128>(self.slot_3.q.val()) << 176)))
            | ((bit_cast::<688, 128>(self.slot_4.q.val()) << 48) | bit_cast::<688, 48>(self.slot_5.q.val()));
        self.captured.next.tag_at_12 = self.tag_at_12.q.val();
        self.captured.next.v4_at_12 = self.v4_at_12.q.val();
        self.captured.next.v6_at_12 = self.v6_at_12.q.val();
        self.captured.next.tag_at_16 = self.tag_at_16.q.val();
        self.captured.next.v4_at_16 = self.v4_at_16.q.val();
        self.captured.next.v6_at_16 = self.v6_at_16.q.val();
        self.captured.next.v4_at_20 = self.v4_at_20.q.val();
        self.captured.next.v6_at_20 = self.v6_at_20.q.val();
        self.captured.next.count = self.count.q.val();
        self.captured.next.is_long = self.is_long.q.val();
        self.captured.next.length = self.length.q.val();
        self.captured.next.error = self.error.q.val() & self.store_and_forward.val();
        self.captured.next.meta = self.frame_meta.q.val();
        self.captured_valid.next = self.full.q.val();
        if self.reset.val() {
            self.index.d.next = 0.into();
            self.beats.d.next = 0.into();
            self.full.d.next = false;
        }
    }
}
