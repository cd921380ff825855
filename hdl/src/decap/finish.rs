//! Has a packet given out, with its headers, or freed.

use rust_hdl::prelude::*;

use super::Judged;
use crate::constant::Const;
use crate::header_builder::HeaderFields;
use crate::hold::{Held, Release};
use crate::inner_header::Marks;
use crate::records::Meta;
use crate::rx_check::Expected;
use crate::rx_failures::Failure;
use espalier_regs::tuser::crypto_status;

/// Carries out what was decided on a packet.
///
/// - Ports: `s`, which is `judged`, `held` and `expected`; out `outcome`, one each; `fields` for what goes on; `failure` if there is one: each offered
///   until it is taken, none waiting for another.
/// - Latency 2 clocks. Throughput: a packet each 3 clocks. Back-pressure: `s_ready` is low until all of a packet's outputs are taken.
#[derive(LogicBlock, Default)]
pub struct Finish {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub judged: Signal<In, Judged>,
    pub held: Signal<In, Held>,
    pub expected: Signal<In, Expected>,
    pub s_valid: Signal<In, bool>,
    pub s_ready: Signal<Out, bool>,
    pub failure: Signal<Out, Failure>,
    pub failure_valid: Signal<Out, bool>,
    pub failure_ready: Signal<In, bool>,
    pub outcome: Signal<Out, Release>,
    pub outcome_valid: Signal<Out, bool>,
    pub outcome_ready: Signal<In, bool>,
    pub fields: Signal<Out, HeaderFields>,
    pub fields_valid: Signal<Out, bool>,
    pub fields_ready: Signal<In, bool>,
    j: DFF<Judged>,
    held_now: DFF<Held>,
    e: DFF<Expected>,
    /// It was taken in the clock before.
    fresh: DFF<bool>,
    /// There is no packet.
    idle: DFF<bool>,
    failure_due: DFF<bool>,
    outcome_due: DFF<bool>,
    fields_due: DFF<bool>,
    handed: DFF<Release>,
    l3_length: DFF<Bits<16>>,
    /// Of the frame's headers.
    kept: DFF<Bits<7>>,
    /// Checksum and length that go, inverted.
    sum: DFF<Bits<17>>,
    alone: DFF<bool>,
    inner_v6: DFF<bool>,
    meta: DFF<Meta>,
    left: Signal<Local, bool>,
    is_crypto: Signal<Local, bool>,
    is_packet: Signal<Local, bool>,
    given: Signal<Local, Bits<16>>,
    marks: Signal<Local, Marks>,
    tos: Signal<Local, Bits<8>>,
    l3_kept: Signal<Local, Bits<7>>,
    not_checksum: Signal<Local, Bits<16>>,
    not_length: Signal<Local, Bits<16>>,
    not_protocol: Signal<Local, Bits<16>>,
    proto_ipv6: Const<8, 41>,
    not_esp: Const<16, 0xFFCD>,
    not_udp: Const<16, 0xFFEE>,
    success: Const<8, { crypto_status::SUCCESS as u64 }>,
    transport_failed: Const<8, { crypto_status::TRANSPORT_ESP_AUTH_FAILED as u64 }>,
    tunnel_failed: Const<8, { crypto_status::TUNNEL_ESP_AUTH_FAILED as u64 }>,
}

impl Logic for Finish {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, j, held_now, e, fresh, idle, failure_due, outcome_due, fields_due);
        dff_setup!(self, clock, handed, l3_length, kept, sum, alone, inner_v6, meta);
        self.tos.next = self.e.q.val().tos;
        self.is_crypto.next = self.e.q.val().protected & self.e.q.val().crypto;
        self.is_packet.next = self.e.q.val().protected & !self.e.q.val().crypto;

        if self.failure_ready.val() {
            self.failure_due.d.next = false;
        }
        if self.outcome_ready.val() {
            self.outcome_due.d.next = false;
        }
        if self.fields_ready.val() {
            self.fields_due.d.next = false;
        }

        // Take.
        self.left.next = (self.failure_due.q.val() & !self.failure_ready.val())
            | ((self.outcome_due.q.val() & !self.outcome_ready.val()) | (self.fields_due.q.val() & !self.fields_ready.val()));
        self.idle.d.next = !((self.idle.q.val() & self.s_valid.val()) | (self.fresh.q.val() | self.left.val()));
        self.s_ready.next = self.idle.q.val();
        self.fresh.d.next = false;
        if self.idle.q.val() {
            self.j.d.next = self.judged.val();
            self.held_now.d.next = self.held.val();
            self.e.d.next = self.expected.val();
            if self.s_valid.val() {
                self.fresh.d.next = true;
                self.failure_due.d.next = self.judged.val().is_failure;
            }
        }

        // How much of it, and what it is.
        self.given.next = self.held_now.q.val().length;
        if self.is_packet.val() {
            self.given.next = self.held_now.q.val().payload;
        }
        if self.j.q.val().headers_only {
            self.given.next = 0.into();
        }
        self.marks.next.v6 = self.held_now.q.val().next_header == self.proto_ipv6.val();
        self.marks.next.set_ce =
            self.is_packet.val() & (self.e.q.val().tunnel & (!self.e.q.val().no_ecn & (self.tos.val().get_bits::<2>(0) == 3)));
        self.marks.next.set_dscp = self.is_packet.val() & (self.e.q.val().tunnel & self.e.q.val().decap_dscp);
        self.marks.next.dscp = self.tos.val().get_bits::<6>(2);
        // Of the headers: without a tunnel the IP header too; crypto offload: ESP and UDP as well.
        self.l3_kept.next = 20.into();
        if self.e.q.val().v6 {
            self.l3_kept.next = 40.into();
        }
        if self.is_crypto.val() {
            self.l3_kept.next = 36.into();
            if self.e.q.val().v6 {
                self.l3_kept.next = 56.into();
            }
            if self.e.q.val().encap {
                self.l3_kept.next = 44.into();
                if self.e.q.val().v6 {
                    self.l3_kept.next = 64.into();
                }
            }
        } else if self.e.q.val().tunnel {
            self.l3_kept.next = 0.into();
        }
        self.not_checksum.next = !self.e.q.val().checksum;
        self.not_length.next = !self.e.q.val().ip_length;
        if self.fresh.q.val() {
            self.outcome_due.d.next = true;
            self.fields_due.d.next = self.j.q.val().goes_on | self.e.q.val().protected;
            self.handed.d.next.keep = self.j.q.val().goes_on;
            self.handed.d.next.length = self.given.val();
            self.handed.d.next.marks = self.marks.val();
            self.alone.d.next = self.e.q.val().protected & (self.given.val() == 0);
            self.inner_v6.d.next = self.e.q.val().v6;
            if self.is_packet.val() & self.e.q.val().tunnel {
                self.inner_v6.d.next = self.marks.val().v6;
            }
            self.l3_length.d.next = self.given.val();
            if !self.e.q.val().v6 {
                self.l3_length.d.next = self.given.val() + 20;
            }
            self.kept.d.next = bit_cast::<7, 5>(self.e.q.val().l2_length) + self.l3_kept.val();
            self.sum.d.next = bit_cast::<17, 16>(self.not_checksum.val()) + bit_cast::<17, 16>(self.not_length.val());
            self.meta.d.next.crypto = self.is_crypto.val();
            self.meta.d.next.must_protect = false;
            self.meta.d.next.is_protected = self.is_packet.val();
            self.meta.d.next.unsupported = self.e.q.val().unsupported;
            self.meta.d.next.sa = self.e.q.val().sa_index;
            self.meta.d.next.generation = self.e.q.val().generation;
            self.meta.d.next.status = 0.into();
            if self.e.q.val().protected {
                self.meta.d.next.status = self.success.val();
                if self.j.q.val().headers_only {
                    self.meta.d.next.status = self.transport_failed.val();
                    if self.e.q.val().tunnel {
                        self.meta.d.next.status = self.tunnel_failed.val();
                    }
                }
            }
        }

        // Give.
        self.failure.next.sa = self.e.q.val().sa_index;
        self.failure.next.kind = self.j.q.val().failure_kind;
        self.failure_valid.next = self.failure_due.q.val();
        self.outcome.next = self.handed.q.val();
        self.outcome_valid.next = self.outcome_due.q.val();
        self.fields_valid.next = self.fields_due.q.val();

        // Tunnel: only L2. Transport: the packet's own IP header with its length and protocol restored. Crypto offload: all headers as they came.
        // What does not go on leaves its headers to be thrown away.
        self.not_protocol.next = self.not_esp.val();
        if self.e.q.val().encap {
            self.not_protocol.next = self.not_udp.val();
        }
        self.fields.next.has_lead = self.e.q.val().protected;
        self.fields.next.drop = !self.j.q.val().goes_on;
        self.fields.next.none = !self.e.q.val().protected;
        self.fields.next.alone = self.alone.q.val();
        self.fields.next.kept = self.kept.q.val();
        self.fields.next.l2_length = self.e.q.val().l2_length;
        self.fields.next.v6 = self.inner_v6.q.val();
        self.fields.next.mend = !(self.is_crypto.val() | self.e.q.val().tunnel);
        self.fields.next.clear_udp = false;
        self.fields.next.has_l3 = false;
        self.fields.next.length = self.l3_length.q.val();
        self.fields.next.protocol = self.held_now.q.val().next_header;
        // RFC 1624 equation 3: the protocol goes, and the next header comes.
        self.fields.next.sum = bit_cast::<19, 17>(self.sum.q.val())
            + bit_cast::<19, 17>(bit_cast::<17, 16>(self.not_protocol.val()) + bit_cast::<17, 8>(self.held_now.q.val().next_header));
        self.fields.next.tos = 0.into();
        self.fields.next.flow_label = 0.into();
        self.fields.next.identification = 0.into();
        self.fields.next.dont_fragment = false;
        self.fields.next.ttl = 0.into();
        self.fields.next.src = 0.into();
        self.fields.next.dst = 0.into();
        self.fields.next.has_udp = false;
        self.fields.next.sport = 0.into();
        self.fields.next.dport = 0.into();
        self.fields.next.udp_length = 0.into();
        self.fields.next.has_esp = false;
        self.fields.next.spi = 0.into();
        self.fields.next.iv = 0.into();
        self.fields.next.meta = self.meta.q.val();

        if self.reset.val() {
            self.idle.d.next = true;
            self.fresh.d.next = false;
            self.failure_due.d.next = false;
            self.outcome_due.d.next = false;
            self.fields_due.d.next = false;
        }
    }
}
