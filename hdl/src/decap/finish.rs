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
    failure_due: DFF<bool>,
    outcome_due: DFF<bool>,
    fields_due: DFF<bool>,
    handed: DFF<Release>,
    l3_length: DFF<Bits<16>>,
    alone: DFF<bool>,
    inner_v6: DFF<bool>,
    meta: DFF<Meta>,
    free: Signal<Local, bool>,
    is_crypto: Signal<Local, bool>,
    is_packet: Signal<Local, bool>,
    given: Signal<Local, Bits<16>>,
    marks: Signal<Local, Marks>,
    tos: Signal<Local, Bits<8>>,
    udp: Signal<Local, Bits<32>>,
    seq: Signal<Local, Bits<64>>,
    proto_ipv6: Const<8, 41>,
    proto_esp: Const<8, 50>,
    proto_udp: Const<8, 17>,
    success: Const<8, { crypto_status::SUCCESS as u64 }>,
    transport_failed: Const<8, { crypto_status::TRANSPORT_ESP_AUTH_FAILED as u64 }>,
    tunnel_failed: Const<8, { crypto_status::TUNNEL_ESP_AUTH_FAILED as u64 }>,
}

impl Logic for Finish {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, j, held_now, e, fresh, failure_due, outcome_due, fields_due);
        dff_setup!(self, clock, handed, l3_length, alone, inner_v6, meta);
        self.tos.next = self.e.q.val().tos;
        self.udp.next = self.e.q.val().udp;
        self.seq.next = self.e.q.val().seq;
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
        self.free.next = !(self.fresh.q.val() | (self.failure_due.q.val() | (self.outcome_due.q.val() | self.fields_due.q.val())));
        self.s_ready.next = self.free.val();
        self.fresh.d.next = false;
        if self.free.val() {
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
        if self.fresh.q.val() {
            self.outcome_due.d.next = true;
            self.fields_due.d.next = self.j.q.val().goes_on;
            self.handed.d.next.keep = self.j.q.val().goes_on;
            self.handed.d.next.length = self.given.val();
            self.handed.d.next.marks = self.marks.val();
            self.alone.d.next = self.e.q.val().protected & (self.given.val() == 0);
            self.inner_v6.d.next = self.e.q.val().v6;
            self.l3_length.d.next = self.given.val();
            if self.is_packet.val() {
                if self.e.q.val().tunnel {
                    self.inner_v6.d.next = self.marks.val().v6;
                }
                if !self.e.q.val().v6 {
                    self.l3_length.d.next = self.given.val() + 20;
                }
            } else {
                self.l3_length.d.next = self.e.q.val().ip_length;
                if self.e.q.val().v6 {
                    self.l3_length.d.next = self.e.q.val().ip_length - 40;
                }
            }
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
        self.fields.next.none = !self.e.q.val().protected;
        self.fields.next.icv = false;
        self.fields.next.alone = self.alone.q.val();
        self.fields.next.l2 = self.e.q.val().l2;
        self.fields.next.l2_length = self.e.q.val().l2_length;
        self.fields.next.v6 = self.inner_v6.q.val();
        self.fields.next.has_l3 = self.is_crypto.val() | !self.e.q.val().tunnel;
        self.fields.next.flow_label = self.e.q.val().flow_label;
        self.fields.next.length = self.l3_length.q.val();
        self.fields.next.identification = self.e.q.val().identification;
        self.fields.next.fragment = self.e.q.val().fragment;
        self.fields.next.tos = self.e.q.val().tos;
        self.fields.next.ttl = self.e.q.val().ttl;
        self.fields.next.protocol = self.held_now.q.val().next_header;
        if self.is_crypto.val() {
            self.fields.next.protocol = self.proto_esp.val();
            if self.e.q.val().encap {
                self.fields.next.protocol = self.proto_udp.val();
            }
        }
        self.fields.next.src = self.e.q.val().src;
        self.fields.next.dst = self.e.q.val().dst;
        self.fields.next.has_udp = self.is_crypto.val() & self.e.q.val().encap;
        self.fields.next.sport = self.e.q.val().sport;
        self.fields.next.dport = self.e.q.val().dport;
        self.fields.next.udp_length = self.udp.val().get_bits::<16>(16);
        self.fields.next.udp_checksum = self.udp.val().get_bits::<16>(0);
        self.fields.next.has_esp = self.is_crypto.val();
        self.fields.next.esp = (bit_cast::<128, 32>(self.e.q.val().spi) << 96)
            | ((bit_cast::<128, 32>(self.seq.val().get_bits::<32>(0)) << 64) | bit_cast::<128, 64>(self.e.q.val().iv));
        self.fields.next.meta = self.meta.q.val();

        if self.reset.val() {
            self.fresh.d.next = false;
            self.failure_due.d.next = false;
            self.outcome_due.d.next = false;
            self.fields_due.d.next = false;
        }
    }
}
