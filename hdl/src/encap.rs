//! TX: what RFC 4303 encapsulation makes of a packet: the gatherer's job and the headers in front.
//!
//! Tunnel mode (RFC 4303 section 3.1.2) puts the whole IP packet behind new headers, transport mode (section 3.1.1) what
//! follows the IP header behind the packet's own header with length, protocol and checksum mended. RFC 4301 section 5.1.2
//! governs the outer header; ECN is copied with CE as ECT(0) (RFC 3168 section 9.1.1), as Linux does.
//!
//! Crypto offload encrypts what the stack has built: the packet's own headers, as they are but for the IPv4 checksum and a UDP checksum of 0; the
//! payload with its trailer; the ICV over the room for it.
//!
//! Ports: `packet` in; `job`, `fields` and `with_icv` out, which are given together, when all three can be taken; a discarded frame has no
//! `with_icv`. Latency 6 clocks; one packet each 7 clocks.

use rust_hdl::prelude::*;

use crate::append::WithIcv;
use crate::constant::Const;
use crate::header_builder::HeaderFields;
use crate::records::{icv_size, CryptoContext, Headers, Job, TxSa};
use crate::tx_sa::{decision, TxPacket};

/// Bytes of ESP header and IV (RFC 4303 section 2, RFC 4106 section 3.1).
pub const ESP_HEADER: u64 = 8 + 8;
/// Bytes of ESP header, IV and the longest ICV.
pub const ESP_AROUND: u64 = ESP_HEADER + 16;
/// Bytes of pad length and next header (RFC 4303 sections 2.5 and 2.6).
pub const ESP_TRAILER: u64 = 2;

/// The steps of a packet.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum EncapState {
    /// Wait for a packet.
    Idle,
    /// What is payload, and which header stands in front.
    Payload,
    /// Pad length, identification.
    Padding,
    /// Length from the ESP header to the ICV.
    Lengths,
    /// With UDP.
    Udp,
    /// With the IPv4 header.
    Total,
    /// Give everything.
    Offer,
}

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct Encap {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub packet: Signal<In, TxPacket>,
    pub packet_valid: Signal<In, bool>,
    pub packet_ready: Signal<Out, bool>,
    pub job: Signal<Out, Job>,
    pub job_valid: Signal<Out, bool>,
    pub job_ready: Signal<In, bool>,
    /// With the job of a packet that the core is to work on; taken at once.
    pub crypto: Signal<Out, CryptoContext>,
    pub crypto_valid: Signal<Out, bool>,
    pub fields: Signal<Out, HeaderFields>,
    pub fields_valid: Signal<Out, bool>,
    pub fields_ready: Signal<In, bool>,
    pub with_icv: Signal<Out, WithIcv>,
    pub with_icv_valid: Signal<Out, bool>,
    pub with_icv_ready: Signal<In, bool>,
    state: DFF<EncapState>,
    h: DFF<Headers>,
    sa: DFF<TxSa>,
    seq: DFF<Bits<64>>,
    decision: DFF<Bits<2>>,
    payload_length: DFF<Bits<16>>,
    pad_length: DFF<Bits<2>>,
    skip: DFF<Bits<7>>,
    /// ESP header to ICV, without what is encrypted; with pad length and next header where they are ours.
    around: DFF<Bits<16>>,
    /// UDP in front of ESP.
    udp: DFF<bool>,
    esp_length: DFF<Bits<16>>,
    udp_length: DFF<Bits<16>>,
    v6: DFF<bool>,
    tos: DFF<Bits<8>>,
    dont_fragment: DFF<bool>,
    identification: DFF<Bits<16>>,
    length: DFF<Bits<16>>,
    /// For the IPv4 checksum: what the header builder is to add the length to.
    sum: DFF<Bits<19>>,
    inner_tos: Signal<Local, Bits<8>>,
    protocol: Signal<Local, Bits<8>>,
    src: Signal<Local, Bits<128>>,
    dst: Signal<Local, Bits<128>>,
    /// Two words of the header, or what changes of it.
    term_0: Signal<Local, Bits<16>>,
    term_1: Signal<Local, Bits<16>>,
    not_checksum: Signal<Local, Bits<16>>,
    not_length: Signal<Local, Bits<16>>,
    not_protocol: Signal<Local, Bits<16>>,
    seq_value: Signal<Local, Bits<64>>,
    seq_low: Signal<Local, Bits<32>>,
    ecn: Signal<Local, Bits<2>>,
    dscp: Signal<Local, Bits<6>>,
    all_ready: Signal<Local, bool>,
    is_protect: Signal<Local, bool>,
    is_discard: Signal<Local, bool>,
    payload_low: Signal<Local, Bits<2>>,
    new_header: Signal<Local, bool>,
    /// By how much the ICV is shorter than the longest.
    icv_trim: Signal<Local, Bits<16>>,
    bypass: Const<2, { decision::BYPASS }>,
    protect: Const<2, { decision::PROTECT }>,
    discard: Const<2, { decision::DISCARD }>,
    esp_header: Const<7, { ESP_HEADER }>,
    esp_around: Const<16, { ESP_AROUND }>,
    esp_trailer: Const<16, { ESP_TRAILER }>,
    icv_12: Const<2, { icv_size::ICV_12 }>,
    icv_8: Const<2, { icv_size::ICV_8 }>,
    proto_esp: Const<8, 50>,
    proto_udp: Const<8, 17>,
    proto_ipv4: Const<8, 4>,
    proto_ipv6: Const<8, 41>,
    df: Const<16, 0x4000>,
    v4_version_ihl: Const<16, 0x4500>,
    two: Const<2, 2>,
}

impl Logic for Encap {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            h,
            sa,
            seq,
            decision,
            payload_length,
            pad_length,
            skip,
            around,
            udp,
            esp_length,
            udp_length,
            v6,
            tos,
            dont_fragment,
            identification,
            length,
            sum
        );
        self.is_protect.next = self.decision.q.val() == self.protect.val();
        self.is_discard.next = self.decision.q.val() == self.discard.val();
        self.seq_value.next = self.seq.q.val();
        self.seq_low.next = self.seq_value.val().get_bits::<32>(0);
        self.payload_low.next = bit_cast::<2, 16>(self.payload_length.q.val());
        // A packet of crypto offload has its outer header, whatever the mode.
        self.new_header.next = self.sa.q.val().tunnel & !self.sa.q.val().crypto;
        self.icv_trim.next = 0.into();
        if self.sa.q.val().icv == self.icv_12.val() {
            self.icv_trim.next = 4.into();
        }
        if self.sa.q.val().icv == self.icv_8.val() {
            self.icv_trim.next = 8.into();
        }

        // The packet's own header.
        self.inner_tos.next = self.h.q.val().tos;
        self.dscp.next = self.inner_tos.val().get_bits::<6>(2);
        if self.sa.q.val().dont_encap_dscp {
            self.dscp.next = 0.into();
        }
        // RFC 3168 section 9.1.1: CE (3) inside is ECT(0) (2) outside.
        self.ecn.next = self.inner_tos.val().get_bits::<2>(0);
        if self.sa.q.val().no_ecn {
            self.ecn.next = 0.into();
        } else if self.inner_tos.val().get_bits::<2>(0) == 3 {
            self.ecn.next = 2.into();
        }

        // The gatherer's job.
        self.job.next.discard = self.is_discard.val();
        self.job.next.bypass = self.decision.q.val() == self.bypass.val();
        self.job.next.skip = self.skip.q.val();
        self.job.next.length = self.payload_length.q.val();
        self.job.next.trailer = !self.sa.q.val().crypto;
        self.job.next.pad_length = self.pad_length.q.val();
        self.job.next.next_header = self.h.q.val().protocol;
        if self.sa.q.val().tunnel {
            self.job.next.next_header = self.proto_ipv4.val();
            if self.h.q.val().is_v6 {
                self.job.next.next_header = self.proto_ipv6.val();
            }
        }
        self.job.next.icv = self.sa.q.val().crypto;
        self.job.next.icv_size = self.sa.q.val().icv;
        self.crypto.next.key = self.sa.q.val().key;
        self.crypto.next.key_size = self.sa.q.val().key_size;
        // RFC 4106 section 4: salt || IV; the IV is the sequence number, also that of crypto offload (Linux: `esp_output_tail`).
        self.crypto.next.nonce = (bit_cast::<96, 32>(self.sa.q.val().salt) << 64) | bit_cast::<96, 64>(self.seq.q.val());
        // RFC 4106 section 5: SPI || sequence number, with ESN all 64 bits of it.
        self.crypto.next.aad = (bit_cast::<96, 32>(self.sa.q.val().spi) << 64) | (bit_cast::<96, 32>(self.seq_low.val()) << 32);
        self.crypto.next.aad_bytes = 8.into();
        if self.sa.q.val().esn {
            self.crypto.next.aad = (bit_cast::<96, 32>(self.sa.q.val().spi) << 64) | bit_cast::<96, 64>(self.seq.q.val());
            self.crypto.next.aad_bytes = 12.into();
        }
        self.crypto.next.decrypt = false;
        self.crypto.next.h = self.sa.q.val().h;
        self.crypto.next.h3 = self.sa.q.val().h3;

        // IPv4 checksum: of a new header the sum of all words but the length; else by RFC 1624 equation 3, what goes and what comes.
        self.src.next = self.sa.q.val().src;
        self.dst.next = self.sa.q.val().dst;
        self.protocol.next = self.proto_esp.val();
        if self.udp.q.val() {
            self.protocol.next = self.proto_udp.val();
        }
        self.not_checksum.next = !self.h.q.val().checksum;
        self.not_length.next = !self.h.q.val().ip_length;
        self.not_protocol.next = !bit_cast::<16, 8>(self.h.q.val().protocol);
        self.term_0.next = 0.into();
        self.term_1.next = 0.into();
        match self.state.q.val() {
            EncapState::Payload => {
                self.term_0.next = self.not_checksum.val();
                self.term_1.next = self.not_length.val();
                if self.new_header.val() {
                    self.term_0.next = self.src.val().get_bits::<16>(16);
                    self.term_1.next = self.src.val().get_bits::<16>(0);
                }
            }
            EncapState::Padding => {
                self.term_0.next = self.not_protocol.val();
                if self.new_header.val() {
                    self.term_0.next = self.dst.val().get_bits::<16>(16);
                    self.term_1.next = self.dst.val().get_bits::<16>(0);
                }
            }
            EncapState::Lengths => {
                self.term_0.next = bit_cast::<16, 8>(self.protocol.val());
                if self.new_header.val() {
                    self.term_0.next = bit_cast::<16, 8>(self.protocol.val()) | (bit_cast::<16, 8>(self.sa.q.val().ttl) << 8);
                    self.term_1.next = self.v4_version_ihl.val() | bit_cast::<16, 8>(self.tos.q.val());
                }
            }
            EncapState::Udp => {
                if self.new_header.val() {
                    self.term_0.next = self.identification.q.val();
                }
                if self.new_header.val() & self.dont_fragment.q.val() {
                    self.term_1.next = self.df.val();
                }
            }
            _ => {}
        }
        self.sum.d.next =
            self.sum.q.val() + bit_cast::<19, 17>(bit_cast::<17, 16>(self.term_0.val()) + bit_cast::<17, 16>(self.term_1.val()));

        // The headers. What a frame has of L2, and without a new IP header of that, stays.
        self.fields.next.has_lead = true;
        self.fields.next.drop = self.is_discard.val();
        self.fields.next.none = !self.is_protect.val();
        self.fields.next.alone = false;
        self.fields.next.kept = self.skip.q.val();
        self.fields.next.l2_length = self.h.q.val().l2_length;
        self.fields.next.v6 = self.v6.q.val();
        self.fields.next.mend = !self.new_header.val();
        self.fields.next.clear_udp = self.sa.q.val().crypto & self.udp.q.val();
        self.fields.next.has_l3 = self.new_header.val();
        self.fields.next.length = self.length.q.val();
        self.fields.next.protocol = self.protocol.val();
        self.fields.next.sum = self.sum.q.val();
        self.fields.next.tos = self.tos.q.val();
        self.fields.next.flow_label = self.h.q.val().flow_label;
        self.fields.next.identification = self.identification.q.val();
        self.fields.next.dont_fragment = self.dont_fragment.q.val();
        self.fields.next.ttl = self.sa.q.val().ttl;
        self.fields.next.src = self.sa.q.val().src;
        self.fields.next.dst = self.sa.q.val().dst;
        self.fields.next.has_udp = self.udp.q.val() & !self.sa.q.val().crypto;
        self.fields.next.sport = self.sa.q.val().encap_sport;
        self.fields.next.dport = self.sa.q.val().encap_dport;
        self.fields.next.udp_length = self.udp_length.q.val();
        self.fields.next.has_esp = !self.sa.q.val().crypto;
        self.fields.next.spi = self.sa.q.val().spi;
        self.fields.next.iv = self.seq.q.val();
        self.fields.next.meta = self.h.q.val().meta;

        self.with_icv.next.icv = self.is_protect.val();
        self.with_icv.next.size = self.sa.q.val().icv;
        self.packet_ready.next = false;
        self.job_valid.next = false;
        self.crypto_valid.next = false;
        self.fields_valid.next = false;
        self.with_icv_valid.next = false;
        self.all_ready.next = (self.job_ready.val() & self.fields_ready.val()) & (self.is_discard.val() | self.with_icv_ready.val());

        match self.state.q.val() {
            EncapState::Idle => {
                self.packet_ready.next = true;
                self.h.d.next = self.packet.val().headers;
                self.sa.d.next = self.packet.val().sa;
                self.seq.d.next = self.packet.val().seq;
                self.decision.d.next = self.packet.val().decision;
                self.payload_length.d.next = self.packet.val().payload;
                self.sum.d.next = 0.into();
                if self.packet_valid.val() {
                    self.state.d.next = EncapState::Payload;
                }
            }
            EncapState::Payload => {
                self.udp.d.next = self.sa.q.val().encap;
                self.around.d.next = self.esp_around.val() + self.esp_trailer.val();
                if self.sa.q.val().crypto {
                    self.udp.d.next = self.h.q.val().is_encap;
                    self.around.d.next = self.esp_around.val();
                }
                if self.new_header.val() {
                    self.skip.d.next = bit_cast::<7, 5>(self.h.q.val().l2_length);
                    self.v6.d.next = self.sa.q.val().outer_v6;
                    self.tos.d.next = (bit_cast::<8, 6>(self.dscp.val()) << 2) | bit_cast::<8, 2>(self.ecn.val());
                    self.dont_fragment.d.next = (self.h.q.val().dont_fragment | self.h.q.val().is_v6) & !self.sa.q.val().no_pmtu_disc;
                } else {
                    self.skip.d.next = bit_cast::<7, 5>(self.h.q.val().l2_length) + bit_cast::<7, 6>(self.h.q.val().l3_length);
                    self.v6.d.next = self.h.q.val().is_v6;
                }
                self.state.d.next = EncapState::Padding;
            }
            EncapState::Padding => {
                // RFC 4303 section 2.4: payload, padding, pad length and next header end on a multiple of 4.
                self.pad_length.d.next = self.two.val() - self.payload_low.val();
                self.around.d.next = self.around.q.val() - self.icv_trim.val();
                // RFC 6864: unique only where fragmentation may happen.
                self.identification.d.next = bit_cast::<16, 32>(self.seq_low.val());
                if self.dont_fragment.q.val() {
                    self.identification.d.next = 0.into();
                }
                if self.sa.q.val().crypto {
                    self.pad_length.d.next = 0.into();
                    self.skip.d.next = self.skip.q.val() + self.esp_header.val();
                    if self.udp.q.val() {
                        self.skip.d.next = self.skip.q.val() + (self.esp_header.val() + 8);
                    }
                }
                self.state.d.next = EncapState::Lengths;
            }
            EncapState::Lengths => {
                self.esp_length.d.next = (self.payload_length.q.val() + bit_cast::<16, 2>(self.pad_length.q.val())) + self.around.q.val();
                self.state.d.next = EncapState::Udp;
            }
            EncapState::Udp => {
                self.udp_length.d.next = self.esp_length.q.val() + 8;
                self.length.d.next = self.esp_length.q.val();
                if self.udp.q.val() {
                    self.length.d.next = self.esp_length.q.val() + 8;
                }
                self.state.d.next = EncapState::Total;
            }
            EncapState::Total => {
                if !self.v6.q.val() {
                    self.length.d.next = self.length.q.val() + 20;
                }
                self.state.d.next = EncapState::Offer;
            }
            EncapState::Offer => {
                self.job_valid.next = self.all_ready.val();
                self.crypto_valid.next = self.all_ready.val() & self.is_protect.val();
                self.fields_valid.next = self.all_ready.val();
                self.with_icv_valid.next = self.all_ready.val() & !self.is_discard.val();
                if self.all_ready.val() {
                    self.state.d.next = EncapState::Idle;
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = EncapState::Idle;
        }
    }
}
