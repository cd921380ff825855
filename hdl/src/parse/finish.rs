//! Ends the checks of a frame's headers and gives the record.

use rust_hdl::prelude::*;

use super::examine::Examined;
use crate::records::Headers;

/// [`Examined`] to [`Headers`]. Latency 2 clocks: the fields first, with the sum of the IPv4 header in a register; then the
/// judgement on that sum. Takes a record when it is empty, so one every 3 clocks.
#[derive(LogicBlock, Default)]
pub struct Finish {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub store_and_forward: Signal<In, bool>,
    pub examined: Signal<In, Examined>,
    pub examined_valid: Signal<In, bool>,
    pub examined_ready: Signal<Out, bool>,
    pub headers: Signal<Out, Headers>,
    pub headers_valid: Signal<Out, bool>,
    pub headers_ready: Signal<In, bool>,
    record: DFF<Headers>,
    full: DFF<bool>,
    /// The sum has been judged.
    offered: DFF<bool>,
    sum: DFF<Bits<20>>,
    is_summed: DFF<bool>,
    sum_value: Signal<Local, Bits<20>>,
    l4: Signal<Local, Bits<192>>,
    has_ports: Signal<Local, bool>,
    is_esp: Signal<Local, bool>,
    is_encap: Signal<Local, bool>,
    is_sound: Signal<Local, bool>,
}

impl Logic for Finish {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, record, full, offered, sum, is_summed);
        self.examined_ready.next = !self.full.q.val();
        self.headers.next = self.record.q.val();
        self.headers_valid.next = self.offered.q.val();

        self.l4.next = self.examined.val().l4;
        self.is_sound.next = self.examined.val().is_ip_type
            & !(self.examined.val().is_bad
                | (self.store_and_forward.val() & (bit_cast::<16, 14>(self.examined.val().length) < self.examined.val().ip_length)));
        // TCP, UDP, DCCP, SCTP, UDP-Lite.
        self.has_ports.next = (self.is_sound.val() & self.examined.val().holds_4)
            & (((self.examined.val().protocol == 6) | (self.examined.val().protocol == 17))
                | (((self.examined.val().protocol == 33) | (self.examined.val().protocol == 132)) | (self.examined.val().protocol == 136)));
        // RFC 3948 section 2: port 4500, a UDP payload that holds an ESP header, and no non-ESP marker.
        self.is_encap.next = (((self.is_sound.val() & self.examined.val().holds_16) & (self.examined.val().protocol == 17))
            & ((self.l4.val().get_bits::<16>(176) == 4500) | (self.l4.val().get_bits::<16>(160) == 4500)))
            & ((self.l4.val().get_bits::<16>(144) >= 16) & (self.l4.val().get_bits::<32>(96).any()));
        self.is_esp.next =
            self.is_encap.val() | ((self.is_sound.val() & self.examined.val().holds_8) & (self.examined.val().protocol == 50));

        if !self.full.q.val() {
            self.full.d.next = self.examined_valid.val();
            self.sum.d.next = (bit_cast::<20, 18>(self.examined.val().sum_0) + bit_cast::<20, 18>(self.examined.val().sum_1))
                + bit_cast::<20, 17>(self.examined.val().sum_2);
            self.is_summed.d.next = self.examined.val().is_summed;
            self.record.d.next.l2 = self.examined.val().l2;
            self.record.d.next.l2_length = self.examined.val().l2_length;
            self.record.d.next.is_v4 = self.examined.val().is_v4;
            self.record.d.next.is_v6 = self.examined.val().is_v6;
            self.record.d.next.malformed = self.examined.val().is_ip_type & !self.is_sound.val();
            self.record.d.next.error = self.examined.val().error;
            self.record.d.next.meta = self.examined.val().meta;
            self.record.d.next.has_options = self.examined.val().has_options;
            self.record.d.next.is_fragment = self.examined.val().is_fragment;
            self.record.d.next.l3 = self.examined.val().l3;
            self.record.d.next.l3_length = self.examined.val().l3_length;
            self.record.d.next.ip_length = self.examined.val().ip_length;
            self.record.d.next.protocol = self.examined.val().protocol;
            self.record.d.next.src = self.examined.val().src;
            self.record.d.next.dst = self.examined.val().dst;
            self.record.d.next.has_ports = self.has_ports.val();
            self.record.d.next.sport = 0.into();
            self.record.d.next.dport = 0.into();
            if self.has_ports.val() {
                self.record.d.next.sport = self.l4.val().get_bits::<16>(176);
                self.record.d.next.dport = self.l4.val().get_bits::<16>(160);
            }
            self.record.d.next.is_esp = self.is_esp.val();
            self.record.d.next.is_encap = self.is_encap.val();
            self.record.d.next.spi = 0.into();
            self.record.d.next.seq = 0.into();
            self.record.d.next.iv = 0.into();
            self.record.d.next.udp = 0.into();
            if self.is_encap.val() {
                self.record.d.next.udp = self.l4.val().get_bits::<32>(128);
                self.record.d.next.spi = self.l4.val().get_bits::<32>(96);
                self.record.d.next.seq = self.l4.val().get_bits::<32>(64);
                self.record.d.next.iv = self.l4.val().get_bits::<64>(0);
            } else if self.is_esp.val() {
                self.record.d.next.spi = self.l4.val().get_bits::<32>(160);
                self.record.d.next.seq = self.l4.val().get_bits::<32>(128);
                self.record.d.next.iv = self.l4.val().get_bits::<64>(64);
            }
        }

        // RFC 1071: the ones' complement sum of a good header is all ones: carries and the rest add up to 0xFFFF.
        self.sum_value.next = self.sum.q.val();
        if self.full.q.val() & !self.offered.q.val() {
            self.offered.d.next = true;
            if self.is_summed.q.val()
                & ((bit_cast::<16, 4>(self.sum_value.val().get_bits::<4>(16)) ^ self.sum_value.val().get_bits::<16>(0)) != 0xFFFF)
            {
                self.record.d.next.malformed = true;
                self.record.d.next.has_ports = false;
                self.record.d.next.sport = 0.into();
                self.record.d.next.dport = 0.into();
                self.record.d.next.is_esp = false;
                self.record.d.next.is_encap = false;
                self.record.d.next.spi = 0.into();
                self.record.d.next.seq = 0.into();
                self.record.d.next.iv = 0.into();
                self.record.d.next.udp = 0.into();
            }
        }
        if self.offered.q.val() & self.headers_ready.val() {
            self.full.d.next = false;
            self.offered.d.next = false;
        }
        if self.reset.val() {
            self.full.d.next = false;
            self.offered.d.next = false;
        }
    }
}
