//! Reads the fields of the IP header, of what follows it, and checks them.

use rust_hdl::prelude::*;

use super::normalise::Normalised;
use crate::records::Meta;

/// What [`Examine`] says of a frame; only the header checksum's sum is still to be finished.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Examined {
    /// These as in [`Headers`](crate::records::Headers).
    pub l2: Bits<176>,
    pub l2_length: Bits<5>,
    pub is_v4: bool,
    pub is_v6: bool,
    pub error: bool,
    pub has_options: bool,
    pub is_fragment: bool,
    pub l3: Bits<320>,
    pub l3_length: Bits<6>,
    pub ip_length: Bits<16>,
    pub protocol: Bits<8>,
    pub src: Bits<128>,
    pub dst: Bits<128>,
    pub meta: Meta,
    /// The EtherType says IP.
    pub is_ip_type: bool,
    /// The header contradicts itself, or the frame ends inside it.
    pub is_bad: bool,
    /// Bytes of the whole frame behind L2.
    pub length: Bits<14>,
    /// IP length and frame hold 4 bytes behind a header without options, of a packet that is not a fragment.
    pub holds_4: bool,
    /// The same of 8 bytes.
    pub holds_8: bool,
    /// The same of 16 bytes.
    pub holds_16: bool,
    /// The 24 bytes behind a header without options.
    pub l4: Bits<192>,
    /// The header checksum is to be looked at: IPv4 without options.
    pub is_summed: bool,
    /// Sums of the header's words 0 to 3, 4 to 7, 8 and 9.
    pub sum_0: Bits<18>,
    pub sum_1: Bits<18>,
    pub sum_2: Bits<17>,
}

/// [`Normalised`] to [`Examined`]: no register but the one it ends in. Latency 1 clock; takes a record when it is empty, so one
/// every 2 clocks.
#[derive(LogicBlock, Default)]
pub struct Examine {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub normalised: Signal<In, Normalised>,
    pub normalised_valid: Signal<In, bool>,
    pub normalised_ready: Signal<Out, bool>,
    pub examined: Signal<Out, Examined>,
    pub examined_valid: Signal<Out, bool>,
    pub examined_ready: Signal<In, bool>,
    record: DFF<Examined>,
    full: DFF<bool>,
    l3: Signal<Local, Bits<512>>,
    version: Signal<Local, Bits<4>>,
    ihl: Signal<Local, Bits<4>>,
    total_length: Signal<Local, Bits<16>>,
    payload_length: Signal<Local, Bits<16>>,
    next_header: Signal<Local, Bits<8>>,
    is_fragment: Signal<Local, bool>,
    has_v4_options: Signal<Local, bool>,
    has_v6_extension: Signal<Local, bool>,
    is_bad_v4: Signal<Local, bool>,
    is_bad_v6: Signal<Local, bool>,
    header_bytes: Signal<Local, Bits<16>>,
    is_plain: Signal<Local, bool>,
    v6_length: Signal<Local, Bits<17>>,
}

impl Logic for Examine {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, record, full);
        self.normalised_ready.next = !self.full.q.val();
        self.examined.next = self.record.q.val();
        self.examined_valid.next = self.full.q.val();

        self.l3.next = self.normalised.val().l3;
        self.version.next = self.l3.val().get_bits::<4>(508);
        self.ihl.next = self.l3.val().get_bits::<4>(504);
        self.header_bytes.next = bit_cast::<16, 4>(self.ihl.val()) << 2;
        self.total_length.next = self.l3.val().get_bits::<16>(480);
        self.payload_length.next = self.l3.val().get_bits::<16>(464);
        self.next_header.next = self.l3.val().get_bits::<8>(456);
        // RFC 791: flag MF and the offset.
        self.is_fragment.next = self.l3.val().get_bits::<14>(448).any();
        self.has_v4_options.next = self.ihl.val() > 5;
        self.has_v6_extension.next = (((self.next_header.val() == 0) | (self.next_header.val() == 43))
            | ((self.next_header.val() == 44) | (self.next_header.val() == 60)))
            | (((self.next_header.val() == 135) | (self.next_header.val() == 139)) | (self.next_header.val() == 140));
        self.is_bad_v4.next = ((self.version.val() != 4) | (self.ihl.val() < 5))
            | ((self.total_length.val() < self.header_bytes.val())
                | (bit_cast::<16, 7>(self.normalised.val().held) < self.header_bytes.val()));
        self.is_bad_v6.next = (self.version.val() != 6) | (self.normalised.val().held < 40);

        self.is_plain.next = !self.has_v4_options.val() & !self.is_fragment.val();
        self.v6_length.next = bit_cast::<17, 16>(self.payload_length.val()) + 40;

        if !self.full.q.val() {
            self.full.d.next = self.normalised_valid.val();
            self.record.d.next.l2 = self.normalised.val().l2;
            self.record.d.next.l2_length = self.normalised.val().l2_length;
            self.record.d.next.error = self.normalised.val().error;
            self.record.d.next.meta = self.normalised.val().meta;
            self.record.d.next.length = self.normalised.val().length;
            self.record.d.next.is_ip_type = self.normalised.val().is_v4_type | self.normalised.val().is_v6_type;
            self.record.d.next.is_v4 = self.normalised.val().is_v4_type & (self.version.val() == 4);
            self.record.d.next.is_v6 = self.normalised.val().is_v6_type & (self.version.val() == 6);
            self.record.d.next.is_bad =
                (self.normalised.val().is_v4_type & self.is_bad_v4.val()) | (self.normalised.val().is_v6_type & self.is_bad_v6.val());
            self.record.d.next.is_summed = self.normalised.val().is_v4_type & !self.has_v4_options.val();
            self.record.d.next.sum_0 = (bit_cast::<18, 16>(self.l3.val().get_bits::<16>(496))
                + bit_cast::<18, 16>(self.l3.val().get_bits::<16>(480)))
                + (bit_cast::<18, 16>(self.l3.val().get_bits::<16>(464)) + bit_cast::<18, 16>(self.l3.val().get_bits::<16>(448)));
            self.record.d.next.sum_1 = (bit_cast::<18, 16>(self.l3.val().get_bits::<16>(432))
                + bit_cast::<18, 16>(self.l3.val().get_bits::<16>(416)))
                + (bit_cast::<18, 16>(self.l3.val().get_bits::<16>(400)) + bit_cast::<18, 16>(self.l3.val().get_bits::<16>(384)));
            self.record.d.next.sum_2 =
                bit_cast::<17, 16>(self.l3.val().get_bits::<16>(368)) + bit_cast::<17, 16>(self.l3.val().get_bits::<16>(352));
            self.record.d.next.has_options = false;
            self.record.d.next.is_fragment = false;
            self.record.d.next.l3 = 0.into();
            self.record.d.next.l3_length = 0.into();
            self.record.d.next.ip_length = 0.into();
            self.record.d.next.protocol = 0.into();
            self.record.d.next.src = 0.into();
            self.record.d.next.dst = 0.into();
            self.record.d.next.l4 = self.l3.val().get_bits::<192>(160);
            self.record.d.next.holds_4 = false;
            self.record.d.next.holds_8 = false;
            self.record.d.next.holds_16 = false;
            if self.normalised.val().is_v4_type {
                self.record.d.next.has_options = self.has_v4_options.val();
                self.record.d.next.is_fragment = self.is_fragment.val();
                self.record.d.next.l3 = bit_cast::<320, 160>(self.l3.val().get_bits::<160>(352)) << 160;
                self.record.d.next.l3_length = bit_cast::<6, 16>(self.header_bytes.val());
                self.record.d.next.ip_length = self.total_length.val();
                self.record.d.next.protocol = self.l3.val().get_bits::<8>(432);
                self.record.d.next.src = bit_cast::<128, 32>(self.l3.val().get_bits::<32>(384));
                self.record.d.next.dst = bit_cast::<128, 32>(self.l3.val().get_bits::<32>(352));
                self.record.d.next.holds_4 = self.is_plain.val() & ((self.total_length.val() >= 24) & (self.normalised.val().held >= 24));
                self.record.d.next.holds_8 = self.is_plain.val() & ((self.total_length.val() >= 28) & (self.normalised.val().held >= 28));
                self.record.d.next.holds_16 = self.is_plain.val() & ((self.total_length.val() >= 36) & (self.normalised.val().held >= 36));
            }
            if self.normalised.val().is_v6_type {
                self.record.d.next.has_options = self.has_v6_extension.val();
                self.record.d.next.l3 = self.l3.val().get_bits::<320>(192);
                self.record.d.next.l3_length = 40.into();
                self.record.d.next.ip_length = bit_cast::<16, 17>(self.v6_length.val());
                if self.v6_length.val().get_bit(16) {
                    self.record.d.next.ip_length = 0xFFFF.into();
                }
                self.record.d.next.protocol = self.next_header.val();
                self.record.d.next.src = self.l3.val().get_bits::<128>(320);
                self.record.d.next.dst = self.l3.val().get_bits::<128>(192);
                self.record.d.next.l4 = self.l3.val().get_bits::<192>(0);
                self.record.d.next.holds_4 =
                    !self.has_v6_extension.val() & ((self.payload_length.val() >= 4) & (self.normalised.val().held >= 44));
                self.record.d.next.holds_8 =
                    !self.has_v6_extension.val() & ((self.payload_length.val() >= 8) & (self.normalised.val().held >= 48));
                self.record.d.next.holds_16 =
                    !self.has_v6_extension.val() & ((self.payload_length.val() >= 16) & (self.normalised.val().held >= 56));
            }
        }
        if self.full.q.val() & self.examined_ready.val() {
            self.full.d.next = false;
        }
        if self.reset.val() {
            self.full.d.next = false;
        }
    }
}
