//! Checks what was captured of a frame, and gives its headers.

use rust_hdl::prelude::*;

use super::capture::Captured;
use crate::records::{Endpoints, Headers, Meta};

/// [`Captured`] to [`Headers`] and [`Endpoints`].
///
/// - Latency 3 clocks: lengths and the sums of the header's words; what the packet is, and the sum; the judgement on that.
/// - Takes a record when it is empty, so one every 4 clocks. Back-pressure: `headers_ready`; `captured_ready` comes straight from a register.
#[derive(LogicBlock, Default)]
pub struct Judge {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub store_and_forward: Signal<In, bool>,
    pub captured: Signal<In, Captured>,
    pub captured_valid: Signal<In, bool>,
    pub captured_ready: Signal<Out, bool>,
    pub headers: Signal<Out, Headers>,
    pub endpoints: Signal<Out, Endpoints>,
    pub headers_valid: Signal<Out, bool>,
    pub headers_ready: Signal<In, bool>,
    /// There is no record. The opposite would need an inverter behind the register.
    empty: DFF<bool>,
    /// It is known what the packet is.
    known: DFF<bool>,
    /// The sum has been judged.
    offered: DFF<bool>,
    // From the record. `is_ip_type`: the EtherType says so.
    is_ip_type: DFF<bool>,
    is_v4: DFF<bool>,
    is_v6: DFF<bool>,
    is_tagged: DFF<bool>,
    is_tagged_twice: DFF<bool>,
    error: DFF<bool>,
    meta: DFF<Meta>,
    tos: DFF<Bits<8>>,
    flow_label: DFF<Bits<20>>,
    dont_fragment: DFF<bool>,
    checksum: DFF<Bits<16>>,
    has_options: DFF<bool>,
    is_fragment: DFF<bool>,
    l3_length: DFF<Bits<6>>,
    ip_length: DFF<Bits<16>>,
    protocol: DFF<Bits<8>>,
    src: DFF<Bits<128>>,
    dst: DFF<Bits<128>>,
    l4: DFF<Bits<192>>,
    /// Bytes of the whole frame behind L2.
    length: DFF<Bits<14>>,
    /// The header contradicts itself, or the frame ends inside it.
    is_bad: DFF<bool>,
    /// IP length and frame hold 4 bytes behind a header without options, of a packet that is not a fragment; 8; 16.
    holds_4: DFF<bool>,
    holds_8: DFF<bool>,
    holds_16: DFF<bool>,
    /// The header checksum is to be looked at: IPv4 without options.
    is_summed: DFF<bool>,
    /// Sums of the header's words 0 to 3, 4 to 7, 8 and 9.
    sum_0: DFF<Bits<18>>,
    sum_1: DFF<Bits<18>>,
    sum_2: DFF<Bits<17>>,
    // What the packet is, if it is whole and its header's checksum is right.
    sum: DFF<Bits<20>>,
    /// The frame is shorter than it.
    is_short: DFF<bool>,
    malformed: DFF<bool>,
    has_ports: DFF<bool>,
    is_esp: DFF<bool>,
    is_encap: DFF<bool>,
    takes: Signal<Local, bool>,
    head: Signal<Local, Bits<96>>,
    from_src: Signal<Local, Bits<128>>,
    from_dst: Signal<Local, Bits<128>>,
    version: Signal<Local, Bits<4>>,
    ihl: Signal<Local, Bits<4>>,
    header_bytes: Signal<Local, Bits<16>>,
    total_length: Signal<Local, Bits<16>>,
    payload_length: Signal<Local, Bits<16>>,
    next_header: Signal<Local, Bits<8>>,
    v6_length: Signal<Local, Bits<17>>,
    in_fragment: Signal<Local, bool>,
    has_v4_options: Signal<Local, bool>,
    has_v6_extension: Signal<Local, bool>,
    is_bad_v4: Signal<Local, bool>,
    is_bad_v6: Signal<Local, bool>,
    is_plain: Signal<Local, bool>,
    upper: Signal<Local, Bits<192>>,
    is_sound: Signal<Local, bool>,
    says_encap: Signal<Local, bool>,
    sum_value: Signal<Local, Bits<20>>,
}

impl Logic for Judge {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, empty, known, offered, is_ip_type, is_v4, is_v6, is_tagged, is_tagged_twice, error, meta, tos, flow_label);
        dff_setup!(self, clock, dont_fragment, checksum, has_options, is_fragment, l3_length, ip_length, protocol, src, dst, l4, length);
        dff_setup!(self, clock, is_bad, holds_4, holds_8, holds_16, is_summed, sum_0, sum_1, sum_2);
        dff_setup!(self, clock, sum, is_short, malformed, has_ports, is_esp, is_encap);
        self.takes.next = self.empty.q.val();
        self.captured_ready.next = self.takes.val();

        self.head.next = self.captured.val().head;
        self.from_src.next = self.captured.val().src;
        self.from_dst.next = self.captured.val().dst;
        self.version.next = self.head.val().get_bits::<4>(92);
        self.ihl.next = self.head.val().get_bits::<4>(88);
        self.header_bytes.next = bit_cast::<16, 4>(self.ihl.val()) << 2;
        self.total_length.next = self.head.val().get_bits::<16>(64);
        self.payload_length.next = self.head.val().get_bits::<16>(48);
        self.next_header.next = self.head.val().get_bits::<8>(40);
        self.v6_length.next = bit_cast::<17, 16>(self.payload_length.val()) + 40;
        // RFC 791: flag MF and the offset.
        self.in_fragment.next = self.head.val().get_bits::<14>(32).any();
        self.has_v4_options.next = self.ihl.val() > 5;
        self.has_v6_extension.next = (((self.next_header.val() == 0) | (self.next_header.val() == 43))
            | ((self.next_header.val() == 44) | (self.next_header.val() == 60)))
            | (((self.next_header.val() == 135) | (self.next_header.val() == 139)) | (self.next_header.val() == 140));
        self.is_bad_v4.next = ((self.version.val() != 4) | (self.ihl.val() < 5))
            | ((self.total_length.val() < self.header_bytes.val())
                | (bit_cast::<16, 7>(self.captured.val().held) < self.header_bytes.val()));
        self.is_bad_v6.next = (self.version.val() != 6) | (self.captured.val().held < 40);
        self.is_plain.next = !self.has_v4_options.val() & !self.in_fragment.val();

        if self.takes.val() {
            self.empty.d.next = !self.captured_valid.val();
            self.is_tagged.d.next = self.captured.val().is_tagged;
            self.is_tagged_twice.d.next = self.captured.val().is_tagged_twice;
            self.error.d.next = self.captured.val().error;
            self.meta.d.next = self.captured.val().meta;
            self.length.d.next = self.captured.val().length;
            self.src.d.next = self.from_src.val();
            self.dst.d.next = self.from_dst.val();
            self.l4.d.next = self.captured.val().l4;
            self.is_ip_type.d.next = self.captured.val().is_v4_type | self.captured.val().is_v6_type;
            self.is_v4.d.next = self.captured.val().is_v4_type & (self.version.val() == 4);
            self.is_v6.d.next = self.captured.val().is_v6_type & (self.version.val() == 6);
            self.is_bad.d.next =
                (self.captured.val().is_v4_type & self.is_bad_v4.val()) | (self.captured.val().is_v6_type & self.is_bad_v6.val());
            self.is_summed.d.next = self.captured.val().is_v4_type & !self.has_v4_options.val();
            self.sum_0.d.next = (bit_cast::<18, 16>(self.head.val().get_bits::<16>(80))
                + bit_cast::<18, 16>(self.head.val().get_bits::<16>(64)))
                + (bit_cast::<18, 16>(self.head.val().get_bits::<16>(48)) + bit_cast::<18, 16>(self.head.val().get_bits::<16>(32)));
            self.sum_1.d.next = (bit_cast::<18, 16>(self.head.val().get_bits::<16>(16))
                + bit_cast::<18, 16>(self.head.val().get_bits::<16>(0)))
                + (bit_cast::<18, 16>(self.from_src.val().get_bits::<16>(16)) + bit_cast::<18, 16>(self.from_src.val().get_bits::<16>(0)));
            self.sum_2.d.next =
                bit_cast::<17, 16>(self.from_dst.val().get_bits::<16>(16)) + bit_cast::<17, 16>(self.from_dst.val().get_bits::<16>(0));
            self.tos.d.next = 0.into();
            self.flow_label.d.next = 0.into();
            self.dont_fragment.d.next = false;
            self.checksum.d.next = 0.into();
            self.has_options.d.next = false;
            self.is_fragment.d.next = false;
            self.l3_length.d.next = 0.into();
            self.ip_length.d.next = 0.into();
            self.protocol.d.next = 0.into();
            self.holds_4.d.next = false;
            self.holds_8.d.next = false;
            self.holds_16.d.next = false;
            if self.captured.val().is_v4_type {
                self.tos.d.next = self.head.val().get_bits::<8>(80);
                self.dont_fragment.d.next = self.head.val().get_bit(46);
                self.checksum.d.next = self.head.val().get_bits::<16>(0);
                self.has_options.d.next = self.has_v4_options.val();
                self.is_fragment.d.next = self.in_fragment.val();
                self.l3_length.d.next = bit_cast::<6, 16>(self.header_bytes.val());
                self.ip_length.d.next = self.total_length.val();
                self.protocol.d.next = self.head.val().get_bits::<8>(16);
                self.holds_4.d.next = self.is_plain.val() & ((self.total_length.val() >= 24) & (self.captured.val().held >= 24));
                self.holds_8.d.next = self.is_plain.val() & ((self.total_length.val() >= 28) & (self.captured.val().held >= 28));
                self.holds_16.d.next = self.is_plain.val() & ((self.total_length.val() >= 36) & (self.captured.val().held >= 36));
            }
            if self.captured.val().is_v6_type {
                self.tos.d.next = self.head.val().get_bits::<8>(84);
                self.flow_label.d.next = self.head.val().get_bits::<20>(64);
                self.has_options.d.next = self.has_v6_extension.val();
                self.l3_length.d.next = 40.into();
                self.ip_length.d.next = bit_cast::<16, 17>(self.v6_length.val());
                if self.v6_length.val().get_bit(16) {
                    self.ip_length.d.next = 0xFFFF.into();
                }
                self.protocol.d.next = self.next_header.val();
                self.holds_4.d.next = !self.has_v6_extension.val() & ((self.payload_length.val() >= 4) & (self.captured.val().held >= 44));
                self.holds_8.d.next = !self.has_v6_extension.val() & ((self.payload_length.val() >= 8) & (self.captured.val().held >= 48));
                self.holds_16.d.next =
                    !self.has_v6_extension.val() & ((self.payload_length.val() >= 16) & (self.captured.val().held >= 56));
            }
        }

        self.upper.next = self.l4.q.val();
        self.is_sound.next = self.is_ip_type.q.val() & !self.is_bad.q.val();
        // RFC 3948 section 2: port 4500, a UDP payload that holds an ESP header, and no non-ESP marker.
        self.says_encap.next = (((self.is_sound.val() & self.holds_16.q.val()) & (self.protocol.q.val() == 17))
            & ((self.upper.val().get_bits::<16>(176) == 4500) | (self.upper.val().get_bits::<16>(160) == 4500)))
            & ((self.upper.val().get_bits::<16>(144) >= 16) & self.upper.val().get_bits::<32>(96).any());
        if !self.empty.q.val() & !self.known.q.val() {
            self.known.d.next = true;
            self.sum.d.next =
                (bit_cast::<20, 18>(self.sum_0.q.val()) + bit_cast::<20, 18>(self.sum_1.q.val())) + bit_cast::<20, 17>(self.sum_2.q.val());
            self.is_short.d.next = self.is_ip_type.q.val()
                & (self.store_and_forward.val() & (bit_cast::<16, 14>(self.length.q.val()) < self.ip_length.q.val()));
            self.malformed.d.next = self.is_ip_type.q.val() & self.is_bad.q.val();
            // TCP, UDP, DCCP, SCTP, UDP-Lite.
            self.has_ports.d.next = (self.is_sound.val() & self.holds_4.q.val())
                & (((self.protocol.q.val() == 6) | (self.protocol.q.val() == 17))
                    | (((self.protocol.q.val() == 33) | (self.protocol.q.val() == 132)) | (self.protocol.q.val() == 136)));
            self.is_encap.d.next = self.says_encap.val();
            self.is_esp.d.next = self.says_encap.val() | ((self.is_sound.val() & self.holds_8.q.val()) & (self.protocol.q.val() == 50));
        }

        // RFC 1071: the ones' complement sum of a good header is all ones: carries and the rest add up to 0xFFFF.
        self.sum_value.next = self.sum.q.val();
        if self.known.q.val() & !self.offered.q.val() {
            self.offered.d.next = true;
            if self.is_short.q.val()
                | (self.is_summed.q.val()
                    & ((bit_cast::<16, 4>(self.sum_value.val().get_bits::<4>(16)) ^ self.sum_value.val().get_bits::<16>(0)) != 0xFFFF))
            {
                self.malformed.d.next = true;
                self.has_ports.d.next = false;
                self.is_esp.d.next = false;
                self.is_encap.d.next = false;
            }
        }

        if self.offered.q.val() & self.headers_ready.val() {
            self.empty.d.next = true;
            self.known.d.next = false;
            self.offered.d.next = false;
        }
        self.headers_valid.next = self.offered.q.val();
        self.headers.next.l2_length = 14.into();
        if self.is_tagged.q.val() {
            self.headers.next.l2_length = 18.into();
        }
        if self.is_tagged_twice.q.val() {
            self.headers.next.l2_length = 22.into();
        }
        self.headers.next.is_v4 = self.is_v4.q.val();
        self.headers.next.is_v6 = self.is_v6.q.val();
        self.headers.next.malformed = self.malformed.q.val();
        self.headers.next.error = self.error.q.val();
        self.headers.next.has_options = self.has_options.q.val();
        self.headers.next.is_fragment = self.is_fragment.q.val();
        self.headers.next.dont_fragment = self.dont_fragment.q.val();
        self.headers.next.tos = self.tos.q.val();
        self.headers.next.flow_label = self.flow_label.q.val();
        self.headers.next.l3_length = self.l3_length.q.val();
        self.headers.next.ip_length = self.ip_length.q.val();
        self.headers.next.protocol = self.protocol.q.val();
        self.headers.next.checksum = self.checksum.q.val();
        self.headers.next.is_esp = self.is_esp.q.val();
        self.headers.next.is_encap = self.is_encap.q.val();
        self.headers.next.meta = self.meta.q.val();
        self.headers.next.spi = 0.into();
        self.headers.next.seq = 0.into();
        self.headers.next.iv = 0.into();
        if self.is_encap.q.val() {
            self.headers.next.spi = self.upper.val().get_bits::<32>(96);
            self.headers.next.seq = self.upper.val().get_bits::<32>(64);
            self.headers.next.iv = self.upper.val().get_bits::<64>(0);
        } else if self.is_esp.q.val() {
            self.headers.next.spi = self.upper.val().get_bits::<32>(160);
            self.headers.next.seq = self.upper.val().get_bits::<32>(128);
            self.headers.next.iv = self.upper.val().get_bits::<64>(64);
        }
        self.endpoints.next.src = self.src.q.val();
        self.endpoints.next.dst = self.dst.q.val();
        self.endpoints.next.sport = 0.into();
        self.endpoints.next.dport = 0.into();
        if self.has_ports.q.val() {
            self.endpoints.next.sport = self.upper.val().get_bits::<16>(176);
            self.endpoints.next.dport = self.upper.val().get_bits::<16>(160);
        }

        if self.reset.val() {
            self.empty.d.next = true;
            self.known.d.next = false;
            self.offered.d.next = false;
        }
    }
}
