//! Brings the IP header to a fixed place, whatever the number of VLAN tags.

use rust_hdl::prelude::*;

use super::capture::Captured;
use crate::records::Meta;

/// A frame's first bytes, L2 and what follows apart.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Normalised {
    /// As in [`Headers`](crate::records::Headers).
    pub l2: Bits<176>,
    pub l2_length: Bits<5>,
    /// The EtherType behind all tags is IPv4's, and the frame holds it.
    pub is_v4_type: bool,
    /// It is IPv6's.
    pub is_v6_type: bool,
    /// The 64 bytes behind the L2 header, zero where the frame has ended.
    pub l3: Bits<512>,
    /// How many of them the frame holds; 127 if it goes on behind what was seen.
    pub held: Bits<7>,
    /// Bytes of the whole frame behind L2 (only with `store_and_forward`).
    pub length: Bits<14>,
    /// As in [`Headers`](crate::records::Headers).
    pub error: bool,
    /// As in [`Headers`](crate::records::Headers).
    pub meta: Meta,
}

/// [`Captured`] to [`Normalised`]: no register but the one it ends in. Latency 1 clock; takes a record when it is empty, so one
/// every 2 clocks.
#[derive(LogicBlock, Default)]
pub struct Normalise {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub captured: Signal<In, Captured>,
    pub captured_valid: Signal<In, bool>,
    pub captured_ready: Signal<Out, bool>,
    pub normalised: Signal<Out, Normalised>,
    pub normalised_valid: Signal<Out, bool>,
    pub normalised_ready: Signal<In, bool>,
    record: DFF<Normalised>,
    full: DFF<bool>,
    bytes: Signal<Local, Bits<688>>,
    l2: Signal<Local, Bits<176>>,
    l2_length: Signal<Local, Bits<5>>,
    is_held: Signal<Local, bool>,
}

impl Logic for Normalise {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, record, full);
        self.captured_ready.next = !self.full.q.val();
        self.normalised.next = self.record.q.val();
        self.normalised_valid.next = self.full.q.val();
        self.bytes.next = self.captured.val().bytes;
        self.l2.next = self.bytes.val().get_bits::<176>(512);

        self.l2_length.next = 14.into();
        if self.captured.val().tag_at_12 {
            self.l2_length.next = 18.into();
            if self.captured.val().tag_at_16 {
                self.l2_length.next = 22.into();
            }
        }
        self.is_held.next = self.captured.val().is_long | (self.captured.val().count >= bit_cast::<7, 5>(self.l2_length.val()));

        if !self.full.q.val() {
            self.record.d.next.l2 = (self.l2.val() >> 64) << 64;
            self.record.d.next.l3 = self.bytes.val().get_bits::<512>(64);
            self.record.d.next.is_v4_type = self.is_held.val() & self.captured.val().v4_at_12;
            self.record.d.next.is_v6_type = self.is_held.val() & self.captured.val().v6_at_12;
            if self.captured.val().tag_at_12 {
                self.record.d.next.l2 = (self.l2.val() >> 32) << 32;
                self.record.d.next.l3 = self.bytes.val().get_bits::<512>(32);
                self.record.d.next.is_v4_type = self.is_held.val() & self.captured.val().v4_at_16;
                self.record.d.next.is_v6_type = self.is_held.val() & self.captured.val().v6_at_16;
                if self.captured.val().tag_at_16 {
                    self.record.d.next.l2 = self.l2.val();
                    self.record.d.next.l3 = self.bytes.val().get_bits::<512>(0);
                    self.record.d.next.is_v4_type = self.is_held.val() & self.captured.val().v4_at_20;
                    self.record.d.next.is_v6_type = self.is_held.val() & self.captured.val().v6_at_20;
                }
            }
            self.record.d.next.l2_length = self.l2_length.val();
            self.record.d.next.held = 0.into();
            self.record.d.next.length = 0.into();
            if self.is_held.val() {
                self.record.d.next.held = self.captured.val().count - bit_cast::<7, 5>(self.l2_length.val());
                self.record.d.next.length = self.captured.val().length - bit_cast::<14, 5>(self.l2_length.val());
            }
            if self.captured.val().is_long {
                self.record.d.next.held = 127.into();
            }
            self.record.d.next.error = self.captured.val().error;
            self.record.d.next.meta = self.captured.val().meta;
            self.full.d.next = self.captured_valid.val();
        }
        if self.full.q.val() & self.normalised_ready.val() {
            self.full.d.next = false;
        }
        if self.reset.val() {
            self.full.d.next = false;
        }
    }
}
