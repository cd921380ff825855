//! Builds the bytes that go in front of a payload: L2, and as asked IPv4 or IPv6, UDP, and ESP with its IV.
//!
//! TX puts them before ciphertext, RX before the plaintext of a decapsulated packet. The IPv4 header checksum (RFC 791)
//! is computed here; the UDP checksum is what it is told: 0 on TX (RFC 3948 section 2.1).
//!
//! Ports: `fields` in, `prefix` out, one each a packet, in order. Latency 6 clocks, 3 without an IP header; a packet
//! takes one more until the next; back-pressure: holds the prefix until `prefix_ready`.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::{Meta, Prefix};

/// What the headers shall say.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct HeaderFields {
    /// No header at all: the payload is a whole frame.
    pub none: bool,
    /// A tag follows the payload; handed on to [`Prefix`].
    pub icv: bool,
    /// No payload follows; handed on to [`Prefix`].
    pub alone: bool,
    /// The Ethernet header as it came, left aligned; its EtherType is replaced.
    pub l2: Bits<176>,
    /// Its length: 14, 18 or 22.
    pub l2_length: Bits<5>,
    /// EtherType and, with `has_l3`, the IP header are IPv6's; else IPv4's.
    pub v6: bool,
    /// Build an IP header.
    pub has_l3: bool,
    /// IPv4 TOS, IPv6 traffic class.
    pub tos: Bits<8>,
    /// IPv6 flow label.
    pub flow_label: Bits<20>,
    /// IPv4 total length, IPv6 payload length.
    pub length: Bits<16>,
    /// IPv4 identification.
    pub identification: Bits<16>,
    /// IPv4 flags and fragment offset.
    pub fragment: Bits<16>,
    /// IPv4 TTL, IPv6 hop limit.
    pub ttl: Bits<8>,
    /// IPv4 protocol, IPv6 next header.
    pub protocol: Bits<8>,
    /// Source address.
    pub src: Bits<128>,
    /// Destination address.
    pub dst: Bits<128>,
    /// Put UDP behind the IP header.
    pub has_udp: bool,
    /// Its source port.
    pub sport: Bits<16>,
    /// Its destination port.
    pub dport: Bits<16>,
    /// Its length.
    pub udp_length: Bits<16>,
    /// Its checksum.
    pub udp_checksum: Bits<16>,
    /// Put ESP behind that: SPI, sequence number and IV.
    pub has_esp: bool,
    /// SPI || seq || IV (RFC 4303 section 2, RFC 4106 section 3.1).
    pub esp: Bits<128>,
    /// Handed on to [`Prefix`].
    pub meta: Meta,
}

/// The steps of a packet.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum HeaderBuilderState {
    /// Wait for fields.
    Idle,
    /// Checksum: add pairs. Headers: UDP and ESP.
    Pairs,
    /// Checksum: add the pairs' sums.
    Sum,
    /// Checksum: fold the carries.
    Fold,
    /// Put the IP header before UDP and ESP.
    Network,
    /// Put L2 before that.
    Link,
    /// Offer the prefix.
    Offer,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct HeaderBuilder {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub fields: Signal<In, HeaderFields>,
    pub fields_valid: Signal<In, bool>,
    pub fields_ready: Signal<Out, bool>,
    pub prefix: Signal<Out, Prefix>,
    pub prefix_valid: Signal<Out, bool>,
    pub prefix_ready: Signal<In, bool>,
    state: DFF<HeaderBuilderState>,
    f: DFF<HeaderFields>,
    pair_0: DFF<Bits<17>>,
    pair_1: DFF<Bits<17>>,
    pair_2: DFF<Bits<17>>,
    pair_3: DFF<Bits<17>>,
    word_8: DFF<Bits<16>>,
    sum: DFF<Bits<20>>,
    checksum: DFF<Bits<16>>,
    /// UDP || ESP, left aligned.
    upper: DFF<Bits<192>>,
    upper_length: DFF<Bits<5>>,
    /// IP || UDP || ESP, left aligned.
    network: DFF<Bits<512>>,
    network_length: DFF<Bits<7>>,
    bytes: DFF<Bits<688>>,
    length: DFF<Bits<7>>,
    src: Signal<Local, Bits<128>>,
    dst: Signal<Local, Bits<128>>,
    l2: Signal<Local, Bits<176>>,
    ethertype: Signal<Local, Bits<16>>,
    udp: Signal<Local, Bits<64>>,
    folded: Signal<Local, Bits<17>>,
    v4_header: Signal<Local, Bits<160>>,
    v6_header: Signal<Local, Bits<320>>,
    v4_ethertype: Const<16, 0x0800>,
    v6_ethertype: Const<16, 0x86DD>,
    v4_version_ihl: Const<16, 0x4500>,
    v6_version: Const<4, 6>,
}

impl Logic for HeaderBuilder {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            f,
            pair_0,
            pair_1,
            pair_2,
            pair_3,
            word_8,
            sum,
            checksum,
            upper,
            upper_length,
            network,
            network_length,
            bytes,
            length
        );
        self.fields_ready.next = false;
        self.prefix_valid.next = false;
        self.prefix.next.bytes = self.bytes.q.val();
        self.prefix.next.length = self.length.q.val();
        self.prefix.next.icv = self.f.q.val().icv;
        self.prefix.next.alone = self.f.q.val().alone;
        self.prefix.next.meta = self.f.q.val().meta;
        self.src.next = self.f.q.val().src;
        self.dst.next = self.f.q.val().dst;
        self.l2.next = self.f.q.val().l2;
        self.ethertype.next = self.v4_ethertype.val();
        if self.f.q.val().v6 {
            self.ethertype.next = self.v6_ethertype.val();
        }

        // RFC 768.
        self.udp.next = (bit_cast::<64, 16>(self.f.q.val().sport) << 48)
            | (bit_cast::<64, 16>(self.f.q.val().dport) << 32)
            | (bit_cast::<64, 16>(self.f.q.val().udp_length) << 16)
            | bit_cast::<64, 16>(self.f.q.val().udp_checksum);

        // RFC 791 section 3.1, without options.
        self.v4_header.next = (bit_cast::<160, 16>(self.v4_version_ihl.val() | bit_cast::<16, 8>(self.f.q.val().tos)) << 144)
            | (bit_cast::<160, 16>(self.f.q.val().length) << 128)
            | (bit_cast::<160, 16>(self.f.q.val().identification) << 112)
            | (bit_cast::<160, 16>(self.f.q.val().fragment) << 96)
            | (bit_cast::<160, 8>(self.f.q.val().ttl) << 88)
            | (bit_cast::<160, 8>(self.f.q.val().protocol) << 80)
            | (bit_cast::<160, 16>(self.checksum.q.val()) << 64)
            | (bit_cast::<160, 32>(self.src.val().get_bits::<32>(0)) << 32)
            | bit_cast::<160, 32>(self.dst.val().get_bits::<32>(0));

        // RFC 8200 section 3.
        self.v6_header.next = (bit_cast::<320, 4>(self.v6_version.val()) << 316)
            | (bit_cast::<320, 8>(self.f.q.val().tos) << 308)
            | (bit_cast::<320, 20>(self.f.q.val().flow_label) << 288)
            | (bit_cast::<320, 16>(self.f.q.val().length) << 272)
            | (bit_cast::<320, 8>(self.f.q.val().protocol) << 264)
            | (bit_cast::<320, 8>(self.f.q.val().ttl) << 256)
            | (bit_cast::<320, 128>(self.f.q.val().src) << 128)
            | bit_cast::<320, 128>(self.f.q.val().dst);

        self.folded.next = bit_cast::<17, 16>(bit_cast::<16, 20>(self.sum.q.val())) + bit_cast::<17, 20>(self.sum.q.val() >> 16);

        match self.state.q.val() {
            HeaderBuilderState::Idle => {
                self.fields_ready.next = true;
                if self.fields_valid.val() {
                    self.f.d.next = self.fields.val();
                    self.state.d.next = HeaderBuilderState::Pairs;
                    if !self.fields.val().has_l3 {
                        self.state.d.next = HeaderBuilderState::Network;
                    }
                }
            }
            HeaderBuilderState::Pairs => {
                self.pair_0.d.next = bit_cast::<17, 16>(self.v4_version_ihl.val() | bit_cast::<16, 8>(self.f.q.val().tos))
                    + bit_cast::<17, 16>(self.f.q.val().length);
                self.pair_1.d.next = bit_cast::<17, 16>(self.f.q.val().identification) + bit_cast::<17, 16>(self.f.q.val().fragment);
                self.pair_2.d.next =
                    bit_cast::<17, 16>(self.src.val().get_bits::<16>(16)) + bit_cast::<17, 16>(self.src.val().get_bits::<16>(0));
                self.pair_3.d.next =
                    bit_cast::<17, 16>(self.dst.val().get_bits::<16>(16)) + bit_cast::<17, 16>(self.dst.val().get_bits::<16>(0));
                self.word_8.d.next = (bit_cast::<16, 8>(self.f.q.val().ttl) << 8) | bit_cast::<16, 8>(self.f.q.val().protocol);
                if self.f.q.val().has_udp {
                    self.upper.d.next = (bit_cast::<192, 64>(self.udp.val()) << 128) | bit_cast::<192, 128>(self.f.q.val().esp);
                    self.upper_length.d.next = 24.into();
                } else if self.f.q.val().has_esp {
                    self.upper.d.next = bit_cast::<192, 128>(self.f.q.val().esp) << 64;
                    self.upper_length.d.next = 16.into();
                } else {
                    self.upper.d.next = 0.into();
                    self.upper_length.d.next = 0.into();
                }
                self.state.d.next = HeaderBuilderState::Sum;
            }
            HeaderBuilderState::Sum => {
                self.sum.d.next = ((bit_cast::<20, 17>(self.pair_0.q.val()) + bit_cast::<20, 17>(self.pair_1.q.val()))
                    + (bit_cast::<20, 17>(self.pair_2.q.val()) + bit_cast::<20, 17>(self.pair_3.q.val())))
                    + bit_cast::<20, 16>(self.word_8.q.val());
                self.state.d.next = HeaderBuilderState::Fold;
            }
            HeaderBuilderState::Fold => {
                self.checksum.d.next = !(bit_cast::<16, 17>(self.folded.val()) + bit_cast::<16, 17>(self.folded.val() >> 16));
                self.state.d.next = HeaderBuilderState::Network;
            }
            HeaderBuilderState::Network => {
                if !self.f.q.val().has_l3 {
                    self.network.d.next = 0.into();
                    self.network_length.d.next = 0.into();
                } else if self.f.q.val().v6 {
                    self.network.d.next = (bit_cast::<512, 320>(self.v6_header.val()) << 192) | bit_cast::<512, 192>(self.upper.q.val());
                    self.network_length.d.next = bit_cast::<7, 5>(self.upper_length.q.val()) + 40;
                } else {
                    self.network.d.next =
                        (bit_cast::<512, 160>(self.v4_header.val()) << 352) | (bit_cast::<512, 192>(self.upper.q.val()) << 160);
                    self.network_length.d.next = bit_cast::<7, 5>(self.upper_length.q.val()) + 20;
                }
                self.state.d.next = HeaderBuilderState::Link;
            }
            HeaderBuilderState::Link => {
                self.length.d.next = self.network_length.q.val() + bit_cast::<7, 5>(self.f.q.val().l2_length);
                if self.f.q.val().l2_length == 14 {
                    self.bytes.d.next = (bit_cast::<688, 96>(self.l2.val().get_bits::<96>(80)) << 592)
                        | (bit_cast::<688, 16>(self.ethertype.val()) << 576)
                        | (bit_cast::<688, 512>(self.network.q.val()) << 64);
                } else if self.f.q.val().l2_length == 18 {
                    self.bytes.d.next = (bit_cast::<688, 128>(self.l2.val().get_bits::<128>(48)) << 560)
                        | (bit_cast::<688, 16>(self.ethertype.val()) << 544)
                        | (bit_cast::<688, 512>(self.network.q.val()) << 32);
                } else {
                    self.bytes.d.next = (bit_cast::<688, 160>(self.l2.val().get_bits::<160>(16)) << 528)
                        | (bit_cast::<688, 16>(self.ethertype.val()) << 512)
                        | bit_cast::<688, 512>(self.network.q.val());
                }
                if self.f.q.val().none {
                    self.length.d.next = 0.into();
                }
                self.state.d.next = HeaderBuilderState::Offer;
            }
            HeaderBuilderState::Offer => {
                self.prefix_valid.next = true;
                if self.prefix_ready.val() {
                    self.state.d.next = HeaderBuilderState::Idle;
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = HeaderBuilderState::Idle;
        }
    }
}
