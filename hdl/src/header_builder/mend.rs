//! What changes in headers that are kept.

use rust_hdl::prelude::*;

use super::HeaderFields;
use crate::constant::Const;

/// Writes EtherType, and as asked length, protocol and checksum of the IP header and a UDP checksum of 0, over beat `index` of a lead.
///
/// - Ports: `fields`, `checksum` (IPv4), `index` and `data`; `mended`, the same beat.
/// - Latency: none, it is combinational. No back-pressure.
///
/// The L2 header ends at byte 14, 18 or 22, so that the IP header's fields lie in the beat 1; the IPv4 checksum behind two tags in the beat 2.
#[derive(LogicBlock, Default)]
pub struct Mend {
    pub fields: Signal<In, HeaderFields>,
    pub checksum: Signal<In, Bits<16>>,
    pub index: Signal<In, Bits<3>>,
    pub data: Signal<In, Bits<128>>,
    pub mended: Signal<Out, Bits<128>>,
    /// There is one tag; there are two.
    one_tag: Signal<Local, bool>,
    two_tags: Signal<Local, bool>,
    ethertype: Signal<Local, Bits<128>>,
    /// Bytes 2 to 11 of the IP header, and which of them are new.
    header: Signal<Local, Bits<128>>,
    header_mask: Signal<Local, Bits<128>>,
    written: Signal<Local, Bits<128>>,
    mask: Signal<Local, Bits<128>>,
    udp_mask: Signal<Local, Bits<128>>,
    v4_ethertype: Const<16, 0x0800>,
    v6_ethertype: Const<16, 0x86DD>,
}

impl Logic for Mend {
    #[hdl_gen]
    fn update(&mut self) {
        self.one_tag.next = self.fields.val().l2_length == 18;
        self.two_tags.next = self.fields.val().l2_length == 22;
        self.ethertype.next = bit_cast::<128, 16>(self.v4_ethertype.val());
        self.header.next = (bit_cast::<128, 16>(self.fields.val().length) << 64)
            | ((bit_cast::<128, 8>(self.fields.val().protocol) << 16) | bit_cast::<128, 16>(self.checksum.val()));
        self.header_mask.next = 0xffff_0000_0000_00ff_ffff_u128.to_bits();
        if self.fields.val().v6 {
            self.ethertype.next = bit_cast::<128, 16>(self.v6_ethertype.val());
            self.header.next =
                (bit_cast::<128, 16>(self.fields.val().length) << 48) | (bit_cast::<128, 8>(self.fields.val().protocol) << 40);
            self.header_mask.next = 0x0000_ffff_ff00_0000_0000_u128.to_bits();
        }
        if !self.fields.val().mend {
            self.header.next = 0.into();
            self.header_mask.next = 0.into();
        }

        self.written.next = 0.into();
        self.mask.next = 0.into();
        if (self.index.val() == 0) & (!self.one_tag.val() & !self.two_tags.val()) {
            self.written.next = self.ethertype.val() << 16;
            self.mask.next = 0xffff_0000_u128.to_bits();
        }
        if self.index.val() == 1 {
            self.written.next = self.header.val() << 48;
            self.mask.next = self.header_mask.val() << 48;
            if self.one_tag.val() {
                self.written.next = (self.ethertype.val() << 112) | (self.header.val() << 16);
                self.mask.next = (self.header_mask.val() << 16) | 0xffff_0000_0000_0000_0000_0000_0000_0000_u128.to_bits();
            }
            if self.two_tags.val() {
                self.written.next = (self.ethertype.val() << 80) | (self.header.val() >> 16);
                self.mask.next = (self.header_mask.val() >> 16) | 0x0000_0000_ffff_0000_0000_0000_0000_0000_u128.to_bits();
            }
        }
        if (self.index.val() == 2) & self.two_tags.val() {
            self.written.next = self.header.val() << 112;
            self.mask.next = self.header_mask.val() << 112;
        }

        // Bytes 6 and 7 of a UDP header behind 20 or 40 bytes of IP.
        self.udp_mask.next = 0.into();
        if self.fields.val().clear_udp {
            if self.fields.val().v6 {
                if (self.index.val() == 3) & (!self.one_tag.val() & !self.two_tags.val()) {
                    self.udp_mask.next = 0xffff_0000_u128.to_bits();
                }
                if (self.index.val() == 4) & self.one_tag.val() {
                    self.udp_mask.next = 0xffff_0000_0000_0000_0000_0000_0000_0000_u128.to_bits();
                }
                if (self.index.val() == 4) & self.two_tags.val() {
                    self.udp_mask.next = 0x0000_0000_ffff_0000_0000_0000_0000_0000_u128.to_bits();
                }
            } else {
                if (self.index.val() == 2) & (!self.one_tag.val() & !self.two_tags.val()) {
                    self.udp_mask.next = 0xffff_0000_0000_0000_u128.to_bits();
                }
                if (self.index.val() == 2) & self.one_tag.val() {
                    self.udp_mask.next = 0xffff_0000_u128.to_bits();
                }
                if (self.index.val() == 3) & self.two_tags.val() {
                    self.udp_mask.next = 0xffff_0000_0000_0000_0000_0000_0000_0000_u128.to_bits();
                }
            }
        }
        self.mended.next = (self.data.val() & !(self.mask.val() | self.udp_mask.val())) | self.written.val();
    }
}
