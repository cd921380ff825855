//! RX: what an SA says of a packet that came out of it.

use rust_hdl::prelude::*;

use crate::ram::Ram;

use crate::records::{Accept, SaIndex, SaSelector, Selector};

/// What of an SA counts besides its selector.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct SaStanding {
    /// Which of the SAs that have had this number it is.
    pub generation: Bits<16>,
    /// Tunnel mode, else transport.
    pub tunnel: bool,
}

/// Selector, accepted policies, mode and generation of 2^A SAs, and their comparison with a packet.
///
/// - Ports: `packet` of SA `index` and `generation`; `fetch` begins the comparison, or begins it anew; the answers. Three write ports with one index.
/// - Latency: 3 clocks from `fetch` to the answers, which then stand until the next; `packet`, `index` and `generation` must be held until
///   then. One packet at a time.
/// - Writes: a pulse in any clock; index and data stay for the 2 clocks after it. A write costs no packet a clock: it waits, with `is_writing`, for a clock
///   without `fetch`, and `fetch` is high in one of two clocks at most while `is_writing`. So an entry is never read in the clock in which it is
///   written, its three parts are seen as they stand together in one clock, and synthesis may leave out read-during-write logic.
///
/// Generations are counted as [`RxSaTable`](crate::rx_sa::RxSaTable) counts them, from the same writes of SAs: the two agree as long as both see
/// every one. Entries are undefined until they are written, and asked for only by packets of an SA that was.
#[derive(LogicBlock, Default)]
pub struct SaRules<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub sa_write: Signal<In, bool>,
    pub sa_tunnel: Signal<In, bool>,
    pub selector_write: Signal<In, bool>,
    pub selector: Signal<In, SaSelector>,
    pub accept_write: Signal<In, bool>,
    pub accept: Signal<In, Accept>,
    pub write_index: Signal<In, SaIndex>,
    /// A write waits.
    pub is_writing: Signal<Out, bool>,
    pub fetch: Signal<In, bool>,
    pub index: Signal<In, SaIndex>,
    pub generation: Signal<In, Bits<16>>,
    pub packet: Signal<In, Selector>,
    /// The SA is still the one that the packet came out of.
    pub is_current: Signal<Out, bool>,
    /// Its selector allows the packet.
    pub is_allowed: Signal<Out, bool>,
    pub is_tunnel: Signal<Out, bool>,
    /// The policies that it satisfies.
    pub accepted: Signal<Out, Bits<64>>,
    standings: Ram<SaStanding, A>,
    selectors: Ram<SaSelector, A>,
    accepts: Ram<Accept, A>,
    /// Counts the writes of SAs.
    write_count: DFF<Bits<16>>,
    /// Writes that have not been made yet.
    sa_waits: DFF<bool>,
    selector_waits: DFF<bool>,
    accept_waits: DFF<bool>,
    /// The RAMs show what was fetched.
    fetched: DFF<bool>,
    standing: DFF<SaStanding>,
    allowed: DFF<SaSelector>,
    accepted_now: DFF<Accept>,
    is_same: DFF<bool>,
    /// Which pieces of 16 bits of the addresses differ.
    src_differs: [DFF<bool>; 8],
    dst_differs: [DFF<bool>; 8],
    family_differs: DFF<bool>,
    protocol_differs: DFF<bool>,
    sport_differs: DFF<bool>,
    dport_differs: DFF<bool>,
    value: Signal<Local, Selector>,
    mask: Signal<Local, Selector>,
    src: Signal<Local, Bits<128>>,
    dst: Signal<Local, Bits<128>>,
    differs: Signal<Local, bool>,
}

impl<const A: usize> Logic for SaRules<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write_count, sa_waits, selector_waits, accept_waits, fetched, standing, allowed, accepted_now);
        dff_setup!(self, clock, is_same, family_differs, protocol_differs, sport_differs, dport_differs);
        self.sa_waits.d.next = self.sa_write.val() | (self.sa_waits.q.val() & self.fetch.val());
        self.selector_waits.d.next = self.selector_write.val() | (self.selector_waits.q.val() & self.fetch.val());
        self.accept_waits.d.next = self.accept_write.val() | (self.accept_waits.q.val() & self.fetch.val());
        self.is_writing.next = self.sa_waits.q.val() | (self.selector_waits.q.val() | self.accept_waits.q.val());
        self.standings.read_clock.next = self.clock.val();
        self.standings.write_clock.next = self.clock.val();
        self.standings.write_enable.next = self.sa_waits.q.val() & !self.fetch.val();
        self.standings.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.standings.write_data.next.generation = self.write_count.q.val();
        self.standings.write_data.next.tunnel = self.sa_tunnel.val();
        self.standings.read_address.next = bit_cast::<A, 10>(self.index.val());
        if self.sa_waits.q.val() & !self.fetch.val() {
            self.write_count.d.next = self.write_count.q.val() + 1;
        }
        self.selectors.read_clock.next = self.clock.val();
        self.selectors.write_clock.next = self.clock.val();
        self.selectors.write_enable.next = self.selector_waits.q.val() & !self.fetch.val();
        self.selectors.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.selectors.write_data.next = self.selector.val();
        self.selectors.read_address.next = bit_cast::<A, 10>(self.index.val());
        self.accepts.read_clock.next = self.clock.val();
        self.accepts.write_clock.next = self.clock.val();
        self.accepts.write_enable.next = self.accept_waits.q.val() & !self.fetch.val();
        self.accepts.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.accepts.write_data.next = self.accept.val();
        self.accepts.read_address.next = bit_cast::<A, 10>(self.index.val());

        self.fetched.d.next = self.fetch.val();
        if self.fetched.q.val() {
            self.standing.d.next = self.standings.read_data.val();
            self.allowed.d.next = self.selectors.read_data.val();
            self.accepted_now.d.next = self.accepts.read_data.val();
        }

        self.value.next = self.allowed.q.val().value;
        self.mask.next = self.allowed.q.val().mask;
        self.src.next = (self.value.val().src ^ self.packet.val().src) & self.mask.val().src;
        self.dst.next = (self.value.val().dst ^ self.packet.val().dst) & self.mask.val().dst;
        self.family_differs.d.next = (self.value.val().v6 != self.packet.val().v6) & !self.allowed.q.val().any_family;
        self.protocol_differs.d.next = ((self.value.val().protocol ^ self.packet.val().protocol) & self.mask.val().protocol) != 0;
        self.sport_differs.d.next = ((self.value.val().sport ^ self.packet.val().sport) & self.mask.val().sport) != 0;
        self.dport_differs.d.next = ((self.value.val().dport ^ self.packet.val().dport) & self.mask.val().dport) != 0;
        self.differs.next =
            (self.family_differs.q.val() | self.protocol_differs.q.val()) | (self.sport_differs.q.val() | self.dport_differs.q.val());
        for i in 0..8 {
            self.src_differs[i].clock.next = self.clock.val();
            self.src_differs[i].d.next = self.src.val().get_bits::<16>(i * 16).any();
            self.dst_differs[i].clock.next = self.clock.val();
            self.dst_differs[i].d.next = self.dst.val().get_bits::<16>(i * 16).any();
            self.differs.next = self.differs.val() | (self.src_differs[i].q.val() | self.dst_differs[i].q.val());
        }
        self.is_allowed.next = !self.differs.val();
        self.is_same.d.next = self.standing.q.val().generation == self.generation.val();
        self.is_current.next = self.is_same.q.val();
        self.is_tunnel.next = self.standing.q.val().tunnel;
        self.accepted.next = self.accepted_now.q.val().policies;
        if self.reset.val() {
            self.sa_waits.d.next = false;
            self.selector_waits.d.next = false;
            self.accept_waits.d.next = false;
        }
    }
}
