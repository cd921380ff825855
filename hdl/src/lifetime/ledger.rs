//! What is written down of each SA.

use rust_hdl::prelude::*;

use crate::ram::Ram;

use crate::records::{Life, SaIndex};

/// Packets and bytes.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Carried {
    /// Packets.
    pub packets: Bits<64>,
    /// Bytes.
    pub bytes: Bits<64>,
}

/// What was reported of the limits.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Reported {
    /// The soft limit.
    pub soft: bool,
    /// The hard limit.
    pub hard: bool,
}

/// [`Carried`] and [`Reported`] of 2^A SAs, with two readers.
///
/// - `index` to `carried` and `reported`: the RAMs' outputs, 1 clock later, undefined if the entry was written in between.
/// - `read_index` to `life`: for the host; never undefined, but up to 3 clocks late where writes come one on the other.
/// - A write: `write_carried` or `write_reported`, or both, at `write_index`.
#[derive(LogicBlock, Default)]
pub struct Ledger<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub index: Signal<In, SaIndex>,
    pub carried: Signal<Out, Carried>,
    pub reported: Signal<Out, Reported>,
    pub read_index: Signal<In, SaIndex>,
    pub life: Signal<Out, Life>,
    pub write_index: Signal<In, SaIndex>,
    pub write_carried: Signal<In, bool>,
    pub new_carried: Signal<In, Carried>,
    pub write_reported: Signal<In, bool>,
    pub new_reported: Signal<In, Reported>,
    counts: Ram<Carried, A>,
    marks: Ram<Reported, A>,
    counts_for_host: RAM<Carried, A>,
    marks_for_host: RAM<Reported, A>,
    wrote: DFF<bool>,
    shown: DFF<Life>,
}

impl<const A: usize> Logic for Ledger<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, wrote, shown);
        self.counts.read_clock.next = self.clock.val();
        self.counts.write_clock.next = self.clock.val();
        self.counts.read_address.next = bit_cast::<A, 10>(self.index.val());
        self.counts.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.counts.write_enable.next = self.write_carried.val();
        self.counts.write_data.next = self.new_carried.val();
        self.carried.next = self.counts.read_data.val();
        self.marks.read_clock.next = self.clock.val();
        self.marks.write_clock.next = self.clock.val();
        self.marks.read_address.next = bit_cast::<A, 10>(self.index.val());
        self.marks.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.marks.write_enable.next = self.write_reported.val();
        self.marks.write_data.next = self.new_reported.val();
        self.reported.next = self.marks.read_data.val();

        // The same once more, for the host.
        self.counts_for_host.read_clock.next = self.clock.val();
        self.counts_for_host.write_clock.next = self.clock.val();
        self.counts_for_host.read_address.next = bit_cast::<A, 10>(self.read_index.val());
        self.counts_for_host.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.counts_for_host.write_enable.next = self.write_carried.val();
        self.counts_for_host.write_data.next = self.new_carried.val();
        self.marks_for_host.read_clock.next = self.clock.val();
        self.marks_for_host.write_clock.next = self.clock.val();
        self.marks_for_host.read_address.next = bit_cast::<A, 10>(self.read_index.val());
        self.marks_for_host.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.marks_for_host.write_enable.next = self.write_reported.val();
        self.marks_for_host.write_data.next = self.new_reported.val();
        self.wrote.d.next = self.write_carried.val() | self.write_reported.val();
        if !self.wrote.q.val() {
            self.shown.d.next.packets = self.counts_for_host.read_data.val().packets;
            self.shown.d.next.bytes = self.counts_for_host.read_data.val().bytes;
            self.shown.d.next.soft = self.marks_for_host.read_data.val().soft;
            self.shown.d.next.hard = self.marks_for_host.read_data.val().hard;
        }
        self.life.next = self.shown.q.val();
    }
}
