//! The headers that are built.

use rust_hdl::prelude::*;

use super::HeaderFields;
use crate::constant::Const;

/// IP, UDP and ESP headers as `fields` have them, 16 bytes at a time.
///
/// - Ports: `fields`, `checksum` (IPv4), `index`; `word`: bytes 16 * `index` and up, undefined behind the last.
/// - Latency: none, it is combinational. No back-pressure.
#[derive(LogicBlock, Default)]
pub struct Network {
    pub fields: Signal<In, HeaderFields>,
    pub checksum: Signal<In, Bits<16>>,
    pub index: Signal<In, Bits<3>>,
    pub word: Signal<Out, Bits<128>>,
    src: Signal<Local, Bits<128>>,
    dst: Signal<Local, Bits<128>>,
    iv: Signal<Local, Bits<64>>,
    udp: Signal<Local, Bits<64>>,
    /// SPI and sequence number.
    esp: Signal<Local, Bits<64>>,
    /// UDP and ESP, 8 bytes each: of the last two only the first, or both.
    upper_0: Signal<Local, Bits<64>>,
    upper_1: Signal<Local, Bits<64>>,
    upper_2: Signal<Local, Bits<64>>,
    tos_word: Signal<Local, Bits<16>>,
    dont_fragment: Signal<Local, Bits<16>>,
    at: Signal<Local, Bits<2>>,
    is_odd: Signal<Local, bool>,
    upper: Signal<Local, Bits<128>>,
    v4_first: Signal<Local, Bits<128>>,
    v4_second: Signal<Local, Bits<128>>,
    v6_first: Signal<Local, Bits<128>>,
    v6_second: Signal<Local, Bits<128>>,
    first: Signal<Local, Bits<128>>,
    second: Signal<Local, Bits<128>>,
    v4_version_ihl: Const<16, 0x4500>,
    v6_version: Const<4, 6>,
    df: Const<16, 0x4000>,
}

impl Logic for Network {
    #[hdl_gen]
    fn update(&mut self) {
        self.src.next = self.fields.val().src;
        self.dst.next = self.fields.val().dst;
        self.iv.next = self.fields.val().iv;
        // RFC 768; RFC 3948 section 2.1: no checksum.
        self.udp.next = ((bit_cast::<64, 16>(self.fields.val().sport) << 48) | (bit_cast::<64, 16>(self.fields.val().dport) << 32))
            | (bit_cast::<64, 16>(self.fields.val().udp_length) << 16);
        self.esp.next = (bit_cast::<64, 32>(self.fields.val().spi) << 32) | bit_cast::<64, 32>(self.iv.val().get_bits::<32>(0));
        self.upper_0.next = self.esp.val();
        self.upper_1.next = self.iv.val();
        self.upper_2.next = self.iv.val();
        if self.fields.val().has_udp {
            self.upper_0.next = self.udp.val();
            self.upper_1.next = self.esp.val();
        }
        self.tos_word.next = self.v4_version_ihl.val() | bit_cast::<16, 8>(self.fields.val().tos);
        self.dont_fragment.next = 0.into();
        if self.fields.val().dont_fragment {
            self.dont_fragment.next = self.df.val();
        }

        // Word by word as three kinds of header have it. Nested, not matched: half the logic.
        self.at.next = self.index.val().get_bits::<2>(0);
        self.is_odd.next = self.at.val().get_bit(0);
        self.upper.next = (bit_cast::<128, 64>(self.upper_0.val()) << 64) | bit_cast::<128, 64>(self.upper_1.val());
        if self.is_odd.val() {
            self.upper.next = bit_cast::<128, 64>(self.upper_2.val()) << 64;
        }

        // RFC 8200 section 3.
        self.v6_first.next = (((bit_cast::<128, 4>(self.v6_version.val()) << 124) | (bit_cast::<128, 8>(self.fields.val().tos) << 116))
            | ((bit_cast::<128, 20>(self.fields.val().flow_label) << 96) | (bit_cast::<128, 16>(self.fields.val().length) << 80)))
            | (((bit_cast::<128, 8>(self.fields.val().protocol) << 72) | (bit_cast::<128, 8>(self.fields.val().ttl) << 64))
                | (self.src.val() >> 64));
        if self.is_odd.val() {
            self.v6_first.next = (self.src.val() << 64) | (self.dst.val() >> 64);
        }
        self.v6_second.next = (self.dst.val() << 64) | bit_cast::<128, 64>(self.upper_0.val());
        if self.is_odd.val() {
            self.v6_second.next = (bit_cast::<128, 64>(self.upper_1.val()) << 64) | bit_cast::<128, 64>(self.upper_2.val());
        }

        // RFC 791 section 3.1, without options.
        self.v4_first.next = (((bit_cast::<128, 16>(self.tos_word.val()) << 112) | (bit_cast::<128, 16>(self.fields.val().length) << 96))
            | ((bit_cast::<128, 16>(self.fields.val().identification) << 80) | (bit_cast::<128, 16>(self.dont_fragment.val()) << 64)))
            | (((bit_cast::<128, 8>(self.fields.val().ttl) << 56) | (bit_cast::<128, 8>(self.fields.val().protocol) << 48))
                | ((bit_cast::<128, 16>(self.checksum.val()) << 32) | bit_cast::<128, 32>(self.src.val().get_bits::<32>(0))));
        if self.is_odd.val() {
            self.v4_first.next = (bit_cast::<128, 32>(self.dst.val().get_bits::<32>(0)) << 96)
                | ((bit_cast::<128, 64>(self.upper_0.val()) << 32) | bit_cast::<128, 32>(self.upper_1.val().get_bits::<32>(32)));
        }
        self.v4_second.next = (bit_cast::<128, 64>(self.upper_1.val()) << 96) | (bit_cast::<128, 64>(self.upper_2.val()) << 32);

        self.first.next = self.v4_first.val();
        self.second.next = self.v4_second.val();
        if self.fields.val().v6 {
            self.first.next = self.v6_first.val();
            self.second.next = self.v6_second.val();
        }
        if !self.fields.val().has_l3 {
            self.first.next = self.upper.val();
        }
        self.word.next = self.first.val();
        if self.at.val().get_bit(1) {
            self.word.next = self.second.val();
        }
    }
}
