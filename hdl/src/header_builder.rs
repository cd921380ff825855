//! Builds the bytes that go in front of a payload: from the front of the frame as it came, and behind that as asked IPv4 or IPv6, UDP, and
//! ESP with its IV.
//!
//! TX puts them before ciphertext, RX before the plaintext of a decapsulated packet. What stays of a header is not taken apart: its beats
//! pass, and what changes is written over. The IPv4 header checksum (RFC 791) is folded here; a UDP header that is built has none (RFC 3948
//! section 2.1).

mod fields;
mod mend;
mod network;

use rust_hdl::prelude::*;

use crate::records::{Lead, Prefix};
use crate::shift::Shift;
pub use fields::HeaderFields;
use mend::Mend;
use network::Network;

/// See the module's documentation.
///
/// - Ports: `fields`, one each a packet; `lead`, the front of each frame that is said to have one; `prefix` out, the headers; all in order.
///   What a lead holds behind `kept` is thrown away.
/// - Latency: 2 clocks from the fields to the first beat of the prefix, if the lead is there; where that beat is part L2, part a new IP header, 3
///   clocks, or with IPv4, which waits for its checksum, 4.
/// - Throughput: a packet each 9 clocks at least: a clock for each beat of lead and two more; at the same time one for each beat of lead that is
///   kept, one for each beat of prefix that holds what is built, and at most three more. The slowest are those whose whole lead of 6 beats is kept.
/// - Back-pressure: everything waits while a beat of `prefix` is not taken.
#[derive(LogicBlock, Default)]
pub struct HeaderBuilder {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub fields: Signal<In, HeaderFields>,
    pub fields_valid: Signal<In, bool>,
    pub fields_ready: Signal<Out, bool>,
    pub lead: Signal<In, Lead>,
    pub lead_valid: Signal<In, bool>,
    pub lead_ready: Signal<Out, bool>,
    pub prefix: Signal<Out, Prefix>,
    pub prefix_valid: Signal<Out, bool>,
    pub prefix_ready: Signal<In, bool>,
    mend: Mend,
    network: Network,
    align: Shift,
    /// There is no packet. The opposite would need an inverter behind the register.
    idle: DFF<bool>,
    f: DFF<HeaderFields>,
    /// The last byte of the prefix, counted from 0.
    tail: DFF<Bits<7>>,
    /// All of its lead has come.
    led: DFF<bool>,
    /// All of its prefix has.
    done: DFF<bool>,
    /// What is kept of the lead has passed; else its beat `index` is next.
    builds: DFF<bool>,
    /// Of the lead; then of what is built.
    index: DFF<Bits<3>>,
    /// Beats of prefix so far.
    given: DFF<Bits<3>>,
    /// Clocks since the fields came: the checksum is summed up in the first and folded in the second.
    first: DFF<bool>,
    second: DFF<bool>,
    sum: DFF<Bits<20>>,
    checksum: DFF<Bits<16>>,
    /// The beat that comes next, of what is kept or what is built.
    word: DFF<Bits<128>>,
    word_valid: DFF<bool>,
    word_built: DFF<bool>,
    /// It makes a beat of prefix; else it waits in `carry` for what is built.
    word_given: DFF<bool>,
    word_bytes: DFF<Bits<5>>,
    word_last: DFF<bool>,
    carry: DFF<Bits<128>>,
    /// Bytes that are built.
    built: Signal<Local, Bits<7>>,
    kept: Signal<Local, Bits<7>>,
    last_kept: Signal<Local, Bits<7>>,
    folded: Signal<Local, Bits<17>>,
    go: Signal<Local, bool>,
    /// The checksum is not there yet.
    waits: Signal<Local, bool>,
    keep: Signal<Local, bool>,
    build: Signal<Local, bool>,
    empty: Signal<Local, bool>,
    step: Signal<Local, bool>,
    /// The beat of the lead is the last of what is kept.
    is_edge: Signal<Local, bool>,
    ends: Signal<Local, bool>,
    pops: Signal<Local, bool>,
    finish: Signal<Local, bool>,
    last_byte: Signal<Local, Bits<7>>,
}

impl Logic for HeaderBuilder {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, idle, f, tail, led, done, builds, index, given, first, second, sum, checksum);
        dff_setup!(self, clock, word, word_valid, word_built, word_given, word_bytes, word_last, carry);
        self.go.next = !(self.word_valid.q.val() & self.word_given.q.val()) | self.prefix_ready.val();

        // The sum of the fields and the length is as wide as it can become; its carries, twice (RFC 1071).
        self.sum.d.next = bit_cast::<20, 19>(self.f.q.val().sum) + bit_cast::<20, 16>(self.f.q.val().length);
        self.folded.next = bit_cast::<17, 16>(bit_cast::<16, 20>(self.sum.q.val())) + bit_cast::<17, 20>(self.sum.q.val() >> 16);
        self.checksum.d.next = !(bit_cast::<16, 17>(self.folded.val()) + bit_cast::<16, 17>(self.folded.val() >> 16));
        self.first.d.next = false;
        self.second.d.next = self.first.q.val();

        // What is kept, then what is built; or an empty prefix, or none.
        self.kept.next = self.f.q.val().kept;
        self.last_kept.next = self.kept.val() - 1;
        self.last_byte.next = self.tail.q.val();
        self.waits.next = (!self.f.q.val().v6 & (self.f.q.val().mend | self.f.q.val().has_l3)) & (self.first.q.val() | self.second.q.val());
        self.empty.next = self.f.q.val().none & !self.done.q.val();
        self.keep.next = (!self.builds.q.val() & !self.done.q.val())
            & (!self.f.q.val().none & (self.lead_valid.val() & (!self.waits.val() | (self.index.q.val() == 0))));
        self.build.next = (self.builds.q.val() & !self.done.q.val()) & !self.waits.val();
        self.step.next = (!self.idle.q.val() & self.go.val()) & (self.empty.val() | (self.keep.val() | self.build.val()));
        self.is_edge.next = !self.builds.q.val() & (self.index.q.val() == self.last_kept.val().get_bits::<3>(4));
        self.ends.next = self.given.q.val() == self.last_byte.val().get_bits::<3>(4);
        self.pops.next = (!self.idle.q.val() & !self.led.q.val())
            & (self.done.q.val() | (self.f.q.val().none | (self.builds.q.val() | self.step.val())));
        self.lead_ready.next = self.pops.val();
        if self.pops.val() & (self.lead_valid.val() & self.lead.val().last) {
            self.led.d.next = true;
        }

        self.mend.fields.next = self.f.q.val();
        self.mend.checksum.next = self.checksum.q.val();
        self.mend.index.next = self.index.q.val();
        self.mend.data.next = self.lead.val().data;
        self.network.fields.next = self.f.q.val();
        self.network.checksum.next = self.checksum.q.val();
        self.network.index.next = self.index.q.val();
        if self.go.val() {
            self.word_valid.d.next = self.step.val();
            self.word.d.next = self.mend.mended.val();
            if self.builds.q.val() {
                self.word.d.next = self.network.word.val();
            }
            self.word_built.d.next = self.builds.q.val();
            self.word_given.d.next = !self.is_edge.val() | self.ends.val();
            self.word_last.d.next = self.ends.val() | self.f.q.val().none;
            self.word_bytes.d.next = 16.into();
            if self.ends.val() {
                self.word_bytes.d.next = bit_cast::<5, 4>(self.last_byte.val().get_bits::<4>(0)) + 1;
            }
            if self.f.q.val().none {
                self.word_given.d.next = true;
                self.word_bytes.d.next = 0.into();
            }
        }
        if self.step.val() {
            self.index.d.next = self.index.q.val() + 1;
            if !self.is_edge.val() | self.ends.val() {
                self.given.d.next = self.given.q.val() + 1;
            }
            if self.is_edge.val() {
                self.index.d.next = 0.into();
                self.builds.d.next = true;
            }
            if self.ends.val() | self.f.q.val().none {
                self.done.d.next = true;
            }
        }

        // What is built stands behind what is kept of the beat before it, 2, 6, 10 or 14 bytes; what is kept stands as it is.
        self.align.data.next = self.word.q.val();
        self.align.carry.next = self.carry.q.val();
        self.align.offset.next = 0.into();
        if self.word_built.q.val() {
            self.align.offset.next = self.kept.val().get_bits::<3>(1);
        }
        if self.word_valid.q.val() & self.go.val() {
            self.carry.d.next = self.align.rotated.val();
        }
        self.prefix.next.data = self.align.merged.val();
        self.prefix.next.bytes = self.word_bytes.q.val();
        self.prefix.next.last = self.word_last.q.val();
        self.prefix.next.alone = self.f.q.val().alone;
        self.prefix.next.meta = self.f.q.val().meta;
        self.prefix_valid.next = self.word_valid.q.val() & self.word_given.q.val();

        // The next packet
        self.built.next = 0.into();
        if self.fields.val().has_esp {
            self.built.next = 16.into();
            if self.fields.val().has_udp {
                self.built.next = 24.into();
            }
            if self.fields.val().has_l3 {
                self.built.next = 36.into();
                if self.fields.val().has_udp {
                    self.built.next = 44.into();
                }
                if self.fields.val().v6 {
                    self.built.next = 56.into();
                    if self.fields.val().has_udp {
                        self.built.next = 64.into();
                    }
                }
            }
        }
        self.finish.next = (self.done.q.val() & self.led.q.val()) & self.go.val();
        self.fields_ready.next = self.idle.q.val();
        if self.finish.val() {
            self.idle.d.next = true;
        }
        if self.idle.q.val() {
            self.idle.d.next = !self.fields_valid.val();
            self.f.d.next = self.fields.val();
            self.tail.d.next = (self.fields.val().kept + self.built.val()) - 1;
            self.led.d.next = !self.fields.val().has_lead;
            self.done.d.next = self.fields.val().drop;
            self.builds.d.next = false;
            self.index.d.next = 0.into();
            self.given.d.next = 0.into();
            self.first.d.next = true;
            self.second.d.next = false;
        }

        if self.reset.val() {
            self.idle.d.next = true;
            self.word_valid.d.next = false;
        }
    }
}
