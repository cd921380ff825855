//! What an outbound packet must satisfy, beside the policies.

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::{icv_size, Headers, Meta, TxSa};

/// What is found of a packet and its SA; each names what is wrong, save `found`. They count in this order.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Findings {
    /// There is an SA, of the packet's kind: packet or crypto offload.
    pub found: bool,
    /// There is none, or a crypto offload packet has another SPI.
    pub no_sa: bool,
    /// Transport mode with IPv4 options or an IPv6 extension header or a fragment (RFC 4303 section 3.3.4); a crypto offload frame that
    /// is not ESP.
    pub unsupported: bool,
    /// Crypto offload: no ESP packet has this length, or the IV is not the sequence number.
    pub malformed: bool,
    /// Packet offload: the last sequence number has been used (RFC 4303 section 3.3.3).
    pub exhausted: bool,
}

/// Holds a packet against its SA.
///
/// - `headers`, and a clock later `sa` with `last_seq` and `policy_sa` (the policy names an SA; of crypto offload the frame does) and
///   `take`, a pulse. `findings`, `payload` and `too_big` 1 clock after it, until the next; `headers` and `sa` stay.
/// - `payload` in bytes. Packet offload: without the trailer, in tunnel mode the IP packet, in transport mode what follows its header.
///   Crypto offload: what lies between IV and ICV, so with the trailer.
#[derive(LogicBlock, Default)]
pub struct Checks {
    pub clock: Signal<In, Clock>,
    pub take: Signal<In, bool>,
    pub headers: Signal<In, Headers>,
    pub policy_sa: Signal<In, bool>,
    pub sa: Signal<In, TxSa>,
    pub last_seq: Signal<In, Bits<64>>,
    pub findings: Signal<Out, Findings>,
    pub payload: Signal<Out, Bits<16>>,
    pub too_big: Signal<Out, bool>,
    /// What follows the IP header.
    behind_ip: DFF<Bits<16>>,
    found: DFF<Findings>,
    payload_length: DFF<Bits<16>>,
    meta: Signal<Local, Meta>,
    iv: Signal<Local, Bits<64>>,
    last: Signal<Local, Bits<64>>,
    has_sa: Signal<Local, bool>,
    length: Signal<Local, Bits<16>>,
    judged: Signal<Local, Findings>,
    icv_bytes: Signal<Local, Bits<6>>,
    /// UDP header, ESP header, IV and ICV.
    around: Signal<Local, Bits<6>>,
    icv_12: Const<2, { icv_size::ICV_12 }>,
    icv_8: Const<2, { icv_size::ICV_8 }>,
}

impl Logic for Checks {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, behind_ip, found, payload_length);
        self.meta.next = self.headers.val().meta;
        self.behind_ip.d.next = self.headers.val().ip_length - bit_cast::<16, 6>(self.headers.val().l3_length);

        self.icv_bytes.next = 16.into();
        if self.sa.val().icv == self.icv_12.val() {
            self.icv_bytes.next = 12.into();
        }
        if self.sa.val().icv == self.icv_8.val() {
            self.icv_bytes.next = 8.into();
        }
        self.around.next = self.icv_bytes.val() + 16;
        if self.headers.val().is_encap {
            self.around.next = self.icv_bytes.val() + 24;
        }
        self.length.next = self.behind_ip.q.val();
        if self.meta.val().crypto {
            self.length.next = self.behind_ip.q.val() - bit_cast::<16, 6>(self.around.val());
        } else if self.sa.val().tunnel {
            self.length.next = self.headers.val().ip_length;
        }
        self.payload.next = self.payload_length.q.val();
        self.too_big.next = !self.meta.val().crypto & (self.payload_length.q.val() > self.sa.val().max_payload);

        self.has_sa.next =
            ((self.meta.val().crypto | self.policy_sa.val()) & self.sa.val().valid) & (self.meta.val().crypto == self.sa.val().crypto);
        self.iv.next = self.headers.val().iv;
        self.last.next = self.last_seq.val();
        self.judged.next.found = self.has_sa.val();
        self.judged.next.exhausted = self.last.val().get_bits::<32>(0).all() & (!self.sa.val().esn | self.last.val().all());
        self.judged.next.no_sa = !self.has_sa.val();
        self.judged.next.unsupported = !self.sa.val().tunnel & (self.headers.val().has_options | self.headers.val().is_fragment);
        self.judged.next.malformed = false;
        if self.meta.val().crypto {
            self.judged.next.no_sa = !self.has_sa.val() | (self.headers.val().is_esp & (self.headers.val().spi != self.sa.val().spi));
            self.judged.next.unsupported = !self.headers.val().is_esp;
            // All around the ciphertext is a multiple of 4, and so must that be (RFC 4303 section 2.4).
            self.judged.next.malformed = ((self.behind_ip.q.val() <= bit_cast::<16, 6>(self.around.val()))
                | ((self.behind_ip.q.val() & 3) != 0))
                | (self.iv.val().get_bits::<32>(0) != self.headers.val().seq);
            self.judged.next.exhausted = false;
        }
        if self.take.val() {
            self.payload_length.d.next = self.length.val();
            self.found.d.next = self.judged.val();
        }
        self.findings.next = self.found.q.val();
    }
}
